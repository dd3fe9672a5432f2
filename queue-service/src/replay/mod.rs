//! A day of the journal again: `queue-service replay`.
//!
//! ```text
//!  journal ──► Source ──┬──► Check: the same core, the same inputs; are its facts the journal's, bit for bit?
//!              (lines)  └──► Day ──► Again: the same callers and agents, other rules ──► Comparison
//! ```
//! [`source`] reads; everything else is pure. Bit for bit holds for what one version of the program wrote; another one may
//! decide otherwise, which is then what is found.

pub mod again;
pub mod change;
pub mod check;
pub mod command;
pub mod compare;
pub mod day;
pub mod patience;
pub mod source;

#[cfg(test)]
mod tests;
