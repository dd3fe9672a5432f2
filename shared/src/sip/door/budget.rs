//! How much is taken from where: one number a source, forgotten as soon as the source has its whole budget again.

use std::collections::HashMap;
use std::time::Duration;

use super::{Limits, Network};
use crate::time::Timestamp;

/// A rate with a burst (the generic cell rate algorithm): a slot is the time at which all that was taken is paid for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    interval: Duration,
    burst: Duration,
}

impl Pace {
    pub(super) fn new(per_sec: u32, burst: u32) -> Pace {
        let interval = Duration::from_secs(1) / per_sec.clamp(1, 1_000_000);
        Pace { interval, burst: interval * burst.max(1) }
    }

    fn is_open(&self, now: Timestamp, slot: Timestamp) -> bool {
        slot.since(now) + self.interval <= self.burst
    }

    /// False when nothing is left.
    pub(super) fn take(&self, now: Timestamp, slot: &mut Timestamp) -> bool {
        let open = self.is_open(now, *slot);
        if open {
            *slot = (*slot).max(now) + self.interval;
        }
        open
    }
}

/// A source that has proved itself.
#[derive(Debug, Clone, Copy)]
struct Known {
    until: Timestamp,
    slot: Timestamp,
}

/// Who has taken how much.
#[derive(Debug)]
pub(super) struct Budgets {
    stranger: Pace,
    strangers: Pace,
    known_pace: Pace,
    known_time: Duration,
    /// At most [`MAX_STRANGERS`]; above it those that have paid are forgotten, and further ones have only the budget
    /// that all strangers share.
    slots: HashMap<Network, Timestamp>,
    shared: Timestamp,
    /// At most [`MAX_KNOWN`]; above it those whose time is over are forgotten, and further ones stay strangers.
    known: HashMap<Network, Known>,
    swept_at: Timestamp,
}

impl Budgets {
    pub(super) fn new(limits: &Limits) -> Budgets {
        Budgets {
            stranger: Pace::new(limits.stranger_per_sec, limits.stranger_burst),
            strangers: Pace::new(limits.strangers_per_sec, limits.strangers_burst),
            known_pace: Pace::new(limits.known_per_sec, limits.known_burst),
            known_time: Duration::from_secs(limits.known_secs.into()),
            slots: HashMap::new(),
            shared: Timestamp::EPOCH,
            known: HashMap::new(),
            swept_at: Timestamp::EPOCH,
        }
    }

    /// Other limits; who has proved himself has done so still.
    pub(super) fn set_limits(&mut self, limits: &Limits) {
        let fresh = Budgets::new(limits);
        *self = Budgets { known: std::mem::take(&mut self.known), ..fresh };
    }

    /// Whether a message from there could be taken at all. Known sources always may: what they send belongs to a
    /// dialog more often than not, and a flood under their name must not cut it.
    pub(super) fn is_open(&self, now: Timestamp, source: Network) -> bool {
        self.is_known(now, source)
            || (self.strangers.is_open(now, self.shared)
                && self.slots.get(&source).is_none_or(|slot| self.stranger.is_open(now, *slot)))
    }

    /// Takes one message; false when there is no budget for it.
    pub(super) fn take(&mut self, now: Timestamp, source: Network) -> bool {
        if let Some(known) = self.known.get_mut(&source).filter(|known| known.until > now) {
            return self.known_pace.take(now, &mut known.slot);
        }
        if !self.is_open(now, source) {
            return false;
        }
        self.strangers.take(now, &mut self.shared);
        if self.slots.len() >= MAX_STRANGERS && !self.slots.contains_key(&source) {
            self.sweep(now);
            if self.slots.len() >= MAX_STRANGERS {
                return true;
            }
        }
        let slot = self.slots.entry(source).or_insert(now);
        self.stranger.take(now, slot)
    }

    pub(super) fn is_known(&self, now: Timestamp, source: Network) -> bool {
        self.known.get(&source).is_some_and(|known| known.until > now)
    }

