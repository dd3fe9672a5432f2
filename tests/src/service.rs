//! The service under test: a process of its own on a folder of its own, which can be killed and started again.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use shared::api::reports::JournalQuery;
use shared::id::UserId;
use shared::model::event::Stamped;
use shared_net::ApiClient;
use tempfile::TempDir;

use crate::program::Running;
use crate::setup::Setup;
use crate::{Outcome, http, wait};

/// How long a start may take; a loaded machine with a debug build needs some seconds.
const START: Duration = Duration::from_secs(40);
/// How long a stop may take: calls end, recordings are sealed.
const STOP: Duration = Duration::from_secs(25);

/// A service. Dropping it kills the process and removes its folder, unless the folder was given.
#[derive(Debug)]
pub struct Service {
    /// Its configuration.
    pub setup: Setup,
    program: PathBuf,
    folder: PathBuf,
    _own: Option<TempDir>,
    process: Option<Running>,
}

impl Service {
    /// Starts it in a new folder and waits until it answers.
    pub async fn start(program: &Path, setup: Setup) -> Outcome<Service> {
        let own = tempfile::Builder::new().prefix("callfloor-test-").tempdir()?;
        let folder = own.path().to_owned();
        Service::start_in(program, setup, folder, Some(own)).await
    }

    /// The same in a folder that stays.
    pub async fn start_in(
        program: &Path,
        setup: Setup,
        folder: PathBuf,
        own: Option<TempDir>,
    ) -> Outcome<Service> {
        std::fs::create_dir_all(&folder)?;
        let mut service = Service { setup, program: program.to_owned(), folder, _own: own, process: None };
        service.begin().await?;
        Ok(service)
    }

    /// Starts it again on the same data, after [`Service::stop`] or [`Service::kill`].
    pub async fn begin(&mut self) -> Outcome {
        let config = self.config();
        std::fs::write(&config, self.setup.text(&self.data()))?;
        let mut command = Command::new(&self.program);
        command.arg("run").arg("--config").arg(&config);
        if std::env::var_os("RUST_LOG").is_none() {
            command.env("RUST_LOG", "info,sqlx=warn");
        }
        self.process = Some(Running::start("the service", &mut command, &self.log_file())?);
        let address = self.setup.http;
        let up = wait::until_async("the service's /healthz", START, async || {
            if let Some(status) = self.process.as_mut().and_then(Running::ended) {
                return Err(format!("the service ended with {status}").into());
            }
            let answer = http::get(address, "/healthz", &[]).await;
            Ok(answer.is_ok_and(|answer| answer.status == 200).then_some(()))
        })
        .await;
        up.map_err(|error| format!("{error}; its log ends with:\n{}", self.log_end(30)).into())
    }

    /// Stops it in order (SIGTERM).
    pub async fn stop(&mut self) -> Outcome<ExitStatus> {
        match &mut self.process {
            Some(process) => process.stop(STOP).await,
            None => Err("the service does not run".into()),
        }
    }

    /// Ends it at once (SIGKILL).
    pub fn kill(&mut self) {
        if let Some(process) = &mut self.process {
            process.kill();
        }
    }

    /// How it ended; none while it runs.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.as_mut().and_then(Running::ended)
    }

    /// The process number.
    pub fn id(&self) -> u32 {
        self.process.as_ref().map_or(0, Running::id)
    }

    /// A client that is not signed in.
    pub fn client(&self) -> Outcome<ApiClient> {
        Ok(ApiClient::new(&self.url())?)
    }

    /// A client that is signed in.
    pub async fn sign_in(&self, user: &str) -> Outcome<ApiClient> {
        let client = self.client()?;
        let password = self.setup.password(user).ok_or_else(|| format!("{user} has no password"))?;
        client.sign_in(&user.parse::<UserId>()?, password).await?;
        Ok(client)
    }

    /// `http://…` without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.setup.http)
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.folder.join("callfloor.toml")
    }

    /// The folder of its data.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The folder of everything.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it logs.
    pub fn log_file(&self) -> PathBuf {
        self.folder.join("service.log")
    }

    /// The last lines of its log, without colours.
    pub fn log_end(&self, lines: usize) -> String {
        let text = std::fs::read_to_string(self.log_file()).unwrap_or_default();
        let all: Vec<&str> = text.lines().collect();
        let plain = all[all.len().saturating_sub(lines)..].join("\n");
        let mut kept = String::with_capacity(plain.len());
        let mut in_escape = false;
        for letter in plain.chars() {
            match letter {
                '\u{1b}' => in_escape = true,
                'm' if in_escape => in_escape = false,
                _ if in_escape => {}
                letter => kept.push(letter),
            }
        }
        kept
    }
}

/// The whole journal by HTTP.
pub async fn journal(client: &ApiClient) -> Outcome<Vec<Stamped>> {
    let mut events: Vec<Stamped> = Vec::new();
    loop {
        let after = events.last().map_or(0, |event| event.seq);
        let page = client.journal(&JournalQuery { after, limit: Some(5_000) }).await?;
        if page.is_empty() {
            return Ok(events);
        }
        events.extend(page);
    }
}
