//! Who is free and what waits, in order, so that a choice looks at a few entries and not at the whole floor.
//!
//! Everything in here follows from the agents, the calls and the configuration; it is not saved and is made anew when an
//! ACD is loaded or configured. Whoever changes an agent or a call marks it ([`Acd::agent_mut`], [`Acd::call_mut`]) and
//! [`Acd::flush`] brings the index up to date before the next choice.
//!
//! A **kind** is what decides who may have a call: the queue, the skills, the queues that were added by widening. Each
//! kind keeps its waiting calls in the order of service and its free agents in the order of choice, so what costs time is
//! a change of an agent (one entry a kind of his queues) and not a decision. Between two inputs no kind has both a waiting
//! call and a free agent for it; only kinds that something came into (**fresh**) are looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use shared::id::{AgentId, CallId, QueueId};
use shared::model::agent::State;
use shared::model::decision::NonOfferMoment;
use shared::model::queue::QueueInfo;
use shared::model::rules::Away;
use shared::time::Timestamp;

use super::hours::Hours;
use super::kind::{Group, Kind, KindId, Rank, spot, widen};
use super::state::{Acd, Agent, Due, Waiting};

/// Kinds that nobody needs at the moment and that are kept all the same; more are dropped.
const SPARE_KINDS: usize = 4_096;
#[derive(Debug, Clone)]
pub(super) struct KindIndex {
    pub(super) kind: Kind,
    /// Calls of the kind, ringing ones too.
    users: usize,
    /// The free agents have been put in.
    filled: bool,
    /// Calls that another phone may be rung for, in the order of service, with the start of their waiting.
    pub(super) waiting: BTreeMap<(Timestamp, CallId), Timestamp>,
    pub(super) ready: BTreeMap<Group, BTreeSet<(Rank, AgentId)>>,
    pub(super) wake: Option<Timestamp>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct QueueIndex {
    pub(super) kinds: BTreeSet<KindId>,
    /// Its agents who are free, and the others.
    pub(super) free: BTreeSet<AgentId>,
    pub(super) busy: BTreeSet<AgentId>,
    /// Agents who are ready or at work, a level.
    staffed: BTreeMap<u16, u32>,
    /// Calls that wait and do not ring, in the order of service.
    pub(super) order: BTreeSet<(Timestamp, CallId)>,
    pub(super) waiting: usize,
    pub(super) hours: Option<Hours>,
}

#[derive(Debug, Clone, Default)]
struct AgentEntry {
    free: Option<Timestamp>,
    talks: Option<CallId>,
    /// The queues and levels in which he counts as staffed; none when he is not ready.
    staffed: Vec<(QueueId, u16)>,
    spots: Vec<(KindId, Group, Rank)>,
    due: Vec<(Timestamp, Due)>,
}

#[derive(Debug, Clone)]
struct CallEntry {
    kind: Option<KindId>,
    only: Option<AgentId>,
    key: Timestamp,
    leaves: Option<LeaveRule>,
    /// Somebody waits in it and takes the queue's room.
    takes_room: bool,
    due: Vec<(Timestamp, Due)>,
}

/// A queue, and what its agents do when nobody is there.
pub(super) type LeaveRule = (QueueId, Vec<Away>);

#[derive(Debug, Clone, Default)]
pub(super) struct Leaving {
    pub(super) calls: BTreeSet<CallId>,
    /// Nobody was there when it was looked at last.
    pub(super) is_empty: bool,
}

/// See the [module](self).
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    /// Made from the facts. Not so after loading.
    pub(super) built: bool,
    pub(super) kinds: BTreeMap<KindId, KindIndex>,
    ids: BTreeMap<Kind, KindId>,
    next_kind: KindId,
    pub(super) queues: BTreeMap<QueueId, QueueIndex>,
    agents: BTreeMap<AgentId, AgentEntry>,
    calls: BTreeMap<CallId, CallEntry>,
    /// Calls for one agent.
    pub(super) only: BTreeMap<AgentId, BTreeSet<(Timestamp, CallId)>>,
    pub(super) free: BTreeSet<AgentId>,
    /// Calls that agents talk with.
    pub(super) talks: BTreeMap<CallId, AgentId>,
    pub(super) timers: BTreeSet<(Timestamp, Due)>,
    pub(super) dirty_agents: Vec<AgentId>,
    pub(super) dirty_calls: Vec<CallId>,
    /// Calls that leave when all agents of a queue are in one of these states.
    pub(super) leaving: BTreeMap<LeaveRule, Leaving>,
    pub(super) fresh: BTreeSet<KindId>,
    pub(super) fresh_only: BTreeSet<AgentId>,
    /// Calls of which a record is written at the end of this step, unless a phone rings for them then.
    pub(super) unserved: BTreeMap<CallId, NonOfferMoment>,
}

