//! What RFC 3665 and RFC 5407 leave out: ACK, CANCEL and BYE at odd moments, late offers, long requests.

use super::*;
use crate::testing::netem::Weather;

#[test]
fn the_callee_hangs_up_over_tcp() {
    let mut pair = Pair::fine();
    pair.a(invite_to("sip:bob@b.test;transport=tcp"));
    pair.run(millis(100));
    pair.b(answer(THERE, "answer"));
    pair.run(millis(100));
    pair.b(hangup(THERE));
    pair.run(millis(100));
    check(
        &pair.tape.take(pair.now),
        "0 a INVITE
         10 b 100 INVITE
         100 b 200 INVITE
         110 a ACK
         200 b BYE
         210 a 200 BYE",
    );
    assert_eq!(short(pair.a_events()), "Answered answer, Ended Peer");
    drained(&mut pair);
}

#[test]
fn headers_reach_the_other_side() {
    let mut pair = Pair::fine();
    pair.a(invite());
    pair.run(millis(100));
    let events = pair.b_events();
    let Some(Event::Incoming { request, flow, session, .. }) = events.first() else { panic!("{events:?}") };
    assert_eq!(*session, THERE);
    assert_eq!(request.headers.get("x-queue"), Some("sales"));
    assert_eq!(request.from.display.as_deref(), Some("Alice"));
    assert_eq!(request.request_uri.to_string(), "sip:bob@b.test");
    assert_eq!(flow.remote, pair.a.address);
    assert_eq!(request.headers.get("Contact"), Some("<sip:alice@10.0.0.1:5060>"));
}

#[test]
fn nobody_there() {
    let mut pair = Pair::fine();
    pair.a(invite_to("sip:bob@10.0.0.99"));
    pair.run(secs(40));
    assert_eq!(short(pair.a_events()), "Rejected 408");
    pair.a(invite_to("sip:bob@nowhere.test"));
    assert_eq!(short(pair.a_events()), "Rejected 503");
    drained(&mut pair);
}

#[test]
fn the_caller_cancels() {
    let mut pair = Pair::fine();
    pair.a(invite());
    pair.run(millis(100));
    pair.b(ringing(THERE));
    pair.run(millis(100));
    pair.a(Command::Hangup { session: CALL, reason: Some("SIP;cause=200".into()) });
    pair.run(millis(100));
    check(
        &pair.tape.take(pair.now),
        "0 a INVITE
         10 b 100 INVITE
         100 b 180 INVITE
         200 a CANCEL
         210 b 200 CANCEL
         210 b 487 INVITE
         220 a ACK",
    );
    assert_eq!(short(pair.a_events()), "Progress 180, Rejected 487");
    let events = pair.b_events();
    assert!(
        matches!(events.last(), Some(Event::Cancelled { reason: Some(reason), .. }) if reason == "SIP;cause=200"),
        "{events:?}"
    );
    drained(&mut pair);
}

#[test]
fn cancel_waits_for_a_provisional_response() {
    let mut pair = Pair::fine();
    pair.a(invite());
    pair.a(hangup(CALL));
    pair.run(secs(1));
    check(
        &pair.tape.take(pair.now),
        "0 a INVITE
         10 b 100 INVITE
         20 a CANCEL
         30 b 200 CANCEL
         30 b 487 INVITE
         40 a ACK",
    );
    assert_eq!(short(pair.a_events()), "Rejected 487");
    drained(&mut pair);
}

#[test]
fn the_answer_is_repeated_until_the_ack_comes() {
    let mut pair = Pair::fine();
    pair.a(invite());
    pair.run(millis(100));
    pair.set_weather(Weather { loss: 1000, ..Weather::FINE });
    pair.b(answer(THERE, "answer"));
    pair.run(secs(6));
    pair.set_weather(Weather::FINE);
    pair.run(secs(30));
    check(
        &pair.tape.take(pair.now),
        "0 a INVITE
         10 b 100 INVITE
         100 b 200 INVITE
         600 b 200 INVITE
         1600 b 200 INVITE
         3600 b 200 INVITE
         7600 b 200 INVITE
         7610 a ACK",
    );
    assert_eq!(short(pair.b_events()), "Incoming offer, Confirmed");
}

