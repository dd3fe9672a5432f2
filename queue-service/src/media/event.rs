//! What the workers tell the switch.
//!
//! A worker never waits for the switch. When the channel is full, [`MediaEvent::Talk`] is dropped (the next one
//! tells the state anew) and everything else waits in the worker, at most 4,096 events; beyond that the oldest is
//! lost with an error in the log.

use shared::id::{CallId, LegId};
use shared::model::sound::Side;
use shared::rtp::quality::cause::Cause;

use super::stats::LegStats;

/// Something that happened on a leg.
#[derive(Debug, Clone, PartialEq)]
pub enum MediaEvent {
    /// A key went down; once for each key, whatever was lost or repeated on the way.
    Digit {
        /// The call.
        call: CallId,
        /// Who pressed.
        leg: LegId,
        /// `0` to `9`, `*`, `#`, `A` to `D`.
        digit: char,
    },
    /// A prompt that was to be played once came to its end.
    PlayDone {
        /// The call.
        call: CallId,
        /// Who heard it.
        leg: LegId,
        /// As it was given to `play`.
        id: u64,
    },
    /// Nothing was received although something should be. Comes once; again after packets came and ceased.
    NoMedia {
        /// The call.
        call: CallId,
        /// Who is silent.
        leg: LegId,
        /// For how long.
        for_secs: u32,
    },
    /// Nothing comes of a leg that shall be heard, while another one of the call is heard. Comes within 3 s, once for each
    /// time.
    OneWay {
        /// The call.
        call: CallId,
        /// Who is not heard.
        leg: LegId,
        /// Whose leg it is.
        side: Side,
        /// For how long.
        for_millis: u64,
        /// What else is wrong with the leg, if anything: loss, jitter, delay.
        cause: Option<Cause>,
    },
    /// Something comes of that leg again, or nothing is expected any more.
    Heard {
        /// The call.
        call: CallId,
        /// Who.
        leg: LegId,
    },
    /// Somebody began or ceased to talk. Only while the bridge decodes (it mixes or records).
    Talk {
        /// The call.
        call: CallId,
        /// Who.
        leg: LegId,
        /// Talks now.
        talking: bool,
    },
    /// A port is closed; the last event of its leg.
    PortClosed {
        /// The call.
        call: CallId,
        /// Whose.
        leg: LegId,
        /// The numbers of its whole life.
        stats: LegStats,
    },
}
