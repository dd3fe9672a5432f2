//! Times and numbers as people read them.

use std::time::Duration;

use shared::time::Timestamp;

/// A running time: `0:07`, `12:34`, `1:02:03`.
pub fn clock(duration: Duration) -> String {
    let secs = duration.as_secs();
    let (hours, minutes, secs) = (secs / 3600, secs / 60 % 60, secs % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{secs:02}") } else { format!("{minutes}:{secs:02}") }
}

/// Time since `since` as [`clock`].
pub fn since(now: Timestamp, since: Timestamp) -> String {
    clock(now - since)
}

/// Time left until `until`, rounded up, so that 0 means over.
pub fn left(now: Timestamp, until: Timestamp) -> Duration {
    Duration::from_secs((until - now).as_millis().div_ceil(1_000) as u64)
}

/// A length in words: `45 s`, `3 min 20 s`, `1 h 5 min`.
pub fn words(duration: Duration) -> String {
    let secs = duration.as_secs();
    match secs {
        0..=59 => format!("{secs} s"),
        60..=3599 if secs.is_multiple_of(60) => format!("{} min", secs / 60),
        60..=3599 => format!("{} min {} s", secs / 60, secs % 60),
        _ => format!("{} h {} min", secs / 3600, secs / 60 % 60),
    }
}

/// A figure with its unit, or a dash when nothing was counted yet.
pub fn figure(value: Option<f64>, unit: &str) -> String {
    match value {
        Some(value) if unit == "%" => format!("{value:.0} %"),
        Some(value) => format!("{value:.0} {unit}"),
        None => "–".into(),
    }
}

/// Seconds as [`clock`], or a dash when nothing was counted yet.
pub fn clock_secs(value: Option<f64>) -> String {
    value.map_or_else(|| "–".into(), |secs| clock(Duration::from_secs_f64(secs.max(0.0))))
}

/// Seconds as [`words`], or a dash when nothing was counted yet.
pub fn secs(value: Option<f64>) -> String {
    value.map_or_else(|| "–".into(), |secs| words(Duration::from_secs_f64(secs.max(0.0))))
}

/// Time of day in the zone `utc_offset_secs` east of Greenwich: `09:30:05`.
pub fn time_of_day(at: Timestamp, utc_offset_secs: i32) -> String {
    let secs = (at.as_millis().div_euclid(1_000) + i64::from(utc_offset_secs)).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", secs / 3600, secs / 60 % 60, secs % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_people_say_them() {
        let secs = Duration::from_secs;
        assert_eq!(clock(secs(7)), "0:07");
        assert_eq!(clock(secs(754)), "12:34");
        assert_eq!(clock(secs(3_723)), "1:02:03");
        assert_eq!(words(secs(45)), "45 s");
        assert_eq!(words(secs(200)), "3 min 20 s");
        assert_eq!(words(secs(180)), "3 min");
        assert_eq!(words(secs(3_900)), "1 h 5 min");
        assert_eq!(figure(None, "%"), "–");
        assert_eq!(figure(Some(79.6), "%"), "80 %");
        let now = Timestamp::from_secs(100);
        assert_eq!(left(now, now + Duration::from_millis(1_200)), secs(2));
        assert_eq!(left(now, Timestamp::from_secs(90)), secs(0));
        assert_eq!(time_of_day(Timestamp::from_secs(-1), 3_600), "00:59:59");
    }
}
