//! A bridge: the parties of one call, who hears whom, and the recording of it.

mod keys;

use std::time::Duration;

use shared::ahead;
use shared::audio::level::{SILENCE_DBOV, rms_dbov};
use shared::audio::mixer::{HearMatrix, MAX_PARTIES, Mixer, Party, Role, Row, Track};
use shared::audio::{Frame, fade};
use shared::id::CallId;
use shared::model::sound::LegSound;
use shared::rtp::quality::cause::Cause;
use shared::rtp::receiver::Receiver;
use shared::time::Timestamp;

use super::BridgeId;
use super::align::Alignment;
use super::event::MediaEvent;
use super::port::quality::Found;
use super::port::{AHEAD, Port};
use super::stats::WorkerCounters;
use super::worker::Desk;
use crate::recording::tap::Tap;

/// The parties of one call.
#[derive(Debug)]
pub(super) struct Bridge {
    pub(super) id: BridgeId,
    pub(super) call: CallId,
    /// Where its ports are; the place in this list is the place in the matrix.
    pub(super) slots: Vec<usize>,
    matrix: HearMatrix,
    recording: Option<Recording>,
    /// Packets go on, and nobody hears a mix.
    is_relaying: bool,
    /// Frames are decoded: somebody hears a mix, or it is recorded.
    decodes: bool,
    alignment: Alignment,
    /// Until then there is nothing to do for a frame.
    quiet_until: Timestamp,
    /// Somebody wants to know who speaks: frames are decoded from then to then.
    watched: Option<(Timestamp, Timestamp)>,
}

/// How long frames are decoded after somebody asked who speaks.
const WATCHED: Duration = Duration::from_secs(1);
/// After so long of listening it is known.
const KNOWN: Duration = Duration::from_millis(100);

/// How often a relay is looked at: four frames of five pass without.
const QUIET: Duration = Duration::from_millis(90);

#[derive(Debug)]
struct Recording {
    tap: Tap,
    first_tick: u64,
}

/// Room for the frames of one bridge, used by all of a worker in turn.
#[derive(Debug)]
pub(super) struct Scratch {
    heard: [Frame; MAX_PARTIES],
    has_voice: [bool; MAX_PARTIES],
}

impl Default for Scratch {
    fn default() -> Self {
        Scratch { heard: [Frame::SILENCE; MAX_PARTIES], has_voice: [false; MAX_PARTIES] }
    }
}

impl Bridge {
    pub(super) fn new(id: BridgeId, call: CallId) -> Self {
        Bridge {
            id,
            call,
            slots: Vec::with_capacity(MAX_PARTIES),
            matrix: HearMatrix::default(),
            recording: None,
            is_relaying: false,
            decodes: false,
            alignment: Alignment::default(),
            quiet_until: Timestamp::EPOCH,
            watched: None,
        }
    }

    /// How the call sounds, and listens to it for a second more.
    pub(super) fn sound(&mut self, now: Timestamp, desk: &mut Desk) -> Vec<(LegSound, Option<Cause>)> {
        let since = match self.watched {
            Some((since, _)) => since,
            None if self.decodes => now - KNOWN,
            None => now,
        };
        let is_new = self.watched.replace((since, now + WATCHED)).is_none();
        if is_new {
            self.plan(desk);
        }
        let listens = now.since(since) >= KNOWN;
        let ports = self.slots.iter().filter_map(|slot| desk.ports.get(*slot)?.as_ref());
        ports.map(|port| port.sound(listens)).collect()
    }

    /// Starts the tracks with frame number `tick`.
    pub(super) fn record(&mut self, tick: u64, tap: Tap) {
        self.stop_record(tick);
        self.recording = Some(Recording { tap, first_tick: tick });
    }

    /// Ends the tracks before frame number `tick`.
    pub(super) fn stop_record(&mut self, tick: u64) {
        if let Some(recording) = self.recording.take() {
            recording.tap.end(tick - recording.first_tick);
        }
    }

