//! What must hold whatever happens, judged from the published facts alone and not from the ACD's own state.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use shared::id::{AgentId, CallId, OfferId, QueueId};
use shared::model::agent::{AgentInfo, State, Status};
use shared::model::call::{LiveCall, OfferOutcome, Phase};
use shared::model::decision::NonOfferMoment;
use shared::model::event::{Event, Stamped};
use shared::model::floor::{AgentView, Floor};
use shared::model::queue::SkillNeed;
use shared::time::Timestamp;

use super::super::{AcdConfig, Output};

/// What a call came with.
struct Entry {
    queue: QueueId,
    needs: Vec<SkillNeed>,
    since: Timestamp,
    priority_secs: u32,
    only: Option<AgentId>,
    tried: BTreeSet<AgentId>,
    offered: Option<OfferId>,
    /// A record says why nobody has it.
    explained: bool,
}

#[derive(Default)]
pub(super) struct Oracle {
    pub(super) floor: Floor,
    entries: BTreeMap<CallId, Entry>,
    offers: BTreeMap<OfferId, (CallId, AgentId)>,
    seen_offers: BTreeSet<OfferId>,
    ringing: BTreeSet<OfferId>,
    /// The queues have rules of which only what always holds is judged here.
    only_hard_rules: bool,
    announced: Option<(OfferId, CallId, AgentId)>,
    idle_since: BTreeMap<AgentId, Timestamp>,
    cool_until: BTreeMap<AgentId, Timestamp>,
}

impl Oracle {
    pub(super) fn new(only_hard_rules: bool) -> Oracle {
        Oracle { only_hard_rules, ..Oracle::default() }
    }

    /// A fact that somebody else than the ACD published, or one of its outputs in its turn.
    pub(super) fn publish(&mut self, now: Timestamp, event: &Event) {
        self.before(now, event);
        let stamped = Stamped { seq: self.floor.seq + 1, at: now, event: event.clone() };
        self.floor.apply(&stamped);
        self.after(now, event);
    }

    pub(super) fn output(&mut self, now: Timestamp, output: &Output) {
        match output {
            Output::Publish(event) => {
                assert_eq!(self.announced, None, "an offer's record is followed by its ring");
                self.publish(now, event);
            }
            Output::Ring { call, agent, offer, until, .. } => {
                assert_eq!(
                    self.announced.take(),
                    Some((*offer, *call, agent.clone())),
                    "ring without record"
                );
                assert!(*until > now, "an offer lasts");
                self.ringing.insert(*offer);
            }
            Output::CancelRing { call, agent, offer } => {
                assert!(self.ringing.remove(offer), "cancels what does not ring");
                assert_eq!(
                    self.offers.get(offer),
                    Some(&(*call, agent.clone())),
                    "cancel comes before the end"
                );
            }
            Output::DialCustomer { .. }
            | Output::PutOff { .. }
            | Output::CallbackTaken { .. }
            | Output::CallbackRefused { .. } => panic!("nobody asked for a callback: {output:?}"),
            Output::Redirect { call, .. } => {
                assert!(!self.entries.contains_key(call), "a redirected call waits no more");
            }
        }
    }

    fn before(&mut self, now: Timestamp, event: &Event) {
        match event {
            Event::OfferMade { offer, call, agent, decision, .. } => {
                assert!(self.seen_offers.insert(*offer), "offer numbers are used once");
                let view = &self.floor.agents[agent];
                assert!(view.is_free(), "{agent} is rung while {:?} {:?}", view.status, view.state);
                let entry = &self.entries[call];
                if !self.only_hard_rules {
                    assert_eq!(entry.offered, None, "one offer a call");
                    self.assert_fair(now, *call, agent);
                }
                assert_eq!(decision.candidates[0].agent, *agent);
                for excluded in &decision.excluded {
                    assert!(!decision.candidates.iter().any(|it| it.agent == excluded.agent));
                }
            }
            Event::CallNotOffered { call, record } => {
                let entry = &self.entries[call];
                assert_eq!(record.queue, entry.queue);
                assert!(!self.offers.values().any(|(rung, _)| rung == call), "a record of what rings");
                if !self.only_hard_rules {
                    assert_eq!((record.waits_since, &record.only), (entry.since, &entry.only));
                    // A call leaves in the order of the deadlines: a cool-down that ends in the same step may still be on,
                    // or be over without that a call was looked for.
                    let leaves = matches!(record.moment, NonOfferMoment::Left { .. });
                    for excluded in record.excluded.iter().filter(|_| !leaves) {
                        assert!(!self.fits(now, entry, &excluded.agent), "{excluded:?} was free for {call}");
                    }
                    let serves = |agent: &&AgentId| self.floor.agents[*agent].serves(&entry.queue);
                    let agents = || self.floor.agents.keys().filter(serves);
                    let told = record.excluded.len() + record.more_excluded as usize;
                    let free = agents().filter(|agent| leaves && self.fits(now, entry, agent)).count();
                    let all = agents().count();
                    assert!(
                        entry.only.is_some() || told + free >= all,
                        "{told} of {all} explained: {record:?}"
                    );
                }
            }
            Event::OfferEnded { offer, call, agent, .. } => {
                assert_eq!(
                    self.offers.get(offer),
                    Some(&(*call, agent.clone())),
                    "an offer ends once, and as it was made"
                );
            }
            Event::CallLeftQueue { call, queue, wait_millis, .. } => match self.entries.get(call) {
                Some(entry) => assert_eq!(entry.queue, *queue),
                None => assert_eq!(*wait_millis, 0, "turned away at the door"),
            },
            Event::CallQueued { call, .. } => {
                assert!(!self.entries.contains_key(call), "a call waits once");
            }
            _ => {}
        }
    }

