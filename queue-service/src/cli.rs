//! The command line: run, check a configuration, try a number, hash a password, work out how many agents are needed.

mod dial_plan;
mod import;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use shared::api::staffing::StaffingQuery;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::{app, auth, telemetry};

/// A wrong command line, a wrong configuration, or a service that does not start.
const FAILED: u8 = 2;
/// The journal and the replay are not the same, or a line of a table was refused.
const DIFFERENT: u8 = 1;

#[derive(Parser)]
#[command(name = "queue-service", version, about = "Callfloor's queue service")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the service until SIGINT or SIGTERM.
    Run {
        /// The configuration file; queue-service/config.example.toml documents every key.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Says what is wrong with a configuration file, or that nothing is.
    CheckConfig {
        /// The configuration file.
        file: PathBuf,
    },
    /// Works out how many agents a load of calls needs, by Erlang C, or by Erlang A with --patience.
    Staff(StaffArguments),
    /// Lets calls come to the routing on a virtual clock: service level, speed of answer, abandons, occupancy.
    Simulate(crate::simulate::command::Arguments),
    /// Decides a day of the journal again: the same, decision by decision, or what would have differed under other rules.
    Replay(crate::replay::command::Arguments),
    /// Says over which trunks a number would be called, and as what; nothing is called.
    DialPlan {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The number, as people dial it.
        number: String,
    },
    /// Brings a table of agents, queues or skills (CSV) into a configuration file, with an answer for each line.
    Import(import::Arguments),
    /// Reads a password from standard input and prints its hash for the configuration.
    HashPassword,
}

#[derive(clap::Args)]
struct StaffArguments {
    /// Calls that arrive in one interval.
    #[arg(long)]
    calls: f64,
    /// Length of the interval, such as 30m.
    #[arg(long, value_parser = secs, value_name = "DURATION")]
    per: f64,
    /// Average handle time with wrap-up, such as 180s.
    #[arg(long, value_parser = secs, value_name = "DURATION")]
    aht: f64,
    /// Service level wanted: percent/seconds.
    #[arg(long, value_parser = target, default_value = "80/20")]
    target: (f64, f64),
    /// Mean patience of the callers; nobody hangs up without it.
    #[arg(long, value_parser = secs, value_name = "DURATION")]
    patience: Option<f64>,
    /// Occupancy not to exceed, in percent.
    #[arg(long, value_name = "PERCENT")]
    max_occupancy: Option<f64>,
    /// Paid time that agents are not there for calls, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    shrinkage: f64,
    /// Work out this many agents instead of looking for how many are needed.
    #[arg(long)]
    agents: Option<u32>,
    /// Prints the answer of GET /api/v1/staffing.
    #[arg(long)]
    json: bool,
}

/// `30m`, `1h 30m`, `180s`, or plain seconds.
pub(crate) fn secs(text: &str) -> Result<f64, String> {
    if let Ok(secs) = text.parse::<f64>() {
        return Ok(secs);
    }
    let duration: jiff::SignedDuration =
        text.parse().map_err(|_| "not a duration such as 180s, 30m or 1h 30m".to_owned())?;
    Ok(duration.as_secs_f64())
}

/// `80/20`: 80 % within 20 s.
pub(crate) fn target(text: &str) -> Result<(f64, f64), String> {
    let wrong = || "not percent/seconds such as 80/20".to_owned();
    let (percent, within) = text.split_once('/').ok_or_else(wrong)?;
    Ok((
        percent.trim_end_matches('%').trim().parse().map_err(|_| wrong())?,
        secs(within.trim()).map_err(|_| wrong())?,
    ))
}

/// The program of `main.rs`.
pub fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run { config } => run(&config),
        Command::CheckConfig { file } => check(&file),
        Command::DialPlan { config, number } => dial_plan(&config, &number),
        Command::Import(arguments) => match import::run(&arguments) {
            Ok((text, true)) => printed(Ok(text)),
            Ok((text, false)) => {
                print!("{text}");
                ExitCode::from(DIFFERENT)
            }
            Err(error) => fail(&error),
        },
        Command::HashPassword => hash_password(),
        Command::Staff(arguments) => staff(&arguments),
        Command::Simulate(arguments) => printed(crate::simulate::command::run(&arguments)),
        Command::Replay(arguments) => match crate::replay::command::run(&arguments) {
            Ok((text, true)) => printed(Ok(text)),
            Ok((text, false)) => {
                print!("{text}");
                ExitCode::from(DIFFERENT)
            }
            Err(error) => fail(&error),
        },
    }
}

fn run(file: &Path) -> ExitCode {
    telemetry::start();
    let config = match Config::load(file) {
        Ok(config) => config,
        Err(error) => return fail(&error.to_string()),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("start the runtime: {error}")),
    };
    let stop = CancellationToken::new();
    let result = runtime.block_on(async {
        tokio::spawn(stop_on_signal(stop.clone()));
        app::run(config, stop).await
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

/// Cancels on SIGINT or SIGTERM; a second one ends the process at once, as one expects who presses Ctrl-C twice.
async fn stop_on_signal(stop: CancellationToken) {
    signal().await;
    stop.cancel();
    signal().await;
    std::process::exit(130);
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn check(file: &Path) -> ExitCode {
    match Config::load(file) {
        Ok(config) => {
            for warning in config.warnings() {
                eprintln!("queue-service: warning: {warning}");
            }
            println!(
                "{}: fine. {} queues, {} agents, {} trunks.",
                file.display(),
                config.queues.len(),
                config.agents.len(),
                config.trunks.len()
            );
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error.to_string()),
    }
}

fn dial_plan(file: &Path, number: &str) -> ExitCode {
    let config = match Config::load(file) {
        Ok(config) => config,
        Err(error) => return fail(&error.to_string()),
    };
    match dial_plan::describe(&config, number) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error),
    }
}

fn hash_password() -> ExitCode {
    if std::io::stdin().is_terminal() {
        eprint!("Password (it is shown while you type): ");
        // A prompt that is not seen does not matter.
        let _ = std::io::stderr().flush();
    }
    let mut line = String::new();
    if let Err(error) = std::io::stdin().read_line(&mut line) {
        return fail(&format!("read the password: {error}"));
    }
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return fail("the password is empty; type it, or pipe it in");
    }
    match auth::hash(password) {
        Ok(hash) => {
            println!("{hash}");
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error.to_string()),
    }
}

fn staff(arguments: &StaffArguments) -> ExitCode {
    let query = StaffingQuery {
        target_percent: arguments.target.0,
        target_secs: arguments.target.1,
        patience_secs: arguments.patience,
        max_occupancy_percent: arguments.max_occupancy,
        shrinkage_percent: arguments.shrinkage,
        agents: arguments.agents,
        ..StaffingQuery::new(arguments.calls, arguments.per, arguments.aht)
    };
    let report = match crate::staff::staff(&query) {
        Ok(report) => report,
        Err(error) => return fail(&error.to_string()),
    };
    if arguments.json {
        match serde_json::to_string_pretty(&report) {
            Ok(text) => println!("{text}"),
            Err(error) => return fail(&format!("write the answer: {error}")),
        }
    } else {
        print!("{}", crate::staff::print::text(&query, &report));
    }
    ExitCode::SUCCESS
}

fn printed(result: Result<String, String>) -> ExitCode {
    match result {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error),
    }
}

fn fail(message: &str) -> ExitCode {
    eprintln!("queue-service: {message}");
    ExitCode::from(FAILED)
}
