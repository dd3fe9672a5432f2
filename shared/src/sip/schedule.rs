//! Deadlines of very many keys: set, move and take in logarithmic time.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use crate::time::Timestamp;

/// Like [`Timers`](crate::time::Timers), for tables of many thousands of keys.
#[derive(Debug)]
pub(super) struct Schedule<K> {
    by_key: HashMap<K, Timestamp>,
    by_time: BTreeSet<(Timestamp, K)>,
}

impl<K: Ord + Hash + Copy> Schedule<K> {
    pub(super) fn new() -> Self {
        Schedule { by_key: HashMap::new(), by_time: BTreeSet::new() }
    }

    /// Fires `key` at `at`, or with `None` not at all.
    pub(super) fn set(&mut self, key: K, at: Option<Timestamp>) {
        let old = match at {
            Some(at) => self.by_key.insert(key, at),
            None => self.by_key.remove(&key),
        };
        if old == at {
            return;
        }
        if let Some(old) = old {
            self.by_time.remove(&(old, key));
        }
        if let Some(at) = at {
            self.by_time.insert((at, key));
        }
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// The earliest key that is due.
    pub(super) fn pop_due(&mut self, now: Timestamp) -> Option<K> {
        let (at, key) = *self.by_time.first()?;
        if at > now {
            return None;
        }
        self.by_time.pop_first();
        self.by_key.remove(&key);
        Some(key)
    }

    pub(super) fn at(&self, key: &K) -> Option<Timestamp> {
        self.by_key.get(key).copied()
    }
}
