//! A table as CSV, as spreadsheets write it: with a mark of the byte order or without, by comma, semicolon or tab, with
//! quotes and either kind of line end.

use std::collections::BTreeMap;

use crate::config::nearest;

/// Lines of one table at most.
pub const MOST_LINES: usize = 200_000;

/// Why a table cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// It is no CSV.
    #[error("read the table: {0}")]
    Csv(#[from] csv::Error),
    /// The header is not right; every fault of it.
    #[error("read the header: {}", .0.join("; "))]
    Header(Vec<String>),
    /// Too long.
    #[error("read the table: it has more than {MOST_LINES} lines")]
    TooLong,
}

/// A line with something in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Number in the file, from 1.
    pub line: u64,
    /// Cells by column, without the space around them; columns that the file does not have are not there.
    pub cells: BTreeMap<String, String>,
    /// There are more cells than columns.
    pub too_long: bool,
}

impl Row {
    /// A cell; empty when there is none.
    pub fn cell(&self, column: &str) -> &str {
        self.cells.get(column).map_or("", String::as_str)
    }
}

/// Reads a table. `known` are the columns that it may have (none for any), `needed` those that it must have.
///
/// # Errors
/// [`SheetError`].
pub fn read(text: &str, known: Option<&[&str]>, needed: &[&str]) -> Result<Vec<Row>, SheetError> {
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(text))
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let names: Vec<String> = reader.headers()?.iter().map(|name| name.to_ascii_lowercase()).collect();
    check_header(&names, known, needed)?;
    let mut rows = Vec::new();
    let mut counted = (0, 1);
    for record in reader.records() {
        let record = record?;
        let byte =
            record.position().map_or(0, |position| usize::try_from(position.byte()).unwrap_or(usize::MAX));
        let line = line_of(text, byte, &mut counted);
        if record.iter().all(str::is_empty) {
            continue;
        }
        if rows.len() >= MOST_LINES {
            return Err(SheetError::TooLong);
        }
        let too_long = record.iter().skip(names.len()).any(|cell| !cell.is_empty());
        let cell = |(name, cell): (&String, &str)| (name.clone(), without_guard(cell).to_owned());
        rows.push(Row {
            line,
            cells: names.iter().zip(record.iter()).filter(|(name, _)| !name.is_empty()).map(cell).collect(),
            too_long,
        });
    }
    Ok(rows)
}

/// The line in which the record after this byte begins. The reader stands before the line ends that it skips, so it does
/// not count them. `counted` is how far lines have been counted: byte and line.
fn line_of(text: &str, byte: usize, counted: &mut (usize, u64)) -> u64 {
    let rest = text.get(byte..).unwrap_or_default();
    let begin = byte + (rest.len() - rest.trim_start_matches(['\r', '\n']).len());
    let between = text.get(counted.0..begin).unwrap_or_default();
    *counted = (begin, counted.1 + between.matches('\n').count() as u64);
    counted.1
}

fn check_header(names: &[String], known: Option<&[&str]>, needed: &[&str]) -> Result<(), SheetError> {
    let mut faults = Vec::new();
    for (place, name) in names.iter().enumerate() {
        if !name.is_empty() && names.iter().take(place).any(|other| other == name) {
            faults.push(format!("column {name} is there twice"));
        }
        if let Some(known) = known
            && !name.is_empty()
            && !known.contains(&name.as_str())
        {
            let mean = nearest(name, known.iter().copied());
            let mean = mean.map(|mean| format!(", did you mean {mean}?")).unwrap_or_default();
            faults.push(format!("unknown column {name:?}{mean}"));
        }
    }
    for name in needed.iter().filter(|name| !names.iter().any(|known| known == *name)) {
        faults.push(format!("column {name} is missing"));
    }
    if faults.is_empty() { Ok(()) } else { Err(SheetError::Header(faults)) }
}

/// The one of comma, semicolon and tab that the header has most of, outside of quotes.
fn delimiter(text: &str) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    for byte in text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().bytes() {
        quoted ^= byte == b'"';
        for (delimiter, count) in &mut counts {
            *count += usize::from(!quoted && byte == *delimiter);
        }
    }
    // The first of equal ones: the comma.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(delimiter, _)| *delimiter)
}

/// What a spreadsheet would take for a formula.
fn is_formula(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// A cell of an export: what a spreadsheet would take for a formula gets an apostrophe.
fn guarded(cell: &str) -> String {
    // A cell that looks guarded already is guarded once more, so that it comes back as it was.
    let looks_guarded = cell.starts_with('\'') && is_formula(cell.trim_start_matches('\''));
    if is_formula(cell) || looks_guarded { format!("'{cell}") } else { cell.to_owned() }
}

/// The cell without the apostrophe of [`guarded`].
fn without_guard(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if is_formula(rest.trim_start_matches('\'')) => rest,
        _ => cell,
    }
}

/// Writes a table: header, then lines.
pub fn write<'a>(header: &[&str], lines: impl Iterator<Item = Vec<String>> + 'a) -> String {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    // Writing to memory cannot fail, and every line has the length of the header.
    let _ = writer.write_record(header.iter().map(|cell| guarded(cell)));
    for line in lines {
        let _ = writer.write_record(line.iter().map(|cell| guarded(cell)));
    }
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> Vec<(u64, String, String)> {
        let rows = read(text, Some(&["id", "name"]), &["id"]).expect("a table");
        rows.iter().map(|row| (row.line, row.cell("id").to_owned(), row.cell("name").to_owned())).collect()
    }

    #[test]
    fn what_spreadsheets_write_is_read() {
        let plain = vec![(2, "1".to_owned(), "Ada; \"L\", x".to_owned()), (4, "2".to_owned(), String::new())];
        assert_eq!(cells("id,name\n1,\"Ada; \"\"L\"\", x\"\n\n2,\n"), plain);
        assert_eq!(cells("\u{feff}ID;Name\r\n1;\"Ada; \"\"L\"\", x\"\r\n;;\r\n2;\r\n"), plain);
        assert_eq!(cells("id\tname\n1\t\"Ada; \"\"L\"\", x\"\n\t\n 2 \t"), plain);
        assert!(read("id,name\n1,Ada,3\n", None, &[]).expect("a table")[0].too_long);
    }

    #[test]
    fn a_wrong_header_is_refused_whole() {
        let error = read("nam;id2;nam\n", Some(&["id", "name"]), &["id"]).expect_err("wrong").to_string();
        for part in
            ["unknown column \"nam\", did you mean name?", "nam is there twice", "column id is missing"]
        {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn no_cell_of_an_export_is_a_formula_and_all_come_back() {
        let odd = ["=1+1", "+4930", "-5", "@x", "'=1", "'plain", "a,b;c\"d", ""];
        let text = write(&["id", "name"], odd.iter().map(|cell| vec!["1".to_owned(), (*cell).to_owned()]));
        assert!(text.contains("1,'=1+1\r\n") && text.contains("1,'+4930\r\n"), "{text}");
        let back: Vec<String> = cells(&text).into_iter().map(|(_, _, name)| name).collect();
        assert_eq!(back, odd);
    }
}
