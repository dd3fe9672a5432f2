//! What stands in events.

use serde::{Deserialize, Serialize};

use super::event::Event;
use crate::time::Timestamp;

/// An event with its number and its time. Numbers start at 1 and have no gaps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Stamped {
    /// Number in the journal.
    pub seq: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// How wrap-up ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum WrapUpEnd {
    /// The agent chose a code.
    Coded,
    /// The time ran out.
    TimedOut,
    /// A supervisor ended it, or the agent signed out.
    Forced,
}
