//! Changes between relay and mix in virtual time, heard by a listener who hears everything: his packets decoded one behind
//! the other, by their timestamps.
//!
//! Each change is heard twice. With noise for a voice, every piece of it is found again in what was said, so time that is
//! repeated or missing shows. With a tone for a voice, a click shows.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use shared::audio::codec::{Codec, Decoder, MAX_PACKET_SAMPLES};
use shared::audio::tone::Sine;
use shared::audio::{FRAME_SAMPLES, Frame};
use shared::rtp::packet::{MAX_PACKET_BYTES, Packet};
use shared::rtp::receiver::{self, Receiver};
use shared::rtp::sender::{self, Sender};
use shared::time::Timestamp;

use super::super::handover::{Handover, MOST_FRAMES, Way};
use super::floor::negotiated;

/// A step in the tone below, which has none over 1,790 by itself. A tone that breaks off has one of up to 20,000; where a
/// codec's delay of 3 ms was made up, the guess may be off by a part of that.
const STEEPEST: i32 = 4_500;
/// Samples that are looked for: 10 ms.
const PIECE: usize = 160;
/// No step in time is longer, in samples: a frame of 20 ms that had to be made up, and what the filters of a codec delay.
const LONGEST: usize = 320 + 45 + 5;

/// Noise below 3 kHz, which every codec keeps.
fn noise(seconds: usize) -> Vec<i16> {
    let mut random = StdRng::seed_from_u64(4);
    let mut kept = [0.0f32; 3];
    (0..seconds * 16_000)
        .map(|_| {
            let mut value = random.random_range(-30_000.0..30_000.0f32);
            for stage in &mut kept {
                *stage += (value - *stage) * 0.45;
                value = *stage;
            }
            value as i16
        })
        .collect()
}

fn tone(seconds: usize) -> Vec<i16> {
    let mut samples = vec![0; seconds * 16_000];
    Sine::new(440.0, 16_000, -10.0).fill(&mut samples);
    samples
}

/// A speaker, his ears in the service, and a listener, as a bridge of two has them.
struct Talk {
    now: Timestamp,
    /// When the speaker's packets come, after the frame of the service.
    phase: Duration,
    script: Vec<i16>,
    said: usize,
    phone: Sender,
    ears: Receiver,
    listener: Sender,
    relays: bool,
    handover: Option<Handover>,
    tail: Option<Frame>,
    heard: Vec<(u16, u32, Vec<u8>)>,
}

