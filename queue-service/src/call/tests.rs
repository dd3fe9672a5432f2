//! The machine by scripts: what goes in, and all that comes out, in short words.

mod callback;
mod dial;
mod join;
mod originate;
mod place;
mod ringing;
mod words;

use std::time::Duration;

use shared::audio::mixer::Role;
use shared::id::{AgentId, CallId, LegId, OfferId, UserId};
use shared::model::call::{EndCause, Party, QueueExit, SupervisionMode};
use shared::model::event::{Event, TransferTarget};
use shared::model::queue::{Destination, QueueInfo};
use shared::model::rules::LeaveFor;
use shared::time::Timestamp;

use super::io::{AcdAsk, Arrival, Granted, Input, LegEnd, Output, Refusal, Request, Sound};
use super::machine::Machine;
use words::words;

const CUSTOMER: LegId = LegId::from_u64(1);
const AGENT: LegId = LegId::from_u64(2);
const SUPERVISOR: LegId = LegId::from_u64(3);
const OFFER: OfferId = OfferId::from_u64(9);

fn queue() -> Box<QueueInfo> {
    Box::new(QueueInfo {
        id: "sales".parse().expect("id"),
        name: "Sales".into(),
        numbers: vec!["500".into()],
        priority_secs: 0,
        skills: vec![],
        ring_secs: 20,
        wrap_up_secs: 30,
        wrap_up_codes: vec![],
        target_secs: 20,
        target_percent: 80,
        short_abandon_secs: 5,
        max_waiting: 10,
        max_wait_secs: 0,
        hours: vec![],
        time_zone: "UTC".into(),
        when_full: Destination::Reject { status: 486 },
        when_closed: Destination::Reject { status: 480 },
        when_timed_out: Destination::Reject { status: 480 },
        greeting: Some("hello.wav".into()),
        music: None,
        announcement: Some("busy.wav".into()),
        announcement_every_secs: 30,
        record: true,
        routing: Default::default(),
        waiting: Default::default(),
        wrap_up: Default::default(),
        callback: None,
    })
}

fn agent() -> AgentId {
    "201".parse().expect("id")
}

fn user(name: &str) -> UserId {
    name.parse().expect("id")
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_800_000_000 + secs)
}

/// A machine with the time of its last input.
struct Script {
    machine: Machine,
}

impl Script {
    fn arrive() -> Script {
        let arrival = Arrival {
            call: CallId::from_u64(7),
            customer: CUSTOMER,
            from: Party { number: "+4930123".into(), name: "Ada".into() },
            dialled: "500".into(),
            trunk: None,
            queue: Some("sales".parse().expect("id")),
        };
        Script { machine: Machine::new(at(0), arrival) }
    }

    fn said(&mut self) -> String {
        let mut all = Vec::new();
        while let Some(output) = self.machine.poll() {
            all.push(words(&output));
        }
        // A saved machine goes on as if nothing had happened.
        let saved = serde_json::to_string(&self.machine).expect("serialise");
        self.machine = serde_json::from_str(&saved).expect("restore");
        all.join(", ")
    }

    fn input(&mut self, secs: i64, input: Input) -> String {
        self.machine.handle(at(secs), input);
        self.said()
    }

    fn ask(&mut self, secs: i64, request: Request) -> (Result<Granted, Refusal>, String) {
        let result = self.machine.request(at(secs), request);
        (result, self.said())
    }

    /// Arrived at 0, queued at 0, rung at 10, answered and connected at 12.
    fn talking() -> Script {
        let mut script = Script::arrive();
        script.input(0, Input::Queued { queue: queue(), since: at(0) });
        script.input(10, Input::Ring { offer: OFFER, agent: agent(), leg: AGENT, waited_millis: 10_000 });
        script.input(12, Input::LegAnswered { leg: AGENT });
        script.input(12, Input::Won { offer: OFFER, wait_millis: 12_000, answered_at: at(12) });
        script
    }

    fn with_supervisor(mode: SupervisionMode) -> Script {
        let mut script = Script::talking();
        let (granted, said) =
            script.ask(20, Request::Supervise { supervisor: user("sara"), mode, leg: SUPERVISOR });
        assert_eq!((granted, said.as_str()), (Ok(Granted::Later), "ring supervisor"));
        script.input(21, Input::LegAnswered { leg: SUPERVISOR });
        script
    }
}

