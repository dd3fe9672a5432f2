use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::super::packet::Packet;
use super::super::{receiver, sender};
use super::*;
use crate::audio::Frame;
use crate::audio::codec::Codec;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000) + Duration::from_millis(millis)
}

/// One side of a call.
struct Side {
    sender: Sender,
    receiver: Receiver,
    rtcp: Rtcp,
    generator: SmallRng,
}

impl Side {
    fn new(seed: u64) -> Side {
        Side::with_ptime(seed, 20)
    }

    fn with_ptime(seed: u64, ptime_millis: u32) -> Side {
        let sending = sender::Config {
            codec: Codec::Pcma,
            payload_type: 8,
            telephone_event: None,
            comfort_noise: None,
            ptime_millis,
            opus: Default::default(),
        };
        let receiving =
            receiver::Config { codecs: vec![(8, Codec::Pcma)], telephone_event: None, comfort_noise: None };
        let mut generator = SmallRng::seed_from_u64(seed);
        Side {
            sender: Sender::new(sending, &mut generator).expect("sender"),
            receiver: Receiver::new(receiving).expect("receiver"),
            rtcp: Rtcp::new(at(0), "agent@callfloor.example"),
            generator,
        }
    }

    fn talk(&mut self, millis: u64) -> Vec<u8> {
        let mut buffer = [0u8; 1_500];
        self.sender.push(at(millis), Some(&Frame([500; 320])));
        let len = self.sender.poll(&mut buffer);
        buffer[..len].to_vec()
    }

    fn hear(&mut self, millis: u64, datagram: &[u8]) {
        self.receiver.receive(at(millis), &Packet::read(datagram).expect("packet"));
    }

    fn report(&mut self, millis: u64) -> Vec<u8> {
        let mut buffer = [0u8; 1_500];
        let len =
            self.rtcp.report(at(millis), &self.sender, &mut self.receiver, &mut self.generator, &mut buffer);
        buffer[..len].to_vec()
    }
}

/// 120 ms in every 2 s do not come, whatever the length of a packet.
#[test]
fn the_far_side_tells_how_it_hears_us() {
    for ptime_millis in [10, 20, 40, 60] {
        let (mut left, mut right) = (Side::with_ptime(1, ptime_millis), Side::new(2));
        let mut frame = Frame::SILENCE;
        for millis in (0..8_000).step_by(20) {
            left.sender.push(at(millis), Some(&Frame([500; 320])));
            let mut buffer = [0u8; 1_500];
            loop {
                let len = left.sender.poll(&mut buffer);
                if len == 0 {
                    break;
                }
                if millis % 2_000 >= 120 {
                    right.hear(millis + 30, &buffer[..len]);
                }
            }
            right.receiver.pull(at(millis + 31), &mut frame);
        }
        let report = right.report(8_000);
        assert_eq!(left.rtcp.receive(at(8_010), &report, &left.sender), Ok(Heard::Report));
        let metrics = left.rtcp.far_metrics().expect("extended report");
        let what = format!("{ptime_millis} ms: {metrics:?}");
        assert_eq!(metrics.ssrc, left.sender.position().ssrc);
        let percent = |part: u8| f32::from(part) / 2.56;
        assert!((3.0..6.5).contains(&percent(metrics.loss)), "{what}");
        assert!(percent(metrics.burst_density) > 90.0 && percent(metrics.gap_density) < 1.0, "{what}");
        assert!((80..=140).contains(&metrics.burst_millis), "{what}");
        assert!((1_000..=2_600).contains(&metrics.gap_millis), "{what}");
        let conditions = right.receiver.conditions(0.0);
        assert!((3.0..6.5).contains(&conditions.loss_percent), "{what} {conditions:?}");
        let score = f32::from(metrics.conversational_score.expect("a score")) / 10.0;
        assert!((score - conditions.mos()).abs() < 0.06, "{what}");
    }
}

#[test]
fn both_sides_learn_loss_jitter_and_round_trip() {
    let (mut left, mut right) = (Side::new(1), Side::new(2));
    // 35 ms each way; every tenth packet to the right is lost.
    for packet in 0..200u64 {
        let sent = left.talk(packet * 20);
        if packet % 10 != 5 {
            right.hear(packet * 20 + 35, &sent);
        }
        let sent = right.talk(packet * 20);
        left.hear(packet * 20 + 35, &sent);
    }
    let first = left.report(4_000);
    assert_eq!(right.rtcp.receive(at(4_035), &first, &right.sender), Ok(Heard::Report));
    assert_eq!(right.rtcp.far_side().loss_percent, 0.0);
    assert_eq!(right.rtcp.far_side().round_trip_millis, None);
    let second = right.report(5_000);
    assert_eq!(left.rtcp.receive(at(5_035), &second, &left.sender), Ok(Heard::Report));
    let seen = left.rtcp.far_side();
    assert_eq!((seen.lost, seen.reports), (20, 1));
    assert!((9.0..11.0).contains(&seen.loss_percent), "{seen:?}");
    assert!(seen.jitter_millis < 1.0, "{seen:?}");
    let round_trip = seen.round_trip_millis.expect("measured");
    assert!((round_trip - 70.0).abs() < 1.0, "{round_trip}");
}

