//! What the door of the SIP endpoint says: bans that stand, and counts.

use std::collections::BTreeMap;
use std::net::IpAddr;

use shared::api::defence::{BanReport, DefenceReport};
use shared::api::error::{ApiError, ErrorCode};
use shared::id::UserId;
use shared::sip;
use shared::sip::door::{Ban, Change, Counts, Network, Notice};

use super::Switch;
use super::command::Reply;

/// A copy of the door's bans and counts, kept by its notices; as bounded as the door's own.
#[derive(Debug, Default)]
pub(super) struct Defence {
    bans: BTreeMap<Network, Ban>,
    counts: Counts,
}

impl Defence {
    fn note(&mut self, notice: Notice) {
        match notice {
            Notice::Banned(ban) => {
                tracing::warn!(source = %ban.source, until = %ban.until, failures = ban.failures, "banned");
                self.bans.insert(ban.source, ban);
            }
            Notice::Lifted { source } => {
                tracing::info!(%source, "ban lifted");
                self.bans.remove(&source);
            }
            Notice::Counts(counts) => {
                tracing::debug!(?counts, "door");
                self.counts = counts;
            }
        }
    }

    pub(super) fn report(&self) -> DefenceReport {
        let Counts { trusted, authenticated, challenged, failures, refused, over_limit, denied } =
            self.counts;
        let bans = self.bans.values().map(|ban| BanReport {
            address: ban.source.address().to_string(),
            source: ban.source.to_string(),
            since: ban.since,
            until: ban.until,
            failures: ban.failures,
        });
        DefenceReport {
            bans: bans.collect(),
            trusted,
            authenticated,
            challenged,
            failures,
            refused,
            over_limit,
            denied,
        }
    }
}

impl Switch {
    pub(super) fn door_says(&mut self, notice: Notice) {
        self.defence.note(notice);
    }

    pub(super) fn lift_ban(&mut self, source: IpAddr, by: &UserId) -> Result<Reply, ApiError> {
        if !self.defence.bans.contains_key(&Network::of_source(source)) {
            let detail = format!("{source} is not banned");
            return Err(ApiError::new(ErrorCode::NotFound, "No ban was lifted", detail, ""));
        }
        tracing::info!(%source, %by, "a ban is to be lifted");
        self.sip(sip::Command::Door(Change::Unban { source }));
        Ok(Reply::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::time::Timestamp;

    #[test]
    fn bans_are_listed_until_they_are_lifted() {
        let mut defence = Defence::default();
        let source = Network::of_source("2001:db8::7".parse().expect("address"));
        let since = Timestamp::from_secs(1);
        defence.note(Notice::Banned(Ban { source, since, until: Timestamp::from_secs(9), failures: 10 }));
        defence.note(Notice::Counts(Counts { failures: 10, ..Counts::default() }));
        let report = defence.report();
        assert_eq!((report.bans[0].source.as_str(), report.failures), ("2001:db8::/64", 10));
        assert_eq!(report.bans[0].address, "2001:db8::");
        defence.note(Notice::Lifted { source });
        assert_eq!(defence.report().bans, []);
    }
}
