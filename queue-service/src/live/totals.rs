//! Counters since the service started, for monitoring. The day's numbers are in the floor.

use std::collections::BTreeMap;

use shared::id::QueueId;
use shared::model::call::QueueExit;
use shared::model::event::{Event, Stamped};

/// Times in buckets, as monitoring wants them.
#[derive(Debug, Clone)]
pub struct Buckets {
    /// Upper bounds in milliseconds, rising.
    pub bounds_millis: &'static [u64],
    /// How many fell into each, not summed; the last one is beyond all bounds.
    pub counts: Vec<u64>,
    /// Sum of all times in milliseconds.
    pub sum_millis: u64,
}

impl Buckets {
    fn new(bounds_millis: &'static [u64]) -> Self {
        Buckets { bounds_millis, counts: vec![0; bounds_millis.len() + 1], sum_millis: 0 }
    }

    fn record(&mut self, millis: u64) {
        let place = self.bounds_millis.partition_point(|bound| *bound < millis);
        if let Some(count) = self.counts.get_mut(place) {
            *count += 1;
        }
        self.sum_millis = self.sum_millis.saturating_add(millis);
    }
}

/// Counters since the service started.
#[derive(Debug, Clone)]
pub struct Totals {
    /// Events.
    pub events: u64,
    /// Calls that arrived.
    pub calls_arrived: u64,
    /// Calls that ended.
    pub calls_ended: u64,
    /// Ways out of queues.
    pub exits: BTreeMap<(QueueId, QueueExit), u64>,
    /// Offers to agents.
    pub offers: u64,
    /// Recordings sealed.
    pub recordings_sealed: u64,
    /// Transcripts made.
    pub transcripts_made: u64,
    /// Waits of answered calls.
    pub wait: Buckets,
    /// Talk times.
    pub talk: Buckets,
    /// From the agent's answer to the open audio path.
    pub setup: Buckets,
}

impl Default for Totals {
    fn default() -> Self {
        Totals {
            events: 0,
            calls_arrived: 0,
            calls_ended: 0,
            exits: BTreeMap::new(),
            offers: 0,
            recordings_sealed: 0,
            transcripts_made: 0,
            wait: Buckets::new(&[1_000, 5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000]),
            talk: Buckets::new(&[10_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_200_000, 3_600_000]),
            setup: Buckets::new(&[10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000]),
        }
    }
}

impl Totals {
    pub(super) fn apply(&mut self, stamped: &Stamped) {
        self.events += 1;
        match &stamped.event {
            Event::CallArrived { .. } => self.calls_arrived += 1,
            Event::CallEnded { .. } => self.calls_ended += 1,
            Event::CallLeftQueue { queue, exit, wait_millis, .. } => {
                *self.exits.entry((queue.clone(), *exit)).or_default() += 1;
                if *exit == QueueExit::Answered {
                    self.wait.record(*wait_millis);
                }
            }
            Event::CallConnected { setup_millis, .. } => self.setup.record(*setup_millis),
            Event::AgentReleased { talk_millis, .. } => self.talk.record(*talk_millis),
            Event::OfferMade { .. } => self.offers += 1,
            Event::RecordingSealed { .. } => self.recordings_sealed += 1,
            Event::TranscriptReady { .. } => self.transcripts_made += 1,
            // Counted as events only.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Buckets;

    #[test]
    fn a_time_on_a_bound_belongs_below_it() {
        let mut buckets = Buckets::new(&[10, 20]);
        for millis in [0, 10, 11, 20, 21, 1_000] {
            buckets.record(millis);
        }
        assert_eq!(buckets.counts, [2, 2, 2]);
        assert_eq!(buckets.sum_millis, 1_062);
    }
}
