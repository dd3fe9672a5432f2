//! Buttons: filled without strokes, one primary a screen, danger only for hang-up and delete.

use std::borrow::Cow;

use egui::{
    CornerRadius, KeyboardShortcut, Rect, Response, Role, Sense, StrokeKind, Ui, Vec2, Widget, WidgetInfo,
    vec2,
};

use crate::theme::{self, Filled, Tone, Weight, height, radius, size, space};

/// What a button is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// The one thing to do here.
    Primary,
    /// Anything else.
    #[default]
    Secondary,
    /// Looks like text until hovered.
    Ghost,
    /// Hang up and delete.
    Danger,
    /// Answer a call.
    Answer,
    /// Something to look at, in the colours of its tone.
    Toned(Tone),
}

/// How tall a button is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Size {
    /// 28 points.
    Compact,
    /// 32 points.
    #[default]
    Normal,
    /// 44 points.
    Large,
}

/// A button with words, an icon, or both.
#[must_use = "add it to a Ui"]
pub struct Button<'a> {
    label: Cow<'a, str>,
    icon: Option<&'a str>,
    kind: Kind,
    size: Size,
    hint: Cow<'a, str>,
    shortcut: Option<KeyboardShortcut>,
    blocked: Option<Cow<'a, str>>,
    selected: bool,
    width: Option<f32>,
    icon_only: bool,
    stacked: bool,
}

impl<'a> Button<'a> {
    /// A button with words.
    pub fn new(label: impl Into<Cow<'a, str>>) -> Self {
        Button {
            label: label.into(),
            icon: None,
            kind: Kind::default(),
            size: Size::default(),
            hint: "".into(),
            shortcut: None,
            blocked: None,
            selected: false,
            width: None,
            icon_only: false,
            stacked: false,
        }
    }

    /// Only an icon; `label` is its accessible name and its tooltip.
    pub fn icon_only(icon: &'a str, label: impl Into<Cow<'a, str>>) -> Self {
        Button { icon: Some(icon), icon_only: true, kind: Kind::Ghost, ..Button::new(label) }
    }

    /// The one thing to do here.
    pub fn primary(self) -> Self {
        self.kind(Kind::Primary)
    }

    /// Looks like text until hovered.
    pub fn ghost(self) -> Self {
        self.kind(Kind::Ghost)
    }

    /// What it is for.
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// How tall it is.
    pub fn size(mut self, size: Size) -> Self {
        self.size = size;
        self
    }

    /// An icon before the words.
    pub fn icon(mut self, icon: &'a str) -> Self {
        self.icon = Some(icon);
        self
    }

    /// The icon above the words, in a square that stays where it is whatever the words.
    pub fn stacked(mut self, width: f32) -> Self {
        self.stacked = true;
        self.width = Some(width);
        self
    }

    /// What it does, for the tooltip.
    pub fn hint(mut self, hint: impl Into<Cow<'a, str>>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Shown in the tooltip; the app's shell listens for it.
    pub fn shortcut(mut self, shortcut: Option<KeyboardShortcut>) -> Self {
        self.shortcut = shortcut;
        self
    }

    /// Cannot be used now, and why.
    pub fn blocked(mut self, why: Option<impl Into<Cow<'a, str>>>) -> Self {
        self.blocked = why.map(Into::into);
        self
    }

    /// Shows that what it stands for is on.
    pub fn selected(mut self, selected: bool) -> Self {
        self.selected = selected;
        self
    }

    /// As wide as this.
    pub fn width(mut self, width: f32) -> Self {
        self.width = Some(width);
        self
    }

    fn show(&self, ui: &mut Ui) -> Response {
        let tokens = theme::tokens(ui);
        let colors = match self.kind {
            Kind::Primary => tokens.primary,
            Kind::Secondary => tokens.secondary,
            Kind::Ghost => tokens.ghost,
            Kind::Danger => tokens.danger,
            Kind::Answer => tokens.answer,
            Kind::Toned(tone) => {
                let tone = tokens.tone(tone);
                Filled { fill: tone.tint, hover: tone.tint, press: tone.tint, text: tone.text }
            }
        };
        let colors = if self.selected && matches!(self.kind, Kind::Secondary | Kind::Ghost) {
            Filled {
                fill: tokens.selected,
                hover: tokens.selected,
                press: tokens.selected,
                text: tokens.accent,
            }
        } else {
            colors
        };
        let enabled = ui.is_enabled();
        let text = if enabled { colors.text } else { tokens.text_disabled };
        let layout = Layout::of(self, ui, text);
        let (rect, response) = ui.allocate_exact_size(layout.outer, Sense::click());
        response.widget_info(|| {
            let mut info = WidgetInfo::labeled(Role::Button, enabled, &self.label);
            if self.selected {
                info.selected = Some(true);
            }
            info
        });
        if ui.is_rect_visible(rect) {
            let fill = match (enabled, response.is_pointer_button_down_on(), response.hovered()) {
                (false, _, _) if self.kind == Kind::Ghost => colors.fill,
                (false, _, _) => tokens.disabled_fill,
                (true, true, _) => colors.press,
                (true, false, true) => colors.hover,
                (true, false, false) => colors.fill,
            };
            let corner = CornerRadius::same(radius::CONTROL);
            ui.painter().rect_filled(rect, corner, fill);
            if response.has_focus() {
                let ring = egui::Stroke::new(2.0, tokens.accent);
                ui.painter().rect_stroke(
                    rect.expand(2.0),
                    CornerRadius::same(radius::CONTROL + 2),
                    ring,
                    StrokeKind::Inside,
                );
            }
            layout.paint(ui, rect, text);
        }
        response
    }

    fn tooltip(&self, ui: &Ui) -> String {
        let mut text = match (self.icon_only, self.hint.is_empty()) {
            (true, true) => self.label.to_string(),
            _ => self.hint.to_string(),
        };
        if let Some(shortcut) = &self.shortcut {
            if text.is_empty() {
                text = self.label.to_string();
            }
            text = format!("{text}  ({})", ui.ctx().format_shortcut(shortcut));
        }
        text
    }
}

impl Widget for Button<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        if let Some(why) = &self.blocked {
            let response = ui.add_enabled_ui(false, |ui| self.show(ui)).inner;
            let described = why.to_string();
            ui.ctx().accesskit_node_builder(response.id, |node| node.set_description(described));
            let label = &self.label;
            return response.on_disabled_hover_text(format!("{label}: {why}"));
        }
        let response = self.show(ui);
        let tooltip = self.tooltip(ui);
        if tooltip.is_empty() { response } else { response.on_hover_text(tooltip) }
    }
}

