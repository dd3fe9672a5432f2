//! The recorder's end in the media worker: takes a frame of each track every 20 ms, never waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};

use shared::ahead;
use shared::id::{CallId, RecordingId};
use shared::time::Timestamp;

/// Samples of one frame.
pub const FRAME_SAMPLES: usize = 320;
/// Frames that go to the writer together: 200 ms.
pub const CHUNK_FRAMES: u64 = 10;
/// Chunks of one recording that may wait for the writer: 10 s. More are dropped and counted.
pub const QUEUE_CHUNKS_EACH: usize = 50;

/// Octets of one frame.
const FRAME_BYTES: usize = FRAME_SAMPLES * 2;
/// Chunks that a recording has room for while its writer keeps up: one that is filled, one that is written.
const ROOMS: usize = 2;

/// What tap and writer both know of a recording.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) recording: RecordingId,
    pub(super) call: CallId,
    pub(super) started_at: Timestamp,
    /// Chunks on their way; the writer takes one off when it has written it.
    pub(super) waiting: AtomicUsize,
    pub(super) dropped_frames: AtomicU64,
    /// Frames since the start, up to the last chunk; final once `ended` is set.
    pub(super) len_frames: AtomicU64,
    /// Set last: whoever sees it sees the rest.
    pub(super) ended: AtomicBool,
    /// The way back of room that was written out. Bounded; what does not fit is freed.
    rooms: SyncSender<Tracks>,
}

impl Progress {
    fn new(recording: RecordingId, call: CallId, started_at: Timestamp, rooms: SyncSender<Tracks>) -> Self {
        Progress {
            recording,
            call,
            started_at,
            waiting: AtomicUsize::new(0),
            dropped_frames: AtomicU64::new(0),
            len_frames: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            rooms,
        }
    }
}

/// Samples of a chunk as they stand in the file, one track after the other: `None` where a track never spoke.
pub(super) type Tracks = [Option<Box<[u8]>>; 3];

/// Up to 200 ms of three tracks, at its place in the recording.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) progress: Arc<Progress>,
    pub(super) first_frame: u64,
    /// Frames from `first_frame` to the last that came.
    pub(super) len_frames: u64,
    /// Frames that came, for the count when they are lost.
    pub(super) filled_frames: u64,
    /// Frames up to which a track's room holds this chunk's samples; zero for a track that is silent.
    pub(super) heard_frames: [u64; 3],
    pub(super) tracks: Tracks,
}

impl Chunk {
    /// Octets from `first_frame` on of a track that is heard.
    pub(super) fn track(&self, track: usize) -> Option<&[u8]> {
        let len = self.len_frames as usize * FRAME_BYTES;
        self.heard_frames.get(track).filter(|frames| **frames > 0)?;
        self.tracks.get(track)?.as_ref()?.get(..len)
    }

    /// Gives the room back to the tap; when that is gone, it is freed.
    pub(super) fn recycle(self) {
        let _ = self.progress.rooms.try_send(self.tracks);
    }
}

/// Where a bridge puts what its recording hears.
///
/// Nothing is allocated while the writer keeps up: a chunk's room comes back when it is written, and two are enough.
#[derive(Debug)]
pub struct Tap {
    progress: Arc<Progress>,
    queue: SyncSender<Chunk>,
    /// Room that was written out.
    rooms: Receiver<Tracks>,
    chunk: Option<Chunk>,
    next_frame: u64,
}

impl Tap {
    pub(super) fn new(
        recording: RecordingId,
        call: CallId,
        started_at: Timestamp,
        queue: SyncSender<Chunk>,
    ) -> Self {
        let (sender, rooms) = std::sync::mpsc::sync_channel(ROOMS);
        // The supervisor's room is made when one speaks.
        for _ in 0..ROOMS {
            let _ = sender.try_send([Some(room()), Some(room()), None]);
        }
        let progress = Arc::new(Progress::new(recording, call, started_at, sender));
        Tap { progress, queue, rooms, chunk: None, next_frame: 0 }
    }

    /// What the writer knows of it.
    pub(super) fn progress(&self) -> &Arc<Progress> {
        &self.progress
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
        let first_frame = frame - frame % CHUNK_FRAMES;
        if self.chunk.as_ref().is_some_and(|chunk| chunk.first_frame != first_frame) {
            self.flush();
        }
        let chunk = self.chunk.get_or_insert_with(|| Chunk {
            progress: self.progress.clone(),
            first_frame,
            len_frames: 0,
            filled_frames: 0,
            heard_frames: [0; 3],
            tracks: self.rooms.try_recv().unwrap_or_default(),
        });
        let place = (frame - first_frame) as usize;
        for ((room, heard), samples) in chunk.tracks.iter_mut().zip(&mut chunk.heard_frames).zip(tracks) {
            let Some(samples) = samples.filter(|samples| samples.iter().any(|sample| *sample != 0)) else {
                continue;
            };
            let room = room.get_or_insert_with(self::room);
            silence(room, *heard, place as u64);
            *heard = place as u64 + 1;
            if let Some(octets) = room.get_mut(place * FRAME_BYTES..(place + 1) * FRAME_BYTES) {
                for (octets, sample) in octets.as_chunks_mut::<2>().0.iter_mut().zip(samples) {
                    *octets = sample.to_le_bytes();
                }
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
    }

    /// Asks ahead for where the next frame goes ([`shared::ahead`]).
    pub fn fetch(&self) {
        let Some(chunk) = &self.chunk else { return };
        let place = (self.next_frame.saturating_sub(chunk.first_frame) as usize).saturating_mul(FRAME_BYTES);
        for (room, heard) in chunk.tracks.iter().zip(chunk.heard_frames) {
            if heard > 0
                && let Some(octets) = room.as_ref().and_then(|room| room.get(place..place + FRAME_BYTES))
            {
                ahead::fetch_whole(octets);
            }
        }
    }

    fn flush(&mut self) {
        let Some(mut chunk) = self.chunk.take() else { return };
        for (room, heard) in chunk.tracks.iter_mut().zip(chunk.heard_frames) {
            if let Some(room) = room.as_mut().filter(|_| heard > 0) {
                silence(room, heard, chunk.len_frames);
            }
        }
        let filled = chunk.filled_frames;
        self.progress.len_frames.store(self.next_frame, Ordering::Relaxed);
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
        self.progress.len_frames.store(self.next_frame, Ordering::Relaxed);
        self.progress.ended.store(true, Ordering::Release);
    }
}

/// Makes the frames from `from` up to `to` silent: the room has what another chunk left there.
fn silence(room: &mut [u8], from: u64, to: u64) {
    if let Some(octets) = room.get_mut(from as usize * FRAME_BYTES..to as usize * FRAME_BYTES) {
        octets.fill(0);
    }
}

fn room() -> Box<[u8]> {
    vec![0; CHUNK_FRAMES as usize * FRAME_BYTES].into_boxed_slice()
}
