//! Time as plain data. Cores get `now` as an argument and give deadlines back; nobody here reads a clock.
//!
//! One type serves the wall and the timers: [`Timestamp`] counts microseconds since the Unix epoch. The drivers
//! make it from the wall clock once at start and from the monotonic clock afterwards, so within one process it
//! never runs backwards, and a saved state can be taken up by another process (which a monotonic instant
//! cannot).

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment, in microseconds since 1970-01-01T00:00:00Z. In JSON an RFC 3339 string with microseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The Unix epoch; tests start their virtual clock here or at a readable date.
    pub const EPOCH: Timestamp = Timestamp(0);

    /// From microseconds since the Unix epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Timestamp(micros)
    }

    /// From whole seconds since the Unix epoch.
    pub const fn from_secs(secs: i64) -> Self {
        Timestamp(secs * 1_000_000)
    }

    /// Microseconds since the Unix epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since the Unix epoch, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Time passed since `earlier`, zero when `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Whole milliseconds passed since `earlier`, zero when `earlier` is later.
    pub fn millis_since(self, earlier: Timestamp) -> u64 {
        u64::try_from(self.since(earlier).as_millis()).unwrap_or(u64::MAX)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Timestamp;

    fn add(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl AddAssign<Duration> for Timestamp {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Timestamp;

    fn sub(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Timestamp> for Timestamp {
    type Output = Duration;

    /// Same as [`Timestamp::since`]: never negative.
    fn sub(self, earlier: Timestamp) -> Duration {
        self.since(earlier)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(moment) => write!(f, "{moment:.6}"),
            // Outside of the years that RFC 3339 can write.
            Err(_) => write!(f, "@{}us", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no RFC 3339 timestamp.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read {0:?} as an RFC 3339 timestamp such as 2026-03-01T09:30:00Z")]
pub struct TimestampError(String);

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let moment: jiff::Timestamp = text.parse().map_err(|_| TimestampError(text.into()))?;
        Ok(Timestamp(moment.as_microsecond()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "openapi")]
mod schema {
    use super::Timestamp;
    use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
    use utoipa::openapi::{RefOr, Schema};

    impl utoipa::PartialSchema for Timestamp {
        fn schema() -> RefOr<Schema> {
            ObjectBuilder::new()
                .schema_type(Type::String)
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
                .into()
        }
    }

    impl utoipa::ToSchema for Timestamp {}
}

/// A table of deadlines by key; cores keep their timers here as data instead of holding handles.
///
/// Setting a key again moves its deadline. Two keys with the same deadline fire in key order, so a replay
/// fires them in the same order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timers<K: Ord> {
    by_key: BTreeMap<K, Timestamp>,
}

impl<K: Ord> Default for Timers<K> {
    fn default() -> Self {
        Timers { by_key: BTreeMap::new() }
    }
}

impl<K: Ord + Clone> Timers<K> {
    /// Fires `key` at `at`, in place of any earlier deadline of that key.
    pub fn set(&mut self, key: K, at: Timestamp) {
        self.by_key.insert(key, at);
    }

    /// Forgets `key`; true when it was set.
    pub fn cancel(&mut self, key: &K) -> bool {
        self.by_key.remove(key).is_some()
    }

    /// When `key` fires.
    pub fn at(&self, key: &K) -> Option<Timestamp> {
        self.by_key.get(key).copied()
    }

    /// The earliest deadline.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.by_key.values().min().copied()
    }

    /// Takes the earliest key that is due at `now`; call until `None`.
    pub fn pop_due(&mut self, now: Timestamp) -> Option<K> {
        let key = self
            .by_key
            .iter()
            .filter(|(_, at)| **at <= now)
            .min_by(|left, right| left.1.cmp(right.1).then_with(|| left.0.cmp(right.0)))
            .map(|(key, _)| key.clone())?;
        self.by_key.remove(&key);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_reads_rfc_3339() {
        let moment: Timestamp = "2026-03-01T09:30:00.25Z".parse().expect("valid");
        assert_eq!(moment.to_string(), "2026-03-01T09:30:00.250000Z");
        assert_eq!(serde_json::to_string(&moment).expect("json"), "\"2026-03-01T09:30:00.250000Z\"");
        assert!("yesterday".parse::<Timestamp>().is_err());
    }

    #[test]
    fn a_difference_is_never_negative() {
        let early = Timestamp::from_secs(10);
        let late = early + Duration::from_millis(1500);
        assert_eq!(late - early, Duration::from_millis(1500));
        assert_eq!(early - late, Duration::ZERO);
    }

    #[test]
    fn timers_fire_by_time_then_by_key() {
        let mut timers = Timers::default();
        let at = Timestamp::from_secs(5);
        timers.set("b", at);
        timers.set("a", at);
        timers.set("c", Timestamp::from_secs(4));
        assert_eq!(timers.deadline(), Some(Timestamp::from_secs(4)));
        assert_eq!(timers.pop_due(Timestamp::from_secs(3)), None);
        assert_eq!(timers.pop_due(at), Some("c"));
        assert_eq!(timers.pop_due(at), Some("a"));
        assert_eq!(timers.pop_due(at), Some("b"));
        assert_eq!(timers.pop_due(at), None);
    }
}
