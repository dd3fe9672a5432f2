//! Callbacks: the list of those that are open, and the calls that they become.

use super::{new_call, set_state};
use crate::id::{CallId, QueueId};
use crate::model::agent::State;
use crate::model::call::{Direction, LiveCall, Phase};
use crate::model::callback::{CallbackChange, OpenCallback};
use crate::model::floor::{Floor, LastQueue};
use crate::time::Timestamp;

pub(super) fn apply(
    floor: &mut Floor,
    at: Timestamp,
    callback: CallId,
    queue: &QueueId,
    change: &CallbackChange,
) {
    match change {
        CallbackChange::Requested { to, asked, since, priority_secs, expires_at } => {
            floor.callbacks.insert(
                callback,
                OpenCallback {
                    id: callback,
                    queue: queue.clone(),
                    to: to.clone(),
                    asked: asked.clone(),
                    asked_at: at,
                    since: *since,
                    priority_secs: *priority_secs,
                    expires_at: *expires_at,
                    attempts: 0,
                    next_at: None,
                    call: None,
                },
            );
        }
        CallbackChange::Offered { call, to } => {
            if let Some(open) = floor.callbacks.get_mut(&callback) {
                open.call = Some(*call);
                open.next_at = None;
            }
            floor.tally.calls.insert(*call, LastQueue { queue: queue.clone(), entered_at: at });
            floor.calls.entry(*call).or_insert_with(|| LiveCall {
                direction: Direction::Outbound,
                from: to.clone(),
                dialled: to.number.clone(),
                placed_for: Some(queue.clone()),
                ..new_call(*call, at)
            });
        }
        CallbackChange::Dialled { call, agent, attempt } => {
            if let Some(open) = floor.callbacks.get_mut(&callback) {
                open.attempts = *attempt;
            }
            if let Some(view) = floor.queues.get_mut(queue) {
                view.counts.placed += 1;
            }
            let Some(live) = floor.calls.get_mut(call) else { return };
            live.phase = Phase::Dialling { number: live.dialled.clone(), since: at };
            // Reserved agents have not got it yet.
            let talks = |state: &State| matches!(state, State::Talking { call: known, .. } if known == call);
            if floor.agents.get(agent).is_some_and(|view| talks(&view.state)) {
                live.members = vec![agent.clone()];
                set_state(floor, at, agent, State::Talking { call: *call, held: false });
            }
        }
        CallbackChange::Attempted { next_at, .. } => {
            if let Some(open) = floor.callbacks.get_mut(&callback) {
                open.next_at = *next_at;
                open.call = None;
            }
        }
        CallbackChange::Ended { .. } => {
            floor.callbacks.remove(&callback);
        }
    }
}
