//! A session as plain data: another process goes on with it on the same ports.
//!
//! What the far sides see goes on: port, SSRC, sequence, timestamps and SRTP keys with their rollover. What is heard
//! begins anew with an empty jitter buffer. Players and recordings are the switch's to start again.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::audio::mixer::Party;
use shared::id::{CallId, LegId};
use shared::rtp::sender::Position;
use shared::rtp::srtp::{InboundState, State};
use shared::sdp::Negotiated;
use shared::time::Timestamp;
use tokio::sync::oneshot;

use super::latch::Latch;
use super::worker::Command;
use super::{BridgeId, Media, MediaError, socket};

/// What may have been sent after the session was saved and before its process ended, besides what the time between the
/// two tells: packets.
const SPARE_PACKETS: u64 = 64;
/// The shortest packets that there are.
const SHORTEST_PACKET: Duration = Duration::from_millis(10);
/// A longer pause is taken for this long, so that the far side still knows the sequence (RFC 3550 appendix A.1).
const MOST_PACKETS: u64 = 2_900;

/// One bridge. Who hears whom follows from the parties, as ever.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedBridge {
    /// Its call.
    pub call: CallId,
    /// When this was true.
    pub saved_at: Timestamp,
    /// Its legs, in their order.
    pub legs: Vec<SavedLeg>,
}

/// One leg.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedLeg {
    /// Which.
    pub leg: LegId,
    /// What it is in the bridge.
    pub party: Party,
    /// The port of its RTP.
    pub port: u16,
    /// Keys are looked for in its sound.
    #[serde(default)]
    pub hears_keys: bool,
    /// From where packets are taken, and where ours go.
    pub(super) latch: Latch,
    /// What there is after the first negotiation.
    pub line: Option<SavedLine>,
}

/// What was agreed on, and where the stream is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedLine {
    /// Addresses, codecs, keys.
    pub negotiated: Negotiated,
    /// What is sent: SSRC, sequence, timestamp.
    pub position: Position,
    /// The name in our reports (RFC 3550 §6.5.1).
    pub canonical_name: String,
    /// SRTP: rollover and replay window, of what is sent and of what is received.
    pub protection: Option<(State, InboundState)>,
}

impl SavedLine {
    /// The sequence goes on behind whatever was sent since `saved_at`: a number that is used twice under one key would
    /// betray both packets (RFC 3711 §9.1).
    pub(super) fn skip(&mut self, now: Timestamp, saved_at: Timestamp) {
        let elapsed = now.since(saved_at).as_micros() / SHORTEST_PACKET.as_micros();
        let skipped = u64::try_from(elapsed).unwrap_or(MOST_PACKETS).saturating_add(SPARE_PACKETS);
        self.position.sequence = self.position.sequence.wrapping_add(skipped.min(MOST_PACKETS) as u16);
    }
}

impl Media {
    /// A bridge as plain data; `None` when there is none (any more).
    pub async fn save(&self, bridge: BridgeId) -> Option<SavedBridge> {
        let (reply, answer) = oneshot::channel();
        self.send(bridge, Command::Save { bridge, reply });
        answer.await.ok()
    }

    /// Goes on with a bridge that another process had, on the same ports.
    ///
    /// # Errors
    /// When a port is taken by somebody else, or a leg is here already. Nothing of the bridge is kept then.
    pub fn resume(&self, saved: SavedBridge) -> Result<BridgeId, MediaError> {
        let bridge = self.open_bridge(saved.call);
        for leg in saved.legs {
            let opened = self
                .claim(bridge, leg.leg)
                .and_then(|()| socket::open_at(&self.shared.config, leg.port, &self.shared.pool));
            match opened {
                Ok(sockets) => self.send(
                    bridge,
                    Command::ResumePort {
                        bridge,
                        saved_at: saved.saved_at,
                        saved: Box::new(leg),
                        sockets: Box::new(sockets),
                    },
                ),
                Err(error) => {
                    self.close_bridge(bridge);
                    return Err(error);
                }
            }
        }
        Ok(bridge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_skips_what_may_have_been_sent_and_never_too_much() {
        let saved_at = Timestamp::from_secs(1_000);
        let negotiated = super::super::tests::agreed("127.0.0.1:4000".parse().expect("address"));
        let position = Position { ssrc: 1, sequence: 65_500, timestamp: 0, at: None, packets: 9, octets: 9 };
        for (millis, sequence) in [(0, 28), (1_000, 128), (3_600_000, 2_864)] {
            let mut line = SavedLine {
                negotiated: negotiated.clone(),
                position,
                canonical_name: "name".into(),
                protection: None,
            };
            line.skip(saved_at + Duration::from_millis(millis), saved_at);
            assert_eq!(line.position.sequence, sequence, "after {millis} ms");
        }
    }
}
