//! The columns of each table, and what their cells mean in the configuration.
//!
//! A column that is left out changes nothing; an empty cell takes the key back to its default. Several things in one
//! cell stand with `|` between them; ids also with spaces, commas or semicolons. Skills are `english=5 | german=2`.

use serde_json::{Map, Value, json};
use shared::api::import::Table;

use crate::config::{Agent, Config, Queue, Skill};

/// What a cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number { most: u32 },
    YesNo,
    Ids,
    Skills,
    Lines,
    Hash,
    NewPassword,
}

type Column = (&'static str, Kind);

const ANY: Kind = Kind::Number { most: u32::MAX };

const AGENTS: [Column; 11] = [
    ("id", Kind::Text),
    ("name", Kind::Text),
    ("queues", Kind::Ids),
    ("skills", Kind::Skills),
    ("contact", Kind::Text),
    ("ready_on_start", Kind::YesNo),
    ("on_demand", Kind::YesNo),
    ("caller_id", Kind::Text),
    ("password_hash", Kind::Hash),
    ("new_password", Kind::NewPassword),
    ("password", Kind::NewPassword),
];

const QUEUES: [Column; 19] = [
    ("id", Kind::Text),
    ("name", Kind::Text),
    ("numbers", Kind::Lines),
    ("priority_secs", ANY),
    ("skills", Kind::Skills),
    ("ring_secs", ANY),
    ("wrap_up_secs", ANY),
    ("target_secs", ANY),
    ("target_percent", Kind::Number { most: 255 }),
    ("short_abandon_secs", ANY),
    ("max_waiting", ANY),
    ("max_wait_secs", ANY),
    ("hours", Kind::Lines),
    ("time_zone", Kind::Text),
    ("greeting", Kind::Text),
    ("music", Kind::Text),
    ("announcement", Kind::Text),
    ("announcement_every_secs", ANY),
    ("record", Kind::YesNo),
];

const SKILLS: [Column; 2] = [("id", Kind::Text), ("name", Kind::Text)];

fn columns(table: Table) -> &'static [Column] {
    match table {
        Table::Agents => &AGENTS,
        Table::Queues => &QUEUES,
        Table::Skills => &SKILLS,
    }
}

/// The names of the columns.
pub(super) fn names(table: Table) -> Vec<&'static str> {
    columns(table).iter().map(|(name, _)| *name).collect()
}

/// What a line says.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Keys of the configuration; null for the default.
    pub(super) keys: Map<String, Value>,
    /// The agent is to get a first password.
    pub(super) new_password: bool,
}

/// Reads the cells of a line.
///
/// # Errors
/// Every fault, one sentence each.
pub(super) fn read<'a>(
    table: Table,
    cells: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<Said, Vec<String>> {
    let mut said = Said::default();
    let mut faults = Vec::new();
    for (name, cell) in cells {
        let Some((_, kind)) = columns(table).iter().find(|(known, _)| *known == name) else { continue };
        if name == "id" {
            continue;
        }
        match (kind, cell) {
            (Kind::NewPassword, _) if name == "password" => {
                if !cell.is_empty() {
                    faults.push(
                        "a password stands in no table: put yes into new_password, or a hash into password_hash"
                            .into(),
                    );
                }
            }
            (Kind::NewPassword, cell) => match yes_no(cell) {
                _ if cell.is_empty() => {}
                Some(yes) => said.new_password = yes,
                None => faults.push(format!("{name} is {cell:?}, allowed: yes, no")),
            },
            // Nothing said is nothing changed: nobody loses a password by an empty cell.
            (Kind::Hash, "") => {}
            (Kind::Hash, hash) if hash.starts_with("$argon2id$") => {
                said.keys.insert("password".into(), hash.into());
            }
            (Kind::Hash, _) => {
                faults.push("password_hash is no hash made by queue-service hash-password".into());
            }
            (_, "") if name == "name" => faults.push("the name is empty".into()),
            (_, "") => {
                said.keys.insert(name.into(), Value::Null);
            }
            (kind, cell) => match value(*kind, cell) {
                Ok(value) => {
                    said.keys.insert(name.into(), value);
                }
                Err(why) => faults.push(format!("{name} {why}")),
            },
        }
    }
    if faults.is_empty() { Ok(said) } else { Err(faults) }
}

