//! What is drawn.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A stream of numbers of its own: what one kind of event draws does not change what another one draws.
pub(crate) struct Chance(StdRng);

impl Chance {
    pub(crate) fn new(seed: u64, stream: u64) -> Chance {
        Chance(StdRng::seed_from_u64(
            seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ stream.wrapping_mul(0xD6E8_FEB8_6659_FD93),
        ))
    }

    /// Arrivals, talk times, patience.
    pub(crate) fn streams(seed: u64) -> [Chance; 3] {
        [1, 2, 3].map(|stream| Chance::new(seed, stream))
    }

    /// From 0 up to 1, which is not reached.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A time by the exponential distribution.
    pub(crate) fn exponential(&mut self, mean_secs: f64) -> Duration {
        let secs = -(1.0 - self.unit()).ln() * mean_secs;
        // Nobody talks for more than a year; and no time is drawn that a duration does not hold.
        Duration::from_secs_f64(secs.clamp(0.0, 31_536_000.0))
    }
}
