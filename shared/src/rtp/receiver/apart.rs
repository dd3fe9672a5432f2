//! One stream played at two places of its time: somebody who got the packets as they came is ahead of the one who waits
//! for them in a jitter buffer. A receiver that goes on apart from another one starts at either place and comes to the
//! other by playing a little slower or faster, so nothing is heard twice and nothing is left out.
//!
//! Also the end of a stream that a negotiation replaced.

use super::{Content, Pulled, QUIET_DBOV, Receiver, merge};
use crate::audio::codec::{Codec, CodecError, Decoder, MAX_PACKET_SAMPLES};
use crate::audio::level::rms_dbov;
use crate::audio::stretch::{self, SHORTEN_SAMPLES};
use crate::audio::{FRAME_SAMPLES, Frame, RATE_HZ, fade};
use crate::rtp::jitter::{CAPACITY, JitterBuffer};
use crate::time::Timestamp;

/// The last cut before a change: 15 ms, so that with the delay of a codec it is less than 20.
const CUT_SAMPLES: usize = 240;
/// What is remembered for an encoder: 40 ms.
const PAST_SAMPLES: usize = 640;
/// Frames between two changes of the pace in sound that is not quiet: 60 ms.
const PACE_FRAMES: u32 = 3;

impl Receiver {
    /// A receiver that goes on from this place on its own, with the packets that are kept here. It has the same past,
    /// but for the memory of an Opus decoder.
    ///
    /// # Errors
    /// When a decoder cannot be made.
    pub fn fork(&self) -> Result<Receiver, CodecError> {
        let mut fork = Receiver::new(self.config.clone())?;
        for ((_, decoder), (_, ours)) in fork.decoders.iter_mut().zip(&self.decoders) {
            decoder.take_over(ours);
        }
        fork.codec = self.codec;
        fork.source = self.source.clone();
        fork.sequence = self.sequence.clone();
        fork.buffer = self.buffer.clone();
        *fork.pending = *self.pending;
        fork.pending_len = self.pending_len;
        fork.is_stale = self.is_stale;
        fork.noise = self.noise.clone();
        fork.ends_in_noise = self.ends_in_noise;
        fork.before = self.before.as_deref().map(Receiver::fork).transpose()?.map(Box::new);
        Ok(fork)
    }

    /// Takes over what `other`, from which this one went apart, has agreed on since. One that went to the end of what has
    /// come plays the first packet of that when it comes, too.
    ///
    /// # Errors
    /// When a decoder cannot be made.
    pub fn follow(&mut self, other: &Receiver) -> Result<(), CodecError> {
        if self.config != other.config {
            let is_eager = self.buffer.is_eager();
            self.configure(other.config.clone())?;
            if is_eager {
                self.buffer.begin_eagerly();
            }
        }
        Ok(())
    }

    /// Goes to the end of what has come, as if all of it had been played: the next packet is played when it comes. Returns
    /// the last 40 ms before that place, and as much behind it as a codec delays them ([`Codec::delay_samples`]): what an
    /// encoder has to know so that its packets follow those that came.
    ///
    /// [`Codec::delay_samples`]: crate::audio::codec::Codec::delay_samples
    pub fn run_ahead(&mut self) -> Vec<i16> {
        let mut past = self.past();
        self.pending_len = 0;
        for _ in 0..2 * CAPACITY {
            if !self.buffer.is_playing() || !self.buffer.holds_packets() {
                break;
            }
            // What plays does not look at the time.
            self.decode_next(Timestamp::EPOCH);
            past.extend_from_slice(&self.pending[..self.pending_len]);
            self.pending_len = 0;
        }
        self.buffer.begin_eagerly();
        if let Some(before) = &mut self.before {
            return before.run_ahead();
        }
        if self.buffer.is_playing() {
            self.make_up();
            past.extend_from_slice(&self.pending[..self.pending_len]);
            self.pending_len = 0;
        }
        past.drain(..past.len().saturating_sub(PAST_SAMPLES));
        past
    }

    /// Decoders that were not used for a while, or that begin anew with a fork, come to the place that is played by the
    /// packets before it.
    pub(super) fn warm_up(&mut self) {
        if self.is_stale
            && let Some(decoder) = super::decoder(&mut self.decoders, self.codec)
        {
            let mut packets = of_codec(&self.buffer, &self.config.codecs, self.codec).peekable();
            if packets.peek().is_some() {
                decoder.reset();
                self.is_stale = false;
            }
            for payload in packets {
                decoder.decode(payload, &mut [0; MAX_PACKET_SAMPLES]);
            }
        }
    }

    /// The sound of the packets that were played last, up to the end of the pending samples.
    fn past(&mut self) -> Vec<i16> {
        // An Opus decoder begins anew with a fork.
        self.is_stale |= self.codec == Codec::Opus;
        self.warm_up();
        let mut past = Vec::new();
        if let Ok(mut decoder) = Decoder::new(self.codec) {
            for payload in of_codec(&self.buffer, &self.config.codecs, self.codec) {
                let len = past.len();
                past.resize(len + MAX_PACKET_SAMPLES, 0);
                let written = decoder.decode(payload, &mut past[len..]);
                past.truncate(len + written);
            }
        }
        past.truncate(past.len().saturating_sub(self.pending_len));
        past.extend_from_slice(&self.pending[..self.pending_len]);
        past
    }

