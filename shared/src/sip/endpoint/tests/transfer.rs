//! REFER blind, attended and silent (RFC 3515, 3891, 3892, 4488), and INVITE with Replaces.

use super::*;

fn refer(session: SessionId) -> Command {
    let refer_to = "sip:carol@c.test".parse().expect("uri");
    Command::Refer { session, refer_to, referred_by: Some("sip:alice@a.test".parse().expect("uri")) }
}

fn accept(session: SessionId) -> Command {
    Command::RespondRefer { session, status: 202 }
}

fn news(session: SessionId, status: u16, last: bool) -> Command {
    Command::NotifyRefer { session, status, reason: String::new(), last }
}

#[test]
fn a_blind_transfer() {
    let mut pair = talking();
    let refer_to = "sip:carol@c.test".parse().expect("uri");
    pair.a(Command::Refer { session: CALL, refer_to, referred_by: None });
    pair.run(millis(50));
    assert_eq!(short(pair.b_events()), "Refer sip:carol@c.test");
    pair.b(Command::RespondRefer { session: THERE, status: 202 });
    for (status, last) in [(100, false), (180, false), (200, true)] {
        pair.b(Command::NotifyRefer { session: THERE, status, reason: String::new(), last });
        pair.run(millis(50));
    }
    assert_eq!(
        short(pair.a_events()),
        "ReferProgress 100 false, ReferProgress 100 false, ReferProgress 180 false, ReferProgress 200 true"
    );
    pair.a(hangup(CALL));
    pair.run(millis(50));
    check(
        &pair.tape.take(pair.now),
        "0 a REFER
         50 b 202 REFER
         50 b NOTIFY
         60 a 200 NOTIFY
         100 b NOTIFY
         110 a 200 NOTIFY
         150 b NOTIFY
         160 a 200 NOTIFY
         200 a BYE
         210 b 200 BYE",
    );
    drained(&mut pair);
}

#[test]
fn a_refused_transfer() {
    let mut pair = talking();
    let refer_to = "sip:carol@c.test".parse().expect("uri");
    pair.b(Command::Refer { session: THERE, refer_to, referred_by: None });
    pair.run(millis(50));
    pair.a(Command::RespondRefer { session: CALL, status: 603 });
    pair.run(millis(50));
    assert_eq!(short(pair.b_events()), "ReferProgress 603 true");
    pair.b(hangup(THERE));
    drained(&mut pair);
}

/// RFC 3515 §2.4.4: a NOTIFY comes at once, also when the user says nothing yet; §2.4.6: from the second REFER on
/// NOTIFYs carry its number.
#[test]
fn the_first_news_of_a_transfer_come_by_themselves() {
    let mut pair = talking();
    pair.a(refer(CALL));
    pair.run(millis(50));
    let events = pair.b_events();
    let Some(Event::Refer { headers, .. }) = events.first() else { panic!("{events:?}") };
    assert_eq!(headers.get("Referred-By"), Some("<sip:alice@a.test>"));
    pair.b(accept(THERE));
    pair.run(secs(1));
    assert_eq!(short(pair.a_events()), "ReferProgress 100 false, ReferProgress 100 false");
    pair.b(news(THERE, 486, true));
    pair.run(secs(1));
    check(
        &pair.tape.take(pair.now),
        "0 a REFER
         50 b 202 REFER
         150 b NOTIFY
         160 a 200 NOTIFY
         1050 b NOTIFY
         1060 a 200 NOTIFY",
    );
    assert_eq!(short(pair.a_events()), "ReferProgress 486 true");
    pair.a(refer(CALL));
    pair.run(millis(50));
    pair.b(accept(THERE));
    pair.b(news(THERE, 200, true));
    let notify = std::iter::from_fn(|| pair.step(pair.now + millis(20)).then_some(())).count();
    assert!(notify > 0 && pair.tape.take(pair.now).contains("b NOTIFY"));
    assert!(short(pair.a_events()).ends_with("ReferProgress 200 true"));
    pair.a(hangup(CALL));
    drained(&mut pair);
}

#[test]
fn a_transfer_without_news_ends_by_itself() {
    // The transferor hears nothing more than the first NOTIFY: the notifier ends the subscription itself.
    let mut pair = talking();
    pair.a(refer(CALL));
    pair.run(millis(50));
    pair.b(accept(THERE));
    pair.run(secs(300));
    assert_eq!(
        short(pair.a_events()),
        "ReferProgress 100 false, ReferProgress 100 false, ReferProgress 100 true"
    );
    pair.b(news(THERE, 200, true));
    pair.run(secs(1));
    assert_eq!(short(pair.a_events()), "", "the subscription is over");
    // And when the far side is gone: 408.
    pair.a(refer(CALL));
    pair.run(millis(50));
    pair.b(accept(THERE));
    pair.run(secs(1));
    pair.a_events();
    pair.set_weather(crate::testing::netem::Weather { loss: 1000, ..crate::testing::netem::Weather::FINE });
    pair.run(secs(300));
    assert_eq!(short(pair.a_events()), "ReferProgress 408 true");
}

