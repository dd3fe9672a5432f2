//! The rules of the house that no compiler knows.

use std::path::{Path, PathBuf};

/// Folders and files that the top level may hold.
const TOP: &[&str] = &[
    ".ci",
    ".gitignore",
    "ARCHITECTURE.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "agent-app",
    "deploy",
    "queue-service",
    "rustfmt.toml",
    "shared",
    "supervisor-app",
    "tests",
];

/// A file with more lines has more than one idea.
const MAX_LINES: usize = 500;

fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the package lies in the workspace").to_owned()
}

/// The files of the project as git knows them; of an unpacked archive, all but what building makes.
fn files() -> Vec<PathBuf> {
    let listed = std::process::Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output();
    if let Ok(output) = listed
        && output.status.success()
    {
        let text = String::from_utf8(output.stdout).expect("names are UTF-8");
        return text
            .split('\0')
            .filter(|name| !name.is_empty() && root().join(name).is_file())
            .map(PathBuf::from)
            .collect();
    }
    let mut found = Vec::new();
    walk(&root(), &mut found);
    found.into_iter().map(|path| path.strip_prefix(root()).expect("below the root").to_owned()).collect()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok) {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            if name != "target" && name != ".git" {
                walk(&path, found);
            }
        } else {
            found.push(path);
        }
    }
}

/// Our own Rust files with their text.
fn sources() -> Vec<(String, String)> {
    files()
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .map(|path| {
            let text = std::fs::read_to_string(root().join(&path)).expect("a source file");
            (path.to_string_lossy().into_owned(), text)
        })
        .collect()
}

/// Every source file with a line of code that `bad` finds; comments do not count.
fn offenders(may: impl Fn(&str) -> bool, bad: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in sources() {
        if may(&path) || path == "tests/it/tidy.rs" {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let code = line.trim_start();
            if !code.starts_with("//") && bad(code) {
                found.push(format!("{path}:{}: {code}", number + 1));
            }
        }
    }
    found
}

fn none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

#[test]
fn the_top_level_holds_what_it_may() {
    let mut seen: Vec<String> = files()
        .iter()
        .filter_map(|path| Some(path.components().next()?.as_os_str().to_string_lossy().into_owned()))
        .collect();
    seen.sort();
    seen.dedup();
    let extra: Vec<_> = seen.into_iter().filter(|name| !TOP.contains(&name.as_str())).collect();
    none("the top level holds what has no place there", &extra);
    for name in TOP {
        assert!(root().join(name).exists(), "{name} is missing");
    }
}

#[test]
fn a_file_has_one_idea() {
    let long: Vec<String> = sources()
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();
    none("files that should be split", &long);
}

#[test]
fn only_the_store_speaks_sql() {
    let sql = ["SELECT ", "INSERT INTO ", "DELETE FROM ", "UPDATE ", "CREATE TABLE "];
    let found = offenders(
        |path| path.starts_with("queue-service/src/store/"),
        |code| code.contains("sqlx::") || sql.iter().any(|word| code.contains(&format!("\"{word}"))),
    );
    none("SQL outside of the store", &found);
}

#[test]
fn only_http_knows_axum() {
    // The client's own tests stand up a small server.
    let server_of_a_test = |path: &str| path.starts_with("shared/") && path.ends_with("tests.rs");
    let found = offenders(
        |path| path.starts_with("queue-service/src/http/") || server_of_a_test(path),
        |code| code.contains("axum::"),
    );
    none("axum outside of http", &found);
}

#[test]
fn the_border_crates_have_one_door() {
    let found = offenders(|path| path == "shared/src/rtp/packet.rs", |code| code.contains("rtp_rs::"));
    none("rtp_rs outside of rtp/packet.rs", &found);
    let may =
        |path: &str| path.starts_with("shared/src/sip/wire") || path.starts_with("shared/src/sip/message");
    let found = offenders(may, |code| code.contains("rsip::"));
    none("rsip outside of sip/wire and sip/message", &found);
    let found = offenders(
        |path| {
            path.starts_with("shared/desktop/")
                || path.starts_with("agent-app/")
                || path.starts_with("supervisor-app/")
        },
        |code| code.contains("egui::"),
    );
    none("windows outside of the apps", &found);
}

#[test]
fn the_pure_rooms_read_no_clock_and_open_no_socket() {
    let forbidden = [
        "Instant::now(",
        "SystemTime::now(",
        "thread::sleep(",
        "UdpSocket::bind",
        "TcpStream::connect",
        "tokio::",
    ];
    let found = offenders(
        |path| !path.starts_with("shared/src/"),
        |code| forbidden.iter().any(|word| code.contains(word)),
    );
    none("the world inside of shared", &found);
}

#[test]
fn nothing_is_left_for_later() {
    let found = offenders(
        |_| false,
        |code| ["todo!(", "unimplemented!(", "dbg!(", "#[ignore"].iter().any(|word| code.contains(word)),
    );
    none("unfinished work", &found);
    let notes: Vec<String> = sources()
        .into_iter()
        .filter(|(path, _)| path != "tests/it/tidy.rs")
        .flat_map(|(path, text)| {
            let hits: Vec<String> = text
                .lines()
                .enumerate()
                .filter(|(_, line)| ["TODO", "FIXME", "XXX:"].iter().any(|word| line.contains(word)))
                .map(|(number, line)| format!("{path}:{}: {}", number + 1, line.trim()))
                .collect();
            hits
        })
        .collect();
    none("notes of unfinished work", &notes);
}

#[test]
fn no_file_speaks_of_a_machine() {
    let words = ["/home/", "/root/", "/work/", "/Users/"];
    let mut found = Vec::new();
    for path in files() {
        let name = path.to_string_lossy().into_owned();
        let Ok(text) = std::fs::read_to_string(root().join(&path)) else { continue };
        if name == "tests/it/tidy.rs" || name == "Cargo.lock" {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            if words.iter().any(|word| line.contains(word)) {
                found.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    none("paths of one machine", &found);
}

/// A table of promises is worth what its tests are worth: each row names test functions that exist.
#[test]
fn every_row_of_the_rfc_table_names_a_test() {
    let table = std::fs::read_to_string(root().join("shared/src/sip/rfc.md")).expect("the table");
    let functions: std::collections::HashSet<String> = sources()
        .iter()
        .flat_map(|(_, text)| text.lines().map(str::trim_start).map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|line| {
            let line = line.strip_prefix("pub ").unwrap_or(&line);
            let line = line.strip_prefix("async ").unwrap_or(line);
            let name = line.strip_prefix("fn ")?;
            Some(name.split(['(', '<']).next()?.to_owned())
        })
        .collect();
    let mut wrong = Vec::new();
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(2);
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let tests = cells.get(4).copied().unwrap_or_default();
        let named: Vec<&str> = tests.split(',').map(|name| name.trim().trim_matches('`')).collect();
        if cells.len() != 5 || named.iter().any(|name| !functions.contains(*name)) {
            wrong.push(row.to_owned());
        }
    }
    none("rows whose test does not exist", &wrong);
}

#[test]
fn scripts_can_be_run() {
    use std::os::unix::fs::PermissionsExt;
    for script in ["deploy/demo", "deploy/test", "deploy/fetch-model", ".ci/run"] {
        let mode = std::fs::metadata(root().join(script)).expect(script).permissions().mode();
        assert!(mode & 0o111 != 0, "{script} is not executable");
    }
}
