use std::time::Duration;

use proptest::prelude::*;

use super::super::sender::{self, Position, Sender};
use super::*;
use crate::audio::RATE_HZ;
use crate::audio::goertzel::power_dbfs;
use crate::audio::level::rms_dbov;
use crate::audio::tone::Sine;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_secs(1_000) + Duration::from_millis(millis)
}

fn config(codecs: &[(u8, Codec)]) -> Config {
    let clock_rate_hz = codecs[0].1.clock_rate_hz();
    Config {
        codecs: codecs.to_vec(),
        telephone_event: Some(TelephoneEvent { send: 101, receive: 101, clock_rate_hz }),
        comfort_noise: None,
    }
}

/// A phone that sends a tone of 440 Hz.
struct Phone {
    sender: Sender,
    sine: Sine,
}

impl Phone {
    fn new(codec: Codec, ptime_millis: u32, ssrc: u32) -> Phone {
        let sending = sender::Config {
            codec,
            payload_type: codec.static_payload_type().unwrap_or(111),
            telephone_event: config(&[(0, codec)]).telephone_event,
            comfort_noise: None,
            ptime_millis,
            opus: Default::default(),
        };
        let position =
            Position { ssrc, sequence: 65_500, timestamp: u32::MAX - 4_000, at: None, packets: 0, octets: 0 };
        Phone {
            sender: Sender::resume(sending, position).expect("sender"),
            sine: Sine::new(440.0, RATE_HZ, -10.0),
        }
    }

    /// The packets of the next 20 ms.
    fn talk(&mut self, frame: u64) -> Vec<Vec<u8>> {
        let mut sound = Frame::SILENCE;
        self.sine.fill(&mut sound.0);
        self.sender.push(at(frame * 20), Some(&sound));
        let mut packets = Vec::new();
        let mut buffer = [0u8; 1_500];
        loop {
            let len = self.sender.poll(&mut buffer);
            if len == 0 {
                return packets;
            }
            packets.push(buffer[..len].to_vec());
        }
    }
}

/// Lets a phone talk for some frames; `keep` decides which packets arrive. Returns sound and kinds.
fn listen(
    receiver: &mut Receiver,
    phone: &mut Phone,
    frames: std::ops::Range<u64>,
    keep: impl Fn(usize) -> bool,
) -> (Vec<i16>, Vec<Pulled>) {
    let (mut sound, mut kinds, mut count) = (Vec::new(), Vec::new(), 0);
    for frame in frames {
        for packet in phone.talk(frame) {
            if keep(count) {
                receiver.receive(at(frame * 20), &Packet::read(&packet).expect("packet"));
            }
            count += 1;
        }
        let mut output = Frame::SILENCE;
        kinds.push(receiver.pull(at(frame * 20 + 5), &mut output));
        sound.extend_from_slice(&output.0);
    }
    (sound, kinds)
}

#[test]
fn every_packet_duration_and_codec_is_heard() {
    for (codec, number) in [(Codec::Pcmu, 0), (Codec::Pcma, 8), (Codec::Opus, 111)] {
        for ptime_millis in [10, 20, 30, 40, 60] {
            let mut receiver = Receiver::new(config(&[(number, codec)])).expect("receiver");
            let (sound, kinds) =
                listen(&mut receiver, &mut Phone::new(codec, ptime_millis, 5), 0..150, |_| true);
            let steady = &sound[16_000..];
            let heard = power_dbfs(steady, 440.0, RATE_HZ);
            assert!((heard + 10.0).abs() < 1.0, "{codec} {ptime_millis} ms: {heard}");
            let made_up = kinds[15..].iter().filter(|kind| **kind != Pulled::Voice).count();
            assert_eq!(made_up, 0, "{codec} {ptime_millis} ms: {kinds:?}");
            let statistics = receiver.statistics();
            assert_eq!((statistics.lost, statistics.stray, statistics.damaged), (0, 0, 0));
        }
    }
}

