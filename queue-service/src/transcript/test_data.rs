//! The clips and the model that the project ships, for the tests here.

use std::path::{Path, PathBuf};

use super::Settings;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data")
}

/// The demonstration model.
pub(super) fn demonstration() -> Settings {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/speech/ggml-callfloor-demo-q8_0.bin");
    Settings { model: Some(model), threads: 1, ..Settings::demonstration() }
}

fn read(path: &Path) -> Vec<i16> {
    let mut reader =
        hound::WavReader::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(reader.spec().sample_rate, 16_000, "{}", path.display());
    reader.samples::<i16>().map(|sample| sample.expect("a whole file")).collect()
}

/// A regression clip.
pub(super) fn clip(name: &str) -> Vec<i16> {
    read(&data().join("speech").join(name))
}

/// A sound that the service ships.
#[cfg(feature = "whisper")]
pub(super) fn shipped(name: &str) -> Vec<i16> {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("assets").join(name))
}

/// A clip without words.
pub(super) fn nonspeech(name: &str) -> Vec<i16> {
    read(&data().join("speech/nonspeech").join(name))
}

/// All clips of a folder of `tests/data` with their words.
#[cfg(feature = "whisper")]
pub(super) fn clips(folder: &str) -> Vec<(String, Vec<i16>, String)> {
    let folder = data().join(folder);
    let list = std::fs::read_to_string(folder.join("transcripts.tsv")).expect("the list of clips");
    list.lines()
        .map(|line| {
            let (name, words) = line.split_once('\t').expect("name, tabulator, words");
            (name.to_owned(), read(&folder.join(name)), words.to_owned())
        })
        .collect()
}

/// Writes a track as the recorder does.
pub(super) fn write_track(path: &Path, samples: &[i16]) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).expect("a new file");
    for sample in samples {
        writer.write_sample(*sample).expect("room");
    }
    writer.finalize().expect("a header");
}
