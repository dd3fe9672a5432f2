//! Two calls of one person become one: the attended transfer (RFC 5589 §7). He leaves both; who was with him in one call
//! takes his place in the other.
//!
//! ```text
//!  call A: customer ── agent          call A: customer ── consulted
//!                        │ joins  ──►
//!  call B: consulted ── agent         call B: Ended (joined into A)
//! ```
//!
//! The call of a customer goes on and keeps its id, its recording and its accounting; the other one ends. The switch asks
//! both machines who is there ([`Machine::place_of`]), chooses, and moves the leg.

use shared::id::{AgentId, CallId, LegId};
use shared::model::call::{EndCause, Party};
use shared::model::event::{Event, TransferTarget};
use shared::time::Timestamp;

use super::dial::Away;
use super::io::{AcdAsk, Output};
use super::machine::{Machine, Phase, Talking, Timer};

/// Where the holder of a leg is in his call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// He talks with somebody.
    Talks {
        /// How much it matters that this call is the one that goes on.
        weight: Weight,
        /// Who is with him.
        other: Guest,
    },
    /// Nobody has answered him yet: what he asked for, for his other call to be sent to.
    Waits(TransferTarget),
}

/// Calls that are worth more go on when two are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// He is the customer of somebody's queue: nothing to go on with.
    None,
    /// A colleague called him.
    Called,
    /// He called a colleague.
    Colleague,
    /// He called a number outside.
    Outside,
    /// A customer of a queue.
    Customer,
}

/// Who comes into another call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guest {
    /// His leg in the call that he leaves.
    pub leg: LegId,
    /// As shown.
    pub party: Party,
    /// One of ours.
    pub agent: Option<AgentId>,
    /// When his call has lasted for as long as it may.
    pub until: Option<Timestamp>,
}

/// What a machine is told about the call that is joined to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joining {
    /// The leg of the one who leaves.
    pub leg: LegId,
    /// The call that ends.
    pub other: CallId,
    /// Who comes in from there.
    pub guest: Guest,
    /// His leg here.
    pub guest_leg: LegId,
    /// He is an agent who can have the call for its queue, with wrap-up.
    pub takes: bool,
}

impl Machine {
    /// Where the holder of a leg is; none when there is nothing to be joined.
    pub fn place_of(&self, leg: LegId) -> Option<Place> {
        let until = self.timers.at(&Timer::TooLong);
        match &self.phase {
            Phase::Talking(talking) if talking.leg == leg => {
                let weight = match (&talking.queue, &self.colleague) {
                    (Some(_), _) => Weight::Customer,
                    (None, None) => Weight::Outside,
                    (None, Some(_)) => Weight::Colleague,
                };
                let (party, agent) = (self.arrival.from.clone(), self.colleague.clone());
                let other = Guest { leg: self.arrival.customer, party, agent, until };
                Some(Place::Talks { weight, other })
            }
            Phase::Talking(talking) if self.arrival.customer == leg => {
                let weight = if self.colleague.is_some() { Weight::Called } else { Weight::None };
                let party = Party { number: talking.agent.to_string(), name: String::new() };
                let other = Guest { leg: talking.leg, party, agent: Some(talking.agent.clone()), until };
                Some(Place::Talks { weight, other })
            }
            Phase::Waiting(waiting) if self.arrival.customer == leg => {
                Some(Place::Waits(TransferTarget::Queue { queue: waiting.queue.id.clone() }))
            }
            Phase::Dialling(dialling) if dialling.leg == leg => {
                Some(Place::Waits(match self.colleague.clone() {
                    Some(agent) => TransferTarget::Agent { agent },
                    None => TransferTarget::Number { number: self.arrival.dialled.clone() },
                }))
            }
            _ => None,
        }
    }

    /// Puts the guest in the place of the one who leaves. Only after [`Machine::place_of`] said that he talks here.
    pub fn join(&mut self, now: Timestamp, joining: Joining) {
        let Phase::Talking(talking) = &self.phase else { return };
        let talking = talking.clone();
        if let Some(until) = joining.guest.until {
            let until = self.timers.at(&Timer::TooLong).map_or(until, |own| own.min(until));
            self.timers.set(Timer::TooLong, until);
        }
        if talking.leg == joining.leg {
            self.replace_agent(now, talking, joining);
        } else if self.arrival.customer == joining.leg
            && let Some(by) = self.colleague.clone()
        {
            self.replace_colleague(now, by, joining);
        }
    }

