//! Joining utterances into windows for the engine, and bringing its times back to the recording's.

use super::engine::Piece;
use super::segment::{RATE_HZ, Utterance};
use super::settings::Settings;

/// Silence between two utterances of a window, on top of their own padding.
const GAP_MILLIS: u64 = 300;
/// The engine hears 30 s; a little is left for its own padding.
const MAX_JOINED_MILLIS: u64 = 29_000;

/// Where an utterance lies in a window: `voice` and `real` are the same moments on the two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    voice_from: u64,
    voice_to: u64,
    real_from: u64,
}

/// Audio for one call of the engine.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// 16 kHz mono.
    pub(super) samples: Vec<i16>,
    parts: Vec<Part>,
}

impl Window {
    fn len_millis(&self) -> u64 {
        self.samples.len() as u64 * 1000 / u64::from(RATE_HZ)
    }

    fn add(&mut self, utterance: Utterance) {
        if !self.parts.is_empty() {
            let gap_len = (GAP_MILLIS * u64::from(RATE_HZ) / 1000) as usize;
            self.samples.resize(self.samples.len() + gap_len, 0);
        }
        let start = self.len_millis();
        let voice_from = start + utterance.from_millis.saturating_sub(utterance.audio_from_millis);
        self.parts.push(Part {
            voice_from,
            voice_to: voice_from + utterance.to_millis.saturating_sub(utterance.from_millis),
            real_from: utterance.from_millis,
        });
        self.samples.extend_from_slice(&utterance.samples);
    }

    /// Where the engine's pieces lie in the recording: from, to (both in milliseconds) and words. Times never leave the
    /// talk that was detected: the engine's own begin early and end late.
    pub(super) fn place(&self, pieces: Vec<Piece>) -> Vec<(u64, u64, String)> {
        if let ([part], [piece]) = (self.parts.as_slice(), pieces.as_slice()) {
            let to = part.real_from + (part.voice_to - part.voice_from);
            return vec![(part.real_from, to, piece.text.clone())];
        }
        pieces
            .into_iter()
            .filter_map(|piece| {
                let (first, last) = (self.parts.first()?, self.parts.last()?);
                let begin = self.parts.iter().find(|part| part.voice_to > piece.from_millis).unwrap_or(last);
                let end = self.parts.iter().rfind(|part| part.voice_from < piece.to_millis).unwrap_or(first);
                let from = begin.real(piece.from_millis);
                let to = end.real(piece.to_millis).max(from);
                Some((from, to, piece.text))
            })
            .collect()
    }
}

impl Part {
    fn real(&self, moment: u64) -> u64 {
        self.real_from + (moment.clamp(self.voice_from, self.voice_to) - self.voice_from)
    }
}

/// Gathers the utterances of one track into windows. Holds one window at most.
pub(super) struct Joiner {
    max_millis: u64,
    window: Window,
}

impl Joiner {
    pub(super) fn new(settings: &Settings) -> Self {
        let joins = !settings.one_utterance_per_call && settings.use_timestamps;
        let window_millis = (settings.window_secs() * 1000.0) as u64;
        Joiner {
            max_millis: if joins { window_millis.min(MAX_JOINED_MILLIS) } else { 0 },
            window: Window::default(),
        }
    }

    /// Takes an utterance; gives the window that it no longer fits into.
    pub(super) fn push(&mut self, utterance: Utterance) -> Option<Window> {
        let joined = self.window.len_millis() + GAP_MILLIS + utterance.audio_millis();
        let full = if joined > self.max_millis { self.finish() } else { None };
        self.window.add(utterance);
        full
    }

    /// The last window.
    pub(super) fn finish(&mut self) -> Option<Window> {
        let window = std::mem::take(&mut self.window);
        (!window.parts.is_empty()).then_some(window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utterance(from_millis: u64, to_millis: u64) -> Utterance {
        let audio_from_millis = from_millis.saturating_sub(200);
        let len = (to_millis + 200 - audio_from_millis) * 16;
        Utterance { from_millis, to_millis, audio_from_millis, samples: vec![1; len as usize] }
    }

    fn piece(from_millis: u64, to_millis: u64) -> Piece {
        Piece { from_millis, to_millis, text: "yes".into() }
    }

    fn times(window: &Window, pieces: &[(u64, u64)]) -> Vec<(u64, u64)> {
        let pieces = pieces.iter().map(|(from, to)| piece(*from, *to)).collect();
        window.place(pieces).into_iter().map(|(from, to, _)| (from, to)).collect()
    }

    #[test]
    fn alone_or_joined_as_the_settings_say() {
        let windows = |settings: &Settings| {
            let mut joiner = Joiner::new(settings);
            let mut lens: Vec<usize> = Vec::new();
            for from in [1_000, 20_000, 40_000] {
                lens.extend(joiner.push(utterance(from, from + 12_000)).map(|window| window.parts.len()));
            }
            lens.extend(joiner.finish().map(|window| window.parts.len()));
            lens
        };
        assert_eq!(windows(&Settings::default()), [2, 1], "24 s of talk fit a window, 36 s do not");
        assert_eq!(windows(&Settings { one_utterance_per_call: true, ..Settings::default() }), [1, 1, 1]);
        assert_eq!(windows(&Settings { use_timestamps: false, ..Settings::default() }), [1, 1, 1]);
    }

    #[test]
    fn times_go_back_to_the_recording() {
        let mut joiner = Joiner::new(&Settings::default());
        assert!(joiner.push(utterance(5_000, 7_000)).is_none());
        assert!(joiner.push(utterance(60_000, 61_000)).is_none());
        let window = joiner.finish().expect("two utterances");
        // In the window: voice 200..2200, padding to 2400, gap to 2700, padding, voice 2900..3900.
        assert_eq!(window.len_millis(), 2_400 + 300 + 1_400);
        assert_eq!(times(&window, &[(0, 2_300), (2_300, 4_100)]), [(5_000, 7_000), (60_000, 61_000)]);
        assert_eq!(times(&window, &[(0, 1_200), (1_200, 2_200)]), [(5_000, 6_000), (6_000, 7_000)]);
        assert_eq!(times(&window, &[(0, 4_000), (4_050, 4_060)]), [(5_000, 61_000), (61_000, 61_000)]);
    }

    #[test]
    fn one_piece_of_one_utterance_has_the_times_of_the_talk() {
        let mut joiner = Joiner::new(&Settings::demonstration());
        assert!(joiner.push(utterance(5_000, 7_000)).is_none());
        let window = joiner.finish().expect("one");
        assert_eq!(times(&window, &[(0, 900)]), [(5_000, 7_000)]);
    }
}
