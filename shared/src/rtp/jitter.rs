//! The jitter buffer: packets go in when they come, and come out when they are due.
//!
//! The owner pulls on a steady 20 ms schedule; that schedule is the playout clock. Delay is added by waiting
//! ([`Pull::Lost`] without moving on) and taken away by the owner, who pulls once more and shortens the sound
//! when [`JitterBuffer::spare_millis`] says so. What is needed follows the lateness of the packets ([`Lateness`]); what
//! there is is measured with each packet that is played: how long the fastest packets wait for their turn.
//!
//! Bounded by [`CAPACITY`] packets of [`MAX_PAYLOAD`] octets; when it is full the oldest go.

mod ahead;
mod past;
mod status;
mod wait;

use std::time::Duration;

use super::delay::Lateness;
use super::packet::MAX_PACKET_BYTES;
use crate::time::Timestamp;
use past::Played;
use wait::Waits;

pub use status::Status;

/// Packets that are kept at most.
pub const CAPACITY: usize = 64;
/// Octets of the longest payload that is kept; a longer one counts as lost.
pub const MAX_PAYLOAD: usize = MAX_PACKET_BYTES;
/// Octets that every place has room for once it is used: 20 ms of G.711, and of Opus at 64 kbit/s.
const USUAL_PAYLOAD: usize = 160;
/// Packets that there is room for from the beginning: [`MAX_TARGET_MILLIS`] of the usual ones.
const SPARES: usize = 16;
/// Sound that is gathered before a stream begins, while nothing is known of it: one packet to play and one on its way.
pub const FIRST_MILLIS: u64 = 40;
/// What the fastest packets wait at least: nearly all packets of a calm network are within it.
const LEAST_WAIT_MILLIS: u64 = 5;
/// Delay can only be had in whole pulls.
const PULL_MILLIS: u64 = 20;
/// The least delay that is aimed for.
pub const MIN_TARGET_MILLIS: u64 = LEAST_WAIT_MILLIS + PULL_MILLIS;
/// The greatest delay that is aimed for; beyond it a call is no conversation (ITU-T G.114).
pub const MAX_TARGET_MILLIS: u64 = 300;

/// Without a packet for this many frames the stream is taken to pause.
const PAUSE_FRAMES: u32 = 5;
/// A timestamp further ahead is a new timeline and not silence.
const JUMP_MILLIS: u64 = 10_000;

/// A packet for the buffer; numbers are counted on over their wrap ([`super::sequence::Sequence`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival<'a> {
    /// Sequence number.
    pub sequence: u64,
    /// Timestamp.
    pub timestamp: u64,
    /// Duration in ticks; 0 for a packet that is no voice (events, noise), which only fills its place.
    pub ticks: u32,
    /// Payload type.
    pub payload_type: u8,
    /// Payload, which is copied.
    pub payload: &'a [u8],
}

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub enum Pull<'a> {
    /// A packet, which lasts `ticks`.
    Packet {
        /// Payload type.
        payload_type: u8,
        /// Duration in ticks.
        ticks: u32,
        /// Payload.
        payload: &'a [u8],
    },
    /// 20 ms are missing and shall be made up; with the packet after them when it is there.
    Lost {
        /// Type and payload of the packet that follows directly.
        next: Option<(u8, &'a [u8])>,
    },
    /// Nobody sends: 20 ms of silence.
    Silence,
}

#[derive(Debug, Clone, Default)]
struct Slot {
    used: bool,
    sequence: u64,
    timestamp: u64,
    ticks: u32,
    payload_type: u8,
    arrived: Timestamp,
    /// Against the fastest packet.
    late_millis: u64,
    payload: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Gathers packets until there is enough to begin.
    Filling,
    /// Plays.
    Playing {
        /// The next packet.
        sequence: u64,
        /// The tick that is played next.
        timestamp: u64,
        /// Ticks that were made up while waiting, without moving on.
        waited: u64,
        /// Frames in a row without any packet.
        empty: u32,
        /// The last packet was no voice, so what follows is silence and not loss.
        is_quiet: bool,
    },
}

