//! RTP and RTCP (RFC 3550) for one voice leg.
//!
//! ```text
//! datagram ─► packet::Packet ─► receiver::Receiver ─► pull every 20 ms ─► Frame
//!                  │                 └ sequence, jitter, dtmf, codec
//!                  └────────────► sender::Sender::relay ─► datagram      (two parties, one codec)
//! Frame ─────────────────────────► sender::Sender::push ─► datagram
//! ```
//! Nothing here allocates for each packet once a stream has warmed up. [`srtp`] sits between the datagram and
//! [`packet::Packet`], on both ways.

pub mod delay;
pub mod dtmf;
pub mod jitter;
pub mod packet;
pub mod quality;
pub mod receiver;
pub mod rtcp;
pub mod sender;
pub mod sequence;
pub mod srtp;
pub mod xr;

#[cfg(test)]
mod hostile_tests;
