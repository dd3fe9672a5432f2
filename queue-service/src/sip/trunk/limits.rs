//! How much of each trunk is in use, and how much each person dials.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use shared::id::{LegId, TrunkId, UserId};
use shared::time::Timestamp;

use super::plan::Denied;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
/// Persons of whom calls are remembered; those who placed none for a minute are forgotten first.
const MAX_PERSONS: usize = 10_000;

/// Limits of one trunk; 0 is none.
#[derive(Debug, Clone, Copy, Default)]
pub struct TrunkLimit {
    /// Calls at once.
    pub calls: u32,
    /// Outbound calls a second.
    pub per_second: u32,
}

/// Counts and budgets.
#[derive(Debug)]
pub struct Limits {
    trunks: BTreeMap<TrunkId, (TrunkLimit, Bucket)>,
    legs: HashMap<LegId, TrunkId>,
    per_person: u32,
    per_minute: u32,
    persons: HashMap<UserId, Person>,
    dialled: HashMap<LegId, UserId>,
}

#[derive(Debug)]
struct Person {
    calls: u32,
    bucket: Bucket,
}

/// A bucket of so many tokens, which is full again after a time.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Timestamp,
}

impl Bucket {
    fn full(now: Timestamp, size: u32) -> Bucket {
        Bucket { left: f64::from(size), at: now }
    }

    fn fill(&mut self, now: Timestamp, size: u32, time: Duration) {
        let share = now.since(self.at).as_secs_f64() / time.as_secs_f64();
        self.left = (self.left + share * f64::from(size)).min(f64::from(size));
        self.at = now;
    }

    fn has_one(&self) -> bool {
        self.left >= 1.0
    }
}

impl Limits {
    /// For these trunks; a person may have so many calls at once and place so many a minute.
    pub fn new(
        now: Timestamp,
        trunks: impl IntoIterator<Item = (TrunkId, TrunkLimit)>,
        per_person: u32,
        per_minute: u32,
    ) -> Limits {
        let trunks = trunks.into_iter().map(|(id, limit)| (id, (limit, Bucket::full(now, limit.per_second))));
        Limits {
            trunks: trunks.collect(),
            legs: HashMap::new(),
            per_person,
            per_minute,
            persons: HashMap::new(),
            dialled: HashMap::new(),
        }
    }

    /// Calls in use over a trunk.
    pub fn calls(&self, trunk: &TrunkId) -> u32 {
        u32::try_from(self.legs.values().filter(|used| *used == trunk).count()).unwrap_or(u32::MAX)
    }

