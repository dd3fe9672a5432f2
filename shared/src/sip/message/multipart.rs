//! Cuts a multipart at its boundary (RFC 2046 §5.1.1) without copying.

/// The parts in their order, the header block of each included. What stands before the first delimiter and behind
/// the last is nobody's; a last delimiter that is missing is the end of the bytes.
pub(super) fn parts<'a>(bytes: &'a [u8], boundary: &str) -> impl Iterator<Item = &'a [u8]> {
    let delimiter = format!("--{boundary}").into_bytes();
    let mut at = next_delimiter(bytes, &delimiter, 0);
    std::iter::from_fn(move || {
        let start = match at.take()? {
            Delimiter { last: true, .. } => return None,
            Delimiter { after, .. } => after,
        };
        let next = next_delimiter(bytes, &delimiter, start);
        let end = next.as_ref().map_or(bytes.len(), |next| next.before);
        at = next;
        Some(bytes.get(start..end.max(start)).unwrap_or_default())
    })
}

/// The value of a part's Content-Type, if it says one, and its content.
pub(super) fn open(part: &[u8]) -> (Option<String>, &[u8]) {
    let mut fields = crate::sip::wire::Fields::new(part);
    let mut content_type = None;
    for (name, value) in fields.by_ref() {
        if name.eq_ignore_ascii_case("Content-Type") && content_type.is_none() {
            content_type = Some(value.into_owned());
        }
    }
    (content_type, fields.rest().unwrap_or_default())
}

struct Delimiter {
    /// Where the part before it ends.
    before: usize,
    /// Where the part behind it begins.
    after: usize,
    /// It closes the multipart.
    last: bool,
}

fn next_delimiter(bytes: &[u8], delimiter: &[u8], from: usize) -> Option<Delimiter> {
    let mut line = from;
    loop {
        let rest = bytes.get(line..)?;
        let len = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let text = rest.get(..len).unwrap_or_default();
        if let Some(behind) = text.strip_prefix(delimiter) {
            let last = behind.starts_with(b"--");
            let behind = if last { behind.get(2..).unwrap_or_default() } else { behind };
            // Blanks may stand behind a delimiter; anything else is a line that only begins like one.
            if behind.trim_ascii().is_empty() {
                // The line end before a delimiter belongs to the delimiter.
                let before = bytes.get(from..line).unwrap_or_default();
                let before = before.strip_suffix(b"\n").unwrap_or(before);
                let before = before.strip_suffix(b"\r").unwrap_or(before);
                let after = (line + len + 1).min(bytes.len());
                return Some(Delimiter { before: from + before.len(), after, last });
            }
        }
        if len == rest.len() {
            return None;
        }
        line += len + 1;
    }
}
