//! What was agreed on for a leg, with the streams of both directions.

use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use shared::ahead;
use shared::audio::codec::{Codec, CodecError};
use shared::rtp::receiver::{self, Receiver};
use shared::rtp::rtcp::Rtcp;
use shared::rtp::sender::{self, Sender};
use shared::sdp::Negotiated;
use shared::time::Timestamp;

use super::saved::SavedLine;
use super::schedule::FRAME;

/// A frame may be made so much before or after its time: the worker looks twice in a millisecond.
const FRAME_SLACK: Duration = Duration::from_millis(5);
/// More frames than a relay ever leaves to its packets.
const MOST_SKIPPED: Duration = Duration::from_millis(500);

/// What there is from the first negotiation on.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) negotiated: Negotiated,
    pub(super) receiver: Receiver,
    pub(super) sender: Sender,
    pub(super) rtcp: Rtcp,
    /// The name in its reports.
    pub(super) canonical_name: String,
    /// The codec of the last packet.
    pub(super) incoming: Codec,
    /// A bit for each payload type that is expected.
    payload_types: u128,
    /// When the next frame is due that the receiver was not pulled for; none before the first.
    frame_at: Option<Timestamp>,
}

impl Line {
    /// What was agreed on first.
    pub(super) fn new(
        now: Timestamp,
        negotiated: Negotiated,
        random: &mut StdRng,
    ) -> Result<Line, CodecError> {
        // RFC 7022 §4.2: a name of random numbers tells nothing about the leg.
        let canonical_name = format!("{:016x}{:08x}", random.next_u64(), random.next_u32());
        Ok(Line {
            receiver: Receiver::new(receiver::Config::from(&negotiated))?,
            sender: Sender::new(sender::Config::from(&negotiated), random)?,
            rtcp: Rtcp::new(now, &canonical_name),
            canonical_name,
            incoming: negotiated.codec,
            payload_types: payload_types(&negotiated),
            frame_at: None,
            negotiated,
        })
    }

    /// What was agreed on anew; what is sent goes on.
    pub(super) fn configure(&mut self, negotiated: Negotiated) -> Result<(), CodecError> {
        let receive = receiver::Config::from(&negotiated);
        if receive != receiver::Config::from(&self.negotiated) {
            self.incoming = negotiated.codec;
        }
        self.receiver.configure(receive)?;
        self.sender.configure(sender::Config::from(&negotiated))?;
        self.payload_types = payload_types(&negotiated);
        self.negotiated = negotiated;
        Ok(())
    }

    pub(super) fn resume(now: Timestamp, saved: SavedLine) -> Result<Line, CodecError> {
        let SavedLine { negotiated, position, canonical_name, protection: _ } = saved;
        Ok(Line {
            receiver: Receiver::new(receiver::Config::from(&negotiated))?,
            sender: Sender::resume(sender::Config::from(&negotiated), position)?,
            rtcp: Rtcp::new(now, &canonical_name),
            canonical_name,
            incoming: negotiated.codec,
            payload_types: payload_types(&negotiated),
            frame_at: None,
            negotiated,
        })
    }

    /// Asks ahead for what a packet needs beside the streams ([`shared::ahead`]).
    pub(super) fn fetch(&self) {
        ahead::fetch(&self.payload_types);
        ahead::fetch(&self.incoming);
        ahead::fetch(&self.frame_at);
        ahead::fetch_whole(&self.rtcp);
    }

    /// Whether a payload type was agreed on.
    pub(super) fn expects(&self, payload_type: u8) -> bool {
        self.payload_types & bit(payload_type) != 0 || self.receiver.is_from_before(payload_type)
    }

    /// Lets the frames pass that were due until `now`, without decoding: in a relay the packets do it as they come, so
    /// that the frames themselves have nothing to do.
    pub(super) fn skip(&mut self, now: Timestamp) {
        let first_at = self.frame_at.unwrap_or(now);
        // Who was away for long has nothing to catch up with.
        let mut at = if now.since(first_at) > MOST_SKIPPED { now } else { first_at };
        while at <= now + FRAME_SLACK {
            self.receiver.skip(at.min(now));
            at += FRAME;
        }
        self.frame_at = Some(at);
    }

    /// The same for a packet that comes: what was due before it comes first.
    pub(super) fn skip_if_due(&mut self, now: Timestamp) {
        if self.frame_at.is_some_and(|at| at <= now) {
            self.skip(now);
        }
    }

    /// Before a frame is decoded: what was left to the packets so far comes first.
    pub(super) fn begin_decoding(&mut self, now: Timestamp) {
        if self.frame_at.is_some() {
            self.skip(now - FRAME);
            if let Some(at) = self.frame_at.take() {
                // From here on the bridge pulls at moments of its own.
                let (later, earlier) = (now.millis_since(at), at.millis_since(now));
                self.receiver.pulls_come_later(later.cast_signed() - earlier.cast_signed());
            }
        }
    }

    /// Lets a frame pass that the worker was too late for.
    pub(super) fn miss_frame(&mut self, now: Timestamp) {
        if self.frame_at.is_some() {
            self.skip(now);
        } else {
            self.receiver.skip(now);
        }
    }
}

/// Comfort noise at 8 kHz, which needs no agreement (RFC 3389 §4).
const STATIC_NOISE: u8 = 13;

fn payload_types(negotiated: &Negotiated) -> u128 {
    let voices = negotiated.receive.iter().map(|(number, _)| *number);
    let event = negotiated.telephone_event.map(|event| event.receive);
    voices
        .chain(event)
        .chain(negotiated.comfort_noise)
        .chain([STATIC_NOISE])
        .fold(0, |set, number| set | bit(number))
}

/// Payload types have seven bits (RFC 3550 §5.1).
fn bit(payload_type: u8) -> u128 {
    1u128.checked_shl(payload_type.into()).unwrap_or(0)
}
