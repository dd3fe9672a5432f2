//! One incoming stream: packets in when they come, a frame out every 20 ms.

mod ahead;
mod apart;
mod pace;
mod report;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::dtmf::{KeyEvent, Listener};
use super::jitter::{Arrival, JitterBuffer, Pull, Status};
use super::packet::Packet;
use super::quality::burst::Bursts;
use super::sequence::{Sequence, Step};
use crate::audio::codec::{Codec, CodecError, Decoder, MAX_PACKET_SAMPLES};
use crate::audio::noise::{Description, Noise};
use crate::audio::opus;
use crate::audio::stretch::CUT_LEAST;
use crate::audio::{FRAME_SAMPLES, Frame};
use crate::sdp::{Negotiated, TelephoneEvent};
use crate::time::Timestamp;

/// Decoded samples that wait: two of the longest packets.
const PENDING_SAMPLES: usize = 2 * MAX_PACKET_SAMPLES + FRAME_SAMPLES;
/// Payload type of comfort noise at 8 kHz (RFC 3389 §4).
const STATIC_NOISE: u8 = 13;
/// Sound this quiet may be shortened without a thought.
const QUIET_DBOV: f32 = -50.0;

/// What was negotiated for receiving.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Payload types of voice; they share one clock, that of the first. Others are left out.
    pub codecs: Vec<(u8, Codec)>,
    /// Keys as events.
    pub telephone_event: Option<TelephoneEvent>,
    /// Comfort noise beside the static payload type 13.
    pub comfort_noise: Option<u8>,
}

impl From<&Negotiated> for Config {
    fn from(negotiated: &Negotiated) -> Self {
        Config {
            codecs: negotiated.receive.clone(),
            telephone_event: negotiated.telephone_event,
            comfort_noise: negotiated.comfort_noise,
        }
    }
}

/// What a packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Voice in this codec.
    Voice(Codec),
    /// A key, its duration in this clock.
    Event {
        /// Ticks a second.
        clock_rate_hz: u32,
    },
    /// Comfort noise, which is played where nobody sends.
    Noise,
    /// A payload type that was not negotiated.
    Unknown,
    /// From another source than the stream, or far out of its sequence: left out until a second one follows.
    Stray,
}

/// What a pulled frame is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pulled {
    /// What was received.
    Voice,
    /// At least in part made up for what was lost.
    Concealed,
    /// Nobody sends, and the far side has said how its silence sounds (RFC 3389).
    Noise,
    /// Nobody sends.
    Silence,
}

/// Counts and delays of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Statistics {
    /// The source, none before the first packet.
    pub ssrc: Option<u32>,
    /// Packets of the present source.
    pub received: u64,
    /// Packets of the present source that did not come; doubles can make it negative.
    pub lost: i64,
    /// Interarrival jitter in milliseconds (RFC 3550 §6.4.1).
    pub jitter_millis: f32,
    /// Packets with a payload type that was not negotiated.
    pub unknown: u64,
    /// Packets from elsewhere or far out of sequence.
    pub stray: u64,
    /// Payloads that could not be decoded.
    pub damaged: u64,
    /// Frames that did not come and were mended from the packet after them.
    pub mended: u64,
    /// Times that the source changed or began anew.
    pub restarts: u64,
    /// The jitter buffer.
    pub buffer: Status,
}

impl Statistics {
    /// Frames that were made up and not mended.
    pub fn made_up(&self) -> u64 {
        self.buffer.concealed.saturating_sub(self.mended)
    }
}

#[derive(Debug, Clone)]
struct Source {
    ssrc: u32,
    /// A packet of another source, and the number that would confirm it.
    rival: Option<(u32, u16)>,
}

/// See the module.
#[derive(Debug)]
pub struct Receiver {
    config: Config,
    decoders: Vec<(Codec, Decoder)>,
    codec: Codec,
    source: Option<Source>,
    sequence: Sequence,
    buffer: JitterBuffer,
    keys: Listener,
    pending: Box<[i16; PENDING_SAMPLES]>,
    pending_len: usize,
    /// The sample after the pending ones will not follow the ones before: the decoder starts afresh.
    is_stale: bool,
    /// Ticks that were skipped beyond the last packet, or are still to be skipped when negative.
    skipped_ticks: i64,
    frames_since_cut: u32,
    /// Frames for which nothing is cut ([`Receiver::keep_pace`]).
    pace_kept_frames: u32,
    /// What came out of the buffer, and what did not.
    bursts: Bursts,
    /// Of a packet that did not come whole, in milliseconds.
    missed_millis: u64,
    /// How the far side's silence sounds, while it is silent.
    noise: Option<Noise>,
    /// The last packet that came was noise: what is played before it may still be voice.
    ends_in_noise: bool,
    /// What was received before the last negotiation, until this stream plays.
    before: Option<Box<Receiver>>,
    statistics: Statistics,
}

