//! What happened: the only way from the backend to the window.

use std::collections::BTreeMap;

use shared::api::calls::{CallSummary, NonOfferRecord, OfferRecord};
use shared::api::error::ApiError;
use shared::api::queues::ExpectedWaitReport;
use shared::api::reports::DayReport;
use shared::id::{CallId, QueueId, RecordingId};
use shared::model::recording::Recording;
use shared::model::transcript::Transcript;
use shared_desktop::desk::DeskEvent;

/// Everything that can happen.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// What both apps are told: the session, the live feed, the phone, the time.
    Desk(DeskEvent),
    /// Why a call went where it went.
    Decisions(CallId, Result<Routed, ApiError>),
    /// How long calls will wait, where the service answered.
    ExpectedWaits(BTreeMap<QueueId, ExpectedWaitReport>),
    /// A page of recordings with the calls that they are of.
    Recordings {
        /// The words that were asked for.
        words: String,
        /// Where the page begins.
        before: Option<RecordingId>,
        /// The page.
        page: Result<RecordingPage, ApiError>,
    },
    /// A transcript.
    Transcript(RecordingId, Box<Result<Transcript, ApiError>>),
    /// The day's figures.
    Day(Box<Result<DayReport, ApiError>>),
    /// How a recording plays.
    Playing(Playback),
    /// The backend has ended; nothing more comes.
    Ended,
}

/// Why a call went where it went, and why it waited.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Routed {
    /// Its offers, oldest first.
    pub offers: Vec<OfferRecord>,
    /// The moments at which nobody got it, oldest first; the last one may be this moment.
    pub non_offers: Vec<NonOfferRecord>,
}

/// A page of recordings.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RecordingPage {
    /// Newest first.
    pub recordings: Vec<Recording>,
    /// What is known of their calls.
    pub calls: Vec<CallSummary>,
    /// There are more.
    pub more: bool,
}

/// How a recording plays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Playback {
    /// It is being fetched.
    Loading(RecordingId),
    /// It is heard.
    At {
        /// Which.
        recording: RecordingId,
        /// So far, in milliseconds.
        millis: u64,
    },
    /// It is over, or was stopped.
    Stopped,
    /// It cannot be heard.
    Failed(ApiError),
}
