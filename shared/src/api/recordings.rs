//! Finding recordings.

use serde::{Deserialize, Serialize};

use crate::id::{CallId, RecordingId};

/// Query of `GET /recordings`, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecordingQuery {
    /// Only of this call.
    #[serde(default)]
    pub call: Option<CallId>,
    /// Only those whose transcript has these words.
    #[serde(default)]
    pub words: Option<String>,
    /// Only those before this one (for the next page).
    #[serde(default)]
    pub before: Option<RecordingId>,
    /// At most so many, 1 to 500; 100 when left out.
    #[serde(default)]
    pub limit: Option<u32>,
}
