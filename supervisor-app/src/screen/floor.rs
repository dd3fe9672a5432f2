//! The floor: alerts on top, queues at the left, agents and calls in the middle, what is chosen at the right.

use egui::{CentralPanel, Frame, Margin, Panel, ScrollArea, Ui};
use shared::id::QueueId;
use shared_desktop::theme::{self, Tone, icon, space};
use shared_desktop::widget::{Button, Kind, Size, empty};

use super::{Chosen, agent, call, callback, queue, tables};
use crate::action::Action;
use crate::alert::{About, alerts};
use crate::command::Command;
use crate::state::State;

/// At most so many alerts are shown; the rest is counted.
const MOST_ALERTS: usize = 4;

/// Draws the page.
pub(super) fn floor_ui(
    ui: &mut Ui,
    state: &State,
    chosen: &mut Chosen,
    queue: &mut Option<QueueId>,
    actions: &mut Vec<Action>,
    commands: &mut Vec<Command>,
) {
    alerts_ui(ui, state, chosen, queue);
    let base = theme::tokens(ui).base;
    let side =
        |left, right| Frame::new().fill(base).inner_margin(Margin { left, right, top: 16, bottom: 16 });
    Panel::left("queues")
        .exact_size(264.0)
        .resizable(false)
        .show_separator_line(false)
        .frame(side(16, 0))
        .show(ui, |ui| {
            ScrollArea::vertical().id_salt("queues").auto_shrink([false, false]).show(ui, |ui| {
                queue::queues_ui(ui, state, queue);
            });
        });
    Panel::right("chosen")
        .exact_size(344.0)
        .resizable(false)
        .show_separator_line(false)
        .frame(side(0, 16))
        .show(ui, |ui| {
            ScrollArea::vertical().id_salt("chosen").auto_shrink([false, false]).show(ui, |ui| {
                chosen_ui(ui, state, chosen, actions, commands);
            });
        });
    let frame = Frame::new().fill(base).inner_margin(Margin::same(16));
    CentralPanel::default().frame(frame).show(ui, |ui| {
        let room = ui.available_height();
        ScrollArea::vertical().id_salt("tables").auto_shrink([false, false]).show(ui, |ui| {
            tables::tables_ui(ui, state, queue.as_ref(), chosen, room);
        });
    });
}

fn alerts_ui(ui: &mut Ui, state: &State, chosen: &mut Chosen, queue: &mut Option<QueueId>) {
    let alerts = alerts(state);
    if alerts.is_empty() {
        return;
    }
    let frame = Frame::new().fill(theme::tokens(ui).raised).inner_margin(Margin::symmetric(16, 6));
    Panel::top("alerts").resizable(false).show_separator_line(false).frame(frame).show(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = space::S;
            for alert in alerts.iter().take(MOST_ALERTS) {
                let sign = if alert.urgent { icon::WARNING } else { icon::WARNING_CIRCLE };
                let tone = if alert.urgent { Tone::Away } else { Tone::WrapUp };
                let button =
                    Button::new(alert.text.as_str()).icon(sign).size(Size::Compact).kind(Kind::Toned(tone));
                if ui.add(button.hint("Show it")).clicked() {
                    match &alert.about {
                        About::Queue(id) => *queue = Some(id.clone()),
                        About::Agent(id) => *chosen = Chosen::Agent(id.clone()),
                    }
                }
            }
            if alerts.len() > MOST_ALERTS {
                ui.label(theme::secondary(format!("and {} more", alerts.len() - MOST_ALERTS)));
            }
        });
    });
}

fn chosen_ui(
    ui: &mut Ui,
    state: &State,
    chosen: &mut Chosen,
    actions: &mut Vec<Action>,
    commands: &mut Vec<Command>,
) {
    match chosen.clone() {
        Chosen::Nothing => empty(
            ui,
            icon::HEADSET,
            "Nothing is chosen",
            "Choose a call to listen, whisper, barge in or take over. Choose an agent to change the status.",
        ),
        Chosen::Call(id) => match state.desk.floor.calls.get(&id) {
            Some(call) => call::call_ui(ui, state, call, actions, commands),
            None => {
                empty(ui, icon::PHONE_DISCONNECT, "The call is over", "Its recording is under Recordings.");
            }
        },
        Chosen::Callback(id) => match state.desk.floor.callbacks.get(&id) {
            Some(open) => {
                callback::callback_ui(ui, state, open, commands);
                if let Some(call) = open.call.and_then(|call| state.desk.floor.calls.get(&call)) {
                    ui.add_space(space::XS);
                    call::call_ui(ui, state, call, actions, commands);
                }
            }
            None => {
                empty(ui, icon::PHONE_CALL, "The callback is over", "How it ended is in the call's history.")
            }
        },
        Chosen::Agent(id) => match state.desk.floor.agents.get(&id) {
            Some(agent) => {
                agent::agent_ui(ui, state, agent, commands);
                if let Some(call) = agent.state.call().and_then(|call| state.desk.floor.calls.get(&call)) {
                    ui.add_space(space::XS);
                    call::call_ui(ui, state, call, actions, commands);
                }
            }
            None => empty(ui, icon::USER, "This agent is no more", ""),
        },
    }
}
