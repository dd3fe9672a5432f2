//! The loop around the endpoint.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use shared::sip::{Command, Config, Endpoint, Event, Flow, Input, Output, Transport};
use shared::time::Timestamp;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};

use super::bind::{Sockets, local_ip_towards};
use super::stream::{self, FromStream, Link};
use crate::clock;

/// Datagrams taken a round, so that a flood on one socket starves neither the others nor the timers.
const UDP_BATCH: usize = 64;
/// RFC 3261 §18.1.1: a datagram may be as long as UDP allows.
const MAX_DATAGRAM_BYTES: usize = 65_535;
/// Open streams at most, in both directions; further ones that come in are closed at once, further ones that go out
/// fail as if refused.
const MAX_STREAMS: usize = 4096;
/// Streams of one address at most, so that one peer cannot take them all.
const MAX_STREAMS_PER_PEER: usize = 256;
/// Chunks of all streams that wait for the loop; then their tasks stop reading.
const STREAM_QUEUE_LEN: usize = 1024;
/// Questions to the resolver at a time; further ones are answered with nothing.
const MAX_LOOKUPS: usize = 64;
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);
/// Remembered answers to "which of our addresses faces this peer".
const MAX_FACING: usize = 4096;

pub(super) struct Driver {
    sockets: Sockets,
    endpoint: Endpoint,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
    /// Events that found the queue full, in order; while there are any no socket is read.
    waiting: VecDeque<Event>,
    streams: Streams,
    answers: (mpsc::Sender<Input>, mpsc::Receiver<Input>),
    lookups: Arc<Semaphore>,
    facing: HashMap<IpAddr, IpAddr>,
    buffer: Vec<u8>,
}

