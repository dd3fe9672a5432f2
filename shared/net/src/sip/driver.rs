//! The loop around the endpoint.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use shared::sip::door::Network;
use shared::sip::locate::Kind;
use shared::sip::{Command, Config, Endpoint, Event, Flow, Input, Output, Transport};
use shared::time::Timestamp;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::StreamLimits;
use super::bind::{Sockets, local_ip_towards};
use super::counters::Counters;
use super::datagrams::{self, Arrived};
use super::filter;
use super::links::{Links, Peer};
use super::names::Names;
use super::shield::Shield;
use super::stream::{FromStream, Start};
use super::tls::Tls;
use crate::clock;

/// Datagrams taken a round, so that a flood on one socket starves neither the others nor the timers.
const UDP_BATCH: usize = 64;
/// RFC 3261 §18.1.1: a datagram may be as long as UDP allows.
const MAX_DATAGRAM_BYTES: usize = 65_535;
/// Answers of name servers that wait for the loop; their tasks wait meanwhile.
const ANSWER_QUEUE_LEN: usize = 64;
/// Remembered answers to "which of our addresses faces this peer".
const MAX_FACING: usize = 4096;

pub(super) struct Driver {
    sockets: Sockets,
    endpoint: Endpoint,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
    /// Events that found the queue full, in order; while there are any no socket is read.
    waiting: VecDeque<Event>,
    links: Links,
    shield: Shield,
    tls: Option<Arc<Tls>>,
    counters: Arc<Counters>,
    answers: (mpsc::Sender<Input>, mpsc::Receiver<Input>),
    names: Names,
    facing: HashMap<IpAddr, IpAddr>,
    /// What each UDP socket has told of datagrams that it lost.
    lost: Vec<u32>,
    buffer: Vec<u8>,
}

/// What a driver is made of.
pub(super) struct Parts {
    pub(super) sockets: Sockets,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) names: Names,
    pub(super) limits: StreamLimits,
    pub(super) unlimited: Vec<Network>,
    pub(super) counters: Arc<Counters>,
}

/// What one round brings.
enum Wake {
    Room(bool),
    Command(Option<Command>),
    Udp(usize),
    Stream(FromStream),
    Accepted(usize, TcpStream, SocketAddr),
    AcceptFailed(std::io::Error),
    Answer(Input),
    Tick,
}

impl Driver {
    pub(super) fn new(
        parts: Parts,
        config: Config,
        seed: u64,
        commands: mpsc::Receiver<Command>,
        events: mpsc::Sender<Event>,
    ) -> Driver {
        let Parts { sockets, tls, names, limits, unlimited, counters } = parts;
        let dscp = sockets.dscp;
        Driver {
            lost: vec![0; sockets.udp.len()],
            sockets,
            endpoint: Endpoint::new(config, seed),
            commands,
            events,
            waiting: VecDeque::new(),
            links: Links::new(limits, dscp),
            shield: Shield::new(unlimited),
            tls,
            counters,
            answers: mpsc::channel(ANSWER_QUEUE_LEN),
            names,
            facing: HashMap::new(),
            buffer: vec![0; MAX_DATAGRAM_BYTES],
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            match self.wait().await {
                Wake::Room(true) => {}
                Wake::Room(false) | Wake::Command(None) => break,
                Wake::Command(Some(command)) => self.handle(Input::Command(command)),
                Wake::Udp(index) => self.receive(index),
                Wake::Stream(news) => self.stream(news),
                Wake::Accepted(index, stream, remote) => self.accept(index, stream, remote),
                Wake::AcceptFailed(error) => {
                    tracing::warn!(%error, "accept a sip connection");
                    // Out of file descriptors; trying again at once would burn the processor.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Wake::Answer(input) => self.handle(input),
                Wake::Tick => {
                    self.shield.tick(clock::now());
                    self.hold_back();
                    self.handle(Input::Tick);
                }
            }
            self.give_events();
        }
        // What was ordered before the end is still said: the last BYEs, and that a phone is gone.
        self.commands.close();
        while let Ok(command) = self.commands.try_recv() {
            self.handle(Input::Command(command));
        }
        self.links.clear();
    }

    async fn wait(&mut self) -> Wake {
        let deadline = [self.endpoint.deadline(), self.shield.deadline()].into_iter().flatten().min();
        let reading = self.waiting.is_empty();
        let sockets = &self.sockets;
        tokio::select! {
            room = self.events.reserve(), if !reading => match room {
                Ok(permit) => {
                    if let Some(event) = self.waiting.pop_front() {
                        permit.send(event);
                    }
                    Wake::Room(true)
                }
                Err(_) => Wake::Room(false),
            },
            () = self.events.closed(), if reading => Wake::Room(false),
            command = self.commands.recv() => Wake::Command(command),
            () = sleep_until(deadline) => Wake::Tick,
            Some(answer) = self.answers.1.recv() => Wake::Answer(answer),
            index = readable(sockets), if reading => Wake::Udp(index),
            Some(news) = self.links.from_tasks.recv(), if reading => Wake::Stream(news),
            accepted = acceptable(sockets), if reading => match accepted {
                Ok((index, stream, remote)) => Wake::Accepted(index, stream, remote),
                Err(error) => Wake::AcceptFailed(error),
            },
        }
    }

    /// One input, then all that the endpoint wants. Failed sends are inputs again, so this goes on until it is calm.
    fn handle(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            self.endpoint.handle(clock::now(), input);
            while let Some(output) = self.endpoint.poll() {
                match output {
                    Output::Send { flow, bytes } => {
                        if !self.send(flow, None, bytes) {
                            inputs.push_back(Input::SendFailed { flow });
                        }
                    }
                    Output::SendNamed { flow, domain, bytes } => {
                        if !self.send(flow, Some(domain), bytes) {
                            inputs.push_back(Input::SendFailed { flow });
                        }
                    }
                    Output::Resolve { query, name, kind } => self.resolve(query, name, kind),
                    Output::Close { connection } => self.links.stop(connection),
                    Output::Event(event) => self.waiting.push_back(event),
                }
            }
        }
    }

