//! The figures of a campaign.

use std::collections::BTreeMap;

use shared::api::campaigns::CampaignReport;
use shared::model::campaign::Outcome;
use shared::time::Timestamp;

use super::{Campaign, State};

impl Campaign {
    /// How far it has come.
    pub fn report(&self, now: Timestamp) -> CampaignReport {
        let mut report = CampaignReport {
            campaign: self.settings.id.clone(),
            contacts: self.contacts.len(),
            ..CampaignReport::empty(self.settings.id.clone())
        };
        let mut codes: BTreeMap<String, usize> = BTreeMap::new();
        for entry in &self.contacts {
            match &entry.state {
                State::Waiting { due } if *due <= now => report.due += 1,
                State::Waiting { .. } => report.later += 1,
                State::Held { .. } => report.held += 1,
                State::Done { blocked: true } => report.blocked += 1,
                State::Done { blocked: false } => report.done += 1,
            }
            report.attempts += u64::from(entry.dials);
            report.reached += usize::from(entry.attempts.iter().any(|it| it.outcome == Outcome::Reached));
            for attempt in &entry.attempts {
                *report.outcomes.entry(attempt.outcome).or_default() += 1;
                let code = attempt.code.as_ref().map_or(String::new(), ToString::to_string);
                *codes.entry(code).or_default() += 1;
            }
        }
        report.codes = codes;
        report
    }
}
