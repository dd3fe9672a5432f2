//! Keeps `config.example.toml` true: it is right, it has every key, and it tells the real defaults.

use std::collections::BTreeMap;
use std::path::Path;

use super::Config;

const EXAMPLE: &str = include_str!("../../config.example.toml");

fn file() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.toml")
}

/// Lines `# key = value` without their mark, where `keep` says so.
fn uncommented(keep: impl Fn(&str) -> bool) -> String {
    let key = |line: &str| -> Option<String> {
        let (key, _) = line.strip_prefix("# ")?.split_once(" = ")?;
        let is_key = key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        is_key.then(|| key.to_owned())
    };
    let line = |line: &'static str| match key(line) {
        Some(key) if keep(&key) => line.trim_start_matches("# "),
        Some(_) | None => line,
    };
    EXAMPLE.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Keys that have no default: the example shows a value that is none.
const WITHOUT_DEFAULT: [&str; 11] = [
    "advertised_address",
    "advertised_name",
    "ca",
    "caller_id",
    "certificate",
    "client_ca",
    "folder",
    "key",
    "model",
    "time_zone",
    "url",
];

#[test]
fn the_example_is_right() {
    if let Err(error) = Config::parse(EXAMPLE, &file()) {
        panic!("{error}");
    }
}

#[test]
fn the_values_shown_are_the_defaults() {
    let shown = uncommented(|key| !WITHOUT_DEFAULT.contains(&key) || key == "time_zone");
    // The zone of a queue has no default of its own; that of the service has.
    let shown = shown.replace("time_zone = \"Europe/Berlin\"", "");
    let shown = Config::parse(&shown, &file()).unwrap_or_else(|error| panic!("{error}"));
    let plain = Config::parse(EXAMPLE, &file()).unwrap_or_else(|error| panic!("{error}"));
    let same = Config { content_hash: plain.content_hash.clone(), source: plain.source.clone(), ..shown };
    assert_eq!(same, plain, "a value shown differs from the default");
}

#[test]
fn every_key_is_there() {
    // What a section knows, in its own words: serde lists the keys when it meets one that it does not know.
    let known = |toml: &str| -> Vec<String> {
        let error = toml::from_str::<Config>(toml).expect_err("the key is unknown").message().to_owned();
        let (_, list) = error.split_once("expected ").expect("the keys are listed");
        list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    };
    let text = uncommented(|_| true);
    let mut shown: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut section = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_matches(['[', ']']).to_owned();
        } else if let Some((key, _)) = line.split_once(" = ")
            && !key.starts_with('#')
        {
            shown.entry(section.clone()).or_default().push(key.to_owned());
        }
    }
    let sections = known("nonsense = 1");
    assert!(sections.len() >= 15, "{sections:?}");
    for section in &sections {
        let list = ["breaks", "trunks", "skills", "queues", "agents", "users"].contains(&section.as_str());
        let toml =
            if list { format!("[[{section}]]\nnonsense = 1") } else { format!("[{section}]\nnonsense = 1") };
        for key in known(&toml) {
            let there = shown.get(section).is_some_and(|keys| keys.contains(&key));
            assert!(there, "{section}.{key} is not in config.example.toml");
        }
    }
}
