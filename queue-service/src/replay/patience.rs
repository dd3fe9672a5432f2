//! How long callers would have waited: the estimate of Kaplan and Meier from one day.
//!
//! Who hung up was patient for exactly as long as he waited; who was answered, or left in another way, for at least so
//! long. From that follows which share of callers waits longer than t, S(t): the product over all times u ≤ t at which
//! somebody hung up of 1 − (hung up at u) / (had waited at least u).

use std::collections::BTreeMap;
use std::time::Duration;

/// Shares of callers who wait longer, by time.
#[derive(Debug, Clone, PartialEq)]
pub struct Patience {
    steps: Vec<(Duration, f64)>,
}

impl Patience {
    /// From waits, each with whether its caller hung up then.
    pub fn new(waits: impl IntoIterator<Item = (Duration, bool)>) -> Patience {
        let mut at: BTreeMap<Duration, (u32, u32)> = BTreeMap::new();
        let mut there = 0_u32;
        for (wait, hung_up) in waits {
            let counts = at.entry(wait).or_default();
            counts.0 += 1;
            counts.1 += u32::from(hung_up);
            there += 1;
        }
        let mut share = 1.0;
        let mut steps = Vec::new();
        for (wait, (all, hung_up)) in at {
            if hung_up > 0 {
                share *= 1.0 - f64::from(hung_up) / f64::from(there);
                steps.push((wait, share));
            }
            there -= all;
        }
        Patience { steps }
    }

    /// The share that waits longer than a time.
    pub fn longer_than(&self, wait: Duration) -> f64 {
        self.steps.iter().take_while(|(at, _)| *at <= wait).last().map_or(1.0, |(_, share)| *share)
    }

    /// The patience of somebody who has waited so long already, by a lot from 0 up to 1. None when it is longer than
    /// anything that was seen: nobody knows how long, so he waits for ever.
    pub fn draw(&self, waited: Duration, lot: f64) -> Option<Duration> {
        let share = self.longer_than(waited) * (1.0 - lot);
        self.steps.iter().find(|(at, left)| *at > waited && *left < share).map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five callers: hung up after 10 s, 20 s and 40 s, answered after 15 s and 30 s. By hand: S(10) = 4/5,
    /// S(20) = 4/5 · 2/3, S(40) = 0.
    fn day() -> Patience {
        let secs = Duration::from_secs;
        Patience::new([
            (secs(30), false),
            (secs(10), true),
            (secs(40), true),
            (secs(15), false),
            (secs(20), true),
        ])
    }

    #[test]
    fn the_estimate_of_five_callers_is_that_by_hand() {
        let day = day();
        for (secs, share) in
            [(0, 1.0), (9, 1.0), (10, 0.8), (19, 0.8), (20, 8.0 / 15.0), (39, 8.0 / 15.0), (40, 0.0)]
        {
            let found = day.longer_than(Duration::from_secs(secs));
            assert!((found - share).abs() < 1e-9, "{secs} s: {found}, not {share}");
        }
    }

    #[test]
    fn who_has_waited_is_given_a_longer_patience() {
        let day = day();
        let secs = Duration::from_secs;
        for (waited, lot, patience) in [
            (0, 0.1, Some(10)),
            (0, 0.3, Some(20)),
            (0, 0.6, Some(40)),
            (15, 0.1, Some(20)),
            (15, 0.9, Some(40)),
            (30, 0.0, Some(40)),
            (50, 0.5, None),
        ] {
            assert_eq!(day.draw(secs(waited), lot), patience.map(secs), "{waited} s, lot {lot}");
        }
        assert_eq!(Patience::new([(secs(9), false)]).draw(secs(9), 0.5), None, "nobody hung up that day");
    }
}
