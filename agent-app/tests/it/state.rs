//! Events in, screens out.

use std::time::Duration;

use agent_app::action::{Action, Effect};
use agent_app::command::Command;
use agent_app::event::Event;
use agent_app::state::{State, View};
use shared::model::agent::{NotReadyReason, Status};
use shared::model::call::SupervisionMode;
use shared::model::event::{Event as Fact, Stamped};
use shared_desktop::desk::{DeskEvent, LiveEvent};
use shared_desktop::phone::{Phase, PhoneEvent};
use shared_desktop::testing::{NOW, agent_id, call_id};

use crate::desk::{call, desk, floor, ringing, talking};

fn fact(state: &mut State, seq: u64, event: Fact) {
    let at = NOW + Duration::from_secs(seq - 100);
    let stamped = Box::new(Stamped { seq, at, event });
    state.apply(&Event::Desk(DeskEvent::Live(LiveEvent::Event(stamped))));
}

#[test]
fn the_phone_decides_the_screen_and_the_floor_fills_it() {
    let View::Incoming(incoming) = desk(ringing(), Some(call(Phase::Ringing))).view() else {
        panic!("rings");
    };
    assert!(incoming.here);
    assert_eq!(incoming.from.name, "Maria Rossi");
    assert_eq!(incoming.queue.as_deref(), Some("Sales"));
    assert_eq!(incoming.waiting_since, Some(NOW - Duration::from_secs(34)));
    assert_eq!(incoming.until, Some(NOW + Duration::from_secs(10)));

    let mut floor = talking();
    floor.supervised(7, "kim", SupervisionMode::Whisper);
    let View::Call(talk) = desk(floor, Some(call(Phase::Talking))).view() else { panic!("talks") };
    assert_eq!(talk.since, NOW - Duration::from_secs(65));
    assert_eq!(talk.supervision.len(), 1);
    assert!(talk.recorded && !talk.held);
}

#[test]
fn a_call_on_another_phone_is_shown_but_cannot_be_answered_here() {
    let state = desk(ringing(), None);
    let View::Incoming(incoming) = state.view() else { panic!("rings") };
    assert!(!incoming.here);
    assert_eq!(Action::Answer.blocked(&state).as_deref(), Some("it rings on your other phone"));
    assert_eq!(Action::Answer.effect(&state), None);

    let state = desk(talking(), None);
    assert_eq!(Action::Mute.effect(&state), None);
    let hang_up = Effect::Command(Command::HangUp(Some(call_id(7))));
    assert_eq!(Action::HangUp.effect(&state), Some(hang_up));
}

#[test]
fn hold_goes_by_the_phone_alone_while_the_service_is_away() {
    let mut state = desk(talking(), Some(call(Phase::Talking)));
    assert_eq!(Action::Hold.effect(&state), Some(Effect::Command(Command::Hold(Some(call_id(7))))));
    let lost = LiveEvent::Lost { reason: "no route".into(), retry_in_secs: 1.0 };
    state.apply(&Event::Desk(DeskEvent::Live(lost)));
    assert_eq!(Action::Hold.effect(&state), Some(Effect::Command(Command::Hold(None))));
    assert_eq!(Action::HangUp.effect(&state), Some(Effect::Command(Command::HangUp(None))));
    assert!(Action::Transfer.blocked(&state).expect("blocked").contains("cannot be reached"));
}

#[test]
fn wrap_up_offers_the_codes_of_the_calls_queue() {
    let mut floor = floor();
    floor.wrap_up(7, "sales", "anna");
    let View::WrapUp(wrap_up) = desk(floor, None).view() else { panic!("wraps up") };
    let codes: Vec<_> = wrap_up.codes.iter().map(|code| code.label.as_str()).collect();
    assert_eq!(codes, ["Sold", "Call back", "Not interested", "Wrong number"]);
}

#[test]
fn an_automatic_change_is_told_and_ends_with_ready() {
    let mut state = desk(floor(), None);
    assert_eq!(state.forced(), None);
    let missed = NotReadyReason::MissedOffer { call: call_id(7) };
    let change = |status| Fact::AgentStatusChanged {
        agent: agent_id("anna"),
        status,
        by: shared::model::agent::ChangedBy::Service,
        since: None,
    };
    fact(&mut state, 101, change(Status::NotReady { reason: missed.clone() }));
    assert_eq!(state.forced(), Some(&missed));
    fact(&mut state, 102, change(Status::Ready));
    assert_eq!(state.forced(), None);
    assert_eq!(state.desk.now, NOW + Duration::from_secs(2), "facts move the time on");
}

#[test]
fn the_own_queues_count_what_waits_and_since_when() {
    let queues = desk(ringing(), None).queues();
    let sales = queues.iter().find(|queue| queue.name == "Sales").expect("there");
    assert_eq!((sales.waiting, sales.longest_since), (3, Some(NOW - Duration::from_secs(41))));
    let support = queues.iter().find(|queue| queue.name == "Support").expect("there");
    assert_eq!((support.waiting, support.longest_since), (0, None));
}

#[test]
fn every_shortcut_is_unlike_all_others() {
    let actions = [
        Action::Answer,
        Action::Reject,
        Action::Hold,
        Action::Mute,
        Action::Keypad,
        Action::Transfer,
        Action::HangUp,
        Action::Ready,
        Action::Settings,
    ];
    let mut keys: Vec<_> =
        actions.iter().filter_map(Action::shortcut).map(|keys| format!("{keys:?}")).collect();
    keys.push(format!("{:?}", shared_desktop::palette::SHORTCUT));
    let all = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!((keys.len(), all), (10, 10));
}

#[test]
fn the_end_of_the_phones_call_takes_its_screen_away() {
    let mut state = desk(talking(), Some(call(Phase::Talking)));
    let silent = PhoneEvent::State(Box::default());
    fact(
        &mut state,
        101,
        Fact::AgentReleased { call: call_id(7), agent: agent_id("anna"), talk_millis: 1, hold_millis: 0 },
    );
    state.apply(&Event::Desk(DeskEvent::Phone(silent)));
    assert_eq!(state.view(), View::Ready);
}
