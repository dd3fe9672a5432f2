//! `[defence]`: what is kept out of signalling before it costs anything.

use serde::Deserialize;
use shared::sip::Method;
use shared::sip::door::{self, DENIED_AGENTS, Limits, Network, Peer, Policy};

use super::Config;
use crate::sip::phones::desk_accounts;

/// `[defence]`. Sources are IPv4 addresses and IPv6 /64s; trunks are not meant by any of it but `denied_methods`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Defence {
    /// Networks that nothing is read from.
    pub denied_addresses: Vec<Network>,
    /// When not empty: the only networks that anything is read from.
    pub allowed_addresses: Vec<Network>,
    /// Requests whose User-Agent contains one of these get no answer.
    pub denied_agents: Vec<String>,
    /// Methods that are answered 405 outside of calls.
    pub denied_methods: Vec<Method>,
    /// Messages a second from a source that has not proved itself.
    pub stranger_per_sec: u32,
    /// The same, at once.
    pub stranger_burst: u32,
    /// Messages a second from all such sources together.
    pub strangers_per_sec: u32,
    /// The same, at once.
    pub strangers_burst: u32,
    /// Messages a second from a source that has proved itself.
    pub known_per_sec: u32,
    /// The same, at once.
    pub known_burst: u32,
    /// Wrong passwords until a source is banned; 0 for never.
    pub ban_failures: u32,
    /// The time within which they count, in seconds.
    pub ban_window_secs: u32,
    /// How long a ban lasts, in seconds.
    pub ban_secs: u32,
    /// Calls at once that one account may make; 0 for no limit.
    pub calls_per_account: u32,
}

impl Default for Defence {
    fn default() -> Self {
        let limits = Limits::default();
        Defence {
            denied_addresses: Vec::new(),
            allowed_addresses: Vec::new(),
            denied_agents: DENIED_AGENTS.map(Into::into).into(),
            denied_methods: Vec::new(),
            stranger_per_sec: limits.stranger_per_sec,
            stranger_burst: limits.stranger_burst,
            strangers_per_sec: limits.strangers_per_sec,
            strangers_burst: limits.strangers_burst,
            known_per_sec: limits.known_per_sec,
            known_burst: limits.known_burst,
            ban_failures: limits.ban_failures,
            ban_window_secs: limits.ban_window_secs,
            ban_secs: limits.ban_secs,
            calls_per_account: 10,
        }
    }
}

impl Config {
    /// The door of the SIP endpoint: trunks come in by their addresses, desk phones by their passwords.
    pub fn door(&self) -> door::Config {
        let defence = &self.defence;
        let limits = Limits {
            stranger_per_sec: defence.stranger_per_sec,
            stranger_burst: defence.stranger_burst,
            strangers_per_sec: defence.strangers_per_sec,
            strangers_burst: defence.strangers_burst,
            known_per_sec: defence.known_per_sec,
            known_burst: defence.known_burst,
            // A phone proves itself again at each refresh.
            known_secs: self.sip.registration_max_secs.max(Limits::default().known_secs),
            ban_failures: defence.ban_failures,
            ban_window_secs: defence.ban_window_secs,
            ban_secs: defence.ban_secs,
        };
        let peers = self.trunks.iter().map(|trunk| Peer {
            id: trunk.id.to_string(),
            networks: trunk.addresses.clone(),
            calls_per_sec: trunk.max_calls_in_per_sec,
        });
        door::Config {
            realm: self.sip.domain.clone(),
            peers: peers.collect(),
            accounts: desk_accounts(self),
            policy: Policy {
                denied: defence.denied_addresses.clone(),
                allowed: defence.allowed_addresses.clone(),
                denied_agents: defence.denied_agents.clone(),
                denied_methods: defence.denied_methods.clone(),
                limits,
            },
        }
    }
}
