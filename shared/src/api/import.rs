//! Tables: what became of each line.

use serde::{Deserialize, Serialize};

use super::configuration::ConfigurationChange;

/// A table that can be brought in and out as CSV.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Table {
    /// Agents.
    Agents,
    /// Queues.
    Queues,
    /// Skills.
    Skills,
}

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum LineResult {
    /// A new entry.
    Created,
    /// The entry was there and has changed.
    Changed,
    /// The entry was there, just so.
    Unchanged,
    /// The line is wrong.
    Refused,
}

/// A line of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportLine {
    /// Its number in the file, from 1; the header counts.
    pub line: u64,
    /// The entry, such as `agent 214`.
    pub entry: String,
    /// What became of it.
    pub result: LineResult,
    /// Why it was refused, one sentence each.
    pub problems: Vec<String>,
    /// The first password of an agent who was to get one. It is shown here only.
    pub first_password: Option<String>,
}

/// What became of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportReport {
    /// The good lines were taken. False when one was refused and all or nothing was asked for, and in a dry run.
    pub taken: bool,
    /// New entries.
    pub created: usize,
    /// Changed entries.
    pub changed: usize,
    /// Entries that were just so.
    pub unchanged: usize,
    /// Wrong lines.
    pub refused: usize,
    /// Each line in order.
    pub lines: Vec<ImportLine>,
    /// The version that came of it; none when nothing was changed.
    pub configuration: Option<ConfigurationChange>,
}

/// How a table is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImportQuery {
    /// Only say what would come of it.
    pub dry_run: bool,
    /// Take the good lines even when others are wrong.
    pub partial: bool,
}