#[test]
fn reports_say_who_and_how_much() {
    let mut side = Side::new(3);
    for packet in 0..3 {
        side.talk(packet * 20);
    }
    let datagram = side.report(100);
    let report = SenderReport::parse(&datagram[..28]).expect("a sender report");
    let position = side.sender.position();
    assert_eq!((report.ssrc(), report.packet_count(), report.octet_count()), (position.ssrc, 3, 480));
    assert_eq!(report.ntp_timestamp() >> 32, 1_700_000_000 + NTP_OFFSET_SECS);
    // 60 ms were pushed until 60 ms; at 100 ms the timeline is 40 ms further.
    assert_eq!(report.rtp_timestamp(), position.timestamp.wrapping_add(320));
    let name = b"agent@callfloor.example";
    assert!(datagram.windows(name.len()).any(|part| part == name));
    // Nothing sent since: a receiver report.
    let quiet = side.report(5_000);
    assert_eq!(quiet[1], ReceiverReport::PACKET_TYPE);
    // The deadline is spread over 2.5 to 7.5 s.
    let wait = side.rtcp.deadline().since(at(5_000));
    assert!((2_500..=7_500).contains(&wait.as_millis()), "{wait:?}");
}

#[test]
fn a_bye_is_heard() {
    let (mut left, mut right) = (Side::new(1), Side::new(2));
    let sent = left.talk(0);
    right.hear(0, &sent);
    let mut buffer = [0u8; 500];
    let len = left.rtcp.bye(at(20), &left.sender, &mut left.receiver, &mut buffer);
    assert_eq!(right.rtcp.receive(at(40), &buffer[..len], &right.sender), Ok(Heard::Bye));
    assert_eq!(left.rtcp.bye(at(20), &left.sender, &mut left.receiver, &mut [0; 8]), 0);
}

#[test]
fn what_is_no_rtcp_is_refused() {
    let mut side = Side::new(1);
    for datagram in [
        &[][..],
        &[0x80],
        &[0x80, 200, 0, 1, 0, 0, 0, 0],
        &[0x80, 200, 0, 6, 0, 0, 0, 0],
        &[0x40, 201, 0, 1, 0, 0, 0, 0],
        &[0x81, 202, 0, 1, 0, 0, 0, 0],
        &[0x80, 201, 0, 1, 0, 0, 0, 0, 0x80],
    ] {
        assert_eq!(
            side.rtcp.receive(at(0), datagram, &side.sender),
            Err(RtcpError::Malformed),
            "{datagram:?}"
        );
    }
    // A report about somebody else changes nothing; an unknown packet behind a report is stepped over.
    let mut other = vec![0x81, 201, 0, 7, 0, 0, 0, 9];
    other.extend([0xAA; 24]);
    other.extend([0x80, 207, 0, 0]);
    assert_eq!(side.rtcp.receive(at(0), &other, &side.sender), Ok(Heard::Report));
    assert_eq!(side.rtcp.far_side(), FarSide::default());
}

#[test]
fn a_long_name_is_cut_and_the_state_can_be_saved() {
    let rtcp = Rtcp::new(at(0), &"ä".repeat(300));
    assert_eq!(rtcp.canonical_name.len(), 254);
    let saved = serde_json::to_string(&rtcp).expect("json");
    assert_eq!(serde_json::from_str::<Rtcp>(&saved).expect("json"), rtcp);
}

proptest! {
    #[test]
    fn random_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..120), kind in 199u8..208) {
        let mut side = Side::new(1);
        let _ = side.rtcp.receive(at(0), &bytes, &side.sender);
        if let [first, second, third, ..] = bytes.as_mut_slice() {
            *first = *first & 0x3F | 0x80;
            *second = kind;
            *third = 0;
        }
        let _ = side.rtcp.receive(at(0), &bytes, &side.sender);
        let ssrc = side.sender.position().ssrc;
        prop_assert_eq!(side.sender.position().ssrc, ssrc);
    }
}
