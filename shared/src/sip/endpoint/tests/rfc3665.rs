//! The basic call flows of RFC 3665 §3, each named after its section. Where the RFC has proxies, they are scripted.

use super::scripted::{Scripted, message};
use super::*;

/// Both proxies of the RFC as they stand in Record-Route of a response, ours last.
const ROUTES: &str = "Record-Route: <sip:ss2.biloxi.test;lr>\r\nRecord-Route: <sip:10.0.0.9;lr>\r\n\
                      Contact: <sip:bob@192.0.2.201>\r\n";

/// Calls through the proxy 10.0.0.9; the INVITE that it gets.
fn call_by_proxy(line: &mut Scripted) -> Request {
    let mut call = invite_to("sip:bob@biloxi.test");
    if let Command::Invite { headers, .. } = &mut call {
        headers.push(("Route".into(), "<sip:10.0.0.9;lr>".into()));
    }
    assert_eq!(line.command(call), "INVITE");
    let (flow, request) = line.request(&Method::Invite);
    assert_eq!(flow.remote.to_string(), "10.0.0.9:5060");
    assert_eq!(request.uri.to_string(), "sip:bob@biloxi.test");
    request
}

fn routes(request: &Request) -> Vec<&str> {
    request.headers.all("Route").collect()
}

#[test]
fn section_3_1_successful_session_establishment() {
    let mut pair = Pair::fine();
    pair.a(invite());
    pair.run(millis(100));
    pair.b(ringing(THERE));
    pair.run(millis(100));
    pair.b(answer(THERE, "answer"));
    pair.run(secs(10));
    pair.b(hangup(THERE));
    pair.run(millis(100));
    check(
        &pair.tape.take(pair.now),
        "0 a INVITE
         10 b 100 INVITE
         100 b 180 INVITE
         200 b 200 INVITE
         210 a ACK
         10200 b BYE
         10210 a 200 BYE",
    );
    assert_eq!(short(pair.a_events()), "Progress 180, Answered answer, Ended Peer");
    assert_eq!(short(pair.b_events()), "Incoming offer, Confirmed, Ended Local");
    drained(&mut pair);
}

/// The caller's side and the callee's.
#[test]
fn section_3_2_session_establishment_through_two_proxies() {
    let mut alice = Scripted::new();
    let invite = call_by_proxy(&mut alice);
    assert_eq!(alice.answer(&invite, 100, "", "", ""), "");
    assert_eq!(alice.answer(&invite, 180, "b1", ROUTES, ""), "Progress 180");
    assert_eq!(alice.answer(&invite, 200, "b1", ROUTES, "answer"), "ACK, Answered answer");
    let (flow, ack) = alice.request(&Method::Ack);
    assert_eq!(flow.remote.to_string(), "10.0.0.9:5060");
    assert_eq!(ack.uri.to_string(), "sip:bob@192.0.2.201");
    assert_eq!(routes(&ack), ["<sip:10.0.0.9;lr>", "<sip:ss2.biloxi.test;lr>"]);
    assert_eq!(alice.command(hangup(CALL)), "Ended Local, BYE");
    let (_, bye) = alice.request(&Method::Bye);
    assert_eq!(routes(&bye), routes(&ack));
    alice.answer(&bye, 200, "b1", "", "");
    alice.drained();

    let mut bob = Scripted::new();
    let route = "Record-Route: <sip:10.0.0.9;lr>\r\nRecord-Route: <sip:ss1.atlanta.test;lr>\r\n";
    assert_eq!(bob.hear(&message("INVITE", "x", route)), "100 INVITE, Incoming");
    assert_eq!(bob.command(ringing(THERE)), "180 INVITE");
    assert_eq!(bob.response().headers.all("Record-Route").count(), 2);
    assert_eq!(bob.command(answer(THERE, "offer")), "200 INVITE");
    let recorded: Vec<String> = bob.response().headers.all("Record-Route").map(Into::into).collect();
    assert_eq!(recorded, ["<sip:10.0.0.9;lr>", "<sip:ss1.atlanta.test;lr>"]);
    assert_eq!(bob.within("ACK", "x", 1, ""), "Confirmed");
    assert_eq!(bob.command(hangup(THERE)), "Ended Local, BYE");
    let (flow, bye) = bob.request(&Method::Bye);
    assert_eq!(flow.remote.to_string(), "10.0.0.9:5060");
    assert_eq!(routes(&bye), ["<sip:10.0.0.9;lr>", "<sip:ss1.atlanta.test;lr>"]);
    bob.answer(&bye, 200, "", "", "");
    bob.drained();
}

