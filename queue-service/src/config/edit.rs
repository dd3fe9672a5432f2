//! Changes one entry in the text of a configuration; the operator's comments, layout and order stay.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::{Fault, secret};

/// Why a text cannot be edited.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// It is no TOML.
    #[error("read the configuration as TOML: {0}")]
    Syntax(#[from] toml_edit::TomlError),
    /// It has marks of secrets that are not there.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Faults(Vec<Fault>),
    /// There is no such entry.
    #[error("find {id} in [[{list}]]")]
    Missing {
        /// The list.
        list: String,
        /// The entry.
        id: String,
    },
    /// The list is something else.
    #[error("read {0} as a list of tables")]
    NoList(String),
    /// A value that TOML does not have.
    #[error("write {key}: TOML has no such number or value")]
    Value {
        /// The key.
        key: String,
    },
}

/// Every entry of a list, written as `[[list]]` or as `list = [{…}]`.
pub(super) fn entries_mut<'a>(
    document: &'a mut DocumentMut,
    list: &str,
) -> Box<dyn Iterator<Item = &'a mut dyn TableLike> + 'a> {
    match document.get_mut(list) {
        Some(Item::ArrayOfTables(tables)) => {
            Box::new(tables.iter_mut().map(|table| table as &mut dyn TableLike))
        }
        Some(Item::Value(Value::Array(array))) => Box::new(
            array.iter_mut().filter_map(Value::as_inline_table_mut).map(|table| table as &mut dyn TableLike),
        ),
        _ => Box::new(std::iter::empty()),
    }
}

/// A text that is being edited, entry by entry.
#[derive(Debug)]
pub struct Draft {
    document: DocumentMut,
    /// Places of the entries of a list by their id; made when it is first asked for, because a table may have ten
    /// thousand lines.
    places: HashMap<String, HashMap<String, usize>>,
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edited {
    /// Its place in its list, from 0.
    pub index: usize,
    /// It is new.
    pub created: bool,
    /// A key has another value, came or went.
    pub changed: bool,
}

impl Draft {
    /// Of a text.
    ///
    /// # Errors
    /// [`EditError::Syntax`].
    pub fn new(text: &str) -> Result<Draft, EditError> {
        Ok(Draft { document: text.parse()?, places: HashMap::new() })
    }

    /// The text as it stands.
    pub fn text(&self) -> String {
        self.document.to_string()
    }

    /// Puts an entry: one that is there gets exactly these keys, a new one comes last. Keys whose value stays are not
    /// touched. A secret that is left out stays; null takes a key away.
    ///
    /// # Errors
    /// [`EditError::NoList`], [`EditError::Value`]; nothing is changed then.
    pub fn put(&mut self, list: &str, id: &str, object: &Map<String, Json>) -> Result<Edited, EditError> {
        let mut keys = vec![("id".to_owned(), Value::from(id))];
        for (key, value) in object.iter().filter(|(key, value)| *key != "id" && !value.is_null()) {
            let value = to_toml(value).ok_or_else(|| EditError::Value { key: key.clone() })?;
            keys.push((key.clone(), value));
        }
        if let Some(index) = self.place(list, id) {
            let mut changed = false;
            if let Some(entry) = entry(&mut self.document, list, index) {
                let gone: Vec<String> = entry
                    .iter()
                    .map(|(key, _)| key.to_owned())
                    .filter(|key| match object.get(key) {
                        Some(value) => value.is_null(),
                        None => key != "id" && !secret::is_secret(list, key),
                    })
                    .collect();
                changed = !gone.is_empty();
                for key in gone {
                    entry.remove(&key);
                }
                for (key, value) in keys {
                    changed |= set(entry, &key, value);
                }
            }
            return Ok(Edited { index, created: false, changed });
        }
        let index = match self.document.get_mut(list) {
            Some(Item::Value(Value::Array(array))) => {
                array.push(keys.into_iter().collect::<InlineTable>());
                array.len() - 1
            }
            Some(Item::ArrayOfTables(tables)) => {
                tables.push(new_table(keys));
                tables.len() - 1
            }
            None => {
                let mut tables = ArrayOfTables::new();
                tables.push(new_table(keys));
                self.document.insert(list, Item::ArrayOfTables(tables));
                0
            }
            Some(_) => return Err(EditError::NoList(list.into())),
        };
        self.places.entry(list.to_owned()).or_default().insert(id.to_owned(), index);
        Ok(Edited { index, created: true, changed: true })
    }

