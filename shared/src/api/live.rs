//! The live feed: a WebSocket at `/api/v1/live`.
//!
//! The client sends [`ClientFrame::Hello`] first, within 10 seconds, with its token and the number of the last event
//! that it has. The service answers with the events after that number, or with a snapshot when it has none or is too
//! far behind, and then sends events as they happen. Whoever looks at a call asks with [`ClientFrame::Watch`] how it sounds.
//! A client that cannot keep up is disconnected and resumes by
//! number.

use serde::{Deserialize, Serialize};

use crate::api::error::ApiError;
use crate::id::CallId;
use crate::model::event::Stamped;
use crate::model::floor::Floor;
use crate::model::sound::CallSound;
use crate::time::Timestamp;

/// From the client, JSON text frames.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "frame", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ClientFrame {
    /// First frame.
    Hello {
        /// Bearer token.
        token: String,
        /// Number of the last event that the client has; none for a snapshot.
        #[serde(default)]
        after: Option<u64>,
    },
    /// How a call sounds is to be told from now on ([`ServerFrame::Sound`]), in place of another one. Who may not see the
    /// whole floor is told of the call in his own hand only.
    Watch {
        /// Which; none for no more.
        #[serde(default)]
        call: Option<CallId>,
    },
}

impl std::fmt::Debug for ClientFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ClientFrame::Hello { after, .. } => {
                f.debug_struct("Hello").field("after", after).finish_non_exhaustive()
            }
            ClientFrame::Watch { call } => f.debug_struct("Watch").field("call", call).finish(),
        }
    }
}

/// From the service, JSON text frames.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "frame", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ServerFrame {
    /// The whole picture; events after `floor.seq` follow.
    Snapshot {
        /// The picture.
        floor: Box<Floor>,
        /// The service's time, to show timers right on a machine with a wrong clock.
        now: Timestamp,
    },
    /// One event.
    Event(Box<Stamped>),
    /// Every 5 seconds without events: still there.
    Tick {
        /// The service's time.
        now: Timestamp,
        /// Number of the last event.
        seq: u64,
    },
    /// How the watched call sounds, when that has changed; at most 5 times a second. It has no number and is in no journal.
    Sound(CallSound),
    /// The feed ends with this reason.
    Error(ApiError),
}
