//! Callbacks: callers who left the queue to be called back, and whom somebody booked. Each keeps the place that it had.

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, CallId, QueueId, UserId};
use crate::model::call::Party;
use crate::time::Timestamp;

/// Who is called first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum CallbackFirst {
    /// The agent: no customer ever waits.
    #[default]
    Agent,
    /// The customer, while an agent is reserved for him: no agent listens to a phone that rings.
    Customer,
}

/// Callbacks of a queue, as configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CallbackRules {
    /// Who is called first.
    pub first: CallbackFirst,
    /// How often a customer is called, 1 to 10.
    pub attempts: u8,
    /// Seconds from one attempt to the next.
    pub retry_secs: u32,
    /// Seconds for which the customer's phone may ring.
    pub ring_secs: u32,
    /// Seconds after which a callback is over that did not come about; 0 for never.
    pub expire_secs: u32,
    /// Open callbacks of the queue at most.
    pub max_open: u32,
    /// Prompt for a caller who will be called back; a tone when left out.
    pub taken: Option<String>,
    /// Prompt for a caller who cannot be called back and goes on waiting; a tone when left out.
    pub refused: Option<String>,
}

impl Default for CallbackRules {
    fn default() -> Self {
        CallbackRules {
            first: CallbackFirst::Agent,
            attempts: 3,
            retry_secs: 900,
            ring_secs: 40,
            expire_secs: 86_400,
            max_open: 100,
            taken: None,
            refused: None,
        }
    }
}

/// Who asked for a callback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum AskedBy {
    /// The caller himself, by a key while he waited.
    Caller {
        /// His call.
        call: CallId,
    },
    /// A person or a program, by the API.
    User {
        /// Who.
        user: UserId,
    },
}

/// How an attempt ended in which the customer was not reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum NotReached {
    /// His phone was engaged.
    Busy,
    /// It rang out, or was refused.
    NoAnswer,
    /// There was no way to it.
    Failed,
    /// The agent who was to talk with him hung up or was lost first.
    AgentGone,
}

/// How a callback was over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum CallbackEnd {
    /// The customer answered.
    Done {
        /// The call.
        call: CallId,
        /// The agent who talked with him, or was reserved for him.
        agent: AgentId,
    },
    /// The customer called again himself, and got his place back.
    CalledIn {
        /// His call.
        call: CallId,
    },
    /// He was not reached in as many attempts as there may be.
    Exhausted,
    /// It took too long.
    Expired,
    /// Somebody cancelled it.
    Cancelled {
        /// Who.
        by: UserId,
        /// Why, in his words.
        reason: String,
    },
    /// Its queue is gone, or makes no callbacks any more.
    QueueGone,
}

/// What happened to a callback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum CallbackChange {
    /// Somebody is to be called back.
    Requested {
        /// Whom to call.
        to: Party,
        /// Who asked.
        asked: AskedBy,
        /// Since when it counts as waiting: the place that it keeps.
        since: Timestamp,
        /// Priority in seconds of waiting.
        priority_secs: u32,
        /// When it is over if it did not come about.
        expires_at: Option<Timestamp>,
    },
    /// It is its turn, and an agent is chosen; the record of the choice follows.
    Offered {
        /// The call that it becomes.
        call: CallId,
        /// Whom to call.
        to: Party,
    },
    /// The customer is dialled.
    Dialled {
        /// The call.
        call: CallId,
        /// The agent who is on it, or reserved for it.
        agent: AgentId,
        /// 1 for the first.
        attempt: u8,
    },
    /// The customer was not reached.
    Attempted {
        /// The call.
        call: CallId,
        /// Why.
        outcome: NotReached,
        /// When the next attempt may be; none when there is no other.
        next_at: Option<Timestamp>,
    },
    /// It is over.
    Ended {
        /// How.
        #[serde(flatten)]
        end: CallbackEnd,
    },
}

impl CallbackChange {
    /// The call that it is about; `callback` is the callback's id, which is that of the call in which it was asked for.
    pub fn call(&self, callback: CallId) -> Option<CallId> {
        match self {
            CallbackChange::Requested { asked: AskedBy::Caller { .. }, .. } => Some(callback),
            CallbackChange::Requested { asked: AskedBy::User { .. }, .. } | CallbackChange::Ended { .. } => {
                None
            }
            CallbackChange::Offered { call, .. }
            | CallbackChange::Dialled { call, .. }
            | CallbackChange::Attempted { call, .. } => Some(*call),
        }
    }
}

/// A callback that is not over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OpenCallback {
    /// Its id: that of the call in which it was asked for, or one of its own.
    pub id: CallId,
    /// The queue.
    pub queue: QueueId,
    /// Whom to call.
    pub to: Party,
    /// Who asked.
    pub asked: AskedBy,
    /// When.
    pub asked_at: Timestamp,
    /// Since when it counts as waiting.
    pub since: Timestamp,
    /// Priority in seconds of waiting.
    pub priority_secs: u32,
    /// When it is over if it did not come about.
    pub expires_at: Option<Timestamp>,
    /// How often the customer was dialled.
    pub attempts: u8,
    /// Not before this; none when it waits for its turn, or is being carried out.
    pub next_at: Option<Timestamp>,
    /// The call that it has become, from the choice of an agent to its end.
    pub call: Option<CallId>,
}