    /// Makes up as much behind the pending samples as a codec delays them.
    fn make_up(&mut self) {
        let end = self.pending_len + self.codec.delay_samples();
        let codec = self.codec;
        if let Some(room) = self.pending.get_mut(self.pending_len..end)
            && let Some(decoder) = super::decoder(&mut self.decoders, codec)
        {
            self.pending_len += decoder.make_up(room);
        }
    }

    /// How many samples this one is ahead of `other` in the same stream; none when they do not both play it, and beyond
    /// measure while one of them has not begun after a negotiation.
    pub fn lead_samples(&self, other: &Receiver) -> Option<i64> {
        if self.before.is_some() || other.before.is_some() {
            return Some(i64::MAX);
        }
        if self.ssrc() != other.ssrc() || self.codec.clock_rate_hz() != other.codec.clock_rate_hz() {
            return None;
        }
        let place = |receiver: &Receiver| -> Option<i64> {
            let ticks = i64::try_from(receiver.buffer.position()?).ok()?;
            let samples = ticks * i64::from(RATE_HZ) / i64::from(receiver.codec.clock_rate_hz());
            Some(samples - i64::try_from(receiver.pending_len).ok()?)
        };
        Some(place(self)? - place(other)?)
    }

    /// Nothing that has come is left to be played.
    pub fn is_drained(&self) -> bool {
        self.pending_len == 0 && !self.buffer.holds_packets() && self.before.is_none()
    }

    /// Like [`Receiver::pull`], and falls behind by 5 to 10 ms now and then.
    pub fn pull_slower(&mut self, now: Timestamp, frame: &mut Frame) -> Pulled {
        let pulled = self.fill(now);
        if pulled == Pulled::Voice && self.may_change_pace() {
            let room = self.pending.len().min(self.pending_len + stretch::LENGTHEN_MAX);
            self.pending_len = stretch::lengthen(&mut self.pending[..room], self.pending_len);
            self.frames_since_cut = 0;
        }
        self.take(frame);
        self.join_before(now, pulled, frame)
    }

    /// Like [`Receiver::pull`], and catches up by 10 to 20 ms now and then, as long as packets wait.
    pub fn pull_closer(&mut self, now: Timestamp, frame: &mut Frame) -> Pulled {
        let mut pulled = self.fill(now);
        if self.may_change_pace() && self.buffer.holds_packets() {
            if self.pending_len < 2 * FRAME_SAMPLES {
                pulled = merge(pulled, self.decode_next(now));
            }
            self.pending_len = stretch::shorten(&mut self.pending[..self.pending_len]);
            self.frames_since_cut = 0;
        }
        self.take(frame);
        self.join_before(now, pulled, frame)
    }

    /// Like [`Receiver::pull`], and catches up by up to 20 ms now and then, until [`Receiver::is_drained`].
    pub fn pull_faster(&mut self, now: Timestamp, frame: &mut Frame) -> Pulled {
        let mut pulled = self.fill(now);
        let is_last = self.pending_len == FRAME_SAMPLES && !self.buffer.holds_packets();
        if is_last || self.may_change_pace() {
            if self.buffer.holds_packets() && self.pending_len < 2 * FRAME_SAMPLES {
                pulled = merge(pulled, self.decode_next(now));
            }
            let (pending, len) = (&mut self.pending[..], self.pending_len);
            // At the end, so that what is sent next follows the packets that come next.
            let last = FRAME_SAMPLES.saturating_sub(self.codec.delay_samples());
            if self.buffer.holds_packets() && len >= SHORTEN_SAMPLES {
                self.pending_len = stretch::shorten(&mut pending[..len]);
                self.frames_since_cut = 0;
            } else if !self.buffer.holds_packets() {
                self.pending_len = stretch::cut(&mut pending[..len], (len - last).min(CUT_SAMPLES));
                self.frames_since_cut = 0;
                if self.pending_len == last {
                    self.make_up();
                }
            }
            while self.pending_len < FRAME_SAMPLES {
                pulled = merge(pulled, self.decode_next(now));
            }
        }
        self.take(frame);
        self.join_before(now, pulled, frame)
    }

    fn may_change_pace(&self) -> bool {
        self.frames_since_cut >= PACE_FRAMES || rms_dbov(&self.pending[..self.pending_len]) < QUIET_DBOV
    }

    /// Whether a payload type that was agreed on before is still on its way (RFC 3264 §8.3.2).
    pub fn is_from_before(&self, payload_type: u8) -> bool {
        self.before.as_ref().is_some_and(|before| matches!(before.content(payload_type), Content::Voice(_)))
    }

    /// While this stream has not begun, what is left of the one before is heard; then they blend.
    pub(super) fn join_before(&mut self, now: Timestamp, pulled: Pulled, frame: &mut Frame) -> Pulled {
        let Some(before) = &mut self.before else { return pulled };
        let mut rest = Frame::SILENCE;
        let of_before = before.pull(now, &mut rest);
        if self.buffer.is_playing() {
            fade::blend(&rest, frame);
            self.before = None;
            return pulled;
        }
        if matches!(of_before, Pulled::Silence | Pulled::Noise) {
            self.before = None;
        }
        *frame = rest;
        of_before
    }
}

/// The payloads of one codec that were played last.
fn of_codec<'b>(
    buffer: &'b JitterBuffer,
    numbers: &'b [(u8, Codec)],
    codec: Codec,
) -> impl Iterator<Item = &'b [u8]> {
    let is_of = move |number: u8| numbers.contains(&(number, codec));
    buffer.past().filter(move |(number, _)| is_of(*number)).map(|(_, payload)| payload)
}
