//! The codecs of a leg: which ones there are, and an encoder and a decoder that hide which one it is.
//!
//! Adding one is an arm in [`Codec`], [`Encoder`] and [`Decoder`].

use std::fmt;

use serde::{Deserialize, Serialize};

use super::g711::{self, Law};
use super::plc::Concealer;
use super::resample::{Double, Halve};
use super::{Frame, g722, opus};
use crate::ahead;

/// Samples at 16 kHz of the longest packet that is taken: 120 ms.
pub const MAX_PACKET_SAMPLES: usize = 1_920;
/// Octets of the longest payload that [`Encoder::encode`] writes for 60 ms.
pub const MAX_PAYLOAD_BYTES: usize = 1_275;

/// A voice codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.722, 7 kHz of sound at 64 kbit/s.
    G722,
    /// Opus.
    Opus,
}

impl Codec {
    /// Every codec, best sound first.
    pub const ALL: [Codec; 4] = [Codec::Opus, Codec::G722, Codec::Pcma, Codec::Pcmu];

    /// Ticks a second of the RTP timestamp. Opus always has 48 kHz (RFC 7587 §4.1), G.722 half of its sample rate (RFC
    /// 3551 §4.5.2).
    pub const fn clock_rate_hz(self) -> u32 {
        match self {
            Codec::Pcmu | Codec::Pcma | Codec::G722 => 8_000,
            Codec::Opus => 48_000,
        }
    }

    /// Ticks of one [`Frame`].
    pub const fn ticks_per_frame(self) -> u32 {
        self.clock_rate_hz() / 50
    }

    /// How much later sound comes out that goes through an encoder and a decoder, in samples at 16 kHz: the filters between
    /// 8 and 16 kHz, the two bands of G.722. What Opus looks ahead is not told.
    pub const fn delay_samples(self) -> usize {
        match self {
            Codec::Pcmu | Codec::Pcma => 45,
            Codec::G722 => 22,
            Codec::Opus => 0,
        }
    }

    /// Whether it carries the telephone band alone.
    pub const fn is_narrow(self) -> bool {
        matches!(self, Codec::Pcmu | Codec::Pcma)
    }

