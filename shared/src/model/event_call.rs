//! What an event is about.

use super::event::Event;
use crate::id::CallId;

impl Event {
    /// The call that the event is about.
    pub fn call(&self) -> Option<CallId> {
        match self {
            Event::ServiceStarted { .. }
            | Event::DayStarted { .. }
            | Event::QueueConfigured { .. }
            | Event::QueueRemoved { .. }
            | Event::AgentConfigured { .. }
            | Event::AgentRemoved { .. }
            | Event::BreaksConfigured { .. }
            | Event::AgentStatusChanged { .. }
            | Event::AgentNextStatusSet { .. }
            | Event::AgentDeviceChanged { .. }
            | Event::ConfigurationChanged { .. }
            | Event::DoNotCallChanged { .. }
            | Event::Campaign { .. }
            | Event::TrunkConfigured { .. }
            | Event::TrunkRemoved { .. }
            | Event::TrunkUp { .. }
            | Event::TrunkDown { .. } => None,
            Event::Callback { callback, change, .. } => change.call(*callback),
            Event::CallPlaced { call, .. }
            | Event::NumberRouted { call, .. }
            | Event::TrunkTried { call, .. }
            | Event::TrunkFailed { call, .. }
            | Event::CallAnswered { call, .. }
            | Event::AgentLeft { call, .. }
            | Event::CallArrived { call, .. }
            | Event::CallQueued { call, .. }
            | Event::CallLeftQueue { call, .. }
            | Event::OfferMade { call, .. }
            | Event::CallNotOffered { call, .. }
            | Event::OfferEnded { call, .. }
            | Event::CallConnected { call, .. }
            | Event::CallHeld { call }
            | Event::CallResumed { call }
            | Event::CallTransferred { call, .. }
            | Event::CallJoined { call, .. }
            | Event::AgentReleased { call, .. }
            | Event::WrapUpStarted { call, .. }
            | Event::WrapUpExtended { call, .. }
            | Event::CallCoded { call, .. }
            | Event::WrapUpEnded { call, .. }
            | Event::SupervisionChanged { call, .. }
            | Event::SupervisionEnded { call, .. }
            | Event::AudioLost { call, .. }
            | Event::AudioBack { call, .. }
            | Event::CallEnded { call, .. }
            | Event::RecordingStarted { call, .. }
            | Event::RecordingSealed { call, .. }
            | Event::TranscriptWaiting { call, .. }
            | Event::TranscriptReady { call, .. }
            | Event::TranscriptFailed { call, .. } => Some(*call),
        }
    }
}
