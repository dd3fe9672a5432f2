//! Wrap-up: one key for the code, a note, and the time that is left.

use std::time::Duration;

use egui::{Key, Label, Modifiers, Ui};
use shared::api::agents::EndWrapUp;
use shared::id::CodeId;
use shared::model::rules::WrapUpMode;
use shared_desktop::format;
use shared_desktop::theme::{self, Tone, icon, size, space};
use shared_desktop::widget::{Badge, Button, Field, Size, bar, big_timer, card, line, muted, spread};

use crate::command::Command;
use crate::state::{State, WrapUp};

const KEYS: [Key; 9] =
    [Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5, Key::Num6, Key::Num7, Key::Num8, Key::Num9];
const NOTE_CHARS: usize = 2_000;

/// Draws the screen.
pub(super) fn wrap_up_ui(
    ui: &mut Ui,
    state: &State,
    wrap_up: &WrapUp,
    note: &mut String,
    commands: &mut Vec<Command>,
) {
    let blocked = state.desk.service_blocked();
    let mut chosen: Option<Option<CodeId>> = None;
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = space::M;
        let (shown, left) = match wrap_up.until {
            Some(until) => (format::left(state.desk.now, until), Some(until)),
            None => (state.desk.now.since(wrap_up.since), None),
        };
        let title = |ui: &mut Ui| {
            ui.vertical(|ui| {
                ui.add(&Badge::new("Wrap-up", icon::NOTE_PENCIL, Tone::WrapUp));
                line(ui, theme::page_title("What was it about?"));
            });
        };
        spread(ui, 56.0, title, |ui| {
            let tone = if left.is_some() && shown.as_secs() <= 10 { Tone::Away } else { Tone::WrapUp };
            big_timer(ui, &format::clock(shown), size::TIMER, Some(tone));
        });
        if let Some(until) = left {
            let whole = (until - wrap_up.since).as_secs_f32().max(1.0);
            bar(ui, shown.as_secs_f32() / whole, Tone::WrapUp);
        }
        ui.add(Field::new("Note", note).hint("What the next colleague should know").rows(3, NOTE_CHARS));
        if wrap_up.codes.is_empty() {
            muted(ui, "This queue has no codes.");
        }
        chosen = codes_ui(ui, wrap_up, blocked.as_deref());
        ui.horizontal_wrapped(|ui| {
            if wrap_up.may_end_without_code() {
                let button = Button::new("Finish without a code").ghost().blocked(blocked.as_deref());
                if ui.add(button).clicked() {
                    chosen = Some(None);
                }
            }
            if wrap_up.rules.extensions > 0 {
                let label =
                    format!("{} more", format::words(Duration::from_secs(wrap_up.rules.extend_secs.into())));
                if ui.add(Button::new(label).ghost().blocked(blocked.as_deref())).clicked() {
                    commands.push(Command::ExtendWrapUp);
                }
            }
            let queue = state.desk.queue_name(&wrap_up.queue);
            ui.add(Label::new(theme::secondary(format!("Call of {queue}. {}", wrap_up.how_it_ends()))));
        });
    });
    if chosen.is_none() && blocked.is_none() {
        chosen = pressed(ui, wrap_up).map(Some);
    }
    if let Some(code) = chosen {
        let text = note.trim();
        let note = (!text.is_empty()).then(|| text.to_owned());
        commands.push(Command::EndWrapUp(EndWrapUp { code, note }));
    }
}

impl WrapUp {
    fn may_end_without_code(&self) -> bool {
        let is_required = self.rules.code_required && !self.codes.is_empty();
        !is_required && self.rules.mode != WrapUpMode::NoEarlyExit
    }

    fn how_it_ends(&self) -> &'static str {
        match self.rules.mode {
            WrapUpMode::NoEarlyExit => "It lasts its whole time; a code is kept until then.",
            WrapUpMode::Discretionary => "It ends when you finish it.",
            WrapUpMode::Optional | WrapUpMode::TimeBoxed => "It ends by itself when the time is over.",
        }
    }
}

fn codes_ui(ui: &mut Ui, wrap_up: &WrapUp, blocked: Option<&str>) -> Option<Option<CodeId>> {
    let mut chosen = None;
    ui.horizontal_wrapped(|ui| {
        for (index, code) in wrap_up.codes.iter().enumerate() {
            let label = match index {
                0..=8 => format!("{}  {}", index + 1, code.label),
                _ => code.label.clone(),
            };
            let button = Button::new(label).size(Size::Large).blocked(blocked);
            if ui.add(button).clicked() {
                chosen = Some(Some(code.id.clone()));
            }
        }
    });
    chosen
}

/// A digit chooses its code, unless it is typed into the note.
fn pressed(ui: &Ui, wrap_up: &WrapUp) -> Option<CodeId> {
    if ui.ctx().egui_wants_keyboard_input() {
        return None;
    }
    let index = KEYS.iter().position(|key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, *key)))?;
    wrap_up.codes.get(index).map(|code| code.id.clone())
}
