//! Calls that the service places for a person: his own phone first, then the number.

use super::*;
use crate::call::dial::Rules;
use crate::call::originate::Originating;

fn placed(for_queue: bool) -> Script {
    let originating = Originating {
        call: CallId::from_u64(7),
        own: AGENT,
        callee: CUSTOMER,
        by: user("201"),
        to: Party { number: "+4930".into(), name: String::new() },
        queue: for_queue.then(|| *queue()),
        rules: Rules { ring_secs: 40, ..Rules::default() },
    };
    Script { machine: Machine::originate(at(0), originating) }
}

fn answered() -> Input {
    Input::DialAnswered { leg: CUSTOMER, trunk: "carrier".parse().expect("id") }
}

fn progress(media: bool) -> Input {
    Input::DialProgress { leg: CUSTOMER, status: 180, media }
}

const OVER: &str = "acd own over 201, finished";

#[test]
fn the_own_phone_rings_first_and_the_talk_is_the_queues() {
    let mut script = placed(true);
    assert_eq!(script.said(), "call_placed, acd own 201, ring own phone to +4930 for sales");
    assert_eq!(script.input(1, progress(true)), "", "nobody was dialled yet");
    assert_eq!(
        script.input(3, Input::LegAnswered { leg: AGENT }),
        "hear C A, play agent Ringback, dial +4930 for sales"
    );
    assert_eq!(script.input(4, progress(false)), "", "he hears the tone already");
    assert_eq!(script.input(5, progress(true)), "quiet, hear C A");
    assert_eq!(script.input(9, answered()), "quiet, hear C A, record, acd taken 201, call_answered");
    assert_eq!(
        script.input(19, Input::LegEnded { leg: AGENT, how: LegEnd::HungUp }),
        "stop record, drop agent, released 10000 0, acd released wrap_up=true, drop customer, ended AgentHungUp, \
         finished"
    );
}

#[test]
fn without_a_queue_it_is_his_own_call() {
    let mut script = placed(false);
    assert_eq!(script.said(), "call_placed, acd own 201, ring own phone to +4930");
    script.input(1, Input::LegAnswered { leg: AGENT });
    assert_eq!(script.input(2, answered()), "quiet, hear C A, call_answered", "not recorded");
    assert_eq!(
        script.input(5, Input::LegEnded { leg: CUSTOMER, how: LegEnd::HungUp }),
        "drop agent, agent_left, acd own over 201, drop customer, ended CustomerHungUp, finished"
    );
}

#[test]
fn he_hears_how_it_failed_and_then_it_is_over() {
    for (status, cause, tone) in [(486, 17, "Busy"), (480, 19, "Congestion"), (404, 1, "Congestion")] {
        let mut script = placed(true);
        script.input(1, Input::LegAnswered { leg: AGENT });
        let failed = Input::DialFailed { leg: CUSTOMER, status, cause };
        let heard = format!("drop customer, cause {cause}, play agent {tone}");
        assert_eq!(script.input(2, failed.clone()), heard);
        assert_eq!(script.input(2, failed), "", "only once");
        let ended = format!("drop agent, drop customer, ended NotAnswered {{ status: {status} }}, {OVER}");
        let done = Input::PlayDone { leg: AGENT, play: 2 };
        assert_eq!(script.input(5, done), ended);
    }
    let mut rings_out = placed(true);
    rings_out.input(1, Input::LegAnswered { leg: AGENT });
    assert_eq!(rings_out.machine.deadline(), Some(at(41)));
    assert_eq!(rings_out.input(41, Input::Tick), "drop customer, cause 19, play agent Congestion");
    assert_eq!(rings_out.input(42, answered()), "drop customer", "CANCEL and 200 crossed");
    assert_eq!(
        rings_out.input(43, Input::LegEnded { leg: AGENT, how: LegEnd::HungUp }),
        format!("drop agent, drop customer, ended NotAnswered {{ status: 480 }}, {OVER}")
    );
}

#[test]
fn nobody_is_dialled_when_the_own_phone_does_not_answer() {
    let silent =
        |status| format!("drop agent, drop customer, ended OwnPhoneSilent {{ status: {status} }}, {OVER}");
    let mut busy = placed(true);
    busy.said();
    assert_eq!(busy.input(2, Input::LegFailed { leg: AGENT, status: 486 }), silent(486));
    let mut rings_out = placed(true);
    rings_out.said();
    assert_eq!(rings_out.machine.deadline(), Some(at(40)));
    assert_eq!(rings_out.input(40, Input::Tick), silent(408));
    assert_eq!(rings_out.input(41, Input::LegAnswered { leg: AGENT }), "drop agent elsewhere");
}

#[test]
fn who_gives_up_or_is_cut_off_takes_the_call_with_him() {
    let mut hangs_up = placed(true);
    hangs_up.input(1, Input::LegAnswered { leg: AGENT });
    assert_eq!(
        hangs_up.input(2, Input::LegEnded { leg: AGENT, how: LegEnd::HungUp }),
        format!("drop agent, drop customer, ended Abandoned, {OVER}")
    );
    let mut by_button = placed(true);
    by_button.said();
    assert_eq!(by_button.machine.request(at(2), Request::Hangup { by: user("201") }), Ok(Granted::Now));
    assert_eq!(by_button.said(), format!("drop agent, drop customer, ended AgentHungUp, {OVER}"));
    let mut stops = placed(false);
    stops.said();
    assert_eq!(stops.input(2, Input::Shutdown), format!("drop agent, drop customer, ended Shutdown, {OVER}"));
    let text = serde_json::to_string(&placed(true).machine).expect("json");
    let saved: Machine = serde_json::from_str(&text).expect("a machine");
    assert_eq!(saved.placed_by(), Some(&user("201")), "saved and taken up in any step");
}