#[test]
fn loss_is_concealed_and_counted() {
    for (codec, number) in [(Codec::Pcma, 8), (Codec::Opus, 111)] {
        let mut receiver = Receiver::new(config(&[(number, codec)])).expect("receiver");
        let (sound, kinds) =
            listen(&mut receiver, &mut Phone::new(codec, 20, 5), 0..300, |count| count % 10 != 9);
        let made_up = kinds[10..].iter().filter(|kind| **kind == Pulled::Concealed).count();
        assert!((27..=30).contains(&made_up), "{codec}: {made_up}");
        let heard = power_dbfs(&sound[16_000..], 440.0, RATE_HZ);
        assert!(heard > -12.5, "{codec}: {heard}");
        assert_eq!(receiver.statistics().lost, 29);
        let conditions = receiver.conditions(40.0);
        assert!((9.0..11.0).contains(&conditions.loss_percent), "{conditions:?}");
    }
}

#[test]
fn nobody_is_silence_and_a_stream_that_stops_fades() {
    let mut receiver = Receiver::new(config(&[(0, Codec::Pcmu)])).expect("receiver");
    let mut frame = Frame([9; FRAME_SAMPLES]);
    assert_eq!(receiver.pull(at(0), &mut frame), Pulled::Silence);
    assert!(frame.is_silence());
    let mut phone = Phone::new(Codec::Pcmu, 20, 5);
    listen(&mut receiver, &mut phone, 0..50, |_| true);
    let (sound, kinds) = listen(&mut receiver, &mut phone, 50..70, |_| false);
    assert_eq!(kinds.last(), Some(&Pulled::Silence));
    assert!(rms_dbov(&sound[3_200..]) < -90.0);
    // And it comes back.
    let (sound, _) = listen(&mut receiver, &mut phone, 70..120, |_| true);
    assert!(power_dbfs(&sound[8_000..], 440.0, RATE_HZ) > -11.0);
}

#[test]
fn a_new_source_takes_over_and_a_stray_packet_does_not() {
    let mut receiver = Receiver::new(config(&[(0, Codec::Pcmu)])).expect("receiver");
    let mut phone = Phone::new(Codec::Pcmu, 20, 5);
    listen(&mut receiver, &mut phone, 0..20, |_| true);
    let stray =
        Packet { payload_type: 0, marker: true, sequence: 1, timestamp: 1, ssrc: 66, payload: &[0xFF; 160] };
    assert_eq!(receiver.receive(at(400), &stray), Content::Stray);
    let far = Packet { sequence: 30_000, ssrc: 5, ..stray };
    assert_eq!(receiver.receive(at(400), &far), Content::Stray);
    listen(&mut receiver, &mut phone, 20..40, |_| true);
    assert_eq!((receiver.ssrc(), receiver.statistics().restarts), (Some(5), 0));
    let mut other = Phone::new(Codec::Pcmu, 20, 6);
    let (sound, _) = listen(&mut receiver, &mut other, 40..90, |_| true);
    assert_eq!((receiver.ssrc(), receiver.statistics().restarts), (Some(6), 1));
    assert!(power_dbfs(&sound[8_000..], 440.0, RATE_HZ) > -11.0);
}

/// Two devices behind one address, or a collision of sources: each packet of the second follows one of the first.
#[test]
fn a_source_that_sends_beside_the_stream_never_takes_it_over() {
    let mut receiver = Receiver::new(config(&[(0, Codec::Pcmu)])).expect("receiver");
    let (mut phone, mut beside) = (Phone::new(Codec::Pcmu, 20, 5), Phone::new(Codec::Pcmu, 20, 6));
    let mut sound = Vec::new();
    for frame in 0..100 {
        for packet in phone.talk(frame) {
            receiver.receive(at(frame * 20), &Packet::read(&packet).expect("packet"));
        }
        for packet in beside.talk(frame) {
            let content = receiver.receive(at(frame * 20), &Packet::read(&packet).expect("packet"));
            assert_eq!(content, Content::Stray, "frame {frame}");
        }
        let mut output = Frame::SILENCE;
        receiver.pull(at(frame * 20 + 5), &mut output);
        sound.extend_from_slice(&output.0);
    }
    assert_eq!((receiver.ssrc(), receiver.statistics().restarts), (Some(5), 0));
    assert!(power_dbfs(&sound[8_000..], 440.0, RATE_HZ) > -11.0);
}

