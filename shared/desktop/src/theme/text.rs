//! Text in the sizes and weights of the design. A weight is a font of its own, since egui has no bold.

use egui::{FontFamily, FontId, RichText};

use super::size;

/// The cuts that are embedded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Running text.
    Regular,
    /// Labels of controls.
    Medium,
    /// Headings.
    SemiBold,
    /// Numbers: every digit has one width.
    Mono,
    /// Large numbers.
    MonoMedium,
    /// Outlined icons.
    Icon,
    /// Filled icons.
    IconFill,
}

impl Weight {
    /// The family that [`super::install`] has registered for it.
    pub fn family(self) -> FontFamily {
        match self {
            Weight::Regular => FontFamily::Proportional,
            Weight::Mono => FontFamily::Monospace,
            Weight::Medium => FontFamily::Name("medium".into()),
            Weight::SemiBold => FontFamily::Name("semibold".into()),
            Weight::MonoMedium => FontFamily::Name("mono-medium".into()),
            Weight::Icon => FontFamily::Name("icon".into()),
            Weight::IconFill => FontFamily::Name("icon-fill".into()),
        }
    }

    /// A font of this weight in points.
    pub fn at(self, size: f32) -> FontId {
        FontId::new(size, self.family())
    }
}

/// Text of a weight and size.
pub fn text_in(text: impl Into<String>, weight: Weight, size: f32) -> RichText {
    RichText::new(text).font(weight.at(size))
}

/// Running text.
pub fn body(text: impl Into<String>) -> RichText {
    text_in(text, Weight::Regular, size::BODY)
}

/// Running text that stands out.
pub fn strong(text: impl Into<String>) -> RichText {
    text_in(text, Weight::Medium, size::BODY).strong()
}

/// Secondary text, subdued.
pub fn secondary(text: impl Into<String>) -> RichText {
    text_in(text, Weight::Regular, size::SECONDARY).weak()
}

/// Heading of a section.
pub fn heading(text: impl Into<String>) -> RichText {
    text_in(text, Weight::SemiBold, size::SECTION).strong()
}

/// Heading of a page.
pub fn page_title(text: impl Into<String>) -> RichText {
    text_in(text, Weight::SemiBold, size::PAGE).strong()
}

/// Numbers in running text and tables.
pub fn mono(text: impl Into<String>) -> RichText {
    text_in(text, Weight::Mono, size::BODY)
}

/// Large numbers.
pub fn numbers(text: impl Into<String>, size: f32) -> RichText {
    text_in(text, Weight::MonoMedium, size).strong()
}

/// An outlined icon of [`super::icon`].
pub fn icon(code: &str, size: f32) -> RichText {
    text_in(code, Weight::Icon, size)
}

/// A filled icon of [`super::icon`].
pub fn icon_fill(code: &str, size: f32) -> RichText {
    text_in(code, Weight::IconFill, size)
}
