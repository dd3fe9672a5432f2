//! The routing alone: what one core decides, how long it takes, what it costs; and the journal under it.
//!
//! The floor lives in `routing_load`, an example of the service, because only there it is built with all optimisation.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::Outcome;

/// Agents × waiting calls.
pub const SIZES: [&str; 4] = ["100x100", "1000x1000", "10000x10000", "48000x10000"];

/// What is to be measured.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Floors such as `100x100`.
    pub sizes: Vec<String>,
    /// Decisions measured in each of a floor's two states, about.
    pub rounds: u32,
    /// Calls of the day that is written and folded.
    pub day_calls: u32,
}

/// What `deploy/bench acd` finds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Figures {
    /// The journal.
    pub journal: Journal,
    /// Folding it.
    pub fold: Fold,
    /// The floors.
    #[serde(flatten)]
    pub floors: BTreeMap<String, Floor>,
}

/// One floor.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Floor {
    /// Agents.
    pub agents: u64,
    /// Calls that wait.
    pub waiting: u64,
    /// Decisions measured, with calls waiting and with agents free.
    pub decisions: u64,
    /// Those with calls waiting.
    pub of_them_with_calls_waiting: u64,
    /// Decisions a second, answers and ends of talks included.
    pub decisions_per_s: f64,
    /// A decision with its record, in microseconds.
    pub p50_us: f64,
    /// The slowest in a hundred.
    pub p99_us: f64,
    /// The slowest.
    pub max_us: f64,
    /// Memory.
    pub bytes_per_agent: f64,
    /// Memory.
    pub bytes_per_waiting_call: f64,
}

/// Events to the disk, group commit, full sync.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Journal {
    /// Written.
    pub events: u64,
    /// A second.
    pub events_per_s: f64,
    /// In the database.
    pub bytes_per_event: f64,
}

/// Events from the disk into the picture.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fold {
    /// A day of 100,000 calls, in seconds.
    pub day_100000_calls_s: f64,
    /// Calls that were folded.
    pub calls: u64,
    /// Their events.
    pub events: u64,
}

/// Runs `routing_load`.
///
/// # Errors
/// When it does not run, or does not say what it promises.
pub fn measure(program: &Path, folder: &Path, wanted: &Wanted, tell: &impl Fn(&str)) -> Outcome<Figures> {
    tell(&format!("Routing on floors of {}, and a day's journal", wanted.sizes.join(", ")));
    let mut command = Command::new(program);
    command.arg(folder).arg(wanted.day_calls.to_string()).arg(wanted.rounds.to_string()).args(&wanted.sizes);
    let output = command.output()?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{} ended with {}: {told}", program.display(), output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "agents × waiting   decisions/s     p50 µs     p99 µs   bytes/agent   bytes/waiting call"
        )?;
        for floor in self.floors.values() {
            writeln!(
                f,
                "{:>6} × {:<9} {:>11.0} {:>10.1} {:>10.1} {:>13.0} {:>20.0}",
                floor.agents,
                floor.waiting,
                floor.decisions_per_s,
                floor.p50_us,
                floor.p99_us,
                floor.bytes_per_agent,
                floor.bytes_per_waiting_call
            )?;
        }
        let Journal { events, events_per_s, bytes_per_event } = &self.journal;
        writeln!(
            f,
            "journal   {events_per_s:.0} events/s to the disk ({events}, {bytes_per_event:.0} bytes each)"
        )?;
        writeln!(f, "fold      {:.1} s for a day of 100,000 calls", self.fold.day_100000_calls_s)
    }
}
