//! Decision records: why this agent got this call, and why the others did not.

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, CallId, OfferId, QueueId, SkillId};
use crate::model::agent::Channel;
use crate::model::queue::SkillNeed;
use crate::time::Timestamp;

/// Candidates, and agents left out, that a decision names: enough to see why, and no more, because a floor of a thousand
/// agents would make each decision a hundred kilobytes.
pub const LISTED: usize = 24;

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
