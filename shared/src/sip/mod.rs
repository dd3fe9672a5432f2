//! Sans-IO SIP on rsip: messages, transactions, dialogs, sessions, registration.
//!
//! ```text
//!  bytes ─► stream ─► wire ─► transaction ─► dialog / session / register ─► Event
//!  bytes ◄─ Output::Send ◄─ wire ◄─ transaction ◄─ Command
//! ```
//!
//! [`Endpoint`] is the pure core that ties them together: [`Endpoint::handle`] takes an [`Input`], then
//! [`Endpoint::poll`] is drained to `None`, then the driver waits for input or for [`Endpoint::deadline`].
//! [`door`] decides who may come in before anything is remembered; [`Registrar`] is a separate pure core for a service
//! that phones register with.
//! `rsip` holds the headers of a message; its gaps end in [`wire`] and [`header`].
//!
#![doc = include_str!("rfc.md")]

pub mod api;
mod core;
pub mod dialog;
pub mod digest;
pub mod door;
pub mod endpoint;
pub mod header;
mod keepalive;
pub mod locate;
pub mod message;
mod register;
pub mod registrar;
mod schedule;
mod session;
pub mod stream;
mod transaction;
pub mod uri;
pub mod wire;

pub use api::{
    Command, Config, Credentials, EndedBy, Event, Flow, IncomingInfo, Input, Output, RegistrationId,
    ReliableProvisional, SessionId, TimerConfig, TransactionId, Transport,
};
pub use dialog::Dialog;
pub use endpoint::Endpoint;
pub use header::{NameAddr, Params};
pub use message::{Body, Headers, Message, Method, Request, Response};
pub use registrar::Registrar;
pub use session::SavedSession;
pub use uri::{Scheme, Uri};