    /// Works out anew who hears whom and whose packets can go on as they are. To be called after every change; the
    /// packet path only follows the result.
    ///
    /// A party that hears exactly one other gets that one's packets (after a handover, when it has heard something else); whoever hears several, or another codec, gets a
    /// mix. So a supervisor who listens or whispers changes nothing at all in what the customer receives.
    pub(super) fn plan(&mut self, desk: &mut Desk) {
        self.quiet_until = Timestamp::EPOCH;
        let mut parties = [Party::new(Role::Customer); MAX_PARTIES];
        let mut count = 0;
        for (party, slot) in parties.iter_mut().zip(&self.slots) {
            if let Some(port) = desk.port(*slot) {
                *party = port.party;
                port.relay_to = [None; MAX_PARTIES];
                port.relay_places = Row::NOBODY;
            }
            count += 1;
        }
        self.matrix = HearMatrix::of(&parties[..count]);
        let (mut relayed, mut mixed) = (0, 0);
        for (place, slot) in self.slots.iter().enumerate() {
            let row = self.matrix.row(place);
            let Some(mut listener) = desk.ports.get_mut(*slot).and_then(Option::take) else { continue };
            let only =
                self.slots.iter().enumerate().find(|(speaker, _)| row.len() == 1 && row.hears(*speaker));
            let relay = only.filter(|(_, speaker)| {
                desk.ports
                    .get(**speaker)
                    .and_then(Option::as_deref)
                    .is_some_and(|speaker| listener.can_relay_from(speaker))
            });
            let speakers = self.slots.iter().enumerate().filter(|(speaker, _)| row.hears(*speaker));
            let mut speakers = speakers.filter_map(|(_, slot)| desk.ports.get(*slot)?.as_deref());
            let is_narrow = speakers.all(Port::speaks_narrow) && !listener.player.is_active();
            listener.hears_narrow = (!row.is_empty() || listener.player.is_active()).then_some(is_narrow);
            let ears = |slot: usize| desk.ports.get(slot).and_then(Option::as_deref).and_then(Port::ears);
            // Whose packets it got, or was about to.
            let from = listener.relayed_from.or(listener.handover.as_ref().map(|handover| handover.speaker));
            if let Some(from) = from.filter(|from| relay.is_none_or(|(_, speaker)| speaker != from)) {
                let is_in_row =
                    self.slots.iter().position(|slot| *slot == from).is_some_and(|from| row.hears(from));
                listener.turn_to_mix(ears(from), is_in_row);
            }
            // A voice that ends is mixed to its end first.
            let relay = relay.filter(|_| listener.tail.is_none());
            let is_relayed = relay.is_some_and(|(speaker, from)| {
                let goes_on = listener.mixed.hears(speaker);
                listener.turn_to_relay(*from, ears(*from), goes_on)
            });
            if let Some(handover) = &mut listener.handover
                && let Some(speaker) = desk.port(handover.speaker)
            {
                speaker.keep_pace();
                speaker.ears().into_iter().for_each(|ears| handover.follow(ears));
            }
            let from = listener.relayed_from.or(listener.handover.as_ref().map(|handover| handover.speaker));
            if is_relayed {
                relayed += 1;
            } else if !row.is_empty() {
                mixed += 1;
            }
            if let Some(home) = desk.ports.get_mut(*slot) {
                *home = Some(listener);
            }
            if let Some(from) = from.and_then(|from| desk.port(from))
                && let Some(to) = from.relay_to.get_mut(place)
            {
                *to = Some(*slot);
                from.relay_places = from.relay_places.with(place);
            }
        }
        let is_relaying = relayed > 0 && mixed == 0;
        if is_relaying != self.is_relaying {
            self.is_relaying = is_relaying;
            if is_relaying {
                WorkerCounters::count(&desk.counters.relaying);
            } else {
                WorkerCounters::uncount(&desk.counters.relaying);
            }
        }
        let hears_keys = self.slots.iter().any(|slot| desk.port(*slot).is_some_and(|port| port.hears_keys()));
        self.alignment.set_mixes(mixed > 0);
        self.decodes = mixed > 0 || self.recording.is_some() || self.watched.is_some() || hears_keys;
        for slot in &self.slots {
            if let Some(port) = desk.port(*slot) {
                port.is_relayed = !self.decodes;
            }
        }
    }

