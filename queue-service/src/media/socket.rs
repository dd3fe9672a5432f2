//! The two sockets of a port.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};

use socket2::{Domain, Protocol, Socket, Type};

use super::MediaError;
use super::pool::PortPool;

/// Bound sockets; the port number goes back to the pool when they are dropped.
#[derive(Debug)]
pub(super) struct Sockets {
    /// On the even port.
    pub(super) rtp: UdpSocket,
    /// On the next one (RFC 3550 §11).
    pub(super) rtcp: UdpSocket,
    pub(super) port: u16,
    pool: Arc<Mutex<PortPool>>,
}

impl Drop for Sockets {
    fn drop(&mut self) {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner).give_back(self.port);
    }
}

/// Pairs that are tried when others hold ports of our range.
const TRIES: usize = 64;
/// Expedited forwarding (RFC 3246), in the upper six bits.
const TOS_VOICE: u32 = 46 << 2;
/// Room for a burst while a worker is busy: half a second of Opus and some.
const RECEIVE_BUFFER_BYTES: usize = 256 * 1024;

/// Binds a pair of ports of the pool.
pub(super) fn open(bind: IpAddr, pool: &Arc<Mutex<PortPool>>) -> Result<Sockets, MediaError> {
    let lock = || pool.lock().unwrap_or_else(PoisonError::into_inner);
    let mut refused = MediaError::PortsInUse(lock().len());
    for _ in 0..TRIES {
        let Some(port) = lock().take() else { break };
        let pair = bind_one(SocketAddr::new(bind, port))
            .and_then(|rtp| Ok((rtp, bind_one(SocketAddr::new(bind, port + 1))?)));
        match pair {
            Ok((rtp, rtcp)) => return Ok(Sockets { rtp, rtcp, port, pool: pool.clone() }),
            Err(error) => {
                // Somebody else's port, or no more file descriptors: back to the end of the pool.
                lock().give_back(port);
                let in_use = matches!(&error, MediaError::Socket { source, .. }
                    if source.kind() == std::io::ErrorKind::AddrInUse);
                refused = error;
                if !in_use {
                    break;
                }
            }
        }
    }
    Err(refused)
}

fn bind_one(address: SocketAddr) -> Result<UdpSocket, MediaError> {
    let open = || {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        // Both are wishes; a system that refuses them still carries voice.
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES);
        let _ =
            if address.is_ipv4() { socket.set_tos_v4(TOS_VOICE) } else { socket.set_tclass_v6(TOS_VOICE) };
        socket.bind(&address.into())?;
        Ok(UdpSocket::from(socket))
    };
    open().map_err(|source| MediaError::Socket { address, source })
}
