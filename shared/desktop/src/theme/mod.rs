//! The look: fonts, sizes, spacing and colours by meaning. Nothing outside of this folder names a colour.
//!
//! A primitive scale (`palette`) feeds a table of meanings ([`Tokens`]), one a theme. Widgets ask
//! [`tokens`] for the table of the theme that is shown.

pub mod icon;
mod palette;
mod style;
mod text;
mod token;

pub use style::{Mode, install, set_mode};
pub use text::{
    Weight, body, heading, icon, icon_fill, mono, numbers, page_title, secondary, strong, text_in,
};
pub use token::{Filled, Tokens, Tone, ToneColors};

/// Spacing steps in points; no other distance is used between things.
pub mod space {
    /// Between a thing and its label.
    pub const XS: f32 = 4.0;
    /// Between things of one group.
    pub const S: f32 = 8.0;
    /// Between groups of one card.
    pub const M: f32 = 12.0;
    /// Inside of cards.
    pub const L: f32 = 16.0;
    /// Around a page.
    pub const XL: f32 = 24.0;
    /// Between sections of a page.
    pub const XXL: f32 = 32.0;
}

/// Sizes of text in points.
pub mod size {
    /// Secondary text.
    pub const SECONDARY: f32 = 12.0;
    /// Text and buttons.
    pub const BODY: f32 = 14.0;
    /// Section headings.
    pub const SECTION: f32 = 16.0;
    /// Page headings.
    pub const PAGE: f32 = 20.0;
    /// The call timer.
    pub const TIMER: f32 = 32.0;
}

/// Heights of things in points.
pub mod height {
    /// Buttons and fields.
    pub const CONTROL: f32 = 32.0;
    /// Buttons in dense places.
    pub const COMPACT: f32 = 28.0;
    /// The one or two buttons that a screen is about.
    pub const LARGE: f32 = 44.0;
    /// Rows of lists.
    pub const ROW: f32 = 40.0;
    /// Rows of dense tables.
    pub const DENSE_ROW: f32 = 32.0;
    /// The bar on top.
    pub const TOP_BAR: f32 = 48.0;
}

/// Radii in points.
pub mod radius {
    /// Marks and badges.
    pub const SMALL: u8 = 4;
    /// Controls.
    pub const CONTROL: u8 = 6;
    /// Cards and dialogs.
    pub const CARD: u8 = 10;
}

/// The colours of the theme that `ui` is drawn in.
pub fn tokens(ui: &egui::Ui) -> &'static Tokens {
    Tokens::of(if ui.visuals().dark_mode { egui::Theme::Dark } else { egui::Theme::Light })
}

/// The colours of the theme that the window is drawn in.
pub fn tokens_of(ctx: &egui::Context) -> &'static Tokens {
    Tokens::of(ctx.theme())
}
