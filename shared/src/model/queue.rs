//! Queues as configured.

use serde::{Deserialize, Serialize};

use crate::id::{CodeId, QueueId, SkillId};
use crate::model::callback::CallbackRules;
use crate::model::routing::Routing;
use crate::model::rules::{WaitRules, WrapUpRules};

/// A skill that a call needs, with the least level.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SkillNeed {
    /// Which skill.
    pub skill: SkillId,
    /// Least level, 1 to 5.
    pub level: u8,
}

/// A wrap-up code to choose from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Code {
    /// Its id.
    pub id: CodeId,
    /// The words that people read.
    pub label: String,
}

/// Where a call goes that a queue does not take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Destination {
    /// Refused with a SIP status, 400 to 699.
    Reject {
        /// The status, such as 486.
        status: u16,
    },
    /// Answered, one prompt played, hung up.
    Announce {
        /// File name of the prompt, in the prompts folder.
        prompt: String,
    },
    /// Another queue.
    Queue {
        /// Which.
        queue: QueueId,
    },
}

/// A queue as configured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QueueInfo {
    /// Its id.
    pub id: QueueId,
    /// Name that people read.
    pub name: String,
    /// User parts of the Request-URI that lead here.
    pub numbers: Vec<String>,
    /// Priority of its calls in seconds of waiting: a call with 60 counts as having waited a minute longer.
    pub priority_secs: u32,
    /// Skills that its calls need.
    pub skills: Vec<SkillNeed>,
    /// How long an offer rings.
    pub ring_secs: u32,
    /// How long wrap-up lasts; 0 for none, except in [`WrapUpMode::Discretionary`](super::rules::WrapUpMode).
    pub wrap_up_secs: u32,
    /// Codes to choose from in wrap-up.
    pub wrap_up_codes: Vec<Code>,
    /// Service level: answered within this.
    pub target_secs: u32,
    /// Service level: this share of calls, in percent.
    pub target_percent: u8,
    /// A caller who leaves before this is a short abandon.
    pub short_abandon_secs: u32,
    /// How many calls may wait.
    pub max_waiting: u32,
    /// How long a call may wait before it leaves for `when_timed_out`; 0 for ever.
    pub max_wait_secs: u32,
    /// Opening hours such as `Mon-Fri 08:00-18:00`; empty for always.
    pub hours: Vec<String>,
    /// IANA time zone of the hours, such as `Europe/Berlin`.
    pub time_zone: String,
    /// Where calls go when it is full.
    pub when_full: Destination,
    /// Where calls go outside of the hours.
    pub when_closed: Destination,
    /// Where calls go that waited too long.
    pub when_timed_out: Destination,
    /// Prompt played once on entry; file name in the prompts folder.
    pub greeting: Option<String>,
    /// Music while waiting and on hold; file name in the prompts folder.
    pub music: Option<String>,
    /// Prompt repeated while waiting.
    pub announcement: Option<String>,
    /// Seconds between two announcements; 0 for none.
    pub announcement_every_secs: u32,
    /// Whether its calls are recorded.
    pub record: bool,
    /// Who gets its calls, and in which order; the longest idle one when left out.
    #[serde(default)]
    pub routing: Routing,
    /// When it takes calls, and how long they stay.
    #[serde(default)]
    pub waiting: WaitRules,
    /// How wrap-up of its calls begins and ends.
    #[serde(default)]
    pub wrap_up: WrapUpRules,
    /// How its callers are called back; none when it makes no callbacks.
    #[serde(default)]
    pub callback: Option<CallbackRules>,
}
