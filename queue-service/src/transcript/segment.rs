//! Utterances out of a track: talk detection, pure and streaming.
//!
//! ```text
//! samples -> frames of 16 ms -> score 0..1 (earshot; 0 below the level gate)
//!   quiet:   keeps only the padding
//!   talking: from a score over `begin_score` until `hangover_millis` without a score over `hold_score`
//!   too long: cut at the least speech-like moment of the second half
//! ```
//!
//! Memory is bounded by one utterance and the frames that are not taken up yet. Times count from the first sample.

use std::collections::VecDeque;
use std::fmt;

use earshot::Detector;

/// Samples a second of everything here.
pub const RATE_HZ: u32 = 16_000;
/// Samples of one frame of the detector.
const FRAME: usize = 256;
/// Milliseconds of one frame.
const FRAME_MILLIS: u64 = 16;
/// The detector's score falls this many frames after the voice (measured on speech that stops at once).
const LAG_FRAMES: u64 = 6;
/// Below this level (root mean square of a frame, about -60 dBFS) nothing is speech: line noise, codec silence.
const GATE: f64 = 32.0;
/// Frames that the search for a pause averages over.
const PAUSE_FRAMES: usize = 6;

/// What counts as an utterance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// An utterance begins at this score.
    pub begin_score: f32,
    /// It goes on while the score is at least this.
    pub hold_score: f32,
    /// It has to reach this score once, or it was a tone or noise and is dropped.
    pub peak_score: f32,
    /// Silence that ends it, in milliseconds.
    pub hangover_millis: u32,
    /// Audio given along before and after, in milliseconds; part of the longest length.
    pub padding_millis: u32,
    /// Less speech than this is a click and is dropped, in milliseconds.
    pub min_speech_millis: u32,
    /// Longest utterance with its padding, in milliseconds.
    pub max_utterance_millis: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            begin_score: 0.55,
            hold_score: 0.45,
            peak_score: 0.7,
            hangover_millis: 500,
            padding_millis: 200,
            min_speech_millis: 120,
            max_utterance_millis: 28_000,
        }
    }
}

/// One utterance with its audio.
#[derive(Clone, PartialEq, Eq)]
pub struct Utterance {
    /// Where the voice begins, in milliseconds from the first sample of the track.
    pub from_millis: u64,
    /// Where it ends.
    pub to_millis: u64,
    /// Where `samples` begins: `from_millis` less the padding.
    pub audio_from_millis: u64,
    /// The audio with padding, 16 kHz mono.
    pub samples: Vec<i16>,
}

impl Utterance {
    /// Length of the audio in milliseconds.
    pub fn audio_millis(&self) -> u64 {
        self.samples.len() as u64 * 1000 / u64::from(RATE_HZ)
    }
}

impl fmt::Debug for Utterance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Utterance {}..{} ms, {} samples", self.from_millis, self.to_millis, self.samples.len())
    }
}

enum State {
    Quiet,
    Talking {
        /// First frame with voice.
        begin: u64,
        /// Last frame with voice.
        last: u64,
        /// Frames with voice.
        voiced: u32,
        /// Highest score.
        peak: f32,
    },
}

/// Cuts one track into utterances: [`push`](Self::push) samples, [`finish`](Self::finish) at the end,
/// [`poll`](Self::poll) to `None` after each of them.
pub struct Segmenter {
    limits: Limits,
    detector: Box<Detector>,
    state: State,
    /// Samples since `audio_from`, and their scores by frame.
    audio: VecDeque<i16>,
    scores: VecDeque<f32>,
    /// Number of the frame that `audio` and `scores` begin with.
    audio_from: u64,
    /// Samples short of a frame.
    partial: Vec<i16>,
    done: VecDeque<Utterance>,
}

impl Segmenter {
    /// A segmenter at the start of a track.
    pub fn new(limits: Limits) -> Self {
        Segmenter {
            limits,
            detector: Box::new(Detector::default()),
            state: State::Quiet,
            audio: VecDeque::new(),
            scores: VecDeque::new(),
            audio_from: 0,
            partial: Vec::with_capacity(FRAME),
            done: VecDeque::new(),
        }
    }

    /// Takes the next samples, any number of them.
    pub fn push(&mut self, samples: &[i16]) {
        let mut rest = samples;
        while !rest.is_empty() {
            let (head, tail) = rest.split_at(rest.len().min(FRAME - self.partial.len()));
            self.partial.extend_from_slice(head);
            rest = tail;
            if self.partial.len() == FRAME {
                let frame = std::mem::replace(&mut self.partial, Vec::with_capacity(FRAME));
                self.frame(&frame);
            }
        }
    }

    /// The track is over: what is being said is closed.
    pub fn finish(&mut self) {
        let tail_len = self.partial.len();
        if tail_len > 0 {
            let mut frame = std::mem::take(&mut self.partial);
            frame.resize(FRAME, 0);
            self.frame(&frame);
            // The filling is no audio of the track.
            let real = self.audio.len().saturating_sub(FRAME - tail_len);
            self.audio.truncate(real);
        }
        if matches!(self.state, State::Talking { .. }) {
            self.close();
        }
        self.state = State::Quiet;
    }

