//! What is wrong with a leg, in words: "agent's side: 4 % loss from 10:32:10".

use std::fmt;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::audio::mixer::Role;
use crate::time::Timestamp;

/// Loss that is heard, in percent.
const LOSS_PERCENT: f32 = 2.0;
/// Jitter that costs delay, in milliseconds.
const JITTER_MILLIS: f32 = 40.0;
/// Delay in one direction that spoils a talk (ITU-T G.114 allows 150), in milliseconds.
const DELAY_MILLIS: f32 = 250.0;
/// A trouble that has been gone for this long is over.
const CALM: Duration = Duration::from_secs(10);

/// One look at a leg, over the time since the look before.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Sample {
    /// Packets lost or too late, in percent.
    pub loss_percent: f32,
    /// Interarrival jitter in milliseconds.
    pub jitter_millis: f32,
    /// Delay in one direction, in milliseconds.
    pub delay_millis: f32,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// Packets are lost.
    Loss,
    /// They come irregularly.
    Jitter,
    /// They come late.
    Delay,
}

/// The worst that is wrong with a leg, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// Whose leg.
    pub role: Role,
    /// What.
    pub trouble: Trouble,
    /// The mean since it began: percent for loss, milliseconds for the others.
    pub value: f32,
    /// When it began.
    pub since: Timestamp,
}

/// Follows one leg.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    role: Role,
    open: [Option<Open>; 3],
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Open {
    since: Timestamp,
    /// The last look that had it.
    seen: Timestamp,
    sum: f32,
    count: f32,
}

const TROUBLES: [(Trouble, f32); 3] =
    [(Trouble::Loss, LOSS_PERCENT), (Trouble::Jitter, JITTER_MILLIS), (Trouble::Delay, DELAY_MILLIS)];

impl Watch {
    /// Before the first look.
    pub fn new(role: Role) -> Self {
        Watch { role, open: [None; 3] }
    }

    /// Takes a look; to be called every second or so.
    pub fn push(&mut self, now: Timestamp, sample: Sample) {
        let values = [sample.loss_percent, sample.jitter_millis, sample.delay_millis];
        for ((open, value), (_, limit)) in self.open.iter_mut().zip(values).zip(TROUBLES) {
            if value >= limit {
                let open = open.get_or_insert(Open { since: now, seen: now, sum: 0.0, count: 0.0 });
                open.seen = now;
            }
            if let Some(known) = open {
                known.sum += value;
                known.count += 1.0;
                if now.since(known.seen) >= CALM {
                    *open = None;
                }
            }
        }
    }

    /// The worst trouble that is open, measured by how far it is over its limit.
    pub fn cause(&self) -> Option<Cause> {
        let causes = self.open.iter().zip(TROUBLES).filter_map(|(open, (trouble, limit))| {
            let open = (*open)?;
            let value = open.sum / open.count.max(1.0);
            Some((value / limit, Cause { role: self.role, trouble, value, since: open.since }))
        });
        causes.max_by(|left, right| left.0.total_cmp(&right.0)).map(|(_, cause)| cause)
    }
}

impl Cause {
    /// The sentence, with the time of day in a zone.
    pub fn words<'a>(&self, zone: &'a TimeZone) -> impl fmt::Display + use<'a> {
        Words { cause: *self, zone }
    }
}

struct Words<'a> {
    cause: Cause,
    zone: &'a TimeZone,
}

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cause { role, trouble, value, since } = self.cause;
        let side = match role {
            Role::Customer => "customer",
            Role::Agent => "agent",
            Role::Supervisor(_) => "supervisor",
        };
        let value = value.round();
        match trouble {
            Trouble::Loss => write!(f, "{side}'s side: {value} % loss from ")?,
            Trouble::Jitter => write!(f, "{side}'s side: {value} ms jitter from ")?,
            Trouble::Delay => write!(f, "{side}'s side: {value} ms delay from ")?,
        }
        let at = jiff::Timestamp::from_microsecond(since.as_micros()).unwrap_or_default();
        write!(f, "{}", at.to_zoned(self.zone.clone()).strftime("%H:%M:%S"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Timestamp {
        // 2026-07-01 10:32:10 UTC.
        Timestamp::from_secs(1_782_901_930) + Duration::from_secs(secs)
    }

    #[test]
    fn says_who_what_and_since_when() {
        let mut watch = Watch::new(Role::Agent);
        watch.push(at(0) - Duration::from_secs(1), Sample::default());
        assert_eq!(watch.cause(), None);
        for second in 0..5 {
            watch.push(at(second), Sample { loss_percent: 4.2, jitter_millis: 41.0, ..Sample::default() });
        }
        let said = watch.cause().map(|cause| cause.words(&TimeZone::UTC).to_string());
        assert_eq!(said.as_deref(), Some("agent's side: 4 % loss from 10:32:10"));
    }

    #[test]
    fn trouble_that_comes_back_soon_is_one_and_calm_ends_it() {
        let mut watch = Watch::new(Role::Customer);
        let look = |delay_millis| Sample { delay_millis, ..Sample::default() };
        watch.push(at(0), look(400.0));
        (1..9).for_each(|second| watch.push(at(second), look(0.0)));
        watch.push(at(9), look(400.0));
        assert_eq!(watch.cause().map(|cause| (cause.trouble, cause.since)), Some((Trouble::Delay, at(0))));
        (10..20).for_each(|second| watch.push(at(second), look(0.0)));
        assert_eq!(watch.cause(), None);
    }
}
