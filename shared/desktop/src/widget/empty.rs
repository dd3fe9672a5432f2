//! What to show where nothing is, and what to do next.

use egui::{Label, Ui};

use crate::theme::{self, space};

/// An icon, one sentence, and a hint, centred.
pub fn empty(ui: &mut Ui, icon: &str, title: &str, hint: &str) {
    ui.vertical_centered(|ui| {
        ui.add_space(space::XL);
        ui.label(theme::icon(icon, 32.0).weak());
        ui.label(theme::strong(title));
        if !hint.is_empty() {
            ui.add(Label::new(theme::secondary(hint)).wrap());
        }
        ui.add_space(space::XL);
    });
}
