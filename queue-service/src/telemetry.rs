//! Logs and process metrics.
