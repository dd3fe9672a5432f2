use std::time::Duration;

use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::*;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_secs(1_000) + Duration::from_millis(millis)
}

fn config(codec: Codec, ptime_millis: u32) -> Config {
    let clock_rate_hz = codec.clock_rate_hz();
    Config {
        codec,
        payload_type: codec.static_payload_type().unwrap_or(111),
        telephone_event: Some(TelephoneEvent { send: 101, receive: 101, clock_rate_hz }),
        comfort_noise: None,
        ptime_millis,
        opus: Default::default(),
    }
}

fn sender(codec: Codec, ptime_millis: u32) -> Sender {
    let position =
        Position { ssrc: 7, sequence: 65_534, timestamp: u32::MAX - 159, at: None, packets: 0, octets: 0 };
    Sender::resume(config(codec, ptime_millis), position).expect("sender")
}

/// Everything that is ready, as (sequence, timestamp, marker, payload type, payload octets).
fn drain(sender: &mut Sender) -> Vec<(u16, u32, bool, u8, usize)> {
    let mut sent = Vec::new();
    let mut buffer = [0u8; 1_500];
    loop {
        let len = sender.poll(&mut buffer);
        if len == 0 {
            return sent;
        }
        let packet = Packet::read(&buffer[..len]).expect("a packet");
        assert_eq!(packet.ssrc, sender.position().ssrc);
        sent.push((
            packet.sequence,
            packet.timestamp,
            packet.marker,
            packet.payload_type,
            packet.payload.len(),
        ));
    }
}

fn push(sender: &mut Sender, frame: u64, sound: bool) -> Vec<(u16, u32, bool, u8, usize)> {
    let voice = Frame([1_000; FRAME_SAMPLES]);
    sender.push(at(frame * 20), sound.then_some(&voice));
    drain(sender)
}

#[test]
fn voice_is_continuous_over_the_wrap_and_marks_the_talkspurt() {
    let mut sender = sender(Codec::Pcmu, 20);
    let sent: Vec<_> = [true, true, true, false, false, true]
        .iter()
        .enumerate()
        .flat_map(|(n, on)| push(&mut sender, n as u64, *on))
        .collect();
    let first = u32::MAX - 159;
    let expected = [(65_534, 0, true), (65_535, 160, false), (0, 320, false), (1, 800, true)];
    assert_eq!(
        sent,
        expected.map(|(sequence, ticks, marker)| (sequence, first.wrapping_add(ticks), marker, 0, 160))
    );
    assert_eq!((sender.position().packets, sender.position().octets), (4, 640));
}

#[test]
fn packets_have_the_duration_that_was_asked_for() {
    for (codec, ptime_millis, frames, expected) in [
        (Codec::Pcma, 10, 2, vec![(0, 80), (80, 80), (160, 80), (240, 80)]),
        (Codec::Pcma, 30, 3, vec![(0, 240), (240, 240)]),
        (Codec::Pcma, 60, 6, vec![(0, 480), (480, 480)]),
        (Codec::Pcma, 35, 1, vec![(0, 160)]),
    ] {
        let mut sender = sender(codec, ptime_millis);
        let sent: Vec<_> = (0..frames)
            .flat_map(|frame| push(&mut sender, frame, true))
            .map(|(_, timestamp, _, _, len)| (timestamp.wrapping_sub(u32::MAX - 159), len))
            .collect();
        assert_eq!(sent, expected, "{codec} {ptime_millis} ms");
    }
    let mut sender = sender(Codec::Opus, 40);
    let sent: Vec<_> = (0..4).flat_map(|frame| push(&mut sender, frame, true)).collect();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[1].1.wrapping_sub(sent[0].1), 1_920);
}

