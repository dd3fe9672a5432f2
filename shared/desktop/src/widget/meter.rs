//! Bars: a voice level, and a share of something.

use egui::{CornerRadius, Rect, Response, Role, Sense, Ui, WidgetInfo, vec2};

use crate::theme::{self, Tone};

/// A voice level, 0 to 1, in twelve segments.
pub fn level_meter(ui: &mut Ui, label: &str, level: f32) -> Response {
    const SEGMENTS: usize = 12;
    let (rect, response) = ui.allocate_exact_size(vec2(SEGMENTS as f32 * 6.0, 14.0), Sense::hover());
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::Meter, true, label);
        info.value = Some(f64::from(level));
        info
    });
    let tokens = theme::tokens(ui);
    let lit = (level.clamp(0.0, 1.0) * SEGMENTS as f32).round() as usize;
    for segment in 0..SEGMENTS {
        let left = rect.left() + segment as f32 * 6.0;
        let tone = if segment >= SEGMENTS - 2 { Tone::WrapUp } else { Tone::Ready };
        let color = if segment < lit { tokens.tone(tone).solid } else { tokens.line };
        let bar = Rect::from_min_size(egui::pos2(left, rect.top()), vec2(4.0, rect.height()));
        ui.painter().rect_filled(bar, CornerRadius::same(1), color);
    }
    response.on_hover_text(label)
}

/// A share of the width, 0 to 1, four points high.
pub fn bar(ui: &mut Ui, share: f32, tone: Tone) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 4.0), Sense::hover());
    let tokens = theme::tokens(ui);
    ui.painter().rect_filled(rect, CornerRadius::same(2), tokens.line);
    let mut filled = rect;
    filled.set_width(rect.width() * share.clamp(0.0, 1.0));
    ui.painter().rect_filled(filled, CornerRadius::same(2), tokens.tone(tone).solid);
    response
}
