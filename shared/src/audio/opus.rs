//! Opus (RFC 6716) at 16 kHz mono, with in-band forward error correction and concealment by libopus. In RTP its
//! clock is 48 kHz whatever the audio rate (RFC 7587 §4.1).

use opus::{Application, Bitrate, Channels};

use super::codec::CodecError;
use super::{Frame, RATE_HZ};

/// Bits a second: wideband speech with room for the error correction.
const BITRATE: i32 = 24_000;
/// libopus' effort from 0 to 10; 5 keeps an encoder at about 150 µs for 20 ms.
const COMPLEXITY: i32 = 5;
/// Loss that the encoder prepares for; the error correction is only written when this is above zero.
const EXPECTED_LOSS_PERCENT: i32 = 5;

/// Samples to Opus packets.
#[derive(Debug)]
pub struct Encoder(opus::Encoder);

/// Opus packets to samples.
#[derive(Debug)]
pub struct Decoder(opus::Decoder);

impl Encoder {
    /// A speech encoder with in-band error correction.
    pub fn new() -> Result<Self, CodecError> {
        let mut inner =
            opus::Encoder::new(RATE_HZ, Channels::Mono, Application::Voip).map_err(CodecError::Opus)?;
        inner.set_bitrate(Bitrate::Bits(BITRATE)).map_err(CodecError::Opus)?;
        inner.set_complexity(COMPLEXITY).map_err(CodecError::Opus)?;
        inner.set_inband_fec(true).map_err(CodecError::Opus)?;
        inner.set_packet_loss_perc(EXPECTED_LOSS_PERCENT).map_err(CodecError::Opus)?;
        Ok(Encoder(inner))
    }

    /// Tells the encoder what the far side loses, in percent; more loss puts more bits into the correction.
    pub fn set_expected_loss(&mut self, percent: u8) {
        // 0 to 100 is what libopus takes, so it cannot refuse.
        let _ = self.0.set_packet_loss_perc(i32::from(percent.min(100)));
    }

    /// Encodes 10, 20, 40 or 60 ms; returns the octets written, 0 when the length is another or nothing fits.
    pub fn encode(&mut self, samples: &[i16], output: &mut [u8]) -> usize {
        if output.is_empty() {
            return 0;
        }
        self.0.encode(samples, output).unwrap_or(0)
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
    /// data libopus conceals.
    pub fn recover(&mut self, next: &[u8], frame: &mut Frame) {
        if next.is_empty() || self.0.decode(next, &mut frame.0, true).is_err() {
            self.conceal(frame);
        }
    }

    /// Forgets what came before.
    pub fn reset(&mut self) {
        // Resetting has no failure in libopus.
        let _ = self.0.reset_state();
    }
}

/// Samples at 16 kHz that `payload` will decode to; `None` when it is no Opus packet.
pub fn len_samples(payload: &[u8]) -> Option<usize> {
    if payload.is_empty() {
        return None;
    }
    opus::packet::get_nb_samples(payload, RATE_HZ).ok().filter(|samples| *samples > 0)
}
