//! Requests and responses as values: own start line, rsip's headers, bytes as body.

mod phrase;

use std::fmt;
use std::str::FromStr;

use rsip::headers::UntypedHeader;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use phrase::phrase;

use super::uri::Uri;

/// A request method. Tokens are case-sensitive (RFC 3261 §7.1); unknown ones are kept so that they can be
/// answered 405 or 501.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// RFC 3261 §13.
    Invite,
    /// RFC 3261 §17.1.1.3.
    Ack,
    /// RFC 3261 §15.
    Bye,
    /// RFC 3261 §9.
    Cancel,
    /// RFC 3261 §11.
    Options,
    /// RFC 3261 §10.
    Register,
    /// RFC 6086.
    Info,
    /// RFC 3515.
    Refer,
    /// RFC 6665.
    Notify,
    /// RFC 6665.
    Subscribe,
    /// RFC 3428.
    Message,
    /// RFC 3311.
    Update,
    /// RFC 3262.
    Prack,
    /// RFC 3903.
    Publish,
    /// Any other token.
    Other(String),
}

impl Method {
    /// The token.
    pub fn as_str(&self) -> &str {
        match self {
            Method::Invite => "INVITE",
            Method::Ack => "ACK",
            Method::Bye => "BYE",
            Method::Cancel => "CANCEL",
            Method::Options => "OPTIONS",
            Method::Register => "REGISTER",
            Method::Info => "INFO",
            Method::Refer => "REFER",
            Method::Notify => "NOTIFY",
            Method::Subscribe => "SUBSCRIBE",
            Method::Message => "MESSAGE",
            Method::Update => "UPDATE",
            Method::Prack => "PRACK",
            Method::Publish => "PUBLISH",
            Method::Other(token) => token,
        }
    }

