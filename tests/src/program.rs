//! Foreign programs: found by name, with the package to install when they are missing, and ended with us.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Outcome;

/// The path of a program, or the package that brings it.
pub fn find(name: &str, package: &str) -> Outcome<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        // Servers are not in everybody's path.
        .chain(["/usr/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .ok_or_else(|| format!("{name} is not installed: apt-get install {package}").into())
}

/// A child process that is killed when this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    name: String,
    /// Its own children end only when it ends them.
    has_children: bool,
}

impl Running {
    /// Starts it. Its output goes to `log`; its input stays open.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Outcome<Running> {
        Running::start_with(name, command, log, libc::SIGKILL)
    }

    /// The same for a program with processes of its own, which it ends when it is asked to end.
    pub fn start_family(name: &str, command: &mut Command, log: &Path) -> Outcome<Running> {
        Running::start_with(name, command, log, libc::SIGTERM)
    }

    fn start_with(name: &str, command: &mut Command, log: &Path, last: libc::c_int) -> Outcome<Running> {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
        die_with_us(command, last);
        let child = command
            .stdin(Stdio::piped())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .map_err(|error| format!("start {name}: {error}"))?;
        Ok(Running { child, name: name.into(), has_children: last == libc::SIGTERM })
    }

    /// The process number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes a line to its input.
    pub fn say(&mut self, line: &str) -> Outcome {
        let input = self.child.stdin.as_mut().ok_or("its input is closed")?;
        writeln!(input, "{line}").map_err(|error| format!("tell {} {line:?}: {error}", self.name).into())
    }

    /// How it ended; none while it runs.
    pub fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Asks it to end (SIGTERM) and waits; the error says when it does not.
    pub async fn stop(&mut self, at_most: Duration) -> Outcome<std::process::ExitStatus> {
        self.signal(libc::SIGTERM);
        self.wait(at_most).await
    }

    /// Ends it without any warning (SIGKILL).
    pub fn kill(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for its end.
    pub async fn wait(&mut self, at_most: Duration) -> Outcome<std::process::ExitStatus> {
        let end = Instant::now() + at_most;
        loop {
            if let Some(status) = self.ended() {
                return Ok(status);
            }
            if Instant::now() > end {
                return Err(format!("{} did not end within {} s", self.name, at_most.as_secs()).into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn signal(&self, signal: libc::c_int) {
        // SAFETY: sends a signal to a child that has not been waited for, so the number is still its own.
        unsafe { libc::kill(self.child.id().cast_signed(), signal) };
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.has_children && self.ended().is_none() {
            self.signal(libc::SIGTERM);
            let end = Instant::now() + Duration::from_secs(5);
            while self.ended().is_none() && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        self.kill();
    }
}

/// A test that is killed leaves no process behind.
#[cfg(target_os = "linux")]
fn die_with_us(command: &mut Command, last: libc::c_int) {
    use std::os::unix::process::CommandExt;
    // SAFETY: between fork and exec only one async-signal-safe call is made.
    unsafe {
        command.pre_exec(move || {
            libc::prctl(libc::PR_SET_PDEATHSIG, last);
            Ok(())
        });
    }
}

#[cfg(not(target_os = "linux"))]
fn die_with_us(_command: &mut Command, _last: libc::c_int) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_names_its_package() {
        let error = find("no-such-program", "its-package").expect_err("not there");
        assert_eq!(error.to_string(), "no-such-program is not installed: apt-get install its-package");
        assert!(find("sh", "dash").is_ok());
    }

    #[tokio::test]
    async fn a_program_is_stopped() {
        let log = tempfile::NamedTempFile::new().expect("file");
        let mut command = Command::new("sleep");
        command.arg("60");
        let mut sleep = Running::start("sleep", &mut command, log.path()).expect("starts");
        assert!(sleep.ended().is_none());
        assert!(sleep.stop(Duration::from_secs(5)).await.is_ok());
    }
}
