//! Transcripts: who said what, when.

use serde::{Deserialize, Serialize};

use crate::id::{CallId, RecordingId};
use crate::model::recording::Track;

/// One utterance of one speaker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Segment {
    /// Who spoke, known from the track.
    pub speaker: Track,
    /// Start in milliseconds from the start of the recording.
    pub from_millis: u64,
    /// End in milliseconds from the start of the recording.
    pub to_millis: u64,
    /// The words.
    pub text: String,
}

/// Where a transcription is in its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum TranscriptState {
    /// Waits, with the reason in words ("no speech model is configured").
    Waiting {
        /// Why.
        reason: String,
    },
    /// Being made.
    Running,
    /// Made.
    Done,
    /// Failed for good, with the reason in words.
    Failed {
        /// Why.
        reason: String,
    },
}

/// The transcript of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Transcript {
    /// The recording.
    pub recording: RecordingId,
    /// The call.
    pub call: CallId,
    /// Where it is in its life.
    #[serde(flatten)]
    pub state: TranscriptState,
    /// Name of the speech model that made it.
    pub model: Option<String>,
    /// The model is the small one for demonstrations, which knows about a hundred words.
    pub demonstration: bool,
    /// Utterances by start.
    pub segments: Vec<Segment>,
}
