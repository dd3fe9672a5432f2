//! Messages to bytes, Content-Length added.

use std::fmt::Write;

use crate::sip::message::{Headers, Request, Response};

/// The bytes of a request.
pub fn write_request(request: &Request) -> Vec<u8> {
    let mut head = String::with_capacity(room(&request.headers, &request.body, 256));
    // Writing to memory cannot fail.
    let _ = write!(head, "{} {} SIP/2.0\r\n", request.method, request.uri);
    finish(head, &request.headers, &request.body)
}

/// The bytes of a response.
pub fn write_response(response: &Response) -> Vec<u8> {
    let mut head = String::with_capacity(room(&response.headers, &response.body, response.reason.len() + 16));
    let _ = write!(head, "SIP/2.0 {} ", response.status);
    head.extend(response.reason.chars().map(|c| if matches!(c, '\r' | '\n') { ' ' } else { c }));
    head.push_str("\r\n");
    finish(head, &response.headers, &response.body)
}

/// Octets that the message will need, so that writing it grows nothing.
fn room(headers: &Headers, body: &[u8], start_line: usize) -> usize {
    let fields: usize = headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
    start_line + fields + "Content-Length: 12345678\r\n\r\n".len() + body.len()
}

fn finish(mut head: String, headers: &Headers, body: &[u8]) -> Vec<u8> {
    for (name, value) in headers.iter() {
        for part in [name, ": ", value, "\r\n"] {
            head.push_str(part);
        }
    }
    let _ = write!(head, "Content-Length: {}\r\n\r\n", body.len());
    let mut out = head.into_bytes();
    out.extend_from_slice(body);
    out
}
