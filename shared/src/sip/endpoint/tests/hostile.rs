//! Requests and streams that want to break something: numbers at the borders, one header in several spellings, values
//! without end, streams cut anywhere.

use super::scripted::{Scripted, message};
use super::*;
use crate::sip::digest::{Account, Server, Verdict};
use crate::sip::stream::MAX_HEAD_LEN;
use crate::sip::wire::{self, Fault, Reading};
use crate::time::Timestamp;

const METHODS: [&str; 14] = [
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "OPTIONS",
    "REGISTER",
    "INFO",
    "REFER",
    "NOTIFY",
    "SUBSCRIBE",
    "MESSAGE",
    "UPDATE",
    "PRACK",
    "PUBLISH",
];

fn read(text: &str) -> (Request, Option<Fault>) {
    match wire::read(text.as_bytes()) {
        Ok(Reading { message: Message::Request(request), fault }) => (request, fault),
        other => panic!("{text}: {other:?}"),
    }
}

fn statuses(bench: &mut Scripted, transport: Transport, bytes: &[u8]) -> Vec<String> {
    bench
        .put(transport, bytes)
        .iter()
        .map(|output| match output {
            Output::Send { bytes, .. } => {
                String::from_utf8_lossy(bytes).get(8..11).unwrap_or_default().into()
            }
            Output::Event(event) => short(vec![event.clone()]),
            Output::Close { .. } => "close".into(),
            other => format!("{other:?}"),
        })
        .collect()
}

#[test]
fn sequence_numbers_at_their_borders() {
    // RFC 3261 §8.1.1.5: below 2^31.
    for (number, status) in [
        ("0", "200"),
        ("2147483647", "200"),
        ("0000000000000000000000001", "200"),
        ("2147483648", "400"),
        ("4294967295", "400"),
        ("4294967296", "400"),
        ("18446744073709551615", "400"),
        ("18446744073709551616", "400"),
        ("-1", "400"),
        ("+1", "400"),
        ("1.0", "400"),
        ("0x10", "400"),
        ("1 1", "400"),
        ("", "400"),
    ] {
        let text = message("OPTIONS", "1", "").replace("CSeq: 1 ", &format!("CSeq: {number} "));
        assert_eq!(
            statuses(&mut Scripted::new(), Transport::Udp, text.as_bytes()),
            [status],
            "CSeq {number}"
        );
    }
}

#[test]
fn lengths_at_their_borders() {
    let huge = 1_u64 << 63;
    for (lines, datagram, stream) in [
        ("Content-Length: 4\r\n".to_owned(), "200", &["200"][..]),
        ("Content-Length: 0\r\n".into(), "200", &["200"]),
        ("Content-Length: 4\r\nl: 4\r\n".into(), "200", &["200"]),
        ("Content-Length: 4\r\nl: 5\r\n".into(), "400", &["400", "close"]),
        ("Content-Length: 4\r\nContent-Length : 0\r\n".into(), "400", &["400", "close"]),
        ("Content-Length: -1\r\n".into(), "400", &["400", "close"]),
        ("Content-Length: +4\r\n".into(), "400", &["400", "close"]),
        ("Content-Length: 4, 4\r\n".into(), "400", &["400", "close"]),
        ("Content-Length:\r\n".into(), "400", &["400", "close"]),
        ("Content-Length: 4 bytes\r\n".into(), "400", &["400", "close"]),
        // More than a datagram holds; on a stream more than we take.
        ("Content-Length: 2147483648\r\n".into(), "400", &["400", "close"]),
        (format!("Content-Length: {huge}\r\n"), "400", &["400", "close"]),
        ("Content-Length: 18446744073709551616\r\n".into(), "400", &["400", "close"]),
        // A folded one, and one that is part of another header.
        ("Content-Length:\r\n 4\r\n".into(), "200", &["200"]),
        ("Subject: x\r\n l: 9\r\nContent-Length: 4\r\n".into(), "200", &["200"]),
    ] {
        let text = message("OPTIONS", "1", &lines) + "body";
        assert_eq!(statuses(&mut Scripted::new(), Transport::Udp, text.as_bytes()), [datagram], "{lines:?}");
        let text = text.replace("/UDP", "/TCP");
        let got = statuses(&mut Scripted::new(), Transport::Tcp, text.as_bytes());
        assert_eq!(got, stream, "{lines:?} on a stream");
    }
}

