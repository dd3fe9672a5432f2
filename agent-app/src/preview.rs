//! Campaigns as the agent has them: what there is to work on, and the contact that is looked at.

use shared::api::campaigns::HeldContact;
use shared::api::error::{ApiError, ErrorCode};
use shared::id::CampaignId;
use shared::model::campaign::CampaignSettings;
use shared::time::Timestamp;

/// What is known of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Preview {
    /// Campaigns that give out contacts, by name.
    pub campaigns: Vec<CampaignSettings>,
    /// The contact that the agent has.
    pub held: Option<Held>,
    /// The campaign that had nobody to call when it was asked last.
    pub nobody: Option<CampaignId>,
    /// An answer of the service is on its way.
    pub asked: bool,
}

/// The contact that the agent has.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// Of this campaign.
    pub campaign: CampaignId,
    /// Whom to call.
    pub contact: HeldContact,
}

/// An answer of the service.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// What there is to work on.
    Campaigns(Result<Vec<CampaignSettings>, ApiError>),
    /// The contact as it stands now; none when nobody is to be called, or it was given back.
    Contact {
        /// Of this campaign.
        campaign: CampaignId,
        /// What was wanted.
        wanted: Wanted,
        /// The contact.
        contact: Result<Option<HeldContact>, ApiError>,
    },
}

/// What an answer is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The next contact.
    Next,
    /// To call the one there is.
    Call,
    /// To be done with it.
    End,
}

impl Preview {
    /// Takes up an answer; gives back what the person should read.
    pub fn apply(&mut self, answer: &Answer) -> Option<ApiError> {
        match answer {
            Answer::Campaigns(Ok(campaigns)) => {
                self.campaigns = campaigns.iter().filter(|campaign| campaign.active).cloned().collect();
                self.campaigns.sort_by(|left, right| left.name.cmp(&right.name));
                None
            }
            Answer::Campaigns(Err(error)) => Some(error.clone()),
            Answer::Contact { campaign, wanted, contact } => {
                self.asked = false;
                match contact {
                    Ok(contact) => {
                        self.nobody =
                            (*wanted == Wanted::Next && contact.is_none()).then(|| campaign.clone());
                        let held = |contact: &HeldContact| Held {
                            campaign: campaign.clone(),
                            contact: contact.clone(),
                        };
                        self.held = contact.as_ref().map(held);
                        None
                    }
                    Err(error) => {
                        // It went back to the list long ago.
                        if *wanted == Wanted::End && error.code == ErrorCode::Conflict {
                            self.held = None;
                        }
                        Some(error.clone())
                    }
                }
            }
        }
    }

    /// A contact that was not called in its time goes back to the list by itself. One that was called stays until the
    /// person says what came of it: a talk makes its time longer, which only the service knows.
    pub fn expire(&mut self, now: Timestamp) {
        if self.held.as_ref().is_some_and(|held| !held.contact.dialled && held.contact.until <= now) {
            self.held = None;
        }
    }

    /// The name of a campaign.
    pub fn name<'a>(&'a self, campaign: &'a CampaignId) -> &'a str {
        let known = self.campaigns.iter().find(|known| known.id == *campaign);
        known.map_or(campaign.as_str(), |known| known.name.as_str())
    }
}
