//! A virtual clock, a lossy network and message tapes.
