//! Reading and writing RTP packets (RFC 3550 §5.1). The only file that knows rtp-rs.

use rtp_rs::{RtpPacketBuilder, RtpReader, Seq};

/// Octets of the longest packet that is written or kept: an Ethernet frame without its IP and UDP headers.
pub const MAX_PACKET_BYTES: usize = 1_472;
/// Octets of the header that we write.
pub const HEADER_BYTES: usize = 12;

/// Why octets are no RTP packet that we take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Shorter than its header says, another version, or a wrong padding.
    #[error("read an RTP packet: it is malformed")]
    Malformed,
    /// RTCP on the same port (RFC 5761 §4): payload types 64 to 95 are not RTP.
    #[error("read an RTP packet: it is an RTCP packet")]
    Rtcp,
}

/// A packet that was read; it borrows the datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Payload type, 0 to 127.
    pub payload_type: u8,
    /// The marker: the first packet after silence (RFC 3551 §4.1).
    pub marker: bool,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp in ticks of the codec's clock.
    pub timestamp: u32,
    /// Who sends.
    pub ssrc: u32,
    /// The payload without padding.
    pub payload: &'a [u8],
}

/// Whether a datagram on a shared port is RTCP (RFC 5761 §4).
pub fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram, [first, second, ..] if first >> 6 == 2 && (192..=223).contains(second))
}

impl<'a> Packet<'a> {
    /// Reads a datagram with the checks of RFC 3550 appendix A.1. Contributing sources and header extensions are
    /// skipped.
    pub fn read(datagram: &'a [u8]) -> Result<Self, PacketError> {
        if is_rtcp(datagram) {
            return Err(PacketError::Rtcp);
        }
        let reader = RtpReader::new(datagram).map_err(|_| PacketError::Malformed)?;
        Ok(Packet {
            payload_type: reader.payload_type(),
            marker: reader.mark(),
            sequence: reader.sequence_number().into(),
            timestamp: reader.timestamp(),
            ssrc: reader.ssrc(),
            payload: reader.payload(),
        })
    }

    /// Writes the packet into `output`; returns its length, `None` when it does not fit.
    pub fn write_into(&self, output: &mut [u8]) -> Option<usize> {
        RtpPacketBuilder::new()
            .payload_type(self.payload_type)
            .marked(self.marker)
            .sequence(Seq::from(self.sequence))
            .timestamp(self.timestamp)
            .ssrc(self.ssrc)
            .payload(self.payload)
            .build_into(output)
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let packet = Packet {
            payload_type: 8,
            marker: true,
            sequence: 65_535,
            timestamp: 7,
            ssrc: 0xDEAD_BEEF,
            payload: &[1, 2, 3],
        };
        let mut buffer = [0u8; 64];
        let len = packet.write_into(&mut buffer).expect("fits");
        assert_eq!(len, HEADER_BYTES + 3);
        assert_eq!(Packet::read(&buffer[..len]), Ok(packet));
        assert_eq!(packet.write_into(&mut [0; 14]), None);
    }

    #[test]
    fn skips_sources_extension_and_padding() {
        let mut bytes = vec![0x80 | 0x20 | 0x10 | 2, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        bytes.extend([9; 8]); // two contributing sources
        bytes.extend([0xBE, 0xDE, 0, 1, 7, 7, 7, 7]); // an extension of one word
        bytes.extend([0x55, 0x66]);
        bytes.extend([0, 0, 3]); // padding
        assert_eq!(Packet::read(&bytes).map(|packet| packet.payload), Ok(&[0x55, 0x66][..]));
    }

    #[test]
    fn refuses_what_is_no_packet() {
        let header = |first: u8, second: u8| [first, second, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        for (bytes, error) in [
            (&[][..], PacketError::Malformed),
            (&[0x80, 0][..], PacketError::Malformed),
            (&header(0x40, 0), PacketError::Malformed),
            (&header(0x8F, 0), PacketError::Malformed),
            (&header(0x90, 0), PacketError::Malformed),
            (&header(0xA0, 0), PacketError::Malformed),
            (&header(0x80, 200), PacketError::Rtcp),
            (&header(0x81, 201), PacketError::Rtcp),
        ] {
            assert_eq!(Packet::read(bytes), Err(error), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..100), version in any::<bool>()) {
            if let (true, Some(first)) = (version, bytes.first_mut()) {
                *first = *first & 0x3F | 0x80;
            }
            if let Ok(packet) = Packet::read(&bytes) {
                prop_assert!(packet.payload.len() <= bytes.len() - HEADER_BYTES);
            }
        }
    }
}
