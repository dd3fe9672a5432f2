//! A capture of RTP packets for SIPp to play: the pcap format with Ethernet, IPv4 and UDP around each packet, of which SIPp
//! takes the times and the payloads.

use std::time::Duration;

use shared::audio::codec::Codec;
use shared::audio::{FRAME_SAMPLES, Frame};
use shared::rtp::sender::{Config, Position, Sender};
use shared::sdp::TelephoneEvent;
use shared::time::Timestamp;

use crate::Outcome;

/// Payload types of Opus and of events in the scenario `customer-plays`.
const OPUS: u8 = 96;
const EVENTS: u8 = 97;
/// How long a key is pressed.
const KEY_MILLIS: u32 = 120;

/// Opus packets of sound (16 kHz), with a key after so long.
pub fn opus(samples: &[i16], key: char, after: Duration) -> Outcome<Vec<u8>> {
    let config = Config {
        codec: Codec::Opus,
        payload_type: OPUS,
        telephone_event: Some(TelephoneEvent { send: EVENTS, receive: EVENTS, clock_rate_hz: 48_000 }),
        comfort_noise: None,
        ptime_millis: 20,
        opus: Default::default(),
    };
    let position = Position { ssrc: 0x5199, sequence: 7, timestamp: 1_234, at: None, packets: 0, octets: 0 };
    let mut sender = Sender::resume(config, position)?;
    let mut capture = Vec::new();
    // Little endian with microseconds, version 2.4, no zone, whole packets, Ethernet.
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        capture.extend_from_slice(&word.to_le_bytes());
    }
    let mut buffer = [0; 1_500];
    let mut now = Timestamp::from_micros(1_000_000);
    let press_at = now + after;
    let mut pressed = false;
    for chunk in samples.chunks_exact(FRAME_SAMPLES) {
        let mut frame = Frame::SILENCE;
        frame.0.copy_from_slice(chunk);
        if !pressed && now >= press_at {
            pressed = sender.press(key, KEY_MILLIS);
        }
        sender.push(now, Some(&frame));
        loop {
            let len = sender.poll(&mut buffer);
            if len == 0 {
                break;
            }
            packet(&mut capture, now, &buffer[..len]);
        }
        now += Duration::from_millis(20);
    }
    Ok(capture)
}

fn packet(capture: &mut Vec<u8>, at: Timestamp, rtp: &[u8]) {
    let udp_len = (8 + rtp.len()) as u16;
    let mut whole = vec![0; 12];
    whole.extend_from_slice(&[0x08, 0x00]);
    let ip_len = 20 + udp_len;
    whole.extend_from_slice(&[0x45, 0, (ip_len >> 8) as u8, ip_len as u8, 0, 0, 0, 0, 64, 17, 0, 0]);
    whole.extend_from_slice(&[127, 0, 0, 1, 127, 0, 0, 1]);
    for word in [6_000_u16, 6_000, udp_len, 0] {
        whole.extend_from_slice(&word.to_be_bytes());
    }
    whole.extend_from_slice(rtp);
    let micros = at.as_micros();
    let len = whole.len() as u32;
    for word in [(micros / 1_000_000) as u32, (micros % 1_000_000) as u32, len, len] {
        capture.extend_from_slice(&word.to_le_bytes());
    }
    capture.extend_from_slice(&whole);
}
