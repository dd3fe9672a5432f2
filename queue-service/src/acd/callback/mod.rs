//! Callbacks: a caller leaves the queue, keeps his place in it, and is called when it is his turn.
//!
//! ```text
//!            asked for            opens, or the time is over
//!  (caller) ──────────► Parked ◄──────────────────────────► Queued ──┐ turn and agent: an offer
//!                         ▲     closes                               ▼
//!                         └──────────────── not reached ───────── Calling ──► done
//! ```
//!
//! **Queued** it stands among the waiting calls as one of them, with the place and the priority that its caller had, so the
//! choice of an agent, its record and its offers are those of any call. **Agent first**: the agent's phone rings, and when
//! he has answered the customer is dialled. **Customer first**: the agent is reserved by an offer whose phone does not ring
//! yet (a *lease*), the customer is dialled, and when he answers he is a waiting call like any other, at his old place,
//! and the agent's phone rings. Nobody is dialled for whom no agent is reserved.
//!
//! Nobody is dialled outside of the queue's hours. An attempt counts from the moment at which the customer is dialled. A
//! customer who calls again himself gets his place back, and his callback is over.

mod book;
mod turn;

#[cfg(test)]
mod property;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::id::{AgentId, CallId, QueueId};
use shared::model::call::Party;
use shared::model::callback::{CallbackChange, CallbackEnd, CallbackRules};
use shared::model::event::Event;
use shared::model::queue::{Destination, SkillNeed};
use shared::model::routing::{Ring, Routing};
use shared::model::rules::WaitRules;
use shared::time::Timestamp;

use super::calls::secs;
use super::choose::mix;
use super::state::{Acd, Due, OnlyWhy, Waiting};

pub use book::{BookError, Booking};

/// When a queue that does not open within two weeks is looked at again.
const A_DAY: Duration = Duration::from_secs(86_400);

/// A callback that is not over. Its rules are those of the moment at which it was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Callback {
    pub(super) queue: QueueId,
    pub(super) to: Party,
    /// The place that it keeps.
    pub(super) since: Timestamp,
    pub(super) priority_secs: u32,
    pub(super) needs: Vec<SkillNeed>,
    pub(super) rules: CallbackRules,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) attempts: u8,
    pub(super) stage: Stage,
}

/// Where a callback is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub(super) enum Stage {
    /// Not before a time.
    Parked { until: Timestamp },
    /// Among the waiting calls, until it is looked at again: the queue closes, or a phone rings as it would be over.
    Queued { call: CallId, until: Option<Timestamp> },
    /// The customer is being dialled.
    Calling { call: CallId, agent: AgentId },
}

/// Whether a queue is open, and until when that holds.
enum Opening {
    Open { closes: Option<Timestamp> },
    Closed { until: Timestamp },
}

/// What a waiting call is of a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Recall {
    /// The callback.
    pub(super) callback: CallId,
    /// The call is on the floor.
    pub(super) is_known: bool,
}

impl Callback {
    /// When it is looked at.
    pub(super) fn due(&self) -> Option<Timestamp> {
        match &self.stage {
            Stage::Parked { until } => Some(self.expires_at.map_or(*until, |over| over.min(*until))),
            Stage::Queued { until: Some(until), .. } => Some(*until),
            Stage::Queued { until: None, .. } => self.expires_at,
            // By the lease, or by the agent's phone.
            Stage::Calling { .. } => None,
        }
    }

    /// The call that it has become.
    pub(super) fn call(&self) -> Option<CallId> {
        match &self.stage {
            Stage::Parked { .. } => None,
            Stage::Queued { call, .. } | Stage::Calling { call, .. } => Some(*call),
        }
    }
}

impl Acd {
    /// Open callbacks.
    pub fn callbacks(&self) -> usize {
        self.callbacks.len()
    }

    pub(super) fn callback_changed(&mut self, callback: CallId, queue: QueueId, change: CallbackChange) {
        self.publish(Event::Callback { callback, queue, change });
    }

    /// Changes where a callback is, and when it is looked at.
    fn set_stage(&mut self, id: CallId, stage: Stage) {
        let Some(callback) = self.callbacks.get_mut(&id) else { return };
        if let Some(at) = callback.due() {
            self.index.timers.remove(&(at, Due::Callback(id)));
        }
        callback.stage = stage;
        if let Some(at) = callback.due() {
            self.index.timers.insert((at, Due::Callback(id)));
        }
    }

    fn opening(&self, now: Timestamp, queue: &QueueId) -> Opening {
        match self.index.queues.get(queue).and_then(|known| known.hours.as_ref()) {
            Some(hours) if hours.is_open(now) => Opening::Open { closes: hours.closes_after(now) },
            Some(hours) => Opening::Closed { until: hours.opens_after(now).unwrap_or(now + A_DAY) },
            None => Opening::Open { closes: None },
        }
    }