/// Nothing in here is a fact of its own, so two ACDs with the same facts are the same.
impl PartialEq for Index {
    fn eq(&self, _: &Index) -> bool {
        true
    }
}

#[cfg(test)]
mod checks;

impl Acd {
    /// An agent who is about to change.
    pub(super) fn agent_mut(&mut self, id: &AgentId) -> Option<&mut Agent> {
        let agent = self.agents.get_mut(id)?;
        self.index.dirty_agents.push(id.clone());
        Some(agent)
    }

    /// A waiting call that is about to change.
    pub(super) fn call_mut(&mut self, call: CallId) -> Option<&mut Waiting> {
        let waiting = self.waiting.get_mut(&call)?;
        self.index.dirty_calls.push(call);
        Some(waiting)
    }

    /// Makes the index anew: after loading, and for a new configuration.
    pub(super) fn rebuild(&mut self) {
        // What happened before in this step is still to be told.
        let unserved = std::mem::take(&mut self.index.unserved);
        self.index = Index { built: true, unserved, ..Index::default() };
        for (id, info) in &self.queues {
            let hours = Hours::parse(&info.hours, &info.waiting.holidays, &info.time_zone).ok();
            self.index.queues.insert(id.clone(), QueueIndex { hours, ..QueueIndex::default() });
        }
        for info in self.queues.values() {
            let mut widened = Kind { queue: info.id.clone(), also: Vec::new(), needs: info.skills.clone() };
            self.index.kind(&widened);
            for step in &info.routing.relax {
                widen(&mut widened.also, &mut widened.needs, step);
                self.index.kind(&widened);
            }
        }
        let calls: Vec<CallId> = self.waiting.keys().copied().collect();
        for waiting in self.waiting.values() {
            self.index.kind(&waiting.kind());
        }
        self.index.kinds.values_mut().for_each(|known| known.filled = true);
        let agents: Vec<AgentId> = self.agents.keys().cloned().collect();
        self.index.dirty_agents.extend(agents);
        self.index.dirty_calls.extend(calls);
        for (id, callback) in &self.callbacks {
            self.index.timers.extend(callback.due().map(|at| (at, Due::Callback(*id))));
        }
        for (id, offer) in &self.offers {
            self.index.timers.insert((offer.until, Due::Offer(*id)));
        }
        self.flush(self.clock);
    }

    /// Brings the index up to date.
    pub(super) fn flush(&mut self, now: Timestamp) {
        loop {
            if let Some(id) = self.index.dirty_agents.pop() {
                self.reindex_agent(&id);
            } else if let Some(call) = self.index.dirty_calls.pop() {
                self.reindex_call(now, call);
            } else {
                return;
            }
        }
    }

