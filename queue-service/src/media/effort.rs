//! How much effort a worker's encoders may make: the busier its core, the less.
//!
//! Opus has ways to spend time on sound that hardly anybody hears. A core with time to spare takes them; one that has
//! hardly any left gives them up, so that it holds twice as many calls before anything is late.

use std::time::Duration;

use shared::audio::opus::Effort;
use shared::time::Timestamp;

/// Over how long work is counted.
const WINDOW: Duration = Duration::from_millis(200);
/// Busier than this, in percent, and the effort falls by one step.
const BUSY_PERCENT: u128 = 85;
/// Less busy than this, and it rises again: a step more costs at most twice the time.
const CALM_PERCENT: u128 = 40;

/// How busy a worker is.
#[derive(Debug)]
pub(super) struct Load {
    since: Timestamp,
    worked: Duration,
    effort: Effort,
}

impl Load {
    pub(super) fn new(now: Timestamp) -> Self {
        Load { since: now, worked: Duration::ZERO, effort: Effort::default() }
    }

    /// The worker has worked for so long up to now; the effort from here on.
    pub(super) fn push(&mut self, now: Timestamp, worked: Duration) -> Effort {
        self.worked += worked;
        let window = now.since(self.since);
        if window >= WINDOW {
            let percent = self.worked.as_micros() * 100 / window.as_micros();
            self.effort = match (self.effort, percent) {
                (Effort::Usual, BUSY_PERCENT..) => Effort::Less,
                (Effort::Less, BUSY_PERCENT..) => Effort::Least,
                (Effort::Least, ..CALM_PERCENT) => Effort::Less,
                (Effort::Less, ..CALM_PERCENT) => Effort::Usual,
                (effort, _) => effort,
            };
            (self.since, self.worked) = (now, Duration::ZERO);
        }
        self.effort
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The effort after each of so many windows in which so much of 200 ms was worked.
    fn efforts(load: &mut Load, now: &mut Timestamp, worked_millis: u64, windows: usize) -> Vec<Effort> {
        let window = |_| {
            for _ in 0..20 {
                *now += Duration::from_millis(10);
                load.push(*now, Duration::from_micros(worked_millis * 50));
            }
            load.effort
        };
        (0..windows).map(window).collect()
    }

    #[test]
    fn effort_falls_when_a_core_is_busy_and_rises_when_it_is_calm() {
        let mut now = Timestamp::from_secs(1_000);
        let mut load = Load::new(now);
        assert_eq!(efforts(&mut load, &mut now, 100, 3), [Effort::Usual; 3]);
        assert_eq!(efforts(&mut load, &mut now, 190, 3), [Effort::Less, Effort::Least, Effort::Least]);
        // Calm enough for the effort it makes, too busy for more.
        assert_eq!(efforts(&mut load, &mut now, 120, 3), [Effort::Least; 3]);
        assert_eq!(efforts(&mut load, &mut now, 60, 3), [Effort::Less, Effort::Usual, Effort::Usual]);
    }
}
