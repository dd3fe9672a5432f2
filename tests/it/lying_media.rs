//! A customer whose voice is good and whose every other packet lies, and strangers who lie with it: all of it is counted
//! and dropped, and both sides hear each other all the while.

use std::time::Duration;

use shared::audio::codec::{Codec, Decoder};
use shared_net::clock;
use tests::ear::level_of;
use tests::phone::{Phone, PhoneSetup};
use tests::ports::{CARRIER, STRANGER};
use tests::sipp::{encoded, tone};
use tests::voice::{AGENT_HZ, CUSTOMER_HZ, Mouth};
use tests::{Outcome, http};
use tokio::net::UdpSocket;

use crate::floor::{SOON, assert_tells};
use crate::hostile::{Evil, described};

/// Octets of 20 ms of G.711.
const FRAME_BYTES: usize = 160;
/// Packets of 20 ms before the lies, under them, and behind them.
const HONEST: u16 = 50;
const LYING: u16 = 100;
/// The customer's source.
const SSRC: u32 = 0x0CA1_1F10;

/// RTP (RFC 3550 §5.1) in the customer's stream.
fn rtp(first: u8, kind: u8, sequence: u16, ssrc: u32, rest: &[u8]) -> Vec<u8> {
    let mut packet = vec![first, kind];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend(rest);
    packet
}

fn rtcp(first: u8, kind: u8, words: u16, rest: &[u8]) -> Vec<u8> {
    let mut packet = vec![first, kind];
    packet.extend(words.to_be_bytes());
    packet.extend(SSRC.to_be_bytes());
    packet.extend(rest);
    packet
}

/// Datagrams that are no packet of this call, whoever sends them.
fn lies(sequence: u16) -> Vec<Vec<u8>> {
    let voice = [0x55; FRAME_BYTES];
    let with = |first, rest: &[u8]| rtp(first, 0, sequence, SSRC, rest);
    let report = rtcp(0x80, 201, 1, &[]);
    vec![
        vec![0x80],
        vec![0xFF; 11],
        with(0x00, &voice),
        with(0xC0, &voice),
        with(0x8F, &[0; 30]),
        with(0x90, &[0xBE, 0xDE, 0xFF, 0xFF, 1, 2, 3, 4]),
        with(0x90, &[0xBE, 0xDE]),
        with(0xA0, &[1, 2, 3, 200]),
        with(0xA0, &[0]),
        with(0xBF, &[0xFF; 62]),
        rtp(0x80, 120, sequence, SSRC, &voice),
        // STUN, ZRTP and DTLS (RFC 7983 §7).
        [&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42][..], &[7; 12]].concat(),
        [&[0x10, 0, 0, 1, 0x5A, 0x52, 0x54, 0x50][..], &[0; 60]].concat(),
        [&[22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100][..], &[1; 100]].concat(),
        // RTCP: lengths beyond the end and of nothing, blocks and sources that are not there, a lie behind the truth.
        rtcp(0x80, 200, 0xFFFF, &[]),
        rtcp(0x80, 201, 0, &[]),
        rtcp(0x9F, 201, 1, &[]),
        rtcp(0x85, 203, 1, &[]),
        rtcp(0xA1, 203, 1, &[]),
        [&report[..], &[0x80, 202, 0, 9]].concat(),
        [&report[..], &[0x80]].concat(),
    ]
}

/// Packets that are right by themselves and mean ill: a second source all the while, jumps of the numbers, keys without
/// end, good-byes and reports of total loss.
fn mischief(number: u16, sequence: u16) -> Vec<Vec<u8>> {
    let voice = [0x2A; FRAME_BYTES];
    let key = [u8::try_from(number % 16).unwrap_or_default(), 0x8A, 0, 160];
    let mut all = vec![
        rtp(0x80, 0, number, SSRC ^ 1, &voice),
        rtp(0x80, 0, sequence.wrapping_add(30_000).wrapping_add(number * 7), SSRC, &voice),
        rtp(0x80, 101, number, SSRC ^ 2, &key),
        rtcp(0x81, 203, 1, &[]),
        [rtcp(0x80, 201, 1, &[]), rtcp(0x81, 203, 1, &[])].concat(),
    ];
    all.extend(std::iter::repeat_n(rtcp(0x81, 201, 7, &[0xFF; 24]), 10));
    all
}

/// The customer's telephone.
struct Customer {
    socket: UdpSocket,
    tone: Vec<u8>,
    sequence: u16,
    decoder: Decoder,
    heard: Vec<i16>,
}

