//! One line of text that ends in “…” where the room ends.

use egui::text::{LayoutJob, TextFormat, TextWrapping};
use egui::{Align, Color32, FontId, Label, Layout, Pos2, Rect, Response, RichText, Ui, vec2};

use crate::theme;

/// A label of one line; the whole text shows on hover when it was cut.
pub fn line(ui: &mut Ui, text: RichText) -> Response {
    ui.add(Label::new(text).truncate())
}

/// Secondary text that may take several lines.
pub fn muted(ui: &mut Ui, text: impl Into<String>) -> Response {
    ui.add(Label::new(theme::secondary(text)).wrap())
}

/// A row over the whole width: `left` from the left in the room that `right`, from the right, leaves.
pub fn spread<L, R>(
    ui: &mut Ui,
    height: f32,
    left: impl FnOnce(&mut Ui) -> L,
    right: impl FnOnce(&mut Ui) -> R,
) -> (L, R) {
    let room = vec2(ui.available_width(), height);
    ui.allocate_ui_with_layout(room, Layout::right_to_left(Align::Center), |ui| {
        let right = right(ui);
        let left = ui.with_layout(Layout::left_to_right(Align::Center), left).inner;
        (left, right)
    })
    .inner
}

/// Paints one line into `rect`, centred vertically, cut with “…” where it does not fit. Returns the used width.
pub fn line_in(ui: &Ui, rect: Rect, text: &str, font: FontId, color: Color32, align: Align) -> f32 {
    let mut job = LayoutJob::single_section(text.to_owned(), TextFormat::simple(font, color));
    job.wrap = TextWrapping::truncate_at_width(rect.width());
    let galley = ui.fonts_mut(|fonts| fonts.layout_job(job));
    let x = match align {
        Align::Min => rect.left(),
        Align::Center => rect.center().x - galley.size().x / 2.0,
        Align::Max => rect.right() - galley.size().x,
    };
    let width = galley.size().x;
    ui.painter().galley(Pos2::new(x, rect.center().y - galley.size().y / 2.0), galley, color);
    width
}
