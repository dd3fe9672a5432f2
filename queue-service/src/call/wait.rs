//! Waiting: greeting, music, announcements, and phones that ring.

use std::time::Duration;

use shared::id::{AgentId, LegId, OfferId};
use shared::model::call::{EndCause, OfferOutcome};
use shared::model::queue::QueueInfo;
use shared::time::Timestamp;

use super::callback::Recall;
use super::io::{AcdAsk, Output, Sound};
use super::machine::{Machine, Phase, Ringing, Timer, Waiting};

impl Machine {
    pub(super) fn queued(&mut self, now: Timestamp, queue: QueueInfo, since: Timestamp) {
        if !matches!(self.phase, Phase::Arrived) {
            return;
        }
        self.answer();
        self.set_announcement_timer(now, &queue);
        let greeting = queue.greeting.clone();
        let music = queue.music.clone();
        self.phase = Phase::Waiting(Waiting { queue, since, ringing: Vec::new() });
        self.hear();
        self.play(match greeting {
            Some(prompt) => Sound::Prompt(prompt),
            None => Sound::Music(music),
        });
    }

    pub(super) fn ring(&mut self, offer: OfferId, agent: AgentId, leg: LegId, waited_millis: u64) {
        let Phase::Waiting(waiting) = &mut self.phase else {
            return;
        };
        let (queue, queue_name) = (waiting.queue.id.clone(), waiting.queue.name.clone());
        waiting.ringing.push(Ringing { offer, agent: agent.clone(), leg });
        let calls_back = self.recall == Recall::Open;
        self.out(Output::RingAgent { leg, agent, offer, queue, queue_name, calls_back, waited_millis });
    }

    /// A waiting caller may leave by a key of the queue. In a talk keys belong to the other side and go through the
    /// media.
    pub(super) fn key(&mut self, leg: LegId, key: char) {
        if leg != self.arrival.customer {
            return;
        }
        if let Phase::Waiting(waiting) = &self.phase
            && let Some(to) = waiting.queue.waiting.keys.get(&key).cloned()
        {
            self.acd(match to.destination() {
                Some(to) => AcdAsk::LeaveFor { to },
                None => AcdAsk::AskCallback { to: self.arrival.from.clone() },
            });
        }
    }

    pub(super) fn cancel_ring(&mut self, offer: OfferId) {
        if let Phase::Waiting(waiting) = &mut self.phase
            && let Some(place) = waiting.ringing.iter().position(|ringing| ringing.offer == offer)
        {
            let leg = waiting.ringing.remove(place).leg;
            self.out(Output::Drop { leg, elsewhere: true });
        }
    }

    pub(super) fn drop_ringing(&mut self, elsewhere: bool) {
        if let Phase::Waiting(waiting) = &mut self.phase {
            for ringing in std::mem::take(&mut waiting.ringing) {
                self.out(Output::Drop { leg: ringing.leg, elsewhere });
            }
        }
    }

    /// The agent's phone did not take the offer; true when the leg was such a phone.
    pub(super) fn ring_failed(&mut self, leg: LegId, status: u16) -> bool {
        let Phase::Waiting(waiting) = &mut self.phase else {
            return false;
        };
        let Some(place) = waiting.ringing.iter().position(|ringing| ringing.leg == leg) else {
            return false;
        };
        let ringing = waiting.ringing.remove(place);
        self.out(Output::Drop { leg, elsewhere: false });
        self.acd(AcdAsk::OfferFailed { offer: ringing.offer, outcome: outcome(status) });
        true
    }

    pub(super) fn play_done(&mut self, now: Timestamp, leg: LegId, play: u64) {
        if play != self.play {
            return;
        }
        if let Phase::Telling(telling) = &self.phase
            && telling.leg == leg
        {
            let cause = telling.cause.clone();
            self.end(now, cause);
            return;
        }
        if leg != self.arrival.customer {
            return;
        }
        match &self.phase {
            Phase::Waiting(waiting) => {
                let music = waiting.queue.music.clone();
                self.play(Sound::Music(music));
            }
            Phase::Leaving { play: last, cause } if *last == play => {
                let cause = cause.clone();
                self.end(now, cause);
            }
            Phase::Arrived
            | Phase::Talking(_)
            | Phase::TakenOver { .. }
            | Phase::Recalling(_)
            | Phase::Summoning(_)
            | Phase::Telling(_)
            | Phase::Dialling(_)
            | Phase::Away(_)
            | Phase::Leaving { .. }
            | Phase::Ended => {}
        }
    }

    pub(super) fn tick(&mut self, now: Timestamp) {
        while let Some(timer) = self.timers.pop_due(now) {
            match (timer, &self.phase) {
                (Timer::Announcement, Phase::Waiting(waiting)) => {
                    let queue = waiting.queue.clone();
                    if queue.waiting.says_figures() {
                        self.out(Output::AskPlace { queue: Box::new(queue.clone()) });
                    } else if let Some(prompt) = queue.announcement.clone() {
                        self.play(Sound::Prompt(prompt));
                    }
                    self.set_announcement_timer(now, &queue);
                }
                // Set only while waiting, and cancelled with it.
                (Timer::Announcement, _) => {}
                (Timer::RingOut, _) => self.rang_out(now),
                (Timer::TooLong, _) => self.end(now, EndCause::TooLong),
            }
        }
    }

    /// Plays the announcement with what is known of the caller's place; with neither the music goes on.
    pub(super) fn told_place(&mut self, files: Vec<String>) {
        let Phase::Waiting(waiting) = &self.phase else { return };
        let parts: Vec<String> = waiting.queue.announcement.iter().cloned().chain(files).collect();
        if !parts.is_empty() {
            self.play(Sound::Parts(parts));
        }
    }

    fn set_announcement_timer(&mut self, now: Timestamp, queue: &QueueInfo) {
        let says = queue.announcement.is_some() || queue.waiting.says_figures();
        if queue.announcement_every_secs > 0 && says {
            let every = Duration::from_secs(queue.announcement_every_secs.into());
            self.timers.set(Timer::Announcement, now + every);
        }
    }
}

/// What a phone's refusal means for its agent. 603 is the reject key of our app and of most phones, 486 and 600 are
/// busy or do-not-disturb (RFC 3261 §21.4.24, §21.6), 480 and 487 a refusal by hand on phones that have no 603; all else
/// means that the phone could not be reached.
fn outcome(status: u16) -> OfferOutcome {
    match status {
        486 | 600 => OfferOutcome::Busy,
        603 | 607 | 480 | 487 => OfferOutcome::Rejected,
        _ => OfferOutcome::Unreachable,
    }
}