    fn give_events(&mut self) {
        while !self.waiting.is_empty() {
            let Ok(permit) = self.events.try_reserve() else { return };
            if let Some(event) = self.waiting.pop_front() {
                permit.send(event);
            }
        }
    }

    fn receive(&mut self, index: usize) {
        for _ in 0..UDP_BATCH {
            let Some((bound, socket)) = self.sockets.udp.get(index) else { return };
            let bound = *bound;
            match datagrams::receive(socket, &mut self.buffer) {
                Ok(Arrived { len, remote, to, lost }) => {
                    self.counters.datagrams_received.add(1);
                    if let (Some(lost), Some(counted)) = (lost, self.lost.get_mut(index)) {
                        self.counters.datagrams_lost.add(lost.wrapping_sub(*counted).into());
                        *counted = lost;
                    }
                    if !self.shield.admit(clock::now(), remote.ip()) {
                        self.counters.datagrams_held_back.add(1);
                        self.hold_back();
                        continue;
                    }
                    let bytes = self.buffer.get(..len).unwrap_or_default().to_vec();
                    let local = match to {
                        Some(ip) => SocketAddr::new(ip, bound.port()),
                        None => self.concrete(bound, remote),
                    };
                    let flow = Flow { transport: Transport::Udp, local, remote, connection: 0 };
                    self.handle(Input::Received { flow, bytes });
                }
                // Windows reports an ICMP answer to an earlier datagram here; the transaction's timer finds out too.
                Err(error) => {
                    if error.kind() != std::io::ErrorKind::WouldBlock {
                        tracing::debug!(%error, "receive a sip datagram");
                    }
                    return;
                }
            }
            if !self.waiting.is_empty() && self.events.capacity() <= self.waiting.len() {
                return;
            }
        }
    }

    /// Gives the kernel the list of those who are held back, when it has changed.
    fn hold_back(&mut self) {
        let Some(shares) = self.shield.changed() else { return };
        self.counters.sources_held_back.set(shares.len() as u64);
        for (address, socket) in &self.sockets.udp {
            if let Err(error) = filter::hold_back(socket, &shares) {
                // Too many are still dropped when they are read.
                tracing::debug!(%address, %error, "filter the datagrams of a sip socket");
            }
        }
    }

    /// The address that a peer reaches us by, where the system does not tell and the socket is bound to all of them.
    fn concrete(&mut self, bound: SocketAddr, remote: SocketAddr) -> SocketAddr {
        if !bound.ip().is_unspecified() {
            return bound;
        }
        let ip = match self.facing.get(&remote.ip()) {
            Some(ip) => *ip,
            None => {
                if self.facing.len() >= MAX_FACING {
                    self.facing.clear();
                }
                let ip = local_ip_towards(remote).unwrap_or(bound.ip());
                self.facing.insert(remote.ip(), ip);
                ip
            }
        };
        SocketAddr::new(ip, bound.port())
    }

    /// False when it cannot be sent at all.
    fn send(&mut self, flow: Flow, domain: Option<String>, bytes: Vec<u8>) -> bool {
        match flow.transport {
            Transport::Udp => self.send_datagram(flow, &bytes),
            Transport::Tcp => self.send_stream(flow, None, bytes),
            Transport::Tls => self.send_stream(flow, domain, bytes),
        }
    }

