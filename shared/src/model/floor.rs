//! The live picture: a fold of events that the service and both apps run with the same code.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, CallId, QueueId, TrunkId};
use crate::model::agent::{AgentInfo, ChangedBy, Device, State, Status};
use crate::model::call::LiveCall;
use crate::model::callback::OpenCallback;
use crate::model::event::Stamped;
use crate::model::metric::{AgentCounts, QueueCounts};
use crate::model::queue::{Code, QueueInfo};
use crate::model::trunk::TrunkView;
use crate::time::Timestamp;

/// A queue on the floor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QueueView {
    /// As configured.
    pub info: QueueInfo,
    /// Raw counts of the day.
    pub counts: QueueCounts,
}

/// An agent on the floor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AgentView {
    /// As configured.
    pub info: AgentInfo,
    /// What the person wants.
    pub status: Status,
    /// Since when.
    pub status_since: Timestamp,
    /// Who said so.
    pub status_by: ChangedBy,
    /// What takes effect when the agent is free.
    pub next_status: Option<Status>,
    /// What the machine is doing.
    pub state: State,
    /// Since when.
    pub state_since: Timestamp,
    /// How the phone is reached.
    pub device: Device,
    /// Raw counts of the day.
    pub counts: AgentCounts,
}

/// The live picture after event `seq`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Floor {
    /// Number of the last event folded; 0 for none.
    pub seq: u64,
    /// Time of the last event folded.
    pub at: Timestamp,
    /// The day that the counts belong to, such as 2026-03-01.
    pub day: String,
    /// Queues.
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, QueueView>))]
    pub queues: BTreeMap<QueueId, QueueView>,
    /// Agents.
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, AgentView>))]
    pub agents: BTreeMap<AgentId, AgentView>,
    /// Live calls.
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, LiveCall>))]
    pub calls: BTreeMap<CallId, LiveCall>,
    /// Trunks; not shown to agents.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, TrunkView>))]
    pub trunks: BTreeMap<TrunkId, TrunkView>,
    /// Callbacks that are not over; not shown to agents.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, OpenCallback>))]
    pub callbacks: BTreeMap<CallId, OpenCallback>,
    /// Reasons for not being ready that agents choose from.
    pub breaks: Vec<Code>,
    /// What the fold remembers to count right.
    #[serde(default)]
    pub tally: Tally,
}

/// What the fold remembers to count right; no screen shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Tally {
    /// When the counts were last reset.
    pub day_since: Timestamp,
    /// The last queue of each live call that was in one.
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, LastQueue>))]
    pub calls: BTreeMap<CallId, LastQueue>,
    /// The queue whose call each busy agent has, from the answer to the end of wrap-up.
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, String>))]
    pub serving: BTreeMap<AgentId, QueueId>,
}

/// The queue that a call was in last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LastQueue {
    /// Which.
    pub queue: QueueId,
    /// When the call entered it; its time in the queue counts from here.
    pub entered_at: Timestamp,
}

impl Floor {
    /// Folds one event. An event with a number that was folded already changes nothing, so a feed that overlaps is
    /// harmless.
    pub fn apply(&mut self, stamped: &Stamped) {
        if stamped.seq <= self.seq {
            return;
        }
        let before = self.at;
        self.seq = stamped.seq;
        self.at = stamped.at;
        super::floor_fold::apply(self, before, stamped.at, &stamped.event);
    }
}
