//! Jobs: every sealed recording is one, kept in the store until it is done, worked off by one thread.
//!
//! The store is the queue, so nothing is lost by a crash and nothing grows in memory: the thread takes up to
//! [`BATCH`] jobs at a time. Without a usable model the jobs wait with the reason in words, and the thread looks again
//! every [`LOOK_AGAIN`] and whenever it is told to.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use shared::id::{CallId, RecordingId};
use shared::model::event::Event;
use shared::model::recording::Track;
use shared::model::transcript::{Transcript, TranscriptState};
use tokio::runtime::Handle;

use super::engine::{Engine, EngineError, StopFlag};
use super::settings::Settings;
use super::work::{self, WorkError};
use crate::store::Transcripts;

/// Jobs taken from the store at a time.
pub const BATCH: u32 = 100;
/// How often a missing model is looked for, and a store in trouble is tried again.
pub const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// A model that nobody needed for so long leaves the memory.
const UNLOAD_AFTER: Duration = Duration::from_secs(600);

const ITS_TURN: &str = "waiting for its turn";

pub use crate::store::Job;

/// What the store says when it cannot.
pub type JobStoreError = Box<dyn std::error::Error + Send + Sync>;

/// What jobs need of the store. Each of them replaces what is there for the recording.
pub trait JobStore: Send + Sync + 'static {
    /// The job waits, for this reason. Makes the job when there is none.
    fn save_waiting(&self, job: Job, reason: &str) -> impl Future<Output = Result<(), JobStoreError>> + Send;
    /// The job runs. It stays pending: a crash takes it up again.
    fn save_running(&self, job: Job) -> impl Future<Output = Result<(), JobStoreError>> + Send;
    /// The transcript is made.
    fn save_done(&self, transcript: &Transcript) -> impl Future<Output = Result<(), JobStoreError>> + Send;
    /// There will be no transcript.
    fn save_failed(&self, job: Job, reason: &str) -> impl Future<Output = Result<(), JobStoreError>> + Send;
    /// Jobs that wait or run, oldest first, at most `limit`.
    fn pending(&self, limit: u32) -> impl Future<Output = Result<Vec<Job>, JobStoreError>> + Send;
}

impl JobStore for Transcripts {
    async fn save_waiting(&self, job: Job, reason: &str) -> Result<(), JobStoreError> {
        Ok(Transcripts::save_waiting(self, job.recording, job.call, reason).await?)
    }

    async fn save_running(&self, job: Job) -> Result<(), JobStoreError> {
        Ok(Transcripts::save_running(self, job.recording, job.call).await?)
    }

    async fn save_done(&self, transcript: &Transcript) -> Result<(), JobStoreError> {
        Ok(Transcripts::save_done(self, transcript).await?)
    }

    async fn save_failed(&self, job: Job, reason: &str) -> Result<(), JobStoreError> {
        Ok(Transcripts::save_failed(self, job.recording, job.call, reason).await?)
    }

    async fn pending(&self, limit: u32) -> Result<Vec<Job>, JobStoreError> {
        let mut jobs = Transcripts::pending(self).await?;
        jobs.truncate(limit as usize);
        Ok(jobs)
    }
}

/// What the engine is up to, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Jobs are worked off (the model loads with the first).
    Working,
    /// Jobs wait, with the reason.
    Waiting {
        /// Why, in words.
        reason: String,
    },
}

/// The transcriber: one thread at low priority with one model. Dropping it stops the thread; the job in work is taken
/// up by the next start.
pub struct Transcriber {
    common: Arc<Common>,
    enqueue: Box<Enqueue>,
    thread: Option<JoinHandle<()>>,
}

type Answer = Pin<Box<dyn Future<Output = Result<(), JobStoreError>> + Send>>;
type Enqueue = dyn Fn(Job) -> Answer + Send + Sync;

struct Common {
    inbox: Mutex<Inbox>,
    changed: Condvar,
    stop: StopFlag,
}

struct Inbox {
    /// Something may be to do.
    woken: bool,
    /// Settings that the thread has not taken yet.
    settings: Option<Settings>,
    status: Status,
}

impl Common {
    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        self.inbox().woken = true;
        self.changed.notify_all();
    }

    /// Waits until woken, or for `limit`; true when the time ran out.
    fn wait(&self, limit: Duration) -> bool {
        let inbox = self.inbox();
        let waits = |inbox: &mut Inbox| !inbox.woken && !self.stop.is_stopped();
        let (mut inbox, waited) =
            self.changed.wait_timeout_while(inbox, limit, waits).unwrap_or_else(PoisonError::into_inner);
        inbox.woken = false;
        waited.timed_out()
    }
}

