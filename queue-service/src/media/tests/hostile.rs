//! Bad RTP and RTCP through the real worker: counted, dropped, and the call goes on.

use std::net::UdpSocket;

use shared::audio::codec::Codec;
use shared::audio::mixer::Role;

use super::super::{MediaConfig, MediaEvent};
use super::floor::{CUSTOMER_HZ, Floor, config};

fn header(first: u8, second: u8) -> Vec<u8> {
    vec![first, second, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]
}

/// RTP whose lengths lie.
fn lies() -> Vec<Vec<u8>> {
    let with = |first, tail: &[u8]| [header(first, 8), tail.to_vec()].concat();
    vec![
        vec![0x80],
        with(0x8F, &[1; 20]), // fifteen contributing sources, five of them there
        with(0x90, &[0xBE, 0xDE, 0xFF, 0xFF, 1, 2]), // an extension of 65,535 words
        with(0x90, &[0xBE]),  // half an extension
        with(0xA0, &[1, 2, 3, 255]), // padding beyond the beginning
        with(0x00, &[0; 160]), // version 0
        with(0xBF, &[0xFF; 160]), // everything at once
        [header(0x80, 77), vec![0; 160]].concat(), // a payload type that nobody agreed on
    ]
}

/// RTCP whose lengths lie.
fn reports() -> Vec<Vec<u8>> {
    vec![
        vec![0x80, 200],
        vec![0x80, 200, 0xFF, 0xFF, 0, 0, 0, 1],
        [vec![0x9F, 200, 0, 6], vec![0; 24]].concat(), // thirty-one reports, none of them there
        [vec![0x81, 201, 0, 0], vec![0x81, 202, 0xFF, 0xFF]].concat(),
    ]
}

#[test]
fn packets_that_lie_are_counted_and_the_call_goes_on() {
    let mut floor = Floor::talk();
    floor.run(200);
    let (rounds, lies, reports) = (50, lies(), reports());
    for _ in 0..rounds {
        for bytes in lies.iter().chain(&reports) {
            floor.phones[0].socket.send_to(bytes, floor.phones[0].to).expect("sent");
        }
    }
    floor.expect("A C");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
    let stats = runtime.block_on(floor.media.snapshot(floor.leg(0))).expect("a leg");
    let expected = rounds * (lies.len() + reports.len()) as u64;
    assert_eq!(stats.packets_malformed, expected, "{stats:?}");
    assert_eq!(floor.media.stats().packets_malformed, expected);
}

#[test]
fn a_flood_of_strangers_and_a_stolen_source_take_nothing_over() {
    let mut floor = Floor::talk();
    floor.run(200);
    let strangers: Vec<UdpSocket> = (0..8).map(|_| UdpSocket::bind("127.0.0.1:0").expect("socket")).collect();
    let mut voice = [header(0x80, 8), vec![0x15; 160]].concat();
    // The very source and the next number of the phone, as one who listens on the way would know them.
    let position = floor.phones[0].sender.position();
    voice[8..12].copy_from_slice(&position.ssrc.to_be_bytes());
    let ours = floor.phones[0].to;
    for number in 0..50u16 {
        voice[2..4].copy_from_slice(&position.sequence.wrapping_add(number).to_be_bytes());
        for stranger in &strangers {
            stranger.send_to(&voice, ours).expect("sent");
        }
        floor.run(20);
    }
    floor.expect("A C");
    assert_eq!(floor.media.stats().packets_foreign, 400);
    for stranger in strangers {
        stranger.set_nonblocking(true).expect("non-blocking");
        assert!(stranger.recv(&mut [0; 16]).is_err(), "nothing is sent to a stranger");
    }
    // Reports of strangers are counted like their voice.
    let elsewhere = UdpSocket::bind("127.0.0.3:0").expect("socket");
    for _ in 0..30 {
        elsewhere.send_to(&[0x80, 201, 0, 1, 0, 0, 0, 7], ours).expect("sent");
    }
    floor.run(40);
    assert_eq!(floor.media.stats().packets_foreign, 430);
    // A second source from the phone's own address, one packet now and then: the stream is not given up for it.
    voice[8..12].copy_from_slice(&7u32.to_be_bytes());
    for number in 0..20u16 {
        voice[2..4].copy_from_slice(&(number * 100).to_be_bytes());
        floor.phones[0].socket.send_to(&voice, ours).expect("sent");
        floor.run(20);
    }
    floor.expect("A C");
    let ssrc = floor.phones[1].headers[0].ssrc;
    assert!(floor.phones[1].headers.iter().all(|header| header.ssrc == ssrc));
}

/// A second stream from the phone's own address, as long as the first, and good-byes of it all the while.
#[test]
fn a_second_source_and_good_byes_end_nothing() {
    let mut floor = Floor::talk();
    floor.run(200);
    let ours = floor.phones[0].to;
    let ssrc = floor.phones[0].sender.position().ssrc;
    let mut voice = [header(0x80, 8), vec![0x15; 160]].concat();
    let bye = [&[0x81, 203, 0, 1][..], &ssrc.to_be_bytes()].concat();
    let mut send = |floor: &mut Floor, numbers: std::ops::Range<u16>| {
        for number in numbers {
            voice[2..4].copy_from_slice(&number.to_be_bytes());
            voice[4..8].copy_from_slice(&(u32::from(number) * 160).to_be_bytes());
            floor.phones[0].socket.send_to(&voice, ours).expect("sent");
            floor.phones[0].socket.send_to(&bye, ours).expect("sent");
            floor.run(20);
        }
    };
    send(&mut floor, 0..20);
    floor.phones.iter_mut().for_each(|phone| phone.heard.clear());
    send(&mut floor, 20..40);
    assert_eq!(floor.heard(), "A C");
    let theirs = floor.phones[1].payloads.iter().filter(|payload| payload.iter().all(|octet| *octet == 0x15));
    assert_eq!(theirs.count(), 0, "packets of the second source that were sent on");
}

/// Octets that are no report are no sign of life.
#[test]
fn reports_that_lie_do_not_hide_that_a_phone_is_gone() {
    let mut floor = Floor::new(MediaConfig { no_media_secs: 1, ..config() });
    let customer = floor.add(Role::Customer, Codec::Pcma, CUSTOMER_HZ);
    floor.run(100);
    floor.phones[customer].speaks = false;
    for _ in 0..12 {
        floor.run(100);
        let phone = &floor.phones[customer];
        phone.socket.send_to(&[0x80, 201, 0xFF, 0xFF, 0, 0, 0, 7], phone.to).expect("sent");
    }
    let missed = floor.events().into_iter().any(|event| matches!(event, MediaEvent::NoMedia { .. }));
    assert!(missed, "{:?}", floor.media.stats());
}
