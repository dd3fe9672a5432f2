//! Phones on the loopback that speak a tone and listen, on the real clock.

use std::collections::VecDeque;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use shared::audio::codec::Codec;
use shared::audio::goertzel::power_dbfs;
use shared::audio::tone::Sine;
use shared::audio::{FRAME_SAMPLES, Frame};
use shared::rtp::dtmf::KeyEvent;
use shared::rtp::packet::{Packet, is_rtcp};
use shared::rtp::receiver::{self, Receiver};
use shared::rtp::sender::{self, Sender};
use shared::rtp::srtp::{Keys, Master, Suite};
use shared::sdp::{Direction, TelephoneEvent};
use shared::time::Timestamp;

use super::super::protection::{BUFFER_BYTES, Protection};
use super::super::*;
use crate::clock;

pub(super) const CUSTOMER_HZ: f32 = 440.0;
pub(super) const AGENT_HZ: f32 = 880.0;
pub(super) const SUPERVISOR_HZ: f32 = 1_320.0;
pub(super) const MUSIC_HZ: f32 = 660.0;

/// A service's media with phones around it.
pub(super) struct Floor {
    pub(super) media: Media,
    pub(super) events: mpsc::Receiver<MediaEvent>,
    pub(super) bridge: BridgeId,
    pub(super) phones: Vec<Phone>,
}

pub(super) struct Phone {
    pub(super) leg: LegId,
    pub(super) socket: UdpSocket,
    pub(super) to: SocketAddr,
    pub(super) speaks: bool,
    /// Takes what comes.
    pub(super) listens: bool,
    tone: Sine,
    /// What it says in place of its tone, until that is said.
    pub(super) says: VecDeque<i16>,
    pub(super) sender: Sender,
    pub(super) receiver: Receiver,
    pub(super) heard: Vec<i16>,
    pub(super) headers: Vec<Header>,
    /// What came with them.
    pub(super) payloads: Vec<Vec<u8>>,
    pub(super) keys: Vec<char>,
    pub(super) rtcp: Vec<Vec<u8>>,
    /// SRTP, when the phone has it.
    pub(super) protection: Protection,
    /// Keys are in use: from here on everything has to be protected.
    is_secured: bool,
}

/// What a phone saw of a packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) ssrc: u32,
    pub(super) payload_type: u8,
}

pub(super) fn config() -> MediaConfig {
    MediaConfig { port_min: 32_000, port_max: 60_999, workers: 1, ..MediaConfig::default() }
}

pub(super) fn call() -> CallId {
    CallId::from_u64(7)
}

/// What the service agreed on with a phone at `remote`.
pub(super) fn negotiated(remote: SocketAddr, codec: Codec) -> Negotiated {
    let payload_type = codec.static_payload_type().unwrap_or(111);
    Negotiated {
        remote,
        remote_rtcp: remote,
        rtcp_mux: true,
        codec,
        payload_type,
        receive: vec![(payload_type, codec)],
        telephone_event: Some(TelephoneEvent { send: 101, receive: 101, clock_rate_hz: 8_000 }),
        comfort_noise: None,
        ptime_millis: 20,
        direction: Direction::SendRecv,
        hold: false,
        keys: None,
        opus: Default::default(),
    }
}

impl Floor {
    pub(super) fn new(config: MediaConfig) -> Floor {
        let (sender, events) = mpsc::channel(256);
        let media = Media::start(config, sender).expect("media");
        let bridge = media.open_bridge(call());
        Floor { media, events, bridge, phones: Vec::new() }
    }

    /// Customer and agent with PCMA.
    pub(super) fn talk() -> Floor {
        let mut floor = Floor::new(config());
        floor.add(Role::Customer, Codec::Pcma, CUSTOMER_HZ);
        floor.add(Role::Agent, Codec::Pcma, AGENT_HZ);
        floor
    }

    /// Agrees on keys with a phone.
    pub(super) fn secure(&mut self, place: usize, suite: Suite, seed: u64) {
        let phone = &mut self.phones[place];
        let keys = phone.secure(suite, seed);
        let mut agreed = negotiated(phone.socket.local_addr().expect("address"), phone.sender.config().codec);
        agreed.keys = Some(keys);
        self.media.connect(phone.leg, agreed);
    }

    /// Opens a port, and connects a phone that speaks `hz`. Returns its place.
    pub(super) fn add(&mut self, role: Role, codec: Codec, hz: f32) -> usize {
        let leg = LegId::from_u64(self.phones.len() as u64 + 1);
        let local = self.media.open_port(self.bridge, leg, role).expect("port");
        let (phone, agreed) = Phone::new(leg, SocketAddr::new(local.address, local.port), codec, hz, -15.0);
        self.phones.push(phone);
        self.media.connect(leg, agreed);
        self.phones.len() - 1
    }

    pub(super) fn leg(&self, place: usize) -> LegId {
        self.phones[place].leg
    }

    pub(super) fn set(&self, place: usize, party: Party) {
        self.media.set_party(self.leg(place), party);
    }

    /// Lets time pass; then everything that was heard before is forgotten and `listen` is what counts.
    pub(super) fn settle(&mut self) {
        self.run(240);
        for phone in &mut self.phones {
            phone.heard.clear();
        }
    }

