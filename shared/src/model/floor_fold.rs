//! What each event does to the live picture. One arm an event, no catch-all: a new event must say what it does.
//!
//! The fold trusts the journal and copes with gaps: an event about a call, an agent or a queue that is not on the floor
//! changes what is there and nothing else. Agents' times are counted in stretches that close whenever status or state
//! change; see [`AgentView::open_stretch`].

mod callback;
mod offer;
mod placed;

use std::time::Duration;

use crate::id::{AgentId, CallId, QueueId, TrunkId};
use crate::model::agent::{ChangedBy, Device, State, Status};
use crate::model::call::{Direction, LiveCall, Party, Phase, QueueExit, Supervision, SupervisionMode};
use crate::model::event::Event;
use crate::model::floor::{AgentView, Floor, LastQueue, QueueView};
use crate::model::metric::{AgentCounts, QueueCounts};
use crate::model::sound::Unheard;
use crate::model::trunk::{TrunkState, TrunkView};
use crate::time::Timestamp;

/// Folds one event of `at` into a picture that was last changed at `before`.
pub(super) fn apply(floor: &mut Floor, before: Timestamp, at: Timestamp, event: &Event) {
    match event {
        Event::ServiceStarted { .. } => start(floor, before, at),
        Event::DayStarted { date } => start_day(floor, at, date),
        Event::QueueConfigured { queue } => {
            floor
                .queues
                .entry(queue.id.clone())
                .and_modify(|view| view.info = queue.clone())
                .or_insert_with(|| QueueView { info: queue.clone(), counts: QueueCounts::default() });
        }
        Event::QueueRemoved { queue } => {
            floor.queues.remove(queue);
        }
        Event::AgentConfigured { agent } => {
            floor.agents.entry(agent.id.clone()).and_modify(|view| view.info = agent.clone()).or_insert_with(
                || AgentView {
                    info: agent.clone(),
                    status: Status::Offline,
                    status_since: at,
                    status_by: ChangedBy::Service,
                    next_status: None,
                    state: State::Idle,
                    state_since: at,
                    device: Device::None,
                    counts: AgentCounts::default(),
                },
            );
        }
        Event::AgentRemoved { agent } => {
            floor.agents.remove(agent);
            floor.tally.serving.remove(agent);
        }
        Event::BreaksConfigured { codes } => floor.breaks.clone_from(codes),
        Event::AgentStatusChanged { agent, status, by, since } => {
            set_status(floor, at, agent, status, by);
            if let (Some(since), Some(view)) = (since, floor.agents.get_mut(agent)) {
                view.status_since = *since;
            }
        }
        Event::AgentNextStatusSet { agent, next } => {
            if let Some(view) = floor.agents.get_mut(agent) {
                view.next_status.clone_from(next);
            }
        }
        Event::AgentDeviceChanged { agent, device } => {
            if let Some(view) = floor.agents.get_mut(agent) {
                view.device.clone_from(device);
            }
        }
        // Not shown on the floor.
        Event::ConfigurationChanged { .. } | Event::DoNotCallChanged { .. } | Event::Campaign { .. } => {}
        Event::TrunkConfigured { trunk } => {
            let fresh = || TrunkView { info: trunk.clone(), state: TrunkState::Unknown, since: at };
            let view = floor.trunks.entry(trunk.id.clone()).or_insert_with(fresh);
            view.info = trunk.clone();
        }
        Event::TrunkRemoved { trunk } => {
            floor.trunks.remove(trunk);
        }
        Event::TrunkUp { trunk } => set_trunk(floor, at, trunk, TrunkState::Up),
        Event::TrunkDown { trunk, reason } => {
            set_trunk(floor, at, trunk, TrunkState::Down { reason: reason.clone() });
        }
        Event::CallArrived { call, from, dialled, trunk } => {
            floor.calls.entry(*call).or_insert_with(|| LiveCall {
                from: from.clone(),
                dialled: dialled.clone(),
                trunk: trunk.clone(),
                ..new_call(*call, at)
            });
        }
        Event::CallPlaced { .. }
        | Event::NumberRouted { .. }
        | Event::TrunkTried { .. }
        | Event::TrunkFailed { .. }
        | Event::CallAnswered { .. }
        | Event::AgentLeft { .. }
        | Event::CallJoined { .. } => placed::apply(floor, at, event),
        Event::Callback { callback, queue, change } => callback::apply(floor, at, *callback, queue, change),
        Event::CallQueued { call, queue, priority_secs, since, only: _ } => {
            floor.tally.calls.insert(*call, LastQueue { queue: queue.clone(), entered_at: at });
            if let Some(view) = floor.queues.get_mut(queue) {
                view.counts.entered += 1;
            }
            if let Some(live) = floor.calls.get_mut(call) {
                live.priority_secs = *priority_secs;
                // Who waits is nobody's to call any more.
                live.placed_for = None;
                live.phase = Phase::Waiting { queue: queue.clone(), since: *since };
            }
        }
        Event::CallLeftQueue { call, queue, exit, wait_millis } => {
            leave_queue(floor, at, *call, queue, *exit, *wait_millis);
        }
        Event::OfferMade { offer, call, queue, agent, until, decision } => {
            if let Some(view) = floor.queues.get_mut(queue) {
                view.counts.offers += 1;
            }
            // An agent's own picture may not have seen the call enter a queue that he does not serve, or come back to it.
            let known = floor.calls.get(call).and_then(|live| live.phase.waits_since());
            let since = decision
                .waits_since
                .or(known)
                .unwrap_or_else(|| at - Duration::from_millis(decision.waited_millis));
            let last = LastQueue { queue: queue.clone(), entered_at: since };
            let known = floor.tally.calls.entry(*call).or_insert_with(|| last.clone());
            if known.queue != *queue {
                *known = last;
            }
            if let Some(live) = floor.calls.get_mut(call) {
                live.offers += 1;
                live.priority_secs = decision.priority_secs;
                // In a callback nobody waits.
                if live.placed_for.is_none() {
                    live.phase =
                        Phase::Offered { queue: queue.clone(), since, agent: agent.clone(), offer: *offer };
                }
            }
            set_state(floor, at, agent, State::Offered { call: *call, offer: *offer, until: *until });
            if let Some(view) = floor.agents.get_mut(agent) {
                view.counts.offers += 1;
            }
        }
        Event::OfferEnded { offer, call, agent, outcome, rang_millis: _ } => {
            offer::ended(floor, at, *offer, *call, agent, *outcome);
        }
        Event::CallConnected { call, queue, agent, .. } => {
            if let Some(live) = floor.calls.get_mut(call) {
                live.phase =
                    Phase::Talking { queue: queue.clone(), agent: agent.clone(), since: at, held: false };
            }
            floor.tally.serving.insert(agent.clone(), queue.clone());
            set_state(floor, at, agent, State::Talking { call: *call, held: false });
        }
        Event::CallHeld { call } => set_held(floor, *call, true),
        Event::CallResumed { call } => set_held(floor, *call, false),
        Event::CallTransferred { call: _, by, target: _ } => {
            if let Some(counts) = serving_counts(floor, by) {
                counts.transferred += 1;
            }
        }
        Event::AgentReleased { call, agent, talk_millis, hold_millis } => {
            release(floor, at, *call, agent, *talk_millis, *hold_millis);
        }
        Event::WrapUpStarted { call, agent, queue, until } => {
            floor.tally.serving.insert(agent.clone(), queue.clone());
            set_state(floor, at, agent, State::WrapUp { call: *call, queue: queue.clone(), until: *until });
        }
        Event::WrapUpExtended { call, agent, until } => {
            if let Some(State::WrapUp { call: wrapped, until: known, .. }) =
                floor.agents.get_mut(agent).map(|view| &mut view.state)
                && wrapped == call
            {
                *known = Some(*until);
            }
        }
        // A call's history has it.
        Event::CallCoded { .. } | Event::CallNotOffered { .. } => {}
        Event::WrapUpEnded { call, agent, wrap_up_millis, .. } => {
            if let Some(counts) = serving_counts(floor, agent) {
                counts.wrap_up_millis += wrap_up_millis;
            }
            if let Some(view) = floor.agents.get_mut(agent) {
                view.counts.wrap_up_millis += wrap_up_millis;
                if matches!(&view.state, State::WrapUp { call: wrapped, .. } if wrapped == call) {
                    floor.tally.serving.remove(agent);
                    placed::rest(floor, at, agent);
                }
            }
        }
        Event::SupervisionChanged { call, supervisor, mode } => {
            if let Some(live) = floor.calls.get_mut(call) {
                let now = Supervision { supervisor: supervisor.clone(), mode: *mode, since: at };
                match live.supervision.iter_mut().find(|known| known.supervisor == *supervisor) {
                    Some(known) => *known = now,
                    None => live.supervision.push(now),
                }
            }
            settle_take_over(floor, at, *call);
        }
        Event::SupervisionEnded { call, supervisor } => {
            if let Some(live) = floor.calls.get_mut(call) {
                live.supervision.retain(|known| known.supervisor != *supervisor);
            }
            settle_take_over(floor, at, *call);
        }
        Event::AudioLost { call, leg, side, since } => {
            if let Some(live) = floor.calls.get_mut(call) {
                live.unheard.retain(|known| known.leg != *leg);
                live.unheard.push(Unheard { leg: *leg, side: *side, since: *since });
            }
        }
        Event::AudioBack { call, leg } => {
            if let Some(live) = floor.calls.get_mut(call) {
                live.unheard.retain(|known| known.leg != *leg);
            }
        }
        Event::CallEnded { call, cause: _ } => {
            let ended = floor.calls.remove(call);
            floor.tally.calls.remove(call);
            for open in floor.callbacks.values_mut().filter(|open| open.call == Some(*call)) {
                open.call = None;
            }
            for member in ended.into_iter().flat_map(|live| live.members) {
                placed::leave(floor, at, *call, &member);
            }
        }
        Event::RecordingStarted { recording, call } => {
            if let Some(live) = floor.calls.get_mut(call) {
                live.recording = Some(*recording);
            }
        }
        // About what is left of calls; the floor shows live ones. The call's history has them.
        Event::RecordingSealed { .. }
        | Event::TranscriptWaiting { .. }
        | Event::TranscriptReady { .. }
        | Event::TranscriptFailed { .. } => {}
    }
}

