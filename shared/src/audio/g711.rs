//! G.711 at 8 kHz: µ-law (North America, Japan) and A-law (the rest of the world), ITU-T G.711.

use audio_codec_algorithms::{decode_alaw, decode_ulaw, encode_alaw, encode_ulaw};

/// The two companding laws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Law {
    /// µ-law, payload type 0.
    Mu,
    /// A-law, payload type 8.
    A,
}

impl Law {
    /// The octet of a zero sample.
    pub const fn silence(self) -> u8 {
        match self {
            Law::Mu => 0xFF,
            Law::A => 0xD5,
        }
    }
}

/// Encodes 8 kHz samples, one octet each, as many as fit; returns the octets written.
pub fn encode(law: Law, samples: &[i16], output: &mut [u8]) -> usize {
    let len = samples.len().min(output.len());
    match law {
        Law::Mu => output.iter_mut().zip(samples).for_each(|(octet, sample)| *octet = encode_ulaw(*sample)),
        Law::A => output.iter_mut().zip(samples).for_each(|(octet, sample)| *octet = encode_alaw(*sample)),
    }
    len
}

/// Decodes octets to 8 kHz samples, as many as fit; returns the samples written.
pub fn decode(law: Law, payload: &[u8], output: &mut [i16]) -> usize {
    let len = payload.len().min(output.len());
    match law {
        Law::Mu => output.iter_mut().zip(payload).for_each(|(sample, octet)| *sample = decode_ulaw(*octet)),
        Law::A => output.iter_mut().zip(payload).for_each(|(sample, octet)| *sample = decode_alaw(*octet)),
    }
    len
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_decodes_to_almost_nothing() {
        for law in [Law::Mu, Law::A] {
            let mut sample = [99i16];
            assert_eq!(decode(law, &[law.silence()], &mut sample), 1);
            assert!(sample[0].abs() <= 8, "{law:?} gives {}", sample[0]);
        }
    }

    #[test]
    fn every_octet_survives_a_round_trip() {
        for law in [Law::Mu, Law::A] {
            for octet in 0..=255u8 {
                let mut sample = [0i16];
                decode(law, &[octet], &mut sample);
                let mut back = [0u8];
                encode(law, &sample, &mut back);
                let mut again = [0i16];
                decode(law, &back, &mut again);
                // µ-law has two zeros (0x7F and 0xFF), so samples are compared and not octets.
                assert_eq!(sample, again, "{law:?} {octet:#x}");
            }
        }
    }

    #[test]
    fn stops_at_the_shorter_side() {
        assert_eq!(encode(Law::A, &[1, 2, 3], &mut [0; 2]), 2);
        assert_eq!(decode(Law::Mu, &[0xFF], &mut [0; 9]), 1);
    }
}
