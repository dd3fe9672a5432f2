//! What is to be different: a TOML file with the keys of the configuration that change.
//!
//! ```toml
//! [acd]
//! reject_cool_down_secs = 30
//!
//! [[queues]]              # a queue of the day: what is given here is different, all else stays
//! id = "sales"
//! hours = ["Mon-Fri 08:00-20:00"]
//! routing = { choice = "fewest_calls" }
//!
//! [[agents]]              # one who was not there that day is added; `shift` are his times, the whole day without them
//! id = "207"
//! queues = ["sales"]
//! shift = "08:00-12:00,13:00-17:00"
//!
//! [[agents]]
//! id = "203"
//! remove = true
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use shared::id::{AgentId, QueueId};
use shared::model::agent::AgentInfo;
use shared::model::queue::QueueInfo;

use crate::acd::AcdConfig;
use crate::acd::hours::Hours;
use crate::config;

/// Why a change cannot be made. Says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// Not TOML, or a key of another type.
    #[error("read the change: {0}")]
    Toml(#[from] toml::de::Error),
    /// A section that is not `acd`, `queues` or `agents`.
    #[error("read the change: there is no section {0}; it may have [acd], [[queues]] and [[agents]]")]
    Section(String),
    /// An entry without an id.
    #[error("read the change: an entry of {0} has no id; write which one changes")]
    NoId(&'static str),
    /// A key or value that the configuration does not have.
    #[error("read the change of {what}: {reason}")]
    Key {
        /// Which queue or agent.
        what: String,
        /// What is wrong.
        reason: String,
    },
    /// An agent of a queue that is not there.
    #[error("change agent {agent}: there is no queue {queue}; use one of the day's, or add it")]
    NoQueue {
        /// The agent.
        agent: AgentId,
        /// The queue.
        queue: QueueId,
    },
    /// Something is removed that is not there.
    #[error("remove {0}: the day does not have it")]
    NotThere(String),
}

/// Changes to a configuration.
#[derive(Debug, Default)]
pub struct Change {
    acd: toml::Table,
    queues: Vec<(QueueId, Patch)>,
    agents: Vec<(AgentId, Patch)>,
    shifts: BTreeMap<AgentId, Vec<String>>,
}

#[derive(Debug)]
enum Patch {
    Remove,
    Set(Map<String, Value>),
}

impl Change {
    /// Reads a change.
    ///
    /// # Errors
    /// [`ChangeError`]: what cannot be read, key by key.
    pub fn parse(text: &str) -> Result<Change, ChangeError> {
        let table: toml::Table = toml::from_str(text)?;
        let mut change = Change::default();
        for (section, value) in table {
            match (section.as_str(), value) {
                ("acd", toml::Value::Table(table)) => {
                    config::Acd::deserialize(toml::Value::Table(table.clone())).map_err(|error| {
                        ChangeError::Key { what: "[acd]".into(), reason: error.to_string() }
                    })?;
                    change.acd = table;
                }
                ("queues", toml::Value::Array(entries)) => {
                    for entry in entries {
                        let (id, patch) = read_entry::<config::Queue>("queues", entry)?;
                        let id = id.parse().map_err(|_| ChangeError::NoId("queues"))?;
                        change.queues.push((id, patch));
                    }
                }
                ("agents", toml::Value::Array(entries)) => {
                    for mut entry in entries {
                        let shift = entry.as_table_mut().and_then(|table| table.remove("shift"));
                        let (id, patch) = read_entry::<config::Agent>("agents", entry)?;
                        let id: AgentId = id.parse().map_err(|_| ChangeError::NoId("agents"))?;
                        if let Some(shift) = shift {
                            change.shifts.insert(id.clone(), read_shift(&id, &shift)?);
                        }
                        change.agents.push((id, patch));
                    }
                }
                (other, _) => return Err(ChangeError::Section(other.into())),
            }
        }
        Ok(change)
    }

    /// Times that hold for every queue, as they would be.
    ///
    /// # Errors
    /// A value that cannot be.
    pub fn acd(&self, before: AcdConfig) -> Result<AcdConfig, ChangeError> {
        patched(&before, "[acd]", &json(&self.acd))
    }

    /// Queues and agents as they would be.
    ///
    /// # Errors
    /// What does not fit together.
    pub fn apply(
        &self,
        queues: Vec<QueueInfo>,
        agents: Vec<AgentInfo>,
    ) -> Result<(Vec<QueueInfo>, Vec<AgentInfo>), ChangeError> {
        let mut queues: BTreeMap<QueueId, QueueInfo> =
            queues.into_iter().map(|info| (info.id.clone(), info)).collect();
        let mut agents: BTreeMap<AgentId, AgentInfo> =
            agents.into_iter().map(|info| (info.id.clone(), info)).collect();
        let zone = queues.values().next().map_or_else(|| "UTC".into(), |info| info.time_zone.clone());
        for (id, patch) in &self.queues {
            let what = format!("queue {id}");
            match patch {
                Patch::Remove => {
                    queues.remove(id).ok_or(ChangeError::NotThere(what))?;
                }
                Patch::Set(keys) => {
                    let info = match queues.get(id) {
                        Some(known) => patched(known, &what, keys)?,
                        None => patched(&new_queue(id, &zone, &what)?, &what, keys)?,
                    };
                    Hours::parse(&info.hours, &info.waiting.holidays, &info.time_zone)
                        .map_err(|error| ChangeError::Key { what, reason: error.to_string() })?;
                    queues.insert(id.clone(), info);
                }
            }
        }
        for (id, patch) in &self.agents {
            let what = format!("agent {id}");
            match patch {
                Patch::Remove => {
                    agents.remove(id).ok_or(ChangeError::NotThere(what))?;
                }
                Patch::Set(keys) => {
                    let added = !agents.contains_key(id);
                    let mut info = match agents.get(id) {
                        Some(known) => patched(known, &what, keys)?,
                        None => patched(&new_agent(id, &what)?, &what, keys)?,
                    };
                    if added && info.contact.is_none() {
                        info.contact = Some(format!("sip:{id}@added"));
                    }
                    agents.insert(id.clone(), info);
                }
            }
        }
        for (agent, info) in &agents {
            let changed = self.agents.iter().any(|(id, _)| id == agent);
            if let Some(queue) = info.queues.iter().find(|queue| changed && !queues.contains_key(*queue)) {
                return Err(ChangeError::NoQueue { agent: agent.clone(), queue: queue.clone() });
            }
        }
        Ok((queues.into_values().collect(), agents.into_values().collect()))
    }

    /// Agents whose times are given, with those times as lines of opening hours.
    pub fn shifts(&self) -> &BTreeMap<AgentId, Vec<String>> {
        &self.shifts
    }

    /// Agents of whom something is given.
    pub fn agents(&self) -> impl Iterator<Item = &AgentId> {
        self.agents.iter().filter(|(_, patch)| matches!(patch, Patch::Set(_))).map(|(id, _)| id)
    }
}

fn read_entry<T: serde::de::DeserializeOwned>(
    list: &'static str,
    entry: toml::Value,
) -> Result<(String, Patch), ChangeError> {
    let toml::Value::Table(mut table) = entry else { return Err(ChangeError::NoId(list)) };
    let Some(toml::Value::String(id)) = table.remove("id") else { return Err(ChangeError::NoId(list)) };
    let wrong =
        |reason: String| ChangeError::Key { what: format!("{} {id}", &list[..list.len() - 1]), reason };
    if let Some(remove) = table.remove("remove") {
        if remove == toml::Value::Boolean(true) && table.is_empty() {
            return Ok((id, Patch::Remove));
        }
        return Err(wrong("remove = true stands alone with the id".into()));
    }
    // The configuration's own reader knows the keys and their types.
    let mut whole = table.clone();
    whole.insert("id".into(), toml::Value::String(id.clone()));
    whole.entry("name").or_insert_with(|| toml::Value::String(id.clone()));
    T::deserialize(toml::Value::Table(whole)).map_err(|error| wrong(error.to_string()))?;
    Ok((id, Patch::Set(json(&table))))
}

fn read_shift(agent: &AgentId, shift: &toml::Value) -> Result<Vec<String>, ChangeError> {
    let wrong = |reason: String| ChangeError::Key { what: format!("agent {agent}"), reason };
    let text =
        shift.as_str().ok_or_else(|| wrong("shift is a text such as 08:00-12:00,13:00-17:00".into()))?;
    let line = vec![format!("Mon-Sun {text}")];
    Hours::parse(&line, &[], "UTC").map_err(|error| wrong(error.to_string()))?;
    Ok(line)
}

fn json(table: &toml::Table) -> Map<String, Value> {
    match serde_json::to_value(table) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// A structure with some of its keys set; what is a table in both is set key by key.
fn patched<T>(before: &T, what: &str, keys: &Map<String, Value>) -> Result<T, ChangeError>
where
    T: serde::Serialize + serde::de::DeserializeOwned,
{
    let wrong = |error: serde_json::Error| ChangeError::Key { what: what.into(), reason: error.to_string() };
    let mut value = serde_json::to_value(before).map_err(wrong)?;
    if let Value::Object(object) = &mut value {
        for (key, new) in keys {
            let new = match (key.as_str(), new, object.get(key)) {
                // The file has skills as a table of levels, a queue as a list of needs.
                ("skills", Value::Object(levels), Some(Value::Array(_))) => Value::Array(
                    levels
                        .iter()
                        .map(|(skill, level)| serde_json::json!({ "skill": skill, "level": level }))
                        .collect(),
                ),
                ("routing" | "waiting" | "wrap_up", Value::Object(new), Some(Value::Object(old))) => {
                    let mut all = old.clone();
                    all.extend(new.clone());
                    Value::Object(all)
                }
                _ => new.clone(),
            };
            object.insert(key.clone(), new);
        }
    }
    serde_json::from_value(value).map_err(wrong)
}

/// What is not given has the value that it has in a configuration without it.
fn new_entry(list: &str, id: &str, what: &str) -> Result<config::Config, ChangeError> {
    let text = format!("[[{list}]]\nid = \"{id}\"\nname = \"{id}\"");
    config::Config::parse(&text, std::path::Path::new("change.toml"))
        .map_err(|error| ChangeError::Key { what: what.into(), reason: error.to_string() })
}

fn new_agent(id: &AgentId, what: &str) -> Result<AgentInfo, ChangeError> {
    let found = new_entry("agents", id.as_str(), what)?.agents().pop();
    found.ok_or_else(|| ChangeError::NotThere(what.into()))
}

fn new_queue(id: &QueueId, zone: &str, what: &str) -> Result<QueueInfo, ChangeError> {
    let found = new_entry("queues", id.as_str(), what)?.queues().pop();
    let info = found.ok_or_else(|| ChangeError::NotThere(what.into()))?;
    Ok(QueueInfo { time_zone: zone.to_owned(), ..info })
}
