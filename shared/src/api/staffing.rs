//! How many agents a load of calls needs.

use serde::{Deserialize, Serialize};

/// Query of `GET /staffing`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StaffingQuery {
    /// Calls that arrive in one interval.
    pub calls: f64,
    /// Length of the interval, in seconds.
    pub per_secs: f64,
    /// Average handle time (talk, hold and wrap-up), in seconds.
    pub aht_secs: f64,
    /// Service level wanted, percent of the calls that arrive; 80 when left out.
    #[serde(default = "eighty")]
    pub target_percent: f64,
    /// … answered within this many seconds; 20 when left out.
    #[serde(default = "twenty")]
    pub target_secs: f64,
    /// Mean patience of the callers, in seconds: Erlang A. Left out, nobody hangs up: Erlang C.
    #[serde(default)]
    pub patience_secs: Option<f64>,
    /// Occupancy that the agents shall not exceed, percent; no bound when left out.
    #[serde(default)]
    pub max_occupancy_percent: Option<f64>,
    /// Paid time that agents are not there for calls (breaks, training, illness), percent; 0 when left out.
    #[serde(default)]
    pub shrinkage_percent: f64,
    /// Work out this many agents instead of looking for how many are needed.
    #[serde(default)]
    pub agents: Option<u32>,
}

fn eighty() -> f64 {
    80.0
}

fn twenty() -> f64 {
    20.0
}

impl StaffingQuery {
    /// So many calls an interval of so many seconds, each handled for `aht_secs`; 80 % in 20 s, nobody hangs up.
    pub fn new(calls: f64, per_secs: f64, aht_secs: f64) -> StaffingQuery {
        StaffingQuery {
            calls,
            per_secs,
            aht_secs,
            target_percent: eighty(),
            target_secs: twenty(),
            patience_secs: None,
            max_occupancy_percent: None,
            shrinkage_percent: 0.0,
            agents: None,
        }
    }
}

/// The formula behind the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum StaffingModel {
    /// M/M/N: nobody hangs up.
    ErlangC,
    /// M/M/N+M: callers hang up after an exponential patience.
    ErlangA,
}

/// What a number of agents achieves. A load that grows without end (Erlang C with more work than agents) has a service
/// level of 0 and neither a speed of answer nor a queue length.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StaffingRow {
    /// Agents at work.
    pub agents: u32,
    /// Agents on the schedule, with the shrinkage.
    pub scheduled: u32,
    /// Percent of all calls that arrive which are answered within the target's seconds.
    pub service_level_percent: f64,
    /// Average speed of answer: mean wait of the answered calls, in seconds.
    pub asa_secs: Option<f64>,
    /// Percent of the calls that have to wait.
    pub waits_percent: f64,
    /// Percent of the calls that hang up before the answer.
    pub abandoned_percent: f64,
    /// Percent of their time that the agents handle calls.
    pub occupancy_percent: f64,
    /// Calls waiting, on average.
    pub queue_len: Option<f64>,
}

/// Answer of `GET /staffing`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StaffingReport {
    /// The formula.
    pub model: StaffingModel,
    /// Offered traffic in erlang: calls in progress at a time if none had to wait.
    pub offered_erlang: f64,
    /// The fewest agents that reach the targets, or the number that was asked about.
    pub chosen: StaffingRow,
    /// The numbers around it, fewest first.
    pub around: Vec<StaffingRow>,
}
