use super::*;

use axum::Json;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode as Status};
use axum::response::{IntoResponse, Response as Answer};
use axum::routing::{get, post, put};
use shared::model::user::Role;
use shared::time::Timestamp;
use std::sync::Mutex;

type Seen = Arc<Mutex<Vec<String>>>;

fn user() -> User {
    User { id: "ada".parse().expect("slug"), name: "Ada".into(), role: Role::Agent }
}

fn refuse(code: ErrorCode) -> Answer {
    let error = ApiError::new(code, "Not now", "because of the test", "Wait.");
    (Status::from_u16(code.status()).expect("status"), Json(error)).into_response()
}

async fn sign_in(Json(body): Json<SignIn>) -> Answer {
    if body.password != "right" {
        return refuse(ErrorCode::Unauthorized);
    }
    let signed_in = SignedIn { token: "t0ken".into(), expires_at: Timestamp::from_secs(9), user: user() };
    Json(signed_in).into_response()
}

fn is_signed_in(headers: &HeaderMap) -> bool {
    headers.get("authorization").is_some_and(|value| value == "Bearer t0ken")
}

async fn me(headers: HeaderMap) -> Answer {
    if is_signed_in(&headers) { Json(user()).into_response() } else { refuse(ErrorCode::Unauthorized) }
}

async fn calls(State(seen): State<Seen>, Query(query): Query<Vec<(String, String)>>) -> Answer {
    seen.lock().expect("seen").push(format!("calls {query:?}"));
    Json(CallPage { calls: Vec::new(), next: None }).into_response()
}

async fn act(State(seen): State<Seen>, Path((call, what)): Path<(String, String)>, body: String) -> Answer {
    seen.lock().expect("seen").push(format!("{what} {call} {body}"));
    Status::NO_CONTENT.into_response()
}

async fn supervise(State(seen): State<Seen>, Path(call): Path<String>, body: String) -> Answer {
    seen.lock().expect("seen").push(format!("supervise {call} {body}"));
    Json(Supervision {
        supervisor: "eve".parse().expect("slug"),
        mode: SupervisionMode::Whisper,
        since: Timestamp::EPOCH,
    })
    .into_response()
}

async fn track(headers: HeaderMap) -> Answer {
    match headers.get("range").and_then(|value| value.to_str().ok()) {
        Some("bytes=2-4") => (Status::PARTIAL_CONTENT, "cde").into_response(),
        Some(_) => refuse(ErrorCode::RangeNotSatisfiable),
        None => "abcdefgh".into_response(),
    }
}

