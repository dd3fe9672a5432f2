//! The choice: which waiting call goes to which free agent.
//!
//! Of all pairs of a waiting call and a free agent who may have it, the one is taken whose call comes first for its
//! agent: the lowest priority number of the queue in the agent's profile, then the most `waited + priority` of the call,
//! then the lowest call id. That call goes to the best agent for whom it comes first ([`super::choose`]). So no call is
//! passed over that an agent should have had before.

use std::collections::BTreeSet;

use shared::id::{AgentId, CallId, QueueId};
use shared::model::agent::{Channel, State, Status};
use shared::model::decision::{Decision, Exclusion, Trigger};
use shared::model::event::Event;
use shared::model::queue::QueueInfo;
use shared::model::routing::Ring;
use shared::time::Timestamp;

use super::calls::secs;
use super::index::KindIndex;
use super::input::Output;
use super::kind::{Group, missing_skill};
use super::state::{Acd, Agent, Due, Offer};

/// How early a call is served, lowest first.
pub(super) type Place = (u8, Timestamp, CallId);

/// The priority of a queue in a profile that says nothing, and of a call for one agent.
const FIRST: u8 = 1;

impl Acd {
    /// Offers calls as long as there is one with an agent for it.
    pub(super) fn dispatch(&mut self, now: Timestamp, trigger: Trigger) {
        self.flush(now);
        self.watch_empty(now);
        self.overdue(now);
        // Calls that ring elsewhere and whose other agents have all had them.
        let mut done = BTreeSet::new();
        while let Some((place, only)) = self.first(now, &done) {
            match self.decide(now, place, only, trigger, &done) {
                Some(decision) => self.offer(now, decision),
                None => {
                    done.insert(place.2);
                }
            }
            self.flush(now);
        }
        self.rest(now);
        self.tell_non_offers(now);
    }

    /// What is due and was not when the input came: calls that have waited too long leave as soon as no phone rings for
    /// them, so a ring is never cut short; agents are kept back no longer.
    fn overdue(&mut self, now: Timestamp) {
        loop {
            let due =
                self.index.timers.iter().take_while(|(at, _)| *at <= now).find_map(|(_, due)| match due {
                    Due::Wait(_) | Due::Leave(_) => Some(due.clone()),
                    _ => None,
                });
            match due {
                Some(Due::Wait(call)) => self.time_out(now, call),
                Some(Due::Leave(call)) => self.leave_by_rule(now, call),
                _ => return,
            }
            self.flush(now);
        }
    }

    /// The pair that comes first, by its call; with the agent when it is for him alone. Kinds that have none are not
    /// looked at again until something comes into them.
    fn first(&mut self, now: Timestamp, done: &BTreeSet<CallId>) -> Option<(Place, Option<AgentId>)> {
        let mut best: Option<(Place, Option<AgentId>)> = None;
        let fresh: Vec<_> = self.index.fresh.iter().copied().collect();
        for id in fresh {
            let Some(known) = self.index.kinds.get(&id) else {
                self.index.fresh.remove(&id);
                continue;
            };
            let groups = known.ready.keys();
            match groups.filter_map(|group| self.first_for(now, known, *group, done)).min() {
                Some(place) if best.as_ref().is_none_or(|best| place < best.0) => best = Some((place, None)),
                Some(_) => {}
                None => self.sleep(now, id),
            }
        }
        let agents: Vec<AgentId> = self.index.fresh_only.iter().cloned().collect();
        for agent in agents {
            match self.first_only(&agent, done) {
                Some(place) if best.as_ref().is_none_or(|best| place < best.0) => {
                    best = Some((place, Some(agent)));
                }
                Some(_) => {}
                None => {
                    self.index.fresh_only.remove(&agent);
                }
            }
        }
        best
    }

    /// The first call that a group of a kind may have.
    fn first_for(
        &self,
        now: Timestamp,
        known: &KindIndex,
        group: Group,
        done: &BTreeSet<CallId>,
    ) -> Option<Place> {
        let delay = self.delay(&known.kind.queue, group);
        known
            .waiting
            .iter()
            .find(|((_, call), since)| now.since(**since) >= delay && !done.contains(call))
            .map(|((key, call), _)| (group.priority, *key, *call))
    }

    fn first_only(&self, agent: &AgentId, done: &BTreeSet<CallId>) -> Option<Place> {
        if !self.index.free.contains(agent) {
            return None;
        }
        let (key, call) = self.index.only.get(agent)?.iter().find(|(_, call)| !done.contains(call))?;
        Some((FIRST, *key, *call))
    }

    /// The call that comes first for one agent.
    pub(super) fn first_of(&self, now: Timestamp, agent: &AgentId, done: &BTreeSet<CallId>) -> Option<Place> {
        let kinds =
            self.index.spots(agent).iter().filter_map(|(kind, group, _)| {
                self.first_for(now, self.index.kinds.get(kind)?, *group, done)
            });
        kinds.chain(self.first_only(agent, done)).min()
    }

