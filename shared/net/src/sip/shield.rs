//! Keeps a source that floods from filling the receive buffer, so that the datagrams of others find room in it.
//!
//! Each source has a budget of datagrams, far above what any phone or office sends. Of who exceeds it the kernel lets in
//! only a share, drawn by lot before a datagram is queued: as many as can be looked at with ease. From what still comes
//! the rate of the flood is known, so the share follows it in both directions, and a source that calms down is let in
//! again step by step within seconds. Nobody is cut off altogether: who shares an address with the flood (an office behind
//! one NAT, or the victim of a forged source) still gets through now and then, and SIP sends again what is lost. Trunks are
//! never counted, because a forged source would turn this against them.
//!
//! A source is an IPv4 address, or the /64 of an IPv6 address, which is what one customer is given (RFC 6177 §2).
//!
//! Here is only what decides; the driver attaches the filter. Where it cannot, the lot is drawn here when a datagram is
//! read, before anything is made of it.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use shared::sip::door::Network;
use shared::time::Timestamp;

/// Datagrams are counted for this long.
const WINDOW: Duration = Duration::from_millis(250);
/// So many of one source in a window are too many: 4,000 a second.
const MAX_IN_WINDOW: u32 = 1_000;
/// So many of a source that floods are let in: 1,000 a second.
const LET_IN: u32 = 250;
/// Sources that are counted in one window; further ones are not.
const MAX_COUNTED: usize = 16_384;
/// Sources that are held back at the same time; one more lets in the one that floods least.
const MAX_HELD_BACK: usize = 64;

/// Which share of its datagrams a source may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    /// The address, or the first of its /64.
    pub(super) source: IpAddr,
    /// A number drawn from all of 32 bits lets a datagram in when it is below this.
    pub(super) below: u32,
}

/// Who may send how much.
#[derive(Debug)]
pub(super) struct Shield {
    unlimited: Vec<Network>,
    counts: HashMap<IpAddr, u32>,
    window_ends: Timestamp,
    /// Those that are held back: the share, as in [`Share::below`].
    held_back: BTreeMap<IpAddr, u32>,
    is_changed: bool,
}

impl Shield {
    /// Datagrams from `unlimited` are never too many.
    pub(super) fn new(unlimited: Vec<Network>) -> Shield {
        Shield {
            unlimited,
            counts: HashMap::new(),
            window_ends: Timestamp::EPOCH,
            held_back: BTreeMap::new(),
            is_changed: false,
        }
    }

    /// Counts a datagram; false when it is to be dropped.
    ///
    /// What the filter let in is counted even when it is too much: from it the next share is known.
    pub(super) fn admit(&mut self, now: Timestamp, address: IpAddr) -> bool {
        self.tick(now);
        let source = source_of(address);
        if self.counts.len() >= MAX_COUNTED && !self.counts.contains_key(&source) {
            return true;
        }
        let count = self.counts.entry(source).or_insert(0);
        *count = count.saturating_add(1);
        let count = *count;
        if self.held_back.contains_key(&source) {
            return count <= LET_IN;
        }
        if count <= MAX_IN_WINDOW || self.unlimited.iter().any(|network| network.contains(address)) {
            return true;
        }
        self.hold_back(source);
        false
    }

    /// Begins with a guess: a flood that fills the budget in a hundredth of a window.
    fn hold_back(&mut self, source: IpAddr) {
        if self.held_back.len() >= MAX_HELD_BACK {
            let least = self.held_back.iter().max_by_key(|(_, below)| **below);
            if let Some(least) = least.map(|(source, _)| *source) {
                self.held_back.remove(&least);
            }
        }
        tracing::warn!(%source, "a source floods and is held back");
        self.held_back.insert(source, u32::MAX / 100);
        self.counts.insert(source, 0);
        self.is_changed = true;
    }

    /// Looks at a window that is over.
    pub(super) fn tick(&mut self, now: Timestamp) {
        if now < self.window_ends {
            return;
        }
        // After a longer rest the window held less than its length of traffic, which only opens the door sooner.
        self.window_ends = now + WINDOW;
        let counts = &self.counts;
        let mut is_changed = false;
        self.held_back.retain(|source, below| {
            let count = counts.get(source).copied().unwrap_or(0);
            match next_share(*below, count) {
                Some(next) => {
                    is_changed |= next != *below;
                    *below = next;
                    true
                }
                None => {
                    is_changed = true;
                    tracing::info!(%source, "a source that flooded has calmed down");
                    false
                }
            }
        });
        self.is_changed |= is_changed;
        self.counts.clear();
    }

    /// When [`Shield::tick`] is due.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        (!self.held_back.is_empty()).then_some(self.window_ends)
    }

    /// Who is held back now, when that has changed since the last question.
    pub(super) fn changed(&mut self) -> Option<Vec<Share>> {
        let shares = self.held_back.iter().map(|(source, below)| Share { source: *source, below: *below });
        std::mem::take(&mut self.is_changed).then(|| shares.collect())
    }
}

