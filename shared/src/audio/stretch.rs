//! Shortening and lengthening sound without changing its pitch: cuts out or repeats a piece of one or more pitch periods
//! and blends the edges (waveform-similarity overlap-add). The jitter buffer's owner uses it to catch up and to wait.

use super::clip;

/// Samples over which the edges are blended: 10 ms.
const OVERLAP: usize = 160;
/// Shortest cut: 10 ms.
const CUT_MIN: usize = 160;
/// Longest cut: 20 ms.
const CUT_MAX: usize = 320;
/// Shortest repetition: 5 ms.
const LENGTHEN_MIN: usize = 80;
/// Longest repetition: 10 ms.
pub const LENGTHEN_MAX: usize = 160;
/// Samples that [`shorten`] needs: 30 ms.
pub const SHORTEN_SAMPLES: usize = OVERLAP + CUT_MAX;

/// Takes 10 to 20 ms out of the beginning of `samples`, at 16 kHz; returns how many are left. Fewer samples than
/// [`SHORTEN_SAMPLES`] stay as they are.
pub fn shorten(samples: &mut [i16]) -> usize {
    if samples.len() < SHORTEN_SAMPLES {
        return samples.len();
    }
    let best = best_cut(samples);
    cut(samples, best)
}

/// Takes exactly `cut` samples out of the beginning; returns how many are left. Nothing is cut when fewer than 10 ms
/// would stay behind the cut.
pub fn cut(samples: &mut [i16], cut: usize) -> usize {
    if samples.len() < OVERLAP + cut {
        return samples.len();
    }
    for index in 0..OVERLAP {
        let weight = (index + 1) as f32 / (OVERLAP + 1) as f32;
        let before = f32::from(samples[index]);
        let after = f32::from(samples[index + cut]);
        samples[index] = clip(before * (1.0 - weight) + after * weight);
    }
    samples.copy_within(OVERLAP + cut.., OVERLAP);
    samples.len() - cut
}

/// Repeats 5 to 10 ms of the beginning of the first `len` samples; returns how many there are now. What there is no room
/// for is not repeated, nor is anything of fewer than 20 ms.
pub fn lengthen(samples: &mut [i16], len: usize) -> usize {
    if len < OVERLAP + LENGTHEN_MAX || len > samples.len() {
        return len;
    }
    let more = best_repeat(&samples[..len]);
    if len + more > samples.len() {
        return len;
    }
    samples.copy_within(..len, more);
    // What stood before the shift is still there up to `more`; the seam glides from the first time to the second.
    for index in 0..OVERLAP {
        let weight = (index + 1) as f32 / (OVERLAP + 1) as f32;
        let place = more + index;
        // The first time went on with what now stands `more` later.
        let first = f32::from(samples[place + more]);
        let second = f32::from(samples[place]);
        samples[place] = clip(first * (1.0 - weight) + second * weight);
    }
    len + more
}

/// The piece that its own repetition follows best.
fn best_repeat(samples: &[i16]) -> usize {
    let mut best = (f32::MIN, LENGTHEN_MIN);
    for more in (LENGTHEN_MIN..=LENGTHEN_MAX).step_by(2) {
        let (mut product, mut energy) = (0.0f32, 1.0f32);
        for (left, right) in samples[..OVERLAP].iter().zip(&samples[more..more + OVERLAP]).step_by(2) {
            let right = f32::from(*right);
            product += f32::from(*left) * right;
            energy += right * right;
        }
        let score = product / energy.sqrt();
        if score >= best.0 {
            best = (score, more);
        }
    }
    best.1
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
            assert!((640..=800).contains(&len), "{len}");
            let heard = power_dbfs(&samples[..len], hz, 16_000);
            assert!((heard + 6.0).abs() < 1.0, "{hz} Hz at {heard}");
            assert!(steepest(&samples[..len]) < before * 3 / 2, "{hz} Hz");
        }
    }

    #[test]
    fn a_repetition_keeps_the_pitch_and_makes_no_step() {
        for hz in [110.0, 200.0, 440.0, 880.0] {
            let mut samples = vec![0i16; 960];
            Sine::new(hz, 16_000, -6.0).fill(&mut samples[..640]);
            let steepest = |samples: &[i16]| {
                samples.windows(2).map(|pair| (i32::from(pair[0]) - i32::from(pair[1])).abs()).max()
            };
            let before = steepest(&samples[..640]).unwrap_or(0);
            let len = lengthen(&mut samples, 640);
            assert!((720..=800).contains(&len), "{len}");
            assert!(steepest(&samples[..len]).unwrap_or(0) < before * 3 / 2, "{hz} Hz");
            let heard = power_dbfs(&samples[..len], hz, 16_000);
            assert!((heard + 6.0).abs() < 1.5, "{hz} Hz at {heard}");
        }
        assert_eq!(lengthen(&mut [0; 400], 300), 300);
        assert_eq!(lengthen(&mut [0; 330], 325), 325, "there is no room");
    }

    #[test]
    fn an_exact_cut_is_exact() {
        let mut samples: Vec<i16> = (0..640).collect();
        assert_eq!(cut(&mut samples, 320), 320);
        assert_eq!((samples[160], samples[319]), (480, 639));
        assert!(samples[..320].windows(2).all(|pair| (1..=4).contains(&(pair[1] - pair[0]))));
        assert_eq!(cut(&mut [1; 300], 200), 300);
    }

    #[test]
    fn too_little_stays_as_it_is() {
        assert_eq!(shorten(&mut [7; 320]), 320);
        assert_eq!(shorten(&mut [0; 640]), 320);
    }
}
