//! Who of the free agents gets a call, with the record of why.

use std::collections::BTreeSet;
use std::iter::Peekable;

use shared::id::{AgentId, CallId, OfferId};
use shared::model::decision::{Candidate, Decision, Excluded, Exclusion, LISTED, Trigger};
use shared::model::routing::Choice;
use shared::time::Timestamp;

use super::index::KindIndex;
use super::kind::{Group, Rank, missing_skill};
use super::route::Place;
use super::state::{Acd, OnlyWhy, Waiting};

/// Agents that are looked through for a record's list of those left out; more are only counted.
const LOOKED_THROUGH: usize = 256;

/// A free agent with what decides.
type Standing<'a> = (u16, Rank, &'a AgentId, Group);

impl Acd {
    /// Chooses for a call that comes first. None when a phone rings for it and everybody else has had it.
    pub(super) fn decide(
        &mut self,
        now: Timestamp,
        place: Place,
        only: Option<AgentId>,
        trigger: Trigger,
        done: &BTreeSet<CallId>,
    ) -> Option<Decision> {
        let call = place.2;
        let waiting = self.waiting.get(&call)?;
        let picked = match &only {
            Some(agent) => self.only_pick(agent)?,
            None => self.pick(now, place, waiting, done)?,
        };
        let candidates = picked
            .listed
            .iter()
            .map(|(_, (score, idle_since), agent, _)| Candidate {
                agent: (*agent).clone(),
                idle_millis: now.millis_since(*idle_since),
                score: picked.scored.then_some(*score),
            })
            .collect();
        let tie = !picked.by_lot
            && matches!(picked.listed.as_slice(), [first, second, ..] if (first.0, first.1) == (second.0, second.1));
        let chosen = picked.listed.first()?.2.clone();
        let (excluded, left_out) = match only {
            Some(_) => (Vec::new(), 0),
            None => self.excluded(now, waiting, picked.known, &picked.passed, LISTED),
        };
        let (excluded, more_excluded) = first_by_name(excluded, left_out, LISTED);
        let decision = Decision {
            offer: OfferId::new(now, self.offer_serial),
            call,
            queue: waiting.queue.clone(),
            trigger,
            config_version: self.version,
            waited_millis: now.millis_since(waiting.since),
            waits_since: Some(waiting.since),
            priority_secs: waiting.priority_secs,
            ahead: count(self.ahead(call, waiting)),
            needs: waiting.needs.clone(),
            candidates,
            more_candidates: count(picked.total.saturating_sub(picked.listed.len())),
            more_excluded,
            excluded,
            chosen,
            relaxed: waiting.steps,
            rule: picked.rule.into(),
            tie,
        };
        self.offer_serial = self.offer_serial.wrapping_add(1);
        Some(decision)
    }

    /// Calls of the queue that stand before this one in the order of service.
    pub(super) fn ahead(&self, call: CallId, waiting: &Waiting) -> usize {
        let queue = self.index.queues.get(&waiting.queue);
        queue.map_or(0, |known| known.order.range(..(waiting.service_key(), call)).count())
    }

    fn only_pick<'a>(&'a self, agent: &'a AgentId) -> Option<Picked<'a>> {
        let (id, known) = self.agents.get_key_value(agent)?;
        let group = Group { level: 1, priority: 1, delay_secs: 0, weight: 1 };
        let calls = self.index.only.get(agent)?.first()?;
        let why = self.waiting.get(&calls.1).map_or(OnlyWhy::Transferred, |waiting| waiting.only_why);
        Some(Picked {
            listed: vec![(1, (0, known.idle_since), id, group)],
            total: 1,
            scored: false,
            by_lot: false,
            rule: match why {
                OnlyWhy::Transferred => "transferred to this agent",
                OnlyWhy::LastAgent => "had this caller last",
                OnlyWhy::Preferred => "this caller's own agent",
            },
            known: None,
            passed: Vec::new(),
        })
    }

