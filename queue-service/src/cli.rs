//! The command line: run, check a configuration, hash a password.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::{app, auth, telemetry};

/// A wrong command line, a wrong configuration, or a service that does not start.
const FAILED: u8 = 2;

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
    /// Reads a password from standard input and prints its hash for the configuration.
    HashPassword,
}

/// The program of `main.rs`.
pub fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run { config } => run(&config),
        Command::CheckConfig { file } => check(&file),
        Command::HashPassword => hash_password(),
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

fn fail(message: &str) -> ExitCode {
    eprintln!("queue-service: {message}");
    ExitCode::from(FAILED)
}