/// However To is spelt, the same value decides about the dialog; said twice, none does.
#[test]
fn one_header_in_many_spellings() {
    let with = |to: &str| message("BYE", "1", "").replace("To: <sip:bob@10.0.0.2>\r\n", to);
    let (expected, _) = read(&with("To: <sip:bob@10.0.0.2>;tag=real\r\n"));
    for to in [
        "t: <sip:bob@10.0.0.2>;tag=real\r\n",
        "T : <sip:bob@10.0.0.2>;tag=real\r\n",
        "TO\t:<sip:bob@10.0.0.2>;tag=real \r\n",
        "to:\r\n <sip:bob@10.0.0.2>;tag=real\r\n",
        "To:\r\n\t <sip:bob@10.0.0.2>;tag=real\n",
        // No header at all: left out, so that nobody behind us takes it for one.
        "To\u{1}: <sip:bob@10.0.0.2>;tag=other\r\nTo: <sip:bob@10.0.0.2>;tag=real\r\n",
        "To<: <sip:bob@10.0.0.2>;tag=other\r\nTo: <sip:bob@10.0.0.2>;tag=real\r\n",
        "X To: <sip:bob@10.0.0.2>;tag=other\r\nTo: <sip:bob@10.0.0.2>;tag=real\r\n",
        ": <sip:bob@10.0.0.2>;tag=other\r\nTo: <sip:bob@10.0.0.2>;tag=real\r\n",
        "no colon\r\n To: <sip:bob@10.0.0.2>;tag=other\r\nTo: <sip:bob@10.0.0.2>;tag=real\r\n",
        // A carriage return alone ends no line.
        "Subject: x\rTo: <sip:bob@10.0.0.2>;tag=other\r\nTo: <sip:bob@10.0.0.2>;tag=real\r\n",
    ] {
        let (mut request, fault) = read(&with(to));
        assert_eq!(fault, None, "{to:?}");
        assert_eq!(request.headers.to_tag().as_deref(), Some("real"), "{to:?}");
        request.headers.remove("Subject");
        assert_eq!(request, expected, "{to:?}");
        let written = String::from_utf8(wire::write_request(&request)).expect("text");
        assert!(!written.contains("other"), "{written}");
    }
    for to in [
        "To: <sip:bob@10.0.0.2>;tag=real\r\nt: <sip:bob@10.0.0.2>;tag=other\r\n",
        "To: <sip:bob@10.0.0.2>;tag=real\r\nTO : <sip:bob@10.0.0.2>;tag=real\r\n",
        "To: <sip:bob@10.0.0.2>;tag=real;tag=other\r\n",
        "To: <sip:bob@10.0.0.2>;tag=real;TAG=other\r\n",
        "To: <sip:bob@10.0.0.2>;tag=real, <sip:bob@10.0.0.2>;tag=other\r\n",
        "To: \"<sip:eve@x>;tag=other\r\n",
    ] {
        assert_eq!(read(&with(to)).1.map(|fault| fault.status), Some(400), "{to:?}");
    }
    for via in [";branch=z9hG4bKx;branch=z9hG4bKy", ";branch=z9hG4bKx;rport;rport=1", ";;branch=z9hG4bKx"] {
        let text = with("To: <sip:b@h>\r\n").replace(";branch=z9hG4bK1;rport", via);
        assert_eq!(read(&text).1.map(|fault| fault.status), Some(400), "{via}");
    }
    let text = with("To: <sip:b@h>\r\n").replace("Call-ID: 1", "Call-ID: 1 2");
    assert_eq!(read(&text).1.map(|fault| fault.status), Some(400));
}

/// However credentials are spelt, the verdict is the same; what looks like them but is no header counts for nothing.
#[test]
fn credentials_in_many_spellings() {
    let account = Account::from_password("alice", "callfloor", "secret", "alice");
    let now = Timestamp::from_secs(1_000);
    let verdict = |spelling: fn(&str) -> String| {
        let mut server = Server::new("callfloor", 1);
        let mut client = crate::sip::digest::Client::new(Some(Credentials {
            username: "alice".into(),
            password: "secret".into(),
        }));
        let (mut request, _) = read(&message("REGISTER", "1", ""));
        let mut refusal = request.reply(401, "", Some("x"));
        let source = std::net::IpAddr::from([192, 0, 2, 9]);
        refusal.headers.extend(&server.challenge(now, source, &request.headers, false, false, true));
        assert!(client.challenged(&refusal, 0));
        client.authorize(&mut request, &mut <rand::rngs::SmallRng as rand::SeedableRng>::seed_from_u64(1));
        let value = request.headers.get("Authorization").expect("credentials").to_owned();
        let (request, fault) = read(&message("REGISTER", "1", &spelling(&value)));
        assert_eq!(fault, None);
        matches!(server.check(now, source, &request, false, |_| Some(&account)), Verdict::Granted { .. })
    };
    assert!(verdict(|value| format!("Authorization: {value}\r\n")));
    assert!(verdict(|value| format!("authorization : {value}\r\n")));
    assert!(verdict(|value| format!("AUTHORIZATION\t:\r\n {}\r\n", value.replace(", ", ",\r\n\t"))));
    assert!(!verdict(|value| format!("Authorization\u{1}: {value}\r\n")));
    assert!(!verdict(|value| format!("X: y\r\n Authorization: {value}\r\n")));
    assert!(!verdict(|value| format!("Subject: x\rAuthorization: {value}\r\n")));
}

