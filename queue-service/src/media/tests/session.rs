//! A bridge with its ports and phones in virtual time: what the worker does, without its thread and its clock. The packets
//! go over the loopback, which hands them on at once.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use shared::audio::codec::Codec;
use shared::audio::mixer::{Party, Role};
use shared::id::{LegId, RecordingId};
use shared::model::sound::LegSound;
use shared::rtp::srtp::Suite;
use shared::time::Timestamp;
use tokio::sync::mpsc;

use super::super::bridge::{Bridge, Scratch};
use super::super::event::MediaEvent;
use super::super::pool::PortPool;
use super::super::port::{Port, Silence};
use super::super::stats::WorkerCounters;
use super::super::worker::Desk;
use super::super::{BridgeId, MediaConfig, socket};
use super::floor::{Phone, call, config};
use crate::recording::{Recorder, RecordingConfig};

/// How long after the packets the first frame is made.
const PHASE: Duration = Duration::from_millis(7);

pub(super) struct Session {
    pub(super) now: Timestamp,
    pub(super) desk: Desk,
    pub(super) bridge: Bridge,
    pub(super) events: mpsc::Receiver<MediaEvent>,
    scratch: Scratch,
    tick: u64,
    /// When the next frame is due.
    pub(super) frame_at: Timestamp,
    config: MediaConfig,
    pool: Arc<Mutex<PortPool>>,
    /// By slot of their ports; none where the phone has gone.
    pub(super) phones: Vec<Option<Phone>>,
    /// How long after the others the phone of a slot sends, below 20 ms; nothing for those that are not named.
    pub(super) lags: HashMap<usize, Duration>,
    /// What the recording heard.
    pub(super) tracks: [Vec<i16>; 3],
    recorded: Option<(Recorder, tempfile::TempDir)>,
}

impl Session {
    pub(super) fn new() -> Session {
        Session::at(config().bind)
    }

    /// On sockets of this address.
    pub(super) fn at(bind: IpAddr) -> Session {
        let config = MediaConfig { bind, ..config() };
        let (sender, events) = mpsc::channel(4_096);
        let limit = Duration::from_secs(30);
        let pool = PortPool::new(config.port_min, config.port_max, &mut rand::rng());
        let now = Timestamp::from_secs(1_000_000);
        Session {
            now,
            frame_at: now + PHASE,
            lags: HashMap::new(),
            desk: Desk::new(
                sender,
                Arc::new(WorkerCounters::default()),
                Silence { first: limit, again: limit },
            ),
            bridge: Bridge::new(BridgeId { number: 1, worker: 0 }, call()),
            events,
            scratch: Scratch::default(),
            tick: 0,
            config,
            pool: Arc::new(Mutex::new(pool)),
            phones: Vec::new(),
            tracks: Default::default(),
            recorded: None,
        }
    }

    /// Records, so that a bridge that only relays is decoded too.
    pub(super) fn record(&mut self) {
        let dir = tempfile::tempdir().expect("folder");
        let config = RecordingConfig { dir: dir.path().into(), sync_secs: 0 };
        let recorder = Recorder::start(config, mpsc::channel(4).0).expect("recorder");
        self.bridge.record(self.tick, recorder.open(RecordingId::from_u64(1), call(), self.now));
        self.recorded = Some((recorder, dir));
        self.plan();
    }

    /// A phone with this codec that speaks `hz` at -20 dBFS; with SRTP when a suite is given. Returns its slot.
    pub(super) fn add(&mut self, role: Role, codec: Codec, hz: f32, suite: Option<Suite>) -> usize {
        let slot = self.desk.ports.len();
        let leg = LegId::from_u64(slot as u64 + 1);
        let sockets = socket::open(&self.config, &self.pool).expect("a pair of ports");
        let to = SocketAddr::new(self.config.bind, sockets.port);
        let (mut phone, mut agreed) = Phone::new(leg, to, codec, hz, -20.0);
        agreed.keys = suite.map(|suite| phone.secure(suite, slot as u64));
        let mut port = Port::new(self.now, self.bridge.id, call(), leg, Party::new(role), sockets);
        port.connect(self.now, agreed, &mut self.desk.random);
        self.desk.ports.push(Some(Box::new(port)));
        self.phones.push(Some(phone));
        self.bridge.slots.push(slot);
        self.plan();
        slot
    }

    /// A re-INVITE in the talk: another codec from now on.
    pub(super) fn renegotiate(&mut self, slot: usize, codec: Codec) {
        let (now, phone) = (self.now, self.phones[slot].as_mut().expect("a phone"));
        phone.renegotiate(codec);
        let agreed = super::floor::negotiated(phone.socket.local_addr().expect("address"), codec);
        let desk = &mut self.desk;
        let port = desk.ports[slot].as_mut().expect("a port");
        port.connect(now, agreed, &mut desk.random);
        self.plan();
    }

    pub(super) fn remove(&mut self, slot: usize) {
        self.bridge.leave(slot, &mut self.desk);
        self.desk.ports[slot] = None;
        self.phones[slot] = None;
        self.plan();
    }

    pub(super) fn port(&mut self, slot: usize) -> &mut Port {
        self.desk.port(slot).expect("a port")
    }

    /// How the legs sound, asked as the live feed does.
    pub(super) fn sound(&mut self) -> Vec<LegSound> {
        self.bridge.sound(self.now, &mut self.desk).into_iter().map(|(sound, _)| sound).collect()
    }

    pub(super) fn plan(&mut self) {
        self.bridge.plan(&mut self.desk);
    }

    /// Lets frames of 20 ms pass.
    pub(super) fn run(&mut self, frames: usize) {
        for _ in 0..frames {
            let (began, until) = (self.now, self.now + Duration::from_millis(20));
            let mut left: Vec<usize> = (0..self.phones.len()).collect();
            while self.now < until {
                let lag = |slot: &usize| self.lags.get(slot).copied().unwrap_or_default();
                let next = left.iter().map(lag).min().map_or(until, |lag| began + lag);
                if next <= self.frame_at && next < until {
                    self.now = next;
                    let turn = left.extract_if(.., |slot| began + lag(slot) == next).collect::<Vec<_>>();
                    for slot in turn {
                        self.phones[slot].iter_mut().for_each(|phone| phone.tick(next));
                    }
                    self.receive();
                } else if self.frame_at < until {
                    self.now = self.frame_at;
                    self.frame();
                } else {
                    self.now = until;
                }
            }
        }
    }

    fn frame(&mut self) {
        self.bridge.frame(self.now, self.tick, &mut self.desk, &mut self.scratch);
        for (track, frame) in self.tracks.iter_mut().zip(self.bridge.tracks(&self.scratch)) {
            track.extend_from_slice(&frame.0);
        }
        self.tick += 1;
        let later_millis = self.bridge.wishes_later_millis(self.now, &self.desk);
        self.bridge.move_frames(later_millis);
        self.frame_at += Duration::from_millis((20 + later_millis).unsigned_abs());
    }

    fn receive(&mut self) {
        let mut datagram = [0; 2_048];
        for slot in 0..self.desk.ports.len() {
            while let Some(port) = self.desk.port(slot) {
                let Ok((len, source)) = port.sockets.rtp.recv_from(&mut datagram) else { break };
                if self.desk.receive(self.now, slot, source, &mut datagram[..len]) {
                    self.plan();
                }
            }
        }
    }

    /// Forgets what was heard and recorded.
    pub(super) fn forget(&mut self) {
        self.phones.iter_mut().flatten().for_each(|phone| phone.heard.clear());
        self.tracks.iter_mut().for_each(Vec::clear);
    }
}
