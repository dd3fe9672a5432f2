//! A dialog over the window: a title, the content, closed by Escape or a click outside.

use egui::{Context, Id, Ui};

use crate::theme::{self, space};

/// Shows a dialog 420 points wide. The second value is true when it wants to be closed.
pub fn dialog<R>(ctx: &Context, title: &str, content: impl FnOnce(&mut Ui) -> R) -> (R, bool) {
    let tokens = theme::tokens_of(ctx);
    let frame = super::card::floating(ctx);
    let modal = egui::Modal::new(Id::unique(title)).frame(frame).backdrop_color(tokens.backdrop);
    let response = modal.show(ctx, |ui| {
        ui.set_width(420.0);
        ui.label(theme::page_title(title));
        ui.add_space(space::S);
        content(ui)
    });
    let close = response.should_close();
    (response.inner, close)
}