/// See the module.
#[derive(Debug, Clone)]
pub struct JitterBuffer {
    clock_rate_hz: u32,
    slots: Vec<Slot>,
    count: usize,
    /// The last two that were played before the one that is lent, the older first.
    past: [Played; 2],
    /// Room of packets that were played before, the latest last: the one that the processor still has at hand goes first.
    spare: Vec<Vec<u8>>,
    /// The place that was played last; its owner may still read it until the next packet comes.
    lent: Option<usize>,
    /// The newest packet and the end of its sound.
    newest: Option<(u64, u64)>,
    /// Everything before it was played or given up.
    played: Option<u64>,
    state: State,
    lateness: Lateness,
    packet_ticks: u32,
    target_millis: u64,
    waits: Waits,
    /// How long the packet that was played last would have waited as the fastest one.
    waited_millis: u64,
    /// The same of the stream that this one follows.
    goes_on_after_millis: Option<u64>,
    /// The next stream begins with its first packet.
    is_eager: bool,
    status: Status,
}

impl JitterBuffer {
    /// For a stream with this clock.
    pub fn new(clock_rate_hz: u32) -> Self {
        let clock_rate_hz = clock_rate_hz.max(1_000);
        JitterBuffer {
            clock_rate_hz,
            slots: vec![Slot::default(); CAPACITY],
            count: 0,
            spare: (0..SPARES).map(|_| Vec::with_capacity(USUAL_PAYLOAD)).collect(),
            past: Default::default(),
            lent: None,
            newest: None,
            played: None,
            state: State::Filling,
            lateness: Lateness::new(clock_rate_hz),
            packet_ticks: clock_rate_hz / 50,
            target_millis: MIN_TARGET_MILLIS,
            waits: Waits::default(),
            waited_millis: 0,
            goes_on_after_millis: None,
            is_eager: false,
            status: Status::default(),
        }
    }

    /// Forgets all packets because the sender began anew; what is known about lateness stays.
    pub fn restart(&mut self) {
        for slot in &mut self.slots {
            slot.used = false;
        }
        self.past.iter_mut().for_each(|played| played.payload.clear());
        self.count = 0;
        self.newest = None;
        self.played = None;
        self.state = State::Filling;
        self.waits = Waits::default();
    }

    /// Takes a packet that comes now; false when it was late, doubled or too long.
    pub fn insert(&mut self, now: Timestamp, arrival: Arrival<'_>) -> bool {
        self.insert_held(now, Duration::ZERO, arrival)
    }

    /// Takes a packet that the owner comes to now, and that may have been there for as long as `held`.
    pub fn insert_held(&mut self, now: Timestamp, held: Duration, arrival: Arrival<'_>) -> bool {
        let (mut arrived, mut late_millis) = (now, 0);
        if arrival.ticks > 0 {
            self.packet_ticks = arrival.ticks;
            let held_millis = u64::try_from(held.as_millis()).unwrap_or(u64::MAX);
            let (late, excused_millis) = self.lateness.push(now, held_millis, arrival.timestamp);
            late_millis = late;
            arrived = now - Duration::from_millis(excused_millis);
            self.target_millis =
                (self.lateness.needed_millis() + PULL_MILLIS).clamp(MIN_TARGET_MILLIS, MAX_TARGET_MILLIS);
        }
        if arrival.payload.len() > MAX_PAYLOAD {
            return false;
        }
        self.take_back();
        if self.played.is_some_and(|played| arrival.sequence < played) {
            self.status.late += 1;
            return false;
        }
        let newest = self.newest.map_or(arrival.sequence, |(sequence, _)| sequence.max(arrival.sequence));
        // Full: give up what is too old for the new one.
        let may_be_full = self.played.is_none_or(|played| newest.saturating_sub(played) >= CAPACITY as u64);
        while may_be_full && newest.saturating_sub(self.oldest().unwrap_or(newest)) >= CAPACITY as u64 {
            self.drop_oldest();
        }
        if newest - arrival.sequence >= CAPACITY as u64 {
            self.status.late += 1;
            return false;
        }
        let slot = &mut self.slots[(arrival.sequence % CAPACITY as u64) as usize];
        if slot.used {
            self.status.duplicate += 1;
            return false;
        }
        slot.used = true;
        slot.sequence = arrival.sequence;
        slot.timestamp = arrival.timestamp;
        slot.ticks = arrival.ticks;
        slot.payload_type = arrival.payload_type;
        slot.arrived = arrived;
        slot.late_millis = late_millis;
        if slot.payload.capacity() == 0 {
            slot.payload = self.spare.pop().unwrap_or_default();
        }
        slot.payload.clear();
        // At once, and not a little more with each packet of a codec whose packets vary.
        slot.payload.reserve(USUAL_PAYLOAD.max(arrival.payload.len()));
        slot.payload.extend_from_slice(arrival.payload);
        self.count += 1;
        let end = arrival.timestamp + u64::from(arrival.ticks);
        if self.newest.is_none_or(|(sequence, _)| arrival.sequence >= sequence) {
            self.newest = Some((arrival.sequence, end));
        }
        true
    }

