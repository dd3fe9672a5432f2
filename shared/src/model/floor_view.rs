//! What the floor answers: who waits, who is free, the figures of the moment. Used by the service, both apps and the
//! wallboard, so that they all say the same.

use crate::api::queues::QueueReport;
use crate::api::reports::{AgentReport, DayReport};
use crate::id::{AgentId, CallId, QueueId};
use crate::model::agent::{Channel, Device, State, Status};
use crate::model::call::{LiveCall, Phase};
use crate::model::callback::OpenCallback;
use crate::model::distribution::Distributions;
use crate::model::floor::{AgentView, Floor};
use crate::model::metric::{AgentCounts, QueueCounts};
use crate::time::Timestamp;

/// What an agent's time counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stretch {
    /// Not signed in, and in no call.
    Offline,
    /// Ready, idle or ringing.
    Ready,
    /// Signed in, not ready, in no call.
    NotReady,
    /// On a call, held or not.
    Talk,
    /// In wrap-up.
    WrapUp,
}

impl AgentView {
    /// What the agent's time counts as now, and for how many milliseconds, since the last change of status or state
    /// but not from before `day_since`.
    pub fn open_stretch(&self, day_since: Timestamp, now: Timestamp) -> (Stretch, u64) {
        let since = self.status_since.max(self.state_since);
        match (&self.state, &self.status) {
            (State::Talking { .. }, _) => (Stretch::Talk, now.millis_since(self.state_since.max(day_since))),
            (State::WrapUp { .. }, _) => (Stretch::WrapUp, now.millis_since(self.state_since.max(day_since))),
            (State::Idle | State::Offered { .. }, Status::Ready) => {
                (Stretch::Ready, now.millis_since(since.max(day_since)))
            }
            (State::Idle | State::Offered { .. }, Status::NotReady { .. }) => {
                (Stretch::NotReady, now.millis_since(since.max(day_since)))
            }
            (State::Idle | State::Offered { .. }, Status::Offline) => (Stretch::Offline, 0),
        }
    }

    /// Counts the open stretch when it is one of ready or not ready; talk and wrap-up are counted by the events that
    /// end them.
    pub(super) fn close_stretch(&mut self, day_since: Timestamp, now: Timestamp) {
        match self.open_stretch(day_since, now) {
            (Stretch::Ready, millis) => self.counts.ready_millis += millis,
            (Stretch::NotReady, millis) => self.counts.not_ready_millis += millis,
            (Stretch::Offline | Stretch::Talk | Stretch::WrapUp, _) => {}
        }
    }

    /// Signed in, ready or not.
    pub fn is_signed_in(&self) -> bool {
        self.status != Status::Offline
    }

    /// Ready, with a slot for a call.
    pub fn is_free(&self) -> bool {
        self.status == Status::Ready && self.free_slots(Channel::Voice) > 0
    }

    /// Slots of a channel that are not in use.
    pub fn free_slots(&self, channel: Channel) -> u8 {
        self.info.capacity.of(channel).saturating_sub(self.state.uses(channel))
    }

    /// On a call.
    pub fn is_talking(&self) -> bool {
        matches!(self.state, State::Talking { .. })
    }

    /// Serves the queue.
    pub fn serves(&self, queue: &QueueId) -> bool {
        self.info.queues.contains(queue)
    }
}

impl Phase {
    /// Waits in that queue, whether a phone rings for it or not.
    pub fn waits_in(&self, wanted: &QueueId) -> bool {
        match self {
            Phase::Waiting { queue, .. } | Phase::Offered { queue, .. } => queue == wanted,
            Phase::Arrived
            | Phase::Talking { .. }
            | Phase::TakenOver { .. }
            | Phase::Dialling { .. }
            | Phase::Outside { .. } => false,
        }
    }

    /// Since when it waits, when it does.
    pub fn waits_since(&self) -> Option<Timestamp> {
        match self {
            Phase::Waiting { since, .. } | Phase::Offered { since, .. } => Some(*since),
            Phase::Arrived
            | Phase::Talking { .. }
            | Phase::TakenOver { .. }
            | Phase::Dialling { .. }
            | Phase::Outside { .. } => None,
        }
    }
}

