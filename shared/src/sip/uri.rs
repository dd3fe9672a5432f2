//! URIs: `sip:`, `sips:`, `tel:` and any other scheme kept as text; comparison after RFC 3261 §19.1.4.

mod escape;
mod read;
mod same;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use escape::{escape_header, escape_user, unescape};
pub(super) use read::{MAX_LEN, is_uri};
pub use read::{hostport, read_hostport};

use super::api::Transport;
use super::header::Params;

/// The scheme of a URI.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// RFC 3261.
    Sip,
    /// RFC 3261 over TLS.
    Sips,
    /// RFC 3966: the number is in `user`, the host is empty.
    Tel,
    /// Anything else, in lower case: the rest is in `user`, the host is empty.
    Other(String),
}

impl Scheme {
    /// The text before the colon.
    pub fn as_str(&self) -> &str {
        match self {
            Scheme::Sip => "sip",
            Scheme::Sips => "sips",
            Scheme::Tel => "tel",
            Scheme::Other(name) => name,
        }
    }
}

/// A URI in its parts. User, password and parameters are kept as written, escapes and all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uri {
    /// What kind.
    pub scheme: Scheme,
    /// User part, number of a `tel:`, or the rest of another scheme.
    pub user: Option<String>,
    /// After the user's colon; deprecated, but written by some.
    pub password: Option<String>,
    /// Name or address; IPv6 with its brackets.
    pub host: String,
    /// Port, if written.
    pub port: Option<u16>,
    /// `;transport=tcp;lr`, without quotes.
    pub params: Params,
    /// `?Replaces=…`, still escaped.
    pub headers: Vec<(String, String)>,
}

/// Why a text is no URI.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read {text:?} as a URI: {what}")]
pub struct UriError {
    text: String,
    what: &'static str,
}

impl Uri {
    /// `sip:user@host` or, without a user, `sip:host`. The host may carry a port.
    pub fn sip(user: Option<&str>, host: &str) -> Result<Uri, UriError> {
        match user {
            Some(user) => format!("sip:{}@{host}", escape_user(user)).parse(),
            None => format!("sip:{host}").parse(),
        }
    }

    /// `sip:user@address:port`, with `;transport=tcp` for TCP and `;transport=tls` for TLS. Port 0 is left out.
    pub fn from_address(user: Option<&str>, address: SocketAddr, transport: Transport) -> Uri {
        let mut params = Params::default();
        if transport != Transport::Udp {
            params.set("transport", Some(transport.as_param()));
        }
        Uri {
            scheme: Scheme::Sip,
            user: user.filter(|user| !user.is_empty()).map(escape_user),
            password: None,
            host: host_of(address.ip()),
            port: Some(address.port()).filter(|port| *port != 0),
            params,
            headers: Vec::new(),
        }
    }

    /// A `tel:` URI (RFC 3966).
    pub fn tel(number: &str) -> Uri {
        Uri {
            scheme: Scheme::Tel,
            user: Some(number.into()),
            password: None,
            host: String::new(),
            port: None,
            params: Params::default(),
            headers: Vec::new(),
        }
    }

    /// True for `sip:` and `sips:`.
    pub fn is_sip(&self) -> bool {
        matches!(self.scheme, Scheme::Sip | Scheme::Sips)
    }

    /// The user part without its escapes.
    pub fn user_unescaped(&self) -> Option<String> {
        self.user.as_deref().map(unescape)
    }

    /// The host as an address, when it is a literal.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }

    /// The `transport` parameter, when it names one that we know.
    pub fn transport(&self) -> Option<Transport> {
        self.param("transport").flatten().and_then(Transport::from_token)
    }

    /// A parameter: `Some(None)` when it has no value. Its name may be written with escapes (RFC 3261 §19.1.4:
    /// `;%6C%72` is `;lr`).
    pub fn param(&self, name: &str) -> Option<Option<&str>> {
        let is = |have: &str| {
            have.eq_ignore_ascii_case(name)
                || (have.contains('%') && unescape(have).eq_ignore_ascii_case(name))
        };
        self.params.iter().find(|(have, _)| is(have)).map(|(_, value)| value)
    }

    /// The same as `sips:`, without a `transport` that says less (RFC 5630 §3.1.3).
    pub fn to_sips(&self) -> Uri {
        let mut uri = self.clone();
        uri.scheme = Scheme::Sips;
        uri.params.remove("transport");
        uri
    }

    /// The value of a URI header such as `Replaces`, without its escapes.
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers
            .iter()
            .find(|(have, _)| have.eq_ignore_ascii_case(name))
            .map(|(_, value)| unescape(value))
    }

    /// The same without what does not belong into a Request-URI (RFC 3261 §19.1.1): headers and `method`.
    pub fn to_request_uri(&self) -> Uri {
        let mut uri = self.clone();
        uri.headers.clear();
        uri.params.remove("method");
        uri
    }

    /// The same without parameters, headers, port and password: an address of record.
    pub fn to_aor(&self) -> Uri {
        Uri {
            scheme: self.scheme.clone(),
            user: self.user.clone(),
            password: None,
            host: self.host.clone(),
            port: None,
            params: Params::default(),
            headers: Vec::new(),
        }
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.scheme.as_str())?;
        if let Some(user) = &self.user {
            f.write_str(user)?;
        }
        if self.is_sip() {
            if let Some(password) = &self.password {
                write!(f, ":{password}")?;
            }
            if self.user.is_some() {
                f.write_str("@")?;
            }
            f.write_str(&self.host)?;
            if let Some(port) = self.port {
                write!(f, ":{port}")?;
            }
        }
        for (name, value) in self.params.iter() {
            match value {
                Some(value) => write!(f, ";{name}={value}")?,
                None => write!(f, ";{name}")?,
            }
        }
        for (index, (name, value)) in self.headers.iter().enumerate() {
            write!(f, "{}{name}={value}", if index == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

impl FromStr for Uri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Uri, UriError> {
        let parts =
            read::cut(text).map_err(|what| UriError { text: text.chars().take(120).collect(), what })?;
        let owned = |text: &str| text.to_owned();
        Ok(Uri {
            scheme: match parts.scheme {
                "sip" => Scheme::Sip,
                "sips" => Scheme::Sips,
                "tel" => Scheme::Tel,
                other if other.eq_ignore_ascii_case("sip") => Scheme::Sip,
                other if other.eq_ignore_ascii_case("sips") => Scheme::Sips,
                other if other.eq_ignore_ascii_case("tel") => Scheme::Tel,
                other => Scheme::Other(other.to_ascii_lowercase()),
            },
            user: parts.user.map(owned),
            password: parts.password.map(owned),
            host: parts.host.to_owned(),
            port: parts.port,
            params: read::items(parts.params, ';')
                .map(|(name, value)| (name.to_owned(), value.map(owned)))
                .collect(),
            headers: read::items(parts.headers, '&')
                .map(|(name, value)| (name.to_owned(), value.unwrap_or_default().to_owned()))
                .collect(),
        })
    }
}

impl Serialize for Uri {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Uri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// An address as the host of a URI or Via: IPv6 in brackets.
pub fn host_of(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

#[cfg(test)]
#[path = "uri_tests.rs"]
mod tests;
