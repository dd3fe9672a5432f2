//! What a queue asks of calls that wait and of agents after a call, as configured.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::audio::spoken::Language;
use crate::id::QueueId;
use crate::model::queue::Destination;

/// What an agent may be doing instead of being free for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Away {
    /// Not signed in.
    Offline,
    /// Signed in and not ready.
    NotReady,
    /// Ready, and no phone is registered.
    NoPhone,
    /// Kept back for a while after an offer that failed.
    CoolDown,
    /// A phone rings.
    Ringing,
    /// On a call.
    Talking,
    /// In wrap-up.
    WrapUp,
}

/// What a waiting caller leaves for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum LeaveFor {
    /// Refused with a SIP status.
    Reject {
        /// The status, such as 486.
        status: u16,
    },
    /// One prompt played, hung up.
    Announce {
        /// File name of the prompt, in the prompts folder.
        prompt: String,
    },
    /// Another queue.
    Queue {
        /// Which.
        queue: QueueId,
    },
    /// To be called back at the number that he presents, as the queue's rules for callbacks say; he keeps his place.
    Callback,
}

impl LeaveFor {
    /// Where the call goes; none for a callback.
    pub fn destination(&self) -> Option<Destination> {
        match self.clone() {
            LeaveFor::Reject { status } => Some(Destination::Reject { status }),
            LeaveFor::Announce { prompt } => Some(Destination::Announce { prompt }),
            LeaveFor::Queue { queue } => Some(Destination::Queue { queue }),
            LeaveFor::Callback => None,
        }
    }
}

/// When a queue takes calls, and how long they stay. A call keeps the rules of the moment at which it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WaitRules {
    /// A new call is refused while every agent of the queue is in one of these states, and when it has no agents; never
    /// for that reason when the list is empty.
    pub refuse_when_all: Vec<Away>,
    /// Waiting calls leave when every agent of the queue has been in one of these states for [`WaitRules::leave_after_secs`].
    pub leave_when_all: Vec<Away>,
    /// Seconds until they leave. 0: at once.
    pub leave_after_secs: u32,
    /// Where calls go in both cases.
    pub when_empty: Destination,
    /// Calls that wait at closing time are still served; otherwise they go then where calls go outside of the hours.
    pub serve_after_closing: bool,
    /// Keys by which a waiting caller leaves, and what for: `0` to `9`, `*`, `#`.
    pub keys: BTreeMap<char, LeaveFor>,
    /// Days, or parts of days, on which the queue is closed whatever its hours say: `2026-12-24 14:00-24:00`,
    /// `12-25` (every year), `2026-05-01`.
    pub holidays: Vec<String>,
    /// Each announcement tells the caller his place in the queue. One that is larger than what he was told is not told.
    pub say_position: bool,
    /// Each announcement tells how long he will wait: what nine calls of ten would wait, in whole minutes; nothing while
    /// that is not known.
    pub say_wait: bool,
    /// The folder within the prompts folder with the recorded parts of what is said, one file each:
    /// [`spoken::parts`](crate::audio::spoken::parts) with the ending `.wav`.
    pub spoken_parts: Option<String>,
    /// The language of the parts.
    pub spoken_language: Language,
}

impl WaitRules {
    /// Whether announcements tell a figure.
    pub fn says_figures(&self) -> bool {
        self.say_position || self.say_wait
    }
}

impl Default for WaitRules {
    fn default() -> Self {
        WaitRules {
            refuse_when_all: Vec::new(),
            leave_when_all: Vec::new(),
            leave_after_secs: 0,
            when_empty: Destination::Reject { status: 480 },
            serve_after_closing: true,
            keys: BTreeMap::new(),
            holidays: Vec::new(),
            say_position: false,
            say_wait: false,
            spoken_parts: None,
            spoken_language: Language::English,
        }
    }
}

/// How wrap-up works: the four modes of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum WrapUpMode {
    /// None: the agent is free at once. He may still give his last call a code until his next one begins.
    Optional,
    /// Until the agent ends it.
    Discretionary,
    /// Until the agent ends it, and no longer than the queue's time.
    #[default]
    TimeBoxed,
    /// The queue's whole time.
    NoEarlyExit,
}

/// Wrap-up of a queue's calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WrapUpRules {
    /// How it begins and ends.
    pub mode: WrapUpMode,
    /// An agent ends it with a code and not without one.
    pub code_required: bool,
    /// Seconds that an extension adds.
    pub extend_secs: u32,
    /// How often an agent may extend it.
    pub extensions: u8,
}

/// The code that is written when wrap-up runs out and the queue has codes to choose from.
pub const TIME_OUT_CODE: &str = "wrap-up-time-out";
