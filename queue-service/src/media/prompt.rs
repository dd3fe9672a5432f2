//! What is played to waiting and held customers: files, a generated hold music, tones. Loaded once, shared by all
//! calls.

mod decode;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use shared::audio::tone::{Player, Region, Tone};
use shared::audio::{FRAME_MILLIS, FRAME_SAMPLES, Frame, RATE_HZ};

/// Why a prompt cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// The file cannot be read.
    #[error("read the prompt {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file holds no sound that can be played.
    #[error("load the prompt {}", path.display())]
    Sound {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: SoundError,
    },
    /// The file has a length that cannot be meant.
    #[error("load the prompt {}: it lasts {secs} s; 1 frame of 20 ms to {MAX_SECS} s are possible", path.display())]
    Length {
        /// Which.
        path: PathBuf,
        /// How long it is.
        secs: usize,
    },
}

pub use self::decode::SoundError;

/// Longest prompt in seconds: 115 MB of memory.
pub const MAX_SECS: usize = 3_600;

/// A sound in memory, 16 kHz mono.
#[derive(Clone, PartialEq, Eq)]
pub struct Prompt {
    name: String,
    samples: Box<[i16]>,
}

impl std::fmt::Debug for Prompt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Prompt({:?}, {} ms)", self.name, self.len_millis())
    }
}

impl Prompt {
    /// From samples at 16 kHz.
    pub fn new(name: impl Into<String>, samples: Vec<i16>) -> Self {
        Prompt { name: name.into(), samples: samples.into() }
    }

    /// Reads a file: WAV of any usual kind, FLAC, MP3, Opus or Vorbis in Ogg, of any rate. Blocks; meant for the start of the service.
    ///
    /// # Errors
    /// When the file cannot be read, is of no kind that is understood, is damaged, or is empty or too long.
    pub fn load(path: &Path) -> Result<Arc<Prompt>, PromptError> {
        let bytes =
            std::fs::read(path).map_err(|source| PromptError::File { path: path.to_path_buf(), source })?;
        let samples =
            decode::mono(bytes).map_err(|source| PromptError::Sound { path: path.to_path_buf(), source })?;
        if samples.len() < FRAME_SAMPLES || samples.len() > MAX_SECS * RATE_HZ as usize {
            return Err(PromptError::Length {
                path: path.to_path_buf(),
                secs: samples.len() / RATE_HZ as usize,
            });
        }
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Arc::new(Prompt::new(name, samples)))
    }

    /// The tone that says the far phone rings, one turn of its rhythm.
    pub fn ringback(region: Region) -> Arc<Prompt> {
        let frames = match region {
            Region::Europe => 250,
            Region::NorthAmerica => 300,
            Region::UnitedKingdom => 150,
        };
        let mut player = Player::new(Tone::Ringback(region));
        let mut samples = Vec::with_capacity(frames * FRAME_SAMPLES);
        for _ in 0..frames {
            let mut frame = Frame::SILENCE;
            player.next_frame(&mut frame);
            samples.extend_from_slice(&frame.0);
        }
        Arc::new(Prompt::new("ringback", samples))
    }

    /// So many milliseconds of a tone, in whole frames.
    pub fn tone(name: &str, tone: Tone, millis: u32) -> Arc<Prompt> {
        let mut player = Player::new(tone);
        let mut samples = Vec::new();
        for _ in 0..u64::from(millis) / FRAME_MILLIS {
            let mut frame = Frame::SILENCE;
            player.next_frame(&mut frame);
            samples.extend_from_slice(&frame.0);
        }
        Arc::new(Prompt::new(name, samples))
    }

    /// A short beep.
    pub fn beep() -> Arc<Prompt> {
        let mut player = Player::new(Tone::Beep);
        let mut samples = Vec::new();
        let mut frame = Frame::SILENCE;
        while player.next_frame(&mut frame) {
            samples.extend_from_slice(&frame.0);
        }
        Arc::new(Prompt::new("beep", samples))
    }

    /// The hold music that is played when no file is configured: 19.2 s of plucked chords, made by the program
    /// itself, so that nobody's rights are touched. It joins its beginning without a click.
    pub fn hold_music() -> Arc<Prompt> {
        static MUSIC: OnceLock<Arc<Prompt>> = OnceLock::new();
        MUSIC.get_or_init(|| Arc::new(Prompt::new("hold music", music::synthesise()))).clone()
    }

    /// What it is called: the file name without its ending.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its samples at 16 kHz.
    pub fn samples(&self) -> &[i16] {
        &self.samples
    }

    /// Its length in milliseconds.
    pub fn len_millis(&self) -> u64 {
        self.samples.len() as u64 * 1_000 / u64::from(RATE_HZ)
    }
}

mod music {
    //! Four chords in slow arpeggios over a soft bass.

    use shared::audio::RATE_HZ;

    /// Seconds of one step of the arpeggio.
    const STEP_SECS: f32 = 0.3;
    const STEPS_OF_A_CHORD: usize = 8;
    /// MIDI notes: bass, then the notes that the arpeggio walks. F major 7, A minor 7, D minor 7, B flat major 7,
    /// each twice with another way up.
    const CHORDS: [(u8, [u8; 8]); 8] = [
        (41, [60, 64, 69, 72, 76, 72, 69, 64]),
        (45, [60, 64, 67, 72, 76, 72, 67, 64]),
        (38, [60, 65, 69, 72, 77, 72, 69, 65]),
        (46, [62, 65, 69, 74, 77, 74, 69, 65]),
        (41, [64, 60, 69, 65, 72, 69, 65, 60]),
        (45, [64, 60, 67, 64, 72, 67, 64, 60]),
        (38, [65, 62, 69, 65, 72, 69, 65, 62]),
        (46, [65, 62, 70, 65, 74, 70, 65, 62]),
    ];
    /// Peak of the whole, about -14 dBFS: music at the loudness of a voice.
    const PEAK: f32 = 6_500.0;