impl Transcriber {
    /// Starts the thread, which at once takes up what an earlier run left. Call it within a tokio runtime: the store's
    /// futures run there.
    ///
    /// `tracks_of` tells the sealed files of a recording (empty: the job fails), `publish` takes the events that tell
    /// about jobs, after the store has them; both are called by the thread, and `publish` by
    /// [`enqueue`](Self::enqueue) as well.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start<S: JobStore>(
        settings: Settings,
        store: Arc<S>,
        tracks_of: impl Fn(RecordingId) -> Vec<(Track, PathBuf)> + Send + 'static,
        publish: impl Fn(Event) + Send + Sync + 'static,
    ) -> std::io::Result<Transcriber> {
        let publish: Arc<dyn Fn(Event) + Send + Sync> = Arc::new(publish);
        let common = Arc::new(Common {
            inbox: Mutex::new(Inbox { woken: false, settings: None, status: Status::Working }),
            changed: Condvar::new(),
            stop: StopFlag::default(),
        });
        let worker = Worker {
            common: common.clone(),
            store: store.clone(),
            runtime: Handle::current(),
            settings,
            tracks_of: Box::new(tracks_of),
            publish: publish.clone(),
            engine: None,
            refused: None,
            said: None,
        };
        let thread = std::thread::Builder::new().name("transcript".into()).spawn(move || worker.run())?;
        let shared = common.clone();
        let enqueue: Box<Enqueue> = Box::new(move |job| {
            let (store, publish, common) = (store.clone(), publish.clone(), shared.clone());
            Box::pin(async move {
                let status = common.inbox().status.clone();
                let reason = match status {
                    Status::Working => ITS_TURN.to_owned(),
                    Status::Waiting { reason } => reason,
                };
                store.save_waiting(job, &reason).await?;
                publish(Event::TranscriptWaiting { recording: job.recording, call: job.call, reason });
                common.wake();
                Ok(())
            })
        });
        Ok(Transcriber { common, enqueue, thread: Some(thread) })
    }

    /// A recording was sealed: makes its job. It is safe in the store when this returns.
    ///
    /// # Errors
    /// The store's.
    pub async fn enqueue(&self, recording: RecordingId, call: CallId) -> Result<(), JobStoreError> {
        (self.enqueue)(Job { recording, call }).await
    }

    /// What the engine is up to.
    pub fn status(&self) -> Status {
        self.common.inbox().status.clone()
    }

    /// Looks at once for jobs and for the model.
    pub fn look_again(&self) {
        self.common.wake();
    }

    /// Other settings, from the next job on.
    pub fn reconfigure(&self, settings: Settings) {
        self.common.inbox().settings = Some(settings);
        self.common.wake();
    }

    /// Stops, also in the middle of a recognition, and waits for the thread (some ten milliseconds).
    pub async fn shutdown(mut self) {
        self.stop();
        if let Some(thread) = self.thread.take()
            && let Ok(Err(_)) = tokio::task::spawn_blocking(move || thread.join()).await
        {
            tracing::error!("the transcription thread had panicked");
        }
    }

    fn stop(&self) {
        self.common.stop.stop();
        self.common.wake();
    }
}

impl Drop for Transcriber {
    fn drop(&mut self) {
        self.stop();
    }
}

/// How a round of the worker ended.
enum Round {
    /// Nothing is pending.
    Idle,
    /// Jobs were done; there may be more.
    Busy,
    /// Something has to get better first.
    Trouble,
}

/// A file as it was when the engine refused it: path, size, time of change.
type FileStamp = (PathBuf, u64, Option<SystemTime>);

struct Worker<S> {
    common: Arc<Common>,
    store: Arc<S>,
    runtime: Handle,
    settings: Settings,
    tracks_of: Box<dyn Fn(RecordingId) -> Vec<(Track, PathBuf)> + Send>,
    publish: Arc<dyn Fn(Event) + Send + Sync>,
    engine: Option<Engine>,
    /// The file that the engine refused, not to be read again before it changes.
    refused: Option<(FileStamp, EngineError)>,
    /// The reason that the waiting jobs were told.
    said: Option<String>,
}

impl<S: JobStore> Worker<S> {
    fn run(mut self) {
        lower_priority();
        while !self.common.stop.is_stopped() {
            if let Some(settings) = self.common.inbox().settings.take() {
                self.settings = settings;
                self.engine = None;
                self.refused = None;
            }
            match self.round() {
                Ok(Round::Busy) => {}
                Ok(Round::Idle) => {
                    let limit = if self.engine.is_some() { UNLOAD_AFTER } else { LOOK_AGAIN };
                    if self.common.wait(limit) {
                        self.engine = None;
                    }
                }
                Ok(Round::Trouble) => {
                    self.common.wait(LOOK_AGAIN);
                }
                Err(error) => {
                    tracing::warn!(%error, "the store refused a transcription job; trying again");
                    self.common.wait(LOOK_AGAIN);
                }
            }
        }
    }

