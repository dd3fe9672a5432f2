//! The INVITE client transaction, RFC 3261 §17.1.1 with RFC 6026 §8.4.
//!
//! ```text
//!  Calling ──1xx──► Proceeding ──3xx-6xx──► Completed ──D──► Terminated
//!     │  └──────────────┬───────────2xx───► Accepted ───M──► Terminated
//!     └─ A resends, B gives up
//! ```

use std::time::Duration;

use super::Step;
use crate::sip::api::TimerConfig;
use crate::time::Timestamp;

#[derive(Debug, Clone)]
pub(crate) struct ClientInvite {
    timers: TimerConfig,
    reliable: bool,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Timer A (never on reliable transports) and timer B.
    Calling {
        resend_at: Option<Timestamp>,
        interval: Duration,
        give_up_at: Timestamp,
    },
    Proceeding,
    /// Timer D.
    Completed {
        until: Timestamp,
    },
    /// Timer M: 2xx of all branches of a fork come through.
    Accepted {
        until: Timestamp,
    },
    Terminated,
}

impl ClientInvite {
    /// The caller has just sent the request.
    pub(crate) fn new(now: Timestamp, timers: TimerConfig, reliable: bool) -> Self {
        let state = State::Calling {
            resend_at: (!reliable).then(|| now + timers.t1),
            interval: timers.t1,
            give_up_at: now + timers.give_up(),
        };
        ClientInvite { timers, reliable, state }
    }

    pub(crate) fn response(&mut self, now: Timestamp, status: u16) -> Step {
        match (self.state, status) {
            (State::Calling { .. } | State::Proceeding, 100..=199) => {
                self.state = State::Proceeding;
                Step::Pass
            }
            (State::Calling { .. } | State::Proceeding, 200..=299) => {
                self.state = State::Accepted { until: now + self.timers.give_up() };
                Step::Pass
            }
            (State::Calling { .. } | State::Proceeding, _) => {
                self.state = if self.reliable {
                    State::Terminated
                } else {
                    // Timer D: at least 32 s.
                    State::Completed { until: now + self.timers.give_up().max(Duration::from_secs(32)) }
                };
                Step::AckAndPass
            }
            (State::Completed { .. }, 300..) => Step::Ack,
            (State::Accepted { .. }, 200..=299) => Step::Pass,
            (State::Completed { .. } | State::Accepted { .. } | State::Terminated, _) => Step::Nothing,
        }
    }

    pub(crate) fn tick(&mut self, now: Timestamp) -> Step {
        match self.state {
            State::Calling { give_up_at, .. } if give_up_at <= now => {
                self.state = State::Terminated;
                Step::TimedOut
            }
            State::Calling { resend_at: Some(at), interval, give_up_at } if at <= now => {
                // Timer A doubles without a cap (§17.1.1.2).
                let interval = interval * 2;
                self.state = State::Calling { resend_at: Some(at + interval), interval, give_up_at };
                Step::Resend
            }
            State::Completed { until } | State::Accepted { until } if until <= now => {
                self.state = State::Terminated;
                Step::Nothing
            }
            State::Calling { .. }
            | State::Proceeding
            | State::Completed { .. }
            | State::Accepted { .. }
            | State::Terminated => Step::Nothing,
        }
    }

    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        match self.state {
            State::Calling { resend_at, give_up_at, .. } => {
                Some(resend_at.map_or(give_up_at, |at| at.min(give_up_at)))
            }
            State::Completed { until } | State::Accepted { until } => Some(until),
            State::Proceeding | State::Terminated => None,
        }
    }

    pub(crate) fn is_terminated(&self) -> bool {
        self.state == State::Terminated
    }
}
