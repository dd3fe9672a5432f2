//! The thread that waits for the disk: forces files out, gives them their last header, hashes and describes them.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;

use sha2::{Digest, Sha256};
use shared::id::{CallId, RecordingId};
use shared::model::recording::{Track, TrackFile};
use shared::time::Timestamp;
use tokio::sync::mpsc;

use super::layout::{self, Durable, FRAME_BYTES, FRAME_MILLIS};
use super::{RecorderEvent, RecordingError, Sealed};

/// Jobs that wait; the writer keeps what does not fit and tries again.
pub(super) const QUEUE_JOBS: usize = 256;

#[derive(Debug)]
pub(super) enum Job {
    /// Forces everything below this folder to the disk.
    Sync(PathBuf),
    /// Ends a recording.
    Seal(SealJob),
}

/// A recording that is over.
#[derive(Debug)]
pub(super) struct SealJob {
    pub(super) recording: RecordingId,
    pub(super) call: CallId,
    pub(super) started_at: Timestamp,
    /// The folder of all recordings.
    pub(super) dir: PathBuf,
    /// Its own folder.
    pub(super) folder: PathBuf,
    pub(super) len_frames: u64,
    pub(super) dropped_frames: u64,
    /// Why it never got files.
    pub(super) refused: Option<String>,
}

/// Hashing a long recording takes a core for a while.
const SEALER_NICE: i32 = 10;

pub(super) fn run(jobs: &Receiver<Job>, events: &mpsc::Sender<RecorderEvent>) {
    super::give_way(SEALER_NICE);
    for job in jobs {
        match job {
            Job::Sync(dir) => {
                if let Err(error) = File::open(&dir).and_then(|dir| sync_file_system(&dir)) {
                    tracing::warn!(%error, "forcing recordings to the disk failed");
                }
            }
            Job::Seal(job) => {
                let event = match job.refused.clone() {
                    Some(reason) => {
                        RecorderEvent::Failed { recording: job.recording, call: job.call, reason }
                    }
                    None => match seal(&job, false) {
                        Ok(sealed) => RecorderEvent::Sealed(sealed),
                        Err(error) => RecorderEvent::Failed {
                            recording: job.recording,
                            call: job.call,
                            reason: error.whole(),
                        },
                    },
                };
                // Nobody listens any more while the service stops; the files and the description are complete.
                let _ = events.blocking_send(event);
            }
        }
    }
}

/// Gives every track its final length and header, forces it out, hashes it and writes the description.
pub(super) fn seal(job: &SealJob, recovered: bool) -> Result<Sealed, RecordingError> {
    let data_bytes = job.len_frames * FRAME_BYTES;
    let duration_millis = job.len_frames * FRAME_MILLIS;
    let mut tracks = Vec::with_capacity(Track::ALL.len());
    for track in Track::ALL {
        let file_name = layout::file_name(track);
        let path = job.folder.join(&file_name);
        let file = layout::open_for_writing(&path)?;
        // The whole header anew: after a power cut even the beginning may be missing.
        file.write_all_at(layout::finished_header(data_bytes).as_bytes(), 0)
            .and_then(|()| file.set_len(layout::header_bytes() + data_bytes))
            .and_then(|()| file.sync_all())
            .map_err(RecordingError::disk("seal", &path))?;
        tracks.push(TrackFile {
            track,
            file: file_name,
            size_bytes: layout::header_bytes() + data_bytes,
            duration_millis,
            sha256: sha256(&path)?,
        });
    }
    let sealed = Sealed {
        recording: job.recording,
        call: job.call,
        started_at: job.started_at,
        duration_millis,
        tracks,
        dropped_frames: job.dropped_frames,
        recovered,
    };
    layout::write_description(&job.folder, &sealed.to_recording(), Durable::Yes)?;
    if let Err(error) = layout::unmark_open(&job.dir, job.recording) {
        // It is sealed all the same; the next start looks at it and takes the mark away.
        tracing::warn!(recording_id = %job.recording, %error, "a sealed recording stays marked as open");
    }
    Ok(sealed)
}

/// Forces out what was written to the file system that `place` lies on: once for a thousand open files.
fn sync_file_system(place: &File) -> std::io::Result<()> {
    // SAFETY: the descriptor is open.
    let done = unsafe { libc::syncfs(place.as_raw_fd()) };
    if done == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

/// The SHA-256 of a file as 64 hexadecimal digits.
pub(super) fn sha256(path: &Path) -> Result<String, RecordingError> {
    let mut file = File::open(path).map_err(RecordingError::disk("open", path))?;
    let mut hash = Sha256::new();
    let mut block = vec![0; 64 * 1024];
    loop {
        match file.read(&mut block).map_err(RecordingError::disk("read", path))? {
            0 => return Ok(hex::encode(hash.finalize())),
            len => hash.update(block.get(..len).unwrap_or_default()),
        }
    }
}
