//! The journal and the day's numbers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::api::queues::QueueReport;
use crate::id::{AgentId, QueueId};
use crate::model::call::QueueExit;
use crate::model::metric::{AgentCounts, Figure, QueueCounts, QueueFigures};
use crate::model::service_level::Level;

/// Query of `GET /journal`, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JournalQuery {
    /// Only events after this number.
    #[serde(default)]
    pub after: u64,
    /// At most so many, 1 to 5,000; 1,000 when left out.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// Percentiles of a distribution (hdrhistogram, 3 significant digits), in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Percentiles {
    /// How many were counted.
    pub count: u64,
    /// Half are below.
    pub p50_millis: u64,
    /// Nine of ten are below.
    pub p90_millis: u64,
    /// 99 of 100 are below.
    pub p99_millis: u64,
    /// The largest.
    pub max_millis: u64,
}

/// An agent's day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AgentReport {
    /// Who.
    pub agent: AgentId,
    /// Name that people read.
    pub name: String,
    /// Raw counts of the day, with the stretch that is still open.
    pub counts: AgentCounts,
    /// Occupancy, percent.
    pub occupancy_percent: Figure,
    /// Average handle time, seconds.
    pub aht_secs: Figure,
}

/// Answer of `GET /reports/day`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DayReport {
    /// The day, such as 2026-03-01.
    pub day: String,
    /// Number of the last event that is counted.
    pub seq: u64,
    /// A row a queue.
    pub queues: Vec<QueueReport>,
    /// Raw counts of all queues together.
    pub total: QueueCounts,
    /// The figures over the total.
    pub figures: QueueFigures,
    /// A row an agent.
    pub agents: Vec<AgentReport>,
    /// Waits of answered calls.
    pub wait: Percentiles,
    /// Talk times.
    pub talk: Percentiles,
    /// From the agent's answer to the open audio path.
    pub setup: Percentiles,
}

/// Query of `GET /reports/service-levels`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ServiceLevelQuery {
    /// Only this queue.
    pub queue: Option<QueueId>,
    /// T; the target of the queue when left out, 20 s for all.
    pub target_secs: Option<u32>,
    /// SL-D: calls that left in another way count.
    pub flow_outs: bool,
    /// SL-D: short abandons do not count.
    pub without_short: bool,
    /// SL-D: abandons do not count.
    pub without_abandons: bool,
    /// SL-F: abandons after so many seconds count; none when left out.
    pub abandoned_after_secs: Option<u32>,
    /// SL-H: the window, an hour when left out.
    pub window_secs: Option<u32>,
}

/// Answer of `GET /reports/service-levels`: the nine formulas over the same waits of the day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServiceLevels {
    /// The queue; none for all.
    pub queue: Option<QueueId>,
    /// T.
    pub target_secs: u32,
    /// Calls that entered today.
    pub entered: u64,
    /// Each exit, counted on its own; turned away at the door are `closed` and `full`.
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, u64>))]
    pub exits: BTreeMap<QueueExit, u64>,
    /// Calls that wait.
    pub waiting: u64,
    /// Calls that have waited longer than T.
    pub waiting_late: u64,
    /// SL-A to SL-I, each with its formula.
    pub levels: Vec<Level>,
}