/// Where icon and words are.
struct Layout {
    outer: Vec2,
    icon: Option<std::sync::Arc<egui::Galley>>,
    label: Option<std::sync::Arc<egui::Galley>>,
    gap: f32,
    stacked: bool,
}

impl Layout {
    fn of(button: &Button<'_>, ui: &Ui, color: egui::Color32) -> Layout {
        let height = match button.size {
            Size::Compact => height::COMPACT,
            Size::Normal => height::CONTROL,
            Size::Large => height::LARGE,
        };
        let font =
            if button.stacked { Weight::Medium.at(size::SECONDARY) } else { Weight::Medium.at(size::BODY) };
        let icon_size = if button.stacked { 22.0 } else { 18.0 };
        let layout = |text: &str, font| ui.painter().layout_no_wrap(text.to_owned(), font, color);
        let weight = if button.selected { Weight::IconFill } else { Weight::Icon };
        let icon = button.icon.map(|code| layout(code, weight.at(icon_size)));
        let label = (!button.icon_only).then(|| layout(&button.label, font));
        let gap = if button.stacked { 2.0 } else { space::S };
        let (icon_size, label_size) = (
            icon.as_ref().map_or(Vec2::ZERO, |galley| galley.size()),
            label.as_ref().map_or(Vec2::ZERO, |galley| galley.size()),
        );
        let outer = if button.stacked {
            vec2(button.width.unwrap_or(72.0), 60.0)
        } else if button.icon_only {
            vec2(height, height)
        } else {
            let padding = if button.size == Size::Compact { space::S } else { space::M };
            let content = icon_size.x + label_size.x + if icon.is_some() { gap } else { 0.0 };
            vec2(button.width.unwrap_or(content + 2.0 * padding).max(height), height)
        };
        Layout { outer, icon, label, gap, stacked: button.stacked }
    }

    fn paint(&self, ui: &Ui, rect: Rect, color: egui::Color32) {
        let sizes =
            [&self.icon, &self.label].map(|part| part.as_ref().map_or(Vec2::ZERO, |galley| galley.size()));
        let gap = if self.icon.is_some() && self.label.is_some() { self.gap } else { 0.0 };
        let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
        let mut at = if self.stacked {
            rect.center() - vec2(0.0, (sizes[0].y + gap + sizes[1].y) / 2.0)
        } else {
            rect.center() - vec2((sizes[0].x + gap + sizes[1].x) / 2.0, 0.0)
        };
        for (galley, size) in [&self.icon, &self.label].into_iter().zip(sizes) {
            if let Some(galley) = galley {
                let corner =
                    if self.stacked { at - vec2(size.x / 2.0, 0.0) } else { at - vec2(0.0, size.y / 2.0) };
                painter.galley(corner, galley.clone(), color);
                at += if self.stacked { vec2(0.0, size.y + gap) } else { vec2(size.x + gap, 0.0) };
            }
        }
    }
}
