//! The journal and the hub: number each event, fold it, write it down, send it.
//!
//! ```text
//!  switch ──publish──► Hub: number, stamp, fold ──► pending (bounded) ──► writer ──► journal on disk
//!                        │                                                   └──► durable(seq)
//!                        └──► feeds (bounded; a slow one is dropped and resumes by number)
//! ```
//!
//! The hub is the only place where events get their numbers. Everything that is asked of it is answered from memory;
//! only the writer touches the database.

mod day;
mod hub;
mod open;
mod picture;
#[cfg(test)]
mod tests;
mod totals;
mod writer;

pub use hub::{Hub, Published, Start, Subscription};
pub use open::HubError;
pub use totals::{Buckets, Totals};
