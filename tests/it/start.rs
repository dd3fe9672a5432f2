//! Starting: what is wrong is said in one plain sentence with what to do.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tests::Outcome;
use tests::setup::Setup;

use crate::floor::program;

/// How long a refusal may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs it to its end and gives what it said.
fn run(arguments: &[&str]) -> Outcome<Output> {
    let mut command = Command::new(program());
    command.args(arguments).env("RUST_LOG", "off").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let begun = Instant::now();
    while child.try_wait()?.is_none() {
        if begun.elapsed() > PATIENCE {
            child.kill()?;
            return Err(format!("{arguments:?} did not end: {:?}", child.wait_with_output()?).into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(child.wait_with_output()?)
}

/// What `run --config` says of a configuration that cannot be started with.
fn refusal(folder: &Path, text: &str) -> Outcome<String> {
    let file = folder.join("callfloor.toml");
    std::fs::write(&file, text)?;
    let output = run(&["run", "--config", &file.display().to_string()])?;
    let said = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "one sentence: {said}");
    Ok(said)
}

#[test]
fn a_wrong_configuration_is_told_with_file_line_and_key() -> Outcome {
    let folder = tempfile::tempdir()?;
    let good = Setup::test()?.text(&folder.path().join("data"));
    let file = folder.path().join("callfloor.toml");
    std::fs::write(&file, &good)?;
    let path = file.display().to_string();
    let output = run(&["check-config", &path])?;
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout)?.contains("2 queues, 3 agents, 1 trunks"));

    for (find, instead, named) in [
        ("ring_secs = 15", "ring_secs = 0", "ring_secs"),
        ("ring_secs = 15", "rings_secs = 15", "rings_secs"),
        ("ring_secs = 15", "ring_secs = \"long\"", "ring_secs"),
        ("role = \"manager\"", "role = \"emperor\"", "emperor"),
        ("127.0.0.2", "somewhere", "somewhere"),
    ] {
        let bad = good.replacen(find, instead, 1);
        assert_ne!(bad, good, "{find} is in the file");
        std::fs::write(&file, &bad)?;
        let output = run(&["check-config", &path])?;
        let said = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.code(), Some(2), "{said}");
        let line = 1 + bad.lines().position(|line| line.contains(instead)).expect("the changed line");
        assert!(said.contains(&format!("{path}:{line}:")), "{instead}: {said}");
        assert!(said.contains(named), "{instead}: {said}");
    }
    std::fs::write(&file, b"\xff\xfe[service]")?;
    assert_eq!(run(&["check-config", &path])?.status.code(), Some(2));
    assert_eq!(run(&["check-config", "/nowhere/callfloor.toml"])?.status.code(), Some(2));
    Ok(())
}

#[test]
fn a_port_in_use_is_told_with_the_remedy() -> Outcome {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let setup = Setup::test()?;
    let _taken = TcpListener::bind(setup.http)?;
    let said = refusal(folder.path(), &setup.text(&data))?;
    assert!(said.contains(&setup.http.port().to_string()) && said.contains("in use"), "{said}");
    let setup = Setup::test()?;
    let _taken = TcpListener::bind(setup.sip)?;
    let said = refusal(folder.path(), &setup.text(&data))?;
    assert!(said.contains(&setup.sip.port().to_string()) && said.contains("in use"), "{said}");
    Ok(())
}

#[test]
fn a_folder_that_cannot_be_written_is_told_by_name() -> Outcome {
    let folder = tempfile::tempdir()?;
    // A file stands where the folder should be: that stops even root.
    let data = folder.path().join("data");
    std::fs::write(&data, "no folder")?;
    let said = refusal(folder.path(), &Setup::test()?.text(&data))?;
    assert!(said.contains(&data.display().to_string()), "{said}");
    Ok(())
}
