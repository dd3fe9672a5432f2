//! The one task that owns routing and calls, and the commands it takes.

pub mod command;
