//! Own typed views of header values; rsip's fail on IPv6 literals, quoted parameters and lists.

mod reliable;
mod text;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use reliable::RAck;
use text::{find_outside_quotes, token};
pub use text::{is_token, quote, split, unquote};

use super::message::{Headers, Method};
use super::uri::{Uri, read_hostport, unescape};

/// A value that cannot be read as what its header says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read {text:?} as {what}")]
pub struct HeaderError {
    text: String,
    what: &'static str,
}

fn fail<T>(text: &str, what: &'static str) -> Result<T, HeaderError> {
    Err(HeaderError { text: text.chars().take(120).collect(), what })
}

/// Parameters in their order; names compare in any case, values are kept without quotes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Params(Vec<(String, Option<String>)>);

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
            None => self.0.push((name.into(), value.map(Into::into))),
        }
    }

    /// Removes `name`.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(have, _)| !have.eq_ignore_ascii_case(name));
    }

    /// Name and value of each.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
    }

    /// True without any.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads `;a=b;c="d"`, with or without the first semicolon.
    pub(in crate::sip) fn read(text: &str) -> Option<Params> {
        let mut params = Params::default();
        for part in split(text, ';') {
            let part = part.trim();
            if part.is_empty() {
                continue;
            }
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name.trim_end(), Some(unquote(value.trim_start())?)),
                None => (part, None),
            };
            if !is_token(name) {
                return None;
            }
            params.0.push((name.into(), value));
        }
        Some(params)
    }
}

impl FromIterator<(String, Option<String>)> for Params {
    fn from_iter<I: IntoIterator<Item = (String, Option<String>)>>(params: I) -> Params {
        Params(params.into_iter().collect())
    }
}

/// As in a header: a value that is no token is quoted.
impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.iter() {
            match value {
                None => write!(f, ";{name}")?,
                Some(value) if !value.is_empty() && value.chars().all(|c| token(c) || "[]:".contains(c)) => {
                    write!(f, ";{name}={value}")?;
                }
                Some(value) => write!(f, ";{name}={}", quote(value))?,
            }
        }
        Ok(())
    }
}

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

impl FromStr for NameAddr {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<NameAddr, HeaderError> {
        const WHAT: &str = "a name and address";
        let text = text.trim();
        let Some(open) = find_outside_quotes(text, '<') else {
            // addr-spec form: what follows the first ';' or '?' belongs to the header (RFC 3261 §20).
            let (uri, params) = text.split_once(';').unwrap_or((text, ""));
            // RFC 3261 §20.10: a URI with a comma, a question mark or a semicolon must stand in < >.
            if uri.contains(['?', ',', '"', '>']) {
                return fail(text, WHAT);
            }
            let Ok(uri) = uri.trim().parse() else {
                return fail(text, WHAT);
            };
            return match Params::read(params) {
                Some(params) => Ok(NameAddr { display: None, uri, params }),
                None => fail(text, WHAT),
            };
        };
        let (Some(display), Some(rest)) = (text.get(..open), text.get(open + 1..)) else {
            return fail(text, WHAT);
        };
        let Some((uri, params)) = rest.split_once('>') else {
            return fail(text, WHAT);
        };
        let display = display.trim();
        let display = if display.starts_with('"') {
            unquote(display)
        } else {
            // Deviation: the grammar wants tokens here; names in other scripts without quotes are common.
            (!display.contains('"')).then(|| display.to_owned())
        };
        let params = params.trim_start();
        let (Some(display), true, Ok(uri), Some(params)) =
            (display, params.is_empty() || params.starts_with(';'), uri.trim().parse(), Params::read(params))
        else {
            return fail(text, WHAT);
        };
        Ok(NameAddr { display: Some(display).filter(|name| !name.is_empty()), uri, params })
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

/// One Via value (RFC 3261 §20.42).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Via {
    /// `UDP`, `TCP`, `TLS`, … in upper case.
    pub transport: String,
    /// Name or address; IPv6 with its brackets.
    pub host: String,
    /// Port of sent-by.
    pub port: Option<u16>,
    /// branch, received, rport, …
    pub params: Params,
}

/// Branches of RFC 3261 start with this (§8.1.1.7).
pub const MAGIC: &str = "z9hG4bK";

impl Via {
    /// The branch; empty when there is none.
    pub fn branch(&self) -> &str {
        self.params.get("branch").unwrap_or_default()
    }

