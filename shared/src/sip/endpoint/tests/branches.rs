//! Several branches of one INVITE, and requests that come at the wrong place: written by hand.

use super::scripted::{Scripted, config, message};
use super::*;

const RELIABLE: &str = "Require: 100rel\r\nAllow: INVITE, PRACK, UPDATE\r\n";

/// A session that stands; the far side called.
fn called() -> Scripted {
    let mut bob = Scripted::new();
    assert_eq!(bob.hear(&message("INVITE", "x", "")), "100 INVITE, Incoming");
    assert_eq!(bob.command(answer(THERE, "offer")), "200 INVITE");
    assert_eq!(bob.within("ACK", "x", 1, ""), "Confirmed");
    bob
}

/// RFC 3261 §13.2.2.4, RFC 3262 §4: each branch is a dialog with numbers of its own.
#[test]
fn early_dialogs_of_a_fork() {
    let mut alice = Scripted::new();
    assert_eq!(alice.command(invite_to("sip:bob@192.0.2.9:4444")), "INVITE");
    let (_, invite) = alice.request(&Method::Invite);
    let lines =
        |tag: &str, rseq: u32| format!("Contact: <sip:{tag}@192.0.2.9:4444>\r\n{RELIABLE}RSeq: {rseq}\r\n");
    let rack = |alice: &Scripted| {
        let (_, prack) = alice.request(&Method::Prack);
        let to = prack.headers.address("To").expect("To").tag().unwrap_or_default().to_owned();
        let cseq = prack.headers.cseq().expect("cseq").number;
        format!("{} {to} {cseq} {}", prack.uri, prack.headers.get("RAck").unwrap_or_default())
    };
    assert_eq!(
        alice.answer(&invite, 183, "one", &lines("one", 10), "early one"),
        "PRACK, Progress 183 early one"
    );
    assert_eq!(rack(&alice), "sip:one@192.0.2.9:4444 one 2 10 1 INVITE");
    assert_eq!(
        alice.answer(&invite, 183, "two", &lines("two", 77), "early two"),
        "PRACK, Progress 183 early two"
    );
    assert_eq!(rack(&alice), "sip:two@192.0.2.9:4444 two 2 77 1 INVITE");
    // Repeated, and one that overtook another: neither told nor acknowledged.
    assert_eq!(alice.answer(&invite, 183, "one", &lines("one", 10), "early one"), "");
    assert_eq!(alice.answer(&invite, 180, "one", &lines("one", 12), ""), "");
    assert_eq!(alice.answer(&invite, 180, "one", &lines("one", 11), ""), "PRACK, Progress 180");
    assert_eq!(rack(&alice), "sip:one@192.0.2.9:4444 one 3 11 1 INVITE");
    // The second branch answers first; the other one is acknowledged and ended.
    let contact = "Contact: <sip:two@192.0.2.9:4444>\r\n";
    assert_eq!(alice.answer(&invite, 200, "two", contact, ""), "ACK, Answered early two");
    assert_eq!(alice.request(&Method::Ack).1.headers.cseq().expect("cseq").number, 1);
    assert_eq!(alice.answer(&invite, 200, "one", &contact.replace("two", "one"), ""), "ACK, BYE");
    assert_eq!(alice.request(&Method::Bye).1.uri.to_string(), "sip:one@192.0.2.9:4444");
    assert_eq!(alice.command(hangup(CALL)), "Ended Local, BYE");
    let (_, bye) = alice.request(&Method::Bye);
    assert_eq!(
        (bye.uri.to_string().as_str(), bye.headers.cseq().expect("cseq").number),
        ("sip:two@192.0.2.9:4444", 3)
    );
}

/// RFC 4488: who wants no news gets none.
#[test]
fn a_silent_transfer() {
    let mut bob = called();
    let refer = "Refer-To: <sip:carol@c.test>\r\nRefer-Sub: false\r\n";
    assert_eq!(bob.within("REFER", "x", 2, refer), "Refer sip:carol@c.test");
    assert_eq!(bob.command(Command::RespondRefer { session: THERE, status: 202 }), "202 REFER");
    assert_eq!(bob.response().headers.get("Refer-Sub"), Some("false"));
    let reason = String::new();
    assert_eq!(bob.command(Command::NotifyRefer { session: THERE, status: 200, reason, last: true }), "");
    assert_eq!(bob.wait(secs(300)), "");
    assert_eq!(bob.within("REFER", "x", 3, ""), "400 REFER", "RFC 3515 §2.4.1: Refer-To is missing");
}

