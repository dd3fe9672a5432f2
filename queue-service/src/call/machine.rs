//! The machine: its state, its inputs, and what is common to all phases. Waiting, talk and supervision have their own
//! files.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use shared::audio::mixer::{Party as Place, Role};
use shared::id::{AgentId, CallId, LegId, OfferId, QueueId, TrunkId};
use shared::model::call::{EndCause, QueueExit};
use shared::model::event::Event;
use shared::model::queue::{Destination, QueueInfo};
use shared::time::{Timers, Timestamp};

use super::callback::{Recall, Recalling};
use super::dial::{Away, Dialling, Rules};
use super::io::{AcdAsk, Arrival, Granted, Input, LegEnd, Output, Refusal, Request, Sound};
use super::originate::{Summoning, Telling};
use super::supervise::Supervisor;

/// One call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    pub(super) arrival: Arrival,
    pub(super) arrived_at: Timestamp,
    pub(super) phase: Phase,
    /// The customer's leg has been answered.
    pub(super) answered: bool,
    pub(super) recording: bool,
    pub(super) supervisors: Vec<Supervisor>,
    pub(super) timers: Timers<Timer>,
    /// What holds for its calls out.
    #[serde(default)]
    pub(super) rules: Rules,
    /// The colleague who was called.
    #[serde(default)]
    pub(super) colleague: Option<AgentId>,
    /// What it is of a callback.
    #[serde(default)]
    pub(super) recall: Recall,
    /// How many legs the machine has named itself.
    #[serde(default)]
    pub(super) legs_made: u32,
    /// Number of the last thing played.
    pub(super) play: u64,
    #[serde(skip)]
    pub(super) outputs: VecDeque<Output>,
}

