//! The turn of a callback: an agent is chosen, the customer is dialled, and reached or not.

use shared::id::{AgentId, CallId, OfferId};
use shared::model::agent::State;
use shared::model::call::OfferOutcome;
use shared::model::callback::{CallbackChange, CallbackEnd, CallbackFirst, NotReached};
use shared::model::decision::Decision;
use shared::model::event::Event;
use shared::time::Timestamp;

use super::super::calls::secs;
use super::super::input::{Output, Won};
use super::super::state::{Acd, Due};
use super::Stage;

/// How much longer an agent is reserved than the customer's phone may ring: the time of the signalling, in seconds.
const LEASE_SPARE_SECS: u32 = 5;

impl Acd {
    /// The callback that a call has become.
    fn callback_of(&self, call: CallId) -> Option<CallId> {
        let waiting =
            self.waiting.get(&call).and_then(|waiting| waiting.recall).map(|recall| recall.callback);
        waiting.or_else(|| {
            let calls = |stage: &Stage| matches!(stage, Stage::Calling { call: known, .. } if *known == call);
            self.callbacks.iter().find(|(_, callback)| calls(&callback.stage)).map(|(id, _)| *id)
        })
    }

    /// Whether an offer for this call is a lease, and for how many seconds it holds.
    pub(in crate::acd) fn lease_secs(&self, call: CallId) -> Option<u32> {
        let recall = self.waiting.get(&call)?.recall?;
        let rules = &self.callbacks.get(&recall.callback)?.rules;
        (rules.first == CallbackFirst::Customer).then(|| rules.ring_secs.saturating_add(LEASE_SPARE_SECS))
    }

    /// Before an offer of a call is told: a callback becomes a call of the floor.
    pub(in crate::acd) fn offer_begins(&mut self, call: CallId) {
        let Some(recall) = self.waiting.get_mut(&call).and_then(|waiting| waiting.recall.as_mut()) else {
            return;
        };
        let id = recall.callback;
        if std::mem::replace(&mut recall.is_known, true) {
            return;
        }
        if let Some(callback) = self.callbacks.get(&id) {
            let (queue, to) = (callback.queue.clone(), callback.to.clone());
            self.callback_changed(id, queue, CallbackChange::Offered { call, to });
        }
    }

    /// Whom an offer's call is to call, for the display of the agent's phone; none when somebody waits in it.
    pub(in crate::acd) fn calls_back(&self, call: CallId) -> Option<shared::model::call::Party> {
        let recall = self.waiting.get(&call)?.recall?;
        self.callbacks.get(&recall.callback).map(|callback| callback.to.clone())
    }

    /// The customer is dialled from now on: the attempt counts.
    fn dial(&mut self, id: CallId, call: CallId, agent: &AgentId) {
        let Some(callback) = self.callbacks.get_mut(&id) else { return };
        callback.attempts = callback.attempts.saturating_add(1);
        let (queue, attempt) = (callback.queue.clone(), callback.attempts);
        self.callback_changed(id, queue, CallbackChange::Dialled { call, agent: agent.clone(), attempt });
        self.set_stage(id, Stage::Calling { call, agent: agent.clone() });
    }

    /// The lease holds: the customer is to be dialled.
    pub(in crate::acd) fn dial_customer(&mut self, now: Timestamp, decision: &Decision) {
        let call = decision.call;
        let Some(id) = self.callback_of(call) else { return };
        let Some(to) = self.callbacks.get(&id).map(|callback| callback.to.clone()) else { return };
        self.dial(id, call, &decision.chosen);
        let Some(ring_secs) = self.callbacks.get(&id).map(|callback| callback.rules.ring_secs) else {
            return;
        };
        let (queue, waited_millis) = (decision.queue.clone(), decision.waited_millis);
        let since = decision.waits_since.unwrap_or(now);
        self.outputs.push_back(Output::DialCustomer { call, queue, to, ring_secs, since, waited_millis });
    }

    /// An agent answered for a callback: he has the call, and the customer is dialled. None for calls in which somebody
    /// waits.
    pub(in crate::acd) fn answered_callback(
        &mut self,
        now: Timestamp,
        call: CallId,
        agent: &AgentId,
    ) -> Option<Won> {
        let id = self.waiting.get(&call)?.recall?.callback;
        let waiting = self.waiting.remove(&call)?;
        self.index.dirty_calls.push(call);
        if let Some(agent) = self.agent_mut(agent) {
            agent.enter(now, State::Talking { call, held: false });
            agent.last_call = None;
            agent.tally.calls += 1;
        }
        self.dial(id, call, agent);
        self.flush(now);
        let wait_millis = now.millis_since(waiting.since);
        Some(Won { call, agent: agent.clone(), queue: waiting.queue, wait_millis })
    }

