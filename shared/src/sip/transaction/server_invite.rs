//! The INVITE server transaction, RFC 3261 §17.2.1 with RFC 6026 §8.5.
//!
//! ```text
//!  Proceeding ──3xx-6xx──► Completed ──ACK──► Confirmed ──I──► Terminated
//!      │                       └─ G resends, H gives up
//!      └────────2xx──────► Accepted ──L──► Terminated
//! ```
//! The 2xx itself is repeated by the session until the ACK comes (§13.3.1.4).

use std::time::Duration;

use super::Step;
use crate::sip::api::TimerConfig;
use crate::time::Timestamp;

#[derive(Debug, Clone)]
pub(crate) struct ServerInvite {
    timers: TimerConfig,
    reliable: bool,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Proceeding,
    /// Timer G (never on reliable transports) and timer H.
    Completed {
        resend_at: Option<Timestamp>,
        interval: Duration,
        give_up_at: Timestamp,
    },
    /// Timer I: absorbs further ACKs.
    Confirmed {
        until: Timestamp,
    },
    /// Timer L: absorbs further INVITEs.
    Accepted {
        until: Timestamp,
    },
    Terminated,
}

impl ServerInvite {
    pub(crate) fn new(timers: TimerConfig, reliable: bool) -> Self {
        ServerInvite { timers, reliable, state: State::Proceeding }
    }

    /// The same INVITE again.
    pub(crate) fn request(&mut self) -> Step {
        match self.state {
            State::Proceeding | State::Completed { .. } => Step::Resend,
            State::Accepted { .. } | State::Confirmed { .. } | State::Terminated => Step::Nothing,
        }
    }

    pub(crate) fn ack(&mut self, now: Timestamp) -> Step {
        match self.state {
            State::Completed { .. } => {
                self.state = if self.reliable {
                    State::Terminated
                } else {
                    State::Confirmed { until: now + self.timers.t4 }
                };
                Step::Nothing
            }
            State::Accepted { .. } => Step::Pass,
            State::Proceeding | State::Confirmed { .. } | State::Terminated => Step::Nothing,
        }
    }

    /// The user answers; `Pass` when the response is to be sent.
    pub(crate) fn respond(&mut self, now: Timestamp, status: u16) -> Step {
        match (self.state, status) {
            (State::Proceeding, 100..=199) => Step::Pass,
            (State::Proceeding, 200..=299) => {
                self.state = State::Accepted { until: now + self.timers.give_up() };
                Step::Pass
            }
            (State::Proceeding, _) => {
                self.state = State::Completed {
                    resend_at: (!self.reliable).then(|| now + self.timers.t1),
                    interval: self.timers.t1,
                    give_up_at: now + self.timers.give_up(),
                };
                Step::Pass
            }
            (
                State::Completed { .. }
                | State::Confirmed { .. }
                | State::Accepted { .. }
                | State::Terminated,
                _,
            ) => Step::Nothing,
        }
    }

    pub(crate) fn tick(&mut self, now: Timestamp) -> Step {
        match self.state {
            State::Completed { give_up_at, .. } if give_up_at <= now => {
                // Timer H: no ACK came. The call was refused anyway, nobody needs to know.
                self.state = State::Terminated;
                Step::Nothing
            }
            State::Completed { resend_at: Some(at), interval, give_up_at } if at <= now => {
                let interval = (interval * 2).min(self.timers.t2);
                self.state = State::Completed { resend_at: Some(at + interval), interval, give_up_at };
                Step::Resend
            }
            State::Confirmed { until } | State::Accepted { until } if until <= now => {
                self.state = State::Terminated;
                Step::Nothing
            }
            State::Proceeding
            | State::Completed { .. }
            | State::Confirmed { .. }
            | State::Accepted { .. }
            | State::Terminated => Step::Nothing,
        }
    }

    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        match self.state {
            State::Completed { resend_at, give_up_at, .. } => {
                Some(resend_at.map_or(give_up_at, |at| at.min(give_up_at)))
            }
            State::Confirmed { until } | State::Accepted { until } => Some(until),
            State::Proceeding | State::Terminated => None,
        }
    }

    pub(crate) fn is_terminated(&self) -> bool {
        self.state == State::Terminated
    }

    /// No final response was given yet.
    pub(crate) fn is_open(&self) -> bool {
        self.state == State::Proceeding
    }
}
