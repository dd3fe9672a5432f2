//! Bursts and gaps of loss (RFC 3611 §4.7.2): counted as packets come out of the jitter buffer, or do not.

use serde::{Deserialize, Serialize};

/// Packets received in a row that end a burst (RFC 3611 §4.7.2 recommends 16).
pub const GMIN: u32 = 16;

/// Counts over the life of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Bursts {
    total: u64,
    lost: u64,
    /// Losses directly behind a received packet: runs.
    runs: u64,
    was_lost: bool,
    /// Packets of bursts that are over, and those lost among them.
    burst_packets: u64,
    burst_lost: u64,
    /// Bursts that are over.
    bursts: u64,
    /// From the first loss of the run of losses that is open: packets up to the last loss, those lost, and those
    /// received since.
    open_packets: u64,
    open_lost: u64,
    since: u32,
}

/// What a report says about them.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Clusters {
    /// Part of all packets that was lost, in percent.
    pub loss_percent: f32,
    /// Part that was lost within bursts, in percent.
    pub burst_percent: f32,
    /// Part that was lost within gaps, in percent.
    pub gap_percent: f32,
    /// The mean length of a burst, in packets.
    pub burst_packets: f32,
    /// The mean length of a gap, in packets.
    pub gap_packets: f32,
    /// How much longer losses in a row are than by chance (G.107 §7.5, BurstR).
    pub burst_ratio: f32,
}

impl Bursts {
    /// Takes the fate of the next packet.
    pub fn push(&mut self, is_lost: bool) {
        self.total += 1;
        if !is_lost {
            self.since = self.since.saturating_add(1);
            if self.since >= GMIN {
                self.close();
            }
        } else {
            self.lost += 1;
            self.runs += u64::from(!self.was_lost);
            // What came between belongs to the burst: it was fewer than it takes to end one.
            self.open_packets += if self.open_lost == 0 { 1 } else { u64::from(self.since) + 1 };
            self.open_lost += 1;
            self.since = 0;
        }
        self.was_lost = is_lost;
    }

    /// A loss that stands alone between 16 received packets belongs to the gap.
    fn close(&mut self) {
        if self.open_lost > 1 {
            self.burst_packets += self.open_packets;
            self.burst_lost += self.open_lost;
            self.bursts += 1;
        }
        (self.open_packets, self.open_lost) = (0, 0);
    }

    /// The figures so far; a burst that is open counts.
    pub fn clusters(&self) -> Clusters {
        let mut all = *self;
        all.close();
        let part = |lost: u64, of: u64| if of == 0 { 0.0 } else { lost as f32 / of as f32 };
        let gap_packets = all.total - all.burst_packets;
        let rate = part(all.lost, all.total);
        let run = part(all.lost, all.runs);
        Clusters {
            loss_percent: 100.0 * rate,
            burst_percent: 100.0 * part(all.burst_lost, all.burst_packets),
            gap_percent: 100.0 * part(all.lost - all.burst_lost, gap_packets),
            burst_packets: part(all.burst_packets, all.bursts),
            gap_packets: part(gap_packets, all.bursts + 1),
            // By chance a run of losses is 1 / (1 − rate) long.
            burst_ratio: (run * (1.0 - rate)).max(1.0),
        }
    }

    /// Packets counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Packets lost.
    pub fn lost(&self) -> u64 {
        self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "." received, "x" lost, a number before a letter repeats it.
    fn of(script: &str) -> Clusters {
        let mut bursts = Bursts::default();
        let mut times = 0;
        for letter in script.chars() {
            if let Some(digit) = letter.to_digit(10) {
                times = times * 10 + digit;
                continue;
            }
            (0..times.max(1)).for_each(|_| bursts.push(letter == 'x'));
            times = 0;
        }
        bursts.clusters()
    }

    #[test]
    fn bursts_and_gaps_are_told_apart() {
        for (script, burst, gap, burst_packets, gap_packets) in [
            ("100.", 0.0, 0.0, 0.0, 100.0),
            ("20.x20.x20.", 0.0, 100.0 * 2.0 / 62.0, 0.0, 62.0),
            ("20.2x20.", 100.0, 0.0, 2.0, 20.0),
            ("20.x15.x20.", 100.0 * 2.0 / 17.0, 0.0, 17.0, 20.0),
            ("20.x16.x20.", 0.0, 100.0 * 2.0 / 58.0, 0.0, 58.0),
            ("50.3x.2x50.4x", 100.0 * 9.0 / 10.0, 0.0, 5.0, 100.0 / 3.0),
        ] {
            let clusters = of(script);
            let found =
                [clusters.burst_percent, clusters.gap_percent, clusters.burst_packets, clusters.gap_packets];
            for (found, expected) in found.into_iter().zip([burst, gap, burst_packets, gap_packets]) {
                assert!((found - expected).abs() < 0.01, "{script}: {clusters:?}");
            }
        }
    }

    #[test]
    fn the_ratio_is_one_for_single_losses_and_grows_with_runs() {
        assert_eq!(of("30.x30.x30.").burst_ratio, 1.0);
        let clustered = of("97.3x97.3x").burst_ratio;
        assert!((clustered - 3.0 * 0.97).abs() < 0.01, "{clustered}");
        assert_eq!(of("").burst_ratio, 1.0);
    }
}
