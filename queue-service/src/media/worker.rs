//! A worker: one thread with its bridges, its sockets and the clock of their frames.
//!
//! ```text
//! poll ─► packets of ready sockets ─► commands ─► frames that are due ─► poll
//! ```
//! Frames are due at absolute moments, 20 ms apart; a late worker catches up a few and leaves the others out, and
//! nothing drifts.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mio::{Events, Interest, Poll, Token, Waker};
use rand::SeedableRng;
use rand::rngs::StdRng;
use shared::audio::mixer::Party;
use shared::id::{CallId, LegId};
use shared::sdp::Negotiated;
use shared::time::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::bridge::{Bridge, Scratch};
use super::event::MediaEvent;
use super::pool::PortPool;
use super::port::Port;
use super::prompt::Prompt;
use super::schedule::{Due, Schedule};
use super::socket::Sockets;
use super::stats::{LegStats, WorkerCounters};
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
    Record { bridge: BridgeId, tap: Box<Tap> },
    StopRecord { bridge: BridgeId },
    Snapshot { leg: LegId, reply: oneshot::Sender<LegStats> },
    ClosePort { leg: LegId },
    CloseBridge { bridge: BridgeId },
}

const INBOX_COMMANDS: usize = 4_096;
/// How often a worker without bridges looks whether its handle is still there.
const IDLE: Duration = Duration::from_millis(500);
/// Datagrams of one socket before the others have their turn.
const DATAGRAMS_IN_A_ROW: usize = 32;
/// Errors of one socket before it is left alone.
const ERRORS_IN_A_ROW: u32 = 4;
/// Larger than any datagram of voice; what is longer is cut and then refused as malformed.
const DATAGRAM_BYTES: usize = 2_048;
const BACKLOG_EVENTS: usize = 4_096;
const WAKE: Token = Token(usize::MAX);

/// Starts a worker thread.
pub(super) fn spawn(
    index: usize,
    config: &MediaConfig,
    events: mpsc::Sender<MediaEvent>,
    pool: Arc<Mutex<PortPool>>,
) -> std::io::Result<WorkerHandle> {
    let poll = Poll::new()?;
    let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
    let (inbox, commands) = std::sync::mpsc::sync_channel(INBOX_COMMANDS);
    let counters = Arc::new(WorkerCounters::default());
    let sleeps = Arc::new(AtomicBool::new(false));
    let worker = Worker {
        poll,
        commands,
        sleeps: sleeps.clone(),
        bridges: HashMap::new(),
        desk: Desk {
            ports: Vec::new(),
            free: Vec::new(),
            legs: HashMap::new(),
            outlet: Outlet { events, backlog: VecDeque::new(), counters: counters.clone() },
            counters: counters.clone(),
            no_media: Duration::from_secs(config.no_media_secs.into()),
            random: StdRng::from_rng(&mut rand::rng()),
        },
        scratch: Scratch::default(),
        unread: Vec::new(),
        schedule: Schedule::new(clock::now()),
    };
    // The pool outlives the worker's sockets, which give their numbers back to it.
    std::thread::Builder::new().name(format!("media-{index}")).spawn(move || {
        worker.run();
        drop(pool);
    })?;
    Ok(WorkerHandle { inbox, waker, sleeps, counters })
}

struct Worker {
    poll: Poll,
    commands: Receiver<Command>,
    sleeps: Arc<AtomicBool>,
    bridges: HashMap<BridgeId, Bridge>,
    desk: Desk,
    scratch: Scratch,
    /// Sockets that had more than their turn.
    unread: Vec<Token>,
    schedule: Schedule,
}

/// What bridges share: the ports of the worker and the way out.
pub(super) struct Desk {
    /// By slot; a socket's token is twice its slot, plus one for RTCP.
    pub(super) ports: Vec<Option<Port>>,
    free: Vec<usize>,
    legs: HashMap<LegId, usize>,
    pub(super) outlet: Outlet,
    pub(super) counters: Arc<WorkerCounters>,
    pub(super) no_media: Duration,
    pub(super) random: StdRng,
}

impl Desk {
    pub(super) fn port(&mut self, slot: usize) -> Option<&mut Port> {
        self.ports.get_mut(slot).and_then(Option::as_mut)
    }

    fn port_of(&mut self, leg: LegId) -> Option<&mut Port> {
        let slot = *self.legs.get(&leg)?;
        self.port(slot)
    }

    /// Takes a datagram of voice, and hands it on when the plan says so. True when the plan has to be made anew.
    fn receive(&mut self, now: Timestamp, slot: usize, source: SocketAddr, datagram: &mut [u8]) -> bool {
        let Some(port) = self.ports.get_mut(slot).and_then(Option::as_mut) else { return false };
        let Some((packet, content, plan_again)) = port.receive(now, source, datagram, &self.counters) else {
            return false;
        };
        if port.relays(content) {
            for to in port.relay_to.into_iter().flatten() {
                if let Some(other) = self.ports.get_mut(to).and_then(Option::as_mut) {
                    other.relay(now, &packet, content, &self.counters);
                }
            }
        }
        plan_again
    }
}

