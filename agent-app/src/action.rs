//! Everything that a person can do, in one list: buttons, keys and the command palette all come here, so that each
//! of them says the same about what cannot be done now.

use egui::{Key, KeyboardShortcut, Modifiers};
use shared::api::agents::WantedStatus;
use shared::id::CodeId;
use shared::model::agent::{NotReadyReason, State as Doing, Status};
use shared_desktop::desk::Link;
use shared_desktop::phone::Phase;
use shared_desktop::theme::icon;

use crate::command::Command;
use crate::state::{State, Talk, View};

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Take the call.
    Answer,
    /// Refuse it.
    Reject,
    /// On hold, or back.
    Hold,
    /// Microphone off, or on.
    Mute,
    /// Open the keypad.
    Keypad,
    /// Open the list to transfer to.
    Transfer,
    /// End the call.
    HangUp,
    /// Go to the field for a number.
    Dial,
    /// Want calls.
    Ready,
    /// Want no calls, for this reason.
    Break(CodeId),
    /// Open or close the settings.
    Settings,
    /// Sign out.
    SignOut,
}

/// What an action does: a command, or something in the window.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// For the backend.
    Command(Command),
    /// Open or close the keypad.
    ToggleKeypad,
    /// Open or close the list to transfer to.
    ToggleTransfer,
    /// Put the cursor into the field for a number.
    TypeNumber,
    /// Open or close the settings.
    ToggleSettings,
}

const CONTROL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);

impl Action {
    /// All that make sense in the palette now.
    pub fn all(state: &State) -> Vec<Action> {
        let mut all = match state.view() {
            View::SignIn => return Vec::new(),
            View::Incoming(_) => vec![Action::Answer, Action::Reject],
            View::Call(_) => {
                vec![Action::Hold, Action::Mute, Action::Keypad, Action::Transfer, Action::HangUp]
            }
            View::Ready => vec![Action::Dial],
            View::WrapUp(_) => Vec::new(),
        };
        all.push(Action::Ready);
        all.extend(state.desk.floor.breaks.iter().map(|code| Action::Break(code.id.clone())));
        all.extend([Action::Settings, Action::SignOut]);
        all
    }

    /// The words on the button.
    pub fn label(&self, state: &State) -> String {
        let talk = talk(state);
        match self {
            Action::Answer => "Answer".into(),
            Action::Reject => "Reject".into(),
            Action::Hold if talk.is_some_and(|talk| talk.held) => "Resume".into(),
            Action::Hold => "Hold".into(),
            Action::Mute if is_muted(state) => "Unmute".into(),
            Action::Mute => "Mute".into(),
            Action::Keypad => "Keypad".into(),
            Action::Transfer => "Transfer…".into(),
            Action::HangUp => "Hang up".into(),
            Action::Dial => "Call a number…".into(),
            Action::Ready => "Ready".into(),
            Action::Break(code) => state.desk.break_label(code),
            Action::Settings => "Settings".into(),
            Action::SignOut => "Sign out".into(),
        }
    }

