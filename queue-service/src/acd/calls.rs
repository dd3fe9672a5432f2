//! Calls: into a queue, out of it, offered, answered.

use std::collections::BTreeSet;
use std::time::Duration;

use shared::id::{AgentId, CallId, OfferId, QueueId};
use shared::model::agent::{ChangedBy, NotReadyReason, State, Status};
use shared::model::call::{OfferOutcome, QueueExit};
use shared::model::callback::CallbackEnd;
use shared::model::decision::{NonOfferMoment, Trigger};
use shared::model::event::Event;
use shared::model::queue::Destination;
use shared::model::routing::Routing;
use shared::time::Timestamp;

use super::input::{FailedOffer, LostRace, Output, Won};
use super::state::{Acd, Due, Offer, OnlyWhy, Waiting};

/// SIP status for a call that every queue on its way refused.
const NOBODY_TAKES_IT: u16 = 480;
/// SIP status for a queue that is not there.
const NO_SUCH_QUEUE: u16 = 404;

pub(super) fn secs(secs: u32) -> Duration {
    Duration::from_secs(u64::from(secs))
}

impl From<FailedOffer> for OfferOutcome {
    fn from(failed: FailedOffer) -> OfferOutcome {
        match failed {
            FailedOffer::Rejected => OfferOutcome::Rejected,
            FailedOffer::Busy => OfferOutcome::Busy,
            FailedOffer::Unreachable => OfferOutcome::Unreachable,
        }
    }
}

impl Acd {
    /// The agent's phone answered. The first to say so has the call; everybody later lost the race.
    ///
    /// # Errors
    /// [`LostRace`] when the offer is over: the phone is to be hung up, and the agent is not blamed.
    pub fn answered(&mut self, now: Timestamp, offer: OfferId) -> Result<Won, LostRace> {
        // Deadlines are not worked off first: an answer in the moment of ringing out is an answer.
        let now = self.advance(now);
        let lost = LostRace { offer };
        let call =
            self.offers.get(&offer).filter(|offer| !offer.is_lease).map(|offer| offer.call).ok_or(lost)?;
        let others: Vec<OfferId> =
            self.call_mut(call).ok_or(lost)?.offers.iter().copied().filter(|other| *other != offer).collect();
        let won = self.take_offer(offer).ok_or(lost)?;
        self.publish(Event::OfferEnded {
            offer,
            call,
            agent: won.agent.clone(),
            outcome: OfferOutcome::Answered,
            rang_millis: now.millis_since(won.made_at),
        });
        for other in &others {
            self.end_offer(now, *other, OfferOutcome::LostRace, true);
        }
        if let Some(won) = self.answered_callback(now, call, &won.agent) {
            return Ok(won);
        }
        let waiting = self.waiting.remove(&call).ok_or(lost)?;
        let wait_millis = now.millis_since(waiting.entered_at);
        self.left(&waiting.queue, QueueExit::Answered, wait_millis);
        self.publish(Event::CallLeftQueue {
            call,
            queue: waiting.queue.clone(),
            exit: QueueExit::Answered,
            wait_millis,
        });
        if let Some(agent) = self.agent_mut(&won.agent) {
            agent.enter(now, State::Talking { call, held: false });
            agent.last_call = None;
            agent.tally.calls += 1;
        }
        if let Some(caller) = &waiting.caller {
            self.memory.answered(caller, &won.agent);
        }
        // Whose phones stopped are free again.
        if others.is_empty() {
            self.flush(now)
        } else {
            self.dispatch(now, Trigger::OfferEnded)
        }
        Ok(Won { call, agent: won.agent, queue: waiting.queue, wait_millis })
    }

