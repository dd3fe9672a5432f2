//! The phones of many calls at once: one thread, a few sockets, batches both ways.
//!
//! A package of its own so that it is optimised whatever the rest of the tests is: where it needs more of a core than the
//! service that it measures, it would measure itself.

mod batch;
mod generator;
pub mod host;
mod series;

pub use generator::{Counts, Delays, Generator, Leg, Sockets};
pub use series::{PULSE_PACKETS, PulseEar, Voice, is_pulse, series};

/// What went wrong, for a person.
pub type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
