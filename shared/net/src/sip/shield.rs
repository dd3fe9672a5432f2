//! Keeps a source that floods out of the receive buffer, so that the datagrams of others find room in it.
//!
//! Each source has a budget of datagrams, far above what any phone or office sends. Who exceeds it is shut out for some
//! seconds by a filter that the kernel applies before it queues a datagram: from then on the flood costs nothing here.
//! Who floods on is shut out for twice as long each time. Trunks are never counted, because the source of a datagram can
//! be forged and would turn this against them.
//!
//! Here is only what decides; the driver attaches the filter. Where it cannot, datagrams of those who are shut out are
//! dropped when they are read, before anything is made of them.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use shared::sip::door::Network;
use shared::time::Timestamp;

/// Datagrams are counted for this long.
const WINDOW: Duration = Duration::from_millis(250);
/// So many of one source are too many: 4,000 a second.
const MAX_IN_WINDOW: u32 = 1_000;
/// Sources that are counted in one window; further ones are not.
const MAX_COUNTED: usize = 16_384;
/// Sources that are shut out at the same time; one more lets in the one that would be let in first.
const MAX_SHUT_OUT: usize = 64;
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(64);

/// Who may send how much.
#[derive(Debug)]
pub(super) struct Shield {
    unlimited: Vec<Network>,
    counts: HashMap<IpAddr, u32>,
    window_ends: Timestamp,
    offenders: BTreeMap<IpAddr, Offender>,
    is_changed: bool,
}

#[derive(Debug, Clone, Copy)]
struct Offender {
    shut_until: Timestamp,
    /// For how long this time.
    pause: Duration,
    is_shut_out: bool,
}

impl Shield {
    /// Datagrams from `unlimited` are never too many.
    pub(super) fn new(unlimited: Vec<Network>) -> Shield {
        Shield {
            unlimited,
            counts: HashMap::new(),
            window_ends: Timestamp::EPOCH,
            offenders: BTreeMap::new(),
            is_changed: false,
        }
    }

    /// Counts a datagram; false when it is to be dropped.
    pub(super) fn admit(&mut self, now: Timestamp, source: IpAddr) -> bool {
        // What was in the buffer before the filter was there.
        if self.offenders.get(&source).is_some_and(|offender| offender.is_shut_out) {
            return false;
        }
        if now >= self.window_ends {
            self.counts.clear();
            self.window_ends = now + WINDOW;
        }
        if self.counts.len() >= MAX_COUNTED && !self.counts.contains_key(&source) {
            return true;
        }
        let count = self.counts.entry(source).or_insert(0);
        *count = count.saturating_add(1);
        if *count <= MAX_IN_WINDOW || self.unlimited.iter().any(|network| network.contains(source)) {
            return true;
        }
        self.shut_out(now, source);
        false
    }

    fn shut_out(&mut self, now: Timestamp, source: IpAddr) {
        let before = self.offenders.get(&source).map(|offender| offender.pause);
        let pause = before.map_or(FIRST_PAUSE, |pause| (pause * 2).min(LONGEST_PAUSE));
        if before.is_none() && self.offenders.len() >= MAX_SHUT_OUT {
            let first = self.offenders.iter().min_by_key(|(_, offender)| offender.shut_until);
            if let Some(first) = first.map(|(source, _)| *source) {
                self.offenders.remove(&first);
            }
        }
        tracing::warn!(%source, for_secs = pause.as_secs(), "a source floods and is shut out");
        self.offenders.insert(source, Offender { shut_until: now + pause, pause, is_shut_out: true });
        self.is_changed = true;
    }

    /// Lets in again whose time is over, and forgets who has behaved for as long as he was shut out last.
    pub(super) fn tick(&mut self, now: Timestamp) {
        for offender in self.offenders.values_mut() {
            if offender.is_shut_out && offender.shut_until <= now {
                offender.is_shut_out = false;
                self.is_changed = true;
            }
        }
        self.offenders.retain(|_, offender| now < offender.shut_until + offender.pause);
    }

    /// When [`Shield::tick`] is due.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let due = |offender: &Offender| match offender.is_shut_out {
            true => offender.shut_until,
            false => offender.shut_until + offender.pause,
        };
        self.offenders.values().map(due).min()
    }

    /// Who is shut out now, when that has changed since the last question.
    pub(super) fn changed(&mut self) -> Option<Vec<IpAddr>> {
        let shut_out = self.offenders.iter().filter(|(_, offender)| offender.is_shut_out);
        std::mem::take(&mut self.is_changed).then(|| shut_out.map(|(source, _)| *source).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));
    const TRUNK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 7));

    fn shield() -> (Shield, Timestamp) {
        (Shield::new(vec!["203.0.113.0/24".parse().expect("a network")]), Timestamp::from_secs(1_800_000_000))
    }

    fn flood(shield: &mut Shield, now: Timestamp, source: IpAddr) -> usize {
        (0..5_000).filter(|_| shield.admit(now, source)).count()
    }

    #[test]
    fn a_flood_is_shut_out_for_longer_each_time() {
        let (mut shield, mut now) = shield();
        for secs in [2, 4, 8, 16, 32, 64, 64] {
            assert_eq!(flood(&mut shield, now, PHONE), 1_000);
            assert_eq!(shield.changed(), Some(vec![PHONE]));
            assert_eq!(shield.changed(), None, "told once");
            let until = now + Duration::from_secs(secs);
            assert_eq!(shield.deadline(), Some(until));
            shield.tick(until - Duration::from_millis(1));
            assert!(!shield.admit(until - Duration::from_millis(1), PHONE));
            shield.tick(until);
            assert_eq!(shield.changed(), Some(Vec::new()));
            now = until;
        }
        shield.tick(now + Duration::from_secs(64));
        assert_eq!(shield.deadline(), None, "forgiven");
    }

    #[test]
    fn trunks_and_the_others_are_not_touched() {
        let (mut shield, now) = shield();
        assert_eq!(flood(&mut shield, now, TRUNK), 5_000);
        flood(&mut shield, now, PHONE);
        assert!(shield.admit(now, IpAddr::from([192, 0, 2, 8])));
    }

    #[test]
    fn a_busy_office_stays_below() {
        let (mut shield, mut now) = shield();
        for _ in 0..10_000 {
            assert!(shield.admit(now, PHONE));
            now += Duration::from_micros(300);
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut shield, now) = shield();
        for number in 0..200_u32 {
            flood(&mut shield, now, IpAddr::from(number.to_be_bytes()));
        }
        assert_eq!(shield.offenders.len(), MAX_SHUT_OUT);
        for number in 0..100_000_u32 {
            shield.admit(now, IpAddr::from((1 << 24 | number).to_be_bytes()));
        }
        assert!(shield.counts.len() <= MAX_COUNTED);
    }
}