    pub(super) fn enqueue(
        &mut self,
        now: Timestamp,
        call: CallId,
        queue: QueueId,
        since: Timestamp,
        only: Option<AgentId>,
        caller: Option<String>,
    ) {
        if self.index.talks.contains_key(&call) {
            return;
        }
        self.leave(now, call, QueueExit::Withdrawn);
        self.flush(now);
        let Some(info) = self.queues.get(&queue) else {
            let to = Destination::Reject { status: NO_SUCH_QUEUE };
            self.outputs.push_back(Output::Redirect { call, queue, exit: QueueExit::Failed, to });
            return;
        };
        let only = only.filter(|agent| self.can_wait_for(agent));
        if only.is_none()
            && let Some((exit, to)) = self.turns_away(now, info)
        {
            let to = to.clone();
            self.publish(Event::CallLeftQueue { call, queue: queue.clone(), exit, wait_millis: 0 });
            self.redirect(now, call, queue, exit, to);
            return;
        }
        let rules = info.routing.clone();
        let mut since = since.min(now);
        let mut preferred = None;
        let recalled = caller.as_ref().and_then(|caller| self.callback_to(&queue, caller));
        if let Some(caller) = &caller {
            if let Some(place) = self.memory.take_place(caller, &queue, now, rules.place_kept_secs) {
                since = since.min(place);
            }
            if let Some((_, place)) = recalled {
                since = since.min(place);
            }
            if only.is_none() {
                preferred = self.preferred(caller, &rules);
            }
        }
        let only_until = preferred.as_ref().map(|(_, wait_secs, _)| now + secs(*wait_secs));
        let only_why = preferred.as_ref().map_or(OnlyWhy::Transferred, |(_, _, why)| *why);
        let only = only.or(preferred.map(|(agent, _, _)| agent));
        let priority_secs = info.priority_secs;
        let waiting = Waiting {
            queue: queue.clone(),
            since,
            entered_at: now,
            priority_secs,
            needs: info.skills.clone(),
            short_abandon_secs: info.short_abandon_secs,
            also: Vec::new(),
            steps: 0,
            paused_millis: 0,
            give_up_at: (info.max_wait_secs > 0).then(|| now + secs(info.max_wait_secs)),
            when_timed_out: info.when_timed_out.clone(),
            closes_at: self.closes_at(now, info).filter(|_| only.is_none()),
            empty_until: self.empty_until(now, info),
            when_closed: info.when_closed.clone(),
            waits: info.waiting.clone(),
            only: only.clone(),
            only_until,
            only_why,
            caller,
            rules,
            tried: BTreeSet::new(),
            offers: BTreeSet::new(),
            ringing_since: None,
            ring_next_at: None,
            recall: None,
        };
        if let Some((callback, _)) = recalled {
            self.end_callback(now, callback, CallbackEnd::CalledIn { call });
        }
        self.waiting.insert(call, waiting);
        self.index.dirty_calls.push(call);
        self.publish(Event::CallQueued { call, queue, priority_secs, since, only });
        self.look_again(call, NonOfferMoment::Queued);
    }

    /// The agent for whom a caller's call waits first, for how many seconds, and why: his own one, or who had him last.
    /// None when that one takes no calls.
    fn preferred(&self, caller: &str, rules: &Routing) -> Option<(AgentId, u32, OnlyWhy)> {
        let own = rules.preferred.iter().find(|row| row.caller == caller);
        let own = own.map(|row| (&row.agent, row.wait_secs, OnlyWhy::Preferred));
        let last =
            self.memory.last_agent(caller).map(|agent| (agent, rules.last_agent_secs, OnlyWhy::LastAgent));
        own.into_iter()
            .chain(last)
            .find(|(agent, wait_secs, _)| *wait_secs > 0 && self.can_wait_for(agent))
            .map(|(agent, wait_secs, why)| (agent.clone(), wait_secs, why))
    }

    /// Says where a call goes that left `queue`. A way through queues that would refuse it too is walked here, counting
    /// each refusal, so that what comes out can be done; a way that leads in a circle ends.
    pub(super) fn redirect(
        &mut self,
        now: Timestamp,
        call: CallId,
        queue: QueueId,
        exit: QueueExit,
        mut to: Destination,
    ) {
        self.flush(now);
        let mut seen = BTreeSet::from([queue.clone()]);
        while let Destination::Queue { queue: next } = &to {
            let next = next.clone();
            let Some(info) = self.queues.get(&next).filter(|_| seen.insert(next.clone())) else {
                to = Destination::Reject { status: NOBODY_TAKES_IT };
                break;
            };
            let Some((exit, further)) = self.turns_away(now, info) else { break };
            let further = further.clone();
            self.publish(Event::CallLeftQueue { call, queue: next, exit, wait_millis: 0 });
            to = further;
        }
        self.outputs.push_back(Output::Redirect { call, queue, exit, to });
    }

    pub(super) fn caller_gone(&mut self, now: Timestamp, call: CallId) {
        let Some(waiting) = self.waiting.get(&call) else { return };
        let short = Duration::from_secs(u64::from(waiting.short_abandon_secs));
        let exit = if now.since(waiting.entered_at) < short {
            QueueExit::ShortAbandon
        } else {
            QueueExit::Abandoned
        };
        if let Some(waiting) = self.leave(now, call, exit)
            && let Some(caller) = &waiting.caller
            && waiting.rules.place_kept_secs > 0
        {
            self.memory.hung_up(caller, &waiting.queue, now, waiting.since);
        }
    }

