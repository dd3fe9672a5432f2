//! Debian's SIPp with a scenario of `tests/sipp`.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::program::{self, Running};
use crate::{Outcome, ports};

/// A scenario to run.
#[derive(Debug, Clone)]
pub struct Sipp {
    scenario: &'static str,
    service: SocketAddr,
    ip: IpAddr,
    port: u16,
    calls: u32,
    tcp: bool,
    keys: Vec<(String, String)>,
    credentials: Option<(String, String)>,
    sound: Option<Vec<u8>>,
}

impl Sipp {
    /// `scenario` is a file name in `tests/sipp`, without `.xml`; it sends from `ip`.
    pub fn new(scenario: &'static str, service: SocketAddr, ip: IpAddr) -> Outcome<Sipp> {
        let port = ports::free_pair(ip)?;
        Ok(Sipp {
            scenario,
            service,
            ip,
            port,
            calls: 1,
            tcp: false,
            keys: Vec::new(),
            credentials: None,
            sound: None,
        })
    }

    /// So many calls, one after another.
    pub fn calls(mut self, calls: u32) -> Sipp {
        self.calls = calls;
        self
    }

    /// Over TCP.
    pub fn tcp(mut self) -> Sipp {
        self.tcp = true;
        self
    }

    /// Its own port.
    pub fn port(mut self, port: u16) -> Sipp {
        self.port = port;
        self
    }

    /// A word for `[key]` in the scenario.
    pub fn key(mut self, key: &str, value: &str) -> Sipp {
        self.keys.push((key.into(), value.into()));
        self
    }

    /// For `[authentication]`.
    pub fn credentials(mut self, user: &str, password: &str) -> Sipp {
        self.credentials = Some((user.into(), password.into()));
        self
    }

    /// What `rtp_stream="sound.ulaw"` plays: samples of 8 kHz in G.711 mu-law.
    pub fn sound(mut self, ulaw: Vec<u8>) -> Sipp {
        self.sound = Some(ulaw);
        self
    }

    /// Starts it.
    pub fn start(self) -> Outcome<SippRun> {
        let program = program::find("sipp", "sip-tester")?;
        let scenario = scenario_file(self.scenario);
        if !scenario.is_file() {
            return Err(format!("there is no scenario {}", scenario.display()).into());
        }
        let folder = tempfile::Builder::new().prefix("callfloor-sipp-").tempdir()?;
        let media_port = ports::free_pair(self.ip)?;
        let mut command = Command::new(program);
        command.current_dir(folder.path()).args(["-nostdin", "-trace_err", "-error_file", "errors.log"]);
        command.arg("-sf").arg(&scenario);
        command.args(["-i", &self.ip.to_string(), "-p", &self.port.to_string()]);
        command.args(["-mi", &self.ip.to_string(), "-mp", &media_port.to_string()]);
        command.args(["-m", &self.calls.to_string(), "-l", "1", "-r", "10"]);
        command.args(["-t", if self.tcp { "t1" } else { "u1" }]);
        if let Some((user, password)) = &self.credentials {
            command.args(["-au", user, "-ap", password]);
        }
        for (key, value) in &self.keys {
            command.args(["-key", key, value]);
        }
        if let Some(sound) = &self.sound {
            std::fs::write(folder.path().join("sound.ulaw"), sound)?;
        }
        command.arg(self.service.to_string());
        let log = folder.path().join("sipp.log");
        let running = Running::start("sipp", &mut command, &log)?;
        Ok(SippRun { running, folder, name: self.scenario })
    }
}

/// A running SIPp.
#[derive(Debug)]
pub struct SippRun {
    running: Running,
    folder: TempDir,
    name: &'static str,
}

impl SippRun {
    /// Waits for its end; an error when a call did not go as the scenario says.
    pub async fn finish(mut self, at_most: Duration) -> Outcome {
        let status = self.running.wait(at_most).await;
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("SIPp's {}: {status}\n{}", self.name, self.says()).into()),
            Err(error) => Err(format!("SIPp's {}: {error}\n{}", self.name, self.says()).into()),
        }
    }

    fn says(&self) -> String {
        let errors = std::fs::read_to_string(self.folder.path().join("errors.log")).unwrap_or_default();
        let log = std::fs::read_to_string(self.folder.path().join("sipp.log")).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(40).collect();
        format!("{errors}\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"))
    }
}

fn scenario_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sipp").join(format!("{name}.xml"))
}

/// A tone for [`Sipp::sound`].
pub fn tone_ulaw(hz: f32, millis: u32) -> Vec<u8> {
    use shared::audio::{g711, tone::Sine};
    let mut samples = vec![0; millis as usize * 8];
    Sine::new(hz, 8_000, crate::voice::TONE_DBFS).fill(&mut samples);
    let mut encoded = vec![0; samples.len()];
    let len = g711::encode(g711::Law::Mu, &samples, &mut encoded);
    encoded.truncate(len);
    encoded
}
