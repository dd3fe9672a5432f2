//! The live feed that resumes by number.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use shared::api::error::{ApiError, ErrorCode};
use shared::api::live::{ClientFrame, ServerFrame};
use shared::id::CallId;
use shared::model::event::Stamped;
use shared::model::floor::Floor;
use shared::model::sound::CallSound;
use shared::time::Timestamp;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::api::ApiClient;
use crate::clock;

/// Events that wait for a slow user; when they are full the feed stops reading, and the service, which does not
/// wait for anybody, closes it. It then resumes by number, so nothing is lost.
pub const QUEUE_LEN: usize = 1024;
/// No frame for so long means that the connection is dead; the service speaks every 5 seconds.
pub const WATCHDOG: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const FIRST_RETRY: Duration = Duration::from_millis(500);
const LAST_RETRY: Duration = Duration::from_secs(10);
const MAX_FRAME_BYTES: usize = 64 << 20;

/// How far the service's clock is ahead of ours, in microseconds; negative when it is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClockOffset(pub i64);

impl ClockOffset {
    /// From the service's time in a frame that came just now.
    pub fn between(service: Timestamp, own: Timestamp) -> ClockOffset {
        ClockOffset(service.as_micros().saturating_sub(own.as_micros()))
    }

    /// The service's time when ours is `own`.
    pub fn service_time(self, own: Timestamp) -> Timestamp {
        Timestamp::from_micros(own.as_micros().saturating_add(self.0))
    }
}

/// What the feed says.
#[derive(Debug, Clone, PartialEq)]
pub enum LiveEvent {
    /// Frames come; a snapshot or events follow.
    Connected,
    /// The whole picture; it takes the place of what was known.
    Snapshot(Box<Floor>, ClockOffset),
    /// One event after the picture.
    Event(Box<Stamped>),
    /// How the watched call sounds now.
    Sound(Box<CallSound>),
    /// The service's clock against ours, when it changed by more than 50 ms.
    Clock(ClockOffset),
    /// No connection; it is tried again by itself.
    Lost {
        /// Why, in words for people.
        reason: String,
        /// Until the next try.
        retry_in_secs: f32,
    },
    /// The service does not want us (the token expired, or the account may not); the feed has ended.
    Refused(ApiError),
}

/// Where to connect and from where on.
#[derive(Clone)]
pub struct LiveConfig {
    /// `ws://…/api/v1/live` or `wss://…`, see [`ApiClient::live_url`].
    pub url: String,
    /// Bearer token.
    pub token: String,
    /// Number of the last event that is known; none for a snapshot.
    pub after: Option<u64>,
}

impl std::fmt::Debug for LiveConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveConfig")
            .field("url", &self.url)
            .field("after", &self.after)
            .finish_non_exhaustive()
    }
}

/// A running feed; it ends when this is dropped, or its receiver.
#[derive(Debug)]
pub struct LiveFeed {
    _stop: DropGuard,
    watched: watch::Sender<Option<CallId>>,
}

impl LiveFeed {
    /// Starts the task; needs a tokio runtime.
    pub fn start(config: LiveConfig) -> (LiveFeed, mpsc::Receiver<LiveEvent>) {
        let (events, receiver) = mpsc::channel(QUEUE_LEN);
        let stop = CancellationToken::new();
        let (watched, changes) = watch::channel(None);
        let feed = Feed { last: config.after, config, events, offset: None, lively: false, watched: changes };
        let stopped = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                () = feed.run() => {}
            }
        });
        (LiveFeed { _stop: stop.drop_guard(), watched }, receiver)
    }

    /// How this call sounds is wanted from now on ([`LiveEvent::Sound`]), or of none; it holds over lost connections.
    pub fn watch(&self, call: Option<CallId>) {
        self.watched.send_replace(call);
    }

    /// The feed of a client that has signed in; [`ErrorCode::Unauthorized`] when it has not.
    pub fn of(
        client: &ApiClient,
        after: Option<u64>,
    ) -> Result<(LiveFeed, mpsc::Receiver<LiveEvent>), ApiError> {
        let Some(token) = client.token() else {
            return Err(ApiError::new(
                ErrorCode::Unauthorized,
                "The live feed cannot start",
                "nobody is signed in",
                "Sign in first.",
            ));
        };
        Ok(LiveFeed::start(LiveConfig { url: client.live_url(), token, after }))
    }
}

