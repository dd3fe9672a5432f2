//! The pure core that ties transactions, dialogs, sessions and registrations together.

use super::api::{Config, Input, Output};
use crate::time::Timestamp;

/// One SIP user agent: see the module page of [`sip`](super).
#[derive(Debug)]
pub struct Endpoint {
    config: Config,
    outputs: std::collections::VecDeque<Output>,
}

impl Endpoint {
    /// `seed` feeds branches, tags, Call-IDs and waiting times; give each process another one.
    pub fn new(config: Config, seed: u64) -> Endpoint {
        let _ = seed;
        Endpoint { config, outputs: std::collections::VecDeque::new() }
    }

    /// Takes one input. Drain [`Endpoint::poll`] afterwards.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        let _ = (now, input, &self.config);
    }

    /// The next thing to do; `None` when there is no more.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Tick`] is due.
    pub fn deadline(&self) -> Option<Timestamp> {
        None
    }
}
