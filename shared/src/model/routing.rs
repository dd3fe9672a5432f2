//! How a queue's calls are ordered and its agents chosen, as configured.

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, QueueId};
use crate::model::queue::SkillNeed;

/// Who of several free agents gets a call. Equal ones: who is idle longest, then the first by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Choice {
    /// Who is idle longest: since the later of the end of his last call with its wrap-up and becoming ready. An offer
    /// that he did not take changes nothing.
    #[default]
    LongestIdle,
    /// In turn: who was offered a call of this queue least recently. Kept while the agent is configured.
    RoundRobin,
    /// Who has answered the fewest queue calls today.
    FewestCalls,
    /// Who has talked least today, in seconds.
    LeastTalkTime,
    /// Whose share of work (talk, hold and wrap-up) in the time ready or at work today was least when he became idle, in
    /// tenths of a percent.
    LeastOccupied,
    /// By lot, all alike.
    Random,
    /// By lot, in proportion to [`Serves::weight`].
    WeightedRandom,
    /// By [`Serves::position`].
    TopDown,
}

/// How many phones ring for a call at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Ring {
    /// One.
    #[default]
    One,
    /// Those of all free agents, at most [`RING_MOST`]. The first to answer has the call.
    All,
    /// One more every [`Routing::ring_next_secs`], while the others ring on; at most [`RING_MOST`].
    Progressive,
}

/// Phones that ring for one call at most.
pub const RING_MOST: usize = 16;

/// A step of widening: from `after_secs` of waiting in the queue on, more agents may take the call. The clock stands
/// still while a phone rings for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Relaxation {
    /// Seconds in the queue, without those in which a phone rang.
    pub after_secs: u32,
    /// Skills that are needed from now on, in place of those before; unchanged when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skills: Option<Vec<SkillNeed>>,
    /// Agents of these queues may take it too, after those of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<QueueId>,
}

/// A caller's own agent. His calls wait for that agent alone for a while, when he is ready or at work; then anybody of the
/// queue may take them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Preferred {
    /// The number that he presents.
    pub caller: String,
    /// His agent, who serves the queue.
    pub agent: AgentId,
    /// Seconds for which his calls wait for the agent.
    pub wait_secs: u32,
}

/// The rules of one queue. A call keeps those of the moment at which it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Routing {
    /// Who of several free agents gets a call.
    pub choice: Choice,
    /// How many phones ring at once.
    pub ring: Ring,
    /// Seconds until the next phone rings with [`Ring::Progressive`].
    pub ring_next_secs: u32,
    /// Steps of widening, by rising time.
    pub relax: Vec<Relaxation>,
    /// Agents of a level get calls that have waited this long for each level below with somebody ready; 0: they get what
    /// nobody of a lower level is free for.
    pub level_wait_secs: u32,
    /// Seconds for which a call waits for the agent who had this caller last, when he is ready or at work; 0 for not.
    pub last_agent_secs: u32,
    /// Callers who have an agent of their own. A row comes before the agent who had the caller last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub preferred: Vec<Preferred>,
    /// A caller who hung up while waiting and calls again within so many seconds has his place back; 0 for not. Callers
    /// who withhold their number have none to go by.
    pub place_kept_secs: u32,
}

/// How an agent serves one of his queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Serves {
    /// Calls of the queue with the lowest number come first, however long others wait. 1 to 99.
    pub priority: u8,
    /// Only calls that have waited this long.
    pub delay_secs: u32,
    /// Agents of the lowest level come first. 1 to 99.
    pub level: u8,
    /// Place in the order of [`Choice::TopDown`].
    pub position: u32,
    /// Share in [`Choice::WeightedRandom`]. 1 to 1,000.
    pub weight: u32,
}

impl Default for Serves {
    fn default() -> Self {
        Serves { priority: 1, delay_secs: 0, level: 1, position: 1, weight: 1 }
    }
}

impl Choice {
    /// The rule's name, as decision records have it.
    pub fn rule(self) -> &'static str {
        match self {
            Choice::LongestIdle => "longest idle",
            Choice::RoundRobin => "round robin",
            Choice::FewestCalls => "fewest calls",
            Choice::LeastTalkTime => "least talk time",
            Choice::LeastOccupied => "least occupied",
            Choice::Random => "random",
            Choice::WeightedRandom => "weighted random",
            Choice::TopDown => "top down",
        }
    }
}