    /// No call with a better place could have had this agent, and nobody fit for the call was idle longer.
    fn assert_fair(&self, now: Timestamp, call: CallId, agent: &AgentId) {
        let entry = &self.entries[&call];
        assert!(
            self.fits(now, entry, agent),
            "{agent} cannot take {call} of {} for {:?}: {:?}, kept back until {:?}",
            entry.queue,
            entry.only,
            self.floor.agents[agent],
            self.cool_until.get(agent)
        );
        let place = (key(entry), call);
        for (other_call, other) in self.entries.iter().filter(|(_, other)| other.offered.is_none()) {
            assert!(
                (key(other), *other_call) >= place || !self.fits(now, other, agent),
                "{other_call} was passed over for {call}"
            );
        }
        let had_it = entry.tried.contains(agent);
        for other in self.floor.agents.keys().filter(|other| self.fits(now, entry, other)) {
            let other_had_it = entry.tried.contains(other);
            assert!(!had_it || other_had_it, "{agent} had the call and {other} is free");
            assert!(
                had_it != other_had_it || (self.idle_since[agent], agent) <= (self.idle_since[other], other),
                "{other} is idle longer than {agent}"
            );
        }
    }

    fn fits(&self, now: Timestamp, entry: &Entry, agent: &AgentId) -> bool {
        let view = &self.floor.agents[agent];
        let may = match &entry.only {
            Some(only) => only == agent,
            None => {
                view.serves(&entry.queue)
                    && entry.needs.iter().all(|need| {
                        view.info.skills.get(&need.skill).is_some_and(|level| *level >= need.level)
                    })
            }
        };
        may && view.is_free()
            && view.device.is_reachable()
            && self.cool_until.get(agent).is_none_or(|until| *until <= now)
    }

    fn after(&mut self, now: Timestamp, event: &Event) {
        let config = AcdConfig::default();
        match event {
            Event::CallQueued { call, queue, priority_secs, since, only } => {
                let needs = self.floor.queues[queue].info.skills.clone();
                let entry = Entry {
                    queue: queue.clone(),
                    needs,
                    since: *since,
                    priority_secs: *priority_secs,
                    only: only.clone(),
                    tried: BTreeSet::new(),
                    offered: None,
                    explained: false,
                };
                self.entries.insert(*call, entry);
            }
            Event::CallLeftQueue { call, .. } => {
                if let Some(entry) = self.entries.remove(call) {
                    assert_eq!(entry.offered, None, "the offer ends before the call leaves");
                }
            }
            Event::CallNotOffered { call, .. } => {
                self.entries.get_mut(call).expect("waits").explained = true;
            }
            Event::OfferMade { offer, call, agent, .. } => {
                self.offers.insert(*offer, (*call, agent.clone()));
                self.announced = Some((*offer, *call, agent.clone()));
                self.entries.get_mut(call).expect("waits").offered = Some(*offer);
            }
            Event::OfferEnded { offer, call, agent, outcome, .. } => {
                self.offers.remove(offer);
                self.ringing.remove(offer);
                let entry = self.entries.get_mut(call).expect("waits");
                entry.offered = None;
                entry.explained = false;
                let cool_secs = match outcome {
                    OfferOutcome::Rejected => config.reject_cool_down_secs,
                    OfferOutcome::Busy => config.busy_cool_down_secs,
                    OfferOutcome::Unreachable => config.unreachable_cool_down_secs,
                    OfferOutcome::Missed => 0,
                    OfferOutcome::Answered | OfferOutcome::LostRace | OfferOutcome::CallerGone => return,
                };
                entry.tried.insert(agent.clone());
                if entry.only.as_ref() == Some(agent) {
                    entry.only = None;
                }
                if cool_secs > 0 {
                    self.cool_until.insert(agent.clone(), now + Duration::from_secs(u64::from(cool_secs)));
                }
            }
            Event::AgentStatusChanged { agent, status, .. } => {
                match status {
                    Status::Ready => {
                        self.idle_since.insert(agent.clone(), now);
                    }
                    Status::Offline => {
                        self.cool_until.remove(agent);
                    }
                    Status::NotReady { .. } => {}
                }
                self.open_calls();
            }
            Event::AgentReleased { agent, .. } | Event::WrapUpEnded { agent, .. } => {
                self.idle_since.insert(agent.clone(), now);
            }
            Event::AgentRemoved { agent } => {
                self.cool_until.remove(agent);
                self.open_calls();
            }
            Event::AgentDeviceChanged { .. } => self.open_calls(),
            _ => {}
        }
    }

