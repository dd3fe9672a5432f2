//! The jitter buffer: packets go in when they come, and come out when they are due.
//!
//! The owner pulls on a steady 20 ms schedule; that schedule is the playout clock. Delay is added by waiting
//! ([`Pull::Lost`] without moving on) and taken away by the owner, who pulls once more and shortens the sound
//! when [`JitterBuffer::surplus_millis`] says so. The target follows the lateness of the packets ([`Lateness`]).
//!
//! Bounded by [`CAPACITY`] packets of [`MAX_PAYLOAD`] octets; when it is full the oldest go.

mod ahead;

use serde::{Deserialize, Serialize};

use super::delay::Lateness;
use super::packet::MAX_PACKET_BYTES;
use crate::time::Timestamp;

/// Packets that are kept at most.
pub const CAPACITY: usize = 64;
/// Octets of the longest payload that is kept; a longer one counts as lost.
pub const MAX_PAYLOAD: usize = MAX_PACKET_BYTES;
/// Octets that every place has room for once it is used: 20 ms of G.711, and of Opus at 64 kbit/s.
const USUAL_PAYLOAD: usize = 160;
/// Packets that there is room for from the beginning: [`MAX_TARGET_MILLIS`] of the usual ones.
const SPARES: usize = 16;
/// The least delay that is aimed for: one packet to play and one on its way.
pub const MIN_TARGET_MILLIS: u64 = 40;
/// The greatest delay that is aimed for; beyond it a call is no conversation (ITU-T G.114).
pub const MAX_TARGET_MILLIS: u64 = 300;

/// Without a packet for this many frames the stream is taken to pause.
const PAUSE_FRAMES: u32 = 5;
/// A timestamp further ahead is a new timeline and not silence.
const JUMP_MILLIS: u64 = 10_000;
/// Frames over which the smallest content is looked for.
const CONTENT_FRAMES: u32 = 25;

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

/// Counts and delays, for reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Status {
    /// Sound that is kept now, in milliseconds.
    pub content_millis: u64,
    /// The delay that is aimed for, in milliseconds.
    pub target_millis: u64,
    /// Packets that came after their time.
    pub late: u64,
    /// Packets that came twice.
    pub duplicate: u64,
    /// Packets thrown away because the buffer was full.
    pub overflowed: u64,
    /// Frames that were made up.
    pub concealed: u64,
    /// Times that the stream began or went on after a pause.
    pub starts: u64,
}

#[derive(Debug, Clone, Default)]
struct Slot {
    used: bool,
    sequence: u64,
    timestamp: u64,
    ticks: u32,
    payload_type: u8,
    arrived: Timestamp,
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
    /// Room of packets that were played, the latest last: the one that the processor still has at hand goes first.
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
    /// The smallest content of this window of pulls and of the one before.
    least_content: [u64; 2],
    window_frames: u32,
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
            lent: None,
            newest: None,
            played: None,
            state: State::Filling,
            lateness: Lateness::new(clock_rate_hz),
            packet_ticks: clock_rate_hz / 50,
            target_millis: MIN_TARGET_MILLIS,
            least_content: [0; 2],
            window_frames: 0,
            is_eager: false,
            status: Status::default(),
        }
    }

    /// Forgets all packets because the sender began anew; what is known about lateness stays.
    pub fn restart(&mut self) {
        for slot in &mut self.slots {
            slot.used = false;
        }
        self.count = 0;
        self.newest = None;
        self.played = None;
        self.state = State::Filling;
        self.least_content = [0; 2];
    }

    /// Takes a packet; false when it was late, doubled or too long.
    pub fn insert(&mut self, now: Timestamp, arrival: Arrival<'_>) -> bool {
        if arrival.ticks > 0 {
            self.packet_ticks = arrival.ticks;
            self.lateness.push(now, arrival.timestamp);
            self.target_millis = (self.lateness.quantile_millis() + self.millis(u64::from(arrival.ticks)))
                .clamp(MIN_TARGET_MILLIS, MAX_TARGET_MILLIS);
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
        slot.arrived = now;
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
        self.watch_content();
        if self.state == State::Filling && !self.begin(now) {
            return Pull::Silence;
        }
        let step = self.step();
        match step {
            Step::Play(index) => {
                self.take_back();
                self.lent = Some(index);
                let slot = &self.slots[index];
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

    /// How much more is kept than needed, in milliseconds, steadily over half a second. The owner takes it away
    /// by pulling once more within a frame.
    pub fn surplus_millis(&self) -> u64 {
        let least = self.least_content[0].min(self.least_content[1]);
        least.saturating_sub(self.target_millis)
    }

    /// Tells that the owner shortened the sound by this much.
    pub fn shortened(&mut self, millis: u64) {
        self.least_content = self.least_content.map(|content| content.saturating_sub(millis));
    }

    /// Counts and delays.
    pub fn status(&self) -> Status {
        Status { content_millis: self.content_millis(), target_millis: self.target_millis, ..self.status }
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

    /// Begins with the first packet from now on, without gathering any: for an owner who adds the delay himself.
    pub fn begin_eagerly(&mut self) {
        self.is_eager = true;
    }

    /// Ends the filling when there is enough sound, or when the first packet has waited long enough.
    fn begin(&mut self, now: Timestamp) -> bool {
        let Some(index) = self.first() else { return false };
        let first = &self.slots[index];
        let content = self.newest.map_or(0, |(_, end)| self.millis(end.saturating_sub(first.timestamp)));
        if !self.is_eager
            && content < self.target_millis
            && now.millis_since(first.arrived) < self.target_millis
        {
            return false;
        }
        self.state = State::Playing {
            sequence: first.sequence,
            timestamp: first.timestamp,
            waited: 0,
            empty: 0,
            is_quiet: false,
        };
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

    /// Keeps the room of the packet that was played last for another one.
    fn take_back(&mut self) {
        if let Some(slot) =
            self.lent.take().and_then(|index| self.slots.get_mut(index)).filter(|slot| !slot.used)
            && self.spare.len() < CAPACITY
        {
            self.spare.push(std::mem::take(&mut slot.payload));
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

    fn watch_content(&mut self) {
        let content = self.content_millis();
        self.least_content[0] = self.least_content[0].min(content);
        self.window_frames += 1;
        if self.window_frames >= CONTENT_FRAMES {
            self.window_frames = 0;
            self.least_content = [content, self.least_content[0]];
        }
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
