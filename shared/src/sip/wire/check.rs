//! What RFC 3261 §8.1.1 wants in every message, and what else would be acted upon wrongly.

use super::Fault;
use crate::sip::header::{CSeq, is_address, is_via, says_once};
use crate::sip::message::{Headers, Method, Name, Request};
use crate::sip::uri::Scheme;

/// The fields that make the identity of a message, each of which may stand there once, but Via of which the topmost
/// counts.
#[derive(Default)]
struct Found<'a> {
    via: Option<&'a str>,
    from: Once<'a>,
    to: Once<'a>,
    call_id: Once<'a>,
    cseq: Once<'a>,
    max_forwards: Once<'a>,
}

#[derive(Default)]
struct Once<'a> {
    value: &'a str,
    times: usize,
}

impl<'a> Once<'a> {
    fn add(&mut self, value: &'a str) {
        self.value = value;
        self.times += 1;
    }
}

impl<'a> Found<'a> {
    fn find(headers: &'a Headers) -> Found<'a> {
        let mut found = Found::default();
        for (name, value) in headers.fields() {
            match name {
                Name::Via => {
                    found.via.get_or_insert(value);
                }
                Name::From => found.from.add(value),
                Name::To => found.to.add(value),
                Name::CallId => found.call_id.add(value),
                Name::CSeq => found.cseq.add(value),
                Name::MaxForwards => found.max_forwards.add(value),
                _ => {}
            }
        }
        found
    }

    /// The CSeq, or why the message cannot be told from others.
    fn check(&self) -> Result<CSeq, &'static str> {
        for (field, reason) in [
            (&self.from, "Exactly One From Expected"),
            (&self.to, "Exactly One To Expected"),
            (&self.call_id, "Exactly One Call-ID Expected"),
            (&self.cseq, "Exactly One CSeq Expected"),
        ] {
            if field.times != 1 {
                return Err(reason);
            }
        }
        if self.call_id.value.is_empty() || self.call_id.value.contains([' ', '\t']) {
            return Err("Bad Call-ID");
        }
        if !self.via.is_some_and(|via| is_via(via) && says_once(via, &["branch", "received", "rport"])) {
            return Err("Missing or Bad Via");
        }
        if !is_address(self.from.value) || !says_once(self.from.value, &["tag"]) {
            return Err("Bad From");
        }
        if !is_address(self.to.value) || !says_once(self.to.value, &["tag"]) {
            return Err("Bad To");
        }
        self.cseq.value.parse().map_err(|_| "Bad CSeq")
    }
}

/// What is wrong with a request that could be taken apart.
pub(super) fn request(request: &Request) -> Option<Fault> {
    let bad = |reason| Some(Fault { status: 400, reason });
    let found = Found::find(&request.headers);
    let cseq = match found.check() {
        Ok(cseq) => cseq,
        Err(reason) => return bad(reason),
    };
    if cseq.method != request.method {
        return match request.method {
            // RFC 4475 §3.1.2.18: that the method is unknown says more than that CSeq has another one.
            Method::Other(_) => Some(Fault { status: 501, reason: "Not Implemented" }),
            _ => bad("CSeq Method Does Not Match"),
        };
    }
    let forwards = &found.max_forwards;
    if forwards.times > 1 || (forwards.times == 1 && forwards.value.parse::<u8>().is_err()) {
        return bad("Bad Max-Forwards");
    }
    // RFC 3261 §10.2: the address of record is a SIP or SIPS URI (RFC 4475 §3.3.4).
    if request.method == Method::Register {
        let scheme = request.headers.address("To").map(|to| to.uri.scheme);
        if !matches!(scheme, Some(Scheme::Sip | Scheme::Sips)) {
            return bad("To Is No Address of Record");
        }
    }
    let contacts_matter =
        matches!(request.method, Method::Invite | Method::Register | Method::Subscribe | Method::Refer);
    if contacts_matter && request.headers.all("Contact").any(|value| value != "*" && !is_address(value)) {
        return bad("Bad Contact");
    }
    None
}

/// What is wrong with a response.
pub(super) fn response(headers: &Headers) -> Result<(), &'static str> {
    Found::find(headers).check().map(drop)
}
