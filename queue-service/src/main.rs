//! The program: see `queue-service --help`.

use std::process::ExitCode;

/// A call is some hundred small allocations, made by one thread and often given back by another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    queue_service::cli::main()
}
