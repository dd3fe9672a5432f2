//! Bytes to messages and back: the only place that knows how SIP looks on the wire.
//!
//! Reading is tolerant: leading line ends, LF alone, folded lines, compact names, space before the colon, lists on
//! one line, other encodings than UTF-8 and unknown methods are all taken in. What comes out is canonical: long
//! names, one value a field, Content-Length applied and gone. A request that is wrong is still returned, with the
//! [`Fault`] to answer it with; a wrong response is an error and dropped.

use std::borrow::Cow;

use super::header::{CSeq, NameAddr, split};
use super::message::{Headers, Message, Method, Request, Response};
use super::uri::{Scheme, Uri};

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
    /// 400, 505 or 513.
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
    if bytes.iter().all(|b| b.is_ascii_whitespace()) {
        return Err(ReadError::Empty);
    }
    let (block, rest) = cut_head(bytes).ok_or(ReadError::NotSip)?;
    let mut lines = block.split(|b| *b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let first = String::from_utf8_lossy(lines.next().unwrap_or_default());
    let (mut headers, mut fault) = read_headers(lines);
    let body = apply_length(&mut headers, rest, &mut fault);
    let first = first.trim_end();
    if first.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("SIP/")) {
        return read_response(first, headers, body, fault);
    }
    let message = read_request_line(first, &mut fault)?;
    let request = Request { headers, body: body.to_vec(), ..message };
    if fault.is_none() {
        fault = check_request(&request);
    }
    Ok(Reading { message: Message::Request(request), fault })
}

/// The bytes of a request, Content-Length added.
pub fn write_request(request: &Request) -> Vec<u8> {
    let mut out = Vec::with_capacity(512 + request.body.len());
    push_all(&mut out, &[request.method.as_str(), " ", &request.uri.to_string(), " SIP/2.0\r\n"]);
    write_rest(out, &request.headers, &request.body)
}

/// The bytes of a response, Content-Length added.
pub fn write_response(response: &Response) -> Vec<u8> {
    let mut out = Vec::with_capacity(512 + response.body.len());
    let reason: Cow<'_, str> = if response.reason.contains(['\r', '\n']) {
        response.reason.replace(['\r', '\n'], " ").into()
    } else {
        response.reason.as_str().into()
    };
    push_all(&mut out, &["SIP/2.0 ", &response.status.to_string(), " ", &reason, "\r\n"]);
    write_rest(out, &response.headers, &response.body)
}

/// Value of Content-Length in a header block, without reading the rest; `Err` when it is no number or said twice
/// in different ways.
pub(super) fn length_of(block: &[u8]) -> Result<Option<usize>, ()> {
    let mut found: Option<usize> = None;
    for line in block.split(|b| *b == b'\n') {
        let Some(colon) = line.iter().position(|b| *b == b':') else { continue };
        let (name, value) = line.split_at(colon);
        let name = name.trim_ascii();
        if !name.eq_ignore_ascii_case(b"Content-Length") && !name.eq_ignore_ascii_case(b"l") {
            continue;
        }
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        let length = std::str::from_utf8(value).ok().and_then(length).ok_or(())?;
        if found.is_some_and(|before| before != length) {
            return Err(());
        }
        found = Some(length);
    }
    Ok(found)
}

/// Where the header block ends: its bytes without the empty line, and what follows.
pub(super) fn cut_head(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut from = 0;
    while let Some(at) = bytes.get(from..)?.iter().position(|b| *b == b'\n') {
        let line_end = from + at;
        let next = bytes.get(line_end + 1..)?;
        let skip = if next.starts_with(b"\r\n") {
            2
        } else if next.starts_with(b"\n") {
            1
        } else {
            from = line_end + 1;
            continue;
        };
        return Some((bytes.get(..line_end)?, next.get(skip..)?));
    }
    None
}

