//! A day, or a part of one, on which nobody is there.

use jiff::civil::Date;

use super::{DAY_MINUTES, HoursError, read_time};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Holiday {
    /// None for every year.
    year: Option<i16>,
    month: i8,
    day: i8,
    /// Minutes after midnight.
    from: u16,
    /// Minutes after midnight, at most a day.
    to: u16,
}

impl Holiday {
    pub(super) fn read(line: &str) -> Result<Holiday, HoursError> {
        let bad = || HoursError::Holiday(line.into());
        let (date, times) = match line.trim().split_once(char::is_whitespace) {
            Some((date, times)) => (date, Some(times)),
            None => (line.trim(), None),
        };
        let parts: Vec<&str> = date.split('-').collect();
        let (year, month, day) = match parts.as_slice() {
            [year, month, day] => (Some(number(year, 4).ok_or_else(bad)?), *month, *day),
            [month, day] => (None, *month, *day),
            _ => return Err(bad()),
        };
        let month = number(month, 2).and_then(|month| i8::try_from(month).ok()).ok_or_else(bad)?;
        let day = number(day, 2).and_then(|day| i8::try_from(day).ok()).ok_or_else(bad)?;
        // Every fourth year has a February 29.
        Date::new(year.unwrap_or(2024), month, day).map_err(|_| bad())?;
        let (from, to) = match times {
            None => (0, DAY_MINUTES),
            Some(times) => {
                let (from, to) = times.split_once('-').ok_or_else(bad)?;
                (read_time(from)?, read_time(to)?)
            }
        };
        if to <= from {
            return Err(bad());
        }
        Ok(Holiday { year, month, day, from, to })
    }

    pub(super) fn is_on(&self, date: Date) -> bool {
        self.year.is_none_or(|year| year == date.year())
            && (self.month, self.day) == (date.month(), date.day())
    }

    pub(super) fn covers(&self, date: Date, minute: u16) -> bool {
        self.is_on(date) && (self.from..self.to).contains(&minute)
    }

    /// Minutes after midnight; that of the next day when it is a whole one.
    pub(super) fn ends(&self) -> u16 {
        self.to
    }

    /// Minutes after midnight.
    pub(super) fn begins(&self) -> u16 {
        self.from
    }
}

fn number(text: &str, digits: usize) -> Option<i16> {
    (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}
