//! An agent's status and state as one badge. The two axes stay apart: what the machine is doing is shown while it
//! does something, else what the person wants.

use shared::model::agent::{Device, NotReadyReason, State, Status};
use shared::model::floor::AgentView;
use shared::model::queue::Code;
use shared::time::Timestamp;

use crate::theme::{Tone, icon};
use crate::widget::Badge;

/// The badge of an agent.
pub fn badge(agent: &AgentView, breaks: &[Code]) -> Badge {
    match &agent.state {
        State::Offered { .. } => Badge::new("Ringing", icon::PHONE_INCOMING, Tone::Talking),
        State::Talking { held: true, .. } => Badge::new("On hold", icon::PAUSE, Tone::Talking),
        State::Talking { held: false, .. } => Badge::new("Talking", icon::PHONE_CALL, Tone::Talking),
        State::WrapUp { .. } => Badge::new("Wrap-up", icon::NOTE_PENCIL, Tone::WrapUp),
        State::Idle if agent.status == Status::Ready && agent.device == Device::None => {
            Badge::new("Ready, no phone", icon::PHONE_SLASH, Tone::Away)
        }
        State::Idle => status_badge(&agent.status, breaks),
    }
}

/// The badge of a status alone.
pub fn status_badge(status: &Status, breaks: &[Code]) -> Badge {
    match status {
        Status::Offline => Badge::new("Offline", icon::POWER, Tone::Break),
        Status::Ready => Badge::new("Ready", icon::CHECK_CIRCLE, Tone::Ready),
        Status::NotReady { reason } => {
            let word = reason_words(reason, breaks);
            match reason {
                NotReadyReason::SignedIn => Badge::new("Not ready", icon::PAUSE, Tone::Break),
                NotReadyReason::Break { .. } => Badge::new(word, icon::COFFEE, Tone::Break),
                NotReadyReason::MissedOffer { .. } => Badge::new(word, icon::PHONE_X, Tone::Away),
                NotReadyReason::RejectedOffer { .. } => Badge::new(word, icon::PHONE_X, Tone::Away),
                NotReadyReason::PhoneLost => Badge::new(word, icon::PHONE_SLASH, Tone::Away),
                NotReadyReason::ConnectionLost => Badge::new(word, icon::WIFI_SLASH, Tone::Away),
                NotReadyReason::Supervisor => Badge::new(word, icon::HAND_PALM, Tone::Away),
                NotReadyReason::OnDemand => Badge::new(word, icon::PAUSE, Tone::Break),
            }
        }
    }
}

/// The words of a reason.
pub fn reason_words(reason: &NotReadyReason, breaks: &[Code]) -> String {
    reason.label(|code| {
        let known = breaks.iter().find(|known| known.id == *code);
        known.map_or_else(|| code.to_string(), |known| known.label.clone())
    })
}

/// Since when the badge has been true.
pub fn since(agent: &AgentView) -> Timestamp {
    match agent.state {
        State::Idle => agent.status_since.max(agent.state_since),
        State::Offered { .. } | State::Talking { .. } | State::WrapUp { .. } => agent.state_since,
    }
}
