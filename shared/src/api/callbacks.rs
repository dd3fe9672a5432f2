//! Callbacks of a queue.

use serde::{Deserialize, Serialize};

use crate::id::CallId;

/// Body of `POST /queues/{id}/callbacks`: somebody is to be called back when it is his turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BookCallback {
    /// The number to call.
    pub number: String,
    /// Whose it is.
    #[serde(default)]
    pub name: String,
}

/// The callback that is open for that number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BookedCallback {
    /// Its id; that of an earlier one when the number waits to be called back already.
    pub callback: CallId,
}

/// Query of `DELETE /queues/{id}/callbacks/{callback}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CancelCallback {
    /// Why, at most 200 characters.
    pub reason: String,
}