    fn replace_agent(&mut self, now: Timestamp, talking: Talking, joining: Joining) {
        let Joining { guest, guest_leg, other, takes, .. } = joining;
        let (call, by) = (self.arrival.call, talking.agent.clone());
        let target = match &guest.agent {
            Some(agent) => TransferTarget::Agent { agent: agent.clone() },
            None => TransferTarget::Number { number: guest.party.number.clone() },
        };
        self.publish(Event::CallTransferred { call, by: by.clone(), target });
        self.release_agent(now, true);
        self.leave_take_over();
        let queue = talking.queue.filter(|_| takes || guest.agent.is_none());
        let queue_id = queue.as_ref().map(|queue| queue.id.clone()).filter(|_| guest.agent.is_some());
        let queued_since = talking.queued_since;
        match &guest.agent {
            Some(agent) => {
                self.phase = Phase::Talking(Talking {
                    queue,
                    queued_since,
                    agent: agent.clone(),
                    leg: guest_leg,
                    since: now,
                    held_since: None,
                    hold_millis: 0,
                });
            }
            None => {
                // As when a customer is sent to a number: nobody listens in on a stranger's telephone.
                self.drop_supervisors();
                if !self.rules.record && std::mem::take(&mut self.recording) {
                    self.out(Output::StopRecord);
                }
                self.phase =
                    Phase::Away(Away { leg: guest_leg, since: now, answered: true, queue, queued_since });
            }
        }
        // He may have been on hold.
        self.out(Output::StopPlay { leg: self.arrival.customer });
        self.hear();
        if let Some(agent) = guest.agent.clone() {
            // Before his part in the other call ends: he is not free for a moment.
            self.acd(match queue_id {
                Some(_) => AcdAsk::Taken { agent },
                None => AcdAsk::OwnCall { agent },
            });
        }
        let (party, agent) = (guest.party, guest.agent);
        self.publish(Event::CallJoined { call, other, by, party, agent, queue: queue_id });
    }

    /// The one who was called goes, and the guest is in his place: it is always a colleague again.
    fn replace_colleague(&mut self, now: Timestamp, by: AgentId, joining: Joining) {
        let Joining { leg, guest, guest_leg, other, .. } = joining;
        if matches!(&self.phase, Phase::Talking(talking) if talking.held_since.is_some()) {
            self.set_hold(now, false);
        }
        self.out(Output::Drop { leg, elsewhere: false });
        self.arrival.customer = guest_leg;
        self.colleague.clone_from(&guest.agent);
        self.hear();
        if let Some(agent) = guest.agent.clone() {
            self.acd(AcdAsk::OwnCall { agent });
        }
        let call = self.arrival.call;
        let (party, agent) = (guest.party, guest.agent);
        self.publish(Event::CallJoined { call, other, by: by.clone(), party, agent, queue: None });
        self.acd(AcdAsk::OwnCallOver { agent: by });
    }

    /// Ends the call for the one who leaves it by `leg`; who was with him is in `into` by now, or the call had not been
    /// answered.
    pub fn leave_for(&mut self, now: Timestamp, leg: LegId, into: CallId) {
        if std::mem::take(&mut self.recording) {
            self.out(Output::StopRecord);
        }
        match &self.phase {
            // An agent who goes along has no wrap-up for a talk with a colleague.
            Phase::Talking(talking) => self.release_agent(now, talking.leg == leg),
            Phase::Arrived | Phase::Waiting(_) => {
                self.drop_ringing(false);
                self.acd(AcdAsk::Withdraw);
            }
            Phase::Recalling(_)
            | Phase::Summoning(_)
            | Phase::Telling(_)
            | Phase::Dialling(_)
            | Phase::Away(_) => {
                self.leave_callback();
                self.drop_dialled();
            }
            Phase::TakenOver { .. } | Phase::Leaving { .. } => {}
            Phase::Ended => return,
        }
        self.out(Output::Drop { leg: self.arrival.customer, elsewhere: false });
        self.finish(EndCause::Joined { into });
    }
}