    /// The next utterance that is complete.
    pub fn poll(&mut self) -> Option<Utterance> {
        self.done.pop_front()
    }

    fn frame(&mut self, frame: &[i16]) {
        let number = self.audio_from + self.scores.len() as u64;
        // The detector hears every frame, loud or not: it has a memory.
        let heard = self.detector.predict_i16(frame);
        let score = if level(frame) < GATE { 0.0 } else { heard };
        self.audio.extend(frame);
        self.scores.push_back(score);
        match &mut self.state {
            State::Quiet if score >= self.limits.begin_score => {
                self.state = State::Talking { begin: number, last: number, voiced: 1, peak: score };
            }
            State::Quiet => self.forget_before((number + 1).saturating_sub(self.padding_frames())),
            State::Talking { last, voiced, peak, .. } => {
                if score >= self.limits.hold_score {
                    *last = number;
                    *voiced += 1;
                    *peak = peak.max(score);
                }
                if number - *last >= frames(self.limits.hangover_millis) {
                    self.close();
                } else if self.scores.len() as u64 >= frames(self.limits.max_utterance_millis).max(2) {
                    self.cut();
                }
            }
        }
    }

    /// Ends the utterance after its last voice.
    fn close(&mut self) {
        let State::Talking { begin, last, voiced, peak } = std::mem::replace(&mut self.state, State::Quiet)
        else {
            return;
        };
        let end = last + 1 + self.padding_frames();
        if self.is_speech(voiced, peak) {
            let to = (last + 1).saturating_sub(LAG_FRAMES).max(begin + 1);
            self.emit(begin, to, end);
        }
        let kept = (self.audio_from + self.scores.len() as u64).saturating_sub(self.padding_frames());
        self.forget_before(kept.max(end));
    }

    /// Ends the utterance in its least speech-like moment of the second half; the rest goes on as the next one.
    fn cut(&mut self) {
        let State::Talking { begin, last, voiced, peak } = self.state else {
            return;
        };
        let half = self.scores.len() / 2;
        let quietest = (half..self.scores.len())
            .map(|at| {
                let from = at.saturating_sub(PAUSE_FRAMES / 2);
                let window = self.scores.range(from..(from + PAUSE_FRAMES).min(self.scores.len()));
                let count = window.len().max(1) as f32;
                (at, window.sum::<f32>() / count)
            })
            .min_by(|left, right| left.1.total_cmp(&right.1))
            .map_or(self.scores.len(), |(at, _)| at);
        let cut = self.audio_from + quietest as u64;
        let rest_voiced =
            self.scores.range(quietest..).filter(|score| **score >= self.limits.hold_score).count() as u32;
        if self.is_speech(voiced.saturating_sub(rest_voiced), peak) {
            self.emit(begin, cut.max(begin + 1), cut);
        }
        self.forget_before(cut);
        // A cut inside talk leaves talk: the rest needs no new beginning.
        self.state = if last >= cut && rest_voiced > 0 {
            State::Talking { begin: cut.max(begin), last, voiced: rest_voiced, peak }
        } else {
            State::Quiet
        };
    }

    fn is_speech(&self, voiced: u32, peak: f32) -> bool {
        u64::from(voiced) >= frames(self.limits.min_speech_millis) && peak >= self.limits.peak_score
    }

    /// Gives out an utterance: voice from frame `begin` to before frame `to`, audio to before frame `end`.
    fn emit(&mut self, begin: u64, to: u64, end: u64) {
        let len = (end.saturating_sub(self.audio_from) as usize).saturating_mul(FRAME).min(self.audio.len());
        self.done.push_back(Utterance {
            from_millis: begin * FRAME_MILLIS,
            to_millis: to * FRAME_MILLIS,
            audio_from_millis: self.audio_from * FRAME_MILLIS,
            samples: self.audio.range(..len).copied().collect(),
        });
    }

    fn forget_before(&mut self, frame: u64) {
        let count = (frame.saturating_sub(self.audio_from) as usize).min(self.scores.len());
        self.scores.drain(..count);
        self.audio.drain(..(count * FRAME).min(self.audio.len()));
        self.audio_from += count as u64;
    }

    fn padding_frames(&self) -> u64 {
        frames(self.limits.padding_millis)
    }
}

fn frames(millis: u32) -> u64 {
    u64::from(millis) / FRAME_MILLIS
}

fn level(frame: &[i16]) -> f64 {
    let energy: f64 = frame.iter().map(|sample| f64::from(*sample) * f64::from(*sample)).sum();
    (energy / frame.len().max(1) as f64).sqrt()
}

#[cfg(test)]
#[path = "segment_tests.rs"]
mod tests;
