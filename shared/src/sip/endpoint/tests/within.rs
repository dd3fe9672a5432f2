//! What happens within a call: hold, glare, UPDATE, INFO, REFER, session timers, challenges.

use super::*;
use crate::testing::netem::Weather;

fn reinvite(session: SessionId, text: &str) -> Command {
    Command::Reinvite { session, body: sdp(text) }
}

#[test]
fn hold_and_resume() {
    let mut pair = talking();
    pair.a(reinvite(CALL, "hold"));
    pair.run(millis(100));
    assert_eq!(short(pair.b_events()), "Reoffer hold");
    pair.b(answer(THERE, "held"));
    pair.run(millis(100));
    assert_eq!(short(pair.a_events()), "ReinviteDone held");
    pair.b(reinvite(THERE, "other way"));
    pair.run(millis(50));
    pair.a(reject(CALL, 488));
    pair.run(millis(50));
    check(
        &pair.tape.take(pair.now),
        "0 a INVITE
         10 b 100 INVITE
         100 b 200 INVITE
         110 a ACK
         200 b INVITE
         210 a 100 INVITE
         250 a 488 INVITE
         260 b ACK",
    );
    assert_eq!(short(pair.b_events()), "ReinviteFailed 488");
    pair.a(hangup(CALL));
    pair.run(secs(1));
    assert_eq!(short(pair.b_events()), "Ended Peer");
    drained(&mut pair);
}

#[test]
fn a_second_change_waits_for_the_first() {
    let mut pair = talking();
    pair.a(reinvite(CALL, "one"));
    pair.a(reinvite(CALL, "two"));
    pair.a(reinvite(CALL, "three"));
    pair.run(millis(100));
    assert_eq!(short(pair.b_events()), "Reoffer one");
    pair.b(answer(THERE, "ok one"));
    pair.run(millis(100));
    assert_eq!(short(pair.b_events()), "Reoffer three");
    pair.b(answer(THERE, "ok three"));
    pair.run(millis(100));
    assert_eq!(short(pair.a_events()), "ReinviteDone ok one, ReinviteDone ok three");
}

#[test]
fn hangup_in_the_middle_of_a_change() {
    let mut pair = talking();
    pair.a(reinvite(CALL, "hold"));
    pair.run(millis(50));
    pair.a(hangup(CALL));
    pair.run(secs(1));
    assert_eq!(short(pair.b_events()), "Reoffer hold, Ended Peer");
    assert_eq!(short(pair.a_events()), "Ended Local");
    let tape = pair.tape.take(pair.now);
    assert!(tape.contains("b 487 INVITE"), "{tape}");
    drained(&mut pair);
}

#[test]
fn info_and_keypad() {
    let mut pair = talking();
    pair.a(Command::Info { session: CALL, body: Body::new("application/dtmf-relay", "Signal=5") });
    pair.run(millis(100));
    assert_eq!(short(pair.b_events()), "Info Signal=5");
    check(&pair.tape.take(pair.now), "0 a INFO\n10 b 200 INFO");
}

#[test]
fn session_timers_refresh_and_expire() {
    let mut pair = Pair::new(Weather::FINE, 1, |who, config| {
        if who == 'a' {
            config.session_expires_secs = Some(120);
        }
    });
    talk(&mut pair);
    pair.run(secs(130));
    check(
        &pair.tape.take(pair.now),
        "59910 a UPDATE\n59920 b 200 UPDATE\n119930 a UPDATE\n119940 b 200 UPDATE",
    );
    pair.set_weather(Weather { loss: 1000, ..Weather::FINE });
    pair.run(secs(300));
    assert_eq!(short(pair.a_events()), "Ended Timeout");
    assert_eq!(short(pair.b_events()), "Ended Timeout");
    drained(&mut pair);
}

#[test]
fn too_small_a_session_interval() {
    let mut pair = Pair::new(Weather::FINE, 1, |who, config| match who {
        'a' => config.session_expires_secs = Some(90),
        _ => config.min_session_expires_secs = 300,
    });
    pair.a(invite());
    pair.run(millis(100));
    pair.b(answer(THERE, "answer"));
    pair.run(millis(100));
    check(
        &pair.tape.take(pair.now),
        "0 a INVITE
         10 b 422 INVITE
         20 a ACK
         20 a INVITE
         30 b 100 INVITE
         100 b 200 INVITE
         110 a ACK",
    );
    assert_eq!(short(pair.a_events()), "Answered answer");
}

/// Where the caller is.
const A: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

fn challenge(
    server: &mut digest::Server,
    now: crate::time::Timestamp,
    proxy: bool,
    stale: bool,
) -> Vec<(String, String)> {
    server.challenge(now, A, &Headers::new(), proxy, stale, true)
}

