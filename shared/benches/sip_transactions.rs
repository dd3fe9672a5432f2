//! What transactions, calls and registrations cost: how many a second on one core, and how many bytes each keeps.
//!
//! `cargo bench -p shared --bench sip_transactions`
//!
//! An endpoint is fed with bytes and its messages are taken from it, without sockets. Its clock is a virtual one that
//! goes on with each step, so that timers run and ended transactions leave as they would: the steady state of
//! 1,000 a second is measured, not an empty table. Times are those of the processor.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use shared::sip::message::{Body, Message, Request};
use shared::sip::registrar::{Limits, Owner, Registrar};
use shared::sip::{
    Command, Config, Endpoint, Event, Flow, Input, Method, Output, SessionId, Transport, wire,
};
use shared::time::Timestamp;

/// Between two steps of the virtual clock: 1,000 a second.
const STEP: Duration = Duration::from_millis(1);
/// Steps before anything is measured: until Timer J and its like (32 s) end as many as begin.
const WARM_UP: u32 = 40_000;
const MEASURED: u32 = 40_000;
/// So many at once when bytes are counted.
const KEPT: u32 = 10_000;
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8 0 101\r\n\
    a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\n";

fn address(last: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, last], 5060))
}

fn endpoint(last: u8) -> Endpoint {
    let config = Config {
        listen: vec![(Transport::Udp, address(last))],
        max_transactions: 1_000_000,
        max_sessions: 1_000_000,
        user_methods: vec![Method::Message],
        ..Config::default()
    };
    Endpoint::new(config, u64::from(last))
}

/// An endpoint with its clock, and the peer whose messages are written by hand.
struct Bench {
    endpoint: Endpoint,
    now: Timestamp,
}

impl Bench {
    fn new() -> Bench {
        Bench { endpoint: endpoint(2), now: Timestamp::from_secs(1_800_000_000) }
    }

    fn hear(&mut self, text: String) {
        let flow = Flow { transport: Transport::Udp, local: address(2), remote: address(9), connection: 0 };
        self.endpoint.handle(self.now, Input::Received { flow, bytes: text.into_bytes() });
    }

    /// What it sends and tells.
    fn take(&mut self) -> (Vec<Vec<u8>>, Vec<Event>) {
        let (mut sent, mut events) = (Vec::new(), Vec::new());
        while let Some(output) = self.endpoint.poll() {
            match output {
                Output::Send { bytes, .. } => sent.push(bytes),
                Output::Event(event) => events.push(event),
                other => panic!("{other:?}"),
            }
        }
        (sent, events)
    }

    fn command(&mut self, command: Command) {
        self.endpoint.handle(self.now, Input::Command(command));
    }

    /// Time goes on, timers run, and what they send is lost.
    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.endpoint.deadline().filter(|at| *at <= end) {
            self.now = at;
            self.endpoint.handle(at, Input::Tick);
            self.take();
        }
        self.now = end;
    }

    /// A call comes in; its session.
    fn incoming(&mut self, number: u32) -> SessionId {
        self.hear(request("INVITE", number, "INVITE", 1, None, SDP));
        let (_, events) = self.take();
        match events.as_slice() {
            [Event::Incoming { session, .. }] => *session,
            other => panic!("{other:?}"),
        }
    }

    /// It is answered and acknowledged; our tag.
    fn connect(&mut self, session: SessionId, number: u32) -> String {
        self.command(Command::Answer { session, headers: Vec::new(), body: Some(Body::sdp(SDP)) });
        let (sent, _) = self.take();
        let tag = tag_of(sent.last().expect("an answer"));
        self.hear(request("ACK", number, "ACK", 1, Some(&tag), ""));
        self.take();
        tag
    }

    /// A MESSAGE comes in and is answered.
    fn message(&mut self, number: u32) {
        self.hear(request("MESSAGE", number, "m", 1, None, ""));
        let (_, events) = self.take();
        let [Event::Request { transaction, .. }] = events.as_slice() else { panic!("{events:?}") };
        let (transaction, reason) = (*transaction, String::new());
        self.command(Command::Respond { transaction, status: 200, reason, headers: Vec::new(), body: None });
        let (sent, _) = self.take();
        assert_eq!(sent.len(), 1, "an answer");
    }

    /// The caller hangs up.
    fn bye(&mut self, number: u32, tag: &str) {
        self.hear(request("BYE", number, "BYE", 2, Some(tag), ""));
        let (sent, _) = self.take();
        assert_eq!(sent.len(), 1, "an answer to the BYE");
    }
}

