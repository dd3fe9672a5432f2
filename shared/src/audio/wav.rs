//! WAV files: reading prompts of any usual kind, and writing a header that stays true while the file grows.
//!
//! Bytes only; whoever calls does the file. A growing recording is written like this: [`Header::new`] at the
//! start, samples after it, and every second the eight bytes of [`Header::fix_up`]. A file that is cut at any
//! point is read by ordinary players up to the last fix-up at least, and by [`read`] to its last sample.

use audio_codec_algorithms::{decode_alaw, decode_ulaw};

use super::{RATE_HZ, resample};

/// Why a file cannot be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WavError {
    /// It is something else.
    #[error(
        "read a WAV file: it does not begin with RIFF and WAVE; convert it, for example with `sox in.mp3 -r 16000 -c 1 out.wav`"
    )]
    NotWav,
    /// It ends before the sound.
    #[error("read a WAV file: it ends before its {0} part")]
    Missing(&'static str),
    /// A coding that is not read.
    #[error("read a WAV file: format {format} with {bits} bits is not supported; use PCM with 16 bits")]
    Format {
        /// The format number (1 is PCM).
        format: u16,
        /// Bits a sample.
        bits: u16,
    },
    /// No channel, or more than 8.
    #[error("read a WAV file: it has {0} channels; 1 to 8 are possible")]
    Channels(u16),
    /// A rate that cannot be changed to ours.
    #[error("read a WAV file: its rate of {0} Hz is not supported; use 8000 to 48000 Hz")]
    Rate(u32),
}

/// A file as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wav {
    /// Samples a second.
    pub rate_hz: u32,
    /// Channels, interleaved in `samples`.
    pub channels: u16,
    /// Samples, channel by channel for each moment.
    pub samples: Vec<i16>,
}

impl Wav {
    /// The sound of one channel, from 0; empty when there is none.
    pub fn channel(&self, channel: u16) -> Vec<i16> {
        let step = usize::from(self.channels.max(1));
        if channel >= self.channels {
            return Vec::new();
        }
        self.samples.iter().skip(usize::from(channel)).step_by(step).copied().collect()
    }
}

const PCM: u16 = 1;
const FLOAT: u16 = 3;
const ALAW: u16 = 6;
const MULAW: u16 = 7;
const EXTENSIBLE: u16 = 0xFFFE;

struct Format {
    code: u16,
    channels: u16,
    rate_hz: u32,
    bits: u16,
}

/// Reads PCM of 8, 16, 24 or 32 bits, 32-bit float, A-law and µ-law, with 1 to 8 channels. A file that was cut,
/// or whose sizes were never filled in, is read as far as it goes.
pub fn read(bytes: &[u8]) -> Result<Wav, WavError> {
    if bytes.get(0..4) != Some(b"RIFF") || bytes.get(8..12) != Some(b"WAVE") {
        return Err(WavError::NotWav);
    }
    let mut format = None;
    let mut rest = bytes.get(12..).unwrap_or_default();
    while let Some((head, body)) = rest.split_first_chunk::<8>() {
        let [i0, i1, i2, i3, l0, l1, l2, l3] = *head;
        let len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let chunk = &body[..len.min(body.len())];
        match &[i0, i1, i2, i3] {
            b"fmt " => format = Some(read_format(chunk)?),
            b"data" => {
                let format = format.ok_or(WavError::Missing("format"))?;
                // Zero is what a recorder leaves behind that never came to its first fix-up.
                let sound = if len == 0 { body } else { chunk };
                let samples = read_samples(&format, sound)?;
                return Ok(Wav { rate_hz: format.rate_hz, channels: format.channels, samples });
            }
            _ => {}
        }
        // Parts begin at even places.
        rest = body.get(len.saturating_add(len & 1)..).unwrap_or_default();
    }
    Err(WavError::Missing(if format.is_none() { "format" } else { "data" }))
}

/// Reads a file as 16 kHz mono: channels are averaged, the rate is changed.
pub fn read_mono(bytes: &[u8]) -> Result<Vec<i16>, WavError> {
    let wav = read(bytes)?;
    let mono: Vec<i16> = wav
        .samples
        .chunks_exact(usize::from(wav.channels))
        .map(|moment| {
            (moment.iter().map(|sample| i32::from(*sample)).sum::<i32>() / i32::from(wav.channels)) as i16
        })
        .collect();
    resample::resample_clip(&mono, wav.rate_hz, RATE_HZ).map_err(|_| WavError::Rate(wav.rate_hz))
}

