//! Ports for services that run side by side on one machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::Outcome;

/// Where services listen.
pub const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Where the carrier's calls come from: another loopback address, so that a trunk is told from a phone.
pub const CARRIER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
/// An address that belongs to no trunk.
pub const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 66));

/// Signalling and HTTP: below the range that the system gives out by itself.
const FIRST: u16 = 6_000;
const LAST: u16 = 9_900;
/// A service's media: a block of its own.
const MEDIA_FIRST: u16 = 10_000;
const MEDIA_BLOCK: u16 = 120;
const MEDIA_BLOCKS: u16 = 50;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port on which neither UDP nor TCP is taken, on `ip`; the one after it is free too (baresip takes it).
pub fn free_pair(ip: IpAddr) -> Outcome<u16> {
    let span = (LAST - FIRST) / 2;
    // Processes begin at different places, so that two test runs rarely look at the same port.
    static START: OnceLock<u16> = OnceLock::new();
    let start = *START.get_or_init(|| rand::random::<u16>() % span);
    for _ in 0..span {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + ((start + step % span) % span) * 2;
        if is_free(ip, port) && is_free(ip, port + 1) {
            return Ok(port);
        }
    }
    Err(format!("no free port from {FIRST} to {LAST} on {ip}").into())
}

/// First and last port of a block for media, even and odd.
pub fn media_block() -> (u16, u16) {
    static BLOCK: AtomicU16 = AtomicU16::new(0);
    static START: OnceLock<u16> = OnceLock::new();
    let start = *START.get_or_init(|| rand::random::<u16>() % MEDIA_BLOCKS);
    let block = (start + BLOCK.fetch_add(1, Ordering::Relaxed)) % MEDIA_BLOCKS;
    let first = MEDIA_FIRST + block * MEDIA_BLOCK;
    (first, first + MEDIA_BLOCK - 1)
}

fn is_free(ip: IpAddr, port: u16) -> bool {
    let address = SocketAddr::new(ip, port);
    TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_differ_and_are_free() {
        let (first, second) = (free_pair(HERE).expect("port"), free_pair(HERE).expect("port"));
        assert_ne!(first, second);
        assert!(is_free(HERE, first) && first.is_multiple_of(2));
        let ((one, _), (two, last)) = (media_block(), media_block());
        assert_ne!(one, two);
        assert!(last < 16_384, "phones take their ports from 16384 on");
    }
}