/// A call of `a` to `b` that wants the place of the one that stands.
fn replacing(pair: &mut Pair, early_only: &str) -> SessionId {
    let dialog = pair.b.endpoint.dialog(THERE).expect("a dialog").clone();
    let (to, from) = (dialog.local.tag().expect("ours"), dialog.remote.tag().expect("theirs"));
    let value = format!("{};to-tag={to};from-tag={from}{early_only}", dialog.call_id);
    let mut call = invite();
    if let Command::Invite { session, headers, .. } = &mut call {
        *session = SessionId(2);
        headers.push(("Replaces".into(), value));
        headers.push(("Require".into(), "replaces".into()));
    }
    pair.a(call);
    pair.run(millis(50));
    SessionId(2 | 1 << 63)
}

#[test]
fn an_invite_replaces_a_call() {
    let mut pair = talking();
    let new = replacing(&mut pair, "");
    let events = pair.b_events();
    let [Event::Incoming { session, request, .. }] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((*session, request.replaces), (new, Some(THERE)));
    pair.b(answer(new, "moved"));
    pair.b(hangup(THERE));
    pair.run(millis(50));
    assert_eq!(short(pair.a_events()), "Answered moved, Ended Peer");
    assert_eq!(pair.b.endpoint.session_count(), 1);
    pair.b(hangup(new));
    drained(&mut pair);
}

/// RFC 3891 §3: what becomes of a Replaces that cannot be had.
#[test]
fn replaces_that_cannot_be_had() {
    // Confirmed, but only an early one was wanted.
    let mut pair = talking();
    replacing(&mut pair, ";early-only");
    assert_eq!(short(pair.a_events()), "Rejected 486");
    // Being ended.
    let dialog = pair.b.endpoint.dialog(THERE).expect("a dialog").clone();
    pair.set_weather(crate::testing::netem::Weather { loss: 1000, ..crate::testing::netem::Weather::FINE });
    pair.b(hangup(THERE));
    pair.run(millis(20));
    pair.set_weather(crate::testing::netem::Weather::FINE);
    replacing(&mut pair, "");
    assert_eq!(short(pair.a_events()), "Rejected 603");
    // Unknown.
    pair.run(secs(60));
    assert_eq!(pair.b.endpoint.session_count(), 0);
    let mut call = invite();
    if let Command::Invite { session, headers, .. } = &mut call {
        *session = SessionId(3);
        headers.push(("Replaces".into(), format!("{};to-tag=1;from-tag=2", dialog.call_id)));
    }
    pair.a(call);
    pair.run(millis(50));
    assert!(short(pair.a_events()).ends_with("Rejected 481"));
    // Early, but started by the far side.
    let mut pair = Pair::fine();
    pair.a(invite());
    pair.run(millis(50));
    replacing(&mut pair, "");
    assert_eq!(short(pair.a_events()), "Rejected 481");
    assert_eq!(short(pair.b_events()), "Incoming offer");
}

/// Two calls between the same two: `a` asks `b` to take its place in the other one.
#[test]
fn an_attended_transfer() {
    let mut pair = talking();
    let mut second = invite();
    if let Command::Invite { session, .. } = &mut second {
        *session = SessionId(2);
    }
    pair.a(second);
    pair.run(millis(50));
    pair.b(answer(SessionId(2 | 1 << 63), "answer"));
    pair.run(millis(50));
    pair.b_events();
    pair.a(Command::ReferAttended { session: CALL, other: SessionId(2), referred_by: None });
    pair.run(millis(50));
    let events = pair.b_events();
    let [Event::Refer { refer_to, replaces: named, .. }] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(*named, Some(SessionId(2 | 1 << 63)));
    let replaces = refer_to.uri.replaces().expect("Replaces");
    let dialog = pair.b.endpoint.dialog(SessionId(2 | 1 << 63)).expect("the other");
    assert_eq!(replaces.call_id, dialog.call_id);
    assert_eq!(Some(replaces.to_tag.as_str()), dialog.local.tag());
    assert_eq!(Some(replaces.from_tag.as_str()), dialog.remote.tag());
    assert_eq!(refer_to.uri.host, "10.0.0.2");
    pair.b(accept(THERE));
    pair.b(news(THERE, 200, true));
    pair.run(millis(50));
    assert!(short(pair.a_events()).ends_with("ReferProgress 200 true"));
    pair.a(hangup(CALL));
    pair.a(hangup(SessionId(2)));
    drained(&mut pair);
}
