//! A URI with a name around and parameters behind it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::params;
use super::text::{find_outside_quotes, quote, quoted_end, unquote};
use super::{HeaderError, Params, error};
use crate::sip::uri::{self, Uri};

/// From, To, Contact, Route, Record-Route, Refer-To, Referred-By, P-Asserted-Identity: a URI with a name around
/// and parameters behind it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NameAddr {
    /// Display name without quotes.
    pub display: Option<String>,
    /// The address.
    pub uri: Uri,
    /// Parameters of the header, not of the URI.
    pub params: Params,
}

impl NameAddr {
    /// Just an address.
    pub fn new(uri: Uri) -> NameAddr {
        NameAddr { display: None, uri, params: Params::default() }
    }

    /// An address with a name; an empty name is none.
    pub fn named(display: &str, uri: Uri) -> NameAddr {
        NameAddr {
            display: Some(display.to_owned()).filter(|name| !name.is_empty()),
            uri,
            params: Params::default(),
        }
    }

    /// The `tag` parameter.
    pub fn tag(&self) -> Option<&str> {
        self.params.get("tag").filter(|tag| !tag.is_empty())
    }

    /// The same with this tag.
    pub fn with_tag(mut self, tag: &str) -> NameAddr {
        self.params.set("tag", Some(tag));
        self
    }
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(display) = &self.display {
            write!(f, "{} ", quote(display))?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

/// The three parts of the text, not looked into yet.
pub(super) struct Parts<'a> {
    display: &'a str,
    uri: &'a str,
    /// With or without the first semicolon.
    pub(super) params: &'a str,
}

impl<'a> Parts<'a> {
    pub(super) fn cut(text: &'a str) -> Option<Parts<'a>> {
        let text = text.trim();
        let Some(open) = find_outside_quotes(text, b'<') else {
            // addr-spec form: what follows the first ';' belongs to the header, and a URI with a comma, a question
            // mark or a semicolon must stand in < > (RFC 3261 §20, §20.10).
            let (uri, params) = text.split_once(';').unwrap_or((text, ""));
            let plain = !uri.bytes().any(|byte| matches!(byte, b'?' | b',' | b'"' | b'>'));
            return plain.then(|| Parts { display: "", uri: uri.trim(), params });
        };
        let (uri, params) = text.get(open + 1..)?.split_once('>')?;
        let (display, params) = (text.get(..open)?.trim(), params.trim_start());
        (params.is_empty() || params.starts_with(';')).then(|| Parts { display, uri: uri.trim(), params })
    }

    pub(super) fn is_valid(&self) -> bool {
        let display = if self.display.starts_with('"') {
            quoted_end(self.display) == Some(self.display.len())
        } else {
            !self.display.contains('"')
        };
        display && uri::is_uri(self.uri) && params::are_valid(self.params)
    }
}

impl FromStr for NameAddr {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<NameAddr, HeaderError> {
        let read = || {
            let parts = Parts::cut(text)?;
            // Deviation: the grammar wants tokens without quotes; names in other scripts without them are common.
            let mut display = unquote(parts.display)?;
            // Control characters may be quoted (RFC 4475 §3.1.1.2), but nobody wants to see them.
            display.retain(|c| !c.is_control());
            let display = Some(display).filter(|name| !name.is_empty());
            Some(NameAddr { display, uri: parts.uri.parse().ok()?, params: Params::read(parts.params)? })
        };
        read().ok_or_else(|| error(text, "a name and address"))
    }
}

impl Serialize for NameAddr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NameAddr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