/// Events on their way to the switch.
pub(super) struct Outlet {
    events: mpsc::Sender<MediaEvent>,
    backlog: VecDeque<MediaEvent>,
    counters: Arc<WorkerCounters>,
}

impl Outlet {
    /// Sends, or keeps what may not be lost.
    pub(super) fn send(&mut self, event: MediaEvent) {
        let refused = if self.backlog.is_empty() {
            match self.events.try_send(event) {
                Err(mpsc::error::TrySendError::Full(event)) => event,
                // Sent, or nobody listens any more.
                Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => return,
            }
        } else {
            event
        };
        if matches!(refused, MediaEvent::Talk { .. }) {
            return;
        }
        if self.backlog.len() >= BACKLOG_EVENTS {
            self.backlog.pop_front();
            WorkerCounters::count(&self.counters.events_lost);
            tracing::error!("a media event is lost: the switch takes none");
        }
        self.backlog.push_back(refused);
    }

    fn retry(&mut self) {
        while let Some(event) = self.backlog.pop_front() {
            match self.events.try_send(event) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(event)) => {
                    self.backlog.push_front(event);
                    return;
                }
                Err(mpsc::error::TrySendError::Closed(_)) => self.backlog.clear(),
            }
        }
    }
}

impl Worker {
    fn run(mut self) {
        let mut events = Events::with_capacity(1_024);
        let mut datagram = [0; DATAGRAM_BYTES];
        loop {
            // What is sent from here on wakes us; what was sent before has woken nobody and is looked for once more.
            self.sleeps.store(true, Ordering::SeqCst);
            if !self.obey(clock::now()) {
                self.close_all(clock::now());
                return;
            }
            let wait = self.wait(clock::now());
            if let Err(error) = self.poll.poll(&mut events, Some(wait))
                && error.kind() != std::io::ErrorKind::Interrupted
            {
                tracing::error!(%error, "waiting for packets failed");
            }
            self.sleeps.store(false, Ordering::SeqCst);
            let now = clock::now();
            let ready = std::mem::take(&mut self.unread);
            for token in
                events.iter().map(mio::event::Event::token).filter(|token| *token != WAKE).chain(ready)
            {
                self.read(now, token, &mut datagram);
            }
            if !self.obey(now) {
                self.close_all(now);
                return;
            }
            self.frames(clock::now());
        }
    }

    fn wait(&self, now: Timestamp) -> Duration {
        if !self.unread.is_empty() {
            Duration::ZERO
        } else if self.is_idle() {
            IDLE
        } else {
            self.schedule.wait(now)
        }
    }

    fn is_idle(&self) -> bool {
        self.bridges.is_empty() && self.desk.outlet.backlog.is_empty()
    }

