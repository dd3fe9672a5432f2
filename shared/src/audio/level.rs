//! How loud a block is, and whether somebody talks.

use serde::{Deserialize, Serialize};

/// What [`rms_dbov`] gives for digital silence; RFC 6464 uses the same floor.
pub const SILENCE_DBOV: f32 = -127.0;

/// Root mean square in dBov: 0 is a full-scale square wave, a full-scale sine is -3 (RFC 6464 §3). Between
/// [`SILENCE_DBOV`] and 0.
pub fn rms_dbov(samples: &[i16]) -> f32 {
    if samples.is_empty() {
        return SILENCE_DBOV;
    }
    let energy = energy(samples);
    if energy == 0.0 {
        return SILENCE_DBOV;
    }
    let mean = f64::from(energy) / samples.len() as f64;
    (10.0 * (mean / (32_768.0 * 32_768.0)).log10()).clamp(f64::from(SILENCE_DBOV), 0.0) as f32
}

/// The sum of squares, in eight sums side by side, which become vector instructions. Exact to a millionth.
fn energy(samples: &[i16]) -> f32 {
    let mut sums = [0.0f32; 8];
    let (blocks, rest) = samples.as_chunks::<8>();
    for block in blocks {
        for (sum, sample) in sums.iter_mut().zip(block) {
            *sum += f32::from(*sample) * f32::from(*sample);
        }
    }
    for (sum, sample) in sums.iter_mut().zip(rest) {
        *sum += f32::from(*sample) * f32::from(*sample);
    }
    sums.iter().sum()
}

/// Frames above the threshold before somebody talks: 40 ms, longer than a click.
const ONSET_FRAMES: u8 = 2;
/// Frames below the threshold before nobody talks: 400 ms, longer than the gap between two words.
const HANGOVER_FRAMES: u8 = 20;
/// How far above the noise talk begins, in dB.
const ABOVE_NOISE_DB: f32 = 12.0;
/// How far above the noise talk goes on, in dB; lower than the beginning, so that the state does not flutter.
const HOLD_ABOVE_NOISE_DB: f32 = 7.0;
/// Quieter than this is never talk.
const QUIETEST_TALK_DBOV: f32 = -55.0;
/// The noise is taken to be in this range.
const NOISE_RANGE_DBOV: (f32, f32) = (-75.0, -40.0);

/// Tells talk from noise, one frame of 20 ms at a time, with hysteresis in level and in time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TalkDetector {
    noise_dbov: f32,
    talking: bool,
    /// Frames in a row that speak against the present state.
    against: u8,
}

impl Default for TalkDetector {
    fn default() -> Self {
        TalkDetector { noise_dbov: NOISE_RANGE_DBOV.0, talking: false, against: 0 }
    }
}

impl TalkDetector {
    /// Takes the level of the next frame ([`rms_dbov`]); returns whether somebody talks.
    pub fn push(&mut self, level_dbov: f32) -> bool {
        // Noise falls at once and rises by 1.5 dB a second while nobody talks, 0.25 dB a second otherwise.
        let rise = if self.talking { 0.005 } else { 0.03 };
        self.noise_dbov = if level_dbov < self.noise_dbov { level_dbov } else { self.noise_dbov + rise }
            .clamp(NOISE_RANGE_DBOV.0, NOISE_RANGE_DBOV.1);
        let margin = if self.talking { HOLD_ABOVE_NOISE_DB } else { ABOVE_NOISE_DB };
        let loud = level_dbov > (self.noise_dbov + margin).max(QUIETEST_TALK_DBOV);
        if loud == self.talking {
            self.against = 0;
        } else {
            self.against += 1;
            if self.against >= if self.talking { HANGOVER_FRAMES } else { ONSET_FRAMES } {
                self.talking = loud;
                self.against = 0;
            }
        }
        self.talking
    }

    /// Whether somebody talked at the last frame.
    pub fn is_talking(&self) -> bool {
        self.talking
    }

    /// The noise that talk is measured against, in dBov.
    pub fn noise_dbov(&self) -> f32 {
        self.noise_dbov
    }
}

/// Samples from here on count as full scale: G.711 reaches 32,124, and a filter behind it rounds corners off.
const FULL_SCALE: u16 = 31_500;
/// So many samples in a row at full scale are a cut-off top, not a peak.
const FLAT_SAMPLES: u32 = 4;
/// Below this no frame reaches full scale for long enough to look.
const LOUD_DBOV: f32 = -15.0;

