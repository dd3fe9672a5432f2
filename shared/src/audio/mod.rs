//! Sound inside Callfloor: 16 kHz mono, 16-bit samples, frames of 20 ms. Codecs convert at the edge.
//!
//! ```text
//! packet ─► codec::Decoder ─► Frame ─► mixer (hear matrix) ─► Frame ─► codec::Encoder ─► packet
//!                                └─► recorder and transcript, which need no resampling
//! ```
//! Everything here is sample-in, sample-out; nothing allocates for each frame, nothing reads a clock.

use std::fmt;

pub mod codec;
pub mod g711;
pub mod g722;
pub mod goertzel;
pub mod level;
pub mod mixer;
pub mod noise;
pub mod opus;
pub mod plc;
pub mod resample;
pub mod spoken;
pub mod stretch;
pub mod tone;
pub mod wav;

/// Samples a second of every [`Frame`].
pub const RATE_HZ: u32 = 16_000;
/// Samples in a [`Frame`].
pub const FRAME_SAMPLES: usize = 320;
/// Duration of a [`Frame`] in milliseconds.
pub const FRAME_MILLIS: u64 = 20;

/// 20 ms of mono sound at 16 kHz.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Frame(pub [i16; FRAME_SAMPLES]);

impl Frame {
    /// A frame of zeros.
    pub const SILENCE: Frame = Frame([0; FRAME_SAMPLES]);

    /// True when every sample is zero.
    pub fn is_silence(&self) -> bool {
        self.0.iter().all(|sample| *sample == 0)
    }
}

impl Default for Frame {
    fn default() -> Self {
        Frame::SILENCE
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({:.1} dBov)", level::rms_dbov(&self.0))
    }
}

/// Rounds to the nearest sample and clips.
pub(crate) fn clip(value: f32) -> i16 {
    // A float cast saturates and maps NaN to zero, so it is the clip.
    value.round_ties_even() as i16
}
