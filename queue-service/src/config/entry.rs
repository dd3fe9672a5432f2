//! The lists of the file: breaks, queues, agents, users.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use shared::id::{AgentId, CodeId, QueueId, SkillId, UserId};
use shared::model::agent::Capacity;
use shared::model::callback::CallbackRules;
use shared::model::queue::{Code, Destination};
use shared::model::routing::{Routing, Serves};
use shared::model::rules::{WaitRules, WrapUpRules};
use shared::model::user::Role;
use shared::sdp::crypto::Policy;

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

/// `[[skills]]`: a skill that queues and agents may name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skill {
    /// Its id.
    pub id: SkillId,
    /// Name that people read.
    pub name: String,
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
    /// Who gets its calls, and in which order.
    #[serde(default)]
    pub routing: Routing,
    /// When it takes calls, and how long they stay.
    #[serde(default)]
    pub waiting: WaitRules,
    /// How wrap-up of its calls begins and ends.
    #[serde(default)]
    pub wrap_up: WrapUpRules,
    /// How its callers are called back; none when it makes no callbacks.
    pub callback: Option<CallbackRules>,
    /// The number that its calls show which are transferred to a number outside or placed in its name; that of the trunk
    /// when left out.
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
    /// The desk phone may answer challenges by MD5; otherwise only by SHA-256 (RFC 8760).
    #[serde(default = "yes")]
    pub sip_allow_md5: bool,
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
    /// How he serves some of his queues: priority, delay, level, position, weight.
    #[serde(default)]
    pub serves: BTreeMap<QueueId, Serves>,
    /// Gets one call at a time and then asks for the next.
    #[serde(default)]
    pub on_demand: bool,
    /// What he can have at once.
    #[serde(default)]
    pub capacity: Capacity,
    /// The number that his calls to numbers outside show; that of the trunk when left out.
    pub caller_id: Option<String>,
    /// SRTP of its calls; that of `[media]` when left out.
    pub srtp: Option<Policy>,
    /// SRTP keys may travel over signalling that anybody can read; that of `[media]` when left out.
    pub srtp_without_tls: Option<bool>,
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
    /// The desk phone may answer challenges by MD5; otherwise only by SHA-256 (RFC 8760).
    #[serde(default = "yes")]
    pub sip_allow_md5: bool,
}

fn yes() -> bool {
    true
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
    fn a_password_is_never_printed() {
        assert_eq!(format!("{:?}", Password::new("secret")), "Password(…)");
    }
}
