//! The primitive colours. Only [`super::token`] may use them: everything else asks for a meaning.

#![allow(clippy::disallowed_methods)] // The one place where colours are numbers.

use egui::Color32;

const fn hex(value: u32) -> Color32 {
    Color32::from_rgb((value >> 16) as u8, (value >> 8) as u8, value as u8)
}

/// Greys with a breath of blue, from black (0) to white (12).
pub(super) const GRAY: [Color32; 13] = [
    hex(0x0B0D10),
    hex(0x111418),
    hex(0x191D22),
    hex(0x22272E),
    hex(0x2C333B),
    hex(0x3A424C),
    hex(0x5A6472),
    hex(0x687385),
    hex(0x98A2B0),
    hex(0xC7CDD6),
    hex(0xE2E6EB),
    hex(0xF3F5F7),
    hex(0xFFFFFF),
];

/// One hue in the six steps that tokens need.
pub(super) struct Hue {
    /// Fill behind text, dark theme.
    pub(super) tint_dark: Color32,
    /// Fill behind text, light theme.
    pub(super) tint_light: Color32,
    /// Filled control with white text.
    pub(super) fill: Color32,
    /// The same, hovered.
    pub(super) fill_hover: Color32,
    /// Text, icons and bars on dark surfaces.
    pub(super) on_dark: Color32,
    /// Text, icons and bars on light surfaces.
    pub(super) on_light: Color32,
}

pub(super) const BLUE: Hue = Hue {
    tint_dark: hex(0x16294A),
    tint_light: hex(0xE1ECFE),
    fill: hex(0x2362DB),
    fill_hover: hex(0x2F6FEB),
    on_dark: hex(0x7FB0FF),
    on_light: hex(0x1A56C4),
};

pub(super) const GREEN: Hue = Hue {
    tint_dark: hex(0x12321F),
    tint_light: hex(0xDCF5E5),
    fill: hex(0x147A3D),
    fill_hover: hex(0x187F43),
    on_dark: hex(0x5FD68C),
    on_light: hex(0x0F6A35),
};

pub(super) const AMBER: Hue = Hue {
    tint_dark: hex(0x3A2A0C),
    tint_light: hex(0xFDF0D2),
    fill: hex(0x97610A),
    fill_hover: hex(0x9E660C),
    on_dark: hex(0xF2B84B),
    on_light: hex(0x7D4F05),
};

pub(super) const RED: Hue = Hue {
    tint_dark: hex(0x451A1D),
    tint_light: hex(0xFDE5E5),
    fill: hex(0xC22F37),
    fill_hover: hex(0xD03A42),
    on_dark: hex(0xFF8B8F),
    on_light: hex(0xB0222B),
};

/// Shadow under floating surfaces.
pub(super) const SHADOW_DARK: Color32 = Color32::from_rgba_premultiplied(0, 0, 0, 120);
/// The same, light theme.
pub(super) const SHADOW_LIGHT: Color32 = Color32::from_rgba_premultiplied(0, 0, 0, 36);
/// Dims the window behind a dialog.
pub(super) const BACKDROP: Color32 = Color32::from_rgba_premultiplied(0, 0, 0, 140);
