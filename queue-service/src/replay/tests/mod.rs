//! Days made by hand and simulated ones, replayed.

mod again;
mod same;

use std::time::Duration;

use shared::id::{AgentId, CallId, QueueId};
use shared::model::agent::AgentInfo;
use shared::model::queue::QueueInfo;
use shared::time::Timestamp;

use super::check::{Check, Difference, Same};
use super::day::Day;
use super::source::Line;
use crate::acd::AcdConfig;
use crate::config::Config;
use crate::simulate::{Ending, Outcome, PlannedCall, World};

/// 10:00 on a Monday.
fn start() -> Timestamp {
    "2026-03-02T10:00:00Z".parse().expect("a time")
}

fn at(secs: u64) -> Timestamp {
    start() + Duration::from_secs(secs)
}

fn agent_id(name: &str) -> AgentId {
    name.parse().expect("an agent")
}

/// Queues and agents from the text of a configuration; every agent has a phone and is ready.
fn floor(text: &str) -> (Vec<QueueInfo>, Vec<AgentInfo>) {
    let config = Config::parse(text, std::path::Path::new("test.toml")).expect("a right configuration");
    let agents = config.agents().into_iter().map(|info| AgentInfo {
        contact: Some(format!("sip:{}@10.0.0.5", info.id)),
        ready_on_start: true,
        ..info
    });
    (config.queues(), agents.collect())
}

/// Nobody listens.
struct Deaf;

impl Outcome for Deaf {
    fn ended(&mut self, _: Ending) {}
    fn worked(&mut self, _: Timestamp, _: Duration) {}
}

fn planned(number: u64, secs: u64, queue: &str, talk_secs: u64, patience_secs: Option<u64>) -> PlannedCall {
    let queue: QueueId = queue.parse().expect("a queue");
    PlannedCall {
        call: CallId::from_u64(number),
        at: at(secs),
        queue,
        since: at(secs),
        talk: Duration::from_secs(talk_secs),
        wrap_up: Duration::ZERO,
        patience: patience_secs.map(Duration::from_secs),
        caller: None,
    }
}

fn world(floor: &(Vec<QueueInfo>, Vec<AgentInfo>)) -> World {
    World::with_journal(AcdConfig::default(), floor.0.clone(), floor.1.clone(), vec![], start(), 7)
}

fn check(lines: &[Line]) -> Result<Same, Box<Difference>> {
    let mut check = Check::new(start());
    for line in lines {
        match line.clone() {
            Line::Told(at, told) => check.told(at, told)?,
            Line::Fact(stamped) => check.fact(&stamped)?,
        }
    }
    Ok(check.finish())
}

fn day(lines: &[Line]) -> Day {
    let mut day = Day::new(start());
    lines.iter().cloned().for_each(|line| day.line(line));
    day
}
