//! Which events an agent's own live feed carries.

use crate::id::{AgentId, QueueId};
use crate::model::callback::CallbackChange;
use crate::model::campaign::CampaignFact;
use crate::model::event::Event;
use crate::model::floor::Floor;

impl Event {
    /// Whether an agent may see the event. `floor` is the whole picture (before or after the event). Folded into
    /// [`Floor::for_agent`] the visible events keep that picture right in what an agent's app shows: himself, his call,
    /// colleagues' status, what waits in his queues.
    ///
    /// That a call arrives and ends is visible to every agent, because it is not known yet who will get it and the
    /// caller's name must be there when it rings. Where other agents' calls go from there is not.
    pub fn visible_to_agent(&self, floor: &Floor, me: &AgentId) -> bool {
        let in_hand = || self.call().is_some() && self.call() == floor.call_in_hand(me);
        let mine = || self.call().is_some() && self.call() == floor.call_of(me);
        let member = || {
            let live = self.call().and_then(|call| floor.calls.get(&call));
            live.is_some_and(|live| live.members.contains(me))
        };
        let my_queue =
            |queue: &QueueId| floor.agents.get(me).is_some_and(|view| view.info.queues.contains(queue));
        match self {
            Event::ServiceStarted { .. }
            | Event::DayStarted { .. }
            | Event::QueueConfigured { .. }
            | Event::QueueRemoved { .. }
            | Event::AgentRemoved { .. }
            | Event::BreaksConfigured { .. }
            | Event::AgentConfigured { .. }
            | Event::AgentStatusChanged { .. }
            | Event::CallArrived { .. }
            // A call of others that is placed is not seen, so neither is its end.
            | Event::CallEnded { .. }
            | Event::RecordingStarted { .. } => true,
            Event::ConfigurationChanged { .. }
            | Event::DoNotCallChanged { .. }
            // Says what all colleagues do.
            | Event::CallNotOffered { .. }
            | Event::TrunkConfigured { .. }
            | Event::TrunkRemoved { .. }
            | Event::TrunkUp { .. }
            | Event::TrunkDown { .. } => false,
            // What there is to work on, not whom to call.
            Event::Campaign { fact, .. } => match fact.as_ref() {
                CampaignFact::SetUp { settings, .. } => my_queue(&settings.queue),
                CampaignFact::Removed { .. } => true,
                _ => false,
            },
            Event::CallPlaced { by, colleague, .. } => by.to_agent() == *me || colleague.as_ref() == Some(me),
            Event::NumberRouted { .. }
            | Event::TrunkTried { .. }
            | Event::TrunkFailed { .. }
            | Event::CallAnswered { .. } => member() || in_hand(),
            Event::Callback { change, .. } => match change {
                // Like a call that arrives: its name must be there when it rings.
                CallbackChange::Offered { .. } => true,
                CallbackChange::Dialled { agent, .. } => agent == me,
                CallbackChange::Requested { .. }
                | CallbackChange::Attempted { .. }
                | CallbackChange::Ended { .. } => false,
            },
            Event::AgentNextStatusSet { agent, .. }
            | Event::AgentDeviceChanged { agent, .. }
            | Event::OfferMade { agent, .. }
            | Event::OfferEnded { agent, .. }
            | Event::CallConnected { agent, .. }
            | Event::CallTransferred { by: agent, .. }
            | Event::AgentReleased { agent, .. }
            | Event::AgentLeft { agent, .. }
            | Event::WrapUpStarted { agent, .. }
            | Event::WrapUpExtended { agent, .. }
            | Event::CallCoded { agent, .. }
            | Event::WrapUpEnded { agent, .. } => agent == me,
            Event::CallJoined { agent, .. } => agent.as_ref() == Some(me) || member() || in_hand(),
            Event::CallQueued { queue, only, .. } => only.as_ref() == Some(me) || my_queue(queue),
            Event::CallLeftQueue { queue, .. } => my_queue(queue) || in_hand(),
            Event::CallHeld { .. }
            | Event::CallResumed { .. }
            | Event::SupervisionChanged { .. }
            | Event::SupervisionEnded { .. }
            | Event::AudioLost { .. }
            | Event::AudioBack { .. } => in_hand() || member(),
            // Still the agent's during wrap-up.
            Event::RecordingSealed { .. }
            | Event::TranscriptWaiting { .. }
            | Event::TranscriptReady { .. }
            | Event::TranscriptFailed { .. } => mine(),
        }
    }
}
