//! Callbacks in the picture of the floor, from asking to the end, and what agents see of them.

use super::*;
use crate::id::UserId;
use crate::model::agent::State;
use crate::model::call::Phase;
use crate::model::callback::{AskedBy, CallbackChange, CallbackEnd, NotReached};
use crate::model::history;

/// The callback, and the calls of its two attempts.
const CALLBACK: u64 = 1;
const FIRST: u64 = 11;
const SECOND: u64 = 12;

fn change(change: CallbackChange) -> Event {
    Event::Callback { callback: call_id(CALLBACK), queue: queue_id("sales"), change }
}

fn customer() -> Party {
    Party { number: "+4930555".into(), name: "Carla".into() }
}

fn requested() -> Event {
    change(CallbackChange::Requested {
        to: customer(),
        asked: AskedBy::Caller { call: call_id(CALLBACK) },
        since: at(10),
        priority_secs: 30,
        expires_at: Some(at(4_000)),
    })
}

fn offered_call(call: u64) -> Event {
    change(CallbackChange::Offered { call: call_id(call), to: customer() })
}

fn dialled(call: u64, attempt: u8) -> Event {
    change(CallbackChange::Dialled { call: call_id(call), agent: agent_id("202"), attempt })
}

fn connected(call: u64) -> Event {
    Event::CallConnected {
        call: call_id(call),
        queue: queue_id("sales"),
        agent: agent_id("202"),
        wait_millis: 0,
        setup_millis: 0,
    }
}

#[test]
fn a_callback_is_open_until_it_is_over_and_its_calls_are_outbound() {
    let mut tape = Tape::open();
    tape.play(vec![(5, status("202", Status::Ready)), (20, requested())]);
    let open = tape.floor.callbacks[&call_id(CALLBACK)].clone();
    assert_eq!((open.asked_at, open.since, open.attempts, open.call), (at(20), at(10), 0, None));
    assert!(tape.floor.calls.is_empty(), "nobody waits on a line");

    tape.play(vec![
        (30, offered_call(FIRST)),
        (30, offered(1, FIRST, "sales", "202", at(50))),
        (32, connected(FIRST)),
        (33, dialled(FIRST, 1)),
    ]);
    let open = &tape.floor.callbacks[&call_id(CALLBACK)];
    assert_eq!((open.call, open.attempts), (Some(call_id(FIRST)), 1));
    let live = &tape.floor.calls[&call_id(FIRST)];
    assert_eq!((live.placed_for.clone(), live.from.clone()), (Some(queue_id("sales")), customer()));
    assert!(
        matches!(&live.phase, Phase::Dialling { number, .. } if number == "+4930555"),
        "{:?}",
        live.phase
    );
    assert_eq!(live.members, [agent_id("202")]);
    let waiting = tape.floor.waiting(&queue_id("sales"));
    assert!(waiting.is_empty(), "a call that somebody is called back by does not wait: {waiting:?}");
    assert_eq!(tape.floor.queues[&queue_id("sales")].counts.placed, 1);

    let outcome = NotReached::Busy;
    tape.play(vec![
        (40, change(CallbackChange::Attempted { call: call_id(FIRST), outcome, next_at: Some(at(940)) })),
        (940, offered_call(SECOND)),
    ]);
    let open = &tape.floor.callbacks[&call_id(CALLBACK)];
    assert_eq!((open.call, open.next_at, open.attempts), (Some(call_id(SECOND)), None, 1));
    let end = CallbackEnd::Done { call: call_id(SECOND), agent: agent_id("202") };
    tape.play(vec![(950, dialled(SECOND, 2)), (960, change(CallbackChange::Ended { end }))]);
    assert!(tape.floor.callbacks.is_empty());

    let row = history::summarize(tape.events.iter().filter(|it| it.event.call() == Some(call_id(SECOND))));
    let row = row.expect("a row");
    assert_eq!((row.dialled.as_str(), row.from), ("+4930555", customer()));
    assert_eq!((row.queues, row.agents), (vec![queue_id("sales")], vec![agent_id("202")]));
}

#[test]
fn every_end_closes_it_and_one_that_is_not_known_changes_nothing() {
    let by: UserId = "sue".parse().expect("a name");
    for end in [
        CallbackEnd::Exhausted,
        CallbackEnd::Expired,
        CallbackEnd::QueueGone,
        CallbackEnd::CalledIn { call: call_id(9) },
        CallbackEnd::Cancelled { by, reason: "wrong number".into() },
    ] {
        let mut tape = Tape::open();
        tape.push(at(20), requested());
        tape.push(at(30), change(CallbackChange::Ended { end: end.clone() }));
        assert!(tape.floor.callbacks.is_empty(), "{end:?}");
        let before = tape.floor.clone();
        tape.push(at(30), change(CallbackChange::Ended { end }));
        assert_eq!(Floor { seq: before.seq, ..tape.floor }, before);
    }
}

#[test]
fn a_reserved_agent_does_not_talk_before_the_customer_answers() {
    let mut tape = Tape::open();
    tape.play(vec![
        (5, status("202", Status::Ready)),
        (20, requested()),
        (30, offered_call(FIRST)),
        (30, offered(1, FIRST, "sales", "202", at(90))),
        (30, dialled(FIRST, 1)),
    ]);
    assert!(matches!(tape.floor.agents[&agent_id("202")].state, State::Offered { .. }));
    assert_eq!(tape.floor.calls[&call_id(FIRST)].members, [] as [AgentId; 0]);
}

#[test]
fn agents_see_the_name_when_it_rings_and_not_the_list() {
    let mut tape = Tape::open();
    tape.push(at(5), status("202", Status::Ready));
    for (event, sees_202, sees_201) in [
        (requested(), false, false),
        (offered_call(FIRST), true, true),
        (dialled(FIRST, 1), true, false),
        (
            change(CallbackChange::Attempted {
                call: call_id(FIRST),
                outcome: NotReached::NoAnswer,
                next_at: None,
            }),
            false,
            false,
        ),
        (change(CallbackChange::Ended { end: CallbackEnd::Exhausted }), false, false),
    ] {
        for (name, sees) in [("202", sees_202), ("201", sees_201)] {
            assert_eq!(event.visible_to_agent(&tape.floor, &agent_id(name)), sees, "{name}: {event:?}");
        }
        tape.push(at(30), event);
    }
}
