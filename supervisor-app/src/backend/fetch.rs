//! Lists and reports: asked for in tasks of their own, so that a slow answer holds nothing up.

use std::collections::BTreeMap;

use shared::api::calls::CallQuery;
use shared::api::error::ApiError;
use shared::api::recordings::RecordingQuery;
use shared::id::{CallId, QueueId, RecordingId};
use shared_desktop::bridge::Events;
use shared_desktop::driver::ApiClient;

use crate::event::{Event, RecordingPage, Routed};

/// Recordings of one page.
pub(super) const PAGE: u32 = 100;

/// Asks, and puts the answers among the events.
pub(super) struct Fetch {
    events: Events<Event>,
}

impl Fetch {
    pub(super) fn new(events: Events<Event>) -> Fetch {
        Fetch { events }
    }

    pub(super) fn decisions(&self, api: Result<ApiClient, ApiError>, call: CallId) {
        self.ask(async move {
            let answer = match api {
                Ok(api) => tokio::try_join!(api.decisions(call), api.non_offers(call))
                    .map(|(offers, non_offers)| Routed { offers, non_offers }),
                Err(error) => Err(error),
            };
            Event::Decisions(call, answer)
        });
    }

    /// One queue after another: the service plays each of them forward.
    pub(super) fn expected_waits(&self, api: Result<ApiClient, ApiError>, queues: Vec<QueueId>) {
        self.ask(async move {
            let mut reports = BTreeMap::new();
            if let Ok(api) = api {
                for queue in queues {
                    // What cannot be foreseen is not shown; that the service is away is shown elsewhere.
                    if let Ok(report) = api.expected_wait(&queue).await {
                        reports.insert(queue, report);
                    }
                }
            }
            Event::ExpectedWaits(reports)
        });
    }

    pub(super) fn recordings(
        &self,
        api: Result<ApiClient, ApiError>,
        words: String,
        before: Option<RecordingId>,
    ) {
        self.ask(async move {
            let page = match api {
                Ok(api) => page(&api, &words, before).await,
                Err(error) => Err(error),
            };
            Event::Recordings { words, before, page }
        });
    }

    pub(super) fn transcript(&self, api: Result<ApiClient, ApiError>, recording: RecordingId) {
        self.ask(async move {
            let answer = match api {
                Ok(api) => api.transcript(recording).await,
                Err(error) => Err(error),
            };
            Event::Transcript(recording, Box::new(answer))
        });
    }

    pub(super) fn day(&self, api: Result<ApiClient, ApiError>) {
        self.ask(async move {
            let answer = match api {
                Ok(api) => api.day_report().await,
                Err(error) => Err(error),
            };
            Event::Day(Box::new(answer))
        });
    }

    fn ask(&self, question: impl Future<Output = Event> + Send + 'static) {
        let events = self.events.clone();
        tokio::spawn(async move {
            events.send(question.await).await;
        });
    }
}

async fn page(api: &ApiClient, words: &str, before: Option<RecordingId>) -> Result<RecordingPage, ApiError> {
    let words = words.trim();
    let query = RecordingQuery {
        words: (!words.is_empty()).then(|| words.to_owned()),
        before,
        limit: Some(PAGE),
        ..RecordingQuery::default()
    };
    let recordings = api.recordings(&query).await?;
    let more = recordings.len() >= PAGE as usize;
    // The calls of a page lie close together; one question brings them, what lies further back stays without names.
    let newest = recordings.iter().map(|recording| recording.call).max();
    let calls = match newest {
        Some(newest) => {
            let before = CallId::from_u64(newest.as_u64().saturating_add(1));
            let query = CallQuery { before: Some(before), limit: Some(500), ..CallQuery::default() };
            api.calls(&query).await?.calls
        }
        None => Vec::new(),
    };
    Ok(RecordingPage { recordings, calls, more })
}