    /// Asks for what a frame needs, so many bridges `before` it ([`shared::ahead`]).
    pub(super) fn fetch(&self, desk: &Desk, before: usize) {
        if before > AHEAD {
            ahead::fetch_whole(self);
        } else if self.decodes {
            if let Some(recording) = self.recording.as_ref().filter(|_| before == 1) {
                recording.tap.fetch();
            }
            let ports = self.slots.iter().filter_map(|slot| desk.ports.get(*slot)?.as_deref());
            ports.for_each(|port| port.fetch_to_mix(before));
        }
    }

    /// Makes the frame number `tick`: takes 20 ms from every party, records them, gives every party what it hears.
    pub(super) fn frame(&mut self, now: Timestamp, tick: u64, desk: &mut Desk, scratch: &mut Scratch) {
        if now < self.quiet_until {
            return;
        }
        let mut plan_again = self.watched.take_if(|(_, until)| *until <= now).is_some();
        let later_millis = self.alignment.take_moved();
        for (place, slot) in self.slots.iter().enumerate().take(MAX_PARTIES) {
            let silence = desk.silence;
            let Some(port) = desk.ports.get_mut(*slot).and_then(Option::as_deref_mut) else { continue };
            let frame = &mut scratch.heard[place];
            port.pulls_come_later(later_millis);
            scratch.has_voice[place] = port.pull(now, self.decodes, frame);
            if self.decodes {
                let level = if scratch.has_voice[place] { rms_dbov(&frame.0) } else { SILENCE_DBOV };
                port.meter.push(level, scratch.has_voice[place].then_some(frame.0.as_slice()));
                let talked = port.talk.is_talking();
                let talking = port.talk.push(level);
                if talking != talked {
                    desk.outlet.send(MediaEvent::Talk { call: self.call, leg: port.leg, talking });
                }
            }
            if let Some(for_secs) = port.watch(now, silence) {
                desk.outlet.send(MediaEvent::NoMedia { call: self.call, leg: port.leg, for_secs });
            }
        }
        self.look(now, desk);
        self.keys(desk);
        self.tap(tick, scratch);
        for (place, slot) in self.slots.iter().enumerate().take(MAX_PARTIES) {
            plan_again |= self.give(now, place, *slot, desk, scratch);
        }
        self.quiet_until = self.quiet_until(now, desk);
        if plan_again {
            self.plan(desk);
        }
    }

    /// How many milliseconds later (less than zero: earlier) the frames should come, so that who hears a mix hears it as
    /// soon as may be.
    pub(super) fn wishes_later_millis(&mut self, now: Timestamp, desk: &Desk) -> i64 {
        let port = |slot: usize| desk.ports.get(slot).and_then(Option::as_deref);
        // Who is on his way from packets to a mix is in step with the frames as they are.
        let is_under_way =
            || self.slots.iter().any(|slot| port(*slot).is_some_and(|port| port.handover.is_some()));
        if !self.alignment.is_due(now) || is_under_way() {
            return 0;
        }
        let (slots, matrix) = (&self.slots, &self.matrix);
        let heard = slots.iter().enumerate().filter(|(place, _)| matrix.is_heard(*place));
        let ears = heard.filter_map(|(_, slot)| port(*slot)?.ears()).filter(|ears| ears.is_playing());
        let spare_millis = ears.map(Receiver::spare_millis);
        // Of a voice that has just begun it is not known yet.
        if spare_millis.clone().any(|spare| spare.is_none()) {
            return 0;
        }
        let spare_millis = spare_millis.flatten();
        self.alignment.look(now, spare_millis)
    }

    /// Its frames come so much later from the next one on.
    pub(super) fn move_frames(&mut self, later_millis: i64) {
        self.alignment.moved(later_millis);
    }

