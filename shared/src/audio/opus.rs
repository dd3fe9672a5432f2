//! Opus (RFC 6716) at 16 kHz mono, with in-band forward error correction and concealment by libopus. In RTP its
//! clock is 48 kHz whatever the audio rate (RFC 7587 §4.1).

use opus::{Application, Bandwidth, Bitrate, Channels};
use serde::{Deserialize, Serialize};

use super::codec::CodecError;
use super::{Frame, RATE_HZ};

/// Bits a second by how wide the sound is: what speech needs with room for the error correction.
const BITRATES: [(u32, i32); 3] = [(8_000, 16_000), (12_000, 20_000), (u32::MAX, 24_000)];
/// Bits a second that an encoder is held to; RFC 7587 §6.1 has 6,000 to 510,000.
const BITRATE_RANGE: std::ops::RangeInclusive<i32> = 6_000..=128_000;
/// Frames of telephone sound in a row after which an encoder leaves out what telephones do not have: one second.
const NARROW_AFTER_FRAMES: u32 = 50;
/// Loss that the encoder prepares for; the error correction is only written when this is above zero.
const EXPECTED_LOSS_PERCENT: u8 = 5;
/// Loss from which the bitrate falls: what is lost to a full line is not helped by more of it.
const HEAVY_LOSS_PERCENT: u8 = 10;

/// How much an encoder makes of its bits. 20 ms of sound took it 38, 77 or 97 µs in the wide band and 19, 35 or 46 µs in
/// the narrow one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Effort {
    /// One way of quantising is tried: for a core that has hardly any time left.
    Least,
    /// Two ways are tried.
    Less,
    /// Two ways and a finer filter.
    #[default]
    Usual,
}

impl Effort {
    /// From 0 to 10 in the words of libopus.
    const fn complexity(self) -> i32 {
        match self {
            Effort::Least => 1,
            Effort::Less => 3,
            Effort::Usual => 5,
        }
    }
}

/// What a receiver wants of an encoder (RFC 7587 §6.1), from its `a=fmtp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameters {
    /// Sound beyond half of this rate is no use to it; 8 to 48 kHz.
    pub max_playback_rate_hz: u32,
    /// Bits a second that it can take on average; none for no limit.
    pub max_average_bitrate: Option<u32>,
    /// It makes use of correction data.
    pub use_inband_fec: bool,
    /// Nothing shall be sent in silence.
    pub use_dtx: bool,
    /// The bitrate shall be constant.
    pub constant_bitrate: bool,
    /// It prefers two channels. We send one all the same, which every receiver takes.
    pub stereo: bool,
}

impl Default for Parameters {
    /// RFC 7587 §6.1, but for the correction: it is offered by nearly everybody who forgets to say so.
    fn default() -> Self {
        Parameters {
            max_playback_rate_hz: 48_000,
            max_average_bitrate: None,
            use_inband_fec: true,
            use_dtx: false,
            constant_bitrate: false,
            stereo: false,
        }
    }
}

impl Parameters {
    /// Our own: mono, 16 kHz, with correction.
    pub const OWN: &str = "useinbandfec=1;maxplaybackrate=16000;sprop-maxcapturerate=16000";

    /// Reads `a=fmtp`. What is not known or out of range is passed over; without any parameter the default holds, else
    /// what is not named has the value of RFC 7587.
    pub fn parse(text: &str) -> Self {
        let mut parameters = Parameters::default();
        if text.trim().is_empty() {
            return parameters;
        }
        parameters.use_inband_fec = false;
        for word in text.split(';') {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let value = value.trim();
            let number = value.parse::<u32>().ok();
            match name.trim().to_ascii_lowercase().as_str() {
                "maxplaybackrate" => {
                    let rate = number.filter(|rate| (8_000..=48_000).contains(rate));
                    parameters.max_playback_rate_hz = rate.unwrap_or(parameters.max_playback_rate_hz);
                }
                "maxaveragebitrate" => {
                    let rate = number.filter(|rate| (6_000..=510_000).contains(rate));
                    parameters.max_average_bitrate = rate.or(parameters.max_average_bitrate);
                }
                "useinbandfec" => parameters.use_inband_fec = value == "1",
                "usedtx" => parameters.use_dtx = value == "1",
                "cbr" => parameters.constant_bitrate = value == "1",
                "stereo" => parameters.stereo = value == "1",
                _ => {}
            }
        }
        parameters
    }

