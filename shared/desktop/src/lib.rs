//! What both desktop apps share: theme, widgets, the shell around the screens, the bridge to the backend, settings,
//! the phone and the session.

pub mod bridge;
pub mod format;
pub mod phone;
pub mod session;
pub mod settings;
pub mod theme;
pub mod widget;