/// RFC 3261 §12.2.1.1: a strict router gets the request to itself, the target goes last.
#[test]
fn a_strict_router_on_the_way() {
    let mut alice = Scripted::new();
    let invite = call_by_proxy(&mut alice);
    let strict = ROUTES.replace("<sip:10.0.0.9;lr>", "<sip:10.0.0.9>");
    assert_eq!(alice.answer(&invite, 200, "b1", &strict, "answer"), "ACK, Answered answer");
    let (flow, ack) = alice.request(&Method::Ack);
    assert_eq!(
        (flow.remote.to_string().as_str(), ack.uri.to_string().as_str()),
        ("10.0.0.9:5060", "sip:10.0.0.9")
    );
    assert_eq!(routes(&ack), ["<sip:ss2.biloxi.test;lr>", "<sip:bob@192.0.2.201>"]);
}

#[test]
fn section_3_3_session_establishment_with_multiple_proxy_authentication() {
    let mut alice = Scripted::new();
    let challenge = |realm: &str| {
        format!(
            "Proxy-Authenticate: Digest realm=\"{realm}\", qop=\"auth\", nonce=\"{realm}1\", algorithm=MD5\r\n"
        )
    };
    let realms = |request: &Request| -> Vec<String> {
        let values = request.headers.all("Proxy-Authorization");
        values.filter_map(|value| value.split("realm=\"").nth(1)?.split('"').next().map(Into::into)).collect()
    };
    let first = call_by_proxy(&mut alice);
    assert_eq!(alice.answer(&first, 407, "p1", &challenge("atlanta"), ""), "ACK, INVITE");
    let (_, ack) = alice.request(&Method::Ack);
    assert_eq!(ack.headers.via().expect("via").branch(), first.headers.via().expect("via").branch());
    let (_, second) = alice.request(&Method::Invite);
    assert_eq!(realms(&second), ["atlanta"]);
    assert_eq!(alice.answer(&second, 407, "p2", &challenge("biloxi"), ""), "ACK, INVITE");
    let (_, third) = alice.request(&Method::Invite);
    assert_eq!(realms(&third), ["atlanta", "biloxi"]);
    let numbers: Vec<u32> =
        [&first, &second, &third].map(|request| request.headers.cseq().expect("cseq").number).into();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(first.headers.call_id(), third.headers.call_id());
    assert_eq!(alice.answer(&third, 180, "b1", ROUTES, ""), "Progress 180");
    assert_eq!(alice.answer(&third, 200, "b1", ROUTES, "answer"), "ACK, Answered answer");
    let (_, ack) = alice.request(&Method::Ack);
    assert_eq!(realms(&ack), ["atlanta", "biloxi"], "§22.3: the ACK carries the credentials of its INVITE");
}

/// The first proxy does not answer; the name has two addresses.
#[test]
fn section_3_4_successful_session_with_proxy_failure() {
    let mut alice = Scripted::new();
    alice.names = ["10.0.0.8", "10.0.0.9"].map(|ip| ip.parse().expect("address")).into();
    assert_eq!(alice.command(invite_to("sip:bob@proxies.test:5060")), "INVITE");
    let (flow, first) = alice.request(&Method::Invite);
    assert_eq!(alice.input(Input::SendFailed { flow }), "INVITE");
    let (next, second) = alice.request(&Method::Invite);
    assert_ne!(flow.remote, next.remote);
    let branch = |request: &Request| request.headers.via().expect("via").branch().to_owned();
    assert_ne!(branch(&first), branch(&second), "RFC 3263 §4.3: a new transaction");
    assert_eq!(alice.answer(&second, 180, "b1", ROUTES, ""), "Progress 180");
    assert_eq!(alice.answer(&second, 200, "b1", ROUTES, "answer"), "ACK, Answered answer");
}

