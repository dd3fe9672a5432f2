//! What a single message from outside gets, written by hand.

use super::scripted::{Scripted, config, flow, message};
use super::*;
use crate::sip::wire;

fn check_status(text: &str, status: Option<u16>) -> Option<Response> {
    let mut answers = Scripted::new().answers(text);
    let got: Vec<u16> = answers.iter().map(|(_, response)| response.status).collect();
    assert_eq!(got, status.into_iter().collect::<Vec<_>>(), "{text}");
    answers.pop().map(|(_, response)| response)
}

#[test]
fn each_refusal_has_its_status() {
    check_status(&message("OPTIONS", "1", ""), Some(200));
    check_status(&message("OPTIONS", "1", "Max-Forwards: 0\r\n"), Some(200));
    check_status(&message("INVITE", "1", "Max-Forwards: 0\r\n"), Some(483));
    let response = check_status(&message("REGISTER", "1", ""), Some(405)).expect("answer");
    assert!(response.headers.lists("Allow", "INVITE"));
    check_status(&message("DANCE", "1", ""), Some(501));
    let response =
        check_status(&message("INVITE", "1", "Require: timer, gruu\r\n"), Some(420)).expect("answer");
    assert_eq!(response.headers.get("Unsupported"), Some("gruu"));
    check_status(&message("INVITE", "1", "Require: timer, 100rel\r\n"), Some(100));
    check_status(&message("BYE", "1", ""), Some(481));
    check_status(&message("CANCEL", "1", ""), Some(481));
    check_status(&message("NOTIFY", "1", ""), Some(481));
    check_status(&message("INFO", "1", "").replace("10.0.0.2>\r\n", "10.0.0.2>;tag=x\r\n"), Some(481));
    check_status(
        &message("OPTIONS", "1", "").replace("sip:bob@10.0.0.2 SIP", "soap.beep://x SIP"),
        Some(416),
    );
    check_status(&message("OPTIONS", "1", "Max-Forwards: 300\r\n"), Some(400));
    check_status(&message("OPTIONS", "1", "").replace("CSeq: 1 OPTIONS\r\n", ""), None);
    check_status(&message("OPTIONS", "1", "").replace("SIP/2.0\r\nVia", "SIP/3.0\r\nVia"), Some(505));
    check_status(&message("ACK", "1", ""), None);
    check_status(&message("ACK", "1", "").replace("CSeq: 1", "CSeq: x"), None);
    check_status("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\r\n", None);
    check_status("\r\n\r\n", None);
    check_status("noise", None);
    let invite = message("INVITE", "1", "Content-Type: application/x\r\n") + "body";
    let response = check_status(&invite, Some(415)).expect("answer");
    assert_eq!(
        response.headers.get("Accept"),
        Some("application/sdp, multipart/mixed, multipart/alternative")
    );
}

#[test]
fn answers_go_where_the_request_came_from() {
    let mut bench = Scripted::new();
    let (to, response) = bench.answers(&message("OPTIONS", "1", "")).remove(0);
    assert_eq!(to.to_string(), "192.0.2.9:4444");
    let via = response.headers.via().expect("via");
    assert_eq!((via.params.get("received"), via.params.get("rport")), (Some("192.0.2.9"), Some("4444")));
    let plain =
        message("OPTIONS", "2", "").replace(";rport", "").replace("192.0.2.9:4444;", "192.168.1.1:6000;");
    let (to, response) = bench.answers(&plain).remove(0);
    assert_eq!(to.to_string(), "192.0.2.9:6000", "without rport the port of the Via counts");
    assert_eq!(response.headers.via().expect("via").params.get("received"), Some("192.0.2.9"));
}

