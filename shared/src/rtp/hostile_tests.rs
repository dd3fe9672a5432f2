//! Packets whose lengths lie, one by one: refused or read within their bounds, and the stream behind them goes on.

use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::packet::{Packet, PacketError};
use super::receiver::{self, Pulled, Receiver};
use super::rtcp::{Rtcp, RtcpError};
use super::sender::{self, Sender};
use crate::audio::Frame;
use crate::audio::codec::Codec;
use crate::time::Timestamp;

const VOICE: [u8; 160] = [0x55; 160];

fn rtp(first: u8, second: u8, sequence: u16, rest: &[u8]) -> Vec<u8> {
    let [high, low] = sequence.to_be_bytes();
    let [a, b, c, d] = (u32::from(sequence) * 160).to_be_bytes();
    let mut packet = vec![first, second, high, low, a, b, c, d, 0, 0, 0, 7];
    packet.extend_from_slice(rest);
    packet
}

fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let with = |head: &[u8]| [head, &VOICE].concat();
    let mut all = vec![
        ("nothing", Vec::new()),
        ("one octet", vec![0x80]),
        ("two octets", vec![0x80, 8]),
        ("no header", vec![0x80; 11]),
        ("version 0", rtp(0x00, 8, 1, &VOICE)),
        ("version 1", rtp(0x40, 8, 1, &VOICE)),
        ("version 3", rtp(0xC0, 8, 1, &VOICE)),
        ("fifteen sources and none there", rtp(0x8F, 8, 1, &[])),
        ("fifteen sources and half of them there", rtp(0x8F, 8, 1, &[0; 30])),
        ("an extension of 0xFFFF words", rtp(0x90, 8, 1, &with(&[0xBE, 0xDE, 0xFF, 0xFF]))),
        ("an extension one word too long", rtp(0x90, 8, 1, &with(&[0xBE, 0xDE, 0, 41]))),
        ("half of an extension header", rtp(0x90, 8, 1, &[0xBE, 0xDE])),
        ("padding beyond the end", rtp(0xA0, 8, 1, &[1, 2, 3, 200])),
        ("padding of zero", rtp(0xA0, 8, 1, &[1, 2, 3, 0])),
        ("padding into the header", rtp(0xA0, 8, 1, &[5])),
        ("padding without a payload", rtp(0xA0, 8, 1, &[])),
        ("everything at once", rtp(0xBF, 8, 1, &[0; 62])),
        // What else comes on such a port by its first octet (RFC 7983 §7).
        ("STUN", [&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42][..], &[7; 12]].concat()),
        ("ZRTP", [&[0x10, 0, 0, 1, 0x5A, 0x52, 0x54, 0x50, 0, 0, 0, 7, 0x50, 0x5A][..], &[0; 40]].concat()),
        ("DTLS", [&[22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100][..], &[1; 100]].concat()),
        ("TURN", [&[0x40, 0, 0, 160][..], &VOICE].concat()),
    ];
    all.extend((64..96).map(|kind| ("a payload type of RTCP", rtp(0x80, kind | 0x80, 1, &VOICE))));
    all
}

#[test]
fn rtp_that_lies_is_refused_and_the_stream_goes_on() {
    for (name, datagram) in hostile() {
        let read = Packet::read(&datagram);
        assert!(matches!(read, Err(PacketError::Malformed | PacketError::Rtcp)), "{name}: {read:?}");
    }
    // What is odd and right: within its bounds.
    for (name, datagram, len) in [
        ("a full set of sources", rtp(0x8F, 8, 1, &[&[0; 60][..], &VOICE].concat()), 160),
        ("an extension up to the end", rtp(0x90, 8, 1, &[0xBE, 0xDE, 0, 1, 1, 2, 3, 4]), 0),
        ("padding that is everything", rtp(0xA0, 8, 1, &[0, 0, 3]), 0),
        ("no payload", rtp(0x80, 8, 1, &[]), 0),
    ] {
        assert_eq!(Packet::read(&datagram).map(|packet| packet.payload.len()), Ok(len), "{name}");
    }
    let config =
        receiver::Config { codecs: vec![(8, Codec::Pcma)], telephone_event: None, comfort_noise: None };
    let mut receiver = Receiver::new(config).expect("receiver");
    let (mut voices, attacks) = (0, hostile());
    for sequence in 0..200u16 {
        let now = Timestamp::from_secs(1_000) + std::time::Duration::from_millis(u64::from(sequence) * 20);
        let (_, attack) = &attacks[usize::from(sequence) % attacks.len()];
        for datagram in [rtp(0x80, 8, sequence, &VOICE), attack.clone(), rtp(0x80, 8, sequence, &[])] {
            if let Ok(packet) = Packet::read(&datagram) {
                receiver.receive(now, &packet);
            }
        }
        let mut frame = Frame::SILENCE;
        voices += u32::from(receiver.pull(now, &mut frame) == Pulled::Voice);
    }
    assert!(voices > 190, "{voices} of 200 frames are voice");
}

