//! Agents: what they want, their phones, their wrap-up.

use shared::api::agents::WantedStatus;
use shared::id::{AgentId, CallId, CodeId};
use shared::model::agent::{ChangedBy, Device, NotReadyReason, State, Status};
use shared::model::call::OfferOutcome;
use shared::model::decision::Trigger;
use shared::model::event::{Event, WrapUpEnd};
use shared::time::Timestamp;

use super::input::AcdError;
use super::state::{Acd, Agent};

impl Agent {
    /// The end of a call with its wrap-up: the idle clock starts.
    pub(super) fn become_idle(&mut self, now: Timestamp) {
        self.idle_since = now;
        self.tally.idle(now);
    }

    pub(super) fn enter(&mut self, now: Timestamp, state: State) {
        self.state = state;
        self.state_since = now;
    }

    fn lost_phone(&self) -> bool {
        self.phone_lost && !self.device.is_reachable()
    }
}

/// Whether the change is the agent's own doing.
pub(super) fn is_own(by: &ChangedBy, agent: &AgentId) -> bool {
    match by {
        ChangedBy::Agent => true,
        ChangedBy::User(user) => *user == agent.to_user(),
        ChangedBy::Service => false,
    }
}

impl Acd {
    /// Changes what an agent wants. While he is rung, talks or wraps up it becomes his next status; asking for the
    /// status that he has takes the next one back.
    ///
    /// # Errors
    /// [`AcdError::UnknownAgent`], [`AcdError::UnknownBreak`].
    pub fn set_status(
        &mut self,
        now: Timestamp,
        agent: &AgentId,
        wanted: WantedStatus,
        by: ChangedBy,
    ) -> Result<(), AcdError> {
        let now = self.advance(now);
        self.work_off(now);
        let known = self.agent(agent)?;
        let idle = known.state == State::Idle;
        let status = match wanted {
            WantedStatus::Ready => Status::Ready,
            WantedStatus::Offline => Status::Offline,
            WantedStatus::NotReady { reason } => {
                Status::NotReady { reason: self.reason(reason, is_own(&by, agent))? }
            }
        };
        if idle {
            self.change_status(now, agent, status, by);
            self.dispatch(now, Trigger::AgentFree);
        } else {
            self.set_next(agent, Some(status), by);
        }
        Ok(())
    }

    pub(super) fn agent(&self, agent: &AgentId) -> Result<&Agent, AcdError> {
        self.agents
            .get(agent)
            .filter(|known| !known.removed)
            .ok_or_else(|| AcdError::UnknownAgent(agent.clone()))
    }

    /// The reason for not being ready. Without a code it is the first configured one for the agent himself, and the
    /// supervisor's word when somebody else says so.
    fn reason(&self, code: Option<CodeId>, own: bool) -> Result<NotReadyReason, AcdError> {
        match code {
            Some(code) if self.breaks.iter().any(|known| known.id == code) => {
                Ok(NotReadyReason::Break { code })
            }
            Some(code) => Err(AcdError::UnknownBreak(code)),
            None if !own => Ok(NotReadyReason::Supervisor),
            None => Ok(match self.breaks.first() {
                Some(first) => NotReadyReason::Break { code: first.id.clone() },
                // Nobody configured any: he is signed in, and that is all there is to say.
                None => NotReadyReason::SignedIn,
            }),
        }
    }

    /// An agent has again what he had before the service was started again, by whom and since when he had it. A reason
    /// that is configured no more becomes that of somebody who has just signed in.
    pub(super) fn restore_status(
        &mut self,
        now: Timestamp,
        id: &AgentId,
        status: Status,
        by: ChangedBy,
        since: Timestamp,
    ) {
        let gone = match &status {
            Status::NotReady { reason: NotReadyReason::Break { code } } => {
                !self.breaks.iter().any(|known| known.id == *code)
            }
            Status::NotReady { .. } | Status::Ready | Status::Offline => false,
        };
        let status = if gone { Status::NotReady { reason: NotReadyReason::SignedIn } } else { status };
        self.begin_status(now, id, status, by, Some(since));
    }

    /// Changes the status now.
    pub(super) fn change_status(&mut self, now: Timestamp, id: &AgentId, status: Status, by: ChangedBy) {
        self.begin_status(now, id, status, by, None);
    }

    fn begin_status(
        &mut self,
        now: Timestamp,
        id: &AgentId,
        status: Status,
        by: ChangedBy,
        since: Option<Timestamp>,
    ) {
        let Some(agent) = self.agent_mut(id) else { return };
        if agent.status == status {
            return;
        }
        match &status {
            Status::Ready => {
                agent.idle_since = now;
                agent.tally.ready(now);
                agent.tally.idle(now);
            }
            Status::NotReady { .. } => agent.tally.not_ready(now),
            Status::Offline => {
                agent.tally.not_ready(now);
                agent.cool_until = None;
                agent.disconnected_since = None;
            }
        }
        agent.status = status.clone();
        self.publish(Event::AgentStatusChanged { agent: id.clone(), status, by, since });
    }

