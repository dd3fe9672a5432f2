//! Requests and responses as values: own start line, rsip's headers, bytes as body.

mod body;
mod headers;
mod multipart;
mod phrase;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use body::{Body, MAX_DEPTH, MAX_PARTS};
pub use headers::{Headers, Name};
pub(super) use headers::{clean_value, is_clean};
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
    let content_type = headers.value(Name::ContentType).unwrap_or("application/sdp");
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

    /// The session description, out of a multipart where it is in one; a body that has none as it is.
    pub fn session_body(&self) -> Option<Body> {
        self.body().map(Body::into_session)
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
        let route = status > 100 && status < 300;
        let mut headers = Headers::with_capacity(12);
        headers.copy(&self.headers, |name| match name {
            Name::Via | Name::From | Name::To | Name::CallId | Name::CSeq => true,
            Name::Timestamp => status == 100,
            Name::RecordRoute => route,
            _ => false,
        });
        if let Some(tag) = to_tag.filter(|_| status > 100)
            && let Some(to) = self.headers.value(Name::To)
            && super::header::find_tag(to).is_none()
        {
            headers.set("To", format!("{to};tag={tag}"));
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

    /// The session description, out of a multipart where it is in one; a body that has none as it is.
    pub fn session_body(&self) -> Option<Body> {
        self.body().map(Body::into_session)
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
