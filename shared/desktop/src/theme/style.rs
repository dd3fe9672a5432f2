//! Puts fonts and colours into egui.

use std::sync::Arc;

use egui::epaint::Shadow;
use egui::style::{Selection, WidgetVisuals, Widgets};
use egui::{
    Context, CornerRadius, FontData, FontDefinitions, FontFamily, Margin, Stroke, Style, TextStyle, Theme,
    ThemePreference, Visuals, vec2,
};
use serde::{Deserialize, Serialize};

use super::{Tokens, Weight, height, radius, size, space};

/// Which theme the person wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// As the desktop says.
    #[default]
    System,
    /// Light text on dark.
    Dark,
    /// Dark text on light.
    Light,
}

impl Mode {
    /// All, in the order of the settings.
    pub const ALL: [Mode; 3] = [Mode::System, Mode::Dark, Mode::Light];

    /// The word that people read.
    pub fn label(self) -> &'static str {
        match self {
            Mode::System => "System",
            Mode::Dark => "Dark",
            Mode::Light => "Light",
        }
    }
}

/// Loads the fonts and both themes. Once, when the window is made.
pub fn install(ctx: &Context) {
    ctx.set_fonts(fonts());
    for theme in [Theme::Dark, Theme::Light] {
        ctx.set_style_of(theme, style(theme));
    }
}

/// Shows another theme from the next frame on.
pub fn set_mode(ctx: &Context, mode: Mode) {
    ctx.set_theme(match mode {
        Mode::System => ThemePreference::System,
        Mode::Dark => ThemePreference::Dark,
        Mode::Light => ThemePreference::Light,
    });
}

fn fonts() -> FontDefinitions {
    // egui's own fonts stay behind ours, for characters that ours lack.
    let mut fonts = FontDefinitions::default();
    let files: [(&str, &'static [u8]); 7] = [
        ("inter", include_bytes!("../../assets/Inter-Regular.otf")),
        ("inter-medium", include_bytes!("../../assets/Inter-Medium.otf")),
        ("inter-semibold", include_bytes!("../../assets/Inter-SemiBold.otf")),
        ("jetbrains-mono", include_bytes!("../../assets/JetBrainsMono-Regular.ttf")),
        ("jetbrains-mono-medium", include_bytes!("../../assets/JetBrainsMono-Medium.ttf")),
        ("phosphor", include_bytes!("../../assets/Phosphor.ttf")),
        ("phosphor-fill", include_bytes!("../../assets/Phosphor-Fill.ttf")),
    ];
    for (name, bytes) in files {
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(bytes)));
    }
    let fallback = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    let mut family = |family: FontFamily, first: &str| {
        let mut names = vec![first.to_owned()];
        names.extend(fallback.iter().cloned());
        fonts.families.insert(family, names);
    };
    family(Weight::Regular.family(), "inter");
    family(Weight::Medium.family(), "inter-medium");
    family(Weight::SemiBold.family(), "inter-semibold");
    family(Weight::Mono.family(), "jetbrains-mono");
    family(Weight::MonoMedium.family(), "jetbrains-mono-medium");
    family(Weight::Icon.family(), "phosphor");
    family(Weight::IconFill.family(), "phosphor-fill");
    fonts
}

fn style(theme: Theme) -> Style {
    let tokens = Tokens::of(theme);
    let mut style = Style { visuals: visuals(theme, tokens), ..Style::default() };
    style.text_styles = [
        (TextStyle::Small, Weight::Regular.at(size::SECONDARY)),
        (TextStyle::Body, Weight::Regular.at(size::BODY)),
        (TextStyle::Button, Weight::Medium.at(size::BODY)),
        (TextStyle::Heading, Weight::SemiBold.at(size::SECTION)),
        (TextStyle::Monospace, Weight::Mono.at(size::BODY)),
    ]
    .into();
    let spacing = &mut style.spacing;
    spacing.item_spacing = vec2(space::S, space::S);
    spacing.button_padding = vec2(space::M, space::XS);
    spacing.interact_size = vec2(height::CONTROL, height::CONTROL);
    spacing.window_margin = Margin::same(16);
    spacing.menu_margin = Margin::symmetric(10, 8);
    spacing.combo_height = 280.0;
    spacing.scroll.bar_width = 6.0;
    spacing.scroll.floating = true;
    style.interaction.selectable_labels = false;
    style.interaction.tooltip_delay = 0.25;
    style.animation_time = 0.1;
    style
}

