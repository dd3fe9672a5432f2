//! Agents: who they are, what they want (status) and what the machine is doing with them (state).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, CallId, CodeId, OfferId, QueueId, SkillId, UserId};
use crate::model::routing::Serves;
use crate::time::Timestamp;

/// An agent as configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AgentInfo {
    /// Sign-in name and phone address.
    pub id: AgentId,
    /// Name that people read.
    pub name: String,
    /// Skills with their level, 1 (some) to 5 (expert).
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, u8>))]
    pub skills: BTreeMap<SkillId, u8>,
    /// Queues whose calls the agent takes.
    pub queues: Vec<QueueId>,
    /// `sip:` address of a phone that never registers; none for a phone or app that registers.
    pub contact: Option<String>,
    /// Becomes ready when the service starts, without signing in (fixed-contact phones).
    pub ready_on_start: bool,
    /// How he serves some of his queues; the others as [`Serves::default`] says.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, Serves>))]
    pub serves: BTreeMap<QueueId, Serves>,
    /// Gets one call at a time and then asks for the next.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub on_demand: bool,
    /// What he can have at once.
    #[serde(default)]
    pub capacity: Capacity,
}

/// A kind of contact. Each has slots of its own, so that one channel's contacts take nothing from another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Channel {
    /// Calls.
    Voice,
}

/// How many contacts of each channel an agent can have at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Capacity {
    /// Calls: 1, because nobody talks with two customers, or 0 for somebody who takes none.
    pub voice: u8,
}

impl Capacity {
    /// The most calls at once that a person can have.
    pub const MOST_VOICE: u8 = 1;

    /// The slots of a channel.
    pub fn of(self, channel: Channel) -> u8 {
        match channel {
            Channel::Voice => self.voice,
        }
    }
}

impl Default for Capacity {
    fn default() -> Self {
        Capacity { voice: 1 }
    }
}

impl AgentInfo {
    /// How he serves a queue; none when he does not.
    pub fn serves(&self, queue: &QueueId) -> Option<Serves> {
        self.queues.contains(queue).then(|| self.serves.get(queue).copied().unwrap_or_default())
    }
}

/// Why an agent is not ready. Every automatic change carries its reason, so that nobody has to guess.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum NotReadyReason {
    /// Just signed in.
    SignedIn,
    /// One of the configured reasons, such as lunch.
    Break {
        /// The configured reason.
        code: CodeId,
    },
    /// An offer rang out (RONA, redirect on no answer).
    MissedOffer {
        /// The call that was missed.
        call: CallId,
    },
    /// The agent refused an offer.
    RejectedOffer {
        /// The call that was refused.
        call: CallId,
    },
    /// The agent's phone could not be reached or is no longer registered.
    PhoneLost,
    /// The agent's app has been gone for longer than the grace time.
    ConnectionLost,
    /// A supervisor said so.
    Supervisor,
    /// He takes calls one by one ([`AgentInfo::on_demand`]) and has not asked for the next.
    OnDemand,
}

impl NotReadyReason {
    /// Somebody wanted it so; the others follow from what happened.
    pub fn is_wanted(&self) -> bool {
        match self {
            NotReadyReason::Break { .. } | NotReadyReason::Supervisor => true,
            NotReadyReason::SignedIn
            | NotReadyReason::MissedOffer { .. }
            | NotReadyReason::RejectedOffer { .. }
            | NotReadyReason::PhoneLost
            | NotReadyReason::ConnectionLost
            | NotReadyReason::OnDemand => false,
        }
    }

    /// The words that people read; `code_label` turns a configured code into its label.
    pub fn label(&self, code_label: impl Fn(&CodeId) -> String) -> String {
        match self {
            NotReadyReason::SignedIn => "Signed in".into(),
            NotReadyReason::Break { code } => code_label(code),
            NotReadyReason::MissedOffer { .. } => "Missed call".into(),
            NotReadyReason::RejectedOffer { .. } => "Rejected call".into(),
            NotReadyReason::PhoneLost => "Phone lost".into(),
            NotReadyReason::ConnectionLost => "Connection lost".into(),
            NotReadyReason::Supervisor => "Set by supervisor".into(),
            NotReadyReason::OnDemand => "Takes calls on demand".into(),
        }
    }
}

/// What the person wants.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(tag = "status", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Status {
    /// Not signed in.
    #[default]
    Offline,
    /// Wants calls.
    Ready,
    /// Signed in, wants no calls.
    NotReady {
        /// Why.
        reason: NotReadyReason,
    },
}

/// What the machine is doing with the agent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(tag = "state", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum State {
    /// Nothing.
    #[default]
    Idle,
    /// An offer is out: reserved, and the phone rings.
    Offered {
        /// The call.
        call: CallId,
        /// The offer.
        offer: OfferId,
        /// When it rings out.
        until: Timestamp,
    },
    /// On a call.
    Talking {
        /// The call.
        call: CallId,
        /// The customer is on hold.
        held: bool,
    },
    /// After a call, before the next.
    WrapUp {
        /// The call that is wrapped up.
        call: CallId,
        /// Its queue, whose codes are to choose from.
        queue: QueueId,
        /// When it ends by itself; none when only the agent ends it.
        until: Option<Timestamp>,
    },
}

impl State {
    /// Slots of a channel in use: from the offer to the end of wrap-up.
    pub fn uses(&self, channel: Channel) -> u8 {
        match (self, channel) {
            (State::Idle, Channel::Voice) => 0,
            (State::Offered { .. } | State::Talking { .. } | State::WrapUp { .. }, Channel::Voice) => 1,
        }
    }

    /// The call that the agent is busy with.
    pub fn call(&self) -> Option<CallId> {
        match self {
            State::Idle => None,
            State::Offered { call, .. } | State::Talking { call, .. } | State::WrapUp { call, .. } => {
                Some(*call)
            }
        }
    }
}

/// Who changed a status.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "by", content = "user", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ChangedBy {
    /// The agent.
    Agent,
    /// A supervisor or administrator, by name.
    User(UserId),
    /// A rule of the service.
    Service,
}

/// How the agent's phone is reached now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Device {
    /// None is known: no offers.
    None,
    /// Our agent app, registered.
    App {
        /// Its contact address.
        contact: String,
    },
    /// Any other SIP phone, registered.
    Phone {
        /// Its contact address.
        contact: String,
        /// What it calls itself (`User-Agent`).
        product: String,
    },
    /// A configured address that never registers.
    Fixed {
        /// Its contact address.
        contact: String,
    },
}

impl Device {
    /// Whether an offer can be sent.
    pub fn is_reachable(&self) -> bool {
        !matches!(self, Device::None)
    }
}
