//! What happened: the only way from the backend to the window.

use shared_desktop::desk::DeskEvent;

/// Everything that can happen.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// What both apps are told: the session, the live feed, the phone, the time.
    Desk(DeskEvent),
    /// The backend has ended; nothing more comes.
    Ended,
}