    fn reindex_agent(&mut self, id: &AgentId) {
        let grace = Duration::from_secs(u64::from(self.config.connection_grace_secs));
        let index = &mut self.index;
        let agent = self.agents.get(id);
        let entry = index.agents.entry(id.clone()).or_default();
        let due: Vec<_> = agent.map(|agent| agent.deadlines(id, grace).collect()).unwrap_or_default();
        retime(&mut index.timers, &mut entry.due, due);
        let talks = agent.and_then(|agent| match &agent.state {
            State::Talking { call, .. } => Some(*call),
            State::Idle | State::Offered { .. } | State::WrapUp { .. } => None,
        });
        if entry.talks != talks {
            if let Some(over) = std::mem::replace(&mut entry.talks, talks)
                && index.talks.get(&over) == Some(id)
            {
                index.talks.remove(&over);
            }
            index.talks.extend(talks.map(|call| (call, id.clone())));
        }
        let free = agent.filter(|agent| agent.is_available()).map(|agent| agent.idle_since);
        let staffed = match agent.filter(|agent| agent.takes_calls()) {
            Some(agent) => agent.levels(),
            None => Vec::new(),
        };
        let away = !entry.staffed.is_empty() && staffed.is_empty();
        if entry.staffed != staffed {
            let old = std::mem::replace(&mut entry.staffed, staffed);
            for (queue, level) in &old {
                if let Some(known) = index.queues.get_mut(queue) {
                    known.staff(*level, -1);
                }
            }
            for (queue, level) in &entry.staffed {
                if let Some(known) = index.queues.get_mut(queue) {
                    known.staff(*level, 1);
                }
            }
            for (queue, _) in old.iter().chain(&entry.staffed) {
                if let Some(known) = index.queues.get(queue)
                    && self.queues.get(queue).is_some_and(|info| info.routing.level_wait_secs > 0)
                {
                    index.fresh.extend(known.kinds.iter().copied());
                }
            }
        }
        if entry.free != free {
            for (kind, group, rank) in entry.spots.drain(..) {
                if let Some(known) = index.kinds.get_mut(&kind)
                    && let Some(ready) = known.ready.get_mut(&group)
                {
                    ready.remove(&(rank, id.clone()));
                    if ready.is_empty() {
                        known.ready.remove(&group);
                    }
                }
            }
            if entry.free.is_none() {
                index.free.insert(id.clone());
            } else if free.is_none() {
                index.free.remove(id);
            }
            if let (Some(agent), Some(_)) = (agent, free) {
                for queue in &agent.info.queues {
                    let Some(known) = index.queues.get(queue) else { continue };
                    for kind in &known.kinds {
                        if entry.spots.iter().any(|spot| spot.0 == *kind) {
                            continue;
                        }
                        let Some(known) = index.kinds.get_mut(kind) else { continue };
                        if let Some((group, rank)) = spot(agent, &known.kind, &self.queues) {
                            known.ready.entry(group).or_default().insert((rank, id.clone()));
                            entry.spots.push((*kind, group, rank));
                            if !known.waiting.is_empty() {
                                index.fresh.insert(*kind);
                            }
                        }
                    }
                }
                if index.only.contains_key(id) {
                    index.fresh_only.insert(id.clone());
                }
            }
        }
        entry.free = free;
        match agent {
            Some(agent) => {
                for queue in &agent.info.queues {
                    if let Some(known) = index.queues.get_mut(queue) {
                        let (into, from) = match free {
                            Some(_) => (&mut known.free, &mut known.busy),
                            None => (&mut known.busy, &mut known.free),
                        };
                        if !into.contains(id) {
                            into.insert(id.clone());
                            from.remove(id);
                        }
                    }
                }
            }
            None => {
                index.agents.remove(id);
                for known in index.queues.values_mut() {
                    known.free.remove(id);
                    known.busy.remove(id);
                }
            }
        }
        if away || agent.is_none_or(|agent| !agent.takes_calls()) {
            let calls = index.only.get(id).into_iter().flatten().map(|(_, call)| *call);
            index.dirty_calls.extend(calls);
        }
    }