/// The gateway at 10.0.0.9 puts addresses of its own into both descriptions, and stays on the way by Record-Route.
#[test]
fn section_3_5_session_through_a_sip_alg() {
    let gateway = "Record-Route: <sip:10.0.0.9;lr>\r\n";
    let mut alice = Scripted::new();
    let invite = call_by_proxy(&mut alice);
    assert_eq!(routes(&invite), ["<sip:10.0.0.9;lr>"]);
    assert_eq!(alice.answer(&invite, 100, "", "", ""), "");
    let recorded = format!("{gateway}Contact: <sip:bob@192.0.2.201>\r\n");
    assert_eq!(alice.answer(&invite, 180, "b1", &recorded, ""), "Progress 180");
    let answered = alice.answer(&invite, 200, "b1", &recorded, "answer with the gateway's port");
    assert_eq!(answered, "ACK, Answered answer with the gateway's port");
    assert_eq!(alice.command(hangup(CALL)), "Ended Local, BYE");
    for method in [Method::Ack, Method::Bye] {
        let (flow, request) = alice.request(&method);
        assert_eq!(flow.remote.to_string(), "10.0.0.9:5060", "{method}");
        assert_eq!(request.uri.to_string(), "sip:bob@192.0.2.201", "{method}");
        assert_eq!(routes(&request), ["<sip:10.0.0.9;lr>"], "{method}");
    }
    let (_, bye) = alice.request(&Method::Bye);
    alice.answer(&bye, 200, "b1", "", "");
    alice.drained();

    let mut bob = Scripted::new();
    assert_eq!(bob.hear(&message("INVITE", "x", gateway)), "100 INVITE, Incoming");
    assert_eq!(bob.command(ringing(THERE)), "180 INVITE");
    assert_eq!(bob.command(answer(THERE, "answer")), "200 INVITE");
    assert_eq!(bob.response().headers.get("Record-Route"), Some("<sip:10.0.0.9;lr>"));
    assert_eq!(bob.within("ACK", "x", 1, ""), "Confirmed");
    assert_eq!(bob.within("BYE", "x", 2, ""), "200 BYE, Ended Peer");
    bob.drained();
}

/// Redirected, without an offer: the answer goes in the ACK.
#[test]
fn section_3_6_session_via_redirect_and_proxy_servers_with_sdp_in_ack() {
    let mut alice = Scripted::new();
    assert_eq!(alice.command(without_offer(invite_to("sip:bob@10.0.0.9"))), "INVITE");
    let (_, first) = alice.request(&Method::Invite);
    assert_eq!(
        alice.answer(&first, 302, "r1", "Contact: <sip:bob@10.0.0.9;user=new>\r\n", ""),
        "ACK, Rejected 302"
    );
    assert_eq!(alice.command(without_offer(invite_to("sip:bob@10.0.0.9;user=new"))), "INVITE");
    let (_, second) = alice.request(&Method::Invite);
    assert!(second.body.is_empty());
    assert_eq!(alice.answer(&second, 180, "b1", ROUTES, ""), "Progress 180");
    assert_eq!(alice.answer(&second, 200, "b1", ROUTES, "offer of bob"), "Answered offer of bob");
    assert_eq!(
        alice.command(Command::Acknowledge { session: CALL, body: Some(sdp("answer of alice")) }),
        "ACK"
    );
    assert_eq!(alice.request(&Method::Ack).1.body, b"answer of alice");
}

