//! The live feed: `/api/v1/live`, see [`shared::api::live`].

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use futures_util::{SinkExt, StreamExt};
use shared::api::error::ErrorCode;
use shared::api::live::{ClientFrame, ServerFrame};
use shared::id::CallId;
use shared::model::sound::CallSound;
use shared::time::Timestamp;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use super::Api;
use super::frame::{View, to_text};
use super::problem::Problem;
use super::sound;
use crate::auth::Session;
use crate::clock;
use crate::live::{Published, Start};

const HELLO_WAIT: Duration = Duration::from_secs(10);
/// The sound of a watched call is told at most so often.
const SOUND: Duration = Duration::from_millis(200);
const TICK: Duration = Duration::from_secs(5);
/// A client that takes no bytes for this long is gone.
const SEND_WAIT: Duration = Duration::from_secs(10);
const CLIENT_FRAME_BYTES: usize = 4 * 1024;
/// Frames that are sent off together.
const BURST: usize = 64;

/// The live feed, a WebSocket: the first frame is `hello` with the token, then come a snapshot and events.
#[utoipa::path(get, path = "/live", tag = "live", responses((status = 101, description = "WebSocket")),
    security(()))]
pub(super) async fn live(
    State(api): State<Api>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|rejection| {
        Problem::new(
            ErrorCode::BadRequest,
            "This is a WebSocket",
            rejection.body_text(),
            "Connect with a WebSocket client and send the frame hello first.",
        )
    })?;
    let Ok(stranger) = api.strangers.clone().try_acquire_owned() else {
        return Err(Problem::new(
            ErrorCode::Unavailable,
            "Too many feeds are being opened",
            "they have not said who they are yet",
            "Try again in some seconds.",
        ));
    };
    let upgrade = upgrade.max_message_size(CLIENT_FRAME_BYTES).max_frame_size(CLIENT_FRAME_BYTES);
    Ok(upgrade.on_upgrade(async move |mut socket| {
        let problem = match greet(&api, &mut socket).await {
            Ok((hello, session)) => {
                drop(stranger);
                run(&api, &mut socket, hello, session).await
            }
            Err(end) => end,
        };
        end(&mut socket, problem).await;
    }))
}

struct Hello {
    token: String,
    after: Option<u64>,
}

/// Why a feed ends.
enum End {
    /// The client is gone, or left.
    Gone,
    /// It is told why.
    Told(Problem),
}

impl From<Problem> for End {
    fn from(problem: Problem) -> End {
        End::Told(problem)
    }
}

fn bad_frame(detail: impl Into<String>) -> End {
    End::Told(Problem::new(
        ErrorCode::BadRequest,
        "The live feed did not understand a frame",
        detail,
        "Send {\"frame\":\"hello\",\"token\":…} first, then only {\"frame\":\"watch\",\"call\":…}.",
    ))
}

async fn greet(api: &Api, socket: &mut WebSocket) -> Result<(Hello, Session), End> {
    let first = tokio::time::timeout(HELLO_WAIT, async {
        loop {
            match socket.recv().await {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Binary(_))) => return Err(bad_frame("it is binary")),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(End::Gone),
            }
        }
    });
    let text = first.await.map_err(|_| bad_frame("there was none within 10 seconds"))??;
    let first = serde_json::from_str(&text).map_err(|error| bad_frame(error.to_string()))?;
    let ClientFrame::Hello { token, after } = first else { return Err(bad_frame("it is not hello")) };
    let session = api.parts.auth.check(clock::now(), &token).map_err(Problem::from)?;
    Ok((Hello { token, after }, session))
}

