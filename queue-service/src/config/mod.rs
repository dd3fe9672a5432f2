//! The configuration: one TOML file, read once at start, checked whole before anything else happens.
//!
//! Every fault names file, line, column, key and what is allowed, and all faults are told at once. Relative paths
//! start at the folder of the file.

pub mod change;
mod check;
mod defence;
pub mod edit;
mod entry;
mod error;
#[cfg(test)]
mod example;
mod live;
mod locate;
pub mod secret;
mod section;
mod secure;
#[cfg(test)]
mod tests;
mod trunk;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use shared::model::agent::AgentInfo;
use shared::model::queue::{Code, QueueInfo, SkillNeed};
use shared::model::user::{Role, User as Person};

pub(crate) use check::nearest;
pub use defence::Defence;
pub use entry::{Agent, Break, Password, Queue, Skill, User, WrapUpCode};
pub use error::{ConfigError, Fault};
pub use section::{Acd, Auth, ClientCertificates, Http, Media, Prompts, Recording, Service, Sip, Store};
pub use trunk::{Dtmf, IdentityHeader, Outbound, Rule, Trunk};

pub use crate::transcript::Settings as Transcript;

/// The whole file.
#[derive(Debug, Clone, PartialEq, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The installation.
    pub service: Service,
    /// Signalling.
    pub sip: Sip,
    /// What is kept out of signalling.
    pub defence: Defence,
    /// Voice packets.
    pub media: Media,
    /// API, live feed and wallboard.
    pub http: Http,
    /// The database.
    pub store: Store,
    /// Signing in.
    pub auth: Auth,
    /// Where recordings go.
    pub recording: Recording,
    /// Greetings, announcements, music.
    pub prompts: Prompts,
    /// Rules for every queue.
    pub acd: Acd,
    /// Speech recognition.
    pub transcript: Transcript,
    /// Reasons for not being ready, in the order shown.
    pub breaks: Vec<Break>,
    /// Calls to numbers outside.
    pub outbound: Outbound,
    /// Carriers and other telephone systems: where calls come from and go to.
    pub trunks: Vec<Trunk>,
    /// Skills that queues and agents may name; any when there are none.
    pub skills: Vec<Skill>,
    /// Queues.
    pub queues: Vec<Queue>,
    /// Agents.
    pub agents: Vec<Agent>,
    /// Supervisors, managers, administrators.
    pub users: Vec<User>,
    #[serde(skip)]
    folder: PathBuf,
    #[serde(skip)]
    content_hash: String,
    #[serde(skip)]
    file: PathBuf,
    #[serde(skip)]
    source: Arc<str>,
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`ConfigError::Read`] when it cannot be read, [`ConfigError::Wrong`] with every fault found.
    pub fn load(path: &Path) -> Result<Config, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Config::parse(&text, path)
    }

    /// Reads and checks a text; `path` names it in messages and says where relative paths start.
    ///
    /// # Errors
    /// [`ConfigError::Wrong`] with every fault found.
    pub fn parse(text: &str, path: &Path) -> Result<Config, ConfigError> {
        let place = locate::Places::new(text, path);
        let mut config: Config =
            toml::from_str(text).map_err(|error| ConfigError::Wrong(vec![place.of_syntax(&error)]))?;
        // `std::path::absolute` does not ask the disk: the folder may be made later.
        let file = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        config.folder = file.parent().map(Path::to_owned).unwrap_or_default();
        config.content_hash = content_hash(text);
        config.source = text.into();
        config.file = file;
        let faults = check::faults(&config);
        if faults.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError::Wrong(faults.into_iter().map(|fault| place.of_fault(fault)).collect()))
        }
    }

    /// SHA-256 of what the file says, comments and layout apart; the number of the configuration grows with it.
    pub fn content_hash(&self) -> &str {
        &self.content_hash
    }

    /// The text of the file, as it was read.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The file, absolute.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Folder of the data, absolute.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.join(&self.service.data_dir)
    }

    /// Folder of the recordings, absolute.
    pub fn recordings_folder(&self) -> PathBuf {
        match &self.recording.folder {
            Some(folder) => self.folder.join(folder),
            None => self.data_dir().join("recordings"),
        }
    }

    /// Folder of the prompts, absolute; none when no queue needs one.
    pub fn prompts_folder(&self) -> Option<PathBuf> {
        self.prompts.folder.as_ref().map(|folder| self.folder.join(folder))
    }

    /// The speech model's file, absolute.
    pub fn speech_model(&self) -> Option<PathBuf> {
        self.transcript.model.as_ref().map(|model| self.folder.join(model))
    }

    /// Address of the database: `postgres://…` or `sqlite:` with an absolute path.
    pub fn store_url(&self) -> String {
        match &self.store.url {
            None => format!("sqlite:{}", self.data_dir().join("callfloor.db").display()),
            Some(url) => match url.strip_prefix("sqlite:") {
                Some(file) if file != ":memory:" => {
                    format!("sqlite:{}", self.folder.join(file.trim_start_matches("//")).display())
                }
                _ => url.clone(),
            },
        }
    }

    /// The queues as the floor knows them.
    pub fn queues(&self) -> Vec<QueueInfo> {
        self.queues.iter().map(|queue| queue_info(queue, &self.service.time_zone)).collect()
    }

    /// The agents as the floor knows them.
    pub fn agents(&self) -> Vec<AgentInfo> {
        self.agents
            .iter()
            .map(|agent| AgentInfo {
                id: agent.id.clone(),
                name: agent.name.clone(),
                skills: agent.skills.clone(),
                queues: agent.queues.clone(),
                contact: agent.contact.clone(),
                ready_on_start: agent.ready_on_start,
                serves: agent.serves.clone(),
                on_demand: agent.on_demand,
                capacity: agent.capacity,
            })
            .collect()
    }

    /// Everybody who may sign in: the users, and the agents with the role of an agent.
    pub fn users(&self) -> Vec<Person> {
        let agents = self.agents.iter().map(|agent| Person {
            id: agent.id.to_user(),
            name: agent.name.clone(),
            role: Role::Agent,
        });
        let users = self.users.iter().map(|user| Person {
            id: user.id.clone(),
            name: user.name.clone(),
            role: user.role,
        });
        agents.chain(users).collect()
    }

    /// The reasons for not being ready.
    pub fn breaks(&self) -> Vec<Code> {
        self.breaks.iter().map(Code::from).collect()
    }
}

