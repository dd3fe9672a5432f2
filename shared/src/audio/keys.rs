//! Keys in the sound (ITU-T Q.23), for trunks whose far side sends no RFC 4733 events: found by the rules of ITU-T Q.24.
//!
//! The sound is looked at in windows of 12.75 ms, two for each of their lengths, by the Goertzel algorithm at the eight
//! frequencies and at a harmonic. A window holds a key when one low and one high frequency stand out from the
//! others and hold most of its energy; a key is what four windows in a row hold.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::RATE_HZ;
use super::tone::dtmf_hz;
use crate::rtp::dtmf::{KEYS, KeyEvent};

/// Half of a window: 6.4 ms at 16 kHz.
const HOP_SAMPLES: usize = 102;
const WINDOW_SAMPLES: usize = 2 * HOP_SAMPLES;
const LOW_HZ: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const HIGH_HZ: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
/// Each frequency of a key is at least so strong, in dBFS. Full scale is +3.14 dBm0 (ITU-T G.711), and a receiver takes
/// -25 dBm0 and more (Q.24 annex A).
const QUIETEST_DBFS: f32 = -30.0;
/// The high frequency may be so much stronger than the low one (Q.24 annex A: 4 dB, and what measuring adds).
const HIGH_OVER_LOW_DB: f32 = 5.5;
/// The low one may be so much stronger: lines weaken high frequencies (Q.24 annex A: 8 dB).
const LOW_OVER_HIGH_DB: f32 = 9.5;
/// So much the strongest of a group stands out from the other three.
const STANDS_OUT_DB: f32 = 7.0;
/// The two hold this part of all energy; a frequency that is 1.8 % off loses a third in so short a window.
const LEAST_SHARE: f32 = 0.55;
/// Voices have overtones, keys have none: the second harmonic of the high frequency is so much weaker. That of the low one
/// lies too close to the high ones to be told apart in so short a window.
const HARMONIC_DB: f32 = 10.0;
/// Windows in a row that make a key: 32 ms. What lasts 40 ms fills as many (Q.24 annex A), what lasts 20 ms does not.
const ONSET_WINDOWS: u8 = 4;
/// Windows in a row without it that end a key: a break of 10 ms is none (Q.24 annex A), one of 40 ms is.
const END_WINDOWS: u8 = 4;
/// Keys that wait to be taken; more are lost.
const MAX_WAITING: usize = 32;

/// Finds keys in the sound of one leg.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Detector {
    /// The last hop, then what has come of the next.
    samples: Vec<i16>,
    /// What the windows hold of late, and for how many in a row.
    candidate: Option<char>,
    windows: u8,
    held: Option<Held>,
    waiting: VecDeque<KeyEvent>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Held {
    key: char,
    /// Hops since it began.
    hops: u32,
    /// Windows in a row without it.
    missing: u8,
}

impl Default for Detector {
    fn default() -> Self {
        Detector {
            samples: Vec::with_capacity(WINDOW_SAMPLES),
            candidate: None,
            windows: 0,
            held: None,
            waiting: VecDeque::new(),
        }
    }
}

impl Detector {
    /// Takes the next sound, at 16 kHz, of any length.
    pub fn push(&mut self, mut sound: &[i16]) {
        while !sound.is_empty() {
            let (taken, rest) = sound.split_at(sound.len().min(WINDOW_SAMPLES - self.samples.len()));
            self.samples.extend_from_slice(taken);
            sound = rest;
            if self.samples.len() == WINDOW_SAMPLES {
                let key = key_of(&self.samples);
                self.window(key);
                self.samples.drain(..HOP_SAMPLES);
            }
        }
    }

    /// The next thing that happened to a key.
    pub fn poll(&mut self) -> Option<KeyEvent> {
        self.waiting.pop_front()
    }

    fn window(&mut self, key: Option<char>) {
        if key == self.candidate {
            self.windows = self.windows.saturating_add(1);
        } else {
            (self.candidate, self.windows) = (key, 1);
        }
        if let Some(held) = &mut self.held {
            held.hops = held.hops.saturating_add(1);
            held.missing = if key == Some(held.key) { 0 } else { held.missing + 1 };
            if held.missing >= END_WINDOWS {
                let hops = held.hops.saturating_sub(u32::from(END_WINDOWS));
                let millis = hops * HOP_SAMPLES as u32 * 1_000 / RATE_HZ;
                let released = KeyEvent::Released { key: held.key, millis };
                self.held = None;
                self.tell(released);
            }
        }
        if let (None, Some(key)) = (self.held, key)
            && self.windows >= ONSET_WINDOWS
        {
            // The first window began one hop before its end.
            self.held = Some(Held { key, hops: u32::from(ONSET_WINDOWS) + 1, missing: 0 });
            self.tell(KeyEvent::Pressed(key));
        }
    }

    fn tell(&mut self, event: KeyEvent) {
        if self.waiting.len() < MAX_WAITING {
            self.waiting.push_back(event);
        }
    }
}

/// The key that fills a window.
fn key_of(samples: &[i16]) -> Option<char> {
    let total: f32 = samples.iter().map(|sample| f32::from(*sample) * f32::from(*sample)).sum();
    let least = 10f32.powf(QUIETEST_DBFS / 10.0) * 32_768.0 * 32_768.0 / 2.0 * samples.len() as f32;
    // Cheap for silence: both frequencies together are twice as much.
    if total < 2.0 * least * LEAST_SHARE {
        return None;
    }
    let (low_hz, low) = strongest(samples, LOW_HZ)?;
    let (high_hz, high) = strongest(samples, HIGH_HZ)?;
    let twist_db = decibels(high / low);
    let is_key = low.min(high) >= least * LEAST_SHARE
        && (-LOW_OVER_HIGH_DB..=HIGH_OVER_LOW_DB).contains(&twist_db)
        && (low + high) / total >= LEAST_SHARE
        && decibels(high / energy(samples, 2.0 * high_hz)) >= HARMONIC_DB;
    KEYS.into_iter().find(|key| is_key && dtmf_hz(*key) == Some([low_hz, high_hz]))
}

/// The strongest of a group with its energy, when it stands out.
fn strongest(samples: &[i16], group: [f32; 4]) -> Option<(f32, f32)> {
    let energies = group.map(|hz| energy(samples, hz));
    let (place, most) =
        energies.iter().copied().enumerate().max_by(|left, right| left.1.total_cmp(&right.1))?;
    let next = energies.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, energy)| *energy);
    let next = next.fold(f32::MIN_POSITIVE, f32::max);
    (decibels(most / next) >= STANDS_OUT_DB).then(|| group.get(place).map(|hz| (*hz, most)))?
}

fn decibels(ratio: f32) -> f32 {
    10.0 * ratio.max(f32::MIN_POSITIVE).log10()
}

/// The energy of one frequency, on the scale of the sum of squares.
fn energy(samples: &[i16], hz: f32) -> f32 {
    let omega = std::f32::consts::TAU * hz / RATE_HZ as f32;
    let coefficient = 2.0 * omega.cos();
    let (mut last, mut before) = (0.0f32, 0.0f32);
    for sample in samples {
        let next = f32::from(*sample) + coefficient * last - before;
        before = last;
        last = next;
    }
    let power = last * last + before * before - coefficient * last * before;
    (2.0 * power / samples.len() as f32).max(f32::MIN_POSITIVE)
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