fn visuals(theme: Theme, tokens: &Tokens) -> Visuals {
    let mut visuals = match theme {
        Theme::Dark => Visuals::dark(),
        Theme::Light => Visuals::light(),
    };
    let widget = |fill, text| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: Stroke::NONE,
        corner_radius: CornerRadius::same(radius::CONTROL),
        fg_stroke: Stroke::new(1.0, text),
        expansion: 0.0,
    };
    visuals.widgets = Widgets {
        noninteractive: WidgetVisuals {
            bg_stroke: Stroke::new(1.0, tokens.line),
            ..widget(tokens.raised, tokens.text)
        },
        inactive: widget(tokens.secondary.fill, tokens.secondary.text),
        hovered: widget(tokens.secondary.hover, tokens.secondary.text),
        // egui shows the focused widget in this style: the focus ring is its stroke.
        active: WidgetVisuals {
            bg_stroke: Stroke::new(2.0, tokens.accent),
            ..widget(tokens.secondary.press, tokens.text_strong)
        },
        open: widget(tokens.secondary.hover, tokens.secondary.text),
    };
    visuals.selection = Selection { bg_fill: tokens.selected, stroke: Stroke::new(2.0, tokens.accent) };
    visuals.weak_text_color = Some(tokens.text_subdued);
    visuals.hyperlink_color = tokens.accent;
    visuals.faint_bg_color = tokens.hover;
    visuals.extreme_bg_color = tokens.field;
    visuals.text_edit_bg_color = Some(tokens.field);
    visuals.code_bg_color = tokens.field;
    visuals.warn_fg_color = tokens.tone(super::Tone::WrapUp).text;
    visuals.error_fg_color = tokens.tone(super::Tone::Away).text;
    visuals.panel_fill = tokens.base;
    visuals.window_fill = tokens.floating;
    visuals.window_stroke = Stroke::NONE;
    visuals.window_corner_radius = CornerRadius::same(radius::CARD);
    visuals.menu_corner_radius = CornerRadius::same(radius::CONTROL);
    visuals.window_shadow = Shadow { offset: [0, 12], blur: 40, spread: 0, color: tokens.shadow };
    visuals.popup_shadow = Shadow { offset: [0, 6], blur: 20, spread: 0, color: tokens.shadow };
    // What cannot be used now has colours of its own and is not faded besides.
    visuals.disabled_alpha = 1.0;
    visuals.striped = false;
    visuals.indent_has_left_vline = false;
    visuals
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theme::icon;

    #[test]
    fn the_embedded_fonts_have_every_icon_and_the_letters_of_names() {
        let ctx = Context::default();
        install(&ctx);
        ctx.run_ui(egui::RawInput::default(), |_| {}).drop_without_applying_deltas();
        ctx.fonts_mut(|fonts| {
            for code in icon::ALL {
                assert!(fonts.has_glyphs(&Weight::Icon.at(16.0), code), "{code:?} outlined");
                assert!(fonts.has_glyphs(&Weight::IconFill.at(16.0), code), "{code:?} filled");
            }
            for weight in [Weight::Regular, Weight::Medium, Weight::SemiBold, Weight::Mono] {
                assert!(fonts.has_glyphs(&weight.at(14.0), "Zoë Łukasz Ængström Ιωάννης Жанна … – ≥ €"));
            }
        });
    }
}
