//! The races of RFC 5407 §3, each named after its section.
//!
//! Moratorium: the callee has sent its 2xx and waits for the ACK. Mortal: a BYE is out or in.

use super::scripted::{Scripted, message};
use super::*;
use crate::testing::netem::Weather;

const LOST: Weather = Weather { loss: 1000, ..Weather::FINE };

/// A callee that has answered and waits for its ACK.
fn moratorium(offer: &str) -> Scripted {
    let mut bob = Scripted::new();
    let lines = if offer.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    let heard = bob.hear(&format!("{}{offer}", message("INVITE", "x", lines)));
    assert!(heard.starts_with("100 INVITE, Incoming"), "{heard}");
    assert_eq!(bob.command(answer(THERE, "answer")), "200 INVITE");
    bob
}

/// An offer in a message of the far side.
const SDP: &str = "Content-Type: application/sdp\r\nContent-Length: 7\r\n";

#[test]
fn section_3_1_1_initial_invite_retransmission_in_moratorium() {
    let mut pair = Pair::fine();
    pair.a(invite());
    // The INVITE arrives; 100 is lost, so the INVITE comes again when the 200 is on its way.
    pair.run(millis(5));
    pair.set_weather(LOST);
    pair.run(millis(490));
    pair.set_weather(Weather::FINE);
    pair.run(millis(8));
    pair.b(answer(THERE, "answer"));
    pair.run(secs(1));
    check(
        &pair.tape.take(pair.now),
        "0 a INVITE
         10 b 100 INVITE
         500 a INVITE
         503 b 200 INVITE
         513 a ACK",
    );
    assert_eq!(short(pair.b_events()), "Incoming offer, Confirmed");
    pair.a(hangup(CALL));
    drained(&mut pair);
}

#[test]
fn section_3_1_2_cancel_in_moratorium() {
    let mut pair = Pair::fine();
    pair.a(invite());
    pair.run(millis(100));
    pair.a(hangup(CALL));
    pair.b(answer(THERE, "answer"));
    pair.run(secs(1));
    check(
        &pair.tape.take(pair.now),
        "0 a INVITE
         10 b 100 INVITE
         100 a CANCEL
         100 b 200 INVITE
         110 b 200 CANCEL
         110 a ACK
         110 a BYE
         120 b 200 BYE",
    );
    assert_eq!(short(pair.a_events()), "Rejected 487");
    assert_eq!(short(pair.b_events()), "Incoming offer, Confirmed, Ended Peer");
    drained(&mut pair);
}

/// The caller ends the early dialog by BYE; it crosses the 200, which is acknowledged all the same.
#[test]
fn section_3_1_3_early_bye_in_moratorium() {
    let mut bob = moratorium("offer");
    assert_eq!(bob.within("BYE", "x", 2, ""), "200 BYE, Ended Peer");
    assert_eq!(bob.within("ACK", "x", 1, ""), "");
    assert_eq!(bob.wait(secs(40)), "", "the 200 is not repeated");
    bob.drained();
}

/// The ACK is late or lost, the re-INVITE shows that the 200 arrived.
#[test]
fn section_3_1_4_re_invite_in_moratorium() {
    let mut bob = moratorium("offer");
    assert_eq!(
        bob.within("INVITE", "x", 2, &format!("{SDP}\r\noffer 2")),
        "Confirmed, 100 INVITE, Reoffer offer 2"
    );
    assert_eq!(bob.within("ACK", "x", 1, ""), "", "the late ACK is absorbed");
    assert_eq!(bob.command(answer(THERE, "yes")), "200 INVITE");
    assert_eq!(bob.within("ACK", "x", 2, ""), "");
    assert_eq!(bob.wait(secs(40)), "");
}

/// The 200 carried the offer, its answer is in the ACK that is missing: another offer gets 491.
#[test]
fn section_3_1_5_re_invite_in_moratorium_with_the_offer_in_the_200() {
    let mut bob = moratorium("");
    assert_eq!(bob.within("INVITE", "x", 2, &format!("{SDP}\r\noffer 2")), "491 INVITE");
    assert_eq!(bob.within("ACK", "x", 1, &format!("{SDP}\r\nanswer!")), "Confirmed answer!");
}

#[test]
fn section_3_1_6_bye_in_moratorium() {
    let mut pair = Pair::fine();
    pair.a(invite());
    pair.run(millis(100));
    pair.b(answer(THERE, "answer"));
    pair.run(millis(5));
    // The ACK is lost.
    pair.set_weather(LOST);
    pair.run(millis(45));
    pair.set_weather(Weather::FINE);
    pair.a(hangup(CALL));
    pair.run(secs(40));
    check(
        &pair.tape.take(pair.now),
        "0 a INVITE
         10 b 100 INVITE
         100 b 200 INVITE
         110 a ACK
         150 a BYE
         160 b 200 BYE",
    );
    assert_eq!(short(pair.b_events()), "Incoming offer, Ended Peer");
    drained(&mut pair);
}

