//! Where a recording lies, and the bytes around its samples.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use shared::audio::wav::Header;
use shared::id::RecordingId;
use shared::model::recording::{Recording, Track};
use shared::time::Timestamp;

use super::RecordingError;

/// Samples a second of every track.
pub(super) const RATE_HZ: u32 = 16_000;
/// Octets of one frame of 20 ms.
pub(super) const FRAME_BYTES: u64 = 640;
/// Milliseconds of one frame.
pub(super) const FRAME_MILLIS: u64 = 20;
/// The description beside the tracks.
pub(super) const DESCRIPTION: &str = "recording.json";

/// The folder of a recording: `<dir>/yyyy/mm/dd/<id>`, by the date in UTC. Made of numbers alone, so that no
/// input can lead elsewhere.
pub(super) fn folder(dir: &Path, started_at: Timestamp, recording: RecordingId) -> PathBuf {
    let date = jiff::Timestamp::from_microsecond(started_at.as_micros())
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    dir.join(format!("{:04}", date.year()))
        .join(format!("{:02}", date.month()))
        .join(format!("{:02}", date.day()))
        .join(recording.to_string())
}

/// The folder of the marks of recordings that are open: `<dir>/.open/<id>`, each with the time of its start. It lets a
/// start after a crash find them without looking through years of folders.
pub(super) const OPEN: &str = ".open";

/// Marks a recording as open; made before its folder, so that no folder is without a mark or a seal.
pub(super) fn mark_open(
    dir: &Path,
    started_at: Timestamp,
    recording: RecordingId,
) -> Result<(), RecordingError> {
    let marks = dir.join(OPEN);
    make_folder(&marks)?;
    let path = marks.join(recording.to_string());
    let mut file = open_for_writing(&path)?;
    file.write_all(started_at.to_string().as_bytes()).map_err(RecordingError::disk("write", &path))
}

/// Takes the mark away; one that is not there is fine.
pub(super) fn unmark_open(dir: &Path, recording: RecordingId) -> Result<(), RecordingError> {
    let path = dir.join(OPEN).join(recording.to_string());
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(RecordingError::disk("remove", &path)(error))
        }
        _ => Ok(()),
    }
}

/// The folders of the recordings that are marked as open; `None` when there are no marks at all.
pub(super) fn open_folders(dir: &Path) -> Option<Vec<PathBuf>> {
    let entries = fs::read_dir(dir.join(OPEN)).ok()?;
    let mut folders: Vec<PathBuf> = entries
        .flatten()
        .filter_map(|entry| {
            let recording = entry.file_name().to_str()?.parse().ok()?;
            let started_at = fs::read_to_string(entry.path()).ok()?.parse().ok()?;
            Some(folder(dir, started_at, recording))
        })
        .collect();
    folders.sort();
    Some(folders)
}

/// The file name of a track.
pub(super) fn file_name(track: Track) -> String {
    format!("{}.wav", track.as_str())
}

/// The header of a file with so many octets of samples.
pub(super) fn finished_header(data_bytes: u64) -> Header {
    Header::finished(RATE_HZ, 1, data_bytes)
}

/// Octets before the first sample.
pub(super) fn header_bytes() -> u64 {
    finished_header(0).as_bytes().len() as u64
}

/// Makes a folder that only the service reads.
pub(super) fn make_folder(folder: &Path) -> Result<(), RecordingError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(RecordingError::disk("make the folder", folder))
}

/// Makes or opens a file that only the service reads.
pub(super) fn open_for_writing(path: &Path) -> Result<File, RecordingError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(RecordingError::disk("open for writing", path))
}

/// Makes `dir` and proves that a file can be written in it.
pub(super) fn prove_writable(dir: &Path) -> Result<(), RecordingError> {
    make_folder(dir)?;
    let probe = dir.join(format!(".probe-{}", std::process::id()));
    open_for_writing(&probe)?.write_all(b"x").map_err(RecordingError::disk("write", &probe))?;
    fs::remove_file(&probe).map_err(RecordingError::disk("remove", &probe))
}

/// Whether a power cut right afterwards may take it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durable {
    Yes,
    No,
}

/// Writes the description whole or not at all.
pub(super) fn write_description(
    folder: &Path,
    recording: &Recording,
    durable: Durable,
) -> Result<(), RecordingError> {
    let path = folder.join(DESCRIPTION);
    let fresh = folder.join("recording.json.new");
    let mut text = serde_json::to_string_pretty(recording)
        .map_err(|source| RecordingError::Description { path: path.clone(), source })?;
    text.push('\n');
    let mut file = open_for_writing(&fresh)?;
    file.set_len(0)
        .and_then(|()| file.write_all(text.as_bytes()))
        .and_then(|()| if durable == Durable::Yes { file.sync_all() } else { Ok(()) })
        .map_err(RecordingError::disk("write", &fresh))?;
    fs::rename(&fresh, &path).map_err(RecordingError::disk("rename to", &path))?;
    if durable == Durable::No {
        return Ok(());
    }
    // The rename is on the disk when the folder is.
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(RecordingError::disk("sync the folder", folder))
}

/// Reads the description.
pub(super) fn read_description(folder: &Path) -> Result<Recording, RecordingError> {
    let path = folder.join(DESCRIPTION);
    let bytes = fs::read(&path).map_err(RecordingError::disk("read", &path))?;
    serde_json::from_slice(&bytes).map_err(|source| RecordingError::Description { path, source })
}
