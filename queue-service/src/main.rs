//! The program: see `queue-service --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    queue_service::cli::main()
}
