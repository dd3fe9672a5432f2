//! Numbers of legs and workers.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use shared::audio::codec::Codec;
use shared::rtp::quality::cause::Cause;

/// One leg's media, both ways, from the opening of its port on.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct LegStats {
    /// The codec that was sent last.
    pub codec: Option<Codec>,
    /// RTP packets sent.
    pub packets_sent: u64,
    /// RTP packets received from the leg's own address.
    pub packets_received: u64,
    /// Packets that never came.
    pub packets_lost: u64,
    /// Packets that came too late to be heard.
    pub packets_late: u64,
    /// Frames of 20 ms that had to be made up.
    pub frames_concealed: u64,
    /// Interarrival jitter in milliseconds (RFC 3550 §6.4.1).
    pub jitter_millis: f32,
    /// Packets from another address than the leg's, dropped.
    pub packets_foreign: u64,
    /// Datagrams that are no packet, or of a payload type that was not agreed on.
    pub packets_malformed: u64,
    /// Datagrams that SRTP refused: another key, a replay, or no protection at all.
    #[serde(default)]
    pub packets_unauthentic: u64,
    /// Packets relayed without decoding.
    pub packets_relayed: u64,
    /// Round trip by RTCP in milliseconds.
    pub round_trip_millis: Option<f32>,
    /// Packets of ours that the far side lost, by its last report.
    pub remote_lost: Option<i64>,
    /// Jitter that the far side sees, in milliseconds.
    pub remote_jitter_millis: Option<f32>,
    /// Estimated opinion score of what we hear, 1 to 4.5 (ITU-T G.107).
    pub mos: Option<f32>,
    /// The worst that is wrong with what we hear, and since when.
    #[serde(default)]
    pub cause: Option<Cause>,
}

/// All workers together, since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MediaStats {
    /// Worker threads.
    pub workers: u64,
    /// Bridges open now.
    pub bridges: u64,
    /// Ports open now.
    pub ports: u64,
    /// Bridges that relay now, and mix for nobody.
    pub relaying: u64,
    /// RTP packets sent.
    pub packets_sent: u64,
    /// RTP packets received and accepted.
    pub packets_received: u64,
    /// Packets from a wrong address.
    pub packets_foreign: u64,
    /// Datagrams that are no RTP or RTCP, lie about their lengths or have a payload type that was not agreed on.
    pub packets_malformed: u64,
    /// Datagrams that SRTP refused.
    pub packets_unauthentic: u64,
    /// Datagrams that the system did not take.
    pub send_errors: u64,
    /// Frames of 20 ms that a worker was too late for.
    pub ticks_late: u64,
    /// Events that were lost because the switch did not take them.
    pub events_lost: u64,
    /// Times that nothing came of a leg that should have been heard.
    pub one_way: u64,
}

/// What one worker counts, read by others.
#[derive(Debug, Default)]
pub(super) struct WorkerCounters {
    pub(super) bridges: AtomicU64,
    pub(super) ports: AtomicU64,
    pub(super) relaying: AtomicU64,
    pub(super) packets_sent: AtomicU64,
    pub(super) packets_received: AtomicU64,
    pub(super) packets_foreign: AtomicU64,
    pub(super) packets_malformed: AtomicU64,
    pub(super) packets_unauthentic: AtomicU64,
    pub(super) send_errors: AtomicU64,
    pub(super) frames_late: AtomicU64,
    pub(super) events_lost: AtomicU64,
    pub(super) one_way: AtomicU64,
}

/// Why a datagram is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dropped {
    /// It is from another address than the leg's.
    Foreign,
    /// It is no packet of the kind that was agreed on.
    Malformed,
    /// SRTP refuses it.
    Unauthentic,
}

impl WorkerCounters {
    /// Counts a datagram that is dropped, with its leg and with its worker.
    pub(super) fn count_dropped(&self, leg: &mut LegStats, why: Dropped) {
        let (of_leg, of_worker) = match why {
            Dropped::Foreign => (&mut leg.packets_foreign, &self.packets_foreign),
            Dropped::Malformed => (&mut leg.packets_malformed, &self.packets_malformed),
            Dropped::Unauthentic => (&mut leg.packets_unauthentic, &self.packets_unauthentic),
        };
        *of_leg += 1;
        WorkerCounters::count(of_worker);
    }

    /// One more.
    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// One less.
    pub(super) fn uncount(counter: &AtomicU64) {
        counter.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn add_to(&self, stats: &mut MediaStats) {
        stats.bridges += self.bridges.load(Ordering::Relaxed);
        stats.ports += self.ports.load(Ordering::Relaxed);
        stats.relaying += self.relaying.load(Ordering::Relaxed);
        stats.packets_sent += self.packets_sent.load(Ordering::Relaxed);
        stats.packets_received += self.packets_received.load(Ordering::Relaxed);
        stats.packets_foreign += self.packets_foreign.load(Ordering::Relaxed);
        stats.packets_malformed += self.packets_malformed.load(Ordering::Relaxed);
        stats.packets_unauthentic += self.packets_unauthentic.load(Ordering::Relaxed);
        stats.send_errors += self.send_errors.load(Ordering::Relaxed);
        stats.ticks_late += self.frames_late.load(Ordering::Relaxed);
        stats.events_lost += self.events_lost.load(Ordering::Relaxed);
        stats.one_way += self.one_way.load(Ordering::Relaxed);
    }
}
