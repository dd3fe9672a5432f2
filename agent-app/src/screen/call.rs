//! The call: who, how long, the controls that never move, who else listens, how well one is heard.

use egui::{Label, Ui};
use shared::model::call::SupervisionMode;
use shared_desktop::agent_words;
use shared_desktop::format;
use shared_desktop::phone::{Phase, Quality};
use shared_desktop::theme::{self, Tone, icon, size, space};
use shared_desktop::widget::{Badge, Kind, avatar, big_timer, card, keypad, level_meter, line, spread};

use super::{action_button, ready};
use crate::action::{self, Action};
use crate::command::Command;
use crate::state::{State, Talk};

/// Draws the screen.
pub(super) fn call_ui(
    ui: &mut Ui,
    state: &State,
    talk: &Talk,
    keypad_open: &mut bool,
    digits: &mut String,
    actions: &mut Vec<Action>,
    commands: &mut Vec<Command>,
) {
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = space::M;
        party_ui(ui, state, talk);
        controls_ui(ui, state, *keypad_open, actions);
        quality_ui(ui, state, talk);
    });
    ui.add_space(space::L);
    if *keypad_open {
        card(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.label(theme::heading("Keypad"));
            ui.label(theme::numbers(if digits.is_empty() { "–" } else { digits.as_str() }, size::SECTION));
            if let Some(key) = keypad(ui) {
                digits.push(key);
                commands.push(Command::Key(key));
            }
        });
        ui.add_space(space::L);
    }
    after_ui(ui, state, actions);
}

fn party_ui(ui: &mut Ui, state: &State, talk: &Talk) {
    let party = |ui: &mut Ui| {
        avatar(ui, talk.with.label(), Tone::Talking, 56.0);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = space::XS;
            ui.add_space(space::XS);
            let name = theme::text_in(talk.with.label(), theme::Weight::SemiBold, size::PAGE).strong();
            line(ui, name);
            let mut about = Vec::new();
            if talk.with.label() != talk.with.number && !talk.with.number.is_empty() {
                about.push(talk.with.number.clone());
            }
            about.extend(talk.queue.clone());
            if !about.is_empty() {
                line(ui, theme::body(about.join("  ·  ")).weak());
            }
        });
    };
    spread(ui, 56.0, party, |ui| {
        big_timer(ui, &format::since(state.desk.now, talk.since), size::TIMER, None);
    });
    ui.horizontal_wrapped(|ui| badges_ui(ui, state, talk));
}

fn badges_ui(ui: &mut Ui, state: &State, talk: &Talk) {
    let badge = match talk.phone.as_ref().map(|phone| phone.phase) {
        _ if talk.held => Badge::new("Customer on hold", icon::PAUSE, Tone::WrapUp),
        _ if talk.dialling => Badge::new("Calling", icon::PHONE_CALL, Tone::Talking),
        Some(Phase::Calling) => Badge::new("Calling", icon::PHONE_CALL, Tone::Talking),
        Some(Phase::RingingThere) => Badge::new("Ringing there", icon::PHONE_CALL, Tone::Talking),
        Some(Phase::HeldByPeer) => {
            Badge::new("The other side has put you on hold", icon::PAUSE, Tone::WrapUp)
        }
        Some(Phase::Transferring) => Badge::new("Transferring", icon::PHONE_TRANSFER, Tone::WrapUp),
        Some(Phase::Talking | Phase::Held | Phase::Ringing) => {
            Badge::new("Talking", icon::PHONE_CALL, Tone::Talking)
        }
        None => Badge::new("On your other phone", icon::PHONE, Tone::Talking),
    };
    ui.add(&badge);
    if talk.phone.as_ref().is_some_and(|phone| phone.muted) {
        ui.add(&Badge::new("Your microphone is off", icon::MICROPHONE_SLASH, Tone::Away));
    }
    if talk.recorded {
        ui.add(&Badge::new("Recorded", icon::RECORD, Tone::Break));
    }
    for supervision in &talk.supervision {
        // Supervisors who are no agents are known by their sign-in name only.
        let id = supervision.supervisor.to_agent();
        let known = state.desk.floor.agents.get(&id).map(|agent| agent.info.name.clone());
        let who = known.unwrap_or_else(|| format!("Supervisor {id}"));
        let (words, icon) = match supervision.mode {
            SupervisionMode::Monitor => ("listens", icon::EAR),
            SupervisionMode::Whisper => ("speaks to you only", icon::CHAT_CIRCLE_DOTS),
            SupervisionMode::Barge => ("is in the call", icon::MEGAPHONE),
            SupervisionMode::TakeOver => ("has taken the call over", icon::HAND_GRABBING),
        };
        ui.add(&Badge::new(format!("{who} {words}"), icon, Tone::WrapUp));
    }
}

