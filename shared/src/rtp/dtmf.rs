//! Keys as RTP events (RFC 4733). A key comes as many packets with one timestamp, its end three times; loss and
//! repetition still give each key once.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Octets of one event block.
pub const EVENT_BYTES: usize = 4;
/// Keys that wait to be sent; more are refused.
pub const MAX_WAITING: usize = 64;

/// The keys, in the order of their event numbers (RFC 4733 §3.2).
pub const KEYS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D'];
/// A key without packets for this long has ended, although its end was lost: three packets of 50 ms.
const LOST_END: Duration = Duration::from_millis(160);
/// RFC 4733 §2.5.1.4: the end is sent three times.
const END_PACKETS: u8 = 3;
/// Silence between two keys that we send; receivers of tones behind a gateway need 40 ms (ITU-T Q.24).
const GAP_MILLIS: u32 = 60;
/// -10 dBm0, the usual level.
const VOLUME: u8 = 10;

/// What happened to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyEvent {
    /// It went down; exactly once for each key.
    Pressed(char),
    /// It went up, or its end was lost; exactly once for each key.
    Released {
        /// Which one.
        key: char,
        /// How long it was down, as far as is known.
        millis: u32,
    },
}

/// One block of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Block {
    key: char,
    is_end: bool,
    duration_ticks: u16,
}

impl Block {
    fn read(payload: &[u8]) -> Option<Block> {
        let [event, flags, high, low, ..] = *payload else { return None };
        let key = *KEYS.get(usize::from(event))?;
        Some(Block { key, is_end: flags & 0x80 != 0, duration_ticks: u16::from_be_bytes([high, low]) })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    key: char,
    timestamp: u32,
    /// Ticks of earlier segments of a long key (RFC 4733 §2.5.1.3).
    earlier_ticks: u32,
    duration_ticks: u16,
    last_at: Timestamp,
}

/// Makes keys of the event packets of one stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    clock_rate_hz: u32,
    held: Option<Held>,
    /// The timestamp of the last key that ended; its repetitions are known by it.
    ended: Option<u32>,
    waiting: VecDeque<KeyEvent>,
}

impl Listener {
    /// A stream whose durations have this clock.
    pub fn new(clock_rate_hz: u32) -> Self {
        Listener {
            clock_rate_hz: clock_rate_hz.max(1),
            held: None,
            ended: None,
            waiting: VecDeque::with_capacity(4),
        }
    }

    /// Takes the payload of an event packet. Events that are no keys are left out.
    pub fn receive(&mut self, now: Timestamp, timestamp: u32, payload: &[u8]) {
        let Some(block) = Block::read(payload) else { return };
        if let Some(held) = &mut self.held {
            let since = timestamp.wrapping_sub(held.timestamp);
            let grown = block.duration_ticks.checked_sub(held.duration_ticks);
            let is_same = held.key == block.key
                && (since == 0
                    // A long key goes on in the next segment (RFC 4733 §2.5.1.3).
                    || (held.duration_ticks >= 0xFF00 && since <= 0x1_0000 && block.duration_ticks < held.duration_ticks)
                    // Deviation: some gateways move the timestamp along with the duration.
                    || grown.is_some_and(|ticks| ticks > 0 && since == u32::from(ticks)));
            if is_same {
                if since != 0 && block.duration_ticks < held.duration_ticks {
                    held.earlier_ticks += u32::from(held.duration_ticks);
                    held.duration_ticks = block.duration_ticks;
                }
                held.timestamp = timestamp;
                held.duration_ticks = held.duration_ticks.max(block.duration_ticks);
                held.last_at = now;
                if block.is_end {
                    self.release();
                }
                return;
            }
            if since.cast_signed() < 0 {
                // Reordered, from a key that was already left behind.
                return;
            }
            self.release();
        }
        if self.ended.is_some_and(|ended| timestamp.wrapping_sub(ended).cast_signed() <= 0) {
            return;
        }
        self.push(KeyEvent::Pressed(block.key));
        self.held = Some(Held {
            key: block.key,
            timestamp,
            earlier_ticks: 0,
            duration_ticks: block.duration_ticks,
            last_at: now,
        });
        if block.is_end {
            self.release();
        }
    }

    /// Call now and then (every frame): ends a key whose end was lost.
    pub fn tick(&mut self, now: Timestamp) {
        if self.held.as_ref().is_some_and(|held| now.since(held.last_at) >= LOST_END) {
            self.release();
        }
    }

    /// Whether a key is down, or something waits to be taken.
    pub fn is_busy(&self) -> bool {
        self.held.is_some() || !self.waiting.is_empty()
    }

    /// The next thing that happened.
    pub fn poll(&mut self) -> Option<KeyEvent> {
        self.waiting.pop_front()
    }