    /// Why a trunk takes no further outbound call now.
    pub fn full(&mut self, now: Timestamp, trunk: &TrunkId) -> Option<&'static str> {
        let calls = self.calls(trunk);
        let (limit, bucket) = self.trunks.get_mut(trunk)?;
        if limit.calls > 0 && calls >= limit.calls {
            return Some("all its calls are in use");
        }
        if limit.per_second > 0 {
            bucket.fill(now, limit.per_second, SECOND);
            if !bucket.has_one() {
                return Some("it takes no more calls within this second");
            }
        }
        None
    }

    /// Counts a call over a trunk in; whether it may is asked before by [`Limits::full`].
    pub fn enter(&mut self, leg: LegId, trunk: &TrunkId, outbound: bool) {
        self.legs.insert(leg, trunk.clone());
        if outbound && let Some((limit, bucket)) = self.trunks.get_mut(trunk) {
            // An emergency call may overdraw it.
            if limit.per_second > 0 {
                bucket.left -= 1.0;
            }
        }
    }

    /// Counts a leg out, wherever it was counted in.
    pub fn leave(&mut self, leg: LegId) {
        self.legs.remove(&leg);
        if let Some(person) = self.dialled.remove(&leg)
            && let Some(known) = self.persons.get_mut(&person)
        {
            known.calls = known.calls.saturating_sub(1);
        }
    }

    /// What a leg was counted for counts for another number of it.
    pub fn rename(&mut self, old: LegId, new: LegId) {
        if let Some(trunk) = self.legs.remove(&old) {
            self.legs.insert(new, trunk);
        }
        if let Some(person) = self.dialled.remove(&old) {
            self.dialled.insert(new, person);
        }
    }

    /// Counts a call that a person places to a number outside.
    ///
    /// # Errors
    /// [`Denied::TooMany`] when he has too many or places them too fast; nothing is counted then.
    pub fn dial(&mut self, now: Timestamp, leg: LegId, person: &UserId) -> Result<(), Denied> {
        let per_minute = self.per_minute;
        if self.persons.len() >= MAX_PERSONS && !self.persons.contains_key(person) {
            self.persons.retain(|_, known| known.calls > 0 || now.since(known.bucket.at) < MINUTE);
            if self.persons.len() >= MAX_PERSONS {
                return Err(Denied::TooMany);
            }
        }
        let fresh = || Person { calls: 0, bucket: Bucket::full(now, per_minute) };
        let known = self.persons.entry(person.clone()).or_insert_with(fresh);
        known.bucket.fill(now, per_minute, MINUTE);
        if known.calls >= self.per_person || !known.bucket.has_one() {
            return Err(Denied::TooMany);
        }
        known.calls += 1;
        known.bucket.left -= 1.0;
        self.dialled.insert(leg, person.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_secs(1_800_000_000) + Duration::from_millis(millis)
    }

    fn leg(number: u64) -> LegId {
        LegId::from_u64(number)
    }

    #[test]
    fn a_trunk_takes_as_many_calls_as_it_may() {
        let trunk: TrunkId = "a".parse().expect("id");
        let limit = TrunkLimit { calls: 2, per_second: 0 };
        let mut limits = Limits::new(at(0), [(trunk.clone(), limit)], 9, 9);
        limits.enter(leg(1), &trunk, false);
        assert_eq!(limits.full(at(0), &trunk), None);
        limits.enter(leg(2), &trunk, true);
        assert_eq!(limits.full(at(0), &trunk), Some("all its calls are in use"));
        limits.leave(leg(1));
        limits.leave(leg(1));
        assert_eq!((limits.full(at(0), &trunk), limits.calls(&trunk)), (None, 1));
        assert_eq!(limits.full(at(0), &"other".parse().expect("id")), None);
    }

    #[test]
    fn a_trunk_takes_so_many_calls_a_second() {
        let trunk: TrunkId = "a".parse().expect("id");
        let limit = TrunkLimit { calls: 0, per_second: 2 };
        let mut limits = Limits::new(at(0), [(trunk.clone(), limit)], 9, 9);
        let mut taken = Vec::new();
        for (number, millis) in [0, 0, 0, 400, 600, 1_200, 5_000, 5_000, 5_000].into_iter().enumerate() {
            let free = limits.full(at(millis), &trunk).is_none();
            if free {
                limits.enter(leg(number as u64), &trunk, true);
            }
            taken.push(free);
        }
        assert_eq!(taken, [true, true, false, false, true, true, true, true, false]);
    }

    #[test]
    fn a_person_has_so_many_calls_and_places_so_many_a_minute() {
        let ada: UserId = "ada".parse().expect("id");
        let mut limits = Limits::new(at(0), [], 2, 3);
        assert_eq!(limits.dial(at(0), leg(1), &ada), Ok(()));
        assert_eq!(limits.dial(at(0), leg(2), &ada), Ok(()));
        assert_eq!(limits.dial(at(0), leg(3), &ada), Err(Denied::TooMany), "two at once");
        limits.leave(leg(1));
        assert_eq!(limits.dial(at(0), leg(3), &ada), Ok(()));
        limits.leave(leg(2));
        assert_eq!(limits.dial(at(1_000), leg(4), &ada), Err(Denied::TooMany), "three a minute");
        assert_eq!(limits.dial(at(21_000), leg(4), &ada), Ok(()));
        assert_eq!(limits.dial(at(21_000), leg(9), &"bob".parse().expect("id")), Ok(()));
    }
}
