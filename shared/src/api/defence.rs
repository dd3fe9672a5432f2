//! What the service keeps out of signalling.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Bans that stand, and what has been let in and kept out since the service started.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DefenceReport {
    /// By source.
    pub bans: Vec<BanReport>,
    /// Requests that were let in by a trunk's address.
    pub trusted: u64,
    /// Requests that were let in by a password.
    pub authenticated: u64,
    /// Challenges.
    pub challenged: u64,
    /// Wrong passwords.
    pub failures: u64,
    /// Calls of trunks above their rate.
    pub refused: u64,
    /// Messages above a limit, dropped.
    pub over_limit: u64,
    /// Messages from banned or denied sources and user agents, dropped.
    pub denied: u64,
}

/// A source that nothing is read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BanReport {
    /// Its address, for `DELETE /defence/bans/{address}`; the first one of a /64.
    pub address: String,
    /// The address, or the /64 of IPv6.
    pub source: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Wrong passwords that brought it; 0 for one that a person ordered.
    pub failures: u32,
}
