//! Made sounds: sines, ringback, busy, beeps and the pairs of DTMF.

use serde::{Deserialize, Serialize};

use super::{Frame, RATE_HZ, clip};

/// A sine at any rate, continuous over calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sine {
    phase: f64,
    step: f64,
    amplitude: f32,
}

impl Sine {
    /// `hz` at `rate_hz`, `level_dbfs` below full scale (0 reaches the largest sample).
    pub fn new(hz: f32, rate_hz: u32, level_dbfs: f32) -> Self {
        let step = std::f64::consts::TAU * f64::from(hz) / f64::from(rate_hz.max(1));
        let amplitude = (32_767.0 * 10f32.powf(level_dbfs / 20.0)).min(32_767.0);
        Sine { phase: 0.0, step, amplitude }
    }

    /// Overwrites `samples`.
    pub fn fill(&mut self, samples: &mut [i16]) {
        for sample in samples {
            *sample = clip(self.next());
        }
    }

    fn next(&mut self) -> f32 {
        let value = self.phase.sin() as f32 * self.amplitude;
        self.phase = (self.phase + self.step) % std::f64::consts::TAU;
        value
    }
}

/// Whose telephone network a tone sounds like (ITU-T E.180, supplement 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Region {
    /// 425 Hz, as in most of Europe.
    #[default]
    Europe,
    /// Two frequencies, as in the United States and Canada.
    NorthAmerica,
    /// The double ring of the United Kingdom.
    UnitedKingdom,
}

/// A sound with its rhythm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// The far phone rings.
    Ringback(Region),
    /// The far phone is engaged.
    Busy(Region),
    /// No way there.
    Congestion(Region),
    /// A second call waits; plays once.
    CallWaiting,
    /// One short beep; plays once.
    Beep,
    /// A key for 100 ms, then 60 ms of silence; plays once. Characters other than `0-9*#A-D` are silent.
    Dtmf(char),
}

/// One stretch of a rhythm.
struct Part {
    millis: u32,
    hz: [f32; 2],
}

/// Level of a call progress tone.
const PROGRESS_DBFS: f32 = -16.0;
/// Level of each of the two frequencies of a key.
const DTMF_DBFS: f32 = -10.0;
/// Samples over which a stretch swells and fades, so that it does not click: 2.5 ms.
const RAMP_SAMPLES: u32 = 40;

impl Tone {
    fn parts(self) -> (Vec<Part>, bool) {
        let part = |millis, first, second| Part { millis, hz: [first, second] };
        let pause = |millis| part(millis, 0.0, 0.0);
        match self {
            Tone::Ringback(Region::Europe) => (vec![part(1_000, 425.0, 0.0), pause(4_000)], true),
            Tone::Ringback(Region::NorthAmerica) => (vec![part(2_000, 440.0, 480.0), pause(4_000)], true),
            Tone::Ringback(Region::UnitedKingdom) => {
                let ring = || part(400, 400.0, 450.0);
                (vec![ring(), pause(200), ring(), pause(2_000)], true)
            }
            Tone::Busy(Region::Europe) => (vec![part(480, 425.0, 0.0), pause(480)], true),
            Tone::Busy(Region::NorthAmerica) => (vec![part(500, 480.0, 620.0), pause(500)], true),
            Tone::Busy(Region::UnitedKingdom) => (vec![part(375, 400.0, 0.0), pause(375)], true),
            Tone::Congestion(Region::Europe) => (vec![part(240, 425.0, 0.0), pause(240)], true),
            Tone::Congestion(Region::NorthAmerica) => (vec![part(250, 480.0, 620.0), pause(250)], true),
            Tone::Congestion(Region::UnitedKingdom) => {
                (vec![part(400, 400.0, 0.0), pause(350), part(225, 400.0, 0.0), pause(525)], true)
            }
            Tone::CallWaiting => (vec![part(200, 425.0, 0.0), pause(200), part(200, 425.0, 0.0)], false),
            Tone::Beep => (vec![part(200, 1_000.0, 0.0)], false),
            Tone::Dtmf(key) => {
                let [low, high] = dtmf_hz(key).unwrap_or([0.0, 0.0]);
                (vec![part(100, low, high), pause(60)], false)
            }
        }
    }