#[test]
fn section_3_2_1_bye_in_mortal() {
    let mut pair = talking();
    pair.a(hangup(CALL));
    pair.b(hangup(THERE));
    pair.run(secs(1));
    check(&pair.tape.take(pair.now), "0 a BYE\n0 b BYE\n10 b 200 BYE\n10 a 200 BYE");
    assert_eq!(short(pair.a_events()), "Ended Local");
    assert_eq!(short(pair.b_events()), "Ended Local");
    drained(&mut pair);
}

#[test]
fn section_3_2_2_re_invite_in_mortal() {
    let mut pair = talking();
    pair.a(hangup(CALL));
    pair.b(Command::Reinvite { session: THERE, body: sdp("hold") });
    pair.run(secs(1));
    check(
        &pair.tape.take(pair.now),
        "0 a BYE
         0 b INVITE
         10 b 200 BYE
         10 a 481 INVITE
         20 b ACK",
    );
    assert_eq!(short(pair.a_events()), "Ended Local");
    assert_eq!(short(pair.b_events()), "Ended Peer");
    drained(&mut pair);
}

/// The 200 of the re-INVITE comes when BYE is out: it is acknowledged.
#[test]
fn section_3_2_3_200_of_a_re_invite_in_mortal() {
    let mut pair = talking();
    pair.a(Command::Reinvite { session: CALL, body: sdp("hold") });
    pair.run(millis(50));
    pair.b(answer(THERE, "held"));
    pair.a(hangup(CALL));
    pair.run(secs(1));
    check(
        &pair.tape.take(pair.now),
        "0 a INVITE
         10 b 100 INVITE
         50 b 200 INVITE
         50 a BYE
         60 a ACK
         60 b 200 BYE",
    );
    assert_eq!(short(pair.a_events()), "Ended Local");
    assert_eq!(short(pair.b_events()), "Reoffer hold, Ended Peer");
    drained(&mut pair);
}

#[test]
fn section_3_2_4_ack_in_mortal() {
    let mut bob = moratorium("offer");
    // BYE overtakes the ACK.
    assert_eq!(bob.within("BYE", "x", 2, ""), "200 BYE, Ended Peer");
    assert_eq!(bob.within("ACK", "x", 1, ""), "");
    assert_eq!(bob.within("BYE", "x", 2, ""), "200 BYE", "repeated");
    bob.drained();
}

#[test]
fn section_3_3_1_re_invite_crossover() {
    let mut pair = talking();
    pair.a(Command::Reinvite { session: CALL, body: sdp("from a") });
    pair.b(Command::Reinvite { session: THERE, body: sdp("from b") });
    pair.run(millis(100));
    check(
        &pair.tape.take(pair.now),
        "0 a INVITE
         0 b INVITE
         10 b 491 INVITE
         10 a 491 INVITE
         20 a ACK
         20 b ACK",
    );
    // RFC 3261 §14.1: the callee tries again within 2 s, the owner of the Call-ID after 2.1 to 4 s.
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
fn section_3_3_2_update_and_re_invite_crossover() {
    let mut pair = talking();
    pair.a(Command::Update { session: CALL, body: sdp("from a") });
    pair.b(Command::Reinvite { session: THERE, body: sdp("from b") });
    pair.run(millis(100));
    check(
        &pair.tape.take(pair.now),
        "0 a UPDATE
         0 b INVITE
         10 b 491 UPDATE
         10 a 491 INVITE
         20 b ACK",
    );
    pair.run(millis(2000));
    assert_eq!(short(pair.a_events()), "Reoffer from b");
    pair.a(answer(CALL, "yes b"));
    pair.run(secs(3));
    pair.b(answer(THERE, "yes a"));
    pair.run(secs(1));
    assert_eq!(short(pair.a_events()), "ReinviteDone yes a");
    pair.a(hangup(CALL));
    drained(&mut pair);
}

#[test]
fn section_3_3_3_refer_in_mortal() {
    let mut pair = talking();
    pair.a(hangup(CALL));
    let refer_to = "sip:carol@c.test".parse().expect("uri");
    pair.b(Command::Refer { session: THERE, refer_to, referred_by: None });
    pair.run(secs(1));
    check(&pair.tape.take(pair.now), "0 a BYE\n0 b REFER\n10 b 200 BYE\n10 a 481 REFER");
    assert_eq!(short(pair.a_events()), "Ended Local");
    assert_eq!(short(pair.b_events()), "Ended Peer");
    drained(&mut pair);
}
