//! What goes into and comes out of an [`Endpoint`](super::Endpoint): closed enums and the plain types in them.

mod command;
mod event;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use command::Command;
pub use event::{EndedBy, Event, IncomingInfo};

use super::door;
use super::locate::{Answer, Kind};
use super::message::Method;

/// How bytes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// One message a datagram; the transactions retransmit.
    Udp,
    /// A stream framed by Content-Length.
    Tcp,
    /// The same within TLS, the far side's certificate checked when we connect (RFC 3261 §26.3, RFC 5922).
    Tls,
}

impl Transport {
    /// True where the transport itself repeats what was lost (RFC 3261 §17).
    pub const fn is_reliable(self) -> bool {
        matches!(self, Transport::Tcp | Transport::Tls)
    }

    /// True where nobody on the way can read or change what is said.
    pub const fn is_secure(self) -> bool {
        matches!(self, Transport::Tls)
    }

    /// The port where an address names none (RFC 3261 §19.1.2).
    pub const fn default_port(self) -> u16 {
        match self {
            Transport::Udp | Transport::Tcp => 5060,
            Transport::Tls => 5061,
        }
    }

    /// The token of the Via header (RFC 3261 §20.42).
    pub const fn as_via(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
        }
    }

    /// The value of the `transport` URI parameter (RFC 3261 §19.1.1).
    pub const fn as_param(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
        }
    }

    /// Reads the token of a Via header or of a `transport` parameter, in any case.
    pub fn from_token(token: &str) -> Option<Transport> {
        if token.eq_ignore_ascii_case("udp") {
            Some(Transport::Udp)
        } else if token.eq_ignore_ascii_case("tcp") {
            Some(Transport::Tcp)
        } else if token.eq_ignore_ascii_case("tls") {
            Some(Transport::Tls)
        } else {
            None
        }
    }
}

/// Where bytes come from or go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Flow {
    /// Datagrams or a stream.
    pub transport: Transport,
    /// Our own socket. The driver gives the concrete address when it knows it.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
    /// The driver's number of a stream; 0 for UDP and for "open one to `remote`, or use one that is open".
    pub connection: u64,
}

/// One INVITE usage. The caller's side of an outgoing session chooses any number with the top bit clear, unique
/// within the endpoint; the endpoint numbers incoming sessions with the top bit set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(pub u64);

impl SessionId {
    /// True when the far side called.
    pub const fn is_incoming(self) -> bool {
        self.0 >> 63 == 1
    }
}

/// One transaction, numbered by the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TransactionId(pub u64);

/// One client registration, numbered by the user of the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RegistrationId(pub u64);

/// The three base times of RFC 3261 §17; all timers A to M follow from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerConfig {
    /// Estimated round trip, 500 ms.
    pub t1: Duration,
    /// Longest wait between retransmissions of non-INVITE requests and INVITE responses, 4 s.
    pub t2: Duration,
    /// How long a message stays in the network, 5 s.
    pub t4: Duration,
}

impl Default for TimerConfig {
    fn default() -> Self {
        TimerConfig { t1: Duration::from_millis(500), t2: Duration::from_secs(4), t4: Duration::from_secs(5) }
    }
}

impl TimerConfig {
    /// 64·T1: timers B, F, H, J, L and M.
    pub fn give_up(&self) -> Duration {
        self.t1 * 64
    }
}

/// When provisional responses are made reliable (RFC 3262). Either way a peer that requires it in its INVITE gets
/// it, and what a peer sends reliably is acknowledged, except under `Never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReliableProvisional {
    /// Not supported: an INVITE that requires it is refused with 420.
    Never,
    /// For a peer that requires it, and with early media for one that supports it.
    #[default]
    WhenAsked,
    /// Our INVITEs require it, and so do we of our callers: 421 to one that cannot.
    Required,
}

