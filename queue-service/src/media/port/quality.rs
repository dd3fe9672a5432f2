//! How well a port hears its leg: a look every half second.

use std::time::Duration;

use shared::rtp::quality::cause::{Cause, Sample, Watch};
use shared::rtp::quality::one_way::OneWay;
use shared::time::Timestamp;

use super::Port;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(500);
/// Fewer packets than this say nothing about loss.
const FEW_PACKETS: u64 = 10;

/// What was seen of a leg up to the last look.
#[derive(Debug)]
pub(in crate::media) struct Quality {
    watch: Watch,
    one_way: OneWay,
    at: Timestamp,
    received: u64,
    missing: u64,
}

impl Quality {
    pub(super) fn new(now: Timestamp, role: shared::audio::mixer::Role) -> Self {
        Quality { watch: Watch::new(role), one_way: OneWay::default(), at: now, received: 0, missing: 0 }
    }

    /// The worst that is wrong.
    pub(super) fn cause(&self) -> Option<Cause> {
        self.watch.cause()
    }
}

impl Port {
    /// Whether something came since the last look.
    pub(in crate::media) fn is_arriving(&self) -> bool {
        self.stats.packets_received > self.quality.received
    }

    /// Takes a look when one is due. `is_wanted`: somebody listens to this leg, and another one of its call is heard. For
    /// how many milliseconds nothing came, when that is to be told.
    pub(in crate::media) fn look(&mut self, now: Timestamp, is_wanted: bool) -> Option<u64> {
        let line = self.line.as_ref()?;
        let round_trip = line.rtcp.far_side().round_trip_millis.unwrap_or(0.0);
        let statistics = line.receiver.statistics();
        let (received, came) = (self.stats.packets_received, self.is_arriving());
        let missing = u64::try_from(statistics.lost).unwrap_or(0) + statistics.buffer.late;
        let quality = &mut self.quality;
        let lately = (received.saturating_sub(quality.received), missing.saturating_sub(quality.missing));
        let all = lately.0.saturating_add(lately.1);
        let loss_percent = if all < FEW_PACKETS { 0.0 } else { 100.0 * lately.1 as f32 / all as f32 };
        let jitter_millis = statistics.jitter_millis;
        let delay_millis = round_trip / 2.0 + line.receiver.delay_millis();
        quality.watch.push(now, Sample { loss_percent, jitter_millis, delay_millis });
        (quality.at, quality.received, quality.missing) = (now, received, missing);
        let is_expected = is_wanted
            && line.negotiated.direction.receives()
            && !self.party.held
            && !line.receiver.is_told_silent();
        let silent = quality.one_way.push(now, is_expected, came)?;
        u64::try_from(silent.as_millis()).ok()
    }

    /// A look is due.
    pub(in crate::media) fn is_look_due(&self, now: Timestamp) -> bool {
        now.since(self.quality.at) >= LOOK
    }
}
