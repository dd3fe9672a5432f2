//! Talk: the agent has the call; hold, transfer, and how it goes on when the agent leaves.

use shared::id::{LegId, OfferId, UserId};
use shared::model::call::{EndCause, SupervisionMode};
use shared::model::event::{Event, TransferTarget};
use shared::time::Timestamp;

use super::callback::Recall;
use super::dial::Dialling;
use super::io::{AcdAsk, LegEnd, Output, Refusal, Sound};
use super::machine::{Machine, Phase, Talking, Timer};
use super::originate::Summoning;

/// A REFER of somebody who may not (RFC 3261 §21.4.4).
pub(crate) const FORBIDDEN: u16 = 403;
/// A REFER that leads nowhere. Not 404, which would end the talk as well (RFC 5057 §5.1).
pub(crate) const DECLINED: u16 = 603;

impl Machine {
    pub(super) fn won(&mut self, now: Timestamp, offer: OfferId, wait_millis: u64, answered_at: Timestamp) {
        if self.won_callback(now, offer) {
            return;
        }
        let Phase::Waiting(waiting) = &mut self.phase else {
            return;
        };
        let Some(place) = waiting.ringing.iter().position(|ringing| ringing.offer == offer) else {
            return;
        };
        let ringing = waiting.ringing.remove(place);
        let (queue, queued_since) = (waiting.queue.clone(), waiting.since);
        // The others were too late.
        self.drop_ringing(true);
        let record = queue.record && !self.recording;
        let queue_id = queue.id.clone();
        self.timers.cancel(&Timer::Announcement);
        self.phase = Phase::Talking(Talking {
            queue: Some(queue),
            queued_since,
            agent: ringing.agent.clone(),
            leg: ringing.leg,
            since: now,
            held_since: None,
            hold_millis: 0,
        });
        // An answer pre-empts whatever plays.
        self.out(Output::StopPlay { leg: self.arrival.customer });
        self.hear();
        if record {
            self.recording = true;
            self.out(Output::Record);
        }
        self.publish(Event::CallConnected {
            call: self.arrival.call,
            queue: queue_id,
            agent: ringing.agent,
            wait_millis,
            setup_millis: now.millis_since(answered_at),
        });
    }

    pub(super) fn leg_hold(&mut self, now: Timestamp, leg: LegId, held: bool) {
        let Phase::Talking(talking) = &self.phase else {
            return;
        };
        // The customer's own hold is between his phone and its media port.
        if talking.leg == leg && talking.held_since.is_some() != held {
            self.set_hold(now, held);
        }
    }

    pub(super) fn request_hold(&mut self, now: Timestamp, held: bool) -> Result<(), Refusal> {
        let Phase::Talking(talking) = &self.phase else {
            return Err(Refusal::NotTalking);
        };
        match (talking.held_since.is_some(), held) {
            (true, true) => Err(Refusal::AlreadyHeld),
            (false, false) => Err(Refusal::NotHeld),
            (true, false) | (false, true) => {
                self.set_hold(now, held);
                Ok(())
            }
        }
    }

    /// Puts the customer on hold or brings him back.
    pub(super) fn set_hold(&mut self, now: Timestamp, held: bool) {
        let Phase::Talking(talking) = &mut self.phase else {
            return;
        };
        let (agent, music) =
            (talking.agent.clone(), talking.queue.as_ref().and_then(|queue| queue.music.clone()));
        if held {
            talking.held_since = Some(now);
        } else if let Some(since) = talking.held_since.take() {
            talking.hold_millis += now.millis_since(since);
        }
        let call = self.arrival.call;
        self.hear();
        if held {
            self.play(Sound::Music(music));
            self.publish(Event::CallHeld { call });
        } else {
            self.out(Output::StopPlay { leg: self.arrival.customer });
            self.publish(Event::CallResumed { call });
        }
        self.acd(AcdAsk::Hold { agent, held });
    }

