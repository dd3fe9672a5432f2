//! The brake on guessing passwords: pure, counts tries per name and address.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use shared::id::UserId;
use shared::time::Timestamp;

/// Failures in a row that are free.
const FREE: u32 = 5;
/// After that each try waits this long for the next, doubled each time.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LAST_WAIT: Duration = Duration::from_secs(300);
/// Failures are forgotten after this.
const FORGET: Duration = Duration::from_secs(900);
/// Names with addresses that are remembered; the one that was quiet longest makes room.
const REMEMBERED: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Throttle {
    tries: BTreeMap<(UserId, IpAddr), Tries>,
}

#[derive(Debug, Clone, Copy)]
struct Tries {
    count: u32,
    last: Timestamp,
}

impl Throttle {
    /// Counts a try; the error says how long to wait before the next one is looked at.
    pub(super) fn begin(&mut self, now: Timestamp, user: &UserId, address: IpAddr) -> Result<(), Duration> {
        let key = (user.clone(), address);
        if self.tries.len() >= REMEMBERED && !self.tries.contains_key(&key) {
            self.make_room(now);
        }
        let tries = self.tries.entry(key).or_insert(Tries { count: 0, last: now });
        if now - tries.last >= FORGET {
            tries.count = 0;
        }
        if let Some(beyond) = tries.count.checked_sub(FREE) {
            let wait = FIRST_WAIT.saturating_mul(1 << beyond.min(16)).min(LAST_WAIT);
            let passed = now - tries.last;
            if passed < wait {
                return Err(wait - passed);
            }
        }
        tries.count = tries.count.saturating_add(1);
        tries.last = now;
        Ok(())
    }

    /// The last try was right.
    pub(super) fn succeed(&mut self, user: &UserId, address: IpAddr) {
        self.tries.remove(&(user.clone(), address));
    }

    fn make_room(&mut self, now: Timestamp) {
        self.tries.retain(|_, tries| now - tries.last < FORGET);
        if self.tries.len() >= REMEMBERED {
            let oldest = self.tries.iter().min_by_key(|(_, tries)| tries.last).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                self.tries.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_are_free_then_each_costs_more() {
        let user: UserId = "ada".parse().expect("a name");
        let address = IpAddr::from([192, 0, 2, 1]);
        let mut throttle = Throttle::default();
        let at = |secs: i64| Timestamp::from_secs(1_000 + secs);
        for _ in 0..5 {
            assert_eq!(throttle.begin(at(0), &user, address), Ok(()));
        }
        for (secs, result) in [
            (0, Err(5)),
            (4, Err(1)),
            (5, Ok(())),
            (6, Err(9)),
            (15, Ok(())),
            (16, Err(19)),
            (15 + 899, Ok(())),
            (15 + 899 + 900, Ok(())),
        ] {
            let result = result.map_err(Duration::from_secs);
            assert_eq!(throttle.begin(at(secs), &user, address), result, "after {secs} s");
        }
        // Another address, another name: not meant.
        let mut throttle = Throttle::default();
        for _ in 0..5 {
            assert_eq!(throttle.begin(at(0), &user, address), Ok(()));
        }
        assert!(throttle.begin(at(0), &user, IpAddr::from([192, 0, 2, 2])).is_ok());
        assert!(throttle.begin(at(0), &"bob".parse().expect("a name"), address).is_ok());
        assert!(throttle.begin(at(0), &user, address).is_err());
        throttle.succeed(&user, address);
        assert!(throttle.begin(at(0), &user, address).is_ok());
    }

    #[test]
    fn memory_is_bounded() {
        let mut throttle = Throttle::default();
        for number in 0..(REMEMBERED as u32 + 50) {
            let user = format!("u{number}").parse().expect("a name");
            let at = Timestamp::from_micros(i64::from(number));
            assert!(throttle.begin(at, &user, IpAddr::from(number.to_be_bytes())).is_ok());
        }
        assert_eq!(throttle.tries.len(), REMEMBERED);
    }
}
