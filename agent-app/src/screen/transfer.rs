//! Where to send the call: queues and colleagues, found by typing.

use egui::{Context, ScrollArea, Ui};
use shared::model::event::TransferTarget;
use shared_desktop::agent_words;
use shared_desktop::theme::{self, icon, space};
use shared_desktop::widget::{Button, Field, dialog};

use crate::command::Command;
use crate::state::State;

/// The dialog.
#[derive(Default)]
pub(super) struct Picker {
    open: bool,
    fresh: bool,
    query: String,
}

impl Picker {
    /// Opens or closes it.
    pub(super) fn toggle(&mut self) {
        *self = Picker { open: !self.open, fresh: true, query: String::new() };
    }

    /// Closes it.
    pub(super) fn close(&mut self) {
        self.open = false;
    }

    /// Draws it while it is open.
    pub(super) fn show(&mut self, ctx: &Context, state: &State, commands: &mut Vec<Command>) {
        if !self.open {
            return;
        }
        let Some(call) = state.call_id() else {
            self.open = false;
            return;
        };
        let (target, close) = dialog(ctx, "Transfer to", |ui| {
            let field = ui.add(Field::new("Queue or colleague", &mut self.query).hint("Type a few letters"));
            if self.fresh {
                field.request_focus();
                self.fresh = false;
            }
            ui.add_space(space::S);
            let target = targets_ui(ui, state, &self.query);
            ui.add_space(space::S);
            let cancel = ui.add(Button::new("Cancel")).clicked();
            (target, cancel)
        });
        let (target, cancel) = target;
        if let Some(target) = target {
            commands.push(Command::Transfer { call, target });
            self.open = false;
        } else if close || cancel {
            self.open = false;
        }
    }
}

fn targets_ui(ui: &mut Ui, state: &State, query: &str) -> Option<TransferTarget> {
    let query = query.trim().to_lowercase();
    let fits = |name: &str| query.is_empty() || name.to_lowercase().contains(&query);
    let me = state.agent_id();
    let own = state.queues();
    let mut chosen = None;
    ScrollArea::vertical().max_height(320.0).auto_shrink([false, true]).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        let queues: Vec<_> =
            state.desk.floor.queues.values().filter(|queue| fits(&queue.info.name)).collect();
        if !queues.is_empty() {
            ui.label(theme::secondary("Queues"));
        }
        for queue in queues {
            ui.horizontal(|ui| {
                if ui.add(Button::new(queue.info.name.as_str()).ghost().icon(icon::QUEUE)).clicked() {
                    chosen = Some(TransferTarget::Queue { queue: queue.info.id.clone() });
                }
                // An agent is told about the own queues only.
                if let Some(now) = own.iter().find(|own| own.id == queue.info.id) {
                    ui.label(theme::secondary(match now.waiting {
                        0 => "nobody waits".to_owned(),
                        waiting => format!("{waiting} waiting"),
                    }));
                }
            });
        }
        let agents: Vec<_> = state
            .desk
            .floor
            .agents
            .values()
            .filter(|agent| Some(&agent.info.id) != me.as_ref() && fits(&agent.info.name))
            .collect();
        if !agents.is_empty() {
            ui.add_space(space::S);
            ui.label(theme::secondary("Colleagues"));
        }
        for agent in agents {
            ui.horizontal(|ui| {
                let offline = agent.status == shared::model::agent::Status::Offline;
                let button = Button::new(agent.info.name.as_str())
                    .ghost()
                    .icon(icon::USER)
                    .blocked(offline.then_some("is not signed in"));
                if ui.add(button).clicked() {
                    chosen = Some(TransferTarget::Agent { agent: agent.info.id.clone() });
                }
                // Of colleagues only the status is told, not what they are doing.
                ui.add(&agent_words::status_badge(&agent.status, &state.desk.floor.breaks));
            });
        }
        let nothing = state.desk.floor.queues.values().all(|queue| !fits(&queue.info.name))
            && state
                .desk
                .floor
                .agents
                .values()
                .all(|a| Some(&a.info.id) == me.as_ref() || !fits(&a.info.name));
        if nothing {
            ui.label(theme::secondary("Nothing is called that. Try fewer letters."));
        }
    });
    chosen
}