    pub(super) fn leg_refer(&mut self, now: Timestamp, leg: LegId, target: Result<TransferTarget, u16>) {
        let by = match &self.phase {
            Phase::Talking(talking) if talking.leg == leg => talking.agent.to_user(),
            // Only who has the call may send it on: a customer would place calls at our cost.
            _ => return self.out(Output::AnswerRefer { leg, status: FORBIDDEN }),
        };
        match target {
            // Without a queue there is no place for a colleague to take it from.
            Ok(TransferTarget::Agent { .. }) if self.queue().is_none() => {
                self.out(Output::AnswerRefer { leg, status: DECLINED });
            }
            Ok(target) => {
                self.out(Output::AnswerRefer { leg, status: 202 });
                self.transfer(now, target, &by);
            }
            Err(status) => self.out(Output::AnswerRefer { leg, status }),
        }
    }

    pub(super) fn request_transfer(
        &mut self,
        now: Timestamp,
        target: TransferTarget,
        by: &UserId,
    ) -> Result<(), Refusal> {
        match &self.phase {
            Phase::Talking(_) | Phase::TakenOver { .. }
                if self.queue().is_none() && matches!(target, TransferTarget::Agent { .. }) =>
            {
                Err(Refusal::NoQueue)
            }
            Phase::Waiting(_) if self.recall != Recall::None => Err(Refusal::CallsBack),
            Phase::Waiting(_) | Phase::Talking(_) | Phase::TakenOver { .. } => {
                self.transfer(now, target, by);
                Ok(())
            }
            Phase::Recalling(_) | Phase::Summoning(_) | Phase::Telling(_) | Phase::Dialling(_) => {
                Err(Refusal::NotTalking)
            }
            Phase::Arrived | Phase::Away(_) | Phase::Leaving { .. } | Phase::Ended => Err(Refusal::Ending),
        }
    }

    /// Sends the call to a queue or an agent. It keeps its place: it counts as waiting since it first did.
    fn transfer(&mut self, now: Timestamp, target: TransferTarget, by: &UserId) {
        let since = self.waiting_since();
        let own_queue = self.queue().cloned();
        self.publish(Event::CallTransferred {
            call: self.arrival.call,
            by: by.to_agent(),
            target: target.clone(),
        });
        match &self.phase {
            Phase::Talking(_) => self.release_agent(now, true),
            Phase::Waiting(_) => {
                self.drop_ringing(false);
                self.timers.cancel(&Timer::Announcement);
                self.acd(AcdAsk::Withdraw);
            }
            Phase::TakenOver { .. } => self.drop_supervisors(),
            Phase::Arrived
            | Phase::Recalling(_)
            | Phase::Summoning(_)
            | Phase::Telling(_)
            | Phase::Dialling(_)
            | Phase::Away(_)
            | Phase::Leaving { .. }
            | Phase::Ended => {}
        }
        self.leave_take_over();
        match (target, own_queue) {
            (TransferTarget::Queue { queue }, _) => self.requeue(queue, since, None),
            (TransferTarget::Agent { agent }, Some(own)) => self.requeue(own.id, since, Some(agent)),
            // Asked before: a call without a queue goes to no agent.
            (TransferTarget::Agent { .. }, None) => self.end(now, EndCause::AgentHungUp),
            (TransferTarget::Number { number }, own) => {
                // Who listened in was with the agent, not with a stranger's telephone.
                self.drop_supervisors();
                self.send_away(now, number, own, since);
            }
        }
    }

    pub(super) fn requeue(
        &mut self,
        queue: shared::id::QueueId,
        since: Timestamp,
        only: Option<shared::id::AgentId>,
    ) {
        self.phase = Phase::Arrived;
        // Music bridges the moment until the queue has taken the call.
        self.play(Sound::Music(None));
        self.hear();
        self.acd(AcdAsk::Enqueue { queue, since, only });
    }

