//! How long a call will wait: the head of the queue is played forward many times, and the middle and the long end of what
//! comes out are told.
//!
//! What is played: the agents who take the queue's calls become free after what the queue's last calls took (talk with
//! hold, and wrap-up; of a talk that goes on, those that took longer than it has taken yet); each takes the first call
//! that he may have, of all his queues; callers before this one hang up at the rate of the day. Calls that come later
//! and are served before this one by their priority are not foreseen, and neither are agents who come or go.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use shared::api::queues::ExpectedWait;
use shared::id::{AgentId, CallId, QueueId};
use shared::model::agent::State;
use shared::model::call::QueueExit;
use shared::time::Timestamp;

use super::kind::missing_skill;
use super::state::{Acd, Agent};

/// Handling times of a queue that are remembered; the oldest goes.
const KEPT: usize = 200;
/// With fewer nothing is foreseen.
const LEAST: usize = 10;
/// How often the queue is played forward.
const RUNS: usize = 100;
/// Agents, and calls, that are played; of more, each stands for several.
const MOST: usize = 100;

/// What a queue's calls have taken.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Experience {
    /// Talk with hold and wrap-up of the last calls, in milliseconds.
    handled_millis: VecDeque<u64>,
    /// Callers who hung up while waiting, today.
    abandoned: u64,
    /// What all calls have waited, today, in milliseconds.
    waited_millis: u64,
}

impl Experience {
    pub(super) fn handled(&mut self, millis: u64) {
        if self.handled_millis.len() >= KEPT {
            self.handled_millis.pop_front();
        }
        self.handled_millis.push_back(millis);
    }

    pub(super) fn left(&mut self, exit: QueueExit, wait_millis: u64) {
        self.waited_millis = self.waited_millis.saturating_add(wait_millis);
        self.abandoned += u64::from(matches!(exit, QueueExit::Abandoned | QueueExit::ShortAbandon));
    }

    pub(super) fn restart(&mut self) {
        (self.abandoned, self.waited_millis) = (0, 0);
    }

    /// A handling time by lot; of a call that has taken `elapsed` already what is left of it. Then no call of the past
    /// may have taken as long: it is taken to be about to end.
    fn draw(&self, random: &mut StdRng, elapsed_millis: u64) -> u64 {
        let longer = || self.handled_millis.iter().filter(|millis| **millis > elapsed_millis);
        match longer().count() {
            0 => 0,
            count => longer().nth(random.random_range(0..count)).map_or(0, |millis| millis - elapsed_millis),
        }
    }

    /// How long a caller would wait before he hangs up, by lot, in milliseconds; for ever when nobody has.
    fn patience(&self, random: &mut StdRng) -> u64 {
        if self.abandoned == 0 {
            return u64::MAX;
        }
        let mean = self.waited_millis as f64 / self.abandoned as f64;
        (-(1.0 - random.random::<f64>()).ln() * mean) as u64
    }
}

/// The floor as far as one call's wait depends on it.
struct Head<'a> {
    /// Each agent's queues, and the milliseconds until he is free; none for a draw of a whole call.
    agents: Vec<(&'a BTreeSet<&'a QueueId>, Busy)>,
    /// Calls before this one, in the order of service.
    ahead: Vec<&'a QueueId>,
}

#[derive(Clone, Copy)]
enum Busy {
    Not,
    /// For a call that has taken so long already, in milliseconds.
    Call(u64),
    /// For so long, in milliseconds.
    For(u64),
}

impl Acd {
    /// A waiting call's place in the order of service of its queue, from 1.
    pub fn position(&self, queue: &QueueId, call: CallId) -> Option<u32> {
        let waiting = self.waiting.get(&call).filter(|waiting| waiting.queue == *queue)?;
        let known = self.index.queues.get(queue)?;
        u32::try_from(known.order.range(..(waiting.service_key(), call)).count() + 1).ok()
    }

