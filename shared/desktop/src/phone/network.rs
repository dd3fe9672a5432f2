//! The phone's sockets: the SIP driver and a pair of RTP sockets, on the address that faces the service.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rand::{Rng, RngExt};
use shared::api::session::DeviceAccount;
use shared::sip::uri::read_hostport;
use shared::sip::{self, Transport, Uri};
use shared_net::sip::local_ip_towards;
use shared_net::{DriverConfig, SipDriver, SipHandle};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

/// The range that most firewalls expect RTP in.
const MEDIA_PORTS: std::ops::Range<u16> = 16_384..32_768;
/// Pairs that are tried before giving up.
const PORT_TRIES: usize = 64;
/// EF, the code point of voice (RFC 4594 §4.1), in the upper six bits of the byte.
const VOICE_TOS: u32 = 46 << 2;
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the phone registers.
#[derive(Debug, Clone)]
pub(super) struct Registrar {
    host: String,
    port: u16,
    transport: Transport,
}

impl Registrar {
    /// From the account; `wanted` where the service has it. None when it has no way in at all.
    pub(super) fn of(account: &DeviceAccount, wanted: Option<Transport>) -> Option<Registrar> {
        let read = |text: &Option<String>, transport| {
            let (host, port) = read_hostport(text.as_deref()?)?;
            Some(Registrar { host, port: port.unwrap_or(5060), transport })
        };
        let udp = read(&account.udp, Transport::Udp);
        let tcp = read(&account.tcp, Transport::Tcp);
        if wanted == Some(Transport::Tcp) { tcp.or(udp) } else { udp.or(tcp) }
    }

    /// As a SIP address without user.
    pub(super) fn uri(&self) -> Option<Uri> {
        let transport = if self.transport == Transport::Tcp { ";transport=tcp" } else { "" };
        format!("sip:{}:{}{transport}", self.host, self.port).parse().ok()
    }

    /// All its addresses, none when the name cannot be looked up.
    pub(super) async fn addresses(&self) -> Vec<SocketAddr> {
        let host = self.host.trim_matches(['[', ']']);
        match tokio::time::timeout(LOOKUP_TIMEOUT, tokio::net::lookup_host((host, self.port))).await {
            Ok(Ok(addresses)) => addresses.collect(),
            Ok(Err(_)) | Err(_) => Vec::new(),
        }
    }

    /// `host:port`, for people.
    pub(super) fn label(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// Open sockets.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) sip: SipHandle,
    pub(super) events: mpsc::Receiver<sip::Event>,
    pub(super) rtp: UdpSocket,
    pub(super) rtcp: UdpSocket,
    /// Of the RTP socket; RTCP is on the next port.
    pub(super) media: SocketAddr,
    /// An address of the service, to see when ours changes.
    service: SocketAddr,
}

/// Why there are no sockets, in a sentence without full stop.
pub(super) type Words = String;

impl Network {
    /// Opens everything on the address that faces the first service address that can be reached.
    pub(super) fn open(services: &[SocketAddr], random: &mut impl Rng) -> Result<Network, Words> {
        let (service, ip) = services
            .iter()
            .find_map(|service| Some((*service, local_ip_towards(*service)?)))
            .ok_or("the network is down")?;
        let (rtp, rtcp) =
            media_sockets(ip, random).map_err(|error| format!("open sockets for sound: {error}"))?;
        let media = rtp.local_addr().map_err(|error| format!("open sockets for sound: {error}"))?;
        let config = DriverConfig {
            udp: vec![SocketAddr::new(ip, 0)],
            tcp: vec![SocketAddr::new(ip, 0)],
            endpoint: sip::Config {
                user_agent: concat!("Callfloor-Desk/", env!("CARGO_PKG_VERSION")).into(),
                // Below the half minute that most NATs remember UDP for.
                keep_alive: Some(Duration::from_secs(25)),
                max_sessions: 16,
                max_transactions: 512,
                ..sip::Config::default()
            },
            ..DriverConfig::default()
        };
        let (sip, events) = SipDriver::start(config, random.random()).map_err(|error| error.to_string())?;
        Ok(Network { sip, events, rtp, rtcp, media, service })
    }

    /// The machine has another address now: it went to another network.
    pub(super) fn has_moved(&self) -> bool {
        local_ip_towards(self.service).is_some_and(|ip| ip != self.media.ip())
    }
}

/// An even port and the next one (RFC 3550 §11).
fn media_sockets(ip: IpAddr, random: &mut impl Rng) -> io::Result<(UdpSocket, UdpSocket)> {
    let mut last = io::ErrorKind::AddrInUse.into();
    for _ in 0..PORT_TRIES {
        let port = random.random_range(MEDIA_PORTS) & !1;
        let pair = media_socket(ip, port).and_then(|rtp| Ok((rtp, media_socket(ip, port + 1)?)));
        match pair {
            Ok(pair) => return Ok(pair),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn media_socket(ip: IpAddr, port: u16) -> io::Result<UdpSocket> {
    let address = SocketAddr::new(ip, port);
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    let socket = UdpSocket::from_std(socket.into())?;
    // Where the system does not allow it nothing is lost.
    let _ = if ip.is_ipv4() { SockRef::from(&socket).set_tos_v4(VOICE_TOS) } else { set_class(&socket) };
    Ok(socket)
}

#[cfg(not(windows))]
fn set_class(socket: &UdpSocket) -> io::Result<()> {
    SockRef::from(socket).set_tclass_v6(VOICE_TOS)
}

#[cfg(windows)]
fn set_class(_socket: &UdpSocket) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(udp: Option<&str>, tcp: Option<&str>) -> DeviceAccount {
        DeviceAccount {
            address: "sip:201@callfloor".into(),
            username: "201".into(),
            password: "secret".into(),
            realm: "callfloor".into(),
            udp: udp.map(Into::into),
            tcp: tcp.map(Into::into),
        }
    }

    #[test]
    fn takes_the_way_in_that_is_there() {
        let uri = |udp, tcp, wanted| {
            Registrar::of(&account(udp, tcp), wanted)
                .and_then(|registrar| registrar.uri())
                .map(|uri| uri.to_string())
        };
        let (udp, tcp) = (Some("192.0.2.1:5060"), Some("pbx.example"));
        assert_eq!(uri(udp, tcp, None).as_deref(), Some("sip:192.0.2.1:5060"));
        assert_eq!(
            uri(udp, tcp, Some(Transport::Tcp)).as_deref(),
            Some("sip:pbx.example:5060;transport=tcp")
        );
        assert_eq!(
            uri(None, tcp, Some(Transport::Udp)).as_deref(),
            Some("sip:pbx.example:5060;transport=tcp")
        );
        assert_eq!(uri(Some("[::1]:5070"), None, None).as_deref(), Some("sip:[::1]:5070"));
        assert_eq!(uri(None, None, None), None);
    }
}
