//! Recordings: three tracks a call, one file each.

use serde::{Deserialize, Serialize};

use crate::id::{CallId, RecordingId};
use crate::time::Timestamp;

/// Whose voice a track holds. A whisper is only ever on the supervisor's track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Track {
    /// The customer.
    Customer,
    /// The agent (or, after a transfer, the agents one after another).
    Agent,
    /// The supervisor.
    Supervisor,
}

impl Track {
    /// All, in the order of the files.
    pub const ALL: [Track; 3] = [Track::Customer, Track::Agent, Track::Supervisor];

    /// The word in file names and addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Track::Customer => "customer",
            Track::Agent => "agent",
            Track::Supervisor => "supervisor",
        }
    }
}

/// One sealed track.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TrackFile {
    /// Whose voice.
    pub track: Track,
    /// File name within the recording's folder.
    pub file: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Length in milliseconds.
    pub duration_millis: u64,
    /// SHA-256 of the file, 64 hexadecimal digits.
    pub sha256: String,
}

/// Where a recording is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum RecordingState {
    /// Being written.
    Open,
    /// Closed, hashed, never written again.
    Sealed,
    /// Found after a crash, repaired and sealed.
    Recovered,
}

/// A recording. All tracks have the same start and the same length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Recording {
    /// Its id.
    pub id: RecordingId,
    /// The call.
    pub call: CallId,
    /// When the first sample was heard.
    pub started_at: Timestamp,
    /// Where it is in its life.
    pub state: RecordingState,
    /// Length in milliseconds, 0 while open.
    pub duration_millis: u64,
    /// The tracks, empty while open.
    pub tracks: Vec<TrackFile>,
    /// Frames that a full queue dropped (a slow disk), each 20 ms; filled with silence so that times stay true.
    pub dropped_frames: u64,
}
