//! Promises about media: RTP, RTCP, SRTP, keys in descriptions, and scripts of arrivals.

use rand::SeedableRng;
use rand::rngs::SmallRng;

use crate::audio::Frame;
use crate::audio::codec::Codec;
use crate::rtp::packet::{HEADER_BYTES, MAX_PACKET_BYTES, Packet};
use crate::rtp::receiver::{self, Receiver};
use crate::rtp::rtcp::Rtcp;
use crate::rtp::sender::{self, Sender};
use crate::rtp::srtp::{Inbound, MAX_OVERHEAD, Master, Outbound, Suite};
use crate::sdp::TelephoneEvent;
use crate::sdp::crypto::CryptoLine;
use crate::testing::arrivals::Script;
use crate::time::Timestamp;

/// Datagrams of any octets: a length of one octet, then that many.
fn datagrams(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (len, behind) = rest.split_first()?;
        let (datagram, behind) = behind.split_at(usize::from(*len).min(behind.len()));
        rest = behind;
        Some(datagram)
    })
}

fn pair() -> (Receiver, Sender) {
    let event = Some(TelephoneEvent { send: 101, receive: 101, clock_rate_hz: 8_000 });
    let codecs = vec![(8, Codec::Pcma), (0, Codec::Pcmu), (9, Codec::G722)];
    let receiving = receiver::Config { codecs, telephone_event: event, comfort_noise: Some(13) };
    let sending = sender::Config {
        codec: Codec::Pcma,
        payload_type: 8,
        telephone_event: event,
        comfort_noise: Some(13),
        ptime_millis: 20,
        opus: Default::default(),
    };
    let receiver = Receiver::new(receiving).expect("a receiver");
    (receiver, Sender::new(sending, &mut SmallRng::seed_from_u64(1)).expect("a sender"))
}

/// A payload lies within its datagram, what is written reads the same, and a stream of any datagrams plays and relays.
pub fn rtp(bytes: &[u8]) {
    let (mut receiver, mut sender) = pair();
    let mut now = Timestamp::from_secs(1_000);
    let mut output = [0; MAX_PACKET_BYTES];
    for datagram in datagrams(bytes).take(200) {
        now += std::time::Duration::from_millis(10);
        let Ok(packet) = Packet::read(datagram) else { continue };
        assert!(packet.payload.len() + HEADER_BYTES <= datagram.len());
        if let Some(len) = packet.write_into(&mut output) {
            assert_eq!(Packet::read(&output[..len]), Ok(packet));
        }
        let content = receiver.receive(now, &packet);
        let len = sender.relay(now, &packet, content, &mut output);
        assert!(
            len == 0 || Packet::read(&output[..len]).is_ok_and(|sent| sent.ssrc == sender.position().ssrc)
        );
        let mut frame = Frame::SILENCE;
        receiver.pull(now, &mut frame);
        while receiver.poll_key().is_some() {}
    }
    let conditions = receiver.conditions(0.0);
    assert!((1.0..=4.5).contains(&conditions.mos()));
}

/// Reports of any kind are taken or refused, and what is measured stays within its bounds.
pub fn rtcp(bytes: &[u8]) {
    let (mut receiver, sender) = pair();
    let mut now = Timestamp::from_secs(1_000);
    let mut rtcp = Rtcp::new(now, "fuzz@callfloor.example");
    for datagram in datagrams(bytes).take(200) {
        now += std::time::Duration::from_secs(1);
        let _ = rtcp.receive(now, datagram, &sender);
        let far_side = rtcp.far_side();
        assert!((0.0..=100.0).contains(&far_side.loss_percent));
        assert!(far_side.round_trip_millis.is_none_or(|millis| (0.0..=30_000.0).contains(&millis)));
        let mut output = [0; MAX_PACKET_BYTES];
        let len = rtcp.report(now, &sender, &mut receiver, &mut SmallRng::seed_from_u64(2), &mut output);
        assert!(len > 0, "there is always a report");
        assert!(Rtcp::new(now, "").receive(now, &output[..len], &sender).is_ok(), "ours can be read");
    }
}

/// Nobody without the key gets in, and what is protected comes back to the octet. The first octet is the suite.
pub fn srtp(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let suite = Suite::ALL[usize::from(*first) % Suite::ALL.len()];
    let master = Master::random(suite, &mut rand::rngs::StdRng::seed_from_u64(1));
    let (mut inbound, mut outbound) = (Inbound::new(master.clone()), Outbound::new(master));
    for datagram in datagrams(rest).take(100) {
        assert!(inbound.unprotect(&mut datagram.to_vec()).is_err());
        assert!(inbound.unprotect_rtcp(&mut datagram.to_vec()).is_err());
        let mut buffer = datagram.to_vec();
        buffer.resize(datagram.len() + MAX_OVERHEAD, 0);
        if let Ok(len) = outbound.protect(&mut buffer, datagram.len()) {
            let len = inbound.unprotect(&mut buffer[..len]);
            assert_eq!(len, Ok(datagram.len()));
            assert_eq!(&buffer[..datagram.len()], datagram);
        }
        buffer[..datagram.len()].copy_from_slice(datagram);
        if let Ok(len) = outbound.protect_rtcp(&mut buffer, datagram.len()) {
            assert_eq!(inbound.unprotect_rtcp(&mut buffer[..len]), Ok(datagram.len()));
            assert_eq!(&buffer[..datagram.len()], datagram);
        }
    }
}

/// A key that is taken prints as what reads the same, and no refusal shows a key. Lines are values of `a=crypto`.
pub fn sdes(bytes: &[u8]) {
    for line in String::from_utf8_lossy(bytes).lines().take(20) {
        match CryptoLine::parse(line) {
            Ok(read) => {
                assert_eq!(CryptoLine::parse(&read.to_string()), Ok(read.clone()));
                assert!(!format!("{read:?}").contains(&read.master.to_base64()));
            }
            Err(error) => {
                let key = line.split_once("inline:").map_or("", |(_, key)| key);
                assert!(key.len() < 41 || !error.to_string().contains(key));
            }
        }
    }
}

/// Whatever the network does, every packet is played once at most, in its place or not at all.
pub fn arrivals(bytes: &[u8]) {
    /// Packets of scripts that a fuzzer is not to spend its time on.
    const MANY: usize = 4;
    let text: String = String::from_utf8_lossy(bytes)
        .lines()
        .take(12)
        .map(|line| {
            // Numbers of packets stay short.
            let mut words = line.split(' ');
            let (word, number) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let digits: String = number.chars().take(MANY - usize::from(word == "send")).collect();
            format!("{word} {digits} {}\n", words.next().unwrap_or_default())
        })
        .collect();
    let Ok(script) = Script::parse(&text) else { return };
    let figures = script.play();
    let taken = figures.played as u64 + figures.doubled + figures.discarded;
    assert!(figures.played <= figures.arrived && taken <= figures.arrived as u64 + figures.discarded);
}
