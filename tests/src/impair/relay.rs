//! Carries a phone's media over real sockets as two lines say, one a direction.
//!
//! ```text
//!  phone ──► inside ─ line ─ outside ──► service
//!        ◄──        ─ line ─         ◄──
//! ```
//! The phone offers the outside's address in its SDP and sends to the inside.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use shared::time::Timestamp;
use shared_net::clock;
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::line::{Impairment, Line};

/// Packets under way at most; more are lost.
const MOST_UNDER_WAY: usize = 4_096;

/// An even port and the next one.
pub type Pair = (UdpSocket, UdpSocket);

/// Where a datagram goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    ToService,
    ToPhone,
}

/// A running relay; it ends when this is dropped.
#[derive(Debug)]
pub struct Relay {
    /// The address for the SDP.
    pub outside: SocketAddr,
    /// Where the phone sends its RTP; its RTCP goes to the next port.
    pub inside: SocketAddr,
    service: watch::Sender<Option<SocketAddr>>,
    running: AbortHandle,
}

impl Relay {
    /// Starts it between a phone's RTP address and whoever [`Relay::aim`] names. Needs a runtime.
    pub fn start(
        outside: Pair,
        inside: Pair,
        phone: SocketAddr,
        lines: [Impairment; 2],
        seed: u64,
    ) -> io::Result<Relay> {
        let (outside_at, inside_at) = (outside.0.local_addr()?, inside.0.local_addr()?);
        let (service, aims) = watch::channel(None);
        let [to_service, to_phone] = lines;
        let carrier = Carrier {
            outside,
            inside,
            phone,
            aims,
            to_service: Line::new(to_service, seed),
            to_phone: Line::new(to_phone, seed.wrapping_add(1)),
            under_way: BinaryHeap::new(),
            serial: 0,
        };
        let running = tokio::spawn(carrier.run()).abort_handle();
        Ok(Relay { outside: outside_at, inside: inside_at, service, running })
    }

    /// Packets of the phone go there from now on.
    pub fn aim(&self, service: SocketAddr) {
        self.service.send_if_modified(|aim| aim.replace(service) != Some(service));
    }

    /// Who the phone's packets go to.
    pub fn aimed_at(&self) -> Option<SocketAddr> {
        *self.service.borrow()
    }

    /// The address in the same relay for RTP or RTCP.
    pub fn inside_for(&self, rtcp: bool) -> SocketAddr {
        beside(self.inside, rtcp)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.running.abort();
    }
}

fn beside(rtp: SocketAddr, rtcp: bool) -> SocketAddr {
    SocketAddr::new(rtp.ip(), rtp.port() + u16::from(rtcp))
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct UnderWay {
    due: Timestamp,
    serial: u64,
    way: Way,
    rtcp: bool,
    bytes: Vec<u8>,
}

struct Carrier {
    outside: Pair,
    inside: Pair,
    phone: SocketAddr,
    aims: watch::Receiver<Option<SocketAddr>>,
    to_service: Line,
    to_phone: Line,
    under_way: BinaryHeap<Reverse<UnderWay>>,
    serial: u64,
}

impl Carrier {
    async fn run(mut self) {
        let mut buffer = vec![0; 2_048];
        loop {
            let wait = self.under_way.peek().map(|Reverse(next)| next.due.since(clock::now()));
            tokio::select! {
                ready = self.inside.0.readable() => if ready.is_err() { return },
                ready = self.inside.1.readable() => if ready.is_err() { return },
                ready = self.outside.0.readable() => if ready.is_err() { return },
                ready = self.outside.1.readable() => if ready.is_err() { return },
                () = sleep(wait) => {}
            }
            self.take(&mut buffer);
            self.send();
        }
    }

    fn take(&mut self, buffer: &mut [u8]) {
        for (way, rtcp) in
            [(Way::ToService, false), (Way::ToService, true), (Way::ToPhone, false), (Way::ToPhone, true)]
        {
            loop {
                let pair = if way == Way::ToService { &self.inside } else { &self.outside };
                let socket = if rtcp { &pair.1 } else { &pair.0 };
                // An error is an empty queue, or the ICMP answer to a packet of ours.
                let Ok((len, _)) = socket.try_recv_from(buffer) else { break };
                let bytes = buffer[..len].to_vec();
                self.pass(way, rtcp, &bytes);
            }
        }
    }

    fn pass(&mut self, way: Way, rtcp: bool, bytes: &[u8]) {
        let now = clock::now();
        let line = if way == Way::ToService { &mut self.to_service } else { &mut self.to_phone };
        let copies = if rtcp { [Some(line.carry(now)), None] } else { line.pass(now).0 };
        for due in copies.into_iter().flatten() {
            if self.under_way.len() < MOST_UNDER_WAY {
                self.serial += 1;
                let serial = self.serial;
                self.under_way.push(Reverse(UnderWay { due, serial, way, rtcp, bytes: bytes.to_vec() }));
            }
        }
    }

    fn send(&mut self) {
        let now = clock::now();
        while self.under_way.peek().is_some_and(|Reverse(next)| next.due <= now) {
            let Some(Reverse(next)) = self.under_way.pop() else { return };
            let (pair, to) = match next.way {
                Way::ToService => (&self.outside, *self.aims.borrow()),
                Way::ToPhone => (&self.inside, Some(self.phone)),
            };
            let socket = if next.rtcp { &pair.1 } else { &pair.0 };
            if let Some(to) = to {
                // A full socket is loss, as in any network.
                let _ = socket.try_send_to(&next.bytes, beside(to, next.rtcp));
            }
        }
    }
}

async fn sleep(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}
