//! Streams between two messages: what has come of the next one. Whoever sends half a message and then nothing, or a byte
//! a minute, is not waited for, and all halves together have a bound.

use std::collections::HashMap;
use std::time::Duration;

use crate::sip::stream::{Frame, FrameError, Framer};
use crate::time::Timestamp;

/// A message is whole this long after its first byte, or its stream is closed.
pub(super) const WHOLE_WITHIN: Duration = Duration::from_secs(30);
/// Bytes of halves over all streams. Above it the stream whose half is the oldest is closed.
pub(super) const MAX_HALVES: usize = 16 * 1024 * 1024;

#[derive(Debug, Default)]
struct Stream {
    framer: Framer,
    /// When the first byte of the half came.
    since: Option<Timestamp>,
    /// Bytes of the half.
    held: usize,
}

/// All streams that something has come over.
#[derive(Debug, Default)]
pub(super) struct Streams {
    by_connection: HashMap<u64, Stream>,
    held: usize,
}

impl Streams {
    pub(super) fn remove(&mut self, connection: u64) {
        if let Some(stream) = self.by_connection.remove(&connection) {
            self.held -= stream.held.min(self.held);
        }
    }

    /// Nothing of a next message has come.
    pub(super) fn is_empty(&self, connection: u64) -> bool {
        self.by_connection.get(&connection).is_none_or(|stream| stream.framer.is_empty())
    }

    pub(super) fn push(&mut self, connection: u64, bytes: &[u8]) {
        self.by_connection.entry(connection).or_default().framer.push(bytes);
    }

    /// The next whole frame of a stream.
    pub(super) fn next_frame(&mut self, connection: u64) -> Result<Option<Frame>, FrameError> {
        let Some(stream) = self.by_connection.get_mut(&connection) else { return Ok(None) };
        let frame = stream.framer.next_frame();
        if let Ok(Some(_)) = frame {
            // What follows is a message of its own, with a time of its own.
            stream.since = None;
        }
        frame
    }

    /// After the last whole frame: until when the rest has to be whole, if there is one.
    pub(super) fn settle(&mut self, now: Timestamp, connection: u64) -> Option<Timestamp> {
        let stream = self.by_connection.get_mut(&connection)?;
        let held = stream.framer.half_len();
        self.held = self.held.saturating_sub(stream.held) + held;
        stream.held = held;
        if held == 0 {
            stream.since = None;
            return None;
        }
        Some(*stream.since.get_or_insert(now) + WHOLE_WITHIN)
    }

    /// The stream to close because all halves together are too much.
    pub(super) fn too_much(&self) -> Option<u64> {
        if self.held <= MAX_HALVES {
            return None;
        }
        let halves = self.by_connection.iter().filter_map(|(id, stream)| Some((stream.since?, *id)));
        halves.min().map(|(_, id)| id)
    }
}
