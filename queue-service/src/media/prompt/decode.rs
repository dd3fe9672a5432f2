//! Sound files to samples. What a file is, its contents say and not its name.

use std::io::Cursor;

use shared::audio::RATE_HZ;
use shared::audio::codec::{CodecError, MAX_PACKET_SAMPLES};
use shared::audio::opus;
use shared::audio::resample::{ResampleError, resample_clip};
use shared::audio::wav::{self, WavError};
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

use super::MAX_SECS;

/// The clock of Opus in a file (RFC 7845 §4).
const OPUS_RATE_HZ: u32 = 48_000;
/// The highest rate that is taken.
const MAX_RATE_HZ: u32 = 192_000;

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum SoundError {
    /// A WAV file.
    #[error(transparent)]
    Wav(#[from] WavError),
    /// Any other.
    #[error("decode it: it is neither WAV nor FLAC, MP3, Opus or Vorbis in Ogg, or it is damaged")]
    Format(#[source] Error),
    /// There is no sound in it.
    #[error("decode it: there is no sound in it")]
    NoSound,
    /// A rate that nothing has.
    #[error("decode it: {0} samples a second; 8,000 to {MAX_RATE_HZ} are possible")]
    Rate(u32),
    /// Longer than a prompt may be.
    #[error("decode it: it lasts longer than {MAX_SECS} s")]
    TooLong,
    /// An Opus decoder cannot be made.
    #[error("decode it")]
    Opus(#[from] CodecError),
    /// An Opus packet is damaged.
    #[error("decode it: packet {0} of Opus is damaged")]
    OpusPacket(usize),
    /// The rate cannot be changed.
    #[error("decode it")]
    Resample(#[from] ResampleError),
}

/// The samples of a file at 16 kHz; more channels than one are averaged.
pub(super) fn mono(bytes: Vec<u8>) -> Result<Vec<i16>, SoundError> {
    if bytes.starts_with(b"RIFF") {
        return Ok(wav::read_mono(&bytes)?);
    }
    let source = MediaSourceStream::new(Box::new(Cursor::new(bytes)), Default::default());
    let mut format = symphonia::default::get_probe()
        .probe(&Hint::new(), source, FormatOptions::default(), MetadataOptions::default())
        .map_err(SoundError::Format)?;
    let track = format.default_track(TrackType::Audio).ok_or(SoundError::NoSound)?;
    let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
    let (id, parameters) = (track.id, parameters.ok_or(SoundError::NoSound)?.clone());
    if parameters.codec == CODEC_ID_OPUS {
        decode_opus(format.as_mut(), id)
    } else {
        decode(format.as_mut(), id, &parameters)
    }
}

fn decode(
    format: &mut dyn FormatReader,
    track: u32,
    parameters: &AudioCodecParameters,
) -> Result<Vec<i16>, SoundError> {
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(parameters, &AudioDecoderOptions::default())
        .map_err(SoundError::Format)?;
    let (mut samples, mut block, mut rate_hz) = (Vec::new(), Vec::<i16>::new(), 0);
    while let Some(packet) = format.next_packet().map_err(SoundError::Format)? {
        if packet.track_id != track {
            continue;
        }
        let sound = decoder.decode(&packet).map_err(SoundError::Format)?;
        let channels = sound.spec().channels().count().max(1);
        rate_hz = sound.spec().rate();
        if !(8_000..=MAX_RATE_HZ).contains(&rate_hz) {
            return Err(SoundError::Rate(rate_hz));
        }
        sound.copy_to_vec_interleaved(&mut block);
        samples.extend(block.chunks_exact(channels).map(|frame| {
            let sum: i64 = frame.iter().map(|sample| i64::from(*sample)).sum();
            // A mean of samples is a sample.
            (sum / channels as i64) as i16
        }));
        limit(samples.len(), rate_hz)?;
    }
    if samples.is_empty() {
        return Err(SoundError::NoSound);
    }
    Ok(resample_clip(&samples, rate_hz, RATE_HZ)?)
}

/// Opus comes out at 16 kHz and in one channel, whatever went in (RFC 6716 §4.4).
fn decode_opus(format: &mut dyn FormatReader, track: u32) -> Result<Vec<i16>, SoundError> {
    let mut decoder = opus::Decoder::new()?;
    let (mut samples, mut number) = (Vec::new(), 0);
    while let Some(packet) = format.next_packet().map_err(SoundError::Format)? {
        if packet.track_id != track {
            continue;
        }
        number += 1;
        let mut block = [0; MAX_PACKET_SAMPLES];
        let len = decoder.decode(&packet.data, &mut block);
        if len == 0 {
            return Err(SoundError::OpusPacket(number));
        }
        // What the encoder put before the beginning and behind the end (RFC 7845 §4.2 and §4.4).
        let ours = |ticks: u64| ticks as usize / (OPUS_RATE_HZ / RATE_HZ) as usize;
        let end = len.saturating_sub(ours(packet.trim_end.get()));
        let begin = ours(packet.trim_start.get()).min(end);
        samples.extend_from_slice(block.get(begin..end).unwrap_or_default());
        limit(samples.len(), RATE_HZ)?;
    }
    if samples.is_empty() { Err(SoundError::NoSound) } else { Ok(samples) }
}

fn limit(samples: usize, rate_hz: u32) -> Result<(), SoundError> {
    if samples > MAX_SECS * rate_hz as usize { Err(SoundError::TooLong) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use shared::audio::codec::{Codec, Encoder, MAX_PAYLOAD_BYTES};
    use shared::audio::goertzel::power_dbfs;
    use shared::audio::tone::Sine;

    use super::*;

    /// A second of 440 Hz at -12 dBFS, as other programs wrote it.
    const FLAC: &[u8] = include_bytes!("sounds/tone.flac");
    const VORBIS: &[u8] = include_bytes!("sounds/tone.ogg");
    const MP3: &[u8] = include_bytes!("sounds/tone.mp3");

    /// A page of Ogg (RFC 3533 §6) with whole packets.
    fn page(flags: u8, position: u64, number: u32, packets: &[&[u8]]) -> Vec<u8> {
        let mut page =
            [b"OggS\0".as_slice(), &[flags], &position.to_le_bytes(), &7u32.to_le_bytes()].concat();
        page.extend(number.to_le_bytes());
        page.extend([0; 4]);
        let lacing: Vec<u8> = packets
            .iter()
            .flat_map(|packet| {
                std::iter::repeat_n(255, packet.len() / 255).chain([(packet.len() % 255) as u8])
            })
            .collect();
        page.push(lacing.len() as u8);
        page.extend(lacing);
        page.extend(packets.concat());
        let sum = page.iter().fold(0u32, |sum, octet| {
            (0..8).fold(sum ^ u32::from(*octet) << 24, |sum, _| {
                sum << 1 ^ if sum >> 31 == 1 { 0x04C1_1DB7 } else { 0 }
            })
        });
        page[22..26].copy_from_slice(&sum.to_le_bytes());
        page
    }

    fn opus_file() -> Vec<u8> {
        let mut tone = vec![0; 16_000];
        Sine::new(440.0, 16_000, -12.0).fill(&mut tone);
        let mut encoder = Encoder::new(Codec::Opus, &Default::default()).expect("encoder");
        let packets: Vec<Vec<u8>> = tone
            .chunks(320)
            .map(|samples| {
                let mut payload = [0; MAX_PAYLOAD_BYTES];
                let len = encoder.encode(samples, &mut payload);
                payload[..len].to_vec()
            })
            .collect();
        // RFC 7845 §5.1: version, channels, samples before the beginning, rate, gain, mapping.
        let head =
            [b"OpusHead".as_slice(), &[1, 1], &312u16.to_le_bytes(), &16_000u32.to_le_bytes(), &[0; 3]]
                .concat();
        let tags = [b"OpusTags".as_slice(), &1u32.to_le_bytes(), b"x", &0u32.to_le_bytes()].concat();
        let mut file = [page(2, 0, 0, &[&head]), page(0, 0, 1, &[&tags])].concat();
        let parts: Vec<&[u8]> = packets.iter().map(Vec::as_slice).collect();
        file.extend(page(4, 48_000, 2, &parts));
        file
    }

    #[test]
    fn files_of_every_kind_sound_as_they_should() {
        let files = [
            ("FLAC", FLAC.to_vec()),
            ("Vorbis", VORBIS.to_vec()),
            ("MP3", MP3.to_vec()),
            ("Opus", opus_file()),
        ];
        for (kind, bytes) in files {
            let samples = mono(bytes).unwrap_or_else(|error| panic!("{kind}: {error:?}"));
            assert!((15_500..=16_200).contains(&samples.len()), "{kind}: {} samples", samples.len());
            let heard = power_dbfs(&samples[1_600..14_400], 440.0, 16_000);
            assert!((heard + 12.0).abs() < 1.0, "{kind} at {heard} dBFS");
        }
    }

    #[test]
    fn what_is_damaged_says_so() {
        let mut cut = FLAC[..FLAC.len() / 2].to_vec();
        cut[40..].fill(0xFF);
        let mut opus = opus_file();
        opus.truncate(60);
        for bytes in [Vec::new(), b"ID3 this is no sound".to_vec(), cut, opus, vec![0; 4_096]] {
            assert!(mono(bytes).is_err());
        }
    }
}