    /// Who is to go when his call is over waits for no other: the facts tell of it only then.
    pub(super) fn configured(&mut self, agents: &[AgentInfo]) {
        for entry in self.entries.values_mut() {
            entry.only = entry.only.take().filter(|agent| agents.iter().any(|info| info.id == *agent));
        }
    }

    /// A call for one agent is for the queue once he is away.
    fn open_calls(&mut self) {
        for entry in self.entries.values_mut() {
            entry.only = entry.only.take().filter(|agent| {
                let known = self.floor.agents.get(agent);
                known.is_some_and(|known| known.status == Status::Ready && known.device.is_reachable())
            });
        }
    }

    /// The watchdog: nobody waits for whom somebody is free, and every reserved agent has a phone that rings.
    pub(super) fn check_rest(&self, now: Timestamp, deadline: Option<Timestamp>) {
        assert_eq!(self.announced, None);
        self.assert_apart();
        let waits = self.entries.iter().filter(|(_, entry)| entry.offered.is_none());
        for (call, entry) in waits {
            let rings = self.offers.values().any(|(rung, _)| rung == call);
            assert!(rings || entry.explained, "{call} waits and nothing says why");
            if self.only_hard_rules {
                continue;
            }
            for agent in self.floor.agents.keys() {
                assert!(!self.fits(now, entry, agent), "{call} waits and {agent} is free");
            }
        }
        let live: BTreeSet<OfferId> = self.offers.keys().copied().collect();
        assert_eq!(live, self.ringing, "what is offered rings");
        for (agent, view) in &self.floor.agents {
            if let State::Offered { offer, until, .. } = &view.state {
                assert!(live.contains(offer), "{agent} is stuck");
                assert!(deadline.is_some_and(|deadline| deadline <= *until), "the offer has a deadline");
            }
        }
        assert_eq!(live.len(), self.floor.agents.values().filter(is_offered).count());
        let waiting = |call: &&LiveCall| call.phase.waits_since().is_some();
        assert_eq!(self.floor.calls.values().filter(waiting).count(), self.entries.len());
        for call in self.floor.calls.values().filter(|_| !self.only_hard_rules) {
            assert_eq!(
                matches!(call.phase, Phase::Offered { .. }),
                self.entries.get(&call.id).is_some_and(|entry| entry.offered.is_some())
            );
        }
    }

    /// No agent has two calls, and no call two agents.
    fn assert_apart(&self) {
        let mut talked = BTreeSet::new();
        for (agent, view) in &self.floor.agents {
            match &view.state {
                State::Talking { call, .. } => {
                    // Who calls a colleague is on a call with him.
                    let placed = self.floor.calls.get(call).is_some_and(|live| !live.members.is_empty());
                    assert!(placed || talked.insert(*call), "{call} has two agents");
                    assert!(!self.entries.contains_key(call), "{call} waits while {agent} talks with it");
                    let rings = self.offers.values().any(|(_, rung)| rung == agent);
                    assert!(!rings, "{agent} is rung and talks");
                }
                State::Offered { offer, .. } => {
                    let rung = self.offers.values().filter(|(_, rung)| rung == agent).count();
                    assert!(rung == 1 && self.offers.contains_key(offer), "{agent} is rung {rung} times");
                }
                State::Idle | State::WrapUp { .. } => {}
            }
        }
    }

    /// Calls that wait.
    pub(super) fn waiting(&self) -> Vec<CallId> {
        self.entries.keys().copied().collect()
    }
}

fn is_offered(view: &&AgentView) -> bool {
    matches!(view.state, State::Offered { .. })
}

fn key(entry: &Entry) -> Timestamp {
    entry.since - Duration::from_secs(u64::from(entry.priority_secs))
}