    pub(super) fn request_hangup(&mut self, now: Timestamp, by: &UserId) -> Result<(), Refusal> {
        match &self.phase {
            Phase::Ended => Err(Refusal::Ending),
            Phase::Waiting(_) if self.recall != Recall::None => Err(Refusal::CallsBack),
            Phase::Waiting(_) => {
                self.drop_ringing(false);
                self.acd(AcdAsk::Withdraw);
                self.phase = Phase::Leaving { play: 0, cause: EndCause::SupervisorHungUp };
                self.end(now, EndCause::SupervisorHungUp);
                Ok(())
            }
            Phase::Talking(talking) if talking.agent.to_user() == *by => {
                self.end(now, EndCause::AgentHungUp);
                Ok(())
            }
            Phase::Dialling(Dialling { by: caller, .. }) | Phase::Summoning(Summoning { by: caller, .. })
                if caller == by =>
            {
                self.end(now, EndCause::AgentHungUp);
                Ok(())
            }
            Phase::Arrived
            | Phase::Talking(_)
            | Phase::TakenOver { .. }
            | Phase::Recalling(_)
            | Phase::Summoning(_)
            | Phase::Telling(_)
            | Phase::Dialling(_)
            | Phase::Away(_)
            | Phase::Leaving { .. } => {
                self.end(now, EndCause::SupervisorHungUp);
                Ok(())
            }
        }
    }

    /// The agent's leg ended by itself; true when it was the agent's.
    pub(super) fn agent_ended(&mut self, now: Timestamp, leg: LegId, how: LegEnd) -> bool {
        let Phase::Talking(talking) = &self.phase else {
            return false;
        };
        if talking.leg != leg {
            return false;
        }
        let queue = talking.queue.clone();
        let since = talking.queued_since;
        if self.somebody_stays() {
            // A supervisor talks with the customer: the call goes on without the agent.
            self.release_agent(now, how == LegEnd::HungUp);
            self.phase = Phase::TakenOver { queue };
            self.promote_to_take_over();
            self.hear();
        } else if how == LegEnd::HungUp {
            self.end(now, EndCause::AgentHungUp);
        } else {
            // The phone or the app died. The customer is not lost: he goes back to his old place.
            self.release_agent(now, false);
            match queue {
                Some(queue) => self.requeue(queue.id, since, None),
                // He placed the call: there is nobody else for it.
                None => {
                    self.phase = Phase::TakenOver { queue: None };
                    self.end(now, EndCause::Lost);
                }
            }
        }
        true
    }

    /// Ends the agent's part: accounts for it, drops the leg, frees the agent. The phase is the caller's to set.
    pub(super) fn release_agent(&mut self, now: Timestamp, wrap_up: bool) {
        let Phase::Talking(talking) = &self.phase else {
            return;
        };
        let open_hold = talking.held_since.map_or(0, |since| now.millis_since(since));
        let (agent, leg) = (talking.agent.clone(), talking.leg);
        let queue = talking.queue.as_ref().map(|queue| queue.id.clone());
        let talk_millis = now.millis_since(talking.since);
        let hold_millis = talking.hold_millis + open_hold;
        let call = self.arrival.call;
        self.out(Output::Drop { leg, elsewhere: false });
        match queue {
            Some(queue) => {
                self.publish(Event::AgentReleased { call, agent: agent.clone(), talk_millis, hold_millis });
                self.acd(AcdAsk::Released { agent, queue, wrap_up });
            }
            None => {
                self.publish(Event::AgentLeft { call, agent: agent.clone(), talk_millis, hold_millis });
                self.acd(AcdAsk::OwnCallOver { agent });
            }
        }
    }

    fn somebody_stays(&self) -> bool {
        self.supervisors.iter().any(|supervisor| {
            supervisor.joined_at.is_some()
                && matches!(supervisor.mode, SupervisionMode::Barge | SupervisionMode::TakeOver)
        })
    }
}
