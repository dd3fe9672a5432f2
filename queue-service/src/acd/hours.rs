//! Opening hours such as `Mon-Fri 08:00-18:00` in an IANA time zone.
//!
//! A line is days, a space, and time ranges: `Mon-Fri 08:00-12:00,13:00-17:00`, `Sat,Sun 10:00-14:00`,
//! `Fri 22:00-06:00`. A range that does not end after it begins runs into the next day and belongs to the day on which it
//! begins. `24:00` is the end of a day. Times are those of the wall clock, so a range keeps its hours over a change to
//! summer time.

use std::sync::LazyLock;

use jiff::civil::Weekday;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use shared::time::Timestamp;

/// The time zones that the program brings along, so that the answer is the same on every machine.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

const DAY_MINUTES: u16 = 24 * 60;
const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// Why hours cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoursError {
    /// The time zone is not known.
    #[error("find time zone {0:?}: use an IANA name such as Europe/Berlin")]
    TimeZone(String),
    /// A line has no days and times.
    #[error("read opening hours {0:?}: write days and times such as Mon-Fri 08:00-18:00")]
    Line(String),
    /// Not a day.
    #[error("read day {0:?} of opening hours: use Mon, Tue, Wed, Thu, Fri, Sat or Sun")]
    Day(String),
    /// Not a time.
    #[error("read time {0:?} of opening hours: use 00:00 to 24:00")]
    Time(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    /// Day on which it begins, 0 for Monday.
    day: u8,
    /// Minutes after midnight.
    from: u16,
    /// Minutes after midnight of the first day; more than a day when it runs into the next.
    to: u16,
}

/// When a queue is open.
#[derive(Debug, Clone)]
pub struct Hours {
    ranges: Vec<Range>,
    zone: TimeZone,
}

impl Hours {
    /// Reads hours; no lines mean always open. An empty time zone means UTC.
    ///
    /// # Errors
    /// What cannot be read, with what is allowed.
    pub fn parse(lines: &[String], time_zone: &str) -> Result<Hours, HoursError> {
        let zone = if time_zone.is_empty() {
            TimeZone::UTC
        } else {
            ZONES.get(time_zone).map_err(|_| HoursError::TimeZone(time_zone.into()))?
        };
        let mut ranges = Vec::new();
        for line in lines {
            read_line(line, &mut ranges)?;
        }
        Ok(Hours { ranges, zone })
    }

    /// Whether it is open at that moment. The end of a range is closed.
    pub fn is_open(&self, at: Timestamp) -> bool {
        if self.ranges.is_empty() {
            return true;
        }
        let Ok(moment) = jiff::Timestamp::from_microsecond(at.as_micros()) else { return true };
        let local = self.zone.to_datetime(moment);
        let today = local.weekday().to_monday_zero_offset() as u8;
        let yesterday = (today + 6) % 7;
        let minute = local.hour() as u16 * 60 + local.minute() as u16;
        self.ranges.iter().any(|range| {
            (range.day == today && (range.from..range.to).contains(&minute))
                || (range.day == yesterday && (range.from..range.to).contains(&(minute + DAY_MINUTES)))
        })
    }
}

/// `10:31:05` in an IANA time zone, in UTC when the zone is empty or not known.
pub(super) fn time_of_day(at: Timestamp, time_zone: &str) -> String {
    let zone = ZONES.get(time_zone).unwrap_or(TimeZone::UTC);
    match jiff::Timestamp::from_microsecond(at.as_micros()) {
        Ok(moment) => zone.to_datetime(moment).strftime("%H:%M:%S").to_string(),
        Err(_) => at.to_string(),
    }
}

fn read_line(line: &str, ranges: &mut Vec<Range>) -> Result<(), HoursError> {
    let (days, times) =
        line.trim().split_once(char::is_whitespace).ok_or_else(|| HoursError::Line(line.into()))?;
    for days in days.split(',') {
        let (first, last) = match days.split_once('-') {
            Some((first, last)) => (read_day(first)?, read_day(last)?),
            None => (read_day(days)?, read_day(days)?),
        };
        let count = (last + 7 - first) % 7 + 1;
        for times in times.split(',') {
            let (from, to) = times.split_once('-').ok_or_else(|| HoursError::Line(line.into()))?;
            let (from, mut to) = (read_time(from)?, read_time(to)?);
            if from == DAY_MINUTES {
                return Err(HoursError::Time("24:00".into()));
            }
            if to <= from {
                to += DAY_MINUTES;
            }
            ranges.extend((0..count).map(|offset| Range { day: (first + offset) % 7, from, to }));
        }
    }
    Ok(())
}