fn queue_info(queue: &Queue, time_zone: &str) -> QueueInfo {
    QueueInfo {
        id: queue.id.clone(),
        name: queue.name.clone(),
        numbers: queue.numbers.clone(),
        priority_secs: queue.priority_secs,
        skills: queue
            .skills
            .iter()
            .map(|(skill, level)| SkillNeed { skill: skill.clone(), level: *level })
            .collect(),
        ring_secs: queue.ring_secs,
        wrap_up_secs: queue.wrap_up_secs,
        wrap_up_codes: queue.wrap_up_codes.iter().map(Code::from).collect(),
        target_secs: queue.target_secs,
        target_percent: queue.target_percent,
        short_abandon_secs: queue.short_abandon_secs,
        max_waiting: queue.max_waiting,
        max_wait_secs: queue.max_wait_secs,
        hours: queue.hours.clone(),
        time_zone: queue.time_zone.clone().unwrap_or_else(|| time_zone.to_owned()),
        when_full: queue.when_full.clone(),
        when_closed: queue.when_closed.clone(),
        when_timed_out: queue.when_timed_out.clone(),
        greeting: queue.greeting.clone(),
        music: queue.music.clone(),
        announcement: queue.announcement.clone(),
        announcement_every_secs: queue.announcement_every_secs,
        record: queue.record,
        routing: queue.routing.clone(),
        waiting: queue.waiting.clone(),
        wrap_up: queue.wrap_up.clone(),
        callback: queue.callback.clone(),
    }
}

fn content_hash(text: &str) -> String {
    // Printed again from its values, so that a comment or a space makes no new configuration.
    let plain = text.parse::<toml::Table>().map_or_else(|_| text.to_owned(), |table| table.to_string());
    hex::encode(Sha256::digest(plain.as_bytes()))
}
