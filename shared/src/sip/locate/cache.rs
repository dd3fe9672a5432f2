//! What name servers have said: kept as long as it holds, and longer where nobody can say better (RFC 8767).

use std::collections::HashMap;
use std::time::Duration;

use super::record::{Answer, Kind};
use crate::time::Timestamp;

/// Names kept at most; then those go that hold no longer, and when all do, all of them.
const MAX_ENTRIES: usize = 4096;
/// However short a record holds, the calls of one moment share it.
const MIN_TTL: Duration = Duration::from_secs(1);
const MAX_TTL: Duration = Duration::from_secs(86_400);
/// RFC 2308 §5 allows hours; a service that was just set up should not wait so long.
const MAX_NEGATIVE_TTL: Duration = Duration::from_secs(300);
/// After a failure the name servers are left alone for this long.
const PAUSE: Duration = Duration::from_secs(10);
/// What holds no longer is kept for when no name server answers (RFC 8767 §5 says one to three days).
const MAX_STALE: Duration = Duration::from_secs(86_400);

/// A question.
pub(super) type Key = (String, Kind);

#[derive(Debug)]
struct Entry {
    answer: Answer,
    holds_until: Timestamp,
    stale_until: Timestamp,
}

#[derive(Debug, Default)]
pub(super) struct Cache {
    entries: HashMap<Key, Entry>,
}

/// What the cache knows.
pub(super) enum Known<'a> {
    /// It holds.
    Fresh(&'a Answer),
    /// Better than nothing.
    Stale(&'a Answer),
    Unknown,
}

impl Cache {
    pub(super) fn find(&self, now: Timestamp, key: &Key) -> Known<'_> {
        match self.entries.get(key) {
            Some(entry) if now < entry.holds_until => Known::Fresh(&entry.answer),
            Some(entry) if now < entry.stale_until => Known::Stale(&entry.answer),
            _ => Known::Unknown,
        }
    }

    pub(super) fn keep(&mut self, now: Timestamp, key: Key, answer: Answer) {
        let secs = |ttl: u32| Duration::from_secs(ttl.into());
        let (holds, stale) = match &answer {
            Answer::Naptr(_, ttl) | Answer::Srv(_, ttl) | Answer::Addresses(_, ttl) => {
                (secs(*ttl).clamp(MIN_TTL, MAX_TTL), MAX_STALE)
            }
            Answer::Nothing(ttl) => (secs(*ttl).clamp(MIN_TTL, MAX_NEGATIVE_TTL), MAX_STALE),
            Answer::Failed => {
                // What was known before goes on for a while, as if it still held.
                if let Some(entry) = self.entries.get_mut(&key)
                    && now < entry.stale_until
                {
                    entry.holds_until = entry.holds_until.max(now + PAUSE).min(entry.stale_until);
                    return;
                }
                (PAUSE, Duration::ZERO)
            }
        };
        self.make_room(now, &key);
        let holds_until = now + holds;
        self.entries.insert(key, Entry { answer, holds_until, stale_until: holds_until + stale });
    }

    fn make_room(&mut self, now: Timestamp, key: &Key) {
        if self.entries.len() < MAX_ENTRIES || self.entries.contains_key(key) {
            return;
        }
        self.entries.retain(|_, entry| now < entry.holds_until);
        if self.entries.len() >= MAX_ENTRIES {
            self.entries.clear();
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}