/// Whether tops are cut off: four samples in a row at full scale, twice.
pub fn is_clipped(samples: &[i16]) -> bool {
    let (mut tops, mut run) = (0, 0u32);
    for sample in samples {
        run = if sample.unsigned_abs() >= FULL_SCALE { run + 1 } else { 0 };
        tops += u32::from(run == FLAT_SAMPLES);
    }
    tops >= 2
}

/// How fast the needle falls, in dB a frame of 20 ms.
const FALL_DB: f32 = 1.0;
/// Clipping is shown for so many frames.
const CLIP_FRAMES: u8 = 50;

/// What a meter shows: rises at once and falls by 50 dB a second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Meter {
    level_dbov: f32,
    clip_frames: u8,
}

impl Default for Meter {
    fn default() -> Self {
        Meter { level_dbov: SILENCE_DBOV, clip_frames: 0 }
    }
}

impl Meter {
    /// Takes the next frame of 20 ms with its level ([`rms_dbov`]); nothing for silence.
    pub fn push(&mut self, level_dbov: f32, samples: Option<&[i16]>) {
        self.level_dbov = level_dbov.max(self.level_dbov - FALL_DB).max(SILENCE_DBOV);
        let is_clipped = level_dbov > LOUD_DBOV && samples.is_some_and(is_clipped);
        self.clip_frames = if is_clipped { CLIP_FRAMES } else { self.clip_frames.saturating_sub(1) };
    }

    /// The needle, in dBov.
    pub fn level_dbov(&self) -> f32 {
        self.level_dbov
    }

    /// Tops were cut off within the last second.
    pub fn is_clipping(&self) -> bool {
        self.clip_frames > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_known_signals() {
        for (samples, expected) in [
            (vec![0i16; 320], -127.0),
            (vec![i16::MIN; 320], 0.0),
            (vec![3_277; 320], -20.0),
            (Vec::new(), -127.0),
        ] {
            assert!((rms_dbov(&samples) - expected).abs() < 0.01, "{expected}: {}", rms_dbov(&samples));
        }
    }

    #[test]
    fn cut_tops_are_told_from_loud_voices() {
        use crate::audio::tone::Sine;
        for (hz, gain, clipped) in [
            (440.0, 1.0, false),
            (440.0, 4.0, true),
            (200.0, 0.9, false),
            (1_000.0, 8.0, true),
            (440.0, 0.1, false),
        ] {
            let mut samples = [0i16; 320];
            Sine::new(hz, 16_000, -0.5).fill(&mut samples);
            for sample in &mut samples {
                *sample = (f32::from(*sample) * gain) as i16;
            }
            assert_eq!(is_clipped(&samples), clipped, "{hz} Hz at {gain}");
            let mut meter = Meter::default();
            meter.push(rms_dbov(&samples), Some(&samples));
            assert_eq!(meter.is_clipping(), clipped, "{hz} Hz at {gain}");
            (0..49).for_each(|_| meter.push(SILENCE_DBOV, None));
            assert_eq!(meter.is_clipping(), clipped, "shown for a second");
            meter.push(SILENCE_DBOV, None);
            assert!(!meter.is_clipping());
            assert!(meter.level_dbov() < -50.0 && meter.level_dbov() > -80.0, "falls slowly");
        }
    }

    /// Levels as `dBov×frames`, then the frames at which the state turned.
    fn check(script: &[(f32, usize)], turns: &[(usize, bool)]) {
        let mut detector = TalkDetector::default();
        let mut seen = Vec::new();
        let mut before = false;
        let levels = script.iter().flat_map(|(level, frames)| std::iter::repeat_n(*level, *frames));
        for (frame, level) in levels.enumerate() {
            let talking = detector.push(level);
            if talking != before {
                seen.push((frame, talking));
            }
            before = talking;
        }
        assert_eq!(seen, turns, "{script:?}");
    }

    #[test]
    fn talk_begins_and_ends_with_hysteresis() {
        check(&[(-80.0, 50), (-20.0, 50), (-80.0, 50)], &[(51, true), (119, false)]);
        // A click is no talk, a pause between words does not end it.
        check(&[(-80.0, 50), (-20.0, 1), (-80.0, 50)], &[]);
        check(&[(-80.0, 10), (-20.0, 20), (-80.0, 15), (-20.0, 20)], &[(11, true)]);
        // Steady noise at -50 dBov is taken for talk at most for a moment, talk above it is found.
        check(&[(-60.0, 600), (-25.0, 20)], &[(601, true)]);
    }
}
