//! The day under other rules.

use std::time::Duration;

use shared::id::CallId;
use shared::model::call::QueueExit;

use super::super::again::Again;
use super::super::change::Change;
use super::super::compare::Comparison;
use super::super::source::Line;
use super::same::simulated_day;
use super::{Deaf, day, floor, planned, world};
use crate::acd::Told;

const FLOOR: &str = r#"
    [[queues]]
    id = "sales"
    name = "Sales"
    target_secs = 20
    short_abandon_secs = 0
    wrap_up_secs = 0
    [[agents]]
    id = "201"
    name = "Ada"
    queues = ["sales"]
"#;

/// One agent and four callers: 1 talks from 0 s to 100 s, 2 waits from 10 s to 100 s and talks to 160 s, 3 comes at 20 s
/// and hangs up after 55 s, 4 waits from 110 s to 160 s.
fn hand_made_day() -> Vec<Line> {
    let mut world = world(&floor(FLOOR));
    let calls = [
        planned(1, 0, "sales", 100, None),
        planned(2, 10, "sales", 60, None),
        planned(3, 20, "sales", 0, Some(55)),
        planned(4, 110, "sales", 30, None),
    ];
    world.run(calls.into_iter(), &mut Deaf);
    world.take_journal()
}

fn with(lines: &[Line], change: &str) -> Comparison {
    let change = Change::parse(change).expect("a change");
    let day = day(lines);
    Comparison::new(&day, &Again::run(&day, &change, 1).expect("it fits the day"))
}

fn name(number: u64) -> CallId {
    CallId::from_u64(number)
}

#[test]
fn one_agent_more_on_a_hand_made_day() {
    let found = with(&hand_made_day(), "[[agents]]\nid = \"207\"\nqueues = [\"sales\"]");
    let (was, would_be) = (found.all.was, found.all.would_be);
    assert_eq!((was.offered, was.answered, was.abandoned, was.in_target), (4, 3, 1, 1));
    assert_eq!((would_be.offered, would_be.answered, would_be.abandoned, would_be.in_target), (4, 4, 0, 3));
    // (0 + 90 + 50) / 3 and (0 + 0 + 50 + 0) / 4.
    assert_eq!(was.asa_secs.map(|secs| (secs * 100.0).round()), Some(4667.0));
    assert_eq!(would_be.asa_secs, Some(12.5));
    let mut words: Vec<&str> = found.calls.iter().map(|call| call.words.as_str()).collect();
    words.sort_unstable();
    let mut wanted = [
        format!("{} would have been answered 1:30 earlier by 207", name(2)),
        format!("{} would have been answered after 0:50 by 207; it hung up after 0:55", name(3)),
        format!("{} would have been answered 0:50 earlier by 201", name(4)),
    ];
    wanted.sort_unstable();
    assert_eq!(words, wanted);
    let text = found.text();
    assert!(text.contains("25.0 % → 75.0 %"), "{text}");
    assert!(text.contains("3 of 4 waits would have gone otherwise"), "{text}");
}

#[test]
fn the_shift_of_an_added_agent_is_to_the_minute() {
    // He comes at 10:02: too late for 3, and when 2 has an agent already.
    let change = "[[agents]]\nid = \"207\"\nqueues = [\"sales\"]\nshift = \"10:02-18:00\"";
    let found = with(&hand_made_day(), change);
    let words: Vec<&str> = found.calls.iter().map(|call| call.words.as_str()).collect();
    assert_eq!(words, [format!("{} would have been answered 0:40 earlier by 207", name(4))]);
}

#[test]
fn other_hours_rules_and_people_on_a_hand_made_day() {
    // The queue closes at 10:01: 4 comes too late.
    let found = with(&hand_made_day(), "[[queues]]\nid = \"sales\"\nhours = [\"Mon-Sun 08:00-10:01\"]");
    let exits: Vec<_> = found.calls.iter().map(|call| (call.call, call.would_be)).collect();
    assert_eq!(exits, [(name(4), Some(QueueExit::Closed))]);
    // Nobody waits longer than a minute.
    let found = with(&hand_made_day(), "[[queues]]\nid = \"sales\"\nmax_wait_secs = 60");
    let exits: Vec<_> = found.calls.iter().map(|call| (call.call, call.would_be)).collect();
    // 4 finds the agent free.
    assert_eq!(exits, [(name(4), Some(QueueExit::Answered)), (name(2), Some(QueueExit::TimedOut))]);
    // Another threshold changes figures and no call.
    let found = with(&hand_made_day(), "[[queues]]\nid = \"sales\"\ntarget_secs = 60");
    assert_eq!((found.calls.len(), found.all.was.in_target, found.all.would_be.in_target), (0, 1, 2));
    // Nobody is there: nobody knows of three callers how long they would have waited.
    let found = with(&hand_made_day(), "[[agents]]\nid = \"201\"\nremove = true");
    assert_eq!((found.all.would_be.answered, found.all.would_be.offered), (0, 4));
}

