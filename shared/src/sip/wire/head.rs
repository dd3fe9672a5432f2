//! A header block to fields: line ends, folding, names in any spelling, lists.

use std::borrow::Cow;

use crate::sip::header::{is_token, split};
use crate::sip::message::{Headers, Name, clean_value, is_clean};

use super::Fault;

/// The fields of a header block, unfolded (RFC 3261 §7.3.1), up to the empty line that ends it. Used for messages,
/// for finding Content-Length in a stream, and for the parts of a multipart, so that all of them see the same.
///
/// A line without colon or with a name that is no token cannot mean anything to anybody; it is left out with what is
/// folded to it.
pub(in crate::sip) struct Fields<'a> {
    bytes: &'a [u8],
    rest: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    pub(in crate::sip) fn new(bytes: &'a [u8]) -> Fields<'a> {
        Fields { bytes, rest: None }
    }

    /// What follows the empty line, when the fields have been read up to it; `None` when it never came.
    pub(in crate::sip) fn rest(&self) -> Option<&'a [u8]> {
        self.rest
    }

    /// The next line without its end, if there is any.
    fn line(&mut self) -> Option<&'a [u8]> {
        if self.bytes.is_empty() {
            return None;
        }
        let (line, rest) = match memchr::memchr(b'\n', self.bytes) {
            Some(end) => (self.bytes.get(..end)?, self.bytes.get(end + 1..)?),
            None => (self.bytes, <&[u8]>::default()),
        };
        self.bytes = rest;
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }

    fn is_folded(&self) -> bool {
        matches!(self.bytes.first(), Some(b' ' | b'\t'))
    }
}

impl<'a> Iterator for Fields<'a> {
    /// The name as written, without blanks behind it; the value without blanks around it.
    type Item = (&'a str, Cow<'a, str>);

    fn next(&mut self) -> Option<Self::Item> {
        while self.rest.is_none() {
            let line = self.line()?;
            if line.is_empty() {
                self.rest = Some(self.bytes);
                return None;
            }
            let folds = matches!(line.first(), Some(b' ' | b'\t'));
            let Some(colon) = memchr::memchr(b':', line).filter(|_| !folds) else { continue };
            let (name, value) = line.split_at(colon);
            let Some(name) = std::str::from_utf8(name.trim_ascii_end()).ok().filter(|name| is_token(name))
            else {
                continue;
            };
            let mut value = text(value.get(1..).unwrap_or_default().trim_ascii());
            while self.is_folded()
                && let Some(more) = self.line()
            {
                // Line end and blanks count as one blank.
                let value = value.to_mut();
                value.push(' ');
                value.push_str(&text(more.trim_ascii()));
            }
            if let Cow::Owned(folded) = &mut value {
                folded.truncate(folded.trim_ascii_end().len());
                let blanks = folded.len() - folded.trim_ascii_start().len();
                folded.drain(..blanks);
            }
            return Some((name, value));
        }
        None
    }
}

/// SIP is UTF-8 (RFC 3261 §7.3.1); what is not was meant as Latin-1 by those who send it.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect::<String>().into(),
    }
}

/// What a header block says about the length of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sip) enum Length {
    /// Nothing.
    Missing,
    /// A number.
    Is(usize),
    /// No number, one beyond all bounds, or two that differ.
    Bad,
}

impl Length {
    fn and(self, value: &str) -> Length {
        let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        match (self, value.parse::<usize>().ok().filter(|_| digits)) {
            (Length::Missing, Some(length)) => Length::Is(length),
            (Length::Is(before), Some(length)) if before == length => self,
            _ => Length::Bad,
        }
    }

    /// Reads a header block only for this.
    pub(in crate::sip) fn of(block: &[u8]) -> Length {
        Fields::new(block)
            .filter(|(name, _)| is_length(name))
            .fold(Length::Missing, |length, (_, value)| length.and(&value))
    }
}

fn is_length(name: &str) -> bool {
    name.eq_ignore_ascii_case("Content-Length") || name.eq_ignore_ascii_case("l")
}

/// All fields with their long names, one value a field; the length of the body is taken out.
pub(super) fn read(fields: &mut Fields<'_>) -> (Headers, Length, Option<Fault>) {
    let mut headers = Headers::with_capacity(20);
    let (mut length, mut fault) = (Length::Missing, None);
    for (name, value) in fields {
        if is_length(name) {
            length = length.and(&value);
            continue;
        }
        if value.len() > MAX_VALUE_LEN {
            fault.get_or_insert(Fault { status: 513, reason: "Header Field Too Long" });
            continue;
        }
        let name = long_name(name);
        let value: Cow<'_, str> =
            if is_clean(&value) { value } else { clean_value(&value).trim().to_owned().into() };
        if !is_list(name) || memchr::memchr(b',', value.as_bytes()).is_none() {
            push(&mut headers, &mut fault, name, value);
            continue;
        }
        for item in split(&value, ',').map(str::trim).filter(|item| !item.is_empty()) {
            push(&mut headers, &mut fault, name, item.into());
        }
    }
    (headers, length, fault)
}

fn push(headers: &mut Headers, fault: &mut Option<Fault>, name: Name<'_>, value: Cow<'_, str>) {
    if headers.len() >= MAX_FIELDS {
        fault.get_or_insert(Fault { status: 513, reason: "Too Many Header Fields" });
        return;
    }
    headers.push_read(name, value.into_owned());
}

/// Headers whose lists are split into one field a value.
fn is_list(name: Name<'_>) -> bool {
    match name {
        Name::Via | Name::Route | Name::RecordRoute | Name::Contact => true,
        Name::Other(name) => ["Path", "Service-Route", "P-Asserted-Identity", "Diversion", "History-Info"]
            .iter()
            .any(|list| list.eq_ignore_ascii_case(name)),
        _ => false,
    }
}

/// Compact names (RFC 3261 §7.3.3 and the registry of header fields).
fn long_name(name: &str) -> Name<'_> {
    let [letter] = name.as_bytes() else { return Name::from_long(name) };
    match letter.to_ascii_lowercase() {
        b'a' => Name::Other("Accept-Contact"),
        b'b' => Name::Other("Referred-By"),
        b'c' => Name::ContentType,
        b'd' => Name::Other("Request-Disposition"),
        b'e' => Name::ContentEncoding,
        b'f' => Name::From,
        b'i' => Name::CallId,
        b'j' => Name::Other("Reject-Contact"),
        b'k' => Name::Supported,
        b'm' => Name::Contact,
        b'n' => Name::Other("Identity-Info"),
        b'o' => Name::Event,
        b'r' => Name::Other("Refer-To"),
        b's' => Name::Subject,
        b't' => Name::To,
        b'u' => Name::Other("Allow-Events"),
        b'v' => Name::Via,
        b'x' => Name::Other("Session-Expires"),
        b'y' => Name::Other("Identity"),
        _ => Name::Other(name),
    }
}

/// Fields of a message at most, after lists are split; a longer message is answered 513.
pub const MAX_FIELDS: usize = 256;
/// Octets of one value at most; a longer one is answered 513.
pub const MAX_VALUE_LEN: usize = 16 * 1024;