    /// Gives a party what it hears in this frame. True when the plan has to be made anew.
    fn give(&self, now: Timestamp, place: usize, slot: usize, desk: &mut Desk, scratch: &Scratch) -> bool {
        let mut plan_again = false;
        let Some(port) = desk.port(slot) else { return false };
        let rests = port.rests(now);
        let voice = if rests { None } else { self.hand_over(now, slot, desk, scratch) };
        let Some(port) = desk.ports.get_mut(slot).and_then(Option::as_deref_mut) else { return false };
        if port.relayed_from.is_some() || rests {
            port.mixed = Row::NOBODY;
        } else {
            let mut sum = self.mix(place, port, scratch);
            if let Some(voice) = voice {
                fade::add(&mut sum, &voice);
            }
            let was_active = port.player.is_active();
            if let Some(id) = port.player.add_to(&mut sum) {
                desk.outlet.send(MediaEvent::PlayDone { call: self.call, leg: port.leg, id });
            }
            if let Some(tail) = port.tail.take() {
                fade::add(&mut sum, &tail);
                plan_again = true;
            }
            plan_again |= was_active && !port.player.is_active();
            plan_again |= port.send_frame(now, Some(&sum), desk.effort, &desk.counters);
            plan_again |= port.ends_handover(self.matrix.row(place));
        }
        port.report(now, &mut desk.random);
        plan_again
    }

    /// The voice that a party between relay and mix hears with ears of its own.
    fn hand_over(&self, now: Timestamp, slot: usize, desk: &mut Desk, scratch: &Scratch) -> Option<Frame> {
        let mut handover = desk.port(slot)?.handover.take()?;
        let ears = desk.ports.get(handover.speaker).and_then(Option::as_deref).and_then(Port::ears);
        let mixed = self.slots.iter().position(|slot| *slot == handover.speaker);
        let mut voice = Frame::SILENCE;
        handover.frame(now, ears, mixed.and_then(|place| scratch.voice(place)), &mut voice);
        desk.port(slot)?.handover = Some(handover);
        Some(voice)
    }

    /// The other voices that a party hears. Who comes and who goes does so within 10 ms.
    fn mix(&self, place: usize, port: &mut Port, scratch: &Scratch) -> Frame {
        let inputs = scratch.inputs();
        let apart = port.handover.as_ref().map(|handover| handover.speaker);
        let apart = apart.and_then(|speaker| self.slots.iter().position(|slot| *slot == speaker));
        let without = |row: Row| apart.map_or(row, |speaker| row.without(speaker));
        let (was, row) = (without(port.mixed), without(self.matrix.row(place)));
        let mut sum = Frame::SILENCE;
        Mixer::mix_row(&inputs, row, &mut sum);
        if was != row {
            let mut before = Frame::SILENCE;
            Mixer::mix_row(&inputs, was, &mut before);
            fade::cross(&before, &mut sum);
        }
        port.mixed = row;
        sum
    }

    /// A port leaves: who has heard it hears it end. To be called while it is still there.
    pub(super) fn leave(&mut self, slot: usize, desk: &mut Desk) {
        let Some(place) = self.slots.iter().position(|other| *other == slot) else { return };
        self.slots.remove(place);
        let Some(leaving) = desk.ports.get_mut(slot).and_then(Option::take) else { return };
        for other in &self.slots {
            let Some(port) = desk.port(*other) else { continue };
            port.miss(place, leaving.ears());
            if port.relayed_from == Some(slot)
                || port.handover.as_ref().is_some_and(|way| way.speaker == slot)
            {
                port.turn_to_mix(leaving.ears(), false);
            }
        }
        if let Some(home) = desk.ports.get_mut(slot) {
            *home = Some(leaving);
        }
    }

    /// Until when nothing is to be done for a frame: everybody only gets what the other one sends, which the packets do
    /// themselves. Then reports are due now and then, and somebody may have fallen silent.
    fn quiet_until(&self, now: Timestamp, desk: &Desk) -> Timestamp {
        if self.decodes || self.slots.is_empty() {
            return Timestamp::EPOCH;
        }
        let ports = self.slots.iter().map(|slot| desk.ports.get(*slot).and_then(Option::as_deref));
        let quiet = ports.map(|port| port.and_then(Port::quiet_until).unwrap_or(Timestamp::EPOCH));
        quiet.min().unwrap_or(Timestamp::EPOCH).min(now + QUIET)
    }

