//! Calls: who is in them, where they are, how they end.

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, CallId, OfferId, QueueId, RecordingId, TrunkId, UserId};
use crate::model::sound::Unheard;
use crate::time::Timestamp;

/// The customer's side as the network presented it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Party {
    /// Number or user part of the address; empty when withheld.
    pub number: String,
    /// Display name; empty when none was given.
    pub name: String,
}

impl Party {
    /// Name, else number, else "Unknown caller".
    pub fn label(&self) -> &str {
        if !self.name.is_empty() {
            &self.name
        } else if !self.number.is_empty() {
            &self.number
        } else {
            "Unknown caller"
        }
    }
}

/// Who called whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Direction {
    /// A customer called us.
    #[default]
    Inbound,
    /// One of us called a number outside.
    Outbound,
    /// One of us called a colleague.
    Internal,
}

/// Where a live call is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Phase {
    /// Arrived, in no queue yet (or hearing a last announcement).
    Arrived,
    /// Waits in a queue.
    Waiting {
        /// Which.
        queue: QueueId,
        /// Since when in its accounting; a missed offer or a transfer does not reset it.
        since: Timestamp,
    },
    /// Waits, and an agent's phone rings for it.
    Offered {
        /// Which queue.
        queue: QueueId,
        /// Since when it waits.
        since: Timestamp,
        /// The agent who rings.
        agent: AgentId,
        /// The offer.
        offer: OfferId,
    },
    /// Talks with an agent.
    Talking {
        /// The queue it came through.
        queue: QueueId,
        /// The agent.
        agent: AgentId,
        /// Since when.
        since: Timestamp,
        /// The customer is on hold.
        held: bool,
    },
    /// A supervisor has taken it over.
    TakenOver {
        /// The queue it came through.
        queue: QueueId,
        /// Who has it.
        supervisor: UserId,
        /// Since when.
        since: Timestamp,
    },
    /// A number outside, or a colleague, is being called.
    Dialling {
        /// What was dialled.
        number: String,
        /// Since when.
        since: Timestamp,
    },
    /// Talks with a number outside or a colleague.
    Outside {
        /// What was dialled.
        number: String,
        /// Since when.
        since: Timestamp,
        /// On hold.
        held: bool,
    },
}

/// How a supervisor takes part in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum SupervisionMode {
    /// Hears both, nobody hears him.
    Monitor,
    /// Hears both, the agent hears him.
    Whisper,
    /// Everybody hears everybody.
    Barge,
    /// Talks to the customer instead of the agent.
    TakeOver,
}

impl SupervisionMode {
    /// The word that people read.
    pub fn label(self) -> &'static str {
        match self {
            SupervisionMode::Monitor => "Listen",
            SupervisionMode::Whisper => "Whisper",
            SupervisionMode::Barge => "Barge",
            SupervisionMode::TakeOver => "Take over",
        }
    }
}

/// A supervisor in a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Supervision {
    /// Who.
    pub supervisor: UserId,
    /// How.
    pub mode: SupervisionMode,
    /// Since when in this mode.
    pub since: Timestamp,
}

/// How a call left a queue: a closed list, each counted on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum QueueExit {
    /// An agent answered.
    Answered,
    /// The caller hung up while waiting.
    Abandoned,
    /// The caller hung up within the queue's short-abandon time.
    ShortAbandon,
    /// Sent elsewhere by a rule while waiting.
    Overflowed,
    /// Waited longer than the queue allows.
    TimedOut,
    /// Taken out by a supervisor.
    Withdrawn,
    /// The caller asked to be called back.
    CallbackTaken,
    /// The queue was closed.
    Closed,
    /// The queue was full.
    Full,
    /// Something failed on our side.
    Failed,
}

impl QueueExit {
    /// All of them.
    pub const ALL: [QueueExit; 10] = [
        QueueExit::Answered,
        QueueExit::Abandoned,
        QueueExit::ShortAbandon,
        QueueExit::Overflowed,
        QueueExit::TimedOut,
        QueueExit::Withdrawn,
        QueueExit::CallbackTaken,
        QueueExit::Closed,
        QueueExit::Full,
        QueueExit::Failed,
    ];
}

