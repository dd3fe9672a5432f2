//! Rules of choice and profiles of agents: what must hold for them.

use std::collections::BTreeSet;

use shared::model::agent::Capacity;
use shared::model::routing::Ring;

use super::{Check, Step};
use crate::config::{Agent, Queue};

/// Steps of widening a queue has at most.
const MAX_STEPS: usize = 16;

/// Callers with an agent of their own that a queue has at most.
const MAX_PREFERRED: usize = 10_000;

impl Check<'_> {
    pub(super) fn routing(&mut self, index: usize, queue: &Queue) {
        let key = |name: &str| path!["queues", index, "routing", name];
        let routing = &queue.routing;
        let least = u64::from(routing.ring == Ring::Progressive);
        self.between(key("ring_next_secs"), routing.ring_next_secs.into(), least, 300);
        self.between(key("level_wait_secs"), routing.level_wait_secs.into(), 0, 3_600);
        self.between(key("last_agent_secs"), routing.last_agent_secs.into(), 0, 3_600);
        self.between(key("place_kept_secs"), routing.place_kept_secs.into(), 0, 3_600);
        if routing.preferred.len() > MAX_PREFERRED {
            let problem = format!("there are {} rows", routing.preferred.len());
            self.fault(key("preferred"), problem, format!("at most {MAX_PREFERRED}"));
        }
        let mut callers = BTreeSet::new();
        for (place, row) in routing.preferred.iter().enumerate() {
            let key = |name: &str| path!["queues", index, "routing", "preferred", place, name];
            self.between(key("wait_secs"), row.wait_secs.into(), 1, 3_600);
            if !callers.insert(&row.caller) {
                self.fault(key("caller"), format!("{} is there twice", row.caller), "each caller once");
            }
            match self.config.agents.iter().find(|known| known.id == row.agent) {
                None => {
                    self.fault(key("agent"), format!("there is no agent {}", row.agent), "the id of an agent")
                }
                Some(known) if !known.queues.contains(&queue.id) => {
                    let problem = format!("{} does not serve {}", row.agent, queue.id);
                    self.fault(key("agent"), problem, "an agent of the queue");
                }
                Some(_) => {}
            }
        }
        if routing.relax.len() > MAX_STEPS {
            let problem = format!("there are {} steps", routing.relax.len());
            self.fault(key("relax"), problem, format!("at most {MAX_STEPS}"));
        }
        let mut last = None;
        for (place, step) in routing.relax.iter().enumerate() {
            let key = |name: &str| path!["queues", index, "routing", "relax", place, name];
            self.between(key("after_secs"), step.after_secs.into(), 1, 86_400);
            if last.is_some_and(|last| step.after_secs <= last) {
                let problem = format!("step {} comes no later than the one before it", place + 1);
                self.fault(key("after_secs"), problem, "steps by rising time");
            }
            last = Some(step.after_secs);
            let mut skills = BTreeSet::new();
            for need in step.skills.iter().flatten() {
                self.between(key("skills"), need.level.into(), 1, 5);
                if !skills.insert(&need.skill) {
                    self.fault(key("skills"), format!("{} is there twice", need.skill), "each skill once");
                }
            }
            for also in &step.also {
                if *also == queue.id {
                    self.fault(key("also"), "the queue widens to itself", "other queues");
                } else if !self.config.queues.iter().any(|known| known.id == *also) {
                    self.unknown_queue(key("also"), also.as_str());
                }
            }
        }
    }

    pub(super) fn serves(&mut self, index: usize, agent: &Agent) {
        let voice = path!["agents", index, "capacity", "voice"];
        self.between(voice, agent.capacity.voice.into(), 0, Capacity::MOST_VOICE.into());
        for (queue, serves) in &agent.serves {
            let key = |name: &str| -> Vec<Step> { path!["agents", index, "serves", queue.as_str(), name] };
            if !agent.queues.contains(queue) {
                let path = path!["agents", index, "serves", queue.as_str()];
                self.fault(
                    path,
                    format!("{queue} is none of his queues"),
                    "queues that are listed in queues",
                );
            }
            self.between(key("priority"), serves.priority.into(), 1, 99);
            self.between(key("delay_secs"), serves.delay_secs.into(), 0, 3_600);
            self.between(key("level"), serves.level.into(), 1, 99);
            self.between(key("position"), serves.position.into(), 0, 1_000_000);
            self.between(key("weight"), serves.weight.into(), 1, 1_000);
        }
    }
}
