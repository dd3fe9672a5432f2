//! The bar on top.

use egui::{Align, Frame, Layout, Margin, Panel, Ui};

use crate::desk::Desk;
use crate::phone::Registration;
use crate::theme::{self, Tone, height, icon, space};
use crate::widget::Badge;

/// Draws the bar: `left` from the left, `right` from the right.
pub fn top_bar(ui: &mut Ui, left: impl FnOnce(&mut Ui), right: impl FnOnce(&mut Ui)) {
    let frame = Frame::new().fill(theme::tokens(ui).raised).inner_margin(Margin::symmetric(16, 0));
    Panel::top("top bar").exact_size(height::TOP_BAR).frame(frame).show_separator_line(false).show(
        ui,
        |ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.spacing_mut().item_spacing.x = space::S;
                right(ui);
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    ui.spacing_mut().item_spacing.x = space::M;
                    left(ui);
                });
            });
        },
    );
}

/// How the own phone is doing, as a badge; `None` while it does what is expected.
pub fn phone_badge(desk: &Desk) -> Option<(Badge, String)> {
    if let Some(error) = &desk.no_phone {
        return Some((Badge::new("No phone", icon::PHONE_SLASH, Tone::Away), crate::notice::explain(error)));
    }
    match &desk.phone.registration {
        Registration::Registered { .. } => None,
        Registration::Off => Some((
            Badge::new("Phone off", icon::PHONE_SLASH, Tone::Break),
            "The phone is not connected to the service yet.".into(),
        )),
        Registration::Trying => Some((
            Badge::new("Connecting phone…", icon::PLUGS, Tone::Break),
            "The phone registers with the service.".into(),
        )),
        Registration::Failed { status, reason } => Some((
            Badge::new("Phone lost", icon::PHONE_SLASH, Tone::Away),
            format!("{reason} ({status}). It tries again by itself; no calls come until then."),
        )),
    }
}