impl Receiver {
    /// A stream before its first packet.
    pub fn new(config: Config) -> Result<Self, CodecError> {
        let codec = config.codecs.first().map_or(Codec::Pcmu, |(_, codec)| *codec);
        let clock_rate_hz = codec.clock_rate_hz();
        let mut decoders: Vec<(Codec, Decoder)> = Vec::with_capacity(1);
        for (_, codec) in config.codecs.iter().filter(|(_, codec)| codec.clock_rate_hz() == clock_rate_hz) {
            if decoders.iter().all(|(known, _)| known != codec) {
                decoders.push((*codec, Decoder::new(*codec)?));
            }
        }
        let event_clock_hz = config.telephone_event.map_or(clock_rate_hz, |event| event.clock_rate_hz);
        Ok(Receiver {
            config,
            decoders,
            codec,
            source: None,
            sequence: Sequence::new(clock_rate_hz),
            buffer: JitterBuffer::new(clock_rate_hz),
            keys: Listener::new(event_clock_hz),
            pending: Box::new([0; PENDING_SAMPLES]),
            pending_len: 0,
            is_stale: false,
            skipped_ticks: 0,
            frames_since_cut: 0,
            pace_kept_frames: 0,
            bursts: Bursts::default(),
            missed_millis: 0,
            noise: None,
            ends_in_noise: false,
            before: None,
            statistics: Statistics::default(),
        })
    }

    /// After a re-INVITE. The stream goes on when nothing changed, and begins anew when something did; until it plays,
    /// what is left of the one before is heard.
    pub fn configure(&mut self, config: Config) -> Result<(), CodecError> {
        if config != self.config {
            let mut before = std::mem::replace(self, Receiver::new(config)?);
            before.before = None;
            self.buffer.go_on_after(&before.buffer);
            self.before = Some(Box::new(before));
        }
        Ok(())
    }

    /// Takes a packet that comes now, and says what it carries. In relay mode the owner hands it on with that.
    pub fn receive(&mut self, now: Timestamp, packet: &Packet<'_>) -> Content {
        self.receive_held(now, Duration::ZERO, packet)
    }

    /// Takes a packet that the owner comes to now, and that may have been there for as long as `held`: that is none of the
    /// network's lateness.
    pub fn receive_held(&mut self, now: Timestamp, held: Duration, packet: &Packet<'_>) -> Content {
        let content = self.content(packet.payload_type);
        if content == Content::Unknown && self.is_from_before(packet.payload_type) {
            if let Some(before) = &mut self.before {
                before.receive_held(now, held, packet);
            }
            return Content::Unknown;
        }
        if content == Content::Unknown {
            self.statistics.unknown += 1;
        }
        if !self.is_from_source(packet) {
            self.statistics.stray += 1;
            return Content::Stray;
        }
        let number = match self.sequence.step(packet.sequence) {
            Step::Good(number) => number,
            Step::Suspect => {
                self.statistics.stray += 1;
                return Content::Stray;
            }
            Step::Restart(number) => {
                self.restart();
                number
            }
        };
        let timestamp = self.sequence.extend_timestamp(packet.timestamp);
        let mut arrival = Arrival {
            sequence: number,
            timestamp,
            ticks: 0,
            payload_type: packet.payload_type,
            payload: &[],
        };
        match content {
            Content::Voice(codec) => {
                self.sequence.arrived(now, packet.timestamp);
                match codec.ticks(packet.payload) {
                    Some(ticks) => {
                        arrival.ticks = ticks;
                        arrival.payload = packet.payload;
                    }
                    None => self.statistics.damaged += 1,
                }
            }
            Content::Event { .. } => self.keys.receive(now, packet.timestamp, packet.payload),
            Content::Noise => {
                if let Some(description) = Description::read(packet.payload) {
                    self.noise.get_or_insert_with(|| Noise::new(packet.ssrc)).set(description);
                    self.ends_in_noise = true;
                }
            }
            Content::Unknown | Content::Stray => {}
        }
        if matches!(content, Content::Voice(_)) {
            self.ends_in_noise = false;
        }
        self.buffer.insert_held(now, held, arrival);
        content
    }