    /// Puts a callback among the waiting calls, or parks it until its queue opens.
    pub(super) fn await_turn(&mut self, now: Timestamp, id: CallId) {
        let Some(callback) = self.callbacks.get(&id) else { return };
        let closes = match self.opening(now, &callback.queue) {
            Opening::Open { closes } => closes,
            Opening::Closed { until } => return self.set_stage(id, Stage::Parked { until }),
        };
        let until = [closes, callback.expires_at].into_iter().flatten().min();
        let routing = self.queues.get(&callback.queue).map(|info| info.routing.clone()).unwrap_or_default();
        let waiting = Waiting {
            queue: callback.queue.clone(),
            since: callback.since,
            entered_at: now,
            priority_secs: callback.priority_secs,
            needs: callback.needs.clone(),
            also: Vec::new(),
            steps: 0,
            paused_millis: 0,
            // One phone at a time: the others would ring for nobody.
            rules: Routing { ring: Ring::One, ..routing },
            short_abandon_secs: 0,
            give_up_at: None,
            when_timed_out: Destination::Reject { status: 480 },
            closes_at: None,
            empty_until: None,
            when_closed: Destination::Reject { status: 480 },
            waits: WaitRules::default(),
            only: None,
            only_until: None,
            only_why: OnlyWhy::default(),
            caller: None,
            tried: BTreeSet::new(),
            offers: BTreeSet::new(),
            ringing_since: None,
            ring_next_at: None,
            recall: Some(Recall { callback: id, is_known: false }),
        };
        self.callback_serial = self.callback_serial.wrapping_add(1);
        let lot = mix(self.seed ^ mix(u64::from(self.callback_serial)));
        let call = CallId::new(now, lot as u32);
        self.waiting.insert(call, waiting);
        self.index.dirty_calls.push(call);
        self.set_stage(id, Stage::Queued { call, until });
    }

    /// It is time to look at a callback.
    pub(super) fn callback_due(&mut self, now: Timestamp, id: CallId) {
        let Some(callback) = self.callbacks.get(&id) else {
            return self.index.timers.retain(|(_, due)| *due != Due::Callback(id));
        };
        let is_over = callback.expires_at.is_some_and(|at| at <= now);
        match callback.stage.clone() {
            // A ring is not cut short.
            Stage::Queued { call, .. } if self.rings_until(call).is_some_and(|until| until > now) => {
                let until = self.rings_until(call);
                self.set_stage(id, Stage::Queued { call, until });
            }
            _ if is_over => self.end_callback(now, id, CallbackEnd::Expired),
            Stage::Parked { .. } => self.await_turn(now, id),
            Stage::Queued { call, .. } => {
                if let Opening::Open { closes } = self.opening(now, &callback.queue) {
                    let until = [closes, callback.expires_at].into_iter().flatten().min();
                    return self.set_stage(id, Stage::Queued { call, until });
                }
                self.put_off(now, call);
                self.await_turn(now, id);
            }
            Stage::Calling { .. } => {}
        }
    }

    /// Until when a phone rings for a call.
    fn rings_until(&self, call: CallId) -> Option<Timestamp> {
        let offers = &self.waiting.get(&call)?.offers;
        offers.iter().filter_map(|offer| self.offers.get(offer)).map(|offer| offer.until).max()
    }

    /// A callback is over.
    pub(super) fn end_callback(&mut self, now: Timestamp, id: CallId, end: CallbackEnd) {
        let Some(callback) = self.callbacks.get(&id) else { return };
        let call = callback.call();
        if let Some(call) = call {
            self.put_off(now, call);
        }
        // Its deadline goes with it.
        self.set_stage(id, Stage::Parked { until: now });
        if let Some(callback) = self.callbacks.remove(&id) {
            if let Some(at) = callback.due() {
                self.index.timers.remove(&(at, Due::Callback(id)));
            }
            self.callback_changed(id, callback.queue, CallbackChange::Ended { end });
        }
    }

    /// The attempt after one that failed, if there may be one.
    fn try_again(&mut self, now: Timestamp, id: CallId) -> Option<Timestamp> {
        let callback = self.callbacks.get(&id)?;
        (callback.attempts < callback.rules.attempts).then(|| now + secs(callback.rules.retry_secs.max(1)))
    }

    /// Callbacks of queues that are gone, or make none any more, are over.
    pub(super) fn end_orphans(&mut self, now: Timestamp) {
        let keeps = |queue: &QueueId| self.queues.get(queue).is_some_and(|info| info.callback.is_some());
        let orphans: Vec<CallId> = self
            .callbacks
            .iter()
            .filter(|(_, callback)| !keeps(&callback.queue))
            .map(|(id, _)| *id)
            .collect();
        for id in orphans {
            self.end_callback(now, id, CallbackEnd::QueueGone);
        }
    }
}
