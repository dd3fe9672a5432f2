use std::f64::consts::TAU;

use proptest::prelude::*;

use super::*;
use crate::transcript::test_data::{clip, nonspeech};

fn silence(millis: u64) -> Vec<i16> {
    vec![0; (millis * 16) as usize]
}

fn tone(hertz: f64, millis: u64) -> Vec<i16> {
    (0..millis * 16).map(|at| ((TAU * hertz * at as f64 / 16_000.0).sin() * 8_000.0) as i16).collect()
}

fn noise(millis: u64) -> Vec<i16> {
    let mut state = 1_u32;
    (0..millis * 16)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 22) as i16 - 512
        })
        .collect()
}

/// Talk without a pause: the middle of a clip, over and over.
fn monologue(millis: u64) -> Vec<i16> {
    let speech = clip("call08.wav");
    speech[3_200..35_000].iter().copied().cycle().take((millis * 16) as usize).collect()
}

fn cut(limits: Limits, samples: &[i16]) -> Vec<Utterance> {
    let mut segmenter = Segmenter::new(limits);
    let mut utterances = Vec::new();
    // Another size than any frame, as packets come.
    for chunk in samples.chunks(333) {
        segmenter.push(chunk);
        utterances.extend(std::iter::from_fn(|| segmenter.poll()));
    }
    segmenter.finish();
    utterances.extend(std::iter::from_fn(|| segmenter.poll()));
    utterances
}

#[test]
fn what_is_no_speech_is_no_utterance() {
    let table: &[(&str, Vec<i16>)] = &[
        ("nothing", Vec::new()),
        ("silence", silence(5_000)),
        ("440 Hz", tone(440.0, 3_000)),
        ("1000 Hz in silence", [silence(1_000), tone(1_000.0, 2_000), silence(1_000)].concat()),
        ("white noise", noise(4_000)),
        ("a click", [silence(1_000), noise(20), silence(1_000)].concat()),
        ("line silence", nonspeech("sil3.wav")),
        ("a telephone tone", nonspeech("tone440.wav")),
    ];
    for (name, samples) in table {
        assert_eq!(cut(Limits::default(), samples), [], "{name}");
    }
}

#[test]
fn every_clip_is_one_utterance_at_its_place() {
    // Where the voice is, by level: from and to in milliseconds of the clip.
    let table = [
        ("call00.wav", 160, 1_632),
        ("call03.wav", 464, 1_904),
        ("call07.wav", 80, 1_408),
        ("call11.wav", 464, 2_304),
    ];
    for (name, from, to) in table {
        let samples = [silence(2_000), clip(name), silence(1_500)].concat();
        let utterances = cut(Limits::default(), &samples);
        let [one] = utterances.as_slice() else { panic!("{name}: {utterances:?}") };
        assert!(one.from_millis.abs_diff(2_000 + from) <= 100, "{name}: {one:?}");
        assert!(one.to_millis.abs_diff(2_000 + to) <= 100, "{name}: {one:?}");
        assert!(one.audio_from_millis + 150 <= one.from_millis, "{name} has its padding");
    }
}

#[test]
fn a_gap_makes_two_and_a_breath_does_not() {
    let two =
        |gap| [silence(500), clip("call07.wav"), silence(gap), clip("call12.wav"), silence(900)].concat();
    assert_eq!(cut(Limits::default(), &two(100)).len(), 1);
    let utterances = cut(Limits::default(), &two(700));
    assert_eq!(utterances.len(), 2, "{utterances:?}");
    assert!(utterances[0].to_millis < utterances[1].audio_from_millis, "{utterances:?}");
    let from = 500 + 1_582 + 700 + 80;
    assert!(utterances[1].from_millis.abs_diff(from) <= 100, "{utterances:?}");
}

#[test]
fn long_talk_is_cut_at_its_pauses_and_nothing_is_lost() {
    let limits = Limits { max_utterance_millis: 5_000, ..Limits::default() };
    let samples = [silence(300), monologue(14_000), silence(900)].concat();
    let utterances = cut(limits, &samples);
    assert!((3..=6).contains(&utterances.len()), "{utterances:?}");
    for pair in utterances.windows(2) {
        let end = pair[0].audio_from_millis + pair[0].audio_millis();
        assert_eq!(end, pair[1].audio_from_millis, "no sample is lost or given twice: {utterances:?}");
    }
    let (first, last) = (&utterances[0], &utterances[utterances.len() - 1]);
    assert!(first.from_millis <= 450 && last.to_millis >= 14_100, "{utterances:?}");

    // With real pauses, shorter than the hangover, the cuts are in them.
    let sentence = clip("call09.wav");
    let paused: Vec<i16> =
        std::iter::repeat_n([sentence.clone(), silence(200)].concat(), 4).flatten().collect();
    let utterances = cut(Limits { hangover_millis: 1_500, ..limits }, &[paused, silence(2_000)].concat());
    for utterance in &utterances[..utterances.len() - 1] {
        // A sentence's own silence is its last 370 and its first 290 ms.
        let end = (utterance.audio_from_millis + utterance.audio_millis()) % 2_748;
        assert!(!(350..2_150).contains(&end), "cut at {end} ms of a sentence: {utterances:?}");
    }
}

#[test]
fn talk_at_the_very_end_is_heard() {
    let samples = [silence(400), clip("call02.wav")[..22_000].to_vec()].concat();
    let utterances = cut(Limits::default(), &samples);
    let [one] = utterances.as_slice() else { panic!("{utterances:?}") };
    assert_eq!(one.audio_from_millis * 16 + one.samples.len() as u64, samples.len() as u64);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whatever comes: utterances are in order, do not overlap, are not too long and hold the track's own samples.
    #[test]
    fn utterances_are_pieces_of_the_track(parts in prop::collection::vec((0_u8..4, 50_u64..2_500), 0..6)) {
        let limits = Limits { max_utterance_millis: 2_000, ..Limits::default() };
        let samples: Vec<i16> = parts
            .iter()
            .flat_map(|(kind, millis)| match kind {
                0 => silence(*millis),
                1 => tone(350.0, *millis),
                2 => noise(*millis),
                _ => monologue(*millis),
            })
            .collect();
        let mut before = 0;
        for utterance in cut(limits, &samples) {
            let from = (utterance.audio_from_millis * 16) as usize;
            prop_assert!(from >= before);
            before = from + utterance.samples.len();
            prop_assert!(utterance.audio_millis() <= 2_000);
            prop_assert_eq!(samples.get(from..before), Some(utterance.samples.as_slice()));
            prop_assert!(utterance.audio_from_millis <= utterance.from_millis);
            prop_assert!(utterance.from_millis < utterance.to_millis);
        }
    }
}
