//! What a request brings, read strictly, with errors that name the field.

use axum::Json;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;
use shared::api::error::ErrorCode;
use shared::id::AgentId;
use shared::model::user::{Permission, Role};

use super::Api;
use super::problem::Problem;
use crate::auth::{AuthError, Session};
use crate::clock;

/// Somebody who is signed in; taking it as an argument asks for a token.
#[derive(Debug)]
pub(super) struct Signed {
    pub(super) session: Session,
    pub(super) token: String,
}

impl Signed {
    /// Whether the role has a right.
    pub(super) fn may(&self, permission: Permission) -> bool {
        self.session.user.role.may(permission)
    }

    /// Asks for a right.
    pub(super) fn require(&self, permission: Permission) -> Result<(), Problem> {
        if self.may(permission) {
            return Ok(());
        }
        let needed = [Role::Agent, Role::Supervisor, Role::Manager, Role::Admin]
            .into_iter()
            .find(|role| role.may(permission))
            .unwrap_or(Role::Admin);
        Err(Problem::forbidden(format!(
            "it needs the role {}, yours is {}",
            needed.label(),
            self.session.user.role.label()
        )))
    }

    /// The agent that this person is.
    pub(super) fn agent(&self) -> AgentId {
        self.session.user.id.to_agent()
    }
}

impl FromRequestParts<Api> for Signed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let value = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = value.and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
        });
        let Some(token) = token else {
            return Err(Problem::new(
                ErrorCode::Unauthorized,
                "You are not signed in",
                "there is no token in the header Authorization",
                "Sign in with POST /api/v1/session and send its token as Authorization: Bearer TOKEN.",
            )
            .with_header(header::WWW_AUTHENTICATE, "Bearer"));
        };
        let session = api.parts.auth.check(clock::now(), &token).map_err(|error: AuthError| error)?;
        Ok(Signed { session, token })
    }
}

/// A body in JSON.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Api> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        match Json::<T>::from_request(request, api).await {
            Ok(Json(body)) => Ok(Body(body)),
            Err(rejection) => Err(body_problem(&rejection)),
        }
    }
}

fn body_problem(rejection: &JsonRejection) -> Problem {
    let unreadable =
        |message: &str, hint: &str| Problem::new(ErrorCode::BadRequest, message, rejection.body_text(), hint);
    let schema = "The fields of each body are described at /api/v1/openapi.json.";
    match rejection {
        JsonRejection::JsonDataError(_) => unreadable("The body does not fit", schema),
        JsonRejection::JsonSyntaxError(_) => unreadable("The body is no JSON", schema),
        JsonRejection::MissingJsonContentType(_) => {
            unreadable("The body is not marked as JSON", "Send Content-Type: application/json.")
                .with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE)
        }
        JsonRejection::BytesRejection(BytesRejection::FailedToBufferBody(_))
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE =>
        {
            Problem::new(
                ErrorCode::TooLarge,
                "The body is too large",
                format!("at most {} bytes are taken", super::BODY_BYTES),
                "Send less.",
            )
        }
        _ => unreadable("The body cannot be read", "Send it again."),
    }
}

/// A query, strictly typed.
#[derive(Debug)]
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Api> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, api).await {
            Ok(Query(query)) => Ok(Asked(query)),
            Err(rejection) => Err(Problem::new(
                ErrorCode::BadRequest,
                "The query does not fit",
                rejection.body_text(),
                "The parameters are described at /api/v1/openapi.json.",
            )),
        }
    }
}

/// An id in the path; one that cannot be an id names nothing.
#[derive(Debug)]
pub(super) struct Id<T>(pub(super) T);

impl<T: std::str::FromStr<Err: std::fmt::Display> + Send> FromRequestParts<Api> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let text = Path::<String>::from_request_parts(parts, api).await;
        let parsed = match &text {
            Ok(Path(text)) => text.parse().map_err(|error: T::Err| error.to_string()),
            Err(rejection) => Err(rejection.body_text()),
        };
        let unknown = |detail| Problem::new(ErrorCode::NotFound, "There is no such thing", detail, "");
        parsed.map(Id).map_err(unknown)
    }
}
