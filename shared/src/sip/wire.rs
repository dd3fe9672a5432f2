//! Bytes to messages and back: the only place that knows how SIP looks on the wire.
//!
//! Reading is tolerant: leading line ends, LF alone, folded lines, compact names, space before the colon, lists on
//! one line, Latin-1 and unknown methods are all taken in. What comes out is canonical: long
//! names, one value a field, Content-Length applied and gone. A request that is wrong is still returned, with the
//! [`Fault`] to answer it with; a wrong response is an error and dropped.

mod check;
mod head;
mod write;

use super::message::{Headers, Message, Method, Request, Response};
use super::uri::{Scheme, Uri};

pub(in crate::sip) use head::{Fields, Length};
pub use head::{MAX_FIELDS, MAX_VALUE_LEN};
pub use write::{write_request, write_response};

/// Why bytes are no message that could be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Nothing but line ends: a keep-alive.
    #[error("read a message from line ends only")]
    Empty,
    /// The first line is no start line, or the header block does not end.
    #[error("read a start line and a header block")]
    NotSip,
    /// A response that breaks the rules; RFC 3261 §18.1.2 drops it.
    #[error("read a response: {0}")]
    BadResponse(&'static str),
}

/// What is wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// 400, 414, 501, 505 or 513.
    pub status: u16,
    /// Goes into the reason phrase, so that the other side's engineer knows.
    pub reason: &'static str,
}

/// A message, and for a request perhaps what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// As far as it could be read.
    pub message: Message,
    /// Answer with this instead of acting on it.
    pub fault: Option<Fault>,
}

/// Reads one datagram, or one message that [`stream`](super::stream) cut out.
///
/// # Errors
/// [`ReadError`] when nothing can or need be answered.
pub fn read(bytes: &[u8]) -> Result<Reading, ReadError> {
    let start = bytes.iter().position(|b| !matches!(b, b'\r' | b'\n' | 0)).ok_or(ReadError::Empty)?;
    let bytes = bytes.get(start..).unwrap_or_default();
    let Some((first, rest)) = memchr::memchr(b'\n', bytes).and_then(|end| bytes.split_at_checked(end)) else {
        let blank = bytes.iter().all(u8::is_ascii_whitespace);
        return Err(if blank { ReadError::Empty } else { ReadError::NotSip });
    };
    let first = head::text(first.trim_ascii_end());
    let is_response = first.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("SIP/"));
    if !is_response && !first.contains(' ') {
        return Err(ReadError::NotSip);
    }
    let mut fields = Fields::new(rest.get(1..).unwrap_or_default());
    let (headers, length, mut fault) = head::read(&mut fields);
    let rest = fields.rest().ok_or(ReadError::NotSip)?;
    let body = cut_body(length, rest, &mut fault);
    if is_response {
        return read_response(&first, headers, body, fault);
    }
    let (method, uri) = read_request_line(&first, &mut fault)?;
    let request = Request { method, uri, headers, body: body.to_vec() };
    let fault = fault.or_else(|| check::request(&request));
    Ok(Reading { message: Message::Request(request), fault })
}

/// Where the header block ends: its bytes without the empty line, and what follows.
pub(super) fn cut_head(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    memchr::memchr_iter(b'\n', bytes).find_map(|line_end| {
        let next = bytes.get(line_end + 1..)?;
        let rest = next.strip_prefix(b"\r\n").or_else(|| next.strip_prefix(b"\n"))?;
        Some((bytes.get(..line_end)?, rest))
    })
}

fn read_request_line(line: &str, fault: &mut Option<Fault>) -> Result<(Method, Uri), ReadError> {
    let (method, rest) = line.split_once(' ').ok_or(ReadError::NotSip)?;
    let method: Method = method.parse().map_err(|_| ReadError::NotSip)?;
    // The Request-URI ends at the last space; spaces within make it malformed (RFC 4475 §3.1.2.6).
    let (text, version) = rest.rsplit_once(' ').ok_or(ReadError::NotSip)?;
    let number = version.get(..4).filter(|name| name.eq_ignore_ascii_case("SIP/")).and(version.get(4..));
    match number {
        Some("2.0") => {}
        Some(_) => *fault = Some(Fault { status: 505, reason: "Version Not Supported" }),
        None => return Err(ReadError::NotSip),
    }
    let uri = match text.parse::<Uri>() {
        Ok(uri) => {
            if !uri.headers.is_empty() {
                // RFC 3261 §19.1.1: not allowed here; copied into the request they would smuggle (RFC 4475 §3.1.2.11).
                fault.get_or_insert(Fault { status: 400, reason: "Headers in the Request-URI" });
            }
            uri
        }
        Err(_) => {
            fault.get_or_insert(if text.len() > MAX_URI_LEN {
                Fault { status: 414, reason: "Request-URI Too Long" }
            } else {
                Fault { status: 400, reason: "Bad Request-URI" }
            });
            let text = text.chars().filter(|c| !c.is_control() && *c != ' ').take(200).collect();
            Uri { user: Some(text), scheme: Scheme::Other("invalid".into()), ..Uri::tel("") }
        }
    };
    Ok((method, uri))
}

fn read_response(
    line: &str,
    headers: Headers,
    body: &[u8],
    fault: Option<Fault>,
) -> Result<Reading, ReadError> {
    if let Some(fault) = fault {
        return Err(ReadError::BadResponse(fault.reason));
    }
    let mut parts = line.splitn(3, ' ');
    let version = parts.next().unwrap_or_default();
    if !version.eq_ignore_ascii_case("SIP/2.0") {
        return Err(ReadError::BadResponse("version"));
    }
    let code = parts.next().unwrap_or_default();
    let status = match code.parse::<u16>() {
        Ok(status) if code.len() == 3 && (100..700).contains(&status) => status,
        _ => return Err(ReadError::BadResponse("status")),
    };
    let reason = parts.next().unwrap_or_default().to_owned();
    check::response(&headers).map_err(ReadError::BadResponse)?;
    let response = Response { status, reason, headers, body: body.to_vec() };
    Ok(Reading { message: Message::Response(response), fault: None })
}

/// RFC 3261 §20.14 and §18.3: bytes beyond Content-Length are not part of the message.
fn cut_body<'a>(length: Length, rest: &'a [u8], fault: &mut Option<Fault>) -> &'a [u8] {
    let (body, reason) = match length {
        Length::Missing => return rest,
        Length::Is(length) => (rest.get(..length), "Content-Length Beyond the Message"),
        Length::Bad => (None, "Bad Content-Length"),
    };
    body.unwrap_or_else(|| {
        fault.get_or_insert(Fault { status: 400, reason });
        rest
    })
}

/// Longer Request-URIs are answered 414.
const MAX_URI_LEN: usize = super::uri::MAX_LEN;

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