fn set_trunk(floor: &mut Floor, at: Timestamp, trunk: &TrunkId, state: TrunkState) {
    let Some(view) = floor.trunks.get_mut(trunk) else { return };
    if view.state.label() != state.label() {
        view.since = at;
    }
    view.state = state;
}

/// A call that just came into being.
fn new_call(id: CallId, at: Timestamp) -> LiveCall {
    LiveCall {
        id,
        direction: Direction::Inbound,
        from: Party::default(),
        dialled: String::new(),
        trunk: None,
        members: Vec::new(),
        placed_for: None,
        arrived_at: at,
        phase: Phase::Arrived,
        priority_secs: 0,
        offers: 0,
        supervision: Vec::new(),
        recording: None,
        unheard: Vec::new(),
    }
}

/// A new run of the service: the calls and phones of the earlier one are gone. Counts stay, and so does what each agent
/// wants, for the service to decide what to make of it. Time in which no service ran counts for nobody.
fn start(floor: &mut Floor, before: Timestamp, at: Timestamp) {
    for live in std::mem::take(&mut floor.calls).into_values() {
        if let Phase::Waiting { queue, .. } | Phase::Offered { queue, .. } = &live.phase
            && let Some(view) = floor.queues.get_mut(queue)
        {
            let entered_at = floor.tally.calls.get(&live.id).map_or(before, |last| last.entered_at);
            let target_millis = u64::from(view.info.target_secs) * 1000;
            view.counts.count_exit(QueueExit::Failed, before.millis_since(entered_at), target_millis);
        }
    }
    for open in floor.callbacks.values_mut() {
        open.call = None;
    }
    floor.tally.calls.clear();
    floor.tally.serving.clear();
    for view in floor.trunks.values_mut() {
        view.state = TrunkState::Unknown;
        view.since = at;
    }
    let day_since = floor.tally.day_since;
    for view in floor.agents.values_mut() {
        view.close_stretch(day_since, before);
        view.state = State::Idle;
        view.state_since = at;
        view.device = Device::None;
        // The call whose end it waited for is over.
        if let Some(next) = view.next_status.take() {
            view.status = next;
            view.status_since = at;
            view.status_by = ChangedBy::Service;
        }
    }
}

