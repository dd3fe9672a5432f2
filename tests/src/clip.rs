//! The spoken clips that the project ships, with their words.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use shared::audio::{RATE_HZ, wav};

use crate::Outcome;

/// A spoken sentence.
#[derive(Debug, Clone)]
pub struct Clip {
    /// File name without ending, such as `customer01`.
    pub name: String,
    /// What is said.
    pub words: String,
    /// 16 kHz mono.
    pub samples: Arc<[i16]>,
}

impl Clip {
    /// How long it takes, in milliseconds.
    pub fn millis(&self) -> u64 {
        self.samples.len() as u64 * 1000 / u64::from(RATE_HZ)
    }
}

/// All clips of one side.
#[derive(Debug, Clone)]
pub struct Clips {
    /// What customers say.
    pub customer: Vec<Clip>,
    /// What agents say.
    pub agent: Vec<Clip>,
}

impl Clips {
    /// Reads a folder with `transcripts.tsv`.
    pub fn load(folder: &Path) -> Outcome<Clips> {
        let list = folder.join("transcripts.tsv");
        let text =
            std::fs::read_to_string(&list).map_err(|error| format!("read {}: {error}", list.display()))?;
        let mut clips = Clips { customer: Vec::new(), agent: Vec::new() };
        for line in text.lines() {
            let Some((file, words)) = line.split_once('\t') else { continue };
            let path = folder.join(file);
            let bytes = std::fs::read(&path).map_err(|error| format!("read {}: {error}", path.display()))?;
            let samples = wav::read_mono(&bytes).map_err(|error| format!("{}: {error}", path.display()))?;
            let name = file.trim_end_matches(".wav").to_owned();
            let side = if name.starts_with("agent") { &mut clips.agent } else { &mut clips.customer };
            side.push(Clip { name, words: words.trim().to_owned(), samples: samples.into() });
        }
        if clips.customer.is_empty() || clips.agent.is_empty() {
            return Err(format!("{} names no clips of both sides", list.display()).into());
        }
        Ok(clips)
    }

    /// The clips of the tests.
    pub fn shipped() -> Outcome<Clips> {
        Clips::load(&clips_folder())
    }
}

/// Where the clips are in the source tree.
pub fn clips_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/clips")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_clips_have_words_and_sound() {
        let clips = Clips::shipped().expect("clips");
        assert!(clips.customer.len() >= 10 && clips.agent.len() >= 8);
        for clip in clips.customer.iter().chain(&clips.agent) {
            assert!(clip.words.split(' ').count() >= 2, "{}", clip.name);
            assert!((500..5_000).contains(&clip.millis()), "{} {}", clip.name, clip.millis());
        }
    }
}
