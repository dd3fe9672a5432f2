//! What a scripted party says: a tone that goes on, and clips over it in their turn.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::audio::tone::Sine;
use shared::audio::wav::Header;
use shared::audio::{Frame, RATE_HZ};
use shared_desktop::phone::Speak;

use crate::clip::Clip;

/// The customers' tone in Hz. The tones are no multiples of each other, so that no codec's distortion of one is taken
/// for another.
pub const CUSTOMER_HZ: f32 = 440.0;
/// The agents' tone.
pub const AGENT_HZ: f32 = 1_030.0;
/// The supervisors' tone.
pub const SUPERVISOR_HZ: f32 = 1_730.0;
/// How loud tones are: as a person speaks, and three at once do not clip.
pub const TONE_DBFS: f32 = -18.0;

/// A mouth that a script moves; clones are the same mouth. The lock guards the making of one frame.
#[derive(Clone, Default)]
pub struct Mouth {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    tone: Option<Sine>,
    clips: VecDeque<(Arc<[i16]>, usize)>,
}

impl Mouth {
    /// Says nothing.
    pub fn silent() -> Mouth {
        Mouth::default()
    }

    /// Hums.
    pub fn tone(hz: f32) -> Mouth {
        let mouth = Mouth::default();
        mouth.hum(hz);
        mouth
    }

    /// Hums from now on.
    pub fn hum(&self, hz: f32) {
        self.lock().tone = Some(Sine::new(hz, RATE_HZ, TONE_DBFS));
    }

    /// Stops humming.
    pub fn hush(&self) {
        self.lock().tone = None;
    }

    /// Says a clip after those that wait; the tone is silent meanwhile.
    pub fn say(&self, clip: &Clip) {
        self.lock().clips.push_back((clip.samples.clone(), 0));
    }

    /// Whether a clip is being said or waits.
    pub fn is_speaking(&self) -> bool {
        !self.lock().clips.is_empty()
    }

    /// The next 20 ms.
    pub fn next_frame(&self) -> Frame {
        let mut frame = Frame::SILENCE;
        let mut inner = self.lock();
        if let Some((samples, at)) = inner.clips.front_mut() {
            let rest = &samples[*at..];
            let len = rest.len().min(frame.0.len());
            frame.0[..len].copy_from_slice(&rest[..len]);
            *at += len;
            if *at == samples.len() {
                inner.clips.pop_front();
            }
        } else if let Some(tone) = &mut inner.tone {
            tone.fill(&mut frame.0);
        }
        frame
    }

    /// As the voice of a phone.
    pub fn speak(&self) -> Speak {
        let mouth = self.clone();
        Speak::Closure(Box::new(move |_| mouth.next_frame()))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Mouth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mouth")
    }
}

/// A file with a minute of a tone, 8 kHz mono: the voice of a foreign program.
pub fn tone_wav(hz: f32) -> Vec<u8> {
    let mut samples = vec![0i16; 60 * 8_000];
    Sine::new(hz, 8_000, TONE_DBFS).fill(&mut samples);
    let header = Header::finished(8_000, 1, samples.len() as u64 * 2);
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    bytes
}

#[cfg(test)]
mod tests {
    use shared::audio::goertzel::power_dbfs;

    use super::*;

    fn listen(mouth: &Mouth, frames: usize) -> Vec<i16> {
        (0..frames).flat_map(|_| mouth.next_frame().0).collect()
    }

    #[test]
    fn hums_says_a_clip_and_hums_on() {
        let mouth = Mouth::tone(CUSTOMER_HZ);
        assert!((power_dbfs(&listen(&mouth, 10), CUSTOMER_HZ, RATE_HZ) - TONE_DBFS).abs() < 0.5);
        let clip = Clip { name: "x".into(), words: "x".into(), samples: vec![7; 500].into() };
        mouth.say(&clip);
        assert!(mouth.is_speaking());
        let said = listen(&mouth, 2);
        assert!(said[..500].iter().all(|sample| *sample == 7));
        assert!(said[500..].iter().all(|sample| *sample == 0), "the clip's last frame is filled up");
        assert!(!mouth.is_speaking());
        assert!(power_dbfs(&listen(&mouth, 10), CUSTOMER_HZ, RATE_HZ) > TONE_DBFS - 1.0);
        mouth.hush();
        assert!(mouth.next_frame().is_silence());
    }
}
