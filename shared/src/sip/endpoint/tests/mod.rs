//! Whole flows between two endpoints on a virtual clock: RFC 3665, RFC 5407 and the hard spots.

mod branches;
mod flows;
mod hostile;
mod locate;
mod loss;
mod refusals;
mod registration;
mod reliable;
mod rfc3665;
mod rfc5407;
mod scripted;
mod secure;
mod takeover;
mod torture;
mod transfer;
mod within;

use std::time::Duration;

use crate::sip::*;
use crate::testing::pair::Pair;
use crate::testing::tape::check;

/// The session that `a` starts.
const CALL: SessionId = SessionId(1);
/// The session that it becomes at `b`.
const THERE: SessionId = SessionId(1 | 1 << 63);

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn address(text: &str) -> NameAddr {
    text.parse().expect("address")
}

fn sdp(text: &str) -> Body {
    Body::sdp(text)
}

fn invite() -> Command {
    invite_to("sip:bob@b.test")
}

fn invite_to(target: &str) -> Command {
    Command::Invite {
        session: CALL,
        target: target.parse().expect("uri"),
        flow: None,
        from: address("\"Alice\" <sip:alice@a.test>"),
        to: address("<sip:bob@b.test>"),
        headers: vec![("X-Queue".into(), "sales".into())],
        body: Some(sdp("offer")),
        credentials: Some(Credentials { username: "alice".into(), password: "secret".into() }),
    }
}

/// The same call without an offer.
fn without_offer(mut call: Command) -> Command {
    if let Command::Invite { body, .. } = &mut call {
        *body = None;
    }
    call
}

fn ringing(session: SessionId) -> Command {
    Command::Provisional { session, status: 180, reason: String::new(), headers: Vec::new(), body: None }
}

fn answer(session: SessionId, text: &str) -> Command {
    Command::Answer { session, headers: Vec::new(), body: Some(sdp(text)) }
}

fn reject(session: SessionId, status: u16) -> Command {
    Command::Reject { session, status, reason: String::new(), headers: Vec::new() }
}

fn hangup(session: SessionId) -> Command {
    Command::Hangup { session, reason: None }
}

/// Events in short, for comparing.
fn short(events: Vec<Event>) -> String {
    let text =
        |body: &Option<Body>| body.as_ref().map(|body| format!(" {}", body.text())).unwrap_or_default();
    let lines: Vec<String> = events
        .iter()
        .map(|event| match event {
            Event::Incoming { request, .. } => format!("Incoming{}", text(&request.body)),
            Event::Progress { status, body, .. } => format!("Progress {status}{}", text(body)),
            Event::EarlyAnswer { body, .. } => format!("EarlyAnswer{}", text(body)),
            Event::EarlyOffer { body, .. } => format!("EarlyOffer {}", body.text()),
            Event::Answered { body, .. } => format!("Answered{}", text(body)),
            Event::Confirmed { body, .. } => format!("Confirmed{}", text(body)),
            Event::Rejected { status, .. } => format!("Rejected {status}"),
            Event::Reoffer { body, .. } => format!("Reoffer{}", text(body)),
            Event::ReinviteDone { body, .. } => format!("ReinviteDone{}", text(body)),
            Event::ReinviteFailed { status, .. } => format!("ReinviteFailed {status}"),
            Event::Info { body, .. } => format!("Info{}", text(body)),
            Event::Refer { refer_to, .. } => format!("Refer {}", refer_to.uri),
            Event::ReferProgress { status, last, .. } => format!("ReferProgress {status} {last}"),
            Event::Ended { by, .. } => format!("Ended {by:?}"),
            Event::Cancelled { .. } => "Cancelled".into(),
            Event::Registered { expires_secs, .. } => format!("Registered {expires_secs}"),
            Event::RegistrationFailed { status, .. } => format!("RegistrationFailed {status}"),
            Event::Request { method, .. } => format!("Request {method}"),
            Event::RequestDone { id, status } => format!("RequestDone {id} {status}"),
            Event::Door(notice) => format!("Door {notice:?}"),
        })
        .collect();
    lines.join(", ")
}

/// A call that stands; nothing is on its way.
fn talking() -> Pair {
    let mut pair = Pair::fine();
    talk(&mut pair);
    pair
}

fn talk(pair: &mut Pair) {
    pair.a(invite());
    pair.run(millis(100));
    pair.b(answer(THERE, "answer"));
    pair.run(millis(100));
    assert_eq!(short(pair.a_events()), "Answered answer");
    assert_eq!(short(pair.b_events()), "Incoming offer, Confirmed");
    pair.tape.take(pair.now);
}

/// Nothing may be left when all timers have run out.
fn drained(pair: &mut Pair) {
    pair.run(secs(200));
    for side in [&pair.a, &pair.b] {
        assert_eq!(side.endpoint.session_count(), 0);
        assert_eq!(side.endpoint.transaction_count(), 0);
        assert_eq!(side.endpoint.deadline(), None);
    }
}
