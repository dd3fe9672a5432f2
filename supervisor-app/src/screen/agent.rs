//! The chosen agent: state, phone, day, and the status that a supervisor may set.

use egui::Ui;
use shared::api::agents::WantedStatus;
use shared::model::agent::{ChangedBy, Device, NotReadyReason, State as Doing, Status};
use shared::model::floor::AgentView;
use shared_desktop::agent_words;
use shared_desktop::format;
use shared_desktop::theme::{self, Tone, icon, size, space};
use shared_desktop::widget::{Badge, Button, Size, avatar, big_timer, card, line, muted, spread, stat};

use crate::command::Command;
use crate::state::State;

/// Draws the card.
pub(super) fn agent_ui(ui: &mut Ui, state: &State, agent: &AgentView, commands: &mut Vec<Command>) {
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        let badge = agent_words::badge(agent, &state.desk.floor.breaks);
        ui.horizontal(|ui| {
            avatar(ui, &agent.info.name, badge.tone, 40.0);
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                line(ui, theme::heading(&agent.info.name));
                line(ui, theme::secondary(phone_words(&agent.device)));
            });
        });
        let shown = |ui: &mut Ui| {
            ui.add(&badge);
        };
        spread(ui, 40.0, shown, |ui| {
            let since = format::since(state.desk.now, agent_words::since(agent));
            big_timer(ui, &since, size::PAGE, Some(badge.tone));
        });
        if let ChangedBy::User(user) = &agent.status_by {
            muted(ui, format!("Status set by {}", state.desk.agent_name(&user.to_agent())));
        }
        if let Some(next) = &agent.next_status {
            ui.horizontal(|ui| {
                ui.label(theme::secondary("Then"));
                ui.add(&agent_words::status_badge(next, &state.desk.floor.breaks));
            });
        }
        ui.add_space(space::S);
        day_ui(ui, agent);
        ui.add_space(space::S);
        status_ui(ui, state, agent, commands);
    });
}

fn phone_words(device: &Device) -> String {
    match device {
        Device::None => "No phone is registered".into(),
        Device::App { .. } => "Phone: the agent's desk".into(),
        Device::Phone { product, .. } if product.is_empty() => "Phone: a SIP phone".into(),
        Device::Phone { product, .. } => format!("Phone: {product}"),
        Device::Fixed { contact } => format!("Phone: {contact}"),
    }
}

fn day_ui(ui: &mut Ui, agent: &AgentView) {
    let (aht, occupancy) = (agent.counts.aht_secs(), agent.counts.occupancy_percent());
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::L;
        stat(ui, "Answered", &agent.counts.answered.to_string(), None, "Calls answered today");
        let missed = (agent.counts.missed > 0).then_some(Tone::Away);
        stat(ui, "Missed", &agent.counts.missed.to_string(), missed, "Offers that rang out today");
        stat(ui, "Average", &format::clock_secs(aht.value), None, &aht.formula);
        stat(ui, "Occupancy", &format::figure(occupancy.value, "%"), None, &occupancy.formula);
    });
}

fn status_ui(ui: &mut Ui, state: &State, agent: &AgentView, commands: &mut Vec<Command>) {
    let busy = agent.state != Doing::Idle;
    ui.label(theme::secondary(if busy { "Status after this" } else { "Set the status" }));
    let blocked = state.desk.service_blocked();
    let offline = agent.status == Status::Offline;
    let set = |wanted| Command::SetAgentStatus { agent: agent.info.id.clone(), wanted };
    let current = agent.next_status.as_ref().unwrap_or(&agent.status);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = egui::vec2(space::XS, space::XS);
        let why = blocked.clone().or_else(|| offline.then(|| "this agent is not signed in".to_owned()));
        let ready = Button::new("Ready").icon(icon::CHECK_CIRCLE).size(Size::Compact).blocked(why.clone());
        if ui.add(ready.selected(*current == Status::Ready)).clicked() {
            commands.push(set(WantedStatus::Ready));
        }
        for code in &state.desk.floor.breaks {
            let on = matches!(
                current,
                Status::NotReady { reason: NotReadyReason::Break { code: is } } if *is == code.id
            );
            let button =
                Button::new(code.label.as_str()).size(Size::Compact).blocked(why.clone()).selected(on);
            if ui.add(button).clicked() {
                commands.push(set(WantedStatus::NotReady { reason: Some(code.id.clone()) }));
            }
        }
        let sign_out = Button::new("Offline").icon(icon::POWER).size(Size::Compact).blocked(why);
        if ui.add(sign_out.selected(*current == Status::Offline)).clicked() {
            commands.push(set(WantedStatus::Offline));
        }
        if matches!(agent.state, Doing::WrapUp { .. }) {
            let end = Button::new("End wrap-up").size(Size::Compact).blocked(blocked);
            if ui.add(end.hint("Without a code")).clicked() {
                commands.push(Command::EndAgentWrapUp(agent.info.id.clone()));
            }
        }
    });
    if offline {
        ui.add(&Badge::new("Not signed in", icon::POWER, Tone::Break));
    }
}