    /// Takes a call out of its queue; a phone that rings for it stops.
    pub(super) fn leave(&mut self, now: Timestamp, call: CallId, exit: QueueExit) -> Option<Waiting> {
        // Nobody waits in a callback's.
        self.waiting.get(&call).filter(|waiting| waiting.recall.is_none())?;
        self.leaves_unanswered(now, call, exit);
        let offers: Vec<OfferId> = self.call_mut(call)?.offers.iter().copied().collect();
        for offer in offers {
            self.end_offer(now, offer, OfferOutcome::CallerGone, true);
        }
        let waiting = self.waiting.remove(&call)?;
        let wait_millis = now.millis_since(waiting.entered_at);
        self.left(&waiting.queue, exit, wait_millis);
        self.publish(Event::CallLeftQueue { call, queue: waiting.queue.clone(), exit, wait_millis });
        Some(waiting)
    }

    fn left(&mut self, queue: &QueueId, exit: QueueExit, wait_millis: u64) {
        if self.queues.contains_key(queue) {
            self.experience.entry(queue.clone()).or_default().left(exit, wait_millis);
        }
    }

    fn take_offer(&mut self, offer: OfferId) -> Option<Offer> {
        let ended = self.offers.remove(&offer)?;
        self.index.timers.remove(&(ended.until, Due::Offer(offer)));
        Some(ended)
    }

    /// An offer's time is over. Whose phone did not ring has missed nothing.
    pub(super) fn ring_out(&mut self, now: Timestamp, offer: OfferId) {
        let is_lease = self.offers.get(&offer).is_some_and(|offer| offer.is_lease);
        let outcome = if is_lease { OfferOutcome::CallerGone } else { OfferOutcome::Missed };
        self.end_offer(now, offer, outcome, true);
    }

    /// Ends an offer that was not answered, with what follows for the agent. The call stays where it was. `cancel` when
    /// the phone still rings.
    pub(super) fn end_offer(&mut self, now: Timestamp, offer: OfferId, outcome: OfferOutcome, cancel: bool) {
        let Some(ended) = self.take_offer(offer) else { return };
        let call = ended.call;
        if cancel && !ended.is_lease {
            self.outputs.push_back(Output::CancelRing { call, agent: ended.agent.clone(), offer });
        }
        self.publish(Event::OfferEnded {
            offer,
            call,
            agent: ended.agent.clone(),
            outcome,
            rang_millis: now.millis_since(ended.made_at),
        });
        let cool_down_secs = match outcome {
            OfferOutcome::Rejected => Some(self.config.reject_cool_down_secs),
            OfferOutcome::Busy => Some(self.config.busy_cool_down_secs),
            OfferOutcome::Unreachable => Some(self.config.unreachable_cool_down_secs),
            OfferOutcome::Answered
            | OfferOutcome::Missed
            | OfferOutcome::LostRace
            | OfferOutcome::CallerGone => None,
        };
        if let Some(waiting) = self.call_mut(call) {
            waiting.offers.remove(&offer);
            if waiting.offers.is_empty() {
                let since = waiting.ringing_since.take();
                waiting.paused_millis += since.map_or(0, |since| now.millis_since(since));
                waiting.ring_next_at = None;
            }
            if cool_down_secs.is_some() || outcome == OfferOutcome::Missed {
                waiting.tried.insert(ended.agent.clone());
            }
            self.look_again(call, NonOfferMoment::OfferEnded);
        }
        if ended.is_lease {
            self.lease_lost(now, call);
        }
        let Some(agent) = self.agent_mut(&ended.agent) else { return };
        agent.rest(now);
        agent.cool_until = match cool_down_secs {
            Some(cool_down) if cool_down > 0 => Some(now + secs(cool_down)),
            _ => agent.cool_until,
        };
        // What he asked for while it rang says more than that he missed it; either way he gets no calls.
        let asked_for = agent.next.as_ref().is_some_and(|next| *next != Status::Ready);
        if outcome == OfferOutcome::Missed && !asked_for {
            let status = Status::NotReady { reason: NotReadyReason::MissedOffer { call } };
            self.change_status(now, &ended.agent, status, ChangedBy::Service);
        }
        self.settle(now, &ended.agent);
    }
}
