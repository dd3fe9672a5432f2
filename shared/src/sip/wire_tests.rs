use proptest::prelude::*;

use super::*;
use crate::sip::header::NameAddr;

const INVITE: &str = "INVITE sip:bob@biloxi.com SIP/2.0\r\n\
    Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKnashds8\r\n\
    To: Bob <bob@biloxi.com>\r\nFrom: x\r\n";

fn request(text: &str) -> (Request, Option<Fault>) {
    bytes(text.as_bytes())
}

fn bytes(bytes: &[u8]) -> (Request, Option<Fault>) {
    match read(bytes) {
        Ok(Reading { message: Message::Request(request), fault }) => (request, fault),
        other => panic!("{other:?}"),
    }
}

/// A whole request with these lines put before the body.
fn with(lines: &str, body: &str) -> String {
    format!(
        "OPTIONS sip:bob@biloxi.com SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nTo: <sip:bob@biloxi.com>\r\n\
         From: <sip:a@b>;tag=1\r\nCall-ID: c\r\nCSeq: 7 OPTIONS\r\nMax-Forwards: 70\r\n{lines}\r\n{body}"
    )
}

#[test]
fn reads_every_spelling_the_same() {
    let tolerant = "\r\n\r\nOPTIONS tel:+1555 SIP/2.0\nv: SIP/2.0/UDP a;branch=z9hG4bK1 ,SIP/2.0/TCP [::1]:5070\n\
        f : \"A, B\"\n  <sip:a@b>;\n\ttag=1\nt: <sip:bob@[2001:db8::1]>\ni:\n c\nCSEQ: 1 OPTIONS\n\
        m: <sip:x@y;z=1,2>, \"q,\\\"\" <sip:z@y>\nX-Thing: v\nl: 3\n\nabcdef";
    let (request, fault) = request(tolerant);
    assert_eq!(fault, None);
    assert_eq!(request.uri.to_string(), "tel:+1555");
    let fields: Vec<(&str, &str)> = request.headers.iter().collect();
    assert_eq!(
        fields,
        [
            ("Via", "SIP/2.0/UDP a;branch=z9hG4bK1"),
            ("Via", "SIP/2.0/TCP [::1]:5070"),
            ("From", "\"A, B\" <sip:a@b>; tag=1"),
            ("To", "<sip:bob@[2001:db8::1]>"),
            ("Call-ID", "c"),
            ("CSeq", "1 OPTIONS"),
            ("Contact", "<sip:x@y;z=1,2>"),
            ("Contact", "\"q,\\\"\" <sip:z@y>"),
            ("X-Thing", "v"),
        ]
    );
    assert_eq!(request.headers.address("From").expect("from").tag(), Some("1"));
    assert_eq!(request.body, b"abc");
}

#[test]
fn keeps_unknown_methods_and_other_bytes() {
    let mut message = with("Subject: caf\r\n", "").replace("OPTIONS", "FOO!").into_bytes();
    let at = message.windows(3).position(|w| w == b"caf").expect("there") + 3;
    message.insert(at, 0xe9);
    let (request, fault) = bytes(&message);
    assert_eq!((request.method, fault), (Method::Other("FOO!".into()), None));
    assert_eq!(request.headers.get("subject"), Some("café"));
}

#[test]
fn binary_bodies_survive() {
    let body: Vec<u8> = (0..=255).collect();
    let mut request = request(&with("Content-Type: application/octet-stream\r\n", "")).0;
    request.body = body.clone();
    let (again, fault) = bytes(&write_request(&request));
    assert_eq!((again.body, fault), (body, None));
}

#[test]
fn writes_byte_exact() {
    let (request, _) = request(&with("k: timer\r\n", ""));
    let expected = with("Supported: timer\r\nContent-Length: 0\r\n", "");
    assert_eq!(String::from_utf8(write_request(&request)).expect("text"), expected);
}

#[test]
fn finds_the_fault() {
    let check = |text: String, status: Option<u16>| {
        let (_, fault) = request(&text);
        assert_eq!(fault.map(|fault| fault.status), status, "{text}");
    };
    check(with("", ""), None);
    check(with("Content-Length: 5\r\n", "12345678"), None);
    check(with("Content-Length: 9\r\n", "1234"), Some(400));
    check(with("Content-Length: -1\r\n", ""), Some(400));
    check(with("Content-Length: 1\r\nl: 2\r\n", "12"), Some(400));
    check(with("To: <sip:again@x>\r\n", ""), Some(400));
    check(with("", "").replace("7 OPTIONS", "7 INVITE"), Some(400));
    check(with("", "").replace("SIP/2.0\r\nVia", "SIP/7.0\r\nVia"), Some(505));
    check(with("", "").replace("SIP/2.0\r\nVia", "SIP/2.0   \r\nVia"), None);
    check(with("", "").replace("sip:bob@biloxi.com SIP", "<sip:bob@biloxi.com> SIP"), Some(400));
    check(with("", "").replace("Max-Forwards: 70", "Max-Forwards: 300"), Some(400));
    check(with("", "").replace("Call-ID: c\r\n", ""), Some(400));
    check(with(&"X: y\r\n".repeat(300), ""), Some(513));
}

#[test]
fn stays_silent_on_noise() {
    assert_eq!(read(b"\r\n\r\n"), Err(ReadError::Empty));
    assert_eq!(read(&[0, 0, 0, 0]), Err(ReadError::Empty));
    assert_eq!(read(b"hello"), Err(ReadError::NotSip));
    assert_eq!(read(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"), Err(ReadError::NotSip));
    assert!(matches!(read(b"SIP/2.0 9999999 x\r\n\r\n"), Err(ReadError::BadResponse(_))));
}

#[test]
fn reads_a_status_line_without_reason() {
    let text = with("", "").replace("OPTIONS sip:bob@biloxi.com SIP/2.0", "SIP/2.0 200");
    match read(text.as_bytes()).expect("response").message {
        Message::Response(response) => assert_eq!((response.status, response.reason.as_str()), (200, "")),
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_bytes_never_panic(noise in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = read(&noise);
    }

    #[test]
    fn mutated_messages_never_panic(at in 0_usize..400, len in 0_usize..20, with in proptest::collection::vec(any::<u8>(), 0..20)) {
        let mut message = super::tests::with("m: <sip:a@b>, \"x\" <sip:[::1]>;q=1\r\nl: 4\r\n", "abcd").into_bytes();
        let at = at.min(message.len());
        let end = (at + len).min(message.len());
        message.splice(at..end, with);
        if let Ok(reading) = read(&message) {
            // What was read can be written, and reads the same again.
            if let (Message::Request(request), None) = (reading.message, reading.fault) {
                let again = read(&write_request(&request)).expect("own message");
                prop_assert_eq!(again.message, Message::Request(request));
            }
        }
    }

    #[test]
    fn header_lines_never_panic(value in "\\PC{0,80}") {
        let _ = value.parse::<NameAddr>();
        let _ = value.parse::<super::super::header::Via>();
        let _ = value.parse::<Uri>();
        let _ = read(format!("{INVITE}{value}\r\n\r\n").as_bytes());
    }
}
