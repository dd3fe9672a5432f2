//! The ACD on a virtual clock: callers, agents and their habits are drawn, the routing is the service's own.
//!
//! ```text
//!  calls (drawn, or those of a day) ──► World ──► counts a batch and an interval ──► means with confidence
//!                                       │ ▲
//!                                       ▼ │
//!                                       Acd
//! ```
//! The same seed gives the same figures. A figure's interval is the one that holds the true mean in 95 of 100 cases, by
//! Student's t over batches: the days of a profile, or long stretches of one run.

pub mod command;
pub(crate) mod draw;
mod figures;
pub mod print;
mod profile;
mod world;

#[cfg(test)]
mod tests;

pub use figures::{Counts, Estimate, Figures, IntervalFigures, Tally};
pub use profile::{Profile, ProfileError};
pub use world::{Ending, Outcome, PlannedCall, World};

use std::time::Duration;

use shared::id::{CallId, QueueId};
use shared::model::agent::AgentInfo;
use shared::model::queue::{Destination, QueueInfo};
use shared::time::Timestamp;

use crate::acd::AcdConfig;
use draw::Chance;

/// Agents of one queue, calls as by Poisson, handle times and patience exponential: the model of Erlang's formulas.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Agents, all the time.
    pub agents: u32,
    /// Calls a second.
    pub calls_per_sec: f64,
    /// Mean handle time.
    pub aht_secs: f64,
    /// Mean patience; none when nobody hangs up.
    pub patience_secs: Option<f64>,
    /// Threshold of the service level.
    pub target_secs: f64,
    /// Share of calls wanted within it.
    pub target_percent: f64,
    /// Simulated time.
    pub hours: f64,
    /// Of what is drawn.
    pub seed: u64,
}

/// Why nothing was simulated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SimulateError {
    /// A number that cannot be.
    #[error("{field} is {given}, but must be {wanted}")]
    Field {
        /// Its name.
        field: &'static str,
        /// Its value.
        given: f64,
        /// What it may be.
        wanted: &'static str,
    },
    /// More calls than a run takes.
    #[error("these are {calls:.0} calls, more than the {MAX_CALLS} of one run: simulate fewer hours")]
    TooMany {
        /// How many.
        calls: f64,
    },
}

/// Calls of one run at most.
pub const MAX_CALLS: u64 = 100_000_000;
/// Batches of one long run.
const BATCHES: u32 = 40;

/// A Monday.
const START: Timestamp = Timestamp::from_secs(1_772_409_600);

impl Model {
    fn check(&self) -> Result<(), SimulateError> {
        let positive = |value: f64| value > 0.0 && value.is_finite();
        for (field, given, holds, wanted) in [
            ("agents", f64::from(self.agents), (1..=100_000).contains(&self.agents), "1 to 100,000"),
            ("calls", self.calls_per_sec, positive(self.calls_per_sec), "above 0"),
            ("aht", self.aht_secs, positive(self.aht_secs), "above 0"),
            (
                "patience",
                self.patience_secs.unwrap_or(1.0),
                self.patience_secs.is_none_or(positive),
                "above 0",
            ),
            (
                "target",
                self.target_secs,
                self.target_secs >= 0.0 && self.target_secs <= 3_600.0,
                "0 to 3600 s",
            ),
            ("hours", self.hours, positive(self.hours) && self.hours <= 1e7, "above 0, at most 10,000,000"),
        ] {
            if !holds {
                return Err(SimulateError::Field { field, given, wanted });
            }
        }
        let calls = self.calls_per_sec * self.hours * 3600.0;
        if calls > MAX_CALLS as f64 {
            return Err(SimulateError::TooMany { calls });
        }
        Ok(())
    }

    /// Simulates it.
    ///
    /// # Errors
    /// When a number cannot be, or the run would be too long.
    pub fn run(&self) -> Result<Figures, SimulateError> {
        self.check()?;
        let (sales, zero) = ("calls", Duration::ZERO);
        let queue: QueueId = sales.parse().map_err(|_| SimulateError::TooMany { calls: 0.0 })?;
        let agents = (1..=self.agents)
            .filter_map(|number| format!("{number:06}").parse().ok())
            .map(|id| plain_agent(id, &queue))
            .collect();
        let queues = vec![plain_queue(&queue, self.target_secs.round() as u32)];
        let mut world = World::new(AcdConfig::default(), queues, agents, Vec::new(), START, self.seed);
        let [mut arrivals, mut talks, mut patience] = Chance::streams(self.seed);
        let end = START + Duration::from_secs_f64(self.hours * 3600.0);
        // Until the queue is as long as it is on average; a run of a few hours has no time for more.
        let warm_up = Duration::from_secs_f64((self.hours * 3600.0 / 20.0).min(7_200.0));
        let batch = (end.since(START) - warm_up) / BATCHES;
        let mut tally = Tally::new(START + warm_up, batch.max(Duration::from_millis(1)), BATCHES);
        let mut at = START;
        let calls = std::iter::from_fn(|| {
            at += arrivals.exponential(1.0 / self.calls_per_sec);
            (at < end).then(|| PlannedCall {
                call: CallId::from_u64(0),
                at,
                queue: queue.clone(),
                since: at,
                talk: talks.exponential(self.aht_secs),
                wrap_up: zero,
                patience: self.patience_secs.map(|mean| patience.exponential(mean)),
                caller: None,
            })
        });
        world.run(
            calls
                .enumerate()
                .map(|(number, call)| PlannedCall { call: CallId::from_u64(number as u64 + 1), ..call }),
            &mut tally,
        );
        tally.staffed_secs(f64::from(self.agents) * batch.as_secs_f64());
        Ok(tally.figures(&[], world.simulated(), self.seed))
    }
}

fn plain_agent(id: shared::id::AgentId, queue: &QueueId) -> AgentInfo {
    AgentInfo {
        name: id.to_string(),
        contact: Some(format!("sip:{id}@simulated")),
        id,
        skills: Default::default(),
        queues: vec![queue.clone()],
        ready_on_start: true,
        serves: Default::default(),
        on_demand: false,
        capacity: Default::default(),
    }
}

fn plain_queue(id: &QueueId, target_secs: u32) -> QueueInfo {
    let nowhere = Destination::Reject { status: 480 };
    QueueInfo {
        id: id.clone(),
        name: id.to_string(),
        numbers: Vec::new(),
        priority_secs: 0,
        skills: Vec::new(),
        ring_secs: 20,
        wrap_up_secs: 0,
        wrap_up_codes: Vec::new(),
        target_secs,
        target_percent: 80,
        short_abandon_secs: 0,
        max_waiting: u32::MAX,
        max_wait_secs: 0,
        hours: Vec::new(),
        time_zone: String::new(),
        when_full: nowhere.clone(),
        when_closed: nowhere.clone(),
        when_timed_out: nowhere,
        greeting: None,
        music: None,
        announcement: None,
        announcement_every_secs: 0,
        record: false,
        routing: Default::default(),
        waiting: Default::default(),
        wrap_up: Default::default(),
        callback: None,
    }
}
