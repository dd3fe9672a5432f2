//! What is different between two configurations, in words.

use toml::{Table, Value};

use super::secret;

/// Lines at most; the last one says how many more there are.
const MOST: usize = 100;
/// Characters of a value that are shown.
const SHOWN: usize = 80;
/// Lists of entries with an id, and what one of them is called.
const LISTS: [(&str, &str); 6] = [
    ("breaks", "break"),
    ("trunks", "trunk"),
    ("skills", "skill"),
    ("queues", "queue"),
    ("agents", "agent"),
    ("users", "user"),
];

/// What is different: at most 100 lines. Secrets are named, never shown. Texts that are no TOML count as empty.
pub fn differences(before: &str, after: &str) -> Vec<String> {
    let (old, new) = (table(before), table(after));
    let mut lines = Vec::new();
    for section in names(&old, &new) {
        let (old, new) = (old.get(section), new.get(section));
        match LISTS.iter().find(|(list, _)| *list == section) {
            Some((list, word)) => entries(list, word, old, new, &mut lines),
            None => keys(section, &format!("[{section}]"), as_table(old), as_table(new), &mut lines),
        }
    }
    if lines.is_empty() && before != after {
        lines.push("comments and layout only".into());
    }
    if lines.len() > MOST {
        let more = lines.len() + 1 - MOST;
        lines.truncate(MOST - 1);
        lines.push(format!("and {more} more"));
    }
    lines
}

fn table(text: &str) -> Table {
    text.parse().unwrap_or_default()
}

fn as_table(value: Option<&Value>) -> Table {
    value.and_then(Value::as_table).cloned().unwrap_or_default()
}

fn names<'a>(old: &'a Table, new: &'a Table) -> Vec<&'a str> {
    let added = new.keys().filter(|key| !old.contains_key(*key));
    old.keys().chain(added).map(String::as_str).collect()
}

fn entries(list: &str, word: &str, old: Option<&Value>, new: Option<&Value>, lines: &mut Vec<String>) {
    let rows = |value: Option<&Value>| -> Vec<(String, Table)> {
        let rows = value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_table);
        rows.map(|row| (row.get("id").and_then(Value::as_str).unwrap_or_default().to_owned(), row.clone()))
            .collect()
    };
    let (old, new) = (rows(old), rows(new));
    let known: std::collections::HashMap<&str, &Table> =
        old.iter().map(|(id, row)| (id.as_str(), row)).collect();
    let left: std::collections::HashSet<&str> = new.iter().map(|(id, _)| id.as_str()).collect();
    for (id, _) in old.iter().filter(|(id, _)| !left.contains(id.as_str())) {
        lines.push(format!("{word} {id} removed"));
    }
    for (id, row) in &new {
        match known.get(id.as_str()) {
            None => lines.push(format!("{word} {id} added")),
            Some(before) => keys(list, &format!("{word} {id}:"), (*before).clone(), row.clone(), lines),
        }
    }
}

fn keys(section: &str, of: &str, old: Table, new: Table, lines: &mut Vec<String>) {
    for key in names(&old, &new) {
        let (before, after) = (old.get(key), new.get(key));
        if before == after {
            continue;
        }
        lines.push(match (before, after, secret::is_secret(section, key)) {
            (_, None, true) => format!("{of} {key} taken away"),
            (_, Some(_), true) => format!("{of} {key} changed"),
            (Some(before), Some(after), false) => format!("{of} {key} {} → {}", shown(before), shown(after)),
            (None, Some(after), false) => format!("{of} {key} = {}", shown(after)),
            (Some(before), None, false) => format!("{of} {key} left out, was {}", shown(before)),
            (None, None, false) => continue,
        });
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= SHOWN {
        return text;
    }
    text.chars().take(SHOWN).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_told_and_secrets_are_not() {
        let before = "[acd]\nmin_ring_secs = 3\n[[queues]]\nid = 'sales'\nring_secs = 20\n[[queues]]\nid = 'old'\n\
                      [[agents]]\nid = 'a'\npassword = 'one'\n";
        let after = "[acd]\nmin_ring_secs = 5\n[[queues]]\nid = 'sales'\nring_secs = 25\npriority_secs = 9\n\
                     [[queues]]\nid = 'new'\n[[agents]]\nid = 'a'\npassword = 'two'\n";
        let told = [
            "[acd] min_ring_secs 3 → 5",
            "agent a: password changed",
            "queue old removed",
            "queue sales: priority_secs = 9",
            "queue sales: ring_secs 20 → 25",
            "queue new added",
        ];
        let mut lines = differences(before, after);
        let mut wanted = told.map(str::to_owned).to_vec();
        lines.sort();
        wanted.sort();
        assert_eq!(lines, wanted);
        assert_eq!(differences(before, &format!("# new\n{before}")), ["comments and layout only"]);
        assert!(differences(before, before).is_empty());
        let many: String = (0..150).map(|n| format!("[[agents]]\nid = 'x{n}'\n")).collect();
        let lines = differences("", &many);
        assert_eq!((lines.len(), lines[99].as_str()), (100, "and 51 more"));
    }
}
