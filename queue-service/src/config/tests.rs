//! Faults of a file, each with its place.

use std::path::Path;

use super::{Config, ConfigError};

const QUEUES: &str = "[[queues]]\nid = \"sales\"\nname = \"Sales\"\nnumbers = [\"100\"]\n";

fn faults(text: &str) -> Vec<String> {
    match Config::parse(text, Path::new("call.toml")) {
        Ok(_) => Vec::new(),
        Err(ConfigError::Wrong(faults)) => faults.iter().map(ToString::to_string).collect(),
        Err(ConfigError::Read { .. }) => unreachable!("nothing is read"),
    }
}

/// The text must have one fault, and its line must have all the words.
fn check(text: &str, words: &[&str]) {
    let found = faults(text);
    assert_eq!(found.len(), 1, "{text}\n{found:?}");
    for word in words {
        assert!(found[0].contains(word), "{word:?} is not in {:?}", found[0]);
    }
}

#[test]
fn an_empty_file_is_a_whole_configuration() {
    assert_eq!(faults(""), [""; 0]);
    let config = Config::parse("", Path::new("/etc/callfloor/call.toml")).expect("right");
    assert_eq!(config.data_dir(), Path::new("/etc/callfloor/data"));
    assert_eq!(config.store_url(), "sqlite:/etc/callfloor/data/callfloor.db");
    assert_eq!(config.recordings_folder(), Path::new("/etc/callfloor/data/recordings"));
}

#[test]
fn a_fault_names_file_line_column_key_and_what_is_allowed() {
    for (text, words) in [
        ("[http]\nlisten = 8080\n", vec!["call.toml:2:10: http.listen:", "integer `8080`", "socket address"]),
        ("[http]\nport = 8080\n", vec!["call.toml:2:1: http.port:", "port", "allowed: one of listen"]),
        ("[sip]\nudp = [\"5060\"]\n", vec!["sip.udp[0]:", "allowed: an address with its port"]),
        ("[media]\nbind = \"here\"\n", vec![":2:8: media.bind:", "198.51.100.7"]),
        ("[sip\n", vec!["call.toml:1:"]),
        ("[nonsense]\n", vec!["call.toml:1:2", "nonsense", "allowed: one of service, sip"]),
        ("[service]\ntime_zone = \"Mars/Base\"\n", vec![":2:13: service.time_zone:", "Mars/Base", "IANA"]),
        ("[media]\nport_min = 20001\n", vec![":2:12: media.port_min:", "an even number"]),
        ("[media]\nport_min = 20000\nport_max = 20002\n", vec![":3:12: media.port_max:", "20003"]),
        ("[sip]\nudp = []\ntcp = []\n", vec![":2:7: sip.udp:", "nowhere"]),
        ("[sip]\nregistration_max_secs = 5\n", vec![":2:25:", "60 (registration_min_secs) to 604800"]),
        ("[auth]\ntoken_hours = 0\n", vec![":2:15: auth.token_hours: 0 is out of range; allowed: 1 to 744"]),
        ("[store]\nurl = \"mysql://root:secret@x\"\n", vec![":2:7: store.url:", "postgres://", "sqlite:"]),
        ("[transcript]\nthreads = 65\n", vec![":2:11: transcript.threads:", "64"]),
        ("[transcript]\nno = 65\n", vec![":2:1: transcript.no:", "one of model, demonstration, language"]),
        (
            "[[trunks]]\nid = \"t\"\nname = \"T\"\naddresses = [\"10.0.0.0/33\"]\n",
            vec![":4:13: trunks[0].addresses:", "203.0.113.0/24"],
        ),
        ("[[trunks]]\nid = \"t\"\nname = \"T\"\naddresses = []\n", vec![":4:13: trunks[0].addresses:"]),
        ("[[breaks]]\nid = \"Lunch\"\nlabel = \"Lunch\"\n", vec![":2:6: breaks[0].id:", "a-z"]),
        ("[[queues]]\nname = \"x\"\n", vec![":1:1: queues[0]:", "missing field `id`"]),
        (
            "[[users]]\nid = \"b\"\nname = \"B\"\nrole = \"boss\"\npassword = \"x\"\n",
            vec![":4:8: users[0].role:", "agent, supervisor, manager, admin"],
        ),
        (
            "[[users]]\nid = \"b\"\nname = \"B\"\nrole = \"admin\"\npassword = \"$argon2id$x\"\n",
            vec![":5:12: users[0].password:", "hash-password"],
        ),
    ] {
        check(text, &words);
    }
}

