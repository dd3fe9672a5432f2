//! Calls: live and past, why they went where they went, and what may be done to them.

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, CallId, OfferId, QueueId, RecordingId, TrunkId};
use crate::model::call::{Direction, EndCause, LiveCall, OfferOutcome, Party, QueueExit, SupervisionMode};
use crate::model::decision::{Decision, NonOffer};
use crate::model::event::{Stamped, TransferTarget};
use crate::time::Timestamp;

/// Query of `GET /calls`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CallQuery {
    /// Only live (true) or only ended (false) ones.
    #[serde(default)]
    pub live: Option<bool>,
    /// Only calls that were in this queue.
    #[serde(default)]
    pub queue: Option<QueueId>,
    /// Only calls that this agent had.
    #[serde(default)]
    pub agent: Option<AgentId>,
    /// Only calls that left a queue this way.
    #[serde(default)]
    pub exit: Option<QueueExit>,
    /// Only calls that arrived before this one (for the next page).
    #[serde(default)]
    pub before: Option<CallId>,
    /// At most so many, 1 to 500; 100 when left out.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// A call in a list, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CallSummary {
    /// Its id.
    pub id: CallId,
    /// Who called whom.
    #[serde(default)]
    pub direction: Direction,
    /// The customer: who called us, or whom we called.
    pub from: Party,
    /// What was dialled.
    pub dialled: String,
    /// The trunk that it came by, or went out by.
    pub trunk: Option<TrunkId>,
    /// When it arrived or was placed.
    pub arrived_at: Timestamp,
    /// When it ended; none while it lives.
    pub ended_at: Option<Timestamp>,
    /// Why it ended.
    pub cause: Option<EndCause>,
    /// The queues it was in, in order.
    pub queues: Vec<QueueId>,
    /// How it left the last queue.
    pub exit: Option<QueueExit>,
    /// Wait in milliseconds, over all queues.
    pub wait_millis: u64,
    /// The agents who talked, in order.
    pub agents: Vec<AgentId>,
    /// Talk time in milliseconds, with hold, over all agents.
    pub talk_millis: u64,
    /// Hold time in milliseconds within it.
    pub hold_millis: u64,
    /// Its recording.
    pub recording: Option<RecordingId>,
}

/// A page of calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CallPage {
    /// Newest first.
    pub calls: Vec<CallSummary>,
    /// Give it as `before` for the next page; none at the end.
    pub next: Option<CallId>,
}

/// Everything about one call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CallDetail {
    /// The row.
    pub summary: CallSummary,
    /// Where it is now; none once it ended.
    pub live: Option<LiveCall>,
    /// Its events in order.
    pub events: Vec<Stamped>,
}

/// One offer with its decision and its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OfferRecord {
    /// The offer.
    pub offer: OfferId,
    /// When it was made.
    pub at: Timestamp,
    /// To whom.
    pub agent: AgentId,
    /// Why.
    pub decision: Decision,
    /// The same in plain words.
    pub words: String,
    /// How it ended; none while it rings.
    pub outcome: Option<OfferOutcome>,
    /// How long it rang, in milliseconds.
    pub rang_millis: Option<u64>,
}

/// Why a call that waited was offered to nobody at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NonOfferRecord {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub record: NonOffer,
    /// The same in plain words.
    pub words: String,
}

/// Body of `POST /calls`: the service calls a number for the person who asks. His own phone rings first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlaceCall {
    /// The number, as dialled.
    pub number: String,
    /// One of his queues, in whose name: its number is shown, its rules hold for recording and wrap-up.
    #[serde(default)]
    pub queue: Option<QueueId>,
}

/// The call that was placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlacedCall {
    /// Its id.
    pub call: CallId,
}

/// Body of `POST /calls/{id}/transfer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Transfer {
    /// Where to.
    #[serde(flatten)]
    pub target: TransferTarget,
}

/// Body of `PUT /calls/{id}/supervision`: comes in, or changes how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Supervise {
    /// How.
    pub mode: SupervisionMode,
}
