//! The server side of REGISTER (RFC 3261 §10.3): who can be reached where.

use serde::{Deserialize, Serialize};

use super::api::Flow;
use super::message::Request;
use super::uri::Uri;
use crate::time::Timestamp;

pub use super::digest::Account;

/// How much a registrar keeps and grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Shorter wishes are answered 423.
    pub min_expires_secs: u32,
    /// Granted without a wish.
    pub default_expires_secs: u32,
    /// Longer wishes get this.
    pub max_expires_secs: u32,
    /// Above it the binding that was refreshed longest ago goes.
    pub max_bindings_per_aor: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            min_expires_secs: 30,
            default_expires_secs: 300,
            max_expires_secs: 3600,
            max_bindings_per_aor: 10,
        }
    }
}

/// One place where an address of record can be reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Binding {
    /// As the phone wrote it: the Request-URI for calls to it.
    pub contact: Uri,
    /// Where its REGISTER came from; calls go there (NAT).
    pub flow: Flow,
    /// When it ends.
    pub expires_at: Timestamp,
    /// User-Agent of the phone.
    pub user_agent: Option<String>,
    /// First registration of this contact.
    pub registered_at: Timestamp,
    /// The account that registered it.
    pub username: String,
    /// Preference in thousandths, 0 to 1000.
    pub q_thousandths: u16,
    /// Call-ID and CSeq of the last REGISTER, for the order check.
    pub call_id: String,
    /// See `call_id`.
    pub cseq: u32,
}

/// What a REGISTER or the clock changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum BindingChange {
    /// New.
    Added {
        /// Whose.
        aor_user: String,
        /// Which.
        binding: Binding,
    },
    /// Lives longer.
    Refreshed {
        /// Whose.
        aor_user: String,
        /// Which.
        binding: Binding,
    },
    /// The phone took it back, or it had to make room.
    Removed {
        /// Whose.
        aor_user: String,
        /// Which.
        binding: Binding,
    },
    /// Was not refreshed in time.
    Expired {
        /// Whose.
        aor_user: String,
        /// Which.
        binding: Binding,
    },
}

/// The answer to a REGISTER, for [`Command::Respond`](super::Command::Respond).
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// WWW-Authenticate, Contact, Date, Min-Expires, …
    pub headers: Vec<(String, String)>,
    /// What it changed.
    pub changes: Vec<BindingChange>,
}

/// Accounts and bindings of one realm.
#[derive(Debug)]
pub struct Registrar {
    realm: String,
    limits: Limits,
}

impl Registrar {
    /// An empty registrar. `seed` feeds the nonces.
    pub fn new(realm: &str, seed: u64, limits: Limits) -> Registrar {
        let _ = seed;
        Registrar { realm: realm.into(), limits }
    }

    /// Adds or changes an account.
    pub fn set_account(&mut self, username: &str, account: Account) {
        let _ = (username, account);
    }

    /// Forgets an account; its bindings stay until they expire.
    pub fn remove_account(&mut self, username: &str) {
        let _ = username;
    }

    /// Answers a REGISTER.
    pub fn register(&mut self, now: Timestamp, request: &Request, flow: Flow) -> Reply {
        let _ = (now, request, flow, &self.realm, self.limits);
        Reply { status: 503, headers: Vec::new(), changes: Vec::new() }
    }

    /// Where this user can be reached, best first.
    pub fn lookup(&self, aor_user: &str) -> Vec<Binding> {
        let _ = aor_user;
        Vec::new()
    }

    /// When [`Registrar::expire`] is due.
    pub fn deadline(&self) -> Option<Timestamp> {
        None
    }

    /// Removes what was not refreshed.
    pub fn expire(&mut self, now: Timestamp) -> Vec<BindingChange> {
        let _ = now;
        Vec::new()
    }
}
