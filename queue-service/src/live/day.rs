//! When a day starts in the service's time zone.

use std::sync::Weak;
use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use shared::model::event::Event;
use shared::time::Timestamp;

use super::hub::{Hub, Inner};
use crate::clock;

/// The date such as 2026-03-01.
pub(super) fn date(now: Timestamp, zone: &TimeZone) -> String {
    moment(now).to_zoned(zone.clone()).date().to_string()
}

/// When the next day starts: local midnight, or the first moment after it when midnight is skipped.
pub(super) fn next_start(now: Timestamp, zone: &TimeZone) -> Timestamp {
    let here = moment(now).to_zoned(zone.clone());
    let next = here.date().tomorrow().ok().and_then(|date| {
        let start = date.to_datetime(Time::midnight()).to_zoned(zone.clone()).ok()?;
        Some(Timestamp::from_micros(start.timestamp().as_microsecond()))
    });
    // Only at the end of the calendar, in the year 9999.
    next.unwrap_or(now + Duration::from_secs(86_400))
}

fn moment(now: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_microsecond(now.as_micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

/// Publishes each day's start, as long as the hub lives.
pub(super) async fn keep(hub: Weak<Inner>, zone: TimeZone) {
    loop {
        let now = clock::now();
        // A minute at most, so that a machine that slept notices.
        let wait = (next_start(now, &zone) - now).min(Duration::from_secs(60));
        tokio::time::sleep(wait + Duration::from_millis(1)).await;
        let Some(inner) = hub.upgrade() else { return };
        let hub = Hub { inner };
        let today = date(clock::now(), &zone);
        if hub.with_floor(|floor| floor.day != today) {
            hub.publish(Event::DayStarted { date: today });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_starts_at_local_midnight() {
        for (zone, now, day, next) in [
            ("UTC", "2026-03-01T12:00:00Z", "2026-03-01", "2026-03-02T00:00:00Z"),
            ("Europe/Berlin", "2026-03-01T23:30:00Z", "2026-03-02", "2026-03-02T23:00:00Z"),
            // The night of the change to summer time has 23 hours.
            ("Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29", "2026-03-29T22:00:00Z"),
            // In Cairo midnight itself is skipped that night.
            ("Africa/Cairo", "2026-04-23T12:00:00Z", "2026-04-23", "2026-04-23T22:00:00Z"),
        ] {
            let tz = TimeZone::get(zone).expect("a known zone");
            let now: Timestamp = now.parse().expect("a time");
            assert_eq!(date(now, &tz), day, "{zone}");
            assert_eq!(next_start(now, &tz).to_string(), next.replace('Z', ".000000Z"), "{zone}");
        }
    }
}
