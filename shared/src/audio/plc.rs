//! Concealment for codecs that have none: repeats the last pitch period, in the manner of ITU-T G.711 Appendix I,
//! fades it and falls silent after 60 ms, so that a broken stream never hums.

use super::{FRAME_SAMPLES, Frame, clip};
use crate::ahead;

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
    /// The oldest sample is the one at `oldest`.
    history: [i16; HISTORY],
    oldest: usize,
    /// One period, its end blended into its beginning.
    cycle: [f32; PITCH_MAX],
    pitch: usize,
    /// Samples made up since the last good one.
    made_up: usize,
}

impl Default for Concealer {
    fn default() -> Self {
        Concealer { history: [0; HISTORY], oldest: 0, cycle: [0.0; PITCH_MAX], pitch: PITCH_MIN, made_up: 0 }
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

    /// Asks ahead for what [`Concealer::good`] needs of it for a frame ([`crate::ahead`]).
    pub fn fetch(&self) {
        ahead::fetch(&self.made_up);
        let end = (self.oldest + FRAME_SAMPLES).min(HISTORY);
        if let Some(places) = self.history.get(self.oldest..end) {
            ahead::fetch_whole(places);
        }
    }

    /// Puts the samples where the oldest ones are.
    fn remember(&mut self, samples: &[i16]) {
        let samples = &samples[samples.len().saturating_sub(HISTORY)..];
        let (first, second) = samples.split_at(samples.len().min(HISTORY - self.oldest));
        self.history[self.oldest..self.oldest + first.len()].copy_from_slice(first);
        self.history[..second.len()].copy_from_slice(second);
        self.oldest = (self.oldest + samples.len()) % HISTORY;
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
        self.history.rotate_left(self.oldest);
        self.oldest = 0;
        // Every second sample is enough at 16 kHz: pitch lies far below 4 kHz. Those on even and on odd places stand side by
        // side, so that a lag is a piece without gaps.
        let halves: [[f32; HISTORY / 2]; 2] =
            std::array::from_fn(|odd| std::array::from_fn(|place| f32::from(self.history[2 * place + odd])));
        let recent = &halves[0][(HISTORY - COMPARED) / 2..];
        let mut best = (f32::MIN, PITCH_MIN);
        for lag in PITCH_MIN..=PITCH_MAX {
            let start = HISTORY - COMPARED - lag;
            let earlier = &halves[start % 2][start / 2..][..COMPARED / 2];
            let (product, energy) = products(recent, earlier);
            let score = product / (1.0 + energy).sqrt();
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

/// The sums of the products of both and of the squares of `earlier`, in eight sums side by side, which become vector
/// instructions.
fn products(recent: &[f32], earlier: &[f32]) -> (f32, f32) {
    let (mut products, mut squares) = ([0.0f32; 8], [0.0f32; 8]);
    for (recent, earlier) in recent.as_chunks::<8>().0.iter().zip(earlier.as_chunks::<8>().0) {
        let sums = products.iter_mut().zip(&mut squares);
        for ((product, square), (recent, earlier)) in sums.zip(recent.iter().zip(earlier)) {
            *product += recent * earlier;
            *square += earlier * earlier;
        }
    }
    (products.iter().sum(), squares.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::level::rms_dbov;
    use crate::audio::{goertzel, tone::Sine};

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

    #[test]
    fn pieces_of_any_length_are_remembered_in_order() {
        let mut samples = [0i16; 6 * FRAME_SAMPLES];
        Sine::new(163.0, 16_000, -10.0).fill(&mut samples);
        let mut frames = [Frame::SILENCE; 2];
        for (piece, frame) in [FRAME_SAMPLES, 97].into_iter().zip(&mut frames) {
            let mut concealer = Concealer::default();
            samples.chunks(piece).for_each(|samples| concealer.good(&mut samples.to_vec()));
            concealer.conceal(frame);
        }
        assert_eq!(frames[0], frames[1]);
        assert!(rms_dbov(&frames[0].0) > -20.0);
    }
}