    /// Those free, best first: by level, then by the queue's rule, then by idle time, then by id. Who had the call
    /// already comes only when nobody else is free; who is due another call first is passed over.
    fn pick<'a>(
        &'a self,
        now: Timestamp,
        (priority, _, call): Place,
        waiting: &'a Waiting,
        done: &BTreeSet<CallId>,
    ) -> Option<Picked<'a>> {
        let known = self.index.kind_of(call)?;
        let choice = self.queues.get(&waiting.queue).map_or(Choice::LongestIdle, |info| info.routing.choice);
        let waited = now.since(waiting.since);
        let groups: Vec<Group> = known
            .ready
            .keys()
            .filter(|group| waited >= self.delay(&waiting.queue, **group))
            .copied()
            .collect();
        let has_other = |agent: &AgentId, group: Group| {
            let first = (group.priority != priority).then(|| self.first_of(now, agent, done)).flatten();
            first.map(|first| first.2).filter(|first| *first != call)
        };
        let mut picked = Picked {
            listed: Vec::new(),
            total: groups.iter().filter_map(|group| known.ready.get(group)).map(BTreeSet::len).sum(),
            scored: !matches!(choice, Choice::LongestIdle | Choice::Random | Choice::WeightedRandom),
            by_lot: false,
            rule: choice.rule(),
            known: Some(known),
            passed: Vec::new(),
        };
        let mut tried = Vec::new();
        for standing in in_order(known, &groups) {
            if waiting.tried.contains(standing.2) {
                tried.push(standing);
            } else if let Some(call) = has_other(standing.2, standing.3) {
                picked.passed.push((standing.2, Exclusion::OtherCallFirst { call }));
            } else {
                picked.listed.push(standing);
                if picked.listed.len() >= LISTED {
                    break;
                }
            }
        }
        if picked.listed.is_empty() {
            if !waiting.offers.is_empty() {
                return None;
            }
            tried.retain(|standing| has_other(standing.2, standing.3).is_none());
            tried.truncate(LISTED);
            picked.listed = tried;
        } else {
            let had_it = |agent: &&AgentId| groups.iter().any(|group| self.stands(known, *group, agent));
            picked
                .passed
                .extend(waiting.tried.iter().filter(had_it).map(|agent| (agent, Exclusion::AlreadyTried)));
        }
        picked.total -= picked.passed.len().min(picked.total);
        if matches!(choice, Choice::Random | Choice::WeightedRandom) {
            self.draw(&mut picked, known, &groups, waiting);
        }
        if picked.listed.is_empty() { None } else { Some(picked) }
    }

    fn stands(&self, known: &KindIndex, group: Group, agent: &AgentId) -> bool {
        let ready = known.ready.get(&group);
        let here = |rank: &Rank| ready.is_some_and(|ready| ready.contains(&(*rank, agent.clone())));
        self.index.spots(agent).iter().any(|(_, own, rank)| *own == group && here(rank))
    }

    /// Puts the one first whom the lot falls upon, of the lowest level. Who was passed over is not among them.
    fn draw<'a>(
        &'a self,
        picked: &mut Picked<'a>,
        known: &'a KindIndex,
        groups: &[Group],
        waiting: &Waiting,
    ) {
        let Some(level) = picked.listed.first().map(|first| first.0) else { return };
        let had_it = picked.listed.iter().all(|standing| waiting.tried.contains(standing.2));
        let out = |agent: &AgentId| {
            (!had_it && waiting.tried.contains(agent))
                || picked.passed.iter().any(|(other, _)| *other == agent)
        };
        let lots: Vec<Group> = groups.iter().filter(|group| group.level == level).copied().collect();
        let tickets: u64 = lots
            .iter()
            .filter_map(|group| Some((group.weight, known.ready.get(group)?)))
            .map(|(weight, ready)| {
                u64::from(weight) * ready.iter().filter(|(_, agent)| !out(agent)).count() as u64
            })
            .sum();
        if tickets == 0 {
            return;
        }
        let mut drawn = mix(self.seed ^ mix(u64::from(self.offer_serial))) % tickets;
        for standing in in_order(known, &lots).filter(|standing| !out(standing.2)) {
            let weight = u64::from(standing.3.weight);
            if drawn < weight {
                picked.listed.retain(|other| other.2 != standing.2);
                picked.listed.insert(0, standing);
                picked.listed.truncate(LISTED);
                picked.by_lot = true;
                return;
            }
            drawn -= weight;
        }
    }

    /// Who was left out, some of them (at least the first `most` by name), and how many there are.
    pub(super) fn excluded(
        &self,
        now: Timestamp,
        waiting: &Waiting,
        known: Option<&KindIndex>,
        passed: &[(&AgentId, Exclusion)],
        most: usize,
    ) -> (Vec<Excluded>, usize) {
        let mut listed: Vec<Excluded> = Vec::new();
        let mut note = |agent: &AgentId, why: Exclusion| listed.push(Excluded { agent: agent.clone(), why });
        let mut count = passed.len();
        for (agent, why) in passed.iter().take(most) {
            note(agent, why.clone());
        }
        let (Some(queue), Some(known)) = (self.index.queues.get(&waiting.queue), known) else {
            return (listed, count);
        };
        count += queue.busy.len();
        for id in queue.busy.iter().take(most) {
            if let Some(why) = self.agents.get(id).and_then(|agent| self.exclusion(agent)) {
                note(id, why);
            } else {
                count -= 1;
            }
        }
        let waited = now.since(waiting.since);
        let mut own = 0;
        let mut added = 0;
        for (group, ready) in &known.ready {
            *(if group.is_added() { &mut added } else { &mut own }) += ready.len();
            let delay = self.delay(&waiting.queue, *group);
            if waited < delay {
                count += ready.len();
                let until = waiting.since + delay;
                ready.iter().take(most).for_each(|(_, id)| note(id, Exclusion::Delay { until }));
            }
        }
        let unskilled = queue.free.len().saturating_sub(own);
        count += unskilled;
        // By name, of which the record keeps the first: what comes after as many as it lists is not among them.
        if unskilled > 0 {
            let looked = queue.free.iter().take(LOOKED_THROUGH);
            let lacking = looked.filter_map(|id| {
                let (need, has) = missing_skill(&self.agents.get(id)?.info, &waiting.needs)?;
                Some((id, need, has))
            });
            for (id, need, has) in lacking.take(most) {
                note(id, Exclusion::Skill { skill: need.skill.clone(), needed: need.level, has });
            }
        }
        // Of other queues' agents only those are worth a word who have nothing to do.
        let elsewhere = self.index.free.len().saturating_sub(queue.free.len() + added);
        count += elsewhere;
        if elsewhere > 0 {
            let looked = self.index.free.iter().take(LOOKED_THROUGH);
            let others = looked.filter(|id| {
                self.agents.get(*id).is_some_and(|agent| {
                    !agent.info.queues.contains(&waiting.queue)
                        && !waiting.also.iter().any(|queue| agent.info.queues.contains(queue))
                })
            });
            others.take(most).for_each(|id| note(id, Exclusion::NotInQueue));
        }
        (listed, count)
    }
}

