//! The open streams of a driver: found by number and by peer, counted by peer.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::{IpAddr, SocketAddr};

use shared::sip::{Flow, Transport};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use super::StreamLimits;
use super::bind::Dscp;
use super::counters::Counters;
use super::stream::{self, FromStream, Link, Reason, Start};
use crate::clock;

/// Chunks of all streams that wait for the loop; then their tasks stop reading.
const STREAM_QUEUE_LEN: usize = 1024;

/// The same remote address with that many addresses of our own: there is one, but for routes that change.
const MAX_UNNUMBERED: usize = 8;

/// What a connection may be used again for: over TLS only for the name that its far side has proved (RFC 5922 §5).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Peer {
    pub(super) transport: Transport,
    pub(super) remote: SocketAddr,
    pub(super) domain: Option<String>,
}

#[derive(Debug)]
struct Known {
    link: Link,
    transport: Transport,
    /// How it can be found; none for a TLS connection that came in, whose far side has proved no name.
    peer: Option<Peer>,
    /// Flows without a number of what was queued: whoever waits for an answer does not know this connection, and is
    /// told by these when it ends.
    unnumbered: Vec<Flow>,
}

pub(super) struct Links {
    limits: StreamLimits,
    dscp: Dscp,
    open: HashMap<u64, Known>,
    by_peer: HashMap<Peer, u64>,
    /// Open ones of each address.
    counts: HashMap<IpAddr, usize>,
    /// TLS connections that came in and have not finished their handshake, oldest first. Those that have are
    /// taken out of the set only, so the queue may hold numbers that mean nothing any more.
    half_open: HashSet<u64>,
    half_open_order: VecDeque<u64>,
    half_open_counts: HashMap<IpAddr, usize>,
    last: u64,
    to_loop: mpsc::Sender<FromStream>,
    pub(super) from_tasks: mpsc::Receiver<FromStream>,
}

impl Links {
    pub(super) fn new(limits: StreamLimits, dscp: Dscp) -> Links {
        let (to_loop, from_tasks) = mpsc::channel(STREAM_QUEUE_LEN);
        Links {
            limits,
            dscp,
            open: HashMap::new(),
            by_peer: HashMap::new(),
            counts: HashMap::new(),
            half_open: HashSet::new(),
            half_open_order: VecDeque::new(),
            half_open_counts: HashMap::new(),
            // A call that another process has saved may name a stream of that process; no number comes twice.
            last: u64::try_from(clock::now().as_micros()).unwrap_or_default(),
            to_loop,
            from_tasks,
        }
    }

    /// Where what arrives on a stream comes from.
    pub(super) fn flow(&self, connection: u64) -> Option<Flow> {
        let known = self.open.get(&connection)?;
        let local = known.link.local?;
        Some(Flow { transport: known.transport, local, remote: known.link.remote, connection })
    }

    pub(super) fn find(&self, peer: &Peer) -> Option<u64> {
        self.by_peer.get(peer).copied()
    }

    /// Opens a connection; none when there are too many.
    pub(super) fn connect(&mut self, peer: Peer, start: Start) -> Option<u64> {
        if !self.has_room(peer.remote.ip()) {
            return None;
        }
        Some(self.keep(peer.transport, peer.remote, Some(peer), start))
    }

    /// Serves a connection that came in, unless there are too many.
    pub(super) fn accept(
        &mut self,
        stream: TcpStream,
        remote: SocketAddr,
        secure: Option<TlsAcceptor>,
        counters: &Counters,
    ) {
        if !self.has_room(remote.ip()) {
            counters.streams_refused.add(1);
            tracing::debug!(%remote, "too many sip connections");
            return;
        }
        let transport = if secure.is_some() { Transport::Tls } else { Transport::Tcp };
        let half_open = secure.is_some();
        if half_open && !self.has_half_open_room(remote.ip(), counters) {
            counters.streams_refused.add(1);
            tracing::debug!(%remote, "too many unfinished TLS handshakes");
            return;
        }
        let peer = (!half_open).then_some(Peer { transport, remote, domain: None });
        let connection = self.keep(transport, remote, peer, Start::Accepted { stream, secure });
        if half_open {
            self.half_open.insert(connection);
            self.half_open_order.push_back(connection);
            *self.half_open_counts.entry(remote.ip()).or_default() += 1;
        }
    }

