//! Logs and process metrics.

use tracing_subscriber::EnvFilter;

/// Logs to standard error, by `RUST_LOG`; what an operator cares about when it is not set.
pub fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    // A second start in one process (tests) keeps the first.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}
