//! How callbacks come: by a key of a waiting caller, by the API, from an earlier run; and how they are taken back.

use serde::{Deserialize, Serialize};
use shared::id::{CallId, QueueId, UserId};
use shared::model::call::{Party, QueueExit};
use shared::model::callback::{AskedBy, CallbackChange, CallbackEnd, OpenCallback};
use shared::time::Timestamp;

use super::super::calls::secs;
use super::super::input::Output;
use super::super::state::Acd;
use super::{Callback, Stage};

/// Why nobody can be called back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// There is no such queue.
    #[error("there is no queue {0}")]
    NoQueue(QueueId),
    /// It has no rules for callbacks.
    #[error("queue {0} makes no callbacks")]
    NoCallbacks(QueueId),
    /// No number is presented, or given.
    #[error("there is no number to call")]
    NoNumber,
    /// As many are open as the queue takes.
    #[error("queue {queue} has {max_open} open callbacks, which is all that it takes")]
    Full {
        /// The queue.
        queue: QueueId,
        /// How many it takes.
        max_open: u32,
    },
}

/// A callback that is wanted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Booking {
    /// Its id, if it is the first for its number.
    pub callback: CallId,
    /// The queue.
    pub queue: QueueId,
    /// Whom to call.
    pub to: Party,
    /// Who asks.
    pub by: UserId,
}

impl Acd {
    /// The open callback of a queue to a number, or that there may be one.
    ///
    /// # Errors
    /// Why there may be none.
    pub fn may_call_back(&self, queue: &QueueId, number: &str) -> Result<Option<CallId>, BookError> {
        let info = self.queues.get(queue).ok_or_else(|| BookError::NoQueue(queue.clone()))?;
        let rules = info.callback.as_ref().ok_or_else(|| BookError::NoCallbacks(queue.clone()))?;
        if number.is_empty() {
            return Err(BookError::NoNumber);
        }
        let of_queue = self.callbacks.iter().filter(|(_, callback)| callback.queue == *queue);
        if let Some((known, _)) = of_queue.clone().find(|(_, callback)| callback.to.number == number) {
            return Ok(Some(*known));
        }
        if of_queue.count() >= rules.max_open as usize {
            return Err(BookError::Full { queue: queue.clone(), max_open: rules.max_open });
        }
        Ok(None)
    }

    /// A waiting caller wants to be called back.
    pub(in crate::acd) fn ask_callback(&mut self, now: Timestamp, call: CallId, to: Party) {
        let Some(waiting) = self.waiting.get(&call).filter(|waiting| waiting.recall.is_none()) else {
            return;
        };
        let (queue, since) = (waiting.queue.clone(), waiting.since);
        let (priority_secs, needs) = (waiting.priority_secs, waiting.needs.clone());
        let known = match self.may_call_back(&queue, &to.number) {
            Ok(known) => known,
            Err(_) => return self.outputs.push_back(Output::CallbackRefused { call }),
        };
        self.leave(now, call, QueueExit::CallbackTaken);
        self.outputs.push_back(Output::CallbackTaken { call });
        if known.is_none() {
            self.open(now, call, queue, to, AskedBy::Caller { call }, (since, priority_secs, needs));
        }
        self.flush(now);
    }

    /// Somebody books a callback; nothing happens when there may be none, or one is open.
    pub(in crate::acd) fn book_callback(&mut self, now: Timestamp, booking: Booking) {
        let Booking { callback, queue, to, by } = booking;
        if self.may_call_back(&queue, &to.number) != Ok(None) || self.callbacks.contains_key(&callback) {
            return;
        }
        let Some(info) = self.queues.get(&queue) else { return };
        let place = (now, info.priority_secs, info.skills.clone());
        self.open(now, callback, queue, to, AskedBy::User { user: by }, place);
        self.flush(now);
    }

    fn open(
        &mut self,
        now: Timestamp,
        id: CallId,
        queue: QueueId,
        to: Party,
        asked: AskedBy,
        (since, priority_secs, needs): (Timestamp, u32, Vec<shared::model::queue::SkillNeed>),
    ) {
        let Some(rules) = self.queues.get(&queue).and_then(|info| info.callback.clone()) else { return };
        let expires_at = (rules.expire_secs > 0).then(|| now + secs(rules.expire_secs));
        let callback = Callback {
            queue: queue.clone(),
            to: to.clone(),
            since,
            priority_secs,
            needs,
            rules,
            expires_at,
            attempts: 0,
            // Without a deadline yet: it is put in its place at once.
            stage: Stage::Parked { until: now },
        };
        self.callbacks.insert(id, callback);
        self.callback_changed(
            id,
            queue,
            CallbackChange::Requested { to, asked, since, priority_secs, expires_at },
        );
        self.await_turn(now, id);
    }

    /// A callback of an earlier run, as the floor remembers it.
    pub(in crate::acd) fn restore_callback(&mut self, now: Timestamp, before: OpenCallback) {
        let OpenCallback { id, queue, to, since, priority_secs, expires_at, attempts, next_at, .. } = before;
        if self.callbacks.contains_key(&id) {
            return;
        }
        let info = self.queues.get(&queue);
        let Some((info, rules)) = info.and_then(|info| Some((info, info.callback.clone()?))) else {
            let end = CallbackEnd::QueueGone;
            return self.callback_changed(id, queue, CallbackChange::Ended { end });
        };
        let is_over = attempts >= rules.attempts;
        let needs = info.skills.clone();
        let stage = Stage::Parked { until: next_at.unwrap_or(now) };
        let callback = Callback {
            queue,
            to,
            since,
            priority_secs,
            needs,
            rules,
            expires_at,
            attempts,
            stage: stage.clone(),
        };
        self.callbacks.insert(id, callback);
        if is_over {
            self.end_callback(now, id, CallbackEnd::Exhausted);
        } else if next_at.is_some_and(|at| at > now) {
            self.set_stage(id, stage);
        } else {
            self.await_turn(now, id);
        }
        self.flush(now);
    }

    /// Somebody takes a callback back. One whose customer is being dialled goes on, and is not tried again.
    pub(in crate::acd) fn cancel_callback(&mut self, now: Timestamp, id: CallId, by: UserId, reason: String) {
        self.end_callback(now, id, CallbackEnd::Cancelled { by, reason });
        self.flush(now);
    }

    /// The open callback of a queue to a number, and its place: who calls again himself gets it back. Not while he is being
    /// dialled.
    pub(in crate::acd) fn callback_to(&self, queue: &QueueId, number: &str) -> Option<(CallId, Timestamp)> {
        let same = |callback: &Callback| callback.queue == *queue && callback.to.number == number;
        self.callbacks
            .iter()
            .find(|(_, callback)| same(callback) && !matches!(callback.stage, Stage::Calling { .. }))
            .map(|(id, callback)| (*id, callback.since))
    }
}
