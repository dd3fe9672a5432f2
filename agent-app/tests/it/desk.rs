//! A desk with a made-up floor.

use std::time::Duration;

use agent_app::event::Event;
use agent_app::state::State;
use shared::model::call::Party;
use shared::model::user::{Role, User};
use shared_desktop::desk::{DeskEvent, LiveEvent};
use shared_desktop::phone::{
    CallAbout, CallState, Direction, Phase, PhoneCallId, PhoneEvent, PhoneState, Registration,
};
use shared_desktop::settings::Settings;
use shared_desktop::testing::{Builder, NOW, call_id, queue_id};

/// Anna and three others, two calls waiting.
pub fn floor() -> Builder {
    let mut floor = Builder::new();
    floor.agent("anna", "Anna Berg").agent("ben", "Ben Okafor").agent("kim", "Kim Larsen");
    floor.waiting(1, "Maria Rossi", "+390612345678", "sales", 41).waiting(
        2,
        "",
        "+441632960961",
        "sales",
        12,
    );
    floor
}

/// Anna's desk with this floor and this call on her phone.
pub fn desk(floor: Builder, call: Option<CallState>) -> State {
    let mut state = State::new(NOW, Settings { service: "http://a:1".into(), ..Settings::default() });
    let user = User { id: "anna".parse().expect("a name"), name: "Anna Berg".into(), role: Role::Agent };
    let phone =
        PhoneState { registration: Registration::Registered { since: NOW }, call, ..PhoneState::default() };
    for event in [
        DeskEvent::SignedIn(user),
        DeskEvent::Live(LiveEvent::Snapshot(Box::new(floor.floor), Default::default())),
        DeskEvent::Phone(PhoneEvent::State(Box::new(phone))),
    ] {
        state.apply(&Event::Desk(event));
    }
    state
}

/// The call 7 of the queue "sales" on the phone.
pub fn call(phase: Phase) -> CallState {
    CallState {
        id: PhoneCallId(1),
        direction: Direction::Incoming,
        peer: Party { number: "+390612345678".into(), name: "Maria Rossi".into() },
        about: CallAbout {
            call: Some(call_id(7)),
            queue: Some(queue_id("sales")),
            queue_name: Some("Sales".into()),
            wait_secs: Some(24),
            ..CallAbout::default()
        },
        phase,
        since: NOW - Duration::from_secs(10),
        began_at: NOW - Duration::from_secs(10),
        answered_at: (phase != Phase::Ringing).then(|| NOW - Duration::from_secs(65)),
        muted: false,
        codec: None,
        quality: None,
    }
}

/// A floor on which call 7 talks with Anna.
pub fn talking() -> Builder {
    let mut floor = floor();
    floor.talking(7, "Maria Rossi", "+390612345678", "sales", "anna", 65);
    floor
}

/// A floor on which call 7 rings at Anna's.
pub fn ringing() -> Builder {
    let mut floor = floor();
    floor.offered(7, "Maria Rossi", "+390612345678", "sales", "anna");
    floor
}
