//! `queue-service replay`.

use std::path::{Path, PathBuf};

use super::again::Again;
use super::change::{Change, ChangeError};
use super::check::{Check, Difference, Same};
use super::compare::Comparison;
use super::day::Day;
use super::source::{Line, Source, SourceError};
use crate::config::Config;
use crate::store::{Store, StoreError};

/// The command line.
#[derive(clap::Args)]
pub struct Arguments {
    /// The day, such as 2026-03-02; everything that the journal has when left out.
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// The last day; that of --from when left out.
    #[arg(long, value_name = "DATE", requires = "from")]
    until: Option<String>,
    /// The data folder of a service, or its database file.
    #[arg(long, value_name = "PATH", default_value = "data", conflicts_with = "config")]
    data: PathBuf,
    /// The configuration of the service, which names its database.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What is to be different; the day is decided anew and compared.
    #[arg(long, value_name = "FILE")]
    with: Option<PathBuf>,
    /// Of the lots that say how long callers would have waited.
    #[arg(long, default_value_t = 1, requires = "with")]
    seed: u64,
    /// The answer as JSON.
    #[arg(long)]
    json: bool,
}

/// Why nothing is replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There is no such database.
    #[error("find the journal: {0} is not there; name the data folder or the database with --data")]
    NoFile(PathBuf),
    /// The database cannot be opened.
    #[error("open the journal: {0}")]
    Store(#[from] StoreError),
    /// The journal cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The change cannot be made.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

/// Replays, and gives the text to print with whether all is the same.
///
/// # Errors
/// What is wrong with the command line, a file or the journal, in words.
pub fn run(arguments: &Arguments) -> Result<(String, bool), String> {
    let url = match &arguments.config {
        Some(file) => Config::load(file).map_err(|error| error.to_string())?.store_url(),
        None => database(&arguments.data).map_err(|error| error.to_string())?,
    };
    let change = match &arguments.with {
        Some(file) => {
            let text =
                std::fs::read_to_string(file).map_err(|error| format!("read {}: {error}", file.display()))?;
            Some(Change::parse(&text).map_err(|error| error.to_string())?)
        }
        None => None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("start the runtime: {error}"))?;
    runtime.block_on(async {
        let store = Store::open_to_read(&url).await.map_err(|error| error.to_string())?;
        let source = Source::open(store.journal(), arguments.from.as_deref(), arguments.until.as_deref())
            .await
            .map_err(|error| error.to_string())?;
        let answer = match &change {
            None => same(source).await.map(|verdict| show(arguments, verdict)),
            Some(change) => with(source, change, arguments.seed)
                .await
                .map(|comparison| (show_comparison(arguments, &comparison), true)),
        };
        store.close().await;
        answer.map_err(|error| error.to_string())
    })
}

/// The database in a folder, or the file itself, as an address.
fn database(path: &Path) -> Result<String, ReplayError> {
    let file = if path.is_dir() { path.join("callfloor.db") } else { path.to_owned() };
    if !file.is_file() {
        return Err(ReplayError::NoFile(file));
    }
    Ok(format!("sqlite:{}", file.display()))
}

/// Compares the core with the journal.
///
/// # Errors
/// When the journal cannot be read.
pub async fn same(mut source: Source) -> Result<Result<Same, Box<Difference>>, ReplayError> {
    let mut check = Check::new(source.from);
    while let Some(line) = source.next().await? {
        let step = match line {
            Line::Told(at, told) => check.told(at, told),
            Line::Fact(stamped) => check.fact(&stamped),
        };
        if let Err(difference) = step {
            return Ok(Err(difference));
        }
    }
    Ok(Ok(check.finish()))
}

/// Decides the day anew with a change, and compares.
///
/// # Errors
/// When the journal cannot be read, or the change does not fit it.
pub async fn with(mut source: Source, change: &Change, seed: u64) -> Result<Comparison, ReplayError> {
    let mut day = Day::new(source.from);
    while let Some(line) = source.next().await? {
        day.line(line);
    }
    let outcome = Again::run(&day, change, seed)?;
    Ok(Comparison::new(&day, &outcome))
}

fn show(arguments: &Arguments, verdict: Result<Same, Box<Difference>>) -> (String, bool) {
    if arguments.json {
        let value = match &verdict {
            Ok(same) => serde_json::json!({ "same": true, "compared": same }),
            Err(difference) => serde_json::json!({
                "same": false, "difference": difference, "words": difference.to_string()
            }),
        };
        return (format!("{value:#}\n"), verdict.is_ok());
    }
    match verdict {
        Ok(same) => (format!("{same}\n"), true),
        Err(difference) => (format!("{difference}\n"), false),
    }
}

fn show_comparison(arguments: &Arguments, comparison: &Comparison) -> String {
    if arguments.json {
        serde_json::to_string_pretty(comparison).unwrap_or_default() + "\n"
    } else {
        comparison.text()
    }
}