    fn reindex_call(&mut self, now: Timestamp, call: CallId) {
        self.close_only(now, call);
        let index = &mut self.index;
        if let Some(mut old) = index.calls.remove(&call) {
            retime(&mut index.timers, &mut old.due, Vec::new());
            let place = (old.key, call);
            if let Some(known) = old.kind.and_then(|kind| index.kinds.get_mut(&kind)) {
                known.users = known.users.saturating_sub(1);
                known.waiting.remove(&place);
                if let Some(queue) = index.queues.get_mut(&known.kind.queue) {
                    queue.order.remove(&place);
                    queue.waiting = queue.waiting.saturating_sub(usize::from(old.takes_room));
                }
            }
            if let Some(rule) = &old.leaves
                && let Some(leaving) = index.leaving.get_mut(rule)
            {
                leaving.calls.remove(&call);
                if leaving.calls.is_empty() {
                    index.leaving.remove(rule);
                }
            }
            if let Some(agent) = &old.only
                && let Some(calls) = index.only.get_mut(agent)
            {
                calls.remove(&place);
                if calls.is_empty() {
                    index.only.remove(agent);
                }
            }
        }
        let Some(waiting) = self.waiting.get(&call) else { return };
        let rule = (waiting.queue.clone(), waiting.waits.leave_when_all.clone());
        let rule = (!rule.1.is_empty()).then_some(rule);
        if let Some(rule) = &rule {
            let leaving = index.leaving.entry(rule.clone()).or_default();
            leaving.is_empty = waiting.empty_until.is_some();
            leaving.calls.insert(call);
        }
        let (key, kind) = (waiting.service_key(), waiting.kind());
        let ringing = !waiting.offers.is_empty();
        let open = waiting.is_open(now);
        let id = index.kind(&kind);
        // A kind that no agent was looked at for yet.
        if index.kinds.get(&id).is_some_and(|known| !known.filled) {
            index.fill(id, &self.agents, &self.queues);
        }
        if let Some(known) = index.kinds.get_mut(&id) {
            known.users += 1;
            if open && waiting.only.is_none() {
                known.waiting.insert((key, call), waiting.since);
                if !known.ready.is_empty() {
                    index.fresh.insert(id);
                }
            }
        }
        let queue = index.queues.entry(kind.queue).or_default();
        let takes_room = waiting.recall.is_none();
        queue.waiting += usize::from(takes_room);
        if !ringing {
            queue.order.insert((key, call));
        }
        if let Some(agent) = waiting.only.as_ref().filter(|_| open) {
            index.only.entry(agent.clone()).or_default().insert((key, call));
            index.fresh_only.insert(agent.clone());
        }
        let only = waiting.only.clone().filter(|_| open);
        let mut entry = CallEntry { kind: Some(id), only, key, leaves: rule, takes_room, due: Vec::new() };
        retime(&mut index.timers, &mut entry.due, waiting.deadlines(call).collect());
        index.calls.insert(call, entry);
    }

    /// A call that waits for one agent only is for the whole queue when he is away, did not take it, or let it wait too
    /// long.
    fn close_only(&mut self, now: Timestamp, call: CallId) {
        let Some(waiting) = self.waiting.get(&call) else { return };
        let Some(agent) = &waiting.only else { return };
        let too_long = waiting.only_until.is_some_and(|until| until <= now) && waiting.offers.is_empty();
        let over = too_long
            || waiting.tried.contains(agent)
            || !self.agents.get(agent).is_some_and(Agent::takes_calls);
        if over && let Some(waiting) = self.waiting.get_mut(&call) {
            waiting.only = None;
            waiting.only_until = None;
        }
    }

    /// How long a call has to have waited for agents of a group.
    pub(super) fn delay(&self, queue: &QueueId, group: Group) -> Duration {
        let wait = self.queues.get(queue).map_or(0, |info| info.routing.level_wait_secs);
        let own = u64::from(group.delay_secs);
        if wait == 0 || group.is_added() {
            return Duration::from_secs(own);
        }
        let known = self.index.queues.get(queue);
        let below = known.map_or(0, |known| {
            known.staffed.iter().filter(|(level, count)| **level < group.level && **count > 0).count()
        });
        Duration::from_secs(own.max(u64::from(wait) * below as u64))
    }
}

