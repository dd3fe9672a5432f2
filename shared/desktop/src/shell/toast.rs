//! Messages at the bottom right, over everything.

use egui::{Align, Align2, Area, Context, Id, Label, Layout, Order, vec2};

use crate::notice::Notices;
use crate::theme::{self, Tone, icon, space};
use crate::widget::{Button, Size, floating};

/// Shows the messages; returns the one that was dismissed.
pub fn toasts(ctx: &Context, notices: &Notices) -> Option<u64> {
    let mut dismissed = None;
    notices.iter().next()?;
    Area::new(Id::unique("toasts"))
        .order(Order::Foreground)
        .anchor(Align2::RIGHT_BOTTOM, vec2(-space::L, -space::L))
        .show(ctx, |ui| {
            ui.set_width(380.0);
            for notice in notices.iter() {
                let colors = theme::tokens(ui).tone(notice.tone);
                floating(ctx).show(ui, |ui| {
                    ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
                        let close = Button::icon_only(icon::X, "Dismiss").size(Size::Compact);
                        if ui.add(close).clicked() {
                            dismissed = Some(notice.id);
                        }
                        ui.with_layout(Layout::left_to_right(Align::Min), |ui| {
                            ui.label(theme::icon_fill(icon_of(notice.tone), 20.0).color(colors.text));
                            ui.vertical(|ui| {
                                ui.spacing_mut().item_spacing.y = space::XS;
                                ui.add(Label::new(theme::strong(&notice.title)).wrap());
                                if !notice.detail.is_empty() {
                                    ui.add(Label::new(theme::secondary(&notice.detail)).wrap());
                                }
                            });
                        });
                    });
                });
            }
        });
    dismissed
}

fn icon_of(tone: Tone) -> &'static str {
    match tone {
        Tone::Ready => icon::CHECK_CIRCLE,
        Tone::Talking | Tone::Break => icon::INFO,
        Tone::WrapUp => icon::WARNING,
        Tone::Away => icon::WARNING_CIRCLE,
    }
}
