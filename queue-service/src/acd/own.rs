//! Calls that agents place themselves: they keep offers away, and need no queue and no wrap-up.

use shared::id::{AgentId, CallId};
use shared::model::agent::State;
use shared::model::call::OfferOutcome;
use shared::model::event::WrapUpEnd;
use shared::time::Timestamp;

use super::state::{Acd, Agent};

impl Agent {
    /// Done with what he did for a queue: back to a call that he placed, or idle.
    pub(super) fn rest(&mut self, now: Timestamp) {
        let state = match self.own.first() {
            Some(call) => State::Talking { call: *call, held: false },
            None => State::Idle,
        };
        self.enter(now, state);
    }
}

impl Acd {
    /// The agent is on a call of his own. What he does for a queue at the same time (an offer that rings, a call on
    /// hold, wrap-up) goes on.
    pub(super) fn own_call(&mut self, now: Timestamp, call: CallId, id: &AgentId) {
        let Some(agent) = self.agent_mut(id) else { return };
        agent.own.insert(call);
        if agent.state == State::Idle {
            agent.rest(now);
        }
    }

    /// Whether an agent has room for a call of a queue that a colleague joins with `other`: no second customer of a queue
    /// waits for him.
    pub fn may_take(&self, id: &AgentId, other: CallId) -> bool {
        self.agents.get(id).is_some_and(|agent| match &agent.state {
            State::Talking { call, .. } => *call == other || agent.own.contains(call),
            State::Idle | State::Offered { .. } | State::WrapUp { .. } => true,
        })
    }

    /// A colleague gave the agent a call of a queue. A phone of his that rings for another one stops.
    pub(super) fn take(&mut self, now: Timestamp, call: CallId, id: &AgentId) {
        match self.agents.get(id).map(|agent| agent.state.clone()) {
            Some(State::Offered { offer, .. }) => self.end_offer(now, offer, OfferOutcome::Busy, true),
            Some(State::WrapUp { .. }) => self.finish_wrap_up(now, id, None, None, WrapUpEnd::Forced),
            Some(State::Idle | State::Talking { .. }) | None => {}
        }
        if let Some(agent) = self.agent_mut(id) {
            // One that he placed himself for the queue is the queue's from its answer on.
            agent.own.remove(&call);
            agent.enter(now, State::Talking { call, held: false });
        }
    }

    /// Whether an agent is rung or on any call.
    pub fn is_on_call(&self, id: &AgentId) -> bool {
        self.agents.get(id).is_some_and(|agent| {
            !agent.own.is_empty() || matches!(agent.state, State::Offered { .. } | State::Talking { .. })
        })
    }

    pub(super) fn own_call_over(&mut self, now: Timestamp, call: CallId, id: &AgentId) {
        let Some(agent) = self.agent_mut(id) else { return };
        agent.own.remove(&call);
        if matches!(&agent.state, State::Talking { call: known, .. } if *known == call) {
            agent.rest(now);
            agent.idle_since = now;
            self.settle(now, id);
        }
    }
}
