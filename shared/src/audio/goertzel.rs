//! The power of one frequency in a block: how a test phone proves whom it hears.

/// The level of `hz` in `samples`, in dBFS: 0 is a sine that reaches full scale. A Hann window keeps neighbours
/// apart: two tones are told apart from `4 / duration` Hz on (200 Hz in 20 ms, 40 Hz in 100 ms). -120 is the floor.
pub fn power_dbfs(samples: &[i16], hz: f32, rate_hz: u32) -> f32 {
    let len = samples.len();
    if len < 2 || rate_hz == 0 {
        return FLOOR_DBFS;
    }
    let step = std::f64::consts::TAU / len as f64;
    let omega = std::f64::consts::TAU * f64::from(hz) / f64::from(rate_hz);
    let coefficient = 2.0 * omega.cos();
    let (mut last, mut before) = (0.0f64, 0.0f64);
    for (index, sample) in samples.iter().enumerate() {
        let window = 0.5 - 0.5 * (step * index as f64).cos();
        let next = f64::from(*sample) * window + coefficient * last - before;
        before = last;
        last = next;
    }
    let power = last * last + before * before - coefficient * last * before;
    // A Hann window has a mean of one half, and a real sine has half of its amplitude at the positive frequency.
    let amplitude = 4.0 * power.max(0.0).sqrt() / len as f64;
    ((20.0 * (amplitude / 32_767.0).max(1e-9).log10()) as f32).max(FLOOR_DBFS)
}

/// What [`power_dbfs`] gives for nothing at all.
pub const FLOOR_DBFS: f32 = -120.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::tone::Sine;

    #[test]
    fn measures_a_tone_and_not_its_neighbours() {
        for hz in [440.0, 660.0, 880.0, 1_234.5] {
            let mut samples = vec![0; 1_600];
            Sine::new(hz, 16_000, -20.0).fill(&mut samples);
            let own = power_dbfs(&samples, hz, 16_000);
            assert!((own + 20.0).abs() < 0.1, "{hz} Hz at {own}");
            for other in [hz + 220.0, hz - 220.0] {
                let leaked = power_dbfs(&samples, other, 16_000);
                assert!(leaked < -70.0, "{other} Hz at {leaked} beside {hz} Hz");
            }
        }
    }

    #[test]
    fn nothing_is_the_floor() {
        assert_eq!(power_dbfs(&[], 440.0, 16_000), FLOOR_DBFS);
        assert_eq!(power_dbfs(&[0; 320], 440.0, 16_000), FLOOR_DBFS);
    }
}
