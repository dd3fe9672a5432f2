//! Nonces that need no memory until they are answered rightly (RFC 7616 §3.3).
//!
//! A nonce is the second it was made in, a random number, and a seal over both and the source that it is given to
//! (HMAC-SHA-256 under a key of this process). So nobody can make one, a nonce that comes back proves that its sender
//! reads what we send to that source, and one that was overheard is of no use from elsewhere.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use hmac::{Hmac, KeyInit, Mac};
use rand::Rng;
use rand::rngs::StdRng;
use sha2::Sha256;

use super::equal;
use crate::sip::door::Network;
use crate::time::Timestamp;

/// A nonce of ours that is not too old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Nonce {
    made_secs: i64,
    number: u64,
}

/// Whether a count of a nonce came for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    First,
    Replay,
}

/// Which `nc` values of a nonce have been seen: the highest and the 64 below it. UDP may swap requests; none is
/// accepted twice.
#[derive(Debug, Clone, Copy)]
struct Counts {
    highest: u32,
    seen: u64,
}

pub(super) struct Nonces {
    key: Hmac<Sha256>,
    /// At most [`MAX_USED`]; above it the oldest goes and the floor rises to it.
    used: HashMap<Nonce, Counts>,
    by_age: BTreeSet<Nonce>,
    /// Nonces made up to this second are too old, because some of them were forgotten.
    floor_secs: i64,
}

impl std::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Nonces").field("used", &self.used.len()).finish_non_exhaustive()
    }
}

impl Nonces {
    pub(super) fn new(random: &mut StdRng) -> Nonces {
        let mut key = [0; 64];
        random.fill_bytes(&mut key);
        Nonces {
            key: Hmac::new(&key.into()),
            used: HashMap::new(),
            by_age: BTreeSet::new(),
            floor_secs: i64::MIN,
        }
    }

    pub(super) fn make(&self, now: Timestamp, source: IpAddr, random: &mut StdRng) -> String {
        let nonce = Nonce { made_secs: secs(now), number: random.next_u64() };
        format!("{:x}.{:016x}.{}", nonce.made_secs, nonce.number, self.seal(nonce, source))
    }

    fn seal(&self, nonce: Nonce, source: IpAddr) -> String {
        let mut seal = self.key.clone();
        seal.update(&nonce.made_secs.to_be_bytes());
        seal.update(&nonce.number.to_be_bytes());
        match Network::of_source(source).address() {
            IpAddr::V4(ip) => seal.update(&ip.octets()),
            IpAddr::V6(ip) => seal.update(&ip.octets()),
        }
        let seal = hex::encode(seal.finalize().into_bytes());
        seal.get(..32).unwrap_or_default().to_owned()
    }

    /// `None` unless it was given to this source within the last [`LIFETIME_SECS`].
    pub(super) fn read(&mut self, now: Timestamp, source: IpAddr, text: &str) -> Option<Nonce> {
        let mut parts = text.splitn(3, '.');
        let made_secs = i64::from_str_radix(parts.next()?, 16).ok()?;
        let number = u64::from_str_radix(parts.next()?, 16).ok()?;
        let nonce = Nonce { made_secs, number };
        if !equal(&self.seal(nonce, source), parts.next()?) {
            return None;
        }
        let oldest = secs(now) - LIFETIME_SECS;
        self.forget(oldest);
        (made_secs >= oldest && made_secs <= secs(now) && made_secs > self.floor_secs).then_some(nonce)
    }

    fn forget(&mut self, oldest_secs: i64) {
        while let Some(first) = self.by_age.first().copied().filter(|first| first.made_secs < oldest_secs) {
            self.by_age.remove(&first);
            self.used.remove(&first);
        }
    }

    pub(super) fn use_up(&mut self, nonce: Nonce, nc: u32) -> Use {
        if let Some(counts) = self.used.get_mut(&nonce) {
            return counts.take(nc);
        }
        if self.used.len() >= MAX_USED
            && let Some(first) = self.by_age.pop_first()
        {
            // What is forgotten must not become new again.
            self.used.remove(&first);
            self.floor_secs = first.made_secs;
        }
        self.used.insert(nonce, Counts { highest: nc, seen: 1 });
        self.by_age.insert(nonce);
        Use::First
    }
}

