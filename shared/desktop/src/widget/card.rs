//! Cards: the raised surface.

use egui::{Color32, Context, CornerRadius, Frame, InnerResponse, Margin, Ui};

use crate::theme::{self, radius};

fn frame(fill: Color32) -> Frame {
    Frame::new().fill(fill).corner_radius(CornerRadius::same(radius::CARD)).inner_margin(Margin::same(16))
}

/// Things that belong together, on the raised surface.
pub fn card<R>(ui: &mut Ui, content: impl FnOnce(&mut Ui) -> R) -> InnerResponse<R> {
    frame(theme::tokens(ui).raised).show(ui, content)
}

/// A card on another fill, such as a tone's tint.
pub fn card_filled<R>(ui: &mut Ui, fill: Color32, content: impl FnOnce(&mut Ui) -> R) -> InnerResponse<R> {
    frame(fill).show(ui, content)
}

/// A card that floats above others.
pub fn floating(ctx: &Context) -> Frame {
    frame(theme::tokens_of(ctx).floating).shadow(ctx.global_style().visuals.popup_shadow)
}
