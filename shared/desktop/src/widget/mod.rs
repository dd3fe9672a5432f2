//! The widgets of both apps. Each has an accessible name, a visible focus ring, and colours only from the theme.

mod avatar;
mod badge;
mod button;
mod card;
mod dialog;
mod empty;
mod field;
mod keypad;
mod meter;
mod number;
mod segmented;
mod table;
mod text;

pub use avatar::avatar;
pub use badge::{Badge, dot};
pub use button::{Button, Kind, Size};
pub use card::{card, card_filled, floating};
pub use dialog::dialog;
pub use empty::empty;
pub use field::{Field, select};
pub use keypad::{KEYS, keypad};
pub use meter::{bar, level_meter};
pub use number::{big_timer, stat};
pub use segmented::segmented;
pub use table::{Column, Row, Table, Width};
pub use text::{line, line_in, muted, spread};
