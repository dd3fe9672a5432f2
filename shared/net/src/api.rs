//! The API client: typed calls of `shared::api`.

mod campaigns;
mod routing;

use std::sync::{Arc, RwLock};
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::api::agents::{EndWrapUp, SetStatus, WantedStatus};
use shared::api::callbacks::{BookCallback, BookedCallback, CancelCallback};
use shared::api::calls::{CallDetail, CallPage, CallQuery, PlaceCall, PlacedCall, Supervise, Transfer};
use shared::api::error::{ApiError, ErrorCode};
use shared::api::queues::QueueReport;
use shared::api::recordings::RecordingQuery;
use shared::api::reports::{DayReport, JournalQuery};
use shared::api::session::{DeviceAccount, SignIn, SignedIn};
use shared::api::trunks::TrunkReport;
use shared::id::{AgentId, CallId, QueueId, RecordingId, UserId};
use shared::model::call::{Supervision, SupervisionMode};
use shared::model::callback::OpenCallback;
use shared::model::event::{Stamped, TransferTarget};
use shared::model::floor::{AgentView, Floor};
use shared::model::recording::{Recording, Track};
use shared::model::sound::CallSound;
use shared::model::transcript::Transcript;
use shared::model::user::User;

/// Longest answer that is read; a day's recording track of 16 kHz mono fits ten times.
const MAX_ANSWER_BYTES: usize = 256 << 20;

/// Speaks to one service. Clones share the connection pool and the token.
#[derive(Clone, Debug)]
pub struct ApiClient {
    http: reqwest::Client,
    base: Url,
    token: Token,
}

/// The bearer token, shared by all clones; the lock guards one assignment.
#[derive(Clone, Default)]
struct Token(Arc<RwLock<Option<String>>>);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.get().is_some() { "Token(set)" } else { "Token(none)" })
    }
}

impl Token {
    fn get(&self) -> Option<String> {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn set(&self, token: Option<String>) {
        *self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner) = token;
    }
}

