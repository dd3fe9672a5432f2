//! One recording: its tracks in, its segments out.

use std::path::{Path, PathBuf};

use shared::model::recording::Track;
use shared::model::transcript::Segment;

use super::engine::{EngineError, Piece};
use super::segment::{Limits, RATE_HZ, Segmenter};
use super::settings::Settings;
use super::window::{Joiner, Window};

/// Samples read at a time: a quarter of a second.
const CHUNK: usize = RATE_HZ as usize / 4;

/// Why a recording cannot be transcribed.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// No file at all.
    #[error("the recording has no tracks")]
    NoTracks,
    /// A track that cannot be opened or read.
    #[error("read the track {}: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A track in another form than the recorder writes.
    #[error(
        "the track {} has {rate_hz} Hz, {channels} channels, {bits} bits; 16000 Hz, 1 channel, 16 bits are needed",
        path.display()
    )]
    Form {
        /// The file.
        path: PathBuf,
        /// Its rate.
        rate_hz: u32,
        /// Its channels.
        channels: u16,
        /// Bits a sample.
        bits: u16,
    },
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// What turns audio into words: the engine, or a stand-in.
pub(super) type Recognise<'a> = dyn FnMut(&[i16]) -> Result<Vec<Piece>, EngineError> + 'a;

/// Transcribes the tracks; segments by start, then by speaker.
pub(super) fn transcribe(
    tracks: &[(Track, PathBuf)],
    settings: &Settings,
    recognise: &mut Recognise<'_>,
) -> Result<Vec<Segment>, WorkError> {
    if tracks.is_empty() {
        return Err(WorkError::NoTracks);
    }
    let mut segments = Vec::new();
    for (speaker, path) in tracks {
        transcribe_track(*speaker, path, settings, recognise, &mut segments)?;
    }
    segments.sort_by_key(|segment: &Segment| (segment.from_millis, segment.speaker));
    Ok(segments)
}

fn transcribe_track(
    speaker: Track,
    path: &Path,
    settings: &Settings,
    recognise: &mut Recognise<'_>,
    segments: &mut Vec<Segment>,
) -> Result<(), WorkError> {
    let failed = |error: hound::Error| WorkError::Read { path: path.to_owned(), reason: error.to_string() };
    let mut reader = hound::WavReader::open(path).map_err(failed)?;
    let spec = reader.spec();
    if (spec.sample_rate, spec.channels, spec.bits_per_sample) != (RATE_HZ, 1, 16)
        || spec.sample_format != hound::SampleFormat::Int
    {
        return Err(WorkError::Form {
            path: path.to_owned(),
            rate_hz: spec.sample_rate,
            channels: spec.channels,
            bits: spec.bits_per_sample,
        });
    }
    let max_utterance_millis = settings.max_utterance_secs * 1000;
    let mut segmenter = Segmenter::new(Limits { max_utterance_millis, ..Limits::default() });
    let mut joiner = Joiner::new(settings);
    let mut run = |window: Window| -> Result<(), WorkError> {
        let pieces = recognise(&window.samples)?;
        segments.extend(window.place(pieces).into_iter().map(|(from_millis, to_millis, text)| Segment {
            speaker,
            from_millis,
            to_millis,
            text,
        }));
        Ok(())
    };
    let mut samples = reader.samples::<i16>();
    let mut chunk = Vec::with_capacity(CHUNK);
    loop {
        chunk.clear();
        for sample in samples.by_ref().take(CHUNK) {
            match sample {
                Ok(sample) => chunk.push(sample),
                // A file that ends before its header says holds what was said until then.
                Err(hound::Error::IoError(error)) if is_end(&error) => break,
                Err(error) => return Err(failed(error)),
            }
        }
        segmenter.push(&chunk);
        let at_end = chunk.len() < CHUNK;
        if at_end {
            segmenter.finish();
        }
        while let Some(utterance) = segmenter.poll() {
            if let Some(window) = joiner.push(utterance) {
                run(window)?;
            }
        }
        if at_end {
            break;
        }
    }
    joiner.finish().map_or(Ok(()), run)
}

fn is_end(error: &std::io::Error) -> bool {
    // hound has a text of its own for it, of the kind "other".
    error.kind() == std::io::ErrorKind::UnexpectedEof || error.to_string() == "Failed to read enough bytes."
}

#[cfg(test)]
#[path = "work_tests.rs"]
mod tests;
