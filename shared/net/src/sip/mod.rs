//! The SIP driver: sockets and timers around `shared::sip::Endpoint`.
//!
//! ```text
//!  UDP sockets ──────────────┐                     ┌─► UDP sockets
//!  a task a TCP connection ──┼─► one loop: handle ─┼─► a bounded queue a TCP connection
//!  commands, timer, DNS ─────┘      poll           └─► events (bounded)
//! ```
//! Each round takes one thing, gives it to the endpoint, and does all that the endpoint wants. No write ever blocks
//! the loop. While the user has not taken the events that wait, the loop reads no socket, so a flood waits in the
//! kernel and no event is lost; commands and timers still work.

mod bind;
mod counters;
mod datagrams;
mod driver;
mod filter;
mod links;
mod names;
mod shield;
mod stream;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;

use shared::sip::door::Network;
use shared::sip::{Command, Config, Event, Transport};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

pub use bind::{BindError, Dscp, local_ip_towards};
pub use counters::DriverCounts;
pub use tls::{ClientCertificates, Identity, TlsConfig, TlsError, Validity};

/// Events that wait for the user before sockets are no longer read.
pub const EVENT_QUEUE_LEN: usize = 1024;
/// Commands that wait for the loop; [`SipHandle::command`] waits for room, [`SipHandle::try_command`] refuses.
pub const COMMAND_QUEUE_LEN: usize = 1024;

/// What to listen on, and how to behave.
#[derive(Debug, Clone, Default)]
pub struct DriverConfig {
    /// UDP sockets; port 0 lets the system choose.
    pub udp: Vec<SocketAddr>,
    /// TCP listeners; port 0 lets the system choose. Without any there are no outgoing streams either.
    pub tcp: Vec<SocketAddr>,
    /// TLS; none for neither listeners nor outgoing connections.
    pub tls: Option<TlsConfig>,
    /// Name servers to ask, none for those of the system.
    pub name_servers: Vec<SocketAddr>,
    /// What messages ask the network for.
    pub dscp: Dscp,
    /// How many streams there may be.
    pub streams: StreamLimits,
    /// Networks that may send as many datagrams as they like: those of trunks. Anybody else who sends some thousand a
    /// second is shut out for a while, by the kernel where it can.
    pub unlimited: Vec<Network>,
    /// Settings of the endpoint; `listen` is filled in from the bound sockets, and `advertised`, when it is none
    /// and a socket is bound to the unspecified address, with the address that faces the default route.
    pub endpoint: Config,
}

/// How many TCP and TLS connections a driver holds. Further ones that come in are closed at once, further ones that
/// go out fail as if refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamLimits {
    /// All together, in both directions.
    pub streams: usize,
    /// With one address, so that one peer cannot take them all.
    pub streams_per_peer: usize,
    /// TLS handshakes of those who connect that are not finished. One more ends the oldest: an honest handshake
    /// takes a fraction of a second, so a flood wears out itself first.
    pub handshakes: usize,
    /// The same from one address; one more is closed at once.
    pub handshakes_per_peer: usize,
}

impl Default for StreamLimits {
    fn default() -> Self {
        StreamLimits { streams: 4096, streams_per_peer: 1024, handshakes: 512, handshakes_per_peer: 64 }
    }
}

/// The driver has ended, because its events have nobody who takes them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The driver has ended.
    #[error("the SIP driver has ended")]
    Stopped,
    /// [`COMMAND_QUEUE_LEN`] commands wait already.
    #[error("too many SIP commands wait")]
    Full,
}

/// Gives commands to a running driver. The driver ends when the last clone is dropped, or the receiver of its events.
#[derive(Debug, Clone)]
pub struct SipHandle {
    commands: mpsc::Sender<Command>,
    local: Arc<[(Transport, SocketAddr)]>,
    monitor: DriverMonitor,
}

/// Looks at a driver without keeping it running.
#[derive(Debug, Clone)]
pub struct DriverMonitor {
    counters: Arc<counters::Counters>,
    reload: Arc<Notify>,
}

impl DriverMonitor {
    /// What the driver has counted.
    pub fn counts(&self) -> DriverCounts {
        self.counters.read()
    }

    /// Reads the files of TLS again, soon; what is wrong with them is logged, and the old ones stay in use. Changed
    /// files are also found without this, within a minute.
    pub fn reload_certificates(&self) {
        self.reload.notify_one();
    }
}

