//! One outgoing stream: own sound encoded, or the packets of another leg with our header (relay). Both share one
//! SSRC, one row of sequence numbers and one timeline, so the far side notices no change between them.

use std::time::Duration;

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::dtmf::{self, Speaker, Turn};
use super::packet::{HEADER_BYTES, Packet};
use super::receiver::Content;
use crate::ahead;
use crate::audio::codec::{Codec, CodecError, Encoder, MAX_PAYLOAD_BYTES};
use crate::audio::level::rms_dbov;
use crate::audio::noise::Description;
use crate::audio::opus;
use crate::audio::{FRAME_MILLIS, FRAME_SAMPLES, Frame, RATE_HZ};
use crate::sdp::{Negotiated, TelephoneEvent};
use crate::time::Timestamp;

/// Samples of the longest packet that is sent (60 ms) and a frame.
const PENDING_SAMPLES: usize = 960 + FRAME_SAMPLES;
/// Duration of a frame.
const FRAME: Duration = Duration::from_millis(FRAME_MILLIS);
/// A sequence number of the relayed stream further away than this is a new stream.
const RELAY_JUMP: u16 = 3_000;
/// Sound this quiet is sent as comfort noise, where the far side takes it: far below speech, so that no word is cut.
const NOISE_DBOV: f32 = -66.0;
/// Frames that quiet before the first packet of noise: 200 ms, so that the end of a word is not cut either.
const NOISE_AFTER_FRAMES: u32 = 10;
/// Frames between two packets of noise: 400 ms.
const NOISE_EVERY_FRAMES: u32 = 20;

/// What was negotiated for sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// The codec.
    pub codec: Codec,
    /// Its payload type at the far side.
    pub payload_type: u8,
    /// Keys as events, when the far side has them.
    pub telephone_event: Option<TelephoneEvent>,
    /// The payload type of comfort noise at the far side: it takes noise for silence (RFC 3389 §4).
    pub comfort_noise: Option<u8>,
    /// Duration of a packet: 10 to 60 ms in steps of ten. Opus has no packets of 30 and 50 ms and takes 20 and 40.
    pub ptime_millis: u32,
    /// What the far side wants of Opus.
    #[serde(default)]
    pub opus: opus::Parameters,
}

impl From<&Negotiated> for Config {
    fn from(negotiated: &Negotiated) -> Self {
        Config {
            codec: negotiated.codec,
            payload_type: negotiated.payload_type,
            telephone_event: negotiated.telephone_event,
            comfort_noise: negotiated.comfort_noise,
            ptime_millis: negotiated.ptime_millis,
            opus: negotiated.opus,
        }
    }
}

impl Config {
    fn packet_samples(&self) -> usize {
        let millis = match (self.codec, self.ptime_millis) {
            (_, millis @ (10 | 20 | 40 | 60)) => millis,
            (Codec::Opus, 50) => 40,
            (Codec::Pcmu | Codec::Pcma | Codec::G722, millis @ (30 | 50)) => millis,
            _ => 20,
        };
        millis as usize * (RATE_HZ as usize / 1_000)
    }
}

/// Where a stream is: plain data, so another process can go on with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Our SSRC.
    pub ssrc: u32,
    /// The next sequence number.
    pub sequence: u16,
    /// The timestamp of the next sample that is taken.
    pub timestamp: u32,
    /// When that sample is due, a frame after the last one began; none before the first frame.
    pub at: Option<Timestamp>,
    /// Packets sent.
    pub packets: u32,
    /// Octets of payload sent.
    pub octets: u32,
}

