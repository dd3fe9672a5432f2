//! Calls that a person places, and calls sent to a number outside.

use super::{new_call, set_state};
use crate::id::{AgentId, CallId, QueueId};
use crate::model::agent::State;
use crate::model::call::{Direction, LiveCall, Phase};
use crate::model::event::Event;
use crate::model::floor::{Floor, LastQueue};
use crate::time::Timestamp;

/// Folds one event about such a call; others change nothing.
pub(super) fn apply(floor: &mut Floor, at: Timestamp, event: &Event) {
    match event {
        Event::CallPlaced { call, by, direction, to, colleague, queue } => {
            let members: Vec<AgentId> = [by.to_agent()].into_iter().chain(colleague.clone()).collect();
            floor.calls.entry(*call).or_insert_with(|| LiveCall {
                direction: *direction,
                from: to.clone(),
                dialled: to.number.clone(),
                members: members.clone(),
                placed_for: queue.clone(),
                phase: Phase::Dialling { number: to.number.clone(), since: at },
                ..new_call(*call, at)
            });
            if let Some(queue) = queue {
                if let Some(view) = floor.queues.get_mut(queue) {
                    view.counts.placed += 1;
                }
                floor.tally.calls.insert(*call, LastQueue { queue: queue.clone(), entered_at: at });
            }
            for member in &members {
                if floor.agents.get(member).is_some_and(|view| view.state == State::Idle) {
                    set_state(floor, at, member, State::Talking { call: *call, held: false });
                }
            }
        }
        // A transferred call is being sent outside; a placed one is in this phase already.
        Event::NumberRouted { call, route } => {
            if let Some(live) = floor.calls.get_mut(call)
                && live.phase == Phase::Arrived
            {
                live.phase = Phase::Dialling { number: route.number.clone(), since: at };
            }
        }
        Event::TrunkTried { call, trunk, .. } => {
            if let Some(live) = floor.calls.get_mut(call)
                && live.direction == Direction::Outbound
            {
                live.trunk = Some(trunk.clone());
            }
        }
        Event::CallAnswered { call, .. } => {
            let Some(live) = floor.calls.get_mut(call) else { return };
            let Phase::Dialling { number, .. } = &live.phase else { return };
            match (&live.placed_for, live.members.first()) {
                (Some(queue), Some(agent)) => {
                    let (queue, agent) = (queue.clone(), agent.clone());
                    live.phase =
                        Phase::Talking { queue: queue.clone(), agent: agent.clone(), since: at, held: false };
                    if let Some(view) = floor.queues.get_mut(&queue) {
                        view.counts.placed_answered += 1;
                    }
                    floor.tally.serving.insert(agent.clone(), queue);
                    set_state(floor, at, &agent, State::Talking { call: *call, held: false });
                }
                _ => live.phase = Phase::Outside { number: number.clone(), since: at, held: false },
            }
        }
        Event::CallJoined { call, other: _, by: _, party, agent, queue } => {
            join(floor, at, *call, &party.number, agent.as_ref(), queue.as_ref());
        }
        Event::AgentLeft { call, agent, talk_millis, hold_millis: _ } => {
            if let Some(live) = floor.calls.get_mut(call) {
                live.members.retain(|member| member != agent);
                if matches!(live.phase, Phase::Dialling { .. } | Phase::Outside { .. }) {
                    live.phase = Phase::Arrived;
                }
            }
            if let Some(view) = floor.agents.get_mut(agent) {
                view.counts.own_calls += 1;
                view.counts.own_millis += talk_millis;
            }
            leave(floor, at, *call, agent);
        }
        _ => {}
    }
}

/// Somebody came into a call in the place of the agent who left it.
fn join(
    floor: &mut Floor,
    at: Timestamp,
    call: CallId,
    number: &str,
    agent: Option<&AgentId>,
    queue: Option<&QueueId>,
) {
    let Some(live) = floor.calls.get_mut(&call) else { return };
    match (agent, queue) {
        (Some(agent), Some(queue)) => {
            live.phase =
                Phase::Talking { queue: queue.clone(), agent: agent.clone(), since: at, held: false };
            floor.tally.serving.insert(agent.clone(), queue.clone());
            set_state(floor, at, agent, State::Talking { call, held: false });
        }
        (agent, _) => {
            live.phase = Phase::Outside { number: number.to_owned(), since: at, held: false };
            if let Some(agent) = agent {
                live.members.push(agent.clone());
                // His part in the other call ends in a moment; what he does for a queue goes on.
                if floor.agents.get(agent).is_some_and(|view| view.state == State::Idle) {
                    rest(floor, at, agent);
                }
            }
        }
    }
}

/// The agent is no longer in this call.
pub(super) fn leave(floor: &mut Floor, at: Timestamp, call: CallId, agent: &AgentId) {
    let on_it = floor
        .agents
        .get(agent)
        .is_some_and(|view| matches!(&view.state, State::Talking { call: known, .. } if *known == call));
    if on_it {
        rest(floor, at, agent);
    }
}

/// The agent has nothing more to do for a queue: back to the call that he placed himself, or idle.
pub(super) fn rest(floor: &mut Floor, at: Timestamp, agent: &AgentId) {
    let state = resting(floor, agent);
    set_state(floor, at, agent, state);
}

/// What an agent does who has nothing to do for a queue.
pub(super) fn resting(floor: &Floor, agent: &AgentId) -> State {
    let own = floor.calls.values().find(|live| live.members.contains(agent));
    own.map_or(State::Idle, |live| {
        let held = matches!(live.phase, Phase::Outside { held: true, .. });
        State::Talking { call: live.id, held }
    })
}
