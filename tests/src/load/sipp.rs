//! SIPp as a source and a sink of many calls, and its counters.
//!
//! One process makes up to some thousand calls a second over one socket on a fraction of a core, as long as it neither
//! writes messages nor paints a screen.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::program::{self, Running};
use crate::{Outcome, wait};

use super::meter::{Reading, Used};

/// SIPp's own buffers of its sockets, in bytes.
const BUFFER: &str = "2000000";

/// What a SIPp counted, up to its end.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counts {
    /// Calls that it made or took.
    pub calls: u64,
    /// Calls that went through the whole scenario.
    pub good: u64,
    /// Calls that did not.
    pub failed: u64,
    /// Messages that it sent again because nothing came back.
    pub sent_again: u64,
    /// INVITEs among them.
    pub invites_sent_again: u64,
    /// INVITEs that came again because it had not answered in time.
    pub invites_received_again: u64,
}

/// A running SIPp.
#[derive(Debug)]
pub struct Load {
    running: Running,
    folder: PathBuf,
    name: &'static str,
    begun: Reading,
}

impl Load {
    /// The callers of `scenario` in `tests/sipp/load`: so many calls a second, for so long.
    pub fn callers(
        scenario: &'static str,
        folder: &Path,
        [from, service]: [SocketAddr; 2],
        number: &str,
        rate: u32,
        secs: u32,
    ) -> Outcome<Load> {
        let calls = rate * secs;
        // Far more at once than can be needed: a limit that is reached would lower the rate.
        let at_once = calls.min(15_000).to_string();
        let (rate, calls) = (rate.to_string(), calls.to_string());
        let more = ["-s", number, "-r", &rate, "-m", &calls, "-l", &at_once];
        Load::start(scenario, folder, from, service, &more)
    }

    /// All the agents behind one address. Each talks for `talk`.
    pub async fn agents(folder: &Path, at: SocketAddr, service: SocketAddr, talk: Duration) -> Outcome<Load> {
        let talk = talk.as_millis().to_string();
        let load = Load::start("agents", folder, at, service, &["-d", &talk])?;
        let taken = || std::net::UdpSocket::bind(at).is_err().then_some(());
        wait::until("the agents' SIPp to listen", Duration::from_secs(10), taken).await?;
        Ok(load)
    }

    fn start(
        name: &'static str,
        folder: &Path,
        at: SocketAddr,
        service: SocketAddr,
        more: &[&str],
    ) -> Outcome<Load> {
        let program = program::find("sipp", "sip-tester")?;
        let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("sipp/load");
        let folder = tempfile::Builder::new().prefix(name).tempdir_in(folder)?.keep();
        let mut command = Command::new(program);
        command.current_dir(&folder).arg(service.to_string());
        command.arg("-sf").arg(scenarios.join(format!("{name}.xml"))).args(more);
        command.args(["-i", &at.ip().to_string(), "-p", &at.port().to_string(), "-mi", &at.ip().to_string()]);
        command.args(["-t", "u1", "-nostdin", "-buff_size", BUFFER]);
        command.args(["-trace_stat", "-stf", "counts.csv", "-trace_counts", "-fd", "1"]);
        command.args(["-trace_err", "-error_file", "errors.log"]);
        let running = Running::start("SIPp", &mut command, &folder.join("screen.log"))?;
        let begun = Reading::of(running.id())?;
        Ok(Load { running, folder, name, begun })
    }

    /// What it has used since its start.
    ///
    /// # Errors
    /// When it has ended.
    pub fn used(&self) -> Outcome<Used> {
        self.begun.used(self.running.id())
    }

    /// Waits for its end, and what it counted.
    ///
    /// # Errors
    /// When it does not end in time or left no counters; with its last complaints.
    pub async fn finished(mut self, at_most: Duration) -> Outcome<Counts> {
        if let Err(error) = self.running.wait(at_most).await {
            tracing::warn!(%error, sipp = self.name, "stopped");
            // Asked politely it still writes its counters.
            self.running.stop(Duration::from_secs(5)).await?;
        }
        self.counts()
    }

