//! A call rings: who, from which queue, how long already, how long it still rings.

use egui::{Label, Ui};
use shared_desktop::format;
use shared_desktop::theme::{self, Tone, icon, size, space};
use shared_desktop::widget::{Badge, Kind, Size, avatar, bar, card};

use super::action_button;
use crate::action::Action;
use crate::state::{Incoming, State};

/// Draws the card.
pub(super) fn incoming_ui(ui: &mut Ui, state: &State, incoming: &Incoming, actions: &mut Vec<Action>) {
    let width = 460.0_f32.min(ui.available_width());
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.5 - 220.0).max(0.0));
        ui.set_max_width(width);
        card(ui, |ui| {
            ui.set_width(width - 2.0 * space::L);
            ui.spacing_mut().item_spacing.y = space::M;
            ui.add(&Badge::new("Incoming call", icon::PHONE_INCOMING, Tone::Talking));
            avatar(ui, incoming.from.label(), Tone::Talking, 72.0);
            ui.vertical_centered(|ui| {
                ui.spacing_mut().item_spacing.y = space::XS;
                let name =
                    theme::text_in(incoming.from.label(), theme::Weight::SemiBold, size::PAGE).strong();
                ui.add(Label::new(name).truncate());
                if incoming.from.label() != incoming.from.number && !incoming.from.number.is_empty() {
                    ui.add(Label::new(theme::mono(&incoming.from.number)).truncate());
                }
            });
            ui.add(Label::new(theme::body(about(state, incoming))).truncate());
            countdown_ui(ui, state, incoming);
            buttons_ui(ui, state, actions);
        });
    });
}

fn about(state: &State, incoming: &Incoming) -> String {
    let mut parts = Vec::new();
    if let Some(queue) = &incoming.queue {
        parts.push(queue.clone());
    }
    if let Some(since) = incoming.waiting_since {
        parts.push(format!("waited {}", format::since(state.desk.now, since)));
    }
    if parts.is_empty() { "A direct call".into() } else { parts.join("  ·  ") }
}

fn countdown_ui(ui: &mut Ui, state: &State, incoming: &Incoming) {
    let Some(until) = incoming.until else { return };
    let left = format::left(state.desk.now, until);
    let whole = (until - incoming.since).as_secs_f32().max(1.0);
    let tone = if left.as_secs() <= 5 { Tone::Away } else { Tone::Talking };
    bar(ui, left.as_secs_f32() / whole, tone);
    ui.label(theme::secondary(format!(
        "Rings for {} more, then it goes to somebody else",
        format::words(left)
    )));
}

fn buttons_ui(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    ui.horizontal(|ui| {
        let width = (ui.available_width() - space::S) / 2.0;
        for (action, kind) in [(Action::Reject, Kind::Secondary), (Action::Answer, Kind::Answer)] {
            let button = action_button(&action, state).kind(kind).size(Size::Large).width(width);
            if ui.add(button).clicked() {
                actions.push(action);
            }
        }
    });
    for action in [Action::Answer, Action::Reject] {
        if let (Action::Answer, Some(why)) = (&action, action.blocked(state)) {
            ui.label(theme::secondary(super::capitalised(&why)));
        }
    }
}
