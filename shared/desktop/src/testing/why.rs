//! Why made-up calls wait.

use std::time::Duration;

use shared::api::calls::NonOfferRecord;
use shared::model::decision::{NonOffer, NonOfferMoment};

use super::{NOW, call_id, queue_id};

/// Why call 1, which came a minute ago to "sales", was offered to nobody `secs_ago`.
pub fn non_offer(secs_ago: u64, moment: NonOfferMoment, words: &str) -> NonOfferRecord {
    let waits_since = NOW - Duration::from_secs(61);
    let at = NOW - Duration::from_secs(secs_ago);
    let record = NonOffer {
        call: call_id(1),
        queue: queue_id("sales"),
        moment,
        config_version: 1,
        waits_since,
        waited_millis: at.millis_since(waits_since),
        priority_secs: 0,
        ahead: 0,
        needs: Vec::new(),
        relaxed: 0,
        also: Vec::new(),
        only: None,
        only_until: None,
        excluded: Vec::new(),
        more_excluded: 0,
    };
    NonOfferRecord { at, record, words: words.into() }
}
