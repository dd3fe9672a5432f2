//! The yardstick: a relay that does nothing but receive and send. One epoll, level-triggered, one datagram a turn.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use crate::Outcome;

const EVENTS: usize = 1_024;
const DATAGRAM_BYTES: usize = 2_048;
const BUFFER_BYTES: usize = 64 * 1_024;

/// Runs until it is dropped.
pub struct Bare {
    ports: Vec<u16>,
    sent: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Bare {
    /// Two legs a call; what comes for one is sent from the other to its peer.
    pub fn start(calls: usize, peers: &[SocketAddr]) -> Outcome<Bare> {
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
        // SAFETY: makes a descriptor of our own.
        let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if epoll < 0 {
            return Err(std::io::Error::last_os_error().into());
        }
        for (number, (socket, _, _)) in legs.iter().enumerate() {
            let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: number as u64 };
            // SAFETY: both descriptors are open, and the event is a local value.
            if unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, socket.as_raw_fd(), &raw mut event) } != 0
            {
                return Err(std::io::Error::last_os_error().into());
            }
        }
        let thread = std::thread::Builder::new()
            .name("bare".into())
            .spawn(move || run(epoll, &legs, &counter, &ends))?;
        Ok(Bare { ports, sent, stop, thread: Some(thread) })
    }

    pub fn ports(&self) -> &[u16] {
        &self.ports
    }

    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

fn run(epoll: i32, legs: &[(UdpSocket, SocketAddr, usize)], sent: &AtomicU64, stop: &AtomicBool) {
    let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS];
    let mut datagram = [0; DATAGRAM_BYTES];
    while !stop.load(Ordering::Relaxed) {
        // SAFETY: the list has room for as many as are asked for.
        let count = unsafe { libc::epoll_wait(epoll, events.as_mut_ptr(), EVENTS as i32, 100) };
        for event in events.iter().take(usize::try_from(count).unwrap_or(0)) {
            let Some((socket, _, other)) = legs.get(event.u64 as usize) else { continue };
            let Ok((len, _)) = socket.recv_from(&mut datagram) else { continue };
            let Some((other, peer, _)) = legs.get(*other) else { continue };
            if other.send_to(&datagram[..len], peer).is_ok() {
                sent.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    // SAFETY: it is ours, and nobody uses it any more.
    unsafe { libc::close(epoll) };
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