fn value(kind: Kind, cell: &str) -> Result<Value, String> {
    let separated = |separators: &[char]| -> Vec<String> {
        cell.split(|c: char| separators.contains(&c) || (separators.len() > 1 && c.is_whitespace()))
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    };
    match kind {
        Kind::Text | Kind::Hash | Kind::NewPassword => Ok(cell.into()),
        Kind::Number { most } => match cell.parse::<u32>() {
            Ok(number) if number <= most => Ok(number.into()),
            _ => Err(format!("is {cell:?}, allowed: a whole number from 0 to {most}")),
        },
        Kind::YesNo => yes_no(cell).map(Value::Bool).ok_or(format!("is {cell:?}, allowed: yes, no")),
        Kind::Ids => Ok(separated(&['|', ',', ';']).into()),
        Kind::Lines => Ok(separated(&['|']).into()),
        Kind::Skills => {
            let mut skills = Map::new();
            for part in separated(&['|', ',', ';']) {
                let (skill, level) = part.split_once(['=', ':']).unwrap_or((&part, "1"));
                let level: u8 =
                    level.parse().map_err(|_| format!("have {part:?}, allowed: skill=level with 1 to 5"))?;
                let id: Result<shared::id::SkillId, _> = skill.parse();
                let id = id.map_err(|error| format!("have a wrong one: {error}"))?;
                if skills.insert(id.to_string(), level.into()).is_some() {
                    return Err(format!("have {id} twice"));
                }
            }
            Ok(Value::Object(skills))
        }
    }
}

fn yes_no(cell: &str) -> Option<bool> {
    match cell.to_ascii_lowercase().as_str() {
        "yes" | "true" | "1" | "y" => Some(true),
        "no" | "false" | "0" | "n" => Some(false),
        _ => None,
    }
}

/// The columns of an export: without those of passwords.
pub(super) fn exported(table: Table) -> Vec<&'static str> {
    let secret = |kind: &Kind| matches!(kind, Kind::Hash | Kind::NewPassword);
    columns(table).iter().filter(|(_, kind)| !secret(kind)).map(|(name, _)| *name).collect()
}

/// The lines of an export.
pub(super) fn lines(config: &Config, table: Table) -> Vec<Vec<String>> {
    let row = |object: Value| -> Vec<String> {
        exported(table).iter().map(|name| printed(object.get(name).unwrap_or(&Value::Null))).collect()
    };
    match table {
        Table::Agents => config.agents.iter().map(|agent| row(agent_cells(agent))).collect(),
        Table::Queues => config.queues.iter().map(|queue| row(queue_cells(queue))).collect(),
        Table::Skills => {
            config.skills.iter().map(|Skill { id, name }| row(json!({ "id": id, "name": name }))).collect()
        }
    }
}

fn agent_cells(agent: &Agent) -> Value {
    json!({
        "id": agent.id, "name": agent.name, "queues": agent.queues, "skills": agent.skills,
        "contact": agent.contact, "ready_on_start": agent.ready_on_start, "on_demand": agent.on_demand,
        "caller_id": agent.caller_id,
    })
}

fn queue_cells(queue: &Queue) -> Value {
    json!({
        "id": queue.id, "name": queue.name, "numbers": queue.numbers, "priority_secs": queue.priority_secs,
        "skills": queue.skills, "ring_secs": queue.ring_secs, "wrap_up_secs": queue.wrap_up_secs,
        "target_secs": queue.target_secs, "target_percent": queue.target_percent,
        "short_abandon_secs": queue.short_abandon_secs, "max_waiting": queue.max_waiting,
        "max_wait_secs": queue.max_wait_secs, "hours": queue.hours, "time_zone": queue.time_zone,
        "greeting": queue.greeting, "music": queue.music, "announcement": queue.announcement,
        "announcement_every_secs": queue.announcement_every_secs, "record": queue.record,
    })
}

fn printed(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.into(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(printed).collect::<Vec<_>>().join(" | "),
        Value::Object(object) => {
            let pairs = object.iter().map(|(key, value)| format!("{key}={}", printed(value)));
            pairs.collect::<Vec<_>>().join(" | ")
        }
    }
}