    /// The source began anew: its timestamps mean nothing any more.
    pub fn restart(&mut self) {
        self.release();
        self.ended = None;
    }

    fn release(&mut self) {
        if let Some(held) = self.held.take() {
            let ticks = u64::from(held.earlier_ticks) + u64::from(held.duration_ticks);
            let millis = u32::try_from(ticks * 1_000 / u64::from(self.clock_rate_hz)).unwrap_or(u32::MAX);
            self.ended = Some(held.timestamp);
            self.push(KeyEvent::Released { key: held.key, millis });
        }
    }

    fn push(&mut self, event: KeyEvent) {
        // Nobody polls: the oldest goes, a flood of events cannot grow the queue.
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(event);
    }
}

/// The same event with its duration in another clock, for a leg that is relayed.
pub(super) fn rescale(payload: &[u8], from_hz: u32, to_hz: u32) -> [u8; EVENT_BYTES] {
    let [event, flags, high, low, ..] = *payload else { return [0; EVENT_BYTES] };
    let ticks = u64::from(u16::from_be_bytes([high, low])) * u64::from(to_hz) / u64::from(from_hz.max(1));
    let [high, low] = u16::try_from(ticks).unwrap_or(u16::MAX).to_be_bytes();
    [event, flags, high, low]
}

/// An event block to send in place of voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Send {
    /// The payload.
    pub payload: [u8; EVENT_BYTES],
    /// The first packet of the key has the marker.
    pub marker: bool,
    /// How many times to send it, with sequence numbers of their own: 3 for the end.
    pub times: u8,
    /// How long before now the key began; every packet of a key has the timestamp of its beginning.
    pub begun_millis_ago: u32,
}

/// What the speaker wants to do with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// No key: voice may be sent.
    Voice,
    /// An event goes in place of the voice.
    Event(Send),
    /// The gap after a key: nothing goes.
    Quiet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    Idle,
    Down { event: u8, millis: u32, passed_millis: u32 },
    Gap { left_millis: u32 },
}

/// Makes event packets of keys, one call a frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Speaker {
    clock_rate_hz: u32,
    state: State,
    waiting: VecDeque<(u8, u32)>,
}

impl Speaker {
    /// Durations in this clock.
    pub fn new(clock_rate_hz: u32) -> Self {
        Speaker { clock_rate_hz, state: State::Idle, waiting: VecDeque::new() }
    }

    /// Queues a key for `millis` (40 to 5,000). False when it is no key or [`MAX_WAITING`] keys wait already.
    pub fn press(&mut self, key: char, millis: u32) -> bool {
        let Some(event) = KEYS.iter().position(|name| *name == key.to_ascii_uppercase()) else {
            return false;
        };
        if self.waiting.len() >= MAX_WAITING {
            return false;
        }
        self.waiting.push_back((event as u8, millis.clamp(40, 5_000)));
        true
    }

    /// True while keys are sent or wait.
    pub fn is_busy(&self) -> bool {
        self.state != State::Idle || !self.waiting.is_empty()
    }

    /// The next frame of `frame_millis`.
    pub fn turn(&mut self, frame_millis: u32) -> Turn {
        if self.state == State::Idle
            && let Some((event, millis)) = self.waiting.pop_front()
        {
            self.state = State::Down { event, millis, passed_millis: 0 };
        }
        match self.state {
            State::Idle => Turn::Voice,
            State::Gap { left_millis } => {
                let left_millis = left_millis.saturating_sub(frame_millis);
                self.state = if left_millis == 0 { State::Idle } else { State::Gap { left_millis } };
                Turn::Quiet
            }
            State::Down { event, millis, passed_millis } => {
                let now_millis = passed_millis + frame_millis;
                let is_end = now_millis >= millis;
                let ticks = |millis: u32| millis.saturating_mul(self.clock_rate_hz / 1_000);
                // 5 s at 48 kHz are more than 16 bits hold; the duration stays at its end (RFC 4733 §2.5.1.3
                // would segment, which receivers rarely know).
                let duration = u16::try_from(ticks(now_millis)).unwrap_or(u16::MAX);
                let [high, low] = duration.to_be_bytes();
                let flags = VOLUME | if is_end { 0x80 } else { 0 };
                self.state = if is_end {
                    State::Gap { left_millis: GAP_MILLIS }
                } else {
                    State::Down { event, millis, passed_millis: now_millis }
                };
                Turn::Event(Send {
                    payload: [event, flags, high, low],
                    marker: passed_millis == 0,
                    times: if is_end { END_PACKETS } else { 1 },
                    begun_millis_ago: passed_millis,
                })
            }
        }
    }
}

#[cfg(test)]
#[path = "dtmf_tests.rs"]
mod tests;
