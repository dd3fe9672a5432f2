//! The thread that writes samples to their places and keeps the headers true.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError};
use std::time::{Duration, Instant};

use shared::id::RecordingId;
use shared::model::recording::{Recording, RecordingState, Track};

use super::layout::{self, Durable, FRAME_BYTES};
use super::sealer::{Job, SealJob};
use super::tap::{Chunk, Progress};
use super::{RecordingConfig, RecordingError, Registry};

/// How often the queue is emptied and ended recordings are looked for. Nobody wakes the writer: that would cost the
/// media worker a system call for each chunk.
const SWEEP: Duration = Duration::from_millis(100);
/// How often the header of a recording is made true: with a chunk and a sweep less than the second that is promised.
const HEADER_EVERY: Duration = Duration::from_millis(600);
/// The writer gives way to media workers, and the sealer to the writer.
const WRITER_NICE: i32 = 5;
/// How often a recording whose files could not be made is tried again.
const RETRY_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Writer {
    config: RecordingConfig,
    registry: Arc<Registry>,
    open: HashMap<RecordingId, Writing>,
    sealer: SyncSender<Job>,
    /// Jobs that the sealer's full queue did not take; bounded by the recordings that ended meanwhile.
    unsent: Vec<SealJob>,
    /// Something was written since the disk was last told to keep it.
    has_unsynced: bool,
    sync_at: Instant,
}

struct Writing {
    progress: Arc<Progress>,
    dir: PathBuf,
    folder: PathBuf,
    files: Files,
    /// Frames that were taken.
    written_frames: u64,
    /// Frames that each file has room for.
    reached_frames: [u64; 3],
    /// Frames that the headers tell of.
    told_frames: u64,
    tell_at: Instant,
    /// A write failed and was reported.
    has_failed: bool,
}

enum Files {
    /// Customer, agent, supervisor.
    Open([File; 3]),
    /// Could not be made; tried again at this moment.
    Refused { reason: String, again_at: Instant },
}

impl Writer {
    pub(super) fn new(config: RecordingConfig, registry: Arc<Registry>, sealer: SyncSender<Job>) -> Self {
        let now = Instant::now();
        Writer {
            config,
            registry,
            open: HashMap::new(),
            sealer,
            unsent: Vec::new(),
            has_unsynced: false,
            sync_at: now,
        }
    }

    pub(super) fn run(mut self, chunks: &Receiver<Chunk>) {
        super::give_way(WRITER_NICE);
        loop {
            let is_over = loop {
                match chunks.try_recv() {
                    Ok(chunk) => self.write(chunk),
                    Err(TryRecvError::Empty) => break false,
                    Err(TryRecvError::Disconnected) => break true,
                }
            };
            self.sweep(Instant::now());
            if is_over || self.registry.with(|state| state.stopping) {
                // What was pushed before the stop is written; what comes later is not recorded.
                while let Ok(chunk) = chunks.try_recv() {
                    self.write(chunk);
                }
                break;
            }
            std::thread::sleep(SWEEP);
        }
        self.take_new();
        let all: Vec<RecordingId> = self.open.keys().copied().collect();
        for id in all {
            self.finish(id);
        }
        for job in self.unsent.drain(..) {
            if self.sealer.send(Job::Seal(job)).is_err() {
                tracing::error!("the sealer is gone; recordings are sealed at the next start");
            }
        }
    }

    fn take_new(&mut self) {
        for progress in self.registry.with(|state| std::mem::take(&mut state.opened)) {
            let folder = layout::folder(&self.config.dir, progress.started_at, progress.recording);
            let id = progress.recording;
            let writing = Writing {
                files: make_files(&self.config.dir, &folder, &progress),
                progress,
                dir: self.config.dir.clone(),
                folder,
                written_frames: 0,
                reached_frames: [0; 3],
                told_frames: 0,
                tell_at: Instant::now() + HEADER_EVERY,
                has_failed: false,
            };
            self.has_unsynced = true;
            self.open.insert(id, writing);
        }
    }

    fn write(&mut self, chunk: Chunk) {
        if !self.open.contains_key(&chunk.progress.recording) {
            self.take_new();
        }
        if let Some(writing) = self.open.get_mut(&chunk.progress.recording) {
            self.has_unsynced = true;
            writing.write(&chunk);
        }
        chunk.progress.waiting.fetch_sub(1, Ordering::AcqRel);
        chunk.recycle();
    }

    fn sweep(&mut self, now: Instant) {
        self.take_new();
        let ended: Vec<RecordingId> = self
            .open
            .iter()
            .filter(|(_, writing)| {
                writing.progress.ended.load(Ordering::Acquire)
                    && writing.progress.waiting.load(Ordering::Acquire) == 0
            })
            .map(|(id, _)| *id)
            .collect();
        for id in ended {
            self.finish(id);
        }
        for job in std::mem::take(&mut self.unsent) {
            self.hand_over(job);
        }
        for writing in self.open.values_mut() {
            writing.retry(now);
            if now >= writing.tell_at {
                writing.tell_at = now + HEADER_EVERY;
                writing.tell();
            }
        }
        if self.config.sync_secs > 0 && now >= self.sync_at {
            self.sync_at = now + Duration::from_secs(self.config.sync_secs.into());
            self.sync();
        }
    }

