//! Events in, state out.

use std::time::Duration;

use shared::api::error::{ApiError, ErrorCode};
use shared::id::RecordingId;
use shared::model::agent::{Device, NotReadyReason, Status};
use shared::model::call::{Party, SupervisionMode};
use shared::model::event::{Event as Fact, Stamped};
use shared::model::recording::{Recording, RecordingState};
use shared_desktop::desk::{DeskEvent, LiveEvent};
use shared_desktop::phone::{
    CallAbout, CallState, Direction, Phase, PhoneCallId, PhoneCommand, PhoneEvent, PhoneState, Registration,
};
use shared_desktop::testing::{NOW, agent_id, call_id, queue_id};
use supervisor_app::action::{Action, Effect};
use supervisor_app::alert::{About, alerts};
use supervisor_app::auto_answer::{AutoAnswer, microphone};
use supervisor_app::command::Command;
use supervisor_app::event::{Event, RecordingPage, Routed};
use supervisor_app::state::{Loaded, State};

use crate::console::{console, floor};

fn fact(state: &mut State, event: Fact) {
    let seq = state.desk.floor.seq + 1;
    let stamped = Box::new(Stamped { seq, at: NOW, event });
    state.apply(&Event::Desk(DeskEvent::Live(LiveEvent::Event(stamped))));
}

fn recording(number: u64) -> Recording {
    Recording {
        id: RecordingId::from_u64(number),
        call: call_id(number),
        started_at: NOW,
        state: RecordingState::Sealed,
        duration_millis: 1_000,
        tracks: Vec::new(),
        dropped_frames: 0,
    }
}

#[test]
fn queues_show_who_waits_who_is_ready_and_how_they_are_served() {
    let state = console(floor());
    let sales = state.queues().into_iter().find(|queue| queue.name == "Sales").expect("there");
    assert_eq!((sales.waiting, sales.ready, sales.signed_in), (1, 2, 3));
    assert_eq!(sales.longest_since, Some(NOW - Duration::from_secs(61)));
    // One waits beyond the target already, so nobody of one was answered in time.
    assert_eq!(sales.figures.service_level_percent.value, Some(0.0));
}

#[test]
fn an_alert_stays_until_its_cause_is_gone() {
    let mut away = floor();
    away.not_ready("ben", NotReadyReason::MissedOffer { call: call_id(9) }, 5);
    away.floor.agents.get_mut(&agent_id("kim")).expect("there").device = Device::None;
    let mut state = console(away);
    let about: Vec<About> = alerts(&state).into_iter().map(|alert| alert.about).collect();
    let expected =
        [About::Queue(queue_id("sales")), About::Agent(agent_id("kim")), About::Agent(agent_id("ben"))];
    assert_eq!(about, expected);
    assert!(alerts(&state)[0].urgent, "twice the target is over");
    let by = shared::model::agent::ChangedBy::Agent;
    fact(
        &mut state,
        Fact::AgentStatusChanged { agent: agent_id("ben"), status: Status::Ready, by, since: None },
    );
    assert!(alerts(&state).iter().all(|alert| alert.about != About::Agent(agent_id("ben"))));
}

#[test]
fn supervision_needs_an_agent_in_the_call_and_a_phone() {
    let mut state = console(floor());
    let listen = Action::Supervise(SupervisionMode::Monitor);
    let supervise = Effect::Command(Command::Supervise { call: call_id(7), mode: SupervisionMode::Monitor });
    assert_eq!(listen.effect(&state, Some(call_id(7))), Some(supervise));
    assert_eq!(listen.blocked(&state, None).as_deref(), Some("choose a call first"));
    assert_eq!(listen.blocked(&state, Some(call_id(1))).as_deref(), Some("no agent is in the call yet"));

    let phone = PhoneState { registration: Registration::Off, ..PhoneState::default() };
    state.apply(&Event::Desk(DeskEvent::Phone(PhoneEvent::State(Box::new(phone)))));
    let why = listen.blocked(&state, Some(call_id(7)));
    assert_eq!(why.as_deref(), Some("your phone is not connected to the service"));
}