#[test]
fn a_call_waits_is_answered_and_ends() {
    let mut script = Script::arrive();
    assert_eq!(script.said(), "call_arrived, acd enqueue sales@0");
    assert_eq!(
        script.input(0, Input::Queued { queue: queue(), since: at(0) }),
        "answer customer, hear C, play hello.wav"
    );
    assert_eq!(script.input(4, Input::PlayDone { leg: CUSTOMER, play: 1 }), "music");
    assert_eq!(script.machine.deadline(), Some(at(30)));
    assert_eq!(script.input(30, Input::Tick), "play busy.wav");
    assert_eq!(script.input(33, Input::PlayDone { leg: CUSTOMER, play: 3 }), "music");
    assert_eq!(
        script.input(40, Input::Ring { offer: OFFER, agent: agent(), leg: AGENT, waited_millis: 40_000 }),
        "ring agent"
    );
    assert_eq!(script.input(42, Input::LegAnswered { leg: AGENT }), "acd claim");
    assert_eq!(
        script.input(42, Input::Won { offer: OFFER, wait_millis: 42_000, answered_at: at(42) }),
        "quiet, hear C A, record, connected 42000 0"
    );
    assert_eq!(script.machine.deadline(), None, "no announcement while talking");
    assert_eq!(
        script.input(102, Input::LegEnded { leg: CUSTOMER, how: LegEnd::HungUp }),
        "stop record, drop agent, released 60000 0, acd released wrap_up=true, drop customer, ended CustomerHungUp, finished"
    );
    assert_eq!(script.input(103, Input::LegEnded { leg: AGENT, how: LegEnd::HungUp }), "drop agent");
}

#[test]
fn a_caller_who_leaves_stops_the_ringing() {
    let mut script = Script::arrive();
    script.input(0, Input::Queued { queue: queue(), since: at(0) });
    script.input(10, Input::Ring { offer: OFFER, agent: agent(), leg: AGENT, waited_millis: 10_000 });
    assert_eq!(
        script.input(11, Input::LegEnded { leg: CUSTOMER, how: LegEnd::HungUp }),
        "drop agent, acd gone, drop customer, ended Abandoned, finished"
    );
    // The agent's 200 crossed the CANCEL.
    assert_eq!(script.input(11, Input::LegAnswered { leg: AGENT }), "drop agent elsewhere");
}

#[test]
fn a_refused_or_missed_offer_leaves_the_call_where_it_was() {
    for (status, outcome) in [
        (486, "Busy"),
        (600, "Busy"),
        (603, "Rejected"),
        (480, "Rejected"),
        (404, "Unreachable"),
        (408, "Unreachable"),
    ] {
        let mut script = Script::arrive();
        script.input(0, Input::Queued { queue: queue(), since: at(0) });
        script.input(1, Input::Ring { offer: OFFER, agent: agent(), leg: AGENT, waited_millis: 1_000 });
        assert_eq!(
            script.input(2, Input::LegFailed { leg: AGENT, status }),
            format!("drop agent, acd failed {outcome}"),
            "{status}"
        );
    }
    let mut script = Script::arrive();
    script.input(0, Input::Queued { queue: queue(), since: at(0) });
    script.input(1, Input::Ring { offer: OFFER, agent: agent(), leg: AGENT, waited_millis: 1_000 });
    assert_eq!(script.input(21, Input::CancelRing { offer: OFFER }), "drop agent elsewhere");
    assert_eq!(
        script.input(21, Input::LegFailed { leg: AGENT, status: 487 }),
        "",
        "487 is the end of our CANCEL"
    );
}

#[test]
fn closed_full_and_unknown_numbers_are_turned_away() {
    let mut script = Script::arrive();
    script.said();
    let reject = Destination::Reject { status: 486 };
    assert_eq!(
        script.input(0, Input::Redirected { exit: QueueExit::Full, to: reject }),
        "reject customer 486, ended TurnedAway { status: 486 }, finished"
    );

    let mut script = Script::arrive();
    script.said();
    let announce = Destination::Announce { prompt: "closed.wav".into() };
    assert_eq!(
        script.input(0, Input::Redirected { exit: QueueExit::Closed, to: announce }),
        "answer customer, hear C, play closed.wav"
    );
    assert_eq!(
        script.input(5, Input::PlayDone { leg: CUSTOMER, play: 1 }),
        "drop customer, ended TurnedAway { status: 200 }, finished"
    );

    let arrival = Arrival { queue: None, ..Script::arrive().machine.arrival.clone() };
    let mut script = Script { machine: Machine::new(at(0), arrival) };
    assert_eq!(
        script.said(),
        "call_arrived, reject customer 404, ended TurnedAway { status: 404 }, finished"
    );
}

