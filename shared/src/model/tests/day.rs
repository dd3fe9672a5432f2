//! A made-up day: random choices that a real service could have made, as events.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::model::agent::State;
use crate::model::call::{EndCause, OfferOutcome, Phase, SupervisionMode};
use crate::model::event::WrapUpEnd;

pub(super) const AGENTS: [&str; 3] = ["201", "202", "203"];
pub(super) const QUEUES: [&str; 2] = ["sales", "tech"];

/// One choice: how long after the last one, what, about whom.
pub(super) type Choice = (u64, u8, usize);

pub(super) fn choices() -> impl Strategy<Value = Vec<Choice>> {
    vec((0..40_000_u64, 0..15_u8, 0..60_usize), 0..120)
}

/// Plays the choices. Those that cannot be made are passed over.
pub(super) fn play(choices: &[Choice]) -> (Tape, Timestamp) {
    let mut tape = Tape::open();
    tape.push(at(0), Event::AgentConfigured { agent: agent("203", &["tech"]) });
    let mut now = at(0);
    let (mut calls, mut offers) = (0, 0);
    for (wait_millis, what, whom) in choices {
        now += Duration::from_millis(*wait_millis);
        let name = AGENTS[whom % AGENTS.len()];
        let queue = QUEUES[whom % QUEUES.len()];
        let view = tape.floor.agents[&agent_id(name)].clone();
        let waiting: Vec<u64> = tape
            .floor
            .calls
            .values()
            .filter(|call| call.phase.waits_since().is_some())
            .map(|call| call.id.as_u64())
            .collect();
        let some_waiting = (!waiting.is_empty()).then(|| waiting[whom % waiting.len()]);
        match (what, &view.state) {
            (0..=2, _) => {
                calls += 1;
                tape.push(now, arrived(calls));
                tape.push(now, queued(calls, queue, (whom % 3) as u32 * 10, now));
            }
            (3..=4, State::Idle) if view.status == Status::Ready => {
                let free = tape.floor.calls.values().find_map(|call| match &call.phase {
                    Phase::Waiting { queue, since } => {
                        Some((call.id.as_u64(), queue.clone(), *since, call.priority_secs))
                    }
                    _ => None,
                });
                if let Some((call, queue, since, priority_secs)) = free {
                    offers += 1;
                    let until = now + Duration::from_secs(20);
                    let mut event = offered(offers, call, queue.as_str(), name, until);
                    if let Event::OfferMade { decision, .. } = &mut event {
                        decision.waited_millis = now.millis_since(since);
                        decision.waits_since = Some(since);
                        decision.priority_secs = priority_secs;
                    }
                    tape.push(now, event);
                }
            }
            (3..=5, State::Offered { call, .. }) => answer(&mut tape, now, *call, &view.info.id),
            (6, State::Offered { call, offer, .. }) => {
                let outcome = match whom % 3 {
                    0 => OfferOutcome::Missed,
                    1 => OfferOutcome::Rejected,
                    _ => OfferOutcome::Busy,
                };
                let (call, agent) = (*call, view.info.id.clone());
                tape.push(now, Event::OfferEnded { offer: *offer, call, agent, outcome, rang_millis: 1_000 });
                if outcome == OfferOutcome::Missed {
                    tape.push(now, status(name, lunch()));
                }
            }
            (3..=7, State::Talking { call, .. }) => {
                let (call, agent) = (*call, view.info.id.clone());
                let queue = tape.floor.tally.serving[&agent].clone();
                let talk_millis = now.millis_since(view.state_since);
                let hold_millis = talk_millis / 4;
                tape.push(now, Event::AgentReleased { call, agent: agent.clone(), talk_millis, hold_millis });
                if whom % 4 != 0 {
                    let until = now + Duration::from_secs(30);
                    tape.push(now, Event::WrapUpStarted { call, agent, queue, until: Some(until) });
                }
                if whom % 5 == 0 {
                    tape.push(now, queued(call.as_u64(), QUEUES[whom % 2], 0, now));
                } else {
                    tape.push(now, Event::CallEnded { call, cause: EndCause::CustomerHungUp });
                }
            }
            (5..=8, State::WrapUp { call, .. }) => {
                let wrap_up_millis = now.millis_since(view.state_since);
                let (call, agent) = (*call, view.info.id.clone());
                let how = WrapUpEnd::TimedOut;
                tape.push(
                    now,
                    Event::WrapUpEnded { call, agent, code: None, note: None, how, wrap_up_millis },
                );
            }
            (8..=10, State::Idle) => {
                let wanted = [Status::Ready, Status::Ready, lunch(), Status::Offline][whom / 3 % 4].clone();
                tape.push(now, status(name, wanted));
            }
            (11, _) => {
                if let Some(call) = some_waiting {
                    leave(&mut tape, now, call_id(call), *whom);
                }
            }
            (12, State::Talking { call, .. }) => {
                let (call, supervisor) = (*call, "sara".parse().expect("valid user"));
                tape.push(
                    now,
                    match whom % 5 {
                        0 => Event::CallHeld { call },
                        1 => Event::CallResumed { call },
                        2 => Event::SupervisionEnded { call, supervisor },
                        3 => Event::SupervisionChanged { call, supervisor, mode: SupervisionMode::TakeOver },
                        _ => Event::SupervisionChanged { call, supervisor, mode: SupervisionMode::Whisper },
                    },
                );
            }
            (13, _) if whom % 6 == 0 => tape.push(now, Event::DayStarted { date: "2026-03-03".into() }),
            (14, _) if whom % 10 == 0 => {
                tape.push(now, Event::ServiceStarted { version: "1".into(), config_version: 1 });
            }
            _ => {}
        }
    }
    (tape, now)
}

fn answer(tape: &mut Tape, now: Timestamp, call: CallId, agent: &AgentId) {
    let State::Offered { offer, .. } = tape.floor.agents[agent].state else { return };
    let last = tape.floor.tally.calls[&call].clone();
    let (queue, wait_millis) = (last.queue, now.millis_since(last.entered_at));
    let (agent, outcome) = (agent.clone(), OfferOutcome::Answered);
    tape.push(now, Event::OfferEnded { offer, call, agent: agent.clone(), outcome, rang_millis: 1 });
    let exit = QueueExit::Answered;
    tape.push(now, Event::CallLeftQueue { call, queue: queue.clone(), exit, wait_millis });
    tape.push(now, Event::CallConnected { call, queue, agent, wait_millis, setup_millis: 20 });
}

fn leave(tape: &mut Tape, now: Timestamp, call: CallId, whom: usize) {
    if let Phase::Offered { agent, offer, .. } = tape.floor.calls[&call].phase.clone() {
        let outcome = OfferOutcome::CallerGone;
        tape.push(now, Event::OfferEnded { offer, call, agent, outcome, rang_millis: 1 });
    }
    let last = tape.floor.tally.calls[&call].clone();
    let wait_millis = now.millis_since(last.entered_at);
    let exit = match whom % 4 {
        0 => QueueExit::TimedOut,
        1 => QueueExit::Withdrawn,
        _ if wait_millis < 5_000 => QueueExit::ShortAbandon,
        _ => QueueExit::Abandoned,
    };
    tape.push(now, Event::CallLeftQueue { call, queue: last.queue, exit, wait_millis });
    tape.push(now, Event::CallEnded { call, cause: EndCause::Abandoned });
}