    /// This source has proved itself just now.
    pub(super) fn prove(&mut self, now: Timestamp, source: Network) {
        self.vouch(now, source, now + self.known_time);
    }

    pub(super) fn vouch(&mut self, now: Timestamp, source: Network, until: Timestamp) {
        if let Some(known) = self.known.get_mut(&source) {
            known.until = known.until.max(until);
            return;
        }
        if self.known.len() >= MAX_KNOWN {
            self.sweep(now);
            if self.known.len() >= MAX_KNOWN {
                return;
            }
        }
        self.slots.remove(&source);
        self.known.insert(source, Known { until, slot: now });
    }

    /// Forgets what has paid and whose time is over; not at every message of a flood.
    fn sweep(&mut self, now: Timestamp) {
        if now.since(self.swept_at) < SWEEP_EVERY {
            return;
        }
        self.swept_at = now;
        self.slots.retain(|_, slot| *slot > now);
        self.known.retain(|_, known| known.until > now);
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> (usize, usize) {
        (self.slots.len(), self.known.len())
    }
}

pub(super) const MAX_STRANGERS: usize = 50_000;
pub(super) const MAX_KNOWN: usize = 50_000;
const SWEEP_EVERY: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn source(number: u32) -> Network {
        Network::of_source(IpAddr::from(number.to_be_bytes()))
    }

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn taken(budgets: &mut Budgets, now: Timestamp, from: Network, tries: u32) -> u32 {
        (0..tries).map(|_| u32::from(budgets.take(now, from))).sum()
    }

    #[test]
    fn a_flood_is_cut_and_forgiven() {
        let mut budgets = Budgets::new(&Limits::default());
        assert_eq!(taken(&mut budgets, NOW, source(1), 5_000), 1_000);
        assert!(!budgets.is_open(NOW, source(1)));
        assert!(budgets.is_open(NOW, source(2)), "another source is not touched");
        assert_eq!(taken(&mut budgets, NOW + Duration::from_secs(2), source(1), 5_000), 200);
        assert_eq!(taken(&mut budgets, NOW + Duration::from_secs(60), source(1), 5_000), 1_000);
    }

    #[test]
    fn who_has_proved_himself_has_more_and_is_always_read() {
        let mut budgets = Budgets::new(&Limits::default());
        budgets.prove(NOW, source(1));
        assert_eq!(taken(&mut budgets, NOW, source(1), 9_000), 5_000);
        assert!(budgets.is_open(NOW, source(1)));
        let later = NOW + Duration::from_secs(3_601);
        assert!(!budgets.is_known(later, source(1)), "the proof is too old");
        assert_eq!(taken(&mut budgets, later, source(1), 9_000), 1_000);
    }

    #[test]
    fn floods_from_many_addresses_share_one_budget_and_a_bounded_table() {
        let mut budgets = Budgets::new(&Limits { strangers_burst: 80_000, ..Limits::default() });
        let taken = (0..200_000).filter(|number| budgets.take(NOW, source(*number))).count();
        assert_eq!(taken, 80_000);
        assert_eq!(budgets.remembered(), (MAX_STRANGERS, 0));
        assert!(!budgets.is_open(NOW, source(u32::MAX)));
        budgets.prove(NOW, source(7));
        assert!(budgets.take(NOW, source(7)), "who is known is not hurt");
        let later = NOW + Duration::from_secs(20);
        assert!(budgets.take(later, source(u32::MAX)));
        assert!(budgets.take(later, source(u32::MAX - 1)));
        assert_eq!(budgets.remembered(), (2, 1), "those that have paid were forgotten");
    }

    #[test]
    fn the_table_of_known_sources_is_bounded() {
        let mut budgets = Budgets::new(&Limits::default());
        for number in 0..MAX_KNOWN as u32 + 10 {
            budgets.prove(NOW, source(number));
        }
        assert_eq!(budgets.remembered(), (0, MAX_KNOWN));
        let later = NOW + Duration::from_secs(4_000);
        budgets.prove(later, source(u32::MAX));
        assert_eq!(budgets.remembered(), (0, 1));
    }
}
