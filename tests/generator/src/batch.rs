//! Many datagrams with one call of the system.

use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

/// Datagrams of one call.
pub const BATCH: usize = 32;
/// Longer than any packet that is expected.
const DATAGRAM_BYTES: usize = 512;
/// Room for what comes while the generator does something else.
const BUFFER_BYTES: libc::c_int = 16 << 20;

/// A socket on the loopback that is the peer of many legs.
///
/// # Errors
/// What the system said.
pub fn socket() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_nonblocking(true)?;
    let len = size_of::<libc::c_int>() as libc::socklen_t;
    // As much as an ordinary user may have is fine, where more is forbidden.
    let value = BUFFER_BYTES;
    for option in [libc::SO_RCVBUF, libc::SO_RCVBUFFORCE, libc::SO_SNDBUF, libc::SO_SNDBUFFORCE] {
        let value = (&raw const value).cast();
        // SAFETY: the value is a local integer of the length that is given.
        unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, value, len) };
    }
    Ok(socket)
}

/// Datagrams that go out together; they are not copied.
pub struct Outbox<'a> {
    parts: Vec<libc::iovec>,
    targets: Vec<libc::sockaddr_in>,
    headers: Vec<libc::mmsghdr>,
    lives: std::marker::PhantomData<&'a [u8]>,
}

impl<'a> Outbox<'a> {
    /// An empty one.
    pub fn new() -> Self {
        Outbox {
            parts: Vec::with_capacity(BATCH),
            targets: Vec::with_capacity(BATCH),
            headers: Vec::with_capacity(BATCH),
            lives: std::marker::PhantomData,
        }
    }

    /// Adds one, to a port of the loopback; what is beyond [`BATCH`] is left out.
    pub fn add(&mut self, datagram: &'a [u8], port: u16) {
        if self.parts.len() < BATCH {
            self.parts
                .push(libc::iovec { iov_base: datagram.as_ptr().cast_mut().cast(), iov_len: datagram.len() });
            self.targets.push(loopback(port));
        }
    }

    /// Sends them all and is empty again; how many the system took.
    pub fn send(&mut self, socket: &UdpSocket) -> usize {
        self.headers.clear();
        for (part, target) in self.parts.iter_mut().zip(&mut self.targets) {
            // SAFETY: zero is a valid value of this plain structure.
            let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
            header.msg_hdr.msg_iov = part;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_name = (&raw mut *target).cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
            self.headers.push(header);
        }
        let count = self.headers.len() as u32;
        // SAFETY: every header leads to a part and a target, every part to a datagram, all of which outlive the call.
        let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), self.headers.as_mut_ptr(), count, 0) };
        self.parts.clear();
        self.targets.clear();
        usize::try_from(sent).unwrap_or(0)
    }
}

impl Default for Outbox<'_> {
    fn default() -> Self {
        Outbox::new()
    }
}

fn loopback(port: u16) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes([127, 0, 0, 1]) },
        sin_zero: [0; 8],
    }
}

/// Room for datagrams that come together.
pub struct Inbox {
    bytes: Vec<[u8; DATAGRAM_BYTES]>,
    sources: Vec<libc::sockaddr_in>,
    lens: Vec<usize>,
}

impl Inbox {
    /// An empty one.
    pub fn new() -> Self {
        Inbox {
            bytes: vec![[0; DATAGRAM_BYTES]; BATCH],
            sources: vec![loopback(0); BATCH],
            lens: Vec::with_capacity(BATCH),
        }
    }

    /// Takes what is there; how many.
    pub fn receive(&mut self, socket: &UdpSocket) -> usize {
        self.lens.clear();
        let mut parts = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: DATAGRAM_BYTES }; BATCH];
        // SAFETY: zero is a valid value of these plain structures.
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { std::mem::zeroed() };
        for (((header, part), bytes), source) in
            headers.iter_mut().zip(&mut parts).zip(&mut self.bytes).zip(&mut self.sources)
        {
            part.iov_base = bytes.as_mut_ptr().cast();
            header.msg_hdr.msg_iov = part;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_name = (&raw mut *source).cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        }
        // SAFETY: every header leads to a part, every part to bytes of its length; all outlive the call.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                BATCH as u32,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        let count = usize::try_from(count).unwrap_or(0);
        self.lens.extend(headers.iter().take(count).map(|header| header.msg_len as usize));
        count
    }

    /// What came: the port of the sender, and the datagram, which may be changed in place.
    pub fn datagrams(&mut self) -> impl Iterator<Item = (u16, &mut [u8])> {
        self.lens.iter().zip(&mut self.bytes).zip(&self.sources).map(|((len, bytes), source)| {
            (u16::from_be(source.sin_port), &mut bytes[..(*len).min(DATAGRAM_BYTES)])
        })
    }
}

impl Default for Inbox {
    fn default() -> Self {
        Inbox::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_arrive_whole_with_their_sender() {
        let (here, there) = (socket().expect("socket"), socket().expect("socket"));
        let ports = [&here, &there].map(|socket| socket.local_addr().expect("address").port());
        let words = [&b"one"[..], b"two", b"three"];
        let mut outbox = Outbox::new();
        for word in words {
            outbox.add(word, ports[1]);
        }
        assert_eq!([outbox.send(&here), outbox.send(&here)], [3, 0]);
        let mut inbox = Inbox::new();
        assert_eq!(inbox.receive(&there), 3);
        let came: Vec<(u16, Vec<u8>)> =
            inbox.datagrams().map(|(port, bytes)| (port, bytes.to_vec())).collect();
        assert_eq!(came, words.map(|word| (ports[0], word.to_vec())));
        assert_eq!(inbox.receive(&there), 0);
    }
}