impl Position {
    /// Random, as RFC 3550 §5.1 asks.
    pub fn random(generator: &mut impl Rng) -> Self {
        Position {
            ssrc: generator.next_u32(),
            sequence: generator.next_u32() as u16,
            timestamp: generator.next_u32(),
            at: None,
            packets: 0,
            octets: 0,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Own,
    Relay {
        ssrc: u32,
        /// The first number of this stretch; what is older belongs to what was sent before.
        first: u16,
        highest: u16,
        sequence_offset: u16,
        timestamp_offset: u32,
    },
}

#[derive(Debug, Clone, Copy)]
struct PendingEvent {
    payload: [u8; dtmf::EVENT_BYTES],
    timestamp: u32,
    marker: bool,
    times: u8,
}

/// See the module.
#[derive(Debug)]
pub struct Sender {
    config: Config,
    position: Position,
    source: Source,
    encoder: Encoder,
    /// Samples that wait for a whole packet.
    pending: Box<[i16; PENDING_SAMPLES]>,
    pending_len: usize,
    /// The next voice packet begins a talkspurt (RFC 3551 §4.1).
    marker: bool,
    speaker: Speaker,
    event: Option<PendingEvent>,
    /// Frames in a row that were as good as silent.
    quiet_frames: u32,
    /// A packet of noise is due.
    noise: Option<Description>,
    /// The far side has heard something in this codec.
    is_heard: bool,
}

impl Sender {
    /// A stream with random numbers.
    pub fn new(config: Config, generator: &mut impl Rng) -> Result<Self, CodecError> {
        Sender::resume(config, Position::random(generator))
    }

    /// Goes on with a stream that another process began.
    pub fn resume(config: Config, position: Position) -> Result<Self, CodecError> {
        let event_clock_hz = config.telephone_event.map_or(8_000, |event| event.clock_rate_hz);
        Ok(Sender {
            config,
            position,
            source: Source::Own,
            encoder: Encoder::new(config.codec, &config.opus)?,
            pending: Box::new([0; PENDING_SAMPLES]),
            pending_len: 0,
            marker: true,
            speaker: Speaker::new(event_clock_hz),
            event: None,
            quiet_frames: 0,
            noise: None,
            is_heard: false,
        })
    }

    /// After a re-INVITE. SSRC and numbers go on; when the clock of the codec changes, the SSRC changes with it
    /// (RFC 3550 §5.2: one SSRC has one timestamp clock). Keys that wait are dropped when the codec or the events
    /// change.
    pub fn configure(&mut self, config: Config) -> Result<(), CodecError> {
        if config == self.config {
            return Ok(());
        }
        let mut position = self.position;
        if config.codec.clock_rate_hz() != self.config.codec.clock_rate_hz() {
            position.ssrc = position.ssrc.wrapping_mul(0x9E37_79B1).wrapping_add(1);
            position.at = None;
            (position.packets, position.octets) = (0, 0);
        }
        let is_same_voice = config.codec == self.config.codec && config.opus == self.config.opus;
        if is_same_voice && config.telephone_event == self.config.telephone_event {
            self.config = config;
            return Ok(());
        }
        let is_heard = self.is_heard && is_same_voice;
        *self = Sender { is_heard, ..Sender::resume(config, position)? };
        Ok(())
    }

    /// Sends a key for `millis`, after those that wait. False when the far side has no events, the key is none or
    /// too many wait. While [`Sender::is_busy`], the owner pushes frames and does not relay.
    pub fn press(&mut self, key: char, millis: u32) -> bool {
        self.config.telephone_event.is_some() && self.speaker.press(key, millis)
    }

    /// Whether keys are being sent.
    pub fn is_busy(&self) -> bool {
        self.speaker.is_busy() || self.event.is_some()
    }

    /// Takes the next 20 ms; `None` sends nothing for them. Then [`Sender::poll`] until it gives nothing.
    pub fn push(&mut self, now: Timestamp, frame: Option<&Frame>) {
        if self.source != Source::Own {
            self.source = Source::Own;
            self.begin_stretch(now);
        }
        let frame_ticks = self.config.codec.ticks_per_frame();
        match self.speaker.turn(FRAME_MILLIS as u32) {
            Turn::Event(send) => {
                self.drop_pending();
                let clock_khz = self.config.codec.clock_rate_hz() / 1_000;
                self.event = Some(PendingEvent {
                    payload: send.payload,
                    timestamp: self.position.timestamp.wrapping_sub(send.begun_millis_ago * clock_khz),
                    marker: send.marker,
                    times: send.times,
                });
                self.position.timestamp = self.position.timestamp.wrapping_add(frame_ticks);
            }
            Turn::Voice if let Some(frame) = frame.filter(|frame| !self.is_silence(frame)) => {
                if let Some(slot) = self.pending.get_mut(self.pending_len..self.pending_len + FRAME_SAMPLES) {
                    slot.copy_from_slice(&frame.0);
                    self.pending_len += FRAME_SAMPLES;
                }
            }
            Turn::Voice | Turn::Quiet => {
                self.drop_pending();
                self.position.timestamp = self.position.timestamp.wrapping_add(frame_ticks);
            }
        }
        self.position.at = Some(now + FRAME);
    }

    /// Whether noise stands for this frame, and when its next packet is due. Opus has its own way (DTX).
    fn is_silence(&mut self, frame: &Frame) -> bool {
        if self.config.comfort_noise.is_none() || self.config.codec.clock_rate_hz() != 8_000 {
            return false;
        }
        let level = rms_dbov(&frame.0);
        if level > NOISE_DBOV {
            self.quiet_frames = 0;
            return false;
        }
        self.quiet_frames = self.quiet_frames.saturating_add(1);
        let Some(since) = self.quiet_frames.checked_sub(NOISE_AFTER_FRAMES) else { return false };
        if since.is_multiple_of(NOISE_EVERY_FRAMES) {
            self.noise = Some(Description::white(level));
        }
        true
    }

    /// Writes the next packet; returns its length, 0 when there is none. `output` holds
    /// [`super::packet::MAX_PACKET_BYTES`].
    pub fn poll(&mut self, output: &mut [u8]) -> usize {
        if let Some(event) = &mut self.event {
            let (timestamp, payload) = (event.timestamp, event.payload);
            let marker = std::mem::take(&mut event.marker);
            event.times = event.times.saturating_sub(1);
            if event.times == 0 {
                self.event = None;
            }
            let Some(telephone_event) = self.config.telephone_event else { return 0 };
            return self.write(telephone_event.send, marker, timestamp, &payload, output);
        }
        if let (Some(noise), Some(payload_type)) = (self.noise.take(), self.config.comfort_noise) {
            let mut payload = [0; 1];
            let len = noise.write_into(&mut payload);
            let frame_ticks = self.config.codec.ticks_per_frame();
            let timestamp = self.position.timestamp.wrapping_sub(frame_ticks);
            return self.write(payload_type, false, timestamp, &payload[..len], output);
        }
        let packet_samples = self.config.packet_samples();
        if self.pending_len < packet_samples {
            return 0;
        }
        let mut payload = [0u8; MAX_PAYLOAD_BYTES];
        let len = self.encoder.encode(&self.pending[..packet_samples], &mut payload);
        self.pending.copy_within(packet_samples..self.pending_len, 0);
        self.pending_len -= packet_samples;
        let timestamp = self.position.timestamp;
        let ticks = packet_samples as u32 * (self.config.codec.clock_rate_hz() / 1_000) / (RATE_HZ / 1_000);
        self.position.timestamp = timestamp.wrapping_add(ticks);
        if len == 0 {
            return 0;
        }
        let marker = std::mem::take(&mut self.marker);
        self.is_heard = true;
        self.write(self.config.payload_type, marker, timestamp, &payload[..len], output)
    }

    /// Sends on a packet of another leg, with our payload type, SSRC, sequence number and timestamp. Gaps and
    /// reordering are kept, so that the far side conceals them as it would from the source. `content` comes from
    /// the other leg's receiver. Returns the length, 0 when the packet is not for this side.
    pub fn relay(
        &mut self,
        now: Timestamp,
        packet: &Packet<'_>,
        content: Content,
        output: &mut [u8],
    ) -> usize {
        let payload_type = match content {
            Content::Voice(codec) if codec == self.config.codec => self.config.payload_type,
            Content::Event { .. } => match self.config.telephone_event {
                Some(event) => event.send,
                None => return 0,
            },
            Content::Noise => match self.config.comfort_noise {
                Some(payload_type) => payload_type,
                None => return 0,
            },
            Content::Voice(_) | Content::Unknown | Content::Stray => return 0,
        };
        let known = match self.source {
            Source::Relay { ssrc, highest, .. } => {
                ssrc == packet.ssrc
                    && packet.sequence.wrapping_sub(highest).cast_signed().unsigned_abs() < RELAY_JUMP
            }
            Source::Own => false,
        };
        let mut marker = packet.marker;
        if !known {
            if self.source != Source::Own || self.position.at.is_some() {
                self.begin_stretch(now);
            }
            self.source = Source::Relay {
                ssrc: packet.ssrc,
                first: packet.sequence,
                highest: packet.sequence,
                sequence_offset: self.position.sequence.wrapping_sub(packet.sequence),
                timestamp_offset: self.position.timestamp.wrapping_sub(packet.timestamp),
            };
            marker = true;
        }
        let Source::Relay { first, highest, sequence_offset, timestamp_offset, .. } = &mut self.source else {
            return 0;
        };
        if packet.sequence.wrapping_sub(*first).cast_signed() < 0 {
            return 0;
        }
        let ahead = packet.sequence.wrapping_sub(*highest).cast_signed() > 0;
        if ahead {
            *highest = packet.sequence;
            // The first number of a stretch stays within reach of the comparison above.
            if highest.wrapping_sub(*first) > u16::MAX / 4 {
                *first = highest.wrapping_sub(u16::MAX / 4);
            }
        }
        let sequence = packet.sequence.wrapping_add(*sequence_offset);
        let timestamp = packet.timestamp.wrapping_add(*timestamp_offset);
        let scaled;
        let mut payload = packet.payload;
        if let (Content::Event { clock_rate_hz }, Some(event)) = (content, self.config.telephone_event)
            && clock_rate_hz != event.clock_rate_hz
        {
            scaled = dtmf::rescale(payload, clock_rate_hz, event.clock_rate_hz);
            payload = scaled.as_slice();
        }
        let sent = Packet { payload_type, marker, sequence, timestamp, ssrc: self.position.ssrc, payload };
        let Some(len) = sent.write_into(output) else { return 0 };
        if ahead || !known {
            self.position.sequence = sequence.wrapping_add(1);
            if let Content::Voice(codec) = content {
                self.is_heard = true;
                let ticks = codec.ticks(packet.payload).unwrap_or(codec.ticks_per_frame());
                let duration = Duration::from_micros(
                    u64::from(ticks) * 1_000 / u64::from(codec.clock_rate_hz() / 1_000),
                );
                self.position.timestamp = timestamp.wrapping_add(ticks);
                self.position.at = Some(now + duration);
            }
        }
        self.count(len);
        len
    }

    /// Asks ahead for what a packet needs that is sent on ([`crate::ahead`]).
    pub fn fetch(&self) {
        ahead::fetch_whole(&self.config);
        ahead::fetch_whole(&self.position);
        ahead::fetch_whole(&self.source);
        ahead::fetch(&self.pending);
        ahead::fetch_whole(&self.speaker);
    }

    /// Asks ahead for what a frame needs; after [`Sender::fetch`].
    pub fn fetch_sound(&self) {
        ahead::fetch_whole(&self.encoder);
        if let Some(pending) = self.pending.get(..FRAME_SAMPLES) {
            ahead::fetch_whole(pending);
        }
    }

    /// Tells the encoder what the far side has heard up to now, at 16 kHz: what is pushed next follows it without a step.
    ///
    /// A codec that has just changed has nothing to follow: the far side decodes it from the beginning, and an encoder that
    /// knows more than the decoder is wrong about it (G.722 for 40 ms).
    pub fn prime(&mut self, past: &[i16]) {
        if !self.is_heard {
            return;
        }
        let mut payload = [0u8; MAX_PAYLOAD_BYTES];
        for samples in past.rchunks_exact(FRAME_SAMPLES).rev() {
            self.encoder.encode(samples, &mut payload);
        }
    }

    /// What was sent last lasts beyond this moment.
    pub fn covers(&self, now: Timestamp) -> bool {
        self.position.at.is_some_and(|at| at > now)
    }

    /// Sound waits for a whole packet: whoever relayed now would leave it out.
    pub fn holds_sound(&self) -> bool {
        self.pending_len > 0
    }

    /// Tells the codec about the frame that is pushed next ([`opus::Encoder::prepare`]).
    pub fn prepare(&mut self, effort: opus::Effort, is_narrow: bool) {
        self.encoder.prepare(effort, is_narrow);
    }

    /// Tells the codec what the far side loses, in percent, from its reports.
    pub fn set_expected_loss(&mut self, percent: u8) {
        self.encoder.set_expected_loss(percent);
    }

    /// Where the stream is.
    pub fn position(&self) -> Position {
        self.position
    }

    /// What is sent.
    pub fn config(&self) -> Config {
        self.config
    }

    /// The timestamp that belongs to `now`, for sender reports (RFC 3550 §6.4.1).
    pub fn timestamp_at(&self, now: Timestamp) -> u32 {
        let Some(at) = self.position.at else { return self.position.timestamp };
        self.position.timestamp.wrapping_add(self.ticks(now - at)).wrapping_sub(self.ticks(at - now))
    }

    /// The source changes: the timeline goes on where time is, never before the end of what was sent. What is late by less
    /// than a frame follows directly: it is no pause, and a hole of some samples would be a click.
    fn begin_stretch(&mut self, now: Timestamp) {
        if let Some(at) = self.position.at.filter(|at| now.since(*at) > FRAME) {
            self.position.timestamp = self.position.timestamp.wrapping_add(self.ticks(now - at));
        }
        self.pending_len = 0;
        self.marker = true;
    }

    fn ticks(&self, duration: Duration) -> u32 {
        let micros = duration.as_micros() as u64;
        (micros.saturating_mul(u64::from(self.config.codec.clock_rate_hz())) / 1_000_000) as u32
    }

    /// Gives up samples that are no whole packet: the talkspurt ended.
    fn drop_pending(&mut self) {
        let ticks_each_milli = self.config.codec.clock_rate_hz() / 1_000;
        let ticks = self.pending_len as u32 / (RATE_HZ / 1_000) * ticks_each_milli;
        self.position.timestamp = self.position.timestamp.wrapping_add(ticks);
        self.pending_len = 0;
        self.marker = true;
    }

    fn write(
        &mut self,
        payload_type: u8,
        marker: bool,
        timestamp: u32,
        payload: &[u8],
        output: &mut [u8],
    ) -> usize {
        let Position { ssrc, sequence, .. } = self.position;
        let packet = Packet { payload_type, marker, sequence, timestamp, ssrc, payload };
        let Some(len) = packet.write_into(output) else { return 0 };
        self.position.sequence = sequence.wrapping_add(1);
        self.count(len);
        len
    }

    fn count(&mut self, len: usize) {
        self.position.packets = self.position.packets.wrapping_add(1);
        self.position.octets = self.position.octets.wrapping_add((len - HEADER_BYTES) as u32);
    }
}

#[cfg(test)]
#[path = "sender_tests.rs"]
mod tests;
