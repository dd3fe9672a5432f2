//! Distributions of the day: how long callers waited, talks lasted, audio took to open.

use hdrhistogram::Histogram;

use crate::api::reports::Percentiles;
use crate::model::call::QueueExit;
use crate::model::event::{Event, Stamped};

/// Longer times count as this: a week, in milliseconds. It bounds the size of a histogram.
const LIMIT_MILLIS: u64 = 7 * 24 * 3600 * 1000;

/// One distribution of times in milliseconds, with 3 significant digits; the largest time is exact.
#[derive(Debug, Clone)]
pub struct Distribution {
    histogram: Option<Histogram<u64>>,
    max_millis: u64,
}

impl Default for Distribution {
    fn default() -> Self {
        // The bounds are right by construction; were they not, the percentiles would stay at zero.
        Distribution { histogram: Histogram::new_with_bounds(1, LIMIT_MILLIS, 3).ok(), max_millis: 0 }
    }
}

impl Distribution {
    /// Counts one time.
    pub fn record(&mut self, millis: u64) {
        if let Some(histogram) = &mut self.histogram {
            histogram.saturating_record(millis);
        }
        self.max_millis = self.max_millis.max(millis);
    }

    /// The percentiles.
    pub fn percentiles(&self) -> Percentiles {
        let Some(histogram) = self.histogram.as_ref().filter(|histogram| !histogram.is_empty()) else {
            return Percentiles::default();
        };
        // A bucket's upper end may lie beyond the largest time that was counted.
        let at = |quantile: f64| histogram.value_at_quantile(quantile).min(self.max_millis);
        Percentiles {
            count: histogram.len(),
            p50_millis: at(0.5),
            p90_millis: at(0.9),
            p99_millis: at(0.99),
            max_millis: self.max_millis,
        }
    }
}

/// The day's distributions, a fold of events like the floor.
#[derive(Debug, Clone, Default)]
pub struct Distributions {
    seq: u64,
    wait: Distribution,
    talk: Distribution,
    setup: Distribution,
}

impl Distributions {
    /// Folds one event; one that was folded already changes nothing.
    pub fn apply(&mut self, stamped: &Stamped) {
        if stamped.seq <= self.seq {
            return;
        }
        match &stamped.event {
            Event::DayStarted { .. } => *self = Distributions::default(),
            Event::CallLeftQueue { exit: QueueExit::Answered, wait_millis, .. } => {
                self.wait.record(*wait_millis)
            }
            Event::CallConnected { setup_millis, .. } => self.setup.record(*setup_millis),
            Event::AgentReleased { talk_millis, .. } => self.talk.record(*talk_millis),
            Event::CallLeftQueue { .. }
            | Event::ServiceStarted { .. }
            | Event::QueueConfigured { .. }
            | Event::QueueRemoved { .. }
            | Event::AgentConfigured { .. }
            | Event::AgentRemoved { .. }
            | Event::BreaksConfigured { .. }
            | Event::AgentStatusChanged { .. }
            | Event::AgentNextStatusSet { .. }
            | Event::AgentDeviceChanged { .. }
            | Event::ConfigurationChanged { .. }
            | Event::DoNotCallChanged { .. }
            | Event::Campaign { .. }
            | Event::TrunkConfigured { .. }
            | Event::TrunkRemoved { .. }
            | Event::TrunkUp { .. }
            | Event::TrunkDown { .. }
            | Event::CallPlaced { .. }
            | Event::Callback { .. }
            | Event::NumberRouted { .. }
            | Event::TrunkTried { .. }
            | Event::TrunkFailed { .. }
            | Event::CallAnswered { .. }
            | Event::AgentLeft { .. }
            | Event::CallArrived { .. }
            | Event::CallQueued { .. }
            | Event::OfferMade { .. }
            | Event::CallNotOffered { .. }
            | Event::OfferEnded { .. }
            | Event::CallHeld { .. }
            | Event::CallResumed { .. }
            | Event::CallTransferred { .. }
            | Event::CallJoined { .. }
            | Event::WrapUpStarted { .. }
            | Event::WrapUpExtended { .. }
            | Event::CallCoded { .. }
            | Event::WrapUpEnded { .. }
            | Event::SupervisionChanged { .. }
            | Event::SupervisionEnded { .. }
            | Event::AudioLost { .. }
            | Event::AudioBack { .. }
            | Event::CallEnded { .. }
            | Event::RecordingStarted { .. }
            | Event::RecordingSealed { .. }
            | Event::TranscriptWaiting { .. }
            | Event::TranscriptReady { .. }
            | Event::TranscriptFailed { .. } => {}
        }
        self.seq = stamped.seq;
    }

    /// Waits of answered calls.
    pub fn wait(&self) -> Percentiles {
        self.wait.percentiles()
    }

    /// Talk times, with hold.
    pub fn talk(&self) -> Percentiles {
        self.talk.percentiles()
    }

    /// From the agent's answer to the open audio path.
    pub fn setup(&self) -> Percentiles {
        self.setup.percentiles()
    }
}
