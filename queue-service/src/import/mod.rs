//! Agents, queues and skills as tables: each line makes or changes an entry of the configuration, and is answered for.
//!
//! All lines are taken or none, unless the good ones are asked for. The whole configuration that would come of it is
//! checked as a file is at a start; a fault in an entry is a fault of the line that it came from.

mod column;
pub mod sheet;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use rand::Rng;
use shared::api::import::{ImportLine, ImportReport, LineResult, Table};

use crate::auth;
use crate::config::edit::{Draft, EditError};
use crate::config::{Config, ConfigError, Fault};
use sheet::{Row, SheetError};

/// First passwords in one table at most: each takes some 50 ms to hash.
const MOST_PASSWORDS: usize = 500;

/// Why a table is not taken at all.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It cannot be read.
    #[error(transparent)]
    Sheet(#[from] SheetError),
    /// The configuration cannot be edited.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The configuration would be wrong elsewhere.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Elsewhere(Vec<Fault>),
    /// Too many first passwords.
    #[error("make first passwords: {0} are too many for one table, at most {MOST_PASSWORDS}")]
    TooManyPasswords(usize),
    /// A password could not be hashed.
    #[error("make first passwords: {0}")]
    Password(#[from] auth::HashError),
}

/// What comes of a table: the text of the configuration (as it was, when nothing is taken) and the report. `taken` says
/// that the text may be used; the report knows nothing of a dry run.
#[derive(Debug)]
pub struct Imported {
    /// The configuration.
    pub text: String,
    /// Line by line.
    pub report: ImportReport,
}

/// The list of the configuration, and what one of its entries is called.
pub fn list(table: Table) -> (&'static str, &'static str) {
    match table {
        Table::Agents => ("agents", "agent"),
        Table::Queues => ("queues", "queue"),
        Table::Skills => ("skills", "skill"),
    }
}

/// Brings a table into a configuration. `file` says where relative paths start.
///
/// # Errors
/// [`ImportError`]; wrong lines are in the report.
pub fn import(
    before: &str,
    file: &Path,
    table: Table,
    csv: &str,
    partial: bool,
) -> Result<Imported, ImportError> {
    let names = column::names(table);
    let rows = sheet::read(csv, Some(&names), &["id"])?;
    let mut lines = Lines::read(table, &rows);
    let wanted = lines.said.values().filter(|said| said.new_password).count();
    if wanted > MOST_PASSWORDS {
        return Err(ImportError::TooManyPasswords(wanted));
    }
    // The check tells all faults of an entry, but a text that is of no use for it only its first: so again without the
    // lines that are wrong, until nothing is. Each round takes one line at least.
    let text = loop {
        let (text, owners) = lines.applied(before, &rows)?;
        match Config::parse(&text, file) {
            Ok(_) => break text,
            Err(ConfigError::Wrong(faults)) => lines.blame(faults, &owners)?,
            Err(ConfigError::Read { .. }) => break text,
        }
    };
    let refused = lines.report.iter().any(|line| line.result == LineResult::Refused);
    let taken = partial || !refused;
    let text = if taken { lines.with_passwords(text)? } else { before.to_owned() };
    let count = |result| lines.report.iter().filter(|line| line.result == result).count();
    let report = ImportReport {
        taken,
        created: count(LineResult::Created),
        changed: count(LineResult::Changed),
        unchanged: count(LineResult::Unchanged),
        refused: count(LineResult::Refused),
        lines: lines.report,
        configuration: None,
    };
    Ok(Imported { text, report })
}

/// A table of the configuration as CSV. Passwords are not in it.
pub fn export(config: &Config, table: Table) -> String {
    sheet::write(&column::exported(table), column::lines(config, table).into_iter())
}

/// A line in words: `line 7: agent 214: unknown skill spanisch, did you mean spanish?`
pub fn words(line: &ImportLine) -> String {
    let what = match line.result {
        LineResult::Created => "created".into(),
        LineResult::Changed => "changed".into(),
        LineResult::Unchanged => "unchanged".into(),
        LineResult::Refused => line.problems.join("; "),
    };
    let password =
        line.first_password.as_ref().map(|text| format!(", first password {text}")).unwrap_or_default();
    format!("line {}: {}: {what}{password}", line.line, line.entry)
}

struct Lines {
    table: Table,
    report: Vec<ImportLine>,
    /// What the good lines say, by their place in the table.
    said: BTreeMap<usize, column::Said>,
}

impl Lines {
    fn read(table: Table, rows: &[Row]) -> Lines {
        let mut lines = Lines { table, report: Vec::with_capacity(rows.len()), said: BTreeMap::new() };
        let mut first: HashMap<&str, u64> = HashMap::new();
        for (place, row) in rows.iter().enumerate() {
            let id = row.cell("id");
            let mut problems = Vec::new();
            if let Err(error) = id.parse::<shared::id::UserId>() {
                problems.push(error.to_string());
            } else if let Some(line) = first.insert(id, row.line) {
                problems.push(format!("it is in line {line} already"));
            }
            if row.too_long {
                problems.push("there are more cells than columns".into());
            }
            let cells = row.cells.iter().map(|(name, cell)| (name.as_str(), cell.as_str()));
            match column::read(table, cells) {
                Ok(said) if problems.is_empty() => {
                    lines.said.insert(place, said);
                }
                Ok(_) => {}
                Err(faults) => problems.extend(faults),
            }
            lines.report.push(ImportLine {
                line: row.line,
                entry: format!("{} {id}", list(table).1),
                result: if problems.is_empty() { LineResult::Unchanged } else { LineResult::Refused },
                problems,
                first_password: None,
            });
        }
        lines
    }

    /// The text with all good lines, and which place in the table each entry of the list came from.
    fn applied(
        &mut self,
        before: &str,
        rows: &[Row],
    ) -> Result<(String, HashMap<usize, usize>), ImportError> {
        let (list, _) = list(self.table);
        let mut draft = Draft::new(before)?;
        let mut owners = HashMap::new();
        for (place, said) in &self.said {
            let Some(row) = rows.get(*place) else { continue };
            let edit = draft.merge(list, row.cell("id"), &said.keys)?;
            owners.insert(edit.index, *place);
            if let Some(line) = self.report.get_mut(*place) {
                line.result = match (edit.created, edit.changed || said.new_password) {
                    (true, _) => LineResult::Created,
                    (false, true) => LineResult::Changed,
                    (false, false) => LineResult::Unchanged,
                };
            }
        }
        Ok((draft.text(), owners))
    }

    /// Gives each fault to the line that its entry came from.
    fn blame(&mut self, faults: Vec<Fault>, owners: &HashMap<usize, usize>) -> Result<(), ImportError> {
        let (list, _) = list(self.table);
        let mut elsewhere = Vec::new();
        for fault in faults {
            let place = fault.key.strip_prefix(list).and_then(|rest| rest.strip_prefix('['));
            let index = place.and_then(|rest| rest.split_once(']')).and_then(|(index, _)| index.parse().ok());
            let owner = index.and_then(|index: usize| owners.get(&index));
            match owner.and_then(|place| Some((place, self.report.get_mut(*place)?))) {
                Some((place, line)) => {
                    self.said.remove(place);
                    line.result = LineResult::Refused;
                    line.problems.push(fault.problem);
                }
                None => elsewhere.push(fault),
            }
        }
        // Without the wrong lines it may be right elsewhere.
        let nobody = self.said.is_empty() || owners.len() == self.said.len();
        if nobody && !elsewhere.is_empty() { Err(ImportError::Elsewhere(elsewhere)) } else { Ok(()) }
    }

    /// Makes the first passwords: hashes into the text, the passwords themselves into the report.
    fn with_passwords(&mut self, text: String) -> Result<String, ImportError> {
        let wanted: Vec<usize> =
            self.said.iter().filter(|(_, said)| said.new_password).map(|(place, _)| *place).collect();
        if wanted.is_empty() {
            return Ok(text);
        }
        let (list, word) = list(self.table);
        let mut draft = Draft::new(&text)?;
        for place in wanted {
            let Some(line) = self.report.get_mut(place) else { continue };
            let password = first_password();
            let keys = [("password".to_owned(), auth::hash(&password)?.into())].into_iter().collect();
            let id = line.entry.strip_prefix(word).unwrap_or_default().trim();
            draft.merge(list, id, &keys)?;
            line.first_password = Some(password);
        }
        Ok(draft.text())
    }
}

/// 80 random bits in letters that are not mistaken for one another.
fn first_password() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut random = [0_u8; 16];
    rand::rng().fill_bytes(&mut random);
    let letter = |byte: &u8| char::from(LETTERS.get(usize::from(byte & 31)).copied().unwrap_or(b'a'));
    random.iter().map(letter).collect()
}
