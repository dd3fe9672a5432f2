//! What an app remembers between two starts. A file of JSON in the platform's folder for configuration, replaced in
//! one step so that a crash leaves the old or the new one. No password is ever kept.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::phone::DeviceChoice;
use crate::theme::Mode;

/// The settings of one app on one machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Settings {
    /// Address of the service, such as `http://10.0.0.2:8080`.
    pub service: String,
    /// Who signed in last.
    pub user: String,
    /// The theme.
    pub theme: Mode,
    /// The sound devices.
    pub devices: DeviceChoice,
    /// Incoming calls are shown and not heard.
    pub ring_silently: bool,
}

/// Why settings were not kept.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The platform names no folder for configuration.
    #[error("find a folder for settings: neither XDG_CONFIG_HOME nor HOME nor APPDATA is set")]
    NoFolder,
    /// The file or its folder cannot be written.
    #[error("write the settings to {path}")]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The file of an app, such as `agent`: `$XDG_CONFIG_HOME/callfloor/agent.json` on Linux,
/// `~/Library/Application Support/Callfloor/agent.json` on macOS, `%APPDATA%\Callfloor\agent.json` on Windows.
pub fn path(app: &str) -> Result<PathBuf, SettingsError> {
    folder(|name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from))
        .map(|folder| folder.join(format!("{app}.json")))
        .ok_or(SettingsError::NoFolder)
}

fn folder(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    if cfg!(target_os = "windows") {
        Some(variable("APPDATA")?.join("Callfloor"))
    } else if cfg!(target_os = "macos") {
        Some(variable("HOME")?.join("Library/Application Support/Callfloor"))
    } else {
        let config = variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")))?;
        Some(config.join("callfloor"))
    }
}

impl Settings {
    /// Reads the file; defaults when there is none or it cannot be read (it is only convenience).
    pub fn load(path: &Path) -> Settings {
        match std::fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!(path = %path.display(), %error, "settings unreadable, using defaults");
                Settings::default()
            }),
            Err(_) => Settings::default(),
        }
    }

    /// Replaces the file in one step.
    pub fn save(&self, path: &Path) -> Result<(), SettingsError> {
        let failed = |source| SettingsError::Write { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let next = path.with_extension("json.new");
        let mut file = std::fs::File::create(&next).map_err(failed)?;
        serde_json::to_writer_pretty(&mut file, self).map_err(|error| failed(error.into()))?;
        file.write_all(b"\n").and_then(|()| file.sync_all()).map_err(failed)?;
        drop(file);
        std::fs::rename(&next, path).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_a_restart_and_a_damaged_file() {
        let folder = std::env::temp_dir().join(format!("callfloor-settings-{}", std::process::id()));
        let path = folder.join("deep").join("agent.json");
        let settings = Settings {
            service: "http://10.0.0.2:8080".into(),
            user: "anna".into(),
            theme: Mode::Light,
            devices: DeviceChoice { input: Some("Headset".into()), ..DeviceChoice::default() },
            ring_silently: true,
        };
        settings.save(&path).expect("saved");
        settings.save(&path).expect("replaced");
        assert_eq!(Settings::load(&path), settings);
        std::fs::write(&path, "{\"service\":").expect("written");
        assert_eq!(Settings::load(&path), Settings::default());
        std::fs::remove_dir_all(&folder).expect("removed");
    }

    #[test]
    fn an_unwritable_folder_is_named() {
        let error =
            Settings::default().save(Path::new("/dev/null/callfloor/agent.json")).expect_err("no folder");
        assert_eq!(error.to_string(), "write the settings to /dev/null/callfloor/agent.json");
    }
}
