//! The yardstick with io_uring: one multishot receive a socket into buffers that all share, and sends that are handed
//! over together. It asks the system twice a millisecond, as the service does.

use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use io_uring::types::{BufRingEntry, Fd, RecvMsgOut};
use io_uring::{IoUring, cqueue, opcode, squeue};

use crate::Outcome;
use crate::bare::{Leg, PACE};

/// Buffers that all sockets share; a power of two.
const BUFFERS: u16 = 4_096;
const BUFFER_BYTES: usize = 2_048;
const QUEUE: u32 = 8_192;
const GROUP: u16 = 1;
/// What is done when a send is over; a receive has the number of its leg.
const SENT: u64 = 1 << 32;

/// Legs on a ring.
pub struct Ring {
    legs: Vec<Leg>,
    peers: Vec<libc::sockaddr_in>,
    buffers: Vec<[u8; BUFFER_BYTES]>,
    entries: Entries,
    header: Box<libc::msghdr>,
}

/// The list of free buffers, on a page of its own.
struct Entries {
    place: *mut BufRingEntry,
    tail: u16,
}

// SAFETY: the pages are owned by this value alone.
unsafe impl Send for Ring {}

impl Ring {
    pub fn new(legs: Vec<Leg>) -> Outcome<Ring> {
        let peers = legs.iter().map(|(_, peer, _)| address(*peer)).collect::<Outcome<Vec<_>>>()?;
        let len = usize::from(BUFFERS) * size_of::<BufRingEntry>();
        // SAFETY: asks for fresh pages and looks at the answer.
        let place = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_ANONYMOUS | libc::MAP_PRIVATE,
                -1,
                0,
            )
        };
        if place == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error().into());
        }
        // SAFETY: zero is a valid value of this plain structure.
        let mut header: Box<libc::msghdr> = Box::new(unsafe { std::mem::zeroed() });
        header.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        let mut ring = Ring {
            legs,
            peers,
            buffers: vec![[0; BUFFER_BYTES]; usize::from(BUFFERS)],
            entries: Entries { place: place.cast(), tail: 0 },
            header,
        };
        for buffer in 0..BUFFERS {
            ring.free(buffer);
        }
        Ok(ring)
    }

    /// Gives a buffer to the system.
    fn free(&mut self, buffer: u16) {
        let Some(bytes) = self.buffers.get_mut(usize::from(buffer)) else { return };
        let slot = usize::from(self.entries.tail % BUFFERS);
        // SAFETY: the slot lies within the pages, and the system reads it after the tail has moved.
        unsafe {
            let entry = &mut *self.entries.place.add(slot);
            entry.set_addr(bytes.as_mut_ptr() as u64);
            entry.set_len(BUFFER_BYTES as u32);
            entry.set_bid(buffer);
        }
        self.entries.tail = self.entries.tail.wrapping_add(1);
        // SAFETY: the tail lies within the first entry and is shared with the system.
        unsafe {
            let tail = BufRingEntry::tail(self.entries.place).cast_mut().cast::<AtomicU16>();
            (*tail).store(self.entries.tail, Ordering::Release);
        }
    }

    pub fn run(&mut self, sent: &AtomicU64, stop: &AtomicBool) {
        if let Err(error) = self.relay(sent, stop) {
            eprintln!("the relay with io_uring ends: {error}");
        }
    }

    fn relay(&mut self, sent: &AtomicU64, stop: &AtomicBool) -> Outcome {
        let mut ring: IoUring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_cqsize(QUEUE * 2)
            .build(QUEUE)?;
        // SAFETY: the pages live as long as this value, which outlives the ring.
        unsafe {
            ring.submitter().register_buf_ring_with_flags(self.entries.place as u64, BUFFERS, GROUP, 0)?
        };
        for leg in 0..self.legs.len() {
            self.listen(&mut ring, leg)?;
        }
        let mut done: Vec<cqueue::Entry> = Vec::with_capacity(QUEUE as usize);
        let mut turn_at = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            std::thread::sleep((turn_at + PACE).saturating_duration_since(Instant::now()));
            turn_at = Instant::now();
            // Both halves of a turn are one call each: what has come, and what goes out.
            events(&ring)?;
            done.extend(ring.completion());
            for entry in done.drain(..) {
                self.take(&mut ring, &entry, sent)?;
            }
            ring.submit()?;
        }
        Ok(())
    }

    fn take(&mut self, ring: &mut IoUring, entry: &cqueue::Entry, sent: &AtomicU64) -> Outcome {
        let number = entry.user_data();
        if number & SENT != 0 {
            sent.fetch_add(u64::from(entry.result() > 0), Ordering::Relaxed);
            self.free((number & 0xFFFF) as u16);
            return Ok(());
        }
        let leg = number as usize;
        if !cqueue::more(entry.flags()) {
            self.listen(ring, leg)?;
        }
        let Some(buffer) = cqueue::buffer_select(entry.flags()) else { return Ok(()) };
        let Some((_, _, other)) = self.legs.get(leg) else { return Ok(()) };
        let (Some((socket, _, _)), Some(peer), Some(bytes)) =
            (self.legs.get(*other), self.peers.get(*other), self.buffers.get(usize::from(buffer)))
        else {
            return Ok(());
        };
        let Ok(message) = RecvMsgOut::parse(bytes, &self.header) else {
            self.free(buffer);
            return Ok(());
        };
        let datagram = message.payload_data();
        let send = opcode::Send::new(Fd(socket.as_raw_fd()), datagram.as_ptr(), datagram.len() as u32)
            .dest_addr((&raw const *peer).cast())
            .dest_addr_len(size_of::<libc::sockaddr_in>() as libc::socklen_t)
            .build()
            .user_data(SENT | u64::from(buffer));
        push(ring, &send)
    }

    fn listen(&self, ring: &mut IoUring, leg: usize) -> Outcome {
        let Some((socket, _, _)) = self.legs.get(leg) else { return Ok(()) };
        let receive =
            opcode::RecvMsgMulti::new(Fd(socket.as_raw_fd()), &raw const *self.header, GROUP).build();
        push(ring, &receive.user_data(leg as u64))
    }
}

/// Lets the system do what is due, without waiting: it does no more than is asked for.
fn events(ring: &IoUring) -> Outcome {
    let now = io_uring::types::Timespec::from(Duration::ZERO);
    let arguments = io_uring::types::SubmitArgs::new().timespec(&now);
    match ring.submitter().submit_with_args(QUEUE as usize, &arguments) {
        Err(error) if error.raw_os_error() != Some(libc::ETIME) => Err(error.into()),
        _ => Ok(()),
    }
}

fn push(ring: &mut IoUring, entry: &squeue::Entry) -> Outcome {
    // SAFETY: what the entry leads to lives in the relay, and a buffer is not touched until its send is over.
    while unsafe { ring.submission().push(entry) }.is_err() {
        ring.submit()?;
    }
    Ok(())
}

fn address(peer: SocketAddr) -> Outcome<libc::sockaddr_in> {
    let SocketAddr::V4(peer) = peer else { return Err("the yardstick knows IPv4 only".into()) };
    Ok(libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: peer.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(peer.ip().octets()) },
        sin_zero: [0; 8],
    })
}