fn read_format(chunk: &[u8]) -> Result<Format, WavError> {
    let short = |at: usize| -> Result<u16, WavError> {
        let bytes = chunk.get(at..at + 2).and_then(|bytes| bytes.try_into().ok());
        bytes.map(u16::from_le_bytes).ok_or(WavError::Missing("format"))
    };
    let mut code = short(0)?;
    if code == EXTENSIBLE {
        // The true format is the beginning of the GUID.
        code = short(24)?;
    }
    let format = Format {
        code,
        channels: short(2)?,
        rate_hz: u32::from(short(4)?) | u32::from(short(6)?) << 16,
        bits: short(14)?,
    };
    if !(1..=8).contains(&format.channels) {
        return Err(WavError::Channels(format.channels));
    }
    if !(4_000..=384_000).contains(&format.rate_hz) {
        return Err(WavError::Rate(format.rate_hz));
    }
    Ok(format)
}

fn read_samples(format: &Format, sound: &[u8]) -> Result<Vec<i16>, WavError> {
    let mut samples: Vec<i16> = match (format.code, format.bits) {
        (PCM, 8) => sound.iter().map(|byte| (i16::from(*byte) - 128) << 8).collect(),
        (PCM, 16) => sound.as_chunks::<2>().0.iter().map(|bytes| i16::from_le_bytes(*bytes)).collect(),
        (PCM, 24) => {
            sound.as_chunks::<3>().0.iter().map(|[_, low, high]| i16::from_le_bytes([*low, *high])).collect()
        }
        (PCM, 32) => sound
            .as_chunks::<4>()
            .0
            .iter()
            .map(|[_, _, low, high]| i16::from_le_bytes([*low, *high]))
            .collect(),
        (FLOAT, 32) => {
            let float = |bytes: &[u8; 4]| super::clip(f32::from_le_bytes(*bytes) * 32_767.0);
            sound.as_chunks::<4>().0.iter().map(float).collect()
        }
        (ALAW, 8) => sound.iter().map(|byte| decode_alaw(*byte)).collect(),
        (MULAW, 8) => sound.iter().map(|byte| decode_ulaw(*byte)).collect(),
        (format, bits) => return Err(WavError::Format { format, bits }),
    };
    samples.truncate(samples.len() / usize::from(format.channels) * usize::from(format.channels));
    Ok(samples)
}

/// The beginning of a 16-bit PCM file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    bytes: Vec<u8>,
}

impl Header {
    /// A header for `channels` (1 to 8) at `rate_hz`, with sizes that say "to the end of the file" until the first
    /// [`Header::fix_up`].
    pub fn new(rate_hz: u32, channels: u16) -> Header {
        let channels = channels.clamp(1, 8);
        // More than two channels have no meaning in the plain format; the extensible one says "no positions".
        let extensible = channels > 2;
        let frame_bytes = channels * 2;
        let mut bytes = Vec::with_capacity(68);
        bytes.extend_from_slice(b"RIFF\xFF\xFF\xFF\xFFWAVEfmt ");
        bytes.extend_from_slice(&if extensible { 40u32 } else { 16 }.to_le_bytes());
        bytes.extend_from_slice(&if extensible { EXTENSIBLE } else { PCM }.to_le_bytes());
        bytes.extend_from_slice(&channels.to_le_bytes());
        bytes.extend_from_slice(&rate_hz.to_le_bytes());
        bytes.extend_from_slice(&rate_hz.saturating_mul(u32::from(frame_bytes)).to_le_bytes());
        bytes.extend_from_slice(&frame_bytes.to_le_bytes());
        bytes.extend_from_slice(&16u16.to_le_bytes());
        if extensible {
            bytes.extend_from_slice(&22u16.to_le_bytes());
            bytes.extend_from_slice(&16u16.to_le_bytes());
            bytes.extend_from_slice(&0u32.to_le_bytes());
            // KSDATAFORMAT_SUBTYPE_PCM
            bytes.extend_from_slice(b"\x01\x00\x00\x00\x00\x00\x10\x00\x80\x00\x00\xAA\x00\x38\x9B\x71");
        }
        bytes.extend_from_slice(b"data\xFF\xFF\xFF\xFF");
        Header { bytes }
    }

    /// The header of a finished file with `data_bytes` of samples.
    pub fn finished(rate_hz: u32, channels: u16, data_bytes: u64) -> Header {
        let mut header = Header::new(rate_hz, channels);
        for (at, size) in header.fix_up(data_bytes) {
            let at = at as usize;
            header.bytes[at..at + 4].copy_from_slice(&size);
        }
        header
    }