    fn read(&mut self, now: Timestamp, token: Token, datagram: &mut [u8]) {
        let slot = token.0 / 2;
        let mut errors = 0;
        for _ in 0..DATAGRAMS_IN_A_ROW {
            let Some(port) = self.desk.port(slot) else { return };
            let socket = if token.0.is_multiple_of(2) { &port.sockets.rtp } else { &port.sockets.rtcp };
            match socket.recv_from(datagram) {
                Ok((len, source)) => {
                    let bytes = datagram.get_mut(..len).unwrap_or_default();
                    if token.0.is_multiple_of(2) {
                        let bridge = port.bridge;
                        if self.desk.receive(now, slot, source, bytes)
                            && let Some(bridge) = self.bridges.get_mut(&bridge)
                        {
                            bridge.plan(&mut self.desk);
                        }
                    } else {
                        port.receive_rtcp(now, source, bytes);
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                // An ICMP answer to something that we sent (the far side's port is closed) comes as an error of the
                // next receive; the datagrams behind it are still there. A socket that has nothing but errors is left
                // until something comes again.
                Err(_) => {
                    errors += 1;
                    if errors > ERRORS_IN_A_ROW {
                        return;
                    }
                }
            }
        }
        self.unread.push(token);
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
                if self.is_idle() {
                    self.schedule.restart(now);
                }
                self.bridges.insert(bridge, Bridge::new(call));
            }
            Command::OpenPort { bridge, leg, party, sockets } => {
                self.open_port(now, bridge, leg, party, *sockets)
            }
            Command::Connect { leg, negotiated } => {
                let Some(slot) = self.desk.legs.get(&leg).copied() else { return };
                let Some(port) = self.desk.ports.get_mut(slot).and_then(Option::as_mut) else { return };
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
            Command::Record { bridge, tap } => {
                let tick = self.schedule.number();
                if let Some(bridge) = self.bridges.get_mut(&bridge) {
                    bridge.record(tick, *tap);
                }
                self.plan(bridge);
            }
            Command::StopRecord { bridge } => {
                let tick = self.schedule.number();
                if let Some(bridge) = self.bridges.get_mut(&bridge) {
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
            Command::ClosePort { leg } => self.close_port(now, leg),
            Command::CloseBridge { bridge } => self.close_bridge(now, bridge),
        }
    }

    fn open_port(&mut self, now: Timestamp, bridge: BridgeId, leg: LegId, party: Party, sockets: Sockets) {
        let Some(home) = self.bridges.get_mut(&bridge) else { return };
        let slot = self.desk.free.pop().unwrap_or_else(|| {
            self.desk.ports.push(None);
            self.desk.ports.len() - 1
        });
        let mut port = Port::new(now, bridge, home.call, leg, party, sockets);
        let registry = self.poll.registry();
        let registered =
            registry.register(&mut port.sockets.rtp, Token(slot * 2), Interest::READABLE).and_then(|()| {
                registry.register(&mut port.sockets.rtcp, Token(slot * 2 + 1), Interest::READABLE)
            });
        if let Err(error) = registered {
            tracing::error!(leg_id = %leg, %error, "a media port hears nothing: the system does not watch its socket");
        }
        if let Some(place) = self.desk.ports.get_mut(slot) {
            *place = Some(port);
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
        if let Some(bridge) = self.bridges.get_mut(&bridge) {
            bridge.plan(&mut self.desk);
        }
    }

    fn close_port(&mut self, now: Timestamp, leg: LegId) {
        let Some(slot) = self.desk.legs.remove(&leg) else { return };
        let Some(mut port) = self.desk.ports.get_mut(slot).and_then(Option::take) else { return };
        self.desk.free.push(slot);
        port.close(now);
        let registry = self.poll.registry();
        for socket in [&mut port.sockets.rtp, &mut port.sockets.rtcp] {
            // It fails only when registering failed, which was reported.
            let _ = registry.deregister(socket);
        }
        self.desk.counters.ports.fetch_sub(1, Ordering::Relaxed);
        self.desk.outlet.send(MediaEvent::PortClosed { call: port.call, leg, stats: port.stats() });
        if let Some(bridge) = self.bridges.get_mut(&port.bridge) {
            bridge.slots.retain(|other| *other != slot);
            bridge.plan(&mut self.desk);
        }
    }

    fn close_bridge(&mut self, now: Timestamp, bridge: BridgeId) {
        let tick = self.schedule.number();
        let Some(home) = self.bridges.get_mut(&bridge) else { return };
        home.stop_record(tick);
        let slots = home.slots.clone();
        for slot in slots {
            if let Some(leg) = self.desk.port(slot).map(|port| port.leg) {
                self.close_port(now, leg);
            }
        }
        self.bridges.remove(&bridge);
    }

    fn close_all(&mut self, now: Timestamp) {
        let all: Vec<BridgeId> = self.bridges.keys().copied().collect();
        for bridge in all {
            self.close_bridge(now, bridge);
        }
    }

    fn frames(&mut self, now: Timestamp) {
        self.desk.outlet.retry();
        if self.bridges.is_empty() {
            self.schedule.restart(now);
            return;
        }
        while let Some(due) = self.schedule.pop(now) {
            match due {
                Due::Make(number) => {
                    for bridge in self.bridges.values_mut() {
                        bridge.frame(now, number, &mut self.desk, &mut self.scratch);
                    }
                }
                Due::Miss => {
                    for bridge in self.bridges.values_mut() {
                        bridge.miss_frame(now, &mut self.desk);
                    }
                    WorkerCounters::count(&self.desk.counters.ticks_late);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digit(number: u64) -> MediaEvent {
        MediaEvent::PlayDone { call: CallId::from_u64(1), leg: LegId::from_u64(1), id: number }
    }

    fn numbers(events: &mut mpsc::Receiver<MediaEvent>) -> Vec<u64> {
        std::iter::from_fn(|| events.try_recv().ok())
            .filter_map(|event| match event {
                MediaEvent::PlayDone { id, .. } => Some(id),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn events_wait_for_a_slow_switch_in_order_and_only_talk_is_left_out() {
        let (sender, mut events) = mpsc::channel(2);
        let counters = Arc::new(WorkerCounters::default());
        let mut outlet = Outlet { events: sender, backlog: VecDeque::new(), counters: counters.clone() };
        for number in 0..5 {
            outlet.send(digit(number));
        }
        outlet.send(MediaEvent::Talk { call: CallId::from_u64(1), leg: LegId::from_u64(1), talking: true });
        assert_eq!(outlet.backlog.len(), 3);
        let mut seen = numbers(&mut events);
        while !outlet.backlog.is_empty() {
            outlet.retry();
            seen.extend(numbers(&mut events));
        }
        assert_eq!(seen, [0, 1, 2, 3, 4]);
        for number in 0..BACKLOG_EVENTS as u64 + 5 {
            outlet.send(digit(number));
        }
        assert_eq!(counters.events_lost.load(Ordering::Relaxed), 3, "two are in the channel");
        drop(events);
        outlet.retry();
        assert!(outlet.backlog.is_empty(), "nobody listens any more");
    }
}
