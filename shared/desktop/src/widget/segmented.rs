//! A choice between few things that are all visible.

use egui::{CornerRadius, Frame, Margin, Ui};

use crate::theme::{self, radius};
use crate::widget::{Button, Size};

/// Shows all choices beside each other; returns the new one when it changed.
pub fn segmented<T: Copy + PartialEq>(ui: &mut Ui, current: T, choices: &[(T, &str)]) -> Option<T> {
    let mut chosen = None;
    let fill = theme::tokens(ui).field;
    Frame::new()
        .fill(fill)
        .corner_radius(CornerRadius::same(radius::CONTROL + 2))
        .inner_margin(Margin::same(2))
        .show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 2.0;
                for (value, words) in choices {
                    let button = Button::new(*words).ghost().size(Size::Compact).selected(*value == current);
                    if ui.add(button).clicked() && *value != current {
                        chosen = Some(*value);
                    }
                }
            });
        });
    chosen
}
