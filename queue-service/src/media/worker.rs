//! A worker: one thread with its bridges, its sockets and the clock of their frames.
//!
//! ```text
//! poll ─► packets of ready sockets ─► commands ─► frames that are due ─► poll
//! ```
//! Frames are due at absolute moments, 20 ms apart; a late worker catches up a few and leaves the others out, and
//! nothing drifts.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use shared::audio::mixer::Party;
use shared::audio::opus::Effort;
use shared::id::{CallId, LegId};
use shared::model::sound::LegSound;
use shared::rtp::quality::cause::Cause;
use shared::sdp::Negotiated;
use shared::time::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::bridge::{Bridge, Scratch};
use super::effort::Load;
use super::event::MediaEvent;
use super::outlet::Outlet;
use super::pool::PortPool;
use super::port::{AHEAD, Port, Silence};
use super::prompt::Prompt;
use super::saved::{SavedBridge, SavedLeg};
use super::socket::Sockets;
use super::stagger::{Seat, Stagger};
use super::stats::{LegStats, WorkerCounters};
use super::watch::Watch;
use super::{BridgeId, MediaConfig, PlayMode, WorkerHandle};
use crate::clock;
use crate::recording::tap::Tap;

/// What a worker is told.
#[derive(Debug)]
pub(super) enum Command {
    OpenBridge { bridge: BridgeId, call: CallId },
    OpenPort { bridge: BridgeId, leg: LegId, party: Party, sockets: Box<Sockets> },
    Connect { leg: LegId, negotiated: Box<Negotiated> },
    SetParties { bridge: BridgeId, parties: Vec<(LegId, Party)> },
    Play { leg: LegId, prompt: Arc<Prompt>, mode: PlayMode, id: u64 },
    StopPlay { leg: LegId },
    Press { leg: LegId, key: char, millis: u32 },
    HearKeys { leg: LegId, hears: bool },
    Record { bridge: BridgeId, tap: Box<Tap> },
    StopRecord { bridge: BridgeId },
    Snapshot { leg: LegId, reply: oneshot::Sender<LegStats> },
    Sound { bridge: BridgeId, reply: oneshot::Sender<Vec<(LegSound, Option<Cause>)>> },
    Save { bridge: BridgeId, reply: oneshot::Sender<SavedBridge> },
    ResumePort { bridge: BridgeId, saved_at: Timestamp, saved: Box<SavedLeg>, sockets: Box<Sockets> },
    ClosePort { leg: LegId },
    CloseBridge { bridge: BridgeId },
}

const INBOX_COMMANDS: usize = 4_096;
/// How often a worker without bridges looks whether its handle is still there.
const IDLE: Duration = Duration::from_millis(500);
/// While there is much to do, packets are taken together once in this time: what one waits is little beside the jitter
/// of any network, and waking up for each would cost more than the packet.
const PACE: Duration = Duration::from_micros(500);
/// This much is much: packets in 20 ms.
const PACED_PACKETS: u32 = 40;
/// How long packets are counted for that.
const PACE_WINDOW: Duration = Duration::from_millis(20);
/// Larger than any datagram of voice; what is longer is cut and then refused as malformed.
const DATAGRAM_BYTES: usize = 2_048;

/// Starts a worker thread.
pub(super) fn spawn(
    index: usize,
    config: &MediaConfig,
    events: mpsc::Sender<MediaEvent>,
    pool: Arc<Mutex<PortPool>>,
) -> std::io::Result<WorkerHandle> {
    let (watch, waker) = Watch::new()?;
    let (inbox, commands) = std::sync::mpsc::sync_channel(INBOX_COMMANDS);
    let counters = Arc::new(WorkerCounters::default());
    let sleeps = Arc::new(AtomicBool::new(false));
    let worker = Worker {
        watch,
        commands,
        sleeps: sleeps.clone(),
        bridges: Stagger::new(clock::now()),
        desk: Desk::new(
            events,
            counters.clone(),
            Silence {
                first: Duration::from_secs(config.no_first_media_secs.into()),
                again: Duration::from_secs(config.no_media_secs.into()),
            },
        ),
        scratch: Scratch::default(),
        pace: Pace::new(clock::now()),
        load: Load::new(clock::now()),
    };
    // The pool outlives the worker's sockets, which give their numbers back to it.
    std::thread::Builder::new().name(format!("media-{index}")).spawn(move || {
        worker.run();
        drop(pool);
    })?;
    Ok(WorkerHandle { inbox, waker, sleeps, waits: AtomicBool::new(false), counters })
}

struct Worker {
    watch: Watch,
    commands: Receiver<Command>,
    sleeps: Arc<AtomicBool>,
    bridges: Stagger,
    desk: Desk,
    scratch: Scratch,
    pace: Pace,
    load: Load,
}

