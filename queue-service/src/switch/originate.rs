//! Calls that the service places for a person: whether it may, and the first leg.

use rand::Rng;
use shared::api::error::{ApiError, ErrorCode};
use shared::api::session::header;
use shared::audio::mixer::Role;
use shared::id::{CallId, LegId, QueueId, UserId};
use shared::model::call::Party;
use shared::model::queue::QueueInfo;
use shared::sip::Headers;
use shared::sip::door::Caller;
use shared::time::Timestamp;

use crate::call::machine::Machine;
use crate::call::originate::Originating;
use crate::sip::trunk::plan::Denied;

use super::Switch;
use super::act::percent_encoded;
use super::entry::Entry;

impl Switch {
    /// Places a call for a person. What the limits against toll fraud say about it is asked when his phone has answered
    /// and the number is dialled; whether it may be called at all is asked now.
    pub(super) fn place_call(
        &mut self,
        now: Timestamp,
        by: &UserId,
        number: String,
        queue: Option<&QueueId>,
    ) -> Result<CallId, ApiError> {
        let queue = queue.map(|queue| self.queue_to_call_for(by, queue)).transpose()?;
        if self.stopping {
            return Err(refused(
                ErrorCode::Unavailable,
                "the service is stopping",
                "Try again when it is back.",
            ));
        }
        self.trunks.check(&number).map_err(|denied| match denied {
            Denied::NotANumber => refused(
                ErrorCode::BadRequest,
                format!("{number:?}: {denied}"),
                "Give digits, with + in front for an international number.",
            ),
            _ => refused(
                ErrorCode::Forbidden,
                format!("{number}: {denied}"),
                "Choose a number that the configuration allows ([outbound] allow).",
            ),
        })?;
        if queue.is_some() && self.blocked.is_blocked(&number) {
            return Err(refused(
                ErrorCode::Forbidden,
                format!("{number} is on the list of those who are not to be called"),
                "GET /api/v1/do-not-call/{number} says why.",
            ));
        }
        let agent = by.to_agent();
        let places = |entry: &Entry| entry.machine.placed_by() == Some(by);
        if self.acd.is_on_call(&agent) || self.calls.values().any(places) {
            return Err(refused(ErrorCode::Conflict, "you are on a call", "End it first."));
        }
        if self.phones.contact(by).is_none() {
            return Err(refused(
                ErrorCode::Conflict,
                "your phone is not registered",
                "Wait until your phone is connected, then try again.",
            ));
        }
        let call = CallId::new(now, self.random.next_u32());
        if let Err(refusal) = self.admission.enter(call, &Caller::Account(by.to_string())) {
            return Err(refused(ErrorCode::Unavailable, refusal.to_string(), "Try again in a moment."));
        }
        let own = LegId::new(now, self.random.next_u32());
        let callee = LegId::new(now, self.random.next_u32());
        let to = Party { number, name: String::new() };
        tracing::info!(%call, %by, number = %to.number, queue = ?queue.as_ref().map(|queue| &queue.id), "call placed");
        let rules = self.dial_rules();
        let machine =
            Machine::originate(now, Originating { call, own, callee, by: by.clone(), to, queue, rules });
        self.begin_call(call, machine);
        self.act(now, call);
        Ok(call)
    }

    /// A call that begins with a leg of ours.
    pub(super) fn begin_call(&mut self, call: CallId, machine: Machine) {
        let entry = Entry {
            machine,
            bridge: self.media.open_bridge(call),
            legs: Default::default(),
            recording: None,
            codec: None,
            deadline: None,
            headers: Headers::default(),
            cause: None,
            told_position: None,
            answered_at: Default::default(),
        };
        self.calls.insert(call, entry);
    }

    /// The queue in whose name a person wants to call.
    fn queue_to_call_for(&self, by: &UserId, id: &QueueId) -> Result<QueueInfo, ApiError> {
        let queue = self.queues.get(id).ok_or_else(|| {
            refused(
                ErrorCode::NotFound,
                format!("there is no queue {id}"),
                "Choose one of the configured queues.",
            )
        })?;
        let agent = self.config.agents.iter().find(|agent| agent.id == by.to_agent());
        if !agent.is_some_and(|agent| agent.queues.contains(id)) {
            let detail = format!("you do not take calls of {id}");
            return Err(refused(ErrorCode::Forbidden, detail, "Choose one of your queues, or none."));
        }
        Ok(queue.clone())
    }

    /// Rings the phone of the person for whom the service places a call.
    pub(super) fn ring_own(
        &mut self,
        call: CallId,
        leg: LegId,
        user: &UserId,
        to: &Party,
        queue: Option<&QueueId>,
    ) {
        let display = format!("{}: call to {}", self.config.service.name, to.label());
        let mut headers = vec![(header::CALL.to_owned(), call.to_string())];
        if let Some(queue) = queue.and_then(|id| self.queues.get(id)) {
            headers.push((header::QUEUE.to_owned(), queue.id.to_string()));
            headers.push((header::QUEUE_NAME.to_owned(), percent_encoded(&queue.name)));
        }
        // He has just asked for the call and sits at the app. A desk phone is picked up: it may stand in another room.
        if self.phones.has_app(user) {
            headers.push(("Answer-Mode".to_owned(), "Auto".to_owned()));
        }
        let from = self.address(&display, &to.number);
        let contact = self.phones.contact(user);
        self.invite(call, leg, None, Role::Agent, contact, from, user, headers);
    }
}

fn refused(code: ErrorCode, detail: impl Into<String>, hint: &str) -> ApiError {
    ApiError::new(code, "The call was not placed", detail, hint)
}
