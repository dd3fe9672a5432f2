//! One pure machine a call: from the customer's INVITE through queues, offers, talk, hold, transfer and supervision to
//! its end.
//!
//! ```text
//!            Enqueue            Ring / Won             LegEnded, Hangup
//!  Arrived ───────────► Waiting ───────────► Talking ──────────────────► Ended
//!     │                  ▲   │                │   │ take over, agent leaves
//!     │ Redirected       │   │ Redirected     │   ▼
//!     ▼                  │   ▼                │  TakenOver ──► Ended
//!   Leaving ◄────────────┼── Leaving          │
//!     │ prompt done      └────────────────────┘ transfer, agent lost
//!     ▼
//!   Ended
//! ```
//!
//! The machine knows legs, not sockets: the switch turns its outputs into SIP and media commands and gives back what
//! happens. Its state is plain data with serde, so a call can be saved at any step.

pub mod callback;
pub mod dial;
pub mod io;
pub mod join;
pub mod machine;
pub mod originate;
mod refusal;
mod supervise;
pub(crate) mod talk;
#[cfg(test)]
mod tests;
mod wait;
