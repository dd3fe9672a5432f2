//! Recordings: written as they happen, valid at any cut, sealed at the end.
//!
//! ```text
//! media worker ─► tap::Tap ─► bounded queue ─► writer thread ─► <dir>/yyyy/mm/dd/<id>/{customer,agent,supervisor}.wav
//!                 drops and counts  ◄── room ── header true         │
//!                 when full                     once a second       └► sealer thread: sync, hash, recording.json ─► Sealed
//! ```
//! The worker only copies samples into room that comes back when it was written; nobody is woken for it. Both threads
//! give way to the media workers.
//!
//! Three tracks a recording, each a 16 kHz mono WAV file of its own; all have the same start and the same length.
//! Silence is a hole in the file. What a full queue drops is silence too, so that the times of the rest stay true.
//! The process may be killed at any instant: every file is playable up to the last second, and
//! [`recover::recover`] seals it at the next start.

mod layout;
pub mod recover;
mod sealer;
pub mod tap;
pub mod vault;
mod writer;

use std::path::PathBuf;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use shared::id::{CallId, RecordingId};
use shared::model::recording::{Recording, RecordingState, TrackFile};
use shared::time::Timestamp;
use tokio::sync::mpsc;

use self::tap::{Chunk, Progress, Tap};

/// How recordings are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingConfig {
    /// The folder of all recordings; made when missing.
    pub dir: PathBuf,
    /// Every so many seconds what was written is forced to the disk, so that a power cut loses no more; 0 leaves
    /// it to the system.
    pub sync_secs: u32,
}

/// Why a recording cannot be kept, found or read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The folder or a file in it refused.
    #[error("{attempt} {}", path.display())]
    Disk {
        /// What was attempted, such as "write".
        attempt: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The description beside the tracks is damaged.
    #[error("read the description {}", path.display())]
    Description {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// A file lies outside of the folder of the recordings (a symbolic link).
    #[error("open {}: it lies outside of the folder of the recordings", .0.display())]
    Outside(PathBuf),
    /// A thread could not be started.
    #[error("start the recorder's threads")]
    Thread(#[source] std::io::Error),
}

impl RecordingError {
    fn disk(
        attempt: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> RecordingError {
        let path = path.into();
        move |source| RecordingError::Disk { attempt, path, source }
    }

    /// The error with its causes on one line, for an event or a person.
    pub fn whole(&self) -> String {
        match std::error::Error::source(self) {
            Some(cause) => format!("{self}: {cause}"),
            None => self.to_string(),
        }
    }
}

/// A finished recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Which.
    pub recording: RecordingId,
    /// Of which call.
    pub call: CallId,
    /// When its first sample was heard.
    pub started_at: Timestamp,
    /// Length in milliseconds.
    pub duration_millis: u64,
    /// The three tracks with their hashes.
    pub tracks: Vec<TrackFile>,
    /// Frames of 20 ms that were dropped and are silence now.
    pub dropped_frames: u64,
    /// Sealed by [`recover::recover`] after a crash.
    pub recovered: bool,
}

impl Sealed {
    /// The row to keep.
    pub fn to_recording(&self) -> Recording {
        Recording {
            id: self.recording,
            call: self.call,
            started_at: self.started_at,
            state: if self.recovered { RecordingState::Recovered } else { RecordingState::Sealed },
            duration_millis: self.duration_millis,
            tracks: self.tracks.clone(),
            dropped_frames: self.dropped_frames,
        }
    }
}

/// What the recorder says.
#[derive(Debug)]
pub enum RecorderEvent {
    /// A recording ended well.
    Sealed(Sealed),
    /// A recording could not be written or sealed; what is on the disk stays there for [`recover::recover`].
    Failed {
        /// Which.
        recording: RecordingId,
        /// Of which call.
        call: CallId,
        /// Why.
        reason: String,
    },
}

/// Writes recordings. A handle: clones share the two threads, which end when [`Recorder::shutdown`] is called or
/// the last handle and the last tap are gone.
#[derive(Debug, Clone)]
pub struct Recorder {
    queue: SyncSender<Chunk>,
    registry: Arc<Registry>,
}

/// Recordings that the writer has not opened yet, and how the end of its threads is asked for and awaited. The
/// mutex guards plain data for the length of a push or a swap.
#[derive(Debug, Default)]
struct Registry {
    state: Mutex<RegistryState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct RegistryState {
    /// Bounded by the calls that start within a quarter of a second.
    opened: Vec<Arc<Progress>>,
    stopping: bool,
    finished: bool,
}

impl Registry {
    fn with<R>(&self, change: impl FnOnce(&mut RegistryState) -> R) -> R {
        // The state is plain data, whole after every statement: a panic elsewhere does not spoil it.
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Recorder {
    /// Makes the folder, proves that it can be written, and starts the threads. `events` gets every end of a
    /// recording; while it is full, sealing waits (writing does not).
    ///
    /// # Errors
    /// When the folder cannot be made or written, or there is no thread to be had.
    pub fn start(
        config: RecordingConfig,
        events: mpsc::Sender<RecorderEvent>,
    ) -> Result<Recorder, RecordingError> {
        layout::prove_writable(&config.dir)?;
        let registry = Arc::new(Registry::default());
        let (queue, chunks) = std::sync::mpsc::sync_channel(QUEUE_CHUNKS);
        let (sealer, sealer_jobs) = std::sync::mpsc::sync_channel(sealer::QUEUE_JOBS);
        let finished = registry.clone();
        std::thread::Builder::new()
            .name("recording-seal".into())
            .spawn(move || {
                sealer::run(&sealer_jobs, &events);
                finished.with(|state| state.finished = true);
                finished.changed.notify_all();
            })
            .map_err(RecordingError::Thread)?;
        let writer = writer::Writer::new(config, registry.clone(), sealer);
        std::thread::Builder::new()
            .name("recording-write".into())
            .spawn(move || writer.run(&chunks))
            .map_err(RecordingError::Thread)?;
        Ok(Recorder { queue, registry })
    }

    /// Begins a recording. The tap goes to the media bridge; its end (or its drop) ends the recording. Never
    /// waits: the files are made by the writer thread.
    pub fn open(&self, recording: RecordingId, call: CallId, started_at: Timestamp) -> Tap {
        let tap = Tap::new(recording, call, started_at, self.queue.clone());
        self.registry.with(|state| {
            // Who opens one while the threads end gets a tap that leads nowhere.
            if !state.stopping {
                state.opened.push(tap.progress().clone());
            }
        });
        tap
    }

    /// Ends every recording, seals it and ends the threads. Blocks up to `within`; false when that was too short.
    /// What is not sealed by then is recovered at the next start. The events must be taken meanwhile.
    pub fn shutdown(&self, within: Duration) -> bool {
        self.registry.with(|state| state.stopping = true);
        let state = self.registry.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (state, _) = self
            .registry
            .changed
            .wait_timeout_while(state, within, |state| !state.finished)
            .unwrap_or_else(PoisonError::into_inner);
        state.finished
    }
}

/// Makes this thread less urgent: a recording can wait, a packet cannot.
fn give_way(nice: i32) {
    // SAFETY: touches nothing but this thread's own priority. Being less urgent is always allowed.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) };
}

/// Chunks of 200 ms in all recordings together: 27 s of 300 calls. A chunk of two voices has 13 kB. When it is full,
/// or one recording has more than [`tap::QUEUE_CHUNKS_EACH`] in it, chunks are dropped and counted.
const QUEUE_CHUNKS: usize = 40_960;

#[cfg(test)]
mod tests;
