//! What waits were foreseen, and how good that was.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::api::queues::{ExpectedWait, ExpectedWaitReport};
use shared::id::{CallId, QueueId};
use shared::model::call::QueueExit;
use shared::time::Timestamp;

/// A queue is played forward for a new call at most once in this time; calls between are not foreseen.
const PAUSE: Duration = Duration::from_secs(1);

/// Forecasts of calls that wait, and counts of those that were answered. Holds one entry a waiting call.
#[derive(Debug, Default)]
pub(super) struct Forecasts {
    last: BTreeMap<QueueId, Timestamp>,
    waiting: BTreeMap<CallId, (QueueId, ExpectedWait)>,
    /// Answered calls with a forecast, those within the p50, those within the p90.
    counts: BTreeMap<QueueId, [u64; 3]>,
}

impl Forecasts {
    /// A call entered a queue; `foresee` is asked at most once a second for each queue.
    pub(super) fn queued(
        &mut self,
        now: Timestamp,
        call: CallId,
        queue: &QueueId,
        foresee: impl FnOnce() -> Option<ExpectedWait>,
    ) {
        self.waiting.remove(&call);
        if self.last.get(queue).is_some_and(|last| now.since(*last) < PAUSE) {
            return;
        }
        self.last.insert(queue.clone(), now);
        // A call that somebody is free for has no wait to foresee.
        if let Some(expected) = foresee().filter(|expected| expected.p90_secs > 0) {
            self.waiting.insert(call, (queue.clone(), expected));
        }
    }

    /// A call left a queue. Only answered ones are counted: of the others nobody knows what they would have waited.
    pub(super) fn left(&mut self, call: CallId, exit: QueueExit, wait_millis: u64) {
        let Some((queue, expected)) = self.waiting.remove(&call) else { return };
        if exit != QueueExit::Answered {
            return;
        }
        let within = |secs: u32| u64::from(wait_millis <= u64::from(secs) * 1_000 + HEARD_MILLIS);
        let counts = self.counts.entry(queue).or_default();
        counts[0] += 1;
        counts[1] += within(expected.p50_secs);
        counts[2] += within(expected.p90_secs);
    }

    /// What is known of a queue.
    pub(super) fn report(&self, queue: &QueueId, expected: Option<ExpectedWait>) -> ExpectedWaitReport {
        let [foreseen, within_p50, within_p90] = self.counts.get(queue).copied().unwrap_or_default();
        ExpectedWaitReport { expected, foreseen, within_p50, within_p90 }
    }
}

/// A phone rings for some seconds before it is answered, which no forecast of the queue knows.
const HEARD_MILLIS: u64 = 5_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answered_calls_are_compared_with_what_was_foreseen() {
        let queue: QueueId = "sales".parse().expect("id");
        let at = |secs: u64| Timestamp::EPOCH + Duration::from_secs(secs);
        let call = CallId::from_u64;
        let expected = ExpectedWait { p50_secs: 60, p90_secs: 120 };
        let mut forecasts = Forecasts::default();
        for (number, wait_secs, exit) in [
            (1, 30, QueueExit::Answered),
            (2, 100, QueueExit::Answered),
            (3, 200, QueueExit::Answered),
            (4, 30, QueueExit::Abandoned),
        ] {
            forecasts.queued(at(number * 10), call(number), &queue, || Some(expected));
            // Too soon after the last one.
            forecasts.queued(at(number * 10), call(number + 100), &queue, || panic!("asked again"));
            forecasts.left(call(number), exit, wait_secs * 1_000);
            forecasts.left(call(number + 100), exit, wait_secs * 1_000);
        }
        let report = forecasts.report(&queue, None);
        assert_eq!((report.foreseen, report.within_p50, report.within_p90), (3, 1, 2));
        assert!(forecasts.waiting.is_empty());
    }
}
