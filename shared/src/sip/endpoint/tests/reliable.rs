//! RFC 3262 and RFC 3311: what is agreed on before the answer.

use super::*;
use crate::sip::api::ReliableProvisional;
use crate::testing::netem::Weather;

fn early_media(session: SessionId, status: u16, text: &str) -> Command {
    Command::Provisional {
        session,
        status,
        reason: String::new(),
        headers: Vec::new(),
        body: Some(sdp(text)),
    }
}

fn update(session: SessionId, text: &str) -> Command {
    Command::Update { session, body: sdp(text) }
}

fn answer_early(session: SessionId, text: &str) -> Command {
    Command::AnswerEarly { session, body: Some(sdp(text)) }
}

/// A call whose offer was answered in a 183 that is acknowledged.
fn agreed() -> Pair {
    let mut pair = Pair::fine();
    pair.a(invite());
    pair.run(millis(100));
    pair.b(early_media(THERE, 183, "early"));
    pair.run(millis(100));
    assert_eq!(short(pair.a_events()), "Progress 183 early");
    assert_eq!(short(pair.b_events()), "Incoming offer");
    pair
}

#[test]
fn early_media_is_acknowledged() {
    let mut pair = agreed();
    pair.b(ringing(THERE));
    pair.run(millis(50));
    pair.b(answer(THERE, "ignored"));
    pair.run(millis(50));
    check(
        &pair.tape.take(pair.now),
        "0 a INVITE
         10 b 100 INVITE
         100 b 183 INVITE
         110 a PRACK
         120 b 200 PRACK
         200 b 180 INVITE
         250 b 200 INVITE
         260 a ACK",
    );
    // The answer came in the 183: it stands, whatever the 200 says (RFC 3261 §13.2.1).
    assert_eq!(short(pair.a_events()), "Progress 180, Answered early");
    assert_eq!(short(pair.b_events()), "Confirmed");
    pair.a(hangup(CALL));
    drained(&mut pair);
}

#[test]
fn each_reliable_response_waits_for_the_prack_of_the_one_before() {
    let mut pair = Pair::new(Weather::FINE, 1, |_, config| {
        config.reliable_provisional = ReliableProvisional::Required;
    });
    pair.a(invite());
    pair.run(millis(100));
    pair.b(ringing(THERE));
    pair.b(early_media(THERE, 183, "early"));
    pair.b(answer(THERE, "early"));
    pair.run(millis(100));
    check(
        &pair.tape.take(pair.now),
        "0 a INVITE
         10 b 100 INVITE
         100 b 180 INVITE
         100 b 200 INVITE
         110 a PRACK
         110 a ACK
         120 b 200 PRACK",
    );
    assert_eq!(short(pair.a_events()), "Progress 180, Answered early");
    pair.b(hangup(THERE));
    drained(&mut pair);
}

/// RFC 3262 §3: no 2xx while a response with a description is not acknowledged.
#[test]
fn the_answer_waits_for_the_prack_of_early_media() {
    let mut pair = Pair::fine();
    pair.a(invite());
    pair.run(millis(100));
    pair.b(early_media(THERE, 183, "early"));
    pair.b(answer(THERE, "early"));
    pair.run(millis(100));
    check(
        &pair.tape.take(pair.now),
        "0 a INVITE
         10 b 100 INVITE
         100 b 183 INVITE
         110 a PRACK
         120 b 200 PRACK
         120 b 200 INVITE
         130 a ACK",
    );
    assert_eq!(short(pair.a_events()), "Progress 183 early, Answered early");
    assert_eq!(short(pair.b_events()), "Incoming offer, Confirmed");
    pair.b(hangup(THERE));
    drained(&mut pair);
}