    /// What is due now. A packet counts for its own duration, everything else for 20 ms.
    pub fn pull(&mut self, now: Timestamp) -> Pull<'_> {
        self.waits.pull();
        if self.state == State::Filling && !self.begin(now) {
            return Pull::Silence;
        }
        let step = self.step();
        match step {
            Step::Play(index) => {
                self.take_back();
                self.lent = Some(index);
                let slot = &self.slots[index];
                let wait = now.millis_since(slot.arrived) + slot.late_millis;
                self.waits.played(wait);
                self.waited_millis = wait;
                Pull::Packet { payload_type: slot.payload_type, ticks: slot.ticks, payload: &slot.payload }
            }
            Step::Lost(next) => {
                self.status.concealed += 1;
                let next = next.map(|index| {
                    let slot = &self.slots[index];
                    (slot.payload_type, slot.payload.as_slice())
                });
                Pull::Lost { next }
            }
            Step::Silence => Pull::Silence,
        }
    }

    /// Counts and delays.
    pub fn status(&self) -> Status {
        Status { content_millis: self.content_millis(), target_millis: self.target_millis, ..self.status }
    }

    /// How long the sound of a packet is, in milliseconds.
    pub fn packet_millis(&self) -> u64 {
        self.millis(u64::from(self.packet_ticks))
    }

    /// Whether packets wait to be played.
    pub fn holds_packets(&self) -> bool {
        self.count > 0
    }

    /// Whether the stream plays, and is neither before its beginning nor in a pause.
    pub fn is_playing(&self) -> bool {
        self.state != State::Filling
    }

    /// The tick that is played next; none while nothing plays.
    pub fn position(&self) -> Option<u64> {
        match self.state {
            State::Playing { timestamp, .. } => Some(timestamp),
            State::Filling => None,
        }
    }

    /// Ends the filling when there is enough sound, or when the first packet has waited long enough.
    fn begin(&mut self, now: Timestamp) -> bool {
        let Some(index) = self.first() else { return false };
        let first = &self.slots[index];
        let content = self.newest.map_or(0, |(_, end)| self.millis(end.saturating_sub(first.timestamp)));
        let full = self.target_millis.max(FIRST_MILLIS);
        // Of a stream over a known network it is known how long its packets have to wait.
        let (full, wait) = match self.goes_on_after_millis {
            Some(wait) => (full.max(wait + PULL_MILLIS), wait.saturating_sub(PULL_MILLIS / 2)),
            None if self.lateness.is_known() => (full, self.target_millis - PULL_MILLIS),
            None => (full, full),
        };
        // Who is pulled for a moment that is over does not begin with what came later.
        let is_enough = now >= first.arrived && (content >= full || now.millis_since(first.arrived) >= wait);
        if !self.is_eager && !is_enough {
            return false;
        }
        self.state = State::Playing {
            sequence: first.sequence,
            timestamp: first.timestamp,
            waited: 0,
            empty: 0,
            is_quiet: false,
        };
        self.goes_on_after_millis = None;
        self.status.starts += 1;
        true
    }

    fn step(&mut self) -> Step {
        let frame_ticks = u64::from(self.clock_rate_hz / 50);
        let jump_ticks = JUMP_MILLIS * u64::from(self.clock_rate_hz) / 1_000;
        loop {
            let content = self.content_millis();
            let State::Playing { mut sequence, mut timestamp, mut waited, mut empty, mut is_quiet } =
                self.state
            else {
                return Step::Silence;
            };
            let first = self.first();
            let step = match first.map(|index| (index, &self.slots[index])) {
                // Nothing there: wait for it. What comes later than this is a pause and starts anew.
                None => {
                    waited += frame_ticks;
                    empty += 1;
                    if is_quiet || empty > PAUSE_FRAMES { Step::Silence } else { Step::Lost(None) }
                }
                Some((index, slot)) => {
                    empty = 0;
                    let is_hole = slot.sequence > sequence;
                    let mut ahead = slot.timestamp.saturating_sub(timestamp);
                    if ahead > jump_ticks {
                        ahead = 0;
                    }
                    // What was made up while waiting stands for what is missing.
                    let covered = waited.min(ahead);
                    let is_short = content < self.target_millis;
                    if slot.ticks == 0 && !is_hole {
                        is_quiet = true;
                        sequence = slot.sequence + 1;
                        let slot = &mut self.slots[index];
                        slot.used = false;
                        self.count -= 1;
                        self.played = Some(sequence);
                        self.state = State::Playing { sequence, timestamp, waited, empty, is_quiet };
                        continue;
                    }
                    if ahead - covered < frame_ticks.min(u64::from(slot.ticks).max(1)) {
                        sequence = slot.sequence + 1;
                        timestamp = slot.timestamp + u64::from(slot.ticks);
                        waited = 0;
                        is_quiet = slot.ticks == 0;
                        Step::Play(index)
                    } else if is_hole && waited == 0 && is_short && !is_quiet {
                        // The buffer is to grow anyway: the missing packet may still come.
                        waited = frame_ticks;
                        Step::Lost(None)
                    } else {
                        timestamp += covered + frame_ticks;
                        waited -= covered;
                        if is_hole && !is_quiet {
                            // The numbers that this time stood for are given up; what comes of them is late.
                            let left_ticks = slot.timestamp.saturating_sub(timestamp);
                            let left_packets = left_ticks.div_ceil(u64::from(self.packet_ticks.max(1)));
                            sequence = sequence.max(slot.sequence.saturating_sub(left_packets));
                            let is_next = sequence == slot.sequence && slot.ticks > 0;
                            Step::Lost(is_next.then_some(index))
                        } else {
                            Step::Silence
                        }
                    }
                }
            };
            self.state = if empty > PAUSE_FRAMES {
                State::Filling
            } else {
                State::Playing { sequence, timestamp, waited, empty, is_quiet }
            };
            self.played = Some(sequence);
            if let Step::Play(index) = step {
                self.slots[index].used = false;
                self.count -= 1;
                if self.slots[index].ticks == 0 {
                    continue;
                }
            }
            return step;
        }
    }

    /// The kept packet with the lowest number.
    fn first(&self) -> Option<usize> {
        if self.count == 0 {
            return None;
        }
        let (newest, _) = self.newest?;
        let oldest = newest.saturating_sub(CAPACITY as u64 - 1).max(self.played.unwrap_or(0));
        (oldest..=newest)
            .map(|sequence| (sequence, (sequence % CAPACITY as u64) as usize))
            .find(|(sequence, index)| self.slots[*index].used && self.slots[*index].sequence == *sequence)
            .map(|(_, index)| index)
    }

    fn oldest(&self) -> Option<u64> {
        self.first().map(|index| self.slots[index].sequence)
    }

    fn drop_oldest(&mut self) {
        let Some(index) = self.first() else { return };
        let slot = &mut self.slots[index];
        slot.used = false;
        let (after, end) = (slot.sequence + 1, slot.timestamp + u64::from(slot.ticks));
        self.count -= 1;
        self.played = Some(after);
        self.status.overflowed += 1;
        if let State::Playing { sequence, timestamp, .. } = &mut self.state {
            *sequence = after;
            *timestamp = end;
        }
        if self.count == 0 {
            // Nothing of the old timeline is left.
            self.newest = None;
        }
    }

    /// Sound from the place that is played to the newest packet; a jump of the timestamp counts as nothing.
    fn content_millis(&self) -> u64 {
        let Some((_, end)) = self.newest else { return 0 };
        let from = match self.state {
            State::Playing { timestamp, waited, .. } => timestamp.saturating_add(waited),
            State::Filling => match self.first() {
                Some(index) => self.slots[index].timestamp,
                None => return 0,
            },
        };
        let millis = self.millis(end.saturating_sub(from));
        if millis > JUMP_MILLIS { 0 } else { millis }
    }

    fn millis(&self, ticks: u64) -> u64 {
        ticks.saturating_mul(1_000) / u64::from(self.clock_rate_hz)
    }
}

enum Step {
    Play(usize),
    Lost(Option<usize>),
    Silence,
}

#[cfg(test)]
#[path = "jitter_tests.rs"]
mod tests;
