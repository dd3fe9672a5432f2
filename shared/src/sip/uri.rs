//! URIs: `sip:`, `sips:`, `tel:` and any other scheme kept as text; comparison after RFC 3261 §19.1.4.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
        self.params.get("transport").and_then(Transport::from_token)
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

    /// Equivalence after RFC 3261 §19.1.4 (RFC 3966 §4 for `tel:`).
    pub fn same(&self, other: &Uri) -> bool {
        if self.scheme != other.scheme {
            return false;
        }
        if self.scheme == Scheme::Tel {
            return digits(self.user.as_deref()) == digits(other.user.as_deref())
                && self.params_match(other, true);
        }
        if !self.is_sip() {
            return self == other;
        }
        let text = |part: &Option<String>| part.as_deref().map(unescape);
        text(&self.user) == text(&other.user)
            && text(&self.password) == text(&other.password)
            && self.same_host(other)
            && self.port == other.port
            && self.params_match(other, false)
            && self.headers_match(other)
    }

    fn same_host(&self, other: &Uri) -> bool {
        match (self.ip(), other.ip()) {
            (Some(own), Some(their)) => own == their,
            (None, None) => {
                self.host.trim_end_matches('.').eq_ignore_ascii_case(other.host.trim_end_matches('.'))
            }
            _ => false,
        }
    }

    fn params_match(&self, other: &Uri, all: bool) -> bool {
        // What is in both must be equal; these must be in both or in none.
        let must = ["user", "ttl", "method", "maddr", "transport"];
        let one_way = |left: &Uri, right: &Uri| {
            left.params.iter().all(|(name, value)| match right.params.find(name) {
                Some(theirs) => unescape(value.unwrap_or_default())
                    .eq_ignore_ascii_case(&unescape(theirs.unwrap_or_default())),
                None => !all && !must.iter().any(|known| known.eq_ignore_ascii_case(name)),
            })
        };
        one_way(self, other) && one_way(other, self)
    }

    fn headers_match(&self, other: &Uri) -> bool {
        self.headers.len() == other.headers.len()
            && self
                .headers
                .iter()
                .all(|(name, value)| other.header(name).is_some_and(|theirs| theirs == unescape(value)))
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
        let fail = |what| Err(UriError { text: text.chars().take(120).collect(), what });
        if text.len() > MAX_LEN {
            return fail("too long");
        }
        if text.chars().any(|c| c.is_ascii_control() || matches!(c, ' ' | '<' | '>' | '"')) {
            return fail("a character that must be escaped");
        }
        let Some((scheme, rest)) = text.split_once(':') else {
            return fail("no scheme");
        };
        let lower = scheme.to_ascii_lowercase();
        let valid = lower.starts_with(|c: char| c.is_ascii_alphabetic())
            && lower.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
        if !valid {
            return fail("no scheme");
        }
        let scheme = match lower.as_str() {
            "sip" => Scheme::Sip,
            "sips" => Scheme::Sips,
            "tel" => Scheme::Tel,
            _ => Scheme::Other(lower),
        };
        let mut uri = Uri {
            scheme,
            user: None,
            password: None,
            host: String::new(),
            port: None,
            params: Params::default(),
            headers: Vec::new(),
        };
        match uri.scheme {
            Scheme::Other(_) => {
                uri.user = Some(rest.into());
                return Ok(uri);
            }
            Scheme::Tel => {
                let (number, params) = cut(rest, ';');
                if number.is_empty() {
                    return fail("no number");
                }
                uri.user = Some(number.into());
                uri.params = params.map(read_params).unwrap_or_default();
                return Ok(uri);
            }
            Scheme::Sip | Scheme::Sips => {}
        }
        // The user part may hold ';' and '?' (RFC 3261 §25.1, user-unreserved), so the '@' is looked for first;
        // an '@' within the headers is escaped by those who know, so the first one counts.
        let (userinfo, rest) = match rest.split_once('@') {
            Some((userinfo, rest)) => (Some(userinfo), rest),
            None => (None, rest),
        };
        if let Some(userinfo) = userinfo {
            let (user, password) = cut(userinfo, ':');
            if user.is_empty() {
                return fail("an empty user before @");
            }
            uri.user = Some(user.into());
            uri.password = password.map(Into::into);
        }
        let (rest, headers) = cut(rest, '?');
        if let Some(headers) = headers {
            uri.headers = headers
                .split('&')
                .filter(|header| !header.is_empty())
                .map(|header| {
                    let (name, value) = cut(header, '=');
                    (name.into(), value.unwrap_or_default().into())
                })
                .collect();
        }
        let (hostport, params) = cut(rest, ';');
        uri.params = params.map(read_params).unwrap_or_default();
        match read_hostport(hostport) {
            Some((host, port)) => {
                uri.host = host;
                uri.port = port;
                Ok(uri)
            }
            None => fail("no host, or a port that is no number"),
        }
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

/// The host and the port of `host[:port]`; `None` when it is neither name nor address.
pub fn read_hostport(text: &str) -> Option<(String, Option<u16>)> {
    let text = text.trim();
    let (host, port) = if text.starts_with('[') {
        let end = text.find(']')?;
        let (host, rest) = text.split_at_checked(end + 1)?;
        let inner = host.get(1..host.len() - 1)?;
        inner.parse::<std::net::Ipv6Addr>().ok()?;
        match rest.trim_start().strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if rest.trim().is_empty() => (host, None),
            None => return None,
        }
    } else {
        match text.split_once(':') {
            Some((host, port)) => (host.trim_end(), Some(port)),
            None => (text, None),
        }
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if host.is_empty() || !(host.starts_with('[') || host.chars().all(fits)) {
        return None;
    }
    let port = match port {
        Some(port) if port.trim().bytes().all(|b| b.is_ascii_digit()) => Some(port.trim().parse().ok()?),
        Some(_) => return None,
        None => None,
    };
    Some((host.into(), port))
}

/// An address as the host of a URI or Via: IPv6 in brackets.
pub fn host_of(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// Undoes `%41`; what is no UTF-8 afterwards is damaged, broken escapes stay.
pub fn unescape(text: &str) -> String {
    if !text.contains('%') {
        return text.into();
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let decoded = text.get(at + 1..at + 3).filter(|_| *byte == b'%').and_then(|hex| {
            hex.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u8::from_str_radix(hex, 16).ok()).flatten()
        });
        match decoded {
            Some(decoded) => {
                out.push(decoded);
                at += 3;
            }
            None => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Escapes what must not stand in a user part (RFC 3261 §25.1, `user`). An escape that is there already stays.
pub fn escape_user(user: &str) -> String {
    escape(user, "-_.!~*'()&=+$,;?/%")
}

/// Escapes the value of a URI header such as `Replaces` (RFC 3261 §25.1, `hvalue`).
pub fn escape_header(value: &str) -> String {
    escape(value, "-_.!~*'()[]/?:+$")
}

fn escape(text: &str, allowed: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let c = char::from(byte);
        if c.is_ascii_alphanumeric() || (c.is_ascii() && allowed.contains(c)) {
            out.push(c);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn read_params(text: &str) -> Params {
    text.split(';')
        .filter(|param| !param.is_empty())
        .map(|param| {
            let (name, value) = cut(param, '=');
            (name.to_owned(), value.map(str::to_owned))
        })
        .collect()
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((left, right)) => (left, Some(right)),
        None => (text, None),
    }
}

fn digits(number: Option<&str>) -> Option<String> {
    // RFC 3966 §3: visual separators mean nothing.
    number.map(|number| {
        number
            .chars()
            .filter(|c| !matches!(c, '-' | '.' | '(' | ')'))
            .map(|c| c.to_ascii_lowercase())
            .collect()
    })
}

/// Longer texts are no URIs to us.
const MAX_LEN: usize = 8192;

#[cfg(test)]
#[path = "uri_tests.rs"]
mod tests;