impl Counts {
    fn take(&mut self, nc: u32) -> Use {
        if nc > self.highest {
            self.seen = self.seen.checked_shl(nc - self.highest).unwrap_or(0) | 1;
            self.highest = nc;
            return Use::First;
        }
        match 1_u64.checked_shl(self.highest - nc) {
            Some(bit) if self.seen & bit == 0 => {
                self.seen |= bit;
                Use::First
            }
            _ => Use::Replay,
        }
    }
}

fn secs(now: Timestamp) -> i64 {
    now.as_millis() / 1000
}

/// How long a nonce is good.
pub(super) const LIFETIME_SECS: i64 = 300;
/// Rightly answered nonces remembered at most.
const MAX_USED: usize = 100_000;

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn the_window_of_counts() {
        let mut counts = Counts { highest: 1, seen: 1 };
        for (nc, expected) in [
            (1, Use::Replay),
            (200, Use::First),
            (1, Use::Replay),
            (199, Use::First),
            (199, Use::Replay),
            (136, Use::Replay),
            (137, Use::First),
            (u32::MAX, Use::First),
            (u32::MAX, Use::Replay),
        ] {
            assert_eq!(counts.take(nc), expected, "{nc}");
        }
    }

    #[test]
    fn used_nonces_are_bounded_and_never_new_again() {
        let mut random = StdRng::seed_from_u64(1);
        let mut nonces = Nonces::new(&mut random);
        let source = IpAddr::from([192, 0, 2, 1]);
        let start = Timestamp::from_secs(1_000);
        let first = nonces.make(start, source, &mut random);
        let read = nonces.read(start, source, &first).expect("ours");
        assert_eq!(nonces.use_up(read, 1), Use::First);
        let later = Timestamp::from_secs(1_001);
        for number in 0..MAX_USED as u64 {
            nonces.use_up(Nonce { made_secs: 1_001, number }, 1);
        }
        assert_eq!(nonces.used.len(), MAX_USED);
        assert_eq!(nonces.by_age.len(), MAX_USED);
        assert_eq!(nonces.read(later, source, &first), None, "it was forgotten, so it is stale");
        let fresh = nonces.make(Timestamp::from_secs(1_002), source, &mut random);
        assert!(nonces.read(Timestamp::from_secs(1_002), source, &fresh).is_some());
        nonces.read(Timestamp::from_secs(2_000), source, &fresh);
        assert!(nonces.used.is_empty(), "the old ones go");
    }

    #[test]
    fn a_nonce_is_good_for_its_source_alone() {
        let mut random = StdRng::seed_from_u64(1);
        let mut nonces = Nonces::new(&mut random);
        let now = Timestamp::from_secs(1_000);
        let ip = |text: &str| text.parse::<IpAddr>().expect("address");
        let nonce = nonces.make(now, ip("192.0.2.1"), &mut random);
        assert!(nonces.read(now, ip("192.0.2.1"), &nonce).is_some());
        assert!(nonces.read(now, ip("::ffff:192.0.2.1"), &nonce).is_some());
        assert!(nonces.read(now, ip("192.0.2.2"), &nonce).is_none());
        let wide = nonces.make(now, ip("2001:db8::1"), &mut random);
        assert!(
            nonces.read(now, ip("2001:db8::2"), &wide).is_some(),
            "privacy addresses change within the /64"
        );
        assert!(nonces.read(now, ip("2001:db8:0:1::1"), &wide).is_none());
        for text in ["", ".", "..", "x.y.z", "3e8.0000000000000001.0", "3e8"] {
            assert!(nonces.read(now, ip("192.0.2.1"), text).is_none(), "{text}");
        }
        assert!(nonces.read(Timestamp::from_secs(1_301), ip("192.0.2.1"), &nonce).is_none(), "too old");
        let turned = nonce.replace('.', "-");
        assert!(nonces.read(now, ip("192.0.2.1"), &turned).is_none());
    }
}
