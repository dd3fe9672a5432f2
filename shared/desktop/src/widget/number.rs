//! Numbers that are looked at: a running timer, a figure with its name.

use egui::{Label, Response, Ui};

use crate::theme::{self, Tone, size, space};

/// A running time in figures of one width, so that nothing moves when it changes.
pub fn big_timer(ui: &mut Ui, text: &str, size: f32, tone: Option<Tone>) -> Response {
    let mut shown = theme::numbers(text, size);
    if let Some(tone) = tone {
        shown = shown.color(theme::tokens(ui).tone(tone).text);
    }
    ui.add(Label::new(shown).extend())
}

/// A figure above its name; `explained` (such as its formula) shows on hover.
pub fn stat(ui: &mut Ui, name: &str, value: &str, tone: Option<Tone>, explained: &str) -> Response {
    let response = ui
        .vertical(|ui| {
            ui.spacing_mut().item_spacing.y = space::XS;
            let mut shown = theme::numbers(value, size::PAGE);
            if let Some(tone) = tone {
                shown = shown.color(theme::tokens(ui).tone(tone).text);
            }
            ui.add(Label::new(shown).extend());
            ui.add(Label::new(theme::secondary(name)).extend());
        })
        .response;
    if explained.is_empty() { response } else { response.on_hover_text(explained) }
}