#[test]
fn names_must_exist_and_be_unique() {
    for (more, words) in [
        (
            "[[agents]]\nid = \"a\"\nname = \"A\"\nqueues = [\"sales\", \"help\"]\n",
            vec![":8:20: agents[0].queues[1]:", "there is no queue \"help\"", "allowed: sales"],
        ),
        (
            "[[agents]]\nid = \"a\"\nname = \"A\"\n[[agents]]\nid = \"a\"\nname = \"B\"\n",
            vec![":9:6: agents[1].id:", "agents[0]"],
        ),
        ("[[agents]]\nid = \"a\"\nname = \"A\"\nready_on_start = true\n", vec!["ready_on_start:", "contact"]),
        (
            "[[agents]]\nid = \"a\"\nname = \"A\"\ncontact = \"10.0.0.5\"\n",
            vec!["contact:", "sip:201@10.0.0.5"],
        ),
        (
            "[[agents]]\nid = \"a\"\nname = \"A\"\nskills = { german = 6 }\n",
            vec!["agents[0].skills.german:", "1 to 5"],
        ),
        ("[[queues]]\nid = \"sales\"\nname = \"S\"\n", vec![":6:6: queues[1].id:", "twice"]),
        (
            "[[queues]]\nid = \"help\"\nname = \"S\"\nnumbers = [\"7\", \"100\"]\n",
            vec![":8:17: queues[1].numbers[1]:", "queues[0]"],
        ),
        ("when_full = { to = \"queue\", queue = \"sales\" }\n", vec!["queues[0].when_full:", "itself"]),
        ("when_full = { to = \"queue\", queue = \"help\" }\n", vec!["queues[0].when_full:", "no queue"]),
        ("when_closed = { to = \"reject\", status = 200 }\n", vec!["queues[0].when_closed:", "400 to 699"]),
        ("greeting = \"hello.wav\"\n", vec![":5:12: queues[0].greeting:", "prompts.folder"]),
        ("waiting = { say_wait = true }\n", vec!["waiting.say_wait:", "spoken_parts"]),
        (
            "waiting = { say_position = true, spoken_parts = \"../numbers\" }\n",
            vec!["waiting.spoken_parts:", "no name of a folder"],
        ),
        ("hours = [\"Mon-Fri 08:00-18:00\", \"Moon 8-9\"]\n", vec![":5:33: queues[0].hours[1]:", "Moon"]),
    ] {
        check(&format!("{QUEUES}{more}"), &words);
    }
}

#[test]
fn every_part_that_is_said_must_be_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let parts = folder.path().join("prompts/numbers");
    std::fs::create_dir_all(&parts).expect("a folder");
    let own = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/prompts/numbers");
    for part in shared::audio::spoken::parts(shared::audio::spoken::Language::English) {
        let name = format!("{part}.wav");
        std::fs::copy(own.join(&name), parts.join(&name)).expect("the service brings it");
    }
    let waiting = "waiting = { say_position = true, say_wait = true, spoken_parts = \"numbers\"";
    let text = |more: &str| format!("[prompts]\nfolder = \"prompts\"\n{QUEUES}{waiting}{more} }}\n");
    let parse = |more: &str| Config::parse(&text(more), &folder.path().join("callfloor.toml"));
    parse("").expect("all of them are there");
    let german = parse(", spoken_language = \"german\"").expect_err("no German ones").to_string();
    assert!(german.contains("numbers/ein.wav"), "{german}");
    std::fs::remove_file(parts.join("20.wav")).expect("removed");
    let missing = parse("").expect_err("one is missing").to_string();
    assert!(missing.contains("numbers/20.wav"), "{missing}");
}

#[test]
fn prompts_must_be_files_in_the_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let sound = include_bytes!("../media/prompt/sounds/tone.flac");
    // What it is, its contents say.
    std::fs::write(folder.path().join("hello.wav"), sound).expect("written");
    std::fs::write(folder.path().join("broken.mp3"), b"no sound").expect("written");
    let text = |name: &str| format!("[prompts]\nfolder = \".\"\n{QUEUES}greeting = \"{name}\"\n");
    let parse = |name: &str| Config::parse(&text(name), &folder.path().join("call.toml"));
    assert!(parse("hello.wav").is_ok());
    for wrong in ["other.wav", "../hello.wav", "/etc/passwd", ".."] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
    let told = parse("broken.mp3").expect_err("no sound").to_string();
    assert!(told.contains("broken.mp3") && told.contains("cannot be played"), "{told}");
}

#[test]
fn all_faults_are_told_at_once() {
    let found = faults("[auth]\ntoken_hours = 0\n[media]\nport_min = 1\nworkers = 1000\n");
    assert_eq!(found.len(), 3, "{found:?}");
}

#[test]
fn a_password_is_in_no_message() {
    let text = "[[users]]\nid = \"b\"\nname = \"B\"\nrole = \"admin\"\npassword = \"\"\nsip_password = \"$argon2id$secret\"\n";
    let found = faults(text).join("\n");
    assert!(!found.is_empty() && !found.contains("secret"), "{found}");
}

#[test]
fn the_number_of_a_configuration_follows_its_content_not_its_comments() {
    let hash = |text: &str| Config::parse(text, Path::new("x")).expect("right").content_hash().to_owned();
    assert_eq!(hash("[auth]\ntoken_hours = 5\n"), hash("# so\n[auth]\ntoken_hours    = 5 # hours\n"));
    assert_ne!(hash("[auth]\ntoken_hours = 5\n"), hash("[auth]\ntoken_hours = 6\n"));
}

#[test]
fn a_model_that_is_not_there_yet_is_waited_for() {
    let config = Config::parse("[transcript]\nmodel = \"none.bin\"\n", Path::new("/etc/callfloor.toml"))
        .expect("fine");
    assert_eq!(config.speech_model(), Some("/etc/none.bin".into()));
}

#[test]
fn the_demonstration_model_brings_its_own_settings() {
    let config =
        Config::parse("[transcript]\ndemonstration = true\nthreads = 2\n", Path::new("x")).expect("ok");
    let settings = crate::transcript::Settings::from(&config);
    assert_eq!(
        settings,
        crate::transcript::Settings { threads: 2, ..crate::transcript::Settings::demonstration() }
    );
}
