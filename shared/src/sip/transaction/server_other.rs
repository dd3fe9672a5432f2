//! The non-INVITE server transaction, RFC 3261 §17.2.2.
//!
//! ```text
//!  Trying ──1xx──► Proceeding ──final──► Completed ──J──► Terminated
//! ```

use super::Step;
use crate::sip::api::TimerConfig;
use crate::time::Timestamp;

#[derive(Debug, Clone)]
pub(crate) struct ServerOther {
    timers: TimerConfig,
    reliable: bool,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The client gives up after 64·T1 (its timer F), so does this side.
    Trying {
        until: Timestamp,
    },
    Proceeding {
        until: Timestamp,
    },
    /// Timer J.
    Completed {
        until: Timestamp,
    },
    Terminated,
}

impl ServerOther {
    pub(crate) fn new(now: Timestamp, timers: TimerConfig, reliable: bool) -> Self {
        ServerOther { timers, reliable, state: State::Trying { until: now + timers.give_up() } }
    }

    /// The same request again.
    pub(crate) fn request(&mut self) -> Step {
        match self.state {
            State::Proceeding { .. } | State::Completed { .. } => Step::Resend,
            State::Trying { .. } | State::Terminated => Step::Nothing,
        }
    }

    /// The user answers; `Pass` when the response is to be sent.
    pub(crate) fn respond(&mut self, now: Timestamp, status: u16) -> Step {
        match (self.state, status) {
            (State::Trying { until } | State::Proceeding { until }, 100..=199) => {
                self.state = State::Proceeding { until };
                Step::Pass
            }
            (State::Trying { .. } | State::Proceeding { .. }, _) => {
                self.state = if self.reliable {
                    State::Terminated
                } else {
                    State::Completed { until: now + self.timers.give_up() }
                };
                Step::Pass
            }
            (State::Completed { .. } | State::Terminated, _) => Step::Nothing,
        }
    }

    pub(crate) fn tick(&mut self, now: Timestamp) -> Step {
        match self.state {
            State::Trying { until } | State::Proceeding { until } | State::Completed { until }
                if until <= now =>
            {
                self.state = State::Terminated;
                Step::Nothing
            }
            State::Trying { .. } | State::Proceeding { .. } | State::Completed { .. } | State::Terminated => {
                Step::Nothing
            }
        }
    }

    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        match self.state {
            State::Trying { until } | State::Proceeding { until } | State::Completed { until } => Some(until),
            State::Terminated => None,
        }
    }

    pub(crate) fn is_terminated(&self) -> bool {
        self.state == State::Terminated
    }

    /// No final response was given yet.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Trying { .. } | State::Proceeding { .. })
    }
}