#[test]
fn reliable_responses_are_repeated_and_the_call_fails_without_prack() {
    let mut pair = Pair::fine();
    pair.a(invite());
    pair.run(millis(100));
    pair.set_weather(Weather { loss: 1000, ..Weather::FINE });
    pair.b(early_media(THERE, 183, "early"));
    pair.run(secs(31));
    pair.run(millis(900));
    pair.set_weather(Weather::FINE);
    pair.run(millis(400));
    check(
        &pair.tape.take(pair.now),
        "0 a INVITE
         10 b 100 INVITE
         100 b 183 INVITE
         600 b 183 INVITE
         1600 b 183 INVITE
         3600 b 183 INVITE
         7600 b 183 INVITE
         15600 b 183 INVITE
         31600 b 183 INVITE
         32100 b 504 INVITE
         32110 a ACK",
    );
    assert_eq!(short(pair.a_events()), "Rejected 504");
    assert_eq!(short(pair.b_events()), "Incoming offer, Cancelled");
    drained(&mut pair);
}

/// The INVITE offers nothing: the 183 does, the PRACK answers.
#[test]
fn an_offer_in_a_provisional_response() {
    let mut pair = Pair::fine();
    pair.a(without_offer(invite()));
    pair.run(millis(100));
    pair.b(early_media(THERE, 183, "offer of b"));
    pair.run(millis(50));
    let events = pair.a_events();
    assert!(matches!(events.as_slice(), [Event::Progress { offers: true, .. }]), "{events:?}");
    pair.a(Command::Acknowledge { session: CALL, body: Some(sdp("answer of a")) });
    pair.run(millis(50));
    assert_eq!(short(pair.b_events()), "Incoming, EarlyAnswer answer of a");
    pair.b(answer(THERE, "offer of b"));
    pair.run(secs(1));
    assert_eq!(short(pair.a_events()), "Answered offer of b");
    assert_eq!(short(pair.b_events()), "Confirmed");
    check(
        &pair.tape.take(pair.now),
        "0 a INVITE
         10 b 100 INVITE
         100 b 183 INVITE
         150 a PRACK
         160 b 200 PRACK
         200 b 200 INVITE
         210 a ACK",
    );
    pair.a(hangup(CALL));
    drained(&mut pair);
}

#[test]
fn update_before_the_answer_from_both_sides() {
    let mut pair = agreed();
    pair.tape.take(pair.now);
    pair.a(update(CALL, "second of a"));
    pair.run(millis(50));
    assert_eq!(short(pair.b_events()), "EarlyOffer second of a");
    pair.b(answer_early(THERE, "yes"));
    pair.run(millis(50));
    assert_eq!(short(pair.a_events()), "ReinviteDone yes");
    pair.b(update(THERE, "second of b"));
    pair.run(millis(50));
    assert_eq!(short(pair.a_events()), "EarlyOffer second of b");
    pair.a(answer_early(CALL, "well"));
    pair.run(millis(50));
    assert_eq!(short(pair.b_events()), "ReinviteDone well");
    pair.b(update(THERE, "third of b"));
    pair.run(millis(50));
    pair.a(Command::AnswerEarly { session: CALL, body: None });
    pair.run(millis(50));
    assert_eq!(short(pair.b_events()), "ReinviteFailed 488");
    check(
        &pair.tape.take(pair.now),
        "0 a UPDATE
         50 b 200 UPDATE
         100 b UPDATE
         150 a 200 UPDATE
         200 b UPDATE
         250 a 488 UPDATE",
    );
    pair.b(answer(THERE, "early"));
    pair.run(millis(50));
    assert!(short(pair.a_events()).ends_with("Answered third of b"));
    pair.a(hangup(CALL));
    drained(&mut pair);
}

