//! Trunks: whether they work and how much of them is in use.

use serde::{Deserialize, Serialize};

use crate::model::trunk::{TrunkInfo, TrunkState};
use crate::time::Timestamp;

/// A trunk now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TrunkReport {
    /// As configured.
    pub info: TrunkInfo,
    /// Whether it works.
    #[serde(flatten)]
    pub state: TrunkState,
    /// Since when.
    pub since: Timestamp,
    /// The last failure of a ping, a registration or a call, in words; kept when it works again.
    pub last_error: Option<String>,
    /// Until when its registration stands; none for a trunk that does not register, or while it does not stand.
    pub registered_until: Option<Timestamp>,
    /// Its servers.
    pub servers: Vec<ServerReport>,
    /// Calls in use, both ways.
    pub calls: u32,
}

/// One server of a trunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServerReport {
    /// Its address as configured.
    pub address: String,
    /// Whether it answers.
    #[serde(flatten)]
    pub state: TrunkState,
    /// Since when.
    pub since: Timestamp,
    /// From the last ping to its answer, in milliseconds.
    pub round_trip_millis: Option<u64>,
}
