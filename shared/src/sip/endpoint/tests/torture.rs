//! The messages of RFC 4475: what one endpoint makes of each.

use super::scripted::{Scripted, config, flow};
use super::*;
use crate::sip::wire::{self, ReadError, Reading};

/// The message, from our own copy; where another one lies beside the project, it must be the same.
fn torture(name: &str) -> Vec<u8> {
    let package = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = package.join("../tests/data/rfc4475").join(format!("{name}.dat"));
    let bytes = std::fs::read(&own).unwrap_or_else(|error| panic!("{}: {error}", own.display()));
    if let Ok(other) = std::fs::read(package.join("../../shared/data/rfc4475").join(format!("{name}.dat"))) {
        assert_eq!(bytes, other, "{name} is not the message of the RFC");
    }
    bytes
}

fn request(name: &str) -> Request {
    match wire::read(&torture(name)) {
        Ok(Reading { message: Message::Request(request), fault: None }) => request,
        other => panic!("{name}: {other:?}"),
    }
}

fn bench_for_all() -> Scripted {
    let user_methods = vec![Method::Register, Method::Message];
    Scripted::with(Config { user_methods, ..config() }, 1)
}

/// What comes out, in short: statuses and events, or `silence`.
fn outcome(bytes: &[u8]) -> String {
    let outputs = bench_for_all().put(Transport::Udp, bytes);
    let words: Vec<String> = outputs
        .iter()
        .map(|output| match output {
            Output::Send { bytes, .. } => {
                String::from_utf8_lossy(bytes).get(8..11).unwrap_or_default().into()
            }
            Output::Event(event) => {
                short(vec![event.clone()]).split(' ').take(2).collect::<Vec<_>>().join(" ")
            }
            other => format!("{other:?}"),
        })
        .map(|word: String| word.split("\r\n").next().unwrap_or_default().trim_end_matches(" v=0").to_owned())
        .collect();
    if words.is_empty() { "silence".into() } else { words.join(", ") }
}

/// Name, section of RFC 4475, outcome.
const TABLE: [(&str, &str, &str); 49] = [
    // Valid messages.
    // To has a tag, and nobody here knows that dialog.
    ("wsinv", "3.1.1.1", "481"),
    ("intmeth", "3.1.1.2", "501"),
    ("esc01", "3.1.1.3", "100, Incoming"),
    ("escnull", "3.1.1.4", "Request REGISTER"),
    // A method whose name is not escaped, so it is not REGISTER.
    ("esc02", "3.1.1.5", "501"),
    ("lwsdisp", "3.1.1.6", "200"),
    ("longreq", "3.1.1.7", "100, Incoming"),
    // The second message in the datagram is nobody's.
    ("dblreq", "3.1.1.8", "Request REGISTER"),
    ("semiuri", "3.1.1.9", "200"),
    ("transports", "3.1.1.10", "200"),
    ("mpart01", "3.1.1.11", "Request MESSAGE"),
    ("unreason", "3.1.1.12", "silence"),
    ("noreason", "3.1.1.13", "silence"),
    // Invalid messages.
    ("badinv01", "3.1.2.1", "400"),
    ("clerr", "3.1.2.2", "400"),
    ("ncl", "3.1.2.3", "400"),
    ("scalar02", "3.1.2.4", "400"),
    ("scalarlg", "3.1.2.5", "silence"),
    ("quotbal", "3.1.2.6", "400"),
    ("ltgtruri", "3.1.2.7", "400"),
    ("lwsruri", "3.1.2.8", "400"),
    ("lwsstart", "3.1.2.9", "400"),
    // Blanks behind the version may be ignored.
    ("trws", "3.1.2.10", "200"),
    ("escruri", "3.1.2.11", "400"),
    // A Date that nobody acts upon.
    ("baddate", "3.1.2.12", "100, Incoming"),
    ("regbadct", "3.1.2.13", "400"),
    // Blanks within < > and a name without its quotes: what is meant cannot be mistaken.
    ("badaspec", "3.1.2.14", "200"),
    ("baddn", "3.1.2.15", "200"),
    ("badvers", "3.1.2.16", "505"),
    ("mismatch01", "3.1.2.17", "400"),
    ("mismatch02", "3.1.2.18", "501"),
    ("bigcode", "3.1.2.19", "silence"),
    // Transaction layer: a cookie with nothing behind it is matched by the rules of RFC 2543.
    ("badbranch", "3.2.1", "200"),
    // Application layer.
    ("insuf", "3.3.1", "400"),
    ("unkscm", "3.3.2", "416"),
    ("novelsc", "3.3.3", "416"),
    // To of REGISTER has to be a SIP or SIPS URI.
    ("unksm2", "3.3.4", "400"),
    ("bext01", "3.3.5", "420"),
    ("invut", "3.3.6", "415"),
    // No credentials that anybody knows: the registrar asks for others.
    ("regaut01", "3.3.7", "Request REGISTER"),
    ("multi01", "3.3.8", "400"),
    ("mcl01", "3.3.9", "400"),
    ("bcast", "3.3.10", "silence"),
    // It does not go any further.
    ("zeromf", "3.3.11", "200"),
    ("cparam01", "3.3.12", "Request REGISTER"),
    ("cparam02", "3.3.13", "Request REGISTER"),
    ("regescrt", "3.3.14", "Request REGISTER"),
    ("sdp01", "3.3.15", "406"),
    ("inv2543", "3.4.1", "100, Incoming"),
];

