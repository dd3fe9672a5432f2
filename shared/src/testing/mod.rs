//! A virtual clock, a lossy network and message tapes.

pub mod netem;
pub mod pair;
pub mod tape;
pub mod wer;
