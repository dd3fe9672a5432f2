//! Attended transfers: two calls of one person become one.

use super::*;
use crate::call::dial::{Callee, Placing, Rules};
use crate::call::join::{Guest, Joining, Place, Weight};

const CALLER: LegId = LegId::from_u64(11);
const CALLEE: LegId = LegId::from_u64(12);
const MOVED: LegId = LegId::from_u64(13);
const OTHER: CallId = CallId::from_u64(8);

fn second() -> AgentId {
    "202".parse().expect("id")
}

/// 201 calls somebody, who answers at 20: a number outside, which is recorded, or a colleague.
fn consulting(target: Callee) -> Script {
    let (number, record) = match &target {
        Callee::Number(number) => (number.clone(), true),
        Callee::Colleague(agent) => (agent.to_string(), false),
    };
    let placing = Placing {
        call: OTHER,
        caller: CALLER,
        callee: CALLEE,
        by: user("201"),
        to: Party { number, name: String::new() },
        target,
        rules: Rules { record, ..Rules::default() },
    };
    let mut script = Script { machine: Machine::place(at(15), placing) };
    let answered = match record {
        true => Input::DialAnswered { leg: CALLEE, trunk: "carrier".parse().expect("id") },
        false => Input::LegAnswered { leg: CALLEE },
    };
    script.input(20, answered);
    script
}

fn talks(script: &Script, leg: LegId) -> (Weight, Guest) {
    match script.machine.place_of(leg) {
        Some(Place::Talks { weight, other }) => (weight, other),
        other => panic!("{other:?}"),
    }
}

/// Joins `goes`, which the holder leaves by `leaves`, to `stays`, where he has `leg`: what both say.
fn joined(stays: &mut Script, leg: LegId, goes: &mut Script, leaves: LegId, takes: bool) -> (String, String) {
    let (_, guest) = talks(goes, leaves);
    let other = goes.machine.call();
    let joining = Joining { leg, other, guest, guest_leg: MOVED, takes };
    stays.machine.join(at(30), joining);
    let first = stays.said();
    goes.machine.leave_for(at(30), leaves, stays.machine.call());
    (first, goes.said())
}

#[test]
fn the_call_of_a_customer_is_worth_most() {
    let customer = talks(&Script::talking(), AGENT).0;
    let outside = talks(&consulting(Callee::Number("+4930".into())), CALLER).0;
    let colleague = consulting(Callee::Colleague(second()));
    assert_eq!(customer, Weight::Customer);
    assert_eq!(outside, Weight::Outside);
    assert_eq!(talks(&colleague, CALLER).0, Weight::Colleague);
    assert_eq!(talks(&colleague, CALLEE).0, Weight::Called);
    assert_eq!(talks(&Script::talking(), CUSTOMER).0, Weight::None);
    assert!(customer > outside && outside > Weight::Colleague && Weight::Colleague > Weight::Called);
    assert_eq!(Script::talking().machine.place_of(MOVED), None, "a leg of another call");
}

#[test]
fn a_colleague_takes_the_held_customer() {
    let mut call = Script::talking();
    call.input(14, Input::LegHold { leg: AGENT, held: true });
    let mut consult = consulting(Callee::Colleague(second()));
    assert_eq!(talks(&consult, CALLER).1.agent, Some(second()));
    let (stays, goes) = joined(&mut call, AGENT, &mut consult, CALLER, true);
    assert_eq!(
        stays,
        "call_transferred, drop agent, released 18000 16000, acd released wrap_up=true, quiet, hear C A, \
         acd taken 202, call_joined"
    );
    assert_eq!(
        goes,
        "drop leg11, agent_left, acd own over 201, drop leg12, joined into 7, \
         acd own over 202, finished"
    );
    assert_eq!(call.machine.agent(), Some(&second()));
    assert_eq!(call.machine.other_side(MOVED), Some(CUSTOMER));
    // From here on it is like every call: hold, transfer, wrap-up.
    assert_eq!(
        call.input(33, Input::LegHold { leg: MOVED, held: true }),
        "hear C/ A, music, call_held, acd hold=true"
    );
    let said = call.input(40, Input::LegEnded { leg: CUSTOMER, how: LegEnd::HungUp });
    assert_eq!(
        said,
        "stop record, drop leg13, released 10000 7000, acd released wrap_up=true, drop customer, \
         ended CustomerHungUp, finished"
    );
}

#[test]
fn a_colleague_who_has_a_customer_already_gets_no_second_wrap_up() {
    let mut call = Script::talking();
    let mut consult = consulting(Callee::Colleague(second()));
    let (stays, _) = joined(&mut call, AGENT, &mut consult, CALLER, false);
    assert!(stays.ends_with("acd own 202, call_joined"), "{stays}");
    let said = call.input(40, Input::LegEnded { leg: CUSTOMER, how: LegEnd::HungUp });
    assert!(said.contains("agent_left, acd own over 202"), "{said}");
}

