//! A virtual clock, a lossy network and message tapes.

pub mod wer;
