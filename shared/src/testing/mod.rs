//! A virtual clock, a lossy network, message tapes, and what must hold for any bytes.

pub mod arrivals;
pub mod fuzz;
pub mod netem;
pub mod pair;
pub mod tape;
pub mod wer;