#[test]
fn a_number_outside_takes_the_customer() {
    let mut call = Script::with_supervisor(SupervisionMode::Monitor);
    call.said();
    let mut consult = consulting(Callee::Number("+4930".into()));
    let (stays, goes) = joined(&mut call, AGENT, &mut consult, CALLER, false);
    assert_eq!(
        stays,
        "call_transferred, drop agent, released 18000 0, acd released wrap_up=true, drop supervisor, \
         supervision_ended, stop record, quiet, hear C A, call_joined"
    );
    assert!(
        goes.starts_with("stop record, drop leg11, agent_left, acd own over 201, drop leg12, "),
        "{goes}"
    );
    assert!(goes.contains("joined into 7"), "{goes}");
    assert_eq!(call.machine.deadline(), Some(at(20 + 14_400)), "it lasts no longer for being joined");
    let lost = call.input(60, Input::LegEnded { leg: MOVED, how: LegEnd::Lost });
    assert_eq!(lost, "drop leg13, music, hear C, acd enqueue sales@0", "the customer is not lost with it");
}

#[test]
fn the_agent_of_another_queue_takes_the_customer() {
    // 201 called the queue "support", where 202 answered.
    let mut call = Script::talking();
    let arrival = Arrival { call: OTHER, customer: CALLER, ..call.machine.arrival.clone() };
    let mut consult = Script { machine: Machine::new(at(15), arrival) };
    consult.input(15, Input::Queued { queue: queue(), since: at(15) });
    assert_eq!(
        consult.machine.place_of(CALLER),
        Some(Place::Waits(TransferTarget::Queue { queue: "sales".parse().expect("id") }))
    );
    consult.input(16, Input::Ring { offer: OFFER, agent: second(), leg: CALLEE, waited_millis: 1_000 });
    consult.input(20, Input::LegAnswered { leg: CALLEE });
    consult.input(20, Input::Won { offer: OFFER, wait_millis: 5_000, answered_at: at(20) });
    let (stays, goes) = joined(&mut call, AGENT, &mut consult, CALLER, true);
    assert!(stays.ends_with("hear C A, acd taken 202, call_joined"), "{stays}");
    assert_eq!(
        goes,
        "stop record, drop leg12, released 10000 0, acd released wrap_up=false, drop leg11, \
         joined into 7, finished"
    );
}

#[test]
fn who_is_still_waiting_is_not_there_to_join() {
    let mut waiting = Script { machine: Machine::new(at(0), Script::arrive().machine.arrival.clone()) };
    waiting.input(0, Input::Queued { queue: queue(), since: at(0) });
    waiting.machine.leave_for(at(5), CUSTOMER, OTHER);
    let said = waiting.said();
    assert!(said.starts_with("acd withdraw, drop customer, joined into"), "{said}");
    let placing = Placing {
        call: OTHER,
        caller: CALLER,
        callee: CALLEE,
        by: user("201"),
        to: Party { number: "202".into(), name: String::new() },
        target: Callee::Colleague(second()),
        rules: Rules::default(),
    };
    let mut ringing = Script { machine: Machine::place(at(0), placing) };
    ringing.said();
    let agent = second();
    assert_eq!(ringing.machine.place_of(CALLER), Some(Place::Waits(TransferTarget::Agent { agent })));
    ringing.machine.leave_for(at(5), CALLER, CallId::from_u64(7));
    assert_eq!(
        ringing.said(),
        "drop leg11, drop leg12, joined into 7, acd own over 201, acd own over 202, \
         finished"
    );
}

#[test]
fn one_who_was_called_joins_who_called_him_with_another_colleague() {
    // 202 was called by 201, and had called 203.
    let mut first = consulting(Callee::Colleague(second()));
    let placing = Placing {
        call: CallId::from_u64(7),
        caller: CUSTOMER,
        callee: AGENT,
        by: user("203"),
        to: Party { number: "202".into(), name: String::new() },
        target: Callee::Colleague(second()),
        rules: Rules::default(),
    };
    let mut called = Script { machine: Machine::place(at(10), placing) };
    called.input(12, Input::LegAnswered { leg: AGENT });
    called.input(13, Input::LegHold { leg: CUSTOMER, held: true });
    let (stays, goes) = joined(&mut called, AGENT, &mut first, CALLEE, false);
    assert_eq!(
        stays,
        "hear C A, quiet, call_resumed, acd hold=false, drop agent, hear C A, acd own 201, call_joined, \
         acd own over 202"
    );
    assert_eq!(
        goes,
        "drop leg11, agent_left, acd own over 201, drop leg12, joined into 7, \
         acd own over 202, finished"
    );
}
