//! Reading recordings back: for downloads, players and transcription.
//!
//! A track is named by numbers and a closed enum, never by a text from outside, so no request can lead out of the
//! folder; a symbolic link that does is refused.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use shared::id::RecordingId;
use shared::model::recording::{Recording, Track, TrackFile};
use shared::time::Timestamp;

use super::{RecordingError, layout, sealer};

/// The folder of the recordings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vault {
    dir: PathBuf,
}

/// A track, ready to be read from any place.
#[derive(Debug)]
pub struct OpenTrack {
    /// The file, at its beginning.
    pub file: File,
    /// Where it lies.
    pub path: PathBuf,
    /// Its length in octets, at the moment of opening when the recording still grows.
    pub size_bytes: u64,
}

impl Vault {
    /// The recordings under `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Vault { dir: dir.into() }
    }

    /// Where a track lies, whether it is there or not.
    pub fn path(&self, recording: RecordingId, started_at: Timestamp, track: Track) -> PathBuf {
        layout::folder(&self.dir, started_at, recording).join(layout::file_name(track))
    }

    /// Opens a track, sealed or growing.
    ///
    /// # Errors
    /// When it is not there, cannot be read, or is a link that leads out of the folder.
    pub fn open(
        &self,
        recording: RecordingId,
        started_at: Timestamp,
        track: Track,
    ) -> Result<OpenTrack, RecordingError> {
        let path = self.path(recording, started_at, track);
        self.prove_inside(&path)?;
        let file = File::open(&path).map_err(RecordingError::disk("open", &path))?;
        let size_bytes = file.metadata().map_err(RecordingError::disk("look at", &path))?.len();
        Ok(OpenTrack { file, path, size_bytes })
    }

    /// What the description beside the tracks says; also tells whether a recording that the store knows as open has
    /// been sealed meanwhile.
    ///
    /// # Errors
    /// When it is not there or damaged.
    pub fn describe(
        &self,
        recording: RecordingId,
        started_at: Timestamp,
    ) -> Result<Recording, RecordingError> {
        layout::read_description(&layout::folder(&self.dir, started_at, recording))
    }

    /// True when the file is still what was sealed: its size and its SHA-256. Reads the whole file; blocks.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    pub fn verify(
        &self,
        recording: RecordingId,
        started_at: Timestamp,
        sealed: &TrackFile,
    ) -> Result<bool, RecordingError> {
        let track = self.open(recording, started_at, sealed.track)?;
        Ok(track.size_bytes == sealed.size_bytes
            && sealer::sha256(&track.path)?.eq_ignore_ascii_case(&sealed.sha256))
    }

    /// Deletes a recording with its folder. A recording that is not there is fine. Blocks.
    ///
    /// # Errors
    /// When a file cannot be deleted.
    pub fn delete(&self, recording: RecordingId, started_at: Timestamp) -> Result<(), RecordingError> {
        let folder = layout::folder(&self.dir, started_at, recording);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(RecordingError::disk("delete", &folder)(error))
            }
            _ => Ok(()),
        }
    }

    fn prove_inside(&self, path: &Path) -> Result<(), RecordingError> {
        let dir = fs::canonicalize(&self.dir).map_err(RecordingError::disk("look at", &self.dir))?;
        let real = fs::canonicalize(path).map_err(RecordingError::disk("look at", path))?;
        if real.starts_with(dir) { Ok(()) } else { Err(RecordingError::Outside(path.to_path_buf())) }
    }
}
