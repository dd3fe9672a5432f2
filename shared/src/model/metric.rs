//! Numbers of the floor: raw counts, and the formulas over them.
//!
//! Raw counts are stored and every figure names its formula, so that any definition the field uses can be computed
//! from the same counts. Waiting calls are no part of a rate before they are answered, gone, or beyond the target.

use serde::{Deserialize, Serialize};

use crate::model::call::QueueExit;

/// Raw counts of one queue since the start of the day. Times are in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QueueCounts {
    /// Calls that entered (a transfer into the queue enters again).
    pub entered: u64,
    /// Answered within the queue's target.
    pub answered_in_target: u64,
    /// Answered later.
    pub answered_late: u64,
    /// Left before the short-abandon time.
    pub abandoned_short: u64,
    /// Left after it, within the target.
    pub abandoned_in_target: u64,
    /// Left later.
    pub abandoned_late: u64,
    /// Sent elsewhere by a rule.
    pub overflowed: u64,
    /// Waited too long.
    pub timed_out: u64,
    /// Taken out by a supervisor.
    pub withdrawn: u64,
    /// Asked to be called back.
    pub callback_taken: u64,
    /// Came while it was closed.
    pub closed: u64,
    /// Came while it was full.
    pub full: u64,
    /// Failed on our side.
    pub failed: u64,
    /// Sum of the waits of answered calls.
    pub answered_wait_millis: u64,
    /// Longest wait of a call that is already gone.
    pub max_wait_millis: u64,
    /// Offers to agents.
    pub offers: u64,
    /// Offers that rang out.
    pub offers_missed: u64,
    /// Offers that agents refused.
    pub offers_rejected: u64,
    /// Talks that ended.
    pub handled: u64,
    /// Sum of their talk time, with hold.
    pub talk_millis: u64,
    /// Sum of their hold time.
    pub hold_millis: u64,
    /// Sum of wrap-up time.
    pub wrap_up_millis: u64,
    /// Transfers to other queues or agents.
    pub transferred: u64,
    /// Calls that agents placed in the name of the queue.
    #[serde(default)]
    pub placed: u64,
    /// Those of them that were answered; their talks are among `handled`.
    #[serde(default)]
    pub placed_answered: u64,
}

/// A number with the formula that made it, for the reader.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Figure {
    /// The value; none when nothing was counted yet.
    pub value: Option<f64>,
    /// What it is, in words over the raw counts.
    pub formula: String,
}

/// The figures of one queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QueueFigures {
    /// Share answered in time, percent.
    pub service_level_percent: Figure,
    /// Average speed of answer, seconds.
    pub asa_secs: Figure,
    /// Average handle time, seconds.
    pub aht_secs: Figure,
    /// Share abandoned, percent.
    pub abandon_percent: Figure,
}

fn ratio(part: u64, whole: u64, factor: f64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64 * factor)
}

impl QueueCounts {
    /// Answered calls.
    pub fn answered(&self) -> u64 {
        self.answered_in_target + self.answered_late
    }

    /// Abandoned calls with the short ones.
    pub fn abandoned(&self) -> u64 {
        self.abandoned_short + self.abandoned_in_target + self.abandoned_late
    }

    /// Counts one exit. `target_millis` is the queue's service level time.
    pub fn count_exit(&mut self, exit: QueueExit, wait_millis: u64, target_millis: u64) {
        let in_target = wait_millis <= target_millis;
        match exit {
            QueueExit::Answered => {
                if in_target {
                    self.answered_in_target += 1;
                } else {
                    self.answered_late += 1;
                }
                self.answered_wait_millis += wait_millis;
            }
            QueueExit::Abandoned if in_target => self.abandoned_in_target += 1,
            QueueExit::Abandoned => self.abandoned_late += 1,
            QueueExit::ShortAbandon => self.abandoned_short += 1,
            QueueExit::Overflowed => self.overflowed += 1,
            QueueExit::TimedOut => self.timed_out += 1,
            QueueExit::Withdrawn => self.withdrawn += 1,
            QueueExit::CallbackTaken => self.callback_taken += 1,
            QueueExit::Closed => self.closed += 1,
            QueueExit::Full => self.full += 1,
            QueueExit::Failed => self.failed += 1,
        }
        if !matches!(exit, QueueExit::Closed | QueueExit::Full) {
            self.max_wait_millis = self.max_wait_millis.max(wait_millis);
        }
    }

