//! The choice: which waiting call goes to which free agent, with the record of why.

use std::time::Duration;

use shared::id::{AgentId, CallId, OfferId, QueueId};
use shared::model::agent::{State, Status};
use shared::model::decision::{Candidate, Decision, Excluded, Exclusion, LISTED, Trigger};
use shared::model::event::Event;
use shared::model::queue::{QueueInfo, SkillNeed};
use shared::time::Timestamp;

use super::input::Output;
use super::state::{Acd, Agent, Offer, Waiting};

impl Acd {
    /// Offers calls as long as there is one with an agent for it. Calls are looked at in the order of service, so none
    /// is passed over while an agent whom it could have is free.
    pub(super) fn dispatch(&mut self, now: Timestamp, trigger: Trigger) {
        self.give_up(now);
        self.open_to_the_queue();
        if !self.agents.values().any(Agent::is_free) {
            return;
        }
        let mut kinds: Vec<Kind<'_>> = Vec::new();
        let mut hopes: Vec<bool> = Vec::new();
        let mut order: Vec<(Timestamp, CallId, usize)> = Vec::new();
        for (call, waiting) in self.waiting.iter().filter(|(_, waiting)| waiting.offer.is_none()) {
            let kind = waiting.kind();
            let place =
                kinds.iter().position(|known| *known == kind).unwrap_or_else(|| {
                    kinds.push(kind);
                    hopes.push(self.agents.iter().any(|(id, agent)| {
                        agent.is_free() && self.exclusion(now, id, agent, waiting).is_none()
                    }));
                    kinds.len() - 1
                });
            if hopes.get(place) == Some(&true) {
                order.push((waiting.service_key(), *call, place));
            }
        }
        order.sort_unstable();
        for (_, call, place) in order {
            if hopes.get(place) != Some(&true) {
                continue;
            }
            match self.decide(now, call, trigger) {
                Some(decision) => self.offer(now, decision),
                None => hopes[place] = false,
            }
        }
    }

    /// Calls that waited too long leave. While a phone rings for one it may still be answered, so a ring is never cut
    /// short; when it was for nothing the call leaves here.
    fn give_up(&mut self, now: Timestamp) {
        let late = |waiting: &Waiting| {
            waiting.offer.is_none() && waiting.give_up_at.is_some_and(|give_up_at| give_up_at <= now)
        };
        let calls: Vec<CallId> =
            self.waiting.iter().filter(|(_, waiting)| late(waiting)).map(|(call, _)| *call).collect();
        for call in calls {
            self.time_out(now, call);
        }
    }

    /// A call that waits for one agent only is for the whole queue when he is away or did not take it.
    fn open_to_the_queue(&mut self) {
        let mut opened: Vec<CallId> = Vec::new();
        for (call, waiting) in &self.waiting {
            if let Some(agent) = &waiting.only
                && (waiting.tried.contains(agent) || !self.can_wait_for(agent))
            {
                opened.push(*call);
            }
        }
        for call in opened {
            if let Some(waiting) = self.waiting.get_mut(&call) {
                waiting.only = None;
            }
        }
    }

    /// Whether an agent takes calls, now or after what he is doing.
    pub(super) fn can_wait_for(&self, agent: &AgentId) -> bool {
        self.agents.get(agent).is_some_and(|agent| {
            agent.status == Status::Ready && agent.device.is_reachable() && !agent.removed
        })
    }

    /// Whether a new call of a queue would be offered at once.
    pub(super) fn somebody_free_for(&self, now: Timestamp, info: &QueueInfo) -> bool {
        self.agents.values().any(|agent| {
            agent.is_free()
                && agent.info.queues.contains(&info.id)
                && missing_skill(agent, &info.skills).is_none()
                && agent.out_of_reach(now).is_none()
        })
    }

