//! The thread that writes samples to their places and keeps the headers true.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::time::{Duration, Instant};

use shared::id::RecordingId;
use shared::model::recording::{Recording, RecordingState, Track};

use super::layout::{self, FRAME_BYTES};
use super::sealer::{Job, SealJob};
use super::tap::{Chunk, FRAME_SAMPLES, Progress};
use super::{RecordingConfig, RecordingError, Registry};

/// How often ended recordings are looked for.
const SWEEP: Duration = Duration::from_millis(100);
/// How often headers are made true: half of the second that is promised.
const HEADER_EVERY: Duration = Duration::from_millis(500);
/// How often a recording whose files could not be made is tried again.
const RETRY_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Writer {
    config: RecordingConfig,
    registry: Arc<Registry>,
    open: HashMap<RecordingId, Writing>,
    sealer: SyncSender<Job>,
    /// Jobs that the sealer's full queue did not take; bounded by the recordings that ended meanwhile.
    unsent: Vec<SealJob>,
    headers_at: Instant,
    sync_at: Instant,
}

struct Writing {
    progress: Arc<Progress>,
    dir: PathBuf,
    folder: PathBuf,
    files: Files,
    /// Frames that the files have room for.
    written_frames: u64,
    /// Frames that the headers tell of.
    told_frames: u64,
    has_unsynced: bool,
    /// A write failed and was reported.
    has_failed: bool,
}

enum Files {
    /// Customer, agent, supervisor.
    Open([Arc<File>; 3]),
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
            headers_at: now,
            sync_at: now,
        }
    }

    pub(super) fn run(mut self, chunks: &Receiver<Chunk>) {
        let mut sweep_at = Instant::now();
        loop {
            match chunks.recv_timeout(sweep_at.saturating_duration_since(Instant::now())) {
                Ok(chunk) => self.write(chunk),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let now = Instant::now();
            if now >= sweep_at {
                self.sweep(now);
                sweep_at = now + SWEEP;
                if self.registry.with(|state| state.stopping) {
                    // What was pushed before the stop is written; what comes later is not recorded.
                    while let Ok(chunk) = chunks.try_recv() {
                        self.write(chunk);
                    }
                    break;
                }
            }
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
                told_frames: 0,
                has_unsynced: true,
                has_failed: false,
            };
            self.open.insert(id, writing);
        }
    }

    fn write(&mut self, chunk: Chunk) {
        if !self.open.contains_key(&chunk.progress.recording) {
            self.take_new();
        }
        if let Some(writing) = self.open.get_mut(&chunk.progress.recording) {
            writing.write(&chunk);
        }
        chunk.progress.waiting.fetch_sub(1, Ordering::AcqRel);
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
        if now >= self.headers_at {
            self.headers_at = now + HEADER_EVERY;
            for writing in self.open.values_mut() {
                writing.retry(now);
                writing.tell();
            }
        }
        if self.config.sync_secs > 0 && now >= self.sync_at {
            self.sync_at = now + Duration::from_secs(self.config.sync_secs.into());
            self.sync();
        }
    }

    /// Hands the files that changed to the sealer's thread; while that is busy, the next round has them.
    fn sync(&mut self) {
        let changed: Vec<(RecordingId, Arc<File>)> = self
            .open
            .iter()
            .filter(|(_, writing)| writing.has_unsynced)
            .filter_map(|(id, writing)| match &writing.files {
                Files::Open(files) => Some(files.iter().map(|file| (*id, file.clone()))),
                Files::Refused { .. } => None,
            })
            .flatten()
            .collect();
        if changed.is_empty() {
            return;
        }
        let ids: Vec<RecordingId> = changed.iter().map(|(id, _)| *id).collect();
        let files = changed.into_iter().map(|(_, file)| file).collect();
        if self.sealer.try_send(Job::Sync(files)).is_ok() {
            for id in ids {
                if let Some(writing) = self.open.get_mut(&id) {
                    writing.has_unsynced = false;
                }
            }
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
        let len_samples = chunk.len_frames as usize * FRAME_SAMPLES;
        let mut bytes = Vec::with_capacity(len_samples * 2);
        let mut outcome = Ok(());
        for (file, samples) in files.iter().zip(&chunk.tracks) {
            let Some(samples) = samples else { continue };
            bytes.clear();
            bytes.extend(samples.iter().take(len_samples).flat_map(|sample| sample.to_le_bytes()));
            outcome = outcome.and(file.write_all_at(&bytes, at));
        }
        self.has_unsynced = true;
        self.written_frames = self.written_frames.max(chunk.first_frame + chunk.len_frames);
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
        match files.iter().try_for_each(|file| fit(file, self.written_frames * FRAME_BYTES)) {
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

/// Gives a track the length of `data_bytes` of samples (a hole where nothing was written) and a true header.
pub(super) fn fit(file: &File, data_bytes: u64) -> std::io::Result<()> {
    let header = layout::header();
    file.set_len(header.as_bytes().len() as u64 + data_bytes)?;
    header.fix_up(data_bytes).iter().try_for_each(|(at, bytes)| file.write_all_at(bytes, *at))
}

fn make_files(dir: &Path, folder: &Path, progress: &Progress) -> Files {
    let make = || -> Result<[Arc<File>; 3], RecordingError> {
        layout::mark_open(dir, progress.started_at, progress.recording)?;
        layout::make_folder(folder)?;
        let open = |track| {
            let path = folder.join(layout::file_name(track));
            let file = layout::open_for_writing(&path)?;
            file.write_all_at(layout::header().as_bytes(), 0)
                .and_then(|()| fit(&file, 0))
                .map_err(RecordingError::disk("write", &path))?;
            Ok::<_, RecordingError>(Arc::new(file))
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
        layout::write_description(folder, &description)?;
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
