//! Pure: preview campaigns. Who is called next, when, how often, and what becomes of it.
//!
//! The state is a fold of [`CampaignFact`]s: whatever is asked for is decided first, and what was decided is a fact that
//! is folded here and stands in the journal, so a restart has the same state. A contact is *waiting* until a time, *held*
//! by one agent until a time, or *done*. Nobody holds two contacts, and no contact is held twice.

pub mod do_not_call;
mod fold;
mod report;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::id::{AgentId, CallId, CampaignId, CodeId, UserId};
use shared::model::campaign::{Attempt, CampaignFact, CampaignSettings, Contact, ContactOrder, Outcome};
use shared::time::Timestamp;

use crate::acd::hours::Hours;
use do_not_call::DoNotCall;

/// Campaigns at most.
pub const MOST_CAMPAIGNS: usize = 1_000;
/// Contacts of a campaign at most.
pub const MOST_CONTACTS: usize = 200_000;

/// Why something is not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such campaign.
    #[error("there is no campaign {0}")]
    NoCampaign(CampaignId),
    /// The campaign gives out no contacts.
    #[error("the campaign is not active")]
    NotActive,
    /// The agent has a contact of another campaign.
    #[error("you have contact {contact} of {campaign}: finish it first")]
    HasAnother {
        /// The other campaign.
        campaign: CampaignId,
        /// The contact there.
        contact: u32,
    },
    /// The agent does not have this contact.
    #[error("contact {0} is not yours (any more)")]
    NotYours(u32),
    /// It was dialled before.
    #[error("contact {0} was dialled already: say what became of it")]
    Dialled(u32),
    /// The number may not be called.
    #[error("contact {0} is on the list of those who are not to be called")]
    Blocked(u32),
    /// Not at this time of the day there.
    #[error("contact {0} may not be called at this time")]
    Closed(u32),
    /// Too many.
    #[error("there are {0} already")]
    TooMany(usize),
}

/// Where a contact stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// To be called from this time on.
    Waiting {
        /// From when.
        due: Timestamp,
    },
    /// An agent has it.
    Held {
        /// Who.
        agent: AgentId,
        /// Until when.
        until: Timestamp,
        /// It was dialled.
        dialled: bool,
        /// By this call.
        call: Option<CallId>,
    },
    /// Never to be called again.
    Done {
        /// It is on the list of those who are not to be called.
        blocked: bool,
    },
}

/// A contact with its history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Who.
    pub contact: Contact,
    /// Where it stands.
    pub state: State,
    /// How often it was dialled.
    pub dials: u32,
    /// Attempts whose outcome is known.
    pub attempts: Vec<Attempt>,
}

/// A campaign with its list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Campaign {
    /// As set up.
    pub settings: CampaignSettings,
    /// Contacts; number 1 is the first.
    pub contacts: Vec<Entry>,
}

impl Campaign {
    /// A contact by its number.
    pub fn entry(&self, contact: u32) -> Option<&Entry> {
        self.contacts.get(usize::try_from(contact.checked_sub(1)?).ok()?)
    }

    fn entry_mut(&mut self, contact: u32) -> Option<&mut Entry> {
        self.contacts.get_mut(usize::try_from(contact.checked_sub(1)?).ok()?)
    }

    fn numbered(&self) -> impl Iterator<Item = (u32, &Entry)> {
        (1..).zip(&self.contacts)
    }

    fn held_by(&self, agent: &AgentId) -> Option<u32> {
        let holds = |entry: &Entry| matches!(&entry.state, State::Held { agent: who, .. } if who == agent);
        self.numbered().find(|(_, entry)| holds(entry)).map(|(number, _)| number)
    }

    /// Whether the contact may be called at this time where it is.
    fn is_open(&self, now: Timestamp, contact: &Contact) -> bool {
        let zone = contact.time_zone.as_deref().unwrap_or(&self.settings.time_zone);
        self.settings.hours.is_empty()
            || Hours::parse(&self.settings.hours, &[], zone).is_ok_and(|hours| hours.is_open(now))
    }

    /// The contacts that may be called now, best first.
    fn callable(&self, now: Timestamp) -> Vec<u32> {
        let mut open: BTreeMap<&str, bool> = BTreeMap::new();
        let mut found = Vec::new();
        for (number, entry) in self.numbered() {
            let State::Waiting { due } = entry.state else { continue };
            let zone = entry.contact.time_zone.as_deref().unwrap_or(&self.settings.time_zone);
            if due <= now && *open.entry(zone).or_insert_with(|| self.is_open(now, &entry.contact)) {
                let fresh = entry.dials == 0;
                let key = match self.settings.order {
                    ContactOrder::Listed => (0, 0),
                    ContactOrder::FewestAttempts => (i64::from(entry.dials), 0),
                    ContactOrder::LongestDue => (i64::from(fresh), due.as_micros()),
                };
                found.push((key, number));
            }
        }
        found.sort_unstable();
        found.into_iter().map(|(_, number)| number).collect()
    }

