//! Datagrams with the address that they were sent to.
//!
//! A socket that is bound to all addresses does not tell by itself which of them a datagram came to, and answers from
//! whichever the routes prefer. On a machine with several (a second network, or an address that moves to a standby
//! machine) that may be another one, and RFC 3261 §18.2.2 has the response go back the way that the request came: phones
//! and firewalls drop it otherwise. Linux tells and obeys by a control message (IP_PKTINFO in ip(7), IPV6_PKTINFO in
//! ipv6(7)); elsewhere the routes decide.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::UdpSocket;

/// What was read into the buffer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrived {
    pub(super) len: usize,
    pub(super) remote: SocketAddr,
    /// The address of ours that it was sent to, where the system tells.
    pub(super) to: Option<IpAddr>,
    /// Datagrams that this socket has lost so far for want of room, or by its filter; none when there was no loss.
    pub(super) lost: Option<u32>,
}

#[cfg(target_os = "linux")]
pub(super) use linux::{prepare, receive, send};

#[cfg(not(target_os = "linux"))]
pub(super) use elsewhere::{prepare, receive, send};

#[cfg(target_os = "linux")]
mod linux {
    use std::io::{IoSlice, IoSliceMut};
    use std::net::{Ipv4Addr, Ipv6Addr};
    use std::os::fd::AsRawFd;

    use nix::libc;
    use nix::sys::socket::{
        ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn, SockaddrIn6, SockaddrStorage, recvmsg,
        sendmsg, setsockopt, sockopt,
    };
    use socket2::Socket;
    use tokio::io::Interest;

    use super::*;

    /// Room for the control messages: an address of IPv6 and a count, with their headers.
    const CONTROL_BYTES: usize = 128;

