//! What both desktop apps share: theme, widgets, the shell around the screens, the bridge to the backend, settings,
//! the phone and the session.

pub mod agent_words;
pub mod bridge;
pub mod desk;
pub mod driver;
pub mod format;
pub mod notice;
pub mod palette;
pub mod phone;
pub mod player;
pub mod session;
pub mod settings;
pub mod shell;
#[cfg(feature = "testing")]
pub mod testing;
pub mod theme;
pub mod widget;

/// The monotonic clock of the drivers, for the `main` of the apps.
pub use shared_net::clock;
