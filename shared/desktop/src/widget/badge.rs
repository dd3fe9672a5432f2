//! A state as icon and word on a tint; never a colour alone.

use egui::{CornerRadius, Response, Role, Sense, Ui, Vec2, Widget, WidgetInfo, vec2};

use crate::theme::{self, Tone, Weight, radius, size, space};

/// A state with its word, icon and tone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Badge {
    /// The word.
    pub word: String,
    /// The icon, from [`theme::icon`].
    pub icon: &'static str,
    /// The colour.
    pub tone: Tone,
}

impl Badge {
    /// All three.
    pub fn new(word: impl Into<String>, icon: &'static str, tone: Tone) -> Self {
        Badge { word: word.into(), icon, tone }
    }
}

impl Widget for &Badge {
    fn ui(self, ui: &mut Ui) -> Response {
        let colors = theme::tokens(ui).tone(self.tone);
        let icon = ui.painter().layout_no_wrap(self.icon.to_owned(), Weight::IconFill.at(14.0), colors.text);
        let room = (ui.available_width() - icon.size().x - space::XS - 2.0 * space::S).max(16.0);
        let mut job = egui::text::LayoutJob::single_section(
            self.word.clone(),
            egui::TextFormat::simple(Weight::Medium.at(size::SECONDARY), colors.text),
        );
        job.wrap = egui::text::TextWrapping::truncate_at_width(room);
        let word = ui.fonts_mut(|fonts| fonts.layout_job(job));
        let outer = vec2(icon.size().x + space::XS + word.size().x + 2.0 * space::S, 22.0);
        let (rect, response) = ui.allocate_exact_size(outer, Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &self.word));
        if ui.is_rect_visible(rect) {
            ui.painter().rect_filled(rect, CornerRadius::same(radius::SMALL), colors.tint);
            let at = rect.left_center() + vec2(space::S, 0.0);
            ui.painter().galley(at - vec2(0.0, icon.size().y / 2.0), icon.clone(), colors.text);
            let at = at + vec2(icon.size().x + space::XS, 0.0);
            ui.painter().galley(at - vec2(0.0, word.size().y / 2.0), word, colors.text);
        }
        response
    }
}

/// A coloured dot, for beside a word.
pub fn dot(ui: &mut Ui, tone: Tone) -> Response {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(10.0), Sense::hover());
    ui.painter().circle_filled(rect.center(), 4.0, theme::tokens(ui).tone(tone).solid);
    response
}
