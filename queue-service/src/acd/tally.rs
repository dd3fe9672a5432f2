//! What an agent has done today, as the rules of choice compare it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::id::QueueId;
use shared::model::routing::{Choice, Serves};
use shared::time::Timestamp;

/// Counts of the day, and the turns of round robin, which are not of a day.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tally {
    /// Queue calls answered.
    pub(super) calls: u32,
    /// Talk time with hold.
    pub(super) talk_millis: u64,
    /// Talk time and wrap-up.
    pub(super) busy_millis: u64,
    /// Time in which his status was ready, up to `ready_since`.
    staffed_millis: u64,
    ready_since: Option<Timestamp>,
    /// `busy_millis` in tenths of a percent of the time ready, when he last became idle.
    share: i64,
    /// The number of his last offer, a queue.
    pub(super) turns: BTreeMap<QueueId, i64>,
}

impl Tally {
    /// What the rule compares, least first.
    pub(super) fn score(&self, choice: Choice, queue: &QueueId, serves: &Serves) -> i64 {
        match choice {
            Choice::LongestIdle | Choice::Random | Choice::WeightedRandom => 0,
            Choice::RoundRobin => self.turns.get(queue).copied().unwrap_or(0),
            Choice::FewestCalls => i64::from(self.calls),
            Choice::LeastTalkTime => i64::try_from(self.talk_millis / 1000).unwrap_or(i64::MAX),
            Choice::LeastOccupied => self.share,
            Choice::TopDown => i64::from(serves.position),
        }
    }

    pub(super) fn ready(&mut self, now: Timestamp) {
        self.ready_since.get_or_insert(now);
    }

    pub(super) fn not_ready(&mut self, now: Timestamp) {
        if let Some(since) = self.ready_since.take() {
            self.staffed_millis += now.millis_since(since);
        }
    }

    pub(super) fn idle(&mut self, now: Timestamp) {
        let staffed = self.staffed_millis + self.ready_since.map_or(0, |since| now.millis_since(since));
        let share = self.busy_millis.saturating_mul(1_000).checked_div(staffed).unwrap_or(0);
        self.share = i64::try_from(share.min(1_000)).unwrap_or(1_000);
    }

    /// A new day begins.
    pub(super) fn restart(&mut self, now: Timestamp) {
        let turns = std::mem::take(&mut self.turns);
        *self = Tally { ready_since: self.ready_since.map(|_| now), turns, ..Tally::default() };
    }
}