#[test]
fn keys_are_heard_once_and_are_no_loss() {
    let mut receiver = Receiver::new(config(&[(0, Codec::Pcmu)])).expect("receiver");
    let mut phone = Phone::new(Codec::Pcmu, 20, 5);
    listen(&mut receiver, &mut phone, 0..20, |_| true);
    assert!(phone.sender.press('4', 100) && phone.sender.press('2', 100));
    let (_, kinds) = listen(&mut receiver, &mut phone, 20..60, |_| true);
    let keys: Vec<KeyEvent> = std::iter::from_fn(|| receiver.poll_key()).collect();
    assert_eq!(
        keys,
        [
            KeyEvent::Pressed('4'),
            KeyEvent::Released { key: '4', millis: 100 },
            KeyEvent::Pressed('2'),
            KeyEvent::Released { key: '2', millis: 100 },
        ]
    );
    assert!(!kinds.contains(&Pulled::Concealed), "{kinds:?}");
    assert_eq!(receiver.statistics().lost, 0);
}

#[test]
fn noise_and_unknown_payloads_are_no_voice() {
    let mut receiver = Receiver::new(config(&[(0, Codec::Pcmu)])).expect("receiver");
    let packet = |sequence, payload_type| Packet {
        payload_type,
        marker: false,
        sequence,
        timestamp: u32::from(sequence) * 160,
        ssrc: 1,
        payload: &[0x40],
    };
    assert_eq!(receiver.receive(at(0), &packet(1, 13)), Content::Noise);
    assert_eq!(receiver.receive(at(20), &packet(2, 77)), Content::Unknown);
    assert_eq!(receiver.receive(at(40), &packet(3, 101)), Content::Event { clock_rate_hz: 8_000 });
    let mut frame = Frame::SILENCE;
    for pull in 0..10 {
        assert_eq!(receiver.pull(at(40 + pull * 20), &mut frame), Pulled::Noise);
    }
    assert_eq!((receiver.statistics().unknown, receiver.statistics().lost), (1, 0));
}

#[test]
fn relay_keeps_the_place_and_mixing_begins_with_sound() {
    let mut receiver = Receiver::new(config(&[(0, Codec::Pcmu)])).expect("receiver");
    let mut phone = Phone::new(Codec::Pcmu, 20, 5);
    for frame in 0..100 {
        for packet in phone.talk(frame) {
            let content = receiver.receive(at(frame * 20), &Packet::read(&packet).expect("packet"));
            assert_eq!(content, Content::Voice(Codec::Pcmu));
        }
        receiver.skip(at(frame * 20 + 5));
    }
    let (sound, kinds) = listen(&mut receiver, &mut phone, 100..120, |_| true);
    assert!(kinds.iter().all(|kind| *kind == Pulled::Voice), "{kinds:?}");
    assert!(power_dbfs(&sound[..1_600], 440.0, RATE_HZ) > -12.0);
    assert!(receiver.statistics().buffer.content_millis <= 40);
}

