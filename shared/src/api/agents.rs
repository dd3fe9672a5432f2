//! Agents' status and wrap-up.

use serde::{Deserialize, Serialize};

use crate::id::CodeId;

/// A status that a person may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum WantedStatus {
    /// Wants calls.
    Ready,
    /// Wants no calls.
    NotReady {
        /// A configured reason; the first one when left out.
        #[serde(default)]
        reason: Option<CodeId>,
    },
    /// Leaves for the day.
    Offline,
}

/// Body of `POST /agents/{id}/status`. While the agent is busy it becomes the next status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SetStatus {
    /// What is asked for.
    #[serde(flatten)]
    pub wanted: WantedStatus,
}

/// Body of `POST /agents/{id}/wrap-up`: ends wrap-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EndWrapUp {
    /// One of the queue's codes.
    #[serde(default)]
    pub code: Option<CodeId>,
    /// A note, at most 2,000 characters.
    #[serde(default)]
    pub note: Option<String>,
}