/// Why a connection ended.
enum End {
    /// Try again.
    Lost(String),
    /// Do not.
    Refused(ApiError),
    /// Nobody listens any more.
    Dropped,
}

struct Feed {
    config: LiveConfig,
    events: mpsc::Sender<LiveEvent>,
    /// Number of the last event that was given on.
    last: Option<u64>,
    offset: Option<ClockOffset>,
    /// The connection has brought a frame, so the service is well.
    lively: bool,
    watched: watch::Receiver<Option<CallId>>,
}

impl Feed {
    async fn run(mut self) {
        let mut jitter =
            StdRng::seed_from_u64(u64::from(std::process::id()) ^ clock::now().as_micros().cast_unsigned());
        let mut tries = 0u32;
        loop {
            self.lively = false;
            let end = self.connection().await;
            if self.lively {
                tries = 0;
            }
            match end {
                End::Dropped => return,
                End::Refused(error) => {
                    let _ = self.events.send(LiveEvent::Refused(error)).await;
                    return;
                }
                End::Lost(reason) => {
                    let wait = retry_after(tries, jitter.random());
                    tries += 1;
                    let lost = LiveEvent::Lost { reason, retry_in_secs: wait.as_secs_f32() };
                    if self.events.send(lost).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    async fn connection(&mut self) -> End {
        let mut socket = match tokio::time::timeout(CONNECT_TIMEOUT, connect(&self.config.url)).await {
            Ok(Ok(socket)) => socket,
            Ok(Err(end)) => return end,
            Err(_) => return End::Lost("the service does not answer in time".into()),
        };
        let hello = ClientFrame::Hello { token: self.config.token.clone(), after: self.last };
        if let Err(end) = say(&mut socket, &hello).await {
            return end;
        }
        if self.watched.borrow().is_some() {
            self.watched.mark_changed();
        }
        let mut alive_at = tokio::time::Instant::now();
        loop {
            let message = tokio::select! {
                biased;
                // The feed itself ends with its handle.
                Ok(()) = self.watched.changed() => {
                    let call = *self.watched.borrow_and_update();
                    if let Err(end) = say(&mut socket, &ClientFrame::Watch { call }).await {
                        return end;
                    }
                    continue;
                }
                message = tokio::time::timeout_at(alive_at + WATCHDOG, socket.next()) => message,
            };
            alive_at = tokio::time::Instant::now();
            let message = match message {
                Ok(Some(Ok(message))) => message,
                Ok(Some(Err(error))) => return End::Lost(words(&error)),
                Ok(None) => return End::Lost("the service closed the connection".into()),
                Err(_) => return End::Lost(format!("nothing heard for {} seconds", WATCHDOG.as_secs())),
            };
            let text = match &message {
                Message::Text(text) => text.as_str(),
                Message::Close(Some(frame)) if !frame.reason.is_empty() => {
                    return End::Lost(format!(
                        "the service closed the connection: {}",
                        frame.reason.as_str()
                    ));
                }
                // Pings are answered by the library; the feed has no binary frames.
                _ => continue,
            };
            match serde_json::from_str(text) {
                Ok(frame) => {
                    if let Err(end) = self.frame(frame).await {
                        return end;
                    }
                }
                Err(error) => return End::Lost(format!("read a frame of the service: {error}")),
            }
        }
    }

    async fn frame(&mut self, frame: ServerFrame) -> Result<(), End> {
        if !self.lively && !matches!(frame, ServerFrame::Error(_)) {
            self.lively = true;
            self.give(LiveEvent::Connected).await?;
        }
        match frame {
            ServerFrame::Snapshot { floor, now } => {
                let offset = ClockOffset::between(now, clock::now());
                self.offset = Some(offset);
                self.last = Some(floor.seq);
                self.give(LiveEvent::Snapshot(floor, offset)).await
            }
            ServerFrame::Event(event) => {
                // An overlap after resuming is possible and harmless.
                if self.last.is_some_and(|last| event.seq <= last) {
                    return Ok(());
                }
                self.last = Some(event.seq);
                self.give(LiveEvent::Event(event)).await
            }
            ServerFrame::Tick { now, seq } => {
                // Events that are not for us leave gaps, so the tick may be ahead of the last one that came.
                self.last = self.last.map(|last| last.max(seq));
                let offset = ClockOffset::between(now, clock::now());
                if self.offset.is_none_or(|old| old.0.abs_diff(offset.0) > 50_000) {
                    self.offset = Some(offset);
                    self.give(LiveEvent::Clock(offset)).await?;
                }
                Ok(())
            }
            ServerFrame::Sound(sound) => self.give(LiveEvent::Sound(Box::new(sound))).await,
            ServerFrame::Error(error) => Err(match error.code {
                ErrorCode::Unauthorized | ErrorCode::Forbidden | ErrorCode::BadRequest => End::Refused(error),
                _ => End::Lost(error.to_string()),
            }),
        }
    }

    async fn give(&self, event: LiveEvent) -> Result<(), End> {
        self.events.send(event).await.map_err(|_| End::Dropped)
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn say(socket: &mut Socket, frame: &ClientFrame) -> Result<(), End> {
    let text =
        serde_json::to_string(frame).map_err(|error| End::Lost(format!("write to the service: {error}")))?;
    match tokio::time::timeout(CONNECT_TIMEOUT, socket.send(Message::text(text))).await {
        Ok(sent) => sent.map_err(|error| End::Lost(words(&error))),
        Err(_) => Err(End::Lost("the service does not read what we say".into())),
    }
}

async fn connect(url: &str) -> Result<Socket, End> {
    let limits = WebSocketConfig::default()
        .max_message_size(Some(MAX_FRAME_BYTES))
        .max_frame_size(Some(MAX_FRAME_BYTES));
    let connector = url.starts_with("wss:").then(|| Connector::Rustls(crate::tls::client_config()));
    let stream = open(url).await.map_err(|error| End::Lost(words(&error)))?;
    match tokio_tungstenite::client_async_tls_with_config(url, stream, Some(limits), connector).await {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::Error::Http(answer)) => {
            let status = answer.status();
            let body = answer.body().as_deref().unwrap_or_default();
            let refused = serde_json::from_slice::<ApiError>(body).ok();
            match (status.as_u16(), refused) {
                (401 | 403, Some(error)) => Err(End::Refused(error)),
                (401 | 403, None) => Err(End::Refused(ApiError::new(
                    if status.as_u16() == 401 { ErrorCode::Unauthorized } else { ErrorCode::Forbidden },
                    "The live feed is refused",
                    format!("the service answered {status}"),
                    "Sign in again.",
                ))),
                (_, Some(error)) => Err(End::Lost(error.to_string())),
                (_, None) => Err(End::Lost(format!("the service answered {status}"))),
            }
        }
        Err(error) => Err(End::Lost(words(&error))),
    }
}

async fn open(url: &str) -> Result<TcpStream, tungstenite::Error> {
    let request = url.into_client_request()?;
    let uri = request.uri();
    // The brackets of an IPv6 address belong to the URL, not to the address.
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("wss") { 443 } else { 80 });
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// 0.5 s, 1 s, 2 s … 10 s, each shortened by up to a half so that a floor does not come back all at once.
/// `jitter` is 0 to 1.
fn retry_after(tries: u32, jitter: f32) -> Duration {
    let whole = FIRST_RETRY.saturating_mul(1 << tries.min(10)).min(LAST_RETRY);
    if tries == 0 { whole } else { whole.mul_f32(1.0 - jitter.clamp(0.0, 1.0) / 2.0) }
}

fn words(error: &tungstenite::Error) -> String {
    match error {
        tungstenite::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            "the service cannot be reached: connection refused".into()
        }
        tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => {
            "the service closed the connection".into()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