    fn send_datagram(&self, flow: Flow, bytes: &[u8]) -> bool {
        let family = |address: &SocketAddr| address.is_ipv4() == flow.remote.is_ipv4();
        let sockets = || self.sockets.udp.iter().filter(|(bound, _)| family(bound));
        let socket = sockets()
            .find(|(bound, _)| *bound == flow.local)
            .or_else(|| {
                sockets().find(|(bound, _)| bound.ip().is_unspecified() && bound.port() == flow.local.port())
            })
            .or_else(|| sockets().next());
        let Some((_, socket)) = socket else { return false };
        // A flow that we began ourselves has no address of ours yet: the routes choose it.
        let from = Some(flow.local.ip()).filter(|ip| !ip.is_unspecified());
        match datagrams::send(socket, bytes, from, flow.remote) {
            Ok(()) => {
                self.counters.datagrams_sent.add(1);
                true
            }
            // A full send buffer is loss, which the transactions' retransmissions are made for.
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => true,
            Err(error) => {
                tracing::debug!(remote = %flow.remote, %error, "send a sip datagram");
                false
            }
        }
    }

    fn send_stream(&mut self, flow: Flow, domain: Option<String>, bytes: Vec<u8>) -> bool {
        let connection = match flow.connection {
            0 => self.connection_to(flow, domain),
            known => Some(known),
        };
        connection.is_some_and(|connection| self.links.send(connection, flow, bytes))
    }

    /// One that is open, or a new one.
    fn connection_to(&mut self, flow: Flow, domain: Option<String>) -> Option<u64> {
        let peer = Peer { transport: flow.transport, remote: flow.remote, domain };
        if let Some(connection) = self.links.find(&peer) {
            return Some(connection);
        }
        let secure = match (flow.transport, &self.tls) {
            (Transport::Tls, Some(tls)) => Some(tls.connector(peer.domain.as_deref(), flow.remote.ip())?),
            (Transport::Tls, None) => return None,
            _ if self.sockets.serves(flow.transport, flow.remote) => None,
            _ => return None,
        };
        // Bound only where that can work: a loopback address reaches nothing else, and the reverse.
        let bind = Some(flow.local).filter(|local| {
            !local.ip().is_unspecified()
                && local.is_ipv4() == flow.remote.is_ipv4()
                && local.ip().is_loopback() == flow.remote.ip().is_loopback()
        });
        let connection = self.links.connect(peer, Start::Connect { bind, secure });
        self.count_streams();
        connection
    }

    fn stream(&mut self, news: FromStream) {
        match news {
            FromStream::Open { connection, local } => self.links.opened(connection, local),
            FromStream::Bytes { connection, bytes } => {
                if let Some(flow) = self.links.flow(connection) {
                    self.handle(Input::Received { flow, bytes });
                }
            }
            FromStream::Closed { connection, reason } => {
                let unanswered = self.links.closed(connection, reason, &self.counters);
                self.count_streams();
                for flow in unanswered {
                    self.handle(Input::SendFailed { flow });
                }
                self.handle(Input::StreamClosed { connection });
            }
        }
    }

    fn accept(&mut self, index: usize, stream: TcpStream, remote: SocketAddr) {
        let Some((transport, ..)) = self.sockets.listeners.get(index) else { return };
        let secure = match transport {
            Transport::Tls => match self.tls.as_ref().and_then(|tls| tls.acceptor()) {
                Some(acceptor) => Some(acceptor),
                None => return,
            },
            Transport::Udp | Transport::Tcp => None,
        };
        self.links.accept(stream, remote, secure, &self.counters);
        self.count_streams();
    }

    fn count_streams(&self) {
        self.counters.streams_open.set(self.links.len() as u64);
    }

    fn resolve(&self, query: u64, name: String, kind: Kind) {
        let names = self.names.clone();
        let answers = self.answers.0.clone();
        tokio::spawn(async move {
            let answer = names.ask(&name, kind).await;
            let _ = answers.send(Input::Resolved { query, answer }).await;
        });
    }
}

async fn sleep_until(deadline: Option<Timestamp>) {
    match deadline {
        Some(at) => tokio::time::sleep(at.since(clock::now())).await,
        None => std::future::pending().await,
    }
}

/// The index of a UDP socket that has something. The search starts anew each time, but a round takes a batch.
async fn readable(sockets: &Sockets) -> usize {
    std::future::poll_fn(|context| {
        for (index, (_, socket)) in sockets.udp.iter().enumerate() {
            if socket.poll_recv_ready(context).is_ready() {
                return Poll::Ready(index);
            }
        }
        Poll::Pending
    })
    .await
}

async fn acceptable(sockets: &Sockets) -> std::io::Result<(usize, TcpStream, SocketAddr)> {
    std::future::poll_fn(|context| {
        for (index, (.., listener)) in sockets.listeners.iter().enumerate() {
            if let Poll::Ready(accepted) = listener.poll_accept(context) {
                return Poll::Ready(accepted.map(|(stream, remote)| (index, stream, remote)));
            }
        }
        Poll::Pending
    })
    .await
}