async fn run(api: &Api, socket: &mut WebSocket, hello: Hello, session: Session) -> End {
    let most = api.parts.config.http.max_feeds_per_user;
    let Some(_presence) = api.presence.enter(&session.user.id, most) else {
        return End::Told(Problem::new(
            ErrorCode::TooManyRequests,
            "Too many live feeds",
            format!("this person has {most} open already"),
            "Close another window.",
        ));
    };
    let view = View::new(api.parts.hub.clone(), &session.user);
    let subscription = api.parts.hub.subscribe(view.resume_after(hello.after));
    let mut events = subscription.events;
    let first = match subscription.start {
        Start::Floor(floor) => vec![view.snapshot(floor)],
        Start::Events(missed) => missed.iter().filter_map(|published| view.event(published)).collect(),
    };
    // So that a client that has everything hears at once that it is connected.
    let first = if first.is_empty() { vec![view.tick()] } else { first };
    if let Err(gone) = send(socket, first).await {
        return gone;
    }
    let mut changes = api.parts.auth.changes();
    let mut tick = tokio::time::interval_at(Instant::now() + TICK, TICK);
    let mut looks = tokio::time::interval(SOUND);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut watched = Watched::default();
    let expiry = tokio::time::sleep(session.expires_at.since(clock::now()));
    tokio::pin!(expiry);
    loop {
        let frames: Vec<Utf8Bytes> = tokio::select! {
            event = events.recv() => match event {
                Ok(published) => burst(&view, &published, &mut events),
                Err(RecvError::Lagged(_)) => return too_slow(),
                Err(RecvError::Closed) => return stopping(),
            },
            _ = tick.tick() => vec![view.tick()],
            frame = socket.recv() => match frame {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                    Ok(ClientFrame::Watch { call }) => {
                        watched = Watched { call, last: None };
                        continue;
                    }
                    Ok(ClientFrame::Hello { .. }) => return bad_frame("hello was sent already"),
                    Err(error) => return bad_frame(error.to_string()),
                },
                Some(Ok(Message::Binary(_))) => return bad_frame("it is binary"),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return End::Gone,
            },
            _ = looks.tick(), if watched.call.is_some() => {
                watched.look(api, &session).await.into_iter().collect()
            }
            changed = changes.changed() => {
                if changed.is_err() {
                    return stopping();
                }
                if let Some(end) = expired(api, &hello.token, clock::now()) {
                    return end;
                }
                // Another role sees other things: the client comes again.
                if api.parts.auth.check(clock::now(), &hello.token).is_ok_and(|now| now.user != session.user) {
                    return changed_rights();
                }
                continue;
            }
            () = &mut expiry => match expired(api, &hello.token, session.expires_at) {
                Some(end) => return end,
                None => return stopping(),
            },
            () = api.parts.stop.cancelled() => return stopping(),
        };
        if !frames.is_empty() {
            tick.reset();
            if let Err(gone) = send(socket, frames).await {
                return gone;
            }
        }
    }
}

/// The call that a client wants to know the sound of.
#[derive(Default)]
struct Watched {
    call: Option<CallId>,
    /// What it was told last.
    last: Option<CallSound>,
}

impl Watched {
    /// The next frame about it, when something has changed. A call that ended is watched no more.
    async fn look(&mut self, api: &Api, session: &Session) -> Option<Utf8Bytes> {
        let call = self.call?;
        let is_live = api.parts.hub.with_floor(|floor| floor.calls.contains_key(&call));
        if !is_live {
            self.call = None;
        }
        if !is_live || !sound::may_hear_of(api, &session.user, call) {
            return None;
        }
        let sound = (api.parts.sound)(call).await?;
        if self.last.as_ref() == Some(&sound) {
            return None;
        }
        self.last = Some(sound.clone());
        Some(to_text(&ServerFrame::Sound(sound)))
    }
}

/// An event and those that wait behind it. A lag is found by the next receive.
fn burst(
    view: &View,
    first: &Published,
    events: &mut tokio::sync::broadcast::Receiver<std::sync::Arc<Published>>,
) -> Vec<Utf8Bytes> {
    let mut frames: Vec<_> = view.event(first).into_iter().collect();
    for _ in 1..BURST.min(events.len() + 1) {
        let Ok(published) = events.try_recv() else { break };
        frames.extend(view.event(&published));
    }
    frames
}

async fn send(socket: &mut WebSocket, frames: Vec<Utf8Bytes>) -> Result<(), End> {
    let all = async {
        for frame in frames {
            socket.feed(Message::Text(frame)).await?;
        }
        socket.flush().await
    };
    match tokio::time::timeout(SEND_WAIT, all).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(End::Gone),
    }
}

async fn end(socket: &mut WebSocket, end: End) {
    let End::Told(problem) = end else { return };
    let code = match problem.error().code {
        ErrorCode::Unavailable => close_code::AWAY,
        _ => close_code::POLICY,
    };
    let frame = to_text(&ServerFrame::Error(problem.error().clone()));
    if send(socket, vec![frame]).await.is_ok() {
        let close = Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::from_static("") }));
        // Then the client's own closing is waited for, so that the last frame is not lost in a reset.
        let closing = async {
            let _ = socket.send(close).await;
            while let Some(Ok(_)) = socket.next().await {}
        };
        let _ = tokio::time::timeout(Duration::from_secs(1), closing).await;
    }
}

fn expired(api: &Api, token: &str, now: Timestamp) -> Option<End> {
    api.parts.auth.check(now, token).err().map(|error| End::Told(error.into()))
}

fn too_slow() -> End {
    End::Told(Problem::new(
        ErrorCode::Unavailable,
        "The live feed was too slow",
        "it was more than 2,048 events behind",
        "Connect again; the feed goes on by number.",
    ))
}

fn changed_rights() -> End {
    End::Told(Problem::new(
        ErrorCode::Unavailable,
        "Your name or role has changed",
        "the live feed ends",
        "Connect again.",
    ))
}

fn stopping() -> End {
    End::Told(Problem::new(
        ErrorCode::Unavailable,
        "The service is stopping",
        "the live feed ends",
        "Connect again when the service is back.",
    ))
}