#[test]
fn every_torture_message_gets_what_the_rfc_says() {
    let wrong: Vec<String> = TABLE
        .iter()
        .map(|(name, section, expected)| (name, section, expected, outcome(&torture(name))))
        .filter(|(_, _, expected, got)| got != *expected)
        .map(|(name, section, expected, got)| format!("{name} (§{section}): {got}, not {expected}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/rfc4475");
    let files = std::fs::read_dir(folder).expect("the messages").flatten();
    let mut there: Vec<String> =
        files.filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".dat")?.to_owned())).collect();
    let mut known: Vec<&str> = TABLE.iter().map(|(name, ..)| *name).collect();
    there.sort();
    known.sort_unstable();
    assert_eq!(there, known);
}

/// What is refused says why; what is wrong is not kept.
#[test]
fn torture_messages_are_refused_with_reasons() {
    let answer = |name: &str| {
        let mut bench = bench_for_all();
        let outputs = bench.put(Transport::Udp, &torture(name));
        let [Output::Send { bytes, flow: to }] = outputs.as_slice() else { panic!("{name}: {outputs:?}") };
        assert_eq!(to.remote.ip(), flow(Transport::Udp).remote.ip(), "{name}");
        assert_eq!((bench.endpoint.transaction_count(), bench.endpoint.session_count()), (0, 0), "{name}");
        match wire::read(bytes).expect("our own").message {
            Message::Response(response) => response,
            Message::Request(request) => panic!("{name}: {request:?}"),
        }
    };
    let unsupported = answer("bext01");
    // Proxy-Require is for proxies.
    assert_eq!(
        unsupported.headers.get("Unsupported"),
        Some("nothingSupportsThis, nothingSupportsThisEither")
    );
    assert!(answer("invut").headers.lists("Accept", "application/sdp"));
    assert!(answer("intmeth").headers.lists("Allow", "OPTIONS"));
    assert_eq!(answer("mcl01").reason, "Bad Content-Length");
}