    /// Sets some keys of an entry, and leaves its others as they are; null takes a key away. A new entry comes last.
    ///
    /// # Errors
    /// As [`Draft::put`].
    pub fn merge(&mut self, list: &str, id: &str, object: &Map<String, Json>) -> Result<Edited, EditError> {
        let Some(index) = self.place(list, id) else { return self.put(list, id, object) };
        let mut changed = false;
        if let Some(entry) = entry(&mut self.document, list, index) {
            let mut keys = Vec::new();
            for (key, value) in object.iter().filter(|(key, _)| *key != "id") {
                let value = if value.is_null() {
                    None
                } else {
                    Some(to_toml(value).ok_or_else(|| EditError::Value { key: key.clone() })?)
                };
                keys.push((key, value));
            }
            for (key, value) in keys {
                changed |= match value {
                    Some(value) => set(entry, key, value),
                    None => entry.remove(key).is_some(),
                };
            }
        }
        Ok(Edited { index, created: false, changed })
    }

    fn place(&mut self, list: &str, id: &str) -> Option<usize> {
        if !self.places.contains_key(list) {
            let mut places = HashMap::new();
            for (index, entry) in entries_mut(&mut self.document, list).enumerate() {
                if let Some(id) = entry.get("id").and_then(Item::as_str) {
                    places.entry(id.to_owned()).or_insert(index);
                }
            }
            self.places.insert(list.to_owned(), places);
        }
        self.places.get(list)?.get(id).copied()
    }

    /// Takes an entry away, with the comment above it.
    ///
    /// # Errors
    /// [`EditError::Missing`].
    pub fn remove(&mut self, list: &str, id: &str) -> Result<(), EditError> {
        let is_it = |entry: &dyn TableLike| entry.get("id").and_then(Item::as_str) == Some(id);
        let missing = || EditError::Missing { list: list.into(), id: id.into() };
        self.places.remove(list);
        match self.document.get_mut(list) {
            Some(Item::ArrayOfTables(tables)) => {
                let index = tables.iter().position(|table| is_it(table)).ok_or_else(missing)?;
                tables.remove(index);
            }
            Some(Item::Value(Value::Array(array))) => {
                let is_it = |value: &Value| value.as_inline_table().is_some_and(|table| is_it(table));
                let index = array.iter().position(is_it).ok_or_else(missing)?;
                array.remove(index);
            }
            _ => return Err(missing()),
        }
        Ok(())
    }
}

fn entry<'a>(document: &'a mut DocumentMut, list: &str, index: usize) -> Option<&'a mut dyn TableLike> {
    match document.get_mut(list)? {
        Item::ArrayOfTables(tables) => tables.get_mut(index).map(|table| table as &mut dyn TableLike),
        Item::Value(Value::Array(array)) => {
            array.get_mut(index)?.as_inline_table_mut().map(|table| table as &mut dyn TableLike)
        }
        _ => None,
    }
}

fn new_table(keys: Vec<(String, Value)>) -> Table {
    let mut table = Table::new();
    for (key, value) in keys {
        table.insert(&key, Item::Value(value));
    }
    table.decor_mut().set_prefix("\n");
    table
}

/// Sets a key; says whether it had another value.
fn set(entry: &mut dyn TableLike, key: &str, mut value: Value) -> bool {
    if entry.get(key).is_some_and(|known| plain(known) == plain(&Item::Value(value.clone()))) {
        return false;
    }
    match entry.get_mut(key) {
        Some(Item::Value(known)) => {
            *value.decor_mut() = known.decor().clone();
            *known = value;
        }
        _ => {
            entry.remove(key);
            entry.insert(key, Item::Value(value));
        }
    }
    true
}

