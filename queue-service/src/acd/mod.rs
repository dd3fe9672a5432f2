//! Pure: which call goes to which agent, and why.
//!
//! [`Acd`] is the one owner of who waits, who is free and who is rung. It reads no clock and opens no socket: inputs
//! and `now` go in by [`Acd::handle`], outputs come out by [`Acd::poll`], and [`Acd::deadline`] says when to come back
//! with [`Input::Tick`]. The same seed and the same inputs give the same outputs, and the whole state is plain data, so
//! it can be saved at any step and taken up elsewhere.
//!
//! **Which call is served next**: of the queue with the lowest priority number in the agent's profile, the one with the
//! most `waited + priority` (a queue's priority is worth seconds of waiting); equal ones by call id. A queue with a delay
//! in the profile is not seen before. **Who gets it**: of the agents who serve the queue, are ready, idle, reachable and
//! have the skills, the one of the lowest level whom the queue's rule puts first
//! ([`Choice`](shared::model::routing::Choice)); equal ones by idle time, then by agent id. The idle clock starts at the
//! later of the end of wrap-up and becoming ready; an offer that failed does not reset it. Steps of widening add agents
//! while a call waits; their clock stands still while a phone rings.
//!
//! An agent is reserved before his phone rings, and every offer has a deadline, so a lost answer frees him by itself.
//!
//! **How an offer ends**: *answered*, the first one to say so has the call. *Missed* (rang out), the agent is not ready
//! with that reason. *Rejected*, *busy*, *unreachable*, he stays ready and is kept back for a while; gone for good is
//! told by [`Input::Device`] and makes him not ready. *Caller gone* and *lost race* never count against him. The call
//! keeps its place and goes on at once, to agents who have not had it as long as there are such.
//!
//! The limits of memory: one entry a waiting call (the admission of calls bounds them), one a configured agent, at most
//! one offer an agent; outputs are drained after every input.

pub mod hours;

mod agents;
mod callback;
mod calls;
mod choose;
mod configure;
mod expect;
mod index;
mod input;
mod kind;
mod leave;
mod memory;
mod nobody;
mod own;
mod route;
mod state;
mod tally;
mod told;
mod words;
mod wrap_up;

#[cfg(test)]
mod tests;

pub use callback::{BookError, Booking};
pub use input::{AcdConfig, AcdError, FailedOffer, Input, LostRace, Output, Won};
pub use state::Acd;
pub use told::{Told, Witnessed};
pub use words::{non_offer_words, words};