    /// Nothing in a kind fits now. Agents who get calls only after a while are remembered.
    fn sleep(&mut self, now: Timestamp, id: u32) {
        self.index.fresh.remove(&id);
        let Some(known) = self.index.kinds.get(&id) else { return };
        let wake = known
            .ready
            .keys()
            .filter_map(|group| {
                let delay = self.delay(&known.kind.queue, *group);
                known.waiting.values().map(|since| *since + delay).filter(|at| *at > now).min()
            })
            .min();
        if let Some(known) = self.index.kinds.get_mut(&id)
            && known.wake != wake
        {
            if let Some(at) = std::mem::replace(&mut known.wake, wake) {
                self.index.timers.remove(&(at, Due::Look(id)));
            }
            self.index.timers.extend(wake.map(|at| (at, Due::Look(id))));
        }
    }

    /// After the last choice.
    fn rest(&mut self, now: Timestamp) {
        let fresh: Vec<_> = self.index.fresh.iter().copied().collect();
        for id in fresh {
            self.sleep(now, id);
        }
        self.index.fresh_only.clear();
    }

    /// Whether an agent takes calls, now or after what he is doing.
    pub(super) fn can_wait_for(&self, agent: &AgentId) -> bool {
        self.agents.get(agent).is_some_and(Agent::takes_calls)
    }

    /// Whether a new call of a queue would be offered at once.
    pub(super) fn somebody_free_for(&self, info: &QueueInfo) -> bool {
        let free = self.index.queues.get(&info.id).into_iter().flat_map(|known| &known.free);
        free.filter_map(|id| self.agents.get(id)).any(|agent| {
            let delay = agent.info.serves(&info.id).map_or(0, |serves| serves.delay_secs);
            delay == 0 && missing_skill(&agent.info, &info.skills).is_none()
        })
    }

    /// What keeps an agent from every call.
    pub(super) fn exclusion(&self, agent: &Agent) -> Option<Exclusion> {
        match &agent.state {
            State::Idle => {}
            State::Offered { call, .. } => return Some(Exclusion::Offered { call: *call }),
            State::Talking { call, .. } => return Some(Exclusion::Talking { call: *call }),
            State::WrapUp { until, .. } => return Some(Exclusion::WrapUp { until: *until }),
        }
        match &agent.status {
            Status::Ready => {}
            Status::Offline => return Some(Exclusion::Offline),
            Status::NotReady { reason } => {
                let reason = reason.label(|code| {
                    let known = self.breaks.iter().find(|known| known.id == *code);
                    known.map_or_else(|| code.to_string(), |known| known.label.clone())
                });
                return Some(Exclusion::NotReady { reason });
            }
        }
        if !agent.has_slot() {
            return Some(Exclusion::NoSlot { channel: Channel::Voice });
        }
        if !agent.device.is_reachable() {
            return Some(Exclusion::NoPhone);
        }
        Some(Exclusion::CoolDown { until: agent.cool_until? })
    }

    /// Reserves the agent, then rings his phone.
    fn offer(&mut self, now: Timestamp, decision: Decision) {
        let ring_secs = self.queues.get(&decision.queue).map_or(0, |info| info.ring_secs);
        let lease_secs = self.lease_secs(decision.call);
        let until = now + secs(lease_secs.unwrap_or(ring_secs).max(self.config.min_ring_secs).max(1));
        let (offer, call, agent) = (decision.offer, decision.call, decision.chosen.clone());
        let queue: QueueId = decision.queue.clone();
        self.turn += 1;
        let turn = self.turn;
        if let Some(chosen) = self.agent_mut(&agent) {
            chosen.enter(now, State::Offered { call, offer, until });
            chosen.tally.turns.insert(queue.clone(), turn);
        }
        if let Some(waiting) = self.call_mut(call) {
            waiting.offers.insert(offer);
            waiting.ringing_since.get_or_insert(now);
            if waiting.rules.ring == Ring::Progressive {
                waiting.ring_next_at = Some(now + secs(waiting.rules.ring_next_secs.max(1)));
            }
        }
        let is_lease = lease_secs.is_some();
        self.offers.insert(offer, Offer { call, agent: agent.clone(), made_at: now, until, is_lease });
        self.index.timers.insert((until, Due::Offer(offer)));
        let waited_millis = decision.waited_millis;
        self.offer_begins(call);
        let leased = is_lease.then(|| decision.clone());
        self.publish(Event::OfferMade {
            offer,
            call,
            queue: queue.clone(),
            agent: agent.clone(),
            until,
            decision: Box::new(decision),
        });
        match leased {
            Some(decision) => self.dial_customer(now, &decision),
            None => {
                let to = self.calls_back(call);
                self.outputs.push_back(Output::Ring { call, queue, agent, offer, until, waited_millis, to });
            }
        }
    }
}

impl Agent {
    /// Wants calls and has nothing to do.
    pub(super) fn is_free(&self) -> bool {
        self.status == Status::Ready && self.has_slot() && !self.removed
    }

    /// Would be rung for a call.
    pub(super) fn is_available(&self) -> bool {
        self.is_free() && self.device.is_reachable() && self.cool_until.is_none()
    }

    /// Takes calls, now or after what he is doing.
    pub(super) fn takes_calls(&self) -> bool {
        let has_slots = self.info.capacity.of(Channel::Voice) > 0;
        self.status == Status::Ready && has_slots && self.device.is_reachable() && !self.removed
    }

    /// Has a slot for a call that is not in use.
    pub(super) fn has_slot(&self) -> bool {
        self.info.capacity.of(Channel::Voice) > self.state.uses(Channel::Voice)
    }
}
