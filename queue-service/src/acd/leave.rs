//! When a queue turns calls away, and when those that wait leave: its hours, its room, and whether anybody is there.

use std::time::Duration;

use shared::id::{CallId, QueueId};
use shared::model::agent::{State, Status};
use shared::model::call::QueueExit;
use shared::model::queue::{Destination, QueueInfo};
use shared::model::rules::Away;
use shared::time::Timestamp;

use super::state::{Acd, Agent, Waiting};

impl Agent {
    /// What keeps him from every call; none when he is free.
    fn away(&self) -> Option<Away> {
        match (&self.state, &self.status) {
            (State::Offered { .. }, _) => Some(Away::Ringing),
            (State::Talking { .. }, _) => Some(Away::Talking),
            (State::WrapUp { .. }, _) => Some(Away::WrapUp),
            (State::Idle, Status::Offline) => Some(Away::Offline),
            (State::Idle, Status::NotReady { .. }) => Some(Away::NotReady),
            // Who takes no calls is as good as not there.
            (State::Idle, Status::Ready) if !self.has_slot() => Some(Away::Offline),
            (State::Idle, Status::Ready) if !self.device.is_reachable() => Some(Away::NoPhone),
            (State::Idle, Status::Ready) => self.cool_until.map(|_| Away::CoolDown),
        }
    }
}

impl Waiting {
    /// When it leaves because the queue closed or nobody is there, the earlier of both, with the reason.
    pub(super) fn leaves_at(&self) -> Option<(Timestamp, QueueExit)> {
        let closes = self.closes_at.map(|at| (at, QueueExit::Closed));
        let empty = self.empty_until.filter(|_| self.only.is_none()).map(|at| (at, QueueExit::Overflowed));
        [closes, empty].into_iter().flatten().min_by_key(|(at, _)| *at)
    }
}

impl Acd {
    /// Why a queue would not take a call now, and where it would go. A full queue still takes a call that somebody is
    /// free for.
    pub(super) fn turns_away<'q>(
        &self,
        now: Timestamp,
        info: &'q QueueInfo,
    ) -> Option<(QueueExit, &'q Destination)> {
        let known = self.index.queues.get(&info.id);
        // Hours that cannot be read are refused with the configuration; if they get here, calls are not lost for it.
        let open = known.and_then(|known| known.hours.as_ref()).is_none_or(|hours| hours.is_open(now));
        if !open {
            return Some((QueueExit::Closed, &info.when_closed));
        }
        if !info.waiting.refuse_when_all.is_empty() && self.all_away(&info.id, &info.waiting.refuse_when_all)
        {
            return Some((QueueExit::Overflowed, &info.waiting.when_empty));
        }
        let waiting = known.map_or(0, |known| known.waiting);
        let full = waiting >= info.max_waiting as usize && !self.somebody_free_for(info);
        full.then_some((QueueExit::Full, &info.when_full))
    }

    /// Whether every agent of a queue is in one of these states. True without agents.
    fn all_away(&self, queue: &QueueId, states: &[Away]) -> bool {
        let Some(known) = self.index.queues.get(queue) else { return true };
        known.free.is_empty()
            && known
                .busy
                .iter()
                .filter_map(|id| self.agents.get(id))
                .all(|agent| agent.removed || agent.away().is_some_and(|away| states.contains(&away)))
    }

    /// The moment at which a call that comes now has to leave, by the hours of its queue.
    pub(super) fn closes_at(&self, now: Timestamp, info: &QueueInfo) -> Option<Timestamp> {
        if info.waiting.serve_after_closing {
            return None;
        }
        self.index.queues.get(&info.id)?.hours.as_ref()?.closes_after(now)
    }

    /// The moment at which a call that comes now has to leave because nobody is there.
    pub(super) fn empty_until(&self, now: Timestamp, info: &QueueInfo) -> Option<Timestamp> {
        let rule = &info.waiting;
        let is_empty = !rule.leave_when_all.is_empty() && self.all_away(&info.id, &rule.leave_when_all);
        is_empty.then(|| now + Duration::from_secs(u64::from(rule.leave_after_secs)))
    }

    /// Notes where nobody is left, or somebody is again. Calls keep the rule that they came with; queues without calls
    /// that have such a rule cost nothing.
    pub(super) fn watch_empty(&mut self, now: Timestamp) {
        let changed: Vec<_> = self
            .index
            .leaving
            .iter()
            .map(|(rule, leaving)| (rule, leaving, self.all_away(&rule.0, &rule.1)))
            .filter(|(_, leaving, is_empty)| leaving.is_empty != *is_empty)
            .map(|(rule, leaving, is_empty)| (rule.clone(), leaving.calls.clone(), is_empty))
            .collect();
        for (rule, calls, is_empty) in changed {
            if let Some(leaving) = self.index.leaving.get_mut(&rule) {
                leaving.is_empty = is_empty;
            }
            for call in calls {
                if let Some(waiting) = self.call_mut(call) {
                    let after = Duration::from_secs(u64::from(waiting.waits.leave_after_secs));
                    waiting.empty_until = is_empty.then(|| now + after);
                }
            }
        }
        self.flush(now);
    }

    /// A call leaves because its queue closed, or because nobody is there.
    pub(super) fn leave_by_rule(&mut self, now: Timestamp, call: CallId) {
        let Some(waiting) = self.waiting.get(&call) else { return };
        if let Some((_, exit)) = waiting.leaves_at().filter(|(at, _)| *at <= now) {
            let to = match exit {
                QueueExit::Closed => waiting.when_closed.clone(),
                _ => waiting.waits.when_empty.clone(),
            };
            self.leave_for(now, call, exit, to);
        }
    }
}