/// RFC 3311 §5.2: 500 while the first offer has no answer, 491 while ours has none.
#[test]
fn update_before_its_time() {
    let mut pair = Pair::fine();
    pair.a(invite());
    pair.run(millis(100));
    pair.b(ringing(THERE));
    pair.run(millis(50));
    pair.a(update(CALL, "waits"));
    pair.b(update(THERE, "waits too"));
    pair.run(secs(5));
    assert!(!pair.tape.take(pair.now).contains("UPDATE"));
    pair.b(answer(THERE, "answer"));
    pair.run(millis(15));
    assert_eq!(short(pair.a_events()), "Progress 180, Answered answer");
    pair.run(millis(100));
    let tape = pair.tape.take(pair.now);
    assert!(tape.contains("a UPDATE") && tape.contains("b 491 UPDATE"), "{tape}");
    pair.run(secs(5));
    pair.b(answer(THERE, "yes a"));
    pair.run(millis(100));
    pair.a(answer(CALL, "yes b"));
    pair.run(secs(5));
    pair.b(answer(THERE, "yes a"));
    pair.run(secs(5));
    let (a, b) = (short(pair.a_events()), short(pair.b_events()));
    assert!(a.contains("ReinviteDone yes a") && b.contains("ReinviteDone yes b"), "{a} / {b}");
    pair.a(hangup(CALL));
    drained(&mut pair);
}

#[test]
fn update_in_a_confirmed_session() {
    let mut pair = talking();
    pair.a(update(CALL, "hold"));
    pair.run(millis(50));
    assert_eq!(short(pair.b_events()), "Reoffer hold");
    pair.b(answer(THERE, "held"));
    pair.run(millis(50));
    assert_eq!(short(pair.a_events()), "ReinviteDone held");
    // Both at once: both get 491 and try again after their waits (RFC 3311 §5.3).
    pair.a(update(CALL, "from a"));
    pair.b(update(THERE, "from b"));
    pair.run(millis(100));
    check(
        &pair.tape.take(pair.now),
        "0 a UPDATE
         50 b 200 UPDATE
         100 a UPDATE
         100 b UPDATE
         110 b 491 UPDATE
         110 a 491 UPDATE",
    );
    pair.run(millis(2000));
    assert_eq!(short(pair.a_events()), "Reoffer from b");
    pair.a(answer(CALL, "yes b"));
    pair.run(secs(3));
    assert_eq!(short(pair.b_events()), "ReinviteDone yes b, Reoffer from a");
    pair.b(answer(THERE, "yes a"));
    pair.run(secs(1));
    assert_eq!(short(pair.a_events()), "ReinviteDone yes a");
    pair.a(hangup(CALL));
    drained(&mut pair);
}

#[test]
fn a_caller_that_gives_up_during_early_media() {
    let mut pair = agreed();
    pair.a(update(CALL, "never answered"));
    pair.run(millis(50));
    pair.a(hangup(CALL));
    pair.run(millis(100));
    assert_eq!(short(pair.a_events()), "Rejected 487");
    assert_eq!(short(pair.b_events()), "EarlyOffer never answered, Cancelled");
    let tape = pair.tape.take(pair.now);
    assert!(tape.contains("b 487 UPDATE"), "{tape}");
    drained(&mut pair);
}

#[test]
fn policies_of_reliability() {
    use ReliableProvisional::{Never, Required, WhenAsked};
    for (ours, theirs, statuses) in [
        (WhenAsked, Never, "b 183 INVITE"),
        (Never, WhenAsked, "b 183 INVITE"),
        (Required, Never, "b 420 INVITE"),
        (Never, Required, "b 421 INVITE"),
        (Required, WhenAsked, "b 200 PRACK"),
        (WhenAsked, Required, "b 200 PRACK"),
    ] {
        let mut pair = Pair::new(Weather::FINE, 1, |who, config| {
            config.reliable_provisional = if who == 'a' { ours } else { theirs };
        });
        pair.a(invite());
        pair.run(millis(100));
        pair.b(early_media(THERE, 183, "early"));
        pair.run(millis(100));
        let tape = pair.tape.take(pair.now);
        let pracks = tape.matches("a PRACK").count();
        assert!(tape.contains(statuses), "{ours:?} {theirs:?}: {tape}");
        assert_eq!(pracks, usize::from(statuses.contains("PRACK")), "{ours:?} {theirs:?}: {tape}");
        pair.a(hangup(CALL));
        drained(&mut pair);
    }
}