    /// Looks at the quality of the legs every half second, and tells of one that is not heard though others are.
    fn look(&self, now: Timestamp, desk: &mut Desk) {
        let view = |desk: &Desk, slot: usize, wanted: fn(&Port, Timestamp) -> bool| {
            desk.ports.get(slot).and_then(Option::as_deref).is_some_and(|port| wanted(port, now))
        };
        // All at once: the first one tells the time.
        let Some(first) = self.slots.first() else { return };
        if !view(desk, *first, |port, now| port.is_look_due(now)) {
            return;
        }
        let mut arriving = Row::NOBODY;
        for (place, slot) in self.slots.iter().enumerate() {
            if view(desk, *slot, |port, _| port.is_arriving()) {
                arriving = arriving.with(place);
            }
        }
        for (place, slot) in self.slots.iter().enumerate() {
            let is_wanted = self.matrix.is_heard(place) && !arriving.without(place).is_empty();
            let Some(port) = desk.ports.get_mut(*slot).and_then(Option::as_deref_mut) else { continue };
            let (leg, side) = (port.leg, port.party.role.into());
            match port.look(now, is_wanted) {
                Some(Found::Silent(for_millis)) => {
                    WorkerCounters::count(&desk.counters.one_way);
                    let cause = port.stats().cause;
                    desk.outlet.send(MediaEvent::OneWay { call: self.call, leg, side, for_millis, cause });
                }
                Some(Found::Back) => desk.outlet.send(MediaEvent::Heard { call: self.call, leg }),
                None => {}
            }
        }
    }

    /// What the recording hears of the last frame.
    #[cfg(test)]
    pub(super) fn tracks(&self, scratch: &Scratch) -> [Frame; 3] {
        Track::ALL.map(|track| {
            let mut frame = Frame::SILENCE;
            Mixer::mix_row(&scratch.inputs(), self.matrix.track(track), &mut frame);
            frame
        })
    }

    fn tap(&mut self, tick: u64, scratch: &mut Scratch) {
        let Some(recording) = &mut self.recording else { return };
        let inputs = scratch.inputs();
        let mut mixes = [Frame::SILENCE; 3];
        let mut tracks = [None; 3];
        for ((track, mix), heard) in Track::ALL.into_iter().zip(&mut mixes).zip(&mut tracks) {
            let row = self.matrix.track(track);
            let inputs = inputs.iter().enumerate().filter(|(place, _)| row.hears(*place));
            let mut voices = inputs.filter_map(|(_, voice)| *voice);
            *heard = match (voices.next(), voices.next()) {
                (None, _) => None,
                // One voice, as nearly always, is not copied.
                (Some(only), None) => Some(&only.0),
                (Some(_), Some(_)) => {
                    Mixer::mix_row(&scratch.inputs(), row, mix);
                    Some(&mix.0)
                }
            };
        }
        recording.tap.push(tick - recording.first_tick, tracks);
    }

    /// Lets a frame pass that the worker was too late for.
    pub(super) fn miss_frame(&mut self, now: Timestamp, desk: &mut Desk) {
        for slot in &self.slots {
            if let Some(port) = desk.ports.get_mut(*slot).and_then(Option::as_deref_mut) {
                port.miss_frame(now, desk.effort, &desk.counters);
            }
        }
    }
}

impl Scratch {
    fn voice(&self, place: usize) -> Option<&Frame> {
        self.heard.get(place).filter(|_| self.has_voice.get(place) == Some(&true))
    }

    fn inputs(&self) -> [Option<&Frame>; MAX_PARTIES] {
        let mut inputs = [None; MAX_PARTIES];
        for ((input, frame), has_voice) in inputs.iter_mut().zip(&self.heard).zip(self.has_voice) {
            *input = has_voice.then_some(frame);
        }
        inputs
    }
}
