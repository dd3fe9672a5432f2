//! A session against a small service.

use super::*;

use std::sync::{Arc, Mutex};

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use shared::api::live::ServerFrame;
use shared::api::session::SignIn;
use shared::model::floor::Floor;
use shared::model::user::Role;
use tokio::time::timeout;

#[derive(Clone)]
struct Service {
    /// Lifetime of the tokens that it gives.
    token_secs: i64,
    /// The live feed refuses the token.
    refuses: bool,
    seen: Arc<Mutex<Vec<String>>>,
}

fn refuse(code: ErrorCode) -> Response {
    let error = ApiError::new(code, "Refused", "because of the test", "");
    (StatusCode::from_u16(code.status()).expect("status"), Json(error)).into_response()
}

async fn sign_in(State(service): State<Service>, Json(body): Json<SignIn>) -> Response {
    if body.password != "right" {
        return refuse(ErrorCode::Unauthorized);
    }
    Json(SignedIn {
        token: "t0ken".into(),
        expires_at: Timestamp::from_micros(clock::now().as_micros() + service.token_secs * 1_000_000),
        user: User { id: body.user, name: "Ada".into(), role: Role::Agent },
    })
    .into_response()
}

async fn live(State(service): State<Service>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |mut socket: WebSocket| {
        socket.recv().await;
        let frame = if service.refuses {
            ServerFrame::Error(ApiError::new(ErrorCode::Unauthorized, "Signed out", "elsewhere", ""))
        } else {
            ServerFrame::Snapshot { floor: Box::new(Floor { seq: 5, ..Floor::default() }), now: clock::now() }
        };
        let text = serde_json::to_string(&frame).expect("json");
        if socket.send(Message::text(text)).await.is_ok() {
            // Stays until the other side goes.
            while let Some(Ok(_)) = socket.recv().await {}
        }
    })
}

async fn act(State(service): State<Service>, Path((call, what)): Path<(String, String)>) -> Response {
    service.seen.lock().expect("seen").push(format!("{what} {call}"));
    if what == "resume" { refuse(ErrorCode::Conflict) } else { StatusCode::NO_CONTENT.into_response() }
}

async fn sign_out(State(service): State<Service>) -> StatusCode {
    service.seen.lock().expect("seen").push("sign out".into());
    StatusCode::NO_CONTENT
}

impl Service {
    fn new(token_secs: i64) -> Service {
        Service { token_secs, refuses: false, seen: Arc::default() }
    }

    async fn sign_in(&self, password: &str) -> Result<(Session, mpsc::Receiver<SessionEvent>), ApiError> {
        let api = Router::new()
            .route("/session", post(sign_in).delete(sign_out))
            .route("/me/device", post(|| async { refuse(ErrorCode::Unavailable) }))
            .route("/live", get(live))
            .route("/calls/{id}/{what}", post(act))
            .with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let address = listener.local_addr().expect("address").to_string();
        tokio::spawn(async move { axum::serve(listener, Router::new().nest("/api/v1", api)).await });
        let user = "ada".parse().expect("slug");
        let phone = Some(AudioBackend::None);
        Session::sign_in(SessionConfig { address, user, password: password.into(), phone }).await
    }
}

async fn next(events: &mut mpsc::Receiver<SessionEvent>) -> Option<SessionEvent> {
    timeout(Duration::from_secs(10), events.recv()).await.expect("an event in time")
}

#[tokio::test]
async fn brings_the_floor_and_the_results_of_commands() {
    let service = Service::new(3_600);
    let (session, mut events) = service.sign_in("right").await.expect("signed in");
    assert_eq!((session.user().name.as_str(), session.agent().as_str()), ("Ada", "ada"));
    let Some(SessionEvent::NoPhone(error)) = next(&mut events).await else { panic!("a phone") };
    assert_eq!(error.code, ErrorCode::Unavailable);
    assert_eq!(next(&mut events).await, Some(SessionEvent::Live(LiveEvent::Connected)));
    let Some(SessionEvent::Live(LiveEvent::Snapshot(floor, _))) = next(&mut events).await else {
        panic!("no floor")
    };
    assert_eq!(floor.seq, 5);
    let call = CallId::from_u64(1);
    let hold = session.command(SessionCommand::Hold(call)).expect("taken");
    assert_eq!(next(&mut events).await, Some(SessionEvent::Done(hold)));
    let resume = session.command(SessionCommand::Resume(call)).expect("taken");
    let Some(SessionEvent::Failed(ticket, error)) = next(&mut events).await else { panic!("not failed") };
    assert_eq!((ticket, error.code), (resume, ErrorCode::Conflict));
    let answer = session.command(SessionCommand::Phone(PhoneCommand::Answer)).expect("taken");
    assert!(matches!(next(&mut events).await, Some(SessionEvent::Failed(ticket, _)) if ticket == answer));
    session.sign_out().await.expect("signed out");
    assert_eq!(next(&mut events).await, None);
    let seen = ["hold 0000000000001", "resume 0000000000001", "sign out"];
    assert_eq!(*service.seen.lock().expect("seen"), seen);
}

#[tokio::test]
async fn a_wrong_password_is_no_session() {
    let error = Service::new(3_600).sign_in("wrong").await.expect_err("refused");
    assert_eq!(error.code, ErrorCode::Unauthorized);
}

#[tokio::test]
async fn a_token_that_ends_warns_and_then_ends_the_session() {
    // Shorter than the warning, so that it comes at once; the end comes with the clock.
    let (_session, mut events) = Service::new(1).sign_in("right").await.expect("signed in");
    let mut told = Vec::new();
    while let Some(event) = next(&mut events).await {
        match event {
            SessionEvent::Expiring { .. } => told.push("expiring"),
            SessionEvent::Expired(_) => told.push("expired"),
            _ => {}
        }
    }
    assert_eq!(told, ["expiring", "expired"]);
}

#[tokio::test]
async fn a_refused_token_ends_the_session() {
    let service = Service { refuses: true, ..Service::new(3_600) };
    let (session, mut events) = service.sign_in("right").await.expect("signed in");
    let mut last = None;
    while let Some(event) = next(&mut events).await {
        last = Some(event);
    }
    assert!(matches!(last, Some(SessionEvent::Expired(error)) if error.message == "Signed out"));
    let error = session.command(SessionCommand::HangUp(CallId::from_u64(1))).expect_err("over");
    assert_eq!(error.code, ErrorCode::Unauthorized);
}
