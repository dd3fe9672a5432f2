//! Parameters behind a value: `;name=value;name`.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::text::{is_token, quote, split, token, unquote};

/// Parameters in their order; names compare in any case, values are kept without quotes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Params(Vec<(Cow<'static, str>, Option<String>)>);

impl Params {
    /// The value of `name`; `None` when it is absent or has none.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.find(name).flatten()
    }

    /// `Some(None)` for a parameter without value.
    pub fn find(&self, name: &str) -> Option<Option<&str>> {
        self.0.iter().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_deref())
    }

    /// True when `name` is there.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Puts a value in, in place of an earlier one.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        match self.0.iter_mut().find(|(have, _)| have.eq_ignore_ascii_case(name)) {
            Some((_, have)) => *have = value.map(Into::into),
            None => self.0.push((stored(name), value.map(Into::into))),
        }
    }

    /// Removes `name`.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(have, _)| !have.eq_ignore_ascii_case(name));
    }

    /// Name and value of each.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_deref()))
    }

    /// True without any.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads `;a=b;c="d"`, with or without the first semicolon.
    pub(in crate::sip) fn read(text: &str) -> Option<Params> {
        let mut params = Params::default();
        if text.is_empty() {
            return Some(params);
        }
        for (name, value) in items(text) {
            if !is_token(name) || params.0.len() >= MAX_PARAMS {
                return None;
            }
            let value = match value {
                Some(value) => Some(unquote(value)?),
                None => None,
            };
            params.0.push((stored(name), value));
        }
        Some(params)
    }
}

/// Names and values as they are written, quotes and all; empty ones are passed over.
pub(super) fn items(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    split(text, ';').map(str::trim).filter(|part| !part.is_empty()).map(|part| match part.split_once('=') {
        Some((name, value)) => (name.trim_end(), Some(value.trim_start())),
        None => (part, None),
    })
}

/// True for what [`Params::read`] reads.
pub(super) fn are_valid(text: &str) -> bool {
    let quotes_close = |value: &str| match value.starts_with('"') {
        true => super::text::quoted_end(value) == Some(value.len()),
        false => !value.contains('"'),
    };
    let mut count = 0;
    items(text).all(|(name, value)| {
        count += 1;
        count <= MAX_PARAMS && is_token(name) && value.is_none_or(quotes_close)
    })
}

/// The value of the first parameter of this name.
pub(super) fn value<'a>(text: &'a str, wanted: &str) -> Option<Cow<'a, str>> {
    let value = items(text).find(|(name, _)| name.eq_ignore_ascii_case(wanted))?.1?;
    if value.starts_with('"') { unquote(value).map(Cow::Owned) } else { Some(Cow::Borrowed(value)) }
}

/// Names that nearly every message has cost no memory of their own.
fn stored(name: &str) -> Cow<'static, str> {
    const USUAL: [&str; 12] = [
        "tag",
        "branch",
        "rport",
        "received",
        "lr",
        "transport",
        "user",
        "expires",
        "q",
        "maddr",
        "ttl",
        "ob",
    ];
    match USUAL.iter().find(|usual| **usual == name) {
        Some(usual) => Cow::Borrowed(usual),
        None => Cow::Owned(name.to_owned()),
    }
}

/// Parameters of one value; more make it unreadable.
const MAX_PARAMS: usize = 64;

impl FromIterator<(String, Option<String>)> for Params {
    fn from_iter<I: IntoIterator<Item = (String, Option<String>)>>(params: I) -> Params {
        Params(params.into_iter().map(|(name, value)| (stored(&name), value)).collect())
    }
}

/// As in a header: a value that is no token is quoted.
impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.iter() {
            match value {
                None => write!(f, ";{name}")?,
                Some(value)
                    if !value.is_empty() && value.bytes().all(|b| token(b) || b"[]:".contains(&b)) =>
                {
                    write!(f, ";{name}={value}")?;
                }
                Some(value) => write!(f, ";{name}={}", quote(value))?,
            }
        }
        Ok(())
    }
}
