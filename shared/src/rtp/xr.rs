//! Extended reports (RFC 3611): the block of VoIP metrics, §4.7.

use serde::{Deserialize, Serialize};

use super::quality::burst::GMIN;

/// The packet type (RFC 3611 §2).
pub const PACKET_TYPE: u8 = 207;
/// Octets of a packet with one block.
pub const PACKET_BYTES: usize = 44;
/// The type of the block.
const VOIP_METRICS: u8 = 7;
/// Words of the block behind its header.
const BLOCK_WORDS: u16 = 8;
/// Not measured (RFC 3611 §4.7.4 and §4.7.5).
const UNAVAILABLE: u8 = 127;
/// Standard concealment, adaptive jitter buffer (RFC 3611 §4.7.6).
const RECEIVER_CONFIGURATION: u8 = 0b1111_0000;

/// How one side hears the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct VoipMetrics {
    /// Who is heard.
    pub ssrc: u32,
    /// Packets lost on the network, in 256ths.
    pub loss: u8,
    /// Packets that came too late, in 256ths.
    pub discarded: u8,
    /// Packets lost or late within bursts, in 256ths.
    pub burst_density: u8,
    /// Within gaps.
    pub gap_density: u8,
    /// The mean length of a burst.
    pub burst_millis: u16,
    /// The mean length of a gap.
    pub gap_millis: u16,
    /// Round trip between both RTP ends.
    pub round_trip_millis: u16,
    /// Delay within the reporter: jitter buffer, codec, packets.
    pub end_system_millis: u16,
    /// The rating of G.107, 0 to 100; none when not measured.
    pub rating: Option<u8>,
    /// The listening score, ten times.
    pub listening_score: Option<u8>,
    /// The conversational score, ten times.
    pub conversational_score: Option<u8>,
    /// The delay that the jitter buffer aims for.
    pub buffer_millis: u16,
    /// The delay that it goes up to.
    pub buffer_max_millis: u16,
}

impl VoipMetrics {
    /// Writes a packet with this block; returns its length, 0 when it does not fit.
    pub fn write_into(&self, reporter: u32, output: &mut [u8]) -> usize {
        let Some(output) = output.get_mut(..PACKET_BYTES) else { return 0 };
        let score = |score: Option<u8>| score.unwrap_or(UNAVAILABLE);
        let mut words = [[0u8; 4]; PACKET_BYTES / 4];
        let pair = |first: u16, second: u16| {
            let ([a, b], [c, d]) = (first.to_be_bytes(), second.to_be_bytes());
            [a, b, c, d]
        };
        let [high, low] = (PACKET_BYTES as u16 / 4 - 1).to_be_bytes();
        words[0] = [0x80, PACKET_TYPE, high, low];
        words[1] = reporter.to_be_bytes();
        let [high, low] = BLOCK_WORDS.to_be_bytes();
        words[2] = [VOIP_METRICS, 0, high, low];
        words[3] = self.ssrc.to_be_bytes();
        words[4] = [self.loss, self.discarded, self.burst_density, self.gap_density];
        words[5] = pair(self.burst_millis, self.gap_millis);
        words[6] = pair(self.round_trip_millis, self.end_system_millis);
        words[7] = [UNAVAILABLE, UNAVAILABLE, UNAVAILABLE, GMIN as u8];
        words[8] =
            [score(self.rating), UNAVAILABLE, score(self.listening_score), score(self.conversational_score)];
        let [high, low] = self.buffer_millis.to_be_bytes();
        words[9] = [RECEIVER_CONFIGURATION, 0, high, low];
        words[10] = pair(self.buffer_max_millis, self.buffer_max_millis);
        output.iter_mut().zip(words.iter().flatten()).for_each(|(slot, octet)| *slot = *octet);
        PACKET_BYTES
    }

    /// The first block of VoIP metrics about `ssrc` in a packet of type 207; other blocks are stepped over.
    pub fn read(packet: &[u8], ssrc: u32) -> Option<Self> {
        let mut rest = packet.get(8..)?;
        loop {
            let &[kind, _, high, low, ..] = rest else { return None };
            let len = (usize::from(u16::from_be_bytes([high, low])) + 1) * 4;
            let block = rest.get(..len)?;
            if kind == VOIP_METRICS
                && let Some(metrics) = VoipMetrics::read_block(block)
                && metrics.ssrc == ssrc
            {
                return Some(metrics);
            }
            rest = rest.get(len..)?;
        }
    }

    fn read_block(block: &[u8]) -> Option<Self> {
        let block: &[u8; 36] = block.try_into().ok()?;
        let pair = |at: usize| u16::from_be_bytes([block[at], block[at + 1]]);
        let score = |at: usize| Some(block[at]).filter(|score| *score != UNAVAILABLE);
        Some(VoipMetrics {
            ssrc: u32::from_be_bytes([block[4], block[5], block[6], block[7]]),
            loss: block[8],
            discarded: block[9],
            burst_density: block[10],
            gap_density: block[11],
            burst_millis: pair(12),
            gap_millis: pair(14),
            round_trip_millis: pair(16),
            end_system_millis: pair(18),
            rating: score(24),
            listening_score: score(26),
            conversational_score: score(27),
            buffer_millis: pair(30),
            buffer_max_millis: pair(32),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn metrics() -> VoipMetrics {
        VoipMetrics {
            ssrc: 0xCAFE_BABE,
            loss: 13,
            discarded: 2,
            burst_density: 200,
            gap_density: 1,
            burst_millis: 340,
            gap_millis: 9_000,
            round_trip_millis: 47,
            end_system_millis: 60,
            rating: Some(81),
            listening_score: Some(41),
            conversational_score: None,
            buffer_millis: 40,
            buffer_max_millis: 300,
        }
    }

    /// Field by field after the figure of RFC 3611 §4.7.
    #[test]
    fn writes_the_block_of_the_recommendation_and_reads_it() {
        let mut packet = [0; 64];
        assert_eq!(metrics().write_into(7, &mut packet), PACKET_BYTES);
        let expected =
            "80cf000a0000000707000008cafebabe0d02c80101542328002f003c7f7f7f10517f297ff0000028012c012c";
        assert_eq!(hex::encode(&packet[..PACKET_BYTES]), expected);
        assert_eq!(VoipMetrics::read(&packet[..PACKET_BYTES], 0xCAFE_BABE), Some(metrics()));
        assert_eq!(VoipMetrics::read(&packet[..PACKET_BYTES], 1), None);
        assert_eq!(metrics().write_into(7, &mut packet[..43]), 0);
    }

    #[test]
    fn blocks_that_lie_are_left() {
        let mut packet = [0; 64];
        metrics().write_into(7, &mut packet);
        for (place, value) in [(8, 6), (10, 0xFF), (11, 7), (11, 9), (11, 0xFF)] {
            let mut changed = packet;
            changed[place] = value;
            assert_eq!(VoipMetrics::read(&changed[..PACKET_BYTES], 0xCAFE_BABE), None, "octet {place}");
        }
        // Behind another block.
        let mut after = packet[..8].to_vec();
        after.extend([4, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]);
        after.extend(&packet[8..PACKET_BYTES]);
        assert_eq!(VoipMetrics::read(&after, 0xCAFE_BABE), Some(metrics()));
    }

    proptest! {
        #[test]
        fn random_octets_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = VoipMetrics::read(&bytes, 0);
        }
    }
}