/// The free agents for a call in order.
struct Picked<'a> {
    listed: Vec<Standing<'a>>,
    /// How many there are, with those that are not listed.
    total: usize,
    /// The rule compares a score and not only the idle time.
    scored: bool,
    by_lot: bool,
    rule: &'static str,
    /// None for a call that is for one agent.
    known: Option<&'a KindIndex>,
    /// Free, and not for this call.
    passed: Vec<(&'a AgentId, Exclusion)>,
}

/// The agents of some groups of a kind, by level, then rank, then id.
struct InOrder<'a, I: Iterator<Item = Standing<'a>>> {
    groups: Vec<Peekable<I>>,
}

fn in_order<'a>(known: &'a KindIndex, groups: &[Group]) -> impl Iterator<Item = Standing<'a>> {
    let groups = groups.iter().filter_map(|group| {
        let (group, ready) = known.ready.get_key_value(group)?;
        Some(ready.iter().map(|(rank, agent)| (group.level, *rank, agent, *group)).peekable())
    });
    InOrder { groups: groups.collect() }
}

impl<'a, I: Iterator<Item = Standing<'a>>> Iterator for InOrder<'a, I> {
    type Item = Standing<'a>;

    fn next(&mut self) -> Option<Standing<'a>> {
        let first = self
            .groups
            .iter_mut()
            .enumerate()
            .filter_map(|(place, group)| {
                let (level, rank, agent, _) = group.peek()?;
                Some(((*level, *rank, *agent), place))
            })
            .min()?
            .1;
        self.groups.get_mut(first)?.next()
    }
}

/// The first `most` of those left out, by name, and how many more of `all` there are.
pub(super) fn first_by_name(mut excluded: Vec<Excluded>, all: usize, most: usize) -> (Vec<Excluded>, u32) {
    excluded.sort_unstable_by(|one, other| one.agent.cmp(&other.agent));
    excluded.truncate(most);
    let more = count(all.saturating_sub(excluded.len()));
    (excluded, more)
}

/// A number of calls or agents as records have it.
pub(super) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// SplitMix64's finaliser: from a number that counts, one that looks drawn.
pub(super) fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}
