//! Binding sockets, with errors that say what to do.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket as StdUdpSocket};
use std::time::Duration;

use shared::sip::Transport;
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, UdpSocket};

use super::datagrams;
use super::tls::TlsError;

/// The class that packets ask the network for: the upper six bits of the byte (RFC 2474 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dscp(pub u8);

impl Default for Dscp {
    /// CS3, the code point of signalling (RFC 4594 §3.2).
    fn default() -> Self {
        Dscp(24)
    }
}

/// Room for a burst of registrations while the loop is busy.
const UDP_BUFFER_BYTES: usize = 4 << 20;
const BACKLOG: i32 = 256;

/// A socket cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another program listens there.
    #[error(
        "SIP port {port} ({transport}) on {ip} is in use: stop the program that has it, or choose another port"
    )]
    InUse {
        /// UDP, TCP or TLS.
        transport: &'static str,
        /// The address.
        ip: IpAddr,
        /// The port.
        port: u16,
    },
    /// A port that only the administrator may open.
    #[error("SIP port {port} ({transport}) may not be opened by this user: choose one above 1023")]
    NotAllowed {
        /// UDP, TCP or TLS.
        transport: &'static str,
        /// The port.
        port: u16,
    },
    /// The address belongs to another machine.
    #[error("{ip} is no address of this machine: use 0.0.0.0 or one that it has")]
    NotOurs {
        /// The address.
        ip: IpAddr,
    },
    /// TLS cannot be set up.
    #[error("{0}")]
    Tls(#[from] TlsError),
    /// Anything else.
    #[error("open {transport} socket {address} for SIP")]
    Other {
        /// UDP, TCP or TLS.
        transport: &'static str,
        /// Address and port.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl BindError {
    fn new(transport: Transport, address: SocketAddr, source: io::Error) -> BindError {
        let transport = transport.as_via();
        match source.kind() {
            io::ErrorKind::AddrInUse => {
                BindError::InUse { transport, ip: address.ip(), port: address.port() }
            }
            io::ErrorKind::PermissionDenied => BindError::NotAllowed { transport, port: address.port() },
            io::ErrorKind::AddrNotAvailable => BindError::NotOurs { ip: address.ip() },
            _ => BindError::Other { transport, address, source },
        }
    }
}

/// The bound sockets.
#[derive(Debug)]
pub(super) struct Sockets {
    pub(super) udp: Vec<(SocketAddr, UdpSocket)>,
    /// For TCP and TLS.
    pub(super) listeners: Vec<(Transport, SocketAddr, TcpListener)>,
    pub(super) dscp: Dscp,
}

impl Sockets {
    pub(super) fn bind(
        udp: &[SocketAddr],
        tcp: &[SocketAddr],
        tls: &[SocketAddr],
        dscp: Dscp,
    ) -> Result<Sockets, BindError> {
        let udp = udp
            .iter()
            .map(|address| {
                bind_udp(*address, dscp).map_err(|error| BindError::new(Transport::Udp, *address, error))
            })
            .collect::<Result<_, _>>()?;
        let listen = |transport: Transport, address: &SocketAddr| {
            let (local, listener) =
                bind_tcp(*address, dscp).map_err(|error| BindError::new(transport, *address, error))?;
            Ok((transport, local, listener))
        };
        let tcp = tcp.iter().map(|address| listen(Transport::Tcp, address));
        let tls = tls.iter().map(|address| listen(Transport::Tls, address));
        let listeners = tcp.chain(tls).collect::<Result<_, BindError>>()?;
        Ok(Sockets { udp, listeners, dscp })
    }

    pub(super) fn local_addrs(&self) -> Vec<(Transport, SocketAddr)> {
        let udp = self.udp.iter().map(|(address, _)| (Transport::Udp, *address));
        let streams = self.listeners.iter().map(|(transport, address, _)| (*transport, *address));
        udp.chain(streams).collect()
    }

    /// True when there is a socket of this transport and of the peer's address family.
    pub(super) fn serves(&self, transport: Transport, remote: SocketAddr) -> bool {
        self.local_addrs()
            .iter()
            .any(|(kind, local)| *kind == transport && local.is_ipv4() == remote.is_ipv4())
    }
}

fn bind_udp(address: SocketAddr, dscp: Dscp) -> io::Result<(SocketAddr, UdpSocket)> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        // One socket an address family, so that no peer shows up as ::ffff:192.0.2.1.
        socket.set_only_v6(true)?;
    }
    mark(&socket, address, dscp);
    datagrams::prepare(&socket, address)?;
    make_room(&socket, address);
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    let socket = UdpSocket::from_std(socket.into())?;
    Ok((socket.local_addr()?, socket))
}

