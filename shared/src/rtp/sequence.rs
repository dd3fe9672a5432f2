//! Sequence numbers and timestamps without their wrap, and the counts of RFC 3550 appendix A.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Jumps up to this are loss (RFC 3550 appendix A.1).
const MAX_DROPOUT: u16 = 3_000;
/// Steps back up to this are late or doubled packets.
const MAX_MISORDER: u16 = 100;

/// What a sequence number means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The stream goes on (or begins) with this number, counted on over the wrap.
    Good(u64),
    /// A number far away: one such packet proves nothing and is left out.
    Suspect,
    /// A second one followed it: the sender began anew, and so did the counts.
    Restart(u64),
}

/// Follows the sequence numbers of one source and counts loss and jitter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sequence {
    clock_rate_hz: u32,
    started: bool,
    /// The highest number seen, counted on.
    highest: u64,
    /// The number that the counts began with.
    base: u64,
    /// The number that would prove a restart.
    suspect: Option<u16>,
    received: u64,
    /// Counts at the last report.
    reported_expected: u64,
    reported_received: u64,
    /// The transit time of the last packet, in ticks.
    transit: Option<i64>,
    /// Sixteen times the jitter in ticks (RFC 3550 appendix A.8).
    jitter: u32,
    /// Timestamps counted on.
    timestamp: Option<u64>,
}

/// Numbers start in the second cycle, so that a packet from before the first one still has one.
const FIRST_CYCLE: u64 = 1 << 16;

impl Sequence {
    /// Before the first packet.
    pub fn new(clock_rate_hz: u32) -> Self {
        Sequence {
            clock_rate_hz,
            started: false,
            highest: 0,
            base: 0,
            suspect: None,
            received: 0,
            reported_expected: 0,
            reported_received: 0,
            transit: None,
            jitter: 0,
            timestamp: None,
        }
    }

    /// Takes the next number as it came from the network.
    pub fn step(&mut self, sequence: u16) -> Step {
        if !self.started {
            self.restart(sequence);
            return Step::Good(self.highest);
        }
        let ahead = sequence.wrapping_sub(self.highest as u16);
        if ahead < MAX_DROPOUT {
            self.highest += u64::from(ahead);
        } else if ahead <= u16::MAX - MAX_MISORDER {
            if self.suspect == Some(sequence) {
                self.restart(sequence);
                return Step::Restart(self.highest);
            }
            self.suspect = Some(sequence.wrapping_add(1));
            return Step::Suspect;
        }
        self.suspect = None;
        self.received += 1;
        let behind = (self.highest as u16).wrapping_sub(sequence);
        Step::Good(self.highest - u64::from(behind))
    }

    /// Counts a timestamp on over its wrap, to the nearest place from the last one.
    pub fn extend_timestamp(&mut self, timestamp: u32) -> u64 {
        const FIRST: u64 = 1 << 32;
        let extended = match self.timestamp {
            None => FIRST + u64::from(timestamp),
            Some(last) => {
                let difference = timestamp.wrapping_sub(last as u32).cast_signed();
                last.saturating_add_signed(i64::from(difference))
            }
        };
        self.timestamp = Some(extended);
        extended
    }

    /// Follows the interarrival jitter (RFC 3550 appendix A.8).
    pub fn arrived(&mut self, now: Timestamp, timestamp: u32) {
        let (secs, micros) = (now.as_micros().div_euclid(1_000_000), now.as_micros().rem_euclid(1_000_000));
        let ticks = micros.unsigned_abs() * u64::from(self.clock_rate_hz) / 1_000_000;
        // Only the low 32 bits matter: a timestamp starts anywhere.
        let arrival = (secs as u32).wrapping_mul(self.clock_rate_hz).wrapping_add(ticks as u32);
        let transit = i64::from(arrival.wrapping_sub(timestamp));
        if let Some(before) = self.transit {
            let difference = (transit as u32).wrapping_sub(before as u32).cast_signed().unsigned_abs();
            // A jump of the timestamp (more than 5 s) is no jitter.
            if difference < self.clock_rate_hz.saturating_mul(5) {
                self.jitter = (u64::from(self.jitter) + u64::from(difference)
                    - u64::from((self.jitter + 8) >> 4)) as u32;
            }
        }
        self.transit = Some(transit);
    }

    /// Packets received, doubles included.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Packets that should have come.
    pub fn expected(&self) -> u64 {
        if self.started { self.highest - self.base + 1 } else { 0 }
    }