    /// With nothing beyond the telephone band.
    fn narrowed(mut self) -> Self {
        self.max_playback_rate_hz = 8_000;
        self
    }

    /// The bitrate at this loss: within what the receiver takes, and less from [`HEAVY_LOSS_PERCENT`] on, down to two
    /// thirds at 30 %.
    fn bitrate(&self, loss_percent: u8) -> i32 {
        let wanted = BITRATES.iter().find(|(rate, _)| self.max_playback_rate_hz <= *rate);
        let wanted = wanted.map_or(24_000, |(_, bitrate)| *bitrate);
        let limit = self.max_average_bitrate.and_then(|limit| i32::try_from(limit).ok()).unwrap_or(i32::MAX);
        let over = i32::from(loss_percent.clamp(HEAVY_LOSS_PERCENT, 30) - HEAVY_LOSS_PERCENT);
        (wanted.min(limit) * (60 - over) / 60).clamp(*BITRATE_RANGE.start(), *BITRATE_RANGE.end())
    }

    fn bandwidth(&self) -> Bandwidth {
        // RFC 7587 §3.1.1: narrow band to 8 kHz, medium to 12, wide from 16 on; we have no more.
        match self.max_playback_rate_hz {
            ..12_000 => Bandwidth::Narrowband,
            12_000..16_000 => Bandwidth::Mediumband,
            16_000.. => Bandwidth::Wideband,
        }
    }
}

/// Samples to Opus packets.
#[derive(Debug)]
pub struct Encoder {
    inner: opus::Encoder,
    parameters: Parameters,
    loss_percent: u8,
    effort: Effort,
    /// Frames of telephone sound in a row; none before it was told.
    narrow_frames: Option<u32>,
}

/// Opus packets to samples.
#[derive(Debug)]
pub struct Decoder(opus::Decoder);

impl Encoder {
    /// A speech encoder for a receiver with these wishes.
    pub fn new(parameters: &Parameters) -> Result<Self, CodecError> {
        let mut inner =
            opus::Encoder::new(RATE_HZ, Channels::Mono, Application::Voip).map_err(CodecError::Opus)?;
        inner.set_complexity(Effort::default().complexity()).map_err(CodecError::Opus)?;
        inner.set_max_bandwidth(parameters.bandwidth()).map_err(CodecError::Opus)?;
        inner.set_inband_fec(parameters.use_inband_fec).map_err(CodecError::Opus)?;
        inner.set_dtx(parameters.use_dtx).map_err(CodecError::Opus)?;
        inner.set_vbr(!parameters.constant_bitrate).map_err(CodecError::Opus)?;
        let mut encoder = Encoder {
            inner,
            parameters: *parameters,
            loss_percent: 0,
            effort: Effort::default(),
            narrow_frames: None,
        };
        encoder.set_expected_loss(EXPECTED_LOSS_PERCENT);
        Ok(encoder)
    }

    /// Tells the encoder what the far side loses, in percent: some loss puts more bits into the correction, much takes
    /// bits away.
    pub fn set_expected_loss(&mut self, percent: u8) {
        let percent = percent.min(100);
        if percent == self.loss_percent {
            return;
        }
        self.loss_percent = percent;
        // It lies within what libopus takes, so it cannot refuse.
        let _ = self.inner.set_packet_loss_perc(i32::from(percent));
        self.set_up();
    }

    /// Tells the encoder about the next 20 ms: how much it may make of them, and whether they come from telephones alone.
    /// Such sound has nothing beyond 4 kHz, and without the upper half an encoder needs half of the time and two thirds of
    /// the bits.
    pub fn prepare(&mut self, effort: Effort, is_narrow: bool) {
        if effort != self.effort {
            self.effort = effort;
            // Within what libopus takes.
            let _ = self.inner.set_complexity(effort.complexity());
        }
        let was_narrow = self.is_narrow();
        self.narrow_frames = Some(match self.narrow_frames {
            _ if !is_narrow => 0,
            // libopus goes from one band to another in some seconds, and best in a pause: it begins right.
            None => NARROW_AFTER_FRAMES,
            Some(frames) => frames.saturating_add(1),
        });
        if self.is_narrow() != was_narrow {
            self.set_up();
        }
    }

