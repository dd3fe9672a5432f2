//! Requests and answers over TLS: which transport, which name is to be proved, which Contact is offered.

use std::net::SocketAddr;

use super::*;
use crate::sip::locate::{Answer, Kind};
use crate::sip::wire;

fn bench(transports: &[Transport]) -> Endpoint {
    let listen = transports
        .iter()
        .map(|transport| (*transport, SocketAddr::from(([10, 0, 0, 2], transport.default_port()))))
        .collect();
    Endpoint::new(Config { listen, ..Config::default() }, 1)
}

const ALL: [Transport; 3] = [Transport::Udp, Transport::Tcp, Transport::Tls];
const START: crate::time::Timestamp = crate::time::Timestamp::from_secs(1000);

fn outputs(endpoint: &mut Endpoint) -> Vec<Output> {
    std::iter::from_fn(|| endpoint.poll()).collect()
}

/// What comes out when this address is called, with the resolver answering 192.0.2.9.
fn call(endpoint: &mut Endpoint, target: &str) -> Vec<Output> {
    let target: Uri = target.parse().expect("uri");
    let invite = Command::Invite {
        session: SessionId(1),
        to: NameAddr::new(target.clone()),
        target,
        flow: None,
        from: NameAddr::new("sip:us@a.test".parse().expect("uri")),
        headers: Vec::new(),
        body: None,
        credentials: None,
    };
    endpoint.handle(START, Input::Command(invite));
    let mut all = Vec::new();
    while let Some(output) = endpoint.poll() {
        match output {
            Output::Resolve { query, kind, .. } => {
                let answer = match kind {
                    Kind::A => Answer::Addresses(vec!["192.0.2.9".parse().expect("address")], 60),
                    _ => Answer::Nothing(60),
                };
                endpoint.handle(START, Input::Resolved { query, answer });
            }
            other => all.push(other),
        }
    }
    all
}

fn request(bytes: &[u8]) -> Request {
    match wire::read(bytes).expect("own message").message {
        Message::Request(request) => request,
        Message::Response(response) => panic!("{response:?}"),
    }
}

#[test]
fn a_sips_address_is_called_over_tls_with_its_name_to_prove() {
    for target in ["sips:bob@Biloxi.Example", "sips:bob@Biloxi.Example;transport=tcp"] {
        let sent = call(&mut bench(&ALL), target);
        let [Output::SendNamed { flow, domain, bytes }] = sent.as_slice() else { panic!("{sent:?}") };
        assert_eq!((flow.transport, flow.remote.port(), flow.connection), (Transport::Tls, 5061, 0));
        assert_eq!(domain, "biloxi.example");
        let invite = request(bytes);
        assert!(invite.headers.get("Via").expect("via").starts_with("SIP/2.0/TLS 10.0.0.2:5061;"));
        assert_eq!(invite.headers.get("Contact"), Some("<sips:us@10.0.0.2:5061>"));
    }
}

#[test]
fn a_sip_address_with_transport_tls_keeps_a_sip_contact() {
    let sent = call(&mut bench(&ALL), "sip:bob@biloxi.example:5999;transport=tls");
    let [Output::SendNamed { flow, domain, bytes }] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!((flow.transport, flow.remote.port()), (Transport::Tls, 5999));
    assert_eq!(domain, "biloxi.example");
    assert_eq!(request(bytes).headers.get("Contact"), Some("<sip:us@10.0.0.2:5061;transport=tls>"));
}

#[test]
fn an_address_literal_has_no_name_to_prove() {
    let sent = call(&mut bench(&ALL), "sip:bob@192.0.2.9;transport=tls");
    let [Output::Send { flow, .. }] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!((flow.transport, flow.remote.port()), (Transport::Tls, 5061));
}