impl Floor {
    /// Calls that wait in a queue (ringing ones too), in the order in which they are served.
    pub fn waiting(&self, queue: &QueueId) -> Vec<&LiveCall> {
        let mut calls: Vec<&LiveCall> =
            self.calls.values().filter(|call| call.phase.waits_in(queue)).collect();
        calls.sort_by_key(|call| (service_key(call), call.id));
        calls
    }

    /// Since when the longest one waits.
    pub fn longest_since(&self, queue: &QueueId) -> Option<Timestamp> {
        self.calls
            .values()
            .filter(|call| call.phase.waits_in(queue))
            .filter_map(|call| call.phase.waits_since())
            .min()
    }

    /// Callbacks of a queue that are not over, in the order of their places.
    pub fn callbacks_of(&self, queue: &QueueId) -> Vec<&OpenCallback> {
        let mut open: Vec<&OpenCallback> =
            self.callbacks.values().filter(|callback| callback.queue == *queue).collect();
        let priority = |callback: &OpenCallback| {
            callback.since - std::time::Duration::from_secs(callback.priority_secs.into())
        };
        open.sort_by_key(|callback| (priority(callback), callback.id));
        open
    }

    /// Agents who serve a queue.
    pub fn agents_of<'f>(&'f self, queue: &'f QueueId) -> impl Iterator<Item = &'f AgentView> {
        self.agents.values().filter(move |agent| agent.serves(queue))
    }

    /// Agents of a queue who are signed in.
    pub fn agents_signed_in(&self, queue: &QueueId) -> u32 {
        count(self.agents_of(queue).filter(|agent| agent.is_signed_in()))
    }

    /// Agents of a queue who are ready and idle.
    pub fn agents_ready(&self, queue: &QueueId) -> u32 {
        count(self.agents_of(queue).filter(|agent| agent.is_free()))
    }

    /// Agents of a queue who talk (for any queue).
    pub fn agents_talking(&self, queue: &QueueId) -> u32 {
        count(self.agents_of(queue).filter(|agent| agent.is_talking()))
    }

    /// Calls that wait beyond the queue's target. Their time counts from when they entered this queue, as it will when
    /// they leave it.
    fn late_waiting(&self, queue: &QueueId, now: Timestamp) -> u64 {
        let Some(view) = self.queues.get(queue) else { return 0 };
        let target_millis = u64::from(view.info.target_secs) * 1000;
        let late = |call: &&LiveCall| {
            let entered_at = self.tally.calls.get(&call.id).map(|last| last.entered_at);
            entered_at.is_some_and(|entered_at| now.millis_since(entered_at) > target_millis)
        };
        self.calls.values().filter(|call| call.phase.waits_in(queue)).filter(late).count() as u64
    }

    /// A queue now, with its figures; none for a queue that is not on the floor.
    pub fn queue_report(&self, queue: &QueueId, now: Timestamp) -> Option<QueueReport> {
        let view = self.queues.get(queue)?;
        Some(QueueReport {
            info: view.info.clone(),
            waiting: count(self.calls.values().filter(|call| call.phase.waits_in(queue))),
            longest_since: self.longest_since(queue),
            callbacks: count(self.callbacks.values().filter(|callback| callback.queue == *queue)),
            agents_signed_in: self.agents_signed_in(queue),
            agents_ready: self.agents_ready(queue),
            agents_talking: self.agents_talking(queue),
            counts: view.counts.clone(),
            figures: view.counts.figures(self.late_waiting(queue, now)),
        })
    }

    /// An agent's day, with the stretch that is still open; none for an agent who is not on the floor. The open talk
    /// or wrap-up counts for occupancy and in the times, not for the average handle time.
    pub fn agent_report(&self, agent: &AgentId, now: Timestamp) -> Option<AgentReport> {
        let view = self.agents.get(agent)?;
        let aht_secs = view.counts.aht_secs();
        let mut counts = view.counts.clone();
        match view.open_stretch(self.tally.day_since, now) {
            (Stretch::Ready, millis) => counts.ready_millis += millis,
            (Stretch::NotReady, millis) => counts.not_ready_millis += millis,
            (Stretch::Talk, millis) if self.is_own(view) => counts.own_millis += millis,
            (Stretch::Talk, millis) => counts.talk_millis += millis,
            (Stretch::WrapUp, millis) => counts.wrap_up_millis += millis,
            (Stretch::Offline, _) => {}
        }
        Some(AgentReport {
            agent: agent.clone(),
            name: view.info.name.clone(),
            occupancy_percent: counts.occupancy_percent(),
            aht_secs,
            counts,
        })
    }

