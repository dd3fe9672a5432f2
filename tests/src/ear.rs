//! What a scripted party heard, with times: levels of tones by Goertzel, and whether it is music, a tone, or nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use shared::audio::goertzel::power_dbfs;
use shared::audio::level::rms_dbov;
use shared::audio::{Frame, RATE_HZ};
use shared::time::Timestamp;
use shared_desktop::phone::HeardFrame;
use shared_net::clock;
use tokio::sync::mpsc;

/// A tone louder than this is heard.
pub const HEARD_DBFS: f32 = -35.0;
/// A tone softer than this is not there: the noise of a G.711 codec lies below it.
pub const GONE_DBFS: f32 = -55.0;
/// Levels are taken over blocks of this length.
const BLOCK: usize = RATE_HZ as usize / 10;
/// Frames that are kept: ten minutes.
const KEPT: usize = 30_000;

/// An ear; clones are the same ear. The lock guards the list of frames.
#[derive(Clone, Default)]
pub struct Ear {
    heard: Arc<Mutex<Vec<(Timestamp, Frame)>>>,
}

/// The level of a tone over a stretch of time, in dBFS, over blocks of 100 ms.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Level {
    /// Softest block.
    pub least: f32,
    /// The one in the middle.
    pub middle: f32,
    /// Loudest block.
    pub most: f32,
}

impl Level {
    /// The tone sounds all the time: nine of ten blocks are loud (a block may be cut by its start).
    pub fn is_heard(&self) -> bool {
        self.middle > HEARD_DBFS && self.least > HEARD_DBFS - 15.0
    }

    /// The tone is in no block.
    pub fn is_gone(&self) -> bool {
        self.most < GONE_DBFS
    }
}

/// What a stretch of sound is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Nothing, or only the noise of a codec.
    Silence,
    /// One tone.
    Tone,
    /// Sound of more than one tone: music or speech.
    Sound,
}

impl Ear {
    /// An ear that has heard nothing.
    pub fn new() -> Ear {
        Ear::default()
    }

    /// Hears 20 ms now.
    pub fn hear(&self, frame: Frame) {
        self.hear_at(clock::now(), frame);
    }

    /// Hears 20 ms that began at `at`.
    pub fn hear_at(&self, at: Timestamp, frame: Frame) {
        let mut heard = self.lock();
        if heard.len() < KEPT {
            heard.push((at, frame));
        }
    }

    /// A queue for a phone's [`shared_desktop::phone::ScriptedAudio`]; what comes is heard. Needs a runtime.
    pub fn queue(&self) -> mpsc::Sender<HeardFrame> {
        let (sender, mut receiver) = mpsc::channel::<HeardFrame>(256);
        let ear = self.clone();
        tokio::spawn(async move {
            while let Some(heard) = receiver.recv().await {
                ear.hear(heard.frame);
            }
        });
        sender
    }

    /// Frames heard so far.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Nothing has come at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sound from `from` to `to`, without the gaps.
    pub fn between(&self, from: Timestamp, to: Timestamp) -> Vec<i16> {
        let heard = self.lock();
        heard.iter().filter(|(at, _)| *at >= from && *at < to).flat_map(|(_, frame)| frame.0).collect()
    }

    /// The sound of the last `time`.
    pub fn last(&self, time: Duration) -> Vec<i16> {
        let now = clock::now();
        self.between(now - time, now)
    }

    /// The level of a tone from `from` to `to`; an error when too little was heard to tell.
    pub fn level(&self, hz: f32, from: Timestamp, to: Timestamp) -> Result<Level, TooShort> {
        level_of(hz, &self.between(from, to))
    }

    /// When the first frame was heard from `from` to `to` that is as wanted.
    pub fn first(
        &self,
        from: Timestamp,
        to: Timestamp,
        mut is_wanted: impl FnMut(&Frame) -> bool,
    ) -> Option<Timestamp> {
        let heard = self.lock();
        let mut frames = heard.iter().filter(|(at, _)| *at >= from && *at < to);
        frames.find(|(_, frame)| is_wanted(frame)).map(|(at, _)| *at)
    }

    /// What it is that was heard.
    pub fn kind(&self, from: Timestamp, to: Timestamp) -> Result<Kind, TooShort> {
        kind_of(&self.between(from, to))
    }

    /// Stretches of at least `least` in which no frame came, in milliseconds each.
    pub fn gaps(&self, from: Timestamp, to: Timestamp, least: Duration) -> Vec<u64> {
        let heard = self.lock();
        let times: Vec<_> = heard.iter().map(|(at, _)| *at).filter(|at| *at >= from && *at < to).collect();
        times
            .windows(2)
            .map(|pair| pair[1].since(pair[0]))
            .filter(|gap| *gap >= least)
            .map(|gap| gap.as_millis() as u64)
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Timestamp, Frame)>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Ear {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ear({} frames)", self.len())
    }
}

