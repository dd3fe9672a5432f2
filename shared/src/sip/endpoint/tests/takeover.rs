//! A call that one process puts down and another takes up, from the bytes of its saved sessions.

use super::*;
use crate::testing::netem::Weather;

const BOTH: [(&str, &str); 2] = [("UDP", "sip:bob@b.test"), ("TCP", "sip:bob@b.test;transport=tcp")];

/// A call over this transport, with a session timer that the caller refreshes.
fn talk_over(target: &str) -> Pair {
    let mut pair = Pair::new(Weather::FINE, 1, |who, config| {
        if who == 'a' {
            config.session_expires_secs = Some(120);
        }
    });
    pair.a(invite_to(target));
    pair.run(millis(100));
    pair.b(answer(THERE, "answer"));
    pair.run(millis(100));
    assert_eq!(short(pair.a_events()), "Answered answer");
    pair.b_events();
    pair
}

/// The process of one side ends, its streams with it; another one takes its session up from text.
fn replace_process(pair: &mut Pair, is_b: bool) {
    let session = if is_b { THERE } else { CALL };
    let (side, seed) = if is_b { (&mut pair.b, 77) } else { (&mut pair.a, 78) };
    let saved = side.endpoint.save(session).expect("confirmed");
    let text = serde_json::to_string(&saved).expect("plain data");
    let config = side.endpoint.config().clone();
    side.endpoint = Endpoint::new(config, seed);
    assert!(side.endpoint.restore(pair.now, serde_json::from_str(&text).expect("the same")));
    assert!(!side.endpoint.restore(pair.now, saved), "only once");
    // The other side sees its stream end.
    pair.input(!is_b, Input::StreamClosed { connection: 1 });
    pair.tape.take(pair.now);
}

/// All that can happen within a dialog, from both sides.
fn goes_on(pair: &mut Pair, what: &str) {
    for (us, them, session, theirs) in [('a', 'b', CALL, THERE), ('b', 'a', THERE, CALL)] {
        let tell = |pair: &mut Pair, who: char, command| pair.input(who == 'b', Input::Command(command));
        let heard =
            |pair: &mut Pair, who: char| short(if who == 'b' { pair.b_events() } else { pair.a_events() });
        tell(pair, us, Command::Reinvite { session, body: sdp("hold") });
        pair.run(millis(50));
        assert_eq!(heard(pair, them), "Reoffer hold", "{what}");
        tell(pair, them, answer(theirs, "held"));
        pair.run(millis(50));
        assert_eq!(heard(pair, us), "ReinviteDone held", "{what}");
        tell(pair, us, Command::Update { session, body: sdp("resume") });
        pair.run(millis(50));
        assert_eq!(heard(pair, them), "Reoffer resume", "{what}");
        tell(pair, them, answer(theirs, "resumed"));
        pair.run(millis(50));
        assert_eq!(heard(pair, us), "ReinviteDone resumed", "{what}");
        tell(pair, us, Command::Info { session, body: Body::new("application/dtmf-relay", "Signal=5") });
        pair.run(millis(50));
        assert_eq!(heard(pair, them), "Info Signal=5", "{what}");
        let refer_to = "sip:carol@c.test".parse().expect("uri");
        tell(pair, us, Command::Refer { session, refer_to, referred_by: None });
        pair.run(millis(50));
        assert_eq!(heard(pair, them), "Refer sip:carol@c.test", "{what}");
        tell(pair, them, Command::RespondRefer { session: theirs, status: 202 });
        let reason = String::new();
        tell(pair, them, Command::NotifyRefer { session: theirs, status: 200, reason, last: true });
        pair.run(millis(50));
        assert_eq!(heard(pair, us), "ReferProgress 100 false, ReferProgress 200 true", "{what}");
    }
}

#[test]
fn a_call_goes_on_in_another_process_of_the_callee() {
    for (transport, target) in BOTH {
        for by_us in [false, true] {
            let mut pair = talk_over(target);
            replace_process(&mut pair, true);
            goes_on(&mut pair, transport);
            // The session timer is kept for as long as the call lasts.
            pair.run(secs(600));
            assert_eq!((short(pair.a_events()), short(pair.b_events())), (String::new(), String::new()));
            if by_us {
                pair.b(hangup(THERE))
            } else {
                pair.a(hangup(CALL))
            }
            pair.run(millis(100));
            let (a, b) = if by_us { ("Peer", "Local") } else { ("Local", "Peer") };
            assert_eq!(short(pair.a_events()), format!("Ended {a}"), "{transport}");
            assert_eq!(short(pair.b_events()), format!("Ended {b}"), "{transport}");
            drained(&mut pair);
        }
    }
}

#[test]
fn a_call_goes_on_in_another_process_of_the_caller() {
    for (transport, target) in BOTH {
        let mut pair = talk_over(target);
        // Just before the refresh is due: the new process refreshes soon, whenever the last one was.
        pair.run(secs(59));
        replace_process(&mut pair, false);
        pair.run(secs(11));
        let tape = pair.tape.take(pair.now);
        assert!(tape.contains("a UPDATE") && tape.contains("b 200 UPDATE"), "{transport}: {tape}");
        goes_on(&mut pair, transport);
        pair.run(secs(600));
        assert_eq!((short(pair.a_events()), short(pair.b_events())), (String::new(), String::new()));
        pair.b(hangup(THERE));
        pair.run(millis(100));
        assert_eq!(short(pair.a_events()), "Ended Peer", "{transport}");
        drained(&mut pair);
    }
}

/// Over TCP the peer comes back on a stream of its own: what we send afterwards goes over that one.
#[test]
fn the_new_process_uses_the_stream_that_the_peer_opens() {
    let mut pair = talk_over("sip:bob@b.test;transport=tcp");
    replace_process(&mut pair, true);
    pair.a(Command::Info { session: CALL, body: Body::new("application/dtmf-relay", "Signal=5") });
    pair.run(millis(50));
    let now = pair.now;
    pair.b.endpoint.handle(now, Input::Command(hangup(THERE)));
    let sent: Vec<u64> = std::iter::from_fn(|| pair.b.endpoint.poll())
        .filter_map(|output| match output {
            Output::Send { flow, .. } => Some(flow.connection),
            _ => None,
        })
        .collect();
    assert_eq!(sent, [1], "the stream that the INFO came on");
}

#[test]
fn what_is_not_confirmed_is_not_saved() {
    let mut pair = Pair::fine();
    pair.a(invite());
    pair.run(millis(100));
    assert!(pair.a.endpoint.save(CALL).is_none() && pair.b.endpoint.save(THERE).is_none());
    pair.b(answer(THERE, "answer"));
    pair.run(millis(100));
    assert!(pair.a.endpoint.save(CALL).is_some() && pair.b.endpoint.save(THERE).is_some());
    pair.a(hangup(CALL));
    assert!(pair.a.endpoint.save(CALL).is_none());
}
