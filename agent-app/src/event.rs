//! What happened: the only way from the backend to the window.

use shared_desktop::desk::DeskEvent;

use crate::preview::Answer;

/// Everything that can happen.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// What both apps are told: the session, the live feed, the phone, the time.
    Desk(DeskEvent),
    /// The service's answer about campaigns.
    Preview(Box<Answer>),
    /// The backend has ended; nothing more comes.
    Ended,
}
