//! Kamailio as edge proxy in front of the service: the very file of `deploy/kamailio`, with addresses of the loopback
//! network.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::ports::{self, CARRIER};
use crate::program::{self, Running};
use crate::{Outcome, wait};

/// What phones and carriers see of it.
const OUTSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 5));
/// Where the requests of everybody but carriers come from, for the service.
const INSIDE_PHONES: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 6));
/// Where the requests of carriers come from: the trunk of the service's configuration.
pub const INSIDE_CARRIERS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 7));

/// A running Kamailio with its processes.
#[derive(Debug)]
pub struct Kamailio {
    /// What phones and carriers send to, by UDP and TCP.
    pub outside: SocketAddr,
    _running: Running,
    folder: TempDir,
}

impl Kamailio {
    /// Starts one in front of `service` and waits until it listens.
    pub async fn start(service: SocketAddr) -> Outcome<Kamailio> {
        let program = program::find("kamailio", "kamailio")?;
        let folder = tempfile::Builder::new().prefix("callfloor-kamailio-").tempdir()?;
        let outside = SocketAddr::new(OUTSIDE, ports::free_pair(OUTSIDE)?);
        let config = folder.path().join("kamailio.cfg");
        std::fs::write(&config, text(outside, service)?)?;
        let mut command = Command::new(program);
        command.current_dir(folder.path());
        command.arg("-f").arg(&config).args(["-DD", "-E", "-m", "32", "-M", "4"]);
        command.arg("-Y").arg(folder.path()).arg("-P").arg(folder.path().join("pid"));
        let mut running = Running::start_family("Kamailio", &mut command, &folder.path().join("log"))?;
        let listens = wait::until_async("Kamailio to listen", Duration::from_secs(10), async || {
            if let Some(status) = running.ended() {
                return Err(format!("Kamailio ended with {status}").into());
            }
            Ok(tokio::net::TcpStream::connect(outside).await.ok().map(drop))
        })
        .await;
        let kamailio = Kamailio { outside, _running: running, folder };
        listens.map_err(|error| format!("{error}; it said:\n{}", kamailio.log()))?;
        Ok(kamailio)
    }

    /// What it has said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// The file with our addresses in the place of those that it comes with.
fn text(outside: SocketAddr, service: SocketAddr) -> Outcome<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/kamailio/kamailio.cfg");
    let mut text = std::fs::read_to_string(&file)?;
    let inside = |ip| Outcome::Ok(SocketAddr::new(ip, ports::free_pair(ip)?).to_string());
    for (theirs, ours) in [
        ("203.0.113.10:5060", outside.to_string()),
        ("10.0.0.2:5060", inside(INSIDE_PHONES)?),
        ("10.0.0.3:5060", inside(INSIDE_CARRIERS)?),
        ("\"203.0.113.10\"", format!("\"{OUTSIDE}\"")),
        ("10.0.0.10:5060", service.to_string()),
        ("198.51.100.0/24,192.0.2.20", format!("{CARRIER}/32")),
        ("children=4", "children=1".into()),
    ] {
        if !text.contains(theirs) {
            return Err(format!("{} has no {theirs} any more", file.display()).into());
        }
        text = text.replace(theirs, &ours);
    }
    Ok(text)
}
