use super::*;
use crate::audio::codec::{Codec, Decoder, Encoder};
use crate::audio::opus::Parameters;
use crate::audio::tone::Sine;
use crate::audio::{FRAME_SAMPLES, wav};

const SILENCE: [i16; 1_600] = [0; 1_600];

/// Two frequencies, each with its level in dBFS.
fn tones(hz: [f32; 2], dbfs: [f32; 2], millis: usize) -> Vec<i16> {
    let len = millis * 16;
    let mut sum = vec![0i16; len];
    for (hz, dbfs) in hz.into_iter().zip(dbfs) {
        let mut one = vec![0; len];
        Sine::new(hz, RATE_HZ, dbfs).fill(&mut one);
        sum.iter_mut().zip(one).for_each(|(sum, one)| *sum = sum.saturating_add(one));
    }
    sum
}

fn pressed(sound: &[i16]) -> String {
    events(sound)
        .into_iter()
        .filter_map(|event| match event {
            KeyEvent::Pressed(key) => Some(key),
            KeyEvent::Released { .. } => None,
        })
        .collect()
}

fn events(sound: &[i16]) -> Vec<KeyEvent> {
    let mut detector = Detector::default();
    let mut events = Vec::new();
    for frame in sound.chunks(320) {
        detector.push(frame);
        events.extend(std::iter::from_fn(|| detector.poll()));
    }
    events
}

/// `sound` between silences that begin at `offset` samples, so that windows lie otherwise.
fn within(offset: usize, sound: &[i16]) -> Vec<i16> {
    [&SILENCE[..400 + offset], sound, &SILENCE].concat()
}

/// The key found at every second offset within a hop: all, none or some.
fn at_offsets(sound: &[i16], key: char) -> [usize; 2] {
    let found = |offset: &usize| pressed(&within(*offset, sound)) == key.to_string();
    let all = (0..HOP_SAMPLES).step_by(6);
    [all.clone().filter(found).count(), all.count()]
}

#[test]
fn every_key_is_found_at_every_level_and_offset() {
    for key in KEYS {
        let hz = dtmf_hz(key).expect("a key");
        for dbfs in [-3.2 - 3.0, -10.0, -20.0, -28.0] {
            let [found, all] = at_offsets(&tones(hz, [dbfs, dbfs], 40), key);
            assert_eq!(found, all, "{key} at {dbfs} dBFS in 40 ms");
        }
        let events = events(&within(0, &tones(hz, [-12.0, -12.0], 200)));
        let [KeyEvent::Pressed(down), KeyEvent::Released { key: up, millis: 180..=220 }] = events[..] else {
            panic!("{events:?}")
        };
        assert_eq!((down, up), (key, key));
    }
}

#[test]
fn twist_and_frequency_have_their_limits() {
    for key in KEYS {
        let [low, high] = dtmf_hz(key).expect("a key");
        for (dbfs, is_key) in [
            ([-14.0, -10.0], true),
            ([-10.0, -18.0], true),
            ([-20.0, -10.0], false),
            ([-10.0, -24.0], false),
            ([-36.0, -36.0], false),
        ] {
            let found = pressed(&within(0, &tones([low, high], dbfs, 60)));
            assert_eq!(found == key.to_string(), is_key, "{key} with {dbfs:?}");
        }
        for off in [-0.015, 0.015] {
            let hz = [low * (1.0 + off), high * (1.0 + off)];
            assert_eq!(
                pressed(&within(0, &tones(hz, [-12.0, -12.0], 60))),
                key.to_string(),
                "{key} off by {off}"
            );
        }
        // One frequency alone is no key.
        assert_eq!(pressed(&within(0, &tones([low, high], [-10.0, -90.0], 100))), "");
        assert_eq!(pressed(&within(0, &tones([low, high], [-90.0, -10.0], 100))), "");
    }
}

#[test]
fn too_short_is_none_and_a_short_break_divides_nothing() {
    for key in KEYS {
        let hz = dtmf_hz(key).expect("a key");
        let [found, _] = at_offsets(&tones(hz, [-10.0, -10.0], 20), key);
        assert_eq!(found, 0, "{key} in 20 ms");
        let tone = tones(hz, [-10.0, -10.0], 60);
        for (silent_millis, times) in [(10, 1), (40, 2)] {
            let broken = [&tone, &SILENCE[..silent_millis * 16], &tone].concat();
            assert_eq!(pressed(&within(0, &broken)).len(), times, "{key} with {silent_millis} ms of silence");
        }
    }
    let number: Vec<i16> = KEYS
        .into_iter()
        .flat_map(|key| {
            [tones(dtmf_hz(key).expect("a key"), [-12.0, -12.0], 50), SILENCE[..800].to_vec()].concat()
        })
        .collect();
    assert_eq!(pressed(&within(7, &number)), String::from_iter(KEYS), "a number dialled by a machine");
}

#[test]
fn keys_are_found_in_noise_and_through_the_codec_of_telephony() {
    let mut seed = 1u32;
    let mut noise = move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((seed >> 16) as i32 - 32_768) as f32 / 32_768.0
    };
    for key in KEYS {
        let mut sound = within(0, &tones(dtmf_hz(key).expect("a key"), [-15.0, -15.0], 60));
        for sample in &mut sound {
            // 15 dB below the key, as Q.24 §2.5 has it.
            let loud = f32::from(*sample) + noise() * 32_768.0 * 10f32.powf(-27.0 / 20.0);
            *sample = loud as i16;
        }
        let mut encoder = Encoder::new(Codec::Pcmu, &Parameters::default()).expect("an encoder");
        let mut decoder = Decoder::new(Codec::Pcmu).expect("a decoder");
        for frame in sound.chunks_exact_mut(FRAME_SAMPLES) {
            let mut packet = [0; 160];
            let len = encoder.encode(frame, &mut packet);
            decoder.decode(&packet[..len], frame);
        }
        assert_eq!(pressed(&sound), key.to_string(), "{key}");
    }
    let mut minute = vec![0i16; 60 * 16_000];
    minute.iter_mut().for_each(|sample| *sample = (noise() * 12_000.0) as i16);
    assert_eq!(pressed(&minute), "", "noise is no key");
}

#[test]
fn no_voice_is_taken_for_a_key() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut seconds = 0;
    for clips in ["tests/data/clips", "tests/data/speech", "queue-service/assets/prompts"] {
        for file in std::fs::read_dir(folder.join(clips)).expect("the clips") {
            let path = file.expect("a file").path();
            if path.extension().is_none_or(|ending| ending != "wav") {
                continue;
            }
            let samples = wav::read_mono(&std::fs::read(&path).expect("read")).expect("a recording");
            seconds += samples.len() / 16_000;
            assert_eq!(pressed(&samples), "", "{}", path.display());
        }
    }
    assert!(seconds > 60, "{seconds} s of speech");
}