impl Talk {
    fn new(codec: Codec, phase_millis: u64, script: &[i16]) -> Talk {
        let agreed = negotiated("127.0.0.1:4000".parse().expect("address"), codec);
        let mut random = StdRng::seed_from_u64(phase_millis);
        let sender =
            |random: &mut StdRng| Sender::new(sender::Config::from(&agreed), random).expect("sender");
        Talk {
            now: Timestamp::from_secs(1_000),
            phase: Duration::from_millis(phase_millis),
            script: script.to_vec(),
            said: 0,
            phone: sender(&mut random),
            ears: Receiver::new(receiver::Config::from(&agreed)).expect("receiver"),
            listener: sender(&mut random),
            relays: true,
            handover: None,
            tail: None,
            heard: Vec::new(),
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let packet = Packet::read(bytes).expect("ours");
        self.heard.push((packet.sequence, packet.timestamp, packet.payload.to_vec()));
    }

    /// Lets frames pass.
    fn run(&mut self, frames: usize) {
        for _ in 0..frames {
            let mut frame = Frame::SILENCE;
            frame.0.copy_from_slice(&self.script[self.said..self.said + FRAME_SAMPLES]);
            self.said += FRAME_SAMPLES;
            let at = self.now + self.phase;
            self.phone.push(at, Some(&frame));
            let (mut bytes, mut out) = ([0; MAX_PACKET_BYTES], [0; MAX_PACKET_BYTES]);
            let len = self.phone.poll(&mut bytes);
            let packet = Packet::read(&bytes[..len]).expect("ours");
            let content = self.ears.receive(at, &packet);
            if self.relays {
                let len = self.listener.relay(at, &packet, content, &mut out);
                self.keep(&out[..len]);
            } else if let Some(handover) = &mut self.handover {
                handover.receive(at, &packet);
            }
            self.now += Duration::from_millis(20);
            self.frame();
        }
    }

    fn frame(&mut self) {
        let mut mixed = Frame::SILENCE;
        self.ears.pull(self.now, &mut mixed);
        if self.relays {
            return;
        }
        let covers = self.listener.covers(self.now);
        let mut voice = mixed;
        if let Some(tail) = self.tail.take() {
            voice = tail;
        } else if let Some(handover) = &mut self.handover {
            if handover.rests(covers) {
                return;
            }
            handover.frame(self.now, Some(&self.ears), Some(&mixed), &mut voice);
        }
        self.listener.push(self.now, Some(&voice));
        let mut out = [0; MAX_PACKET_BYTES];
        let len = self.listener.poll(&mut out);
        self.keep(&out[..len]);
        if let Some(way) = self.handover.as_ref().filter(|handover| handover.is_done).map(|done| done.way) {
            self.handover = None;
            self.relays = way == Way::IntoRelay;
        }
    }

    fn mix(&mut self) {
        self.ears.keep_pace(MOST_FRAMES);
        match &mut self.handover {
            Some(handover) => handover.turn(Way::IntoMix),
            None => {
                let (handover, past) = Handover::into_mix(0, &self.ears).expect("forked");
                self.listener.prime(&past);
                self.handover = Some(handover);
            }
        }
        self.relays = false;
    }

    fn relay(&mut self) {
        self.ears.keep_pace(MOST_FRAMES);
        match &mut self.handover {
            Some(handover) => handover.turn(Way::IntoRelay),
            None => self.handover = Handover::into_relay(0, &self.ears, true),
        }
    }

    /// The speaker is held: the listener hears him end.
    fn hold(&mut self) {
        let (handover, past) = Handover::into_mix(0, &self.ears).expect("forked");
        self.listener.prime(&past);
        (self.relays, self.tail) = (false, Some(handover.farewell()));
    }

    /// What was received, as one sound: a hole in the timestamps is a hole in it.
    fn sound(&self, codec: Codec) -> Vec<i16> {
        let mut decoder = Decoder::new(codec).expect("decoder");
        let mut samples: Vec<i16> = Vec::new();
        let first = self.heard.first().expect("packets").1;
        let each_tick = (16_000 / codec.clock_rate_hz()) as usize;
        for pair in self.heard.windows(2) {
            assert_eq!(pair[1].0, pair[0].0.wrapping_add(1), "the sequence goes on");
        }
        for (_, timestamp, payload) in &self.heard {
            assert_eq!(timestamp.wrapping_sub(first) as usize * each_tick, samples.len(), "no hole in time");
            let mut decoded = [0; MAX_PACKET_SAMPLES];
            let len = decoder.decode(payload, &mut decoded);
            samples.extend_from_slice(&decoded[..len]);
        }
        // Without the swing of the filters.
        samples.split_off(800)
    }
}

/// Where in `script` the piece was said, looked for around `near`.
fn find(script: &[i16], piece: &[i16], near: usize) -> Option<usize> {
    let likeness = |place: usize| {
        let said = &script[place..place + piece.len()];
        let product = |left: &[i16], right: &[i16]| -> f64 {
            left.iter().zip(right).map(|(left, right)| f64::from(*left) * f64::from(*right)).sum()
        };
        product(said, piece) / (product(said, said) * product(piece, piece)).sqrt().max(1.0)
    };
    if near + piece.len() <= script.len() && likeness(near) > 0.95 {
        return Some(near);
    }
    let places = near.saturating_sub(1_600)..(near + 1_600).min(script.len() - piece.len());
    let (place, best) =
        places.map(|place| (place, likeness(place))).max_by(|(_, left), (_, right)| left.total_cmp(right))?;
    // Less is a blend of two places, or made up.
    (best > 0.8).then_some(place)
}

/// Nothing is heard twice and nothing is left out for more than 20 ms, and the whole neither drifts.
fn assert_in_time(script: &[i16], samples: &[i16], what: &str) {
    let mut at: Option<(usize, usize)> = None;
    let mut unknown = 0;
    for (number, piece) in samples.chunks_exact(PIECE).enumerate() {
        let near = at.map_or(0, |(heard, said)| said + number * PIECE - heard);
        let Some(said) = find(script, piece, near) else {
            unknown += usize::from(at.is_some());
            assert!(unknown <= 4, "{what}: nothing that was said for 40 ms at {} ms", number * 10);
            continue;
        };
        if at.is_some() {
            let step = said.abs_diff(near);
            assert!(step <= LONGEST, "{what}: {near} but {said} at {} ms", number * 10);
        }
        unknown = 0;
        at = Some((number * PIECE, said));
    }
    assert!(at.is_some_and(|(_, said)| said > 8_000), "{what}: nothing was heard");
}

fn assert_no_click(samples: &[i16], what: &str) {
    let steps = samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs());
    let (place, steepest) = steps.enumerate().max_by_key(|(_, step)| *step).expect("sound");
    let around = &samples[place.saturating_sub(4)..(place + 6).min(samples.len())];
    assert!(steepest < STEEPEST, "{what}: a step of {steepest} at {} ms: {around:?}", place / 16);
}

fn assert_smooth(codecs: &[Codec], change: impl Fn(&mut Talk)) {
    let (noise, tone) = (noise(4), tone(4));
    for codec in codecs {
        for phase in [1, 7, 13, 19] {
            let what = format!("{codec}, packets {phase} ms behind the frames");
            let hear = |script: &[i16]| {
                let mut talk = Talk::new(*codec, phase, script);
                talk.run(20);
                change(&mut talk);
                assert!(talk.relays, "{what}: relay at the end");
                talk.run(10);
                talk.sound(*codec)
            };
            assert_in_time(&noise, &hear(&noise), &what);
            assert_no_click(&hear(&tone), &what);
        }
    }
}

#[test]
fn a_listener_goes_from_relay_to_mix_and_back_without_a_break() {
    assert_smooth(&[Codec::Pcma, Codec::G722], |talk| {
        talk.mix();
        talk.run(30);
        assert!(talk.handover.is_none(), "he hears the mix");
        talk.relay();
        talk.run(30);
    });
}

/// The plan changes again before a change is done.
#[test]
fn changes_that_follow_each_other_quickly_are_smooth_too() {
    assert_smooth(&[Codec::Pcmu], |talk| {
        for frames in [3, 2, 5, 3, 10, 1] {
            talk.mix();
            talk.run(frames);
            talk.relay();
            talk.run(frames);
        }
        talk.run(30);
    });
}

/// The speaker is held and comes back: his voice ends and begins without a step.
#[test]
fn a_voice_ends_and_begins_without_a_click() {
    for phase in [1, 7, 13, 19] {
        let mut talk = Talk::new(Codec::Pcma, phase, &tone(4));
        talk.run(20);
        talk.hold();
        talk.run(1);
        talk.handover = Handover::into_relay(0, &talk.ears, false);
        talk.run(30);
        assert!(talk.relays);
        assert_no_click(&talk.sound(Codec::Pcma), &format!("{phase} ms"));
    }
}