/// Too little sound to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("only {millis} ms of sound were heard")]
pub struct TooShort {
    /// What there is.
    pub millis: usize,
}

/// The level of a tone in samples of 16 kHz.
pub fn level_of(hz: f32, samples: &[i16]) -> Result<Level, TooShort> {
    let mut levels: Vec<f32> =
        samples.chunks_exact(BLOCK).map(|block| power_dbfs(block, hz, RATE_HZ)).collect();
    if levels.len() < 2 {
        return Err(TooShort { millis: samples.len() / 16 });
    }
    levels.sort_by(f32::total_cmp);
    // One block in ten may be cut by a start or an end.
    let cut = levels.len() / 10;
    Ok(Level { least: levels[cut], middle: levels[levels.len() / 2], most: levels[levels.len() - 1] })
}

/// What samples of 16 kHz are: the share of the strongest of many tones tells a tone from sound.
pub fn kind_of(samples: &[i16]) -> Result<Kind, TooShort> {
    if samples.len() < 2 * BLOCK {
        return Err(TooShort { millis: samples.len() / 16 });
    }
    let blocks = samples.chunks_exact(BLOCK);
    let count = blocks.len();
    let loud: Vec<&[i16]> = blocks.filter(|block| rms_dbov(block) > -50.0).collect();
    if loud.len() * 5 < count {
        return Ok(Kind::Silence);
    }
    let tones = loud.iter().filter(|block| is_tone(block)).count();
    Ok(if tones * 10 >= loud.len() * 8 { Kind::Tone } else { Kind::Sound })
}

/// One steady tone has nearly all its power in one frequency.
fn is_tone(block: &[i16]) -> bool {
    // A sine of level L (peak) has a root mean square 3 dB below it.
    let total = rms_dbov(block) + 3.0;
    let strongest =
        (20..400).map(|step| power_dbfs(block, step as f32 * 10.0, RATE_HZ)).fold(f32::MIN, f32::max);
    strongest > total - 1.5
}

#[cfg(test)]
mod tests {
    use shared::audio::tone::Sine;

    use super::*;

    fn filled(ear: &Ear, from_millis: i64, frames: i64, hz: &[f32]) {
        let mut sines: Vec<Sine> = hz.iter().map(|hz| Sine::new(*hz, RATE_HZ, -20.0)).collect();
        for index in 0..frames {
            let mut sum = Frame::SILENCE;
            for sine in &mut sines {
                let mut frame = Frame::SILENCE;
                sine.fill(&mut frame.0);
                sum.0.iter_mut().zip(frame.0).for_each(|(sum, sample)| *sum += sample);
            }
            ear.hear_at(at(from_millis + index * 20), sum);
        }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_micros(millis * 1000)
    }

    #[test]
    fn tells_who_sounds_when() {
        let ear = Ear::new();
        filled(&ear, 0, 50, &[440.0]);
        filled(&ear, 1000, 50, &[]);
        filled(&ear, 2000, 50, &[440.0, 1030.0]);
        let level = |hz, from, to| ear.level(hz, at(from), at(to)).expect("enough");
        assert!(level(440.0, 0, 1000).is_heard());
        assert!(level(1030.0, 0, 1000).is_gone());
        assert!(level(440.0, 1000, 2000).is_gone());
        assert!(level(440.0, 2000, 3000).is_heard() && level(1030.0, 2000, 3000).is_heard());
        assert!(!level(440.0, 500, 1500).is_heard() && !level(440.0, 500, 1500).is_gone());
        assert_eq!(ear.level(440.0, at(0), at(100)), Err(TooShort { millis: 100 }));
        assert_eq!(ear.kind(at(0), at(1000)), Ok(Kind::Tone));
        assert_eq!(ear.kind(at(1000), at(2000)), Ok(Kind::Silence));
        assert_eq!(ear.kind(at(2000), at(3000)), Ok(Kind::Sound));
        assert_eq!(ear.gaps(at(0), at(3000), Duration::from_millis(40)), Vec::<u64>::new());
    }

    #[test]
    fn finds_gaps() {
        let ear = Ear::new();
        filled(&ear, 0, 10, &[440.0]);
        filled(&ear, 500, 10, &[440.0]);
        assert_eq!(ear.gaps(at(0), at(1000), Duration::from_millis(40)), [320]);
    }

    #[test]
    fn music_and_speech_are_no_tones() {
        let clips = crate::clip::Clips::shipped().expect("clips");
        for clip in clips.customer.iter().chain(&clips.agent) {
            assert_eq!(kind_of(&clip.samples), Ok(Kind::Sound), "{}", clip.name);
        }
    }
}
