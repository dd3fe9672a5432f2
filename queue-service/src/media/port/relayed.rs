//! What a port gets from one other port: packets as they come, or the change between them and the mix.

use shared::audio::mixer::{Role, Row};
use shared::audio::{Frame, fade};
use shared::rtp::packet::Packet;
use shared::rtp::receiver::{Content, Receiver};
use shared::time::Timestamp;

use super::Port;
use crate::media::handover::{Handover, MOST_FRAMES, Way, farewell};
use crate::media::protection::BUFFER_BYTES;
use crate::media::stats::WorkerCounters;

impl Port {
    /// Whether the packets of `speaker` can be sent on to this leg as they are.
    pub(in crate::media) fn can_relay_from(&self, speaker: &Port) -> bool {
        let Some((line, from)) = self.line.as_ref().zip(speaker.line.as_ref()) else { return false };
        line.negotiated.direction.sends()
            && from.negotiated.direction.receives()
            && line.negotiated.codec == from.incoming
            && !line.sender.is_busy()
            && !self.player.is_active()
            && self.tail.is_none()
    }

    /// What the leg says, as it comes out of its jitter buffer.
    pub(in crate::media) fn ears(&self) -> Option<&Receiver> {
        self.line.as_ref().map(|line| &line.receiver)
    }

    /// The frames that the leg is pulled for come so much later than they would have.
    pub(in crate::media) fn pulls_come_later(&mut self, later_millis: i64) {
        if let Some(line) = self.line.as_mut().filter(|_| later_millis != 0) {
            line.receiver.pulls_come_later(later_millis);
        }
    }

    /// A listener is on his way between the packets and the mix of what this one says: its place must not jump meanwhile.
    pub(in crate::media) fn keep_pace(&mut self) {
        if let Some(line) = &mut self.line {
            line.receiver.keep_pace(MOST_FRAMES);
        }
    }

    /// Whether a packet of this kind goes on to the other side of a relay. A supervisor's keys never reach a
    /// customer.
    pub(in crate::media) fn relays(&self, content: Content) -> bool {
        !(matches!(content, Content::Event { .. }) && matches!(self.party.role, Role::Supervisor(_)))
    }

    /// Sends on a packet of the other side.
    pub(in crate::media) fn relay(
        &mut self,
        now: Timestamp,
        packet: &Packet<'_>,
        content: Content,
        counters: &WorkerCounters,
    ) {
        if let Some(handover) = &mut self.handover {
            handover.receive(now, packet);
            return;
        }
        let Some(line) = &mut self.line else { return };
        let mut output = [0; BUFFER_BYTES];
        let len = line.sender.relay(now, packet, content, &mut output);
        if len > 0 {
            self.stats.packets_relayed += 1;
            self.send(&mut output, len, counters);
        }
    }

    /// Whether the leg can get the packets of the speaker at `slot` now. If it has heard something else up to here, they
    /// come when a handover is done.
    pub(in crate::media) fn turn_to_relay(
        &mut self,
        slot: usize,
        ears: Option<&Receiver>,
        goes_on: bool,
    ) -> bool {
        if self.relayed_from == Some(slot) {
            return true;
        }
        match &mut self.handover {
            Some(handover) if handover.speaker == slot => {
                handover.turn(Way::IntoRelay);
                if !handover.is_done {
                    return false;
                }
                self.handover = None;
            }
            _ => {
                self.handover = ears.and_then(|ears| Handover::into_relay(slot, ears, goes_on)).map(Box::new);
                if self.handover.is_some() {
                    return false;
                }
            }
        }
        self.relayed_from = Some(slot);
        true
    }

    /// From now on the leg gets a mix; `ears` are those of the one whose packets it got, who is in the mix when it
    /// `hears` him.
    pub(in crate::media) fn turn_to_mix(&mut self, ears: Option<&Receiver>, hears: bool) {
        if let Some(slot) = self.relayed_from.take() {
            let Some((handover, past)) = ears.and_then(|ears| Handover::into_mix(slot, ears)) else { return };
            if let Some(line) = &mut self.line {
                line.sender.prime(&past);
            }
            if hears {
                self.handover = Some(Box::new(handover));
            } else {
                self.add_tail(Some(handover.farewell()));
            }
        } else if hears {
            if let Some(handover) = &mut self.handover {
                handover.turn(Way::IntoMix);
            }
        } else if let Some(handover) = self.handover.take() {
            self.add_tail(Some(handover.farewell()));
        }
    }

    /// The end of a voice, which the next mix takes up.
    pub(in crate::media) fn add_tail(&mut self, end: Option<Frame>) {
        let Some(end) = end else { return };
        match &mut self.tail {
            Some(tail) => fade::add(tail, &end),
            None => self.tail = Some(Box::new(end)),
        }
    }

    /// The party at `place` leaves the bridge: who has heard it in the mix hears it end, and the places behind it move up.
    pub(in crate::media) fn miss(&mut self, place: usize, ears: Option<&Receiver>) {
        if self.mixed.hears(place) {
            self.add_tail(ears.and_then(farewell));
        }
        self.mixed = self.mixed.moved_up(place);
    }

    /// Whether nothing is to be sent for this frame, the first after the relay.
    pub(in crate::media) fn rests(&mut self, now: Timestamp) -> bool {
        let covers = self.line.as_ref().is_some_and(|line| line.sender.covers(now));
        self.handover.as_mut().is_some_and(|handover| handover.rests(covers))
    }

    /// After a frame was sent: whether the plan has to be made anew, because the change is done.
    pub(in crate::media) fn ends_handover(&mut self, row: Row) -> bool {
        let Some(handover) = self.handover.as_ref().filter(|handover| handover.is_done) else { return false };
        match handover.way {
            Way::IntoMix => {
                self.handover = None;
                // It was blended already.
                self.mixed = row;
                true
            }
            Way::IntoRelay => !self.line.as_ref().is_some_and(|line| line.sender.holds_sound()),
        }
    }
}
