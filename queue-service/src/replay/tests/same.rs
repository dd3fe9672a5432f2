//! The same day again.

use std::time::Duration;

use shared::model::event::Event;

use super::super::source::Line;
use super::{Deaf, agent_id, at, check, floor, planned, world};
use crate::acd::{Acd, AcdConfig, Input, Told};
use crate::simulate::draw::Chance;
use crate::simulate::{PlannedCall, World};

const FLOOR: &str = r#"
    [[queues]]
    id = "sales"
    name = "Sales"
    routing = { choice = "random", ring = "all", place_kept_secs = 60, relax = [{ after_secs = 20, also = ["tech"] }] }
    [[queues]]
    id = "tech"
    name = "Tech"
    max_wait_secs = 90
    when_timed_out = { to = "queue", queue = "sales" }
    routing = { choice = "least_occupied", last_agent_secs = 15 }
    [[agents]]
    id = "201"
    name = "Ada"
    queues = ["sales"]
    [[agents]]
    id = "202"
    name = "Bea"
    queues = ["sales", "tech"]
    [[agents]]
    id = "203"
    name = "Cem"
    queues = ["tech"]
    [[agents]]
    id = "204"
    name = "Dan"
    queues = ["sales", "tech"]
"#;

/// A busy stretch: as many calls as four agents can take, with impatient callers.
fn calls(seed: u64, from_secs: u64, count: u64) -> Vec<PlannedCall> {
    let [mut arrivals, mut talks, mut patience] = Chance::streams(seed);
    let mut now = at(from_secs);
    (0..count)
        .map(|number| {
            now += arrivals.exponential(20.0);
            let mut call =
                planned(from_secs * 10_000 + number, 0, ["sales", "tech"][number as usize % 2], 0, None);
            (call.at, call.since) = (now, now);
            call.talk = talks.exponential(70.0);
            call.wrap_up = talks.exponential(20.0);
            call.patience = Some(patience.exponential(80.0));
            call.caller = Some(format!("+49301234{}", number % 7));
            call
        })
        .collect()
}

pub(super) fn simulated_day() -> (Vec<Line>, Acd) {
    let before = floor(FLOOR);
    let mut after = floor(&FLOOR.replace("random", "round_robin"));
    after.1.remove(0);
    let mut world = world(&before);
    world.answer_after(Duration::from_secs(4));
    world.shift(at(900), agent_id("203"), false);
    world.shift(at(1_800), agent_id("203"), true);
    world.run(calls(1, 1, 200).into_iter(), &mut Deaf);
    // Another configuration, then a new day, both in the middle of it.
    let (version, breaks) = (2, vec![]);
    let configure = Input::Configure { version, queues: after.0, agents: after.1, breaks };
    world.input_at(at(5_000), configure, &mut Deaf);
    world.run(calls(2, 5_001, 100).into_iter(), &mut Deaf);
    world.input_at(at(10_000), Input::DayStarted, &mut Deaf);
    world.run(calls(3, 10_001, 100).into_iter(), &mut Deaf);
    let mut lines = world.take_journal();
    // The service starts anew.
    let mut restarted = World::with_journal(AcdConfig::default(), before.0, before.1, vec![], at(20_000), 8);
    restarted.run(calls(4, 20_001, 100).into_iter(), &mut Deaf);
    lines.extend(restarted.take_journal());
    (lines, restarted.acd().clone())
}

#[test]
fn a_simulated_day_is_the_same_again_after_changes_and_a_restart() {
    let (lines, floor) = simulated_day();
    let same = check(&lines).expect("the same");
    assert!(same.decisions > 350, "{same}");
    assert_eq!((same.starts, same.states, same.unwritten), (2, 1, 0), "{same}");
    let mut again = Acd::new(AcdConfig::default(), 0);
    for line in lines {
        if let Line::Told(at, told) = line {
            again.tell(at, told);
            while again.poll().is_some() {}
        }
    }
    assert_eq!(again, floor, "and so is the floor at its end");
}

#[test]
fn a_day_can_be_replayed_from_the_state_at_midnight_alone() {
    let (lines, _) = simulated_day();
    let midnight = lines
        .iter()
        .position(|line| matches!(line, Line::Told(_, Told::State { .. })))
        .expect("a state is written with the new day");
    // As the journal has it: through JSON.
    let lines: Vec<Line> = lines[midnight..]
        .iter()
        .map(|line| match line {
            Line::Told(at, told) => {
                let text = serde_json::to_string(told).expect("written");
                Line::Told(*at, serde_json::from_str(&text).expect("read"))
            }
            fact => fact.clone(),
        })
        .collect();
    let same = check(&lines).expect("the same");
    assert!(same.decisions > 150, "{same}");
}

#[test]
fn another_decision_is_found_and_told() {
    let (mut lines, _) = simulated_day();
    let mut offers = 0;
    let place = lines.iter().position(|line| {
        offers +=
            usize::from(matches!(line, Line::Fact(fact) if matches!(fact.event, Event::OfferMade { .. })));
        offers == 100
    });
    let place = place.expect("a hundred offers");
    let Some(Line::Fact(fact)) = lines.get_mut(place) else { panic!("a fact") };
    let Event::OfferMade { decision, .. } = &mut fact.event else { panic!("an offer") };
    decision.ahead += 1;
    let (seq, found) = (fact.seq, *check(&lines).expect_err("one number differs"));
    assert_eq!((found.seq, found.decisions), (Some(seq), 99));
    assert!(found.to_string().contains("after 99 decisions that are the same"), "{found}");
    // One that is missing.
    let (mut lines, _) = simulated_day();
    lines.remove(place);
    assert_eq!(check(&lines).expect_err("the next fact is another one").decisions, 99);
    // One input that is missing is found too.
    let (mut lines, _) = simulated_day();
    let input = lines
        .iter()
        .position(|line| matches!(line, Line::Told(_, Told::Input { input: Input::Released { .. } })));
    lines.remove(input.expect("a release"));
    assert!(check(&lines).is_err());
}

#[test]
fn what_a_dead_service_did_not_write_is_counted_and_no_difference() {
    let (lines, _) = simulated_day();
    let told = lines.iter().rposition(|line| matches!(line, Line::Told(..))).expect("inputs");
    let cut = lines[..told]
        .iter()
        .rposition(|line| matches!(line, Line::Told(_, Told::Input { input: Input::Enqueue { .. } })));
    // It ended after an input and before its facts; then it began again.
    let mut lines = lines[..=cut.expect("a call")].to_vec();
    lines.push(Line::Told(
        at(30_000),
        Told::Started { program: "another".into(), config: AcdConfig::default(), seed: 1 },
    ));
    let same = check(&lines).expect("the same");
    assert!(same.unwritten > 0, "{same}");
    assert_eq!(same.other_version.as_deref(), Some("another"));
}
