//! Scenario files: what their parts and words stand for.
//!
//! A scenario is a SIPp file in `tests/sipp` whose `<part name="agent/rung" WORD="value"/>` lines stand for the files
//! in `tests/sipp/parts`. Each attribute gives a value to `@WORD@` in the part; lines between `<part …>` and `</part>`
//! are further header lines, put in place of `@LINES@`. `<defaults WORD="value"/>` at the head of a part gives the
//! values that may be left out. `@CONTACT@` is SIPp's own address and port, unless it is told to say another.

use std::path::Path;

use crate::Outcome;

/// Parts within parts: more than this is a circle.
const MAX_DEPTH: usize = 4;

/// The text of `scenario` with every part put in and `value` for each `@NAME@` of `words`.
pub fn text(scenario: &str, words: &[(&'static str, String)]) -> Outcome<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sipp");
    let mut text = expand(&folder, &read(&folder, scenario)?, 0)?;
    for (name, value) in words {
        text = text.replace(&format!("@{name}@"), value);
    }
    text = text.replace("@CONTACT@", "[local_ip]:[local_port]");
    match text.find('@').filter(|at| is_word(&text[*at..])) {
        Some(at) => Err(format!("{scenario}: no value for {:.20}", &text[at..]).into()),
        None => Ok(text),
    }
}

fn read(folder: &Path, name: &str) -> Outcome<String> {
    let file = folder.join(format!("{name}.xml"));
    std::fs::read_to_string(&file).map_err(|error| format!("read {}: {error}", file.display()).into())
}

fn expand(folder: &Path, text: &str, depth: usize) -> Outcome<String> {
    if depth > MAX_DEPTH {
        return Err("parts contain each other".into());
    }
    let mut whole = String::with_capacity(text.len() * 4);
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(head) = line.trim().strip_prefix("<part ") else {
            whole.push_str(line);
            whole.push('\n');
            continue;
        };
        let inner: Vec<&str> = match head.ends_with("/>") {
            true => Vec::new(),
            false => lines.by_ref().take_while(|line| line.trim() != "</part>").collect(),
        };
        let mut words = attributes(head)?;
        let name = words.iter().position(|(word, _)| *word == "name").ok_or("a part without a name")?;
        let (_, name) = words.swap_remove(name);
        let part = read(folder, &format!("parts/{name}"))?;
        whole.push_str(&expand(folder, &fill(&part, &words, &inner)?, depth + 1)?);
    }
    Ok(whole)
}

/// A part with its values.
fn fill(part: &str, words: &[(&str, &str)], inner: &[&str]) -> Outcome<String> {
    let (head, body) = part.split_once('\n').unwrap_or((part, ""));
    let (defaults, body) = match head.strip_prefix("<defaults ") {
        Some(head) => (attributes(head)?, body),
        None => (Vec::new(), part),
    };
    let mut text = String::with_capacity(body.len());
    for line in body.lines() {
        // In the place of its one line, so that nothing leaves an empty line, which would end a message's head.
        if line.trim() == "@LINES@" {
            inner.iter().for_each(|line| text.extend(["    ", line.trim(), "\n"]));
        } else {
            text.extend([line, "\n"]);
        }
    }
    for (word, value) in words.iter().chain(&defaults) {
        text = text.replace(&format!("@{word}@"), value);
    }
    Ok(text)
}

/// `NAME="value"` pairs.
fn attributes(mut text: &str) -> Outcome<Vec<(&str, &str)>> {
    let mut pairs = Vec::new();
    while let Some((name, rest)) = text.split_once("=\"") {
        let (value, rest) = rest.split_once('"').ok_or("a value without its end")?;
        pairs.push((name.trim(), value));
        text = rest;
    }
    Ok(pairs)
}

fn is_word(text: &str) -> bool {
    let mut letters = text.chars().skip(1);
    letters.next().is_some_and(|letter| letter.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_a_scenario_needs_a_value() {
        let error = text("customer-is-refused", &[]).expect_err("no status");
        assert!(error.to_string().starts_with("customer-is-refused: no value for @STATUS@"), "{error}");
        let text = text("customer-is-refused", &[("STATUS", "404".into())]).expect("complete");
        assert!(text.contains("response=\"404\""));
    }

    #[test]
    fn a_part_takes_values_defaults_and_lines() {
        let part = "<defaults ONE=\"1\" TWO=\"2\"/>\n<send>\n  @ONE@ @TWO@\n    @LINES@\n</send>\n";
        let filled = fill(part, &[("TWO", "zwei")], &["  A: b", "C: d"]).expect("right");
        assert_eq!(filled, "<send>\n  1 zwei\n    A: b\n    C: d\n</send>\n");
        assert_eq!(fill("x\n@LINES@\ny", &[], &[]).expect("right"), "x\ny\n");
    }
}