/// The share of the next window, when `count` datagrams came through this one; none when it is whole.
///
/// Goes down at once, and up by no more than twice. In between it stays, so that the filter is seldom changed.
fn next_share(below: u32, count: u32) -> Option<u32> {
    let wanted = if count <= LET_IN / 2 {
        u64::from(below) * 2
    } else if count <= LET_IN * 2 {
        u64::from(below)
    } else {
        u64::from(below) * u64::from(LET_IN) / u64::from(count)
    };
    match u32::try_from(wanted) {
        // Whatever is sent, a few always come through, from which the rate is known.
        Ok(share) => Some(share.max(u32::MAX / 1_000_000)),
        Err(_) => None,
    }
}

fn source_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
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

    /// Sends `per_sec` through the filter for so long; how many were looked at.
    fn send(shield: &mut Shield, now: &mut Timestamp, source: IpAddr, per_sec: u64, millis: u64) -> u64 {
        let mut below = u64::from(u32::MAX) + 1;
        let (mut lot, mut admitted) = (0_u64, 0);
        for _ in 0..millis {
            for _ in 0..per_sec / 1_000 {
                // Every share of 32 bits is met in turn.
                lot = (lot + 2_654_435_769) & u64::from(u32::MAX);
                if lot < below && shield.admit(*now, source) {
                    admitted += 1;
                }
                if let Some(shares) = shield.changed() {
                    let share = shares.iter().find(|share| share.source == source_of(source));
                    below = share.map_or(u64::from(u32::MAX) + 1, |share| share.below.into());
                }
            }
            *now += Duration::from_millis(1);
            shield.tick(*now);
            if let Some(shares) = shield.changed() {
                let share = shares.iter().find(|share| share.source == source_of(source));
                below = share.map_or(u64::from(u32::MAX) + 1, |share| share.below.into());
            }
        }
        admitted
    }

    #[test]
    fn of_a_flood_a_thousand_a_second_are_looked_at_however_fast_it_is() {
        for per_sec in [5_000, 20_000, 200_000, 1_000_000] {
            let (mut shield, mut now) = shield();
            let first = send(&mut shield, &mut now, PHONE, per_sec, 1_000);
            assert!((1_000..=2_500).contains(&first), "{per_sec}/s: {first} in the first second");
            let then = send(&mut shield, &mut now, PHONE, per_sec, 4_000);
            assert!((1_000..=4_000).contains(&then), "{per_sec}/s: {then} in four seconds");
            assert_eq!(shield.held_back.len(), 1, "as long as it floods");
        }
    }

    #[test]
    fn who_calms_down_is_let_in_again_within_seconds() {
        let (mut shield, mut now) = shield();
        send(&mut shield, &mut now, PHONE, 200_000, 3_000);
        let deadline = shield.deadline().expect("held back");
        assert!(deadline <= now + WINDOW);
        send(&mut shield, &mut now, PHONE, 0, 4_000);
        assert_eq!((shield.held_back.len(), shield.deadline()), (0, None));
        assert_eq!(send(&mut shield, &mut now, PHONE, 1_000, 1_000), 1_000, "as before");
    }

    #[test]
    fn trunks_and_the_others_are_not_touched() {
        let (mut shield, mut now) = shield();
        assert_eq!(send(&mut shield, &mut now, TRUNK, 20_000, 1_000), 20_000);
        send(&mut shield, &mut now, PHONE, 20_000, 1_000);
        assert!(shield.admit(now, IpAddr::from([192, 0, 2, 8])));
    }

    #[test]
    fn a_busy_office_stays_below() {
        let (mut shield, mut now) = shield();
        assert_eq!(send(&mut shield, &mut now, PHONE, 3_000, 5_000), 15_000);
        assert_eq!(shield.held_back.len(), 0);
    }

    #[test]
    fn a_flood_that_changes_its_address_within_a_slash_64_is_one_source() {
        let (mut shield, now) = shield();
        let address =
            |number: u32| IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8_u128 << 96) | u128::from(number)));
        let admitted = (0..5_000).filter(|number| shield.admit(now, address(*number))).count();
        assert_eq!(admitted, 1_000 + 250);
        let shares = shield.changed().expect("changed");
        assert_eq!(shares.iter().map(|share| share.source).collect::<Vec<_>>(), [address(0)]);
        assert_eq!(shield.changed(), None, "told once");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut shield, now) = shield();
        for number in 0..200_u32 {
            let source = IpAddr::from(number.to_be_bytes());
            for _ in 0..1_100 {
                shield.admit(now, source);
            }
        }
        assert_eq!(shield.held_back.len(), MAX_HELD_BACK);
        for number in 0..100_000_u32 {
            shield.admit(now, IpAddr::from((1 << 24 | number).to_be_bytes()));
        }
        assert!(shield.counts.len() <= MAX_COUNTED);
    }
}
