//! `queue-service import`: a table into a configuration file, without the service.

use std::fmt::Write;
use std::path::PathBuf;

use clap::ValueEnum;
use shared::api::import::Table;

use crate::import;
use crate::revision::file;

/// What is asked for.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The table as CSV.
    table: PathBuf,
    /// The configuration file that it goes into.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// What the table has; taken from the name of its file (agents.csv) when left out.
    #[arg(long)]
    kind: Option<Kind>,
    /// Only says what would come of it.
    #[arg(long)]
    dry_run: bool,
    /// Takes the good lines even when others are wrong.
    #[arg(long)]
    partial: bool,
    /// Prints the report of POST /api/v1/import.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Agents,
    Queues,
    Skills,
}

impl Arguments {
    fn kind(&self) -> Result<Table, String> {
        let name = self.table.file_stem().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let kind = self.kind.or_else(|| Kind::from_str(&name, true).ok());
        match kind {
            Some(Kind::Agents) => Ok(Table::Agents),
            Some(Kind::Queues) => Ok(Table::Queues),
            Some(Kind::Skills) => Ok(Table::Skills),
            None => Err(format!("{name} says not what the table has; add --kind agents, queues or skills")),
        }
    }
}

/// Carries it out. Gives the report, and whether no line was refused.
///
/// # Errors
/// Why nothing was done, in words.
pub fn run(arguments: &Arguments) -> Result<(String, bool), String> {
    let kind = arguments.kind()?;
    let before = file::read(&arguments.config).map_err(|error| error.to_string())?;
    let csv = std::fs::read_to_string(&arguments.table)
        .map_err(|error| format!("read the table {}: {error}", arguments.table.display()))?;
    let imported = import::import(&before, &arguments.config, kind, &csv, arguments.partial)
        .map_err(|error| error.to_string())?;
    let mut report = imported.report;
    report.taken &= !arguments.dry_run;
    if report.taken {
        if imported.text != before {
            file::write(&arguments.config, &imported.text).map_err(|error| error.to_string())?;
        }
    } else {
        report.lines.iter_mut().for_each(|line| line.first_password = None);
    }
    let fine = report.refused == 0;
    if arguments.json {
        let text =
            serde_json::to_string_pretty(&report).map_err(|error| format!("write the report: {error}"))?;
        return Ok((format!("{text}\n"), fine));
    }
    let mut text = String::new();
    for line in &report.lines {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", import::words(line));
    }
    let end = if report.taken { "" } else { "; nothing was taken" };
    let _ = writeln!(
        text,
        "{} created, {} changed, {} unchanged, {} refused{end}",
        report.created, report.changed, report.unchanged, report.refused
    );
    if report.taken && imported.text != before {
        let _ = writeln!(text, "A service that runs takes it after SIGHUP.");
    }
    Ok((text, fine))
}
