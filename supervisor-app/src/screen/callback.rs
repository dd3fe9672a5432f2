//! Callbacks: who waits without a phone at the ear, and the chosen one.

use egui::Ui;
use shared::id::QueueId;
use shared::model::callback::{AskedBy, OpenCallback};
use shared_desktop::format;
use shared_desktop::theme::{self, Tone, icon, size, space};
use shared_desktop::widget::{Badge, Button, Column, Kind, Table, Width, big_timer, card, line, spread};

use super::Chosen;
use crate::command::Command;
use crate::state::State;

/// What the journal keeps with a callback that a supervisor has taken back here.
const TAKEN_BACK: &str = "taken back in the console";

/// Draws the table; nothing when nobody waits for a callback.
pub(super) fn callbacks_ui(
    ui: &mut Ui,
    state: &State,
    queue: Option<&QueueId>,
    chosen: &mut Chosen,
    height: f32,
) {
    let callbacks = state.callbacks(queue);
    if callbacks.is_empty() {
        return;
    }
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(theme::heading(format!("Callbacks  {}", callbacks.len())));
        let columns = [
            Column::words("Customer", Width::Fill(1.0)),
            Column::words("Queue", Width::Fill(0.6)).optional(),
            Column::words("State", Width::Fixed(170.0)),
            Column::number("Tries", 44.0).explained("How often the customer was called").optional(),
            Column::number("Waits", 64.0).explained("The place that the customer keeps counts from here"),
        ];
        let clicked =
            Table::new("callbacks", &columns).max_height(height).show(ui, callbacks.len(), |row, index| {
                let Some(callback) = callbacks.get(index) else { return };
                let queue = state.desk.queue_name(&callback.queue);
                row.clickable(format!("Callback to {} in {queue}", callback.to.label()));
                row.selected(*chosen == Chosen::Callback(callback.id));
                row.strong(callback.to.label());
                row.secondary(queue);
                row.cell(|ui| ui.add(&badge(state, callback)));
                row.number(&callback.attempts.to_string(), None);
                row.number(&format::since(state.desk.now, callback.since), None);
            });
        if let Some(callback) = clicked.and_then(|index| callbacks.get(index)) {
            *chosen = Chosen::Callback(callback.id);
        }
    });
}

fn badge(state: &State, callback: &OpenCallback) -> Badge {
    if callback.call.is_some() {
        return Badge::new("Being called", icon::PHONE_CALL, Tone::Talking);
    }
    match callback.next_at.filter(|next| *next > state.desk.now) {
        Some(next) => {
            let left = format::clock(next - state.desk.now);
            Badge::new(format!("Again in {left}"), icon::CLOCK, Tone::Break)
        }
        None => Badge::new("Waits its turn", icon::HOURGLASS, Tone::WrapUp),
    }
}

/// Draws the chosen one.
pub(super) fn callback_ui(ui: &mut Ui, state: &State, callback: &OpenCallback, commands: &mut Vec<Command>) {
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        let shown = |ui: &mut Ui| {
            ui.add(&badge(state, callback));
        };
        spread(ui, 40.0, shown, |ui| {
            big_timer(ui, &format::since(state.desk.now, callback.since), size::PAGE, None);
        });
        line(ui, theme::text_in(callback.to.label(), theme::Weight::SemiBold, size::SECTION).strong());
        let mut about = Vec::new();
        if callback.to.label() != callback.to.number {
            about.push(callback.to.number.clone());
        }
        about.push(state.desk.queue_name(&callback.queue).to_owned());
        line(ui, theme::secondary(about.join("  ·  ")));
        let ago = format::since(state.desk.now, callback.asked_at);
        let asked = match &callback.asked {
            AskedBy::Caller { .. } => format!("Asked for by the caller {ago} ago"),
            AskedBy::User { user } => {
                format!("Booked by {} {ago} ago", state.desk.agent_name(&user.to_agent()))
            }
        };
        line(ui, theme::secondary(asked));
        let tries = match callback.attempts {
            0 => "Not called yet".to_owned(),
            1 => "Called once, not reached".to_owned(),
            tries => format!("Called {tries} times, not reached"),
        };
        line(
            ui,
            theme::secondary(if callback.call.is_some() { "Being called now".to_owned() } else { tries }),
        );
        if let Some(ends) = callback.expires_at.filter(|ends| *ends > state.desk.now) {
            line(ui, theme::secondary(format!("Given up in {}", format::clock(ends - state.desk.now))));
        }
        ui.add_space(space::S);
        let cancel = Button::new("Cancel callback")
            .icon(icon::PHONE_DISCONNECT)
            .kind(Kind::Danger)
            .hint("The customer is not called back; your name is kept with it")
            .blocked(state.desk.service_blocked());
        if ui.add(cancel).clicked() {
            let (queue, callback) = (callback.queue.clone(), callback.id);
            commands.push(Command::CancelCallback { queue, callback, reason: TAKEN_BACK.into() });
        }
    });
}
