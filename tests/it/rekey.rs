//! New SRTP keys in the talk, offered to a phone that refuses them, is busy with an offer of its own (491), and takes them.
//! Both sides hear each other all the while, and no packet comes that its keys do not open.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use shared::audio::codec::{Codec, Decoder};
use shared::rtp::packet::{MAX_PACKET_BYTES, Packet, is_rtcp};
use shared::rtp::srtp::{Inbound, Master, Outbound, Suite};
use shared_net::clock;
use tests::Outcome;
use tests::ear::level_of;
use tests::phone::{Phone, PhoneSetup};
use tests::ports::CARRIER;
use tests::raw::Message;
use tests::setup::Setup;
use tests::sipp::{encoded, tone};
use tests::voice::{AGENT_HZ, CUSTOMER_HZ, Mouth};
use tokio::net::UdpSocket;

use crate::floor::{SOON, assert_tells, hears};
use crate::hostile::{Evil, described};

const SUITE: Suite = Suite::AesCm128HmacSha1_80;
/// Octets of 20 ms of G.711.
const FRAME_BYTES: usize = 160;
/// A piece of the talk in which the voice has to be heard.
const PIECE: Duration = Duration::from_millis(200);

/// The customer's telephone.
struct Customer {
    tone: Vec<u8>,
    sequence: u16,
    seals: Outbound,
    opens: Inbound,
    decoder: Decoder,
    heard: Vec<i16>,
    /// Numbers of the packets that came, as they came.
    numbers: Vec<u16>,
    /// Packets that no key opened.
    closed: usize,
}

impl Customer {
    fn packet(&mut self) -> Outcome<Vec<u8>> {
        let at = usize::from(self.sequence) % (self.tone.len() / FRAME_BYTES) * FRAME_BYTES;
        let packet = Packet {
            payload_type: 0,
            marker: false,
            sequence: self.sequence,
            timestamp: u32::from(self.sequence) * 160,
            ssrc: 0x0CA1_1F10,
            payload: &self.tone[at..at + FRAME_BYTES],
        };
        self.sequence += 1;
        let mut bytes = vec![0; MAX_PACKET_BYTES];
        let len = packet.write_into(&mut bytes).ok_or("no room")?;
        let len = self.seals.protect(&mut bytes, len)?;
        bytes.truncate(len);
        Ok(bytes)
    }

    fn hear(&mut self, datagram: &mut [u8]) -> Outcome {
        if is_rtcp(datagram) {
            return Ok(());
        }
        let Ok(len) = self.opens.unprotect(datagram) else {
            self.closed += 1;
            return Ok(());
        };
        let packet = Packet::read(&datagram[..len])?;
        self.numbers.push(packet.sequence);
        let mut samples = [0; 4_096];
        let written = self.decoder.decode(packet.payload, &mut samples);
        self.heard.extend_from_slice(&samples[..written]);
        Ok(())
    }
}

/// Talks and listens until it is told to stop.
async fn talk(
    socket: UdpSocket,
    service: SocketAddr,
    customer: Arc<Mutex<Customer>>,
    stop: Arc<AtomicBool>,
) -> Outcome {
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    while !stop.load(Ordering::Relaxed) {
        tick.tick().await;
        let packet = customer.lock().expect("nobody broke down").packet()?;
        socket.send_to(&packet, service).await?;
        let mut datagram = [0; 2_048];
        while let Ok((len, _)) = socket.try_recv_from(&mut datagram) {
            customer.lock().expect("nobody broke down").hear(&mut datagram[..len])?;
        }
    }
    Ok(())
}

/// The line with a key of ours.
fn line(port: u16, tag: &str, master: &Master) -> String {
    let key = master.to_base64();
    format!("m=audio {port} RTP/SAVP 0\na=crypto:{tag} {} inline:{key}\n", SUITE.name())
}

