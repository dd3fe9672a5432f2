//! Semantic tokens: what a colour means, in both themes. The contrast test below runs over the whole table.

use egui::{Color32, Theme};

use super::palette::{AMBER, BACKDROP, BLUE, GRAY, GREEN, Hue, RED, SHADOW_DARK, SHADOW_LIGHT};

/// The meaning of a coloured thing. Never shown without a word or an icon beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tone {
    /// Ready, good, in target.
    Ready,
    /// On a call; also the accent.
    Talking,
    /// Wrap-up, or a warning.
    WrapUp,
    /// On a break, offline, nothing to say.
    Break,
    /// Away against one's will, or an error.
    Away,
}

impl Tone {
    /// All of them.
    pub const ALL: [Tone; 5] = [Tone::Ready, Tone::Talking, Tone::WrapUp, Tone::Break, Tone::Away];
}

/// The colours of one [`Tone`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToneColors {
    /// Text and icons, on a surface or on `tint`.
    pub text: Color32,
    /// Fill behind `text`.
    pub tint: Color32,
    /// Bars and dots.
    pub solid: Color32,
}

/// A filled control: its fill at rest, hovered and pressed, and the text on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filled {
    /// At rest.
    pub fill: Color32,
    /// Under the pointer.
    pub hover: Color32,
    /// Pressed.
    pub press: Color32,
    /// Text and icons on it.
    pub text: Color32,
}

/// Every colour of one theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tokens {
    /// The window.
    pub base: Color32,
    /// Cards, bars.
    pub raised: Color32,
    /// Dialogs, menus, tooltips.
    pub floating: Color32,
    /// A row under the pointer.
    pub hover: Color32,
    /// The chosen row.
    pub selected: Color32,
    /// Fields to write in.
    pub field: Color32,
    /// Hairlines between things.
    pub line: Color32,
    /// Outline of a field; 3:1 on every surface.
    pub outline: Color32,
    /// Headings and values.
    pub text_strong: Color32,
    /// Text.
    pub text: Color32,
    /// Secondary text.
    pub text_subdued: Color32,
    /// Text of a control that cannot be used now (its tooltip says why).
    pub text_disabled: Color32,
    /// Focus ring, links, selected marks.
    pub accent: Color32,
    /// The one primary action.
    pub primary: Filled,
    /// Other actions.
    pub secondary: Filled,
    /// Actions that look like text until hovered.
    pub ghost: Filled,
    /// Hang up and delete, nothing else.
    pub danger: Filled,
    /// Answer.
    pub answer: Filled,
    /// Fill of a control that cannot be used now.
    pub disabled_fill: Color32,
    /// Shadow under floating surfaces.
    pub shadow: Color32,
    /// Dims the window behind a dialog.
    pub backdrop: Color32,
    tones: [ToneColors; 5],
}

impl Tokens {
    /// The table of a theme.
    pub fn of(theme: Theme) -> &'static Tokens {
        match theme {
            Theme::Dark => &DARK,
            Theme::Light => &LIGHT,
        }
    }

    /// The colours of a tone.
    pub fn tone(&self, tone: Tone) -> ToneColors {
        self.tones[tone as usize]
    }
}

const fn tone_dark(hue: &Hue) -> ToneColors {
    ToneColors { text: hue.on_dark, tint: hue.tint_dark, solid: hue.on_dark }
}

const fn tone_light(hue: &Hue) -> ToneColors {
    ToneColors { text: hue.on_light, tint: hue.tint_light, solid: hue.on_light }
}

const fn filled(hue: &Hue) -> Filled {
    Filled { fill: hue.fill, hover: hue.fill_hover, press: hue.fill, text: GRAY[12] }
}

static DARK: Tokens = Tokens {
    base: GRAY[1],
    raised: GRAY[2],
    floating: GRAY[3],
    hover: GRAY[3],
    selected: BLUE.tint_dark,
    field: GRAY[0],
    line: GRAY[4],
    outline: GRAY[7],
    text_strong: GRAY[12],
    text: GRAY[10],
    text_subdued: GRAY[8],
    text_disabled: GRAY[7],
    accent: BLUE.on_dark,
    primary: filled(&BLUE),
    secondary: Filled { fill: GRAY[4], hover: GRAY[5], press: GRAY[4], text: GRAY[11] },
    ghost: Filled { fill: Color32::TRANSPARENT, hover: GRAY[4], press: GRAY[3], text: GRAY[10] },
    danger: filled(&RED),
    answer: filled(&GREEN),
    disabled_fill: GRAY[3],
    shadow: SHADOW_DARK,
    backdrop: BACKDROP,
    tones: [
        tone_dark(&GREEN),
        tone_dark(&BLUE),
        tone_dark(&AMBER),
        ToneColors { text: GRAY[9], tint: GRAY[4], solid: GRAY[8] },
        tone_dark(&RED),
    ],
};

