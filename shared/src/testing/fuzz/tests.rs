use super::*;

/// Changed copies of each corpus that are tried; enough for a second or two.
const ROUNDS: u64 = 4_000;

/// The corpus of a target, and the torture messages for those that read messages.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let tests = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests");
    let mut folders = vec![tests.join("fuzz/corpus").join(target)];
    if matches!(target, "message" | "stream") {
        folders.push(tests.join("data/rfc4475"));
    }
    let mut entries = Vec::new();
    for folder in folders {
        let files =
            std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut paths: Vec<_> = files.flatten().map(|file| file.path()).collect();
        paths.sort();
        entries.extend(paths.iter().map(|path| std::fs::read(path).expect("an entry")));
    }
    assert!(entries.len() >= 5, "{target} has a corpus");
    entries
}

fn run(name: &str) {
    let (_, target) = TARGETS.into_iter().find(|(known, _)| *known == name).expect("a target");
    let corpus = corpus(name);
    for entry in &corpus {
        target(entry);
    }
    let mut mutator = Mutator::new(3_261);
    for round in 0..ROUNDS {
        let input = mutator.next_input(&corpus);
        let outcome = std::panic::catch_unwind(|| target(&input));
        assert!(outcome.is_ok(), "round {round} of {name}: {:?}", String::from_utf8_lossy(&input));
    }
}

#[test]
fn fuzz_message() {
    run("message");
}

#[test]
fn fuzz_stream() {
    run("stream");
}

#[test]
fn fuzz_sdp() {
    run("sdp");
}

#[test]
fn fuzz_uri() {
    run("uri");
}

#[test]
fn fuzz_digest() {
    run("digest");
}

#[test]
fn fuzz_multipart() {
    run("multipart");
}

#[test]
fn fuzz_rtp() {
    run("rtp");
}

#[test]
fn fuzz_rtcp() {
    run("rtcp");
}

#[test]
fn fuzz_srtp() {
    run("srtp");
}

#[test]
fn fuzz_sdes() {
    run("sdes");
}

#[test]
fn fuzz_arrivals() {
    run("arrivals");
}