    /// The agent talks on a call that he placed himself, or that a colleague placed to him.
    fn is_own(&self, view: &AgentView) -> bool {
        let live = view.state.call().and_then(|call| self.calls.get(&call));
        live.is_some_and(|live| {
            live.members.contains(&view.info.id) && !matches!(live.phase, Phase::Talking { .. })
        })
    }

    /// The day's numbers; the distributions are folded from the same events.
    pub fn day_report(&self, now: Timestamp, distributions: &Distributions) -> DayReport {
        let mut total = QueueCounts::default();
        let mut late = 0;
        for (queue, view) in &self.queues {
            total.add(&view.counts);
            late += self.late_waiting(queue, now);
        }
        DayReport {
            day: self.day.clone(),
            seq: self.seq,
            queues: self.queues.keys().filter_map(|queue| self.queue_report(queue, now)).collect(),
            figures: total.figures(late),
            total,
            agents: self.agents.keys().filter_map(|agent| self.agent_report(agent, now)).collect(),
            wait: distributions.wait(),
            talk: distributions.talk(),
            setup: distributions.setup(),
        }
    }

    /// The call that the agent is rung for, talks on or wraps up.
    pub fn call_of(&self, agent: &AgentId) -> Option<CallId> {
        self.agents.get(agent)?.state.call()
    }

    /// The call that the agent is rung for or talks on.
    pub fn call_in_hand(&self, agent: &AgentId) -> Option<CallId> {
        match &self.agents.get(agent)?.state {
            State::Offered { call, .. } | State::Talking { call, .. } => Some(*call),
            State::Idle | State::WrapUp { .. } => None,
        }
    }

    /// What one agent may see: himself whole; of colleagues name and status, to transfer to; the queues without their
    /// counts; the call that he is rung for or talks on whole; which calls wait in his queues. Every other call is
    /// there by its name only, wherever it is, so that its name is known when it rings.
    /// [`Event::visible_to_agent`](crate::model::event::Event::visible_to_agent) keeps such a picture up to date.
    pub fn for_agent(&self, agent: &AgentId) -> Floor {
        let mut floor = self.clone();
        for view in floor.queues.values_mut() {
            view.counts = QueueCounts::default();
        }
        for (id, view) in &mut floor.agents {
            if id != agent {
                view.info.contact = None;
                view.next_status = None;
                view.state = State::Idle;
                view.state_since = view.status_since;
                view.device = Device::None;
                view.counts = AgentCounts::default();
            }
        }
        floor.trunks.clear();
        floor.callbacks.clear();
        // Whom colleagues call is between them.
        floor.calls.retain(|_, call| call.members.is_empty() || call.members.contains(agent));
        let own = self.call_in_hand(agent);
        let queues = self.agents.get(agent).map(|view| view.info.queues.as_slice()).unwrap_or_default();
        for (id, call) in &mut floor.calls {
            if own == Some(*id) || call.members.contains(agent) {
                continue;
            }
            call.offers = 0;
            call.supervision.clear();
            call.unheard.clear();
            match &call.phase {
                // Whom it rings is between the service and that agent.
                Phase::Waiting { queue, since } | Phase::Offered { queue, since, .. }
                    if queues.contains(queue) =>
                {
                    call.phase = Phase::Waiting { queue: queue.clone(), since: *since };
                }
                Phase::Arrived
                | Phase::Waiting { .. }
                | Phase::Offered { .. }
                | Phase::Talking { .. }
                | Phase::TakenOver { .. }
                | Phase::Dialling { .. }
                | Phase::Outside { .. } => call.phase = Phase::Arrived,
            }
        }
        let calls = &floor.calls;
        floor.tally.calls.retain(|id, _| {
            own == Some(*id) || calls.get(id).is_some_and(|call| call.phase.waits_since().is_some())
        });
        floor.tally.serving.retain(|id, _| id == agent);
        floor
    }
}

/// Calls are served by this, lowest first: when they would have come if priority had been waiting.
fn service_key(call: &LiveCall) -> Option<Timestamp> {
    let priority = std::time::Duration::from_secs(u64::from(call.priority_secs));
    call.phase.waits_since().map(|since| since - priority)
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}
