//! A port: the sockets of one leg, whom it listens to, what it sends.
//!
//! ```text
//! socket ─► latch ─► Packet ─► Receiver ─► frame, keys          (mix)
//!                      └─────► the other port's Sender ─► socket (relay)
//! frame + player ─► Sender ─► socket
//! ```

mod ahead;
pub(super) mod quality;
mod relayed;

use std::net::SocketAddr;
use std::time::Duration;

use rand::rngs::StdRng;
use shared::audio::Frame;
use shared::audio::codec::CodecError;
use shared::audio::keys::Detector;
use shared::audio::level::{Meter, TalkDetector};
use shared::audio::mixer::{MAX_PARTIES, Party, Row};
use shared::audio::opus::Effort;
use shared::id::{CallId, LegId};
use shared::rtp::dtmf::KeyEvent;
use shared::rtp::packet::{self, Packet};
use shared::rtp::receiver::{self, Content, Pulled, Receiver};
use shared::rtp::srtp::MAX_OVERHEAD;
use shared::sdp::Negotiated;
use shared::time::Timestamp;

pub(super) use self::ahead::AHEAD;
use self::quality::Quality;
use super::BridgeId;
use super::handover::Handover;
use super::latch::Latch;
use super::line::Line;
use super::player::Player;
use super::protection::{BUFFER_BYTES, Protection};
use super::saved::{SavedLeg, SavedLine};
use super::socket::Sockets;
use super::stats::{Dropped, LegStats, WorkerCounters};

/// Opus is told to prepare for at least this loss, so that its error correction is never off.
const MIN_LOSS_PERCENT: f32 = 5.0;

/// One leg's end on our side.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) bridge: BridgeId,
    pub(super) call: CallId,
    pub(super) leg: LegId,
    pub(super) party: Party,
    pub(super) sockets: Sockets,
    pub(super) player: Player,
    pub(super) talk: TalkDetector,
    pub(super) meter: Meter,
    /// The slots that packets are forwarded to, by place in the bridge.
    pub(super) relay_to: [Option<usize>; MAX_PARTIES],
    /// The places that have one.
    pub(super) relay_places: Row,
    /// Its packets are forwarded and nobody needs their sound: they move its frames on.
    pub(super) is_relayed: bool,
    /// The slot of the one whose packets are sent on to this port, so that nothing is mixed for it.
    pub(super) relayed_from: Option<usize>,
    /// This port is between relay and mix.
    pub(super) handover: Option<Box<Handover>>,
    /// Who was in the last mix for this port, by place.
    pub(super) mixed: Row,
    /// Whether all that is mixed for this port comes from telephones; none while nothing is.
    pub(super) hears_narrow: Option<bool>,
    /// The end of a voice that is heard no more, for the next mix.
    pub(super) tail: Option<Box<Frame>>,
    /// Where the key that is down went as it came, so that it is not pressed again there when it goes up.
    pub(super) key_relayed_to: [Option<usize>; MAX_PARTIES],
    /// Finds keys in the sound of a leg whose far side sends no events.
    key_detector: Option<Box<Detector>>,
    quality: Quality,
    latch: Latch,
    line: Option<Box<Line>>,
    protection: Protection,
    received_at: Timestamp,
    /// Something has come at all: a phone that has not sent yet has longer than one that falls silent.
    has_received: bool,
    is_missed: bool,
    /// Counts of this port, and of receivers that a negotiation replaced.
    stats: LegStats,
}

/// For how long a phone may send nothing before it is missed. Zero: for ever.
#[derive(Debug, Clone, Copy)]
pub(super) struct Silence {
    /// Until the first packet.
    pub(super) first: Duration,
    /// After it.
    pub(super) again: Duration,
}

impl Port {
    pub(super) fn new(
        now: Timestamp,
        bridge: BridgeId,
        call: CallId,
        leg: LegId,
        party: Party,
        sockets: Sockets,
    ) -> Self {
        Port {
            bridge,
            call,
            leg,
            party,
            sockets,
            player: Player::default(),
            talk: TalkDetector::default(),
            meter: Meter::default(),
            relay_to: [None; MAX_PARTIES],
            relay_places: Row::NOBODY,
            is_relayed: false,
            relayed_from: None,
            handover: None,
            mixed: Row::NOBODY,
            hears_narrow: None,
            tail: None,
            key_relayed_to: [None; MAX_PARTIES],
            key_detector: None,
            quality: Quality::new(now, party.role),
            latch: Latch::new(),
            line: None,
            protection: Protection::default(),
            received_at: now,
            has_received: false,
            is_missed: false,
            stats: LegStats::default(),
        }
    }

