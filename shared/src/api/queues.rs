//! Queues with their live numbers.

use serde::{Deserialize, Serialize};

use crate::model::metric::{QueueCounts, QueueFigures};
use crate::model::queue::QueueInfo;
use crate::time::Timestamp;

/// A queue now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QueueReport {
    /// As configured.
    pub info: QueueInfo,
    /// Calls waiting (ringing ones too).
    pub waiting: u32,
    /// Since when the longest one waits.
    pub longest_since: Option<Timestamp>,
    /// Callbacks that are not over.
    #[serde(default)]
    pub callbacks: u32,
    /// Agents of the queue who are signed in.
    pub agents_signed_in: u32,
    /// Agents of the queue who are ready and idle.
    pub agents_ready: u32,
    /// Agents of the queue who talk.
    pub agents_talking: u32,
    /// Raw counts of the day.
    pub counts: QueueCounts,
    /// The figures with their formulas.
    pub figures: QueueFigures,
}

/// How long a call will wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExpectedWait {
    /// One of two calls is answered within this, in seconds.
    pub p50_secs: u32,
    /// Nine of ten calls are answered within this, in seconds.
    pub p90_secs: u32,
}

/// `GET /queues/{id}/expected-wait`: what a call that came now would wait, and how good such words were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExpectedWaitReport {
    /// None when too little is known: few calls were handled yet, or nobody takes calls.
    pub expected: Option<ExpectedWait>,
    /// Answered calls for which it was foreseen when they came, since the start of the service.
    pub foreseen: u64,
    /// Those that were answered within the time foreseen for one of two; a good forecast has half of them here.
    pub within_p50: u64,
    /// Those that were answered within the time foreseen for nine of ten.
    pub within_p90: u64,
}
