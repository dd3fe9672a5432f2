//! One-way audio: somebody shall be heard and nothing comes of him, while the others of his call are heard.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Nothing for so long is an alarm: with a look every half second, and a part of one more, it is told within 3 s.
const SILENT: Duration = Duration::from_millis(2_000);

/// Follows one leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OneWay {
    /// Since when nothing has come although it should.
    since: Option<Timestamp>,
    is_told: bool,
}

impl OneWay {
    /// Takes a look, every half second or so: whether something should come (`is_expected`: he may send, somebody listens,
    /// another one of the call is heard, and he has not said that he is silent) and whether something `came` since the look
    /// before. Tells for how long nothing came, once for each time that it ceases.
    pub fn push(&mut self, now: Timestamp, is_expected: bool, came: bool) -> Option<Duration> {
        if came || !is_expected {
            *self = OneWay::default();
            return None;
        }
        let silent = now.since(*self.since.get_or_insert(now));
        if silent < SILENT || self.is_told {
            return None;
        }
        self.is_told = true;
        Some(silent)
    }

    /// Since when nothing comes, when that was told.
    pub fn alarm_since(&self) -> Option<Timestamp> {
        self.since.filter(|_| self.is_told)
    }

    /// Nothing comes, and it was told.
    pub fn is_alarm(&self) -> bool {
        self.is_told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks as letters: `+` something came, `-` nothing, `.` nothing and nothing was expected. The places of the alarms.
    fn alarms(looks: &str) -> Vec<usize> {
        let mut one_way = OneWay::default();
        let look = |(place, letter): (usize, char)| {
            let now = Timestamp::from_secs(100) + Duration::from_millis(500) * place as u32;
            one_way.push(now, letter != '.', letter == '+').map(|_| place)
        };
        looks.chars().enumerate().filter_map(look).collect()
    }

    #[test]
    fn silence_is_told_once_within_three_seconds() {
        assert_eq!(alarms("++----------"), [6], "2 s behind the first look without anything");
        assert_eq!(alarms("------+------"), [4, 11], "again after it came back");
        assert_eq!(alarms("----+----+----"), [0; 0]);
        assert_eq!(alarms("----.----.----"), [0; 0], "held meanwhile");
        assert_eq!(alarms("............"), [0; 0]);
    }
}
