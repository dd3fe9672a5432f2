//! RTCP of one leg (RFC 3550 §6): our reports, and what the far side's reports say about us.
//!
//! Sender reports, receiver reports, source descriptions, BYE and the VoIP metrics of extended reports (RFC 3611) are read
//! and written; other packets of a compound are stepped over. Who does not know extended reports steps over ours.

use std::time::Duration;

use rand::Rng;
use rtcp_types::prelude::*;
use rtcp_types::{
    Bye, Compound, ReceiverReport, ReportBlock, ReportBlockBuilder, Sdes, SdesChunk, SdesItem, SenderReport,
};
use serde::{Deserialize, Serialize};

use super::jitter::MAX_TARGET_MILLIS;
use super::quality::Conditions;
use super::receiver::Receiver;
use super::sender::Sender;
use super::xr::{self, VoipMetrics};
use crate::time::Timestamp;

/// Seconds between 1900, where NTP counts from, and 1970.
const NTP_OFFSET_SECS: u64 = 2_208_988_800;
/// RFC 3550 §6.2: the least interval between reports; the real one is 0.5 to 1.5 times of it.
const INTERVAL: Duration = Duration::from_secs(5);
/// Packets of one compound that are looked at.
const MAX_PACKETS: usize = 32;
/// A round trip beyond this is a clock that was set, not a network.
const MAX_ROUND_TRIP_MILLIS: f32 = 30_000.0;

/// Why octets are no RTCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RtcpError {
    /// Shorter than it says, another version, or a beginning that is no report (RFC 3550 appendix A.2).
    #[error("read an RTCP packet: it is malformed")]
    Malformed,
}

/// What the far side says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// A report; [`Rtcp::far_side`] is up to date.
    Report,
    /// It ends its stream (RFC 3550 §6.6). SIP decides about the call; this only explains why sound stops.
    Bye,
}

/// Our stream as the far side receives it.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FarSide {
    /// Loss since its report before, in percent.
    pub loss_percent: f32,
    /// Packets lost since the beginning.
    pub lost: i32,
    /// Interarrival jitter in milliseconds.
    pub jitter_millis: f32,
    /// Round trip, when both sides report.
    pub round_trip_millis: Option<f32>,
    /// Reports received.
    pub reports: u32,
}

/// See the module. The owner calls [`Rtcp::report`] at [`Rtcp::deadline`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rtcp {
    canonical_name: String,
    /// The middle of the last sender report's NTP time, and when it came.
    last_sender_report: Option<(u32, Timestamp)>,
    far_side: FarSide,
    /// How the far side says it hears us.
    #[serde(default)]
    far_metrics: Option<VoipMetrics>,
    next_at: Timestamp,
    /// Packets sent at our last report: without new ones it is a receiver report.
    reported_packets: u32,
}

impl Rtcp {
    /// A leg whose first report is due in half an interval. `canonical_name` is `user@host` or any constant text
    /// (RFC 7022); up to 255 octets are used.
    pub fn new(now: Timestamp, canonical_name: &str) -> Self {
        let mut end = canonical_name.len().min(255);
        while !canonical_name.is_char_boundary(end) {
            end -= 1;
        }
        Rtcp {
            canonical_name: canonical_name.get(..end).unwrap_or_default().to_owned(),
            last_sender_report: None,
            far_side: FarSide::default(),
            far_metrics: None,
            next_at: now + INTERVAL / 2,
            reported_packets: 0,
        }
    }

    /// When the next report is due.
    pub fn deadline(&self) -> Timestamp {
        self.next_at
    }

    /// Our stream as the far side receives it.
    pub fn far_side(&self) -> FarSide {
        self.far_side
    }

    /// How the far side says it hears us, when it sends extended reports.
    pub fn far_metrics(&self) -> Option<VoipMetrics> {
        self.far_metrics
    }

    /// Writes the report that is due and sets the next deadline; returns its length.
    pub fn report(
        &mut self,
        now: Timestamp,
        sender: &Sender,
        receiver: &mut Receiver,
        generator: &mut impl Rng,
        output: &mut [u8],
    ) -> usize {
        // RFC 3550 §6.3.1: spread, so that the reports of many legs do not fall together.
        let spread = (u64::from(generator.next_u32()) * INTERVAL.as_micros() as u64) >> 32;
        self.next_at = now + INTERVAL / 2 + Duration::from_micros(spread);
        self.write(now, sender, receiver, false, output)
    }