    /// Asks the system to tell where datagrams come to, and how many were lost.
    pub(in super::super) fn prepare(socket: &Socket, address: SocketAddr) -> io::Result<()> {
        match address {
            SocketAddr::V4(_) => setsockopt(socket, sockopt::Ipv4PacketInfo, &true)?,
            SocketAddr::V6(_) => setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &true)?,
        }
        // Only counted: a system without it still carries calls.
        let _ = setsockopt(socket, sockopt::RxqOvfl, &1);
        Ok(())
    }

    /// Reads one datagram, or says `WouldBlock`.
    pub(in super::super) fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Arrived> {
        socket.try_io(Interest::READABLE, || {
            let mut parts = [IoSliceMut::new(buffer)];
            let mut control = [0; CONTROL_BYTES];
            let message = recvmsg::<SockaddrStorage>(
                socket.as_raw_fd(),
                &mut parts,
                Some(&mut control),
                MsgFlags::MSG_DONTWAIT,
            )?;
            let remote = message.address.as_ref().and_then(address_of).ok_or(io::ErrorKind::InvalidData)?;
            let mut arrived = Arrived { len: message.bytes, remote, to: None, lost: None };
            for control in message.cmsgs()? {
                match control {
                    ControlMessageOwned::Ipv4PacketInfo(info) => {
                        arrived.to = Some(Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr)).into());
                    }
                    ControlMessageOwned::Ipv6PacketInfo(info) => {
                        arrived.to = Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into());
                    }
                    ControlMessageOwned::RxqOvfl(lost) => arrived.lost = Some(lost),
                    _ => {}
                }
            }
            Ok(arrived)
        })
    }

    /// Sends one datagram, from `from` when that is an address of this machine, or says `WouldBlock`.
    pub(in super::super) fn send(
        socket: &UdpSocket,
        bytes: &[u8],
        from: Option<IpAddr>,
        remote: SocketAddr,
    ) -> io::Result<()> {
        let parts = [IoSlice::new(bytes)];
        let to = SockaddrStorage::from(remote);
        // Not by way of the runtime's readiness: nobody waits for room, and a socket is writable before it knows.
        let send_with = |control: &[ControlMessage<'_>]| {
            sendmsg(socket.as_raw_fd(), &parts, control, MsgFlags::MSG_DONTWAIT, Some(&to))
        };
        let sent = match from {
            Some(IpAddr::V4(address)) => {
                let spec = libc::in_addr { s_addr: u32::from(address).to_be() };
                let none = libc::in_addr { s_addr: 0 };
                let info = libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: spec, ipi_addr: none };
                send_with(&[ControlMessage::Ipv4PacketInfo(&info)])
            }
            Some(IpAddr::V6(address)) => {
                let ipi6_addr = libc::in6_addr { s6_addr: address.octets() };
                let info = libc::in6_pktinfo { ipi6_addr, ipi6_ifindex: 0 };
                send_with(&[ControlMessage::Ipv6PacketInfo(&info)])
            }
            None => send_with(&[]),
        };
        let result = sent.map(|_| ()).map_err(io::Error::from);
        match (result, from) {
            // An address that has moved to another machine: better from another one than not at all.
            (Err(error), Some(_)) if is_not_ours(&error) => send(socket, bytes, None, remote),
            (result, _) => result,
        }
    }

    fn is_not_ours(error: &io::Error) -> bool {
        matches!(
            error.raw_os_error(),
            Some(libc::EINVAL | libc::EADDRNOTAVAIL | libc::ENETUNREACH | libc::EHOSTUNREACH)
        )
    }

    fn address_of(storage: &SockaddrStorage) -> Option<SocketAddr> {
        let v4 = |address: &SockaddrIn| SocketAddr::from((address.ip(), address.port()));
        let v6 = |address: &SockaddrIn6| SocketAddr::V6((*address).into());
        storage.as_sockaddr_in().map(v4).or_else(|| storage.as_sockaddr_in6().map(v6))
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use socket2::Socket;

    use super::*;

    pub(in super::super) fn prepare(_: &Socket, _: SocketAddr) -> io::Result<()> {
        Ok(())
    }

    pub(in super::super) fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Arrived> {
        let (len, remote) = socket.try_recv_from(buffer)?;
        Ok(Arrived { len, remote, to: None, lost: None })
    }

    pub(in super::super) fn send(
        socket: &UdpSocket,
        bytes: &[u8],
        _: Option<IpAddr>,
        remote: SocketAddr,
    ) -> io::Result<()> {
        socket.try_send_to(bytes, remote).map(|_| ())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::time::Duration;

    use socket2::{Domain, Protocol, Socket, Type};

    use super::*;

    fn bound(address: &str) -> UdpSocket {
        let address: SocketAddr = address.parse().expect("an address");
        let socket =
            Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP)).expect("a socket");
        prepare(&socket, address).expect("prepare");
        socket.set_nonblocking(true).expect("set up");
        socket.bind(&address.into()).expect("bind");
        UdpSocket::from_std(socket.into()).expect("a socket")
    }

    async fn next(socket: &UdpSocket, buffer: &mut [u8]) -> Arrived {
        let wait = async {
            loop {
                socket.readable().await.expect("readable");
                match receive(socket, buffer) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    result => return result.expect("receive"),
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(5), wait).await.expect("a datagram")
    }

    #[tokio::test]
    async fn an_answer_comes_from_the_address_that_was_asked() {
        let service = bound("0.0.0.0:0");
        let port = service.local_addr().expect("bound").port();
        let phone = UdpSocket::bind("127.0.0.5:0").await.expect("bind");
        let mut buffer = [0; 64];
        for asked in [[127, 0, 0, 2], [127, 0, 0, 3]].map(IpAddr::from) {
            phone.send_to(b"question", (asked, port)).await.expect("send");
            let arrived = next(&service, &mut buffer).await;
            assert_eq!((arrived.len, arrived.to), (8, Some(asked)));
            assert_eq!(arrived.remote, phone.local_addr().expect("bound"));
            send(&service, b"answer", arrived.to, arrived.remote).expect("send");
            let (_, from) = phone.recv_from(&mut buffer).await.expect("an answer");
            assert_eq!(from, SocketAddr::new(asked, port));
        }
    }

    #[tokio::test]
    async fn an_address_that_is_gone_is_no_hindrance() {
        let service = bound("0.0.0.0:0");
        let phone = UdpSocket::bind("127.0.0.5:0").await.expect("bind");
        let gone = Some(IpAddr::from([192, 0, 2, 99]));
        send(&service, b"answer", gone, phone.local_addr().expect("bound")).expect("send");
        let (len, _) = phone.recv_from(&mut [0; 64]).await.expect("an answer");
        assert_eq!(len, 6);
    }

    #[tokio::test]
    async fn the_same_over_ipv6() {
        let service = bound("[::]:0");
        let port = service.local_addr().expect("bound").port();
        let Ok(phone) = UdpSocket::bind("[::1]:0").await else { return };
        let mut buffer = [0; 64];
        let here: IpAddr = "::1".parse().expect("an address");
        phone.send_to(b"question", (here, port)).await.expect("send");
        let arrived = next(&service, &mut buffer).await;
        assert_eq!(arrived.to, Some(here));
        send(&service, b"answer", arrived.to, arrived.remote).expect("send");
        phone.recv_from(&mut buffer).await.expect("an answer");
    }

    #[tokio::test]
    async fn what_was_lost_is_counted() {
        let service = bound("127.0.0.1:0");
        let to = service.local_addr().expect("bound");
        let phone = UdpSocket::bind("127.0.0.5:0").await.expect("bind");
        let whole = vec![0; 60_000];
        for _ in 0..100 {
            let _ = phone.send_to(&whole, to).await;
        }
        let mut buffer = vec![0; 65_535];
        // The count travels with the datagrams that are queued after the loss.
        while receive_now(&service, &mut buffer).await.is_some() {}
        phone.send_to(b"after", to).await.expect("send");
        assert!(next(&service, &mut buffer).await.lost.is_some_and(|lost| lost > 0));
    }

    async fn receive_now(socket: &UdpSocket, buffer: &mut [u8]) -> Option<Arrived> {
        tokio::time::timeout(Duration::from_millis(20), next(socket, buffer)).await.ok()
    }
}