#[test]
fn a_key_takes_the_place_of_the_voice() {
    let mut sender = sender(Codec::Pcmu, 20);
    push(&mut sender, 0, true);
    assert!(sender.press('7', 60));
    let start = sender.position().timestamp;
    let sent: Vec<_> = (1..8).flat_map(|frame| push(&mut sender, frame, true)).collect();
    let keys: Vec<_> = sent.iter().filter(|packet| packet.3 == 101).collect();
    assert_eq!(keys.len(), 5, "two in between and the end three times");
    assert!(keys.iter().all(|packet| packet.1 == start), "one timestamp");
    assert!(keys[0].2 && keys[1..].iter().all(|packet| !packet.2), "one marker");
    let sequences: Vec<u16> = sent.iter().map(|packet| packet.0).collect();
    assert!(sequences.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)));
    let voice = sent.iter().find(|packet| packet.3 == 0).expect("voice again");
    // 60 ms of key and 60 ms of gap.
    assert_eq!((voice.1.wrapping_sub(start), voice.2), (960, true));
    assert!(!sender.is_busy());
    let mut without =
        Sender::resume(Config { telephone_event: None, ..config(Codec::Pcmu, 20) }, sender.position())
            .expect("sender");
    assert!(!without.press('7', 60));
}

fn source(sequence: u16, timestamp: u32, payload_type: u8, payload: &[u8]) -> Packet<'_> {
    Packet { payload_type, marker: false, sequence, timestamp, ssrc: 99, payload }
}

fn relay(
    sender: &mut Sender,
    millis: u64,
    packet: &Packet<'_>,
    content: Content,
) -> Option<(u16, u32, bool, u8)> {
    let mut buffer = [0u8; 1_500];
    let len = sender.relay(at(millis), packet, content, &mut buffer);
    let sent = Packet::read(buffer.get(..len)?).ok()?;
    assert_eq!(sent.ssrc, 7);
    Some((sent.sequence, sent.timestamp, sent.marker, sent.payload_type))
}

#[test]
fn relay_and_mix_are_one_stream() {
    let mut sender = sender(Codec::Pcmu, 20);
    let voice = Content::Voice(Codec::Pcmu);
    let first = push(&mut sender, 0, true)[0];
    // Relayed from 20 ms on, with loss and reordering of the source kept.
    let payload = [0xFF; 160];
    let relayed = [(20, 500, 8_000), (40, 501, 8_160), (80, 503, 8_480), (82, 502, 8_320)].map(
        |(millis, sequence, timestamp)| {
            relay(&mut sender, millis, &source(sequence, timestamp, 0, &payload), voice).expect("sent")
        },
    );
    // The first packet was pushed at 0 ms and stands for 20 ms; the next begins where it ended.
    let base = relayed[0].1;
    assert_eq!(base.wrapping_sub(first.1), 160);
    assert_eq!(relayed.map(|sent| sent.0.wrapping_sub(first.0)), [1, 2, 4, 3]);
    assert_eq!(relayed.map(|sent| sent.1.wrapping_sub(base)), [0, 160, 480, 320]);
    assert_eq!(relayed.map(|sent| sent.2), [true, false, false, false]);
    // Back to the mix.
    let mixed = push(&mut sender, 5, true)[0];
    assert_eq!((mixed.0.wrapping_sub(first.0), mixed.1.wrapping_sub(base), mixed.2), (5, 640, true));
    // And to another source.
    let other = Packet { ssrc: 100, ..source(9, 77, 0, &payload) };
    let again = relay(&mut sender, 120, &other, voice).expect("sent");
    assert_eq!((again.0.wrapping_sub(first.0), again.2), (6, true));
    assert!(again.1.wrapping_sub(mixed.1) >= 160);
    // A packet from before the stretch would double a number.
    assert_eq!(relay(&mut sender, 125, &Packet { sequence: 8, ..other }, voice), None);
}

#[test]
fn relay_maps_payload_types_and_leaves_out_what_the_far_side_lacks() {
    let mut sender = sender(Codec::Pcmu, 20);
    let payload = [1, 0x0A, 0, 160];
    assert_eq!(relay(&mut sender, 0, &source(1, 0, 0, &payload), Content::Voice(Codec::Pcma)), None);
    assert_eq!(relay(&mut sender, 0, &source(1, 0, 13, &payload), Content::Noise), None);
    assert_eq!(relay(&mut sender, 0, &source(1, 0, 77, &payload), Content::Unknown), None);
    assert_eq!(relay(&mut sender, 0, &source(1, 0, 0, &payload), Content::Stray), None);
    let event = Content::Event { clock_rate_hz: 48_000 };
    let mut buffer = [0u8; 64];
    let packet = source(1, 0, 96, &[5, 0x0A, 0x03, 0xC0]);
    let len = sender.relay(at(0), &packet, event, &mut buffer);
    let sent = Packet::read(&buffer[..len]).expect("sent");
    assert_eq!((sent.payload_type, sent.payload), (101, &[5, 0x0A, 0, 160][..]));
}

