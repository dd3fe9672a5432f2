//! Shortening and lengthening sound without changing its pitch: cuts out or repeats a piece of one or more pitch periods
//! and blends the edges (waveform-similarity overlap-add). The jitter buffer's owner uses it to catch up and to wait.

use super::clip;

/// Samples over which the edges are blended: 10 ms.
const OVERLAP: usize = 160;
/// Shortest cut that is looked for: 10 ms.
const CUT_MIN: usize = 160;
/// Longest cut: 20 ms.
const CUT_MAX: usize = 320;
/// Shortest cut where there is no need for more: 5 ms.
pub const CUT_LEAST: usize = 80;
/// From this on two pieces of sound pass for the same.
const ALIKE: f32 = 0.95;
/// Shortest repetition: 5 ms.
const LENGTHEN_MIN: usize = 80;
/// Longest repetition: 10 ms.
pub const LENGTHEN_MAX: usize = 160;
/// Samples that a cut of [`CUT_MAX`] needs: 30 ms.
pub const SHORTEN_SAMPLES: usize = OVERLAP + CUT_MAX;

/// Takes 10 to 20 ms out of the beginning of `samples`, at 16 kHz; returns how many are left. Fewer samples than
/// [`SHORTEN_SAMPLES`] stay as they are.
pub fn shorten(samples: &mut [i16]) -> usize {
    if samples.len() < SHORTEN_SAMPLES {
        return samples.len();
    }
    let (best, _) = best_cut(samples, CUT_MIN, CUT_MAX);
    cut(samples, best)
}

/// Takes 5 ms to `most` samples out of the beginning where the sound goes on after it as before, and nothing where it does
/// not; returns how many are left.
pub fn shorten_a_little(samples: &mut [i16], most: usize) -> usize {
    if most < CUT_LEAST || samples.len() < OVERLAP + most {
        return samples.len();
    }
    match best_cut(samples, CUT_LEAST, most) {
        (best, likeness) if likeness >= ALIKE => cut(samples, best),
        _ => samples.len(),
    }
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

/// The cut after which the sound goes on most like before, and how much: 1 for the same.
fn best_cut(samples: &[i16], least: usize, most: usize) -> (usize, f32) {
    let start = &samples[..OVERLAP];
    let ours: f32 = start.iter().step_by(2).map(|sample| f32::from(*sample).powi(2)).sum();
    let mut best = (f32::MIN, most);
    for cut in (least..=most).step_by(2) {
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
    (best.1, best.0 / ours.sqrt().max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::goertzel::power_dbfs;
    use crate::audio::tone::Sine;

    #[test]
    fn keeps_the_pitch_and_makes_no_step() {
        type Shorten = fn(&mut [i16]) -> usize;
        let a_little: Shorten = |samples| shorten_a_little(samples, 240);
        for (hz, shorten, most) in [
            (110.0, shorten as Shorten, CUT_MAX),
            (200.0, shorten, CUT_MAX),
            (440.0, shorten, CUT_MAX),
            (110.0, a_little, 240),
            (440.0, a_little, 240),
        ] {
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
            assert!((960 - most..=960 - CUT_LEAST).contains(&len), "{len}");
            let heard = power_dbfs(&samples[..len], hz, 16_000);
            assert!((heard + 6.0).abs() < 1.0, "{hz} Hz at {heard}");
            assert!(steepest(&samples[..len]) < before * 3 / 2, "{hz} Hz");
        }
        // What would be heard is not done: a period is longer than what may be cut.
        let mut samples = vec![0i16; 960];
        Sine::new(110.0, 16_000, -6.0).fill(&mut samples);
        assert_eq!(shorten_a_little(&mut samples, 100), 960);
        assert_eq!(shorten_a_little(&mut [7; 960], CUT_LEAST - 1), 960, "too little to cut");
        assert_eq!(shorten_a_little(&mut [7; 200], 100), 200, "too little to blend");
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
