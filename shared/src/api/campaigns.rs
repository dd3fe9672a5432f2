//! Preview campaigns and the list of those who are not to be called.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{CallId, CampaignId, CodeId, UserId};
use crate::model::campaign::{Attempt, Contact, Outcome};
use crate::time::Timestamp;

/// A contact that an agent has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HeldContact {
    /// Its number in the list.
    pub number: u32,
    /// Who it is.
    pub contact: Contact,
    /// Until when the agent has it.
    pub until: Timestamp,
    /// It was dialled: what became of it is to be said.
    pub dialled: bool,
    /// The call.
    pub call: Option<CallId>,
    /// How often it was dialled.
    pub dials: u32,
    /// What became of that.
    pub attempts: Vec<Attempt>,
}

/// Body of `POST /campaigns/{id}/contacts/{number}/skip`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SkipContact {
    /// Why.
    pub reason: String,
    /// Nobody gets it before this, in seconds; 900 when left out.
    pub after_secs: Option<u32>,
}

/// Body of `POST /campaigns/{id}/contacts/{number}/outcome`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ContactOutcome {
    /// What came of it.
    pub outcome: Outcome,
    /// A code.
    pub code: Option<CodeId>,
    /// A note.
    pub note: Option<String>,
}

/// How far a campaign has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CampaignReport {
    /// Which.
    pub campaign: CampaignId,
    /// Contacts on the list: the five states below add up to it.
    pub contacts: usize,
    /// To be called now, as far as their time of day allows.
    pub due: usize,
    /// To be called later.
    pub later: usize,
    /// With an agent.
    pub held: usize,
    /// Never to be called again.
    pub done: usize,
    /// On the list of those who are not to be called.
    pub blocked: usize,
    /// Contacts that were reached.
    pub reached: usize,
    /// Numbers dialled.
    pub attempts: u64,
    /// Attempts by what became of them.
    pub outcomes: BTreeMap<Outcome, usize>,
    /// Attempts by code; those without one under an empty word.
    pub codes: BTreeMap<String, usize>,
}

impl CampaignReport {
    /// Of a campaign without contacts.
    pub fn empty(campaign: CampaignId) -> CampaignReport {
        CampaignReport {
            campaign,
            contacts: 0,
            due: 0,
            later: 0,
            held: 0,
            done: 0,
            blocked: 0,
            reached: 0,
            attempts: 0,
            outcomes: BTreeMap::new(),
            codes: BTreeMap::new(),
        }
    }
}

/// A number that is not to be called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BlockedNumber {
    /// The number, in the form of the dial plan.
    pub number: String,
    /// Since when.
    pub at: Timestamp,
    /// Who put it there.
    pub by: UserId,
    /// Why.
    pub reason: String,
}

/// Body of `PUT /do-not-call/{number}`, query of `DELETE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Why {
    /// Why; never empty.
    pub reason: String,
}

/// Query of `GET /do-not-call`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NumberQuery {
    /// Only numbers after this one.
    pub after: String,
    /// At most so many: 1 to 5,000, 1,000 when left out.
    pub limit: Option<u32>,
}