    /// Has what was written forced out by the sealer's thread; while that is busy, the next round does it.
    fn sync(&mut self) {
        if self.has_unsynced && self.sealer.try_send(Job::Sync(self.config.dir.clone())).is_ok() {
            self.has_unsynced = false;
        }
    }

    fn finish(&mut self, id: RecordingId) {
        let Some(mut writing) = self.open.remove(&id) else { return };
        writing.retry_now();
        let len_frames = writing.progress.len_frames.load(Ordering::Acquire);
        let dropped_frames = writing.progress.dropped_frames.load(Ordering::Relaxed);
        let refused = match writing.files {
            Files::Open(_) => None,
            Files::Refused { reason, .. } => Some(reason),
        };
        self.hand_over(SealJob {
            recording: id,
            call: writing.progress.call,
            started_at: writing.progress.started_at,
            dir: writing.dir,
            folder: writing.folder,
            len_frames,
            dropped_frames,
            refused,
        });
    }

    fn hand_over(&mut self, job: SealJob) {
        if let Err(TrySendError::Full(Job::Seal(job)) | TrySendError::Disconnected(Job::Seal(job))) =
            self.sealer.try_send(Job::Seal(job))
        {
            self.unsent.push(job);
        }
    }
}

impl Writing {
    fn write(&mut self, chunk: &Chunk) {
        let Files::Open(files) = &self.files else {
            self.progress.dropped_frames.fetch_add(chunk.filled_frames, Ordering::Relaxed);
            return;
        };
        let at = layout::header_bytes() + chunk.first_frame * FRAME_BYTES;
        let end_frame = chunk.first_frame + chunk.len_frames;
        let mut outcome = Ok(());
        for (track, (file, reached)) in files.iter().zip(&mut self.reached_frames).enumerate() {
            let Some(octets) = chunk.track(track) else { continue };
            let written = file.write_all_at(octets, at);
            if written.is_ok() {
                *reached = (*reached).max(end_frame);
            }
            outcome = outcome.and(written);
        }
        self.written_frames = self.written_frames.max(end_frame);
        if let Err(error) = outcome {
            self.progress.dropped_frames.fetch_add(chunk.filled_frames, Ordering::Relaxed);
            self.report(&error);
        }
    }

    /// Makes lengths and headers say what is there.
    fn tell(&mut self) {
        if self.told_frames == self.written_frames {
            return;
        }
        let Files::Open(files) = &self.files else { return };
        let data_bytes = self.written_frames * FRAME_BYTES;
        let header = layout::finished_header(data_bytes);
        let outcome = files.iter().zip(&mut self.reached_frames).try_for_each(|(file, reached)| {
            // A track that is silent at the end has a hole there.
            if *reached < self.written_frames {
                file.set_len(layout::header_bytes() + data_bytes)?;
                *reached = self.written_frames;
            }
            file.write_all_at(header.as_bytes(), 0)
        });
        match outcome {
            Ok(()) => self.told_frames = self.written_frames,
            Err(error) => self.report(&error),
        }
    }

    fn retry(&mut self, now: Instant) {
        if matches!(self.files, Files::Refused { again_at, .. } if now >= again_at) {
            self.retry_now();
        }
    }

    fn retry_now(&mut self) {
        if matches!(self.files, Files::Refused { .. }) {
            self.files = make_files(&self.dir, &self.folder, &self.progress);
        }
    }

    fn report(&mut self, error: &std::io::Error) {
        if !self.has_failed {
            self.has_failed = true;
            tracing::error!(
                recording_id = %self.progress.recording, call_id = %self.progress.call, folder = %self.folder.display(),
                %error, "a recording loses sound: its files refuse writing"
            );
        }
    }
}

fn make_files(dir: &Path, folder: &Path, progress: &Progress) -> Files {
    let make = || -> Result<[File; 3], RecordingError> {
        layout::mark_open(dir, progress.started_at, progress.recording)?;
        layout::make_folder(folder)?;
        let open = |track| {
            let path = folder.join(layout::file_name(track));
            let file = layout::open_for_writing(&path)?;
            file.write_all_at(layout::finished_header(0).as_bytes(), 0)
                .map_err(RecordingError::disk("write", &path))?;
            Ok::<_, RecordingError>(file)
        };
        let [customer, agent, supervisor] = Track::ALL;
        let files = [open(customer)?, open(agent)?, open(supervisor)?];
        let description = Recording {
            id: progress.recording,
            call: progress.call,
            started_at: progress.started_at,
            state: RecordingState::Open,
            duration_millis: 0,
            tracks: Vec::new(),
            dropped_frames: 0,
        };
        // The disk is told with the first samples: a call's beginning waits for no disk.
        layout::write_description(folder, &description, Durable::No)?;
        Ok(files)
    };
    make().map(Files::Open).unwrap_or_else(|error| {
        let reason = error.whole();
        tracing::error!(
            recording_id = %progress.recording, call_id = %progress.call, %reason,
            "a recording has no files; trying again"
        );
        Files::Refused { reason, again_at: Instant::now() + RETRY_EVERY }
    })
}