#[test]
fn repetitions_change_nothing() {
    let mut bench = Scripted::new();
    let invite = message("INVITE", "1", "");
    let outputs = bench.put(Transport::Udp, invite.as_bytes());
    assert_eq!(outputs.iter().filter(|output| matches!(output, Output::Event(_))).count(), 1);
    let again: Vec<u16> = bench.answers(&invite).iter().map(|(_, response)| response.status).collect();
    assert_eq!(again, [100]);
    bench.endpoint.handle(bench.now, Input::Command(reject(THERE, 486)));
    bench.outputs();
    // After the final response it is repeated, after the ACK nothing is.
    let again: Vec<u16> = bench.answers(&invite).iter().map(|(_, response)| response.status).collect();
    assert_eq!(again, [486]);
    let ack = invite.replace("INVITE", "ACK");
    assert_eq!(bench.put(Transport::Udp, ack.as_bytes()), []);
    assert_eq!(bench.put(Transport::Udp, invite.as_bytes()), []);
}

#[test]
fn the_same_request_over_two_paths() {
    let mut bench = Scripted::new();
    bench.answers(&message("INVITE", "1", ""));
    let other = message("INVITE", "1", "").replace("z9hG4bK1", "z9hG4bK2");
    let got: Vec<u16> = bench.answers(&other).iter().map(|(_, response)| response.status).collect();
    assert_eq!(got, [482]);
}

#[test]
fn peers_without_magic_branches_are_matched_too() {
    let mut bench = Scripted::new();
    let old = message("INVITE", "1", "").replace(";branch=z9hG4bK1;rport", "");
    let first: Vec<u16> = bench.answers(&old).iter().map(|(_, response)| response.status).collect();
    assert_eq!(first, [100]);
    let cancel = old.replace("INVITE", "CANCEL");
    let got: Vec<u16> = bench.answers(&cancel).iter().map(|(_, response)| response.status).collect();
    assert_eq!(got, [200, 487]);
}

#[test]
fn a_flood_is_refused_without_state() {
    let mut config = config();
    config.max_sessions = 2;
    let mut bench = Scripted::with(config, 1);
    for number in 0..10 {
        bench.answers(&message("INVITE", &number.to_string(), ""));
    }
    assert_eq!((bench.endpoint.session_count(), bench.endpoint.transaction_count()), (2, 2));
    let (_, response) = bench.answers(&message("INVITE", "x", "")).remove(0);
    assert_eq!((response.status, response.headers.get("Retry-After")), (503, Some("5")));
}

#[test]
fn streams_are_framed_kept_alive_and_closed() {
    let mut bench = Scripted::new();
    let text = message("OPTIONS", "1", "").replace("/UDP", "/TCP");
    let (first, second) = text.split_at(100);
    assert_eq!(bench.put(Transport::Tcp, first.as_bytes()), []);
    assert_eq!(bench.put(Transport::Tcp, second.as_bytes()).len(), 1);
    let pong = bench.put(Transport::Tcp, b"\r\n\r\n");
    assert_eq!(pong, [Output::Send { flow: flow(Transport::Tcp), bytes: b"\r\n".to_vec() }]);
    // A length that cannot be right is answered, then nothing on that stream can be trusted (RFC 4475 §3.1.2.3).
    let wrong = message("OPTIONS", "2", "Content-Length: -7\r\n").replace("/UDP", "/TCP");
    let outputs = bench.put(Transport::Tcp, wrong.as_bytes());
    let [Output::Send { bytes, .. }, Output::Close { connection: 1 }] = outputs.as_slice() else {
        panic!("{outputs:?}")
    };
    assert!(bytes.starts_with(b"SIP/2.0 400 Bad Content-Length"), "{outputs:?}");
}