fn read_request_line(line: &str, fault: &mut Option<Fault>) -> Result<Request, ReadError> {
    let (method, rest) = line.split_once(' ').ok_or(ReadError::NotSip)?;
    let method: Method = method.parse().map_err(|_| ReadError::NotSip)?;
    // The Request-URI ends at the last space; spaces within make it malformed (RFC 4475 §3.1.2.6).
    let (uri, version) = rest.rsplit_once(' ').ok_or(ReadError::NotSip)?;
    let number = version.get(..4).filter(|name| name.eq_ignore_ascii_case("SIP/")).and(version.get(4..));
    match number {
        Some("2.0") => {}
        Some(_) => *fault = Some(Fault { status: 505, reason: "Version Not Supported" }),
        None => return Err(ReadError::NotSip),
    }
    let uri = uri.parse().unwrap_or_else(|_| {
        fault.get_or_insert(Fault { status: 400, reason: "Bad Request-URI" });
        let text = uri.chars().filter(|c| !c.is_control() && *c != ' ').take(200).collect();
        Uri { user: Some(text), scheme: Scheme::Other("invalid".into()), ..Uri::tel("") }
    });
    Ok(Request::new(method, uri))
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
    if headers.via().is_none() {
        return Err(ReadError::BadResponse("Via"));
    }
    if headers.cseq().is_none() {
        return Err(ReadError::BadResponse("CSeq"));
    }
    if headers.call_id().is_empty() {
        return Err(ReadError::BadResponse("Call-ID"));
    }
    if headers.address("From").is_none() || headers.address("To").is_none() {
        return Err(ReadError::BadResponse("From and To"));
    }
    let response = Response { status, reason, headers, body: body.to_vec() };
    Ok(Reading { message: Message::Response(response), fault: None })
}

/// What RFC 3261 §8.1.1 wants in every request, and what else would be acted upon wrongly.
fn check_request(request: &Request) -> Option<Fault> {
    let bad = |reason| Some(Fault { status: 400, reason });
    let headers = &request.headers;
    for (name, reason) in [
        ("From", "Exactly One From Expected"),
        ("To", "Exactly One To Expected"),
        ("Call-ID", "Exactly One Call-ID Expected"),
        ("CSeq", "Exactly One CSeq Expected"),
    ] {
        if headers.all(name).count() != 1 {
            return bad(reason);
        }
    }
    if headers.call_id().is_empty() {
        return bad("Bad Call-ID");
    }
    if headers.via().is_none() {
        return bad("Missing or Bad Via");
    }
    if headers.address("From").is_none() {
        return bad("Bad From");
    }
    if headers.address("To").is_none() {
        return bad("Bad To");
    }
    match headers.get("CSeq").and_then(|value| value.parse::<CSeq>().ok()) {
        None => return bad("Bad CSeq"),
        Some(cseq) if cseq.method != request.method => return bad("CSeq Method Does Not Match"),
        Some(_) => {}
    }
    let mut forwards = headers.all("Max-Forwards");
    if let Some(value) = forwards.next()
        && (value.trim().parse::<u8>().is_err() || forwards.next().is_some())
    {
        return bad("Bad Max-Forwards");
    }
    let contacts_matter =
        matches!(request.method, Method::Invite | Method::Register | Method::Subscribe | Method::Refer);
    if contacts_matter
        && headers.all("Contact").any(|value| value != "*" && value.parse::<NameAddr>().is_err())
    {
        return bad("Bad Contact");
    }
    None
}

fn read_headers<'a>(lines: impl Iterator<Item = &'a [u8]>) -> (Headers, Option<Fault>) {
    let mut headers = Headers::new();
    let mut fault = None;
    let mut open: Option<(String, String)> = None;
    for line in lines {
        let text = String::from_utf8_lossy(line);
        if text.starts_with([' ', '\t']) {
            // Folded (RFC 3261 §7.3.1): line end and spaces count as one space.
            if let Some((_, value)) = &mut open {
                value.push(' ');
                value.push_str(text.trim());
            }
            continue;
        }
        close(&mut headers, &mut fault, open.take());
        // A line without colon or with a name that is no token cannot mean anything to anybody: left out.
        open = text.split_once(':').and_then(|(name, value)| {
            let name = name.trim_end();
            super::header::is_token(name).then(|| (long_name(name), value.trim().to_owned()))
        });
    }
    close(&mut headers, &mut fault, open);
    (headers, fault)
}