impl ApiClient {
    /// A client of the service at `address`: `https://host[:port]`, `http://…`, or just `host[:port]`, which
    /// means https except for this machine itself. Nothing is sent yet.
    pub fn new(address: &str) -> Result<ApiClient, ApiError> {
        let base = read_address(address)?;
        let tls = crate::tls::client_config();
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.as_ref().clone())
            // The live feed goes straight to the service too; a proxy for one of them only would confuse.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(30))
            .build()
            .map_err(|error| {
                ApiError::new(
                    ErrorCode::Internal,
                    "The HTTP client cannot be set up",
                    chain(&error),
                    "Start the program again.",
                )
            })?;
        Ok(ApiClient { http, base, token: Token::default() })
    }

    /// The service's address, such as `https://callfloor.example/`.
    pub fn address(&self) -> &str {
        self.base.as_str()
    }

    /// The bearer token; none when not signed in.
    pub fn token(&self) -> Option<String> {
        self.token.get()
    }

    /// Uses this token from now on, in all clones.
    pub fn set_token(&self, token: Option<String>) {
        self.token.set(token);
    }

    /// `POST /session`; keeps the token.
    pub async fn sign_in(&self, user: &UserId, password: &str) -> Result<SignedIn, ApiError> {
        let body = SignIn { user: user.clone(), password: password.into() };
        let signed_in: SignedIn = self.send_json(Method::POST, &["session"], &body).await?;
        self.token.set(Some(signed_in.token.clone()));
        Ok(signed_in)
    }

    /// `DELETE /session`; forgets the token even when the service cannot be asked.
    pub async fn sign_out(&self) -> Result<(), ApiError> {
        let answer = self.done(self.request(Method::DELETE, &["session"])?).await;
        self.token.set(None);
        answer
    }

    /// `GET /me`.
    pub async fn me(&self) -> Result<User, ApiError> {
        self.get(&["me"]).await
    }

    /// `POST /me/device`: a SIP account for the app's phone.
    pub async fn device(&self) -> Result<DeviceAccount, ApiError> {
        let request = self.request(Method::POST, &["me", "device"])?;
        self.json(request).await
    }

    /// `GET /floor`.
    pub async fn floor(&self) -> Result<Floor, ApiError> {
        self.get(&["floor"]).await
    }

    /// `GET /agents`.
    pub async fn agents(&self) -> Result<Vec<AgentView>, ApiError> {
        self.get(&["agents"]).await
    }

    /// `GET /agents/{id}`.
    pub async fn agent(&self, agent: &AgentId) -> Result<AgentView, ApiError> {
        self.get(&["agents", agent.as_str()]).await
    }

    /// `POST /agents/{id}/status`.
    pub async fn set_status(&self, agent: &AgentId, wanted: WantedStatus) -> Result<AgentView, ApiError> {
        self.send_json(Method::POST, &["agents", agent.as_str(), "status"], &SetStatus { wanted }).await
    }

    /// `POST /agents/{id}/wrap-up`.
    pub async fn end_wrap_up(&self, agent: &AgentId, end: &EndWrapUp) -> Result<(), ApiError> {
        self.done(self.request(Method::POST, &["agents", agent.as_str(), "wrap-up"])?.json(end)).await
    }

    /// `POST /agents/{id}/wrap-up/extend`.
    pub async fn extend_wrap_up(&self, agent: &AgentId) -> Result<AgentView, ApiError> {
        self.json(self.request(Method::POST, &["agents", agent.as_str(), "wrap-up", "extend"])?).await
    }

    /// `GET /queues`.
    pub async fn queues(&self) -> Result<Vec<QueueReport>, ApiError> {
        self.get(&["queues"]).await
    }

    /// `GET /trunks`.
    pub async fn trunks(&self) -> Result<Vec<TrunkReport>, ApiError> {
        self.get(&["trunks"]).await
    }

    /// `GET /queues/{id}`.
    pub async fn queue(&self, queue: &QueueId) -> Result<QueueReport, ApiError> {
        self.get(&["queues", queue.as_str()]).await
    }

    /// `GET /calls`.
    pub async fn calls(&self, query: &CallQuery) -> Result<CallPage, ApiError> {
        self.json(self.request(Method::GET, &["calls"])?.query(query)).await
    }

    /// `GET /calls/{id}`.
    pub async fn call(&self, call: CallId) -> Result<CallDetail, ApiError> {
        self.get(&["calls", &call.to_string()]).await
    }

    /// `GET /calls/{id}/sound`.
    pub async fn sound(&self, call: CallId) -> Result<CallSound, ApiError> {
        self.get(&["calls", &call.to_string(), "sound"]).await
    }

    /// `POST /calls/{id}/hold`.
    pub async fn hold(&self, call: CallId) -> Result<(), ApiError> {
        self.done(self.request(Method::POST, &["calls", &call.to_string(), "hold"])?).await
    }

    /// `POST /calls/{id}/resume`.
    pub async fn resume(&self, call: CallId) -> Result<(), ApiError> {
        self.done(self.request(Method::POST, &["calls", &call.to_string(), "resume"])?).await
    }

    /// `POST /calls/{id}/hangup`.
    pub async fn hang_up(&self, call: CallId) -> Result<(), ApiError> {
        self.done(self.request(Method::POST, &["calls", &call.to_string(), "hangup"])?).await
    }

    /// `GET /queues/{id}/callbacks`.
    pub async fn callbacks(&self, queue: &QueueId) -> Result<Vec<OpenCallback>, ApiError> {
        self.get(&["queues", queue.as_str(), "callbacks"]).await
    }

    /// `DELETE /queues/{id}/callbacks/{callback}`.
    pub async fn cancel_callback(
        &self,
        queue: &QueueId,
        callback: CallId,
        reason: String,
    ) -> Result<(), ApiError> {
        let path = ["queues", queue.as_str(), "callbacks", &callback.to_string()];
        self.done(self.request(Method::DELETE, &path)?.query(&CancelCallback { reason })).await
    }

    /// `POST /queues/{id}/callbacks`; returns the callback's id.
    pub async fn book_callback(
        &self,
        queue: &QueueId,
        number: String,
        name: String,
    ) -> Result<CallId, ApiError> {
        let body = BookCallback { number, name };
        let booked: BookedCallback =
            self.send_json(Method::POST, &["queues", queue.as_str(), "callbacks"], &body).await?;
        Ok(booked.callback)
    }

    /// `POST /calls`: the service calls a number; the own phone rings first.
    pub async fn place_call(&self, number: String, queue: Option<QueueId>) -> Result<CallId, ApiError> {
        let placed: PlacedCall =
            self.send_json(Method::POST, &["calls"], &PlaceCall { number, queue }).await?;
        Ok(placed.call)
    }

    /// `POST /calls/{id}/transfer`.
    pub async fn transfer(&self, call: CallId, target: TransferTarget) -> Result<(), ApiError> {
        let request = self.request(Method::POST, &["calls", &call.to_string(), "transfer"])?;
        self.done(request.json(&Transfer { target })).await
    }

    /// `PUT /calls/{id}/supervision`: come in, or change how.
    pub async fn supervise(&self, call: CallId, mode: SupervisionMode) -> Result<Supervision, ApiError> {
        let path = ["calls", &call.to_string(), "supervision"];
        self.send_json(Method::PUT, &path, &Supervise { mode }).await
    }

    /// `DELETE /calls/{id}/supervision`.
    pub async fn end_supervision(&self, call: CallId) -> Result<(), ApiError> {
        self.done(self.request(Method::DELETE, &["calls", &call.to_string(), "supervision"])?).await
    }

    /// `GET /recordings`.
    pub async fn recordings(&self, query: &RecordingQuery) -> Result<Vec<Recording>, ApiError> {
        self.json(self.request(Method::GET, &["recordings"])?.query(query)).await
    }

    /// `GET /recordings/{id}`.
    pub async fn recording(&self, recording: RecordingId) -> Result<Recording, ApiError> {
        self.get(&["recordings", &recording.to_string()]).await
    }

    /// `GET /recordings/{id}/tracks/{track}.wav`: the whole file.
    pub async fn recording_track(&self, recording: RecordingId, track: Track) -> Result<Vec<u8>, ApiError> {
        let answer = self.send(self.track_request(recording, track)?).await?;
        read_all(answer).await
    }

    /// A part of the same file: `len_bytes` from `first_byte`, less at its end.
    pub async fn recording_range(
        &self,
        recording: RecordingId,
        track: Track,
        first_byte: u64,
        len_bytes: u64,
    ) -> Result<Vec<u8>, ApiError> {
        // RFC 9110 §14.1.2: both ends are included.
        let last = first_byte.saturating_add(len_bytes.max(1) - 1);
        let request =
            self.track_request(recording, track)?.header("range", format!("bytes={first_byte}-{last}"));
        let answer = self.send(request).await?;
        if answer.status() != StatusCode::PARTIAL_CONTENT {
            return Err(ApiError::new(
                ErrorCode::RangeNotSatisfiable,
                "A part of the recording cannot be fetched",
                "the service answered with the whole file",
                "Fetch the whole track.",
            ));
        }
        read_all(answer).await
    }

    /// `GET /recordings/{id}/transcript`.
    pub async fn transcript(&self, recording: RecordingId) -> Result<Transcript, ApiError> {
        self.get(&["recordings", &recording.to_string(), "transcript"]).await
    }

    /// `GET /journal`.
    pub async fn journal(&self, query: &JournalQuery) -> Result<Vec<Stamped>, ApiError> {
        self.json(self.request(Method::GET, &["journal"])?.query(query)).await
    }

    /// `GET /reports/day`.
    pub async fn day_report(&self) -> Result<DayReport, ApiError> {
        self.get(&["reports", "day"]).await
    }

    /// The address of the live feed: `ws://` or `wss://`.
    pub fn live_url(&self) -> String {
        let mut url = self.url(&["live"]);
        // Between special schemes this cannot fail.
        let _ = url.set_scheme(if self.base.scheme() == "https" { "wss" } else { "ws" });
        url.into()
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1"]).extend(path);
        }
        url
    }

    fn track_request(&self, recording: RecordingId, track: Track) -> Result<RequestBuilder, ApiError> {
        let file = format!("{}.wav", track.as_str());
        // A long track on a slow line takes its time.
        Ok(self
            .request(Method::GET, &["recordings", &recording.to_string(), "tracks", &file])?
            .timeout(Duration::from_secs(600)))
    }

    fn request(&self, method: Method, path: &[&str]) -> Result<RequestBuilder, ApiError> {
        let request = self.http.request(method, self.url(path));
        Ok(match self.token.get() {
            Some(token) => request.bearer_auth(token),
            None => request,
        })
    }

    async fn get<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, ApiError> {
        self.json(self.request(Method::GET, path)?).await
    }

    async fn send_json<B: Serialize, T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: &B,
    ) -> Result<T, ApiError> {
        self.json(self.request(method, path)?.json(body)).await
    }

    async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ApiError> {
        read_json(self.send(request).await?).await
    }

    async fn done(&self, request: RequestBuilder) -> Result<(), ApiError> {
        self.send(request).await.map(drop)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, ApiError> {
        let answer = request.send().await.map_err(|error| self.failed(&error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let bytes = read_all(answer).await.unwrap_or_default();
        Err(serde_json::from_slice(&bytes).unwrap_or_else(|_| foreign(status)))
    }

    fn failed(&self, error: &reqwest::Error) -> ApiError {
        let (message, hint) = if error.is_timeout() {
            ("The service does not answer in time", "Check the network, then try again.")
        } else if error.is_connect() {
            (
                "The service cannot be reached",
                "Check the address, that the service runs, and that the network lets you through.",
            )
        } else {
            ("The connection to the service broke", "Try again.")
        };
        let address = self.base.as_str().trim_end_matches('/');
        ApiError::new(ErrorCode::Unavailable, message, format!("{address}: {}", chain(error)), hint)
    }
}

async fn read_json<T: DeserializeOwned>(answer: Response) -> Result<T, ApiError> {
    let bytes = read_all(answer).await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        ApiError::new(
            ErrorCode::Internal,
            "The service's answer cannot be read",
            error.to_string(),
            "Check that the address is a Callfloor service and that both have the same version.",
        )
    })
}

