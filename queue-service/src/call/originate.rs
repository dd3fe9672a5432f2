//! Calls that the service places for a person: his own phone rings first, and when he has answered, the number is dialled.
//!
//! ```text
//!  originate ──► Summoning ──► Dialling ──► Talking (for the queue in whose name it is)
//!                   │             │ not answered
//!                   ▼             ▼
//!                 Ended        Telling (a tone) ──► Ended
//! ```
//!
//! He hears the far phone ring, or the far side itself as soon as it sends something, and a tone for how it failed.

use serde::{Deserialize, Serialize};
use shared::audio::mixer::Role;
use shared::id::{CallId, LegId, UserId};
use shared::model::call::{Direction, EndCause, Party};
use shared::model::callback::NotReached;
use shared::model::event::Event;
use shared::model::queue::QueueInfo;
use shared::time::Timestamp;

use super::callback::not_reached;
use super::dial::{Dialling, Rules};
use super::io::{AcdAsk, Arrival, Output, Sound};
use super::machine::{Machine, Phase};

/// User busy (Q.850 cause 17).
const USER_BUSY: u8 = 17;

/// A call that the service is to place.
#[derive(Debug, Clone, PartialEq)]
pub struct Originating {
    /// Its id.
    pub call: CallId,
    /// The leg to the person's own phone.
    pub own: LegId,
    /// The leg to the number.
    pub callee: LegId,
    /// For whom.
    pub by: UserId,
    /// Who is called; the number is dialled as it stands there.
    pub to: Party,
    /// The queue in whose name: its number is shown, its rules hold for recording and wrap-up.
    pub queue: Option<QueueInfo>,
    /// What holds for it.
    pub rules: Rules,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Summoning {
    pub by: UserId,
    /// The leg to his phone.
    pub leg: LegId,
    pub queue: Option<QueueInfo>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Telling {
    pub by: UserId,
    /// The leg of the one who hears it.
    pub leg: LegId,
    #[serde(default)]
    pub queue: Option<QueueInfo>,
    pub cause: EndCause,
}

impl Machine {
    /// A call that the service places for a person; its first outputs are ready.
    pub fn originate(now: Timestamp, originating: Originating) -> Machine {
        let Originating { call, own, callee, by, to, queue, rules } = originating;
        let arrival = Arrival {
            call,
            customer: callee,
            from: to.clone(),
            dialled: to.number.clone(),
            trunk: None,
            queue: None,
        };
        let mut machine = Machine::bare(now, arrival).with_rules(rules);
        // The far leg is ours: it is dropped, never refused.
        machine.answered = true;
        let queue_id = queue.as_ref().map(|queue| queue.id.clone());
        machine.phase = Phase::Summoning(Summoning { by: by.clone(), leg: own, queue });
        machine.publish(Event::CallPlaced {
            call,
            by: by.clone(),
            direction: Direction::Outbound,
            to: to.clone(),
            colleague: None,
            queue: queue_id.clone(),
        });
        machine.acd(AcdAsk::OwnCall { agent: by.to_agent() });
        machine.ring_out_after(now);
        machine.out(Output::RingOwn { leg: own, user: by, to, queue: queue_id });
        machine
    }

    /// The person who places it and has not been put through.
    pub fn placed_by(&self) -> Option<&UserId> {
        match &self.phase {
            Phase::Summoning(Summoning { by, .. })
            | Phase::Telling(Telling { by, .. })
            | Phase::Dialling(Dialling { by, .. }) => Some(by),
            _ => None,
        }
    }

    /// The person's own phone answered: the number is dialled. False for other legs.
    pub(super) fn own_answered(&mut self, now: Timestamp, leg: LegId) -> bool {
        let Phase::Summoning(summoning) = &self.phase else { return false };
        if summoning.leg != leg {
            return false;
        }
        let Summoning { by, queue, .. } = summoning.clone();
        self.dial_for(now, by, leg, queue);
        true
    }

    /// Dials the customer for somebody who talks to us by `leg`.
    pub(super) fn dial_for(&mut self, now: Timestamp, by: UserId, leg: LegId, queue: Option<QueueInfo>) {
        let queue_id = queue.as_ref().map(|queue| queue.id.clone());
        self.phase =
            Phase::Dialling(Dialling { by: by.clone(), leg, since: now, early: false, queue, is_up: true });
        self.hear();
        self.play_to(leg, Sound::Ringback);
        self.ring_out_after(now);
        let number = self.arrival.dialled.clone();
        let (leg, role) = (self.arrival.customer, Role::Customer);
        self.out(Output::Dial { leg, number, by: Some(by), role, queue: queue_id });
    }

    /// The person's own phone did not answer; true when it was that.
    pub(super) fn own_failed(&mut self, now: Timestamp, leg: LegId, status: u16) -> bool {
        let Phase::Summoning(summoning) = &self.phase else { return false };
        if summoning.leg != leg {
            return false;
        }
        self.end(now, EndCause::OwnPhoneSilent { status });
        true
    }

    /// The person hung up before the other side answered; true when it was that.
    pub(super) fn own_ended(&mut self, now: Timestamp, leg: LegId) -> bool {
        let cause = match &self.phase {
            Phase::Dialling(dialling) if dialling.is_up && dialling.leg == leg => EndCause::Abandoned,
            Phase::Telling(telling) if telling.leg == leg => telling.cause.clone(),
            _ => return false,
        };
        self.recall_failed(NotReached::AgentGone);
        self.end(now, cause);
        true
    }

    /// The number did not answer: the person hears so for a moment.
    pub(super) fn tell_failure(&mut self, status: u16, cause: u8) {
        let Phase::Dialling(dialling) = &self.phase else { return };
        let (by, leg) = (dialling.by.clone(), dialling.leg);
        let queue = dialling.queue.clone();
        self.timers.cancel(&super::machine::Timer::RingOut);
        self.phase = Phase::Telling(Telling { by, leg, queue, cause: EndCause::NotAnswered { status } });
        self.out(Output::Drop { leg: self.arrival.customer, elsewhere: false });
        self.out(Output::Cause { cause });
        self.recall_failed(not_reached(status));
        self.play_to(leg, if cause == USER_BUSY { Sound::Busy } else { Sound::Congestion });
    }
}