#[test]
fn delay_is_taken_back_after_a_stall() {
    let mut receiver = Receiver::new(config(&[(0, Codec::Pcmu)])).expect("receiver");
    let mut phone = Phone::new(Codec::Pcmu, 20, 5);
    listen(&mut receiver, &mut phone, 0..1_000, |_| true);
    // 400 ms of packets come at once.
    let stalled: Vec<Vec<u8>> = (1_000..1_020).flat_map(|frame| phone.talk(frame)).collect();
    let mut frame = Frame::SILENCE;
    for pull in 1_000..1_020 {
        receiver.pull(at(pull * 20 + 5), &mut frame);
    }
    for packet in &stalled {
        receiver.receive(at(20_400), &Packet::read(packet).expect("packet"));
    }
    listen(&mut receiver, &mut phone, 1_020..1_030, |_| true);
    let after_stall = receiver.statistics().buffer.content_millis;
    assert!(after_stall >= 200, "{after_stall}");
    let (sound, _) = listen(&mut receiver, &mut phone, 1_030..3_500, |_| true);
    let status = receiver.statistics().buffer;
    assert!(status.content_millis <= 80, "{status:?}");
    assert!(power_dbfs(&sound[sound.len() - 16_000..], 440.0, RATE_HZ) > -10.5);
}

#[test]
fn the_codec_may_change_between_packets() {
    let mut receiver = Receiver::new(config(&[(8, Codec::Pcma), (0, Codec::Pcmu)])).expect("receiver");
    listen(&mut receiver, &mut Phone::new(Codec::Pcma, 20, 5), 0..30, |_| true);
    assert_eq!(receiver.codec(), Codec::Pcma);
    let (sound, _) = listen(&mut receiver, &mut Phone::new(Codec::Pcmu, 20, 6), 30..80, |_| true);
    assert_eq!(receiver.codec(), Codec::Pcmu);
    assert!(power_dbfs(&sound[8_000..], 440.0, RATE_HZ) > -11.0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn random_packets_never_panic(
        packets in proptest::collection::vec(
            (prop_oneof![Just(0u8), Just(111), Just(101), any::<u8>()], any::<u16>(), any::<u32>(), 0u32..3,
             proptest::collection::vec(any::<u8>(), 0..200), 0u64..100),
            0..60,
        ),
        opus in any::<bool>(),
    ) {
        let codecs = if opus { [(111, Codec::Opus)] } else { [(0, Codec::Pcmu)] };
        let mut receiver = Receiver::new(config(&codecs)).expect("receiver");
        let mut frame = Frame::SILENCE;
        let mut millis = 0;
        for (payload_type, sequence, timestamp, ssrc, payload, wait) in &packets {
            millis += wait;
            let packet = Packet {
                payload_type: payload_type & 0x7F,
                marker: false,
                sequence: sequence % 50,
                timestamp: *timestamp,
                ssrc: *ssrc,
                payload,
            };
            receiver.receive(at(millis), &packet);
            receiver.pull(at(millis), &mut frame);
        }
        prop_assert!(receiver.statistics().buffer.content_millis <= 10_000);
    }
}

/// Voice, then noise at −40 dBov and nothing more, then voice again.
#[test]
fn silence_sounds_as_the_far_side_says() {
    let mut receiver = Receiver::new(config(&[(8, Codec::Pcma)])).expect("receiver");
    let mut heard = Vec::new();
    for tick in 0..150u16 {
        let (kind, payload) = match tick {
            50 => (13, &[40u8][..]),
            0..50 | 100.. => (8, &[0x55u8 ^ 0x40; 160][..]),
            _ => (0, &[][..]),
        };
        if !payload.is_empty() {
            let packet = Packet {
                payload_type: kind,
                marker: false,
                sequence: if tick < 100 { tick } else { tick - 49 },
                timestamp: u32::from(tick) * 160,
                ssrc: 1,
                payload,
            };
            receiver.receive(at(u64::from(tick) * 20), &packet);
        }
        let mut frame = Frame::SILENCE;
        heard.push((receiver.pull(at(u64::from(tick) * 20), &mut frame), rms_dbov(&frame.0)));
    }
    for (pulled, level) in &heard[60..98] {
        assert!(*pulled == Pulled::Noise && (*level + 40.0).abs() < 4.0, "{pulled:?} at {level}");
    }
    assert!(heard[110..].iter().all(|(pulled, _)| *pulled == Pulled::Voice));
}
