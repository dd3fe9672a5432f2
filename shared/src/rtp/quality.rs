//! An estimate of what a listener would say: the E-model of ITU-T G.107, cut down to what a receiver can measure
//! (delay, loss, codec), all other parameters at their defaults.

use serde::{Deserialize, Serialize};

use crate::audio::codec::Codec;

/// Measured over some time, in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Conditions {
    /// The codec.
    pub codec: Codec,
    /// Packets lost or too late, in percent.
    pub loss_percent: f32,
    /// Mouth to ear in one direction: half of the round trip, the jitter buffer, packet and codec.
    pub delay_millis: f32,
    /// How much losses cluster: 1 when they are independent (G.107 §7.3).
    pub burst_ratio: f32,
}

/// The default rating without impairments, G.107 table 3: 93.2 for narrow band.
const BEST: f32 = 93.2;

impl Conditions {
    /// Independent losses.
    pub fn new(codec: Codec, loss_percent: f32, delay_millis: f32) -> Self {
        Conditions { codec, loss_percent, delay_millis, burst_ratio: 1.0 }
    }

    /// The transmission rating R, from 0 to 93.2.
    pub fn rating(&self) -> f32 {
        let delay = self.delay_millis.clamp(0.0, 10_000.0);
        let loss = self.loss_percent.clamp(0.0, 100.0);
        // G.107 §7.4, Idd: the delay alone, with an echo that is cancelled.
        let doublings = (delay / 100.0).max(1.0).log2();
        let root = |x: f32| (1.0 + x.powi(6)).powf(1.0 / 6.0);
        let delay_impairment = 25.0 * (root(doublings) - 3.0 * root(doublings / 3.0) + 2.0);
        let (equipment, robustness) = self.codec_factors();
        // G.107 §7.3, Ie-eff.
        let loss_impairment =
            equipment + (95.0 - equipment) * loss / (loss / self.burst_ratio.max(1.0) + robustness);
        (BEST - delay_impairment - loss_impairment).clamp(0.0, BEST)
    }

    /// The mean opinion score, 1 (bad) to 4.4 (G.107 annex B).
    pub fn mos(&self) -> f32 {
        let r = self.rating();
        if r <= 0.0 {
            return 1.0;
        }
        (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).clamp(1.0, 4.5)
    }

    /// Ie and Bpl of the codec (G.113 appendix I).
    fn codec_factors(&self) -> (f32, f32) {
        match self.codec {
            // G.711 with concealment.
            Codec::Pcmu | Codec::Pcma => (0.0, 25.1),
            // G.722 at 64 kbit/s, on the narrow-band scale (G.113 appendix I.1.4 and I.4).
            Codec::G722 => (0.0, 18.5),
            // Opus is not in G.113. Wide-band speech at 24 kb/s does not sound worse than G.711, and its in-band
            // correction makes it at least as robust.
            Codec::Opus => (0.0, 25.1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_known_conditions() {
        for (loss_percent, delay_millis, expected) in [
            (0.0, 0.0, 4.41),
            (0.0, 100.0, 4.41),
            (1.0, 100.0, 4.33),
            (5.0, 100.0, 3.92),
            (20.0, 100.0, 2.63),
            (0.0, 400.0, 3.55),
        ] {
            let mos = Conditions::new(Codec::Pcma, loss_percent, delay_millis).mos();
            assert!((mos - expected).abs() < 0.02, "{loss_percent} % at {delay_millis} ms: {mos}");
        }
    }

    #[test]
    fn more_loss_and_more_delay_are_never_better_and_bursts_are_worse() {
        let at = |loss, delay| Conditions::new(Codec::Opus, loss, delay).mos();
        for step in 0..40 {
            let step = step as f32;
            assert!(at(step + 1.0, 50.0) <= at(step, 50.0));
            assert!(at(1.0, step * 20.0 + 20.0) <= at(1.0, step * 20.0));
        }
        let burst = Conditions { burst_ratio: 3.0, ..Conditions::new(Codec::Pcmu, 5.0, 50.0) };
        assert!(burst.mos() < at(5.0, 50.0));
        assert_eq!(at(100.0, 9_000.0), 1.0);
    }
}