struct Streams {
    open: HashMap<u64, Link>,
    by_remote: HashMap<SocketAddr, u64>,
    last: u64,
    to_loop: mpsc::Sender<FromStream>,
    from_tasks: mpsc::Receiver<FromStream>,
    /// Flows of what was queued before the connection stood, to report when it never does.
    unsure: HashMap<u64, Vec<Flow>>,
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
        sockets: Sockets,
        config: Config,
        seed: u64,
        commands: mpsc::Receiver<Command>,
        events: mpsc::Sender<Event>,
    ) -> Driver {
        let (to_loop, from_tasks) = mpsc::channel(STREAM_QUEUE_LEN);
        Driver {
            sockets,
            endpoint: Endpoint::new(config, seed),
            commands,
            events,
            waiting: VecDeque::new(),
            streams: Streams {
                open: HashMap::new(),
                by_remote: HashMap::new(),
                last: 0,
                to_loop,
                from_tasks,
                unsure: HashMap::new(),
            },
            answers: mpsc::channel(MAX_LOOKUPS),
            lookups: Arc::new(Semaphore::new(MAX_LOOKUPS)),
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
                Wake::Tick => self.handle(Input::Tick),
            }
            self.give_events();
        }
        // What was ordered before the end is still said: the last BYEs, and that a phone is gone.
        self.commands.close();
        while let Ok(command) = self.commands.try_recv() {
            self.handle(Input::Command(command));
        }
        // Without their link, connections send what they were given, then end.
        self.streams.open.clear();
    }

    async fn wait(&mut self) -> Wake {
        let deadline = self.endpoint.deadline();
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
            Some(news) = self.streams.from_tasks.recv(), if reading => Wake::Stream(news),
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
                        if !self.send(flow, bytes) {
                            inputs.push_back(Input::SendFailed { flow });
                        }
                    }
                    Output::Resolve { query, host, port, transport } => {
                        if !self.resolve(query, host, port, transport) {
                            inputs.push_back(Input::Resolved { query, addresses: Vec::new() });
                        }
                    }
                    Output::Close { connection } => {
                        if let Some(link) = self.streams.open.get(&connection) {
                            link.stop.cancel();
                        }
                    }
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
            match socket.try_recv_from(&mut self.buffer) {
                Ok((len, remote)) => {
                    let bytes = self.buffer.get(..len).unwrap_or_default().to_vec();
                    let local = self.concrete(bound, remote);
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

    /// The address that a peer reaches us by, when the socket is bound to all of them.
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
    fn send(&mut self, flow: Flow, bytes: Vec<u8>) -> bool {
        match flow.transport {
            Transport::Udp => self.send_datagram(flow, &bytes),
            Transport::Tcp => self.send_stream(flow, bytes),
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
        match socket.try_send_to(bytes, flow.remote) {
            Ok(_) => true,
            // A full send buffer is loss, which the transactions' retransmissions are made for.
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => true,
            Err(error) => {
                tracing::debug!(remote = %flow.remote, %error, "send a sip datagram");
                false
            }
        }
    }

    fn send_stream(&mut self, flow: Flow, bytes: Vec<u8>) -> bool {
        let connection = if flow.connection != 0 {
            flow.connection
        } else if let Some(connection) = self.streams.by_remote.get(&flow.remote) {
            *connection
        } else {
            let served = self.sockets.tcp.iter().any(|(bound, _)| bound.is_ipv4() == flow.remote.is_ipv4());
            if !served || !self.streams.has_room(flow.remote.ip()) {
                return false;
            }
            // Bound only where that can work: a loopback address reaches nothing else, and the reverse.
            let bind = Some(flow.local).filter(|local| {
                !local.ip().is_unspecified()
                    && local.is_ipv4() == flow.remote.is_ipv4()
                    && local.ip().is_loopback() == flow.remote.ip().is_loopback()
            });
            self.streams.connect(bind, flow.remote)
        };
        let Some(link) = self.streams.open.get(&connection) else { return false };
        if link.writer.try_send(bytes).is_err() {
            // The peer takes nothing, so what it is owed would only grow.
            link.stop.cancel();
            return false;
        }
        if link.local.is_none() {
            let flows = self.streams.unsure.entry(connection).or_default();
            if !flows.contains(&flow) {
                flows.push(flow);
            }
        }
        true
    }

    fn stream(&mut self, news: FromStream) {
        match news {
            FromStream::Open { connection, local } => {
                self.streams.unsure.remove(&connection);
                if let Some(link) = self.streams.open.get_mut(&connection) {
                    link.local = Some(local);
                }
            }
            FromStream::Bytes { connection, bytes } => {
                let Some(link) = self.streams.open.get(&connection) else { return };
                let Some(local) = link.local else { return };
                let flow = Flow { transport: Transport::Tcp, local, remote: link.remote, connection };
                self.handle(Input::Received { flow, bytes });
            }
            FromStream::Closed { connection } => {
                self.streams.forget(connection);
                for flow in self.streams.unsure.remove(&connection).unwrap_or_default() {
                    self.handle(Input::SendFailed { flow });
                }
                self.handle(Input::StreamClosed { connection });
            }
        }
    }

    fn accept(&mut self, index: usize, stream: TcpStream, remote: SocketAddr) {
        if !self.streams.has_room(remote.ip()) {
            tracing::debug!(%remote, listener = index, "too many sip connections");
            return;
        }
        self.streams.accept(stream, remote);
    }

    fn resolve(&mut self, query: u64, host: String, port: u16, transport: Transport) -> bool {
        let Ok(permit) = self.lookups.clone().try_acquire_owned() else { return false };
        let ours = self.sockets.local_addrs();
        let serves = move |address: &SocketAddr| {
            ours.iter().any(|(kind, local)| *kind == transport && local.is_ipv4() == address.is_ipv4())
        };
        let answers = self.answers.0.clone();
        tokio::spawn(async move {
            let looked_up =
                tokio::time::timeout(LOOKUP_TIMEOUT, tokio::net::lookup_host((host.as_str(), port))).await;
            let addresses = match looked_up {
                Ok(Ok(addresses)) => addresses.filter(serves).collect(),
                Ok(Err(error)) => {
                    tracing::debug!(host, %error, "look up a sip host");
                    Vec::new()
                }
                Err(_) => {
                    tracing::debug!(host, "look up of a sip host timed out");
                    Vec::new()
                }
            };
            let _ = answers.send(Input::Resolved { query, addresses }).await;
            drop(permit);
        });
        true
    }
}

impl Streams {
    fn has_room(&self, peer: IpAddr) -> bool {
        self.open.len() < MAX_STREAMS
            && self.open.values().filter(|link| link.remote.ip() == peer).count() < MAX_STREAMS_PER_PEER
    }

    fn connect(&mut self, bind: Option<SocketAddr>, remote: SocketAddr) -> u64 {
        self.last += 1;
        let link = stream::connect(self.last, bind, remote, self.to_loop.clone());
        self.keep(link)
    }

    fn accept(&mut self, stream: TcpStream, remote: SocketAddr) -> u64 {
        self.last += 1;
        let link = stream::accept(self.last, stream, remote, self.to_loop.clone());
        self.keep(link)
    }

    fn keep(&mut self, link: Link) -> u64 {
        self.by_remote.insert(link.remote, self.last);
        self.open.insert(self.last, link);
        self.last
    }

    fn forget(&mut self, connection: u64) {
        if let Some(link) = self.open.remove(&connection)
            && self.by_remote.get(&link.remote) == Some(&connection)
        {
            self.by_remote.remove(&link.remote);
        }
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
        for (index, (_, listener)) in sockets.tcp.iter().enumerate() {
            if let Poll::Ready(accepted) = listener.poll_accept(context) {
                return Poll::Ready(accepted.map(|(stream, remote)| (index, stream, remote)));
            }
        }
        Poll::Pending
    })
    .await
}