fn read_day(text: &str) -> Result<u8, HoursError> {
    let wanted = text.trim().to_ascii_lowercase();
    DAYS.iter()
        .find(|(name, _)| *name == wanted)
        .map(|(_, day)| day.to_monday_zero_offset() as u8)
        .ok_or_else(|| HoursError::Day(text.into()))
}

fn read_time(text: &str) -> Result<u16, HoursError> {
    let bad = || HoursError::Time(text.into());
    let digits = |part: &str, len: std::ops::RangeInclusive<usize>| -> Result<u16, HoursError> {
        if !len.contains(&part.len()) || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(bad());
        }
        part.parse().map_err(|_| bad())
    };
    let (hour, minute) = text.trim().split_once(':').ok_or_else(bad)?;
    let (hour, minute) = (digits(hour, 1..=2)?, digits(minute, 2..=2)?);
    let minutes = hour * 60 + minute;
    if minute < 60 && minutes <= DAY_MINUTES { Ok(minutes) } else { Err(bad()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(lines: &[&str], zone: &str, at: &str) -> bool {
        let lines: Vec<String> = lines.iter().map(|line| (*line).into()).collect();
        Hours::parse(&lines, zone).expect("valid hours").is_open(at.parse().expect("valid time"))
    }

    #[test]
    fn a_queue_is_open_within_its_ranges() {
        // 2026-03-02 is a Monday.
        let week = &["Mon-Fri 08:00-12:00,13:00-18:00", "Sat 09:00-12:00"][..];
        for (at, wanted) in [
            ("2026-03-02T07:59:59Z", false),
            ("2026-03-02T08:00:00Z", true),
            ("2026-03-02T11:59:59Z", true),
            ("2026-03-02T12:00:00Z", false),
            ("2026-03-06T17:59:59Z", true),
            ("2026-03-07T08:30:00Z", false),
            ("2026-03-07T09:00:00Z", true),
            ("2026-03-08T10:00:00Z", false),
        ] {
            assert_eq!(open(week, "UTC", at), wanted, "{at}");
        }
    }

    #[test]
    fn ranges_over_midnight_belong_to_the_day_they_begin() {
        for (lines, at, wanted) in [
            (&["Fri 22:00-06:00"][..], "2026-03-06T23:00:00Z", true),
            (&["Fri 22:00-06:00"], "2026-03-07T05:59:00Z", true),
            (&["Fri 22:00-06:00"], "2026-03-06T05:00:00Z", false),
            (&["Sun 22:00-06:00"], "2026-03-02T05:00:00Z", true),
            (&["Sat-Mon 00:00-24:00"], "2026-03-01T23:59:59Z", true),
            (&["Sat-Mon 00:00-24:00"], "2026-03-03T00:00:00Z", false),
            (&["Mon 08:00-08:00"], "2026-03-03T07:00:00Z", true),
            (&[], "2026-03-03T03:00:00Z", true),
        ] {
            assert_eq!(open(lines, "", at), wanted, "{lines:?} {at}");
        }
    }

    #[test]
    fn hours_are_those_of_the_wall_clock() {
        // Summer time begins in Berlin on 2026-03-29: 08:00 is 07:00Z before and 06:00Z after.
        for (at, wanted) in [
            ("2026-03-27T06:30:00Z", false),
            ("2026-03-27T07:00:00Z", true),
            ("2026-03-30T06:00:00Z", true),
            ("2026-03-30T05:59:59Z", false),
        ] {
            assert_eq!(open(&["Mon-Fri 08:00-18:00"], "Europe/Berlin", at), wanted, "{at}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_what_is_allowed() {
        for (line, zone, wanted) in [
            ("Mon-Fri", "UTC", "read opening hours \"Mon-Fri\""),
            ("Montag 08:00-18:00", "UTC", "read day \"Montag\""),
            ("Mon 8-18", "UTC", "read time \"8\""),
            ("Mon 08:00", "UTC", "read opening hours"),
            ("Mon 08:60-18:00", "UTC", "read time \"08:60\""),
            ("Mon 08:00-24:01", "UTC", "read time \"24:01\""),
            ("Mon 24:00-06:00", "UTC", "read time \"24:00\""),
            ("Mon 08:00-18:00", "Mars/Olympus", "find time zone \"Mars/Olympus\""),
            ("Mon ١٢:00-18:00", "UTC", "read time"),
        ] {
            let error = Hours::parse(&[line.into()], zone).expect_err(line).to_string();
            assert!(error.starts_with(wanted), "{line}: {error}");
        }
    }
}
