//! A console with a made-up floor.

use shared::model::user::{Role, User};
use shared_desktop::desk::{DeskEvent, LiveEvent};
use shared_desktop::phone::{PhoneEvent, PhoneState, Registration};
use shared_desktop::settings::Settings;
use shared_desktop::testing::{Builder, NOW};
use supervisor_app::event::Event;
use supervisor_app::state::State;

/// Anna talks with Maria in call 7, Ben is ready, two calls wait, Kim supervises.
pub fn floor() -> Builder {
    let mut floor = Builder::new();
    floor.agent("anna", "Anna Berg").agent("ben", "Ben Okafor").agent("kim", "Kim Larsen");
    floor.talking(7, "Maria Rossi", "+390612345678", "sales", "anna", 65);
    floor.waiting(1, "Jean Grenouille", "+33140205050", "sales", 61).waiting(
        2,
        "",
        "+441632960961",
        "support",
        4,
    );
    floor
}

/// Kim's console with this floor.
pub fn console(floor: Builder) -> State {
    let mut state = State::new(NOW, Settings { service: "http://a:1".into(), ..Settings::default() });
    let user = User { id: "kim".parse().expect("a name"), name: "Kim Larsen".into(), role: Role::Supervisor };
    let registration = Registration::Registered { since: NOW };
    let phone = PhoneState { registration, ..PhoneState::default() };
    for event in [
        DeskEvent::SignedIn(user),
        DeskEvent::Live(LiveEvent::Snapshot(Box::new(floor.floor), Default::default())),
        DeskEvent::Phone(PhoneEvent::State(Box::new(phone))),
    ] {
        state.apply(&Event::Desk(event));
    }
    state
}