#[test]
fn without_any_ack_the_call_ends() {
    let mut pair = Pair::fine();
    pair.a(invite());
    pair.run(millis(100));
    pair.set_weather(Weather { loss: 1000, ..Weather::FINE });
    pair.b(answer(THERE, "answer"));
    pair.run(secs(33));
    let tape = pair.tape.take(pair.now);
    assert_eq!(tape.matches("b 200 INVITE").count(), 11, "{tape}");
    assert!(tape.contains("32100 b BYE"), "{tape}");
    assert_eq!(short(pair.b_events()), "Incoming offer, Ended Timeout");
}

/// The user hangs up before the ACK: BYE has to wait for it (§15).
#[test]
fn bye_waits_for_the_ack() {
    let mut pair = Pair::fine();
    pair.a(invite());
    pair.run(millis(100));
    pair.b(answer(THERE, "answer"));
    pair.b(hangup(THERE));
    pair.run(secs(1));
    check(
        &pair.tape.take(pair.now),
        "0 a INVITE
         10 b 100 INVITE
         100 b 200 INVITE
         110 a ACK
         120 b BYE
         130 a 200 BYE",
    );
    assert_eq!(short(pair.b_events()), "Incoming offer, Ended Local");
    drained(&mut pair);
}

#[test]
fn a_repeated_answer_gets_its_ack_again() {
    let mut lost = Pair::fine();
    lost.a(invite());
    lost.run(millis(100));
    lost.b(answer(THERE, "answer"));
    // The answer is on its way already; what is sent from now on is lost.
    lost.set_weather(Weather { loss: 1000, ..Weather::FINE });
    lost.run(millis(100));
    lost.set_weather(Weather::FINE);
    lost.run(secs(3));
    let tape = lost.tape.take(lost.now);
    assert_eq!(tape.matches("a ACK").count(), 2, "{tape}");
    assert_eq!(tape.matches("b 200 INVITE").count(), 2, "{tape}");
    assert_eq!(short(lost.a_events()), "Answered answer");
    assert_eq!(short(lost.b_events()), "Incoming offer, Confirmed");
}

/// The offer comes in the 200 and its answer in the ACK, both ways.
#[test]
fn late_offers() {
    let mut pair = Pair::fine();
    pair.a(without_offer(invite()));
    pair.run(millis(100));
    pair.b(answer(THERE, "offer of b"));
    pair.run(millis(50));
    assert_eq!(short(pair.a_events()), "Answered offer of b");
    assert_eq!(short(pair.b_events()), "Incoming");
    pair.a(Command::Acknowledge { session: CALL, body: Some(sdp("answer of a")) });
    pair.run(secs(2));
    assert_eq!(short(pair.b_events()), "Confirmed answer of a");
    pair.b(hangup(THERE));
    drained(&mut pair);
}

/// A long INVITE wishes for TCP and falls back to UDP where nobody listens (RFC 3261 §18.1.1).
#[test]
fn long_requests_wish_for_tcp() {
    for tcp in [true, false] {
        let mut pair = Pair::fine();
        pair.tcp = tcp;
        let Command::Invite { session, target, flow, from, to, headers, credentials, .. } = invite() else {
            return;
        };
        let body = Some(sdp(&"a=x\r\n".repeat(400)));
        pair.a(Command::Invite { session, target, flow, from, to, headers, body, credentials });
        pair.run(millis(100));
        let events = pair.b_events();
        let Some(Event::Incoming { flow, .. }) = events.first() else { panic!("{events:?}") };
        assert_eq!(flow.transport, if tcp { Transport::Tcp } else { Transport::Udp });
        pair.b(answer(THERE, "answer"));
        pair.run(millis(100));
        pair.a(hangup(CALL));
        drained(&mut pair);
        assert_eq!(short(pair.b_events()), "Confirmed, Ended Peer");
    }
}
