//! How well a listener hears: the E-model of ITU-T G.107 ([`Conditions`]), from what a receiver measures behind its jitter
//! buffer ([`burst::Bursts`]), what to say about it in words ([`cause`]), and whether
//! anything comes at all ([`one_way`]).

use serde::{Deserialize, Serialize};

use crate::audio::codec::Codec;

pub mod burst;
pub mod cause;
pub mod one_way;

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

/// The parameters of a connection that a packet network does not change, at their defaults (G.107 table 2).
mod default {
    pub const SEND_LOUDNESS: f64 = 8.0;
    pub const RECEIVE_LOUDNESS: f64 = 2.0;
    pub const SIDETONE: f64 = 15.0;
    pub const SEND_D: f64 = 3.0;
    pub const RECEIVE_D: f64 = 3.0;
    pub const ECHO_LOUDNESS: f64 = 65.0;
    pub const ECHO_PATH_LOSS: f64 = 110.0;
    pub const QUANTISING_UNITS: f64 = 1.0;
    pub const CIRCUIT_NOISE: f64 = -70.0;
    pub const NOISE_FLOOR: f64 = -64.0;
    pub const ROOM_NOISE: f64 = 35.0;
}

/// Power from decibels.
fn power(decibels: f64) -> f64 {
    10f64.powf(decibels / 10.0)
}

/// The n-th root of one more than the n-th power, a smooth maximum of one and `x`.
fn soft(x: f64, n: f64) -> f64 {
    (1.0 + x.powf(n)).powf(1.0 / n)
}

/// The same where `x` may be negative and `n` is an odd or even whole number.
fn soft_whole(x: f64, n: i32) -> f64 {
    (1.0 + x.powi(n)).max(0.0).powf(1.0 / f64::from(n))
}

impl Conditions {
    /// Independent losses.
    pub fn new(codec: Codec, loss_percent: f32, delay_millis: f32) -> Self {
        Conditions { codec, loss_percent, delay_millis, burst_ratio: 1.0 }
    }

    /// The transmission rating R, from 0 to 93.2 (G.107 §7.1: R = Ro − Is − Id − Ie,eff).
    pub fn rating(&self) -> f32 {
        let delay = f64::from(self.delay_millis).clamp(0.0, 10_000.0);
        let noise = noise();
        // §7.2.
        let ratio = 15.0 - 1.5 * (default::SEND_LOUDNESS + noise);
        let rating =
            ratio - simultaneous(ratio, noise, delay) - delayed(ratio, noise, delay) - self.equipment();
        rating.clamp(0.0, 100.0) as f32
    }

    /// The mean opinion score, 1 (bad) to 4.4 (G.107 annex B).
    pub fn mos(&self) -> f32 {
        let r = self.rating();
        if r <= 0.0 {
            return 1.0;
        }
        (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).clamp(1.0, 4.5)
    }

    /// §7.5, Ie,eff: the codec and the loss.
    fn equipment(&self) -> f64 {
        let loss = f64::from(self.loss_percent).clamp(0.0, 100.0);
        let burst_ratio = f64::from(self.burst_ratio).max(1.0);
        let (equipment, robustness) = self.codec_factors();
        equipment + (95.0 - equipment) * loss / (loss / burst_ratio + robustness)
    }

    /// Ie and Bpl of the codec (G.113 appendix I).
    fn codec_factors(&self) -> (f64, f64) {
        match self.codec {
            // G.711 with concealment.
            Codec::Pcmu | Codec::Pcma => (0.0, 25.1),
            // On the narrow-band scale wide-band sound gains nothing, and its concealment here is that of G.711.
            Codec::G722 => (0.0, 25.1),
            // Opus is not in G.113. Wide-band speech at 24 kb/s does not sound worse than G.711, and its in-band
            // correction makes it at least as robust.
            Codec::Opus => (0.0, 25.1),
        }
    }
}

/// No: all noise at the point of reference, in dBm0p (§7.2).
fn noise() -> f64 {
    use default::{
        CIRCUIT_NOISE, NOISE_FLOOR, RECEIVE_D, RECEIVE_LOUDNESS, ROOM_NOISE, SEND_D, SEND_LOUDNESS, SIDETONE,
    };
    let overall = SEND_LOUDNESS + RECEIVE_LOUDNESS;
    let send =
        ROOM_NOISE - SEND_LOUDNESS - SEND_D - 100.0 + 0.004 * (ROOM_NOISE - overall - SEND_D - 14.0).powi(2);
    let listener = SIDETONE + RECEIVE_D;
    let room = ROOM_NOISE + 10.0 * (1.0 + power(10.0 - listener)).log10();
    let receive = RECEIVE_LOUDNESS - 121.0 + room + 0.008 * (room - 35.0).powi(2);
    let floor = NOISE_FLOOR + RECEIVE_LOUDNESS;
    10.0 * (power(CIRCUIT_NOISE) + power(send) + power(receive) + power(floor)).log10()
}