/// How busy the worker is.
#[derive(Debug)]
struct Pace {
    since: Timestamp,
    packets: u32,
    is_busy: bool,
}

impl Pace {
    fn new(now: Timestamp) -> Self {
        Pace { since: now, packets: 0, is_busy: false }
    }

    /// So many packets more.
    fn count(&mut self, now: Timestamp, packets: usize) {
        self.packets = self.packets.saturating_add(u32::try_from(packets).unwrap_or(u32::MAX));
        if now.since(self.since) >= PACE_WINDOW {
            *self = Pace { since: now, packets: 0, is_busy: self.packets >= PACED_PACKETS };
        }
    }
}

/// What bridges share: the ports of the worker and the way out.
pub(super) struct Desk {
    /// By slot; a socket is watched under twice its slot, plus one for RTCP.
    pub(super) ports: Vec<Option<Box<Port>>>,
    free: Vec<usize>,
    legs: HashMap<LegId, usize>,
    pub(super) outlet: Outlet,
    pub(super) counters: Arc<WorkerCounters>,
    pub(super) silence: Silence,
    /// What encoders may make of their sound.
    pub(super) effort: Effort,
    pub(super) random: StdRng,
    /// For how long packets may have waited for the worker.
    held: Duration,
}

impl Desk {
    /// Without ports.
    pub(super) fn new(
        events: mpsc::Sender<MediaEvent>,
        counters: Arc<WorkerCounters>,
        silence: Silence,
    ) -> Self {
        Desk {
            ports: Vec::new(),
            free: Vec::new(),
            legs: HashMap::new(),
            outlet: Outlet::new(events, counters.clone()),
            counters,
            silence,
            effort: Effort::default(),
            random: StdRng::from_rng(&mut rand::rng()),
            held: Duration::ZERO,
        }
    }

    pub(super) fn port(&mut self, slot: usize) -> Option<&mut Port> {
        self.ports.get_mut(slot).and_then(Option::as_deref_mut)
    }

    fn port_of(&mut self, leg: LegId) -> Option<&mut Port> {
        let slot = *self.legs.get(&leg)?;
        self.port(slot)
    }

    /// Asks for what a packet of the port at `slot` will need, so many packets `before` it.
    fn fetch(&self, slot: usize, before: usize) {
        let Some(port) = self.ports.get(slot).and_then(Option::as_deref) else { return };
        port.fetch_to_receive(before);
        if before < AHEAD {
            for to in port.relay_places.places().filter_map(|place| *port.relay_to.get(place)?) {
                if let Some(other) = self.ports.get(to).and_then(Option::as_deref) {
                    other.fetch_to_relay(before);
                }
            }
        }
    }

    /// Takes a datagram of voice, and hands it on when the plan says so. True when the plan has to be made anew.
    pub(super) fn receive(
        &mut self,
        now: Timestamp,
        slot: usize,
        source: SocketAddr,
        datagram: &mut [u8],
    ) -> bool {
        let Some(port) = self.ports.get_mut(slot).and_then(Option::as_deref_mut) else { return false };
        let Some((packet, content, plan_again)) =
            port.receive(now, self.held, source, datagram, &self.counters)
        else {
            return false;
        };
        if port.relays(content) {
            let (places, to) = (port.relay_places, port.relay_to);
            for to in places.places().filter_map(|place| *to.get(place)?) {
                if let Some(other) = self.ports.get_mut(to).and_then(Option::as_deref_mut) {
                    other.relay(now, &packet, content, &self.counters);
                }
            }
        }
        plan_again
    }
}

impl Worker {
    fn run(mut self) {
        let mut datagram = [0; DATAGRAM_BYTES];
        let (mut turn_at, mut worked) = (clock::now(), Duration::ZERO);
        loop {
            let rest = (turn_at + PACE).since(clock::now());
            let ready = if self.pace.is_busy {
                // Awake again before any command is late.
                std::thread::sleep(rest);
                self.watch.wait(Duration::ZERO)
            } else {
                // What is sent from here on wakes us; what was sent before has woken nobody and is looked for once
                // more.
                self.sleeps.store(true, Ordering::SeqCst);
                if !self.obey(clock::now()) {
                    self.close_all(clock::now());
                    return;
                }
                self.watch.wait(self.wait(clock::now()))
            };
            self.sleeps.store(false, Ordering::SeqCst);
            let now = clock::now();
            // Who sleeps between his turns may have overslept; who was woken came as soon as he was done.
            self.desk.held = if self.pace.is_busy { now.since(turn_at + PACE) } else { worked };
            turn_at = now;
            let ready = match ready {
                Ok(ready) => ready,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => 0,
                Err(error) => {
                    tracing::error!(%error, "waiting for packets failed");
                    0
                }
            };
            for before in (1..=AHEAD).rev() {
                (0..AHEAD.min(ready)).for_each(|place| self.fetch(place, before));
            }
            for place in 0..ready {
                (1..=AHEAD).for_each(|before| self.fetch(place + before, before));
                if let Some(number) = self.watch.ready(place) {
                    self.read(turn_at, number, &mut datagram);
                }
            }
            self.pace.count(turn_at, ready);
            if !self.obey(turn_at) {
                self.close_all(turn_at);
                return;
            }
            self.frames(clock::now());
            let done_at = clock::now();
            worked = done_at.since(turn_at);
            self.desk.effort = self.load.push(done_at, worked);
        }
    }

