//! Everything that is folded from events, in one place, and how it is saved to start from next time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shared::api::calls::CallSummary;
use shared::id::CallId;
use shared::model::callback::CallbackChange;
use shared::model::distribution::Distributions;
use shared::model::event::{Event, Stamped};
use shared::model::floor::Floor;
use shared::model::history::History;

use super::totals::Totals;

/// Ended calls whose rows are kept for late events (a recording that is sealed after the hang-up).
const ENDED_KEPT: usize = 1_024;

/// The folds.
#[derive(Debug, Default)]
pub(super) struct Picture {
    /// Copied on write: a reader who still looks at it costs one copy, never a wait.
    pub(super) floor: Arc<Floor>,
    pub(super) distributions: Distributions,
    pub(super) totals: Totals,
    calls: BTreeMap<CallId, History>,
    ended: VecDeque<CallId>,
}

/// What is saved: the floor and the rows of live calls.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Saved {
    /// Another version may fold differently: then the journal is folded again.
    pub(super) version: String,
    pub(super) floor: Arc<Floor>,
    pub(super) calls: Vec<CallSummary>,
}

impl Picture {
    /// Takes a saved picture up.
    pub(super) fn resume(saved: Saved) -> Picture {
        let seq = saved.floor.seq;
        let calls = saved.calls.into_iter().map(|call| (call.id, History::resume(call, seq))).collect();
        Picture { floor: saved.floor, calls, ..Picture::default() }
    }

    /// Folds one event and gives the row of the call that it changed.
    pub(super) fn apply(&mut self, stamped: &Stamped) -> Option<CallSummary> {
        Arc::make_mut(&mut self.floor).apply(stamped);
        self.distributions.apply(stamped);
        let call = stamped.event.call()?;
        match self.calls.get_mut(&call) {
            Some(history) => {
                let before = history.summary().clone();
                history.apply(stamped);
                if matches!(stamped.event, Event::CallEnded { .. }) {
                    self.forget_old(call);
                }
                let after = self.calls.get(&call)?.summary();
                (*after != before).then(|| after.clone())
            }
            None if begins_call(&stamped.event) => {
                let history = History::begin(stamped)?;
                let row = history.summary().clone();
                self.calls.insert(call, history);
                Some(row)
            }
            // Long over, or from before the journal began: its row stays as it is.
            None => None,
        }
    }

    fn forget_old(&mut self, ended: CallId) {
        self.ended.push_back(ended);
        if self.ended.len() > ENDED_KEPT
            && let Some(oldest) = self.ended.pop_front()
        {
            self.calls.remove(&oldest);
        }
    }

    /// Calls that have not ended.
    pub(super) fn live_calls(&self) -> impl Iterator<Item = &CallSummary> {
        self.calls.values().map(History::summary).filter(|call| call.ended_at.is_none())
    }

    /// What to save.
    pub(super) fn save(&self) -> Saved {
        Saved {
            version: env!("CARGO_PKG_VERSION").into(),
            floor: Arc::clone(&self.floor),
            calls: self.live_calls().cloned().collect(),
        }
    }
}

fn begins_call(event: &Event) -> bool {
    match event {
        Event::CallArrived { .. } | Event::CallPlaced { .. } => true,
        Event::Callback { change, .. } => matches!(change, CallbackChange::Offered { .. }),
        _ => false,
    }
}