fn controls_ui(ui: &mut Ui, state: &State, keypad_open: bool, actions: &mut Vec<Action>) {
    ui.horizontal_wrapped(|ui| {
        for action in [Action::Hold, Action::Mute, Action::Keypad, Action::Transfer, Action::HangUp] {
            let on = action.is_on(state) || (action == Action::Keypad && keypad_open);
            let kind = if action == Action::HangUp { Kind::Danger } else { Kind::Secondary };
            let button = action_button(&action, state).kind(kind).stacked(84.0).selected(on);
            if ui.add(button).clicked() {
                actions.push(action);
            }
        }
    });
}

fn quality_ui(ui: &mut Ui, state: &State, talk: &Talk) {
    let Some(phone) = &talk.phone else { return };
    ui.horizontal_wrapped(|ui| {
        if let Some(levels) = &state.desk.levels {
            ui.label(theme::icon(icon::MICROPHONE, 16.0).weak());
            level_meter(ui, "Your voice", level(levels.mic_dbov));
            ui.label(theme::icon(icon::SPEAKER_HIGH, 16.0).weak());
            level_meter(ui, "The other side", level(levels.speaker_dbov));
        }
        let Some(quality) = &phone.quality else {
            ui.label(theme::secondary("The quality shows after a few seconds"));
            return;
        };
        let (word, icon, tone) = rate(quality);
        ui.add(&Badge::new(word, icon, tone)).on_hover_text("How well you hear the other side (ITU-T G.107)");
        let mut parts = vec![
            format!("MOS {:.1}", quality.mos),
            format!("loss {:.1} %", quality.loss_percent),
            format!("jitter {:.0} ms", quality.jitter_millis),
        ];
        parts.extend(quality.round_trip_millis.map(|millis| format!("there and back {millis:.0} ms")));
        parts.extend(phone.codec.map(|codec| format!("{codec:?}")));
        ui.add(Label::new(theme::secondary(parts.join("  ·  "))).wrap());
    });
}

/// Thresholds of ITU-T G.107 annex B: above 4.0 users are satisfied, below 3.6 many are not.
fn rate(quality: &Quality) -> (&'static str, &'static str, Tone) {
    match quality.mos {
        mos if mos >= 4.0 => ("Good line", icon::CELL_SIGNAL_FULL, Tone::Ready),
        mos if mos >= 3.6 => ("Fair line", icon::CELL_SIGNAL_MEDIUM, Tone::WrapUp),
        _ => ("Bad line", icon::CELL_SIGNAL_LOW, Tone::Away),
    }
}

/// -60 dBov and below is silence on the meter, 0 dBov full.
fn level(dbov: f32) -> f32 {
    ((dbov + 60.0) / 60.0).clamp(0.0, 1.0)
}

fn after_ui(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    if !action::is_busy(state) {
        return;
    }
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            ui.label(theme::heading("After this call"));
            let status = state.me().map(|me| me.next_status.as_ref().unwrap_or(&me.status));
            if let Some(status) = status {
                ui.add(&agent_words::status_badge(status, &state.desk.floor.breaks));
            }
        });
        ready::status_buttons_ui(ui, state, actions);
    });
}
