//! Calls that agents place themselves: they keep offers away, and need no queue and no wrap-up.

use shared::id::{AgentId, CallId};
use shared::model::agent::State;
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
        let Some(agent) = self.agents.get_mut(id) else { return };
        agent.own.insert(call);
        if agent.state == State::Idle {
            agent.rest(now);
        }
    }

    pub(super) fn own_call_over(&mut self, now: Timestamp, call: CallId, id: &AgentId) {
        let Some(agent) = self.agents.get_mut(id) else { return };
        agent.own.remove(&call);
        if matches!(&agent.state, State::Talking { call: known, .. } if *known == call) {
            agent.rest(now);
            agent.idle_since = now;
            self.settle(now, id);
        }
    }
}
