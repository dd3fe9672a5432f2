//! The two sockets of a port.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};

use socket2::{Domain, Protocol, Socket, Type};

use super::pool::PortPool;
use super::{MediaConfig, MediaError};

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
/// Room for a burst while a worker is busy: half a second of Opus and some.
const RECEIVE_BUFFER_BYTES: usize = 256 * 1024;

/// Binds a pair of ports of the pool.
pub(super) fn open(config: &MediaConfig, pool: &Arc<Mutex<PortPool>>) -> Result<Sockets, MediaError> {
    let lock = || pool.lock().unwrap_or_else(PoisonError::into_inner);
    let mut refused = MediaError::PortsInUse(lock().len());
    for _ in 0..TRIES {
        let Some(port) = lock().take() else { break };
        match bind_pair(config, port) {
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

/// Binds this pair of ports, which the pool must have.
pub(super) fn open_at(
    config: &MediaConfig,
    port: u16,
    pool: &Arc<Mutex<PortPool>>,
) -> Result<Sockets, MediaError> {
    let lock = || pool.lock().unwrap_or_else(PoisonError::into_inner);
    if !lock().take_this(port) {
        let address = SocketAddr::new(config.bind, port);
        return Err(MediaError::Socket { address, source: std::io::ErrorKind::AddrInUse.into() });
    }
    match bind_pair(config, port) {
        Ok((rtp, rtcp)) => Ok(Sockets { rtp, rtcp, port, pool: pool.clone() }),
        Err(error) => {
            lock().give_back(port);
            Err(error)
        }
    }
}

fn bind_pair(config: &MediaConfig, port: u16) -> Result<(UdpSocket, UdpSocket), MediaError> {
    let rtp = bind_one(SocketAddr::new(config.bind, port), config.dscp)?;
    Ok((rtp, bind_one(SocketAddr::new(config.bind, port + 1), config.dscp)?))
}

fn bind_one(address: SocketAddr, dscp: u8) -> Result<UdpSocket, MediaError> {
    let open = || {
        let socket =
            Socket::new(Domain::for_address(address), Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
        // Both are wishes; a system that refuses them still carries voice.
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES);
        // The class is the upper six bits (RFC 2474 §3).
        let class = u32::from(dscp) << 2;
        let _ = if address.is_ipv4() { socket.set_tos_v4(class) } else { socket.set_tclass_v6(class) };
        socket.bind(&address.into())?;
        Ok(UdpSocket::from(socket))
    };
    open().map_err(|source| MediaError::Socket { address, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_voice_socket_asks_for_its_class() {
        for dscp in [46, 0, 10] {
            let class = u32::from(dscp) << 2;
            let v4 = bind_one("127.0.0.1:0".parse().expect("an address"), dscp).expect("bind");
            assert_eq!(socket2::SockRef::from(&v4).tos_v4().expect("the class"), class);
            let v6 = bind_one("[::1]:0".parse().expect("an address"), dscp).expect("bind");
            assert_eq!(socket2::SockRef::from(&v6).tclass_v6().expect("the class"), class);
        }
    }
}