/// Values and bodies of 100 kB in every method: answered or dropped, and nothing of them is kept.
#[test]
fn values_without_end_in_every_method() {
    let long = "x".repeat(100_000);
    for method in METHODS {
        let mut bench = Scripted::new();
        for lines in [
            format!("X-Long: {long}\r\n"),
            format!("Event: message-summary;x={long}\r\n"),
            format!("Subscription-State: active;reason={long}\r\n"),
            format!("Contact: \"{long}\" <sip:a@h>\r\n"),
            format!("Authorization: Digest username=\"{long}\"\r\n"),
        ] {
            let got = statuses(&mut bench, Transport::Udp, message(method, "1", &lines).as_bytes());
            let expected: &[&str] = if method == "ACK" { &[] } else { &["513"] };
            assert_eq!(got, expected, "{method} {lines:.20}");
            // On a stream the header block has no end where it has to have one.
            let text = message(method, "1", &lines).replace("/UDP", "/TCP");
            assert!(text.len() > MAX_HEAD_LEN);
            let mut other = Scripted::new();
            let mut got = Vec::new();
            for chunk in text.as_bytes().chunks(10_000) {
                got.extend(statuses(&mut other, Transport::Tcp, chunk));
            }
            assert_eq!(got, ["close"], "{method} {lines:.20}");
        }
        let uri = message(method, "1", "").replace("sip:bob@10.0.0.2 ", &format!("sip:{long}@10.0.0.2 "));
        let expected: &[&str] = if method == "ACK" { &[] } else { &["414"] };
        assert_eq!(statuses(&mut bench, Transport::Udp, uri.as_bytes()), expected, "{method}");
        let many = message(method, "1", &"X: y\r\n".repeat(20_000));
        let expected: &[&str] = if method == "ACK" { &[] } else { &["513"] };
        assert_eq!(statuses(&mut bench, Transport::Udp, many.as_bytes()), expected, "{method}");
        assert_eq!((bench.endpoint.session_count(), bench.endpoint.transaction_count()), (0, 0), "{method}");
    }
    // A NOTIFY about voice mail that nobody asked for.
    let voicemail = format!("Messages-Waiting: yes\r\nVoice-Message: {long}/8\r\n");
    let text = message(
        "NOTIFY",
        "1",
        "Event: message-summary\r\nContent-Type: application/simple-message-summary\r\n",
    );
    assert_eq!(statuses(&mut Scripted::new(), Transport::Udp, (text + &voicemail).as_bytes()), ["481"]);
}

/// Multiparts of every kind of brokenness: an INVITE without an offer in them is refused by type.
#[test]
fn multiparts_that_hold_no_offer_are_refused() {
    let offer = "--a\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--a--\r\n";
    let nested = (0..100).fold("Content-Type: application/sdp\r\n\r\nv=0".to_owned(), |inner, level| {
        format!(
            "Content-Type: multipart/mixed;boundary=n{level}\r\n\r\n--n{level}\r\n{inner}\r\n--n{level}--"
        )
    });
    for (content_type, body, expected) in [
        ("multipart/mixed;boundary=a", offer.to_owned(), "Incoming v=0"),
        ("multipart/mixed", offer.to_owned(), "415"),
        ("multipart/mixed;boundary=b", offer.to_owned(), "415"),
        ("multipart/mixed;boundary=a", "--a--".to_owned(), "415"),
        ("multipart/mixed;boundary=a", "--a".repeat(30_000), "415"),
        ("multipart/mixed;boundary=a", format!("--a\r\n{nested}\r\n--a--"), "415"),
        ("multipart/mixed;boundary=a", "--a\r\n\r\n".repeat(20_000), "415"),
    ] {
        let text = message("INVITE", "1", &format!("Content-Type: {content_type}\r\n")) + &body;
        let got = statuses(&mut Scripted::new(), Transport::Udp, text.as_bytes());
        assert_eq!(got.last().map(String::as_str), Some(expected), "{content_type} {body:.40}");
    }
}