    /// True when the branch names the transaction (RFC 3261 §17.2.3): the cookie with something behind it.
    pub fn has_magic(&self) -> bool {
        self.branch().len() > MAGIC.len()
            && self.branch().get(..MAGIC.len()).is_some_and(|cookie| cookie.eq_ignore_ascii_case(MAGIC))
    }

    /// Host and port as the sender wrote them.
    pub fn sent_by(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host.to_ascii_lowercase()),
            None => self.host.to_ascii_lowercase(),
        }
    }

    /// Host of sent-by as an address, when it is a literal.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0/{} {}", self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)
    }
}

impl FromStr for Via {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<Via, HeaderError> {
        const WHAT: &str = "a Via";
        let mut parts = text.splitn(3, '/');
        let (Some(name), Some(version), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            return fail(text, WHAT);
        };
        if !name.trim().eq_ignore_ascii_case("SIP") || version.trim() != "2.0" {
            return fail(text, WHAT);
        }
        let rest = rest.trim_start();
        let Some((transport, rest)) = rest.split_once([' ', '\t']) else {
            return fail(text, WHAT);
        };
        let (sent_by, params) = rest.split_once(';').unwrap_or((rest, ""));
        let Some(params) = read_via_params(params) else {
            return fail(text, WHAT);
        };
        match read_hostport(sent_by) {
            Some((host, port)) if is_token(transport) => {
                Ok(Via { transport: transport.to_ascii_uppercase(), host, port, params })
            }
            _ => fail(text, WHAT),
        }
    }
}

fn read_via_params(text: &str) -> Option<Params> {
    // An empty parameter (";;") is malformed here (RFC 4475 §3.1.2.1), elsewhere it is let pass.
    let trimmed = text.trim();
    if !trimmed.is_empty() && split(trimmed, ';').any(|part| part.trim().is_empty()) {
        return None;
    }
    Params::read(text)
}

/// CSeq (RFC 3261 §20.16).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CSeq {
    /// Below 2^31.
    pub number: u32,
    /// The method of the transaction.
    pub method: Method,
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

impl FromStr for CSeq {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<CSeq, HeaderError> {
        let mut words = text.split_ascii_whitespace();
        let (Some(number), Some(method), None) = (words.next(), words.next(), words.next()) else {
            return fail(text, "a CSeq");
        };
        match (number.bytes().all(|b| b.is_ascii_digit()).then(|| number.parse::<u32>()), method.parse()) {
            (Some(Ok(number)), Ok(method)) if number < 1 << 31 => Ok(CSeq { number, method }),
            _ => fail(text, "a CSeq"),
        }
    }
}

/// Replaces (RFC 3891), also as a URI header of Refer-To.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Replaces {
    /// Call-ID of the dialog to replace.
    pub call_id: String,
    /// Its To tag as the receiver of Replaces sees it: his own.
    pub to_tag: String,
    /// Its From tag: the far side's.
    pub from_tag: String,
    /// Only an early dialog may be replaced.
    pub early_only: bool,
}

impl fmt::Display for Replaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};to-tag={};from-tag={}", self.call_id, self.to_tag, self.from_tag)?;
        if self.early_only { f.write_str(";early-only") } else { Ok(()) }
    }
}

