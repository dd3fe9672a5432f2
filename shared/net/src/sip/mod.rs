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
mod driver;
mod stream;

use std::net::SocketAddr;
use std::sync::Arc;

use shared::sip::{Command, Config, Event, Transport};
use tokio::sync::mpsc;

pub use bind::{BindError, local_ip_towards};

/// Events that wait for the user before sockets are no longer read.
pub const EVENT_QUEUE_LEN: usize = 1024;
/// Commands that wait for the loop; [`SipHandle::command`] waits for room, [`SipHandle::try_command`] refuses.
pub const COMMAND_QUEUE_LEN: usize = 1024;

/// What to listen on, and how to behave.
#[derive(Debug, Clone)]
pub struct DriverConfig {
    /// UDP sockets; port 0 lets the system choose.
    pub udp: Vec<SocketAddr>,
    /// TCP listeners; port 0 lets the system choose. Without any there are no outgoing streams either.
    pub tcp: Vec<SocketAddr>,
    /// Settings of the endpoint; `listen` is filled in from the bound sockets, and `advertised`, when it is none
    /// and a socket is bound to the unspecified address, with the address that faces the default route.
    pub endpoint: Config,
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
}

impl SipHandle {
    /// Waits for room in the queue.
    pub async fn command(&self, command: Command) -> Result<(), CommandError> {
        self.commands.send(command).await.map_err(|_| CommandError::Stopped)
    }

    /// Never waits.
    pub fn try_command(&self, command: Command) -> Result<(), CommandError> {
        self.commands.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => CommandError::Full,
            mpsc::error::TrySendError::Closed(_) => CommandError::Stopped,
        })
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
        let sockets = bind::Sockets::bind(&config.udp, &config.tcp)?;
        let local: Arc<[_]> = sockets.local_addrs().into();
        let mut endpoint = config.endpoint;
        endpoint.listen = local.to_vec();
        if endpoint.advertised.is_none() {
            let unspecified = local.iter().find(|(_, address)| address.ip().is_unspecified());
            endpoint.advertised = unspecified.and_then(|(_, address)| bind::default_ip(address.is_ipv4()));
        }
        let (commands, command_queue) = mpsc::channel(COMMAND_QUEUE_LEN);
        let (events, receiver) = mpsc::channel(EVENT_QUEUE_LEN);
        let driver = driver::Driver::new(sockets, endpoint, seed, command_queue, events);
        tokio::spawn(driver.run());
        Ok((SipHandle { commands, local }, receiver))
    }
}

#[cfg(test)]
mod tests;