/// The reading itself: names, parameters and bodies are those that the RFC speaks of.
#[test]
fn torture_messages_are_read_as_meant() {
    let headers = request("wsinv").headers;
    assert_eq!(headers.address("To").expect("To").tag(), Some("1918181833n"));
    assert_eq!(headers.address("From").expect("From").display.as_deref(), Some("J Rosenberg \\\""));
    let vias: Vec<&str> = headers.all("Via").collect();
    assert_eq!(vias.len(), 3, "{vias:?}");
    assert_eq!(headers.via().expect("Via").branch(), "390skdjuw");
    assert_eq!(headers.get("Max-Forwards"), Some("0068"));
    assert_eq!(headers.get("subject"), Some(""));
    assert_eq!(headers.cseq().expect("CSeq").number, 9);
    assert_eq!(headers.get("NewFangledHeader"), Some("newfangled value continued newfangled value"));
    let contact = headers.address("Contact").expect("Contact");
    assert_eq!(contact.display.as_deref(), Some("Quoted string \"\""));
    assert_eq!((contact.params.get("newparam"), contact.params.get("q")), (Some("newvalue"), Some("0.33")));
    assert!(contact.params.has("secondparam"));

    let strange = request("intmeth");
    assert_eq!(strange.uri.host, "example.com");
    let from = strange.headers.address("From").expect("From");
    assert_eq!(
        (from.display.as_deref(), from.tag()),
        (Some("token1~` token2'+_ token3*%!.-"), Some("_token~1'+`*%!-."))
    );
    // Quoted NULs go back as they came, and into no name that somebody reads.
    assert!(strange.headers.get("To").is_some_and(|to| to.contains("NUL:\\\0")));
    assert_eq!(strange.headers.address("To").expect("To").display.as_deref(), Some("BEL: NUL: DEL:"));

    let escaped = request("esc01");
    assert_eq!(escaped.uri.user_unescaped().as_deref(), Some("sips:user@example.com"));
    assert!(
        escaped.headers.address("To").expect("To").uri.same(&"sip:user@example.com".parse().expect("URI"))
    );
    let contact = escaped.headers.address("Contact").expect("Contact").uri;
    assert_eq!((contact.param("lr"), contact.user_unescaped().as_deref()), (Some(None), Some("caller")));
    assert!(contact.same(&"sip:caller@host5.example.net;lr;name=value%2541".parse().expect("URI")));

    assert_eq!(request("esc02").method, Method::Other("RE%47IST%45R".into()));
    assert_eq!(request("esc02").headers.all("Contact").count(), 2, "C%6Fntact is another header");
    assert_eq!(
        request("escnull").headers.addresses("Contact")[1].uri.user_unescaped().as_deref(),
        Some("\0\0")
    );
    assert_eq!(request("lwsdisp").headers.address("From").expect("From").display.as_deref(), Some("caller"));
    assert_eq!(request("longreq").headers.all("Via").count(), 34);
    assert_eq!(request("semiuri").uri.user_unescaped().as_deref(), Some("user;par=u@example.net"));
    let transports: Vec<String> = request("transports")
        .headers
        .all("Via")
        .map(|via| via[8..].split(' ').next().unwrap_or_default().into())
        .collect();
    assert_eq!(transports, ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]);

    let parts = request("mpart01").body().expect("a body").parts();
    let types: Vec<&str> = parts.iter().map(|part| part.content_type.as_str()).collect();
    assert_eq!(types, ["text/plain", "application/octet-stream"]);
    assert_eq!(parts[0].bytes, b"Hello");
    assert!(parts[1].bytes.starts_with(&[0x30, 0x82]) && parts[1].bytes.len() > 300);

    // A parameter of the header, and one of the URI.
    let contact = request("cparam01").headers.address("Contact").expect("Contact");
    assert_eq!((contact.params.has("unknownparam"), contact.uri.param("unknownparam")), (true, None));
    let contact = request("cparam02").headers.address("Contact").expect("Contact");
    assert_eq!((contact.params.has("unknownparam"), contact.uri.param("unknownparam")), (false, Some(None)));
    let contact = request("regescrt").headers.address("Contact").expect("Contact").uri;
    assert_eq!(contact.header("Route").as_deref(), Some("<sip:sip.example.com>"));
    assert!(contact.to_request_uri().headers.is_empty(), "it is not for Request-URIs");

    for (name, reason) in [("unreason", "= 2**3 * 5**2 но сто девяносто девять - простое"), ("noreason", "")]
    {
        match wire::read(&torture(name)).expect("a response").message {
            Message::Response(response) => assert_eq!(response.reason, reason, "{name}"),
            Message::Request(request) => panic!("{name}: {request:?}"),
        }
    }
    assert_eq!(wire::read(&torture("bigcode")), Err(ReadError::BadResponse("status")));
    assert_eq!(wire::read(&torture("scalarlg")), Err(ReadError::BadResponse("Bad CSeq")));
}

/// What is read and written again is read the same, and its body is the same to the byte.
#[test]
fn torture_messages_are_forwarded_as_they_were_read() {
    for (name, ..) in TABLE {
        let Ok(Reading { message, fault: None }) = wire::read(&torture(name)) else { continue };
        let written = match &message {
            Message::Request(request) => wire::write_request(request),
            Message::Response(response) => wire::write_response(response),
        };
        let again = wire::read(&written).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(again, Reading { message, fault: None }, "{name}");
    }
}