    /// The encoding name in `a=rtpmap` (RFC 3551 §6, RFC 7587 §6).
    pub const fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
            Codec::G722 => "G722",
            Codec::Opus => "opus",
        }
    }

    /// The payload type that needs no `a=rtpmap` (RFC 3551 §6).
    pub const fn static_payload_type(self) -> Option<u8> {
        match self {
            Codec::Pcmu => Some(0),
            Codec::Pcma => Some(8),
            Codec::G722 => Some(9),
            Codec::Opus => None,
        }
    }

    /// Ticks that `payload` lasts; `None` when it is no payload of this codec.
    pub fn ticks(self, payload: &[u8]) -> Option<u32> {
        match self {
            // An octet is one tick of each of them.
            Codec::Pcmu | Codec::Pcma | Codec::G722 => {
                u32::try_from(payload.len()).ok().filter(|ticks| *ticks > 0)
            }
            Codec::Opus => opus::len_samples(payload).and_then(|len| u32::try_from(len * 3).ok()),
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why an encoder or a decoder cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// libopus refused, which in practice means no memory.
    #[error("set up opus")]
    Opus(#[source] ::opus::Error),
}

/// 16 kHz samples to payloads.
#[derive(Debug)]
pub enum Encoder {
    /// G.711 with its filter.
    G711 {
        /// Which companding.
        law: Law,
        /// 16 to 8 kHz.
        halve: Halve,
    },
    /// G.722.
    G722(Box<g722::Encoder>),
    /// Opus.
    Opus(opus::Encoder),
}

impl Encoder {
    /// An encoder without history. `opus` is what the far side wants of Opus.
    pub fn new(codec: Codec, opus: &opus::Parameters) -> Result<Self, CodecError> {
        Ok(match codec {
            Codec::Pcmu => Encoder::G711 { law: Law::Mu, halve: Halve::default() },
            Codec::Pcma => Encoder::G711 { law: Law::A, halve: Halve::default() },
            Codec::G722 => Encoder::G722(Box::default()),
            Codec::Opus => Encoder::Opus(opus::Encoder::new(opus)?),
        })
    }

    /// Encodes `samples` (`&frame.0`, or 10, 40, 60 ms; G.711 takes any even length up to 120 ms). Returns the
    /// octets written; 0 when the length is not possible or `output` is too small.
    pub fn encode(&mut self, samples: &[i16], output: &mut [u8]) -> usize {
        match self {
            Encoder::G711 { law, halve } => {
                let mut narrow = [0i16; MAX_PACKET_SAMPLES / 2];
                if samples.len() > MAX_PACKET_SAMPLES || output.len() < samples.len() / 2 {
                    return 0;
                }
                let len = halve.process(samples, &mut narrow);
                g711::encode(*law, &narrow[..len], output)
            }
            Encoder::G722(_) if samples.len() > MAX_PACKET_SAMPLES || output.len() < samples.len() / 2 => 0,
            Encoder::G722(encoder) => encoder.encode(samples, output),
            Encoder::Opus(encoder) => encoder.encode(samples, output),
        }
    }

    /// Tells the codec about the next 20 ms ([`opus::Encoder::prepare`]). Only Opus has a use for it.
    pub fn prepare(&mut self, effort: opus::Effort, is_narrow: bool) {
        if let Encoder::Opus(encoder) = self {
            encoder.prepare(effort, is_narrow);
        }
    }

    /// Tells the codec what the far side loses, in percent. Only Opus has a use for it.
    pub fn set_expected_loss(&mut self, percent: u8) {
        match self {
            Encoder::G711 { .. } | Encoder::G722(_) => {}
            Encoder::Opus(encoder) => encoder.set_expected_loss(percent),
        }
    }
}

/// Payloads to 16 kHz samples, with concealment of what is missing.
#[derive(Debug)]
pub enum Decoder {
    /// G.711 with its filter and its concealment.
    G711 {
        /// Which companding.
        law: Law,
        /// 8 to 16 kHz.
        double: Double,
        /// Makes up what is lost.
        concealer: Box<Concealer>,
    },
    /// G.722 with its concealment.
    G722 {
        /// Both bands.
        decoder: Box<g722::Decoder>,
        /// Makes up what is lost.
        concealer: Box<Concealer>,
    },
    /// Opus, which conceals by itself.
    Opus(opus::Decoder),
}

impl Decoder {
    /// A decoder without history.
    pub fn new(codec: Codec) -> Result<Self, CodecError> {
        let g711 = |law| Decoder::G711 { law, double: Double::default(), concealer: Box::default() };
        Ok(match codec {
            Codec::Pcmu => g711(Law::Mu),
            Codec::Pcma => g711(Law::A),
            Codec::G722 => Decoder::G722 { decoder: Box::default(), concealer: Box::default() },
            Codec::Opus => Decoder::Opus(opus::Decoder::new()?),
        })
    }

    /// Asks ahead for what decoding needs ([`crate::ahead`]). What Opus has, only libopus knows.
    pub fn fetch(&self) {
        ahead::fetch_whole(self);
        match self {
            Decoder::G711 { concealer, .. } => concealer.fetch(),
            Decoder::G722 { decoder, concealer } => {
                ahead::fetch_whole(&**decoder);
                concealer.fetch();
            }
            Decoder::Opus(_) => {}
        }
    }

    /// Decodes one packet. `output` should hold [`MAX_PACKET_SAMPLES`]; `&mut frame.0` does for packets of
    /// 20 ms, and what does not fit is cut. Returns the samples written, 0 for a damaged packet.
    pub fn decode(&mut self, payload: &[u8], output: &mut [i16]) -> usize {
        match self {
            Decoder::G711 { law, double, concealer } => {
                let mut narrow = [0i16; MAX_PACKET_SAMPLES / 2];
                let len = g711::decode(*law, payload, &mut narrow);
                let written = double.process(&narrow[..len], output);
                concealer.good(&mut output[..written]);
                written
            }
            Decoder::G722 { decoder, concealer } => {
                let written = decoder.decode(payload, output);
                concealer.good(&mut output[..written]);
                written
            }
            Decoder::Opus(decoder) => {
                if output.len() >= MAX_PACKET_SAMPLES {
                    return decoder.decode(payload, output);
                }
                let mut whole = [0i16; MAX_PACKET_SAMPLES];
                let written = decoder.decode(payload, &mut whole).min(output.len());
                output[..written].copy_from_slice(&whole[..written]);
                written
            }
        }
    }

    /// Makes up 20 ms for what did not come; a long gap fades to silence.
    pub fn conceal(&mut self, frame: &mut Frame) {
        match self {
            Decoder::G711 { concealer, .. } | Decoder::G722 { concealer, .. } => concealer.conceal(frame),
            Decoder::Opus(decoder) => decoder.conceal(frame),
        }
    }

    /// Makes up the 20 ms before the packet `next`, which may carry correction data for them; true when it did.
    pub fn recover(&mut self, next: &[u8], frame: &mut Frame) -> bool {
        match self {
            Decoder::G711 { concealer, .. } | Decoder::G722 { concealer, .. } => {
                concealer.conceal(frame);
                false
            }
            Decoder::Opus(decoder) => decoder.recover(next, frame),
        }
    }

    /// Makes up how the sound goes on, for codecs that can do so by the sample; returns how many samples were written, all
    /// or none.
    pub fn make_up(&mut self, samples: &mut [i16]) -> usize {
        match self {
            Decoder::G711 { concealer, .. } | Decoder::G722 { concealer, .. } => {
                concealer.make_up(samples);
                samples.len()
            }
            Decoder::Opus(_) => 0,
        }
    }

    /// Goes on where another decoder of the same codec is. Opus keeps what it remembers to itself: it begins anew.
    pub fn take_over(&mut self, other: &Decoder) {
        match (self, other) {
            (
                Decoder::G711 { double, concealer, .. },
                Decoder::G711 { double: doubled, concealer: made, .. },
            ) => {
                *double = doubled.clone();
                concealer.clone_from(made);
            }
            (Decoder::G722 { decoder, concealer }, Decoder::G722 { decoder: other, concealer: made }) => {
                decoder.clone_from(other);
                concealer.clone_from(made);
            }
            (decoder, _) => decoder.reset(),
        }
    }

    /// Forgets what came before: the stream begins anew or was not decoded for a while.
    pub fn reset(&mut self) {
        match self {
            Decoder::G711 { double, concealer, .. } => {
                *double = Double::default();
                **concealer = Concealer::default();
            }
            Decoder::G722 { decoder, concealer } => {
                **decoder = g722::Decoder::default();
                **concealer = Concealer::default();
            }
            Decoder::Opus(decoder) => decoder.reset(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::goertzel;
    use crate::audio::tone::Sine;

    /// Signal to noise in dB of `output` against `input`, at the delay that fits best.
    fn snr_db(input: &[i16], output: &[i16]) -> f32 {
        let span = input.len() - 2_000;
        (0..800)
            .map(|delay| {
                let (mut signal, mut noise) = (0.0f64, 0.0f64);
                for index in 1_000..span {
                    let sent = f64::from(input[index]);
                    signal += sent * sent;
                    noise += (sent - f64::from(output[index + delay])).powi(2);
                }
                (10.0 * (signal / noise.max(1.0)).log10()) as f32
            })
            .fold(f32::MIN, f32::max)
    }

    fn voice_like(len: usize) -> Vec<i16> {
        let mut samples = vec![0i16; len];
        for (hz, level) in [(220.0, -14.0), (440.0, -18.0), (1_320.0, -24.0), (2_640.0, -30.0)] {
            let mut part = vec![0i16; len];
            Sine::new(hz, 16_000, level).fill(&mut part);
            samples.iter_mut().zip(part).for_each(|(sum, sample)| *sum += sample);
        }
        samples
    }

    fn round_trip(codec: Codec, packet_samples: usize) -> f32 {
        let input = voice_like(16_000 / packet_samples * packet_samples);
        let mut encoder = Encoder::new(codec, &Default::default()).expect("encoder");
        let mut decoder = Decoder::new(codec).expect("decoder");
        let mut output = Vec::new();
        for samples in input.chunks(packet_samples) {
            let mut payload = [0u8; MAX_PAYLOAD_BYTES];
            let len = encoder.encode(samples, &mut payload);
            assert!(len > 0, "{codec} writes {packet_samples} samples");
            assert_eq!(
                codec.ticks(&payload[..len]),
                Some(packet_samples as u32 * codec.clock_rate_hz() / 16_000)
            );
            let mut decoded = [0i16; MAX_PACKET_SAMPLES];
            let written = decoder.decode(&payload[..len], &mut decoded);
            assert_eq!(written, packet_samples);
            output.extend_from_slice(&decoded[..written]);
        }
        snr_db(&input, &output)
    }

    #[test]
    fn codecs_keep_the_sound() {
        // ITU-T G.711 quantising gives about 37 dB on a sine; Opus is no waveform codec and gets less.
        let cases = [
            (Codec::Pcmu, 320, 33.0),
            (Codec::Pcma, 320, 33.0),
            (Codec::Pcma, 160, 33.0),
            (Codec::Pcmu, 480, 33.0),
            (Codec::Pcmu, 960, 33.0),
            (Codec::G722, 160, 20.0),
            (Codec::G722, 320, 20.0),
            (Codec::G722, 480, 20.0),
            (Codec::G722, 640, 20.0),
            (Codec::G722, 960, 20.0),
            (Codec::Opus, 320, 10.0),
            (Codec::Opus, 160, 8.0),
            (Codec::Opus, 640, 10.0),
            (Codec::Opus, 960, 10.0),
        ];
        for (codec, packet_samples, at_least) in cases {
            let snr = round_trip(codec, packet_samples);
            assert!(snr >= at_least, "{codec} with {packet_samples} samples a packet: {snr:.1} dB");
        }
    }

    /// What goes through an encoder and a decoder comes out so much later.
    #[test]
    fn the_delay_of_a_codec_is_known() {
        let input = voice_like(16_000);
        for codec in [Codec::Pcmu, Codec::Pcma, Codec::G722] {
            let mut encoder = Encoder::new(codec, &Default::default()).expect("encoder");
            let mut decoder = Decoder::new(codec).expect("decoder");
            let mut output = Vec::new();
            for samples in input.chunks(320) {
                let mut payload = [0u8; MAX_PAYLOAD_BYTES];
                let len = encoder.encode(samples, &mut payload);
                let mut frame = Frame::SILENCE;
                decoder.decode(&payload[..len], &mut frame.0);
                output.extend_from_slice(&frame.0);
            }
            let difference = |delay: usize| -> i64 {
                let pairs = input[1_000..9_000].iter().zip(&output[1_000 + delay..]);
                pairs.map(|(left, right)| i64::from(left.abs_diff(*right))).sum()
            };
            let best = (0..200).min_by_key(|delay| difference(*delay));
            assert_eq!(best, Some(codec.delay_samples()), "{codec}");
        }
    }

    #[test]
    fn a_short_output_takes_the_beginning() {
        for codec in Codec::ALL {
            let mut payload = [0u8; MAX_PAYLOAD_BYTES];
            let len = Encoder::new(codec, &Default::default())
                .expect("encoder")
                .encode(&[1_000; 640], &mut payload);
            let mut frame = Frame::SILENCE;
            let mut decoder = Decoder::new(codec).expect("decoder");
            assert_eq!(decoder.decode(&payload[..len], &mut frame.0), 320, "{codec}");
        }
    }

    #[test]
    fn opus_recovers_a_lost_packet_from_the_next_one() {
        let input = voice_like(16_000);
        let mut encoder = Encoder::new(Codec::Opus, &Default::default()).expect("encoder");
        encoder.set_expected_loss(20);
        let payloads: Vec<Vec<u8>> = input
            .chunks(320)
            .map(|samples| {
                let mut payload = [0u8; MAX_PAYLOAD_BYTES];
                let len = encoder.encode(samples, &mut payload);
                payload[..len].to_vec()
            })
            .collect();
        let mut decoder = Decoder::new(Codec::Opus).expect("decoder");
        let mut frame = Frame::SILENCE;
        let lost = (30..40).find(|index| opus::mends(&payloads[index + 1])).expect("correction data");
        for (index, payload) in payloads.iter().enumerate().take(40) {
            if index == lost {
                assert!(decoder.recover(&payloads[lost + 1], &mut frame), "it carries correction data");
                let heard = goertzel::power_dbfs(&frame.0, 220.0, 16_000);
                assert!(heard > -24.0, "recovered at {heard} dBFS");
            } else {
                assert_eq!(decoder.decode(payload, &mut frame.0), 320);
            }
        }
    }

    #[test]
    fn correction_data_are_seen_where_there_are_some() {
        let input = voice_like(16_000);
        for (loss_percent, has) in [(0, false), (20, true)] {
            let mut encoder = Encoder::new(Codec::Opus, &Default::default()).expect("encoder");
            encoder.set_expected_loss(loss_percent);
            let mut payload = [0u8; MAX_PAYLOAD_BYTES];
            let mending = input.chunks(320).filter(|samples| {
                let len = encoder.encode(samples, &mut payload);
                opus::mends(&payload[..len])
            });
            let (mending, all) = (mending.count(), input.len() / 320);
            assert_eq!(mending > all * 4 / 5, has, "{mending} of {all} at {loss_percent} % loss");
            assert!(has || mending == 0, "{mending} without loss");
        }
        assert!(!opus::mends(&[]) && !opus::mends(&[0x08]) && !opus::mends(&[0xFF, 0xFF]));
    }

    #[test]
    fn damage_gives_no_samples_and_no_panic() {
        let mut decoder = Decoder::new(Codec::Opus).expect("decoder");
        assert_eq!(decoder.decode(&[], &mut [0; MAX_PACKET_SAMPLES]), 0);
        assert_eq!(decoder.decode(&[0xFF], &mut [0; MAX_PACKET_SAMPLES]), 0);
        assert_eq!(Codec::Opus.ticks(&[0xFF, 0xFF]), None);
        assert_eq!(Codec::Pcmu.ticks(&[]), None);
        let mut encoder = Encoder::new(Codec::Pcmu, &Default::default()).expect("encoder");
        assert_eq!(encoder.encode(&[0; 320], &mut [0; 10]), 0);
    }
}