/// A request of the peer: a dozen headers, as real ones have.
fn request(method: &str, number: u32, branch: &str, cseq: u32, tag: Option<&str>, sdp: &str) -> String {
    let tag = tag.map(|tag| format!(";tag={tag}")).unwrap_or_default();
    let content = if sdp.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "{method} sip:7001@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK{branch}{number};rport\r\n\
         Max-Forwards: 70\r\nFrom: \"Ada Lovelace\" <sip:+4415550100@192.0.2.9>;tag=f{number}\r\n\
         To: <sip:7001@192.0.2.2>{tag}\r\nCall-ID: {number}@192.0.2.9\r\nCSeq: {cseq} {method}\r\n\
         Contact: <sip:+4415550100@192.0.2.9:5060>\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO\r\n\
         Supported: timer, replaces\r\nUser-Agent: bench\r\n{content}Content-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
}

fn tag_of(response: &[u8]) -> String {
    match wire::read(response).expect("our own message").message {
        Message::Response(response) => {
            response.headers.get("To").and_then(shared::sip::header::tag).expect("a tag")
        }
        Message::Request(request) => panic!("{request:?}"),
    }
}

/// Prints how long one takes, in the steady state.
fn speed(what: &str, transactions: u32, mut one: impl FnMut(u32)) {
    for number in 0..WARM_UP {
        one(number);
    }
    let begun = Instant::now();
    for number in WARM_UP..WARM_UP + MEASURED {
        one(number);
    }
    let each = begun.elapsed() / MEASURED;
    let per_s = 1.0 / each.as_secs_f64();
    println!(
        "{what:<58} {:>8.1} µs {per_s:>9.0}/s {:>9.0} transactions/s",
        each.as_secs_f64() * 1e6,
        per_s * f64::from(transactions)
    );
}

/// Prints how many bytes each keeps.
fn size(what: &str, count: u32, make: impl FnOnce()) {
    let bytes = measure(make).bytes_current;
    println!("{what:<58} {:>8} bytes each, {count} at once", bytes / i64::from(count));
}

fn speeds() {
    let mut bench = Bench::new();
    speed("OPTIONS, answered without a transaction", 0, |number| {
        bench.hear(request("OPTIONS", number, "o", 1, None, ""));
        let (sent, _) = bench.take();
        assert_eq!(sent.len(), 1, "an answer");
        bench.wait(STEP);
    });
    let mut bench = Bench::new();
    speed("MESSAGE, answered", 1, |number| {
        bench.message(number);
        bench.wait(STEP);
    });
    let mut bench = Bench::new();
    speed("INVITE, refused and acknowledged", 1, |number| {
        let session = bench.incoming(number);
        let reason = String::new();
        bench.command(Command::Reject { session, status: 486, reason, headers: Vec::new() });
        let (sent, _) = bench.take();
        let tag = tag_of(sent.last().expect("a refusal"));
        bench.hear(request("ACK", number, "INVITE", 1, Some(&tag), ""));
        bench.take();
        bench.wait(STEP);
    });
    let mut bench = Bench::new();
    speed("call: INVITE, 100, 200, ACK, BYE, 200", 2, |number| {
        let session = bench.incoming(number);
        let tag = bench.connect(session, number);
        bench.bye(number, &tag);
        bench.wait(STEP);
    });
    let mut caller = Bench::new();
    speed("call made: the same from the other side", 2, |number| {
        let session = SessionId(u64::from(number) + 1);
        caller.command(Command::Invite {
            session,
            target: "sip:201@192.0.2.9".parse().expect("a URI"),
            flow: None,
            from: "<sip:7001@192.0.2.2>".parse().expect("an address"),
            to: "<sip:201@192.0.2.9>".parse().expect("an address"),
            headers: Vec::new(),
            body: Some(Body::sdp(SDP)),
            credentials: None,
        });
        let (sent, _) = caller.take();
        let invite = requested(sent.first().expect("an INVITE"));
        let mut answer = invite.reply(200, "", Some("peer"));
        answer.headers.push("Contact", "<sip:201@192.0.2.9:5060>");
        answer.set_body(Some(&Body::sdp(SDP)));
        caller.hear(String::from_utf8(wire::write_response(&answer)).expect("text"));
        let (_, events) = caller.take();
        assert!(events.iter().any(|event| matches!(event, Event::Answered { .. })), "{events:?}");
        caller.command(Command::Hangup { session, reason: None });
        let (sent, _) = caller.take();
        let bye = requested(sent.first().expect("a BYE"));
        caller.hear(String::from_utf8(wire::write_response(&bye.reply(200, "", None))).expect("text"));
        caller.take();
        caller.wait(STEP);
    });
}

