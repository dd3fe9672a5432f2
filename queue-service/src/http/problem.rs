//! Errors as answers, and what holds for every answer.

use std::time::Duration;

use axum::Json;
use axum::extract::{OriginalUri, Request};
use axum::http::header::{self, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use shared::api::error::{ApiError, ErrorCode};

use crate::auth::AuthError;
use crate::recording::RecordingError;
use crate::store::StoreError;

/// An error on its way out.
#[derive(Debug)]
pub(super) struct Problem {
    /// Nearly always that of the code; 405 and 415 have none of their own.
    status: StatusCode,
    error: ApiError,
    headers: Vec<(header::HeaderName, HeaderValue)>,
}

impl Problem {
    pub(super) fn new(
        code: ErrorCode,
        message: impl Into<String>,
        detail: impl Into<String>,
        hint: impl Into<String>,
    ) -> Problem {
        ApiError::new(code, message, detail, hint).into()
    }

    pub(super) fn with_status(mut self, status: StatusCode) -> Problem {
        self.status = status;
        self
    }

    pub(super) fn with_header(mut self, name: header::HeaderName, value: impl ToString) -> Problem {
        if let Ok(value) = HeaderValue::from_str(&value.to_string()) {
            self.headers.push((name, value));
        }
        self
    }

    /// There is no such thing.
    pub(super) fn missing(what: &str, id: impl std::fmt::Display) -> Problem {
        Problem::new(
            ErrorCode::NotFound,
            format!("There is no such {what}"),
            format!("{id} is not known"),
            "",
        )
    }

    /// The role does not allow it.
    pub(super) fn forbidden(detail: impl Into<String>) -> Problem {
        Problem::new(
            ErrorCode::Forbidden,
            "You may not do this",
            detail,
            "Ask a supervisor, or sign in with another role.",
        )
    }

    pub(super) fn error(&self) -> &ApiError {
        &self.error
    }
}

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Problem {
        let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Problem { status, error, headers: Vec::new() }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        let reason = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        tracing::error!(%error, reason, "database failed for a request");
        Problem::new(
            ErrorCode::Internal,
            "The database did not answer",
            error.to_string(),
            "Try again; if it stays, look at the service's log.",
        )
    }
}

impl From<RecordingError> for Problem {
    fn from(error: RecordingError) -> Problem {
        // The path stays in the log.
        tracing::error!(error = error.whole(), "recording not read");
        Problem::new(
            ErrorCode::Internal,
            "The recording cannot be read",
            "its file is missing or damaged",
            "Look at the service's log for the file's name.",
        )
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Problem {
        let unauthorized = |message: &str, detail: &str, hint: &str| {
            Problem::new(ErrorCode::Unauthorized, message, detail, hint)
                .with_header(header::WWW_AUTHENTICATE, "Bearer")
        };
        match error {
            AuthError::Wrong => unauthorized(
                "Name or password is wrong",
                "the service does not tell which",
                "Check both; mind capital letters.",
            ),
            AuthError::TooMany { wait_secs } => Problem::new(
                ErrorCode::TooManyRequests,
                "Too many wrong passwords",
                format!("the next try is looked at in {wait_secs} seconds"),
                format!("Wait {wait_secs} seconds."),
            )
            .with_header(header::RETRY_AFTER, wait_secs),
            AuthError::UnknownToken => unauthorized(
                "You are not signed in",
                "the token is unknown or was signed out",
                "Sign in again with POST /api/v1/session.",
            ),
            AuthError::Expired => unauthorized(
                "Your sign-in has expired",
                "the token was good for a limited time",
                "Sign in again with POST /api/v1/session.",
            ),
            AuthError::Store(error) => error.into(),
            AuthError::Failed => Problem::new(
                ErrorCode::Internal,
                "The password could not be checked",
                "the system gave no random numbers or no thread",
                "Try again; if it stays, look at the service's log.",
            ),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.error)).into_response();
        for (name, value) in self.headers {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

pub(super) async fn no_such_path(OriginalUri(uri): OriginalUri) -> Problem {
    Problem::new(
        ErrorCode::NotFound,
        "There is no such page",
        format!("{} leads nowhere", uri.path()),
        "The API is described at /api/v1/openapi.json; the wallboard is at /wallboard.",
    )
}

pub(super) async fn no_such_method(method: Method, OriginalUri(uri): OriginalUri) -> Problem {
    Problem::new(
        ErrorCode::BadRequest,
        "This cannot be done there",
        format!("{} does not take {method}", uri.path()),
        "The methods of each path are listed at /api/v1/openapi.json.",
    )
    .with_status(StatusCode::METHOD_NOT_ALLOWED)
}

/// Gives a request up that takes too long.
pub(super) async fn within(timeout: Duration, request: Request, next: Next) -> Response {
    match tokio::time::timeout(timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(
            ErrorCode::Unavailable,
            "The service took too long",
            format!("there was no answer within {} seconds", timeout.as_secs()),
            "Try again.",
        )
        .into_response(),
    }
}

/// Headers that keep browsers from guessing, framing and remembering.
pub(super) async fn guard_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "SAMEORIGIN"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