/// A phone behind NAT calls in: requests within its dialog go back to where it called from.
#[test]
fn calls_from_behind_nat_keep_their_flow() {
    let mut bench = Scripted::new();
    let text = message("INVITE", "1", "").replace("192.0.2.9:4444", "192.168.1.7:5060");
    bench.put(Transport::Udp, text.as_bytes());
    bench.endpoint.handle(bench.now, Input::Command(answer(THERE, "answer")));
    let tag = match bench.outputs().as_slice() {
        [Output::Send { bytes, .. }] => match wire::read(bytes).expect("own").message {
            Message::Response(response) => {
                response.headers.address("To").expect("to").tag().expect("tag").to_owned()
            }
            Message::Request(_) => String::new(),
        },
        _ => String::new(),
    };
    let ack = text
        .replace("INVITE", "ACK")
        .replace("bK1", "bK2")
        .replace("10.0.0.2>\r\n", &format!("10.0.0.2>;tag={tag}\r\n"));
    bench.put(Transport::Udp, ack.as_bytes());
    bench.endpoint.handle(bench.now, Input::Command(hangup(THERE)));
    let outputs = bench.outputs();
    let bye = outputs.iter().find_map(|output| match output {
        Output::Send { flow, bytes } if bytes.starts_with(b"BYE sip:a@192.168.1.7:5060 ") => {
            Some(flow.remote)
        }
        _ => None,
    });
    assert_eq!(bye.map(|to| to.to_string()).as_deref(), Some("192.0.2.9:4444"), "{outputs:?}");
}

/// Two branches of a fork answer: the second one is acknowledged and ended.
#[test]
fn a_fork_that_answers_twice() {
    let mut bench = Scripted::new();
    let mut call = invite_to("sip:bob@192.0.2.9:4444");
    if let Command::Invite { flow, .. } = &mut call {
        *flow = None;
    }
    bench.endpoint.handle(bench.now, Input::Command(call));
    let outputs = bench.outputs();
    let [Output::Send { bytes, .. }] = outputs.as_slice() else { panic!("{outputs:?}") };
    let Message::Request(invite) = wire::read(bytes).expect("own").message else { panic!("a request") };
    let mut sent = Vec::new();
    for tag in ["one", "two", "two"] {
        let mut response = invite.reply(200, "", Some(tag));
        response.headers.push("Contact", format!("<sip:{tag}@192.0.2.9:4444>"));
        for output in bench.put(Transport::Udp, &wire::write_response(&response)) {
            match output {
                Output::Send { bytes, .. } => {
                    sent.push(
                        String::from_utf8_lossy(&bytes).split(" SIP").next().unwrap_or_default().to_owned(),
                    );
                }
                Output::Event(event) => sent.push(short(vec![event])),
                _ => {}
            }
        }
    }
    assert_eq!(
        sent,
        [
            "ACK sip:one@192.0.2.9:4444",
            "Answered",
            "ACK sip:two@192.0.2.9:4444",
            "BYE sip:two@192.0.2.9:4444",
            "ACK sip:two@192.0.2.9:4444",
        ]
    );
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(60))]

    /// Whatever arrives in whatever order: no panic, and no state above the limits.
    #[test]
    fn mutated_traffic_never_panics(seed in proptest::prelude::any::<u64>()) {
        use rand::{Rng, SeedableRng};
        let mut random = rand::rngs::SmallRng::seed_from_u64(seed);
        let mut config = config();
        config.max_sessions = 4;
        config.max_transactions = 10;
        config.user_methods = vec![Method::Message];
        let mut bench = Scripted::with(config, seed);
        let methods = ["INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "UPDATE", "REFER", "NOTIFY", "MESSAGE"];
        for _ in 0..40 {
            let method = methods[random.next_u32() as usize % methods.len()];
            let branch = (random.next_u32() % 6).to_string();
            let mut bytes = message(method, &branch, "Supported: timer\r\nSession-Expires: 100\r\n").into_bytes();
            if random.next_u32().is_multiple_of(2) {
                let at = random.next_u32() as usize % bytes.len();
                bytes[at] = random.next_u32() as u8;
            }
            let transport = if random.next_u32().is_multiple_of(3) { Transport::Tcp } else { Transport::Udp };
            for output in bench.put(transport, &bytes) {
                if let Output::Event(Event::Incoming { session, .. }) = output {
                    let command = match random.next_u32() % 3 {
                        0 => answer(session, "answer"),
                        1 => reject(session, 486),
                        _ => hangup(session),
                    };
                    bench.endpoint.handle(bench.now, Input::Command(command));
                }
            }
            bench.now += millis(u64::from(random.next_u32() % 3000));
            bench.endpoint.handle(bench.now, Input::Tick);
            proptest::prop_assert!(bench.endpoint.session_count() <= 4);
        }
    }
}
