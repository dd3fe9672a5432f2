//! Callbacks: the caller who asks for one, and the calls that come of it.

use shared::id::TrunkId;
use shared::model::callback::CallbackRules;

use super::*;
use crate::call::callback::CallingBack;
use crate::call::dial::Rules;

fn calling() -> CallingBack {
    CallingBack {
        call: CallId::from_u64(7),
        customer: CUSTOMER,
        to: Party { number: "+4930".into(), name: String::new() },
        queue: *queue(),
        since: at(-60),
        rules: Rules { ring_secs: 30, ..Rules::default() },
    }
}

fn trunk() -> TrunkId {
    "carrier".parse().expect("id")
}

fn answered() -> Input {
    Input::DialAnswered { leg: CUSTOMER, trunk: trunk() }
}

fn failed(status: u16, cause: u8) -> Input {
    Input::DialFailed { leg: CUSTOMER, status, cause }
}

fn ring() -> Input {
    Input::Ring { offer: OFFER, agent: agent(), leg: AGENT, waited_millis: 60_000 }
}

fn won() -> Input {
    Input::Won { offer: OFFER, wait_millis: 60_000, answered_at: at(3) }
}

/// The agent has answered and the customer is dialled.
fn dialled() -> Script {
    let mut script = Script { machine: Machine::call_back(at(0), calling()) };
    assert_eq!(script.said(), "", "nothing happens before a phone rings");
    assert_eq!(script.input(0, ring()), "ring agent");
    assert_eq!(script.input(3, Input::LegAnswered { leg: AGENT }), "acd claim");
    assert_eq!(script.input(3, won()), "hear C A, play agent Ringback, dial +4930 for sales");
    script
}

const GONE: &str = "drop agent, agent_left, acd released wrap_up=true";

#[test]
fn the_customer_is_dialled_for_the_agent_who_answered() {
    let mut script = dialled();
    assert_eq!(script.input(9, answered()), "quiet, hear C A, record, acd callback reached, call_answered");
    assert_eq!(
        script.input(19, Input::LegEnded { leg: CUSTOMER, how: LegEnd::HungUp }),
        "stop record, drop agent, released 10000 0, acd released wrap_up=true, drop customer, ended CustomerHungUp, \
         finished"
    );
}

#[test]
fn the_acd_hears_once_that_he_was_not_reached() {
    for (status, cause, outcome, tone) in
        [(486, 17, "Busy", "Busy"), (480, 19, "NoAnswer", "Congestion"), (404, 1, "Failed", "Congestion")]
    {
        let mut script = dialled();
        assert_eq!(
            script.input(5, failed(status, cause)),
            format!("drop customer, cause {cause}, acd callback failed {outcome}, play agent {tone}")
        );
        let ended = format!("{GONE}, drop customer, ended NotAnswered {{ status: {status} }}, finished");
        assert_eq!(script.input(8, Input::PlayDone { leg: AGENT, play: 2 }), ended);
    }
    let mut rings_out = dialled();
    assert_eq!(rings_out.machine.deadline(), Some(at(33)));
    assert_eq!(
        rings_out.input(33, Input::Tick),
        "drop customer, cause 19, acd callback failed NoAnswer, play agent Congestion"
    );
    let mut gives_up = dialled();
    assert_eq!(
        gives_up.input(5, Input::LegEnded { leg: AGENT, how: LegEnd::HungUp }),
        format!("acd callback failed AgentGone, {GONE}, drop customer, ended Abandoned, finished")
    );
}

#[test]
fn a_callback_that_nobody_has_taken_is_nobodys_to_move() {
    let mut script = Script { machine: Machine::call_back(at(0), calling()) };
    script.input(0, ring());
    let to = TransferTarget::Queue { queue: "support".parse().expect("id") };
    for request in [Request::Hangup { by: user("sara") }, Request::Transfer { target: to, by: user("sara") }]
    {
        assert_eq!(script.machine.request(at(1), request), Err(Refusal::CallsBack));
    }
    assert_eq!(script.input(2, Input::PutOff), "drop agent, drop customer, ended CallbackPutOff, finished");
}

#[test]
fn a_customer_who_answers_first_hears_music_and_waits_for_his_agent() {
    let mut script = Script { machine: Machine::dial_back(at(0), calling()) };
    assert_eq!(script.said(), "dial +4930 for sales");
    assert_eq!(script.machine.deadline(), Some(at(30)));
    assert_eq!(script.input(8, answered()), "hear C, music, call_answered, acd callback reached");
    assert_eq!(script.input(8, Input::Queued { queue: queue(), since: at(-60) }), "hear C, play hello.wav");
    assert_eq!(script.input(8, ring()), "ring agent");
    script.input(9, Input::LegAnswered { leg: AGENT });
    assert_eq!(script.input(9, won()), "quiet, hear C A, record, connected 60000 6000");
    let mut silent = Script { machine: Machine::dial_back(at(0), calling()) };
    silent.said();
    assert_eq!(
        silent.input(4, failed(486, 17)),
        "acd callback failed Busy, drop customer, ended NotAnswered { status: 486 }, finished"
    );
    let mut put_off = Script { machine: Machine::dial_back(at(0), calling()) };
    put_off.said();
    assert_eq!(put_off.input(4, Input::PutOff), "drop customer, ended CallbackPutOff, finished");
}

#[test]
fn a_caller_asks_for_a_callback_by_a_key() {
    let mut info = *queue();
    info.greeting = None;
    info.waiting.keys.insert('5', LeaveFor::Callback);
    info.callback = Some(CallbackRules { taken: Some("bye.wav".into()), ..CallbackRules::default() });
    let mut script = Script::arrive();
    script.said();
    script.input(0, Input::Queued { queue: Box::new(info), since: at(0) });
    let key = Input::Key { leg: CUSTOMER, key: '5' };
    assert_eq!(script.input(2, key.clone()), "acd ask callback +4930123");
    assert_eq!(script.input(2, Input::CallbackRefused), "play customer Refused");
    assert_eq!(script.input(3, Input::PlayDone { leg: CUSTOMER, play: 2 }), "music", "he waits on");
    script.input(4, key);
    assert_eq!(script.input(4, Input::CallbackTaken), "play bye.wav");
    assert_eq!(
        script.input(6, Input::PlayDone { leg: CUSTOMER, play: 4 }),
        "drop customer, ended CallbackTaken, finished"
    );
}
