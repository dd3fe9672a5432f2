//! Calls out: one that a person places to a number outside or to a colleague, and one that is sent on to a number
//! outside.
//!
//! ```text
//!  place ──► Dialling ──► Talking (without a queue) ──► Ended
//!               │ not answered: the caller gets the mapped status
//!               ▼
//!             Ended
//!
//!  Talking, Waiting, TakenOver ── transfer to a number ──► Away ──► Ended
//!                 ▲                                          │ not answered
//!                 └─────────── back into the queue ◄─────────┘
//! ```
//!
//! The one who is called has the customer's place in the bridge, so hold, supervision, recording and transfer of an
//! answered call are those of every other talk.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::audio::mixer::Role;
use shared::id::{AgentId, CallId, LegId, TrunkId, UserId};
use shared::model::call::{Direction, EndCause, Party};
use shared::model::event::Event;
use shared::model::queue::QueueInfo;
use shared::time::Timestamp;

use super::io::{AcdAsk, Arrival, LegEnd, Output, Sound};
use super::machine::{Machine, Phase, Talking, Timer};
use super::originate::{Summoning, Telling};

/// No answer from the user (Q.850 cause 19): it rang out.
const NO_ANSWER: u8 = 19;

/// What holds for calls out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// How long the one who is called may ring, in seconds.
    pub ring_secs: u32,
    /// After this a call to a number outside is ended, in seconds.
    pub max_secs: u32,
    /// Calls that people place are recorded.
    pub record: bool,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules { ring_secs: 60, max_secs: 14_400, record: false }
    }
}

/// Who is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Callee {
    /// A number outside.
    Number(String),
    /// A colleague.
    Colleague(AgentId),
}

