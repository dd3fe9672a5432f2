//! Kinds of calls, and where agents stand in them.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::id::{CallId, QueueId};
use shared::model::agent::AgentInfo;
use shared::model::queue::{QueueInfo, SkillNeed};
use shared::model::routing::{Choice, RING_MOST, Relaxation, Ring, Serves};
use shared::time::Timestamp;

use super::state::{Agent, Due, Waiting};

/// Levels of agents who were added by widening come after those of the queue's own.
const ADDED_LEVEL: u16 = 1_000;

/// What decides who may have a call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind {
    pub(super) queue: QueueId,
    pub(super) also: Vec<QueueId>,
    pub(super) needs: Vec<SkillNeed>,
}

pub(super) type KindId = u32;

/// Agents of a kind who are alike but for their rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Group {
    pub(super) level: u16,
    pub(super) priority: u8,
    pub(super) delay_secs: u32,
    pub(super) weight: u32,
}

impl Group {
    fn new(serves: &Serves, added: Option<usize>, choice: Choice) -> Group {
        let added =
            added.map_or(0, |place| ADDED_LEVEL.saturating_mul(u16::try_from(place + 1).unwrap_or(60)));
        Group {
            level: added.saturating_add(u16::from(serves.level)),
            priority: serves.priority,
            delay_secs: serves.delay_secs,
            weight: if choice == Choice::WeightedRandom { serves.weight } else { 1 },
        }
    }

    pub(super) fn is_added(self) -> bool {
        self.level >= ADDED_LEVEL
    }
}

/// Order of choice within a group: what the rule compares, then who is idle longest; equal ones by id.
pub(super) type Rank = (i64, Timestamp);

/// A step of widening.
pub(super) fn widen(also: &mut Vec<QueueId>, needs: &mut Vec<SkillNeed>, step: &Relaxation) {
    for queue in &step.also {
        if !also.contains(queue) {
            also.push(queue.clone());
        }
    }
    if let Some(skills) = &step.skills {
        needs.clone_from(skills);
    }
}

/// The first skill that an agent lacks, with what he has.
pub(super) fn missing_skill<'n>(info: &AgentInfo, needs: &'n [SkillNeed]) -> Option<(&'n SkillNeed, u8)> {
    needs.iter().find_map(|need| {
        let has = info.skills.get(&need.skill).copied().unwrap_or(0);
        (has < need.level).then_some((need, has))
    })
}

/// Where an agent would stand in a kind, whether he is free or not; none when he may not have its calls.
pub(super) fn spot(
    agent: &Agent,
    kind: &Kind,
    queues: &BTreeMap<QueueId, QueueInfo>,
) -> Option<(Group, Rank)> {
    if missing_skill(&agent.info, &kind.needs).is_some() {
        return None;
    }
    let choice = queues.get(&kind.queue).map_or(Choice::LongestIdle, |info| info.routing.choice);
    let (serves, added) = match agent.info.serves(&kind.queue) {
        Some(serves) => (serves, None),
        None => kind
            .also
            .iter()
            .enumerate()
            .find_map(|(place, queue)| agent.info.serves(queue).map(|serves| (serves, Some(place))))?,
    };
    let group = Group::new(&serves, added, choice);
    Some((group, (agent.tally.score(choice, &kind.queue, &serves), agent.idle_since)))
}

impl Waiting {
    pub(super) fn kind(&self) -> Kind {
        Kind { queue: self.queue.clone(), also: self.also.clone(), needs: self.needs.clone() }
    }

    /// Whether another phone may be rung for it.
    pub(super) fn is_open(&self, now: Timestamp) -> bool {
        self.offers.is_empty()
            || (self.only.is_none()
                && self.offers.len() < RING_MOST
                && match self.rules.ring {
                    Ring::One => false,
                    Ring::All => true,
                    Ring::Progressive => self.ring_next_at.is_none_or(|at| at <= now),
                })
    }

    pub(super) fn deadlines(&self, call: CallId) -> impl Iterator<Item = (Timestamp, Due)> {
        let quiet = self.offers.is_empty();
        let give_up = self.give_up_at.filter(|_| quiet).map(|at| (at, Due::Wait(call)));
        let only = self.only_until.filter(|_| quiet).map(|at| (at, Due::Only(call)));
        let step = self.next_step_at().filter(|_| quiet).map(|at| (at, Due::Step(call)));
        let ring = self.ring_next_at.filter(|_| !quiet).map(|at| (at, Due::RingNext(call)));
        let leave = self.leaves_at().filter(|_| quiet).map(|(at, _)| (at, Due::Leave(call)));
        [give_up, leave, only, step, ring].into_iter().flatten()
    }

    /// When the next step of widening is due, if no phone rings until then.
    pub(super) fn next_step_at(&self) -> Option<Timestamp> {
        let step = self.rules.relax.get(self.steps as usize)?;
        let paused = Duration::from_millis(self.paused_millis);
        Some(self.entered_at + Duration::from_secs(u64::from(step.after_secs)) + paused)
    }
}
