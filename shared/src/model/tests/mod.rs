//! The folds on made-up days.

mod callback;
mod day;
mod fold;
mod numbers;
mod oracle;
mod visibility;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::id::{AgentId, CallId, OfferId, QueueId};
use crate::model::agent::{AgentInfo, ChangedBy, NotReadyReason, Status};
use crate::model::call::{Party, QueueExit};
use crate::model::decision::{Candidate, Decision, Trigger};
use crate::model::event::{Event, Stamped};
use crate::model::floor::Floor;
use crate::model::queue::{Destination, QueueInfo};
use crate::time::Timestamp;

fn start() -> Timestamp {
    "2026-03-02T10:00:00Z".parse().expect("valid time")
}

fn at(secs: u64) -> Timestamp {
    start() + Duration::from_secs(secs)
}

fn agent_id(name: &str) -> AgentId {
    name.parse().expect("valid agent")
}

fn queue_id(name: &str) -> QueueId {
    name.parse().expect("valid queue")
}

fn call_id(number: u64) -> CallId {
    CallId::from_u64(number)
}

fn queue(name: &str) -> QueueInfo {
    QueueInfo {
        id: queue_id(name),
        name: name.to_uppercase(),
        numbers: vec![],
        priority_secs: 0,
        skills: vec![],
        ring_secs: 20,
        wrap_up_secs: 30,
        wrap_up_codes: vec![],
        target_secs: 20,
        target_percent: 80,
        short_abandon_secs: 5,
        max_waiting: 10,
        max_wait_secs: 0,
        hours: vec![],
        time_zone: "UTC".into(),
        when_full: Destination::Reject { status: 486 },
        when_closed: Destination::Reject { status: 480 },
        when_timed_out: Destination::Reject { status: 480 },
        greeting: None,
        music: None,
        announcement: None,
        announcement_every_secs: 0,
        record: false,
        routing: Default::default(),
        waiting: Default::default(),
        wrap_up: Default::default(),
        callback: None,
    }
}

fn agent(name: &str, queues: &[&str]) -> AgentInfo {
    AgentInfo {
        id: agent_id(name),
        name: format!("Agent {name}"),
        skills: BTreeMap::new(),
        queues: queues.iter().map(|name| queue_id(name)).collect(),
        contact: None,
        ready_on_start: false,
        serves: BTreeMap::new(),
        on_demand: false,
        capacity: Default::default(),
    }
}

fn status(name: &str, status: Status) -> Event {
    Event::AgentStatusChanged { agent: agent_id(name), status, by: ChangedBy::Agent, since: None }
}

fn lunch() -> Status {
    Status::NotReady { reason: NotReadyReason::Break { code: "lunch".parse().expect("valid code") } }
}

fn arrived(call: u64) -> Event {
    let from = Party { number: format!("+4930{call}"), name: String::new() };
    Event::CallArrived { call: call_id(call), from, dialled: "100".into(), trunk: None }
}

fn queued(call: u64, queue: &str, priority_secs: u32, since: Timestamp) -> Event {
    Event::CallQueued { call: call_id(call), queue: queue_id(queue), priority_secs, since, only: None }
}

fn left(call: u64, queue: &str, exit: QueueExit, wait_millis: u64) -> Event {
    Event::CallLeftQueue { call: call_id(call), queue: queue_id(queue), exit, wait_millis }
}

fn offered(offer: u64, call: u64, queue: &str, agent: &str, until: Timestamp) -> Event {
    let (offer, call, queue, agent) =
        (OfferId::from_u64(offer), call_id(call), queue_id(queue), agent_id(agent));
    let decision = Decision {
        offer,
        call,
        queue: queue.clone(),
        trigger: Trigger::CallQueued,
        config_version: 1,
        waited_millis: 0,
        waits_since: None,
        priority_secs: 0,
        ahead: 0,
        needs: vec![],
        candidates: vec![Candidate { agent: agent.clone(), idle_millis: 0, score: None }],
        more_candidates: 0,
        more_excluded: 0,
        excluded: vec![],
        chosen: agent.clone(),
        relaxed: 0,
        rule: "longest idle".into(),
        tie: false,
    };
    Event::OfferMade { offer, call, queue, agent, until, decision: Box::new(decision) }
}

/// A floor and the events that made it.
#[derive(Default)]
struct Tape {
    floor: Floor,
    events: Vec<Stamped>,
}

impl Tape {
    /// Two queues, two agents: 201 serves both, 202 serves sales.
    fn open() -> Tape {
        let mut tape = Tape::default();
        tape.push(at(0), Event::ServiceStarted { version: "1".into(), config_version: 1 });
        tape.push(at(0), Event::DayStarted { date: "2026-03-02".into() });
        for name in ["sales", "tech"] {
            tape.push(at(0), Event::QueueConfigured { queue: queue(name) });
        }
        tape.push(at(0), Event::AgentConfigured { agent: agent("201", &["sales", "tech"]) });
        tape.push(at(0), Event::AgentConfigured { agent: agent("202", &["sales"]) });
        tape
    }

    fn push(&mut self, at: Timestamp, event: Event) {
        let stamped = Stamped { seq: self.events.len() as u64 + 1, at, event };
        self.floor.apply(&stamped);
        self.events.push(stamped);
    }

    /// Seconds and events.
    fn play(&mut self, events: Vec<(u64, Event)>) {
        for (secs, event) in events {
            self.push(at(secs), event);
        }
    }
}
