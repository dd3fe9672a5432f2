//! How late packets are: a histogram that forgets, and the delay that nearly all of them fit into.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Width of a bin.
const BIN_MILLIS: u64 = 5;
/// Bins: 0 to 500 ms, the last one takes what is beyond.
const BINS: usize = 100;
/// The part of the packets that shall come in time.
const QUANTILE: f32 = 0.97;
/// The part that shall when that costs little: hiccups of a machine come more seldom than one packet in thirty.
const RARE_QUANTILE: f32 = 0.995;
/// What is little.
const RARE_MILLIS: u64 = 20;
/// How much more the next packet weighs than the one before: half of the past is forgotten in 7 s of 20 ms packets.
const GROWTH: f32 = 1.002;
/// Weights are scaled down here, long before they lose precision.
const MAX_WEIGHT: f32 = 1e6;
/// Over how long the fastest packet is looked for; two such windows follow a clock that drifts.
const WINDOW_PACKETS: u32 = 500;
/// Packets from which on the lateness counts as known: a second.
const KNOWN_PACKETS: u32 = 50;
/// A transit that differs by more is a new timeline, not lateness.
const JUMP_MILLIS: i64 = 2_000;

/// The lateness of the packets of one stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lateness {
    clock_rate_hz: u32,
    bins: Vec<f32>,
    weight: f32,
    total: f32,
    packets: u32,
    /// The smallest transit of this window and of the one before, in milliseconds.
    fastest: Option<[i64; 2]>,
    window_packets: u32,
}

impl Lateness {
    /// Without packets.
    pub fn new(clock_rate_hz: u32) -> Self {
        Lateness {
            clock_rate_hz: clock_rate_hz.max(1),
            bins: vec![0.0; BINS],
            weight: 1.0,
            total: 0.0,
            packets: 0,
            fastest: None,
            window_packets: 0,
        }
    }

    /// Asks ahead for what the next packet needs ([`crate::ahead`]): nearly all are on time.
    pub fn fetch(&self) {
        crate::ahead::fetch(self.bins.as_slice());
    }

    /// Takes an arrival that may have come up to `held_millis` before it was looked at; returns how late it was at least
    /// against the fastest packet, and how much more it seems to be, both in milliseconds.
    pub fn push(&mut self, now: Timestamp, held_millis: u64, timestamp: u64) -> (u64, u64) {
        let sent_millis = timestamp.saturating_mul(1_000) / u64::from(self.clock_rate_hz);
        let sent_millis = i64::try_from(sent_millis).unwrap_or(i64::MAX);
        let transit = now.as_millis().saturating_sub(sent_millis);
        let [current, before] = match self.fastest {
            Some([current, before])
                if transit.abs_diff(current.min(before)) <= JUMP_MILLIS.unsigned_abs() =>
            {
                [current.min(transit), before]
            }
            _ => {
                self.window_packets = 0;
                [transit, transit]
            }
        };
        self.window_packets += 1;
        self.fastest = Some(if self.window_packets >= WINDOW_PACKETS {
            self.window_packets = 0;
            [transit, current]
        } else {
            [current, before]
        });
        let seems = transit.saturating_sub(current.min(before)).max(0).unsigned_abs();
        let late = seems.saturating_sub(held_millis);
        let bin = usize::try_from(late / BIN_MILLIS).unwrap_or(BINS).min(BINS - 1);
        self.bins[bin] += self.weight;
        self.total += self.weight;
        self.packets = self.packets.saturating_add(1);
        self.weight *= GROWTH;
        if self.weight > MAX_WEIGHT {
            self.bins.iter_mut().for_each(|bin| *bin /= MAX_WEIGHT);
            self.total /= MAX_WEIGHT;
            self.weight /= MAX_WEIGHT;
        }
        (late, seems - late)
    }

    /// Goes on from what another stream over the same network has shown.
    pub fn learn_from(&mut self, other: &Lateness) {
        self.bins.clone_from(&other.bins);
        (self.weight, self.total, self.packets) = (other.weight, other.total, other.packets);
    }

    /// Whether enough packets have come to say something.
    pub fn is_known(&self) -> bool {
        self.packets >= KNOWN_PACKETS
    }

    /// The lateness to be ready for, in milliseconds: 97 of 100 packets stay within it, and 995 of 1,000 as long as 20 ms
    /// are enough for that; 0 without packets.
    pub fn needed_millis(&self) -> u64 {
        let rare = self.quantile_millis(RARE_QUANTILE);
        if rare <= RARE_MILLIS { rare } else { self.quantile_millis(QUANTILE).max(RARE_MILLIS) }
    }

    fn quantile_millis(&self, part: f32) -> u64 {
        let mut left = self.total * part;
        for (index, bin) in self.bins.iter().enumerate() {
            left -= bin;
            if left <= 0.0 {
                // The upper edge of the bin; the first bin is "on time".
                return if index == 0 { 0 } else { (index as u64 + 1) * BIN_MILLIS };
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn push_all(lateness: &mut Lateness, first: u64, late: impl Fn(u64) -> u64, packets: u64) {
        for packet in first..first + packets {
            let now = Timestamp::from_secs(1_000) + Duration::from_millis(packet * 20 + late(packet));
            lateness.push(now, 0, (1 << 32) + packet * 160);
        }
    }

    #[test]
    fn rises_fast_and_falls_slowly() {
        let mut lateness = Lateness::new(8_000);
        push_all(&mut lateness, 0, |_| 0, 300);
        assert_eq!(lateness.needed_millis(), 0);
        push_all(&mut lateness, 300, |packet| packet % 4 * 20, 40);
        assert!((40..=70).contains(&lateness.needed_millis()), "{}", lateness.needed_millis());
        push_all(&mut lateness, 340, |_| 0, 300);
        assert!(lateness.needed_millis() >= 25, "{}", lateness.needed_millis());
        push_all(&mut lateness, 640, |_| 0, 3_000);
        assert_eq!(lateness.needed_millis(), 0);
    }

    /// Who looks at them late himself learns nothing bad of the network, and what is later than that still counts.
    #[test]
    fn what_was_held_is_not_late() {
        let mut lateness = Lateness::new(8_000);
        for packet in 0..500u64 {
            let (waited, on_its_way) = (packet % 5 * 4, if packet % 10 == 7 { 30 } else { 0 });
            let now = Timestamp::from_secs(1_000) + Duration::from_millis(packet * 20 + waited + on_its_way);
            let late = lateness.push(now, waited, (1 << 32) + packet * 160);
            assert_eq!(late, (on_its_way, waited), "{packet}");
        }
        assert_eq!(lateness.needed_millis(), 35);
    }

    #[test]
    fn follows_a_clock_that_drifts_and_one_that_jumps() {
        let mut lateness = Lateness::new(8_000);
        // Their clock is slow by 500 millionths: 1 ms later every 100 packets.
        push_all(&mut lateness, 0, |packet| packet / 100, 10_000);
        assert!(lateness.needed_millis() <= 20, "{}", lateness.needed_millis());
        push_all(&mut lateness, 10_000, |_| 60_000, 100);
        assert!(lateness.needed_millis() <= 20, "{}", lateness.needed_millis());
    }
}