    /// What it does, in a sentence.
    pub fn hint(&self) -> &'static str {
        match self {
            Action::Answer => "Take the call",
            Action::Reject => "Give the call to somebody else",
            Action::Hold => "The customer hears music, or comes back",
            Action::Mute => "Your microphone is off, or on again",
            Action::Keypad => "Send digits to the other side",
            Action::Transfer => "Send the call to a queue or to a colleague",
            Action::HangUp => "End the call",
            Action::Dial => "Call a customer or somebody outside",
            Action::Ready => "Calls come to you",
            Action::Break(_) => "No calls come to you",
            Action::Settings => "Sound devices and look",
            Action::SignOut => "End your work",
        }
    }

    /// Its picture.
    pub fn icon(&self, state: &State) -> &'static str {
        match self {
            Action::Answer => icon::PHONE_INCOMING,
            Action::Reject => icon::PHONE_X,
            Action::Hold if talk(state).is_some_and(|talk| talk.held) => icon::PLAY,
            Action::Hold => icon::PAUSE,
            Action::Mute if is_muted(state) => icon::MICROPHONE_SLASH,
            Action::Mute => icon::MICROPHONE,
            Action::Keypad => icon::NUMPAD,
            Action::Transfer => icon::PHONE_TRANSFER,
            Action::HangUp => icon::PHONE_DISCONNECT,
            Action::Dial => icon::PHONE_CALL,
            Action::Ready => icon::CHECK_CIRCLE,
            Action::Break(_) => icon::COFFEE,
            Action::Settings => icon::GEAR,
            Action::SignOut => icon::SIGN_OUT,
        }
    }

    /// Its keys. With Ctrl (⌘ on macOS), so that they also work while a note is being typed.
    pub fn shortcut(&self) -> Option<KeyboardShortcut> {
        let keys = match self {
            Action::Answer => (Modifiers::COMMAND, Key::Enter),
            Action::Reject => (CONTROL_SHIFT, Key::R),
            Action::Hold => (Modifiers::COMMAND, Key::H),
            Action::Mute => (Modifiers::COMMAND, Key::M),
            Action::Keypad => (Modifiers::COMMAND, Key::D),
            Action::Transfer => (Modifiers::COMMAND, Key::T),
            Action::HangUp => (CONTROL_SHIFT, Key::H),
            Action::Dial => (Modifiers::COMMAND, Key::N),
            Action::Ready => (Modifiers::COMMAND, Key::Num1),
            Action::Settings => (Modifiers::COMMAND, Key::Comma),
            Action::Break(_) | Action::SignOut => return None,
        };
        Some(KeyboardShortcut::new(keys.0, keys.1))
    }

    /// Why it cannot be done now, if so.
    pub fn blocked(&self, state: &State) -> Option<String> {
        let service = || state.desk.service_blocked();
        let view = state.view();
        match (self, &view) {
            (Action::Settings, _) => None,
            (_, View::SignIn) => Some("sign in first".into()),
            (Action::Answer | Action::Reject, View::Incoming(incoming)) if incoming.here => None,
            (Action::Answer | Action::Reject, View::Incoming(_)) => {
                Some("it rings on your other phone".into())
            }
            (Action::Answer | Action::Reject, _) => Some("no call rings".into()),
            (Action::Hold, View::Call(talk)) if talk.phone.is_some() || talk.call.is_some() => {
                talk.phone.is_none().then(service).flatten()
            }
            (Action::Mute, View::Call(talk)) if talk.phone.is_none() => {
                Some("the call is on your other phone; mute it there".into())
            }
            (Action::Keypad, View::Call(talk)) if talk.phone.is_none() => {
                Some("the call is on your other phone; use its keys".into())
            }
            (Action::Mute | Action::Keypad, View::Call(_)) => None,
            (Action::Transfer, View::Call(talk)) if talk.call.is_none() => {
                Some("only calls of a queue can be transferred".into())
            }
            (Action::Transfer, View::Call(_)) => service(),
            (Action::HangUp, View::Call(talk)) => talk.phone.is_none().then(service).flatten(),
            (Action::Hold | Action::Mute | Action::Keypad | Action::Transfer | Action::HangUp, _) => {
                Some("you are on no call".into())
            }
            (Action::Dial, View::Ready) => service().or_else(|| no_phone(state)),
            (Action::Dial, View::WrapUp(_)) => Some("end the wrap-up first".into()),
            (Action::Dial, _) => Some("end the call first".into()),
            (Action::Ready | Action::Break(_), _) if state.me().is_none() => Some(
                service().unwrap_or_else(|| "you are not set up as an agent; ask your administrator".into()),
            ),
            (Action::Ready | Action::Break(_), _) => service(),
            (Action::SignOut, View::Call(_) | View::Incoming(_)) => Some("end the call first".into()),
            (Action::SignOut, _) => None,
        }
    }

    /// Whether what it stands for is on.
    pub fn is_on(&self, state: &State) -> bool {
        let wanted = state.me().map(|me| me.next_status.as_ref().unwrap_or(&me.status));
        match self {
            Action::Hold => talk(state).is_some_and(|talk| talk.held),
            Action::Mute => is_muted(state),
            Action::Ready => wanted == Some(&Status::Ready),
            Action::Break(code) => {
                matches!(wanted, Some(Status::NotReady { reason: NotReadyReason::Break { code: is } }) if is == code)
            }
            _ => false,
        }
    }

    /// What it does now; none when it is blocked.
    pub fn effect(&self, state: &State) -> Option<Effect> {
        if self.blocked(state).is_some() {
            return None;
        }
        // Through the service, which then knows at once; by the phone alone while the service is away.
        let by_service = (state.desk.link == Link::Connected).then(|| state.call_id()).flatten();
        Some(Effect::Command(match self {
            Action::Answer => Command::Answer,
            Action::Reject => Command::Reject,
            Action::Hold if talk(state).is_some_and(|talk| talk.held) => Command::Resume(by_service),
            Action::Hold => Command::Hold(by_service),
            Action::Mute => Command::Mute(!is_muted(state)),
            Action::HangUp if state.desk.phone.call.is_some() => Command::HangUp(None),
            Action::HangUp => Command::HangUp(by_service),
            Action::Ready => Command::SetStatus(WantedStatus::Ready),
            Action::Break(code) => Command::SetStatus(WantedStatus::NotReady { reason: Some(code.clone()) }),
            Action::SignOut => Command::SignOut,
            Action::Keypad => return Some(Effect::ToggleKeypad),
            Action::Transfer => return Some(Effect::ToggleTransfer),
            Action::Dial => return Some(Effect::TypeNumber),
            Action::Settings => return Some(Effect::ToggleSettings),
        }))
    }
}

/// Whether the machine is busy with a call, so that a status becomes the next one.
pub fn is_busy(state: &State) -> bool {
    state.me().is_some_and(|me| me.state != Doing::Idle)
}

/// Without a phone that the service sees nobody can be called.
fn no_phone(state: &State) -> Option<String> {
    let seen = state.me().is_some_and(|me| me.device.is_reachable());
    (!seen).then(|| "wait until your phone is registered".into())
}

fn talk(state: &State) -> Option<Talk> {
    match state.view() {
        View::Call(talk) => Some(talk),
        View::SignIn | View::Ready | View::Incoming(_) | View::WrapUp(_) => None,
    }
}

fn is_muted(state: &State) -> bool {
    state.desk.phone.call.as_ref().is_some_and(|call| call.muted && call.phase != Phase::Ringing)
}
