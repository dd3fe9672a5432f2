//! What stands in events.

use serde::{Deserialize, Serialize};

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