    /// Writes the last report with a BYE; returns its length.
    pub fn bye(
        &mut self,
        now: Timestamp,
        sender: &Sender,
        receiver: &mut Receiver,
        output: &mut [u8],
    ) -> usize {
        self.write(now, sender, receiver, true, output)
    }

    /// Takes a datagram of the far side. Of one that is malformed anywhere nothing is believed.
    pub fn receive(&mut self, now: Timestamp, datagram: &[u8], sender: &Sender) -> Result<Heard, RtcpError> {
        let before = (self.last_sender_report, self.far_side, self.far_metrics);
        let outcome = self.read(now, datagram, sender);
        if outcome.is_err() {
            (self.last_sender_report, self.far_side, self.far_metrics) = before;
        }
        outcome
    }

    fn read(&mut self, now: Timestamp, datagram: &[u8], sender: &Sender) -> Result<Heard, RtcpError> {
        let mut rest = datagram;
        let mut heard = Heard::Report;
        for place in 0..MAX_PACKETS {
            let &[first, kind, high, low, ..] = rest else {
                return if rest.is_empty() && place > 0 { Ok(heard) } else { Err(RtcpError::Malformed) };
            };
            let len = (usize::from(u16::from_be_bytes([high, low])) + 1) * 4;
            let packet = rest.get(..len).ok_or(RtcpError::Malformed)?;
            if first >> 6 != 2 {
                return Err(RtcpError::Malformed);
            }
            // RFC 3550 appendix A.2: only the last packet is padded, and never the first.
            if first & 0x20 != 0 && (place == 0 || rest.len() > len) {
                return Err(RtcpError::Malformed);
            }
            match kind {
                SenderReport::PACKET_TYPE => {
                    let report = SenderReport::parse(packet).map_err(|_| RtcpError::Malformed)?;
                    self.last_sender_report = Some(((report.ntp_timestamp() >> 16) as u32, now));
                    report.report_blocks().for_each(|block| self.take(now, &block, sender));
                }
                ReceiverReport::PACKET_TYPE => {
                    let report = ReceiverReport::parse(packet).map_err(|_| RtcpError::Malformed)?;
                    report.report_blocks().for_each(|block| self.take(now, &block, sender));
                }
                Bye::PACKET_TYPE if len < 4 + 4 * usize::from(first & 0x1F) => {
                    return Err(RtcpError::Malformed);
                }
                Bye::PACKET_TYPE => heard = Heard::Bye,
                xr::PACKET_TYPE if place > 0 => {
                    let metrics = VoipMetrics::read(packet, sender.position().ssrc);
                    self.far_metrics = metrics.or(self.far_metrics);
                }
                // Appendix A.2: a compound begins with a report. Reduced-size ones (RFC 5506) are not negotiated.
                _ if place == 0 => return Err(RtcpError::Malformed),
                _ => {}
            }
            rest = rest.get(len..).unwrap_or_default();
        }
        Ok(heard)
    }

    fn take(&mut self, now: Timestamp, block: &ReportBlock<'_>, sender: &Sender) {
        if block.ssrc() != sender.position().ssrc {
            return;
        }
        let clock_khz = sender.config().codec.clock_rate_hz() as f32 / 1_000.0;
        // 24 bits with a sign.
        let lost = (block.cumulative_lost() << 8).cast_signed() >> 8;
        let round_trip_millis = match block.last_sender_report_timestamp() {
            0 => self.far_side.round_trip_millis,
            last => {
                // RFC 3550 §6.4.1: now minus the report minus the time it lay there, in 1/65536 s.
                let passed = (ntp(now) >> 16) as u32;
                let lay = block.delay_since_last_sender_report_timestamp();
                let ticks = passed.wrapping_sub(last).wrapping_sub(lay).cast_signed();
                let millis = ticks as f32 * 1_000.0 / 65_536.0;
                // Clocks tick a little apart: a small negative value is zero.
                if (-50.0..MAX_ROUND_TRIP_MILLIS).contains(&millis) {
                    Some(millis.max(0.0))
                } else {
                    self.far_side.round_trip_millis
                }
            }
        };
        self.far_side = FarSide {
            loss_percent: f32::from(block.fraction_lost()) * 100.0 / 256.0,
            lost,
            jitter_millis: block.interarrival_jitter() as f32 / clock_khz,
            round_trip_millis,
            reports: self.far_side.reports.saturating_add(1),
        };
    }

