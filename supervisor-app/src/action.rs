//! Everything that has a key or a place in the command palette, in one list, so that buttons and keys say the same
//! about what cannot be done now.

use egui::{Key, KeyboardShortcut, Modifiers};
use shared::id::CallId;
use shared::model::call::{LiveCall, Phase, SupervisionMode};
use shared_desktop::theme::icon;

use crate::command::Command;
use crate::state::State;

/// A page of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Page {
    /// The floor, live.
    #[default]
    Floor,
    /// Recordings and transcripts.
    Recordings,
    /// The day's figures.
    Day,
    /// Sound devices and look.
    Settings,
}

/// One thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Take part in the chosen call.
    Supervise(SupervisionMode),
    /// Leave the call that one is in.
    Leave,
    /// The own microphone off, or on.
    Mute,
    /// Another page.
    Open(Page),
    /// Sign out.
    SignOut,
}

/// What an action does.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// For the backend.
    Command(Command),
    /// Show another page.
    Open(Page),
}

const CONTROL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);

impl Action {
    /// All of them.
    pub const ALL: [Action; 11] = [
        Action::Supervise(SupervisionMode::Monitor),
        Action::Supervise(SupervisionMode::Whisper),
        Action::Supervise(SupervisionMode::Barge),
        Action::Supervise(SupervisionMode::TakeOver),
        Action::Leave,
        Action::Mute,
        Action::Open(Page::Floor),
        Action::Open(Page::Recordings),
        Action::Open(Page::Day),
        Action::Open(Page::Settings),
        Action::SignOut,
    ];

    /// The words on the button.
    pub fn label(self, state: &State) -> &'static str {
        match self {
            Action::Supervise(mode) => mode.label(),
            Action::Leave => "Leave",
            Action::Mute if is_muted(state) => "Unmute",
            Action::Mute => "Mute",
            Action::Open(Page::Floor) => "Floor",
            Action::Open(Page::Recordings) => "Recordings",
            Action::Open(Page::Day) => "Day",
            Action::Open(Page::Settings) => "Settings",
            Action::SignOut => "Sign out",
        }
    }

    /// What it does, in a sentence.
    pub fn hint(self) -> &'static str {
        match self {
            Action::Supervise(SupervisionMode::Monitor) => "Hear both; nobody hears you",
            Action::Supervise(SupervisionMode::Whisper) => "Hear both; only the agent hears you",
            Action::Supervise(SupervisionMode::Barge) => "Everybody hears everybody",
            Action::Supervise(SupervisionMode::TakeOver) => "Talk to the customer instead of the agent",
            Action::Leave => "Leave the call; it goes on without you",
            Action::Mute => "Your microphone is off, or on again",
            Action::Open(_) => "Show this page",
            Action::SignOut => "End your work",
        }
    }

    /// Its picture.
    pub fn icon(self, state: &State) -> &'static str {
        match self {
            Action::Supervise(mode) => mode_icon(mode),
            Action::Leave => icon::SIGN_OUT,
            Action::Mute if is_muted(state) => icon::MICROPHONE_SLASH,
            Action::Mute => icon::MICROPHONE,
            Action::Open(Page::Floor) => icon::SQUARES_FOUR,
            Action::Open(Page::Recordings) => icon::WAVEFORM,
            Action::Open(Page::Day) => icon::CHART_BAR,
            Action::Open(Page::Settings) => icon::GEAR,
            Action::SignOut => icon::POWER,
        }
    }

    /// Its keys.
    pub fn shortcut(self) -> Option<KeyboardShortcut> {
        let keys = match self {
            Action::Supervise(SupervisionMode::Monitor) => (Modifiers::COMMAND, Key::L),
            Action::Supervise(SupervisionMode::Whisper) => (CONTROL_SHIFT, Key::W),
            Action::Supervise(SupervisionMode::Barge) => (CONTROL_SHIFT, Key::B),
            Action::Supervise(SupervisionMode::TakeOver) => (CONTROL_SHIFT, Key::T),
            Action::Leave => (CONTROL_SHIFT, Key::L),
            Action::Mute => (Modifiers::COMMAND, Key::M),
            Action::Open(Page::Floor) => (Modifiers::COMMAND, Key::Num1),
            Action::Open(Page::Recordings) => (Modifiers::COMMAND, Key::Num2),
            Action::Open(Page::Day) => (Modifiers::COMMAND, Key::Num3),
            Action::Open(Page::Settings) => (Modifiers::COMMAND, Key::Comma),
            Action::SignOut => return None,
        };
        Some(KeyboardShortcut::new(keys.0, keys.1))
    }

    /// Why it cannot be done now with this call chosen, if so.
    pub fn blocked(self, state: &State, chosen: Option<CallId>) -> Option<String> {
        match self {
            Action::Supervise(mode) => supervise_blocked(state, chosen, mode),
            Action::Leave => match state.supervised() {
                None => Some("you are in no call".into()),
                Some(_) => state.desk.service_blocked(),
            },
            Action::Mute if state.desk.phone.call.is_none() => Some("you are in no call".into()),
            Action::Mute | Action::Open(_) | Action::SignOut => None,
        }
    }

    /// Whether what it stands for is on.
    pub fn is_on(self, state: &State, chosen: Option<CallId>) -> bool {
        match self {
            Action::Supervise(mode) => {
                let call = chosen.and_then(|call| state.desk.floor.calls.get(&call));
                call.and_then(|call| state.own_supervision(call)).is_some_and(|own| own.mode == mode)
            }
            Action::Mute => is_muted(state),
            Action::Leave | Action::Open(_) | Action::SignOut => false,
        }
    }

    /// What it does now; none when it is blocked.
    pub fn effect(self, state: &State, chosen: Option<CallId>) -> Option<Effect> {
        if self.blocked(state, chosen).is_some() {
            return None;
        }
        Some(Effect::Command(match self {
            Action::Supervise(mode) => Command::Supervise { call: chosen?, mode },
            Action::Leave => Command::EndSupervision(state.supervised()?.0.id),
            Action::Mute => Command::Mute(!is_muted(state)),
            Action::SignOut => Command::SignOut,
            Action::Open(page) => return Some(Effect::Open(page)),
        }))
    }
}

