//! Opening hours and holidays.

use super::*;

fn open(lines: &[&str], zone: &str, at: &str) -> bool {
    let lines: Vec<String> = lines.iter().map(|line| (*line).into()).collect();
    Hours::parse(&lines, &[], zone).expect("valid hours").is_open(at.parse().expect("valid time"))
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
        let error = Hours::parse(&[line.into()], &[], zone).expect_err(line).to_string();
        assert!(error.starts_with(wanted), "{line}: {error}");
    }
}

#[test]
fn a_holiday_closes_whatever_the_hours_say() {
    let hours = Hours::parse(
        &["Mon-Sun 08:00-18:00".into()],
        &["12-25".into(), "2026-05-14".into(), "2026-12-24 14:00-24:00".into()],
        "Europe/Berlin",
    )
    .expect("valid hours");
    for (at, wanted) in [
        ("2026-12-24T12:59:59Z", true),
        ("2026-12-24T13:00:00Z", false),
        ("2026-12-25T10:00:00Z", false),
        ("2027-12-25T10:00:00Z", false),
        ("2026-12-26T10:00:00Z", true),
        ("2026-05-14T10:00:00Z", false),
        ("2027-05-14T10:00:00Z", true),
    ] {
        assert_eq!(hours.is_open(at.parse().expect("valid time")), wanted, "{at}");
    }
}

#[test]
fn holidays_close_a_queue_that_is_always_open() {
    let hours = Hours::parse(&[], &["2026-03-02 12:00-13:00".into()], "UTC").expect("valid hours");
    for (at, wanted) in
        [("2026-03-02T11:59:00Z", true), ("2026-03-02T12:30:00Z", false), ("2026-03-02T13:00:00Z", true)]
    {
        assert_eq!(hours.is_open(at.parse().expect("valid time")), wanted, "{at}");
    }
}

#[test]
fn the_moment_of_closing_is_known() {
    for (lines, holidays, at, wanted) in [
        (
            &["Mon-Fri 08:00-12:00,13:00-18:00"][..],
            &[][..],
            "2026-03-02T10:00:00Z",
            Some("2026-03-02T12:00:00Z"),
        ),
        (&["Mon-Fri 08:00-12:00,12:00-18:00"], &[], "2026-03-02T10:00:00Z", Some("2026-03-02T18:00:00Z")),
        (&["Mon-Sun 00:00-24:00"], &[], "2026-03-02T10:00:00Z", None),
        (
            &["Mon-Sun 00:00-24:00"],
            &["2026-03-05 10:00-11:00"],
            "2026-03-02T10:00:00Z",
            Some("2026-03-05T10:00:00Z"),
        ),
        (&["Sun 22:00-06:00"], &[], "2026-03-02T05:00:00Z", Some("2026-03-02T06:00:00Z")),
        (&["Mon 08:00-18:00"], &["03-02 11:30-12:00"], "2026-03-02T10:00:00Z", Some("2026-03-02T11:30:00Z")),
        (&["Mon 08:00-18:00"], &[], "2026-03-02T18:00:00Z", None),
        (&[], &[], "2026-03-02T18:00:00Z", None),
    ] {
        let texts = |lines: &[&str]| -> Vec<String> { lines.iter().map(|line| (*line).into()).collect() };
        let hours = Hours::parse(&texts(lines), &texts(holidays), "UTC").expect("valid hours");
        let wanted = wanted.map(|wanted| wanted.parse::<Timestamp>().expect("valid time"));
        assert_eq!(
            hours.closes_after(at.parse().expect("valid time")),
            wanted,
            "{lines:?} {holidays:?} {at}"
        );
    }
}

#[test]
fn a_holiday_that_cannot_be_read_says_what_is_allowed() {
    for (line, wanted) in [
        ("Christmas", "read holiday \"Christmas\""),
        ("2026-02-30", "read holiday"),
        ("2026-2-3", "read holiday"),
        ("12-25 14:00", "read holiday"),
        ("12-25 14:00-12:00", "read holiday"),
        ("12-25 14:00-25:00", "read time \"25:00\""),
    ] {
        let error = Hours::parse(&[], &[line.into()], "UTC").expect_err(line).to_string();
        assert!(error.starts_with(wanted), "{line}: {error}");
    }
    assert!(Hours::parse(&[], &["02-29".into()], "UTC").is_ok());
}