/// Settings of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Text of User-Agent and Server.
    pub user_agent: String,
    /// Local sockets. Via and Contact are made from the one that faces the peer: same transport, same address
    /// family. A transport without a socket here is never used; port 0 stands for one that only goes out.
    pub listen: Vec<(Transport, SocketAddr)>,
    /// The address to write into Via and Contact in place of the socket's (static NAT, or a socket bound to the
    /// unspecified address). Not used towards loopback peers.
    pub advertised: Option<IpAddr>,
    /// The name in our certificate, to write into Via and Contact over TLS in place of an address: who connects to us
    /// checks it (RFC 5922 §4).
    pub advertised_name: Option<String>,
    /// How often a registration keeps its way back open (RFC 5626 §4.4): by a double CRLF, on streams answered by the
    /// registrar. `None` sends none.
    pub keep_alive: Option<Duration>,
    /// T1, T2, T4.
    pub timers: TimerConfig,
    /// Sessions at most; above it new INVITEs are answered 503 without keeping state.
    pub max_sessions: usize,
    /// Transactions at most; above it new requests are answered 503 without keeping state.
    pub max_transactions: usize,
    /// A request longer than this wishes for TCP when it would go by UDP (RFC 3261 §18.1.1), if there is a TCP
    /// socket and no explicit flow; it falls back to UDP.
    pub max_datagram_len: usize,
    /// Methods outside of dialogs that come out as [`Event::Request`]; all others but INVITE, CANCEL, ACK and
    /// OPTIONS are answered 405.
    pub user_methods: Vec<Method>,
    /// Shortest session interval that is accepted (RFC 4028 §5), at least 90.
    pub min_session_expires_secs: u32,
    /// PRACK.
    pub reliable_provisional: ReliableProvisional,
    /// Session interval asked for in our INVITEs; `None` asks for none but still answers the peer's wish.
    pub session_expires_secs: Option<u32>,
    /// Who may come in. `None` lets everybody in, as a phone that is not reachable from everywhere does. Taken out by
    /// [`Endpoint::new`](super::Endpoint::new), changed by [`Command::Door`].
    pub door: Option<door::Config>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            user_agent: "Callfloor".into(),
            listen: Vec::new(),
            advertised: None,
            advertised_name: None,
            keep_alive: None,
            timers: TimerConfig::default(),
            max_sessions: 10_000,
            max_transactions: 50_000,
            max_datagram_len: 1300,
            user_methods: Vec::new(),
            min_session_expires_secs: 90,
            reliable_provisional: ReliableProvisional::default(),
            session_expires_secs: None,
            door: None,
        }
    }
}

/// What answers a digest challenge; the realm comes from the challenge.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The user name of the account.
    pub username: String,
    /// The password in clear.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// What the driver or the user tells the endpoint.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A datagram, or a chunk of a stream of any length.
    Received {
        /// Where it came from; `connection` is set for streams.
        flow: Flow,
        /// What came.
        bytes: Vec<u8>,
    },
    /// A stream ended.
    StreamClosed {
        /// Its number.
        connection: u64,
    },
    /// An [`Output::Send`] could not be done (refused connection, unreachable, ICMP error).
    SendFailed {
        /// The flow of that output.
        flow: Flow,
    },
    /// Answer to [`Output::Resolve`]. A driver answers every question, however late.
    Resolved {
        /// The number of the question.
        query: u64,
        /// What the name server said.
        answer: Answer,
    },
    /// What the user wants.
    Command(Command),
    /// The deadline passed.
    Tick,
}

/// What the endpoint wants from the driver or tells the user.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Send these bytes. With `connection == 0` on a stream transport the driver uses an open connection to
    /// `remote` or opens one, and reports what arrives on it with its number.
    Send {
        /// Where to.
        flow: Flow,
        /// One whole message, or a keep-alive.
        bytes: Vec<u8>,
    },
    /// Like [`Output::Send`] over TLS, on a connection whose far side proved to be `domain` (RFC 5922 §7.2): one that
    /// was opened for that domain, or a new one.
    SendNamed {
        /// Where to; `connection` is 0.
        flow: Flow,
        /// The name from the URI, before it was resolved.
        domain: String,
        /// One whole message.
        bytes: Vec<u8>,
    },
    /// Ask a name server; answered by [`Input::Resolved`]. The endpoint has a cache and deadlines of its own, see
    /// [`locate`](super::locate).
    Resolve {
        /// The number to answer with.
        query: u64,
        /// A domain name, never an address literal, without a dot at its end.
        name: String,
        /// Which records.
        kind: Kind,
    },
    /// Close this stream: what came on it cannot be framed.
    Close {
        /// Its number.
        connection: u64,
    },
    /// Tell the user.
    Event(Event),
}