/// The picture of a mode.
pub fn mode_icon(mode: SupervisionMode) -> &'static str {
    match mode {
        SupervisionMode::Monitor => icon::EAR,
        SupervisionMode::Whisper => icon::CHAT_CIRCLE_DOTS,
        SupervisionMode::Barge => icon::MEGAPHONE,
        SupervisionMode::TakeOver => icon::HAND_GRABBING,
    }
}

fn supervise_blocked(state: &State, chosen: Option<CallId>, mode: SupervisionMode) -> Option<String> {
    let Some(call) = chosen.and_then(|call| state.desk.floor.calls.get(&call)) else {
        return Some("choose a call first".into());
    };
    if let Some(why) = state.desk.service_blocked() {
        return Some(why);
    }
    if let Some(error) = &state.desk.no_phone {
        return Some(format!("your phone is not available: {}", error.detail));
    }
    if !matches!(state.desk.phone.registration, shared_desktop::phone::Registration::Registered { .. }) {
        return Some("your phone is not connected to the service".into());
    }
    let own = state.own_supervision(call).map(|own| own.mode);
    if own == Some(mode) {
        return Some("you are in this call in this way already".into());
    }
    if let Some((other, _)) = state.supervised()
        && other.id != call.id
    {
        return Some(format!("you are in the call of {}; leave it first", other.from.label()));
    }
    let mine = |supervisor: &shared::id::UserId| state.me() == Some(supervisor);
    match &call.phase {
        Phase::Talking { .. } => None,
        Phase::Outside { .. } if !call.members.is_empty() => None,
        Phase::TakenOver { supervisor, .. } if mine(supervisor) => None,
        Phase::TakenOver { .. } => Some("another supervisor has taken it over".into()),
        Phase::Outside { .. } => Some("no agent is in the call any more".into()),
        Phase::Arrived | Phase::Waiting { .. } | Phase::Offered { .. } | Phase::Dialling { .. } => {
            Some("no agent is in the call yet".into())
        }
    }
}

fn is_muted(state: &State) -> bool {
    state.desk.phone.call.as_ref().is_some_and(|call| call.muted)
}

/// The agent, or the supervisor who has taken the call over, as people read it.
pub fn party_of(state: &State, call: &LiveCall) -> String {
    match &call.phase {
        Phase::Offered { agent, .. } | Phase::Talking { agent, .. } => {
            state.desk.agent_name(agent).to_owned()
        }
        Phase::TakenOver { supervisor, .. } => state.desk.agent_name(&supervisor.to_agent()).to_owned(),
        Phase::Dialling { number, .. } | Phase::Outside { number, .. } => match call.members.first() {
            Some(agent) => state.desk.agent_name(agent).to_owned(),
            None => number.clone(),
        },
        Phase::Arrived | Phase::Waiting { .. } => String::new(),
    }
}
