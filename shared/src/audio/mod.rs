//! Sound inside Callfloor: 16 kHz mono, 16-bit samples, frames of 20 ms. Codecs convert at the edge.
//!
//! ```text
//! packet ─► codec::Decoder ─► Frame ─► mixer (hear matrix) ─► Frame ─► codec::Encoder ─► packet
//!                                └─► recorder and transcript, which need no resampling
//! ```
//! Everything here is sample-in, sample-out; nothing allocates for each frame, nothing reads a clock.

use std::fmt;

pub mod codec;
pub mod fade;
pub mod g711;
pub mod g722;
pub mod goertzel;
pub mod keys;
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
#[inline(always)]
pub(crate) fn clip(value: f32) -> i16 {
    // Beside this number floats are whole, and the low bits of their mantissa are the sample: unlike rounding by name
    // it needs no call on any processor, so that loops over samples become vector instructions. NaN becomes zero.
    const WHOLE: f32 = 12_582_912.0;
    let bits = (value.clamp(f32::from(i16::MIN), f32::from(i16::MAX)) + WHOLE).to_bits();
    (bits as u16).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::clip;

    #[test]
    fn samples_are_rounded_to_the_nearest_and_clipped() {
        for (value, sample) in [
            (0.0, 0),
            (-0.4, 0),
            (0.5, 0),
            (1.5, 2),
            (-1.5, -2),
            (-2.6, -3),
            (32_766.6, 32_767),
            (1e9, i16::MAX),
            (-32_768.4, i16::MIN),
            (f32::NEG_INFINITY, i16::MIN),
            (f32::NAN, 0),
        ] {
            assert_eq!(clip(value), sample, "{value}");
        }
        for sample in i16::MIN..=i16::MAX {
            assert_eq!(clip(f32::from(sample)), sample);
        }
    }
}
