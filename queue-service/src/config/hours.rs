//! Whether opening hours can be read; what they mean for a call is decided by the router.

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Checks a text such as `Mon-Fri 08:00-18:00`; the error says what cannot be read.
pub(super) fn check(text: &str) -> Result<(), String> {
    let mut words = text.split_whitespace();
    let (Some(days), Some(times), None) = (words.next(), words.next(), words.next()) else {
        return Err(format!("{text:?} is no day and time"));
    };
    for days in days.split(',') {
        let (first, last) = days.split_once('-').unwrap_or((days, days));
        for day in [first, last] {
            if !DAYS.contains(&day.to_ascii_lowercase().as_str()) {
                return Err(format!("{day:?} is no day of the week"));
            }
        }
    }
    let wrong = || format!("{times:?} is no time from and to");
    let (from, to) = times.split_once('-').ok_or_else(wrong)?;
    let (from, to) = (minutes(from).ok_or_else(wrong)?, minutes(to).ok_or_else(wrong)?);
    if from == to || from == 24 * 60 {
        return Err(format!("{times:?} is no time at all"));
    }
    Ok(())
}

fn minutes(text: &str) -> Option<u32> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
    (minutes < 60 && hours * 60 + minutes <= 24 * 60).then_some(hours * 60 + minutes)
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn reads_days_and_times() {
        for good in ["Mon-Fri 08:00-18:00", "sat,sun 10:00-14:00", "Mon-Sun 00:00-24:00", "Fri 22:00-02:00"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in
            ["", "Mon", "Mon-Fri", "Mon 8-18", "Moon 08:00-18:00", "Mon 08:00-25:00", "Mon 08:60-09:00"]
        {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