#[test]
fn hold_is_music_for_the_customer_and_is_counted() {
    let mut script = Script::talking();
    assert_eq!(
        script.input(20, Input::LegHold { leg: AGENT, held: true }),
        "hear C/ A, music, call_held, acd hold=true"
    );
    assert_eq!(script.input(21, Input::LegHold { leg: AGENT, held: true }), "", "a repeated re-INVITE");
    assert_eq!(
        script.input(25, Input::LegHold { leg: AGENT, held: false }),
        "hear C A, quiet, call_resumed, acd hold=false"
    );
    assert_eq!(script.ask(30, Request::SetHold { held: false }).0, Err(Refusal::NotHeld));
    assert_eq!(script.ask(30, Request::SetHold { held: true }).0, Ok(Granted::Now));
    assert_eq!(script.ask(31, Request::SetHold { held: true }).0, Err(Refusal::AlreadyHeld));
    assert_eq!(
        script.input(32, Input::LegEnded { leg: AGENT, how: LegEnd::HungUp }),
        "stop record, drop agent, released 20000 7000, acd released wrap_up=true, drop customer, ended AgentHungUp, finished"
    );
}

#[test]
fn a_transfer_keeps_the_place_and_frees_the_agent() {
    let mut script = Script::talking();
    let target = TransferTarget::Queue { queue: "support".parse().expect("id") };
    assert_eq!(
        script.input(40, Input::LegRefer { leg: AGENT, target: Ok(target) }),
        "refer 202, call_transferred, drop agent, released 28000 0, acd released wrap_up=true, music, hear C, \
         acd enqueue support@0"
    );
    assert_eq!(script.input(41, Input::LegRefer { leg: AGENT, target: Err(603) }), "refer 403");
    let (granted, said) = Script::talking()
        .ask(50, Request::Transfer { target: TransferTarget::Agent { agent: agent() }, by: user("201") });
    assert_eq!(granted, Ok(Granted::Now));
    assert!(said.ends_with("acd enqueue sales@0 only 201"), "{said}");
}

#[test]
fn a_dead_phone_does_not_lose_the_customer() {
    let mut script = Script::talking();
    assert_eq!(
        script.input(40, Input::LegEnded { leg: AGENT, how: LegEnd::Lost }),
        "drop agent, released 28000 0, acd released wrap_up=false, music, hear C, acd enqueue sales@0"
    );
    assert_eq!(
        script.input(40, Input::Queued { queue: queue(), since: at(0) }),
        "hear C, play hello.wav",
        "the customer is not answered twice"
    );
}

#[test]
fn supervision_changes_the_matrix_and_nothing_else() {
    let mut script = Script::with_supervisor(SupervisionMode::Monitor);
    for (mode, expected) in [
        (SupervisionMode::Whisper, "hear C A S:Whisper, supervision Whisper"),
        (SupervisionMode::Barge, "hear C A S:Barge, supervision Barge"),
        (SupervisionMode::TakeOver, "hear C A S:TakeOver, supervision TakeOver"),
        (SupervisionMode::Monitor, "hear C A S:Monitor, supervision Monitor"),
    ] {
        let (granted, said) =
            script.ask(30, Request::Supervise { supervisor: user("sara"), mode, leg: SUPERVISOR });
        assert!(matches!(granted, Ok(Granted::Supervision(_))), "{granted:?}");
        assert_eq!(said, expected);
    }
    let (granted, said) = script.ask(31, Request::EndSupervision { supervisor: user("sara") });
    assert_eq!((granted, said.as_str()), (Ok(Granted::Now), "drop supervisor, supervision_ended, hear C A"));
    assert_eq!(
        script.ask(32, Request::EndSupervision { supervisor: user("sara") }).0,
        Err(Refusal::NotSupervising)
    );
}

#[test]
fn a_call_that_was_taken_over_outlives_its_agent() {
    let mut script = Script::with_supervisor(SupervisionMode::TakeOver);
    assert_eq!(
        script.input(30, Input::LegEnded { leg: AGENT, how: LegEnd::HungUp }),
        "drop agent, released 18000 0, acd released wrap_up=true, hear C S:TakeOver"
    );
    assert_eq!(
        script.input(40, Input::LegEnded { leg: SUPERVISOR, how: LegEnd::HungUp }),
        "drop supervisor, supervision_ended, stop record, drop customer, ended SupervisorHungUp, finished"
    );

    let mut script = Script::with_supervisor(SupervisionMode::Barge);
    assert_eq!(
        script.input(30, Input::LegEnded { leg: AGENT, how: LegEnd::HungUp }),
        "drop agent, released 18000 0, acd released wrap_up=true, supervision TakeOver, hear C S:TakeOver"
    );

    let mut script = Script::with_supervisor(SupervisionMode::Monitor);
    assert_eq!(
        script.input(30, Input::LegEnded { leg: AGENT, how: LegEnd::HungUp }),
        "stop record, drop agent, released 18000 0, acd released wrap_up=true, drop customer, drop supervisor, \
         supervision_ended, ended AgentHungUp, finished"
    );
}

