//! Tables into a configuration, line by line.

use std::fmt::Write;

use super::*;

const BEFORE: &str = "# ours\n[[skills]]\nid = \"spanish\"\nname = \"Spanish\"\n\n[[queues]]\nid = \"sales\"\n\
    name = \"Sales\"\n\n# The first.\n[[agents]]\nid = \"201\"\nname = \"Ada\"\npassword = \"pw\"\nqueues = [\"sales\"]\n";

fn take(csv: &str, partial: bool) -> (String, Vec<String>) {
    let imported = import(BEFORE, Path::new("/tmp/c.toml"), Table::Agents, csv, partial).expect("a table");
    (imported.text, imported.report.lines.iter().map(words).collect())
}

#[test]
fn each_line_is_answered_for_and_one_wrong_line_stops_all() {
    let csv = "\u{feff}id;name;queues;skills\r\n201;Ada;sales;\r\n\r\n;;;\r\n202;Bob;sales;spanish=3\r\n\
               201;Ada again;;\r\n214;Eve;sale;spanisch=9\r\n215;;sales;x=y\r\nA B;Zoe;;\r\n";
    let (text, lines) = take(csv, false);
    assert_eq!(text, BEFORE, "nothing is taken");
    let wanted = [
        "line 2: agent 201: unchanged",
        "line 5: agent 202: created",
        "line 6: agent 201: it is in line 2 already",
        "line 7: agent 214: unknown skill spanisch, did you mean spanish?; 9 is out of range; \
         there is no queue \"sale\", did you mean sales?",
        "line 8: agent 215: the name is empty; skills have \"x=y\", allowed: skill=level with 1 to 5",
        "line 9: agent A B: \"A B\" is no name: use 1 to 64 of a-z, 0-9, '-', '_' and '.'",
    ];
    assert_eq!(lines, wanted);
    let (text, again) = take(csv, true);
    assert_eq!(again, wanted);
    assert!(text.contains("id = \"202\"\nname = \"Bob\"\nqueues = [\"sales\"]"), "{text}");
    assert!(text.starts_with(BEFORE.trim_end()) && !text.contains("214"), "comments and order stay: {text}");
}

#[test]
fn an_empty_cell_is_the_default_and_a_missing_column_changes_nothing() {
    let (text, lines) = take("id,name,queues\n201,Ada L.,\n", false);
    assert_eq!(lines, ["line 2: agent 201: changed"]);
    assert!(text.contains("name = \"Ada L.\"\npassword = \"pw\"") && !text.contains("queues = ["), "{text}");
}

#[test]
fn passwords_stand_in_no_table() {
    let (text, lines) = take("id,name,password\n202,Bob,secret\n", false);
    assert!(lines[0].contains("a password stands in no table") && !text.contains("secret"), "{lines:?}");
    let (_, lines) = take("id,name,password_hash\n202,Bob,secret\n", false);
    assert!(lines[0].contains("no hash"), "{lines:?}");
    let csv = "id,name,new_password\n202,Bob,yes\n203,Cleo,no\n";
    let imported = import(BEFORE, Path::new("/tmp/c.toml"), Table::Agents, csv, false).expect("a table");
    let first = imported.report.lines[0].first_password.clone().expect("made");
    assert_eq!((first.len(), imported.report.lines[1].first_password.as_ref()), (16, None));
    assert!(!imported.text.contains(&first), "only its hash is kept");
    let config = Config::parse(&imported.text, Path::new("/tmp/c.toml")).expect("right");
    let bob = config.agents.iter().find(|agent| agent.id.as_str() == "202").expect("there");
    assert!(bob.password.as_ref().is_some_and(crate::config::Password::is_hash));
}

#[test]
fn an_export_comes_back_unchanged() {
    let config = Config::parse(BEFORE, Path::new("/tmp/c.toml")).expect("right");
    for table in [Table::Agents, Table::Queues, Table::Skills] {
        let csv = export(&config, table);
        assert!(!csv.contains("pw"), "{csv}");
        let imported = import(BEFORE, Path::new("/tmp/c.toml"), table, &csv, false).expect("a table");
        let again = Config::parse(&imported.text, Path::new("/tmp/c.toml")).expect("right");
        assert_eq!((again.agents(), again.queues()), (config.agents(), config.queues()));
        assert_eq!(imported.report.created + imported.report.refused, 0);
    }
}

#[test]
fn ten_thousand_lines_are_taken() {
    let mut csv = String::from("id,name,queues,skills\n");
    for number in 0..10_000 {
        let _ = writeln!(csv, "a{number},Agent {number},sales,spanish={}", number % 5 + 1);
    }
    let imported = import(BEFORE, Path::new("/tmp/c.toml"), Table::Agents, &csv, false).expect("a table");
    assert_eq!((imported.report.created, imported.report.refused), (10_000, 0));
    let config = Config::parse(&imported.text, Path::new("/tmp/c.toml")).expect("right");
    assert_eq!(config.agents.len(), 10_001);
}