impl QueueIndex {
    fn staff(&mut self, level: u16, by: i32) {
        let count = self.staffed.entry(level).or_default();
        *count = count.saturating_add_signed(by);
    }
}

impl Agent {
    fn levels(&self) -> Vec<(QueueId, u16)> {
        let level = |queue| self.info.serves(queue).map_or(1, |serves| u16::from(serves.level));
        self.info.queues.iter().map(|queue| (queue.clone(), level(queue))).collect()
    }
}

impl Index {
    /// It is time to look at a kind again.
    pub(super) fn look(&mut self, kind: KindId) {
        if let Some(known) = self.kinds.get_mut(&kind) {
            if let Some(at) = known.wake.take() {
                self.timers.remove(&(at, Due::Look(kind)));
            }
            self.fresh.insert(kind);
        } else {
            self.timers.retain(|(_, due)| *due != Due::Look(kind));
        }
    }

    fn kind(&mut self, kind: &Kind) -> KindId {
        if let Some(id) = self.ids.get(kind) {
            return *id;
        }
        if self.kinds.len() > SPARE_KINDS {
            let Index { kinds, ids, queues, agents, .. } = self;
            let unused: BTreeSet<KindId> =
                kinds.iter().filter(|(_, known)| known.users == 0).map(|(id, _)| *id).collect();
            kinds.retain(|id, _| !unused.contains(id));
            ids.retain(|_, id| !unused.contains(id));
            queues.values_mut().for_each(|queue| queue.kinds.retain(|id| !unused.contains(id)));
            agents.values_mut().for_each(|agent| agent.spots.retain(|spot| !unused.contains(&spot.0)));
        }
        let id = self.next_kind;
        self.next_kind = self.next_kind.wrapping_add(1);
        self.ids.insert(kind.clone(), id);
        for queue in std::iter::once(&kind.queue).chain(&kind.also) {
            self.queues.entry(queue.clone()).or_default().kinds.insert(id);
        }
        let (kind, waiting, ready) = (kind.clone(), BTreeMap::new(), BTreeMap::new());
        self.kinds.insert(id, KindIndex { kind, users: 0, filled: false, waiting, ready, wake: None });
        id
    }

    /// Puts the free agents into a kind that is new.
    fn fill(&mut self, id: KindId, agents: &BTreeMap<AgentId, Agent>, queues: &BTreeMap<QueueId, QueueInfo>) {
        let Some(known) = self.kinds.get_mut(&id) else { return };
        known.filled = true;
        let served: BTreeSet<&AgentId> = std::iter::once(&known.kind.queue)
            .chain(&known.kind.also)
            .filter_map(|queue| self.queues.get(queue))
            .flat_map(|queue| &queue.free)
            .collect();
        for agent_id in served {
            let (Some(agent), Some(entry)) = (agents.get(agent_id), self.agents.get_mut(agent_id)) else {
                continue;
            };
            if entry.spots.iter().any(|spot| spot.0 == id) || entry.free.is_none() {
                continue;
            }
            if let Some((group, rank)) = spot(agent, &known.kind, queues) {
                known.ready.entry(group).or_default().insert((rank, agent_id.clone()));
                entry.spots.push((id, group, rank));
            }
        }
    }

    /// Where a free agent stands.
    pub(super) fn spots(&self, agent: &AgentId) -> &[(KindId, Group, Rank)] {
        self.agents.get(agent).map_or(&[], |entry| &entry.spots)
    }

    pub(super) fn kind_of(&self, call: CallId) -> Option<&KindIndex> {
        self.kinds.get(&self.calls.get(&call)?.kind?)
    }
}

fn retime(
    timers: &mut BTreeSet<(Timestamp, Due)>,
    old: &mut Vec<(Timestamp, Due)>,
    new: Vec<(Timestamp, Due)>,
) {
    if *old != new {
        for due in old.iter() {
            timers.remove(due);
        }
        timers.extend(new.iter().cloned());
        *old = new;
    }
}