#[test]
fn a_supervisor_who_cannot_be_reached_is_told_so() {
    let mut script = Script::talking();
    let request =
        Request::Supervise { supervisor: user("sara"), mode: SupervisionMode::Monitor, leg: SUPERVISOR };
    assert_eq!(script.ask(20, request.clone()).0, Ok(Granted::Later));
    assert_eq!(script.ask(20, request.clone()).0, Err(Refusal::Ringing));
    assert_eq!(
        script.input(25, Input::LegFailed { leg: SUPERVISOR, status: 480 }),
        "drop supervisor, supervision answer false"
    );
    assert_eq!(Script::arrive().ask(1, request).0, Err(Refusal::NotTalking));
}

#[test]
fn hold_ends_when_a_supervisor_takes_over() {
    let mut script = Script::with_supervisor(SupervisionMode::Monitor);
    script.input(30, Input::LegHold { leg: AGENT, held: true });
    let request =
        Request::Supervise { supervisor: user("sara"), mode: SupervisionMode::TakeOver, leg: SUPERVISOR };
    assert_eq!(
        script.ask(31, request).1,
        "hear C A S:TakeOver, quiet, call_resumed, acd hold=false, supervision TakeOver"
    );
}

#[test]
fn a_waiting_call_may_be_hung_up_or_moved_by_a_supervisor() {
    let mut script = Script::arrive();
    script.input(0, Input::Queued { queue: queue(), since: at(0) });
    let target = TransferTarget::Queue { queue: "support".parse().expect("id") };
    let (granted, said) = script.ask(5, Request::Transfer { target, by: user("sara") });
    assert_eq!(granted, Ok(Granted::Now));
    assert_eq!(said, "call_transferred, acd withdraw, music, hear C, acd enqueue support@0");

    let mut script = Script::arrive();
    script.input(0, Input::Queued { queue: queue(), since: at(0) });
    let (granted, said) = script.ask(5, Request::Hangup { by: user("sara") });
    assert_eq!(granted, Ok(Granted::Now));
    assert_eq!(said, "acd withdraw, drop customer, ended SupervisorHungUp, finished");
    assert_eq!(script.ask(6, Request::Hangup { by: user("sara") }).0, Err(Refusal::Ending));
}

#[test]
fn an_announcement_is_repeated_at_its_pace() {
    let mut script = Script::arrive();
    script.input(0, Input::Queued { queue: queue(), since: at(0) });
    assert_eq!(script.machine.deadline(), Some(at(0) + Duration::from_secs(30)));
    script.input(30, Input::Tick);
    assert_eq!(script.machine.deadline(), Some(at(60)));
    assert_eq!(
        script.input(31, Input::PlayDone { leg: CUSTOMER, play: 1 }),
        "",
        "an older prompt was cut off"
    );
    let ended = script.input(32, Input::Shutdown);
    assert_eq!(ended, format!("acd gone, drop customer, ended {:?}, finished", EndCause::Shutdown));
}

#[test]
fn a_waiting_caller_leaves_by_a_key_of_the_queue() {
    let mut info = queue();
    info.waiting.keys.insert('1', LeaveFor::Queue { queue: "support".parse().expect("id") });
    let mut script = Script::arrive();
    let key = |leg, key| Input::Key { leg, key };
    assert_eq!(script.input(0, key(CUSTOMER, '1')), "call_arrived, acd enqueue sales@0", "in no queue yet");
    script.input(0, Input::Queued { queue: info, since: at(0) });
    assert_eq!(script.input(5, key(CUSTOMER, '2')), "", "no key of the queue");
    script.input(10, Input::Ring { offer: OFFER, agent: agent(), leg: AGENT, waited_millis: 10_000 });
    assert_eq!(script.input(12, key(AGENT, '1')), "", "not the caller");
    assert_eq!(script.input(13, key(CUSTOMER, '1')), "acd leave for Queue { queue: support }");
    let to = Destination::Queue { queue: "support".parse().expect("id") };
    assert_eq!(
        script.input(13, Input::Redirected { exit: QueueExit::Overflowed, to }),
        "drop agent, acd enqueue support@0",
        "the place is kept"
    );
}