fn close(headers: &mut Headers, fault: &mut Option<Fault>, field: Option<(String, String)>) {
    let Some((name, value)) = field else { return };
    let value = value.replace('\0', " ");
    let value = value.trim();
    if headers.len() >= MAX_FIELDS {
        fault.get_or_insert(Fault { status: 513, reason: "Too Many Header Fields" });
        return;
    }
    let is_list = LISTS.iter().any(|list| list.eq_ignore_ascii_case(&name));
    if !is_list || !value.contains(',') {
        headers.push(&name, value);
        return;
    }
    for item in split(value, ',') {
        if headers.len() < MAX_FIELDS && !item.trim().is_empty() {
            headers.push(&name, item.trim());
        }
    }
}

/// RFC 3261 §20.14 and §18.3: bytes beyond Content-Length are not part of the message.
fn apply_length<'a>(headers: &mut Headers, rest: &'a [u8], fault: &mut Option<Fault>) -> &'a [u8] {
    let lengths: Vec<Option<usize>> = headers.all("Content-Length").map(length).collect();
    let first = lengths.first().copied();
    let consistent = lengths.iter().all(|other| Some(*other) == first);
    let body = match first {
        None => rest,
        Some(Some(length)) if consistent => rest.get(..length).unwrap_or_else(|| {
            fault.get_or_insert(Fault { status: 400, reason: "Content-Length Beyond the Message" });
            rest
        }),
        Some(_) => {
            fault.get_or_insert(Fault { status: 400, reason: "Bad Content-Length" });
            rest
        }
    };
    headers.remove("Content-Length");
    body
}

fn length(value: &str) -> Option<usize> {
    let value = value.trim();
    value.bytes().all(|b| b.is_ascii_digit()).then(|| value.parse().ok()).flatten()
}

fn long_name(name: &str) -> String {
    let mut letters = name.chars();
    let (Some(letter), None) = (letters.next(), letters.next()) else {
        return name.to_owned();
    };
    let long = match letter.to_ascii_lowercase() {
        'a' => "Accept-Contact",
        'b' => "Referred-By",
        'c' => "Content-Type",
        'd' => "Request-Disposition",
        'e' => "Content-Encoding",
        'f' => "From",
        'i' => "Call-ID",
        'j' => "Reject-Contact",
        'k' => "Supported",
        'l' => "Content-Length",
        'm' => "Contact",
        'n' => "Identity-Info",
        'o' => "Event",
        'r' => "Refer-To",
        's' => "Subject",
        't' => "To",
        'u' => "Allow-Events",
        'v' => "Via",
        'x' => "Session-Expires",
        'y' => "Identity",
        _ => name,
    };
    long.to_owned()
}

fn write_rest(mut out: Vec<u8>, headers: &Headers, body: &[u8]) -> Vec<u8> {
    for (name, value) in headers.iter() {
        push_all(&mut out, &[name, ": ", value, "\r\n"]);
    }
    push_all(&mut out, &["Content-Length: ", &body.len().to_string(), "\r\n\r\n"]);
    out.extend_from_slice(body);
    out
}

fn push_all(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Fields of a message at most, after lists are split; a longer message is answered 513.
const MAX_FIELDS: usize = 256;

/// Headers whose lists are split into one field a value.
const LISTS: [&str; 8] =
    ["Via", "Route", "Record-Route", "Contact", "Path", "Service-Route", "P-Asserted-Identity", "Diversion"];

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