    /// When it is called again after this outcome; none when it is done.
    fn next_at(&self, now: Timestamp, entry: &Entry, outcome: Outcome) -> Option<Timestamp> {
        let retry = self.settings.retry(outcome);
        let dialled = matches!(entry.state, State::Held { dialled: true, .. });
        let dials = entry.dials + u32::from(!dialled);
        let same = entry.attempts.iter().filter(|attempt| attempt.outcome == outcome).count() + 1;
        let is_left = (same as u64) < u64::from(retry.attempts) && dials < self.settings.max_attempts;
        is_left.then(|| now + Duration::from_secs(retry.after_secs.into()))
    }
}

/// All campaigns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Campaigns {
    known: BTreeMap<CampaignId, Campaign>,
    outputs: VecDeque<(CampaignId, CampaignFact)>,
}

impl Campaigns {
    /// A campaign.
    pub fn get(&self, campaign: &CampaignId) -> Option<&Campaign> {
        self.known.get(campaign)
    }

    /// Every campaign.
    pub fn iter(&self) -> impl Iterator<Item = &Campaign> {
        self.known.values()
    }

    /// What was decided and is to be written down, in order.
    pub fn poll(&mut self) -> Option<(CampaignId, CampaignFact)> {
        self.outputs.pop_front()
    }

    /// When [`Campaigns::tick`] is due.
    pub fn deadline(&self) -> Option<Timestamp> {
        let until = |entry: &Entry| match entry.state {
            State::Held { until, .. } => Some(until),
            _ => None,
        };
        self.known.values().flat_map(|campaign| campaign.contacts.iter().filter_map(until)).min()
    }

    fn decide(&mut self, now: Timestamp, campaign: &CampaignId, fact: CampaignFact) {
        self.apply(now, campaign, &fact);
        self.outputs.push_back((campaign.clone(), fact));
    }

    fn campaign(&self, campaign: &CampaignId) -> Result<&Campaign, Refusal> {
        self.known.get(campaign).ok_or_else(|| Refusal::NoCampaign(campaign.clone()))
    }

    fn held(
        &self,
        campaign: &CampaignId,
        contact: u32,
        by: &AgentId,
    ) -> Result<(&Campaign, &Entry, bool), Refusal> {
        let known = self.campaign(campaign)?;
        let entry = known.entry(contact).ok_or(Refusal::NotYours(contact))?;
        match &entry.state {
            State::Held { agent, dialled, .. } if agent == by => Ok((known, entry, *dialled)),
            _ => Err(Refusal::NotYours(contact)),
        }
    }

    /// Sets a campaign up, or changes its settings. They have been checked.
    ///
    /// # Errors
    /// [`Refusal::TooMany`].
    pub fn set_up(&mut self, now: Timestamp, settings: CampaignSettings, by: UserId) -> Result<(), Refusal> {
        if !self.known.contains_key(&settings.id) && self.known.len() >= MOST_CAMPAIGNS {
            return Err(Refusal::TooMany(MOST_CAMPAIGNS));
        }
        self.decide(now, &settings.id.clone(), CampaignFact::SetUp { settings, by });
        Ok(())
    }

    /// Ends a campaign for good.
    ///
    /// # Errors
    /// [`Refusal::NoCampaign`].
    pub fn remove(&mut self, now: Timestamp, campaign: &CampaignId, by: UserId) -> Result<(), Refusal> {
        self.campaign(campaign)?;
        self.decide(now, campaign, CampaignFact::Removed { by });
        Ok(())
    }

    /// Puts contacts on the list. Their numbers are not on it yet.
    ///
    /// # Errors
    /// [`Refusal::NoCampaign`], [`Refusal::TooMany`].
    pub fn import(
        &mut self,
        now: Timestamp,
        campaign: &CampaignId,
        contacts: &[Contact],
        by: &UserId,
    ) -> Result<(), Refusal> {
        if self.campaign(campaign)?.contacts.len() + contacts.len() > MOST_CONTACTS {
            return Err(Refusal::TooMany(MOST_CONTACTS));
        }
        for part in contacts.chunks(500) {
            self.decide(now, campaign, CampaignFact::Imported { contacts: part.to_vec(), by: by.clone() });
        }
        Ok(())
    }