/// The value without its layout.
fn plain(item: &Item) -> Option<toml::Value> {
    let mut document = DocumentMut::new();
    document.insert("value", item.clone());
    document.to_string().parse::<toml::Table>().ok()?.remove("value")
}

fn to_toml(value: &Json) -> Option<Value> {
    Some(match value {
        Json::Null => return None,
        Json::Bool(value) => Value::from(*value),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::from(number),
            None => Value::from(number.as_f64().filter(|_| !number.is_u64())?),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(list) => Value::Array(list.iter().map(to_toml).collect::<Option<Array>>()?),
        Json::Object(object) => {
            let keys = object.iter().filter(|(_, value)| !value.is_null());
            let keys: Option<Vec<_>> =
                keys.map(|(key, value)| Some((key.as_str(), to_toml(value)?))).collect();
            Value::InlineTable(keys?.into_iter().collect())
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TEXT: &str = "# The floor of Berlin.\n\n# Sales first.\n[[queues]]\nid = \"sales\"\nname = 'Sales' # as printed\n\
        ring_secs = 20 # never more\n[queues.wrap_up]\nmode = \"optional\"\n\n# Help.\n[[queues]]\nid = \"help\"\n\
        name = \"Help\"\n\n[[agents]]\nid = \"ada\"\nname = \"Ada\"\npassword = \"pw\"\n";

    fn put(text: &str, list: &str, id: &str, object: Json) -> String {
        let mut draft = Draft::new(text).expect("TOML");
        draft.put(list, id, object.as_object().expect("an object")).expect("put");
        draft.text()
    }

    #[test]
    fn only_what_changes_is_touched() {
        let same = json!({"name": "Sales", "ring_secs": 20, "wrap_up": {"mode": "optional"}});
        assert_eq!(put(TEXT, "queues", "sales", same), TEXT);
        let text = put(
            TEXT,
            "queues",
            "sales",
            json!({"name": "Sales", "ring_secs": 25, "wrap_up": {"mode": "optional"}}),
        );
        assert_eq!(text, TEXT.replace("ring_secs = 20 #", "ring_secs = 25 #"));
        let text = put(TEXT, "queues", "sales", json!({"name": "Sales", "wrap_up": {"mode": "time_boxed"}}));
        assert!(
            !text.contains("ring_secs") && text.contains("wrap_up = { mode = \"time_boxed\" }"),
            "{text}"
        );
        assert!(text.contains("# as printed") && text.contains("# Help."), "{text}");
        assert!(text.parse::<toml::Table>().is_ok(), "{text}");
    }

    #[test]
    fn entries_come_and_go() {
        let text = put(TEXT, "queues", "late", json!({"name": "Late", "skills": {"english": 2}}));
        let added = "\n[[queues]]\nid = \"late\"\nname = \"Late\"\nskills = { english = 2 }\n";
        assert!(text.contains(added), "{text}");
        assert!(text.find("late") < text.find("[[agents]]"), "after its kind: {text}");
        let mut draft = Draft::new(&text).expect("TOML");
        draft.remove("queues", "late").expect("there");
        assert_eq!(draft.text(), TEXT);
        assert!(matches!(draft.remove("queues", "late"), Err(EditError::Missing { .. })));
        assert_eq!(
            put("", "skills", "english", json!({"name": "E"})),
            "\n[[skills]]\nid = \"english\"\nname = \"E\"\n"
        );
        let inline = put("skills = [{ id = \"a\", name = \"A\" }]\n", "skills", "b", json!({"name": "B"}));
        assert!(inline.contains("{ id = \"b\", name = \"B\" }"), "{inline}");
    }

    #[test]
    fn a_secret_stays_until_it_is_taken_away() {
        let kept = put(TEXT, "agents", "ada", json!({"name": "Ada L."}));
        assert!(kept.contains("password = \"pw\"") && kept.contains("Ada L."), "{kept}");
        let gone = put(TEXT, "agents", "ada", json!({"name": "Ada", "password": null}));
        assert!(!gone.contains("password"), "{gone}");
    }
}