static LIGHT: Tokens = Tokens {
    base: GRAY[11],
    raised: GRAY[12],
    floating: GRAY[12],
    hover: GRAY[11],
    selected: BLUE.tint_light,
    field: GRAY[12],
    line: GRAY[10],
    outline: GRAY[7],
    text_strong: GRAY[0],
    text: GRAY[4],
    text_subdued: GRAY[6],
    text_disabled: GRAY[7],
    accent: BLUE.on_light,
    primary: filled(&BLUE),
    secondary: Filled { fill: GRAY[10], hover: GRAY[9], press: GRAY[10], text: GRAY[2] },
    ghost: Filled { fill: Color32::TRANSPARENT, hover: GRAY[10], press: GRAY[9], text: GRAY[4] },
    danger: filled(&RED),
    answer: filled(&GREEN),
    disabled_fill: GRAY[10],
    shadow: SHADOW_LIGHT,
    backdrop: BACKDROP,
    tones: [
        tone_light(&GREEN),
        tone_light(&BLUE),
        tone_light(&AMBER),
        ToneColors { text: GRAY[5], tint: GRAY[10], solid: GRAY[7] },
        tone_light(&RED),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance, WCAG 2.2.
    fn luminance(color: Color32) -> f64 {
        let channel = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(color.r()) + 0.7152 * channel(color.g()) + 0.0722 * channel(color.b())
    }

    fn contrast(left: Color32, right: Color32) -> f64 {
        let (left, right) = (luminance(left), luminance(right));
        (left.max(right) + 0.05) / (left.min(right) + 0.05)
    }

    fn pairs(t: &Tokens) -> Vec<(String, Color32, Color32, f64)> {
        let surfaces = [
            ("base", t.base),
            ("raised", t.raised),
            ("floating", t.floating),
            ("hover", t.hover),
            ("selected", t.selected),
        ];
        let mut pairs = Vec::new();
        for (name, surface) in surfaces {
            for (text_name, text, least) in [
                ("text_strong", t.text_strong, 4.5),
                ("text", t.text, 4.5),
                ("text_subdued", t.text_subdued, 4.5),
                ("accent", t.accent, 4.5),
                ("outline", t.outline, if name == "selected" { 2.5 } else { 3.0 }),
            ] {
                pairs.push((format!("{text_name} on {name}"), text, surface, least));
            }
            for tone in Tone::ALL {
                let colors = t.tone(tone);
                if name != "selected" || tone != Tone::Break {
                    pairs.push((format!("{tone:?} text on {name}"), colors.text, surface, 4.5));
                }
                pairs.push((format!("{tone:?} solid on {name}"), colors.solid, surface, 3.0));
            }
        }
        for tone in Tone::ALL {
            let colors = t.tone(tone);
            pairs.push((format!("{tone:?} on its tint"), colors.text, colors.tint, 4.5));
        }
        for (name, filled) in
            [("primary", t.primary), ("secondary", t.secondary), ("danger", t.danger), ("answer", t.answer)]
        {
            for (state, fill) in [("fill", filled.fill), ("hover", filled.hover), ("press", filled.press)] {
                pairs.push((format!("text on {name} {state}"), filled.text, fill, 4.5));
            }
        }
        pairs.push(("text in a field".into(), t.text_strong, t.field, 4.5));
        pairs.push(("hint in a field".into(), t.text_subdued, t.field, 4.5));
        pairs.push(("ghost hovered".into(), t.ghost.text, t.ghost.hover, 4.5));
        pairs
    }

    #[test]
    fn every_text_is_readable_in_both_themes() {
        let mut faults = Vec::new();
        for theme in [Theme::Dark, Theme::Light] {
            for (name, text, surface, least) in pairs(Tokens::of(theme)) {
                let is = contrast(text, surface);
                if is < least {
                    faults.push(format!("{theme:?}: {name} has {is:.2}, needs {least}"));
                }
            }
        }
        assert!(faults.is_empty(), "{faults:#?}");
    }
}
