//! The queue service as cargo builds it for the tests: the same entry as the real program.

use std::process::ExitCode;

fn main() -> ExitCode {
    queue_service::cli::main()
}
