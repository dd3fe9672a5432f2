//! A UDP socket that says when each datagram came.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, SystemTime};

use crate::Outcome;

/// Room for what arrives while this thread does not run.
const BUFFER_BYTES: libc::c_int = 4 << 20;
const MAX_DATAGRAM_BYTES: usize = 65_535;

pub(super) struct Socket {
    socket: UdpSocket,
    buffer: Vec<u8>,
}

impl Socket {
    pub(super) fn bind(at: SocketAddr) -> Outcome<Socket> {
        let socket = UdpSocket::bind(at).map_err(|error| format!("listen on {at}: {error}"))?;
        socket.set_nonblocking(true)?;
        set(&socket, libc::SO_TIMESTAMPNS, 1)?;
        // As much as an ordinary user may have is fine.
        set(&socket, libc::SO_RCVBUF, BUFFER_BYTES)?;
        Ok(Socket { socket, buffer: vec![0; MAX_DATAGRAM_BYTES] })
    }

    pub(super) fn send(&self, bytes: &[u8], to: SocketAddr) -> Outcome {
        match self.socket.send_to(bytes, to) {
            // What a full buffer or a peer that is not there yet swallows is sent again later.
            Err(error)
                if !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::ConnectionRefused) =>
            {
                Err(format!("send to {to}: {error}").into())
            }
            _ => Ok(()),
        }
    }

    /// The next datagram with its time of arrival; none when there is none yet, or when it is no text.
    pub(super) fn receive(&mut self) -> Outcome<Option<(String, SystemTime)>> {
        // SAFETY: zero is a valid value of these plain structures.
        let (mut header, mut control): (libc::msghdr, [u64; 16]) = unsafe { (std::mem::zeroed(), [0; 16]) };
        let mut part = libc::iovec { iov_base: self.buffer.as_mut_ptr().cast(), iov_len: self.buffer.len() };
        header.msg_iov = &raw mut part;
        header.msg_iovlen = 1;
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = size_of_val(&control);
        // SAFETY: every pointer in the header leads to a local value or to our buffer, with its true length.
        let len = unsafe { libc::recvmsg(self.socket.as_raw_fd(), &raw mut header, 0) };
        let Ok(len) = usize::try_from(len) else {
            let error = io::Error::last_os_error();
            return match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::ConnectionRefused => Ok(None),
                _ => Err(error.into()),
            };
        };
        let text = String::from_utf8_lossy(&self.buffer[..len.min(self.buffer.len())]).into_owned();
        Ok(Some((text, arrival(&header).unwrap_or_else(SystemTime::now))))
    }
}

/// The kernel's time of arrival.
fn arrival(header: &libc::msghdr) -> Option<SystemTime> {
    // SAFETY: the header is as the kernel left it, and its control buffer is aligned and still there; the data of this
    // kind of message is a timespec.
    let time = unsafe {
        let first = libc::CMSG_FIRSTHDR(header).as_ref()?;
        if (first.cmsg_level, first.cmsg_type) != (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) {
            return None;
        }
        libc::CMSG_DATA(first).cast::<libc::timespec>().read_unaligned()
    };
    let (secs, nanos) = (u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?);
    Some(SystemTime::UNIX_EPOCH + Duration::new(secs, nanos))
}

/// Waits until one of the sockets has something, at most so long.
pub(super) fn wait(sockets: [&Socket; 2], at_most: Duration) -> Outcome {
    let mut polled = sockets.map(|socket| libc::pollfd {
        fd: socket.socket.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    });
    let at_most = libc::timespec {
        tv_sec: at_most.as_secs().cast_signed(),
        tv_nsec: i64::from(at_most.subsec_nanos()),
    };
    // SAFETY: the list is a local one of two, and no signal mask is given.
    let done = unsafe { libc::ppoll(polled.as_mut_ptr(), 2, &raw const at_most, std::ptr::null()) };
    if done < 0 && io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
        return Err(io::Error::last_os_error().into());
    }
    Ok(())
}

fn set(socket: &UdpSocket, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let len = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the value is a local integer of the length that is given.
    let done = unsafe {
        libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, (&raw const value).cast(), len)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
