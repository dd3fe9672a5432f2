use super::*;
use crate::transcript::test_data::{clip, write_track};

fn stand_in(calls: &mut Vec<usize>) -> impl FnMut(&[i16]) -> Result<Vec<Piece>, EngineError> + '_ {
    |samples| {
        calls.push(samples.len());
        Ok(vec![Piece { from_millis: 0, to_millis: 60_000, text: "yes".into() }])
    }
}

fn silence(millis: usize) -> Vec<i16> {
    vec![0; millis * 16]
}

#[test]
fn a_track_that_cannot_be_read_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("customer.wav");
    let mut calls = Vec::new();
    let mut failure = |tracks: &[(Track, PathBuf)]| {
        transcribe(tracks, &Settings::demonstration(), &mut stand_in(&mut calls))
            .expect_err("fails")
            .to_string()
    };
    assert_eq!(failure(&[]), "the recording has no tracks");
    let tracks = [(Track::Customer, path.clone())];
    assert!(failure(&tracks).contains("customer.wav: "), "a missing file is named");
    std::fs::write(&path, b"OggS and so on, which is no WAV at all").expect("room");
    assert!(failure(&tracks).starts_with("read the track "));
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    hound::WavWriter::create(&path, spec).and_then(hound::WavWriter::finalize).expect("room");
    assert!(
        failure(&tracks)
            .contains("has 8000 Hz, 2 channels, 16 bits; 16000 Hz, 1 channel, 16 bits are needed")
    );
    assert!(calls.is_empty(), "nothing was recognised");
}

#[test]
fn a_track_that_ends_too_early_gives_what_it_has() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("agent.wav");
    write_track(&path, &[silence(300), clip("call07.wav"), silence(900), clip("call12.wav")].concat());
    let whole = std::fs::read(&path).expect("written");
    std::fs::write(&path, &whole[..44 + 2 * 16 * 2_700 + 1]).expect("room");
    let mut calls = Vec::new();
    let segments = transcribe(&[(Track::Agent, path)], &Settings::demonstration(), &mut stand_in(&mut calls))
        .expect("readable");
    assert_eq!(segments.len(), 1, "{segments:?}");
}

#[test]
fn silent_and_empty_tracks_ask_the_engine_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let tracks =
        [(Track::Customer, Vec::new()), (Track::Agent, silence(20_000)), (Track::Supervisor, silence(1))]
            .map(|(track, samples)| {
                let path = folder.path().join(track.as_str());
                write_track(&path, &samples);
                (track, path)
            });
    let mut calls = Vec::new();
    assert_eq!(transcribe(&tracks, &Settings::default(), &mut stand_in(&mut calls)).expect("readable"), []);
    assert!(calls.is_empty());
}

#[test]
fn an_engine_that_gives_up_fails_the_recording() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("customer.wav");
    write_track(&path, &clip("call07.wav"));
    let outcome = transcribe(&[(Track::Customer, path)], &Settings::default(), &mut |_| {
        Err(EngineError::Recognise("no memory".into()))
    });
    assert_eq!(outcome.expect_err("fails").to_string(), "recognise speech: no memory");
}

#[cfg(feature = "whisper")]
mod with_the_engine {
    use super::*;
    use crate::transcript::engine::{Engine, StopFlag};
    use crate::transcript::test_data::{clips, demonstration, nonspeech, shipped};
    use shared::audio::codec::{Codec, Decoder, Encoder, MAX_PACKET_SAMPLES, MAX_PAYLOAD_BYTES};

    /// A track with clips at their moments (in milliseconds).
    fn track(len_millis: usize, clips: &[(usize, &str)]) -> Vec<i16> {
        let mut samples = silence(len_millis);
        for (at, name) in clips {
            let speech = clip(name);
            samples[at * 16..at * 16 + speech.len()].copy_from_slice(&speech);
        }
        samples
    }

