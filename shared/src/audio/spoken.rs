//! Numbers as lists of recorded parts, in the order in which a language says them. The parts are names of files without
//! their ending: `0` to `20`, the tens, `hundred`, `thousand`, and what joins them.

use serde::{Deserialize, Serialize};

/// The largest number that is said.
pub const MAX: u32 = 999_999;

/// A language with its grammar of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// "one hundred and twenty one"
    English,
    /// "einhundert ein und zwanzig"
    German,
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
    fn every_number_has_known_parts() {
        for language in [Language::English, Language::German] {
            for value in 0..3_000 {
                let parts = number(language, value);
                let is_known = |part: &String| match part.parse::<u32>() {
                    Ok(number) => number <= 20 || (number < 100 && number % 10 == 0),
                    Err(_) => ["ein", "and", "hundred", "thousand"].contains(&part.as_str()),
                };
                assert!(!parts.is_empty() && parts.iter().all(is_known), "{value}: {parts:?}");
            }
        }
    }
}
