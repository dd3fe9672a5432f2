//! Calls that people place, and calls that are sent to a number outside.

use super::*;
use crate::call::dial::{Callee, Placing, Rules};

fn placed(target: Callee, rules: Rules) -> Script {
    let number = match &target {
        Callee::Number(number) => number.clone(),
        Callee::Colleague(agent) => agent.to_string(),
    };
    let placing = Placing {
        call: CallId::from_u64(7),
        caller: AGENT,
        callee: CUSTOMER,
        by: user("201"),
        to: Party { number, name: String::new() },
        target,
        rules,
    };
    Script { machine: Machine::place(at(0), placing) }
}

fn outside() -> Script {
    placed(Callee::Number("+4930".into()), Rules { record: true, ..Rules::default() })
}

fn trunk() -> shared::id::TrunkId {
    "carrier".parse().expect("id")
}

fn answered() -> Input {
    Input::DialAnswered { leg: CUSTOMER, trunk: trunk() }
}

#[test]
fn a_number_outside_rings_is_heard_and_answers() {
    let mut script = outside();
    assert_eq!(script.said(), "call_placed, acd own 201, dial +4930");
    let progress = |status, media| Input::DialProgress { leg: CUSTOMER, status, media };
    assert_eq!(script.input(1, progress(180, false)), "progress agent 180");
    assert_eq!(script.input(2, progress(183, true)), "hear C A, progress agent 183 media");
    assert_eq!(script.input(3, progress(180, true)), "progress agent 180 media");
    assert_eq!(script.input(5, answered()), "answer agent, hear C A, record, call_answered");
    assert_eq!(script.machine.deadline(), Some(at(5 + 14_400)));
    assert_eq!(
        script.input(25, Input::LegEnded { leg: CUSTOMER, how: LegEnd::HungUp }),
        "stop record, drop agent, agent_left, acd own over 201, drop customer, ended CustomerHungUp, finished"
    );
}

#[test]
fn who_is_not_reached_is_told_to_the_caller_with_its_cause() {
    let mut script = outside();
    script.said();
    assert_eq!(
        script.input(2, Input::DialFailed { leg: CUSTOMER, status: 486, cause: 17 }),
        "fail agent 486 17, drop agent, drop customer, ended NotAnswered { status: 486 }, acd own over 201, finished"
    );
    let mut late = outside();
    late.said();
    assert_eq!(late.machine.deadline(), Some(at(60)));
    assert_eq!(
        late.input(60, Input::Tick),
        "fail agent 480 19, drop agent, drop customer, ended NotAnswered { status: 480 }, acd own over 201, finished"
    );
    assert_eq!(late.input(61, answered()), "drop customer", "CANCEL and 200 crossed");
}

#[test]
fn a_caller_who_gives_up_takes_the_call_with_him() {
    let mut script = outside();
    script.said();
    assert_eq!(
        script.input(3, Input::LegFailed { leg: AGENT, status: 487 }),
        "drop agent, drop customer, ended Abandoned, acd own over 201, finished"
    );
}

#[test]
fn a_call_is_not_longer_than_it_may_be() {
    let mut script = placed(Callee::Number("1".into()), Rules { max_secs: 100, ..Rules::default() });
    script.said();
    assert_eq!(script.input(10, answered()), "answer agent, hear C A, call_answered");
    assert_eq!(
        script.input(110, Input::Tick),
        "drop agent, agent_left, acd own over 201, drop customer, ended TooLong, finished"
    );
}

#[test]
fn a_colleague_is_called_and_both_are_busy() {
    let mut script = placed(Callee::Colleague("202".parse().expect("id")), Rules::default());
    assert_eq!(script.said(), "call_placed, acd own 201, acd own 202, ring colleague 202");
    assert_eq!(
        script.input(4, Input::LegAnswered { leg: CUSTOMER }),
        "answer agent, hear C A, call_answered"
    );
    assert_eq!(script.machine.deadline(), None, "among ourselves a call may last");
    assert_eq!(
        script.input(9, Input::LegEnded { leg: AGENT, how: LegEnd::HungUp }),
        "drop agent, agent_left, acd own over 201, drop customer, ended AgentHungUp, acd own over 202, finished"
    );
    let mut busy = placed(Callee::Colleague("202".parse().expect("id")), Rules::default());
    busy.said();
    assert_eq!(
        busy.input(1, Input::LegFailed { leg: CUSTOMER, status: 486 }),
        "fail agent 486 17, drop agent, drop customer, ended NotAnswered { status: 486 }, acd own over 201, \
         acd own over 202, finished"
    );
}

