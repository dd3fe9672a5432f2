//! What a door is told: whom it trusts, whom it knows, how much it takes.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Network;
use crate::sip::digest::Account;
use crate::sip::message::Method;
use crate::time::Timestamp;

/// Settings at the start; all of it can be changed later by a [`Change`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Config {
    /// The realm of the challenges.
    pub realm: String,
    /// Who may call without a password.
    pub peers: Vec<Peer>,
    /// Who has a password, by user name.
    pub accounts: BTreeMap<String, Account>,
    /// What is refused, and how much is taken.
    pub policy: Policy,
}

/// Another server whose calls are let in by its address: a trunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Comes back in [`Caller::Trusted`].
    pub id: String,
    /// Where its requests come from.
    pub networks: Vec<Network>,
    /// Calls a second in the long run, with a second's worth at once; more are answered 503. 0 for no limit.
    pub calls_per_sec: u32,
}

/// Who sent a request that was let in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Caller {
    /// The endpoint has no door: nobody asked.
    Unchecked,
    /// The [`Peer`] with this id, by its address. Never for REGISTER: a binding belongs to an account.
    Trusted(String),
    /// The account with this user name, by its password.
    Account(String),
}

/// What is refused, and how much is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Nothing from there is read. Trusted peers are not asked.
    pub denied: Vec<Network>,
    /// When not empty: nothing from elsewhere is read. Trusted peers are not asked.
    pub allowed: Vec<Network>,
    /// Requests whose User-Agent contains one of these, in any case, get no answer. Trusted peers are not asked.
    pub denied_agents: Vec<String>,
    /// Requests outside of dialogs that are answered 405, whoever sends them.
    pub denied_methods: Vec<Method>,
    /// How much is taken.
    pub limits: Limits,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            denied: Vec::new(),
            allowed: Vec::new(),
            denied_agents: DENIED_AGENTS.map(Into::into).into(),
            denied_methods: Vec::new(),
            limits: Limits::default(),
        }
    }
}

/// Scanners that say who they are.
pub const DENIED_AGENTS: [&str; 9] = [
    "friendly-scanner",
    "sipvicious",
    "sipcli",
    "pplsip",
    "sip-scan",
    "sipsak",
    "sundayddr",
    "vaxsipuseragent",
    "iwar",
];

/// How much is taken from where. A source is an IPv4 address or an IPv6 /64. What is counted are messages that belong
/// to no dialog and no transaction; what is above a limit gets no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Messages a second from one source that has not proved itself.
    pub stranger_per_sec: u32,
    /// The same, at once.
    pub stranger_burst: u32,
    /// Messages a second from all such sources together.
    pub strangers_per_sec: u32,
    /// The same, at once.
    pub strangers_burst: u32,
    /// Messages a second from one source that has proved itself: it authenticated, took part in a dialog or was
    /// called.
    pub known_per_sec: u32,
    /// The same, at once.
    pub known_burst: u32,
    /// How long such a proof counts, in seconds.
    pub known_secs: u32,
    /// Wrong passwords from one source until it is banned; 0 for never. Sources that have proved themselves are not
    /// banned: for them it is the number of wrong passwords for one account until that account is not looked at.
    pub ban_failures: u32,
    /// The time within which they count, in seconds.
    pub ban_window_secs: u32,
    /// How long a ban lasts, in seconds.
    pub ban_secs: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            stranger_per_sec: 100,
            stranger_burst: 1_000,
            strangers_per_sec: 5_000,
            strangers_burst: 20_000,
            known_per_sec: 1_000,
            known_burst: 5_000,
            known_secs: 3_600,
            ban_failures: 10,
            ban_window_secs: 300,
            ban_secs: 900,
        }
    }
}

/// A change at run time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Adds or changes a trusted peer.
    SetPeer(Peer),
    /// Trusts it no more.
    RemovePeer {
        /// Its id.
        id: String,
    },
    /// Adds or changes an account.
    SetAccount {
        /// Its user name.
        username: String,
        /// Its passwords.
        account: Account,
    },
    /// Knows it no more.
    RemoveAccount {
        /// Its user name.
        username: String,
    },
    /// Changes what is refused and how much is taken.
    SetPolicy(Policy),
    /// Reads nothing from there for a while. Trusted peers stay trusted.
    Ban {
        /// From where; for IPv6 the /64 of it.
        source: IpAddr,
        /// Until when.
        until: Timestamp,
    },
    /// Reads from there again.
    Unban {
        /// From where.
        source: IpAddr,
    },
    /// This source has proved itself, as somebody else knows (a binding of before a restart).
    Vouch {
        /// Which.
        source: IpAddr,
        /// Until when.
        until: Timestamp,
    },
}

/// A source that nothing is read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    /// Which.
    pub source: Network,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Wrong passwords that brought it; 0 for a ban by command.
    pub failures: u32,
}

/// What the door has done since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Requests that were let in by a trusted address.
    pub trusted: u64,
    /// Requests that were let in by a password.
    pub authenticated: u64,
    /// Challenges.
    pub challenged: u64,
    /// Wrong passwords.
    pub failures: u64,
    /// Calls of trusted peers above their rate.
    pub refused: u64,
    /// Messages above a limit.
    pub over_limit: u64,
    /// Messages from banned or denied sources, and of denied user agents.
    pub denied: u64,
}

/// What the door tells its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A source is banned.
    Banned(Ban),
    /// A ban is over.
    Lifted {
        /// Whose.
        source: Network,
    },
    /// The counts, at most once a second and only when they changed.
    Counts(Counts),
}
