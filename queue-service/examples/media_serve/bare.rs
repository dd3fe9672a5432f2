//! The yardstick: a relay that does nothing but receive and send, with one epoll, level-triggered, one datagram a turn.
//! And the same with other calls of the system, to know what they would save.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::ring::Ring;

const EVENTS: usize = 1_024;
const DATAGRAM_BYTES: usize = 2_048;
const BUFFER_BYTES: usize = 64 * 1_024;

/// How the yardstick asks the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calls {
    /// epoll_wait, recvfrom, sendto: woken for every packet.
    Plain,
    /// The same, twice a millisecond.
    Paced,
    /// Edge-triggered epoll and recvmmsg, twice a millisecond.
    Batched,
    /// io_uring, twice a millisecond.
    Ring,
}

/// The time between two turns of a relay that is paced, as in the service.
pub const PACE: Duration = Duration::from_micros(500);

/// A leg: its socket, its peer, and the number of the other leg.
pub type Leg = (UdpSocket, SocketAddr, usize);

/// Runs until it is dropped.
pub struct Bare {
    ports: Vec<u16>,
    sent: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Bare {
    /// Two legs a call; what comes for one is sent from the other to its peer.
    pub fn start(how: Calls, calls: usize, peers: &[SocketAddr]) -> Outcome<Bare> {
        let mut legs = Vec::with_capacity(calls * 2);
        let mut ports = Vec::with_capacity(calls * 2);
        for (number, peer) in peers.iter().cycle().take(calls * 2).enumerate() {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.set_nonblocking(true)?;
            // A wish, as in the service.
            let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(BUFFER_BYTES);
            ports.push(socket.local_addr()?.port());
            legs.push((socket, *peer, number ^ 1));
        }
        let (sent, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (counter, ends) = (sent.clone(), stop.clone());
        let thread = if how == Calls::Ring {
            let mut relay = Ring::new(legs)?;
            thread("bare-ring", move || relay.run(&counter, &ends))?
        } else {
            let epoll = watch(&legs, how == Calls::Batched)?;
            thread("bare", move || {
                match how {
                    Calls::Batched => run_batched(epoll, &legs, &counter, &ends),
                    _ => run(epoll, &legs, how == Calls::Paced, &counter, &ends),
                }
                // SAFETY: it is ours, and nobody uses it any more.
                unsafe { libc::close(epoll) };
            })?
        };
        Ok(Bare { ports, sent, stop, thread: Some(thread) })
    }

    pub fn ports(&self) -> &[u16] {
        &self.ports
    }

    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.into()).spawn(run)
}

fn watch(legs: &[Leg], on_edges: bool) -> Outcome<i32> {
    // SAFETY: makes a descriptor of our own.
    let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
    if epoll < 0 {
        return Err(std::io::Error::last_os_error().into());
    }
    let events = libc::EPOLLIN | if on_edges { libc::EPOLLET } else { 0 };
    for (number, (socket, _, _)) in legs.iter().enumerate() {
        let mut event = libc::epoll_event { events: events.cast_unsigned(), u64: number as u64 };
        // SAFETY: both descriptors are open, and the event is a local value.
        if unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, socket.as_raw_fd(), &raw mut event) } != 0 {
            return Err(std::io::Error::last_os_error().into());
        }
    }
    Ok(epoll)
}

/// Waits for what is ready; when it is paced, takes what came within half a millisecond together.
fn wait(epoll: i32, events: &mut [libc::epoll_event], turn_at: Option<&mut Instant>) -> usize {
    let patience = if let Some(at) = turn_at {
        std::thread::sleep((*at + PACE).saturating_duration_since(Instant::now()));
        *at = Instant::now();
        0
    } else {
        100
    };
    // SAFETY: the list has room for as many as are asked for.
    let count = unsafe { libc::epoll_wait(epoll, events.as_mut_ptr(), events.len() as i32, patience) };
    usize::try_from(count).unwrap_or(0)
}

fn run(epoll: i32, legs: &[Leg], is_paced: bool, sent: &AtomicU64, stop: &AtomicBool) {
    let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS];
    let mut datagram = [0; DATAGRAM_BYTES];
    let mut turn_at = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let count = wait(epoll, &mut events, is_paced.then_some(&mut turn_at));
        for event in events.iter().take(count) {
            let Some((socket, _, other)) = legs.get(event.u64 as usize) else { continue };
            let Ok((len, _)) = socket.recv_from(&mut datagram) else { continue };
            let Some((other, peer, _)) = legs.get(*other) else { continue };
            if other.send_to(&datagram[..len], peer).is_ok() {
                sent.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// Datagrams of one socket that are taken together: the second attempt is what tells that there is no more.
const BATCH: usize = 4;

fn run_batched(epoll: i32, legs: &[Leg], sent: &AtomicU64, stop: &AtomicBool) {
    let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS];
    let mut bytes = vec![[0u8; DATAGRAM_BYTES]; BATCH];
    // SAFETY: zero is a valid value of these plain structures.
    let mut sources: [libc::sockaddr_in6; BATCH] = unsafe { std::mem::zeroed() };
    let mut parts: Vec<libc::iovec> = bytes
        .iter_mut()
        .map(|bytes| libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: DATAGRAM_BYTES })
        .collect();
    // SAFETY: as above.
    let mut headers: [libc::mmsghdr; BATCH] = unsafe { std::mem::zeroed() };
    let mut turn_at = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let count = wait(epoll, &mut events, Some(&mut turn_at));
        for event in events.iter().take(count) {
            let Some((socket, _, other)) = legs.get(event.u64 as usize) else { continue };
            let Some((other, peer, _)) = legs.get(*other) else { continue };
            loop {
                for ((header, part), source) in headers.iter_mut().zip(&mut parts).zip(&mut sources) {
                    header.msg_hdr.msg_iov = part;
                    header.msg_hdr.msg_iovlen = 1;
                    header.msg_hdr.msg_name = (&raw mut *source).cast();
                    header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in6>() as libc::socklen_t;
                }
                let (first, room) = (headers.as_mut_ptr(), BATCH as u32);
                // SAFETY: every header leads to a part and a source, every part to bytes of its length.
                let came = unsafe {
                    libc::recvmmsg(socket.as_raw_fd(), first, room, libc::MSG_DONTWAIT, std::ptr::null_mut())
                };
                let came = usize::try_from(came).unwrap_or(0);
                for (header, bytes) in headers.iter().zip(&bytes).take(came) {
                    if other.send_to(&bytes[..header.msg_len as usize], peer).is_ok() {
                        sent.fetch_add(1, Ordering::Relaxed);
                    }
                }
                if came < BATCH {
                    break;
                }
            }
        }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic in it has been told already.
            let _ = thread.join();
        }
    }
}