#[test]
fn without_a_change_the_day_goes_as_it_went() {
    let (lines, _) = simulated_day();
    // Up to the restart, at which calls were lost.
    let starts = |line: &Line| matches!(line, Line::Told(_, Told::Started { .. }));
    let restart = lines.iter().rposition(starts).expect("a restart");
    let found = with(&lines[..restart], "");
    assert_eq!(found.calls.iter().map(|call| &call.words).collect::<Vec<_>>(), Vec::<&String>::new());
    let (was, would_be) = (found.all.was, found.all.would_be);
    assert_eq!(
        (was.answered, was.abandoned, was.in_target),
        (would_be.answered, would_be.abandoned, would_be.in_target)
    );
    // The journal has ringing and wrap-up in whole milliseconds.
    let asa = |numbers: super::super::compare::Numbers| numbers.asa_secs.expect("some were answered");
    assert!((asa(was) - asa(would_be)).abs() < 0.01, "{was:?} {would_be:?}");
    assert!(found.all.was.answered > 200 && found.all.was.abandoned > 20, "{:?}", found.all.was);
    // From the state at midnight, too.
    let midnight = lines.iter().position(|line| matches!(line, Line::Told(_, Told::State { .. })));
    let found = with(&lines[midnight.expect("a state")..restart], "");
    assert_eq!(found.calls.len(), 0);
    assert!(found.all.was.offered >= 100);
}

#[test]
fn an_offer_that_was_missed_is_missed_again() {
    let mut world = world(&floor(FLOOR));
    // Nobody answers within the 20 s that the phone rings.
    world.answer_after(Duration::from_secs(30));
    world.run([planned(1, 0, "sales", 10, Some(100))].into_iter(), &mut Deaf);
    let lines = world.take_journal();
    assert_eq!(with(&lines, "").calls, []);
    let found = with(&lines, "[[agents]]\nid = \"207\"\nqueues = [\"sales\"]");
    let words: Vec<&str> = found.calls.iter().map(|call| call.words.as_str()).collect();
    // 201 is idle as long and comes first by name; 207 answers after the five seconds of a day without answers.
    assert_eq!(
        words,
        [format!("{} would have been answered after 0:25 by 207; it hung up after 1:40", name(1))]
    );
}

#[test]
fn a_change_that_cannot_be_is_refused_with_what_is_allowed() {
    for (text, wanted) in [
        ("[trunks]", "there is no section trunks"),
        ("[[queues]]\nhours = []", "an entry of queues has no id"),
        ("[[queues]]\nid = \"sales\"\nhorus = []", "unknown field `horus`"),
        ("[[queues]]\nid = \"sales\"\nhours = [\"Montag\"]", "read opening hours"),
        ("[[queues]]\nid = \"sales\"\nremove = true\nhours = []", "remove = true stands alone"),
        ("[[agents]]\nid = \"201\"\nqueues = [\"nowhere\"]", "there is no queue nowhere"),
        ("[[agents]]\nid = \"201\"\nshift = \"8-10\"", "read time"),
        ("[[agents]]\nid = \"999\"\nremove = true", "remove agent 999: the day does not have it"),
        ("[acd]\nmin_ring_secs = \"x\"", "invalid type"),
        ("[acd", "read the change"),
    ] {
        let lines = hand_made_day();
        let day = day(&lines);
        let error = match Change::parse(text) {
            Err(error) => error,
            Ok(change) => Again::run(&day, &change, 1).map(|_| ()).expect_err(text),
        };
        assert!(error.to_string().contains(wanted), "{text}: {error}");
    }
}
