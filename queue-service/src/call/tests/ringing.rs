//! Several phones that ring for one call: one winner, and the others ring on or stop as they should.

use super::*;

const SECOND: LegId = LegId::from_u64(4);
const SECOND_OFFER: OfferId = OfferId::from_u64(10);

fn second() -> AgentId {
    "202".parse().expect("id")
}

/// Two phones ring since 10.
fn ringing() -> Script {
    let mut script = Script::arrive();
    script.input(0, Input::Queued { queue: queue(), since: at(0) });
    script.input(10, Input::Ring { offer: OFFER, agent: agent(), leg: AGENT, waited_millis: 10_000 });
    let said = script
        .input(10, Input::Ring { offer: SECOND_OFFER, agent: second(), leg: SECOND, waited_millis: 10_000 });
    assert!(said.starts_with("ring"), "{said}");
    script
}

#[test]
fn the_first_to_answer_has_the_call_and_the_other_phone_stops() {
    let mut script = ringing();
    assert_eq!(script.input(12, Input::LegAnswered { leg: SECOND }), "acd claim");
    let said = script.input(12, Input::Won { offer: SECOND_OFFER, wait_millis: 12_000, answered_at: at(12) });
    assert!(said.starts_with("drop agent elsewhere"), "{said}");
    assert!(said.ends_with("connected 12000 0"), "{said}");
    assert_eq!(script.input(12, Input::CancelRing { offer: OFFER }), "", "it has stopped already");
    assert_eq!(
        script.input(13, Input::LegAnswered { leg: AGENT }),
        "drop agent elsewhere",
        "an answer that crossed the end of ringing"
    );
}

#[test]
fn a_phone_that_answers_too_late_is_dropped_and_the_call_rings_on_elsewhere() {
    let mut script = ringing();
    assert_eq!(script.input(12, Input::LegAnswered { leg: AGENT }), "acd claim");
    assert_eq!(script.input(12, Input::LostRace { offer: OFFER }), "drop agent elsewhere");
    assert_eq!(script.input(13, Input::LegAnswered { leg: SECOND }), "acd claim");
}

#[test]
fn a_phone_that_fails_or_stops_leaves_the_other_ringing() {
    let mut script = ringing();
    assert_eq!(script.input(11, Input::LegFailed { leg: AGENT, status: 486 }), "drop agent, acd failed Busy");
    assert_eq!(script.input(12, Input::LegAnswered { leg: SECOND }), "acd claim");

    let mut script = ringing();
    assert_eq!(script.input(30, Input::CancelRing { offer: SECOND_OFFER }), "drop leg4 elsewhere");
    assert_eq!(script.input(31, Input::LegAnswered { leg: AGENT }), "acd claim");
}

#[test]
fn a_caller_who_hangs_up_stops_every_phone() {
    let mut script = ringing();
    let said = script.input(14, Input::LegEnded { leg: CUSTOMER, how: LegEnd::HungUp });
    assert!(said.contains("drop agent") && said.contains("drop leg4"), "{said}");
    assert!(said.contains("acd gone"), "{said}");
}