/// RFC 6665: unknown packages, subscriptions that nobody has, and the one that REFER makes.
#[test]
fn subscriptions_within_a_call() {
    let mut bob = called();
    assert_eq!(bob.within("SUBSCRIBE", "x", 2, "Event: presence\r\n"), "489 SUBSCRIBE");
    assert_eq!(bob.response().headers.get("Allow-Events"), Some("refer"));
    assert_eq!(bob.within("SUBSCRIBE", "x", 3, "Event: refer\r\n"), "481 SUBSCRIBE");
    assert_eq!(bob.within("NOTIFY", "x", 4, "Event: dialog\r\n"), "489 NOTIFY");
    assert_eq!(bob.within("NOTIFY", "x", 5, "Event: refer\r\n"), "481 NOTIFY");
    assert_eq!(bob.within("REFER", "x", 6, "Refer-To: <sip:carol@c.test>\r\n"), "Refer sip:carol@c.test");
    assert_eq!(bob.command(Command::RespondRefer { session: THERE, status: 202 }), "202 REFER");
    assert_eq!(bob.within("SUBSCRIBE", "x", 7, "Event: refer\r\nExpires: 60\r\n"), "200 SUBSCRIBE, NOTIFY");
    let (_, notify) = bob.request(&Method::Notify);
    assert_eq!(notify.headers.get("Subscription-State"), Some("active;expires=60"));
    assert_eq!(notify.body, b"SIP/2.0 100 Trying\r\n");
    assert_eq!(bob.answer(&notify, 200, "", "", ""), "");
    assert_eq!(bob.within("SUBSCRIBE", "x", 8, "Event: refer\r\nExpires: 0\r\n"), "200 SUBSCRIBE, NOTIFY");
    let (_, notify) = bob.request(&Method::Notify);
    assert_eq!(notify.headers.get("Subscription-State"), Some("terminated;reason=timeout"));
}

#[test]
fn a_cancel_for_a_finished_call_changes_nothing() {
    for ended in [reject(THERE, 486), answer(THERE, "answer")] {
        let mut bob = Scripted::new();
        assert_eq!(bob.hear(&message("INVITE", "x", "")), "100 INVITE, Incoming");
        bob.command(ended);
        assert_eq!(bob.hear(&message("CANCEL", "x", "")), "200 CANCEL");
    }
}

/// RFC 3261 §11.2: OPTIONS within a call says what we can, and never 486.
#[test]
fn options_within_a_call() {
    let mut bob = called();
    assert_eq!(bob.within("OPTIONS", "x", 2, ""), "200 OPTIONS");
    let response = bob.response();
    assert!(response.headers.lists("Allow", "PRACK") && response.headers.lists("Supported", "replaces"));
    assert_eq!(response.headers.get("Accept"), Some("application/sdp"));
    assert_eq!(bob.within("PUBLISH", "x", 3, ""), "405 PUBLISH");
    assert_eq!(bob.within("BYE", "x", 2, ""), "500 BYE", "§12.2.2: out of order");
}

#[test]
fn requests_that_need_a_dialog_or_a_server() {
    for (method, status) in
        [("SUBSCRIBE", 489), ("REFER", 603), ("NOTIFY", 481), ("PRACK", 481), ("UPDATE", 481)]
    {
        let mut bob = Scripted::with(config(), 1);
        assert_eq!(bob.hear(&message(method, "1", "")), format!("{status} {method}"));
        assert_eq!(bob.endpoint.transaction_count(), 0, "{method}: nothing is kept");
    }
}

/// What is forwarded carries on the count of the one who sent it (RFC 7332): the user sees it.
#[test]
fn the_hops_that_are_left_are_the_users_to_see() {
    let mut bob = Scripted::new();
    let input = Input::Received {
        flow: super::scripted::flow(Transport::Udp),
        bytes: message("INVITE", "x", "Max-Forwards: 7\r\n").into_bytes(),
    };
    bob.endpoint.handle(bob.now, input);
    let seen = bob.outputs().into_iter().find_map(|output| match output {
        Output::Event(Event::Incoming { request, .. }) => {
            request.headers.get("Max-Forwards").map(str::to_owned)
        }
        _ => None,
    });
    assert_eq!(seen.as_deref(), Some("7"));
}