/// Is: what happens at once with the voice (§7.3).
fn simultaneous(ratio: f64, noise: f64, delay: f64) -> f64 {
    use default::{ECHO_LOUDNESS, QUANTISING_UNITS, RECEIVE_LOUDNESS, SEND_LOUDNESS, SIDETONE};
    let x = SEND_LOUDNESS + RECEIVE_LOUDNESS + 0.2 * (64.0 + noise - RECEIVE_LOUDNESS);
    let loudness = 20.0 * (soft(x / 8.0, 8.0) - x / 8.0);
    let sidetone = -10.0 * (power(-SIDETONE) + (-delay / 4.0).exp() * power(-ECHO_LOUDNESS)).log10();
    let sidetone = 12.0 * soft_whole((sidetone - 13.0) / 6.0, 8)
        - 28.0 * soft_whole((sidetone + 1.0) / 19.4, 35)
        - 13.0 * soft_whole((sidetone - 3.0) / 33.0, 13)
        + 29.0;
    let q = 37.0 - 15.0 * QUANTISING_UNITS.log10();
    let g = 1.07 + 0.258 * q + 0.0602 * q * q;
    let y = (ratio - 100.0) / 15.0 + 46.0 / 8.4 - g / 9.0;
    let z = 46.0 / 30.0 - g / 40.0;
    let quantising = 15.0 * (1.0 + 10f64.powf(y) + 10f64.powf(z)).log10();
    loudness + sidetone + quantising
}

/// Id: talker echo, listener echo, and the delay itself (§7.4).
fn delayed(ratio: f64, noise: f64, delay: f64) -> f64 {
    use default::{ECHO_LOUDNESS, ECHO_PATH_LOSS, RECEIVE_LOUDNESS};
    let echo = ECHO_LOUDNESS - 40.0 * ((1.0 + delay / 10.0) / (1.0 + delay / 150.0)).log10()
        + 6.0 * (-0.3 * delay * delay).exp();
    let half = (-1.5 * (noise - RECEIVE_LOUDNESS) - (80.0 + 2.5 * (echo - 14.0))) / 2.0;
    let talker = (half + (half * half + 100.0).sqrt() - 1.0) * (1.0 - (-delay).exp());
    let half = (ratio - 10.5 * (ECHO_PATH_LOSS + 7.0) * (2.0 * delay + 1.0).powf(-0.25)) / 2.0;
    let listener = half + (half * half + 169.0).sqrt();
    let doublings = (delay / 100.0).max(1.0).log2();
    let pure = 25.0 * (soft(doublings, 6.0) - 3.0 * soft(doublings / 3.0, 6.0) + 2.0);
    talker + listener + pure
}

#[cfg(test)]
mod tests {
    use super::*;

    /// G.107 §7.7: all parameters at their defaults give 93.2.
    #[test]
    fn the_default_connection_has_the_rating_of_the_recommendation() {
        let rating = Conditions::new(Codec::Pcma, 0.0, 0.0).rating();
        assert!((rating - 93.2).abs() < 0.05, "{rating}");
    }

    /// Scores of an implementation of its own in another language, straight from the equations: delay, then loss in
    /// percent and burst ratio of 0/1, 1/1, 3/1, 3/2, 10/1, 10/3 and 30/1.
    #[test]
    fn scores_are_those_of_the_recommendation_over_a_grid() {
        const LOSSES: [(f32, f32); 7] =
            [(0.0, 1.0), (1.0, 1.0), (3.0, 1.0), (3.0, 2.0), (10.0, 1.0), (10.0, 3.0), (30.0, 1.0)];
        const SCORES: [(f32, [f32; 7]); 8] = [
            (0.0, [4.409, 4.328, 4.134, 4.115, 3.411, 3.089, 2.137]),
            (20.0, [4.396, 4.311, 4.111, 4.091, 3.378, 3.054, 2.104]),
            (60.0, [4.375, 4.284, 4.075, 4.054, 3.328, 3.002, 2.054]),
            (100.0, [4.355, 4.259, 4.044, 4.022, 3.284, 2.957, 2.012]),
            (150.0, [4.328, 4.226, 4.001, 3.979, 3.227, 2.898, 1.958]),
            (250.0, [3.993, 3.845, 3.551, 3.524, 2.686, 2.354, 1.507]),
            (400.0, [3.216, 3.028, 2.686, 2.656, 1.835, 1.562, 1.042]),
            (800.0, [2.204, 2.024, 1.723, 1.698, 1.140, 1.027, 1.000]),
        ];
        for (delay_millis, scores) in SCORES {
            for ((loss_percent, burst_ratio), expected) in LOSSES.into_iter().zip(scores) {
                let at = Conditions { codec: Codec::Pcmu, loss_percent, delay_millis, burst_ratio };
                assert!((at.mos() - expected).abs() < 0.005, "{at:?}: {} for {expected}", at.mos());
            }
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
