//! Session descriptions: what a leg can send and receive, and the agreement of both sides (RFC 3264 on RFC 8866).
//!
//! ```text
//! LocalDescription::offer ─► our offer … their answer ─► LocalDescription::accept ─► Negotiated
//! their offer ─► LocalDescription::answer ─► our answer and Negotiated
//! ```
//! [`Session::parse`] reads what phones and carriers really send; [`LocalDescription`] decides, and keeps the
//! identity, the version and the payload numbers of one leg over its re-INVITEs.
//!
//! SRTP keys travel in `a=crypto` (RFC 4568); [`crypto`] has the rules. DTLS-SRTP is not spoken: an offer that has nothing
//! else is refused with 488.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use self::crypto::{CryptoError, Encryption};
use crate::audio::codec::Codec;
use crate::audio::opus;
use crate::rtp::srtp::Keys;

pub mod crypto;
mod local;
mod negotiate;
mod parse;
mod print;

pub use local::LocalDescription;
pub use parse::{MediaLine, Payload, Protocol, Session};

/// Why a description cannot be used. [`SdpError::status`] is the SIP answer to it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// The text is no description.
    #[error("read a session description: {0}")]
    Syntax(String),
    /// It has no audio.
    #[error("negotiate media: the description has no audio line")]
    NoAudio,
    /// The audio is encrypted, which this leg does not do, or in a way that nobody here knows.
    #[error("negotiate media: the audio is offered as {0} only, which this account does not take")]
    Encrypted(String),
    /// The audio is not encrypted, which this leg has to be.
    #[error(
        "negotiate media: the account requires SRTP and the far side has none; offer RTP/SAVP with a=crypto"
    )]
    NotEncrypted,
    /// None of their keys can be used.
    #[error("negotiate SRTP: {0}")]
    Crypto(#[from] CryptoError),
    /// No codec that both sides have.
    #[error("negotiate media: no common codec; the far side has {theirs}, this side {ours}")]
    NoCommonCodec {
        /// Names of their codecs.
        theirs: String,
        /// Names of our codecs.
        ours: String,
    },
    /// There is no address to send to.
    #[error("negotiate media: the audio has no usable connection address")]
    NoAddress,
    /// The answer does not fit the offer.
    #[error("accept an answer: {0}")]
    BadAnswer(&'static str),
}

impl SdpError {
    /// The SIP status that a refused offer is answered with (RFC 3261 §21.4.26 and §21.4.1).
    pub fn status(&self) -> u16 {
        match self {
            SdpError::Syntax(_) => 400,
            SdpError::NoAudio
            | SdpError::Encrypted(_)
            | SdpError::NotEncrypted
            | SdpError::Crypto(_)
            | SdpError::NoCommonCodec { .. }
            | SdpError::NoAddress
            | SdpError::BadAnswer(_) => 488,
        }
    }
}

/// Who may send, seen from the side that wrote it (RFC 8866 §6.7). Also our own wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Both.
    #[default]
    SendRecv,
    /// The writer sends.
    SendOnly,
    /// The writer receives.
    RecvOnly,
    /// Nobody.
    Inactive,
}

impl Direction {
    /// From two flags.
    pub const fn new(send: bool, receive: bool) -> Self {
        match (send, receive) {
            (true, true) => Direction::SendRecv,
            (true, false) => Direction::SendOnly,
            (false, true) => Direction::RecvOnly,
            (false, false) => Direction::Inactive,
        }
    }

    /// Whether the writer sends.
    pub const fn sends(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }

    /// Whether the writer receives.
    pub const fn receives(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::RecvOnly)
    }

    /// The same seen from the other side.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Direction::new(self.receives(), self.sends())
    }

    /// What both allow, both seen from the same side.
    #[must_use]
    pub const fn and(self, other: Direction) -> Self {
        Direction::new(self.sends() && other.sends(), self.receives() && other.receives())
    }

    /// The attribute.
    pub const fn as_str(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }
}

/// What this side can do on one leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalMedia {
    /// The address that the far side shall send RTP to.
    pub address: IpAddr,
    /// The RTP port; RTCP is on the next one, or on the same one when both sides agree on multiplexing.
    pub port: u16,
    /// Codecs in order of preference.
    pub codecs: Vec<Codec>,
    /// Whether keys are sent and received as RFC 4733 events.
    pub telephone_event: bool,
    /// Whether RTCP may share the RTP port (RFC 5761).
    pub rtcp_mux: bool,
    /// The duration of a packet that we ask for, in milliseconds.
    pub ptime_millis: u32,
    /// Who may send, from our side: `SendOnly` puts the far side on hold with music, `Inactive` without.
    pub direction: Direction,
    /// Whether the audio is encrypted, and with what.
    #[serde(default)]
    pub encryption: Encryption,
}

impl LocalMedia {
    /// Both directions, events, 20 ms, RTCP on the next port or on the same one, not encrypted.
    pub fn new(address: SocketAddr, codecs: &[Codec]) -> Self {
        LocalMedia {
            address: address.ip(),
            port: address.port(),
            codecs: codecs.to_vec(),
            telephone_event: true,
            rtcp_mux: true,
            ptime_millis: 20,
            direction: Direction::SendRecv,
            encryption: Encryption::default(),
        }
    }
}

/// Payload types of telephone-event: each side names the one that it wants to receive (RFC 3264 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TelephoneEvent {
    /// The one to send with.
    pub send: u8,
    /// The one that comes in.
    pub receive: u8,
    /// The clock of the durations that we send; with Opus some phones have events at 8 kHz only.
    pub clock_rate_hz: u32,
}

/// What both sides agreed on, in the terms of this side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Negotiated {
    /// Where our RTP goes.
    pub remote: SocketAddr,
    /// Where our RTCP goes: the same when multiplexed, else the next port or `a=rtcp` (RFC 3605).
    pub remote_rtcp: SocketAddr,
    /// RTP and RTCP share one port.
    pub rtcp_mux: bool,
    /// The codec to send.
    pub codec: Codec,
    /// The payload type to send with: theirs.
    pub payload_type: u8,
    /// The payload types that may come in. Several when the answer took several codecs.
    pub receive: Vec<(u8, Codec)>,
    /// Key presses as RTP events; `None` when one side does not have them at the clock of the codec.
    pub telephone_event: Option<TelephoneEvent>,
    /// The payload types of comfort noise that the far side names; such packets are not voice.
    pub comfort_noise: Option<u8>,
    /// What the far side wants of our Opus.
    #[serde(default)]
    pub opus: opus::Parameters,
    /// The packet duration that the far side asks for, 20 unless it says another.
    pub ptime_millis: u32,
    /// Who may send, from our view.
    pub direction: Direction,
    /// The far side put us on hold: it does not want to hear us (`sendonly`, `inactive`, or `c=0.0.0.0` of
    /// RFC 2543).
    pub hold: bool,
    /// The keys; none for plain RTP.
    #[serde(default)]
    pub keys: Option<Keys>,
}

impl Negotiated {
    /// The codec of an incoming payload type.
    pub fn codec_of(&self, payload_type: u8) -> Option<Codec> {
        self.receive.iter().find(|(number, _)| *number == payload_type).map(|(_, codec)| *codec)
    }
}

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod secure_tests;