    fn wait(&self, now: Timestamp) -> Duration {
        match self.bridges.wait(now) {
            Some(wait) => wait,
            None if self.desk.outlet.is_empty() => IDLE,
            None => PACE_WINDOW,
        }
    }

    /// Asks for what the ready socket at `place` will need, so many packets `before` its own.
    fn fetch(&self, place: usize, before: usize) {
        if let Some(number) = self.watch.ready(place)
            && number.is_multiple_of(2)
        {
            self.desk.fetch((number / 2) as usize, before);
        }
    }

    /// Takes one datagram of the socket that is watched under this number.
    fn read(&mut self, now: Timestamp, number: u64, datagram: &mut [u8]) {
        let slot = (number / 2) as usize;
        let is_voice = number.is_multiple_of(2);
        let Some(port) = self.desk.port(slot) else { return };
        let socket = if is_voice { &port.sockets.rtp } else { &port.sockets.rtcp };
        // An ICMP answer to something that we sent (the far side's port is closed) comes as an error, once; the
        // datagrams behind it are still there, and their socket is ready again.
        let Ok((len, source)) = socket.recv_from(datagram) else { return };
        let bytes = datagram.get_mut(..len).unwrap_or_default();
        if is_voice {
            let bridge = port.bridge;
            if self.desk.receive(now, slot, source, bytes)
                && let Some((_, bridge)) = self.bridges.get(bridge)
            {
                bridge.plan(&mut self.desk);
            }
        } else if let Some(port) = self.desk.ports.get_mut(slot).and_then(Option::as_deref_mut) {
            port.receive_rtcp(now, source, bytes, &self.desk.counters);
        }
    }

