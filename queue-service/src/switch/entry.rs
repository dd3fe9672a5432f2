//! One call in the switch's table: the pure machine, and the legs that carry it out.

use std::collections::BTreeMap;

use shared::audio::codec::Codec;
use shared::id::{LegId, OfferId, QueueId, RecordingId};
use shared::sdp::{LocalDescription, LocalMedia};
use shared::sip::{Headers, SessionId};
use shared::time::Timestamp;

use crate::call::machine::Machine;
use crate::media::BridgeId;
use crate::sip::trunk::hunt::Hunt;

/// A call with its legs.
pub(super) struct Entry {
    pub machine: Machine,
    pub bridge: BridgeId,
    pub legs: BTreeMap<LegId, Leg>,
    pub recording: Option<RecordingId>,
    /// The codec of the customer's leg: offered first to the others, so that nothing is transcoded without need.
    pub codec: Option<Codec>,
    /// The deadline that is in the switch's table.
    pub deadline: Option<Timestamp>,
    /// The headers of the INVITE that began the call; of them only those pass that a trunk's list names.
    pub headers: Headers,
    /// The Q.850 cause with which a leg ended first, for the others.
    pub cause: Option<u8>,
    /// The smallest place in a queue that the caller was told.
    pub told_position: Option<(QueueId, u32)>,
    /// When the phone of an offer answered.
    pub answered_at: BTreeMap<OfferId, Timestamp>,
}

/// One SIP session with its port.
pub(super) struct Leg {
    pub session: SessionId,
    pub description: LocalDescription,
    pub local: LocalMedia,
    pub state: LegState,
    /// The phone has put us on hold.
    pub held: bool,
    /// A leg over a trunk: the ways, and what is shown there.
    pub out: Option<Out>,
    /// Its media is connected before its answer.
    pub early: bool,
}

/// A leg over a trunk.
pub(super) struct Out {
    pub hunt: Hunt,
    /// The number to show, unless the trunk's own.
    pub number: Option<String>,
    /// The far side has said something about this way.
    pub rings: bool,
}

/// Where a leg is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LegState {
    /// Called us, not answered; what we shall answer with (none for an INVITE without an offer).
    Incoming { answer: Option<String> },
    /// Called by us, not answered.
    Calling { offer: Option<OfferId> },
    /// Answered.
    Up,
    /// The signalling is over; only the port is left.
    Over,
}