    /// Packets lost; doubles can make it negative (RFC 3550 §6.4.1).
    pub fn lost(&self) -> i64 {
        self.expected() as i64 - self.received as i64
    }

    /// Interarrival jitter in ticks.
    pub fn jitter_ticks(&self) -> u32 {
        self.jitter >> 4
    }

    /// Interarrival jitter in milliseconds.
    pub fn jitter_millis(&self) -> f32 {
        self.jitter as f32 / 16.0 * 1_000.0 / self.clock_rate_hz.max(1) as f32
    }

    /// The highest number with its cycles, as a report carries it.
    pub fn highest(&self) -> u32 {
        (self.highest.wrapping_sub(FIRST_CYCLE)) as u32
    }

    /// The fraction lost since the last call, in 256ths (RFC 3550 appendix A.3).
    pub fn take_fraction_lost(&mut self) -> u8 {
        let expected = self.expected() - self.reported_expected;
        let received = self.received - self.reported_received;
        self.reported_expected = self.expected();
        self.reported_received = self.received;
        match expected.checked_sub(received) {
            Some(lost) if lost > 0 => u8::try_from((lost << 8) / expected).unwrap_or(u8::MAX),
            _ => 0,
        }
    }

    fn restart(&mut self, sequence: u16) {
        *self = Sequence {
            started: true,
            highest: FIRST_CYCLE + u64::from(sequence),
            base: FIRST_CYCLE + u64::from(sequence),
            received: 1,
            jitter: self.jitter,
            ..Sequence::new(self.clock_rate_hz)
        };
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn counts_on_over_the_wrap() {
        let mut sequence = Sequence::new(8_000);
        let numbers: Vec<Step> = [65_534, 65_535, 1, 0, 2].map(|number| sequence.step(number)).to_vec();
        let first = FIRST_CYCLE + 65_534;
        assert_eq!(numbers, [0, 1, 3, 2, 4].map(|ahead| Step::Good(first + ahead)));
        assert_eq!((sequence.expected(), sequence.received(), sequence.lost()), (5, 5, 0));
        assert_eq!(sequence.highest(), 65_538);
    }

    #[test]
    fn one_stray_packet_is_left_out_and_two_are_a_restart() {
        let mut sequence = Sequence::new(8_000);
        sequence.step(10);
        assert_eq!(sequence.step(30_000), Step::Suspect);
        assert_eq!(sequence.step(11), Step::Good(FIRST_CYCLE + 11));
        assert_eq!(sequence.step(30_000), Step::Suspect);
        assert_eq!(sequence.step(30_001), Step::Restart(FIRST_CYCLE + 30_001));
        assert_eq!(sequence.expected(), 1);
    }

    #[test]
    fn counts_loss_between_reports() {
        let mut sequence = Sequence::new(8_000);
        for number in (0..100).filter(|number| number % 4 != 3) {
            sequence.step(number);
        }
        sequence.step(100);
        assert_eq!(sequence.lost(), 25);
        assert_eq!(sequence.take_fraction_lost(), (25 * 256 / 101) as u8);
        assert_eq!(sequence.take_fraction_lost(), 0);
    }

    #[test]
    fn jitter_follows_the_arrivals() {
        let mut sequence = Sequence::new(8_000);
        let start = Timestamp::from_secs(1_700_000_000);
        for packet in 0..500u64 {
            let late = if packet % 2 == 0 { 0 } else { 10 };
            sequence.arrived(
                start + Duration::from_millis(packet * 20 + late),
                (u32::MAX - 100).wrapping_add(packet as u32 * 160),
            );
        }
        // Every difference is 10 ms.
        assert!((sequence.jitter_millis() - 10.0).abs() < 0.5, "{}", sequence.jitter_millis());
    }

    #[test]
    fn timestamps_count_on() {
        let mut sequence = Sequence::new(8_000);
        let first = sequence.extend_timestamp(u32::MAX - 10);
        assert_eq!(sequence.extend_timestamp(149) - first, 160);
        assert_eq!(first - sequence.extend_timestamp(u32::MAX - 170), 160);
    }

    proptest! {
        #[test]
        fn random_numbers_never_panic(numbers in proptest::collection::vec((any::<u16>(), any::<u32>(), 0i64..i64::MAX), 0..200)) {
            let mut sequence = Sequence::new(48_000);
            for (number, timestamp, at) in numbers {
                sequence.step(number);
                sequence.extend_timestamp(timestamp);
                sequence.arrived(Timestamp::from_micros(at), timestamp);
                sequence.take_fraction_lost();
            }
        }
    }
}