    /// From any token; never fails.
    pub fn from_token(token: &str) -> Method {
        const KNOWN: [Method; 14] = [
            Method::Invite,
            Method::Ack,
            Method::Bye,
            Method::Cancel,
            Method::Options,
            Method::Register,
            Method::Info,
            Method::Refer,
            Method::Notify,
            Method::Subscribe,
            Method::Message,
            Method::Update,
            Method::Prack,
            Method::Publish,
        ];
        KNOWN.into_iter().find(|known| known.as_str() == token).unwrap_or_else(|| Method::Other(token.into()))
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Method {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Method {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        Ok(Method::from_token(&text))
    }
}

/// The header fields of a message in their order, held by rsip. One field holds one value: the reader splits
/// lists of Via, Route, Contact and the like.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Headers(rsip::Headers);

macro_rules! names {
    ($($variant:ident $name:literal)*) => {
        fn make(name: &str, value: &str) -> rsip::Header {
            $(if name.eq_ignore_ascii_case($name) {
                return rsip::Header::$variant(rsip::headers::$variant::new(value));
            })*
            rsip::Header::Other(name.into(), value.into())
        }

        fn parts(header: &rsip::Header) -> (&str, &str) {
            match header {
                $(rsip::Header::$variant(inner) => ($name, inner.value()),)*
                rsip::Header::Other(name, value) => (name, value),
            }
        }
    };
}

names! {
    Via "Via"
    From "From"
    To "To"
    CallId "Call-ID"
    CSeq "CSeq"
    Contact "Contact"
    MaxForwards "Max-Forwards"
    Route "Route"
    RecordRoute "Record-Route"
    ContentType "Content-Type"
    ContentLength "Content-Length"
    UserAgent "User-Agent"
    Server "Server"
    Allow "Allow"
    Supported "Supported"
    Require "Require"
    Expires "Expires"
    Authorization "Authorization"
    ProxyAuthorization "Proxy-Authorization"
    WwwAuthenticate "WWW-Authenticate"
    ProxyAuthenticate "Proxy-Authenticate"
    AuthenticationInfo "Authentication-Info"
    Accept "Accept"
    AcceptEncoding "Accept-Encoding"
    AcceptLanguage "Accept-Language"
    AlertInfo "Alert-Info"
    CallInfo "Call-Info"
    ContentDisposition "Content-Disposition"
    ContentEncoding "Content-Encoding"
    ContentLanguage "Content-Language"
    Date "Date"
    ErrorInfo "Error-Info"
    Event "Event"
    InReplyTo "In-Reply-To"
    MimeVersion "MIME-Version"
    MinExpires "Min-Expires"
    Organization "Organization"
    Priority "Priority"
    ProxyRequire "Proxy-Require"
    ReplyTo "Reply-To"
    RetryAfter "Retry-After"
    Subject "Subject"
    SubscriptionState "Subscription-State"
    Timestamp "Timestamp"
    Unsupported "Unsupported"
    Warning "Warning"
}

impl Headers {
    /// No headers.
    pub fn new() -> Headers {
        Headers::default()
    }

    /// The first value of `name`, in any case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// All values of `name` in their order.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.iter().filter(move |(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// True when `name` is there.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// True when a comma list such as Supported, Require or Allow holds `token`, in any case.
    pub fn lists(&self, name: &str, token: &str) -> bool {
        self.all(name).any(|value| value.split(',').any(|item| item.trim().eq_ignore_ascii_case(token)))
    }

    /// Name and value of each field.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(parts)
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.0.iter().count()
    }

    /// True without any field.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a field at the end. Line ends in `name` and `value` become spaces, so that no value that came from
    /// outside can smuggle in a header of its own.
    pub fn push(&mut self, name: &str, value: impl AsRef<str>) {
        self.0.push(clean(name, value.as_ref()));
    }

    /// Adds a field at the front: Via.
    pub fn push_front(&mut self, name: &str, value: impl AsRef<str>) {
        let mut fields = vec![clean(name, value.as_ref())];
        fields.extend(std::mem::take(&mut self.0));
        self.0 = fields.into();
    }

    /// Puts `value` in place of all values of `name`.
    pub fn set(&mut self, name: &str, value: impl AsRef<str>) {
        let made = clean(name, value.as_ref());
        let mut done = false;
        let mut fields: Vec<rsip::Header> = Vec::with_capacity(self.len() + 1);
        for header in std::mem::take(&mut self.0) {
            if !parts(&header).0.eq_ignore_ascii_case(name) {
                fields.push(header);
            } else if !done {
                done = true;
                fields.push(made.clone());
            }
        }
        if !done {
            fields.push(made);
        }
        self.0 = fields.into();
    }

    /// Removes all values of `name`.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|header| !parts(header).0.eq_ignore_ascii_case(name));
    }

    /// Adds what a user gave.
    pub fn extend(&mut self, fields: &[(String, String)]) {
        for (name, value) in fields {
            self.push(name, value);
        }
    }
}

fn clean(name: &str, value: &str) -> rsip::Header {
    if name.contains(['\r', '\n', '\0', ':']) || value.contains(['\r', '\n', '\0']) {
        let value: String =
            value.chars().map(|c| if matches!(c, '\r' | '\n' | '\0') { ' ' } else { c }).collect();
        let name: String = name.chars().filter(|c| !matches!(c, '\r' | '\n' | '\0' | ':')).collect();
        return make(&name, &value);
    }
    make(name, value)
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in fields {
            headers.push(name.as_ref(), value);
        }
        headers
    }
}

impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Vec::<(String, String)>::deserialize(deserializer)?;
        Ok(fields.into_iter().collect())
    }
}

/// What a message carries.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// Value of Content-Type.
    pub content_type: String,
    /// Any bytes.
    pub bytes: Vec<u8>,
}

impl Body {
    /// An SDP body.
    pub fn sdp(text: impl Into<Vec<u8>>) -> Body {
        Body { content_type: "application/sdp".into(), bytes: text.into() }
    }