#[test]
fn a_sips_address_never_goes_in_clear() {
    let cases = [
        (&ALL[..2], "sips:bob@192.0.2.9"),
        (&ALL[..2], "sips:bob@192.0.2.9;transport=tcp"),
        (&ALL[..], "sips:bob@192.0.2.9;transport=udp"),
    ];
    for (transports, target) in cases {
        let sent = call(&mut bench(transports), target);
        let [Output::Event(Event::Rejected { status: 503, .. })] = sent.as_slice() else {
            panic!("{target}: {sent:?}")
        };
    }
}

#[test]
fn without_a_listener_of_its_own_tls_still_goes_out() {
    let mut endpoint = bench(&ALL[..1]);
    let only_out = (Transport::Tls, SocketAddr::from(([10, 0, 0, 2], 0)));
    let listen = endpoint.config().listen.iter().copied().chain([only_out]).collect();
    endpoint = Endpoint::new(Config { listen, ..Config::default() }, 1);
    let sent = call(&mut endpoint, "sip:bob@192.0.2.9;transport=tls");
    let [Output::Send { bytes, .. }] = sent.as_slice() else { panic!("{sent:?}") };
    let invite = request(bytes);
    assert!(invite.headers.get("Via").expect("via").starts_with("SIP/2.0/TLS 10.0.0.2;branch="));
    assert_eq!(invite.headers.get("Contact"), Some("<sip:us@10.0.0.2;transport=tls>"));
}

#[test]
fn over_tls_we_go_by_the_name_in_our_certificate() {
    let listen = bench(&ALL).config().listen.clone();
    let advertised_name = Some("sip.a.test".to_owned());
    for (target, via, contact) in [
        ("sips:bob@192.0.2.9", "SIP/2.0/TLS sip.a.test:5061;", "<sips:us@sip.a.test:5061>"),
        ("sip:bob@192.0.2.9", "SIP/2.0/UDP 10.0.0.2:5060;", "<sip:us@10.0.0.2:5060>"),
    ] {
        let config =
            Config { listen: listen.clone(), advertised_name: advertised_name.clone(), ..Config::default() };
        let sent = call(&mut Endpoint::new(config, 1), target);
        let [Output::Send { bytes, .. }] = sent.as_slice() else { panic!("{sent:?}") };
        let invite = request(bytes);
        assert!(invite.headers.get("Via").expect("via").starts_with(via));
        assert_eq!(invite.headers.get("Contact"), Some(contact));
    }
}

#[test]
fn a_sips_call_is_answered_with_a_sips_contact() {
    for (uri, contact) in [
        ("sips:us@a.test", "<sips:us@10.0.0.2:5061>"),
        ("sip:us@a.test", "<sip:us@10.0.0.2:5061;transport=tls>"),
    ] {
        let mut endpoint = bench(&ALL);
        let text = format!(
            "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/TLS 192.0.2.9:5061;branch=z9hG4bKs1\r\n\
             Max-Forwards: 70\r\nFrom: <sip:a@b.test>;tag=1\r\nTo: <{uri}>\r\nCall-ID: s1\r\n\
             CSeq: 1 INVITE\r\nContact: <{uri}>\r\nContent-Length: 0\r\n\r\n"
        );
        let flow = Flow {
            transport: Transport::Tls,
            local: "10.0.0.2:5061".parse().expect("address"),
            remote: "192.0.2.9:40000".parse().expect("address"),
            connection: 3,
        };
        endpoint.handle(START, Input::Received { flow, bytes: text.into_bytes() });
        let incoming = outputs(&mut endpoint).into_iter().find_map(|output| match output {
            Output::Event(Event::Incoming { session, .. }) => Some(session),
            _ => None,
        });
        let session = incoming.expect("a call");
        let answer = Command::Answer { session, headers: Vec::new(), body: None };
        endpoint.handle(START, Input::Command(answer));
        let sent = outputs(&mut endpoint);
        let [Output::Send { flow: back, bytes }] = sent.as_slice() else { panic!("{sent:?}") };
        assert_eq!(*back, flow);
        let Message::Response(response) = wire::read(bytes).expect("own message").message else {
            panic!("no response")
        };
        assert_eq!(response.headers.get("Contact"), Some(contact));
    }
}