    /// Takes over what was agreed on. What is sent goes on in the same stream.
    pub(super) fn connect(&mut self, now: Timestamp, negotiated: Negotiated, random: &mut StdRng) {
        self.latch.negotiate(negotiated.remote);
        self.received_at = now;
        self.is_missed = false;
        self.stats.codec = Some(negotiated.codec);
        self.protection.set(negotiated.keys.as_ref());
        if let Err(error) = self.set_up(now, negotiated, random) {
            tracing::error!(call_id = %self.call, leg_id = %self.leg, %error, "a leg has no sound");
        }
    }

    fn set_up(
        &mut self,
        now: Timestamp,
        negotiated: Negotiated,
        random: &mut StdRng,
    ) -> Result<(), CodecError> {
        match &mut self.line {
            Some(line) => {
                if receiver::Config::from(&negotiated) != receiver::Config::from(&line.negotiated) {
                    add_received(&mut self.stats, &line.receiver);
                }
                line.configure(negotiated)?;
            }
            None => self.line = Some(Box::new(Line::new(now, negotiated, random)?)),
        }
        Ok(())
    }

    /// The leg as plain data.
    pub(super) fn save(&self) -> SavedLeg {
        let line = self.line.as_ref().map(|line| SavedLine {
            negotiated: line.negotiated.clone(),
            position: line.sender.position(),
            canonical_name: line.canonical_name.clone(),
            protection: self.protection.state(),
        });
        SavedLeg {
            leg: self.leg,
            party: self.party,
            port: self.sockets.port,
            latch: self.latch,
            hears_keys: self.key_detector.is_some(),
            line,
        }
    }

    /// Goes on where another process was.
    pub(super) fn resume(
        now: Timestamp,
        bridge: BridgeId,
        call: CallId,
        saved_at: Timestamp,
        saved: SavedLeg,
        sockets: Sockets,
    ) -> Self {
        let mut port = Port::new(now, bridge, call, saved.leg, saved.party, sockets);
        port.latch = saved.latch;
        port.hear_keys(saved.hears_keys);
        if let Some(mut line) = saved.line {
            line.skip(now, saved_at);
            port.stats.codec = Some(line.negotiated.codec);
            port.protection = Protection::resume(line.protection.take());
            match Line::resume(now, line) {
                Ok(line) => port.line = Some(Box::new(line)),
                Err(error) => tracing::error!(%call, leg_id = %saved.leg, %error, "a leg has no sound"),
            }
        }
        port
    }

