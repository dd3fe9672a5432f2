//! Errors as data: what failed, why, what to do.

use serde::{Deserialize, Serialize};

/// What goes wrong, with a code that programs can match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ErrorCode {
    /// 400: the request cannot be read.
    BadRequest,
    /// 401: no token, or one that is unknown, wrong or expired.
    Unauthorized,
    /// 403: the role does not allow it.
    Forbidden,
    /// 404: there is no such thing.
    NotFound,
    /// 409: not in the state that things are in.
    Conflict,
    /// 413: too large.
    TooLarge,
    /// 416: no such range.
    RangeNotSatisfiable,
    /// 429: too many tries; wait.
    TooManyRequests,
    /// 500: our fault.
    Internal,
    /// 503: starting, stopping or overloaded.
    Unavailable,
}

impl ErrorCode {
    /// The HTTP status.
    pub fn status(self) -> u16 {
        match self {
            ErrorCode::BadRequest => 400,
            ErrorCode::Unauthorized => 401,
            ErrorCode::Forbidden => 403,
            ErrorCode::NotFound => 404,
            ErrorCode::Conflict => 409,
            ErrorCode::TooLarge => 413,
            ErrorCode::RangeNotSatisfiable => 416,
            ErrorCode::TooManyRequests => 429,
            ErrorCode::Internal => 500,
            ErrorCode::Unavailable => 503,
        }
    }
}

/// The body of every answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}: {detail}")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiError {
    /// For programs.
    pub code: ErrorCode,
    /// What failed, one sentence.
    pub message: String,
    /// Why.
    pub detail: String,
    /// What to do; empty when nothing can be done.
    pub hint: String,
}

impl ApiError {
    /// All four at once.
    pub fn new(
        code: ErrorCode,
        message: impl Into<String>,
        detail: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        ApiError { code, message: message.into(), detail: detail.into(), hint: hint.into() }
    }
}
