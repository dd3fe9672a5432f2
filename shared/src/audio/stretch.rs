//! Shortening sound without changing its pitch: cuts out a piece of one or more pitch periods and blends the
//! edges (waveform-similarity overlap-add). The jitter buffer's owner uses it to catch up.

use super::clip;

/// Samples over which the edges are blended: 10 ms.
const OVERLAP: usize = 160;
/// Shortest cut: 10 ms.
const CUT_MIN: usize = 160;
/// Longest cut: 25 ms.
const CUT_MAX: usize = 400;
/// Samples that [`shorten`] needs: 35 ms.
pub const SHORTEN_SAMPLES: usize = OVERLAP + CUT_MAX;

/// Takes 10 to 25 ms out of the beginning of `samples`, at 16 kHz; returns how many are left. Fewer samples than
/// [`SHORTEN_SAMPLES`] stay as they are.
pub fn shorten(samples: &mut [i16]) -> usize {
    if samples.len() < SHORTEN_SAMPLES {
        return samples.len();
    }
    let cut = best_cut(samples);
    for index in 0..OVERLAP {
        let weight = (index + 1) as f32 / (OVERLAP + 1) as f32;
        let before = f32::from(samples[index]);
        let after = f32::from(samples[index + cut]);
        samples[index] = clip(before * (1.0 - weight) + after * weight);
    }
    samples.copy_within(OVERLAP + cut.., OVERLAP);
    samples.len() - cut
}

/// The cut after which the sound goes on most like before.
fn best_cut(samples: &[i16]) -> usize {
    let start = &samples[..OVERLAP];
    let mut best = (f32::MIN, CUT_MAX);
    for cut in (CUT_MIN..=CUT_MAX).step_by(2) {
        let (mut product, mut energy) = (0.0f32, 1.0f32);
        for (left, right) in start.iter().zip(&samples[cut..cut + OVERLAP]).step_by(2) {
            let right = f32::from(*right);
            product += f32::from(*left) * right;
            energy += right * right;
        }
        let score = product / energy.sqrt();
        // Of equal ones the longer cut: silence is shortened most.
        if score >= best.0 {
            best = (score, cut);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::goertzel::power_dbfs;
    use crate::audio::tone::Sine;

    #[test]
    fn keeps_the_pitch_and_makes_no_step() {
        for hz in [110.0, 200.0, 440.0] {
            let mut samples = vec![0i16; 960];
            Sine::new(hz, 16_000, -6.0).fill(&mut samples);
            let steepest = |samples: &[i16]| {
                samples
                    .windows(2)
                    .map(|pair| (i32::from(pair[0]) - i32::from(pair[1])).abs())
                    .max()
                    .unwrap_or(0)
            };
            let before = steepest(&samples);
            let len = shorten(&mut samples);
            assert!((560..=800).contains(&len), "{len}");
            let heard = power_dbfs(&samples[..len], hz, 16_000);
            assert!((heard + 6.0).abs() < 1.0, "{hz} Hz at {heard}");
            assert!(steepest(&samples[..len]) < before * 3 / 2, "{hz} Hz");
        }
    }

    #[test]
    fn too_little_stays_as_it_is() {
        assert_eq!(shorten(&mut [7; 320]), 320);
        assert_eq!(shorten(&mut [0; 640]), 240);
    }
}
