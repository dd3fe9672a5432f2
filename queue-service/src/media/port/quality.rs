//! How well a port hears its leg: a look every half second.

use std::time::Duration;

use shared::model::sound::LegSound;
use shared::rtp::quality::Conditions;
use shared::rtp::quality::cause::{Cause, Sample, Watch};
use shared::rtp::quality::one_way::OneWay;
use shared::rtp::rtcp::FarSide;
use shared::time::Timestamp;

use super::Port;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(500);
/// Fewer packets than this say nothing about loss.
const FEW_PACKETS: u64 = 10;
/// Loss is shown as the mean of about so many looks.
const LOSS_LOOKS: f32 = 8.0;
/// Length of a frame of the mix.
const FRAME_MILLIS: f32 = 20.0;
/// A sine of full scale is that much below a square wave, to which dBov refers.
const SINE_DB: f32 = 3.01;

/// What a look finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::media) enum Found {
    /// Nothing came for so many milliseconds, which is to be told.
    Silent(u64),
    /// What was told is over.
    Back,
}

fn tenths(value: f32) -> f32 {
    (value * 10.0).round() / 10.0
}

/// What was seen of a leg up to the last look.
#[derive(Debug)]
pub(in crate::media) struct Quality {
    watch: Watch,
    one_way: OneWay,
    at: Timestamp,
    received: u64,
    missing: u64,
    /// Loss in percent, of about the last four seconds.
    loss_percent: f32,
    concealed: u64,
    /// Frames that were made up, in percent, of the same time.
    concealed_percent: f32,
    delay_millis: f32,
}

impl Quality {
    pub(super) fn new(now: Timestamp, role: shared::audio::mixer::Role) -> Self {
        Quality {
            watch: Watch::new(role),
            one_way: OneWay::default(),
            at: now,
            received: 0,
            missing: 0,
            loss_percent: 0.0,
            concealed: 0,
            concealed_percent: 0.0,
            delay_millis: 0.0,
        }
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

    /// Takes a look when one is due. `is_wanted`: somebody listens to this leg, and another one of its call is heard.
    pub(in crate::media) fn look(&mut self, now: Timestamp, is_wanted: bool) -> Option<Found> {
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
        quality.loss_percent += (loss_percent - quality.loss_percent) / LOSS_LOOKS;
        let concealed = statistics.made_up();
        let frames = (now.since(quality.at).as_millis() as f32 / FRAME_MILLIS).max(1.0);
        let concealed_percent = 100.0 * concealed.saturating_sub(quality.concealed) as f32 / frames;
        quality.concealed_percent += (concealed_percent.min(100.0) - quality.concealed_percent) / LOSS_LOOKS;
        (quality.concealed, quality.delay_millis) = (concealed, delay_millis);
        quality.watch.push(now, Sample { loss_percent, jitter_millis, delay_millis });
        (quality.at, quality.received, quality.missing) = (now, received, missing);
        let is_expected = is_wanted
            && line.negotiated.direction.receives()
            && !self.party.held
            && !line.receiver.is_told_silent();
        let was_alarm = quality.one_way.is_alarm();
        match quality.one_way.push(now, is_expected, came) {
            Some(silent) => u64::try_from(silent.as_millis()).ok().map(Found::Silent),
            None => (was_alarm && !quality.one_way.is_alarm()).then_some(Found::Back),
        }
    }

    /// How the leg sounds; `listens`: its frames are decoded now and were for a while.
    pub(in crate::media) fn sound(&self, listens: bool) -> (LegSound, Option<Cause>) {
        let stats = self.stats();
        let line = self.line.as_ref().filter(|_| listens);
        let receives = line.is_some_and(|line| line.negotiated.direction.receives());
        let level_dbov = self.meter.level_dbov();
        let sound = LegSound {
            leg: self.leg,
            side: self.party.role.into(),
            talking: receives.then(|| self.talk.is_talking()),
            level_dbfs: receives.then(|| (level_dbov + SINE_DB).min(0.0).round()),
            clipping: receives && self.meter.is_clipping(),
            unheard_since: self.quality.one_way.alarm_since(),
            mos_from: stats.mos.map(tenths),
            mos_to: self.mos_to().map(tenths),
            loss_percent: tenths(self.quality.loss_percent),
            concealed_percent: tenths(self.quality.concealed_percent),
            delay_millis: self.quality.delay_millis.round(),
            loss_to_percent: self.far_side().map(|far_side| tenths(far_side.loss_percent)),
            jitter_millis: stats.jitter_millis.round(),
            round_trip_millis: stats.round_trip_millis.map(f32::round),
            cause: None,
        };
        (sound, stats.cause)
    }

    fn far_side(&self) -> Option<FarSide> {
        self.line.as_ref().map(|line| line.rtcp.far_side()).filter(|far_side| far_side.reports > 0)
    }

    /// The score of what the leg hears: its own by extended reports (RFC 3611 §4.7.5), else from loss and jitter of its
    /// receiver reports.
    fn mos_to(&self) -> Option<f32> {
        let line = self.line.as_ref()?;
        let own = line.rtcp.far_metrics().and_then(|metrics| metrics.conversational_score);
        if let Some(own) = own {
            return Some(f32::from(own) / 10.0);
        }
        let far_side = self.far_side()?;
        let codec = self.stats.codec?;
        let round_trip = far_side.round_trip_millis.unwrap_or(0.0);
        // A packet, and a jitter buffer of twice the jitter as most phones have it.
        let delay_millis = round_trip / 2.0 + 20.0 + 2.0 * far_side.jitter_millis;
        Some(Conditions::new(codec, far_side.loss_percent, delay_millis).mos())
    }

    /// A look is due.
    pub(in crate::media) fn is_look_due(&self, now: Timestamp) -> bool {
        now.since(self.quality.at) >= LOOK
    }
}