    /// Writes the next 20 ms. Call every 20 ms, or [`Receiver::skip`] in its place.
    pub fn pull(&mut self, now: Timestamp, frame: &mut Frame) -> Pulled {
        let pulled = self.fill(now);
        if pulled == Pulled::Voice {
            self.catch_up(now);
        }
        self.take(frame);
        self.join_before(now, pulled, frame)
    }

    /// Decodes until there is a frame.
    fn fill(&mut self, now: Timestamp) -> Pulled {
        self.keys.tick(now);
        self.frames_since_cut = self.frames_since_cut.saturating_add(1);
        self.pace_kept_frames = self.pace_kept_frames.saturating_sub(1);
        self.warm_up();
        // What is left of a cut is too little to count.
        let mut pulled = if self.pending_len >= CUT_LEAST { Pulled::Voice } else { Pulled::Silence };
        while self.pending_len < FRAME_SAMPLES {
            pulled = merge(pulled, self.decode_next(now));
        }
        pulled
    }

    fn take(&mut self, frame: &mut Frame) {
        frame.0.copy_from_slice(&self.pending[..FRAME_SAMPLES]);
        self.pending.copy_within(FRAME_SAMPLES..self.pending_len, 0);
        self.pending_len -= FRAME_SAMPLES;
    }

    /// Lets 20 ms pass without decoding: in relay mode nobody needs the sound, but the buffer keeps its place.
    pub fn skip(&mut self, now: Timestamp) {
        self.keys.tick(now);
        self.pending_len = 0;
        self.is_stale = true;
        let frame_ticks = i64::from(self.codec.clock_rate_hz() / 50);
        self.skipped_ticks += frame_ticks;
        while self.skipped_ticks > 0 {
            self.skipped_ticks -= match self.buffer.pull(now) {
                Pull::Packet { ticks, .. } => {
                    self.bursts.push(false);
                    i64::from(ticks)
                }
                Pull::Lost { next } => {
                    let mended = self.codec == Codec::Opus && next.is_some_and(|(_, next)| opus::mends(next));
                    self.missed(mended);
                    frame_ticks
                }
                Pull::Silence => frame_ticks,
            };
        }
        // Until this stream begins, what was before goes on, so that its end is there for who listens then.
        match &mut self.before {
            Some(before) if !self.buffer.is_playing() && before.buffer.is_playing() => before.skip(now),
            _ => self.before = None,
        }
    }

    /// The next thing that happened to a key.
    pub fn poll_key(&mut self) -> Option<KeyEvent> {
        self.keys.poll()
    }

    /// The far side has said that it is silent for now (RFC 3389).
    pub fn is_told_silent(&self) -> bool {
        self.ends_in_noise
    }

    /// Whether something is due with a key: one is down, or what happened was not taken yet.
    pub fn has_keys(&self) -> bool {
        self.keys.is_busy()
    }

    /// The codec that is received now.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// The sequence of the stream, for reports ([`super::rtcp`]).
    pub fn sequence_mut(&mut self) -> &mut Sequence {
        &mut self.sequence
    }

    /// The source of the stream.
    pub fn ssrc(&self) -> Option<u32> {
        self.source.as_ref().map(|source| source.ssrc)
    }

    fn content(&self, payload_type: u8) -> Content {
        let voice = self.config.codecs.iter().find(|(number, _)| *number == payload_type);
        if let Some((_, codec)) = voice
            && self.decoders.iter().any(|(known, _)| known == codec)
        {
            return Content::Voice(*codec);
        }
        match self.config.telephone_event {
            Some(event) if event.receive == payload_type => {
                Content::Event { clock_rate_hz: event.clock_rate_hz }
            }
            _ if payload_type == STATIC_NOISE || self.config.comfort_noise == Some(payload_type) => {
                Content::Noise
            }
            _ => Content::Unknown,
        }
    }