#[test]
fn streams_are_put_together_whatever_the_segments() {
    let one = message("OPTIONS", "1", "Content-Length: 4\r\n").replace("/UDP", "/TCP") + "body";
    let mut whole = Scripted::new();
    // A thousand in one piece.
    let pipelined: String = (0..1_000)
        .map(|number| {
            one.replace("bK1;", &format!("bK{number};")).replace("Call-ID: 1", &format!("Call-ID: {number}"))
        })
        .collect();
    let answers = statuses(&mut whole, Transport::Tcp, pipelined.as_bytes());
    assert_eq!(answers.len(), 1_000);
    assert!(answers.iter().all(|status| status == "200"));
    // One byte at a time.
    let mut slow = Scripted::new();
    let answers: Vec<String> =
        one.as_bytes().chunks(1).flat_map(|byte| statuses(&mut slow, Transport::Tcp, byte)).collect();
    assert_eq!(answers, ["200"]);
    // Keep-alives without end are answered, but not with as much as they were.
    let mut pings = Scripted::new();
    assert_eq!(pings.put(Transport::Tcp, &b"\r\n".repeat(50_000)).len(), 1);
    assert_eq!(statuses(&mut pings, Transport::Tcp, one.as_bytes()), ["200"]);
    // No end of the header block: given up, and the next connection is a new one.
    let mut endless = Scripted::new();
    assert_eq!(statuses(&mut endless, Transport::Tcp, &vec![b'A'; MAX_HEAD_LEN + 100]), ["close"]);
    assert_eq!(statuses(&mut endless, Transport::Tcp, one.as_bytes()), ["200"]);
    // Half a message when the stream ends: forgotten with it.
    let mut half = Scripted::new();
    let (first, second) = one.as_bytes().split_at(200);
    assert_eq!(half.put(Transport::Tcp, first), []);
    half.endpoint.handle(half.now, Input::StreamClosed { connection: 1 });
    assert_eq!(statuses(&mut half, Transport::Tcp, second), Vec::<String>::new());
}

fn half(endpoint: &mut Scripted, connection: u64, bytes: &[u8]) -> Vec<Output> {
    let flow = Flow { connection, ..scripted::flow(Transport::Tcp) };
    endpoint.endpoint.handle(endpoint.now, Input::Received { flow, bytes: bytes.to_vec() });
    endpoint.outputs()
}

/// A byte now and then does not keep a stream: a message is whole within 30 s of its first byte.
#[test]
fn half_a_message_is_waited_for_and_not_for_ever() {
    let mut far = Scripted::new();
    for _ in 0..29 {
        assert_eq!(half(&mut far, 1, b"O"), []);
        assert_eq!(far.wait(secs(1)), "");
    }
    assert_eq!(far.wait(secs(1)), "Close { connection: 1 }");
    assert_eq!(far.wait(secs(100)), "", "once");
    // A keep-alive's half and a whole message are no half messages.
    let options = message("OPTIONS", "o1", "Content-Length: 0\r\n");
    assert_eq!(half(&mut far, 2, b"\r\n"), []);
    assert_eq!(half(&mut far, 2, options.as_bytes()).len(), 1);
    assert_eq!(far.wait(secs(100)), "");
    // The rest of a pipeline has its own 30 s.
    let (front, back) = options.split_at(40);
    assert_eq!(half(&mut far, 3, front.as_bytes()), []);
    far.wait(secs(20));
    assert_eq!(half(&mut far, 3, format!("{back}OPT").as_bytes()).len(), 1);
    assert_eq!(far.wait(secs(20)), "");
    assert_eq!(far.wait(secs(10)), "Close { connection: 3 }");
}

/// However many streams there are, their halves do not fill the memory: the oldest goes.
#[test]
fn halves_of_messages_have_a_bound_over_all_streams() {
    let mut far = Scripted::new();
    let head = "INVITE sip:bob@10.0.0.2 SIP/2.0\r\nContent-Length: 200000\r\n\r\n";
    let bytes = format!("{head}{}", "x".repeat(150_000));
    let mut closed = Vec::new();
    for connection in 1..=200 {
        far.now += Duration::from_millis(1);
        for output in half(&mut far, connection, bytes.as_bytes()) {
            let Output::Close { connection } = output else { panic!("{output:?}") };
            closed.push(connection);
        }
    }
    let kept = 16 * 1024 * 1024 / bytes.len() as u64;
    assert_eq!(closed, (1..=200 - kept).collect::<Vec<_>>());
    far.wait(secs(31));
    assert_eq!(half(&mut far, 300, b"O"), [], "what was closed counts no more");
}
