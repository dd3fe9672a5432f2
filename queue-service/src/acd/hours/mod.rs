//! Opening hours such as `Mon-Fri 08:00-18:00` in an IANA time zone.
//!
//! A line is days, a space, and time ranges: `Mon-Fri 08:00-12:00,13:00-17:00`, `Sat,Sun 10:00-14:00`,
//! `Fri 22:00-06:00`. A range that does not end after it begins runs into the next day and belongs to the day on which it
//! begins. `24:00` is the end of a day. Times are those of the wall clock, so a range keeps its hours over a change to
//! summer time.
//!
//! A holiday is a date, with or without a year, and times unless it is the whole day: `12-25`, `2026-05-14`,
//! `2026-12-24 14:00-24:00`. A queue is closed then whatever its hours say.

mod holiday;

use std::sync::LazyLock;

use jiff::civil::{Date, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use shared::time::Timestamp;

use self::holiday::Holiday;

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
    /// A line of the holidays has no date.
    #[error(
        "read holiday {0:?}: write a date such as 12-25 or 2026-05-14, and times such as 14:00-24:00 if it is not the whole day"
    )]
    Holiday(String),
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
    holidays: Vec<Holiday>,
    zone: TimeZone,
}

impl Hours {
    /// Reads hours and holidays; no hours mean always open. An empty time zone means UTC.
    ///
    /// # Errors
    /// What cannot be read, with what is allowed.
    pub fn parse(lines: &[String], holidays: &[String], time_zone: &str) -> Result<Hours, HoursError> {
        let zone = if time_zone.is_empty() {
            TimeZone::UTC
        } else {
            ZONES.get(time_zone).map_err(|_| HoursError::TimeZone(time_zone.into()))?
        };
        let mut ranges = Vec::new();
        for line in lines {
            read_line(line, &mut ranges)?;
        }
        let holidays = holidays.iter().map(|line| Holiday::read(line)).collect::<Result<_, _>>()?;
        Ok(Hours { ranges, holidays, zone })
    }

    /// Whether it is open at that moment. The end of a range is closed.
    pub fn is_open(&self, at: Timestamp) -> bool {
        let Ok(moment) = jiff::Timestamp::from_microsecond(at.as_micros()) else { return true };
        let local = self.zone.to_datetime(moment);
        let minute = local.hour() as u16 * 60 + local.minute() as u16;
        if self.holidays.iter().any(|holiday| holiday.covers(local.date(), minute)) {
            return false;
        }
        if self.ranges.is_empty() {
            return true;
        }
        let today = day_of(local.date());
        let yesterday = (today + 6) % 7;
        self.ranges.iter().any(|range| {
            (range.day == today && (range.from..range.to).contains(&minute))
                || (range.day == yesterday && (range.from..range.to).contains(&(minute + DAY_MINUTES)))
        })
    }

    /// The first moment after `at` at which it is not open; none within eight days, or when it is closed already.
    pub fn closes_after(&self, at: Timestamp) -> Option<Timestamp> {
        if !self.is_open(at) {
            return None;
        }
        let moment = jiff::Timestamp::from_microsecond(at.as_micros()).ok()?;
        let mut date = self.zone.to_datetime(moment).date();
        // A range of yesterday may run into today.
        let mut ends = self.ends_of(date.yesterday().ok()?);
        for _ in 0..=8 {
            ends.extend(self.ends_of(date));
            date = date.tomorrow().ok()?;
        }
        ends.retain(|end| *end > at && !self.is_open(*end));
        ends.into_iter().min()
    }

    /// The first moment after `at` at which it is open; none within two weeks, or when it is open already.
    pub fn opens_after(&self, at: Timestamp) -> Option<Timestamp> {
        if self.is_open(at) {
            return None;
        }
        let moment = jiff::Timestamp::from_microsecond(at.as_micros()).ok()?;
        let mut date = self.zone.to_datetime(moment).date();
        let mut starts = Vec::new();
        for _ in 0..=14 {
            let day = day_of(date);
            let ranges = self.ranges.iter().filter(|range| range.day == day).map(|range| range.from);
            let holidays = self.holidays.iter().filter(|holiday| holiday.is_on(date)).map(Holiday::ends);
            starts.extend(ranges.chain(holidays).filter_map(|minutes| self.moment(date, minutes)));
            date = date.tomorrow().ok()?;
        }
        starts.retain(|start| *start > at && self.is_open(*start));
        starts.into_iter().min()
    }

    /// When the ranges of a day end and its holidays begin.
    fn ends_of(&self, date: Date) -> Vec<Timestamp> {
        let day = day_of(date);
        let ranges = self.ranges.iter().filter(|range| range.day == day).map(|range| range.to);
        let holidays = self.holidays.iter().filter(|holiday| holiday.is_on(date)).map(Holiday::begins);
        ranges.chain(holidays).filter_map(|minutes| self.moment(date, minutes)).collect()
    }

    fn moment(&self, date: Date, minutes: u16) -> Option<Timestamp> {
        let date = if minutes >= DAY_MINUTES { date.tomorrow().ok()? } else { date };
        let minutes = minutes % DAY_MINUTES;
        let local = date.at((minutes / 60) as i8, (minutes % 60) as i8, 0, 0);
        let moment = self.zone.to_timestamp(local).ok()?;
        Some(Timestamp::from_micros(moment.as_microsecond()))
    }
}

fn day_of(date: Date) -> u8 {
    date.weekday().to_monday_zero_offset() as u8
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
mod tests;