/// Where the call is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Phase {
    /// Asked the ACD, not in a queue yet.
    Arrived,
    /// In a queue.
    Waiting(Waiting),
    /// With an agent.
    Talking(Talking),
    /// A supervisor has it, no agent is left.
    TakenOver { queue: Option<QueueInfo> },
    /// The service places a call for a person, whose own phone rings first.
    Summoning(Summoning),
    /// A person for whom the service placed a call hears that it did not come through.
    Telling(Telling),
    /// The customer of a callback is dialled, and nobody is on it yet.
    Recalling(Recalling),
    /// A person calls somebody who has not answered yet.
    Dialling(Dialling),
    /// Sent to a number outside.
    Away(Away),
    /// Hears a last prompt.
    Leaving { play: u64, cause: EndCause },
    /// Over.
    Ended,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub queue: QueueInfo,
    pub since: Timestamp,
    pub ringing: Vec<Ringing>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Ringing {
    pub offer: OfferId,
    pub agent: AgentId,
    pub leg: LegId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Talking {
    /// The queue that it came through; none for a call that the agent placed.
    pub queue: Option<QueueInfo>,
    /// Since when the call had waited in the queue, for the place after a transfer.
    pub queued_since: Timestamp,
    pub agent: AgentId,
    pub leg: LegId,
    pub since: Timestamp,
    pub held_since: Option<Timestamp>,
    pub hold_millis: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Timer {
    /// The next announcement to a waiting caller.
    Announcement,
    /// The one who is called has rung for long enough.
    RingOut,
    /// A call to a number outside has lasted for as long as it may.
    TooLong,
}

impl Machine {
    /// A call that arrives; its first outputs are ready.
    pub fn new(now: Timestamp, arrival: Arrival) -> Machine {
        let mut machine = Machine::bare(now, arrival);
        machine.publish(Event::CallArrived {
            call: machine.arrival.call,
            from: machine.arrival.from.clone(),
            dialled: machine.arrival.dialled.clone(),
            trunk: machine.arrival.trunk.clone(),
        });
        match machine.arrival.queue.clone() {
            Some(queue) => machine.acd(AcdAsk::Enqueue { queue, since: now, only: None }),
            // RFC 3261 §21.4.5: the user does not exist here.
            None => machine.turn_away(404),
        }
        machine
    }

    /// The customer's number; none when it is withheld.
    pub fn presented_number(&self) -> Option<String> {
        Some(&self.arrival.from.number).filter(|number| !number.is_empty()).cloned()
    }

    pub(super) fn bare(now: Timestamp, arrival: Arrival) -> Machine {
        Machine {
            arrived_at: now,
            phase: Phase::Arrived,
            answered: false,
            recording: false,
            supervisors: Vec::new(),
            timers: Timers::default(),
            rules: Rules::default(),
            colleague: None,
            recall: Recall::None,
            legs_made: 0,
            play: 0,
            outputs: VecDeque::new(),
            arrival,
        }
    }

    /// Takes what happened.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        match input {
            Input::Queued { queue, since } => self.queued(now, *queue, since),
            Input::Redirected { exit, to } => self.redirected(now, exit, to),
            Input::Ring { offer, agent, leg, waited_millis } => self.ring(offer, agent, leg, waited_millis),
            Input::CallbackTaken => self.callback_taken(),
            Input::CallbackRefused => self.callback_refused(),
            Input::PutOff => self.put_off(now),
            Input::Key { leg, key } => self.key(leg, key),
            Input::Place { files } => self.told_place(files),
            Input::CancelRing { offer } => self.cancel_ring(offer),
            Input::Won { offer, wait_millis, answered_at } => self.won(now, offer, wait_millis, answered_at),
            Input::LostRace { offer } => self.cancel_ring(offer),
            Input::LegAnswered { leg } => self.leg_answered(now, leg),
            Input::LegFailed { leg, status } => self.leg_failed(now, leg, status),
            Input::DialProgress { leg, status, media } => self.dial_progress(leg, status, media),
            Input::DialAnswered { leg, trunk } => {
                if !self.dial_answered(now, leg, Some(trunk)) {
                    // Answered after it was given up: CANCEL and 200 crossed (RFC 3261 §9.1).
                    self.out(Output::Drop { leg, elsewhere: false });
                }
            }
            Input::DialFailed { leg, status, cause } => {
                self.dial_failed(now, leg, status, cause);
            }
            Input::LegEnded { leg, how } => self.leg_ended(now, leg, how),
            Input::LegHold { leg, held } => self.leg_hold(now, leg, held),
            Input::LegRefer { leg, target } => self.leg_refer(now, leg, target),
            Input::PlayDone { leg, play } => self.play_done(now, leg, play),
            Input::Shutdown => self.end(now, EndCause::Shutdown),
            Input::Tick => self.tick(now),
        }
    }

    /// Takes what a person asks for.
    ///
    /// # Errors
    /// A [`Refusal`] when it does not fit where the call is.
    pub fn request(&mut self, now: Timestamp, request: Request) -> Result<Granted, Refusal> {
        match request {
            Request::SetHold { held } => self.request_hold(now, held).map(|()| Granted::Now),
            Request::Hangup { by } => self.request_hangup(now, &by).map(|()| Granted::Now),
            Request::Transfer { target, by } => {
                self.request_transfer(now, target, &by).map(|()| Granted::Now)
            }
            Request::Supervise { supervisor, mode, leg } => self.supervise(now, supervisor, mode, leg),
            Request::EndSupervision { supervisor } => {
                self.end_supervision(now, &supervisor).map(|()| Granted::Now)
            }
        }
    }

    /// Takes the next output; call until `None` after every input.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Tick`] is due.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.timers.deadline()
    }

    /// Its id.
    pub fn call(&self) -> CallId {
        self.arrival.call
    }

    /// The trunk that it came by.
    pub fn trunk(&self) -> Option<&TrunkId> {
        self.arrival.trunk.as_ref()
    }

    /// The customer as the network presented him.
    pub fn from(&self) -> &shared::model::call::Party {
        &self.arrival.from
    }

    /// Since when it waits in its queue, or had waited before the talk.
    pub fn waiting_since(&self) -> Timestamp {
        match &self.phase {
            Phase::Waiting(waiting) => waiting.since,
            Phase::Talking(talking) => talking.queued_since,
            Phase::Away(away) => away.queued_since,
            Phase::Recalling(recalling) => recalling.since,
            Phase::Arrived
            | Phase::TakenOver { .. }
            | Phase::Summoning(_)
            | Phase::Telling(_)
            | Phase::Dialling(_)
            | Phase::Leaving { .. }
            | Phase::Ended => self.arrived_at,
        }
    }

    /// The agent who talks.
    pub fn agent(&self) -> Option<&AgentId> {
        match &self.phase {
            Phase::Talking(talking) => Some(&talking.agent),
            _ => None,
        }
    }

    /// The leg that hears the keys of `leg` while customer and agent talk.
    pub fn other_side(&self, leg: LegId) -> Option<LegId> {
        match &self.phase {
            Phase::Talking(talking) if leg == talking.leg => Some(self.arrival.customer),
            Phase::Talking(talking) if leg == self.arrival.customer => Some(talking.leg),
            Phase::Away(away) if leg == away.leg => Some(self.arrival.customer),
            Phase::Away(away) if leg == self.arrival.customer && away.answered => Some(away.leg),
            _ => None,
        }
    }

    pub(super) fn publish(&mut self, event: Event) {
        self.outputs.push_back(Output::Publish(event));
    }

    pub(super) fn acd(&mut self, ask: AcdAsk) {
        self.outputs.push_back(Output::Acd(ask));
    }

    pub(super) fn out(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(super) fn play(&mut self, sound: Sound) -> u64 {
        self.play_to(self.arrival.customer, sound)
    }

    pub(super) fn play_to(&mut self, leg: LegId, sound: Sound) -> u64 {
        self.play += 1;
        self.out(Output::Play { leg, sound, play: self.play });
        self.play
    }

    /// Tells the bridge who is in it and as what.
    pub(super) fn hear(&mut self) {
        let mut parties = Vec::with_capacity(2 + self.supervisors.len());
        let held = matches!(&self.phase, Phase::Talking(Talking { held_since: Some(_), .. }));
        parties.push((self.arrival.customer, Place { role: Role::Customer, held, muted: false }));
        match &self.phase {
            Phase::Talking(talking) => parties.push((talking.leg, Place::new(Role::Agent))),
            Phase::Dialling(Dialling { leg, .. }) | Phase::Telling(Telling { leg, .. }) => {
                parties.push((*leg, Place::new(Role::Agent)));
            }
            Phase::Away(away) if away.answered => parties.push((away.leg, Place::new(Role::Agent))),
            _ => {}
        }
        parties.extend(self.supervisors.iter().filter_map(Supervisor::place));
        self.out(Output::Hear { parties });
    }

    /// Answers the customer's leg, once.
    pub(super) fn answer(&mut self) {
        if !self.answered {
            self.answered = true;
            self.out(Output::Answer { leg: self.arrival.customer });
        }
    }

    fn redirected(&mut self, now: Timestamp, exit: QueueExit, to: Destination) {
        match &self.phase {
            Phase::Arrived | Phase::Waiting(_) | Phase::Leaving { .. } => {}
            Phase::Talking(_)
            | Phase::TakenOver { .. }
            | Phase::Recalling(_)
            | Phase::Summoning(_)
            | Phase::Telling(_)
            | Phase::Dialling(_)
            | Phase::Away(_)
            | Phase::Ended => return,
        }
        self.drop_ringing(false);
        self.timers.cancel(&Timer::Announcement);
        match to {
            Destination::Reject { status } => self.turn_away(status),
            Destination::Announce { prompt } => {
                self.answer();
                self.hear();
                let play = self.play(Sound::Prompt(prompt));
                self.phase = Phase::Leaving { play, cause: EndCause::TurnedAway { status: 200 } };
            }
            Destination::Queue { queue } => {
                // A call that waited keeps its place; one that came to a closed or full queue has none yet.
                let since = match (&self.phase, exit) {
                    (Phase::Waiting(waiting), _) => waiting.since,
                    _ => now,
                };
                self.phase = Phase::Arrived;
                self.acd(AcdAsk::Enqueue { queue, since, only: None });
            }
        }
    }

    /// Ends a call that no queue takes.
    fn turn_away(&mut self, status: u16) {
        if self.answered {
            self.out(Output::Drop { leg: self.arrival.customer, elsewhere: false });
        } else {
            self.out(Output::Reject { leg: self.arrival.customer, status });
        }
        self.finish(EndCause::TurnedAway { status });
    }

    /// Ends the call for everybody. The customer's leg is dropped too; a leg that is gone already does not mind.
    pub(super) fn end(&mut self, now: Timestamp, cause: EndCause) {
        if self.phase == Phase::Ended {
            return;
        }
        // First of all, so that the recording is as long as the talk, however slow the journal is.
        if std::mem::take(&mut self.recording) {
            self.out(Output::StopRecord);
        }
        match &self.phase {
            Phase::Ended => {}
            Phase::Waiting(_) if self.recall != Recall::None => self.drop_ringing(false),
            Phase::Arrived | Phase::Waiting(_) => {
                self.drop_ringing(false);
                self.acd(AcdAsk::CallerGone);
            }
            Phase::Talking(_) => self.release_agent(now, true),
            Phase::Recalling(_)
            | Phase::Summoning(_)
            | Phase::Telling(_)
            | Phase::Dialling(_)
            | Phase::Away(_) => {
                self.leave_callback();
                self.drop_dialled();
            }
            Phase::TakenOver { .. } | Phase::Leaving { .. } => {}
        }
        self.out(Output::Drop { leg: self.arrival.customer, elsewhere: false });
        self.finish(cause);
    }

    pub(super) fn finish(&mut self, cause: EndCause) {
        let caller = match &self.phase {
            Phase::Dialling(Dialling { by, .. })
            | Phase::Summoning(Summoning { by, .. })
            | Phase::Telling(Telling { by, .. }) => Some(by.to_agent()),
            _ => None,
        };
        self.phase = Phase::Ended;
        self.timers = Timers::default();
        self.drop_supervisors();
        self.publish(Event::CallEnded { call: self.arrival.call, cause });
        for agent in caller.into_iter().chain(self.colleague.take()) {
            self.acd(AcdAsk::OwnCallOver { agent });
        }
        self.out(Output::Finished);
    }

    fn leg_answered(&mut self, now: Timestamp, leg: LegId) {
        if self.own_answered(now, leg) {
            // He hears from now on how it goes.
        } else if let Phase::Waiting(waiting) = &self.phase
            && let Some(ringing) = waiting.ringing.iter().find(|ringing| ringing.leg == leg)
        {
            let offer = ringing.offer;
            self.acd(AcdAsk::Claim { offer });
        } else if self.dial_answered(now, leg, None) {
            // A colleague took the call.
        } else if !self.supervisor_answered(now, leg) {
            // Answered after the offer was taken back: CANCEL and 200 crossed (RFC 3261 §9.1).
            self.out(Output::Drop { leg, elsewhere: true });
        }
    }

    fn leg_failed(&mut self, now: Timestamp, leg: LegId, status: u16) {
        let cause = crate::sip::cause::for_caller(status, None);
        if self.own_failed(now, leg, status) || self.dial_failed(now, leg, cause.status, cause.cause) {
            // It was a colleague's phone, or the caller gave up.
        } else if leg == self.arrival.customer {
            // Cancelled before we answered.
            self.end(now, EndCause::Abandoned);
        } else if !self.ring_failed(leg, status) {
            self.supervisor_failed(leg, status);
        }
    }

    fn leg_ended(&mut self, now: Timestamp, leg: LegId, how: LegEnd) {
        if leg == self.arrival.customer {
            let cause = match (&self.phase, how) {
                (Phase::Leaving { cause, .. }, _) => cause.clone(),
                (Phase::Arrived | Phase::Waiting(_), _) => EndCause::Abandoned,
                (_, LegEnd::HungUp) => EndCause::CustomerHungUp,
                (_, LegEnd::Lost) => EndCause::Lost,
            };
            self.end(now, cause);
        } else if !self.own_ended(now, leg)
            && !self.agent_ended(now, leg, how)
            && !self.away_ended(now, leg, how)
            && !self.ring_failed(leg, 480)
        {
            self.supervisor_ended(now, leg);
        }
    }

    /// The queue that the call is in or came through.
    pub(super) fn queue(&self) -> Option<&QueueInfo> {
        match &self.phase {
            Phase::Waiting(waiting) => Some(&waiting.queue),
            Phase::Talking(talking) => talking.queue.as_ref(),
            Phase::TakenOver { queue } => queue.as_ref(),
            Phase::Away(away) => away.queue.as_ref(),
            Phase::Dialling(dialling) => dialling.queue.as_ref(),
            Phase::Summoning(summoning) => summoning.queue.as_ref(),
            Phase::Recalling(recalling) => Some(&recalling.queue),
            Phase::Arrived | Phase::Telling(_) | Phase::Leaving { .. } | Phase::Ended => None,
        }
    }

    /// Id of that queue.
    pub fn queue_id(&self) -> Option<&QueueId> {
        self.queue().map(|queue| &queue.id)
    }
}
