//! Calls that agents place in a random run, and customers whom they join with a colleague, as the call machines tell it.

use shared::id::{AgentId, CallId};
use shared::model::call::{Direction, EndCause, Party};
use shared::model::event::{Event, TransferTarget};

use super::super::super::Input;
use super::super::{agent_id, call_id};
use super::Run;
use super::step::AGENTS;

/// The call that an agent places; he has one at a time.
pub(super) fn own_call(who: usize) -> CallId {
    call_id(500 + who as u64)
}

impl Run {
    pub(super) fn place(&mut self, who: usize, colleague: Option<usize>) {
        let call = own_call(who);
        let agents = &self.oracle.floor.agents;
        let known = |who: usize| agents.contains_key(&agent_id(AGENTS[who]));
        if self.oracle.floor.calls.contains_key(&call) || !known(who) {
            return;
        }
        let colleague = colleague.filter(|other| known(*other)).map(|other| agent_id(AGENTS[other]));
        let by = agent_id(AGENTS[who]);
        let direction = if colleague.is_some() { Direction::Internal } else { Direction::Outbound };
        let to = Party { number: "0301234".into(), name: String::new() };
        let placed = Event::CallPlaced {
            call,
            by: by.to_user(),
            direction,
            to,
            colleague: colleague.clone(),
            queue: None,
        };
        self.oracle.publish(self.now, &placed);
        for agent in [by].into_iter().chain(colleague) {
            self.input(Input::OwnCall { call, agent });
        }
    }

    /// The end of a call that somebody placed.
    pub(super) fn hang_up(&mut self, call: CallId) {
        let Some(members) = self.oracle.floor.calls.get(&call).map(|live| live.members.clone()) else {
            return;
        };
        for agent in members {
            let left = Event::AgentLeft { call, agent: agent.clone(), talk_millis: 0, hold_millis: 0 };
            self.oracle.publish(self.now, &left);
            self.input(Input::OwnCallOver { call, agent });
        }
        self.oracle.publish(self.now, &Event::CallEnded { call, cause: EndCause::AgentHungUp });
    }

    pub(super) fn join(&mut self, who: usize, colleague: usize) {
        let (Some(call), other) = (self.talk_of(who), own_call(who)) else { return };
        if colleague != who {
            self.place(who, Some(colleague));
        }
        let by = agent_id(AGENTS[who]);
        let members: Vec<AgentId> =
            self.oracle.floor.calls.get(&other).map(|live| live.members.clone()).unwrap_or_default();
        let Some(agent) = members.into_iter().find(|member| *member != by) else { return };
        if !self.acd.may_take(&agent, other) {
            return;
        }
        let queue = self.oracle.floor.tally.serving[&by].clone();
        let target = TransferTarget::Agent { agent: agent.clone() };
        self.oracle.publish(self.now, &Event::CallTransferred { call, by: by.clone(), target });
        self.release(who, true);
        self.input(Input::Taken { call, agent: agent.clone() });
        let joined = Event::CallJoined {
            call,
            other,
            by,
            party: Party::default(),
            agent: Some(agent),
            queue: Some(queue),
        };
        self.oracle.publish(self.now, &joined);
        self.hang_up(other);
    }
}
