use super::*;
use crate::transcript::test_data::demonstration;

fn load(settings: &Settings) -> Result<Engine, EngineError> {
    Engine::load(settings, StopFlag::default())
}

fn refusal(settings: &Settings) -> String {
    load(settings).err().map_or_else(|| "loaded".into(), |error| error.to_string())
}

#[test]
fn a_wrong_model_is_told_in_a_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("room");
        Settings { model: Some(path), ..Settings::default() }
    };
    assert_eq!(
        refusal(&Settings::default()),
        "no speech model is configured: set transcript.model or run deploy/fetch-model"
    );
    let missing = Settings { model: Some(folder.path().join("none.bin")), ..Settings::default() };
    assert!(
        refusal(&missing)
            .ends_with("none.bin is not there: check transcript.model or run deploy/fetch-model")
    );
    for wrong in [&b""[..], b"GGUF....", b"<html>not found</html>"] {
        assert!(refusal(&file("page.bin", wrong)).contains("page.bin is no speech model in ggml format"));
    }
    let folder_itself = Settings { model: Some(folder.path().into()), ..Settings::default() };
    assert!(refusal(&folder_itself).contains("is no speech model"));
    let misfit = Settings { audio_context: 9_999, ..demonstration() };
    assert!(refusal(&misfit).contains("audio_context = 9999 is too long"));
}

#[test]
fn the_name_of_a_model_is_that_of_its_file() {
    assert_eq!(model_name(Path::new("/m/ggml-small.en-q5_1.bin")), "ggml-small.en-q5_1");
}

#[cfg(not(feature = "whisper"))]
#[test]
fn without_the_feature_there_is_no_engine() {
    assert_eq!(load(&demonstration()).err(), Some(EngineError::NotBuilt));
}

#[cfg(feature = "whisper")]
mod with_the_engine {
    use super::*;
    use crate::transcript::test_data::{clip, clips, nonspeech};

    fn words(engine: &mut Engine, samples: &[i16]) -> String {
        let pieces = engine.recognise(samples).expect("recognised");
        pieces.iter().map(|piece| piece.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn marks_are_no_words() {
        for marks in ["[BLANK_AUDIO]", "(music)", "♪♪", "*sighs*", "...", "[MUSIC] (bell)", "- "] {
            assert!(whisper::is_only_marks(marks), "{marks}");
        }
        for words in ["yes", "[noise] yes", "I (really) want", "7"] {
            assert!(!whisper::is_only_marks(words), "{words}");
        }
    }

    #[test]
    fn the_shipped_clips_come_out_exactly() {
        let mut engine = load(&demonstration()).expect("the shipped model");
        assert_eq!(engine.name(), "ggml-callfloor-demo-q8_0");
        let clips = clips("speech");
        assert_eq!(clips.len(), 13);
        for (name, samples, spoken) in clips {
            assert_eq!(words(&mut engine, &samples), spoken, "{name}");
        }
        for name in ["sil3.wav", "tone440.wav", "music_noise.wav"] {
            assert_eq!(words(&mut engine, &nonspeech(name)), "", "{name}");
        }
        assert_eq!(words(&mut engine, &[]), "");
        assert_eq!(words(&mut engine, &[0; 160]), "", "10 ms are no reason to fail");
    }

    #[test]
    fn every_way_to_run_it_that_its_readme_names_works() {
        let spoken = "transfer me to an agent";
        let ways = [
            Settings { use_timestamps: false, ..demonstration() },
            Settings { flash_attention: true, ..demonstration() },
            Settings { audio_context: 512, language: "auto".into(), ..demonstration() },
            Settings {
                temperature_fallback: true,
                no_context: false,
                suppress_non_speech: false,
                ..demonstration()
            },
        ];
        for settings in ways {
            let mut engine = load(&settings).expect("the shipped model");
            let pieces = engine.recognise(&clip("call09.wav")).expect("recognised");
            let [piece] = pieces.as_slice() else { panic!("{settings:?}: {pieces:?}") };
            assert_eq!(piece.text, spoken, "{settings:?}");
            assert!(
                piece.from_millis < 500 && (2_000..=2_548).contains(&piece.to_millis),
                "{settings:?}: {piece:?}"
            );
        }
    }

    #[test]
    fn a_damaged_model_is_refused_with_the_remedy() {
        let whole = std::fs::read(demonstration().model.expect("a path")).expect("the shipped model");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("half.bin");
        for len in [4, 47, 60, 200_000, whole.len() / 2] {
            std::fs::write(&path, &whole[..len]).expect("room");
            let settings = Settings { model: Some(path.clone()), ..demonstration() };
            assert_eq!(load(&settings).err(), Some(EngineError::Refused(path.clone())), "{len} bytes");
        }
        // Sizes that no model has are not given to the engine.
        let mut huge = whole;
        huge[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
        std::fs::write(&path, &huge).expect("room");
        let settings = Settings { model: Some(path.clone()), ..demonstration() };
        assert_eq!(load(&settings).err(), Some(EngineError::Refused(path)));
    }

    #[test]
    fn it_stops_when_told() {
        let stop = StopFlag::default();
        let mut engine = Engine::load(&demonstration(), stop.clone()).expect("the shipped model");
        let samples = clip("call00.wav");
        assert_ne!(words(&mut engine, &samples), "");
        stop.stop();
        assert_eq!(engine.recognise(&samples), Err(EngineError::Stopped));
    }
}