/// Asks for buffers, past the system's limit where this process may (CAP_NET_ADMIN), and says when it got less.
fn make_room(socket: &Socket, address: SocketAddr) {
    let _ = socket.set_send_buffer_size(UDP_BUFFER_BYTES);
    let _ = socket.set_recv_buffer_size(UDP_BUFFER_BYTES);
    #[cfg(target_os = "linux")]
    let _ = nix::sys::socket::setsockopt(socket, nix::sys::socket::sockopt::RcvBufForce, &UDP_BUFFER_BYTES);
    let got_bytes = socket.recv_buffer_size().unwrap_or(UDP_BUFFER_BYTES);
    if got_bytes < UDP_BUFFER_BYTES {
        tracing::warn!(
            %address,
            got_bytes,
            "the receive buffer of a SIP socket is small, a burst of messages may be lost: \
             set net.core.rmem_max to {UDP_BUFFER_BYTES}, or give the service CAP_NET_ADMIN"
        );
    }
}

fn bind_tcp(address: SocketAddr, dscp: Dscp) -> io::Result<(SocketAddr, TcpListener)> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // On Windows this option would let two programs share the port; elsewhere it only ends the wait after a restart.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    mark(&socket, address, dscp);
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let listener = TcpListener::from_std(socket.into())?;
    Ok((listener.local_addr()?, listener))
}

/// Asks the network for the class; where that is not allowed nothing is lost.
fn mark(socket: &Socket, address: SocketAddr, dscp: Dscp) {
    let class = u32::from(dscp.0) << 2;
    if address.is_ipv4() {
        let _ = socket.set_tos_v4(class);
    } else {
        #[cfg(not(windows))]
        let _ = socket.set_tclass_v6(class);
    }
}

/// Settings of one stream: no delay, the class, and probes that find a dead peer.
pub(super) fn tune_stream(stream: &tokio::net::TcpStream, dscp: Dscp) {
    let _ = stream.set_nodelay(true);
    let socket = socket2::SockRef::from(stream);
    if let Ok(address) = stream.local_addr() {
        mark(&socket, address, dscp);
    }
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15));
    let _ = socket.set_tcp_keepalive(&keepalive);
}

/// Our address that faces `remote`: a connected datagram socket knows it, and nothing is sent.
pub fn local_ip_towards(remote: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr =
        if remote.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = StdUdpSocket::bind((any, 0)).ok()?;
    socket.connect(remote).ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_unspecified())
}

/// Our address that faces the default route.
pub(super) fn default_ip(v4: bool) -> Option<IpAddr> {
    // Documentation addresses (RFC 5737, RFC 3849): routed like the rest of the world, and nobody is there.
    let anywhere: IpAddr = if v4 {
        Ipv4Addr::new(192, 0, 2, 1).into()
    } else {
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into()
    };
    local_ip_towards(SocketAddr::new(anywhere, 9))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_socket_asks_for_its_class() {
        for (address, is_v4) in [("127.0.0.1:0", true), ("[::1]:0", false)] {
            let address: SocketAddr = address.parse().expect("an address");
            let class = |socket: socket2::SockRef<'_>| {
                if is_v4 { socket.tos_v4() } else { socket.tclass_v6() }.expect("the class")
            };
            for dscp in [Dscp::default(), Dscp(46), Dscp(0)] {
                let wanted = u32::from(dscp.0) << 2;
                let sockets = Sockets::bind(&[address], &[address], &[], dscp).expect("bind");
                assert_eq!(class(socket2::SockRef::from(&sockets.udp[0].1)), wanted, "{address}");
                let (_, listens, listener) = &sockets.listeners[0];
                assert_eq!(class(socket2::SockRef::from(listener)), wanted, "{address}");
                let stream = tokio::net::TcpStream::connect(listens).await.expect("connect");
                tune_stream(&stream, dscp);
                assert_eq!(class(socket2::SockRef::from(&stream)), wanted, "{address}");
            }
        }
    }
}
