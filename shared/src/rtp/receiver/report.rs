//! What is known of a stream: counts, delays, and the quality that follows from them.

use super::{Receiver, Statistics};
use crate::audio::FRAME_MILLIS;
use crate::rtp::quality::Conditions;
use crate::rtp::quality::burst::Clusters;

impl Receiver {
    /// A frame did not come. RFC 3611 §4.7.1 counts packets, and as lost what error correction did not bring back.
    pub(super) fn missed(&mut self, mended: bool) {
        self.statistics.mended += u64::from(mended);
        self.missed_millis += FRAME_MILLIS;
        let packet_millis = self.buffer.packet_millis().max(1);
        while self.missed_millis >= packet_millis {
            self.missed_millis -= packet_millis;
            self.bursts.push(!mended);
        }
    }

    /// Counts and delays.
    pub fn statistics(&self) -> Statistics {
        Statistics {
            ssrc: self.source.as_ref().map(|source| source.ssrc),
            received: self.sequence.received(),
            lost: self.sequence.lost(),
            jitter_millis: self.sequence.jitter_millis(),
            buffer: self.buffer.status(),
            ..self.statistics
        }
    }

    /// What quality is to be expected, with the round trip that RTCP measured: loss and its clusters behind the jitter
    /// buffer, where late packets count like lost ones.
    pub fn conditions(&self, round_trip_millis: f32) -> Conditions {
        let clusters = self.clusters();
        Conditions {
            codec: self.codec,
            loss_percent: clusters.loss_percent,
            delay_millis: round_trip_millis / 2.0 + self.delay_millis(),
            burst_ratio: clusters.burst_ratio,
        }
    }

    /// Delay on our side: the jitter buffer and a packet.
    pub fn delay_millis(&self) -> f32 {
        (self.buffer.status().target_millis + self.buffer.packet_millis()) as f32
    }

    /// How long the sound of a packet is, in milliseconds.
    pub fn packet_millis(&self) -> u64 {
        self.buffer.packet_millis()
    }

    /// Loss behind the jitter buffer, by bursts and gaps.
    pub fn clusters(&self) -> Clusters {
        self.bursts.clusters()
    }
}