    /// Whether the packet belongs to the stream. The first source is taken at once; a new one needs two packets
    /// in a row (RFC 3550 appendix A.1), so that a stray packet cannot take the stream over.
    fn is_from_source(&mut self, packet: &Packet<'_>) -> bool {
        let Some(source) = &mut self.source else {
            self.source = Some(Source { ssrc: packet.ssrc, rival: None });
            return true;
        };
        if source.ssrc == packet.ssrc {
            // The stream goes on: a second source that sends beside it never takes it over.
            source.rival = None;
            return true;
        }
        if source.rival != Some((packet.ssrc, packet.sequence)) {
            source.rival = Some((packet.ssrc, packet.sequence.wrapping_add(1)));
            return false;
        }
        self.source = Some(Source { ssrc: packet.ssrc, rival: None });
        self.sequence = Sequence::new(self.codec.clock_rate_hz());
        self.restart();
        true
    }

    fn restart(&mut self) {
        self.buffer.restart();
        self.keys.restart();
        self.noise = None;
        self.is_stale = true;
        self.statistics.restarts += 1;
    }

    /// Decodes what is due, behind the pending samples.
    fn decode_next(&mut self, now: Timestamp) -> Pulled {
        let mut frame = Frame::SILENCE;
        let pulled = match self.buffer.pull(now) {
            Pull::Packet { payload_type, payload, .. } => {
                self.bursts.push(false);
                let codec = self
                    .config
                    .codecs
                    .iter()
                    .find(|(number, _)| *number == payload_type)
                    .map(|(_, codec)| *codec);
                if let Some(codec) = codec.filter(|codec| *codec != self.codec) {
                    self.codec = codec;
                    self.is_stale = true;
                }
                let room = &mut self.pending[self.pending_len..];
                let decoder = decoder(&mut self.decoders, self.codec);
                let written = match decoder {
                    Some(decoder) => {
                        if std::mem::take(&mut self.is_stale) {
                            decoder.reset();
                        }
                        decoder.decode(payload, room)
                    }
                    None => 0,
                };
                if written > 0 {
                    if !self.ends_in_noise {
                        self.noise = None;
                    }
                    self.pending_len += written;
                    return Pulled::Voice;
                }
                self.statistics.damaged += 1;
                conceal(&mut self.decoders, self.codec, None, &mut frame);
                Pulled::Concealed
            }
            Pull::Lost { next } => {
                let mut mended = false;
                if !self.is_stale {
                    let next = next.filter(|(payload_type, _)| {
                        self.config
                            .codecs
                            .iter()
                            .any(|(number, codec)| number == payload_type && *codec == self.codec)
                    });
                    let next = next.map(|(_, payload)| payload);
                    mended = conceal(&mut self.decoders, self.codec, next, &mut frame);
                }
                self.missed(mended);
                Pulled::Concealed
            }
            Pull::Silence => match &mut self.noise {
                Some(noise) => {
                    noise.fill(&mut frame.0);
                    Pulled::Noise
                }
                None => Pulled::Silence,
            },
        };
        let end = self.pending_len + FRAME_SAMPLES;
        self.pending[self.pending_len..end].copy_from_slice(&frame.0);
        self.pending_len = end;
        pulled
    }
}

fn merge(first: Pulled, second: Pulled) -> Pulled {
    match (first, second) {
        (Pulled::Concealed, _) | (_, Pulled::Concealed) => Pulled::Concealed,
        (Pulled::Voice, _) | (_, Pulled::Voice) => Pulled::Voice,
        (Pulled::Noise, _) | (_, Pulled::Noise) => Pulled::Noise,
        (Pulled::Silence, Pulled::Silence) => Pulled::Silence,
    }
}

fn decoder(decoders: &mut [(Codec, Decoder)], codec: Codec) -> Option<&mut Decoder> {
    decoders.iter_mut().find(|(known, _)| *known == codec).map(|(_, decoder)| decoder)
}

/// True when the frame was mended from the packet after it.
fn conceal(decoders: &mut [(Codec, Decoder)], codec: Codec, next: Option<&[u8]>, frame: &mut Frame) -> bool {
    match (decoder(decoders, codec), next) {
        (Some(decoder), Some(next)) => return decoder.recover(next, frame),
        (Some(decoder), None) => decoder.conceal(frame),
        (None, _) => {}
    }
    false
}

#[cfg(test)]
#[path = "receiver_tests.rs"]
mod tests;