    /// Ends a SIPp that would go on for ever, once its calls are over, and what it counted.
    ///
    /// # Errors
    /// When it left no counters.
    pub async fn stopped(mut self) -> Outcome<Counts> {
        self.running.stop(Duration::from_secs(10)).await?;
        self.counts()
    }

    fn counts(&self) -> Outcome<Counts> {
        let statistics = self.last_row("counts.csv")?;
        let messages = self.last_row("_counts.csv")?;
        counts(&statistics, &messages).ok_or_else(|| self.complaint("left no counters"))
    }

    /// The last row of the table whose file name ends so.
    fn last_row(&self, ending: &str) -> Outcome<HashMap<String, String>> {
        let files = std::fs::read_dir(&self.folder)?.filter_map(|entry| Some(entry.ok()?.path()));
        let matches = |file: &PathBuf| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            name.ends_with(ending) && (name == ending || ending.starts_with('_'))
        };
        let file = files.into_iter().find(matches).ok_or_else(|| self.complaint("left no counters"))?;
        Ok(last_row(&std::fs::read_to_string(file)?))
    }

    fn complaint(&self, what: &str) -> crate::Fault {
        let read = |name| std::fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        let (errors, screen) = (read("errors.log"), read("screen.log"));
        let tail = |text: &str| {
            let lines: Vec<&str> = text.lines().collect();
            lines[lines.len().saturating_sub(10)..].join("\n")
        };
        format!("SIPp's {} {what}\n{}\n{}", self.name, tail(&errors), tail(&screen)).into()
    }
}

/// SIPp's tables: names in the first line, values between semicolons, the sum so far in the last line.
fn last_row(table: &str) -> HashMap<String, String> {
    let mut lines = table.lines();
    let (Some(names), Some(values)) = (lines.next(), lines.next_back()) else { return HashMap::new() };
    names.split(';').map(str::to_owned).zip(values.split(';').map(str::to_owned)).collect()
}

fn counts(statistics: &HashMap<String, String>, messages: &HashMap<String, String>) -> Option<Counts> {
    let number = |name: &str| statistics.get(name)?.trim().parse::<u64>().ok();
    let invites =
        |ending: &str| messages.iter().find(|(name, _)| name.ends_with(ending)).map(|(_, value)| value);
    let again = invites("_INVITE_Retrans").and_then(|value| value.trim().parse().ok()).unwrap_or(0);
    let sends = invites("_INVITE_Sent").is_some();
    Some(Counts {
        calls: number("TotalCallCreated")?,
        good: number("SuccessfulCall(C)")?,
        failed: number("FailedCall(C)")?,
        sent_again: number("Retransmissions(C)")?,
        invites_sent_again: if sends { again } else { 0 },
        invites_received_again: if sends { 0 } else { again },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sipps_tables() {
        let statistics = "StartTime;TotalCallCreated;SuccessfulCall(C);FailedCall(C);Retransmissions(C);\n\
                          a;1;0;0;0;\nb;500;498;2;7;\n";
        let caller = "CurrentTime;0_INVITE_Sent;0_INVITE_Retrans;4_BYE_Sent;4_BYE_Retrans;\nx;500;3;498;4;\n";
        let found = counts(&last_row(statistics), &last_row(caller)).expect("complete");
        let wanted = Counts { calls: 500, good: 498, failed: 2, sent_again: 7, ..Counts::default() };
        assert_eq!(found, Counts { invites_sent_again: 3, ..wanted.clone() });
        let agents = "CurrentTime;0_INVITE_Recv;0_INVITE_Retrans;\nx;500;3;\n";
        let found = counts(&last_row(statistics), &last_row(agents)).expect("complete");
        assert_eq!(found, Counts { invites_received_again: 3, ..wanted });
        assert_eq!(counts(&HashMap::new(), &HashMap::new()), None);
    }
}
