//! Load on the service, and what it costs: the programs behind `deploy/bench`.
//!
//! ```text
//!  core A   service (a process of its own, release build)
//!             ▲ SIP over loopback
//!  core B   SIPp callers and agents (throughput), our own callers and agents (times)
//! ```
//! The service has one core for itself; whoever calls, answers and counts has the other one. How many calls a second
//! it takes is found with SIPp. SIPp's clock steps by milliseconds, so times are taken by callers and agents of our
//! own ([`peers`]), with the kernel's time of arrival of each datagram.

pub mod acd;
pub mod figures;
pub mod flood;
pub mod media;
pub mod meter;
pub mod network;
pub mod peers;
pub mod sender;
pub mod sip;
pub mod sipp;
pub mod stage;