/// Reads `host[:port]` and whole addresses.
fn read_address(address: &str) -> Result<Url, ApiError> {
    let address = address.trim();
    let fail = |detail: String| {
        ApiError::new(
            ErrorCode::BadRequest,
            "The service's address cannot be used",
            detail,
            "Write it like https://callfloor.example or 192.0.2.10:8080.",
        )
    };
    let whole = if address.contains("://") {
        address.to_owned()
    } else {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let local = host.eq_ignore_ascii_case("localhost")
            || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        format!("{}://{address}", if local { "http" } else { "https" })
    };
    let mut url = Url::parse(&whole).map_err(|error| fail(format!("{address:?}: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(fail(format!("{address:?} is neither http nor https")));
    }
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

/// The error and its causes in one line; the outermost is reqwest's own and says only "error sending request".
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = String::new();
    let mut cause = error.source();
    if cause.is_none() {
        return error.to_string();
    }
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&words);
        }
        cause = error.source();
    }
    text
}

/// An answer that no Callfloor service gives, such as a proxy's page.
fn foreign(status: StatusCode) -> ApiError {
    let code = match status.as_u16() {
        401 => ErrorCode::Unauthorized,
        403 => ErrorCode::Forbidden,
        404 => ErrorCode::NotFound,
        409 => ErrorCode::Conflict,
        413 => ErrorCode::TooLarge,
        416 => ErrorCode::RangeNotSatisfiable,
        429 => ErrorCode::TooManyRequests,
        502..=504 => ErrorCode::Unavailable,
        400..=499 => ErrorCode::BadRequest,
        _ => ErrorCode::Internal,
    };
    ApiError::new(
        code,
        "The service refused",
        format!("it answered {status} without an explanation"),
        "Check that the address is a Callfloor service, without a proxy in between.",
    )
}

async fn read_all(mut answer: Response) -> Result<Vec<u8>, ApiError> {
    let broke = |detail: String| {
        ApiError::new(ErrorCode::Unavailable, "The connection to the service broke", detail, "Try again.")
    };
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| broke(chain(&error)))? {
        if bytes.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(ApiError::new(
                ErrorCode::TooLarge,
                "The service's answer is too large",
                format!("more than {MAX_ANSWER_BYTES} bytes"),
                "Ask for a part of it.",
            ));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