impl FromStr for Replaces {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<Replaces, HeaderError> {
        let (call_id, params) = text.split_once(';').unwrap_or((text, ""));
        let params = Params::read(params).unwrap_or_default();
        match (call_id.trim(), params.get("to-tag"), params.get("from-tag")) {
            ("", ..) | (_, None, _) | (_, _, None) => fail(text, "a Replaces"),
            (call_id, Some(to_tag), Some(from_tag)) => Ok(Replaces {
                call_id: call_id.into(),
                to_tag: to_tag.into(),
                from_tag: from_tag.into(),
                early_only: params.has("early-only"),
            }),
        }
    }
}

/// Who refreshes a session (RFC 4028 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Refresher {
    /// The one who sent the request.
    Uac,
    /// The one who answered it.
    Uas,
}

/// Session-Expires (RFC 4028 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SessionExpires {
    /// The interval.
    pub interval_secs: u32,
    /// Who refreshes, if said.
    pub refresher: Option<Refresher>,
}

impl fmt::Display for SessionExpires {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.interval_secs)?;
        match self.refresher {
            Some(Refresher::Uac) => f.write_str(";refresher=uac"),
            Some(Refresher::Uas) => f.write_str(";refresher=uas"),
            None => Ok(()),
        }
    }
}

impl FromStr for SessionExpires {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<SessionExpires, HeaderError> {
        let (secs, params) = text.split_once(';').unwrap_or((text, ""));
        let params = Params::read(params).unwrap_or_default();
        let Some(interval_secs) = seconds(secs) else {
            return fail(text, "a Session-Expires");
        };
        let refresher = match params.get("refresher") {
            Some(who) if who.eq_ignore_ascii_case("uac") => Some(Refresher::Uac),
            Some(who) if who.eq_ignore_ascii_case("uas") => Some(Refresher::Uas),
            _ => None,
        };
        Ok(SessionExpires { interval_secs, refresher })
    }
}

/// A number of seconds as in Expires or Min-SE: digits, then perhaps parameters or a comment. What is larger than
/// 2^32-1 counts as that (RFC 3261 §20.19).
pub fn seconds(text: &str) -> Option<u32> {
    let text = text.split([';', '(']).next().unwrap_or_default().trim();
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u32::MAX))
}

/// The tag of a From or To value.
pub fn tag(value: &str) -> Option<String> {
    value.parse::<NameAddr>().ok().and_then(|address| address.tag().map(Into::into))
}

impl Headers {
    /// From or To.
    pub fn address(&self, name: &str) -> Option<NameAddr> {
        self.get(name)?.parse().ok()
    }

    /// All readable values of Contact, Route or Record-Route. A `*` is not one.
    pub fn addresses(&self, name: &str) -> Vec<NameAddr> {
        self.all(name).filter_map(|value| value.parse().ok()).collect()
    }

    /// The topmost Via.
    pub fn via(&self) -> Option<Via> {
        self.get("Via")?.parse().ok()
    }

    /// CSeq.
    pub fn cseq(&self) -> Option<CSeq> {
        self.get("CSeq")?.parse().ok()
    }

    /// Call-ID; empty when missing.
    pub fn call_id(&self) -> &str {
        self.get("Call-ID").unwrap_or_default()
    }

    /// Session-Expires.
    pub fn session_expires(&self) -> Option<SessionExpires> {
        self.get("Session-Expires")?.parse().ok()
    }

    /// Replaces.
    pub fn replaces(&self) -> Option<Replaces> {
        self.get("Replaces")?.parse().ok()
    }

    /// Refer-To.
    pub fn refer_to(&self) -> Option<NameAddr> {
        self.get("Refer-To")?.parse().ok()
    }
}

impl Uri {
    /// The `Replaces` header of a Refer-To URI (RFC 3891 §4).
    pub fn replaces(&self) -> Option<Replaces> {
        self.headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("Replaces"))
            .and_then(|(_, value)| unescape(value).parse().ok())
    }
}

#[cfg(test)]
mod tests;
