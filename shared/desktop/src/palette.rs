//! The command palette: everything that can be done, found by typing, with its shortcut (Ctrl+K).

use egui::{Align2, Context, Id, Key, KeyboardShortcut, Modifiers, ScrollArea, Ui, vec2};

use crate::theme::{self, space};
use crate::widget::{Button, Field};

/// Opens the palette.
pub const SHORTCUT: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::K);

/// One thing that can be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry<A> {
    /// What comes back when it is chosen.
    pub action: A,
    /// The words.
    pub label: String,
    /// From [`theme::icon`].
    pub icon: &'static str,
    /// Its keys.
    pub shortcut: Option<KeyboardShortcut>,
    /// Why it cannot be done now.
    pub blocked: Option<String>,
}

/// Whether it is open, and what was typed.
#[derive(Debug, Default)]
pub struct Palette {
    open: bool,
    fresh: bool,
    query: String,
    marked: usize,
}

impl Palette {
    /// Opens or closes it.
    pub fn toggle(&mut self) {
        *self = Palette { open: !self.open, fresh: true, ..Palette::default() };
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Draws it while it is open; returns what was chosen.
    pub fn show<A: Clone>(&mut self, ctx: &Context, entries: &[Entry<A>]) -> Option<A> {
        if !self.open {
            return None;
        }
        let found: Vec<&Entry<A>> =
            entries.iter().filter(|entry| matches(&entry.label, &self.query)).collect();
        let keys = ctx.input_mut(|input| {
            [Key::ArrowDown, Key::ArrowUp, Key::Enter].map(|key| input.consume_key(Modifiers::NONE, key))
        });
        let [down, up, enter] = keys;
        if down {
            self.marked += 1;
        }
        if up {
            self.marked = self.marked.saturating_sub(1);
        }
        self.marked = self.marked.min(found.len().saturating_sub(1));
        let mut chosen = None;
        if enter
            && let Some(entry) = found.get(self.marked)
            && entry.blocked.is_none()
        {
            chosen = Some(entry.action.clone());
        }
        let area =
            egui::Modal::default_area(Id::unique("palette")).anchor(Align2::CENTER_TOP, vec2(0.0, 96.0));
        let modal = egui::Modal::new(Id::unique("palette"))
            .area(area)
            .frame(crate::widget::floating(ctx))
            .backdrop_color(theme::tokens_of(ctx).backdrop)
            .show(ctx, |ui| {
                ui.set_width(480.0);
                let field =
                    ui.add(Field::new("What do you want to do?", &mut self.query).hint("Type a few letters"));
                if self.fresh {
                    field.request_focus();
                    self.fresh = false;
                }
                if field.changed() {
                    self.marked = 0;
                }
                ui.add_space(space::XS);
                list_ui(ui, &found, self.marked)
            });
        let chosen = chosen.or(modal.inner.clone());
        if chosen.is_some() || modal.should_close() {
            self.open = false;
        }
        chosen
    }
}

fn list_ui<A: Clone>(ui: &mut Ui, found: &[&Entry<A>], marked: usize) -> Option<A> {
    let mut chosen = None;
    ScrollArea::vertical()
        .max_height(440.0)
        .content_margin(egui::Margin { right: 12, ..egui::Margin::ZERO })
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            for (index, entry) in found.iter().enumerate() {
                ui.horizontal(|ui| {
                    let button = Button::new(entry.label.as_str())
                        .ghost()
                        .icon(entry.icon)
                        .selected(index == marked)
                        .blocked(entry.blocked.as_deref());
                    if ui.add(button).clicked() {
                        chosen = Some(entry.action.clone());
                    }
                    if let Some(shortcut) = &entry.shortcut {
                        let keys = ui.ctx().format_shortcut(shortcut);
                        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                            ui.label(theme::secondary(keys));
                        });
                    }
                });
            }
            if found.is_empty() {
                ui.label(theme::secondary("Nothing is called that. Try fewer letters."));
            }
        });
    chosen
}

/// Every word that was typed begins a word of the label.
fn matches(label: &str, query: &str) -> bool {
    let label = label.to_lowercase();
    query
        .to_lowercase()
        .split_whitespace()
        .all(|typed| label.split_whitespace().any(|word| word.starts_with(typed)))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn typing_the_beginnings_of_words_finds_them() {
        assert!(matches("Put on hold", "hol"));
        assert!(matches("Put on hold", "h pu"));
        assert!(matches("Put on hold", ""));
        assert!(!matches("Put on hold", "old"));
    }
}
