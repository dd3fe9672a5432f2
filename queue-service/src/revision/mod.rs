//! Versions of the configuration: every change goes through here, whether it comes by the API, from a table, from an
//! earlier version or from a file that was changed by hand.
//!
//! A change is checked whole, kept in the store, written to the file (a new file in its place, so that a crash leaves
//! the old or the new one) and then taken over by the switch, in this order. What a crash leaves half done the next start
//! finishes: the file decides. A file that was changed by hand is never written over; it is to be read again first.

pub mod file;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use shared::api::configuration::{
    ConfigurationChange, ConfigurationCheck, ConfigurationFault, ConfigurationVersion,
};
use shared::api::error::ApiError;
use shared::api::import::{ImportQuery, ImportReport, Table};
use shared::id::UserId;
use shared::model::configuration::ConfigurationSource;
use shared::model::event::Event;
use tokio::sync::Mutex;

use crate::auth::{Auth, AuthError};
use crate::clock;
use crate::config::change::differences;
use crate::config::edit::EditError;
use crate::config::{Config, ConfigError, Fault, secret};
use crate::import::{self, ImportError};
use crate::live::Hub;
use crate::store::{Store, StoreError};
use crate::switch::command::{Command, SwitchHandle};
use crate::switch::configure::Reconfigure;

