//! What is remembered of callers, up to a number of them.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use shared::id::{AgentId, QueueId};
use shared::time::Timestamp;

/// Callers that are remembered; the one who was noted first is forgotten for another.
const CALLERS: usize = 20_000;

/// Who had a caller last, and where he waited when he hung up. By the number that he presented.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Memory {
    callers: BTreeMap<String, Caller>,
    order: VecDeque<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Caller {
    agent: Option<AgentId>,
    left: Option<Left>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Left {
    queue: QueueId,
    at: Timestamp,
    since: Timestamp,
}

impl Memory {
    fn caller(&mut self, number: &str) -> &mut Caller {
        if !self.callers.contains_key(number) {
            if self.order.len() >= CALLERS
                && let Some(first) = self.order.pop_front()
            {
                self.callers.remove(&first);
            }
            self.order.push_back(number.to_owned());
        }
        self.callers.entry(number.to_owned()).or_default()
    }

    pub(super) fn answered(&mut self, number: &str, agent: &AgentId) {
        let caller = self.caller(number);
        caller.agent = Some(agent.clone());
        caller.left = None;
    }

    pub(super) fn hung_up(&mut self, number: &str, queue: &QueueId, at: Timestamp, since: Timestamp) {
        self.caller(number).left = Some(Left { queue: queue.clone(), at, since });
    }

    pub(super) fn last_agent(&self, number: &str) -> Option<&AgentId> {
        self.callers.get(number)?.agent.as_ref()
    }

    /// Since when a caller counts as waiting who hung up at most so long ago. His place is given back once.
    pub(super) fn take_place(
        &mut self,
        number: &str,
        queue: &QueueId,
        now: Timestamp,
        secs: u32,
    ) -> Option<Timestamp> {
        let caller = self.callers.get_mut(number)?;
        let left = caller.left.take_if(|left| left.queue == *queue)?;
        (now.since(left.at).as_secs() < u64::from(secs)).then_some(left.since)
    }
}
