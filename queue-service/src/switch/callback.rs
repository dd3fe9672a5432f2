//! Callbacks: the calls that they become, and what the API asks of them.

use std::time::Duration;

use rand::Rng;
use shared::api::error::{ApiError, ErrorCode};
use shared::id::{CallId, LegId, QueueId, UserId};
use shared::model::call::Party;
use shared::model::floor::Floor;
use shared::time::Timestamp;

use crate::acd::{self, BookError, Booking};
use crate::call::callback::CallingBack;
use crate::call::dial::Rules;
use crate::call::io::Input;
use crate::call::machine::Machine;
use crate::sip::trunk::plan::Denied;

use super::{Switch, Work};

/// A callback whose turn it is.
pub(super) struct DueCallback<'q> {
    /// The call that it becomes.
    pub(super) call: CallId,
    pub(super) queue: &'q QueueId,
    pub(super) to: Party,
    pub(super) waited_millis: u64,
}

impl Switch {
    /// An agent's phone is to ring for a callback: the call begins with that, unless another phone rang for it before.
    pub(super) fn begin_callback(&mut self, now: Timestamp, due: DueCallback<'_>) {
        let call = due.call;
        if !self.calls.contains_key(&call)
            && let Some(calling) = self.calling_back(now, due)
        {
            self.begin_call(call, Machine::call_back(now, calling));
        }
    }

    /// The customer of a callback is to be dialled, for whom an agent is reserved.
    pub(super) fn dial_customer(&mut self, now: Timestamp, due: DueCallback<'_>) {
        let call = due.call;
        if let Some(calling) = self.calling_back(now, due) {
            self.begin_call(call, Machine::dial_back(now, calling));
            // What it says first is carried out in its turn.
            self.work.push_back(Work::Call(call, Input::Tick));
        }
    }

    fn calling_back(&mut self, now: Timestamp, due: DueCallback<'_>) -> Option<CallingBack> {
        let DueCallback { call, queue, to, waited_millis } = due;
        let queue = self.queues.get(queue)?.clone();
        let outbound = self.dial_rules();
        let ring_secs = queue.callback.as_ref().map_or(outbound.ring_secs, |rules| rules.ring_secs);
        let customer = LegId::new(now, self.random.next_u32());
        let since = now - Duration::from_millis(waited_millis);
        tracing::info!(%call, queue = %queue.id, number = %to.number, "callback");
        Some(CallingBack { call, customer, to, queue, since, rules: Rules { ring_secs, ..outbound } })
    }

    /// Books a callback, or says which one is open for the number.
    pub(super) fn book_callback(
        &mut self,
        now: Timestamp,
        queue: QueueId,
        to: Party,
        by: UserId,
    ) -> Result<CallId, ApiError> {
        self.trunks.check(&to.number).map_err(|denied| {
            let (code, hint) = match denied {
                Denied::NotANumber => {
                    (ErrorCode::BadRequest, "Give digits, with + in front if international.")
                }
                _ => (
                    ErrorCode::Forbidden,
                    "Choose a number that the configuration allows ([outbound] allow).",
                ),
            };
            ApiError::new(code, "The callback was not booked", format!("{:?}: {denied}", to.number), hint)
        })?;
        match self.acd.may_call_back(&queue, &to.number) {
            Ok(Some(known)) => Ok(known),
            Ok(None) => {
                let callback = CallId::new(now, self.random.next_u32());
                let booking = Booking { callback, queue, to, by };
                self.acd.handle(now, acd::Input::BookCallback { booking });
                self.route(now);
                Ok(callback)
            }
            Err(error) => {
                let code = match &error {
                    BookError::NoQueue(_) => ErrorCode::NotFound,
                    BookError::NoNumber => ErrorCode::BadRequest,
                    BookError::NoCallbacks(_) | BookError::Full { .. } => ErrorCode::Conflict,
                };
                Err(ApiError::new(code, "The callback was not booked", error.to_string(), ""))
            }
        }
    }

    /// Takes a callback back.
    pub(super) fn cancel_callback(&mut self, now: Timestamp, callback: CallId, by: UserId, reason: String) {
        self.acd.handle(now, acd::Input::CancelCallback { callback, by, reason });
        self.route(now);
    }

    /// Callbacks that were open before a restart are open again.
    pub(super) fn restore_callbacks(&mut self, before: &Floor) {
        let now = crate::clock::now();
        for open in before.callbacks.values() {
            self.acd.handle(now, acd::Input::RestoreCallback { before: open.clone() });
            self.route(now);
        }
    }
}
