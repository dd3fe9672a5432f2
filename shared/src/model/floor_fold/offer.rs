//! The end of an offer to an agent.

use super::{placed, set_state};
use crate::id::{AgentId, CallId, OfferId};
use crate::model::agent::State;
use crate::model::call::{OfferOutcome, Phase};
use crate::model::floor::Floor;
use crate::time::Timestamp;

pub(super) fn ended(
    floor: &mut Floor,
    at: Timestamp,
    offer: OfferId,
    call: CallId,
    agent: &AgentId,
    outcome: OfferOutcome,
) {
    let queue = floor.tally.calls.get(&call).map(|last| last.queue.clone());
    if let Some(view) = queue.as_ref().and_then(|queue| floor.queues.get_mut(queue)) {
        match outcome {
            OfferOutcome::Missed => view.counts.offers_missed += 1,
            OfferOutcome::Rejected => view.counts.offers_rejected += 1,
            OfferOutcome::Answered
            | OfferOutcome::Busy
            | OfferOutcome::Unreachable
            | OfferOutcome::LostRace
            | OfferOutcome::CallerGone => {}
        }
    }
    if let Some(view) = floor.agents.get_mut(agent) {
        match outcome {
            OfferOutcome::Answered => view.counts.answered += 1,
            OfferOutcome::Missed => view.counts.missed += 1,
            OfferOutcome::Rejected => view.counts.rejected += 1,
            OfferOutcome::Busy
            | OfferOutcome::Unreachable
            | OfferOutcome::LostRace
            | OfferOutcome::CallerGone => {}
        }
        if matches!(&view.state, State::Offered { offer: known, .. } if *known == offer) {
            let state = if outcome == OfferOutcome::Answered {
                if let Some(queue) = queue {
                    floor.tally.serving.insert(agent.clone(), queue);
                }
                State::Talking { call, held: false }
            } else {
                placed::resting(floor, agent)
            };
            set_state(floor, at, agent, state);
        }
    }
    let Some(live) = floor.calls.get_mut(&call) else { return };
    let Phase::Offered { queue, since, offer: known, .. } = &live.phase else { return };
    let (queue, since) = (queue.clone(), *since);
    if outcome == OfferOutcome::Answered {
        // The phase until the call leaves the queue, which follows at once. Another phone may have rung last.
        live.phase = Phase::Offered { queue, since, agent: agent.clone(), offer };
    } else if *known == offer {
        // Where several phones ring for it, another one still does.
        let other = floor.agents.values().find_map(|view| match &view.state {
            State::Offered { call: other, offer, .. } if *other == call => {
                Some((view.info.id.clone(), *offer))
            }
            _ => None,
        });
        live.phase = match other {
            Some((agent, offer)) => Phase::Offered { queue, since, agent, offer },
            None => Phase::Waiting { queue, since },
        };
    }
}