fn start_day(floor: &mut Floor, at: Timestamp, date: &str) {
    floor.day = date.into();
    floor.tally.day_since = at;
    for view in floor.queues.values_mut() {
        view.counts = QueueCounts::default();
    }
    for view in floor.agents.values_mut() {
        view.counts = AgentCounts::default();
    }
}

fn set_status(floor: &mut Floor, at: Timestamp, agent: &AgentId, status: &Status, by: &ChangedBy) {
    let day_since = floor.tally.day_since;
    let Some(view) = floor.agents.get_mut(agent) else { return };
    if view.status != *status {
        view.close_stretch(day_since, at);
        view.status = status.clone();
        view.status_since = at;
    }
    view.status_by = by.clone();
}

fn set_state(floor: &mut Floor, at: Timestamp, agent: &AgentId, state: State) {
    let day_since = floor.tally.day_since;
    let Some(view) = floor.agents.get_mut(agent) else { return };
    // The open audio path confirms the answer: the talk began there.
    let confirmed = matches!((&view.state, &state),
        (State::Talking { call: known, .. }, State::Talking { call, .. }) if known == call);
    if !confirmed {
        view.close_stretch(day_since, at);
        view.state_since = at;
    }
    view.state = state;
}

fn leave_queue(
    floor: &mut Floor,
    at: Timestamp,
    call: CallId,
    queue: &QueueId,
    exit: QueueExit,
    wait_millis: u64,
) {
    if let Some(view) = floor.queues.get_mut(queue) {
        view.counts.count_exit(exit, wait_millis, u64::from(view.info.target_secs) * 1000);
    }
    let Some(live) = floor.calls.get_mut(&call) else { return };
    if !live.phase.waits_in(queue) {
        return;
    }
    live.phase = match &live.phase {
        // Between the answer and the open audio path the call is the agent's already.
        Phase::Offered { queue, agent, .. } if exit == QueueExit::Answered => {
            Phase::Talking { queue: queue.clone(), agent: agent.clone(), since: at, held: false }
        }
        Phase::Arrived
        | Phase::Waiting { .. }
        | Phase::Offered { .. }
        | Phase::Talking { .. }
        | Phase::TakenOver { .. }
        | Phase::Dialling { .. }
        | Phase::Outside { .. } => Phase::Arrived,
    };
}

