//! The service on its core, and where its callers and agents are.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use generator::host;

use crate::Outcome;
use crate::ports::{self, CARRIER};
use crate::service::Service;
use crate::setup::Setup;

use super::meter;

/// Where the agents' phones are.
const PHONES: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));
/// The line that the service answers itself.
pub const WAITING_ROOM: &str = "7001";
/// The queue with agents.
pub const FLOOR: &str = "7002";

/// A running service, ready for load.
#[derive(Debug)]
pub struct Stage {
    /// The service.
    pub service: Service,
    /// Where the callers are.
    pub callers: SocketAddr,
    /// Where the phones are.
    pub phones: SocketAddr,
    /// The machine has two cores to keep apart, and lets us.
    pub is_pinned: bool,
}

impl Stage {
    /// Starts the service in a new folder under `folder`. It has the last core for itself; this thread, and all that it
    /// starts, the first.
    ///
    /// # Errors
    /// Why it does not start.
    pub async fn start(program: &Path, folder: &Path, agents: u16) -> Outcome<Stage> {
        let callers = SocketAddr::new(CARRIER, ports::free_pair(CARRIER)?);
        let phones = SocketAddr::new(PHONES, ports::free_pair(PHONES)?);
        let setup = Setup::bench(agents, phones)?;
        host::open_many_files();
        let is_urgent = host::hurry();
        let cores = host::cores();
        let mut is_pinned = false;
        let data: PathBuf = folder.join("service");
        let service = match cores.as_slice() {
            [ours, .., its] => {
                host::stay_on(*its)?;
                let service = Service::start_in(program, setup, data, None).await;
                host::stay_on(*ours)?;
                is_pinned = true;
                service?
            }
            _ => Service::start_in(program, setup, data, None).await?,
        };
        if !is_pinned {
            tracing::warn!("there is one core only: callers and service disturb each other");
        }
        if !is_urgent {
            tracing::warn!("no right to a higher priority: other programs disturb the measurement");
        }
        Ok(Stage { service, callers, phones, is_pinned })
    }

    /// Where the service listens.
    pub fn sip(&self) -> SocketAddr {
        self.service.setup.sip
    }

    /// Memory of the service, in megabytes.
    ///
    /// # Errors
    /// When it has died.
    pub fn resident_mb(&self) -> Outcome<f64> {
        meter::resident_mb(self.service.id())
    }

    /// Datagrams that found the service's receive buffer full so far.
    ///
    /// # Errors
    /// When it has died.
    pub fn datagrams_dropped(&self) -> Outcome<u64> {
        meter::datagrams_dropped(self.sip())
    }
}