#[test]
fn a_call_that_was_placed_is_held_supervised_and_transferred_like_any_other() {
    let mut script = outside();
    script.input(5, answered());
    assert_eq!(
        script.ask(6, Request::SetHold { held: true }).1,
        "hear C/ A, music, call_held, acd hold=true"
    );
    assert_eq!(
        script.ask(7, Request::SetHold { held: false }).1,
        "hear C A, quiet, call_resumed, acd hold=false"
    );
    let monitor =
        Request::Supervise { supervisor: user("sara"), mode: SupervisionMode::Monitor, leg: SUPERVISOR };
    assert_eq!(script.ask(8, monitor), (Ok(Granted::Later), "ring supervisor".into()));
    assert!(script.input(9, Input::LegAnswered { leg: SUPERVISOR }).contains("hear C A S:Monitor"));
    let to_agent = TransferTarget::Agent { agent: agent() };
    let refused = script.ask(10, Request::Transfer { target: to_agent, by: user("201") });
    assert_eq!(refused, (Err(Refusal::NoQueue), String::new()));
    let to_queue = TransferTarget::Queue { queue: "support".parse().expect("id") };
    let (granted, said) = script.ask(10, Request::Transfer { target: to_queue, by: user("201") });
    assert_eq!(granted, Ok(Granted::Now));
    assert!(said.contains("drop agent, agent_left, acd own over 201"), "{said}");
    assert!(said.ends_with("acd enqueue support@0"), "{said}");
}

#[test]
fn the_phone_of_a_caller_that_dies_ends_the_call() {
    let mut script = outside();
    script.input(5, answered());
    let said = script.input(9, Input::LegEnded { leg: AGENT, how: LegEnd::Lost });
    assert_eq!(
        said,
        "drop agent, agent_left, acd own over 201, stop record, drop customer, ended Lost, finished"
    );
}

fn sent_away() -> (Script, LegId) {
    let mut script = Script::talking();
    let target = TransferTarget::Number { number: "+4930".into() };
    script.machine.handle(at(40), Input::LegRefer { leg: AGENT, target: Ok(target) });
    let mut leg = None;
    let mut said = Vec::new();
    while let Some(output) = script.machine.poll() {
        if let Output::Dial { leg: out, .. } = &output {
            leg = Some(*out);
        }
        said.push(words(&output));
    }
    assert_eq!(
        said.join(", "),
        "refer 202, call_transferred, drop agent, released 28000 0, acd released wrap_up=true, stop record, music, \
         hear C, dial +4930 for sales"
    );
    (script, leg.expect("a leg"))
}

#[test]
fn a_customer_is_sent_to_a_number_outside() {
    let (mut script, leg) = sent_away();
    assert_eq!(
        script.input(45, Input::DialAnswered { leg, trunk: trunk() }),
        "quiet, hear C A, call_answered"
    );
    assert_eq!(script.machine.other_side(leg), Some(CUSTOMER));
    assert_eq!(script.ask(46, Request::SetHold { held: true }).0, Err(Refusal::NotTalking));
    let said = script.input(60, Input::LegEnded { leg, how: LegEnd::HungUp });
    assert!(said.ends_with("drop customer, ended OutsideHungUp, finished"), "{said}");
}

#[test]
fn a_customer_whose_transfer_fails_has_his_old_place_again() {
    for (secs, input) in [(45, None), (100, Some(Input::Tick))] {
        let (mut script, leg) = sent_away();
        let input = input.unwrap_or(Input::DialFailed { leg, status: 486, cause: 17 });
        let said = script.input(secs, input);
        assert!(said.ends_with("music, hear C, acd enqueue sales@0"), "{said}");
        assert!(said.starts_with("drop leg"), "{said}");
    }
    let (mut script, _) = sent_away();
    let said = script.input(50, Input::LegEnded { leg: CUSTOMER, how: LegEnd::HungUp });
    assert!(said.ends_with("drop customer, ended CustomerHungUp, finished"), "{said}");
}