    /// How long a call that waits in a queue will wait from now on; without a call, one that came now. None when too
    /// little is known: fewer than ten calls handled, or nobody who takes calls.
    pub fn expected_wait(
        &self,
        now: Timestamp,
        queue: &QueueId,
        call: Option<CallId>,
    ) -> Option<ExpectedWait> {
        let info = self.queues.get(queue)?;
        let known = self.index.queues.get(queue)?;
        let experience = self.experience.get(queue).filter(|known| known.handled_millis.len() >= LEAST)?;
        let waiting = call.and_then(|call| self.waiting.get(&call));
        if waiting.is_some_and(|waiting| !waiting.offers.is_empty()) {
            return Some(ExpectedWait { p50_secs: 0, p90_secs: 0 });
        }
        let place = match (call, waiting) {
            (Some(call), Some(waiting)) => (waiting.service_key(), call),
            _ => (now - super::calls::secs(info.priority_secs), CallId::from_u64(u64::MAX)),
        };
        let serves =
            |agent: &&Agent| agent.takes_calls() && missing_skill(&agent.info, &info.skills).is_none();
        let staff: Vec<&Agent> = known
            .free
            .iter()
            .chain(&known.busy)
            .filter_map(|id: &AgentId| self.agents.get(id))
            .filter(serves)
            .collect();
        if staff.is_empty() {
            return None;
        }
        let queues: Vec<BTreeSet<&QueueId>> =
            staff.iter().map(|agent| agent.info.queues.iter().collect()).collect();
        let all: BTreeSet<&QueueId> = queues.iter().flatten().copied().collect();
        let mut ahead: Vec<_> = all
            .iter()
            .filter_map(|id| Some((*id, self.index.queues.get(*id)?)))
            .flat_map(|(id, known)| known.order.range(..place).map(move |key| (*key, id)))
            .collect();
        ahead.sort_unstable();
        let each = (staff.len().max(ahead.len()).div_ceil(MOST)).max(1);
        let busy = |agent: &Agent| match &agent.state {
            State::Idle => agent.cool_until.map_or(Busy::Not, |until| Busy::For(until.millis_since(now))),
            State::Offered { .. } => Busy::Call(0),
            State::Talking { .. } => Busy::Call(now.millis_since(agent.state_since)),
            State::WrapUp { until, .. } => until
                .map_or(Busy::Call(agent.talked_millis + now.millis_since(agent.state_since)), |until| {
                    Busy::For(until.millis_since(now))
                }),
        };
        let head = Head {
            agents: staff.iter().zip(&queues).step_by(each).map(|(agent, of)| (of, busy(agent))).collect(),
            ahead: ahead.iter().step_by(each).map(|(_, id)| *id).collect(),
        };
        let mut random = StdRng::seed_from_u64(self.seed ^ place.1.as_u64() ^ now.as_micros().unsigned_abs());
        let mut waits: Vec<u64> =
            (0..RUNS).map(|_| head.play(&mut random, experience, &self.experience)).collect();
        waits.sort_unstable();
        let at = |percent: usize| {
            let millis = waits.get(waits.len() * percent / 100).copied().unwrap_or(0);
            u32::try_from(millis.div_ceil(1_000)).unwrap_or(u32::MAX)
        };
        Some(ExpectedWait { p50_secs: at(50), p90_secs: at(90) })
    }
}

impl Head<'_> {
    /// One future: the milliseconds until an agent takes this call.
    fn play(&self, random: &mut StdRng, own: &Experience, of: &BTreeMap<QueueId, Experience>) -> u64 {
        let mut free: BinaryHeap<Reverse<(u64, usize)>> = self
            .agents
            .iter()
            .enumerate()
            .map(|(place, (_, busy))| {
                let millis = match busy {
                    Busy::Not => 0,
                    Busy::Call(elapsed) => own.draw(random, *elapsed),
                    Busy::For(millis) => *millis,
                };
                Reverse((millis, place))
            })
            .collect();
        let of = |queue: &QueueId| of.get(queue).unwrap_or(own);
        let mut ahead: VecDeque<(&QueueId, u64)> =
            self.ahead.iter().map(|queue| (*queue, of(queue).patience(random))).collect();
        while let Some(Reverse((at, place))) = free.pop() {
            let Some((serves, _)) = self.agents.get(place) else { continue };
            ahead.retain(|(_, patience)| *patience > at);
            let Some(next) = ahead.iter().position(|(queue, _)| serves.contains(queue)) else { return at };
            if let Some((queue, _)) = ahead.remove(next) {
                free.push(Reverse((at.saturating_add(of(queue).draw(random, 0).max(1)), place)));
            }
        }
        0
    }
}
