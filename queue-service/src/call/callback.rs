//! Callbacks: a call whose customer is called when it is his turn.
//!
//! ```text
//!  agent first      Waiting (nobody in it) ──► Dialling ──► Talking
//!                      his phone rings           │ not reached
//!                                                ▼
//!                                             Telling ──► Ended, with wrap-up
//!
//!  customer first   Recalling ──► Arrived ──► Waiting, like any other call
//!                      │ not reached
//!                      ▼
//!                    Ended
//! ```
//!
//! The ACD wants to know of each customer who was dialled whether he was reached, and is told once.

use serde::{Deserialize, Serialize};
use shared::audio::mixer::Role;
use shared::id::{CallId, LegId, OfferId, TrunkId};
use shared::model::call::{EndCause, Party};
use shared::model::callback::NotReached;
use shared::model::event::Event;
use shared::model::queue::QueueInfo;
use shared::time::Timestamp;

use super::dial::{Dialling, Rules};
use super::io::{AcdAsk, Arrival, Output, Sound};
use super::machine::{Machine, Phase, Timer, Waiting};
use super::originate::Telling;

/// Somebody who is to be called back.
#[derive(Debug, Clone, PartialEq)]
pub struct CallingBack {
    /// The call that the callback becomes.
    pub call: CallId,
    /// The leg to the customer.
    pub customer: LegId,
    /// Who is called.
    pub to: Party,
    /// The queue.
    pub queue: QueueInfo,
    /// Since when he counts as waiting.
    pub since: Timestamp,
    /// What holds for it.
    pub rules: Rules,
}

/// What a machine is of a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub(super) enum Recall {
    /// Nothing.
    #[default]
    None,
    /// The ACD has not been told yet whether the customer was reached.
    Open,
    /// He was not, and the ACD knows.
    Told,
}

/// The customer is dialled and nobody is on the call yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Recalling {
    pub queue: QueueInfo,
    pub since: Timestamp,
    pub dialled_at: Timestamp,
}

/// What a SIP status says about a customer who was dialled (RFC 3261 §21.4.24, §21.6.1, §21.4.18).
pub(super) fn not_reached(status: u16) -> NotReached {
    match status {
        486 | 600 => NotReached::Busy,
        408 | 480 | 487 | 603 => NotReached::NoAnswer,
        _ => NotReached::Failed,
    }
}

impl Machine {
    /// A callback for whose customer agents' phones ring; it waits for [`super::io::Input::Ring`].
    pub fn call_back(now: Timestamp, calling: CallingBack) -> Machine {
        let (queue, since) = (calling.queue.clone(), calling.since);
        let mut machine = Machine::recalling(now, calling);
        machine.phase = Phase::Waiting(Waiting { queue, since, ringing: Vec::new() });
        machine
    }

    /// A callback whose customer is dialled first; its first outputs are ready.
    pub fn dial_back(now: Timestamp, calling: CallingBack) -> Machine {
        let (queue, since) = (calling.queue.clone(), calling.since);
        let (leg, number, id) = (calling.customer, calling.to.number.clone(), queue.id.clone());
        let mut machine = Machine::recalling(now, calling);
        machine.phase = Phase::Recalling(Recalling { queue, since, dialled_at: now });
        machine.ring_out_after(now);
        machine.out(Output::Dial { leg, number, by: None, role: Role::Customer, queue: Some(id) });
        machine
    }

    fn recalling(now: Timestamp, calling: CallingBack) -> Machine {
        let CallingBack { call, customer, to, rules, .. } = calling;
        let dialled = to.number.clone();
        let arrival = Arrival { call, customer, from: to, dialled, trunk: None, queue: None };
        let mut machine = Machine::bare(now, arrival).with_rules(rules);
        // The customer's leg is ours: it is dropped, never refused.
        machine.answered = true;
        machine.recall = Recall::Open;
        machine
    }