    /// Any body.
    pub fn new(content_type: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Body {
        Body { content_type: content_type.into(), bytes: bytes.into() }
    }

    /// True for this media type, in any case and without its parameters.
    pub fn is(&self, media_type: &str) -> bool {
        self.content_type.split(';').next().is_some_and(|main| main.trim().eq_ignore_ascii_case(media_type))
    }

    /// The bytes as text, damaged where they are not UTF-8.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({}, {:?})", self.content_type, self.text())
    }
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What is asked.
    pub method: Method,
    /// The Request-URI.
    pub uri: Uri,
    /// All headers but Content-Length, which the writer makes.
    pub headers: Headers,
    /// May be empty.
    pub body: Vec<u8>,
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// 100 to 699.
    pub status: u16,
    /// May be empty.
    pub reason: String,
    /// All headers but Content-Length, which the writer makes.
    pub headers: Headers,
    /// May be empty.
    pub body: Vec<u8>,
}

/// Either.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
}

impl Message {
    /// The headers of either.
    pub fn headers(&self) -> &Headers {
        match self {
            Message::Request(request) => &request.headers,
            Message::Response(response) => &response.headers,
        }
    }
}

fn body(headers: &Headers, bytes: &[u8]) -> Option<Body> {
    if bytes.is_empty() {
        return None;
    }
    // RFC 3261 §20.15: a body without Content-Type is not allowed; SDP is what such senders mean.
    let content_type = headers.get("Content-Type").unwrap_or("application/sdp");
    Some(Body::new(content_type, bytes))
}

impl Request {
    /// A request without headers.
    pub fn new(method: Method, uri: Uri) -> Request {
        Request { method, uri, headers: Headers::new(), body: Vec::new() }
    }

    /// Body with its type; `None` when empty.
    pub fn body(&self) -> Option<Body> {
        body(&self.headers, &self.body)
    }

    /// Puts a body and its type in.
    pub fn set_body(&mut self, body: Option<&Body>) {
        self.headers.remove("Content-Type");
        self.body.clear();
        if let Some(body) = body {
            self.headers.push("Content-Type", &body.content_type);
            self.body.extend_from_slice(&body.bytes);
        }
    }

    /// A response with Via, From, To, Call-ID, CSeq and, below 300 with a dialog, Record-Route of this request
    /// (RFC 3261 §8.2.6.2, §12.1.1). `to_tag` is added when To has no tag.
    pub fn reply(&self, status: u16, reason: &str, to_tag: Option<&str>) -> Response {
        let mut headers = Headers::new();
        for (name, value) in self.headers.iter() {
            match name {
                "Via" | "From" | "Call-ID" | "CSeq" => headers.push(name, value),
                "Timestamp" if status == 100 => headers.push(name, value),
                "Record-Route" if status > 100 && status < 300 => headers.push(name, value),
                "To" => match to_tag {
                    Some(tag) if status > 100 && super::header::tag(value).is_none() => {
                        headers.push(name, format!("{value};tag={tag}"));
                    }
                    _ => headers.push(name, value),
                },
                _ => {}
            }
        }
        let reason = if reason.is_empty() { phrase(status) } else { reason };
        Response { status, reason: reason.into(), headers, body: Vec::new() }
    }
}

impl Response {
    /// Body with its type; `None` when empty.
    pub fn body(&self) -> Option<Body> {
        body(&self.headers, &self.body)
    }

    /// Puts a body and its type in.
    pub fn set_body(&mut self, body: Option<&Body>) {
        self.headers.remove("Content-Type");
        self.body.clear();
        if let Some(body) = body {
            self.headers.push("Content-Type", &body.content_type);
            self.body.extend_from_slice(&body.bytes);
        }
    }
}

/// A text that is no method token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read {0:?} as a method")]
pub struct MethodError(String);

impl FromStr for Method {
    type Err = MethodError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if super::header::is_token(text) {
            Ok(Method::from_token(text))
        } else {
            Err(MethodError(text.chars().take(40).collect()))
        }
    }
}
