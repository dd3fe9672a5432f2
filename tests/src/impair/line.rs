//! Pure: what one direction of a bad network does to packets, from a seed.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use shared::time::Timestamp;

/// A packet that is out of order comes so much later than it should: behind the one after it.
const REORDERED_BY: Duration = Duration::from_millis(30);
/// A second copy of a packet comes within this.
const COPY_WITHIN: Duration = Duration::from_millis(10);

/// What one direction does.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Impairment {
    /// Packets that are lost, in percent.
    pub loss_percent: f64,
    /// Mean length of a run of losses in packets (the Gilbert model); below 1 counts as 1.
    pub burst_packets: f64,
    /// Delay of every packet.
    pub delay: Duration,
    /// Each packet waits longer by 0 to this, evenly spread; packets do not overtake each other for it.
    pub jitter: Duration,
    /// Packets that the next one overtakes, in percent.
    pub reorder_percent: f64,
    /// Packets that come twice, in percent.
    pub duplicate_percent: f64,
}

/// One direction. The same seed and the same times make the same of every packet.
#[derive(Debug)]
pub struct Line {
    impairment: Impairment,
    random: StdRng,
    /// In a run of losses.
    is_bad: bool,
    /// When the last packet went on.
    last: Timestamp,
}

/// When a packet goes on: not at all, once or twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Copies(pub [Option<Timestamp>; 2]);

impl Line {
    /// A line.
    pub fn new(impairment: Impairment, seed: u64) -> Line {
        let random = StdRng::seed_from_u64(seed);
        Line { impairment, random, is_bad: false, last: Timestamp::from_micros(i64::MIN) }
    }

    /// What becomes of a packet that comes now.
    pub fn pass(&mut self, now: Timestamp) -> Copies {
        let Impairment { delay, jitter, reorder_percent, duplicate_percent, .. } = self.impairment;
        if self.loses() {
            return Copies::default();
        }
        let due = (now + delay + jitter.mul_f64(self.random.random::<f64>())).max(self.last);
        let first = if self.chance(reorder_percent) {
            due + REORDERED_BY
        } else {
            self.last = due;
            due
        };
        let second = self.chance(duplicate_percent);
        let second = second.then(|| first + COPY_WITHIN.mul_f64(self.random.random::<f64>()));
        Copies([Some(first), second])
    }

    /// What becomes of a packet that is never lost nor doubled, such as a report.
    pub fn carry(&mut self, now: Timestamp) -> Timestamp {
        now + self.impairment.delay
    }

    /// The Gilbert model: everything is lost in the bad state, nothing in the good one. With a mean run of `b` packets
    /// and a share `p` of losses the bad state ends with 1/b and begins with p / (b (1 - p)).
    fn loses(&mut self) -> bool {
        let share = (self.impairment.loss_percent / 100.0).clamp(0.0, 0.99);
        let run = self.impairment.burst_packets.max(1.0);
        let change = if self.is_bad { 1.0 / run } else { share / (run * (1.0 - share)) };
        if self.random.random::<f64>() < change {
            self.is_bad = !self.is_bad;
        }
        self.is_bad
    }

    fn chance(&mut self, percent: f64) -> bool {
        self.random.random::<f64>() * 100.0 < percent
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PACKETS: i64 = 20_000;

    fn at(index: i64) -> Timestamp {
        Timestamp::from_micros(index * 20_000)
    }

    fn sent(impairment: Impairment, seed: u64) -> Vec<Copies> {
        let mut line = Line::new(impairment, seed);
        (0..PACKETS).map(|index| line.pass(at(index))).collect()
    }

    fn percent(count: usize) -> f64 {
        100.0 * count as f64 / PACKETS as f64
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn a_line_does_what_it_says_and_the_same_again(
            seed in any::<u64>(),
            loss in 0.0..20.0_f64,
            run in 1.0..6.0_f64,
            jitter in 0..100_u64,
            odd in 0.0..5.0_f64,
        ) {
            let impairment = Impairment {
                loss_percent: loss,
                burst_packets: run,
                delay: Duration::from_millis(25),
                jitter: Duration::from_millis(jitter),
                reorder_percent: odd,
                duplicate_percent: odd,
            };
            let copies = sent(impairment, seed);
            prop_assert_eq!(&copies, &sent(impairment, seed));
            let lost = copies.iter().filter(|copies| copies.0 == [None, None]).count();
            // Runs make the share of one sample wider: four standard deviations.
            let spread = 4.0 * (loss * (100.0 - loss) * (2.0 * run) / PACKETS as f64).sqrt();
            prop_assert!((percent(lost) - loss).abs() <= spread + 0.05, "{} of {loss}", percent(lost));
            let doubled = copies.iter().filter(|copies| copies.0[1].is_some()).count();
            prop_assert!((percent(doubled) - odd * (1.0 - loss / 100.0)).abs() < 1.0);
            let latest = Duration::from_millis(25 + jitter) + REORDERED_BY;
            for (index, copies) in copies.iter().enumerate() {
                if let Some(first) = copies.0[0] {
                    let sent = at(index as i64);
                    prop_assert!(first >= sent + impairment.delay);
                    prop_assert!(first <= sent + latest);
                }
            }
        }

        #[test]
        fn jitter_alone_keeps_the_order(seed in any::<u64>(), jitter in 0..200_u64) {
            let impairment = Impairment { jitter: Duration::from_millis(jitter), ..Impairment::default() };
            let copies = sent(impairment, seed);
            prop_assert!(copies.windows(2).all(|pair| pair[0].0[0] <= pair[1].0[0]));
        }
    }

    #[test]
    fn losses_come_in_runs_of_the_wanted_length() {
        let impairment = Impairment { loss_percent: 5.0, burst_packets: 4.0, ..Impairment::default() };
        let copies = sent(impairment, 7);
        let lost: Vec<bool> = copies.iter().map(|copies| copies.0[0].is_none()).collect();
        let runs = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count();
        let mean = lost.iter().filter(|lost| **lost).count() as f64 / runs as f64;
        assert!((3.2..4.8).contains(&mean), "{mean}");
    }

    #[test]
    fn a_good_line_changes_nothing() {
        let mut line = Line::new(Impairment::default(), 1);
        assert_eq!(line.pass(at(3)).0, [Some(at(3)), None]);
    }
}