#[test]
fn one_is_in_one_call_at_a_time_and_can_leave_it() {
    let mut floor = floor();
    floor.talking(8, "Zoë", "+4930123", "support", "ben", 9);
    floor.supervised(7, "kim", SupervisionMode::Whisper);
    let state = console(floor);
    let barge = Action::Supervise(SupervisionMode::Barge);
    assert!(barge.effect(&state, Some(call_id(7))).is_some(), "the way is changed");
    assert!(barge.blocked(&state, Some(call_id(8))).expect("blocked").contains("Maria Rossi"));
    assert!(Action::Supervise(SupervisionMode::Whisper).is_on(&state, Some(call_id(7))));
    let leave = Effect::Command(Command::EndSupervision(call_id(7)));
    assert_eq!(Action::Leave.effect(&state, None), Some(leave));
}

#[test]
fn the_phone_answers_the_services_call_once_and_no_other() {
    let ringing = |id, supervision| PhoneState {
        call: Some(CallState {
            id: PhoneCallId(id),
            direction: Direction::Incoming,
            peer: Party::default(),
            about: CallAbout { call: Some(call_id(7)), supervision, ..CallAbout::default() },
            phase: Phase::Ringing,
            since: NOW,
            began_at: NOW,
            answered_at: None,
            muted: false,
            codec: None,
            quality: None,
        }),
        ..PhoneState::default()
    };
    let mut answer = AutoAnswer::default();
    let monitor = Some(SupervisionMode::Monitor);
    assert_eq!(answer.react(&PhoneState::default()), None);
    assert_eq!(answer.react(&ringing(1, None)), None, "somebody else calls");
    assert_eq!(answer.react(&ringing(2, monitor)), Some(PhoneCommand::Answer));
    assert_eq!(answer.react(&ringing(2, monitor)), None, "once");
    assert_eq!(answer.react(&ringing(3, monitor)), Some(PhoneCommand::Answer));
    assert_eq!(microphone(SupervisionMode::Monitor), PhoneCommand::Mute(true));
    assert_eq!(microphone(SupervisionMode::Barge), PhoneCommand::Mute(false));
}

#[test]
fn pages_of_recordings_follow_each_other_and_a_new_one_makes_them_stale() {
    let mut state = console(floor());
    let page =
        |number, more| Ok(RecordingPage { recordings: vec![recording(number)], calls: Vec::new(), more });
    let answer = |words: &str, before: Option<u64>, page| Event::Recordings {
        words: words.into(),
        before: before.map(RecordingId::from_u64),
        page,
    };
    state.apply(&answer("", None, page(9, true)));
    state.apply(&answer("", Some(9), page(8, false)));
    state.apply(&answer("invoice", Some(9), page(3, false)));
    let Loaded::Ready(found) = &state.recordings else { panic!("there") };
    let ids: Vec<u64> = found.recordings.iter().map(|recording| recording.id.as_u64()).collect();
    assert_eq!((ids, found.more), (vec![9, 8], false));

    let sealed = Fact::RecordingSealed {
        recording: RecordingId::from_u64(10),
        call: call_id(10),
        duration_millis: 1,
        tracks: Vec::new(),
        dropped_frames: 0,
        recovered: false,
    };
    fact(&mut state, sealed);
    assert!(state.recordings_stale);
    let error = ApiError::new(ErrorCode::Unavailable, "No recordings", "overloaded", "Wait.");
    state.apply(&answer("", None, Err(error)));
    assert!(matches!(state.recordings, Loaded::Ready(_)), "what was there stays");
    assert_eq!(state.desk.notices.iter().count(), 1);
}

#[test]
fn what_belongs_to_one_session_ends_with_it() {
    let mut state = console(floor());
    state.apply(&Event::Decisions(call_id(7), Ok(Routed::default())));
    state.apply(&Event::Desk(DeskEvent::SignedOut(None)));
    assert_eq!((state.decisions.clone(), state.recordings.clone()), (None, Loaded::Nothing));
}

#[test]
fn who_has_no_slot_for_calls_is_not_counted_as_ready() {
    let mut floor = floor();
    floor.floor.agents.get_mut(&agent_id("ben")).expect("there").info.capacity.voice = 0;
    let state = console(floor);
    let ready: Vec<u32> = state.queues().iter().map(|queue| queue.ready).collect();
    // Anna talks, Ben takes none, Kim is ready.
    assert_eq!(ready, [1, 1]);
}
