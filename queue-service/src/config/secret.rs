//! Secrets of the configuration: an export names them by a mark instead, and a text with marks gets them back.
//!
//! The mark is `$secret:` with the place of the secret: `$secret:agents.201.sip_password`, `$secret:store.url`. It may
//! stand for a secret of the same kind only, so that an agent who gets a new id keeps his password and no password
//! comes out by way of a key that is shown.

use std::collections::BTreeMap;
use std::path::Path;

use toml_edit::{DocumentMut, Item, TableLike, Value};

use super::Fault;
use super::edit::{EditError, entries_mut};

const MARK: &str = "$secret:";
/// Lists with the keys of their entries that are secret.
const IN_LISTS: [(&str, &[&str]); 3] = [
    ("agents", &["password", "sip_password"]),
    ("users", &["password", "sip_password"]),
    ("trunks", &["password"]),
];
/// Sections with a key that is secret: the address of the database may have a password in it.
const IN_SECTIONS: [(&str, &str); 1] = [("store", "url")];

/// Whether a text is a mark in place of a secret.
pub fn is_reference(text: &str) -> bool {
    text.starts_with(MARK)
}

/// Whether a key of an entry of this list, or of this section, is secret.
pub fn is_secret(section: &str, key: &str) -> bool {
    IN_LISTS.iter().any(|(list, keys)| *list == section && keys.contains(&key))
        || IN_SECTIONS.contains(&(section, key))
}

/// The text with a mark in place of each secret; comments and order stay.
///
/// # Errors
/// [`EditError::Syntax`] when it is no TOML.
pub fn left_out(text: &str) -> Result<String, EditError> {
    let mut document: DocumentMut = text.parse()?;
    each(&mut document, |place, _, value| set(value, &format!("{MARK}{place}")));
    Ok(document.to_string())
}

/// The text with the secrets of `before` in place of their marks.
///
/// # Errors
/// [`EditError::Syntax`]; a fault for each mark whose secret is not there.
pub fn put_back(text: &str, before: &str, file: &Path) -> Result<String, EditError> {
    let known = secrets(before)?;
    let mut document: DocumentMut = text.parse()?;
    let mut faults = Vec::new();
    let mut has_marks = false;
    each(&mut document, |place, kind, value| {
        let Some(wanted) = value.as_str().and_then(|text| text.strip_prefix(MARK)) else { return };
        has_marks = true;
        let same_kind = wanted.split_once('.').zip(wanted.rsplit_once('.'));
        let same_kind = same_kind.is_some_and(|((list, _), (_, key))| (list, key) == kind);
        match known.get(wanted).filter(|_| same_kind) {
            Some(secret) => set(value, secret),
            None => faults.push(missing(text, file, place, wanted)),
        }
    });
    match (faults.is_empty(), has_marks) {
        (true, true) => Ok(document.to_string()),
        // Byte for byte as it was given.
        (true, false) => Ok(text.to_owned()),
        (false, _) => Err(EditError::Faults(faults)),
    }
}

/// An earlier text with the secrets of now; where there is none now, with its own.
///
/// # Errors
/// [`EditError::Syntax`].
pub fn as_now(earlier: &str, now: &str) -> Result<String, EditError> {
    let known = secrets(now)?;
    let mut document: DocumentMut = earlier.parse()?;
    each(&mut document, |place, _, value| {
        if let Some(secret) = known.get(place).filter(|secret| value.as_str() != Some(secret.as_str())) {
            set(value, secret);
        }
    });
    Ok(document.to_string())
}

fn missing(text: &str, file: &Path, place: &str, wanted: &str) -> Fault {
    let at = text.find(&format!("{MARK}{wanted}")).unwrap_or(0);
    let before = text.get(..at).unwrap_or_default();
    Fault {
        file: file.to_owned(),
        line: before.matches('\n').count() + 1,
        column: before.rsplit('\n').next().unwrap_or_default().chars().count() + 1,
        key: place.to_owned(),
        problem: format!("there is no secret {wanted} to keep here"),
        allowed: "the secret itself, or a mark of the export for the same key".into(),
    }
}

/// Every secret by its place.
fn secrets(text: &str) -> Result<BTreeMap<String, String>, EditError> {
    let mut known = BTreeMap::new();
    let mut document: DocumentMut = text.parse()?;
    each(&mut document, |place, _, value| {
        known.insert(place.to_owned(), value.as_str().unwrap_or_default().to_owned());
    });
    Ok(known)
}

/// Visits each secret: its place, its list (or section) and key, and the value.
fn each(document: &mut DocumentMut, mut visit: impl FnMut(&str, (&str, &str), &mut Value)) {
    for (list, keys) in IN_LISTS {
        for entry in entries_mut(document, list) {
            let id = entry.get("id").and_then(Item::as_str).unwrap_or_default().to_owned();
            for key in keys {
                if let Some(value) = text_value(entry, key) {
                    visit(&format!("{list}.{id}.{key}"), (list, key), value);
                }
            }
        }
    }
    for (section, key) in IN_SECTIONS {
        let table = document.get_mut(section).and_then(Item::as_table_like_mut);
        if let Some(value) = table.and_then(|table| text_value(table, key)) {
            visit(&format!("{section}.{key}"), (section, key), value);
        }
    }
}

fn text_value<'a>(table: &'a mut dyn TableLike, key: &str) -> Option<&'a mut Value> {
    table.get_mut(key).and_then(Item::as_value_mut).filter(|value| value.is_str())
}

fn set(value: &mut Value, text: &str) {
    let decor = value.decor().clone();
    *value = Value::from(text);
    *value.decor_mut() = decor;
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# ours\n[store]\nurl = 'postgres://u:pw@h/d' # the database\n\n[[agents]]\nid = \"a.b\"\n\
        name = \"Ada\"\nsip_password = \"s1\" # desk\n[[users]]\nid = \"u\"\npassword = \"s2\"\n";

    #[test]
    fn an_export_shows_no_secret_and_comes_back_whole() {
        let shown = left_out(TEXT).expect("TOML");
        for secret in ["pw@h", "s1", "s2"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(shown.contains("sip_password = \"$secret:agents.a.b.sip_password\" # desk"), "{shown}");
        let back = put_back(&shown, TEXT, Path::new("f")).expect("all known");
        assert_eq!(back.replace('"', "'"), TEXT.replace('"', "'"));
        assert_eq!(put_back(TEXT, "", Path::new("f")).expect("no marks"), TEXT);
    }

    #[test]
    fn a_mark_stands_for_a_secret_of_its_own_kind_only() {
        let moved = "[[agents]]\nid = 'new'\nsip_password = '$secret:agents.a.b.sip_password'\n";
        assert!(put_back(moved, TEXT, Path::new("f")).expect("renamed").contains("\"s1\""));
        for wrong in ["agents.a.b.password", "users.u.password", "store.url", "agents", ""] {
            let text = format!("[[agents]]\nid = 'x'\nsip_password = '$secret:{wrong}'\n");
            let Err(EditError::Faults(faults)) = put_back(&text, TEXT, Path::new("f")) else {
                panic!("{wrong} was taken");
            };
            assert_eq!((faults.len(), faults[0].line), (1, 3), "{wrong}");
        }
    }
}
