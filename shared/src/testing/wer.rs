//! Word errors of a transcript against what was spoken.

/// Words to insert, remove or replace until `heard` is `spoken` (Levenshtein over words), and how many were spoken.
/// Capitals and punctuation do not count; an apostrophe belongs to its word.
pub fn word_errors(spoken: &str, heard: &str) -> (usize, usize) {
    let (spoken, heard) = (words(spoken), words(heard));
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (line, word) in spoken.iter().enumerate() {
        let mut diagonal = line;
        row[0] = line + 1;
        for (column, other) in heard.iter().enumerate() {
            let replaced = diagonal + usize::from(word != other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    (row[heard.len()], spoken.len())
}

/// Word error rate: errors by words spoken. Nothing spoken and nothing heard is 0; words out of nothing are 1.
pub fn word_error_rate(spoken: &str, heard: &str) -> f64 {
    match word_errors(spoken, heard) {
        (0, _) => 0.0,
        (_, 0) => 1.0,
        (errors, count) => errors as f64 / count as f64,
    }
}

fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|letter: char| !letter.is_alphanumeric() && letter != '\'')
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_counted_by_word() {
        let table = [
            ("my card is lost", "my card is lost", (0, 4)),
            ("My card, is lost!", " my  card is lost\n", (0, 4)),
            ("my card is lost", "my cart is lost", (1, 4)),
            ("my card is lost", "my is lost", (1, 4)),
            ("my card is lost", "my card is is lost", (1, 4)),
            ("my card is lost", "", (4, 4)),
            ("", "hello you", (2, 0)),
            ("", "", (0, 0)),
            ("one two three", "two three four", (2, 3)),
            ("it's late", "its late", (1, 2)),
        ];
        for (spoken, heard, expected) in table {
            assert_eq!(word_errors(spoken, heard), expected, "{spoken:?} heard as {heard:?}");
        }
    }

    #[test]
    fn rates_are_by_words_spoken() {
        assert!((word_error_rate("one two three four", "one two three") - 0.25).abs() < 1e-9);
        assert!(word_error_rate("", "").abs() < 1e-9);
        assert!((word_error_rate("", "words") - 1.0).abs() < 1e-9);
    }
}