    fn write(
        &mut self,
        now: Timestamp,
        sender: &Sender,
        receiver: &mut Receiver,
        bye: bool,
        output: &mut [u8],
    ) -> usize {
        let position = sender.position();
        let block = self.block(now, receiver);
        let item = SdesItem::builder(SdesItem::CNAME, &self.canonical_name);
        let names = Sdes::builder().add_chunk(SdesChunk::builder(position.ssrc).add_item(item));
        let mut compound = Compound::builder();
        if position.packets != self.reported_packets {
            let mut report = SenderReport::builder(position.ssrc)
                .ntp_timestamp(ntp(now))
                .rtp_timestamp(sender.timestamp_at(now))
                .packet_count(position.packets)
                .octet_count(position.octets);
            if let Some(block) = block {
                report = report.add_report_block(block);
            }
            compound = compound.add_packet(report);
        } else {
            let mut report = ReceiverReport::builder(position.ssrc);
            if let Some(block) = block {
                report = report.add_report_block(block);
            }
            compound = compound.add_packet(report);
        }
        self.reported_packets = position.packets;
        compound = compound.add_packet(names);
        if bye {
            compound = compound.add_packet(Bye::builder().add_source(position.ssrc));
        }
        let len = compound.write_into(output).unwrap_or(0);
        match self.metrics(receiver) {
            // A good-bye is the end of its compound.
            Some(metrics) if !bye && len > 0 => {
                len + metrics.write_into(position.ssrc, output.get_mut(len..).unwrap_or_default())
            }
            _ => len,
        }
    }

    /// How we hear the far side; none before there is anything to hear.
    fn metrics(&self, receiver: &Receiver) -> Option<VoipMetrics> {
        let ssrc = receiver.ssrc()?;
        let statistics = receiver.statistics();
        let clusters = receiver.clusters();
        let expected = statistics.received.saturating_add_signed(statistics.lost).max(1) as f32;
        let part = |percent: f32| (percent * 2.56).clamp(0.0, 255.0) as u8;
        let round_trip = self.far_side.round_trip_millis.unwrap_or(0.0);
        let conditions = receiver.conditions(round_trip);
        let listening = Conditions { delay_millis: 0.0, ..conditions };
        let millis = |packets: f32| (packets * receiver.packet_millis() as f32) as u16;
        let score = |score: f32| Some((score * 10.0).round() as u8);
        Some(VoipMetrics {
            ssrc,
            loss: part(100.0 * statistics.lost.max(0) as f32 / expected),
            discarded: part(100.0 * statistics.buffer.late as f32 / expected),
            burst_density: part(clusters.burst_percent),
            gap_density: part(clusters.gap_percent),
            burst_millis: millis(clusters.burst_packets),
            gap_millis: millis(clusters.gap_packets),
            round_trip_millis: round_trip as u16,
            end_system_millis: receiver.delay_millis() as u16,
            rating: Some(conditions.rating().round() as u8),
            listening_score: score(listening.mos()),
            conversational_score: score(conditions.mos()),
            buffer_millis: statistics.buffer.target_millis as u16,
            buffer_max_millis: MAX_TARGET_MILLIS as u16,
        })
    }

    fn block(&self, now: Timestamp, receiver: &mut Receiver) -> Option<ReportBlockBuilder> {
        let ssrc = receiver.ssrc()?;
        let sequence = receiver.sequence_mut();
        // RFC 3550 §6.4.1: 24 bits with a sign, clamped.
        let lost = sequence.lost().clamp(-0x80_0000, 0x7F_FFFF) as u32 & 0xFF_FFFF;
        let (last, lay) = self.last_sender_report.map_or((0, 0), |(last, at)| {
            let ticks = now.since(at).as_micros().saturating_mul(65_536) / 1_000_000;
            (last, u32::try_from(ticks).unwrap_or(u32::MAX))
        });
        Some(
            ReportBlock::builder(ssrc)
                .fraction_lost(sequence.take_fraction_lost())
                .cumulative_lost(lost)
                .extended_sequence_number(sequence.highest())
                .interarrival_jitter(sequence.jitter_ticks())
                .last_sender_report_timestamp(last)
                .delay_since_last_sender_report_timestamp(lay),
        )
    }
}

/// NTP time: seconds since 1900 in the upper half, the fraction in the lower one (RFC 3550 §4).
fn ntp(now: Timestamp) -> u64 {
    let micros = u64::try_from(now.as_micros()).unwrap_or(0);
    let secs = (micros / 1_000_000).wrapping_add(NTP_OFFSET_SECS);
    let fraction = ((micros % 1_000_000) << 32) / 1_000_000;
    secs << 32 | fraction
}

#[cfg(test)]
#[path = "rtcp_tests.rs"]
mod tests;