    /// Gives an agent the next contact to look at; the one that he has, when he has one; none when nobody is to be
    /// called now.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn next(
        &mut self,
        now: Timestamp,
        campaign: &CampaignId,
        agent: &AgentId,
        do_not_call: &DoNotCall,
    ) -> Result<Option<u32>, Refusal> {
        self.tick(now);
        let held = self.known.values().find_map(|known| Some((known, known.held_by(agent)?)));
        if let Some((known, contact)) = held {
            let other = known.settings.id.clone();
            return if other == *campaign {
                Ok(Some(contact))
            } else {
                Err(Refusal::HasAnother { campaign: other, contact })
            };
        }
        let known = self.campaign(campaign)?;
        if !known.settings.active {
            return Err(Refusal::NotActive);
        }
        let until = now + Duration::from_secs(known.settings.lease_secs.into());
        for contact in known.callable(now) {
            let number = self.campaign(campaign)?.entry(contact).map(|entry| entry.contact.number.clone());
            if number.is_some_and(|number| do_not_call.get(&number).is_some()) {
                self.decide(now, campaign, CampaignFact::Blocked { contact });
                continue;
            }
            self.decide(now, campaign, CampaignFact::Reserved { contact, agent: agent.clone(), until });
            return Ok(Some(contact));
        }
        Ok(None)
    }

    /// The agent does not want the contact; somebody gets it after a while.
    ///
    /// # Errors
    /// [`Refusal::NotYours`], [`Refusal::Dialled`].
    pub fn skip(
        &mut self,
        now: Timestamp,
        campaign: &CampaignId,
        contact: u32,
        agent: &AgentId,
        reason: String,
        after_secs: u32,
    ) -> Result<(), Refusal> {
        let (.., dialled) = self.held(campaign, contact, agent)?;
        if dialled {
            return Err(Refusal::Dialled(contact));
        }
        let next_at = now + Duration::from_secs(after_secs.into());
        self.decide(now, campaign, CampaignFact::Skipped { contact, agent: agent.clone(), reason, next_at });
        Ok(())
    }

    /// Whether the contact may be dialled now: its number, as it is asked of the call switch. A number that came onto
    /// the list of those who are not to be called is done with this.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn number_to_dial(
        &mut self,
        now: Timestamp,
        campaign: &CampaignId,
        contact: u32,
        agent: &AgentId,
        do_not_call: &DoNotCall,
    ) -> Result<String, Refusal> {
        self.tick(now);
        let (known, entry, dialled) = self.held(campaign, contact, agent)?;
        let number = entry.contact.number.clone();
        if dialled {
            return Err(Refusal::Dialled(contact));
        }
        if !known.is_open(now, &entry.contact) {
            return Err(Refusal::Closed(contact));
        }
        if do_not_call.get(&number).is_some() {
            self.decide(now, campaign, CampaignFact::Blocked { contact });
            return Err(Refusal::Blocked(contact));
        }
        Ok(number)
    }

    /// The contact is being called; the agent has the time of a lease again, and the talk, to say what became of it.
    ///
    /// # Errors
    /// [`Refusal::NotYours`].
    pub fn dialled(
        &mut self,
        now: Timestamp,
        campaign: &CampaignId,
        contact: u32,
        agent: &AgentId,
        call: Option<CallId>,
    ) -> Result<(), Refusal> {
        let (known, ..) = self.held(campaign, contact, agent)?;
        let until = now + Duration::from_secs(known.settings.lease_secs.into());
        self.decide(now, campaign, CampaignFact::Dialled { contact, agent: agent.clone(), call, until });
        Ok(())
    }

    /// A talk goes on: the contact stays with its agent until then.
    pub fn talks(&mut self, call: CallId, until: Timestamp) {
        let entries = self.known.values_mut().flat_map(|campaign| &mut campaign.contacts);
        for entry in entries {
            if let State::Held { call: Some(of), until: end, .. } = &mut entry.state
                && *of == call
            {
                *end = until.max(*end);
            }
        }
    }

    /// The calls of contacts that are held.
    pub fn calls(&self) -> Vec<CallId> {
        let call = |entry: &Entry| match entry.state {
            State::Held { call, .. } => call,
            _ => None,
        };
        self.known.values().flat_map(|campaign| campaign.contacts.iter().filter_map(call)).collect()
    }

    /// What became of the attempt. Gives when the contact is called again; none when it is done.
    ///
    /// # Errors
    /// [`Refusal::NotYours`].
    pub fn outcome(
        &mut self,
        now: Timestamp,
        campaign: &CampaignId,
        contact: u32,
        agent: &AgentId,
        (outcome, code, note): (Outcome, Option<CodeId>, Option<String>),
    ) -> Result<Option<Timestamp>, Refusal> {
        let (known, entry, _) = self.held(campaign, contact, agent)?;
        let call = match entry.state {
            State::Held { call, .. } => call,
            _ => None,
        };
        let next_at = known.next_at(now, entry, outcome);
        let attempt = Attempt { at: now, agent: agent.clone(), outcome, code, note, call };
        self.decide(now, campaign, CampaignFact::Attempted { contact, attempt, next_at });
        Ok(next_at)
    }

    /// Takes back what was kept too long. A contact that was dialled is not called again before the pause of one who
    /// did not answer, and counts as an attempt.
    pub fn tick(&mut self, now: Timestamp) {
        let mut lapsed = Vec::new();
        for (id, known) in &self.known {
            for (contact, entry) in known.numbered() {
                let State::Held { agent, until, dialled, .. } = &entry.state else { continue };
                if *until > now {
                    continue;
                }
                let next_at = if !dialled {
                    Some(now)
                } else if entry.dials < known.settings.max_attempts {
                    Some(now + Duration::from_secs(known.settings.retry(Outcome::NoAnswer).after_secs.into()))
                } else {
                    None
                };
                lapsed.push((id.clone(), CampaignFact::Lapsed { contact, agent: agent.clone(), next_at }));
            }
        }
        for (id, fact) in lapsed {
            self.decide(now, &id, fact);
        }
    }
}