impl SipHandle {
    /// Waits for room in the queue.
    pub async fn command(&self, command: Command) -> Result<(), CommandError> {
        self.commands.send(command).await.map_err(|_| CommandError::Stopped)
    }

    /// Never waits.
    pub fn try_command(&self, command: Command) -> Result<(), CommandError> {
        self.hand_over(command).map_err(|(error, _)| error)
    }

    /// Never waits either. With the error the command comes back, to be tried again.
    #[expect(clippy::result_large_err, reason = "the command is moved back, not copied")]
    pub fn hand_over(&self, command: Command) -> Result<(), (CommandError, Command)> {
        self.commands.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(command) => (CommandError::Full, command),
            mpsc::error::TrySendError::Closed(command) => (CommandError::Stopped, command),
        })
    }

    /// For metrics and signals: it may outlive the driver.
    pub fn monitor(&self) -> DriverMonitor {
        self.monitor.clone()
    }

    /// The bound sockets with their true ports, UDP first, in the order of the configuration.
    pub fn local_addrs(&self) -> &[(Transport, SocketAddr)] {
        &self.local
    }

    /// The first bound socket of a transport.
    pub fn local_addr(&self, transport: Transport) -> Option<SocketAddr> {
        self.local.iter().find(|(kind, _)| *kind == transport).map(|(_, address)| *address)
    }
}

/// Starts drivers.
#[derive(Debug)]
pub struct SipDriver;

impl SipDriver {
    /// Binds the sockets and starts the task; needs a tokio runtime. `seed` feeds the endpoint's tags and branches:
    /// give each process another one.
    pub fn start(config: DriverConfig, seed: u64) -> Result<(SipHandle, mpsc::Receiver<Event>), BindError> {
        let DriverConfig { udp, tcp, tls, name_servers, dscp, streams, unlimited, endpoint } = config;
        let tls_listen = tls.as_ref().map(|tls| tls.listen.clone()).unwrap_or_default();
        let tls = tls.map(tls::Tls::load).transpose()?.map(Arc::new);
        let sockets = bind::Sockets::bind(&udp, &tcp, &tls_listen, dscp)?;
        let local: Arc<[_]> = sockets.local_addrs().into();
        let mut endpoint = endpoint;
        endpoint.listen = local.to_vec();
        if tls.is_some() {
            endpoint.listen.extend(outgoing_only(&local));
        }
        if endpoint.advertised.is_none() {
            let unspecified = local.iter().find(|(_, address)| address.ip().is_unspecified());
            endpoint.advertised = unspecified.and_then(|(_, address)| bind::default_ip(address.is_ipv4()));
        }
        let (commands, command_queue) = mpsc::channel(COMMAND_QUEUE_LEN);
        let (events, receiver) = mpsc::channel(EVENT_QUEUE_LEN);
        let counters = Arc::new(counters::Counters::default());
        let reload = Arc::new(Notify::new());
        let keeper = CancellationToken::new();
        if let Some(tls) = &tls {
            tokio::spawn(tls::keep(tls.clone(), reload.clone(), keeper.clone()));
        }
        let names = names::Names::new(&name_servers);
        let counted = counters.clone();
        let parts = driver::Parts { sockets, tls, names, limits: streams, unlimited, counters: counted };
        let driver = driver::Driver::new(parts, endpoint, seed, command_queue, events);
        tokio::spawn(async move {
            let _ended = keeper.drop_guard();
            driver.run().await;
        });
        let monitor = DriverMonitor { counters, reload };
        Ok((SipHandle { commands, local, monitor }, receiver))
    }
}

/// TLS without a listener still goes out: one entry an address family that other sockets have and TLS has not.
fn outgoing_only(local: &[(Transport, SocketAddr)]) -> Vec<(Transport, SocketAddr)> {
    [true, false]
        .into_iter()
        .filter_map(|v4| {
            let mut family = local.iter().filter(|(_, address)| address.is_ipv4() == v4);
            let (_, first) = family.clone().next()?;
            let listens = family.any(|(transport, _)| *transport == Transport::Tls);
            (!listens).then_some((Transport::Tls, SocketAddr::new(first.ip(), 0)))
        })
        .collect()
}

#[cfg(test)]
mod tests;