    fn is_narrow(&self) -> bool {
        self.narrow_frames.is_some_and(|frames| frames >= NARROW_AFTER_FRAMES)
    }

    fn set_up(&mut self) {
        let parameters = if self.is_narrow() { self.parameters.narrowed() } else { self.parameters };
        // Both lie within what libopus takes.
        let _ = self.inner.set_max_bandwidth(parameters.bandwidth());
        let _ = self.inner.set_bitrate(Bitrate::Bits(parameters.bitrate(self.loss_percent)));
    }

    /// Encodes 10, 20, 40 or 60 ms; returns the octets written, 0 when the length is another, nothing fits, or silence
    /// needs no packet (DTX, RFC 7587 §3.1.3).
    pub fn encode(&mut self, samples: &[i16], output: &mut [u8]) -> usize {
        if output.is_empty() {
            return 0;
        }
        let len = self.inner.encode(samples, output).unwrap_or(0);
        if self.parameters.use_dtx && len <= 2 { 0 } else { len }
    }
}

impl Decoder {
    /// A decoder without history.
    pub fn new() -> Result<Self, CodecError> {
        Ok(Decoder(opus::Decoder::new(RATE_HZ, Channels::Mono).map_err(CodecError::Opus)?))
    }

    /// Decodes one packet of up to 120 ms; returns the samples written, 0 when it is no Opus packet.
    pub fn decode(&mut self, payload: &[u8], output: &mut [i16]) -> usize {
        if payload.is_empty() || output.is_empty() {
            return 0;
        }
        self.0.decode(payload, output, false).unwrap_or(0)
    }

    /// Makes up 20 ms for a packet that did not come.
    pub fn conceal(&mut self, frame: &mut Frame) {
        if self.0.decode(&[], &mut frame.0, false).is_err() {
            *frame = Frame::SILENCE;
        }
    }

    /// Makes up the 20 ms before `next` from the correction data inside `next` (RFC 6716 §2.1.7); without such
    /// data libopus conceals. True when there was some.
    pub fn recover(&mut self, next: &[u8], frame: &mut Frame) -> bool {
        if next.is_empty() || self.0.decode(next, &mut frame.0, true).is_err() {
            self.conceal(frame);
            return false;
        }
        mends(next)
    }

    /// Forgets what came before.
    pub fn reset(&mut self) {
        // Resetting has no failure in libopus.
        let _ = self.0.reset_state();
    }
}

/// Whether a packet carries correction data for the one before it: the low bit-rate redundancy of its first SILK frame.
///
/// RFC 6716 §3.1: configurations 0 to 15 have SILK; with code 0 or 1 the first frame follows the first octet (§3.2), and our
/// far sides send one frame a packet. §4.2.3: one bit of voice activity for each SILK frame, then the flag; each costs a whole
/// bit of the range coder, so they stand in the frame's first octet as they are.
pub fn mends(payload: &[u8]) -> bool {
    let [toc, first, ..] = payload else { return false };
    let (configuration, code) = (toc >> 3, toc & 3);
    // 10 and 20 ms are one SILK frame, 40 and 60 ms two and three.
    let silk_frames = match (configuration, configuration % 4) {
        (0..12, 2) => 2,
        (0..12, 3) => 3,
        _ => 1,
    };
    configuration < 16 && code < 2 && first >> (7 - silk_frames) & 1 == 1
}

