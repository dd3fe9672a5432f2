//! Own typed views of header values; rsip's fail on IPv6 literals, quoted parameters and lists.

mod address;
mod params;
mod reliable;
mod text;
mod via;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use address::NameAddr;
pub use params::Params;
pub use reliable::RAck;
pub use text::{is_token, quote, split, unquote};
pub(super) use via::is_via;
pub use via::{MAGIC, Via};

use super::message::{Headers, Method, Name};
use super::uri::{Uri, unescape};

/// A value that cannot be read as what its header says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read {text:?} as {what}")]
pub struct HeaderError {
    text: String,
    what: &'static str,
}

fn error(text: &str, what: &'static str) -> HeaderError {
    HeaderError { text: text.chars().take(120).collect(), what }
}

fn fail<T>(text: &str, what: &'static str) -> Result<T, HeaderError> {
    Err(error(text, what))
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
    find_tag(value).map(Cow::into_owned)
}

/// The same, borrowed: nothing is made of the rest of the value.
pub fn find_tag(value: &str) -> Option<Cow<'_, str>> {
    let params = address::Parts::cut(value)?.params;
    params::value(params, "tag").filter(|tag| !tag.is_empty())
}

/// True for what can be read as a [`NameAddr`]; nothing is made of it.
pub(super) fn is_address(value: &str) -> bool {
    address::Parts::cut(value).is_some_and(|parts| parts.is_valid())
}

/// True when no parameter of `names` stands behind this From, To or Via twice: readers who take another one than
/// we do would see another dialog or transaction (RFC 3261 §7.3.1 forbids it).
pub(super) fn says_once(value: &str, names: &[&str]) -> bool {
    let params = address::Parts::cut(value).map_or_else(|| via::params_of(value), |parts| parts.params);
    let times =
        |name: &str| params::items(params).filter(|(have, _)| have.eq_ignore_ascii_case(name)).count();
    names.iter().all(|name| times(name) < 2)
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
        self.value(Name::Via)?.parse().ok()
    }

    /// CSeq.
    pub fn cseq(&self) -> Option<CSeq> {
        self.value(Name::CSeq)?.parse().ok()
    }

    /// The tag of To: what makes a request one within a dialog (RFC 3261 §12.2).
    pub fn to_tag(&self) -> Option<Cow<'_, str>> {
        find_tag(self.value(Name::To)?)
    }

    /// The tag of From.
    pub fn from_tag(&self) -> Option<Cow<'_, str>> {
        find_tag(self.value(Name::From)?)
    }

    /// Call-ID; empty when missing.
    pub fn call_id(&self) -> &str {
        self.value(Name::CallId).unwrap_or_default()
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
