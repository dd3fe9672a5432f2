//! Transcription after the call: jobs, utterances, the speech engine.
//!
//! ```text
//! RecordingSealed -> Transcriber::enqueue -> job in the store -> worker thread
//!   per track: WAV -> Segmenter (talk detection) -> utterances -> Engine (whisper.cpp) -> words
//!   all tracks merged by time -> Transcript in the store -> TranscriptReady
//! ```
//!
//! Who spoke is known from the track, so nothing guesses at speakers. [`segment`] is pure; [`engine`] needs the cargo
//! feature `whisper` and says so when it is missing; [`jobs`] owns the one worker thread.

pub mod engine;
pub mod jobs;
pub mod segment;
pub mod settings;
#[cfg(test)]
mod test_data;
mod window;
mod work;

pub use engine::{Engine, EngineError};
pub use jobs::{Job, JobStore, JobStoreError, Status, Transcriber};
pub use settings::{Settings, SettingsError};
