//! What legs send: one series of packets for all legs of a kind, made before anything is measured.

use rand::SeedableRng;
use rand::rngs::StdRng;
use shared::audio::Frame;
use shared::audio::codec::Codec;
use shared::audio::tone::Sine;
use shared::rtp::packet::{MAX_PACKET_BYTES, Packet};
use shared::rtp::sender::{Config, Sender};
use shared::rtp::srtp::{Inbound, Master, Outbound, Suite};
use shared::time::Timestamp;

use crate::Outcome;

/// Every so many packets is a pulse, where there are any.
pub const PULSE_PACKETS: usize = 10;
/// µ-law this far from silence is a pulse, or what is left of one.
const LOUD: u8 = 0x30;
/// Samples of PCMU in a millisecond.
const SAMPLES_EACH_MILLI: f64 = 8.0;

/// What a leg says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// A tone.
    Tone,
    /// Silence with a pulse of 20 ms every [`PULSE_PACKETS`]: it is recognised when it comes out again.
    Pulses,
    /// Silence.
    Silence,
}

/// So many packets in `codec`, encrypted when `srtp`.
///
/// # Errors
/// When the codec or the key is refused.
pub fn series(voice: Voice, codec: Codec, srtp: bool, packets: usize) -> Outcome<Vec<Vec<u8>>> {
    let payload_type = codec.static_payload_type().unwrap_or(111);
    let config = Config {
        codec,
        payload_type,
        telephone_event: None,
        comfort_noise: None,
        ptime_millis: 20,
        opus: Default::default(),
    };
    let mut sender = Sender::new(config, &mut StdRng::seed_from_u64(4))?;
    let mut outbound =
        if srtp { Some(Outbound::new(Master::new(Suite::AesCm128HmacSha1_80, &[7; 30])?)) } else { None };
    let tone = || Sine::new(440.0, 16_000, -12.0);
    let mut on_and_on = tone();
    let mut series = Vec::with_capacity(packets);
    for number in 0..packets {
        let mut frame = Frame::SILENCE;
        match voice {
            Voice::Tone => on_and_on.fill(&mut frame.0),
            // Each begins like the others.
            Voice::Pulses if is_pulse(number) => tone().fill(&mut frame.0),
            Voice::Pulses | Voice::Silence => {}
        }
        sender.push(Timestamp::from_micros(number as i64 * 20_000), Some(&frame));
        let mut bytes = [0; MAX_PACKET_BYTES];
        let mut len = sender.poll(&mut bytes);
        if let Some(outbound) = &mut outbound {
            len = outbound.protect(&mut bytes, len)?;
        }
        series.push(bytes[..len].to_vec());
    }
    Ok(series)
}

/// Whether the packet of this number is a pulse.
pub fn is_pulse(number: usize) -> bool {
    number % PULSE_PACKETS == PULSE_PACKETS - 1
}

/// How many milliseconds into its packet a pulse is loud enough to be heard: a tone begins softly, and encoding delays it.
/// What is heard of it later by no more than that was not delayed at all.
///
/// # Errors
/// When the codec is refused.
pub fn pulse_begins_ms() -> Outcome<f64> {
    let mut ear = PulseEar::new(false)?;
    let packets = series(Voice::Pulses, Codec::Pcmu, false, PULSE_PACKETS)?;
    let heard = packets.into_iter().filter_map(|mut packet| ear.hear(&mut packet)).next();
    heard.ok_or_else(|| "a pulse is too soft to be heard".into())
}

/// Looks for the beginnings of pulses in what one leg receives as PCMU.
pub struct PulseEar {
    inbound: Option<Inbound>,
    loud_before: bool,
}

impl PulseEar {
    /// For a leg that receives SRTP or not.
    ///
    /// # Errors
    /// When the key is refused.
    pub fn new(srtp: bool) -> Outcome<PulseEar> {
        let inbound =
            if srtp { Some(Inbound::new(Master::new(Suite::AesCm128HmacSha1_80, &[9; 30])?)) } else { None };
        Ok(PulseEar { inbound, loud_before: false })
    }

    /// Takes a datagram; how many milliseconds of it come before a pulse, when one begins in it.
    pub fn hear(&mut self, datagram: &mut [u8]) -> Option<f64> {
        let len = match &mut self.inbound {
            Some(inbound) => inbound.unprotect(datagram).ok()?,
            None => datagram.len(),
        };
        let packet = Packet::read(datagram.get(..len)?).ok()?;
        // In µ-law the complement of the lower seven bits grows with the level.
        let first = packet.payload.iter().position(|sample| !sample & 0x7F > LOUD);
        let begins = first.filter(|_| !self.loud_before);
        self.loud_before = first.is_some();
        Some(begins? as f64 / SAMPLES_EACH_MILLI)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pulses_are_heard_where_they_begin() {
        let series = series(Voice::Pulses, Codec::Pcmu, false, 30).expect("series");
        let mut ear = PulseEar::new(false).expect("ear");
        let heard: Vec<usize> = series
            .into_iter()
            .enumerate()
            .filter_map(|(number, mut packet)| ear.hear(&mut packet).map(|_| number))
            .collect();
        assert_eq!(heard, [9, 19, 29]);
    }

    #[test]
    fn a_pulse_begins_early_in_its_packet() {
        assert!((0.1..2.0).contains(&pulse_begins_ms().expect("heard")), "{:?}", pulse_begins_ms());
    }

    #[test]
    fn every_codec_has_a_series_and_a_key_changes_it() {
        for codec in [Codec::Pcmu, Codec::Opus] {
            assert!(
                series(Voice::Tone, codec, false, 5).expect("series").iter().all(|bytes| bytes.len() > 20)
            );
        }
        let [plain, secret] = [false, true]
            .map(|srtp| series(Voice::Silence, Codec::Pcmu, srtp, 1).expect("series").remove(0).len());
        assert_eq!(secret, plain + 10);
    }
}
