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
