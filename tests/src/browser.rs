//! Chromium without a window: the page as a person would see it, as DOM and as a picture.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::program::{self, Running};
use crate::{Outcome, wait};

/// How long a page may take; Chromium's first start on a loaded machine is slow.
const PAGE: Duration = Duration::from_secs(60);

/// The DOM of a page after `settle` of its own time, in which timers and the network have run.
pub async fn dom(url: &str, settle: Duration) -> Outcome<String> {
    let folder = tempfile::Builder::new().prefix("callfloor-chromium-").tempdir()?;
    let out = folder.path().join("out");
    let mut command = chromium(folder.path())?;
    command.arg(budget(settle)).arg("--dump-dom").arg(url);
    let mut running = Running::start("chromium", &mut command, &out)?;
    running.wait(PAGE).await?;
    let text = std::fs::read_to_string(&out)?;
    match text.find("<!DOCTYPE").or_else(|| text.find("<html")) {
        Some(start) => Ok(text[start..].to_owned()),
        None => Err(format!("chromium shows no page: {text}").into()),
    }
}

/// A picture of a page, as PNG at `file`.
pub async fn screenshot(url: &str, size: (u32, u32), settle: Duration, file: &Path) -> Outcome {
    let folder = tempfile::Builder::new().prefix("callfloor-chromium-").tempdir()?;
    let mut command = chromium(folder.path())?;
    command
        .arg(budget(settle))
        .arg(format!("--window-size={},{}", size.0, size.1))
        .arg(format!("--screenshot={}", file.display()))
        .arg(url);
    let mut running = Running::start("chromium", &mut command, &folder.path().join("out"))?;
    running.wait(PAGE).await?;
    wait::until("chromium's picture", Duration::from_secs(2), || file.is_file().then_some(())).await
}

fn budget(settle: Duration) -> String {
    format!("--virtual-time-budget={}", settle.as_millis())
}

fn chromium(profile: &Path) -> Outcome<Command> {
    let program: PathBuf = program::find("chromium", "chromium")?;
    let mut command = Command::new(program);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
    ]);
    command.arg(format!("--user-data-dir={}", profile.join("profile").display()));
    Ok(command)
}