    fn level_dbfs(self) -> f32 {
        if matches!(self, Tone::Dtmf(_)) { DTMF_DBFS } else { PROGRESS_DBFS }
    }
}

/// The low and the high frequency of a key (ITU-T Q.23).
pub fn dtmf_hz(key: char) -> Option<[f32; 2]> {
    const ROWS: [&str; 4] = ["123A", "456B", "789C", "*0#D"];
    const LOW_HZ: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
    const HIGH_HZ: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
    let key = key.to_ascii_uppercase();
    ROWS.iter().zip(LOW_HZ).find_map(|(row, low)| {
        row.chars().zip(HIGH_HZ).find(|(name, _)| *name == key).map(|(_, high)| [low, high])
    })
}

/// Plays a [`Tone`] frame by frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Player {
    tone: Tone,
    part: usize,
    place: u32,
    sines: Option<[Sine; 2]>,
}

impl Player {
    /// From the beginning of `tone`.
    pub fn new(tone: Tone) -> Self {
        Player { tone, part: 0, place: 0, sines: None }
    }

    /// Writes the next frame; false when the tone is over (the frame is silence from there on).
    pub fn next_frame(&mut self, frame: &mut Frame) -> bool {
        let (parts, repeats) = self.tone.parts();
        let level = self.tone.level_dbfs();
        let mut alive = true;
        for sample in &mut frame.0 {
            let Some(part) = parts.get(self.part) else {
                *sample = 0;
                alive = false;
                continue;
            };
            let len = part.millis * (RATE_HZ / 1_000);
            let sines = self.sines.get_or_insert_with(|| part.hz.map(|hz| Sine::new(hz, RATE_HZ, level)));
            let edge = (self.place + 1).min(len - self.place).min(RAMP_SAMPLES) as f32 / RAMP_SAMPLES as f32;
            *sample = clip(edge * sines.iter_mut().map(Sine::next).sum::<f32>());
            self.place += 1;
            if self.place >= len {
                self.place = 0;
                self.sines = None;
                self.part += 1;
                if repeats && self.part == parts.len() {
                    self.part = 0;
                }
            }
        }
        alive
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::goertzel::power_dbfs;
    use crate::audio::level::rms_dbov;

    fn play(tone: Tone, frames: usize) -> (Vec<i16>, usize) {
        let mut player = Player::new(tone);
        let mut samples = Vec::new();
        let mut alive = 0;
        for _ in 0..frames {
            let mut frame = Frame::SILENCE;
            alive += usize::from(player.next_frame(&mut frame));
            samples.extend_from_slice(&frame.0);
        }
        (samples, alive)
    }

    #[test]
    fn keys_have_their_two_frequencies() {
        for (key, low, high) in
            [('1', 697.0, 1_209.0), ('0', 941.0, 1_336.0), ('#', 941.0, 1_477.0), ('d', 941.0, 1_633.0)]
        {
            let (samples, _) = play(Tone::Dtmf(key), 5);
            for hz in [low, high] {
                let heard = power_dbfs(&samples, hz, RATE_HZ);
                assert!((heard - DTMF_DBFS).abs() < 1.0, "{key}: {hz} Hz at {heard}");
            }
        }
        assert_eq!(dtmf_hz('x'), None);
    }

    #[test]
    fn ringback_repeats_and_pauses() {
        let (samples, alive) = play(Tone::Ringback(Region::Europe), 300);
        assert_eq!(alive, 300);
        let second = |n: usize| &samples[n * 16_000..(n + 1) * 16_000];
        assert!(power_dbfs(second(0), 425.0, RATE_HZ) > -17.0);
        assert!(rms_dbov(second(2)) < -100.0);
        assert!(power_dbfs(second(5), 425.0, RATE_HZ) > -17.0);
    }

    #[test]
    fn a_beep_ends() {
        let (samples, alive) = play(Tone::Beep, 20);
        assert_eq!(alive, 10);
        assert!(rms_dbov(&samples[3_200..]) < -100.0);
        // Swells instead of clicking.
        assert!(samples[0].abs() < 1_000);
    }
}
