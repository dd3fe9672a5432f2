//! The demonstration: the whole product on this machine, with synthetic customers.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tests::{Outcome, show};

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
