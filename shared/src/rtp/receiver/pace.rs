//! Taking delay away: the jitter buffer says how much is not needed, and the sound is shortened by that.

use super::{Pulled, QUIET_DBOV, Receiver};
use crate::audio::FRAME_SAMPLES;
use crate::audio::level::rms_dbov;
use crate::audio::stretch::{self, CUT_LEAST};
use crate::time::Timestamp;

/// Frames between two cuts in sound that is not quiet: 200 ms.
const CUT_PAUSE_FRAMES: u32 = 10;

impl Receiver {
    /// Takes no delay away for so many frames: another one meets this one's place in them.
    pub fn keep_pace(&mut self, frames: u32) {
        self.pace_kept_frames = frames;
    }

    /// How much longer than it has to the sound waits to be pulled, in milliseconds ([`JitterBuffer::spare_millis`]).
    ///
    /// [`JitterBuffer::spare_millis`]: crate::rtp::jitter::JitterBuffer::spare_millis
    pub fn spare_millis(&self) -> Option<i64> {
        self.buffer.spare_millis()
    }

    /// Whether the stream plays, and is neither before its beginning nor in a pause.
    pub fn is_playing(&self) -> bool {
        self.buffer.is_playing()
    }

    /// Tells that all pulls from now on come so much later than they would have; less than zero: earlier.
    pub fn pulls_come_later(&mut self, later_millis: i64) {
        self.buffer.pulls_come_later(later_millis);
    }

    /// Takes away delay: one packet more than due, and then less sound. What is left of that beyond a frame waits for
    /// nothing and goes next.
    pub(super) fn catch_up(&mut self, now: Timestamp) {
        if self.pace_kept_frames > 0 {
            return;
        }
        let has_surplus =
            self.buffer.spare_millis().is_some_and(|spare| spare >= 20) && self.buffer.holds_packets();
        if !has_surplus && (self.pending_len < FRAME_SAMPLES + CUT_LEAST || self.is_by_longer_packets()) {
            return;
        }
        let is_quiet = rms_dbov(&self.pending[..self.pending_len]) < QUIET_DBOV;
        if !is_quiet && self.frames_since_cut < CUT_PAUSE_FRAMES {
            return;
        }
        if has_surplus {
            self.buffer.pulled_ahead();
            while self.pending_len < 2 * FRAME_SAMPLES {
                if self.decode_next(now) != Pulled::Voice {
                    return;
                }
            }
        }
        let (len, most) = (self.pending_len, self.pending_len - FRAME_SAMPLES);
        let pending = &mut self.pending[..len];
        self.pending_len = match (has_surplus, is_quiet) {
            (true, _) => stretch::shorten(pending),
            (false, true) => stretch::cut(pending, most),
            (false, false) => stretch::shorten_a_little(pending, most),
        };
        // Where nothing could be cut it is tried again after a while: the search costs some microseconds.
        self.frames_since_cut = 0;
    }

    /// Packets of more than 20 ms, of which a part is always left over.
    fn is_by_longer_packets(&self) -> bool {
        self.buffer.packet_millis() > 20
    }
}