    /// The agent answered for a callback: his customer is dialled. False when a customer waits.
    pub(super) fn won_callback(&mut self, now: Timestamp, offer: OfferId) -> bool {
        let Phase::Waiting(waiting) = &mut self.phase else { return false };
        if self.recall == Recall::None {
            return false;
        }
        let place = waiting.ringing.iter().position(|ringing| ringing.offer == offer);
        if let Some(ringing) = place.map(|place| waiting.ringing.remove(place)) {
            let queue = waiting.queue.clone();
            self.drop_ringing(true);
            self.dial_for(now, ringing.agent.to_user(), ringing.leg, Some(queue));
        }
        true
    }

    /// The customer of a callback answered to his agent; false when it is none.
    pub(super) fn recall_answered(&mut self) -> bool {
        let is_open = std::mem::take(&mut self.recall) == Recall::Open;
        if is_open {
            self.acd(AcdAsk::CallbackReached);
        }
        is_open
    }

    /// Tells the ACD, once, that the customer of a callback was not reached.
    pub(super) fn recall_failed(&mut self, outcome: NotReached) {
        if self.recall == Recall::Open {
            self.recall = Recall::Told;
            self.acd(AcdAsk::CallbackFailed { outcome });
        }
    }

    /// The customer answered first: he waits for the agent who is reserved for him.
    pub(super) fn customer_answered(&mut self, now: Timestamp, trunk: Option<TrunkId>) {
        let Phase::Recalling(recalling) = &self.phase else { return };
        let rang_millis = now.millis_since(recalling.dialled_at);
        let call = self.arrival.call;
        self.phase = Phase::Arrived;
        self.hear();
        // At once, so that he never hears nothing; the queue's own follows.
        self.play(Sound::Music(None));
        self.publish(Event::CallAnswered { call, trunk, rang_millis });
        self.recall_answered();
    }

    /// The customer who was to answer first did not.
    pub(super) fn customer_silent(&mut self, now: Timestamp, status: u16) {
        self.recall_failed(not_reached(status));
        self.end(now, EndCause::NotAnswered { status });
    }

    /// The ACD has put the callback off: there is nothing to tell it.
    pub(super) fn put_off(&mut self, now: Timestamp) {
        if self.recall == Recall::Open {
            self.recall = Recall::Told;
            self.end(now, EndCause::CallbackPutOff);
        }
    }

    /// Before the end of a callback whose customer was not reached: the agent who was on it goes to wrap-up.
    pub(super) fn leave_callback(&mut self) {
        if self.recall == Recall::None {
            return;
        }
        self.recall_failed(NotReached::AgentGone);
        let (by, leg, queue) = match &self.phase {
            Phase::Dialling(Dialling { by, leg, queue: Some(queue), .. })
            | Phase::Telling(Telling { by, leg, queue: Some(queue), .. }) => {
                (by.to_agent(), *leg, queue.id.clone())
            }
            _ => return,
        };
        let call = self.arrival.call;
        self.out(Output::Drop { leg, elsewhere: false });
        self.publish(Event::AgentLeft { call, agent: by.clone(), talk_millis: 0, hold_millis: 0 });
        self.acd(AcdAsk::Released { agent: by, queue, wrap_up: true });
        // Nobody is on it any more.
        self.phase = Phase::Arrived;
    }

    /// The caller will be called back: he hears so, and his call ends.
    pub(super) fn callback_taken(&mut self) {
        let Phase::Waiting(waiting) = &self.phase else { return };
        let prompt = waiting.queue.callback.as_ref().and_then(|rules| rules.taken.clone());
        self.drop_ringing(false);
        self.timers.cancel(&Timer::Announcement);
        let play = self.play(prompt.map_or(Sound::Confirmed, Sound::Prompt));
        self.phase = Phase::Leaving { play, cause: EndCause::CallbackTaken };
    }

    /// He cannot be called back: he hears so, and waits on.
    pub(super) fn callback_refused(&mut self) {
        let Phase::Waiting(waiting) = &self.phase else { return };
        let prompt = waiting.queue.callback.as_ref().and_then(|rules| rules.refused.clone());
        self.play(prompt.map_or(Sound::Refused, Sound::Prompt));
    }
}
