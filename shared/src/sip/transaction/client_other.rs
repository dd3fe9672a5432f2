//! The non-INVITE client transaction, RFC 3261 §17.1.2.
//!
//! ```text
//!  Trying ──1xx──► Proceeding ──final──► Completed ──K──► Terminated
//!    └─ E resends ─┘  └─ E resends every T2; F gives up in both
//! ```

use std::time::Duration;

use super::Step;
use crate::sip::api::TimerConfig;
use crate::time::Timestamp;

#[derive(Debug, Clone)]
pub(crate) struct ClientOther {
    timers: TimerConfig,
    reliable: bool,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Timer E (never on reliable transports) and timer F.
    Trying {
        resend_at: Option<Timestamp>,
        interval: Duration,
        give_up_at: Timestamp,
    },
    /// The same after a provisional response.
    Proceeding {
        resend_at: Option<Timestamp>,
        give_up_at: Timestamp,
    },
    /// Timer K.
    Completed {
        until: Timestamp,
    },
    Terminated,
}

impl ClientOther {
    /// The caller has just sent the request.
    pub(crate) fn new(now: Timestamp, timers: TimerConfig, reliable: bool) -> Self {
        let state = State::Trying {
            resend_at: (!reliable).then(|| now + timers.t1),
            interval: timers.t1,
            give_up_at: now + timers.give_up(),
        };
        ClientOther { timers, reliable, state }
    }

    pub(crate) fn response(&mut self, now: Timestamp, status: u16) -> Step {
        match (self.state, status) {
            (State::Trying { resend_at, give_up_at, .. }, 100..=199) => {
                self.state = State::Proceeding { resend_at, give_up_at };
                Step::Pass
            }
            (State::Proceeding { .. }, 100..=199) => Step::Pass,
            (State::Trying { .. } | State::Proceeding { .. }, _) => {
                self.state = if self.reliable {
                    State::Terminated
                } else {
                    State::Completed { until: now + self.timers.t4 }
                };
                Step::Pass
            }
            (State::Completed { .. } | State::Terminated, _) => Step::Nothing,
        }
    }

    pub(crate) fn tick(&mut self, now: Timestamp) -> Step {
        match self.state {
            State::Trying { give_up_at, .. } | State::Proceeding { give_up_at, .. } if give_up_at <= now => {
                self.state = State::Terminated;
                Step::TimedOut
            }
            State::Trying { resend_at: Some(at), interval, give_up_at } if at <= now => {
                let interval = (interval * 2).min(self.timers.t2);
                self.state = State::Trying { resend_at: Some(at + interval), interval, give_up_at };
                Step::Resend
            }
            State::Proceeding { resend_at: Some(at), give_up_at } if at <= now => {
                self.state = State::Proceeding { resend_at: Some(at + self.timers.t2), give_up_at };
                Step::Resend
            }
            State::Completed { until } if until <= now => {
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
            State::Trying { resend_at, give_up_at, .. } | State::Proceeding { resend_at, give_up_at } => {
                Some(resend_at.map_or(give_up_at, |at| at.min(give_up_at)))
            }
            State::Completed { until } => Some(until),
            State::Terminated => None,
        }
    }

    pub(crate) fn is_terminated(&self) -> bool {
        self.state == State::Terminated
    }
}