#[test]
fn a_stream_is_taken_up_by_another_process() {
    let mut first = Sender::new(config(Codec::Pcma, 20), &mut SmallRng::seed_from_u64(1)).expect("sender");
    let before = push(&mut first, 0, true)[0];
    let saved = serde_json::to_string(&(first.config(), first.position())).expect("json");
    let (config, position): (Config, Position) = serde_json::from_str(&saved).expect("json");
    let mut second = Sender::resume(config, position).expect("sender");
    let after = push(&mut second, 1, true)[0];
    assert_eq!((after.0, after.1), (before.0.wrapping_add(1), before.1.wrapping_add(160)));
}

#[test]
fn another_clock_is_another_source() {
    let mut sender = sender(Codec::Pcmu, 20);
    push(&mut sender, 0, true);
    sender.configure(config(Codec::Pcma, 20)).expect("configured");
    assert_eq!(sender.position().ssrc, 7);
    sender.configure(config(Codec::Opus, 20)).expect("configured");
    assert_ne!(sender.position().ssrc, 7);
    assert_eq!(push(&mut sender, 1, true)[0].3, 111);
    assert_eq!(sender.timestamp_at(at(520)).wrapping_sub(sender.timestamp_at(at(20))), 24_000);
}

proptest! {
    /// Numbers never repeat and never step back, whatever mixes.
    #[test]
    fn own_and_relayed_numbers_never_double(steps in proptest::collection::vec((0u8..4, any::<u16>(), any::<u32>()), 1..100)) {
        let mut sender = sender(Codec::Pcmu, 20);
        let mut seen = std::collections::HashSet::new();
        let mut sequence = 100u16;
        for (index, (kind, jump, timestamp)) in steps.iter().enumerate() {
            let millis = index as u64 * 20;
            match kind {
                0 | 1 => {
                    for sent in push(&mut sender, index as u64, true) {
                        prop_assert!(seen.insert(sent.0), "{} twice", sent.0);
                    }
                }
                _ => {
                    sequence = sequence.wrapping_add(if *kind == 2 { 1 } else { 4_000 + jump % 1_000 });
                    let packet = source(sequence, *timestamp, 0, &[0xFF; 160]);
                    if let Some(sent) = relay(&mut sender, millis, &packet, Content::Voice(Codec::Pcmu)) {
                        prop_assert!(seen.insert(sent.0), "{} twice", sent.0);
                    }
                }
            }
        }
    }
}

#[test]
fn noise_stands_for_silence_where_the_far_side_takes_it() {
    for (comfort_noise, expected) in [(None, "p: 150 cn: 0"), (Some(13), "p: 109 cn: 3")] {
        let config = Config { comfort_noise, codec: Codec::Pcma, payload_type: 8, ..config(Codec::Pcma, 20) };
        let mut sender = Sender::new(config, &mut SmallRng::seed_from_u64(1)).expect("sender");
        let (mut voice, mut noise, mut last) = (0, 0, None::<(u16, u32)>);
        for tick in 0..150u64 {
            let level = if (50..100).contains(&tick) { 1 } else { 4_000 };
            sender.push(at(tick * 20), Some(&Frame([level; 320])));
            let mut buffer = [0; 1_500];
            while let len @ 1.. = sender.poll(&mut buffer) {
                let packet = Packet::read(&buffer[..len]).expect("packet");
                if let Some((sequence, timestamp)) = last {
                    assert_eq!(packet.sequence, sequence.wrapping_add(1));
                    assert!(packet.timestamp.wrapping_sub(timestamp) <= 22 * 160);
                    assert!(packet.timestamp != timestamp && (packet.marker == (tick == 100 && noise > 0)));
                }
                last = Some((packet.sequence, packet.timestamp));
                if packet.payload_type == 13 { noise += 1 } else { voice += 1 }
            }
        }
        // 200 ms of silence go out as they are, then three packets in 820 ms.
        assert_eq!(format!("p: {voice} cn: {noise}"), expected);
    }
}
