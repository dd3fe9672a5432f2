//! The recorder's end in the media worker: takes a frame of each track every 20 ms, never waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::SyncSender;

use shared::id::{CallId, RecordingId};
use shared::time::Timestamp;

/// Samples of one frame.
pub const FRAME_SAMPLES: usize = 320;
/// Frames that go to the writer together: 200 ms.
pub const CHUNK_FRAMES: u64 = 10;
/// Chunks of one recording that may wait for the writer: 10 s. More are dropped and counted.
pub const QUEUE_CHUNKS_EACH: usize = 50;

const CHUNK_SAMPLES: usize = FRAME_SAMPLES * CHUNK_FRAMES as usize;

/// What tap and writer both know of a recording.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) recording: RecordingId,
    pub(super) call: CallId,
    pub(super) started_at: Timestamp,
    /// Chunks on their way; the writer takes one off when it has written it.
    pub(super) waiting: AtomicUsize,
    pub(super) dropped_frames: AtomicU64,
    /// Frames since the start; final once `ended` is set.
    pub(super) len_frames: AtomicU64,
    /// Set last: whoever sees it sees the rest.
    pub(super) ended: AtomicBool,
}

impl Progress {
    pub(super) fn new(recording: RecordingId, call: CallId, started_at: Timestamp) -> Self {
        Progress {
            recording,
            call,
            started_at,
            waiting: AtomicUsize::new(0),
            dropped_frames: AtomicU64::new(0),
            len_frames: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        }
    }
}

/// Up to 200 ms of three tracks, at its place in the recording.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) progress: Arc<Progress>,
    pub(super) first_frame: u64,
    /// Frames from `first_frame` to the last that came.
    pub(super) len_frames: u64,
    /// Frames that came, for the count when they are lost.
    pub(super) filled_frames: u64,
    /// Samples from `first_frame` on; `None` is silence.
    pub(super) tracks: [Option<Box<[i16]>>; 3],
}

/// Where a bridge puts what its recording hears.
#[derive(Debug)]
pub struct Tap {
    progress: Arc<Progress>,
    queue: SyncSender<Chunk>,
    chunk: Option<Chunk>,
    next_frame: u64,
}

impl Tap {
    pub(super) fn new(progress: Arc<Progress>, queue: SyncSender<Chunk>) -> Self {
        Tap { progress, queue, chunk: None, next_frame: 0 }
    }

    /// The recording.
    pub fn recording(&self) -> RecordingId {
        self.progress.recording
    }

    /// Its call.
    pub fn call(&self) -> CallId {
        self.progress.call
    }

    /// Frames that were dropped so far.
    pub fn dropped_frames(&self) -> u64 {
        self.progress.dropped_frames.load(Ordering::Relaxed)
    }

    /// Takes frame number `frame` (counted from the recording's start, so that a late worker leaves a gap and not a
    /// shift) of the customer's, the agent's and the supervisor's track; `None` is silence. A number that was
    /// there before is ignored. Never waits.
    pub fn push(&mut self, frame: u64, tracks: [Option<&[i16; FRAME_SAMPLES]>; 3]) {
        if frame < self.next_frame {
            return;
        }
        self.next_frame = frame + 1;
        self.progress.len_frames.store(self.next_frame, Ordering::Relaxed);
        let first_frame = frame - frame % CHUNK_FRAMES;
        if self.chunk.as_ref().is_some_and(|chunk| chunk.first_frame != first_frame) {
            self.flush();
        }
        let chunk = self.chunk.get_or_insert_with(|| Chunk {
            progress: self.progress.clone(),
            first_frame,
            len_frames: 0,
            filled_frames: 0,
            tracks: [None, None, None],
        });
        let at = (frame - first_frame) as usize * FRAME_SAMPLES;
        for (kept, heard) in chunk.tracks.iter_mut().zip(tracks) {
            let Some(heard) = heard.filter(|samples| samples.iter().any(|sample| *sample != 0)) else {
                continue;
            };
            let samples = kept.get_or_insert_with(|| vec![0; CHUNK_SAMPLES].into_boxed_slice());
            if let Some(place) = samples.get_mut(at..at + FRAME_SAMPLES) {
                place.copy_from_slice(heard);
            }
        }
        chunk.len_frames = frame - first_frame + 1;
        chunk.filled_frames += 1;
        if chunk.len_frames == CHUNK_FRAMES {
            self.flush();
        }
    }

    /// Ends the recording at `len_frames` frames from its start (the rest after the last frame is silence).
    pub fn end(mut self, len_frames: u64) {
        self.next_frame = self.next_frame.max(len_frames);
        self.progress.len_frames.store(self.next_frame, Ordering::Relaxed);
    }

    fn flush(&mut self) {
        let Some(chunk) = self.chunk.take() else { return };
        let filled = chunk.filled_frames;
        let fits = self.progress.waiting.fetch_add(1, Ordering::AcqRel) < QUEUE_CHUNKS_EACH;
        if !(fits && self.queue.try_send(chunk).is_ok()) {
            self.progress.waiting.fetch_sub(1, Ordering::AcqRel);
            self.progress.dropped_frames.fetch_add(filled, Ordering::Relaxed);
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.flush();
        self.progress.ended.store(true, Ordering::Release);
    }
}