    /// Lets `millis` pass; phones speak and listen.
    pub(super) fn run(&mut self, millis: u64) {
        let start = Instant::now();
        for tick in 1..=millis / 20 {
            for phone in &mut self.phones {
                phone.tick(clock::now());
            }
            let due = start + Duration::from_millis(tick * 20);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    }

    /// Which of the tones each phone heard, as "CAS" letters ("M" is the music), "." for nothing.
    pub(super) fn heard(&self) -> String {
        let tones = [('C', CUSTOMER_HZ), ('A', AGENT_HZ), ('S', SUPERVISOR_HZ), ('M', MUSIC_HZ)];
        let words: Vec<String> = self
            .phones
            .iter()
            .map(|phone| {
                let word: String = tones
                    .iter()
                    .filter(|(_, hz)| power_dbfs(&phone.heard, *hz, 16_000) > -35.0)
                    .map(|(letter, _)| *letter)
                    .collect();
                if word.is_empty() { ".".into() } else { word }
            })
            .collect();
        words.join(" ")
    }

    /// Settles, listens for 200 ms and compares.
    pub(super) fn expect(&mut self, expected: &str) {
        self.settle();
        self.run(200);
        assert_eq!(self.heard(), expected, "stats {:?}", self.media.stats());
    }

    pub(super) fn events(&mut self) -> Vec<MediaEvent> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }
}

impl Phone {
    /// A phone that speaks `hz` at this level to the service at `to`, and what they agreed on.
    pub(super) fn new(leg: LegId, to: SocketAddr, codec: Codec, hz: f32, dbfs: f32) -> (Phone, Negotiated) {
        let socket = UdpSocket::bind((to.ip(), 0)).expect("socket");
        socket.set_nonblocking(true).expect("non-blocking");
        let agreed = negotiated(socket.local_addr().expect("address"), codec);
        let mut random = StdRng::seed_from_u64(leg.as_u64());
        let phone = Phone {
            leg,
            to,
            speaks: true,
            listens: true,
            tone: Sine::new(hz, 16_000, dbfs),
            says: VecDeque::new(),
            sender: Sender::new(sender::Config::from(&agreed), &mut random).expect("sender"),
            receiver: Receiver::new(receiver::Config::from(&agreed)).expect("receiver"),
            heard: Vec::new(),
            headers: Vec::new(),
            payloads: Vec::new(),
            keys: Vec::new(),
            rtcp: Vec::new(),
            protection: Protection::default(),
            is_secured: false,
            socket,
        };
        (phone, agreed)
    }

    /// Agrees on keys; the service's are returned.
    pub(super) fn secure(&mut self, suite: Suite, seed: u64) -> Keys {
        let random = &mut StdRng::seed_from_u64(seed);
        let (send, receive) = (Master::random(suite, random), Master::random(suite, random));
        self.protection.set(Some(&Keys { send: receive.clone(), receive: send.clone() }));
        Keys { send, receive }
    }

    /// The phone speaks and expects another codec from now on.
    pub(super) fn renegotiate(&mut self, codec: Codec) {
        let agreed = negotiated(self.to, codec);
        self.sender.configure(sender::Config::from(&agreed)).expect("sender");
        self.receiver.configure(receiver::Config::from(&agreed)).expect("receiver");
    }

    /// Speaks and listens for 20 ms.
    pub(super) fn tick(&mut self, now: Timestamp) {
        let mut frame = Frame::SILENCE;
        self.tone.fill(&mut frame.0);
        let said = self.says.len().min(FRAME_SAMPLES);
        frame.0.iter_mut().zip(self.says.drain(..said)).for_each(|(sample, said)| *sample = said);
        self.sender.push(now, self.speaks.then_some(&frame));
        let mut packet = [0; BUFFER_BYTES];
        loop {
            match self.sender.poll(&mut packet) {
                0 => break,
                len => {
                    let len = self.protection.seal(&mut packet, len, false).expect("sealed");
                    self.socket.send_to(&packet[..len], self.to).expect("sent");
                }
            }
        }
        let mut datagram = [0; 2_048];
        let has_keys = self.protection.state().is_some();
        while let Ok((len, _)) = self.socket.recv_from(&mut datagram) {
            if !self.listens {
                continue;
            }
            let is_report = is_rtcp(&datagram[..len]);
            let Some(bytes) = self.protection.open(&mut datagram[..len], is_report) else {
                // On its way since before the keys.
                assert!(!self.is_secured, "from the service");
                continue;
            };
            self.is_secured = has_keys;
            if is_report {
                self.rtcp.push(bytes.to_vec());
                continue;
            }
            let packet = Packet::read(bytes).expect("the service writes packets");
            self.headers.push(Header {
                sequence: packet.sequence,
                timestamp: packet.timestamp,
                ssrc: packet.ssrc,
                payload_type: packet.payload_type,
            });
            self.payloads.push(packet.payload.to_vec());
            self.receiver.receive(now, &packet);
        }
        self.receiver.pull(now, &mut frame);
        self.heard.extend_from_slice(&frame.0);
        while let Some(event) = self.receiver.poll_key() {
            if let KeyEvent::Pressed(key) = event {
                self.keys.push(key);
            }
        }
    }
}
