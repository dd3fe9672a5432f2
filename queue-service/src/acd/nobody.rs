//! Why a call that waits is offered to nobody: the record of what did not happen.
//!
//! One is written at each moment at which a person would ask: the call came and no phone rang, an offer ended and none
//! followed, a step of widening brought nobody, the call left without an answer.

use std::collections::BTreeSet;

use shared::id::{AgentId, CallId};
use shared::model::call::QueueExit;
use shared::model::decision::{Excluded, NAMED, NonOffer, NonOfferMoment};
use shared::model::event::Event;
use shared::time::Timestamp;

use super::choose::{count, first_by_name};
use super::state::{Acd, Waiting};

impl Acd {
    /// Why a call waits and no phone rings for it. None when it does not wait, when a phone rings, and for a callback, in
    /// which nobody waits.
    pub fn why_nobody(&self, now: Timestamp, call: CallId) -> Option<NonOffer> {
        self.non_offer(now.max(self.clock), call, NonOfferMoment::Asked)
    }

    /// Notes a moment for [`Acd::tell_non_offers`]; of several in one step the first counts.
    pub(super) fn look_again(&mut self, call: CallId, moment: NonOfferMoment) {
        self.index.unserved.entry(call).or_insert(moment);
    }

    /// After the last choice: writes down the calls that something happened to and that no phone rings for.
    pub(super) fn tell_non_offers(&mut self, now: Timestamp) {
        for (call, moment) in std::mem::take(&mut self.index.unserved) {
            self.tell_non_offer(now, call, moment);
        }
    }

    /// A call is about to leave. What ends otherwise than by itself or by a person explains itself.
    pub(super) fn leaves_unanswered(&mut self, now: Timestamp, call: CallId, exit: QueueExit) {
        match exit {
            QueueExit::Abandoned | QueueExit::TimedOut | QueueExit::Overflowed | QueueExit::Closed => {
                self.tell_non_offer(now, call, NonOfferMoment::Left { exit });
            }
            QueueExit::Answered
            | QueueExit::ShortAbandon
            | QueueExit::Withdrawn
            | QueueExit::CallbackTaken
            | QueueExit::Full
            | QueueExit::Failed => {}
        }
    }

    fn tell_non_offer(&mut self, now: Timestamp, call: CallId, moment: NonOfferMoment) {
        if let Some(record) = self.non_offer(now, call, moment) {
            self.publish(Event::CallNotOffered { call, record: Box::new(record) });
        }
    }

    fn non_offer(&self, now: Timestamp, call: CallId, moment: NonOfferMoment) -> Option<NonOffer> {
        let waiting = self.waiting.get(&call)?;
        if waiting.recall.is_some() || !waiting.offers.is_empty() {
            return None;
        }
        let (excluded, left_out) = match &waiting.only {
            Some(agent) => self.only_excluded(agent),
            None => self.all_excluded(now, call, waiting),
        };
        let (excluded, more_excluded) = first_by_name(excluded, left_out, NAMED);
        Some(NonOffer {
            call,
            queue: waiting.queue.clone(),
            moment,
            config_version: self.version,
            waits_since: waiting.since,
            waited_millis: now.millis_since(waiting.since),
            priority_secs: waiting.priority_secs,
            ahead: count(self.ahead(call, waiting)),
            needs: waiting.needs.clone(),
            relaxed: waiting.steps,
            also: waiting.also.clone(),
            only: waiting.only.clone(),
            only_until: waiting.only_until,
            excluded,
            more_excluded,
        })
    }

    fn only_excluded(&self, agent: &AgentId) -> (Vec<Excluded>, usize) {
        let why = self.agents.get(agent).and_then(|known| self.exclusion(known));
        (why.map(|why| Excluded { agent: agent.clone(), why }).into_iter().collect(), 1)
    }

    /// The queue's own agents and the idle ones elsewhere, and those of the queues that were added by widening.
    fn all_excluded(&self, now: Timestamp, call: CallId, waiting: &Waiting) -> (Vec<Excluded>, usize) {
        let known = self.index.kind_of(call);
        let (mut listed, mut left_out) = self.excluded(now, waiting, known, &[], NAMED);
        let mut named: BTreeSet<AgentId> = listed.iter().map(|excluded| excluded.agent.clone()).collect();
        let added = waiting.also.iter().filter_map(|queue| self.index.queues.get(queue));
        for id in added.flat_map(|queue| &queue.busy).take(NAMED) {
            let Some(agent) = self.agents.get(id).filter(|_| !named.contains(id)) else { continue };
            if let Some(why) = self.exclusion(agent) {
                named.insert(id.clone());
                listed.push(Excluded { agent: id.clone(), why });
                left_out += 1;
            }
        }
        (listed, left_out)
    }
}