    pub(super) fn synthesise() -> Vec<i16> {
        let step_samples = (STEP_SECS * RATE_HZ as f32) as usize;
        let len = step_samples * STEPS_OF_A_CHORD * CHORDS.len();
        let mut sum = vec![0f32; len];
        for (chord, (bass, notes)) in CHORDS.iter().enumerate() {
            let chord_at = chord * STEPS_OF_A_CHORD * step_samples;
            ring(&mut sum, chord_at, *bass, 0.55, 2.2);
            for (step, note) in notes.iter().enumerate() {
                ring(&mut sum, chord_at + step * step_samples, *note, 0.35, 1.1);
            }
        }
        let peak = sum.iter().fold(1f32, |peak, sample| peak.max(sample.abs()));
        sum.iter().map(|sample| (sample / peak * PEAK) as i16).collect()
    }

    /// Adds a note that swells within 8 ms and rings out; what rings over the end goes to the beginning, which makes
    /// the loop seamless.
    fn ring(sum: &mut [f32], at: usize, note: u8, level: f32, secs: f32) {
        let rate = RATE_HZ as f32;
        let hz = 440.0 * 2f32.powf((f32::from(note) - 69.0) / 12.0);
        let len = (secs * 3.0 * rate) as usize;
        let len_all = sum.len();
        for index in 0..len {
            let time = index as f32 / rate;
            let swell = (time / 0.008).min(1.0);
            // Rings out to nothing at the end, whatever is left of the decay.
            let fade = swell * (-time / (secs * 0.5)).exp() * (1.0 - index as f32 / len as f32);
            let phase = std::f32::consts::TAU * hz * time;
            // A soft body with two overtones that fade sooner.
            let body = phase.sin()
                + 0.35 * (-time * 3.0).exp() * (2.0 * phase).sin()
                + 0.15 * (-time * 6.0).exp() * (3.0 * phase).sin();
            if let Some(sample) = sum.get_mut((at + index) % len_all) {
                *sample += level * fade * body;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use shared::audio::goertzel::power_dbfs;
    use shared::audio::level::rms_dbov;
    use shared::audio::tone::Sine;
    use shared::audio::wav;

    use super::*;

    #[test]
    fn the_hold_music_is_soft_everywhere_and_joins_itself() {
        let music = Prompt::hold_music();
        assert_eq!(music.len_millis(), 19_200);
        for (second, samples) in music.samples().chunks_exact(16_000).enumerate() {
            let level = rms_dbov(samples);
            assert!((-35.0..-12.0).contains(&level), "second {second}: {level} dBov");
        }
        let samples = music.samples();
        let steps = samples.iter().zip(samples.iter().cycle().skip(1));
        let biggest = steps.map(|(a, b)| (i32::from(*a) - i32::from(*b)).abs()).max().unwrap_or(0);
        assert!(biggest < 3_000, "a click of {biggest}");
        // The chord of the beginning, F major 7: its A is there, an A flat is not.
        assert!(power_dbfs(&samples[..32_000], 440.0, 16_000) > -40.0);
        assert!(power_dbfs(&samples[..32_000], 415.3, 16_000) < -50.0);
    }

    #[test]
    fn a_file_of_any_rate_is_loaded() {
        let mut samples = vec![0; 8_000];
        Sine::new(440.0, 8_000, -12.0).fill(&mut samples);
        let mut file = tempfile::Builder::new().suffix(".wav").tempfile().expect("file");
        file.write_all(wav::Header::finished(8_000, 1, 16_000).as_bytes()).expect("written");
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        file.write_all(&bytes).expect("written");
        let prompt = Prompt::load(file.path()).expect("loads");
        assert_eq!(prompt.len_millis(), 1_000);
        assert!((power_dbfs(prompt.samples(), 440.0, 16_000) + 12.0).abs() < 0.5);
    }

    #[test]
    fn a_bad_file_is_one_plain_sentence() {
        let error = Prompt::load(Path::new("/nonexistent/music.wav")).expect_err("not there");
        assert_eq!(error.to_string(), "read the prompt /nonexistent/music.wav");
        let mut file = tempfile::NamedTempFile::new().expect("file");
        file.write_all(b"ID3 this is no wave file").expect("written");
        assert!(matches!(Prompt::load(file.path()), Err(PromptError::Sound { .. })));
        let mut empty = tempfile::NamedTempFile::new().expect("file");
        empty.write_all(wav::Header::finished(16_000, 1, 0).as_bytes()).expect("written");
        assert!(matches!(Prompt::load(empty.path()), Err(PromptError::Length { secs: 0, .. })));
    }

    #[test]
    fn the_ringback_has_its_rhythm() {
        let tone = Prompt::ringback(Region::Europe);
        assert_eq!(tone.len_millis(), 5_000);
        assert!(power_dbfs(&tone.samples()[..16_000], 425.0, 16_000) > -18.0);
        assert!(rms_dbov(&tone.samples()[20_000..]) < -100.0);
    }
}
