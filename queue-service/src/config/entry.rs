//! The lists of the file: breaks, queues, agents, users.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};
use shared::id::{AgentId, CodeId, QueueId, SkillId, UserId};
use shared::model::queue::{Code, Destination};
use shared::model::user::Role;

/// A password as written in the file: plain text, or an argon2id hash (`$argon2id$…`). Never printed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    /// From its text, for tests and tools.
    pub fn new(text: impl Into<String>) -> Self {
        Password(text.into())
    }

    /// The text as written.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it is a hash and not the password itself.
    pub fn is_hash(&self) -> bool {
        self.0.starts_with("$argon2")
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A network such as `203.0.113.0/24`, or one address.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Whether the address belongs to it. An IPv4 address mapped into IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(host)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                (u32::from(net) ^ u32::from(host)) & mask == 0
            }
            (IpAddr::V6(net), IpAddr::V6(host)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                (u128::from(net) ^ u128::from(host)) & mask == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// A text that is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no network; write an address such as 203.0.113.7 or a network such as 203.0.113.0/24")]
pub struct NetworkError(String);

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let wrong = || NetworkError(text.chars().take(80).collect());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let widest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(widest);
        if prefix > widest { Err(wrong()) } else { Ok(Network { address, prefix }) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// `[[breaks]]`: a reason for not being ready.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Break {
    /// Its id.
    pub id: CodeId,
    /// The words that people read.
    pub label: String,
}

/// A wrap-up code within a queue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrapUpCode {
    /// Its id.
    pub id: CodeId,
    /// The words that people read.
    pub label: String,
}

impl From<&WrapUpCode> for Code {
    fn from(code: &WrapUpCode) -> Code {
        Code { id: code.id.clone(), label: code.label.clone() }
    }
}

impl From<&Break> for Code {
    fn from(code: &Break) -> Code {
        Code { id: code.id.clone(), label: code.label.clone() }
    }
}

/// `[[queues]]`: a queue. See [`shared::model::queue::QueueInfo`] for what each key does.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// Its id.
    pub id: QueueId,
    /// Name that people read.
    pub name: String,
    /// User parts of the dialled address that lead here.
    #[serde(default)]
    pub numbers: Vec<String>,
    /// Priority of its calls in seconds of waiting.
    #[serde(default)]
    pub priority_secs: u32,
    /// Skills that its calls need, with the least level, 1 to 5.
    #[serde(default)]
    pub skills: BTreeMap<SkillId, u8>,
    /// How long an offer rings.
    #[serde(default = "ring_secs")]
    pub ring_secs: u32,
    /// How long wrap-up lasts at most; 0 for none.
    #[serde(default = "wrap_up_secs")]
    pub wrap_up_secs: u32,
    /// Codes to choose from in wrap-up.
    #[serde(default)]
    pub wrap_up_codes: Vec<WrapUpCode>,
    /// Service level: answered within this.
    #[serde(default = "target_secs")]
    pub target_secs: u32,
    /// Service level: this share of calls, in percent.
    #[serde(default = "target_percent")]
    pub target_percent: u8,
    /// A caller who leaves before this is a short abandon.
    #[serde(default = "short_abandon_secs")]
    pub short_abandon_secs: u32,
    /// How many calls may wait.
    #[serde(default = "max_waiting")]
    pub max_waiting: u32,
    /// How long a call may wait before it leaves for `when_timed_out`; 0 for ever.
    #[serde(default)]
    pub max_wait_secs: u32,
    /// Opening hours such as `Mon-Fri 08:00-18:00`; empty for always.
    #[serde(default)]
    pub hours: Vec<String>,
    /// Time zone of the hours; that of the service when left out.
    pub time_zone: Option<String>,
    /// Where calls go when it is full.
    #[serde(default = "when_full")]
    pub when_full: Destination,
    /// Where calls go outside of the hours.
    #[serde(default = "when_closed")]
    pub when_closed: Destination,
    /// Where calls go that waited too long.
    #[serde(default = "when_timed_out")]
    pub when_timed_out: Destination,
    /// Prompt played once on entry.
    pub greeting: Option<String>,
    /// Music while waiting and on hold; the built-in one when left out.
    pub music: Option<String>,
    /// Prompt repeated while waiting.
    pub announcement: Option<String>,
    /// Seconds between two announcements; 0 for none.
    #[serde(default = "announcement_every_secs")]
    pub announcement_every_secs: u32,
    /// Whether its calls are recorded.
    #[serde(default = "record")]
    pub record: bool,
    /// The number that its calls show which are transferred to a number outside; that of the trunk when left out.
    pub caller_id: Option<String>,
}

/// `[[agents]]`: somebody (or a phone) who takes calls.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// Sign-in name and phone address.
    pub id: AgentId,
    /// Name that people read.
    pub name: String,
    /// Password of the API and the apps; left out: nobody signs in by this name.
    pub password: Option<Password>,
    /// Password of a desk phone that registers by this name; plain, because digest authentication needs it.
    pub sip_password: Option<Password>,
    /// `sip:` address of a phone that never registers.
    pub contact: Option<String>,
    /// Becomes ready when the service starts, without signing in; needs `contact`.
    #[serde(default)]
    pub ready_on_start: bool,
    /// Skills with their level, 1 (some) to 5 (expert).
    #[serde(default)]
    pub skills: BTreeMap<SkillId, u8>,
    /// Queues whose calls the agent takes.
    #[serde(default)]
    pub queues: Vec<QueueId>,
    /// The number that his calls to numbers outside show; that of the trunk when left out.
    pub caller_id: Option<String>,
}

/// `[[users]]`: supervisors, managers, administrators.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Sign-in name and phone address.
    pub id: UserId,
    /// Name that people read.
    pub name: String,
    /// What the person may do.
    pub role: Role,
    /// Password of the API and the apps.
    pub password: Password,
    /// Password of a desk phone that registers by this name, to listen in from it.
    pub sip_password: Option<Password>,
}

fn ring_secs() -> u32 {
    20
}

fn wrap_up_secs() -> u32 {
    30
}

fn target_secs() -> u32 {
    20
}

fn target_percent() -> u8 {
    80
}

fn short_abandon_secs() -> u32 {
    5
}

fn max_waiting() -> u32 {
    50
}

fn announcement_every_secs() -> u32 {
    45
}

fn record() -> bool {
    true
}

fn when_full() -> Destination {
    Destination::Reject { status: 486 }
}

fn when_closed() -> Destination {
    Destination::Reject { status: 480 }
}

fn when_timed_out() -> Destination {
    Destination::Reject { status: 480 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses() {
        for (network, address, inside) in [
            ("203.0.113.0/24", "203.0.113.77", true),
            ("203.0.113.0/24", "203.0.114.1", false),
            ("203.0.113.7", "203.0.113.7", true),
            ("203.0.113.7", "203.0.113.8", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("::/0", "2001:db8::1", true),
        ] {
            let net: Network = network.parse().expect("a network");
            assert_eq!(net.contains(address.parse().expect("an address")), inside, "{network} {address}");
        }
        for wrong in ["", "10.0.0.0/33", "10.0.0/8", "x", "10.0.0.0/", "::/129", "10.0.0.1/-1"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_password_is_never_printed() {
        assert_eq!(format!("{:?}", Password::new("secret")), "Password(…)");
    }
}