    fn decide(&mut self, now: Timestamp, call: CallId, trigger: Trigger) -> Option<Decision> {
        let waiting = self.waiting.get(&call)?;
        let mut free: Vec<(Timestamp, &AgentId)> = Vec::new();
        let mut excluded: Vec<Excluded> = Vec::new();
        let mut excluded_count = 0_usize;
        for (id, agent) in &self.agents {
            match self.exclusion(now, id, agent, waiting) {
                None if agent.is_free() => free.push((agent.idle_since, id)),
                None => {}
                // Of other queues' agents only those are worth a word who have nothing to do, and none when the call
                // is for one agent.
                Some(Exclusion::NotInQueue) if waiting.only.is_some() || !agent.is_free() => {}
                Some(why) => {
                    excluded_count += 1;
                    if excluded.len() < LISTED {
                        excluded.push(Excluded { agent: id.clone(), why });
                    }
                }
            }
        }
        if free.iter().any(|(_, id)| !waiting.tried.contains(*id)) {
            // Who had it already waits until nobody else is free.
            for (_, id) in free.extract_if(.., |(_, id)| waiting.tried.contains(*id)) {
                excluded_count += 1;
                let place = excluded.partition_point(|other| other.agent < *id);
                excluded.insert(place, Excluded { agent: id.clone(), why: Exclusion::AlreadyTried });
            }
            excluded.truncate(LISTED);
        }
        let pool = best_first(free);
        let chosen = pool.listed.first()?.1.clone();
        let tie = matches!(pool.listed.as_slice(), [first, second, ..] if first.0 == second.0);
        let candidates = pool
            .listed
            .iter()
            .map(|(since, id)| Candidate { agent: (*id).clone(), idle_millis: now.millis_since(*since) })
            .collect();
        let place = (waiting.service_key(), call);
        let ahead = self
            .waiting
            .iter()
            .filter(|(_, other)| other.offer.is_none() && other.queue == waiting.queue)
            .filter(|(id, other)| (other.service_key(), **id) < place)
            .count();
        let rule = if waiting.only.is_some() { "transferred to this agent" } else { "longest idle" };
        let decision = Decision {
            offer: OfferId::new(now, self.offer_serial),
            call,
            queue: waiting.queue.clone(),
            trigger,
            config_version: self.version,
            waited_millis: now.millis_since(waiting.since),
            priority_secs: waiting.priority_secs,
            ahead: u32::try_from(ahead).unwrap_or(u32::MAX),
            needs: waiting.needs.clone(),
            candidates,
            more_candidates: pool.more,
            more_excluded: u32::try_from(excluded_count - excluded.len()).unwrap_or(u32::MAX),
            excluded,
            chosen,
            rule: rule.into(),
            tie,
        };
        self.offer_serial = self.offer_serial.wrapping_add(1);
        Some(decision)
    }

    /// The first rule that keeps an agent from a call, whether he had it before or not. A call for one agent keeps off
    /// everybody else, and skills and queues do not matter for him.
    fn exclusion(&self, now: Timestamp, id: &AgentId, agent: &Agent, waiting: &Waiting) -> Option<Exclusion> {
        match &waiting.only {
            Some(only) if only != id => return Some(Exclusion::NotInQueue),
            Some(_) => {}
            None if !agent.info.queues.contains(&waiting.queue) => return Some(Exclusion::NotInQueue),
            None => {}
        }
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
        if waiting.only.is_none()
            && let Some(missing) = missing_skill(agent, &waiting.needs)
        {
            return Some(missing);
        }
        agent.out_of_reach(now)
    }

    /// Reserves the agent, then rings his phone.
    fn offer(&mut self, now: Timestamp, decision: Decision) {
        let ring_secs = self.queues.get(&decision.queue).map_or(0, |info| info.ring_secs);
        let ring_secs = ring_secs.max(self.config.min_ring_secs).max(1);
        let until = now + Duration::from_secs(u64::from(ring_secs));
        let (offer, call, agent) = (decision.offer, decision.call, decision.chosen.clone());
        if let Some(chosen) = self.agents.get_mut(&agent) {
            chosen.enter(now, State::Offered { call, offer, until });
        }
        if let Some(waiting) = self.waiting.get_mut(&call) {
            waiting.offer = Some(offer);
        }
        self.offers.insert(offer, Offer { call, agent: agent.clone(), made_at: now, until });
        let (queue, waited_millis) = (decision.queue.clone(), decision.waited_millis);
        self.publish(Event::OfferMade {
            offer,
            call,
            queue: queue.clone(),
            agent: agent.clone(),
            until,
            decision: Box::new(decision),
        });
        self.outputs.push_back(Output::Ring { call, queue, agent, offer, until, waited_millis });
    }
}

/// What decides who could have a call. Thousands that wait are of a few kinds, and who is free is looked up once for
/// each kind: were it done for each call, a queue that is long because nobody serves it would hold up all others.
type Kind<'a> = (&'a QueueId, &'a [SkillNeed], Option<&'a AgentId>);

impl Waiting {
    fn kind(&self) -> Kind<'_> {
        (&self.queue, &self.needs, self.only.as_ref())
    }
}

/// The longest idle ones in order.
struct Pool<'a> {
    listed: Vec<(Timestamp, &'a AgentId)>,
    more: u32,
}

/// Puts the best in order and leaves the others out, which need no order.
fn best_first(mut free: Vec<(Timestamp, &AgentId)>) -> Pool<'_> {
    let more = free.len().saturating_sub(LISTED);
    if more > 0 {
        free.select_nth_unstable(LISTED);
        free.truncate(LISTED);
    }
    free.sort_unstable();
    Pool { listed: free, more: u32::try_from(more).unwrap_or(u32::MAX) }
}

impl Agent {
    /// Wants calls and has nothing to do.
    pub(super) fn is_free(&self) -> bool {
        self.status == Status::Ready && self.state == State::Idle && !self.removed
    }

    fn out_of_reach(&self, now: Timestamp) -> Option<Exclusion> {
        if !self.device.is_reachable() {
            return Some(Exclusion::NoPhone);
        }
        let until = self.cool_until.filter(|until| now < *until)?;
        Some(Exclusion::CoolDown { until })
    }
}

fn missing_skill(agent: &Agent, needs: &[SkillNeed]) -> Option<Exclusion> {
    needs.iter().find_map(|need| {
        let has = agent.info.skills.get(&need.skill).copied().unwrap_or(0);
        (has < need.level).then(|| Exclusion::Skill { skill: need.skill.clone(), needed: need.level, has })
    })
}
