//! A number to call, and in whose name.

use egui::{Key, Ui};
use shared::id::QueueId;
use shared_desktop::theme::{self, icon, space};
use shared_desktop::widget::{Button, Field, Kind, card, muted, select};

use crate::action::Action;
use crate::command::Command;
use crate::state::State;

/// What is typed.
#[derive(Default)]
pub(super) struct Form {
    number: String,
    /// None until one is chosen: then it is the first of the own queues.
    queue: Option<Option<QueueId>>,
    wants_focus: bool,
}

impl Form {
    /// The next time it is drawn the cursor is in it.
    pub(super) fn focus(&mut self) {
        self.wants_focus = true;
    }

    /// Draws it.
    pub(super) fn show(&mut self, ui: &mut Ui, state: &State, commands: &mut Vec<Command>) {
        let queues = state.queues();
        let mut names: Vec<(Option<QueueId>, String)> =
            queues.into_iter().map(|queue| (Some(queue.id), queue.name)).collect();
        let first = names.first().and_then(|(queue, _)| queue.clone());
        names.push((None, "Myself".into()));
        let queue = self.queue.clone().filter(|queue| names.iter().any(|(known, _)| known == queue));
        let queue = queue.unwrap_or(first);
        let blocked = Action::Dial.blocked(state);
        card(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.label(theme::heading("Call a number"));
            ui.spacing_mut().item_spacing.x = space::M;
            let mut wanted = false;
            ui.columns(3, |columns| {
                let [number, name, button] = columns else { return };
                let field =
                    Field::new("Number", &mut self.number).hint("+49 30 5550123").enabled(blocked.is_none());
                let field = number.add(field);
                if std::mem::take(&mut self.wants_focus) {
                    field.request_focus();
                }
                wanted = field.lost_focus() && number.input(|input| input.key_pressed(Key::Enter));
                if let Some(chosen) = select(name, "In the name of", &queue, &names) {
                    self.queue = Some(chosen);
                }
                // In one line with the fields, which have their labels above them.
                button.spacing_mut().item_spacing.y = space::XS;
                button.label(theme::secondary(" "));
                let empty = digits(&self.number).is_empty().then(|| "type a number first".to_owned());
                let call = Button::new("Call")
                    .icon(icon::PHONE_CALL)
                    .kind(Kind::Answer)
                    .hint("The number is called, and you hear it ring")
                    .blocked(blocked.clone().or(empty));
                wanted |= button.add(call).clicked();
            });
            if let Some(why) = &blocked {
                muted(ui, format!("Not possible now: {why}."));
            }
            let number = digits(&self.number);
            if wanted && blocked.is_none() && !number.is_empty() {
                commands.push(Command::Dial { number, queue });
                self.number.clear();
            }
        });
    }
}

/// As people write numbers: spaces, hyphens, dots, slashes and brackets are not dialled.
fn digits(typed: &str) -> String {
    typed.chars().filter(|letter| !letter.is_whitespace() && !"-./()".contains(*letter)).collect()
}