    #[test]
    fn a_call_comes_out_word_for_word_with_speakers_and_times() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut agent = track(26_000, &[(4_000, "call07.wav"), (12_000, "call08.wav")]);
        // Tones on the line and music give no words.
        agent.extend(nonspeech("tone440.wav"));
        let customer = track(29_000, &[(1_000, "call06.wav"), (8_000, "call00.wav"), (17_000, "call09.wav")]);
        let supervisor = track(29_000, &[(14_900, "call01.wav")]);
        let tracks = [(Track::Customer, customer), (Track::Agent, agent), (Track::Supervisor, supervisor)]
            .map(|(track, samples)| {
                let path = folder.path().join(format!("{}.wav", track.as_str()));
                write_track(&path, &samples);
                (track, path)
            });
        let settings = demonstration();
        let mut engine = Engine::load(&settings, StopFlag::default()).expect("the shipped model");
        let segments =
            transcribe(&tracks, &settings, &mut |samples| engine.recognise(samples)).expect("transcribed");
        // Where the voice begins and ends in each clip was measured by level.
        let expected = [
            (Track::Customer, 1_064, 2_760, "hello I am calling about the refund"),
            (Track::Agent, 4_080, 5_408, "please check my bill"),
            (Track::Customer, 8_160, 9_632, "there is a credit on my invoice"),
            (Track::Agent, 12_112, 14_336, "what is the name for this delivery"),
            (Track::Supervisor, 15_316, 17_572, "I want to update my number"),
            (Track::Customer, 17_288, 19_176, "transfer me to an agent"),
        ];
        assert_eq!(segments.len(), expected.len(), "{segments:?}");
        for (segment, (speaker, from, to, text)) in segments.iter().zip(expected) {
            assert_eq!((segment.speaker, segment.text.as_str()), (speaker, text));
            assert!(segment.from_millis.abs_diff(from) <= 300, "{segment:?} should begin at {from}");
            assert!(segment.to_millis.abs_diff(to) <= 300, "{segment:?} should end at {to}");
        }
    }

    /// What the far end hears of it.
    fn through(codec: Codec, samples: &[i16]) -> Vec<i16> {
        let mut encoder = Encoder::new(codec, &Default::default()).expect("an encoder");
        let mut decoder = Decoder::new(codec).expect("a decoder");
        let mut heard = Vec::new();
        let (mut payload, mut frame) = ([0; MAX_PAYLOAD_BYTES], [0; MAX_PACKET_SAMPLES]);
        for chunk in samples.chunks_exact(320) {
            let octets = encoder.encode(chunk, &mut payload);
            let len = decoder.decode(&payload[..octets], &mut frame);
            heard.extend_from_slice(&frame[..len]);
        }
        heard
    }

    #[test]
    fn the_demo_speaks_what_its_model_understands() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("customer.wav");
        let settings = demonstration();
        let mut engine = Engine::load(&settings, StopFlag::default()).expect("the shipped model");
        let mut heard = |samples: &[i16]| {
            write_track(&path, samples);
            let tracks = [(Track::Customer, path.clone())];
            let segments =
                transcribe(&tracks, &settings, &mut |samples| engine.recognise(samples)).expect("readable");
            segments.into_iter().map(|segment| segment.text).collect::<Vec<_>>()
        };
        let clips = clips("clips");
        assert_eq!(clips.len(), 20);
        for (number, (name, samples, spoken)) in clips.into_iter().enumerate() {
            let samples = [silence(500), samples, silence(700)].concat();
            assert_eq!(heard(&through(Codec::Pcmu, &samples)), [spoken.as_str()], "{name} through PCMU");
            if number % 4 == 0 {
                assert_eq!(heard(&samples), [spoken.as_str()], "{name} as it is");
                let codec = [Codec::Pcma, Codec::Opus][number / 4 % 2];
                assert_eq!(heard(&through(codec, &samples)), [spoken.as_str()], "{name} through {codec}");
            }
        }
        let music = shipped("prompts/hold-music.wav");
        assert_eq!(heard(&music), [""; 0], "music on hold");
    }
}
