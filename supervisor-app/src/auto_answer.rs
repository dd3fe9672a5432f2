//! The console's phone answers the calls by which the service brings the supervisor into a call, and no others. In
//! monitor the phone itself begins with the microphone off.

use shared::model::call::SupervisionMode;
use shared_desktop::phone::{Direction, Phase, PhoneCallId, PhoneCommand, PhoneState};

/// What was answered already.
#[derive(Debug, Default)]
pub struct AutoAnswer {
    answered: Option<PhoneCallId>,
}

impl AutoAnswer {
    /// What to tell the phone in this state.
    pub fn react(&mut self, phone: &PhoneState) -> Option<PhoneCommand> {
        let call = phone.call.as_ref()?;
        let rings = call.direction == Direction::Incoming && call.phase == Phase::Ringing;
        if !rings || call.about.supervision.is_none() || self.answered == Some(call.id) {
            return None;
        }
        self.answered = Some(call.id);
        Some(PhoneCommand::Answer)
    }
}

/// Whether the microphone is to be on after a change to this mode: off in monitor, on where one speaks.
pub fn microphone(mode: SupervisionMode) -> PhoneCommand {
    PhoneCommand::Mute(mode == SupervisionMode::Monitor)
}
