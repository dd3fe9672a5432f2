//! Waiting for sockets: one epoll, level-triggered.
//!
//! A ready socket gives one datagram a turn and is told again when it has more, so there is no read that finds nothing:
//! with a packet each 20 ms from each of a thousand sockets that would be a second system call for nearly every packet.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// What [`Watch::wait`] says of the waker.
const WAKE: u64 = u64::MAX;
/// Sockets that are told of in one turn; the others have the next one.
const READY: usize = 1_024;

/// Sockets that are watched, each under a number.
#[derive(Debug)]
pub(super) struct Watch {
    epoll: OwnedFd,
    ready: Vec<libc::epoll_event>,
    /// How many of `ready` are of the last turn.
    count: usize,
}

/// Ends the waiting of a [`Watch`] from another thread.
#[derive(Debug)]
pub(super) struct Waker(OwnedFd);

impl Watch {
    /// One that watches nothing but its waker.
    pub(super) fn new() -> io::Result<(Watch, Waker)> {
        // SAFETY: both calls make descriptors of our own, and what they return is looked at before it is used.
        let (epoll, event) = unsafe {
            let epoll = owned(libc::epoll_create1(libc::EPOLL_CLOEXEC))?;
            (epoll, owned(libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK))?)
        };
        let watch = Watch { epoll, ready: vec![libc::epoll_event { events: 0, u64: 0 }; READY], count: 0 };
        // Edge-triggered: a wake is told of once, and its counter never has to be read.
        watch.control(libc::EPOLL_CTL_ADD, &event, libc::EPOLLIN | libc::EPOLLET, WAKE)?;
        Ok((watch, Waker(event)))
    }

    /// Watches a socket for datagrams.
    pub(super) fn add(&self, socket: &impl AsRawFd, number: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, socket, libc::EPOLLIN, number)
    }

    /// Watches it no more.
    pub(super) fn remove(&self, socket: &impl AsRawFd) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, socket, 0, 0)
    }

    /// Waits until a socket has something or somebody wakes us, at most `at_most`; how many sockets are ready.
    pub(super) fn wait(&mut self, at_most: Duration) -> io::Result<usize> {
        // Up, so that what is due is due when it returns.
        let millis = i32::try_from(at_most.as_micros().div_ceil(1_000)).unwrap_or(i32::MAX);
        let room = i32::try_from(self.ready.len()).unwrap_or(i32::MAX);
        // SAFETY: the list has room for as many as are asked for.
        let count =
            unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), self.ready.as_mut_ptr(), room, millis) };
        self.count = 0;
        self.count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        Ok(self.count)
    }

    /// The number of a ready socket, by its place in the last turn.
    pub(super) fn ready(&self, place: usize) -> Option<u64> {
        let event = self.ready.get(place).filter(|_| place < self.count)?;
        Some(event.u64).filter(|number| *number != WAKE)
    }

    fn control(
        &self,
        what: libc::c_int,
        socket: &impl AsRawFd,
        events: libc::c_int,
        number: u64,
    ) -> io::Result<()> {
        let mut event = libc::epoll_event { events: events.cast_unsigned(), u64: number };
        // SAFETY: both descriptors are open, and the event is a local value.
        let done =
            unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), what, socket.as_raw_fd(), &raw mut event) };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

impl Waker {
    /// Ends the waiting, or the next one.
    pub(super) fn wake(&self) -> io::Result<()> {
        let one = 1u64.to_ne_bytes();
        // SAFETY: writes eight octets of a local value.
        let written = unsafe { libc::write(self.0.as_raw_fd(), one.as_ptr().cast(), one.len()) };
        let error = io::Error::last_os_error();
        // Full: it has been woken 2^64 times and is awake.
        if written >= 0 || error.kind() == io::ErrorKind::WouldBlock { Ok(()) } else { Err(error) }
    }
}

/// # Safety
/// `descriptor` is an error or belongs to nobody else.
unsafe fn owned(descriptor: libc::c_int) -> io::Result<OwnedFd> {
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the caller says so.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn a_socket_is_ready_until_it_is_read_and_a_wake_comes_once() {
        let (mut watch, waker) = Watch::new().expect("epoll");
        let socket = UdpSocket::bind("127.0.0.1:0").expect("socket");
        watch.add(&socket, 7).expect("watched");
        assert_eq!(watch.wait(Duration::ZERO).expect("waits"), 0);
        for _ in 0..2 {
            socket.send_to(b"x", socket.local_addr().expect("address")).expect("sent");
        }
        for _ in 0..2 {
            assert_eq!(watch.wait(LONG).expect("waits"), 1);
            assert_eq!((watch.ready(0), watch.ready(1)), (Some(7), None));
            socket.recv(&mut [0; 8]).expect("a datagram");
        }
        assert_eq!(watch.wait(Duration::ZERO).expect("waits"), 0);
        for _ in 0..2 {
            waker.wake().expect("woken");
            assert_eq!(watch.wait(LONG).expect("waits"), 1);
            assert_eq!(watch.ready(0), None, "it is no socket");
            assert_eq!(watch.wait(Duration::ZERO).expect("waits"), 0);
        }
        watch.remove(&socket).expect("known");
        assert!(watch.remove(&socket).is_err());
    }
}