/// Bob moves: his re-INVITE names another Contact, and what follows goes there (§12.2.1.2 target refresh).
#[test]
fn section_3_7_session_with_re_invite_ip_address_change() {
    let mut bob = Scripted::new();
    assert_eq!(bob.hear(&message("INVITE", "x", "")), "100 INVITE, Incoming");
    assert_eq!(bob.command(answer(THERE, "offer")), "200 INVITE");
    assert_eq!(bob.within("ACK", "x", 1, ""), "Confirmed");
    let moved = "Contact: <sip:a@192.0.2.77:5070>\r\nContent-Type: application/sdp\r\n";
    let tag = bob.our_tag();
    let text = message("INVITE", "x2", moved)
        .replace("Call-ID: x2", "Call-ID: x")
        .replace("CSeq: 1", "CSeq: 2")
        .replace("Contact: <sip:a@192.0.2.9:4444>\r\n", "")
        .replace("To: <sip:bob@10.0.0.2>", &format!("To: <sip:bob@10.0.0.2>;tag={tag}"));
    assert_eq!(bob.hear(&format!("{text}new place")), "100 INVITE, Reoffer new place");
    assert_eq!(bob.command(answer(THERE, "fine")), "200 INVITE");
    assert_eq!(bob.within("ACK", "x", 2, ""), "");
    assert_eq!(bob.command(hangup(THERE)), "Ended Local, BYE");
    let (flow, bye) = bob.request(&Method::Bye);
    assert_eq!(bye.uri.to_string(), "sip:a@192.0.2.77:5070");
    assert_eq!(flow.remote.to_string(), "192.0.2.77:5070");
}

#[test]
fn section_3_8_unsuccessful_no_answer() {
    let mut alice = Scripted::new();
    let invite = call_by_proxy(&mut alice);
    assert_eq!(alice.answer(&invite, 180, "b1", ROUTES, ""), "Progress 180");
    assert_eq!(alice.command(hangup(CALL)), "CANCEL");
    let (flow, cancel) = alice.request(&Method::Cancel);
    assert_eq!(flow.remote.to_string(), "10.0.0.9:5060");
    assert_eq!(cancel.headers.via(), invite.headers.via());
    assert_eq!(cancel.headers.cseq().expect("cseq").number, 1);
    assert_eq!(routes(&cancel), routes(&invite));
    assert_eq!(alice.answer(&cancel, 200, "p1", "", ""), "");
    assert_eq!(alice.answer(&invite, 487, "b1", "", ""), "ACK, Rejected 487");
    let (_, ack) = alice.request(&Method::Ack);
    assert_eq!((ack.headers.via(), routes(&ack)), (invite.headers.via(), routes(&invite)));
    alice.drained();
}

#[test]
fn section_3_9_unsuccessful_busy() {
    let mut pair = Pair::fine();
    pair.a(invite());
    pair.run(millis(100));
    pair.b(reject(THERE, 486));
    pair.run(secs(1));
    check(&pair.tape.take(pair.now), "0 a INVITE\n10 b 100 INVITE\n100 b 486 INVITE\n110 a ACK");
    assert_eq!(short(pair.a_events()), "Rejected 486");
    drained(&mut pair);
}

/// The proxy tries, gets no answer and says so; without any proxy nobody does.
#[test]
fn section_3_10_unsuccessful_no_response_from_user_agent() {
    let mut alice = Scripted::new();
    let invite = call_by_proxy(&mut alice);
    assert_eq!(alice.answer(&invite, 100, "", "", ""), "");
    assert_eq!(alice.wait(secs(60)), "", "a provisional response stops timers A and B");
    assert_eq!(alice.answer(&invite, 408, "p1", "", ""), "ACK, Rejected 408");
    alice.drained();
    let mut alice = Scripted::new();
    call_by_proxy(&mut alice);
    assert_eq!(alice.wait(secs(32)), "INVITE, INVITE, INVITE, INVITE, INVITE, INVITE, Rejected 408");
    alice.drained();
}

#[test]
fn section_3_11_unsuccessful_temporarily_unavailable() {
    let mut alice = Scripted::new();
    let invite = call_by_proxy(&mut alice);
    assert_eq!(alice.answer(&invite, 100, "", "", ""), "");
    assert_eq!(alice.answer(&invite, 180, "b1", ROUTES, ""), "Progress 180");
    assert_eq!(alice.answer(&invite, 480, "b1", "", ""), "ACK, Rejected 480");
    // Repeated: acknowledged once more, and told once.
    assert_eq!(alice.answer(&invite, 480, "b1", "", ""), "ACK");
    alice.drained();
}