    /// Sums of two queues, for totals.
    pub fn add(&mut self, other: &QueueCounts) {
        self.entered += other.entered;
        self.answered_in_target += other.answered_in_target;
        self.answered_late += other.answered_late;
        self.abandoned_short += other.abandoned_short;
        self.abandoned_in_target += other.abandoned_in_target;
        self.abandoned_late += other.abandoned_late;
        self.overflowed += other.overflowed;
        self.timed_out += other.timed_out;
        self.withdrawn += other.withdrawn;
        self.callback_taken += other.callback_taken;
        self.closed += other.closed;
        self.full += other.full;
        self.failed += other.failed;
        self.answered_wait_millis += other.answered_wait_millis;
        self.max_wait_millis = self.max_wait_millis.max(other.max_wait_millis);
        self.offers += other.offers;
        self.offers_missed += other.offers_missed;
        self.offers_rejected += other.offers_rejected;
        self.handled += other.handled;
        self.talk_millis += other.talk_millis;
        self.hold_millis += other.hold_millis;
        self.wrap_up_millis += other.wrap_up_millis;
        self.transferred += other.transferred;
        self.placed += other.placed;
        self.placed_answered += other.placed_answered;
    }

    /// The figures. `late_waiting` counts calls that still wait beyond the target: they are already missed.
    pub fn figures(&self, late_waiting: u64) -> QueueFigures {
        let gone_late =
            self.abandoned_in_target + self.abandoned_late + self.timed_out + self.overflowed + late_waiting;
        QueueFigures {
            service_level_percent: Figure {
                value: ratio(self.answered_in_target, self.answered() + gone_late, 100.0),
                formula:
                    "answered in target / (answered + abandoned without short ones + timed out + overflowed \
                          + still waiting beyond target)"
                        .into(),
            },
            asa_secs: Figure {
                value: ratio(self.answered_wait_millis, self.answered(), 0.001),
                formula: "sum of waits of answered calls / answered".into(),
            },
            aht_secs: Figure {
                value: ratio(self.talk_millis + self.wrap_up_millis, self.handled, 0.001),
                formula: "(talk with hold + wrap-up) / handled".into(),
            },
            abandon_percent: Figure {
                value: ratio(
                    self.abandoned_in_target + self.abandoned_late,
                    self.entered.saturating_sub(self.abandoned_short),
                    100.0,
                ),
                formula: "abandoned without short ones / (entered - short abandons)".into(),
            },
        }
    }
}

/// Raw times of one agent since the start of the day, in milliseconds, and counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AgentCounts {
    /// Calls answered.
    pub answered: u64,
    /// Offers got.
    pub offers: u64,
    /// Offers that rang out.
    pub missed: u64,
    /// Offers refused.
    pub rejected: u64,
    /// Talks that ended.
    pub handled: u64,
    /// Talk time, with hold, of talks that ended.
    pub talk_millis: u64,
    /// Hold time within it.
    pub hold_millis: u64,
    /// Wrap-up time of wrap-ups that ended.
    pub wrap_up_millis: u64,
    /// Calls of their own making, and from colleagues, that were talked on and ended.
    #[serde(default)]
    pub own_calls: u64,
    /// Talk time of these.
    #[serde(default)]
    pub own_millis: u64,
    /// Time ready and idle (or ringing), closed stretches only.
    pub ready_millis: u64,
    /// Time signed in and not ready, closed stretches only.
    pub not_ready_millis: u64,
}

impl AgentCounts {
    /// Occupancy in percent: on contact or in wrap-up, out of that and ready time. Wall clock.
    pub fn occupancy_percent(&self) -> Figure {
        let busy = self.talk_millis + self.own_millis + self.wrap_up_millis;
        Figure {
            value: ratio(busy, busy + self.ready_millis, 100.0),
            formula:
                "(talk with hold + own calls + wrap-up) / (talk with hold + own calls + wrap-up + ready)"
                    .into(),
        }
    }

    /// Average handle time in seconds.
    pub fn aht_secs(&self) -> Figure {
        Figure {
            value: ratio(self.talk_millis + self.wrap_up_millis, self.handled, 0.001),
            formula: "(talk with hold + wrap-up) / handled".into(),
        }
    }
}