    /// The customer answered.
    pub(in crate::acd) fn callback_reached(&mut self, now: Timestamp, call: CallId) {
        let Some(id) = self.callback_of(call) else { return };
        let Some(Stage::Calling { agent, .. }) = self.callbacks.get(&id).map(|known| known.stage.clone())
        else {
            return;
        };
        // From now on he waits like anybody, and the phone of who was reserved for him rings.
        let leased = self.call_mut(call).map(|waiting| {
            waiting.recall = None;
            waiting.entered_at = now;
            let queued = (waiting.queue.clone(), waiting.priority_secs, waiting.since);
            (queued, waiting.offers.first().copied())
        });
        self.set_stage(id, Stage::Parked { until: now });
        self.end_callback(now, id, CallbackEnd::Done { call, agent });
        if let Some(((queue, priority_secs, since), offer)) = leased {
            self.publish(Event::CallQueued { call, queue, priority_secs, since, only: None });
            if let Some(offer) = offer {
                self.ring_leased(now, offer);
            }
        }
        self.flush(now);
    }

    /// A lease becomes an offer that rings.
    fn ring_leased(&mut self, now: Timestamp, id: OfferId) {
        let Some(offer) = self.offers.get_mut(&id) else { return };
        let (call, agent, old) = (offer.call, offer.agent.clone(), offer.until);
        let Some(waiting) = self.waiting.get(&call) else { return };
        let (queue, waited_millis) = (waiting.queue.clone(), now.millis_since(waiting.since));
        let ring_secs = self.queues.get(&queue).map_or(0, |info| info.ring_secs);
        let until = now + secs(ring_secs.max(self.config.min_ring_secs).max(1));
        offer.is_lease = false;
        offer.until = until;
        self.index.timers.remove(&(old, Due::Offer(id)));
        self.index.timers.insert((until, Due::Offer(id)));
        // In the agent's state the end of the lease stays written, as it was told; what counts is the offer's own.
        self.outputs.push_back(Output::Ring {
            call,
            queue,
            agent,
            offer: id,
            until,
            waited_millis,
            to: None,
        });
    }

    /// The customer was not reached. With an agent on the call the call's machine frees him.
    pub(in crate::acd) fn callback_failed(&mut self, now: Timestamp, call: CallId, outcome: NotReached) {
        let Some(id) = self.callback_of(call) else { return };
        if !matches!(self.callbacks.get(&id), Some(known) if matches!(known.stage, Stage::Calling { .. })) {
            return;
        }
        self.end_lease(now, call);
        let next_at = self.try_again(now, id);
        let Some(queue) = self.callbacks.get(&id).map(|callback| callback.queue.clone()) else { return };
        self.callback_changed(id, queue, CallbackChange::Attempted { call, outcome, next_at });
        match next_at {
            Some(until) => self.set_stage(id, Stage::Parked { until }),
            None => {
                // Not by its call, which is over by itself.
                self.set_stage(id, Stage::Parked { until: now });
                self.end_callback(now, id, CallbackEnd::Exhausted);
            }
        }
        self.flush(now);
    }

    /// Takes a call of a callback out of the waiting ones and frees who was reserved for it; who rings is not blamed.
    fn end_lease(&mut self, now: Timestamp, call: CallId) {
        let offers: Vec<OfferId> = self
            .waiting
            .get(&call)
            .map(|waiting| waiting.offers.iter().copied().collect())
            .unwrap_or_default();
        // Out first, so that the end of a lease does not find it again.
        self.waiting.remove(&call);
        self.index.dirty_calls.push(call);
        for offer in offers {
            self.end_offer(now, offer, OfferOutcome::CallerGone, true);
        }
    }

    /// A callback's turn is over without an attempt, or for good: its call goes.
    pub(super) fn put_off(&mut self, now: Timestamp, call: CallId) {
        let is_known = match self.waiting.get(&call) {
            Some(waiting) => match waiting.recall {
                Some(recall) => recall.is_known,
                // The customer waits in it.
                None => return,
            },
            // The customer is being dialled and an agent is on it: that goes on.
            None => return,
        };
        self.end_lease(now, call);
        if is_known {
            self.outputs.push_back(Output::PutOff { call });
        }
    }

    /// Nobody is reserved any more while the customer is dialled: the attempt is broken off.
    pub(in crate::acd) fn lease_lost(&mut self, now: Timestamp, call: CallId) {
        if self.waiting.get(&call).is_none_or(|waiting| waiting.recall.is_none()) {
            return;
        }
        self.outputs.push_back(Output::PutOff { call });
        self.callback_failed(now, call, NotReached::AgentGone);
    }
}
