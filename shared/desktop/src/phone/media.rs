//! The sound of one call: both RTP streams, keys, reports and what quality they show.

use std::net::{IpAddr, SocketAddr};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use shared::audio::Frame;
use shared::rtp::dtmf::KeyEvent;
use shared::rtp::packet::{MAX_PACKET_BYTES, Packet, is_rtcp};
use shared::rtp::receiver::{self, Receiver};
use shared::rtp::rtcp::Rtcp;
use shared::rtp::sender::{self, Sender};
use shared::sdp::Negotiated;
use shared::time::Timestamp;

use super::engine::Output;
use super::types::Quality;

/// How long a key is sent, as most phones do.
const KEY_MILLIS: u32 = 120;
/// Packets before quality is worth a number: one second.
const QUALITY_AFTER_PACKETS: u64 = 50;

/// Why a call has no sound, for people.
pub(super) type Words = String;

#[derive(Debug)]
pub(super) struct Media {
    pub(super) negotiated: Negotiated,
    receiver: Receiver,
    sender: Sender,
    reports: Rtcp,
    random: StdRng,
    /// Where packets really come from, when that is not the negotiated address.
    heard_from: Option<IpAddr>,
}

impl Media {
    pub(super) fn new(now: Timestamp, negotiated: Negotiated, random: &mut StdRng) -> Result<Media, Words> {
        let mut random = StdRng::seed_from_u64(random.random());
        let receiver =
            Receiver::new(receiver::Config::from(&negotiated)).map_err(|error| error.to_string())?;
        let sender =
            Sender::new(sender::Config::from(&negotiated), &mut random).map_err(|error| error.to_string())?;
        // RFC 7022 §4.2: a short-lived random name, so that calls cannot be linked.
        let name = format!("{:016x}", random.random::<u64>());
        let reports = Rtcp::new(now, &name);
        Ok(Media { negotiated, receiver, sender, reports, random, heard_from: None })
    }

    /// After a re-INVITE.
    pub(super) fn update(&mut self, negotiated: Negotiated) -> Result<(), Words> {
        self.receiver.configure(receiver::Config::from(&negotiated)).map_err(|error| error.to_string())?;
        self.sender.configure(sender::Config::from(&negotiated)).map_err(|error| error.to_string())?;
        if negotiated.remote.ip() != self.negotiated.remote.ip() {
            self.heard_from = None;
        }
        self.negotiated = negotiated;
        Ok(())
    }

    pub(super) fn receive(&mut self, now: Timestamp, from: SocketAddr, bytes: &[u8]) {
        if !self.is_theirs(from) {
            return;
        }
        if is_rtcp(bytes) {
            if self.reports.receive(now, bytes, &self.sender).is_ok() {
                // The codec spends bits on correction as far as the far side loses packets.
                self.sender.set_expected_loss(self.reports.far_side().loss_percent.clamp(0.0, 100.0) as u8);
            }
            return;
        }
        if let Ok(packet) = Packet::read(bytes) {
            self.receiver.receive(now, &packet);
        }
    }

    /// Packets from the negotiated address always count; from elsewhere (a far side behind NAT, or with several
    /// addresses) those of the first address that sends, until the negotiated one does.
    fn is_theirs(&mut self, from: SocketAddr) -> bool {
        if from.ip() == self.negotiated.remote.ip() {
            self.heard_from = Some(from.ip());
            return true;
        }
        *self.heard_from.get_or_insert(from.ip()) == from.ip()
    }

    /// Sends 20 ms; none only when a direction forbids it.
    pub(super) fn speak(&mut self, now: Timestamp, frame: &Frame, outputs: &mut impl Extend<Output>) {
        let may = self.negotiated.direction.sends();
        self.sender.push(now, may.then_some(frame));
        let mut packet = [0u8; MAX_PACKET_BYTES];
        if self.reports.deadline() <= now {
            let len =
                self.reports.report(now, &self.sender, &mut self.receiver, &mut self.random, &mut packet);
            outputs.extend(self.rtcp(&packet, len));
        }
        loop {
            let len = self.sender.poll(&mut packet);
            if len == 0 {
                return;
            }
            let bytes = packet.get(..len).unwrap_or_default().to_vec();
            outputs.extend([Output::Rtp { to: self.negotiated.remote, bytes }]);
        }
    }

    /// The last report: this side sends no more (RFC 3550 §6.6).
    pub(super) fn bye(&mut self, now: Timestamp, outputs: &mut impl Extend<Output>) {
        let mut packet = [0u8; MAX_PACKET_BYTES];
        let len = self.reports.bye(now, &self.sender, &mut self.receiver, &mut packet);
        outputs.extend(self.rtcp(&packet, len));
    }

    fn rtcp(&self, packet: &[u8], len: usize) -> Option<Output> {
        let bytes = packet.get(..len).filter(|bytes| !bytes.is_empty())?.to_vec();
        let to = self.negotiated.remote_rtcp;
        // RFC 5761 §5.1: multiplexed, reports leave from the RTP port too.
        Some(if self.negotiated.rtcp_mux { Output::Rtp { to, bytes } } else { Output::Rtcp { to, bytes } })
    }

    /// The next 20 ms of the far side.
    pub(super) fn hear(&mut self, now: Timestamp) -> Frame {
        let mut frame = Frame::SILENCE;
        self.receiver.pull(now, &mut frame);
        if self.negotiated.direction.receives() { frame } else { Frame::SILENCE }
    }

    /// False when the far side takes no keys as events.
    pub(super) fn press(&mut self, key: char) -> bool {
        self.sender.press(key, KEY_MILLIS)
    }

    /// The next key that the far side began to press.
    pub(super) fn poll_key(&mut self) -> Option<char> {
        while let Some(event) = self.receiver.poll_key() {
            if let KeyEvent::Pressed(key) = event {
                return Some(key);
            }
        }
        None
    }

    pub(super) fn quality(&mut self) -> Option<Quality> {
        let statistics = self.receiver.statistics();
        if statistics.received < QUALITY_AFTER_PACKETS {
            return None;
        }
        let round_trip_millis = self.reports.far_side().round_trip_millis;
        let conditions = self.receiver.conditions(round_trip_millis.unwrap_or(0.0));
        Some(Quality {
            loss_percent: conditions.loss_percent,
            jitter_millis: statistics.jitter_millis,
            round_trip_millis,
            mos: conditions.mos(),
        })
    }
}
