//! From a key or a byte to line and column, so that every fault can be found in the file.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::check::{Found, Step};
use super::error::Fault;

/// The text with its keys' places.
pub(super) struct Places<'a> {
    text: &'a str,
    file: PathBuf,
    table: Spanned<DeTable<'a>>,
}

impl<'a> Places<'a> {
    pub(super) fn new(text: &'a str, path: &Path) -> Self {
        let (table, _) = DeTable::parse_recoverable(text);
        Places { text, file: path.to_owned(), table }
    }

    /// A fault that the TOML reader or a type found.
    pub(super) fn of_syntax(&self, error: &toml::de::Error) -> Fault {
        let span = error.span().unwrap_or(0..0);
        let (problem, allowed) = split_expected(error.message());
        let (line, column) = self.line_column(span.start);
        let mut key = String::new();
        find_key(self.table.get_ref(), &span, "", &mut key);
        Fault { file: self.file.clone(), line, column, key, problem, allowed }
    }

    /// A fault that the checks found, at its key or, for a key left out, at the nearest one around it.
    pub(super) fn of_fault(&self, found: Found) -> Fault {
        let mut span = 0..0;
        let mut value: Option<&Spanned<DeValue<'_>>> = None;
        for step in &found.path {
            let next = match (step, value) {
                (Step::Key(key), None) => self.table.get_ref().get(key.as_str()),
                (Step::Key(key), Some(value)) => {
                    value.get_ref().as_table().and_then(|table| table.get(key.as_str()))
                }
                (Step::Index(index), Some(value)) => {
                    value.get_ref().as_array().and_then(|array| array.get(*index))
                }
                (Step::Index(_), None) => None,
            };
            let Some(next) = next else { break };
            span = next.span();
            value = Some(next);
        }
        let (line, column) = self.line_column(span.start);
        Fault {
            file: self.file.clone(),
            line,
            column,
            key: print(&found.path),
            problem: found.problem,
            allowed: found.allowed,
        }
    }

    fn line_column(&self, byte: usize) -> (usize, usize) {
        let before = self.text.get(..byte).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }
}

/// The deepest key whose own span or value's span holds the place.
fn find_key(table: &DeTable<'_>, at: &Range<usize>, prefix: &str, found: &mut String) {
    for (key, value) in table.iter() {
        let name =
            if prefix.is_empty() { key.get_ref().to_string() } else { format!("{prefix}.{}", key.get_ref()) };
        if key.span() == *at || covers(&value.span(), at) {
            found.clone_from(&name);
        }
        descend(value, at, &name, found);
    }
}

fn descend(value: &Spanned<DeValue<'_>>, at: &Range<usize>, name: &str, found: &mut String) {
    match value.get_ref() {
        DeValue::Table(table) => find_key(table, at, name, found),
        DeValue::Array(array) => {
            for (index, item) in array.iter().enumerate() {
                let name = format!("{name}[{index}]");
                if covers(&item.span(), at) {
                    found.clone_from(&name);
                }
                descend(item, at, &name, found);
            }
        }
        _ => {}
    }
}

fn covers(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end && !inner.is_empty()
}

/// Takes "…, expected one of …" apart into what is wrong and what is allowed.
fn split_expected(message: &str) -> (String, String) {
    let message = message.trim();
    match message.split_once(", expected ") {
        Some((problem, allowed)) => (problem.into(), allowed.replace('`', "").trim().into()),
        None => {
            // What the standard library says of addresses names no way out.
            let allowed = if message.contains("socket address") {
                "an address with its port, such as 0.0.0.0:5060 or [::]:5060"
            } else if message.contains("IP address") {
                "an address such as 198.51.100.7"
            } else {
                ""
            };
            (message.replace('\n', " "), allowed.into())
        }
    }
}

fn print(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key);
            }
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}
