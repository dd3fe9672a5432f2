//! The demonstration: the whole product on this machine, with synthetic customers.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tests::{Outcome, show, windows};

/// Callfloor's demonstration; deploy/demo builds everything and starts it.
#[derive(Parser)]
struct Arguments {
    /// Without windows; ends with a report, and with 0 only if every promise in it held
    #[arg(long)]
    headless: bool,
    /// Headless: so many calls
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=200))]
    calls: u32,
    /// Headless: the report as JSON on standard output
    #[arg(long)]
    json: bool,
    /// Keeps the data here
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Makes pictures of the windows and of the wallboard, light and dark, into this folder
    #[arg(long, value_name = "FOLDER", conflicts_with = "headless")]
    pictures: Option<PathBuf>,
    /// Where the programs are
    #[arg(long, value_name = "FOLDER")]
    programs: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("start the runtime: {error}")),
    };
    match runtime.block_on(run(&arguments)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => fail(&error.to_string()),
    }
}

async fn run(arguments: &Arguments) -> Outcome<bool> {
    if !arguments.headless {
        let own = tempfile::Builder::new().prefix("callfloor-demo-").tempdir()?;
        let folder = arguments.data.clone().unwrap_or_else(|| own.path().to_owned());
        match &arguments.pictures {
            Some(into) => {
                for theme in ["light", "dark"] {
                    windows::pictures(&arguments.programs, &folder, theme, into).await?;
                }
            }
            None => windows::run(&arguments.programs, &folder).await?,
        }
        return Ok(true);
    }
    let service = arguments.programs.join("queue-service");
    let report = show::play(&service, arguments.data.as_deref(), arguments.calls).await?;
    eprint!("{report}");
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    }
    Ok(report.held)
}

fn fail(message: &str) -> ExitCode {
    eprintln!("demo: {message}");
    ExitCode::from(2)
}