/// Why a call ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum EndCause {
    /// The customer hung up after an agent had answered.
    CustomerHungUp,
    /// The customer hung up before an agent had answered.
    Abandoned,
    /// The agent hung up.
    AgentHungUp,
    /// A supervisor ended it.
    SupervisorHungUp,
    /// Refused or announced away: closed, full, no such number.
    TurnedAway {
        /// The SIP status given, 200 after an announcement.
        status: u16,
    },
    /// The one who was called did not answer.
    NotAnswered {
        /// The SIP status that the caller got.
        status: u16,
    },
    /// The service was to place the call, and the caller's own phone did not answer.
    OwnPhoneSilent {
        /// Its SIP status, 408 for silence.
        status: u16,
    },
    /// The caller left to be called back.
    CallbackTaken,
    /// A callback was over, or put off, before its customer was called.
    CallbackPutOff,
    /// The party outside that the call was transferred to hung up.
    OutsideHungUp,
    /// The call was longer than calls over its trunk may be.
    TooLong,
    /// An agent joined it with another call of his, which goes on with who was in this one.
    Joined {
        /// The call that goes on.
        into: CallId,
    },
    /// A leg was lost: no media, no answer to signalling.
    Lost,
    /// The service was shut down.
    Shutdown,
}

/// How one offer to one agent ended. Only a missed one makes the agent not ready by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum OfferOutcome {
    /// The agent answered.
    Answered,
    /// Rang out (RONA).
    Missed,
    /// The agent refused (603, 480 by hand, or the reject button).
    Rejected,
    /// The phone said busy (486, 600).
    Busy,
    /// The phone could not be reached (no answer to signalling, 404, 5xx).
    Unreachable,
    /// Another agent was quicker.
    LostRace,
    /// The caller hung up, or was taken away, while it rang.
    CallerGone,
}

/// A live call as the floor shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LiveCall {
    /// Its id.
    pub id: CallId,
    /// Who called whom.
    #[serde(default)]
    pub direction: Direction,
    /// The customer: who called us, or whom we called.
    pub from: Party,
    /// What was dialled.
    pub dialled: String,
    /// The trunk that it came by, or goes out by.
    pub trunk: Option<TrunkId>,
    /// The persons of ours in a call that one of them placed: the caller, and the colleague he called.
    #[serde(default)]
    pub members: Vec<AgentId>,
    /// The queue in whose name it was placed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placed_for: Option<QueueId>,
    /// When it arrived or was placed.
    pub arrived_at: Timestamp,
    /// Where it is.
    pub phase: Phase,
    /// Priority in seconds of waiting.
    pub priority_secs: u32,
    /// Offers so far.
    pub offers: u32,
    /// Supervisors in it.
    pub supervision: Vec<Supervision>,
    /// Its recording, when there is one.
    pub recording: Option<RecordingId>,
    /// From whom nothing arrives although it should.
    #[serde(default)]
    pub unheard: Vec<Unheard>,
}

impl LiveCall {
    /// The agent who talks or rings.
    pub fn agent(&self) -> Option<&AgentId> {
        match &self.phase {
            Phase::Offered { agent, .. } | Phase::Talking { agent, .. } => Some(agent),
            Phase::Dialling { .. } | Phase::Outside { .. } => self.members.first(),
            Phase::Arrived | Phase::Waiting { .. } | Phase::TakenOver { .. } => None,
        }
    }

    /// The queue that it waits in or came through.
    pub fn queue(&self) -> Option<&QueueId> {
        match &self.phase {
            Phase::Arrived | Phase::Dialling { .. } | Phase::Outside { .. } => None,
            Phase::Waiting { queue, .. }
            | Phase::Offered { queue, .. }
            | Phase::Talking { queue, .. }
            | Phase::TakenOver { queue, .. } => Some(queue),
        }
    }
}

/// Where a call is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum TransferTarget {
    /// A queue.
    Queue {
        /// Which.
        queue: QueueId,
    },
    /// One agent, whatever queue he serves.
    Agent {
        /// Who.
        agent: AgentId,
    },
    /// A number outside, by a trunk.
    Number {
        /// As dialled.
        number: String,
    },
}
