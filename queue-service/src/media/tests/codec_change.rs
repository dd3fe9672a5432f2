//! A phone changes its codec in the talk by a re-INVITE, while its packets are relayed and while they are mixed: what goes
//! to it and what comes from it goes on.

use std::time::Duration;

use shared::audio::codec::{Codec, Decoder, MAX_PACKET_SAMPLES};
use shared::audio::goertzel::power_dbfs;
use shared::audio::mixer::Role;
use shared::model::call::SupervisionMode;

use super::super::supervisor;
use super::floor::{AGENT_HZ, CUSTOMER_HZ, Phone};
use super::session::Session;

/// Each change between two codecs, and every codec with every other one.
const WAY: [Codec; 9] = [
    Codec::G722,
    Codec::Opus,
    Codec::Pcma,
    Codec::Opus,
    Codec::G722,
    Codec::Pcmu,
    Codec::Pcma,
    Codec::G722,
    Codec::Pcma,
];
/// How long after the packets a frame is made.
const PHASES: [Duration; 3] = [Duration::from_millis(1), Duration::from_millis(7), Duration::from_millis(16)];
/// Frames between two changes.
const STAY: usize = 25;
/// A step in the agent's tone, which has none over 1,132 by itself; a tone that breaks off has one of up to 6,500.
const STEEPEST: i32 = 1_420;
/// Samples of 10 ms.
const PIECE: usize = 160;

/// The packets that came to a phone as one sound, decoded one behind the other as they were numbered.
fn sound(phone: &Phone, what: &str) -> Vec<i16> {
    let mut samples = Vec::new();
    let mut decoder: Option<(Codec, Decoder)> = None;
    for (index, (header, payload)) in phone.headers.iter().zip(&phone.payloads).enumerate() {
        let codec = match header.payload_type {
            111 => Codec::Opus,
            number => Codec::ALL
                .into_iter()
                .find(|codec| codec.static_payload_type() == Some(number))
                .expect("a codec of the talk"),
        };
        if let Some(before) = index.checked_sub(1).map(|before| phone.headers[before]) {
            assert_eq!(header.sequence, before.sequence.wrapping_add(1), "{what}: the sequence goes on");
            // RFC 3550 §5.2: another clock is another SSRC; the same clock goes on in the same stream.
            let is_same_clock =
                decoder.as_ref().is_some_and(|(known, _)| known.clock_rate_hz() == codec.clock_rate_hz());
            assert_eq!(header.ssrc == before.ssrc, is_same_clock, "{what}: packet {index}");
            if is_same_clock {
                let ticks = header.timestamp.wrapping_sub(before.timestamp);
                assert_eq!(ticks, codec.ticks_per_frame(), "{what}: no hole in time at packet {index}");
            }
        }
        if decoder.as_ref().is_none_or(|(known, _)| *known != codec) {
            decoder = Some((codec, Decoder::new(codec).expect("a decoder")));
        }
        let mut decoded = [0; MAX_PACKET_SAMPLES];
        let len = decoder.as_mut().map_or(0, |(_, decoder)| decoder.decode(payload, &mut decoded));
        samples.extend_from_slice(&decoded[..len]);
    }
    samples
}

/// The tone is heard all the time, but for pieces of 20 ms at most.
fn assert_heard(samples: &[i16], hz: f32, what: &str) {
    let mut silent = 0;
    // The beginning of the talk is none of this.
    for (number, piece) in samples.chunks_exact(PIECE).enumerate().skip(40) {
        silent = if power_dbfs(piece, hz, 16_000) < -35.0 { silent + 1 } else { 0 };
        assert!(silent <= 2, "{what}: more than 20 ms without {hz} Hz at {} ms", number * 10);
    }
}

#[test]
fn a_codec_changes_in_the_talk_without_a_gap() {
    for (is_mixed, phase) in
        [false, true].into_iter().flat_map(|is_mixed| PHASES.map(|phase| (is_mixed, phase)))
    {
        let mut session = Session::new();
        session.frame_at = session.now + phase;
        let customer = session.add(Role::Customer, Codec::Pcma, CUSTOMER_HZ, None);
        let agent = session.add(Role::Agent, Codec::Pcma, AGENT_HZ, None);
        if is_mixed {
            session.add(supervisor(SupervisionMode::Whisper), Codec::Pcma, 1_900.0, None);
        }
        session.run(60);
        for codec in WAY {
            session.renegotiate(agent, codec);
            session.run(STAY);
        }
        for (slot, hz) in [(customer, AGENT_HZ), (agent, CUSTOMER_HZ)] {
            let what = format!("slot {slot}, mixed {is_mixed}, {phase:?}");
            let phone = session.phones[slot].as_ref().expect("a phone");
            let samples = sound(phone, &what);
            assert!(samples.len() > (WAY.len() * STAY + 50) * 320, "{what}: {} samples", samples.len());
            assert_heard(&samples, hz, &what);
            if slot == customer {
                // His own codec stays, so nothing excuses a click; the other phone begins to decode anew each time.
                let steps = samples[STAY * 320..].windows(2);
                let steepest = steps.map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max();
                assert!(steepest < Some(STEEPEST), "{what}: a step of {steepest:?}");
            }
        }
    }
}

/// Both sides change in the same frame, to the same codec and to different ones: relay, mix and relay again.
#[test]
fn both_sides_change_their_codecs_at_once_without_a_gap() {
    for (other, phase) in [0, 1, 3].into_iter().flat_map(|other| PHASES.map(|phase| (other, phase))) {
        let mut session = Session::new();
        session.frame_at = session.now + phase;
        let customer = session.add(Role::Customer, Codec::Pcma, CUSTOMER_HZ, None);
        let agent = session.add(Role::Agent, Codec::Pcma, AGENT_HZ, None);
        session.run(60);
        for (place, codec) in WAY.into_iter().enumerate() {
            session.renegotiate(agent, codec);
            session.renegotiate(customer, WAY[(place + other) % WAY.len()]);
            session.run(STAY);
        }
        for (slot, hz) in [(customer, AGENT_HZ), (agent, CUSTOMER_HZ)] {
            let what = format!("slot {slot}, {other} apart, {phase:?}");
            let samples = sound(session.phones[slot].as_ref().expect("a phone"), &what);
            assert!(samples.len() > (WAY.len() * STAY + 50) * 320, "{what}: {} samples", samples.len());
            assert_heard(&samples, hz, &what);
        }
    }
}
