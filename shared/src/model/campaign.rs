//! Preview campaigns: lists of people whom agents call, one after the other, after a look at who it is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, CallId, CampaignId, CodeId, QueueId, UserId};
use crate::time::Timestamp;

/// A campaign as set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CampaignSettings {
    /// Its id.
    pub id: CampaignId,
    /// Name that people read.
    pub name: String,
    /// The queue whose identity its calls show, and whose agents work on it.
    pub queue: QueueId,
    /// Contacts are given out.
    #[serde(default = "yes")]
    pub active: bool,
    /// Attempts for one contact at most, whatever came of them.
    #[serde(default = "max_attempts")]
    pub max_attempts: u32,
    /// What follows on each outcome; those left out keep the usual rule.
    #[serde(default)]
    pub retries: BTreeMap<Outcome, Retry>,
    /// When contacts may be called, such as `Mon-Fri 09:00-20:00`, in their own time zone; empty for always.
    #[serde(default)]
    pub hours: Vec<String>,
    /// IANA time zone of contacts that have none of their own.
    pub time_zone: String,
    /// How long a contact is kept for an agent who does not say what became of it, in seconds.
    #[serde(default = "lease_secs")]
    pub lease_secs: u32,
    /// Which contact comes first.
    #[serde(default)]
    pub order: ContactOrder,
}

impl CampaignSettings {
    /// What follows on an outcome.
    pub fn retry(&self, outcome: Outcome) -> Retry {
        self.retries.get(&outcome).copied().unwrap_or_else(|| outcome.usual())
    }
}

fn yes() -> bool {
    true
}

fn max_attempts() -> u32 {
    5
}

fn lease_secs() -> u32 {
    300
}

/// Which contact comes first. Equal ones come in the order of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ContactOrder {
    /// As listed.
    #[default]
    Listed,
    /// Those with the fewest attempts first.
    FewestAttempts,
    /// Those that have been due for the longest time first; new ones last.
    LongestDue,
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Outcome {
    /// It rang out.
    NoAnswer,
    /// Busy.
    Busy,
    /// A machine answered.
    Voicemail,
    /// The person was reached.
    Reached,
    /// The person does not want to talk about it.
    Refused,
    /// The number does not lead anywhere.
    Failed,
}

impl Outcome {
    /// Every one.
    pub const ALL: [Outcome; 6] = [
        Outcome::NoAnswer,
        Outcome::Busy,
        Outcome::Voicemail,
        Outcome::Reached,
        Outcome::Refused,
        Outcome::Failed,
    ];

    /// The rule when the campaign has none.
    pub fn usual(self) -> Retry {
        match self {
            Outcome::NoAnswer => Retry { after_secs: 4 * 3_600, attempts: 5 },
            Outcome::Busy => Retry { after_secs: 900, attempts: 5 },
            Outcome::Voicemail => Retry { after_secs: 24 * 3_600, attempts: 3 },
            Outcome::Reached | Outcome::Refused | Outcome::Failed => Retry { after_secs: 0, attempts: 0 },
        }
    }

    /// The word of the JSON.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::NoAnswer => "no_answer",
            Outcome::Busy => "busy",
            Outcome::Voicemail => "voicemail",
            Outcome::Reached => "reached",
            Outcome::Refused => "refused",
            Outcome::Failed => "failed",
        }
    }
}

/// What follows on an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Retry {
    /// The next attempt comes no sooner than this, in seconds.
    pub after_secs: u32,
    /// After this many attempts with this outcome the contact is done; 0: at once.
    pub attempts: u32,
}

/// Somebody to call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Contact {
    /// The number, in the form of the dial plan.
    pub number: String,
    /// Name, may be empty.
    pub name: String,
    /// IANA time zone; that of the campaign when left out.
    pub time_zone: Option<String>,
    /// Everything else that the list says, shown to the agent.
    pub columns: BTreeMap<String, String>,
}

/// An attempt that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Attempt {
    /// When it was over.
    pub at: Timestamp,
    /// Who called.
    pub agent: AgentId,
    /// What came of it.
    pub outcome: Outcome,
    /// The wrap-up code.
    pub code: Option<CodeId>,
    /// A note by the agent.
    pub note: Option<String>,
    /// The call.
    pub call: Option<CallId>,
}

/// What happens in a campaign. The campaign is a fold of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum CampaignFact {
    /// It was set up, or its settings changed.
    SetUp {
        /// As from now on.
        settings: CampaignSettings,
        /// Who did it.
        by: UserId,
    },
    /// It is no more.
    Removed {
        /// Who did it.
        by: UserId,
    },
    /// Contacts were put on its list, numbered on from the last one.
    Imported {
        /// At most 500 in one event.
        contacts: Vec<Contact>,
        /// Who did it.
        by: UserId,
    },
    /// A contact was given to an agent to look at.
    Reserved {
        /// Its number in the list, from 1.
        contact: u32,
        /// Who has it.
        agent: AgentId,
        /// Until when, unless he says what became of it.
        until: Timestamp,
    },
    /// The agent did not want it; it is free again.
    Skipped {
        /// Its number in the list.
        contact: u32,
        /// Who had it.
        agent: AgentId,
        /// Why.
        reason: String,
        /// When it is given out again at the earliest.
        next_at: Timestamp,
    },
    /// Its time was over; it is free again.
    Lapsed {
        /// Its number in the list.
        contact: u32,
        /// Who had it.
        agent: AgentId,
        /// When it is given out again at the earliest; none when it is done.
        next_at: Option<Timestamp>,
    },
    /// It is being called.
    Dialled {
        /// Its number in the list.
        contact: u32,
        /// Who calls.
        agent: AgentId,
        /// The call, when the service placed it.
        call: Option<CallId>,
        /// Until when the agent has to say what came of it.
        until: Timestamp,
    },
    /// An attempt is over.
    Attempted {
        /// Its number in the list.
        contact: u32,
        /// What came of it.
        attempt: Attempt,
        /// When it is called again at the earliest; none when it is done.
        next_at: Option<Timestamp>,
    },
    /// It is on the list of those who are not to be called.
    Blocked {
        /// Its number in the list.
        contact: u32,
    },
}