async fn serve() -> (ApiClient, Seen) {
    let seen = Seen::default();
    let api = Router::new()
        .route("/session", post(sign_in).delete(|| async { Status::NO_CONTENT }))
        .route("/me", get(me))
        .route("/calls", get(calls))
        .route("/calls/{id}/supervision", put(supervise))
        .route("/calls/{id}/{what}", post(act))
        .route("/recordings/{id}/tracks/customer.wav", get(track))
        .route("/queues", get(|| async { "<html>a proxy</html>" }))
        .route("/queues/{id}", get(|| async { (Status::BAD_GATEWAY, "<html>") }))
        .route("/agents/{id}/status", post(|| async { refuse(ErrorCode::Conflict) }))
        .with_state(seen.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let address = listener.local_addr().expect("address");
    tokio::spawn(async move { axum::serve(listener, Router::new().nest("/api/v1", api)).await });
    (ApiClient::new(&format!("http://{address}")).expect("client"), seen)
}

#[tokio::test]
async fn signs_in_and_out_with_a_token() {
    let (client, _) = serve().await;
    let ada = "ada".parse().expect("slug");
    let refused = client.sign_in(&ada, "wrong").await.expect_err("wrong password");
    assert_eq!((refused.code, client.token()), (ErrorCode::Unauthorized, None));
    assert_eq!(client.me().await.expect_err("no token").code, ErrorCode::Unauthorized);
    client.sign_in(&ada, "right").await.expect("signed in");
    let clone = client.clone();
    assert_eq!(clone.me().await.expect("me").name, "Ada");
    client.sign_out().await.expect("signed out");
    assert_eq!(clone.token(), None);
    assert!(!format!("{client:?}").contains("t0ken"));
}

#[tokio::test]
async fn sends_commands_and_queries() {
    let (client, seen) = serve().await;
    let call = CallId::from_u64(1);
    client.hold(call).await.expect("hold");
    let target = TransferTarget::Queue { queue: "sales".parse().expect("slug") };
    client.transfer(call, target).await.expect("transfer");
    client.supervise(call, SupervisionMode::Whisper).await.expect("supervise");
    let query = CallQuery { live: Some(false), limit: Some(3), ..CallQuery::default() };
    client.calls(&query).await.expect("calls");
    assert_eq!(
        *seen.lock().expect("seen"),
        [
            "hold 0000000000001 ",
            r#"transfer 0000000000001 {"to":"queue","queue":"sales"}"#,
            r#"supervise 0000000000001 {"mode":"whisper"}"#,
            r#"calls [("live", "false"), ("limit", "3")]"#,
        ]
    );
}

#[tokio::test]
async fn fetches_a_track_whole_or_in_part() {
    let (client, _) = serve().await;
    let recording = RecordingId::from_u64(1);
    assert_eq!(client.recording_track(recording, Track::Customer).await.expect("track"), b"abcdefgh");
    assert_eq!(client.recording_range(recording, Track::Customer, 2, 3).await.expect("part"), b"cde");
    let refused =
        client.recording_range(recording, Track::Customer, 100, 3).await.expect_err("beyond the end");
    assert_eq!(refused.code, ErrorCode::RangeNotSatisfiable);
}

#[tokio::test]
async fn every_failure_says_what_to_do() {
    let (client, _) = serve().await;
    let agent = "ada".parse().expect("slug");
    let conflict = client.set_status(&agent, WantedStatus::Ready).await.expect_err("conflict");
    assert_eq!(conflict, ApiError::new(ErrorCode::Conflict, "Not now", "because of the test", "Wait."));
    let foreign = client.queues().await.expect_err("no JSON");
    assert_eq!(foreign.message, "The service's answer cannot be read");
    let gateway = client.queue(&"sales".parse().expect("slug")).await.expect_err("bad gateway");
    assert_eq!((gateway.code, gateway.hint.is_empty()), (ErrorCode::Unavailable, false));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let gone = listener.local_addr().expect("address");
    drop(listener);
    let client = ApiClient::new(&gone.to_string()).expect("client");
    let refused = client.me().await.expect_err("nobody listens");
    assert_eq!(refused.code, ErrorCode::Unavailable);
    assert_eq!(refused.message, "The service cannot be reached");
    assert!(refused.detail.contains("refused"), "{}", refused.detail);
}

#[tokio::test]
async fn a_stranger_on_https_is_an_error_and_no_crash() {
    let (client, _) = serve().await;
    let secure = client.address().replace("http:", "https:");
    let client = ApiClient::new(&secure).expect("client");
    assert_eq!(client.me().await.expect_err("no TLS there").code, ErrorCode::Unavailable);
}

#[test]
fn reads_addresses_as_people_write_them() {
    let check = |text: &str, address: &str, live: &str| {
        let client = ApiClient::new(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((client.address(), client.live_url().as_str()), (address, live), "{text}");
    };
    check("http://pbx:8080", "http://pbx:8080/", "ws://pbx:8080/api/v1/live");
    check(" https://pbx.example/desk/ ", "https://pbx.example/desk/", "wss://pbx.example/desk/api/v1/live");
    check("pbx.example", "https://pbx.example/", "wss://pbx.example/api/v1/live");
    check("127.0.0.1:8080", "http://127.0.0.1:8080/", "ws://127.0.0.1:8080/api/v1/live");
    check("[::1]:8080", "http://[::1]:8080/", "ws://[::1]:8080/api/v1/live");
    check("localhost", "http://localhost/", "ws://localhost/api/v1/live");
    for text in ["", "ftp://pbx", "http://", "https://a b"] {
        let error = ApiClient::new(text).expect_err(text);
        assert!(!error.hint.is_empty(), "{text}");
    }
}