    /// Takes a datagram from the RTP socket: `None` when it is not for the bridge, else the packet with what it
    /// carries, and whether the plan has to be made anew. It may have been there for as long as `held`.
    pub(super) fn receive<'a>(
        &mut self,
        now: Timestamp,
        held: Duration,
        source: SocketAddr,
        datagram: &'a mut [u8],
        counters: &WorkerCounters,
    ) -> Option<(Packet<'a>, Content, bool)> {
        if packet::is_rtcp(datagram) {
            self.receive_rtcp(now, source, datagram, counters);
            return None;
        }
        let Some(line) = self.line.as_mut().filter(|line| line.negotiated.direction.receives()) else {
            // Before the answer, or while nobody should send: not counted against anybody.
            return None;
        };
        if self.latch.is_foreign(source) {
            counters.count_dropped(&mut self.stats, Dropped::Foreign);
            return None;
        }
        let Some(datagram) = self.protection.open(datagram, false) else {
            counters.count_dropped(&mut self.stats, Dropped::Unauthentic);
            return None;
        };
        let Some(packet) = Packet::read(datagram).ok().filter(|packet| line.expects(packet.payload_type))
        else {
            counters.count_dropped(&mut self.stats, Dropped::Malformed);
            return None;
        };
        // Only what is a packet of this leg's kind may teach its address.
        if !self.latch.accept(source) {
            counters.count_dropped(&mut self.stats, Dropped::Foreign);
            return None;
        }
        self.stats.packets_received += 1;
        WorkerCounters::count(&counters.packets_received);
        self.has_received = true;
        self.received_at = now;
        self.is_missed = false;
        if self.is_relayed {
            line.skip_if_due(now);
        }
        let content = line.receiver.receive_held(now, held, &packet);
        // A key is looked for in every frame.
        let mut plan_again = matches!(content, Content::Event { .. });
        if let Content::Voice(codec) = content
            && codec != line.incoming
        {
            line.incoming = codec;
            plan_again = true;
        }
        Some((packet, content, plan_again))
    }

    /// Takes a datagram of RTCP, from either socket.
    pub(super) fn receive_rtcp(
        &mut self,
        now: Timestamp,
        source: SocketAddr,
        datagram: &mut [u8],
        counters: &WorkerCounters,
    ) {
        let Some(line) = &mut self.line else { return };
        if !self.latch.accept_rtcp(source) {
            return counters.count_dropped(&mut self.stats, Dropped::Foreign);
        }
        let Some(datagram) = self.protection.open(datagram, true) else {
            return counters.count_dropped(&mut self.stats, Dropped::Unauthentic);
        };
        if line.rtcp.receive(now, datagram, &line.sender).is_err() {
            return counters.count_dropped(&mut self.stats, Dropped::Malformed);
        }
        // Who sends reports is there, even when he is silent and saves his packets.
        self.received_at = now;
        let loss_percent = line.rtcp.far_side().loss_percent;
        line.sender.set_expected_loss(loss_percent.clamp(MIN_LOSS_PERCENT, 100.0) as u8);
    }

    /// Takes the next 20 ms of what the leg says, or lets them pass when nobody wants them. True when there is
    /// anything to hear.
    pub(super) fn pull(&mut self, now: Timestamp, decodes: bool, frame: &mut Frame) -> bool {
        let Some(line) = &mut self.line else { return false };
        if decodes {
            line.begin_decoding(now);
            let has_voice = line.receiver.pull(now, frame) != Pulled::Silence;
            if let Some(detector) = &mut self.key_detector
                && line.negotiated.telephone_event.is_none()
            {
                detector.push(if has_voice { &frame.0 } else { &Frame::SILENCE.0 });
            }
            has_voice
        } else {
            line.skip(now);
            false
        }
    }

    /// Listens for keys in the sound, or no more.
    pub(super) fn hear_keys(&mut self, hears: bool) {
        if hears {
            self.key_detector.get_or_insert_default();
        } else {
            self.key_detector = None;
        }
    }

    /// Keys are looked for in the sound, so that it has to be decoded.
    pub(super) fn hears_keys(&self) -> bool {
        let line = self.line.as_ref().filter(|line| line.negotiated.telephone_event.is_none());
        self.key_detector.is_some() && line.is_some()
    }

    /// The next key that went down in the sound. Everybody who hears the leg hears it, so it is not sent on as an event.
    pub(super) fn next_heard_key(&mut self) -> Option<char> {
        let detector = self.key_detector.as_mut()?;
        std::iter::from_fn(|| detector.poll()).find_map(|event| match event {
            KeyEvent::Pressed(key) => Some(key),
            KeyEvent::Released { .. } => None,
        })
    }

    /// Whether the leg speaks over a telephone codec.
    pub(super) fn speaks_narrow(&self) -> bool {
        self.line.as_ref().is_some_and(|line| line.incoming.is_narrow())
    }

    /// The next key that went down or up.
    pub(super) fn next_key(&mut self) -> Option<KeyEvent> {
        self.line.as_mut()?.receiver.poll_key()
    }

    /// Sends a key as an event.
    pub(super) fn press(&mut self, key: char, millis: u32) {
        if let Some(line) = &mut self.line
            && !line.sender.press(key, millis)
        {
            tracing::debug!(leg_id = %self.leg, "a key is not passed on: the far side takes none");
        }
    }

    /// Sends what the leg hears in these 20 ms; true when the keys that were being sent are through.
    pub(super) fn send_frame(
        &mut self,
        now: Timestamp,
        frame: Option<&Frame>,
        effort: Effort,
        counters: &WorkerCounters,
    ) -> bool {
        let Some(line) = &mut self.line else { return false };
        if let Some(is_narrow) = self.hears_narrow {
            line.sender.prepare(effort, is_narrow);
        }
        let sends = line.negotiated.direction.sends();
        let was_busy = line.sender.is_busy();
        // Who does not want to hear us gets nothing, but the timeline goes on.
        line.sender.push(now, frame.filter(|_| sends));
        let mut output = [0; BUFFER_BYTES];
        loop {
            let Some(line) = &mut self.line else { return false };
            match line.sender.poll(&mut output) {
                0 => return was_busy && !line.sender.is_busy(),
                len if sends => self.send(&mut output, len, counters),
                _ => {}
            }
        }
    }

    /// Lets 20 ms pass that the worker was too late for.
    pub(super) fn miss_frame(&mut self, now: Timestamp, effort: Effort, counters: &WorkerCounters) {
        if let Some(line) = &mut self.line {
            line.miss_frame(now);
        }
        if let Some(handover) = &mut self.handover {
            handover.miss_frame(now);
        }
        if self.relayed_from.is_none() {
            self.send_frame(now, None, effort, counters);
        }
    }

    /// How long nothing came, neither voice nor a report (RTCP), once, when that is longer than the limit that holds for
    /// this port.
    pub(super) fn watch(&mut self, now: Timestamp, limits: Silence) -> Option<u32> {
        let expects = self.line.as_ref().is_some_and(|line| line.negotiated.direction.receives());
        let limit = if self.has_received { limits.again } else { limits.first };
        if !expects || limit.is_zero() {
            self.received_at = now;
            return None;
        }
        let silent = now.since(self.received_at);
        if silent < limit || self.is_missed {
            return None;
        }
        self.is_missed = true;
        u32::try_from(silent.as_secs()).ok()
    }

    /// Until when there is nothing to do for this port but to wait for packets; none when there is something.
    pub(super) fn quiet_until(&self) -> Option<Timestamp> {
        let is_quiet = self.relayed_from.is_some() && !self.player.is_active();
        let line = self.line.as_ref().filter(|line| is_quiet && !line.receiver.has_keys());
        line.map(|line| line.rtcp.deadline())
    }

    /// Sends a report when it is due (RFC 3550 §6.2).
    pub(super) fn report(&mut self, now: Timestamp, random: &mut StdRng) {
        let Some(line) = self.line.as_mut().filter(|line| line.rtcp.deadline() <= now) else { return };
        let mut output = [0; BUFFER_BYTES];
        let room = output.len() - MAX_OVERHEAD;
        let len = line.rtcp.report(now, &line.sender, &mut line.receiver, random, &mut output[..room]);
        self.send_rtcp(&mut output, len);
    }

    /// Says good-bye (RFC 3550 §6.6).
    pub(super) fn close(&mut self, now: Timestamp) {
        let Some(line) = &mut self.line else { return };
        let mut output = [0; BUFFER_BYTES];
        let room = output.len() - MAX_OVERHEAD;
        let len = line.rtcp.bye(now, &line.sender, &mut line.receiver, &mut output[..room]);
        self.send_rtcp(&mut output, len);
    }

    /// The numbers so far.
    pub(super) fn stats(&self) -> LegStats {
        let mut stats = self.stats;
        stats.cause = self.quality.cause();
        if let Some(line) = &self.line {
            add_received(&mut stats, &line.receiver);
            let far_side = line.rtcp.far_side();
            stats.round_trip_millis = far_side.round_trip_millis;
            if far_side.reports > 0 {
                stats.remote_lost = Some(far_side.lost.into());
                stats.remote_jitter_millis = Some(far_side.jitter_millis);
            }
            if stats.packets_received > 0 {
                let round_trip = stats.round_trip_millis.unwrap_or(0.0);
                stats.mos = Some(line.receiver.conditions(round_trip).mos());
            }
        }
        stats
    }

    fn send(&mut self, buffer: &mut [u8], len: usize, counters: &WorkerCounters) {
        let Some(target) = self.latch.target() else { return };
        let sealed = self.protection.seal(buffer, len, false);
        // A doubled number is not sent twice: two packets under one key stream would betray both.
        let Some(datagram) = sealed.ok().and_then(|len| buffer.get(..len)) else { return };
        if self.sockets.rtp.send_to(datagram, target).is_ok() {
            self.stats.packets_sent += 1;
            WorkerCounters::count(&counters.packets_sent);
        } else {
            WorkerCounters::count(&counters.send_errors);
        }
    }

    fn send_rtcp(&mut self, buffer: &mut [u8], len: usize) {
        let Some((line, voice)) = self.line.as_ref().zip(self.latch.target()) else { return };
        let sealed = self.protection.seal(buffer, len, true);
        let Some(datagram) = sealed.ok().filter(|len| *len > 0).and_then(|len| buffer.get(..len)) else {
            return;
        };
        let negotiated = &line.negotiated;
        let (socket, target) = if negotiated.rtcp_mux {
            (&self.sockets.rtp, voice)
        } else if voice == negotiated.remote {
            (&self.sockets.rtcp, negotiated.remote_rtcp)
        } else {
            // Behind a NAT the next port is the best guess that there is.
            (&self.sockets.rtcp, SocketAddr::new(voice.ip(), voice.port().saturating_add(1)))
        };
        // Reports are lost now and then by their nature; voice that cannot be sent is what is counted.
        let _ = socket.send_to(datagram, target);
    }
}

fn add_received(stats: &mut LegStats, receiver: &Receiver) {
    let statistics = receiver.statistics();
    stats.packets_lost += u64::try_from(statistics.lost).unwrap_or(0);
    stats.packets_late += statistics.buffer.late;
    stats.frames_concealed += statistics.made_up();
    stats.jitter_millis = statistics.jitter_millis;
    stats.packets_malformed += statistics.damaged;
}
