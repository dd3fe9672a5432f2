//! SRTP and SRTCP (RFC 3711, RFC 7714) for one leg: what comes from and goes to the socket, in place.
//!
//! ```text
//! datagram ─► Inbound::unprotect ─► packet::Packet …          … Sender::push ─► Outbound::protect ─► datagram
//! ```
//! Where the keys come from is not known here: SDES ([`crate::sdp::crypto`]) today, DTLS-SRTP can give the same
//! [`Master`] later. Nothing allocates or blocks for a packet. Counter mode and HMAC-SHA1 are RustCrypto's, which use the
//! AES and SHA instructions of the processor (ring's SHA-1 does not: 670 ns in place of 181 for 172 octets); Galois
//! counter mode is ring's (96 ns against 219).
//! Both ends are plain data with serde ([`State`]), so another process goes on with the same rollover counters.

use serde::{Deserialize, Serialize};

mod context;
mod inbound;
mod keys;
mod master;
mod source;
mod suite;
mod transform;

pub use context::State;
pub use inbound::{Inbound, InboundState};
pub use master::Master;
pub use suite::Suite;

use context::Context;

/// Octets that protecting adds at most: a tag of 16 octets and the index of SRTCP (RFC 7714 §9).
pub const MAX_OVERHEAD: usize = 20;

/// Why a packet cannot be protected or is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SrtpError {
    /// Shorter than its header, its tag or its index, or another version.
    #[error("read a protected packet: it is malformed")]
    Malformed,
    /// The tag is wrong: another key, or somebody changed it.
    #[error("authenticate a packet: its tag is wrong")]
    Authentication,
    /// It was there before, or is too old to tell (RFC 3711 §3.3.2).
    #[error("check a packet against replay: it was there before or is too old")]
    Replay,
    /// 2^48 packets or 2^31 reports (RFC 3711 §9.2).
    #[error("protect a packet: its key has been used for as many packets as it may")]
    Exhausted,
    /// The buffer has no room for the tag.
    #[error("protect a packet: the buffer has no room for {MAX_OVERHEAD} octets more")]
    NoRoom,
    /// Key or salt have another length than the suite wants.
    #[error("take a key for {suite}: it has {given} octets, {wanted} are wanted")]
    KeyLength {
        /// The suite.
        suite: Suite,
        /// Octets given.
        given: usize,
        /// Octets wanted.
        wanted: usize,
    },
}

/// The keys of one leg, by direction: each side sends with a key of its own (RFC 4568 §6.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys {
    /// What we protect with.
    pub send: Master,
    /// What the far side protects with.
    pub receive: Master,
}

/// What we send.
#[derive(Debug, Clone)]
pub struct Outbound(Context);

impl Outbound {
    /// With a new key: rollover counter zero.
    pub fn new(master: Master) -> Self {
        Outbound(Context::new(master))
    }

    /// Goes on where another process was.
    pub fn resume(state: State) -> Self {
        Outbound(Context::resume(state))
    }

    /// Where it is.
    pub fn state(&self) -> &State {
        self.0.state()
    }

    /// Asks ahead for what a packet needs ([`crate::ahead`]).
    pub fn fetch(&self) {
        self.0.fetch();
    }

    /// Asks for what that points to.
    pub fn fetch_behind(&self) {
        self.0.fetch_behind();
    }

    /// After a negotiation: the same key goes on, another one begins anew.
    pub fn rekey(&mut self, master: Master) {
        if *self.0.master() != master {
            self.0 = Context::new(master);
        }
    }

    /// Protects the RTP packet in the first `len` octets of `buffer`; returns its new length. A number that was used
    /// before is refused: two packets under one key stream would betray both (RFC 3711 §9.1).
    pub fn protect(&mut self, buffer: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        self.0.protect_rtp(buffer, len)
    }

    /// Protects a compound RTCP packet.
    pub fn protect_rtcp(&mut self, buffer: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        self.0.protect_rtcp(buffer, len)
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
