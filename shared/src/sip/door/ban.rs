//! Wrong passwords and what comes of them.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::time::Duration;

use super::{Ban, Limits, Network};
use crate::time::Timestamp;

/// Wrong passwords from a source, or from it for one account (a hash of the name).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Guess {
    source: Network,
    account: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    since: Timestamp,
    count: u32,
}

/// What a wrong password comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strike {
    /// Nothing yet.
    Counted,
    /// Enough of them: the source deserves a ban.
    Out(u32),
}

/// Bans and the failures on the way to one.
#[derive(Debug)]
pub(super) struct Bans {
    max_failures: u32,
    window: Duration,
    length: Duration,
    /// At most [`MAX_FAILURES`]; above it the one counted longest goes.
    failures: HashMap<Guess, Failures>,
    /// At most [`MAX_BANS`]; above it the one that ends first is lifted.
    bans: HashMap<Network, Ban>,
    ends: BTreeSet<(Timestamp, Network)>,
}

impl Bans {
    pub(super) fn new(limits: &Limits) -> Bans {
        let secs = |secs: u32| Duration::from_secs(secs.into());
        Bans {
            max_failures: limits.ban_failures,
            window: secs(limits.ban_window_secs),
            length: secs(limits.ban_secs),
            failures: HashMap::new(),
            bans: HashMap::new(),
            ends: BTreeSet::new(),
        }
    }

    /// Other limits; bans stay as they are.
    pub(super) fn set_limits(&mut self, limits: &Limits) {
        let fresh = Bans::new(limits);
        let (bans, ends) = (std::mem::take(&mut self.bans), std::mem::take(&mut self.ends));
        *self = Bans { bans, ends, ..fresh };
    }

    pub(super) fn is_banned(&self, now: Timestamp, source: Network) -> bool {
        !self.bans.is_empty() && self.bans.get(&source).is_some_and(|ban| ban.until > now)
    }

    /// Counts a wrong password.
    pub(super) fn strike(&mut self, now: Timestamp, source: Network, account: u64) -> Strike {
        self.count(now, Guess { source, account: Some(account) });
        let count = self.count(now, Guess { source, account: None });
        if self.max_failures == 0 || count < self.max_failures {
            return Strike::Counted;
        }
        self.failures.remove(&Guess { source, account: None });
        Strike::Out(count)
    }

    fn count(&mut self, now: Timestamp, guess: Guess) -> u32 {
        if self.failures.len() >= MAX_FAILURES && !self.failures.contains_key(&guess) {
            let oldest = self.failures.iter().min_by_key(|(_, failures)| failures.since);
            if let Some(oldest) = oldest.map(|(guess, _)| *guess) {
                self.failures.remove(&oldest);
            }
        }
        let failures = self.failures.entry(guess).or_insert(Failures { since: now, count: 0 });
        if now.since(failures.since) >= self.window {
            *failures = Failures { since: now, count: 0 };
        }
        failures.count = failures.count.saturating_add(1);
        failures.count
    }

    /// Whether so many passwords for this account were wrong from there that no further one is looked at.
    pub(super) fn is_locked(&self, now: Timestamp, source: Network, account: u64) -> bool {
        let failures = self.failures.get(&Guess { source, account: Some(account) });
        self.max_failures > 0
            && failures.is_some_and(|failures| {
                failures.count >= self.max_failures && now.since(failures.since) < self.window
            })
    }

    /// The right password: what came before were slips.
    pub(super) fn forgive(&mut self, source: Network, account: u64) {
        self.failures.remove(&Guess { source, account: Some(account) });
    }

    /// The end of a ban that begins now.
    pub(super) fn until(&self, now: Timestamp) -> Timestamp {
        now + self.length
    }

    /// Bans; the ban that had to make room, if one had to.
    pub(super) fn ban(&mut self, ban: Ban) -> Option<Network> {
        if let Some(old) = self.bans.get(&ban.source) {
            self.ends.remove(&(old.until, old.source));
        }
        let full = self.bans.len() >= MAX_BANS && !self.bans.contains_key(&ban.source);
        let first = full.then(|| self.ends.pop_first()).flatten().map(|(_, source)| source);
        if let Some(first) = &first {
            self.bans.remove(first);
        }
        self.ends.insert((ban.until, ban.source));
        self.bans.insert(ban.source, ban);
        first
    }

    /// Lifts a ban; false when there is none.
    pub(super) fn lift(&mut self, source: Network) -> bool {
        let Some(ban) = self.bans.remove(&source) else { return false };
        self.ends.remove(&(ban.until, source));
        true
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.ends.first().map(|(at, _)| *at)
    }

    /// The next ban that is over.
    pub(super) fn pop_over(&mut self, now: Timestamp) -> Option<Network> {
        let (_, source) = self.ends.first().copied().filter(|(at, _)| *at <= now)?;
        self.lift(source).then_some(source)
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> (usize, usize) {
        (self.failures.len(), self.bans.len())
    }
}

pub(super) const MAX_FAILURES: usize = 4_096;
pub(super) const MAX_BANS: usize = 10_000;

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn source(number: u32) -> Network {
        Network::of_source(IpAddr::from(number.to_be_bytes()))
    }

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    #[test]
    fn failures_and_bans_are_bounded() {
        let mut bans = Bans::new(&Limits::default());
        for number in 0..20_000_u32 {
            bans.strike(NOW + Duration::from_millis(number.into()), source(number), u64::from(number));
        }
        assert_eq!(bans.remembered().0, MAX_FAILURES);
        for number in 0..MAX_BANS as u32 + 5 {
            let until = NOW + Duration::from_secs(u64::from(number) + 1);
            let ban = Ban { source: source(number), since: NOW, until, failures: 0 };
            let pushed = bans.ban(ban);
            let expected = (number as usize >= MAX_BANS).then(|| source(number - MAX_BANS as u32));
            assert_eq!(pushed, expected, "the one that ends first");
        }
        assert_eq!(bans.remembered().1, MAX_BANS);
        let end = NOW + Duration::from_secs(100_000);
        assert_eq!(std::iter::from_fn(|| bans.pop_over(end)).count(), MAX_BANS);
        assert_eq!((bans.remembered().1, bans.deadline()), (0, None));
    }

    #[test]
    fn only_failures_close_together_count() {
        let mut bans = Bans::new(&Limits { ban_failures: 3, ban_window_secs: 10, ..Limits::default() });
        let at = |secs| NOW + Duration::from_secs(secs);
        assert_eq!(bans.strike(at(0), source(1), 1), Strike::Counted);
        assert_eq!(bans.strike(at(9), source(1), 2), Strike::Counted);
        assert_eq!(bans.strike(at(11), source(1), 3), Strike::Counted, "a new window");
        assert_eq!(bans.strike(at(12), source(1), 4), Strike::Counted);
        assert_eq!(bans.strike(at(13), source(1), 5), Strike::Out(3));
        assert_eq!(bans.strike(at(14), source(1), 6), Strike::Counted, "and counted anew");
    }
}
