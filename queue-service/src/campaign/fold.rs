//! What each fact makes of the campaigns.

use shared::id::CampaignId;
use shared::model::campaign::{CampaignFact, Contact};
use shared::time::Timestamp;

use super::{Campaign, Campaigns, Entry, State};

impl Campaigns {
    /// Folds one fact of the journal.
    pub fn apply(&mut self, at: Timestamp, id: &CampaignId, fact: &CampaignFact) {
        if let CampaignFact::SetUp { settings, .. } = fact {
            match self.known.get_mut(id) {
                Some(known) => known.settings = settings.clone(),
                None => {
                    let fresh = Campaign { settings: settings.clone(), contacts: Vec::new() };
                    self.known.insert(id.clone(), fresh);
                }
            }
            return;
        }
        let Some(known) = self.known.get_mut(id) else { return };
        let waiting = |next_at: Option<Timestamp>| match next_at {
            Some(due) => State::Waiting { due },
            None => State::Done { blocked: false },
        };
        match fact {
            CampaignFact::SetUp { .. } => {}
            CampaignFact::Removed { .. } => {
                self.known.remove(id);
            }
            CampaignFact::Imported { contacts, .. } => {
                let fresh = |contact: &Contact| Entry {
                    contact: contact.clone(),
                    state: State::Waiting { due: at },
                    dials: 0,
                    attempts: Vec::new(),
                };
                known.contacts.extend(contacts.iter().map(fresh));
            }
            CampaignFact::Reserved { contact, agent, until } => {
                if let Some(entry) = known.entry_mut(*contact) {
                    entry.state =
                        State::Held { agent: agent.clone(), until: *until, dialled: false, call: None };
                }
            }
            CampaignFact::Dialled { contact, agent, call, until } => {
                if let Some(entry) = known.entry_mut(*contact) {
                    entry.dials += 1;
                    entry.state =
                        State::Held { agent: agent.clone(), until: *until, dialled: true, call: *call };
                }
            }
            CampaignFact::Skipped { contact, next_at, .. } => {
                if let Some(entry) = known.entry_mut(*contact) {
                    entry.state = State::Waiting { due: *next_at };
                }
            }
            CampaignFact::Lapsed { contact, next_at, .. } => {
                if let Some(entry) = known.entry_mut(*contact) {
                    entry.state = waiting(*next_at);
                }
            }
            CampaignFact::Attempted { contact, attempt, next_at } => {
                if let Some(entry) = known.entry_mut(*contact) {
                    entry.dials += u32::from(!matches!(entry.state, State::Held { dialled: true, .. }));
                    entry.attempts.push(attempt.clone());
                    entry.state = waiting(*next_at);
                }
            }
            CampaignFact::Blocked { contact } => {
                if let Some(entry) = known.entry_mut(*contact) {
                    entry.state = State::Done { blocked: true };
                }
            }
        }
    }
}
