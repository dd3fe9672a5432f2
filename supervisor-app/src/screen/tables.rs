//! Agents, calls that talk, calls that wait, callbacks.

use egui::Ui;
use shared::id::QueueId;
use shared_desktop::agent_words;
use shared_desktop::format;
use shared_desktop::theme::{self, Tone, icon, space};
use shared_desktop::widget::{Badge, Column, Table, Width, card, muted};

use super::Chosen;
use super::callback::callbacks_ui;
use super::sound::unheard_words;
use crate::action::{mode_icon, party_of};
use crate::state::State;

/// Draws the tables in a height of `room`: agents get the half, the calls the rest. Callbacks have a table while there
/// are any.
pub(super) fn tables_ui(ui: &mut Ui, state: &State, queue: Option<&QueueId>, chosen: &mut Chosen, room: f32) {
    // Heading, column titles and padding of a card.
    let around = 92.0;
    let (agents, calls) = if state.callbacks(queue).is_empty() {
        (room * 0.46, room * 0.27)
    } else {
        (room * 0.37, room * 0.21)
    };
    let (agents, calls) = (agents - around, calls - around);
    ui.spacing_mut().item_spacing.y = space::M;
    agents_ui(ui, state, queue, chosen, agents.max(96.0));
    talking_ui(ui, state, queue, chosen, calls.max(64.0));
    waiting_ui(ui, state, queue, chosen, calls.max(64.0));
    callbacks_ui(ui, state, queue, chosen, calls.max(64.0));
}

fn agents_ui(ui: &mut Ui, state: &State, queue: Option<&QueueId>, chosen: &mut Chosen, height: f32) {
    let agents = state.agents(queue);
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        let here =
            agents.iter().filter(|agent| agent.status != shared::model::agent::Status::Offline).count();
        ui.label(theme::heading(format!("Agents  {here} of {}", agents.len())));
        let columns = [
            Column::words("Name", Width::Fill(1.1)),
            Column::words("State", Width::Fixed(150.0)),
            Column::number("Since", 64.0),
            Column::words("Call", Width::Fill(0.9)).optional(),
            Column::number("Today", 44.0).explained("Calls answered today").optional(),
        ];
        if agents.is_empty() {
            muted(ui, "Nobody serves this queue.");
            return;
        }
        let clicked =
            Table::new("agents", &columns).max_height(height).show(ui, agents.len(), |row, index| {
                let Some(agent) = agents.get(index) else { return };
                let badge = agent_words::badge(agent, &state.desk.floor.breaks);
                row.clickable(format!("{}, {}", agent.info.name, badge.word));
                row.selected(*chosen == Chosen::Agent(agent.info.id.clone()));
                row.strong(&agent.info.name);
                row.cell(|ui| ui.add(&badge));
                row.number(&format::since(state.desk.now, agent_words::since(agent)), None);
                let call = agent.state.call().and_then(|call| state.desk.floor.calls.get(&call));
                row.text(call.map_or("", |call| call.from.label()));
                row.number(&agent.counts.answered.to_string(), None);
            });
        if let Some(agent) = clicked.and_then(|index| agents.get(index)) {
            *chosen = Chosen::Agent(agent.info.id.clone());
        }
    });
}

fn talking_ui(ui: &mut Ui, state: &State, queue: Option<&QueueId>, chosen: &mut Chosen, height: f32) {
    let mut calls = state.talking();
    calls.retain(|(call, _)| queue.is_none_or(|queue| call.queue() == Some(queue)));
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(theme::heading(format!("Talking  {}", calls.len())));
        if calls.is_empty() {
            muted(ui, "Nobody talks now.");
            return;
        }
        let columns = [
            Column::words("Customer", Width::Fill(1.0)),
            Column::words("Agent", Width::Fill(0.8)),
            Column::words("Queue", Width::Fill(0.6)).optional(),
            Column::words("Supervision", Width::Fixed(110.0)).optional(),
            Column::number("Time", 64.0),
        ];
        let clicked =
            Table::new("talking", &columns).max_height(height).show(ui, calls.len(), |row, index| {
                let Some((call, since)) = calls.get(index) else { return };
                let agent = party_of(state, call);
                row.clickable(format!("Call of {} with {agent}", call.from.label()));
                row.selected(*chosen == Chosen::Call(call.id));
                row.strong(call.from.label());
                row.text(&agent);
                row.secondary(call.queue().map_or("", |queue| state.desk.queue_name(queue)));
                row.cell(|ui| {
                    if let Some(unheard) = call.unheard.first() {
                        let words = unheard_words(state, unheard);
                        ui.add(&Badge::new("Not heard", icon::WARNING, Tone::Away)).on_hover_text(words);
                    } else if let Some(supervision) = call.supervision.first() {
                        let mode = supervision.mode;
                        ui.add(&Badge::new(mode.label(), mode_icon(mode), Tone::WrapUp));
                    }
                });
                row.number(&format::since(state.desk.now, *since), None);
            });
        if let Some((call, _)) = clicked.and_then(|index| calls.get(index)) {
            *chosen = Chosen::Call(call.id);
        }
    });
}

fn waiting_ui(ui: &mut Ui, state: &State, queue: Option<&QueueId>, chosen: &mut Chosen, height: f32) {
    let mut calls = state.desk.waiting();
    calls.retain(|(_, id, _)| queue.is_none_or(|queue| *id == queue));
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(theme::heading(format!("Waiting  {}", calls.len())));
        if calls.is_empty() {
            muted(ui, "Nobody waits now.");
            return;
        }
        let columns = [
            Column::words("Customer", Width::Fill(1.0)),
            Column::words("Number", Width::Fill(0.8)).optional(),
            Column::words("Queue", Width::Fill(0.6)).optional(),
            Column::words("Rings at", Width::Fixed(120.0)).optional(),
            Column::number("Waits", 64.0)
                .explained("Since it came into the queue, over missed offers and transfers"),
        ];
        let clicked =
            Table::new("waiting", &columns).max_height(height).show(ui, calls.len(), |row, index| {
                let Some((call, id, since)) = calls.get(index) else { return };
                row.clickable(format!(
                    "Call of {} waiting in {}",
                    call.from.label(),
                    state.desk.queue_name(id)
                ));
                row.selected(*chosen == Chosen::Call(call.id));
                row.strong(call.from.label());
                let number = &call.from.number;
                row.text(if call.from.label() == number { "" } else { number });
                row.secondary(state.desk.queue_name(id));
                row.cell(|ui| {
                    if let Some(agent) = call.agent() {
                        ui.add(&Badge::new(
                            state.desk.agent_name(agent),
                            icon::PHONE_INCOMING,
                            Tone::Talking,
                        ));
                    }
                });
                let target = state.desk.floor.queues.get(*id).map_or(0, |queue| queue.info.target_secs);
                let waits = state.desk.now - *since;
                let tone = (waits.as_secs() > u64::from(target)).then_some(Tone::Away);
                row.number(&format::clock(waits), tone);
            });
        if let Some((call, _, _)) = clicked.and_then(|index| calls.get(index)) {
            *chosen = Chosen::Call(call.id);
        }
    });
}
