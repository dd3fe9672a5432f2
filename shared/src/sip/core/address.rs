//! Who we are towards a peer: our socket that faces it, our Contact, what we say that we can.

use super::*;

impl Core {
    /// Our socket that faces this peer.
    pub(in crate::sip) fn local_for(&self, transport: Transport, remote: SocketAddr) -> Option<SocketAddr> {
        let fits = |local: &&SocketAddr| local.is_ipv4() == remote.is_ipv4();
        let mine: Vec<&SocketAddr> = self
            .config
            .listen
            .iter()
            .filter(|(own, _)| *own == transport)
            .map(|(_, local)| local)
            .filter(fits)
            .collect();
        let loopback = remote.ip().is_loopback();
        mine.iter()
            .find(|local| local.ip().is_loopback() == loopback && !local.ip().is_unspecified())
            .or_else(|| mine.iter().find(|local| local.ip().is_unspecified()))
            .or_else(|| mine.first())
            .map(|local| **local)
    }

    /// Our address as the peer of this flow should see it.
    pub(in crate::sip) fn facing(&self, flow: &Flow) -> SocketAddr {
        let loopback = flow.remote.ip().is_loopback();
        let ip = match (self.config.advertised, flow.local.ip()) {
            (Some(advertised), _) if !loopback && advertised.is_ipv4() == flow.remote.is_ipv4() => advertised,
            (_, ip) if ip.is_unspecified() && loopback => match ip {
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            },
            (_, ip) => ip,
        };
        // A stream that we opened has a port of its own; others reach us at the one that listens.
        let port = match flow.transport {
            Transport::Udp => flow.local.port(),
            Transport::Tcp | Transport::Tls => {
                self.local_for(flow.transport, flow.remote).unwrap_or(flow.local).port()
            }
        };
        SocketAddr::new(ip, port)
    }

    /// What stands for our address towards this peer when it is a name.
    pub(super) fn name_for(&self, flow: &Flow) -> Option<&str> {
        self.config.advertised_name.as_deref().filter(|_| flow.transport.is_secure())
    }

    /// Value of our Contact towards the peer of this flow; `sips:` only where the dialog is (RFC 3261 §12.1.1,
    /// RFC 5630 §5.1.1).
    pub(in crate::sip) fn contact(&self, user: &str, flow: &Flow, secure: bool) -> String {
        let mut uri = Uri::from_address(Some(user), self.facing(flow), flow.transport);
        if let Some(name) = self.name_for(flow) {
            uri.host = name.to_owned();
        }
        if secure { format!("<{}>", uri.to_sips()) } else { format!("<{uri}>") }
    }

    /// Value of Allow.
    pub(in crate::sip) fn allow(&self) -> String {
        let mut allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, REFER, NOTIFY".to_owned();
        if self.config.reliable_provisional != ReliableProvisional::Never {
            allow.push_str(", PRACK");
        }
        for method in &self.config.user_methods {
            if !allow.split(", ").any(|have| have == method.as_str()) {
                allow.push_str(", ");
                allow.push_str(method.as_str());
            }
        }
        allow
    }

    /// Value of Supported: the option tags that are understood.
    pub(in crate::sip) fn supported(&self) -> &'static str {
        match self.config.reliable_provisional {
            ReliableProvisional::Never => "timer, replaces, norefersub",
            ReliableProvisional::WhenAsked | ReliableProvisional::Required => {
                "timer, 100rel, replaces, norefersub"
            }
        }
    }
}
