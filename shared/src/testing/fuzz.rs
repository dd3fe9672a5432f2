//! What must hold for any bytes at all. Each target is a plain function, so that the ordinary tests can run it over the
//! corpus and [`mutate`]d copies of it, and a fuzzer (`tests/fuzz`) for as long as one likes.
//!
//! A broken promise is a panic.

mod media;
mod mutate;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use rand::SeedableRng;
use rand::rngs::SmallRng;

pub use media::{arrivals, rtcp, rtp, sdes, srtp};
pub use mutate::Mutator;

use crate::audio::codec::Codec;
use crate::sdp::{LocalDescription, LocalMedia, Session};
use crate::sip::digest::{Account, Algorithm, Challenge, Client, Server, Verdict};
use crate::sip::header::{CSeq, NameAddr, Replaces, SessionExpires, Via};
use crate::sip::message::{MAX_PARTS, Message};
use crate::sip::stream::{Frame, FrameError, Framer};
use crate::sip::wire::{self, MAX_FIELDS, MAX_VALUE_LEN, Reading};
use crate::sip::{Body, Credentials, Method, Request, Uri};
use crate::time::Timestamp;

/// A promise about any bytes.
pub type Target = fn(&[u8]);

/// All targets with the names of their corpora.
pub const TARGETS: [(&str, Target); 11] = [
    ("message", message),
    ("stream", stream),
    ("sdp", sdp),
    ("uri", uri),
    ("digest", digest),
    ("multipart", multipart),
    ("rtp", rtp),
    ("rtcp", rtcp),
    ("srtp", srtp),
    ("sdes", sdes),
    ("arrivals", arrivals),
];

/// Reading keeps its limits, and what it accepts it writes such that it reads the same again, the body to the byte.
pub fn message(bytes: &[u8]) {
    let Ok(Reading { message, fault }) = wire::read(bytes) else { return };
    let headers = message.headers();
    assert!(headers.len() <= MAX_FIELDS);
    for (name, value) in headers.iter() {
        assert!(value.len() <= 2 * MAX_VALUE_LEN && !value.contains(['\r', '\n']) && !name.contains(':'));
        // Typed views of any value, whatever its header.
        let _ = (value.parse::<NameAddr>(), value.parse::<Via>(), value.parse::<CSeq>());
        let _ = (value.parse::<SessionExpires>(), value.parse::<Replaces>());
    }
    let written = match &message {
        Message::Request(request) => {
            let reply = wire::write_response(&request.reply(200, "", Some("tag")));
            if fault.is_none() {
                assert!(matches!(wire::read(&reply), Ok(Reading { message: Message::Response(_), .. })));
            }
            wire::write_request(request)
        }
        Message::Response(response) => wire::write_response(response),
    };
    if fault.is_none() {
        assert_eq!(wire::read(&written), Ok(Reading { message, fault }));
    }
}

/// The same messages come out of a stream however it is cut. The first byte says how.
pub fn stream(bytes: &[u8]) {
    let Some((cut, bytes)) = bytes.split_first() else { return };
    let whole = frames([bytes].into_iter());
    let cut = frames(bytes.chunks(usize::from(*cut) % 64 + 1));
    assert_eq!(whole, cut);
}

fn frames<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> (Vec<Vec<u8>>, Option<FrameError>) {
    let mut framer = Framer::default();
    let mut messages = Vec::new();
    for chunk in chunks {
        framer.push(chunk);
        loop {
            match framer.next_frame() {
                Ok(Some(Frame::Message(message))) => messages.push(message),
                Ok(Some(Frame::Ping)) => {}
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
    }
    (messages, None)
}

/// An answer to any offer that is taken can be read by the one who made it; an answer of any kind is taken or refused.
pub fn sdp(bytes: &[u8]) {
    let local =
        LocalMedia::new(SocketAddr::from(([192, 0, 2, 1], 40_000)), &[Codec::Opus, Codec::Pcma, Codec::Pcmu]);
    if let Ok(session) = Session::parse(bytes) {
        let lines = session.media.len();
        if let Ok((answer, _)) = LocalDescription::new(1).answer(bytes, &local) {
            let answer = Session::parse(answer.as_bytes()).expect("an answer of ours can be read");
            assert_eq!(answer.media.len(), lines, "an answer has the lines of the offer");
        }
    }
    let mut description = LocalDescription::new(2);
    description.offer(&local);
    let _ = description.accept(bytes);
}

/// A URI prints as what reads the same, is the same as itself, and being the same works both ways. Lines are URIs.
pub fn uri(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let uris: Vec<Uri> = text.lines().take(4).filter_map(|line| line.parse().ok()).collect();
    for uri in &uris {
        assert_eq!(uri.to_string().parse::<Uri>().as_ref(), Ok(uri));
        assert!(uri.same(uri), "{uri}");
        for other in &uris {
            assert_eq!(uri.same(other), other.same(uri), "{uri} {other}");
        }
        let _ = (uri.to_aor(), uri.to_request_uri(), uri.user_unescaped(), uri.ip(), uri.transport());
    }
}

/// Nobody gets in without the password, and any challenge can be answered or not. The first line is a challenge, the
/// second one credentials.
pub fn digest(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    let (challenge, credentials) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let mut random = SmallRng::seed_from_u64(1);
    let mut request = Request::new(Method::Register, Uri::tel("1"));
    if Challenge::read(challenge).is_some() {
        let account = Credentials { username: "alice".into(), password: "secret".into() };
        let mut client = Client::new(Some(account));
        let mut refusal = request.reply(401, "", None);
        refusal.headers.push("WWW-Authenticate", challenge);
        if client.challenged(&refusal, 0) {
            client.authorize(&mut request, &mut random);
            assert!(request.headers.has("Authorization"));
        }
    }
    // A password that nobody can have guessed.
    let unknown = Algorithm::Sha256.hash(b"nobody knows");
    let account = Account {
        ha1_md5: Some(unknown.chars().take(32).collect()),
        ha1_sha256: Some(unknown),
        aor_user: "alice".into(),
    };
    let accounts = BTreeMap::from([("alice", account)]);
    request.headers.set("Authorization", credentials);
    let mut server = Server::new("callfloor", 1);
    let source = std::net::IpAddr::from([192, 0, 2, 1]);
    let verdict =
        server.check(Timestamp::from_secs(1_000), source, &request, false, |name| accounts.get(name));
    assert!(!matches!(verdict, Verdict::Granted { .. }), "{credentials}");
}

/// Parts are few and lie within the body. The first line is the Content-Type, the rest the body.
pub fn multipart(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (content_type, rest) = bytes.split_at(end);
    let body = Body::new(String::from_utf8_lossy(content_type), rest.get(1..).unwrap_or_default());
    let parts = body.parts();
    assert!(parts.len() <= MAX_PARTS);
    assert!(parts.iter().map(|part| part.bytes.len()).sum::<usize>() <= body.bytes.len());
    if let Some(description) = body.sdp_part() {
        assert!(description.is("application/sdp") && description.bytes.len() <= body.bytes.len());
    }
}

#[cfg(test)]
mod tests;