/// A call that a person places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placing {
    /// Its id.
    pub call: CallId,
    /// The leg that called us.
    pub caller: LegId,
    /// The leg to make.
    pub callee: LegId,
    /// Who calls.
    pub by: UserId,
    /// Who is called, as shown.
    pub to: Party,
    /// Who is called.
    pub target: Callee,
    /// What holds for it.
    pub rules: Rules,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Dialling {
    pub by: UserId,
    /// The caller's leg.
    pub leg: LegId,
    pub since: Timestamp,
    /// The caller hears the far side.
    pub early: bool,
    /// The queue in whose name he calls.
    #[serde(default)]
    pub queue: Option<QueueInfo>,
    /// The service has called him: he talks to us already, and hears from us how it goes.
    #[serde(default)]
    pub is_up: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Away {
    /// The leg to the number outside.
    pub leg: LegId,
    pub since: Timestamp,
    pub answered: bool,
    /// Where the customer goes back to; a call that a person placed has none.
    pub queue: Option<QueueInfo>,
    pub queued_since: Timestamp,
}

impl Machine {
    /// A call that a person places; its first outputs are ready.
    pub fn place(now: Timestamp, placing: Placing) -> Machine {
        let Placing { call, caller, callee, by, to, target, rules } = placing;
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
        let (direction, colleague) = match &target {
            Callee::Number(_) => (Direction::Outbound, None),
            Callee::Colleague(agent) => (Direction::Internal, Some(agent.clone())),
        };
        machine.colleague.clone_from(&colleague);
        machine.phase = Phase::Dialling(Dialling {
            by: by.clone(),
            leg: caller,
            since: now,
            early: false,
            queue: None,
            is_up: false,
        });
        machine.publish(Event::CallPlaced {
            call,
            by: by.clone(),
            direction,
            to,
            colleague: colleague.clone(),
            queue: None,
        });
        machine.acd(AcdAsk::OwnCall { agent: by.to_agent() });
        if let Some(agent) = colleague {
            machine.acd(AcdAsk::OwnCall { agent });
        }
        machine.ring_out_after(now);
        machine.out(match target {
            Callee::Number(number) => {
                Output::Dial { leg: callee, number, by: Some(by), role: Role::Customer, queue: None }
            }
            Callee::Colleague(agent) => Output::RingColleague { leg: callee, agent, by },
        });
        machine
    }

    /// The same with what holds for its calls out.
    pub fn with_rules(mut self, rules: Rules) -> Machine {
        self.rules = rules;
        self
    }

    /// Whether a leg is one that is being called for a person or a transfer, and not by the ACD.
    pub fn is_dialled(&self, leg: LegId) -> bool {
        match &self.phase {
            Phase::Dialling(_) => leg == self.arrival.customer,
            Phase::Recalling(_) => leg == self.arrival.customer,
            Phase::Away(away) => leg == away.leg,
            _ => false,
        }
    }

    pub(super) fn ring_out_after(&mut self, now: Timestamp) {
        self.timers.set(Timer::RingOut, now + Duration::from_secs(self.rules.ring_secs.into()));
    }

    /// A number outside or a colleague rings, or is heard already.
    pub(super) fn dial_progress(&mut self, leg: LegId, status: u16, media: bool) {
        let Phase::Dialling(dialling) = &mut self.phase else { return };
        if leg != self.arrival.customer {
            return;
        }
        let (caller, is_up) = (dialling.leg, dialling.is_up);
        if media && !dialling.early {
            dialling.early = true;
            if is_up {
                self.out(Output::StopPlay { leg: caller });
            }
            self.hear();
        }
        if !is_up {
            self.out(Output::Progress { leg: caller, status, media });
        }
    }

    /// A number outside or a colleague answered; true when the leg was such a one.
    pub(super) fn dial_answered(&mut self, now: Timestamp, leg: LegId, trunk: Option<TrunkId>) -> bool {
        let call = self.arrival.call;
        let outside = trunk.is_some();
        match &mut self.phase {
            Phase::Dialling(dialling) if leg == self.arrival.customer => {
                let dialling = dialling.clone();
                let queue = dialling.queue.clone();
                let record = queue.as_ref().map_or(self.rules.record, |queue| queue.record);
                self.phase = Phase::Talking(Talking {
                    queue: queue.clone(),
                    queued_since: dialling.since,
                    agent: dialling.by.to_agent(),
                    leg: dialling.leg,
                    since: now,
                    held_since: None,
                    hold_millis: 0,
                });
                self.out(match dialling.is_up {
                    true => Output::StopPlay { leg: dialling.leg },
                    false => Output::Answer { leg: dialling.leg },
                });
                self.hear();
                if record && !self.recording {
                    self.recording = true;
                    self.out(Output::Record);
                }
                if queue.is_some() && !self.recall_answered() {
                    self.acd(AcdAsk::Taken { agent: dialling.by.to_agent() });
                }
                let rang_millis = now.millis_since(dialling.since);
                self.publish(Event::CallAnswered { call, trunk, rang_millis });
            }
            Phase::Away(away) if leg == away.leg => {
                away.answered = true;
                let rang_millis = now.millis_since(away.since);
                self.out(Output::StopPlay { leg: self.arrival.customer });
                self.hear();
                self.publish(Event::CallAnswered { call, trunk, rang_millis });
            }
            Phase::Recalling(_) if leg == self.arrival.customer => self.customer_answered(now, trunk),
            _ => return false,
        }
        self.timers.cancel(&Timer::RingOut);
        if outside {
            self.timers.set(Timer::TooLong, now + Duration::from_secs(self.rules.max_secs.into()));
        }
        true
    }

    /// A number outside or a colleague did not answer; true when the leg was such a one.
    pub(super) fn dial_failed(&mut self, now: Timestamp, leg: LegId, status: u16, cause: u8) -> bool {
        match &self.phase {
            Phase::Dialling(dialling) if leg == self.arrival.customer && dialling.is_up => {
                self.tell_failure(status, cause);
            }
            Phase::Dialling(dialling) if leg == self.arrival.customer => {
                let caller = dialling.leg;
                self.out(Output::Fail { leg: caller, status, cause });
                self.end(now, EndCause::NotAnswered { status });
            }
            // The caller gave up: his own leg is over.
            Phase::Dialling(dialling) if leg == dialling.leg => self.end(now, EndCause::Abandoned),
            Phase::Recalling(_) if leg == self.arrival.customer => self.customer_silent(now, status),
            Phase::Away(away) if leg == away.leg => self.come_back(now, status),
            _ => return false,
        }
        true
    }

    /// The customer of a transfer that failed waits at his old place again.
    fn come_back(&mut self, now: Timestamp, status: u16) {
        let Phase::Away(away) = &self.phase else { return };
        let (leg, queue, since) = (away.leg, away.queue.clone(), away.queued_since);
        self.out(Output::Drop { leg, elsewhere: false });
        self.timers.cancel(&Timer::RingOut);
        match queue {
            Some(queue) => self.requeue(queue.id, since, None),
            None => self.end(now, EndCause::NotAnswered { status }),
        }
    }

    /// Sends the customer to a number outside. The agent has left already.
    pub(super) fn send_away(
        &mut self,
        now: Timestamp,
        number: String,
        queue: Option<QueueInfo>,
        since: Timestamp,
    ) {
        let leg = self.new_leg(now);
        if !self.rules.record && std::mem::take(&mut self.recording) {
            self.out(Output::StopRecord);
        }
        let music = queue.as_ref().and_then(|queue| queue.music.clone());
        let queue_id = queue.as_ref().map(|queue| queue.id.clone());
        self.phase = Phase::Away(Away { leg, since: now, answered: false, queue, queued_since: since });
        // Until the number outside answers.
        self.play(Sound::Music(music));
        self.hear();
        self.timers.cancel(&Timer::TooLong);
        self.ring_out_after(now);
        self.out(Output::Dial { leg, number, by: None, role: Role::Agent, queue: queue_id });
    }

    /// The leg to the number outside ended after its answer; true when it was that.
    pub(super) fn away_ended(&mut self, now: Timestamp, leg: LegId, how: LegEnd) -> bool {
        let Phase::Away(away) = &self.phase else { return false };
        if away.leg != leg {
            return false;
        }
        match how {
            LegEnd::HungUp => self.end(now, EndCause::OutsideHungUp),
            // The customer is not lost with the one he talked to.
            LegEnd::Lost => self.come_back(now, 480),
        }
        true
    }

    pub(super) fn rang_out(&mut self, now: Timestamp) {
        match &self.phase {
            Phase::Recalling(_) => self.customer_silent(now, 480),
            Phase::Summoning(_) => self.end(now, EndCause::OwnPhoneSilent { status: 408 }),
            Phase::Dialling(dialling) if dialling.is_up => self.tell_failure(480, NO_ANSWER),
            Phase::Dialling(dialling) => {
                let caller = dialling.leg;
                // RFC 3261 §21.4.18: nobody took the call.
                self.out(Output::Fail { leg: caller, status: 480, cause: NO_ANSWER });
                self.end(now, EndCause::NotAnswered { status: 480 });
            }
            Phase::Away(away) if !away.answered => self.come_back(now, 480),
            _ => {}
        }
    }

    /// Ends what a call that is being placed or sent away has besides its customer's leg.
    pub(super) fn drop_dialled(&mut self) {
        match &self.phase {
            Phase::Dialling(Dialling { leg, .. })
            | Phase::Summoning(Summoning { leg, .. })
            | Phase::Telling(Telling { leg, .. }) => {
                let leg = *leg;
                self.out(Output::Drop { leg, elsewhere: false });
            }
            Phase::Away(away) => {
                let leg = away.leg;
                self.out(Output::Drop { leg, elsewhere: false });
            }
            _ => {}
        }
    }

    /// A leg of the machine's own making. Its number is drawn from the call's, whose lower part is drawn by lot.
    fn new_leg(&mut self, now: Timestamp) -> LegId {
        self.legs_made = self.legs_made.wrapping_add(1);
        let lot = (self.arrival.call.as_u64() & u64::from(u32::MAX)) as u32;
        LegId::new(now, lot ^ self.legs_made.wrapping_mul(0x9E37))
    }
}
