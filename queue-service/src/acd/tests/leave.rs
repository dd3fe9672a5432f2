//! Queues that turn calls away or let them go: nobody there, closing time.

use shared::model::agent::{AgentInfo, Capacity};
use shared::model::queue::{Destination, QueueInfo};
use shared::model::rules::{Away, WaitRules};

use super::script::Script;
use super::{agent, queue, queue_id};

fn person(name: &str) -> AgentInfo {
    AgentInfo { ready_on_start: false, ..agent(name, &["sales"]) }
}

fn with(rules: WaitRules, agents: Vec<AgentInfo>) -> Script {
    let when_empty = Destination::Announce { prompt: "nobody.wav".into() };
    let sales = QueueInfo { waiting: WaitRules { when_empty, ..rules }, ..queue("sales") };
    Script::new(vec![sales], agents)
}

#[test]
fn nobody_signed_in_turns_calls_away_and_only_when_the_list_says_so() {
    let refuse = |states: &[Away]| WaitRules { refuse_when_all: states.to_vec(), ..WaitRules::default() };
    with(refuse(&[Away::Offline, Away::NotReady]), vec![person("201"), person("202")]).run(
        "0 call 1 sales    => left 1 sales Overflowed 0s; redirect 1 sales Overflowed to nobody.wav
         1 sign_in 201     => 201 is signed-in
         2 call 2 sales    => left 2 sales Overflowed 0s; redirect 2 sales Overflowed to nobody.wav
         3 set 201 ready   => 201 is ready
         4 call 3 sales    => queued 3 sales; ring 3 201 until 24
         5 call 4 sales    => queued 4 sales",
    );
    with(refuse(&[Away::Offline]), vec![person("201")]).run(
        "0 call 1 sales    => left 1 sales Overflowed 0s; redirect 1 sales Overflowed to nobody.wav
         1 sign_in 201     => 201 is signed-in
         2 call 2 sales    => queued 2 sales",
    );
    // Who has no slot for calls is as good as not there.
    let no_slot = AgentInfo { capacity: Capacity { voice: 0 }, ..agent("201", &["sales"]) };
    with(refuse(&[Away::Offline]), vec![no_slot])
        .run("0 call 1 sales    => left 1 sales Overflowed 0s; redirect 1 sales Overflowed to nobody.wav");
    with(refuse(&[Away::Offline]), vec![])
        .run("0 call 1 sales    => left 1 sales Overflowed 0s; redirect 1 sales Overflowed to nobody.wav");
}

#[test]
fn a_call_for_one_agent_is_not_turned_away() {
    let rules = WaitRules { refuse_when_all: vec![Away::Talking], ..WaitRules::default() };
    with(rules, vec![agent("201", &["sales"])]).run(
        "0 call 1 sales           => queued 1 sales; ring 1 201 until 20
         1 answer 201             => won 1 201 1000ms; ended 1 201 Answered 1s; left 1 sales Answered 1s
         2 call 2 sales           => left 2 sales Overflowed 0s; redirect 2 sales Overflowed to nobody.wav
         3 transfer 3 sales 3 201 => queued 3 sales for 201",
    );
}

#[test]
fn waiting_calls_leave_when_nobody_is_there_for_a_while() {
    let away = vec![Away::Offline, Away::NotReady, Away::NoPhone];
    let rules = || WaitRules { leave_when_all: away.clone(), leave_after_secs: 30, ..WaitRules::default() };
    with(rules(), vec![agent("201", &["sales"])]).run(
        "0   call 1 sales    => queued 1 sales; ring 1 201 until 20
         1   answer 201      => won 1 201 1000ms; ended 1 201 Answered 1s; left 1 sales Answered 1s
         5   call 2 sales    => queued 2 sales
         100 set 201 lunch   => 201 next lunch
         110 dropped 1 201 sales => 201 next none; 201 is lunch
         120 call 3 sales    => queued 3 sales
         130 set 201 ready   => 201 is ready; ring 2 201 until 150
         131 reject 201      => ended 2 201 Rejected 1s
         132 set 201 lunch   => 201 is lunch
         140 call 4 sales    => queued 4 sales
         162 wait            => @162 left 2 sales Overflowed 157s; redirect 2 sales Overflowed to nobody.wav; left 3 sales Overflowed 42s; redirect 3 sales Overflowed to nobody.wav
         170 wait            => @170 left 4 sales Overflowed 30s; redirect 4 sales Overflowed to nobody.wav",
    );
}

#[test]
fn calls_leave_at_closing_time_unless_they_are_still_served() {
    for serve in [true, false] {
        let rules = WaitRules { serve_after_closing: serve, ..WaitRules::default() };
        let sales = QueueInfo { hours: vec!["Mon 10:00-10:10".into()], waiting: rules, ..queue("sales") };
        let mut script = Script::new(vec![sales], vec![agent("201", &["sales"]), person("202")]);
        script.run(
            "0   call 1 sales  => queued 1 sales; ring 1 201 until 20
             1   answer 201    => won 1 201 1000ms; ended 1 201 Answered 1s; left 1 sales Answered 1s
             590 call 2 sales  => queued 2 sales
             595 sign_in 202   => 202 is signed-in
             596 set 202 ready => 202 is ready; ring 2 202 until 616
             597 call 3 sales  => queued 3 sales",
        );
        script.run(match serve {
            true => {
                "601 call 4 sales => left 4 sales Closed 0s; redirect 4 sales Closed to closed.wav
                 602 answer 202   => won 2 202 12000ms; ended 2 202 Answered 6s; left 2 sales Answered 12s
                 700 dropped 1 201 sales => ring 3 201 until 720"
            }
            false => {
                "600 wait       => @600 left 3 sales Closed 3s; redirect 3 sales Closed to closed.wav
                 616 wait       => @616 cancel 2 202; ended 2 202 Missed 20s; 202 is missed(2); left 2 sales Closed 26s; redirect 2 sales Closed to closed.wav"
            }
        });
    }
}

#[test]
fn a_waiting_call_keeps_the_rules_that_it_came_with() {
    let rules =
        WaitRules { leave_when_all: vec![Away::Offline], leave_after_secs: 30, ..WaitRules::default() };
    let mut script = with(rules, vec![person("201")]);
    script.run("0 call 1 sales => queued 1 sales");
    script.input(super::configure(2, vec![queue("sales")], vec![person("201")]));
    script.run(
        "20 call 2 sales => queue sales; queued 2 sales
         30 wait         => @30 left 1 sales Overflowed 30s; redirect 1 sales Overflowed to nobody.wav
         90 wait         =>",
    );
    assert!(script.acd.is_waiting(super::call_id(2)), "{}", queue_id("sales"));
}

#[test]
fn a_caller_leaves_by_a_key_and_blames_nobody() {
    let full = QueueInfo { max_waiting: 0, ..queue("small") };
    let mut script = Script::new(
        vec![queue("sales"), queue("tech"), full],
        vec![agent("201", &["sales"]), agent("300", &["tech"])],
    );
    script.run(
        "0 call 1 sales  => queued 1 sales; ring 1 201 until 20
         5 key 1 tech    => cancel 1 201; ended 1 201 CallerGone 5s; left 1 sales Overflowed 5s; redirect 1 sales Overflowed to tech
         5 key 1 tech    =>
         6 call 2 sales  => queued 2 sales; ring 2 201 until 26
         7 key 2 small   => cancel 2 201; ended 2 201 CallerGone 1s; left 2 sales Overflowed 1s; left 2 small Full 0s; redirect 2 sales Overflowed to 486",
    );
}