#[test]
fn rtcp_that_lies_is_refused() {
    let config = sender::Config {
        codec: Codec::Pcma,
        payload_type: 8,
        telephone_event: None,
        comfort_noise: None,
        ptime_millis: 20,
        opus: Default::default(),
    };
    let sender = Sender::new(config, &mut SmallRng::seed_from_u64(1)).expect("sender");
    let now = Timestamp::from_secs(1_000);
    let report = |count: u8, kind: u8, words: u16, rest: &[u8]| {
        let [high, low] = words.to_be_bytes();
        [&[0x80 | count, kind, high, low, 0, 0, 0, 7], rest].concat()
    };
    let good = report(0, 201, 1, &[]);
    let behind = |packet: &[u8]| [&good, packet].concat();
    for (name, datagram) in [
        ("nothing", Vec::new()),
        ("one octet", vec![0x80]),
        ("three octets", vec![0x80, 201, 0]),
        ("a length beyond the end", report(0, 201, 0xFFFF, &[])),
        ("a length one word beyond the end", report(0, 201, 2, &[])),
        ("a length of nothing", report(0, 201, 0, &[])),
        ("blocks that are not there", report(31, 201, 1, &[])),
        ("a block that is cut", report(1, 201, 6, &[0; 20])),
        ("a sender report without its numbers", report(0, 200, 1, &[])),
        ("version 1", {
            let mut bytes = good.clone();
            bytes[0] = 0x40;
            bytes
        }),
        ("a description first", report(0, 202, 1, &[])),
        ("half a packet behind a good one", behind(&[0x80, 201])),
        ("a second length beyond the end", behind(&report(0, 202, 9, &[]))),
        ("a padded good-bye alone", report(0x21, 203, 1, &[])),
        ("a good-bye of sources that are not there", report(5, 203, 1, &[])),
        ("padding before the end", behind(&[report(0x20, 203, 1, &[]), report(0, 202, 0, &[])].concat())),
        ("a second version", behind(&[0x00, 202, 0, 0])),
    ] {
        let heard = Rtcp::new(now, "x").receive(now, &datagram, &sender);
        assert_eq!(heard, Err(RtcpError::Malformed), "{name}");
    }
    // Nothing is believed of a compound that lies further behind, however good its beginning is.
    let [a, b, c, d] = sender.position().ssrc.to_be_bytes();
    let block = [&[a, b, c, d, 255][..], &[0; 19]].concat();
    let report_of_loss = report(1, 201, 7, &block);
    let mut rtcp = Rtcp::new(now, "x");
    let lie = [&report_of_loss[..], &[0x80, 202, 0, 9]].concat();
    assert_eq!(rtcp.receive(now, &lie, &sender), Err(RtcpError::Malformed));
    assert_eq!(rtcp.far_side(), Default::default());
    assert!(rtcp.receive(now, &report_of_loss, &sender).is_ok());
    assert!(rtcp.far_side().loss_percent > 99.0);
    // Appendix A.2 wants a report first; phones that say good-bye alone are heard all the same.
    assert!(Rtcp::new(now, "x").receive(now, &report(1, 203, 1, &[]), &sender).is_ok());
    // What is not known behind a report is stepped over.
    let unknown = behind(&report(0, 205, 1, &[]));
    assert!(Rtcp::new(now, "x").receive(now, &unknown, &sender).is_ok());
}
