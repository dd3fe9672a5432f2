//! Why calls went where they went, and how long they will wait.

use shared::api::calls::{NonOfferRecord, OfferRecord};
use shared::api::error::ApiError;
use shared::api::queues::ExpectedWaitReport;
use shared::id::{CallId, QueueId};

use super::ApiClient;

impl ApiClient {
    /// `GET /calls/{id}/decisions`.
    pub async fn decisions(&self, call: CallId) -> Result<Vec<OfferRecord>, ApiError> {
        self.get(&["calls", &call.to_string(), "decisions"]).await
    }

    /// `GET /calls/{id}/non-offers`: the last one is of this moment while the call waits and no phone rings for it.
    pub async fn non_offers(&self, call: CallId) -> Result<Vec<NonOfferRecord>, ApiError> {
        self.get(&["calls", &call.to_string(), "non-offers"]).await
    }

    /// `GET /queues/{id}/expected-wait`: how long a call would wait that came now, and how good such forecasts were.
    pub async fn expected_wait(&self, queue: &QueueId) -> Result<ExpectedWaitReport, ApiError> {
        self.get(&["queues", queue.as_str(), "expected-wait"]).await
    }
}