fn requested(bytes: &[u8]) -> Request {
    match wire::read(bytes).expect("our own message").message {
        Message::Request(request) => request,
        Message::Response(response) => panic!("{response:?}"),
    }
}

fn sizes() {
    let mut bench = Bench::new();
    size("transaction: MESSAGE, answered (kept for 32 s)", KEPT, || {
        for number in 0..KEPT {
            bench.message(number);
        }
        assert_eq!(bench.endpoint.transaction_count(), KEPT as usize);
    });
    let mut bench = Bench::new();
    let mut sessions = Vec::with_capacity(KEPT as usize);
    size("call that rings: INVITE transaction and early session", KEPT, || {
        for number in 0..KEPT {
            sessions.push(bench.incoming(number));
        }
    });
    let mut bench = Bench::new();
    size("call that talks: confirmed dialog and session", KEPT, || {
        for number in 0..KEPT {
            let session = bench.incoming(number);
            bench.connect(session, number);
        }
        bench.wait(Duration::from_secs(60));
        assert_eq!((bench.endpoint.session_count(), bench.endpoint.transaction_count()), (KEPT as usize, 0));
    });
}

fn registrations() {
    let now = Timestamp::from_secs(1_800_000_000);
    let flow = Flow { transport: Transport::Udp, local: address(2), remote: address(9), connection: 0 };
    let request = |number: u32, cseq: u32| {
        let mut request = Request::new(Method::Register, "sip:callfloor".parse().expect("a URI"));
        request.headers.push("To", format!("<sip:u{number}@callfloor>"));
        request.headers.push("Call-ID", format!("{number}@192.0.2.9"));
        request.headers.push("CSeq", format!("{cseq} REGISTER"));
        request.headers.push("Contact", format!("<sip:u{number}@192.0.2.9:5060>;expires=300"));
        request.headers.push("User-Agent", "bench");
        request
    };
    let mut registrar = Registrar::new(Limits::default());
    let register = |registrar: &mut Registrar, number: u32, request: &Request| {
        let user = format!("u{number}");
        let owner = Owner { username: &user, aor_user: &user };
        assert_eq!(registrar.register(now, request, flow, owner).status, 200);
    };
    size("binding of the registrar", KEPT, || {
        for number in 0..KEPT {
            register(&mut registrar, number, &request(number, 1));
        }
    });
    speed("REGISTER that refreshes one of 10,000 bindings", 1, |number| {
        register(&mut registrar, number % KEPT, &request(number % KEPT, number / KEPT + 2));
    });
    speed("look-up of a phone among 10,000", 1, |number| {
        let found = registrar.lookup(black_box(&format!("u{}", number % KEPT)));
        assert_eq!(found.len(), 1);
    });
}

fn main() {
    speeds();
    registrations();
    sizes();
}