    /// What stands before the samples.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The places and bytes to write when `data_bytes` of samples stand in the file. From 4 GiB on, where the
    /// format ends, the sizes say "to the end of the file".
    pub fn fix_up(&self, data_bytes: u64) -> [(u64, [u8; 4]); 2] {
        let len = self.bytes.len() as u64;
        let size = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes();
        [(4, size(len - 8 + data_bytes)), (len - 4, size(data_bytes))]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::audio::goertzel::power_dbfs;
    use crate::audio::tone::Sine;

    fn file(rate_hz: u32, channels: u16, samples: &[i16]) -> Vec<u8> {
        let mut bytes = Header::finished(rate_hz, channels, samples.len() as u64 * 2).as_bytes().to_vec();
        bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        bytes
    }

    #[test]
    fn reads_every_usual_rate_and_channel_count() {
        for rate_hz in [8_000u32, 16_000, 44_100, 48_000] {
            for channels in [1u16, 2] {
                let mut mono = vec![0i16; rate_hz as usize];
                Sine::new(440.0, rate_hz, -12.0).fill(&mut mono);
                let samples: Vec<i16> = mono
                    .iter()
                    .flat_map(|sample| std::iter::repeat_n(*sample, usize::from(channels)))
                    .collect();
                let read = read_mono(&file(rate_hz, channels, &samples)).expect("readable");
                assert_eq!(read.len(), 16_000, "{rate_hz} Hz, {channels} channels");
                let heard = power_dbfs(&read, 440.0, 16_000);
                assert!((heard + 12.0).abs() < 0.3, "{rate_hz} Hz, {channels} channels: {heard}");
            }
        }
    }

    #[test]
    fn three_tracks_keep_apart() {
        let wav = read(&file(16_000, 3, &[1, 2, 3, 4, 5, 6])).expect("readable");
        assert_eq!((wav.rate_hz, wav.channels), (16_000, 3));
        assert_eq!([wav.channel(0), wav.channel(1), wav.channel(2)], [[1, 4], [2, 5], [3, 6]]);
        assert!(wav.channel(3).is_empty());
    }

    #[test]
    fn a_file_cut_anywhere_is_read_as_far_as_it_goes() {
        let samples: Vec<i16> = (0..400).collect();
        let header = Header::new(16_000, 1);
        let mut growing = header.as_bytes().to_vec();
        growing.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        for len in header.as_bytes().len()..growing.len() {
            let wav = read(&growing[..len]).expect("readable when cut");
            assert_eq!(wav.samples, &samples[..(len - 44) / 2]);
        }
        for (at, size) in header.fix_up(200) {
            growing[at as usize..at as usize + 4].copy_from_slice(&size);
        }
        assert_eq!(read(&growing).expect("readable").samples, &samples[..100]);
    }

    #[test]
    fn other_codings_and_extra_parts() {
        let with = |format: u16, bits: u16, sound: &[u8]| {
            let mut bytes = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0".to_vec();
            bytes.extend(format.to_le_bytes());
            bytes.extend(1u16.to_le_bytes());
            bytes.extend(8_000u32.to_le_bytes());
            bytes.extend(8_000u32.to_le_bytes());
            bytes.extend((bits / 8).to_le_bytes());
            bytes.extend(bits.to_le_bytes());
            bytes.extend(b"data");
            bytes.extend((sound.len() as u32).to_le_bytes());
            bytes.extend(sound);
            read(&bytes).map(|wav| wav.samples)
        };
        assert_eq!(with(PCM, 8, &[0, 128, 255]), Ok(vec![-32_768, 0, 32_512]));
        assert_eq!(with(PCM, 24, &[9, 0x34, 0x12]), Ok(vec![0x1234]));
        assert_eq!(with(PCM, 32, &[9, 9, 0x34, 0x12]), Ok(vec![0x1234]));
        assert_eq!(with(FLOAT, 32, &1.0f32.to_le_bytes()), Ok(vec![32_767]));
        assert_eq!(with(ALAW, 8, &[0xD5]), Ok(vec![8]));
        assert_eq!(with(MULAW, 8, &[0xFF]), Ok(vec![0]));
        assert_eq!(with(85, 0, &[0]), Err(WavError::Format { format: 85, bits: 0 }));
    }

    #[test]
    fn what_is_no_wav_says_so() {
        assert_eq!(read(b"ID3\x03something"), Err(WavError::NotWav));
        assert_eq!(read(b"RIFF\0\0\0\0WAVE"), Err(WavError::Missing("format")));
        let no_data = &file(8_000, 1, &[])[..36];
        assert_eq!(read(no_data), Err(WavError::Missing("data")));
        let mut nine = file(8_000, 1, &[1]);
        nine[22] = 9;
        assert_eq!(read(&nine), Err(WavError::Channels(9)));
        let mut no_rate = file(8_000, 1, &[1]);
        no_rate[24..28].fill(0);
        assert_eq!(read(&no_rate), Err(WavError::Rate(0)));
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(
            tail in proptest::collection::vec(any::<u8>(), 0..200),
            keep in 0usize..80,
            at in 0usize..60,
            byte in any::<u8>(),
        ) {
            let mut bytes = file(16_000, 3, &[1, 2, 3]);
            bytes.truncate(keep);
            if let Some(slot) = bytes.get_mut(at) {
                *slot = byte;
            }
            bytes.extend(tail);
            let _ = read_mono(&bytes);
        }
    }
}
