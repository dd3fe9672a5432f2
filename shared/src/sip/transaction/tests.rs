//! Each machine on a virtual clock: a script of inputs and what they must come to. Times in milliseconds.

use std::time::Duration;

use super::*;
use crate::sip::api::TimerConfig;

const NOW: Timestamp = Timestamp::from_secs(1_000);

fn at(millis: u64) -> Timestamp {
    NOW + Duration::from_millis(millis)
}

/// Lets a machine run on its own timers until it has none left, and writes down what it does when.
macro_rules! run {
    ($machine:expr) => {{
        let mut log: Vec<String> = Vec::new();
        while let Some(deadline) = $machine.deadline() {
            let step = $machine.tick(deadline);
            if step != Step::Nothing {
                log.push(format!("{} {step:?}", deadline.millis_since(NOW)));
            }
            if $machine.is_terminated() {
                log.push(format!("{} end", deadline.millis_since(NOW)));
            }
        }
        log.join(", ")
    }};
}

#[test]
fn timers_a_and_b() {
    let mut machine = ClientInvite::new(NOW, TimerConfig::default(), false);
    assert_eq!(
        run!(machine),
        "500 Resend, 1500 Resend, 3500 Resend, 7500 Resend, 15500 Resend, 31500 Resend, 32000 TimedOut, 32000 end"
    );
    let mut machine = ClientInvite::new(NOW, TimerConfig::default(), true);
    assert_eq!(run!(machine), "32000 TimedOut, 32000 end");
}

#[test]
fn a_provisional_response_stops_timers_a_and_b() {
    let mut machine = ClientInvite::new(NOW, TimerConfig::default(), false);
    assert_eq!(machine.response(at(100), 100), Step::Pass);
    assert_eq!(machine.response(at(200), 180), Step::Pass);
    assert_eq!(machine.deadline(), None);
}

#[test]
fn timer_d_absorbs_and_acknowledges() {
    let mut machine = ClientInvite::new(NOW, TimerConfig::default(), false);
    assert_eq!(machine.response(at(100), 486), Step::AckAndPass);
    assert_eq!(machine.response(at(600), 486), Step::Ack);
    assert_eq!(machine.response(at(700), 180), Step::Nothing);
    assert_eq!(run!(machine), "32100 end");
    let mut machine = ClientInvite::new(NOW, TimerConfig::default(), true);
    assert_eq!(machine.response(at(100), 486), Step::AckAndPass);
    assert!(machine.is_terminated(), "timer D is zero on streams");
}

#[test]
fn timer_m_lets_every_2xx_through() {
    let mut machine = ClientInvite::new(NOW, TimerConfig::default(), false);
    assert_eq!(machine.response(at(100), 200), Step::Pass);
    assert_eq!(machine.response(at(600), 200), Step::Pass);
    assert_eq!(machine.response(at(700), 486), Step::Nothing);
    assert_eq!(run!(machine), "32100 end");
}

#[test]
fn timers_e_f_and_k() {
    let mut machine = ClientOther::new(NOW, TimerConfig::default(), false);
    assert_eq!(
        run!(machine),
        "500 Resend, 1500 Resend, 3500 Resend, 7500 Resend, 11500 Resend, 15500 Resend, 19500 Resend, \
         23500 Resend, 27500 Resend, 31500 Resend, 32000 TimedOut, 32000 end"
    );
    let mut machine = ClientOther::new(NOW, TimerConfig::default(), false);
    assert_eq!(machine.response(at(100), 100), Step::Pass);
    machine.tick(at(500));
    assert_eq!(machine.deadline(), Some(at(4500)), "T2 once it is proceeding");
    assert_eq!(machine.response(at(600), 200), Step::Pass);
    assert_eq!(machine.response(at(700), 200), Step::Nothing);
    assert_eq!(run!(machine), "5600 end");
    let mut machine = ClientOther::new(NOW, TimerConfig::default(), true);
    assert_eq!(machine.deadline(), Some(at(32_000)));
    assert_eq!(machine.response(at(100), 200), Step::Pass);
    assert!(machine.is_terminated(), "timer K is zero on streams");
}

#[test]
fn timers_g_and_h() {
    let mut machine = ServerInvite::new(TimerConfig::default(), false);
    assert_eq!(machine.request(), Step::Resend);
    assert_eq!(machine.respond(NOW, 180), Step::Pass);
    assert_eq!(machine.respond(NOW, 486), Step::Pass);
    assert_eq!(machine.respond(NOW, 200), Step::Nothing, "one final response only");
    assert_eq!(machine.request(), Step::Resend);
    assert_eq!(
        run!(machine),
        "500 Resend, 1500 Resend, 3500 Resend, 7500 Resend, 11500 Resend, 15500 Resend, 19500 Resend, \
         23500 Resend, 27500 Resend, 31500 Resend, 32000 end"
    );
    let mut machine = ServerInvite::new(TimerConfig::default(), true);
    machine.respond(NOW, 486);
    assert_eq!(run!(machine), "32000 end", "timer G does not run on streams");
}

#[test]
fn timer_i_absorbs_acks() {
    let mut machine = ServerInvite::new(TimerConfig::default(), false);
    machine.respond(NOW, 486);
    assert_eq!(machine.ack(at(100)), Step::Nothing);
    assert_eq!(machine.ack(at(200)), Step::Nothing);
    assert_eq!(machine.request(), Step::Nothing);
    assert_eq!(run!(machine), "5100 end");
    let mut machine = ServerInvite::new(TimerConfig::default(), true);
    machine.respond(NOW, 486);
    machine.ack(at(100));
    assert!(machine.is_terminated(), "timer I is zero on streams");
}

#[test]
fn timer_l_absorbs_invites_after_a_2xx() {
    let mut machine = ServerInvite::new(TimerConfig::default(), false);
    assert_eq!(machine.respond(NOW, 200), Step::Pass);
    assert_eq!(machine.request(), Step::Nothing);
    assert_eq!(machine.ack(at(50)), Step::Pass);
    assert_eq!(run!(machine), "32000 end");
}

#[test]
fn timer_j_repeats_the_answer() {
    let mut machine = ServerOther::new(NOW, TimerConfig::default(), false);
    assert_eq!(machine.request(), Step::Nothing);
    assert_eq!(machine.respond(at(100), 200), Step::Pass);
    assert_eq!(machine.request(), Step::Resend);
    assert_eq!(machine.respond(at(200), 500), Step::Nothing);
    assert_eq!(run!(machine), "32100 end");
    let mut machine = ServerOther::new(NOW, TimerConfig::default(), true);
    machine.respond(NOW, 200);
    assert!(machine.is_terminated(), "timer J is zero on streams");
    let mut machine = ServerOther::new(NOW, TimerConfig::default(), false);
    assert_eq!(run!(machine), "32000 end", "nobody answered");
}