/// The service's key in a description, with its tag.
fn key_in(message: &Message) -> Outcome<(String, Master)> {
    let lines = message.0.lines().filter_map(|line| line.strip_prefix("a=crypto:"));
    let mut keys = lines.filter_map(|line| line.split_once(&format!(" {} inline:", SUITE.name())));
    let (tag, key) = keys.next().ok_or("no key")?;
    let key = key.split(['|', ' ']).next().unwrap_or_default();
    Ok((tag.to_owned(), Master::try_from(format!("{}:{key}", SUITE.name()))?))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_a_phone_refuses_or_takes_change_nothing_that_is_heard() -> Outcome {
    let mut setup = Setup::test()?;
    setup.set("media", "srtp", "off");
    setup.set("media", "srtp_rekey_secs", 1);
    let trunk = setup.trunk("carrier");
    trunk.insert("srtp".into(), "required".into());
    trunk.insert("srtp_without_tls".into(), true.into());
    let mut evil = Evil::at(setup).await?;
    let sip = evil.floor.service.setup.sip;
    let mut agent = PhoneSetup::fixed(sip, "301", evil.floor.port("301"));
    agent.mouth = Mouth::tone(AGENT_HZ);
    let agent = Phone::start(agent).await?;

    let mut random = StdRng::seed_from_u64(9);
    let [first, second, third] = std::array::from_fn(|_| Master::random(SUITE, &mut random));
    let socket = UdpSocket::bind((CARRIER, 0)).await?;
    let port = socket.local_addr()?.port();
    let ok = evil.invite(&described(&line(port, "1", &first)), "").await?;
    assert_eq!(ok.status(), 200, "{}", ok.0);
    let (_, mut theirs) = key_in(&ok)?;
    let customer = Arc::new(Mutex::new(Customer {
        tone: encoded(Codec::Pcmu, &tone(CUSTOMER_HZ, 1_000))?,
        sequence: 1,
        seals: Outbound::new(first),
        opens: Inbound::new(theirs.clone()),
        decoder: Decoder::new(Codec::Pcmu)?,
        heard: Vec::new(),
        numbers: Vec::new(),
        closed: 0,
    }));
    let stop = Arc::new(AtomicBool::new(false));
    let voice = SocketAddr::new(sip.ip(), ok.voice_port()?);
    let talking = tokio::spawn(talk(socket, voice, customer.clone(), stop.clone()));
    agent.talking(SOON).await?;
    hears(&agent, CUSTOMER_HZ).await?;
    let begun = clock::now();
    customer.lock().expect("nobody broke down").heard.clear();

    // No to the first ones, not now to the second ones; both were offered and never came to be.
    for status in ["488 Not Acceptable Here", "491 Request Pending"] {
        let invite = evil.peer.gets("INVITE").await?;
        assert_ne!(key_in(&invite)?.1, theirs, "{status}");
        evil.peer.answer(&invite, status, "", "").await?;
        evil.peer.gets("ACK").await?;
    }
    // The third and the fourth are taken.
    for ours in [second, third] {
        let invite = evil.peer.gets("INVITE").await?;
        let (tag, key) = key_in(&invite)?;
        assert_ne!(key, theirs);
        theirs = key.clone();
        let own = evil.peer.address()?;
        let body = described(&line(port, &tag, &ours));
        {
            let mut customer = customer.lock().expect("nobody broke down");
            customer.opens.rekey(key);
            customer.seals = Outbound::new(ours);
        }
        evil.peer.answer(&invite, "200 OK", "", &format!("Contact: <sip:evil@{own}>\n{body}")).await?;
        evil.peer.gets("ACK").await?;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let ended = clock::now();
    stop.store(true, Ordering::Relaxed);
    talking.await??;

    let mut at = begun;
    while at + PIECE <= ended {
        let level = agent.ear.level(CUSTOMER_HZ, at, at + PIECE)?;
        assert!(level.is_heard(), "{} ms after the first offer: {level:?}", at.millis_since(begun));
        at += PIECE;
    }
    {
        let customer = customer.lock().expect("nobody broke down");
        assert_eq!(customer.closed, 0, "packets that no key opens");
        let jumps = customer.numbers.windows(2).filter(|pair| pair[1] != pair[0].wrapping_add(1)).count();
        assert_eq!(jumps, 0, "{:?}", customer.numbers);
        // 200 ms each.
        for (piece, samples) in customer.heard.chunks_exact(3_200).enumerate() {
            let level = level_of(AGENT_HZ, samples)?;
            assert!(level.is_heard(), "the agent, piece {piece}: {level:?}");
        }
    }
    assert_eq!(evil.within(&ok, "BYE", 2, "").await?.status(), 200);
    assert_tells(&evil.floor.one_ended().await?, &["connected with 301", "ended: customer_hung_up"]);
    Ok(())
}