/// Why the configuration is not changed.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Somebody else changed it meanwhile.
    #[error("change version {given}: the configuration is {current} now")]
    Stale {
        /// What the change was made from.
        given: String,
        /// What it is.
        current: String,
    },
    /// The file is not what the service read.
    #[error("write the configuration file: it was changed by hand and not read again")]
    ChangedByHand,
    /// The text is wrong.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Wrong(Vec<Fault>),
    /// An entry or a version is not there.
    #[error("{0}")]
    Missing(String),
    /// The text cannot be edited.
    #[error("{0}")]
    Edit(EditError),
    /// The table cannot be taken.
    #[error("{0}")]
    Table(#[from] ImportError),
    /// The file cannot be read or written.
    #[error("{0}")]
    File(#[from] std::io::Error),
    /// The database failed.
    #[error("keep the version")]
    Store(#[from] StoreError),
    /// Sign-ins were not changed.
    #[error("change who may sign in")]
    Auth(#[from] AuthError),
    /// The switch did not take it over.
    #[error("{0}")]
    Switch(ApiError),
}

impl From<ConfigError> for Refused {
    fn from(error: ConfigError) -> Refused {
        match error {
            ConfigError::Wrong(faults) => Refused::Wrong(faults),
            ConfigError::Read { source, .. } => Refused::File(source),
        }
    }
}

impl From<EditError> for Refused {
    fn from(error: EditError) -> Refused {
        match error {
            EditError::Faults(faults) => Refused::Wrong(faults),
            EditError::Missing { .. } => Refused::Missing(error.to_string()),
            other => Refused::Edit(other),
        }
    }
}

/// The configuration with its versions. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Revisions {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    hub: Hub,
    switch: SwitchHandle,
    auth: Auth,
    /// One change at a time.
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    version: u64,
    /// As the service was started with.
    started: Arc<Config>,
    /// As accepted last.
    config: Arc<Config>,
}

impl Current {
    fn tag(&self) -> String {
        tag(self.version, self.config.source())
    }

    /// Refuses a change of another version.
    fn is(&self, given: Option<&str>) -> Result<(), Refused> {
        match given {
            Some(given) if given != self.tag() => {
                Err(Refused::Stale { given: given.into(), current: self.tag() })
            }
            _ => Ok(()),
        }
    }
}

/// Who changes the configuration, in which way.
#[derive(Debug, Clone)]
pub struct Author {
    /// Who; none for a file that was changed by hand.
    pub by: Option<UserId>,
    /// In which way.
    pub how: ConfigurationSource,
}

impl Revisions {
    /// The configuration that the service started with. A version that is new with this start is kept and told.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(
        config: Arc<Config>,
        store: &Store,
        hub: &Hub,
        switch: SwitchHandle,
        auth: Auth,
    ) -> Result<Revisions, StoreError> {
        let version = hub.config_version();
        let hash = text_hash(config.source());
        let versions = store.versions();
        let known = versions.get(version).await?;
        let told = store.journal().last_of("configuration_changed").await?;
        let told = store.journal().of_kind("configuration_changed", told.saturating_sub(1), told).await?;
        let told = told.first().map_or(0, |stamped| match &stamped.event {
            Event::ConfigurationChanged { version, .. } => *version,
            _ => 0,
        });
        let row = match known {
            Some((row, _)) if row.hash == hash => row,
            // New, or with other comments than it had.
            other => {
                let before = match other {
                    Some((_, text)) => text,
                    None => versions
                        .get(version.saturating_sub(1))
                        .await?
                        .map(|(_, text)| text)
                        .unwrap_or_default(),
                };
                let row = ConfigurationVersion {
                    version,
                    at: clock::now(),
                    by: None,
                    how: ConfigurationSource::Start,
                    hash,
                    changes: differences(&before, config.source()),
                };
                versions.save(&row, config.source()).await?;
                row
            }
        };
        if told < version {
            hub.publish(changed(&row, Vec::new()));
        }
        let current = Current { version, started: config.clone(), config };
        let inner =
            Inner { store: store.clone(), hub: hub.clone(), switch, auth, current: Mutex::new(current) };
        Ok(Revisions { inner: Arc::new(inner) })
    }

    /// The configuration as accepted last.
    pub async fn config(&self) -> Arc<Config> {
        self.inner.current.lock().await.config.clone()
    }

    /// Its text without secrets, with the tag to change it with.
    ///
    /// # Errors
    /// [`Refused::Edit`].
    pub async fn export(&self) -> Result<(String, String), Refused> {
        let current = self.inner.current.lock().await;
        Ok((current.tag(), secret::left_out(current.config.source())?))
    }

    /// The latest versions, newest first.
    ///
    /// # Errors
    /// [`Refused::Store`].
    pub async fn list(&self) -> Result<Vec<ConfigurationVersion>, Refused> {
        Ok(self.inner.store.versions().list().await?)
    }

    /// The text of a version without secrets.
    ///
    /// # Errors
    /// [`Refused::Missing`], [`Refused::Store`].
    pub async fn version(&self, number: u64) -> Result<String, Refused> {
        let missing = || Refused::Missing(format!("find version {number} of the configuration"));
        let (_, text) = self.inner.store.versions().get(number).await?.ok_or_else(missing)?;
        Ok(secret::left_out(&text)?)
    }

    /// What would come of a text.
    ///
    /// # Errors
    /// [`Refused`], when it cannot be checked; a text that is wrong is an answer.
    pub async fn check(&self, text: &str) -> Result<ConfigurationCheck, Refused> {
        let current = self.inner.current.lock().await;
        let (started, known) = (current.started.clone(), current.config.clone());
        drop(current);
        let text = text.to_owned();
        let checked = blocking(move || {
            checked(&text, known.source(), known.file()).map(|config| {
                let restart = started.restart_for(&config).into_iter().map(str::to_owned).collect();
                (differences(known.source(), config.source()), restart)
            })
        })
        .await?;
        match checked {
            Ok((changes, restart)) => Ok(ConfigurationCheck { faults: Vec::new(), changes, restart }),
            Err(Refused::Wrong(faults)) => {
                let faults = faults.into_iter().map(fault).collect();
                Ok(ConfigurationCheck { faults, changes: Vec::new(), restart: Vec::new() })
            }
            Err(other) => Err(other),
        }
    }

    /// Changes the configuration: `edit` makes the new text of the one that is in force. With a tag it does so only when
    /// that is still the one in force; when nothing differs, nothing happens.
    ///
    /// # Errors
    /// [`Refused`]; nothing is changed then, except with [`Refused::Switch`] and [`Refused::Auth`]: the file has the
    /// change already, and the next start takes it.
    pub async fn change(
        &self,
        given: Option<&str>,
        author: Author,
        edit: impl FnOnce(&str) -> Result<String, EditError> + Send + 'static,
    ) -> Result<ConfigurationChange, Refused> {
        let mut current = self.inner.current.lock().await;
        current.is(given)?;
        let known = current.config.clone();
        let config = blocking(move || {
            if file::read(known.file())? != known.source() {
                return Err(Refused::ChangedByHand);
            }
            let text = edit(known.source())?;
            checked(&text, known.source(), known.file())
        })
        .await??;
        self.accept(&mut current, config, author, true).await
    }

    /// Brings an earlier version back. Secrets stay those of now, for everybody who is still there.
    ///
    /// # Errors
    /// As [`Revisions::change`].
    pub async fn restore(
        &self,
        given: Option<&str>,
        number: u64,
        by: UserId,
    ) -> Result<ConfigurationChange, Refused> {
        let missing = || Refused::Missing(format!("find version {number} of the configuration"));
        let (_, old) = self.inner.store.versions().get(number).await?.ok_or_else(missing)?;
        let author = Author { by: Some(by), how: ConfigurationSource::Restore };
        self.change(given, author, move |text| secret::as_now(&old, text)).await
    }

    /// Brings a table in. Nothing is changed by a dry run, by a table with a wrong line (unless `query.partial`), and by
    /// one that says what is there already.
    ///
    /// # Errors
    /// [`Refused::Table`]; else as [`Revisions::change`].
    pub async fn import(
        &self,
        given: Option<&str>,
        by: UserId,
        table: Table,
        csv: String,
        query: ImportQuery,
    ) -> Result<ImportReport, Refused> {
        let mut current = self.inner.current.lock().await;
        current.is(given)?;
        let known = current.config.clone();
        let (mut imported, config) = blocking(move || {
            if file::read(known.file())? != known.source() {
                return Err(Refused::ChangedByHand);
            }
            let imported = import::import(known.source(), known.file(), table, &csv, query.partial)?;
            let config = checked(&imported.text, known.source(), known.file())?;
            Ok((imported, config))
        })
        .await??;
        if query.dry_run {
            imported.report.taken = false;
            imported.report.lines.iter_mut().for_each(|line| line.first_password = None);
        } else if imported.report.taken {
            let author = Author { by: Some(by), how: ConfigurationSource::Import };
            imported.report.configuration = Some(self.accept(&mut current, config, author, true).await?);
        }
        Ok(imported.report)
    }

    /// Reads the file again, as after SIGHUP.
    ///
    /// # Errors
    /// As [`Revisions::change`].
    pub async fn reload(&self) -> Result<ConfigurationChange, Refused> {
        let mut current = self.inner.current.lock().await;
        let path = current.config.file().to_owned();
        let config = blocking(move || Config::load(&path)).await??;
        let author = Author { by: None, how: ConfigurationSource::Reload };
        self.accept(&mut current, config, author, false).await
    }

    async fn accept(
        &self,
        current: &mut Current,
        config: Config,
        author: Author,
        write: bool,
    ) -> Result<ConfigurationChange, Refused> {
        let changes = differences(current.config.source(), config.source());
        let restart: Vec<String> =
            current.started.restart_for(&config).into_iter().map(str::to_owned).collect();
        if changes.is_empty() {
            return Ok(ConfigurationChange {
                version: current.version,
                tag: current.tag(),
                changes,
                restart,
            });
        }
        let row = ConfigurationVersion {
            version: current.version + 1,
            at: clock::now(),
            by: author.by,
            how: author.how,
            hash: text_hash(config.source()),
            changes: changes.clone(),
        };
        let store = &self.inner.store;
        store.versions().save(&row, config.source()).await?;
        let config = Arc::new(config);
        if write {
            let new = config.clone();
            blocking(move || file::write(new.file(), new.source())).await??;
        }
        // From here on it is the configuration, whatever becomes of the rest: the file has it.
        current.version = row.version;
        current.config = config.clone();
        store.meta().set_config_version(row.version, config.content_hash()).await?;
        let running = current.started.running(&config);
        let event = changed(&row, restart.clone());
        let version = row.version;
        let new = blocking(move || Reconfigure::prepare(running, version, event)).await?;
        let out = self.inner.auth.configure(&config).await?;
        self.inner.switch.ask(Command::Configure(new)).await.map_err(Refused::Switch)?;
        for user in out {
            self.inner.switch.ask(Command::SignedOut { user }).await.map_err(Refused::Switch)?;
        }
        self.inner.hub.durable(self.inner.hub.last_seq()).await;
        Ok(ConfigurationChange { version, tag: current.tag(), changes, restart })
    }
}

/// A text with marks of secrets, checked as a file is at a start.
fn checked(text: &str, before: &str, path: &Path) -> Result<Config, Refused> {
    let text = secret::put_back(text, before, path).or_else(|error| match error {
        // The check tells line and column of what is no TOML.
        EditError::Syntax(_) => Ok(text.to_owned()),
        other => Err(other),
    })?;
    Ok(Config::parse(&text, path)?)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refused> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Refused::File(std::io::Error::other(error)))
}

fn changed(row: &ConfigurationVersion, restart: Vec<String>) -> Event {
    Event::ConfigurationChanged {
        version: row.version,
        by: row.by.clone(),
        how: row.how,
        hash: row.hash.clone(),
        changes: row.changes.clone(),
        restart,
    }
}

fn fault(fault: Fault) -> ConfigurationFault {
    let Fault { file: _, line, column, key, problem, allowed } = fault;
    ConfigurationFault { line, column, key, problem, allowed }
}

fn text_hash(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// Number and text: a change of a comment is a change, too.
fn tag(version: u64, text: &str) -> String {
    format!("{version}-{}", text_hash(text).get(..12).unwrap_or_default())
}
