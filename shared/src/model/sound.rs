//! What is heard of a live call, leg by leg: measured on demand, and never written down. Only that nothing arrives from
//! somebody is a fact of the journal ([`crate::model::event::Event::AudioLost`]).

use serde::{Deserialize, Serialize};

use crate::audio::mixer::Role;
use crate::id::{CallId, LegId};
use crate::time::Timestamp;

/// Whose phone it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Side {
    /// The customer's.
    Customer,
    /// An agent's.
    Agent,
    /// A supervisor's.
    Supervisor,
}

impl Side {
    /// As people read it.
    pub fn label(self) -> &'static str {
        match self {
            Side::Customer => "customer",
            Side::Agent => "agent",
            Side::Supervisor => "supervisor",
        }
    }
}

impl From<Role> for Side {
    fn from(role: Role) -> Side {
        match role {
            Role::Customer => Side::Customer,
            Role::Agent => Side::Agent,
            Role::Supervisor(_) => Side::Supervisor,
        }
    }
}

/// Nothing arrives from somebody of a call who should be heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Unheard {
    /// The leg.
    pub leg: LegId,
    /// Whose it is.
    pub side: Side,
    /// Since when.
    pub since: Timestamp,
}

/// One leg as it sounds now. "From" is what arrives from this phone, "to" is what it hears.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LegSound {
    /// Which.
    pub leg: LegId,
    /// Whose.
    pub side: Side,
    /// Speaks now; none while it is not measured yet, or nothing may come.
    pub talking: Option<bool>,
    /// The loudness in dBFS (0 is a sine of full scale, -124 silence), in whole decibels; it falls slowly.
    pub level_dbfs: Option<f32>,
    /// Reached full scale within the last second: too loud to be sent undistorted.
    pub clipping: bool,
    /// Nothing has arrived since then, although it should. A phone that sends nothing while it is muted looks the same
    /// as one that is not heard.
    pub unheard_since: Option<Timestamp>,
    /// The opinion score of what arrives from it, 1 to 4.5 (ITU-T G.107).
    pub mos_from: Option<f32>,
    /// The opinion score of what it hears, by its own reports.
    pub mos_to: Option<f32>,
    /// Packets from it that were lost or late in the last seconds, in percent.
    pub loss_percent: f32,
    /// Sound from it that had to be made up in the last seconds, in percent.
    #[serde(default)]
    pub concealed_percent: f32,
    /// How late its sound is heard here, in milliseconds: half of the round trip, a packet, and the jitter buffer.
    #[serde(default)]
    pub delay_millis: f32,
    /// Packets to it that were lost since its report before, in percent.
    pub loss_to_percent: Option<f32>,
    /// Interarrival jitter of what arrives, in milliseconds (RFC 3550 §6.4.1).
    pub jitter_millis: f32,
    /// Round trip by RTCP in milliseconds.
    pub round_trip_millis: Option<f32>,
    /// The worst that is wrong, and since when, in words.
    pub cause: Option<String>,
}

/// A call as it sounds now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CallSound {
    /// Which.
    pub call: CallId,
    /// Its legs, in the order in which they came in.
    pub legs: Vec<LegSound>,
}