/// Samples at 16 kHz that `payload` will decode to; `None` when it is no Opus packet.
pub fn len_samples(payload: &[u8]) -> Option<usize> {
    if payload.is_empty() {
        return None;
    }
    opus::packet::get_nb_samples(payload, RATE_HZ).ok().filter(|samples| *samples > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::goertzel::power_dbfs;
    use crate::audio::tone::Sine;

    #[test]
    fn reads_the_parameters_of_phones() {
        let default = Parameters::default();
        for (text, expected) in [
            ("", default),
            ("useinbandfec=1", default),
            ("minptime=10; useinbandfec=1", default),
            (
                "maxplaybackrate=8000;stereo=1",
                Parameters { max_playback_rate_hz: 8_000, stereo: true, use_inband_fec: false, ..default },
            ),
            (
                "MaxAverageBitrate=20000 ; usedtx=1;cbr=1;useinbandfec=1",
                Parameters {
                    max_average_bitrate: Some(20_000),
                    use_dtx: true,
                    constant_bitrate: true,
                    ..default
                },
            ),
            (
                "maxaveragebitrate=1;maxplaybackrate=99999;useinbandfec=x;;=;a=b",
                Parameters { use_inband_fec: false, ..default },
            ),
        ] {
            assert_eq!(Parameters::parse(text), expected, "{text}");
        }
        assert_eq!(Parameters::parse(Parameters::OWN).max_playback_rate_hz, 16_000);
    }

    #[test]
    fn the_bitrate_follows_width_limit_and_loss() {
        let rate = |text: &str, loss| Parameters::parse(text).bitrate(loss);
        assert_eq!(
            [0, 5, 10, 20, 30, 90].map(|loss| rate("", loss)),
            [24_000, 24_000, 24_000, 20_000, 16_000, 16_000]
        );
        assert_eq!(rate("maxplaybackrate=8000", 0), 16_000);
        assert_eq!(rate("maxaveragebitrate=9000", 0), 9_000);
        assert_eq!(rate("maxaveragebitrate=6000", 40), 6_000);
    }

    /// Octets for a second of sound, and its tone of 6 kHz after decoding.
    fn second(parameters: &Parameters, level_dbfs: f32) -> (usize, f32) {
        let mut samples = vec![0i16; 16_000];
        Sine::new(6_000.0, 16_000, level_dbfs).fill(&mut samples);
        let (mut encoder, mut decoder) =
            (Encoder::new(parameters).expect("encoder"), Decoder::new().expect("decoder"));
        let (mut octets, mut output) = (0, Vec::new());
        for frame in samples.chunks(320) {
            let mut payload = [0; 1_275];
            let len = encoder.encode(frame, &mut payload);
            octets += len;
            let mut decoded = [0; 1_920];
            let written = decoder.decode(&payload[..len], &mut decoded);
            output.extend_from_slice(&decoded[..written]);
        }
        let heard = if output.len() > 8_000 { power_dbfs(&output[4_000..], 6_000.0, 16_000) } else { -120.0 };
        (octets, heard)
    }

    #[test]
    fn a_narrow_receiver_gets_no_wide_sound_and_dtx_sends_little() {
        let (_, wide) = second(&Parameters::default(), -12.0);
        let (_, narrow) = second(&Parameters::parse("maxplaybackrate=8000"), -12.0);
        assert!(wide > -20.0 && narrow < -40.0, "{wide} and {narrow} dBFS");
        let (sent, _) = second(&Parameters::default(), -120.0);
        let (saved, _) = second(&Parameters::parse("usedtx=1"), -120.0);
        assert!(saved * 2 < sent, "{saved} of {sent} octets");
    }

    #[test]
    fn sound_of_telephones_is_encoded_in_their_band_and_what_has_more_is_not() {
        let mut samples = vec![0i16; 320];
        Sine::new(437.0, 16_000, -12.0).fill(&mut samples);
        let mut encoder = Encoder::new(&Parameters::default()).expect("encoder");
        let mut bands = |is_narrow, frames: usize| -> Vec<u8> {
            let mut bands = Vec::new();
            for _ in 0..frames {
                let mut payload = [0; 1_275];
                encoder.prepare(Effort::Least, is_narrow);
                assert!(encoder.encode(&samples, &mut payload) > 0);
                // RFC 6716 §3.1: configurations 0 to 3 are the narrow band of SILK, 8 to 11 its wide band.
                bands.push(payload[0] >> 3);
            }
            bands
        };
        assert!(bands(true, 20).iter().all(|band| *band < 4), "it begins narrow");
        let wide = bands(false, 500);
        assert!(wide[499] >= 8 && wide[499] < 12, "{wide:?}");
        assert!(bands(true, NARROW_AFTER_FRAMES as usize - 1).iter().all(|band| *band >= 8), "for a second");
        assert!(bands(true, 1_000)[999] < 4, "and is narrow again");
    }
}
