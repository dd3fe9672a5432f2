//! Decision records: why this agent got this call, and why the others did not.

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, CallId, OfferId, QueueId, SkillId};
use crate::model::agent::Channel;
use crate::model::call::QueueExit;
use crate::model::queue::SkillNeed;
use crate::time::Timestamp;

/// Candidates, and agents left out, that a decision names: enough to see why, and no more, because a floor of a thousand
/// agents would make each decision a hundred kilobytes.
pub const LISTED: usize = 24;
/// Agents left out whom the record of a call names that was offered to nobody: every call that waits has one.
pub const NAMED: usize = 8;

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What made the router look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Trigger {
    /// A call came into the queue.
    CallQueued,
    /// An agent became free.
    AgentFree,
    /// An offer ended without an answer.
    OfferEnded,
    /// A time passed: a cool-down, a relaxation.
    Time,
}

/// The rule that leaves an agent out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Exclusion {
    /// Does not serve the queue.
    NotInQueue,
    /// Not signed in.
    Offline,
    /// Signed in and not ready; the words say why.
    NotReady {
        /// The reason in words.
        reason: String,
    },
    /// A phone rings for another call.
    Offered {
        /// Which call.
        call: CallId,
    },
    /// On another call.
    Talking {
        /// Which call.
        call: CallId,
    },
    /// In wrap-up.
    WrapUp {
        /// Until then at the latest; none when only he ends it.
        until: Option<Timestamp>,
    },
    /// Has no slot in this channel, and never has one.
    NoSlot {
        /// Which.
        channel: Channel,
    },
    /// No phone is registered.
    NoPhone,
    /// A skill is missing or too low.
    Skill {
        /// Which skill.
        skill: SkillId,
        /// Needed level.
        needed: u8,
        /// The agent's level, 0 for none.
        has: u8,
    },
    /// Had this very call and did not take it, while others are free.
    AlreadyTried,
    /// Kept back for a while after refusing or failing an offer.
    CoolDown {
        /// Until then.
        until: Timestamp,
    },
    /// Gets calls of this queue only when they have waited longer (his delay, or his level).
    Delay {
        /// From then on.
        until: Timestamp,
    },
    /// Another call comes first for him, by the priority of its queue.
    OtherCallFirst {
        /// Which.
        call: CallId,
    },
}

/// An agent who could have taken the call, with what was compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Candidate {
    /// Who.
    pub agent: AgentId,
    /// Idle time at the decision, in milliseconds: since the later of the end of wrap-up and becoming ready.
    pub idle_millis: u64,
    /// What the rule compares, least first, when it is not the idle time: calls, seconds, tenths of a percent, a place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<i64>,
}

/// An agent who was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Excluded {
    /// Who.
    pub agent: AgentId,
    /// By which rule.
    #[serde(flatten)]
    pub why: Exclusion,
}

/// One decision: the inputs, the candidates, the exclusions, the choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Decision {
    /// The offer that came of it.
    pub offer: OfferId,
    /// The call.
    pub call: CallId,
    /// The queue.
    pub queue: QueueId,
    /// What made the router look.
    pub trigger: Trigger,
    /// Version of the configuration that was used.
    pub config_version: u64,
    /// How long the call had waited, in milliseconds.
    pub waited_millis: u64,
    /// Since when it counts as waiting, to the microsecond (none in journals that did not write it yet).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_since: Option<Timestamp>,
    /// Priority of the call in seconds of waiting.
    pub priority_secs: u32,
    /// Calls that waited before this one in the order of service (0: it was the head).
    pub ahead: u32,
    /// Skills that the call needs.
    pub needs: Vec<SkillNeed>,
    /// Who could have taken it, best first; the best [`LISTED`] of them.
    pub candidates: Vec<Candidate>,
    /// How many more could have.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_candidates: u32,
    /// Who could not, and why; the first [`LISTED`] by name.
    pub excluded: Vec<Excluded>,
    /// How many more could not.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_excluded: u32,
    /// The one chosen.
    pub chosen: AgentId,
    /// Steps of widening that were in force.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub relaxed: u32,
    /// The rule that chose, such as "longest idle".
    pub rule: String,
    /// The first two candidates were equal and the agent's id decided.
    pub tie: bool,
}

/// When a waiting call was looked at and no phone was rung for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "when", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum NonOfferMoment {
    /// It came into the queue.
    Queued,
    /// An offer of it ended without an answer, and no other followed.
    OfferEnded,
    /// A step of widening took effect.
    Widened,
    /// It left the queue without having been answered.
    Left {
        /// How.
        exit: QueueExit,
    },
    /// Somebody asked. Such a record stands in no journal.
    Asked,
}

/// Why a waiting call was offered to nobody: the inputs and everybody who was left out. There are no candidates, for with
/// one there would have been an offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NonOffer {
    /// The call.
    pub call: CallId,
    /// The queue.
    pub queue: QueueId,
    /// What made the router look.
    #[serde(flatten)]
    pub moment: NonOfferMoment,
    /// Version of the configuration that was used.
    pub config_version: u64,
    /// Since when the call counts as waiting.
    pub waits_since: Timestamp,
    /// How long that was, in milliseconds.
    pub waited_millis: u64,
    /// Priority of the call in seconds of waiting.
    pub priority_secs: u32,
    /// Calls that waited before this one in the order of service (0: it was the head).
    pub ahead: u32,
    /// Skills that the call needs.
    pub needs: Vec<SkillNeed>,
    /// Steps of widening that were in force.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub relaxed: u32,
    /// Queues whose agents may take it too, by those steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<QueueId>,
    /// It waits for this agent alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<AgentId>,
    /// It does so until then; none when that has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_until: Option<Timestamp>,
    /// Who could not have it, and why; the first [`NAMED`] by name. Nobody: no agent serves the queue.
    pub excluded: Vec<Excluded>,
    /// How many more could not.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_excluded: u32,
}