    /// Carries out what waits in the inbox; false when the last handle is gone.
    fn obey(&mut self, now: Timestamp) -> bool {
        loop {
            match self.commands.try_recv() {
                Ok(command) => self.carry_out(now, command),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn carry_out(&mut self, now: Timestamp, command: Command) {
        match command {
            Command::OpenBridge { bridge, call } => {
                self.bridges.insert(now, Bridge::new(bridge, call));
            }
            Command::OpenPort { bridge, leg, party, sockets } => {
                self.open_port(bridge, |call| Port::new(now, bridge, call, leg, party, *sockets));
            }
            Command::Connect { leg, negotiated } => {
                let Some(slot) = self.desk.legs.get(&leg).copied() else { return };
                let Some(port) = self.desk.ports.get_mut(slot).and_then(Option::as_deref_mut) else { return };
                port.connect(now, *negotiated, &mut self.desk.random);
                let bridge = port.bridge;
                self.plan(bridge);
            }
            Command::SetParties { bridge, parties } => {
                for (leg, party) in parties {
                    if let Some(port) = self.desk.port_of(leg)
                        && port.bridge == bridge
                    {
                        port.party = party;
                    }
                }
                self.plan(bridge);
            }
            Command::Play { leg, prompt, mode, id } => {
                self.with_port(leg, |port| port.player.play(prompt, mode, id));
            }
            Command::StopPlay { leg } => self.with_port(leg, |port| port.player.stop()),
            Command::Press { leg, key, millis } => self.with_port(leg, |port| port.press(key, millis)),
            Command::HearKeys { leg, hears } => self.with_port(leg, |port| port.hear_keys(hears)),
            Command::Record { bridge, tap } => {
                if let Some((tick, bridge)) = self.bridges.get(bridge) {
                    bridge.record(tick, *tap);
                }
                self.plan(bridge);
            }
            Command::StopRecord { bridge } => {
                if let Some((tick, bridge)) = self.bridges.get(bridge) {
                    bridge.stop_record(tick);
                }
                self.plan(bridge);
            }
            Command::Snapshot { leg, reply } => {
                if let Some(port) = self.desk.port_of(leg) {
                    // Who asked may have gone.
                    let _ = reply.send(port.stats());
                }
            }
            Command::Sound { bridge, reply } => {
                let Some((_, bridge)) = self.bridges.get(bridge) else { return };
                // Who asked may have gone.
                let _ = reply.send(bridge.sound(now, &mut self.desk));
            }
            Command::Save { bridge, reply } => {
                let Some((_, home)) = self.bridges.get(bridge) else { return };
                let ports = home.slots.iter().filter_map(|slot| self.desk.ports.get(*slot)?.as_deref());
                let saved =
                    SavedBridge { call: home.call, saved_at: now, legs: ports.map(Port::save).collect() };
                // Who asked may have gone.
                let _ = reply.send(saved);
            }
            Command::ResumePort { bridge, saved_at, saved, sockets } => {
                self.open_port(bridge, |call| Port::resume(now, bridge, call, saved_at, *saved, *sockets));
            }
            Command::ClosePort { leg } => self.close_port(now, leg),
            Command::CloseBridge { bridge } => self.close_bridge(now, bridge),
        }
    }

    fn open_port(&mut self, bridge: BridgeId, make: impl FnOnce(CallId) -> Port) {
        let Some((_, home)) = self.bridges.get(bridge) else { return };
        let slot = self.desk.free.pop().unwrap_or_else(|| {
            self.desk.ports.push(None);
            self.desk.ports.len() - 1
        });
        let port = make(home.call);
        let leg = port.leg;
        let voice = slot as u64 * 2;
        let registered = self
            .watch
            .add(&port.sockets.rtp, voice)
            .and_then(|()| self.watch.add(&port.sockets.rtcp, voice + 1));
        if let Err(error) = registered {
            tracing::error!(leg_id = %leg, %error, "a media port hears nothing: the system does not watch its socket");
        }
        if let Some(place) = self.desk.ports.get_mut(slot) {
            *place = Some(Box::new(port));
        }
        self.desk.legs.insert(leg, slot);
        self.desk.counters.ports.fetch_add(1, Ordering::Relaxed);
        home.slots.push(slot);
        home.plan(&mut self.desk);
    }

    fn with_port(&mut self, leg: LegId, change: impl FnOnce(&mut Port)) {
        let Some(port) = self.desk.port_of(leg) else { return };
        change(port);
        let bridge = port.bridge;
        self.plan(bridge);
    }

    fn plan(&mut self, bridge: BridgeId) {
        if let Some((_, bridge)) = self.bridges.get(bridge) {
            bridge.plan(&mut self.desk);
        }
    }

    fn close_port(&mut self, now: Timestamp, leg: LegId) {
        let Some(slot) = self.desk.legs.remove(&leg) else { return };
        if let Some(bridge) = self.desk.port(slot).map(|port| port.bridge)
            && let Some((_, bridge)) = self.bridges.get(bridge)
        {
            bridge.leave(slot, &mut self.desk);
        }
        let Some(mut port) = self.desk.ports.get_mut(slot).and_then(Option::take) else { return };
        self.desk.free.push(slot);
        port.close(now);
        for socket in [&port.sockets.rtp, &port.sockets.rtcp] {
            // It fails only when watching failed, which was reported.
            let _ = self.watch.remove(socket);
        }
        self.desk.counters.ports.fetch_sub(1, Ordering::Relaxed);
        self.desk.outlet.send(MediaEvent::PortClosed { call: port.call, leg, stats: port.stats() });
        if let Some((_, bridge)) = self.bridges.get(port.bridge) {
            bridge.plan(&mut self.desk);
        }
    }

    fn close_bridge(&mut self, now: Timestamp, bridge: BridgeId) {
        let Some((tick, home)) = self.bridges.get(bridge) else { return };
        home.stop_record(tick);
        // Nobody of them hears another one leave.
        let slots = std::mem::take(&mut home.slots);
        for slot in slots {
            if let Some(leg) = self.desk.port(slot).map(|port| port.leg) {
                self.close_port(now, leg);
            }
        }
        self.bridges.remove(bridge);
    }

    fn close_all(&mut self, now: Timestamp) {
        for bridge in self.bridges.ids() {
            self.close_bridge(now, bridge);
        }
    }

    fn frames(&mut self, now: Timestamp) {
        self.desk.outlet.retry();
        let (desk, scratch) = (&mut self.desk, &mut self.scratch);
        self.bridges.frames(now, |due, Seat { bridge, number, .. }, next| {
            for (before, next) in (1..=AHEAD + 1).zip(next) {
                next.bridge.fetch(desk, before);
            }
            if due.is_missed {
                bridge.miss_frame(now, desk);
                WorkerCounters::count(&desk.counters.frames_late);
                return 0;
            }
            bridge.frame(now, *number, desk, scratch);
            bridge.wishes_later_millis(now, desk)
        });
    }
}
