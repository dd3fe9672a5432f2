//! Concealment for codecs that have none: repeats the last pitch period, in the manner of ITU-T G.711 Appendix I,
//! fades it and falls silent after 60 ms, so that a broken stream never hums.

use super::{Frame, clip};

/// Samples remembered: 40 ms.
const HISTORY: usize = 640;
/// Shortest pitch period, 5 ms (200 Hz).
const PITCH_MIN: usize = 80;
/// Longest pitch period, 15 ms (66 Hz).
const PITCH_MAX: usize = 240;
/// Samples compared for the pitch: 20 ms.
const COMPARED: usize = 320;
/// Unfaded beginning: 10 ms (G.711 Appendix I).
const FULL: usize = 160;
/// Silence from here on: 60 ms (G.711 Appendix I).
const SILENT: usize = 960;
/// Overlap with the first samples after the gap: 5 ms.
const OVERLAP: usize = 80;

/// Remembers what was heard and makes up what is missing.
#[derive(Debug, Clone)]
pub struct Concealer {
    history: [i16; HISTORY],
    /// One period, its end blended into its beginning.
    cycle: [f32; PITCH_MAX],
    pitch: usize,
    /// Samples made up since the last good one.
    made_up: usize,
}

impl Default for Concealer {
    fn default() -> Self {
        Concealer { history: [0; HISTORY], cycle: [0.0; PITCH_MAX], pitch: PITCH_MIN, made_up: 0 }
    }
}

impl Concealer {
    /// Takes decoded samples. After a gap their first 5 ms are blended with what was made up.
    pub fn good(&mut self, samples: &mut [i16]) {
        if self.made_up > 0 {
            let overlap = OVERLAP.min(samples.len());
            for (index, sample) in samples[..overlap].iter_mut().enumerate() {
                let weight = (index + 1) as f32 / (overlap + 1) as f32;
                *sample = clip(f32::from(*sample) * weight + self.next() * (1.0 - weight));
            }
            self.made_up = 0;
        }
        self.remember(samples);
    }

    /// Makes up one frame.
    pub fn conceal(&mut self, frame: &mut Frame) {
        self.make_up(&mut frame.0);
    }

    /// Makes up any number of samples.
    pub fn make_up(&mut self, samples: &mut [i16]) {
        if self.made_up == 0 {
            self.find_cycle();
        }
        for sample in samples.iter_mut() {
            *sample = clip(self.next());
        }
        self.remember(samples);
    }

    fn remember(&mut self, samples: &[i16]) {
        if samples.len() >= HISTORY {
            self.history.copy_from_slice(&samples[samples.len() - HISTORY..]);
        } else {
            self.history.copy_within(samples.len().., 0);
            self.history[HISTORY - samples.len()..].copy_from_slice(samples);
        }
    }

    /// The next made-up sample, faded.
    fn next(&mut self) -> f32 {
        let place = self.made_up;
        self.made_up = (self.made_up + 1).min(SILENT);
        if place >= SILENT {
            return 0.0;
        }
        let gain = if place < FULL { 1.0 } else { (SILENT - place) as f32 / (SILENT - FULL) as f32 };
        self.cycle[place % self.pitch] * gain
    }

    /// Finds the period that fits best (normalised cross-correlation) and cuts one cycle.
    fn find_cycle(&mut self) {
        let recent = &self.history[HISTORY - COMPARED..];
        let mut best = (f32::MIN, PITCH_MIN);
        for lag in PITCH_MIN..=PITCH_MAX {
            let earlier = &self.history[HISTORY - COMPARED - lag..HISTORY - lag];
            let (mut product, mut energy) = (0.0f32, 1.0f32);
            // Every second sample is enough at 16 kHz: pitch lies far below 4 kHz.
            for (now, before) in recent.iter().zip(earlier).step_by(2) {
                let before = f32::from(*before);
                product += f32::from(*now) * before;
                energy += before * before;
            }
            let score = product / energy.sqrt();
            if score > best.0 {
                best = (score, lag);
            }
        }
        self.pitch = best.1;
        let start = HISTORY - self.pitch;
        for (slot, sample) in self.cycle.iter_mut().zip(&self.history[start..]) {
            *slot = f32::from(*sample);
        }
        // The last quarter glides into what came before the cycle, so its end meets its beginning.
        let quarter = self.pitch / 4;
        for index in 0..quarter {
            let weight = (index + 1) as f32 / (quarter + 1) as f32;
            let place = self.pitch - quarter + index;
            let before = f32::from(self.history[start - quarter + index]);
            self.cycle[place] = self.cycle[place] * (1.0 - weight) + before * weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::level::rms_dbov;
    use crate::audio::{FRAME_SAMPLES, goertzel, tone::Sine};

    fn after_tone() -> Concealer {
        let mut concealer = Concealer::default();
        let mut sine = Sine::new(200.0, 16_000, -10.0);
        for _ in 0..10 {
            let mut frame = Frame::SILENCE;
            sine.fill(&mut frame.0);
            concealer.good(&mut frame.0);
        }
        concealer
    }

    #[test]
    fn continues_the_pitch() {
        let mut concealer = after_tone();
        let mut frame = Frame::SILENCE;
        concealer.conceal(&mut frame);
        let heard = goertzel::power_dbfs(&frame.0, 200.0, 16_000);
        assert!((-13.0..-8.0).contains(&heard), "{heard} dBFS");
    }

    #[test]
    fn fades_and_stays_silent() {
        let mut concealer = after_tone();
        let mut levels = Vec::new();
        for _ in 0..10 {
            let mut frame = Frame::SILENCE;
            concealer.conceal(&mut frame);
            levels.push(rms_dbov(&frame.0));
        }
        assert!(levels[0] > levels[1] && levels[1] > levels[2], "{levels:?}");
        assert!(levels[3..].iter().all(|level| *level < -100.0), "{levels:?}");
    }

    #[test]
    fn the_return_of_sound_makes_no_step() {
        let mut concealer = after_tone();
        let mut frame = Frame::SILENCE;
        concealer.conceal(&mut frame);
        let last = i32::from(frame.0[FRAME_SAMPLES - 1]);
        let mut loud = [10_000i16; FRAME_SAMPLES];
        concealer.good(&mut loud);
        assert!((i32::from(loud[0]) - last).abs() < 3_000, "from {last} to {}", loud[0]);
        assert_eq!(loud[200], 10_000);
    }
}