/// A challenge to the INVITE, and again to the re-INVITE with a new nonce.
#[test]
fn challenges() {
    let mut server = digest::Server::new("callfloor", 5);
    let account = digest::Account::from_password("alice", "callfloor", "secret", "alice");
    let mut pair = Pair::fine();
    pair.a(invite());
    pair.run(millis(50));
    let first = THERE;
    let headers = challenge(&mut server, pair.now, true, false);
    pair.b(Command::Reject { session: first, status: 407, reason: String::new(), headers });
    pair.run(millis(50));
    let events = pair.b_events();
    let Some(Event::Incoming { session, request, .. }) = events.last() else { panic!("{events:?}") };
    let mut sent = Request::new(Method::Invite, request.request_uri.clone());
    sent.headers = request.headers.clone();
    let account = |name: &str| (name == "alice").then_some(&account);
    let verdict = server.check(pair.now, A, &sent, true, account);
    assert_eq!(verdict, digest::Verdict::Granted { username: "alice".into() });
    let second = *session;
    pair.b(answer(second, "answer"));
    pair.run(millis(50));
    assert_eq!(short(pair.a_events()), "Answered answer");
    pair.a_events();
    pair.tape.take(pair.now);
    pair.a(reinvite(CALL, "hold"));
    pair.run(millis(50));
    let headers = challenge(&mut server, pair.now, true, true);
    pair.b(Command::Reject { session: second, status: 407, reason: String::new(), headers });
    pair.run(millis(50));
    pair.b(answer(second, "held"));
    pair.run(millis(50));
    assert_eq!(short(pair.a_events()), "ReinviteDone held");
    // A wrong password ends in a refusal, not in a loop.
    let mut pair = Pair::fine();
    pair.a(invite());
    for attempt in 0..3 {
        pair.run(millis(50));
        let session = SessionId((attempt + 1) | 1 << 63);
        let headers = challenge(&mut server, pair.now, false, false);
        pair.b(Command::Reject { session, status: 401, reason: String::new(), headers });
    }
    pair.run(millis(50));
    assert_eq!(short(pair.a_events()), "Rejected 401");
    assert_eq!(short(pair.b_events()), "Incoming offer, Incoming offer");
}

#[test]
fn messages_and_pings_outside_of_calls() {
    let mut pair = Pair::new(Weather::FINE, 1, |_, config| config.user_methods = vec![Method::Message]);
    let request = |id, method| Command::Request {
        id,
        method,
        target: "sip:b.test".parse().expect("uri"),
        flow: None,
        headers: Vec::new(),
        body: None,
        credentials: None,
    };
    pair.a(request(1, Method::Options));
    pair.a(request(2, Method::Message));
    pair.a(request(3, Method::Publish));
    pair.run(millis(100));
    let events = pair.b_events();
    let [Event::Request { transaction, .. }] = events.as_slice() else { panic!("{events:?}") };
    pair.b(Command::Respond {
        transaction: *transaction,
        status: 202,
        reason: String::new(),
        headers: Vec::new(),
        body: None,
    });
    pair.run(millis(100));
    assert_eq!(short(pair.a_events()), "RequestDone 1 200, RequestDone 3 405, RequestDone 2 202");
    drained(&mut pair);
}

/// A ping that the far side wants to know the sender of (RFC 3261 §22.2); its Call-ID stays.
#[test]
fn a_request_answers_a_challenge() {
    let mut server = digest::Server::new("callfloor", 5);
    let account = digest::Account::from_password("trunk", "callfloor", "secret", "trunk");
    for (password, expected) in [("secret", "RequestDone 7 200"), ("wrong", "RequestDone 7 401")] {
        let mut pair = Pair::new(Weather::FINE, 1, |_, config| config.user_methods = vec![Method::Options]);
        pair.a(Command::Request {
            id: 7,
            method: Method::Options,
            target: "sip:b.test".parse().expect("uri"),
            flow: None,
            headers: vec![("Call-ID".into(), "ping".into()), ("CSeq".into(), "5 OPTIONS".into())],
            body: None,
            credentials: Some(Credentials { username: "trunk".into(), password: password.into() }),
        });
        let mut numbers = Vec::new();
        for _ in 0..5 {
            pair.run(millis(50));
            for event in pair.b_events() {
                let Event::Request { transaction, request, .. } = event else { panic!("{event:?}") };
                assert_eq!(request.headers.call_id(), "ping");
                numbers.push(request.headers.cseq().expect("cseq").number);
                let known = |name: &str| (name == "trunk").then_some(&account);
                let (status, headers) = match server.check(pair.now, A, &request, false, known) {
                    digest::Verdict::Granted { .. } => (200, Vec::new()),
                    _ => (401, challenge(&mut server, pair.now, false, false)),
                };
                let reason = String::new();
                pair.b(Command::Respond { transaction, status, reason, headers, body: None });
            }
        }
        assert_eq!(numbers, [5, 6]);
        assert_eq!(short(pair.a_events()), expected);
        drained(&mut pair);
    }
}

/// "SIP digest leak": whoever is called could otherwise collect answers to his own challenges.
#[test]
fn challenges_of_a_callee_get_no_answer() {
    for status in [401, 407] {
        let mut server = digest::Server::new("evil", 5);
        let mut pair = Pair::fine();
        // A leg to a phone: nobody gave credentials for it.
        let Command::Invite { session, target, flow, from, to, headers, body, .. } = invite() else {
            panic!("an INVITE")
        };
        pair.a(Command::Invite { session, target, flow, from, to, headers, body, credentials: None });
        pair.run(millis(50));
        let asked = challenge(&mut server, pair.now, status == 407, false);
        pair.b(Command::Reject { session: THERE, status, reason: String::new(), headers: asked });
        pair.run(secs(40));
        let tape = pair.tape.take(pair.now);
        let invites = tape.lines().filter(|line| line.contains(" a INVITE")).count();
        assert_eq!(invites, 1, "{tape:?}");
        assert!(short(pair.a_events()).contains(&format!("Rejected {status}")));
    }
}