impl Customer {
    /// The next 20 ms: says its tone, and decodes what has come.
    async fn talk(&mut self, tick: &mut tokio::time::Interval, service: std::net::SocketAddr) -> Outcome {
        tick.tick().await;
        let frames = self.tone.len() / FRAME_BYTES;
        let at = usize::from(self.sequence) % frames * FRAME_BYTES;
        let packet = rtp(0x80, 0, self.sequence, SSRC, &self.tone[at..at + FRAME_BYTES]);
        self.socket.send_to(&packet, service).await?;
        self.sequence += 1;
        let mut datagram = [0; 2_048];
        while let Ok((len, _)) = self.socket.try_recv_from(&mut datagram) {
            // PCMU without anything between header and voice, as the service writes it.
            if let [0x80, 0 | 0x80, _, _, _, _, _, _, _, _, _, _, payload @ ..] = &datagram[..len] {
                let mut samples = [0; 4_096];
                let written = self.decoder.decode(payload, &mut samples);
                self.heard.extend_from_slice(&samples[..written]);
            }
        }
        Ok(())
    }
}

async fn counter(evil: &Evil, name: &str) -> Outcome<u64> {
    let name = format!("callfloor_media_packets_{name}_total ");
    let page = http::get(evil.floor.service.setup.http, "/metrics", &[]).await?.text();
    let line = page.lines().find_map(|line| line.strip_prefix(&name)).ok_or("no such counter")?;
    Ok(line.trim().parse()?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_that_lies_is_counted_and_both_sides_hear_each_other() -> Outcome {
    let mut evil = Evil::new().await?;
    let sip = evil.floor.service.setup.sip;
    let mut agent = PhoneSetup::fixed(sip, "301", evil.floor.port("301"));
    agent.mouth = Mouth::tone(AGENT_HZ);
    let agent = Phone::start(agent).await?;
    let socket = UdpSocket::bind((CARRIER, 0)).await?;
    let port = socket.local_addr()?.port();
    let lines = format!("m=audio {port} RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000\na=rtcp-mux\n");
    let ok = evil.invite(&described(&lines), "").await?;
    assert_eq!(ok.status(), 200, "{}", ok.0);
    let port = ok.voice_port()?;
    let (voice, reports) = ((sip.ip(), port).into(), (sip.ip(), port + 1));
    agent.talking(SOON).await?;

    let mut customer = Customer {
        socket,
        tone: encoded(Codec::Pcmu, &tone(CUSTOMER_HZ, 1_000))?,
        sequence: 1,
        decoder: Decoder::new(Codec::Pcmu)?,
        heard: Vec::new(),
    };
    let stranger = UdpSocket::bind((STRANGER, 0)).await?;
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..HONEST {
        customer.talk(&mut tick, voice).await?;
    }
    let before = [counter(&evil, "malformed").await?, counter(&evil, "foreign").await?];
    customer.heard.clear();
    let begun = clock::now();
    let mut sent = [0, 0];
    for number in 0..LYING {
        // A stranger who knows the source is quicker than the phone with its next number.
        let forged = rtp(0x80, 0, customer.sequence, SSRC, &[0x2A; FRAME_BYTES]);
        let lies = lies(customer.sequence);
        for bytes in lies.iter().chain([&forged]).chain(&mischief(number, customer.sequence)) {
            stranger.send_to(bytes, voice).await?;
            sent[1] += 1;
        }
        stranger.send_to(&rtcp(0x81, 203, 1, &[]), reports).await?;
        sent[1] += 1;
        customer.talk(&mut tick, voice).await?;
        for bytes in &lies {
            customer.socket.send_to(bytes, voice).await?;
            sent[0] += 1;
        }
        for bytes in mischief(number, customer.sequence) {
            customer.socket.send_to(&bytes, voice).await?;
        }
    }
    let ended = clock::now();
    let level = agent.ear.level(CUSTOMER_HZ, begun, ended)?;
    assert!(level.is_heard(), "the customer at the agent: {level:?}");
    let level = level_of(AGENT_HZ, &customer.heard)?;
    assert!(level.is_heard(), "the agent at the customer: {level:?}");
    for _ in 0..HONEST {
        customer.talk(&mut tick, voice).await?;
    }
    let after = [counter(&evil, "malformed").await?, counter(&evil, "foreign").await?];
    let counted = [after[0] - before[0], after[1] - before[1]];
    assert_eq!(counted, sent, "malformed from the customer, all from strangers");
    assert_eq!(evil.within(&ok, "BYE", 2, "").await?.status(), 200);
    assert_tells(&evil.floor.one_ended().await?, &["connected with 301", "ended: customer_hung_up"]);
    let log = std::fs::read_to_string(evil.floor.service.log_file())?;
    assert!(!log.contains("panicked"), "{}", evil.floor.service.log_end(40));
    Ok(())
}