    /// Queues a message; false when the stream is gone or its peer takes nothing.
    pub(super) fn send(&mut self, connection: u64, flow: Flow, bytes: Vec<u8>) -> bool {
        let Some(known) = self.open.get_mut(&connection) else { return false };
        if known.link.writer.try_send(bytes).is_err() {
            // What it is owed would only grow.
            known.link.stop.cancel();
            return false;
        }
        let kept = &mut known.unnumbered;
        if flow.connection == 0 && kept.len() < MAX_UNNUMBERED && !kept.contains(&flow) {
            kept.push(flow);
        }
        true
    }

    pub(super) fn opened(&mut self, connection: u64, local: SocketAddr) {
        self.handshake_over(connection);
        if let Some(known) = self.open.get_mut(&connection) {
            known.link.local = Some(local);
        }
    }

    /// Gives the flows of [`Links::send`] that had no number.
    pub(super) fn closed(&mut self, connection: u64, reason: Reason, counters: &Counters) -> Vec<Flow> {
        if self.handshake_over(connection) && reason == Reason::NotOpened {
            counters.handshakes_failed.add(1);
        }
        let Some(known) = self.open.remove(&connection) else { return Vec::new() };
        decrease(&mut self.counts, known.link.remote.ip());
        if let Some(peer) = &known.peer
            && self.by_peer.get(peer) == Some(&connection)
        {
            self.by_peer.remove(peer);
        }
        known.unnumbered
    }

    /// Ends a stream; its task reports when it is over.
    pub(super) fn stop(&self, connection: u64) {
        if let Some(known) = self.open.get(&connection) {
            known.link.stop.cancel();
        }
    }

    /// Without their links, connections send what they were given, then end.
    pub(super) fn clear(&mut self) {
        self.open.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    fn keep(&mut self, transport: Transport, remote: SocketAddr, peer: Option<Peer>, start: Start) -> u64 {
        self.last += 1;
        let connection = self.last;
        let link = stream::spawn(connection, remote, start, self.dscp, self.to_loop.clone());
        *self.counts.entry(remote.ip()).or_default() += 1;
        if let Some(peer) = &peer {
            self.by_peer.insert(peer.clone(), connection);
        }
        self.open.insert(connection, Known { link, transport, peer, unnumbered: Vec::new() });
        connection
    }

    fn has_room(&self, ip: IpAddr) -> bool {
        self.open.len() < self.limits.streams
            && self.counts.get(&ip).is_none_or(|count| *count < self.limits.streams_per_peer)
    }

    /// One address cannot have many at a time; when all are taken the oldest has to go: an honest handshake takes a
    /// fraction of a second, one that is held open on purpose grows old.
    fn has_half_open_room(&mut self, ip: IpAddr, counters: &Counters) -> bool {
        if self.half_open_counts.get(&ip).is_some_and(|count| *count >= self.limits.handshakes_per_peer) {
            return false;
        }
        while self.half_open.len() >= self.limits.handshakes {
            let Some(oldest) = self.half_open_order.pop_front() else { return false };
            if self.half_open.contains(&oldest) {
                self.stop(oldest);
                self.handshake_over(oldest);
                counters.handshakes_failed.add(1);
            }
        }
        true
    }

    /// True when there was one.
    fn handshake_over(&mut self, connection: u64) -> bool {
        if !self.half_open.remove(&connection) {
            return false;
        }
        if let Some(known) = self.open.get(&connection) {
            decrease(&mut self.half_open_counts, known.link.remote.ip());
        }
        while self.half_open_order.front().is_some_and(|oldest| !self.half_open.contains(oldest)) {
            self.half_open_order.pop_front();
        }
        true
    }
}

fn decrease(counts: &mut HashMap<IpAddr, usize>, ip: IpAddr) {
    if let Some(count) = counts.get_mut(&ip) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(&ip);
        }
    }
}
