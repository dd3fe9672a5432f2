//! The ACD on a virtual clock: scripts as text, and random ones against the floor that the events make.

mod choice;
mod complaints;
mod erlang;
mod expect;
mod floor_oracle;
mod leave;
mod million;
mod nobody;
mod own;
mod property;
mod script;
mod scripts;
mod wrap_up;

use std::collections::BTreeMap;

use shared::id::{AgentId, CallId, QueueId};
use shared::model::agent::AgentInfo;
use shared::model::queue::{Code, Destination, QueueInfo, SkillNeed};
use shared::time::Timestamp;

pub(super) use super::input::Input;

/// Second 0 of every script: a Monday, 10:00 UTC.
pub(super) fn start() -> Timestamp {
    "2026-03-02T10:00:00Z".parse().expect("valid time")
}

pub(super) fn agent_id(name: &str) -> AgentId {
    name.parse().expect("valid agent")
}

pub(super) fn queue_id(name: &str) -> QueueId {
    name.parse().expect("valid queue")
}

pub(super) fn call_id(number: u64) -> CallId {
    CallId::from_u64(number)
}

pub(super) fn code(id: &str, label: &str) -> Code {
    Code { id: id.parse().expect("valid code"), label: label.into() }
}

/// A queue without limits: rings 20 s, wrap-up 30 s.
pub(super) fn queue(name: &str) -> QueueInfo {
    QueueInfo {
        id: queue_id(name),
        name: name.to_uppercase(),
        numbers: vec![],
        priority_secs: 0,
        skills: vec![],
        ring_secs: 20,
        wrap_up_secs: 30,
        wrap_up_codes: vec![code("solved", "Solved")],
        target_secs: 20,
        target_percent: 80,
        short_abandon_secs: 5,
        max_waiting: 100,
        max_wait_secs: 0,
        hours: vec![],
        time_zone: "UTC".into(),
        when_full: Destination::Reject { status: 486 },
        when_closed: Destination::Announce { prompt: "closed.wav".into() },
        when_timed_out: Destination::Announce { prompt: "sorry.wav".into() },
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

pub(super) fn need(skill: &str, level: u8) -> SkillNeed {
    SkillNeed { skill: skill.parse().expect("valid skill"), level }
}

/// An agent with a fixed phone who is ready from the start.
pub(super) fn agent(name: &str, queues: &[&str]) -> AgentInfo {
    AgentInfo {
        id: agent_id(name),
        name: format!("Agent {name}"),
        skills: BTreeMap::new(),
        queues: queues.iter().map(|name| queue_id(name)).collect(),
        contact: Some(format!("sip:{name}@10.0.0.5")),
        ready_on_start: true,
        serves: BTreeMap::new(),
        on_demand: false,
        capacity: Default::default(),
    }
}

pub(super) fn configure(version: u64, queues: Vec<QueueInfo>, agents: Vec<AgentInfo>) -> Input {
    let breaks = vec![code("lunch", "Lunch"), code("training", "Training")];
    Input::Configure { version, queues, agents, breaks }
}