    fn round(&mut self) -> Result<Round, JobStoreError> {
        // While all is as it was told to the jobs, the store is left in peace.
        if let Some(said) = &self.said
            && self.no_engine().is_some_and(|reason| reason == *said)
        {
            return Ok(Round::Trouble);
        }
        let jobs = self.runtime.block_on(self.store.pending(BATCH))?;
        if jobs.is_empty() {
            // The reason for waiting is true without jobs, too: the next one is told at once.
            self.common.inbox().status = match self.no_engine() {
                Some(reason) => Status::Waiting { reason },
                None => Status::Working,
            };
            return Ok(Round::Idle);
        }
        if let Err(error) = self.ready() {
            if error == EngineError::Stopped {
                return Ok(Round::Trouble);
            }
            self.wait_for(&error.to_string(), &jobs)?;
            return Ok(Round::Trouble);
        }
        self.said = None;
        self.common.inbox().status = Status::Working;
        for job in jobs {
            if self.common.stop.is_stopped() {
                break;
            }
            self.work(job)?;
        }
        Ok(Round::Busy)
    }

    /// Without loading anything: what is known to be missing.
    fn no_engine(&self) -> Option<String> {
        match &self.settings.model {
            None => Some(EngineError::NoModel.to_string()),
            Some(path) if !path.exists() => Some(EngineError::Missing(path.clone()).to_string()),
            Some(_) if !cfg!(feature = "whisper") => Some(EngineError::NotBuilt.to_string()),
            Some(_) => None,
        }
    }

    /// Tells the jobs why they wait, once for each reason.
    fn wait_for(&mut self, reason: &str, jobs: &[Job]) -> Result<(), JobStoreError> {
        self.common.inbox().status = Status::Waiting { reason: reason.to_owned() };
        if self.said.as_deref() == Some(reason) {
            return Ok(());
        }
        tracing::warn!(jobs = jobs.len(), reason, "transcription waits");
        for job in jobs {
            self.runtime.block_on(self.store.save_waiting(*job, reason))?;
            (self.publish)(Event::TranscriptWaiting {
                recording: job.recording,
                call: job.call,
                reason: reason.to_owned(),
            });
        }
        self.said = Some(reason.to_owned());
        Ok(())
    }

    /// Sees to it that there is an engine.
    fn ready(&mut self) -> Result<(), EngineError> {
        if self.engine.is_some() {
            return Ok(());
        }
        let stamp = self.settings.model.clone().and_then(|path| {
            let data = std::fs::metadata(&path).ok()?;
            Some((path, data.len(), data.modified().ok()))
        });
        if let (Some(stamp), Some((refused, error))) = (&stamp, &self.refused)
            && stamp == refused
        {
            return Err(error.clone());
        }
        self.refused = None;
        match Engine::load(&self.settings, self.common.stop.clone()) {
            Ok(engine) => {
                tracing::info!(
                    model = engine.name(),
                    demonstration = engine.is_demonstration(),
                    "speech model loaded"
                );
                self.engine = Some(engine);
                Ok(())
            }
            Err(error) => {
                self.refused = stamp.map(|stamp| (stamp, error.clone()));
                Err(error)
            }
        }
    }

    /// Does one job to its end. Words of a call never go into the log.
    fn work(&mut self, job: Job) -> Result<(), JobStoreError> {
        self.runtime.block_on(self.store.save_running(job))?;
        let Some(mut engine) = self.engine.take() else {
            return Ok(());
        };
        let tracks = (self.tracks_of)(job.recording);
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| {
            work::transcribe(&tracks, &self.settings, &mut |samples| engine.recognise(samples))
        }));
        let failure = match outcome {
            Ok(Ok(segments)) => {
                let count = u32::try_from(segments.len()).unwrap_or(u32::MAX);
                let model = engine.name().to_owned();
                let transcript = Transcript {
                    recording: job.recording,
                    call: job.call,
                    state: TranscriptState::Done,
                    model: Some(model.clone()),
                    demonstration: engine.is_demonstration(),
                    segments,
                };
                self.engine = Some(engine);
                self.runtime.block_on(self.store.save_done(&transcript))?;
                tracing::debug!(recording = %job.recording, segments = count, "transcript made");
                (self.publish)(Event::TranscriptReady {
                    recording: job.recording,
                    call: job.call,
                    segments: count,
                    model,
                });
                return Ok(());
            }
            Ok(Err(WorkError::Engine(EngineError::Stopped))) => {
                return self.runtime.block_on(self.store.save_waiting(job, ITS_TURN));
            }
            Ok(Err(error)) => {
                self.engine = Some(engine);
                error.to_string()
            }
            // The engine may be in no state to go on with; the next job loads it again.
            Err(_) => "the transcription of this recording broke down".to_owned(),
        };
        tracing::warn!(recording = %job.recording, reason = failure, "transcription failed");
        self.runtime.block_on(self.store.save_failed(job, &failure))?;
        (self.publish)(Event::TranscriptFailed { recording: job.recording, call: job.call, reason: failure });
        Ok(())
    }
}

/// Calls go before transcripts: the thread, and those that the engine makes from it, get the CPU last.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    // SAFETY: a system call with plain numbers; 0 means the calling thread.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, 10);
    }
}

#[cfg(test)]
#[path = "jobs_tests.rs"]
mod tests;
