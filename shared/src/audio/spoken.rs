//! Numbers as lists of recorded parts, in the order in which a language says them. The parts are names of files without
//! their ending: `0` to `20`, the tens, `hundred`, `thousand`, and what joins them.

use serde::{Deserialize, Serialize};

/// The largest number that is said.
pub const MAX: u32 = 999_999;

/// The longest wait that is said, in minutes; of a longer one nobody knows enough.
pub const MAX_WAIT_MINUTES: u32 = 99;

/// A language with its grammar of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Language {
    /// "one hundred and twenty one"
    #[default]
    English,
    /// "einhundert ein und zwanzig"
    German,
}

/// "You are number | 3".
pub fn position(language: Language, place: u32) -> Vec<String> {
    let mut parts = vec!["position".to_owned()];
    parts.extend(number(language, place));
    parts
}

/// "The wait is about | 3 | minutes", rounded up to whole minutes; nothing when there is no wait, or one that is too long
/// to be said.
pub fn wait(language: Language, secs: u32) -> Vec<String> {
    let minutes = secs.div_ceil(60);
    if minutes == 0 || minutes > MAX_WAIT_MINUTES {
        return Vec::new();
    }
    let mut parts = vec!["wait".to_owned()];
    match (language, minutes) {
        (Language::German, 1) => parts.push("eine".into()),
        _ => parts.extend(number(language, minutes)),
    }
    parts.push(if minutes == 1 { "minute" } else { "minutes" }.into());
    parts
}

/// Every part that a language may need: what has to be recorded.
pub fn parts(language: Language) -> Vec<String> {
    let words = ["position", "wait", "minute", "minutes", "and", "hundred", "thousand"];
    let german = ["ein", "eine"].into_iter().filter(|_| language == Language::German);
    let numbers = (0..=20).chain((3..=9).map(|ten| ten * 10)).map(|number: u32| number.to_string());
    words.into_iter().chain(german).map(str::to_owned).chain(numbers).collect()
}

/// The parts of a number; a larger one than [`MAX`] is said as [`MAX`].
pub fn number(language: Language, number: u32) -> Vec<String> {
    let mut parts = Vec::new();
    let number = number.min(MAX);
    if number == 0 {
        return vec!["0".into()];
    }
    if number >= 1_000 {
        below_thousand(language, number / 1_000, true, &mut parts);
        parts.push("thousand".into());
    }
    let rest = number % 1_000;
    // "two thousand and five", but "two thousand five hundred".
    if language == Language::English && number >= 1_000 && (1..100).contains(&rest) {
        parts.push("and".into());
    }
    below_thousand(language, rest, false, &mut parts);
    parts
}

/// Up to 999; nothing for zero. Before another word a German one loses its ending: "ein", not "eins".
fn below_thousand(language: Language, number: u32, is_followed: bool, parts: &mut Vec<String>) {
    let (hundreds, rest) = (number / 100, number % 100);
    let one = |digit: u32, is_followed: bool| match language {
        Language::German if digit == 1 && is_followed => "ein".to_owned(),
        _ => digit.to_string(),
    };
    if hundreds > 0 {
        parts.extend([one(hundreds, true), "hundred".into()]);
        if language == Language::English && rest > 0 {
            parts.push("and".into());
        }
    }
    let (tens, ones) = (rest / 10 * 10, rest % 10);
    match (rest, language) {
        (0, _) => {}
        (1..=20, _) => parts.push(one(rest, is_followed)),
        (_, _) if ones == 0 => parts.push(tens.to_string()),
        (_, Language::English) => parts.extend([tens.to_string(), ones.to_string()]),
        (_, Language::German) => parts.extend([one(ones, true), "and".into(), tens.to_string()]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_numbers_as_people_do() {
        for (value, english, german) in [
            (0, "0", "0"),
            (1, "1", "1"),
            (16, "16", "16"),
            (20, "20", "20"),
            (21, "20 1", "ein and 20"),
            (45, "40 5", "5 and 40"),
            (90, "90", "90"),
            (100, "1 hundred", "ein hundred"),
            (101, "1 hundred and 1", "ein hundred 1"),
            (321, "3 hundred and 20 1", "3 hundred ein and 20"),
            (1_000, "1 thousand", "ein thousand"),
            (2_005, "2 thousand and 5", "2 thousand 5"),
            (2_500, "2 thousand 5 hundred", "2 thousand 5 hundred"),
            (21_101, "20 1 thousand 1 hundred and 1", "ein and 20 thousand ein hundred 1"),
            (101_001, "1 hundred and 1 thousand and 1", "ein hundred ein thousand 1"),
            (
                4_000_000,
                "9 hundred and 90 9 thousand 9 hundred and 90 9",
                "9 hundred 9 and 90 thousand 9 hundred 9 and 90",
            ),
        ] {
            assert_eq!(number(Language::English, value).join(" "), english, "{value}");
            assert_eq!(number(Language::German, value).join(" "), german, "{value}");
        }
    }

    #[test]
    fn a_wait_is_rounded_up_and_never_invented() {
        for (secs, english, german) in [
            (0, "", ""),
            (1, "wait 1 minute", "wait eine minute"),
            (60, "wait 1 minute", "wait eine minute"),
            (61, "wait 2 minutes", "wait 2 minutes"),
            (21 * 60, "wait 20 1 minutes", "wait ein and 20 minutes"),
            (99 * 60, "wait 90 9 minutes", "wait 9 and 90 minutes"),
            (99 * 60 + 1, "", ""),
        ] {
            assert_eq!(wait(Language::English, secs).join(" "), english, "{secs} s");
            assert_eq!(wait(Language::German, secs).join(" "), german, "{secs} s");
        }
        assert_eq!(position(Language::English, 3), ["position", "3"]);
    }

    #[test]
    fn every_number_has_known_parts() {
        for language in [Language::English, Language::German] {
            for value in 0..3_000 {
                let known = parts(language);
                let said = [number(language, value), position(language, value), wait(language, value * 10)];
                assert!(!said[0].is_empty());
                assert!(said.iter().flatten().all(|part| known.contains(part)), "{value}: {said:?}");
            }
        }
    }
}
