//! Via (RFC 3261 §20.42).

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::text::{is_token, split};
use super::{HeaderError, Params, error};
use crate::sip::uri::hostport;

/// One Via value (RFC 3261 §20.42).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Via {
    /// `UDP`, `TCP`, `TLS`, … in upper case.
    pub transport: Cow<'static, str>,
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
        let read = || {
            let parts = Parts::cut(text)?;
            Some(Via {
                transport: transport(parts.transport),
                host: parts.host.into(),
                port: parts.port,
                params: Params::read(parts.params)?,
            })
        };
        read().ok_or_else(|| error(text, "a Via"))
    }
}

struct Parts<'a> {
    transport: &'a str,
    host: &'a str,
    port: Option<u16>,
    params: &'a str,
}

impl<'a> Parts<'a> {
    fn cut(text: &'a str) -> Option<Parts<'a>> {
        let (name, rest) = text.split_once('/')?;
        let (version, rest) = rest.split_once('/')?;
        if !name.trim().eq_ignore_ascii_case("SIP") || version.trim() != "2.0" {
            return None;
        }
        let (transport, rest) = rest.trim_start().split_once([' ', '\t'])?;
        let (sent_by, params) = rest.split_once(';').unwrap_or((rest, ""));
        let (host, port) = hostport(sent_by)?;
        let params = params.trim();
        // An empty parameter (";;") is malformed here (RFC 4475 §3.1.2.1), elsewhere it is let pass.
        if !is_token(transport)
            || (!params.is_empty() && split(params, ';').any(|part| part.trim().is_empty()))
        {
            return None;
        }
        Some(Parts { transport, host, port, params })
    }
}

/// True for what can be read as a Via; nothing is made of it.
pub(in crate::sip) fn is_via(text: &str) -> bool {
    Parts::cut(text).is_some_and(|parts| super::params::are_valid(parts.params))
}

/// The parameters of a Via, as written.
pub(in crate::sip) fn params_of(text: &str) -> &str {
    Parts::cut(text).map_or("", |parts| parts.params)
}

fn transport(text: &str) -> Cow<'static, str> {
    match ["UDP", "TCP", "TLS", "WS", "WSS", "SCTP"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(text))
    {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(text.to_ascii_uppercase()),
    }
}