fn set_held(floor: &mut Floor, call: CallId, now_held: bool) {
    if let Some(live) = floor.calls.get_mut(&call)
        && let Phase::Talking { held, .. } | Phase::Outside { held, .. } = &mut live.phase
    {
        *held = now_held;
    }
    for view in floor.agents.values_mut() {
        if let State::Talking { call: known, held } = &mut view.state
            && *known == call
        {
            *held = now_held;
        }
    }
}

/// Counts of the queue whose call the agent has.
fn serving_counts<'f>(floor: &'f mut Floor, agent: &AgentId) -> Option<&'f mut QueueCounts> {
    let queue = floor.tally.serving.get(agent)?;
    floor.queues.get_mut(queue).map(|view| &mut view.counts)
}

fn release(
    floor: &mut Floor,
    at: Timestamp,
    call: CallId,
    agent: &AgentId,
    talk_millis: u64,
    hold_millis: u64,
) {
    let on_it =
        |view: &AgentView| matches!(&view.state, State::Talking { call: known, .. } if *known == call);
    // One who was joined to another call has that one's queue by now.
    let queue = match floor.agents.get(agent).is_some_and(on_it) {
        true => floor.tally.serving.get(agent),
        false => floor.tally.calls.get(&call).map(|last| &last.queue),
    };
    if let Some(view) = queue.and_then(|queue| floor.queues.get_mut(queue)) {
        let counts = &mut view.counts;
        counts.handled += 1;
        counts.talk_millis += talk_millis;
        counts.hold_millis += hold_millis;
    }
    // A call that he placed for a queue goes on without him, or ends.
    if let Some(live) = floor.calls.get_mut(&call) {
        live.members.retain(|member| member != agent);
    }
    if let Some(view) = floor.agents.get_mut(agent) {
        view.counts.handled += 1;
        view.counts.talk_millis += talk_millis;
        view.counts.hold_millis += hold_millis;
        if on_it(view) {
            floor.tally.serving.remove(agent);
            placed::rest(floor, at, agent);
        }
    }
    if let Some(live) = floor.calls.get_mut(&call)
        && matches!(&live.phase, Phase::Talking { agent: known, .. } if known == agent)
    {
        live.phase = Phase::Arrived;
    }
    settle_take_over(floor, at, call);
}

/// Makes the phase of a call fit the supervisors in it: who takes over has the call, and when nobody does any more, the
/// agent who is still in it has it again.
fn settle_take_over(floor: &mut Floor, at: Timestamp, call: CallId) {
    let Some(live) = floor.calls.get_mut(&call) else { return };
    let Some(queue) = floor.tally.calls.get(&call).map(|last| last.queue.clone()) else { return };
    let taker = live.supervision.iter().find(|known| known.mode == SupervisionMode::TakeOver);
    match (&live.phase, taker) {
        (
            Phase::Waiting { .. } | Phase::Offered { .. } | Phase::Dialling { .. } | Phase::Outside { .. },
            _,
        )
        | (Phase::Arrived | Phase::Talking { .. }, None) => {}
        (Phase::TakenOver { supervisor, .. }, Some(taker)) if *supervisor == taker.supervisor => {}
        (Phase::Arrived | Phase::Talking { .. } | Phase::TakenOver { .. }, Some(taker)) => {
            live.phase = Phase::TakenOver { queue, supervisor: taker.supervisor.clone(), since: at };
        }
        (Phase::TakenOver { .. }, None) => {
            let talking = floor.agents.iter().find_map(|(agent, view)| match &view.state {
                State::Talking { call: known, held } if *known == call => {
                    Some((agent.clone(), view.state_since, *held))
                }
                State::Talking { .. } | State::Idle | State::Offered { .. } | State::WrapUp { .. } => None,
            });
            live.phase = match talking {
                Some((agent, since, held)) => Phase::Talking { queue, agent, since, held },
                None => Phase::Arrived,
            };
        }
    }
}