    /// Sets what takes effect when the agent is free; the status that he has is none.
    fn set_next(&mut self, id: &AgentId, next: Option<Status>, by: ChangedBy) {
        let Some(agent) = self.agent_mut(id) else { return };
        let next = next.filter(|next| *next != agent.status);
        agent.next_by = by;
        if agent.next != next {
            agent.next.clone_from(&next);
            self.publish(Event::AgentNextStatusSet { agent: id.clone(), next });
        }
    }

    /// An agent is done with what he did for a queue: what waited for that takes effect, unless a call that he placed
    /// goes on.
    pub(super) fn settle(&mut self, now: Timestamp, id: &AgentId) {
        let Some(agent) = self.agent_mut(id) else { return };
        if agent.state != State::Idle {
            return;
        }
        if agent.removed {
            self.agents.remove(id);
            self.publish(Event::AgentRemoved { agent: id.clone() });
        } else if let Some(next) = agent.next.take() {
            let by = agent.next_by.clone();
            self.publish(Event::AgentNextStatusSet { agent: id.clone(), next: None });
            self.change_status(now, id, next, by);
        } else if agent.status == Status::Ready && agent.lost_phone() {
            let status = Status::NotReady { reason: NotReadyReason::PhoneLost };
            self.change_status(now, id, status, ChangedBy::Service);
        }
    }

    /// After a queue call, who takes calls on demand has to ask for the next one.
    pub(super) fn settle_after_call(&mut self, now: Timestamp, id: &AgentId) {
        let Some(agent) = self.agents.get(id) else { return };
        if agent.info.on_demand && agent.status == Status::Ready && agent.next.is_none() {
            let status = Status::NotReady { reason: NotReadyReason::OnDemand };
            match agent.state {
                State::Idle => self.change_status(now, id, status, ChangedBy::Service),
                _ => self.set_next(id, Some(status), ChangedBy::Service),
            }
        }
        self.settle(now, id);
    }

    pub(super) fn set_held(&mut self, call: CallId, id: &AgentId, now_held: bool) {
        if let Some(agent) = self.agent_mut(id)
            && let State::Talking { call: known, held } = &mut agent.state
            && *known == call
        {
            *held = now_held;
        }
    }

    pub(super) fn set_device(&mut self, now: Timestamp, id: &AgentId, device: Device) {
        let Some(agent) = self.agent_mut(id) else { return };
        let device = match (device, &agent.info.contact) {
            (Device::None, Some(contact)) => Device::Fixed { contact: contact.clone() },
            (device, _) => device,
        };
        if agent.device == device {
            return;
        }
        agent.phone_lost = agent.device.is_reachable() && !device.is_reachable();
        agent.device = device.clone();
        let lost = agent.phone_lost;
        let state = agent.state.clone();
        self.publish(Event::AgentDeviceChanged { agent: id.clone(), device });
        if !lost {
            return;
        }
        match state {
            State::Idle => self.settle(now, id),
            State::Offered { offer, .. } => self.end_offer(now, offer, OfferOutcome::Unreachable, true),
            // A talk may go on without a registration; it counts when he is free.
            State::Talking { .. } | State::WrapUp { .. } => {}
        }
    }

    pub(super) fn sign_in(&mut self, now: Timestamp, id: &AgentId) {
        let Ok(agent) = self.agent(id) else { return };
        if agent.status == Status::Offline {
            let status = Status::NotReady { reason: NotReadyReason::SignedIn };
            self.change_status(now, id, status, ChangedBy::Agent);
        } else if agent.next == Some(Status::Offline) {
            self.set_next(id, None, ChangedBy::Agent);
        }
    }

    pub(super) fn sign_out(&mut self, now: Timestamp, id: &AgentId) {
        let Ok(agent) = self.agent(id) else { return };
        let state = agent.state.clone();
        if state == State::Idle {
            self.change_status(now, id, Status::Offline, ChangedBy::Agent);
            return;
        }
        self.set_next(id, Some(Status::Offline), ChangedBy::Agent);
        match state {
            // He walked away from a ringing phone: the same as refusing.
            State::Offered { offer, .. } => self.end_offer(now, offer, OfferOutcome::Rejected, true),
            State::WrapUp { .. } => self.finish_wrap_up(now, id, None, None, WrapUpEnd::Forced),
            State::Talking { .. } | State::Idle => {}
        }
    }

    pub(super) fn set_presence(&mut self, now: Timestamp, id: &AgentId, connected: bool) {
        let Some(agent) = self.agent_mut(id) else { return };
        if !connected {
            if agent.status != Status::Offline && agent.disconnected_since.is_none() {
                agent.disconnected_since = Some(now);
            }
            return;
        }
        agent.disconnected_since = None;
        if agent.next == Some(Status::NotReady { reason: NotReadyReason::ConnectionLost }) {
            self.set_next(id, None, ChangedBy::Service);
        }
    }

    /// The grace time is over.
    pub(super) fn connection_lost(&mut self, now: Timestamp, id: &AgentId) {
        let Some(agent) = self.agent_mut(id) else { return };
        agent.disconnected_since = None;
        if agent.status != Status::Ready {
            return;
        }
        let status = Status::NotReady { reason: NotReadyReason::ConnectionLost };
        if agent.state == State::Idle {
            self.change_status(now, id, status, ChangedBy::Service);
        } else if agent.next.is_none() {
            self.set_next(id, Some(status), ChangedBy::Service);
        }
    }
}
