//! What a jitter buffer says of itself.

use serde::{Deserialize, Serialize};

/// Counts and delays, for reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Status {
    /// Sound that is kept now, in milliseconds.
    pub content_millis: u64,
    /// The delay that is aimed for at most, in milliseconds.
    pub target_millis: u64,
    /// Packets that came after their time.
    pub late: u64,
    /// Packets that came twice.
    pub duplicate: u64,
    /// Packets thrown away because the buffer was full.
    pub overflowed: u64,
    /// Frames that were made up.
    pub concealed: u64,
    /// Times that the stream began or went on after a pause.
    pub starts: u64,
}
