//! How long packets wait for their turn, and how much of that is more than they have to.

use super::{JitterBuffer, PULL_MILLIS};

/// Pulls over which the least wait is looked for.
const WINDOW_PULLS: u32 = 25;

/// How long the fastest packets wait.
#[derive(Debug, Clone)]
pub(super) struct Waits {
    /// The least of this window of pulls and of the one before; [`u64::MAX`] without a packet.
    pub(super) least_millis: [u64; 2],
    pulls: u32,
    /// A whole window has passed.
    is_measured: bool,
}

impl Default for Waits {
    fn default() -> Self {
        Waits { least_millis: [u64::MAX; 2], pulls: 0, is_measured: false }
    }
}

impl Waits {
    /// Another pull.
    pub(super) fn pull(&mut self) {
        self.pulls += 1;
        if self.pulls >= WINDOW_PULLS {
            self.pulls = 0;
            self.least_millis = [u64::MAX, self.least_millis[0]];
            self.is_measured = true;
        }
    }

    /// A packet was played that would have waited so long as the fastest one.
    pub(super) fn played(&mut self, wait_millis: u64) {
        let [now, _] = &mut self.least_millis;
        *now = wait_millis.min(*now);
    }

    /// None before the first whole window, and without packets.
    fn least(&self) -> Option<u64> {
        let [now, before] = self.least_millis;
        Some(now.min(before)).filter(|least| self.is_measured && *least != u64::MAX)
    }

    fn shift(&mut self, later_millis: i64) {
        for wait in self.least_millis.iter_mut().filter(|wait| **wait != u64::MAX) {
            *wait = wait.saturating_add_signed(later_millis);
        }
    }
}

impl JitterBuffer {
    /// How much longer the fastest packets wait than they have to, in milliseconds, steadily over half a second; less than
    /// zero when they have less time than they should. None while it is not known.
    ///
    /// From 20 ms on the owner takes it away by pulling once more within a frame.
    pub fn spare_millis(&self) -> Option<i64> {
        let needed = i64::try_from(self.target_millis - PULL_MILLIS).ok()?;
        Some(i64::try_from(self.waits.least()?).ok()? - needed)
    }

    /// Tells that the owner pulled once more than was due, so that all that follows waits 20 ms less.
    pub fn pulled_ahead(&mut self) {
        self.pulls_come_later(-PULL_MILLIS.cast_signed());
    }

    /// Tells that all pulls from now on come so much later than they would have; less than zero: earlier.
    pub fn pulls_come_later(&mut self, later_millis: i64) {
        self.waits.shift(later_millis);
    }
}
