//! After a crash: finds recordings without a seal, makes their files whole and seals them.

use std::fs;
use std::path::{Path, PathBuf};

use shared::id::RecordingId;
use shared::model::recording::{Recording, RecordingState, Track};

use super::layout::{self, FRAME_BYTES};
use super::sealer::{SealJob, seal};
use super::{RecordingError, Sealed};

/// What was found.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Recordings that are whole now, oldest folder first.
    pub sealed: Vec<Sealed>,
    /// Folders that were left as they are, and why.
    pub failed: Vec<(PathBuf, RecordingError)>,
}

/// Seals every recording under `dir` that its writer left open. Run at the start of the service, before the first
/// recording begins; blocks. A recording that is sealed already is not touched. The length is that of the longest
/// track (the rest of the others is silence); half a frame at the end is cut.
///
/// Looks at the recordings that are marked as open; at all folders when there are no marks (a restored backup).
pub fn recover(dir: &Path) -> Recovered {
    match layout::open_folders(dir) {
        Some(marked) => seal_open(dir, marked),
        None => recover_all(dir),
    }
}

/// As [`recover`], looking through every folder, however many there are.
pub fn recover_all(dir: &Path) -> Recovered {
    seal_open(dir, folders(dir))
}

fn seal_open(dir: &Path, folders: Vec<PathBuf>) -> Recovered {
    let mut found = Recovered::default();
    for folder in folders {
        match layout::read_description(&folder) {
            Ok(description) if description.state == RecordingState::Open => {
                match repair(dir, &folder, &description) {
                    Ok(sealed) => found.sealed.push(sealed),
                    Err(error) => found.failed.push((folder, error)),
                }
            }
            // Sealed, but killed before its mark was taken away.
            Ok(description) => unmark(dir, description.id),
            // The crash caught it before its description: nothing was heard yet.
            Err(RecordingError::Disk { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                if let Some(id) = folder.file_name().and_then(|name| name.to_str()?.parse().ok()) {
                    unmark(dir, id);
                }
            }
            Err(error) => found.failed.push((folder, error)),
        }
    }
    found
}

/// A mark that stays costs one look at the next start.
fn unmark(dir: &Path, id: RecordingId) {
    if let Err(error) = layout::unmark_open(dir, id) {
        tracing::warn!(recording_id = %id, %error, "a recording stays marked as open");
    }
}

fn repair(dir: &Path, folder: &Path, description: &Recording) -> Result<Sealed, RecordingError> {
    let header_bytes = layout::header_bytes();
    let len_frames = Track::ALL
        .into_iter()
        .filter_map(|track| fs::metadata(folder.join(layout::file_name(track))).ok())
        .map(|file| file.len().saturating_sub(header_bytes) / FRAME_BYTES)
        .max()
        .unwrap_or(0);
    let job = SealJob {
        recording: description.id,
        call: description.call,
        started_at: description.started_at,
        dir: dir.to_path_buf(),
        folder: folder.to_path_buf(),
        len_frames,
        dropped_frames: description.dropped_frames,
        refused: None,
    };
    seal(&job, true)
}

/// Every `<dir>/yyyy/mm/dd/<id>`, sorted.
fn folders(dir: &Path) -> Vec<PathBuf> {
    let is_number =
        |name: &str, digits: usize| name.len() == digits && name.bytes().all(|b| b.is_ascii_digit());
    let mut level = vec![dir.to_path_buf()];
    for digits in [4, 2, 2] {
        level = level.iter().flat_map(|folder| children(folder, |name| is_number(name, digits))).collect();
    }
    level.iter().flat_map(|day| children(day, |name| name.parse::<RecordingId>().is_ok())).collect()
}

fn children(folder: &Path, fits: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        // The entry's own kind: a symbolic link is no folder.
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter(|entry| entry.file_name().to_str().is_some_and(&fits))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}
