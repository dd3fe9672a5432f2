//! Trunks: the ways to the telephone network, whether they work, and which one a number was sent over.

use serde::{Deserialize, Serialize};

use crate::id::TrunkId;
use crate::time::Timestamp;

/// A trunk as configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TrunkInfo {
    /// Its id.
    pub id: TrunkId,
    /// Name that people read.
    pub name: String,
    /// Where its calls go out, best first; empty for a trunk that only brings calls.
    pub servers: Vec<String>,
    /// It registers with the carrier.
    pub registers: bool,
    /// Lower is tried first.
    pub priority: u16,
    /// Share of the calls among trunks of the same priority.
    pub weight: u16,
    /// Calls at once, both ways; 0 for no limit of its own.
    pub max_calls: u32,
    /// New outbound calls a second; 0 for no limit of its own.
    pub max_calls_per_sec: u32,
}

/// Whether a trunk works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(tag = "state", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum TrunkState {
    /// Nothing is known yet, or nothing is asked: calls may be sent.
    #[default]
    Unknown,
    /// It answers, and the registration stands if there is to be one.
    Up,
    /// It does not; calls are sent over others.
    Down {
        /// Why, in words.
        reason: String,
    },
}

impl TrunkState {
    /// Calls may be sent over it.
    pub fn is_usable(&self) -> bool {
        !matches!(self, TrunkState::Down { .. })
    }

    /// The word that people read.
    pub fn label(&self) -> &'static str {
        match self {
            TrunkState::Unknown => "Unknown",
            TrunkState::Up => "Up",
            TrunkState::Down { .. } => "Down",
        }
    }
}

/// A trunk on the floor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TrunkView {
    /// As configured.
    pub info: TrunkInfo,
    /// Whether it works.
    #[serde(flatten)]
    pub state: TrunkState,
    /// Since when.
    pub since: Timestamp,
}

/// How a number was to be sent out: the record of one decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RouteRecord {
    /// As dialled.
    pub dialled: String,
    /// After the rules for what people dial.
    pub number: String,
    /// An emergency number: limits and states do not hold it back.
    pub emergency: bool,
    /// The trunks to try, in this order.
    pub candidates: Vec<RouteCandidate>,
    /// The trunks left out.
    pub excluded: Vec<RouteExcluded>,
}

/// A trunk that a call may be sent over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RouteCandidate {
    /// Which.
    pub trunk: TrunkId,
    /// The number as it is sent there.
    pub number: String,
}

/// A trunk that a call may not be sent over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RouteExcluded {
    /// Which.
    pub trunk: TrunkId,
    /// Why, in words.
    pub why: String,
}
