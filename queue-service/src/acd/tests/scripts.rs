//! The scripts: one situation each.

use shared::model::agent::AgentInfo;
use shared::model::decision::{Exclusion, Trigger};
use shared::model::queue::{Destination, QueueInfo};

use super::super::words;
use super::script::Script;
use super::{agent, configure, need, queue, queue_id};

pub(super) fn one_queue(names: &[&str]) -> Script {
    Script::new(vec![queue("sales")], names.iter().map(|name| agent(name, &["sales"])).collect())
}

/// A person with an app instead of a fixed phone.
fn person(name: &str, queues: &[&str]) -> AgentInfo {
    AgentInfo { contact: None, ready_on_start: false, ..agent(name, queues) }
}

#[test]
fn a_call_goes_to_the_agent_who_is_idle_longest() {
    one_queue(&["201", "202"]).run(
        "0  call 1 sales        => queued 1 sales; ring 1 201 until 20
         3  answer 201          => won 1 201 3000ms; ended 1 201 Answered 3s; left 1 sales Answered 3s
         4  call 2 sales        => queued 2 sales; ring 2 202 until 24
         6  answer 202          => won 2 202 2000ms; ended 2 202 Answered 2s; left 2 sales Answered 2s
         10 dropped 2 202 sales =>
         20 dropped 1 201 sales =>
         30 call 3 sales        => queued 3 sales; ring 3 202 until 50",
    );
}

#[test]
fn a_call_waits_until_somebody_is_ready() {
    let mut script = Script::new(vec![queue("sales")], vec![person("201", &["sales"])]);
    script.run(
        "0  call 1 sales                => queued 1 sales
         1  sign_in 201                 => 201 is signed-in
         2  set 201 ready               => 201 is ready
         3  device 201 sip:201@app      => 201 phone there; ring 1 201 until 23
         4  sign_in 201                 =>
         5  answer 201                  => won 1 201 5000ms; ended 1 201 Answered 2s; left 1 sales Answered 5s",
    );
}

#[test]
fn a_missed_call_keeps_its_place_and_goes_to_the_next_agent() {
    one_queue(&["201", "202"]).run(
        "0  call 1 sales  => queued 1 sales; ring 1 201 until 20
         1  call 2 sales  => queued 2 sales; ring 2 202 until 21
         5  call 3 sales  => queued 3 sales
         15 answer 202    => won 2 202 14000ms; ended 2 202 Answered 14s; left 2 sales Answered 14s
         19 dropped 2 202 sales => ring 3 202 until 39
         20 wait          => @20 cancel 1 201; ended 1 201 Missed 20s; 201 is missed(1)
         25 reject 202    => ended 3 202 Rejected 6s
         35 wait          => @35 ring 1 202 until 55
         36 set 201 ready => 201 is ready; ring 3 201 until 56",
    );
}

#[test]
fn a_missed_call_comes_back_to_the_only_agent_when_he_is_ready_again() {
    one_queue(&["201"]).run(
        "0  call 1 sales  => queued 1 sales; ring 1 201 until 20
         20 wait          => @20 cancel 1 201; ended 1 201 Missed 20s; 201 is missed(1)
         30 set 201 ready => 201 is ready; ring 1 201 until 50
         35 answer 201    => won 1 201 35000ms; ended 1 201 Answered 5s; left 1 sales Answered 35s",
    );
}

#[test]
fn refused_busy_and_unreachable_keep_an_agent_back_for_a_while() {
    one_queue(&["201", "202"]).run(
        "0   call 1 sales    => queued 1 sales; ring 1 201 until 20
         2   reject 201      => ended 1 201 Rejected 2s; ring 1 202 until 22
         3   busy 202        => ended 1 202 Busy 1s
         11  wait            =>
         12  wait            => @12 ring 1 201 until 32
         13  unreachable 201 => ended 1 201 Unreachable 1s
         18  wait            => @18 ring 1 202 until 38
         19  answer 202      => won 1 202 19000ms; ended 1 202 Answered 1s; left 1 sales Answered 19s
         20  call 2 sales    => queued 2 sales
         23  wait            => @23 ring 2 201 until 43",
    );
}

#[test]
fn a_refused_call_goes_back_only_when_nobody_else_is_free() {
    one_queue(&["201", "202"]).run(
        "0  call 1 sales   => queued 1 sales; ring 1 201 until 20
         1  reject 201     => ended 1 201 Rejected 1s; ring 1 202 until 21
         2  reject 202     => ended 1 202 Rejected 1s
         11 wait           => @11 ring 1 201 until 31
         12 call 2 sales   => queued 2 sales; ring 2 202 until 32",
    );
}

#[test]
fn a_caller_who_hangs_up_while_it_rings_blames_nobody() {
    one_queue(&["201"]).run(
        "0  call 1 sales => queued 1 sales; ring 1 201 until 20
         4  gone 1       => cancel 1 201; ended 1 201 CallerGone 4s; left 1 sales ShortAbandon 4s
         5  answer 201   => lost
         6  call 2 sales => queued 2 sales; ring 2 201 until 26
         11 gone 2       => cancel 2 201; ended 2 201 CallerGone 5s; left 2 sales Abandoned 5s
         12 gone 2       =>",
    );
}

#[test]
fn an_answer_counts_once_and_not_after_ringing_out() {
    one_queue(&["201"]).run(
        "0  call 1 sales => queued 1 sales; ring 1 201 until 20
         5  answer 201   => won 1 201 5000ms; ended 1 201 Answered 5s; left 1 sales Answered 5s
         5  answer 201   => lost
         6  reject 201   =>
         30 dropped 1 201 sales =>
         31 call 2 sales => queued 2 sales; ring 2 201 until 51
         51 answer 201   => @51 cancel 2 201; ended 2 201 Missed 20s; 201 is missed(2); lost",
    );
}

#[test]
fn priority_counts_as_waiting() {
    let vip = QueueInfo { priority_secs: 60, ..queue("vip") };
    let mut script = Script::new(vec![queue("sales"), vip], vec![agent("201", &["sales", "vip"])]);
    script.run(
        "0   set 201 lunch => 201 is lunch
         0   call 1 sales  => queued 1 sales
         30  call 2 vip    => queued 2 vip
         70  call 3 vip    => queued 3 vip
         80  set 201 ready => 201 is ready; ring 2 201 until 100
         85  answer 201    => won 2 201 55000ms; ended 2 201 Answered 5s; left 2 vip Answered 55s
         90  dropped 2 201 vip => ring 1 201 until 110
         95  gone 1        => cancel 1 201; ended 1 201 CallerGone 5s; left 1 sales Abandoned 95s; ring 3 201 until 115",
    );
    assert_eq!(script.decisions[0].priority_secs, 60);
    assert_eq!(script.decisions[0].ahead, 0);
}

#[test]
fn a_call_needs_its_skills() {
    let tech = QueueInfo { skills: vec![need("dutch", 3)], ..queue("tech") };
    let speaks = |name: &str, level: u8| AgentInfo {
        skills: [("dutch".parse().expect("skill"), level)].into(),
        ..agent(name, &["tech"])
    };
    let mut script =
        Script::new(vec![tech], vec![agent("201", &["tech"]), speaks("202", 2), speaks("203", 3)]);
    script.run("5 call 1 tech => queued 1 tech; ring 1 203 until 25");
    let said = words(&script.decisions[0], |agent| agent.to_string(), "UTC");
    assert_eq!(
        said,
        "203 was chosen: idle 0:05, the only one free for it; the call had waited 0:00; \
         201 was left out: lacks dutch (needs level 3); \
         202 was left out: has dutch at level 2 (needs 3)"
    );
}

#[test]
fn full_and_closed_queues_send_calls_elsewhere() {
    let small = QueueInfo { max_waiting: 1, ..queue("small") };
    let night = QueueInfo { hours: vec!["Mon-Fri 18:00-22:00".into()], ..queue("night") };
    let mut script = Script::new(vec![small, night], vec![agent("201", &["small"])]);
    script.run(
        "0 call 1 small => queued 1 small; ring 1 201 until 20
         1 call 2 small => left 2 small Full 0s; redirect 2 small Full to 486
         2 answer 201   => won 1 201 2000ms; ended 1 201 Answered 2s; left 1 small Answered 2s
         3 call 3 small => queued 3 small
         4 call 4 small => left 4 small Full 0s; redirect 4 small Full to 486
         5 call 5 night => left 5 night Closed 0s; redirect 5 night Closed to closed.wav
         6 call 6 nowhere => redirect 6 nowhere Failed to 404
         7 transfer 7 small 0 201 => queued 7 small for 201
         28800 call 8 night => queued 8 night",
    );
}

#[test]
fn a_full_queue_takes_a_call_that_somebody_is_free_for() {
    let none = QueueInfo { max_waiting: 0, ..queue("sales") };
    let mut script = Script::new(vec![none], vec![agent("201", &["sales"])]);
    script.run(
        "0 call 1 sales => queued 1 sales; ring 1 201 until 20
         1 call 2 sales => left 2 sales Full 0s; redirect 2 sales Full to 486",
    );
}

#[test]
fn ways_through_closed_queues_are_walked_and_circles_end() {
    let closed = |name: &str, next: &str| QueueInfo {
        hours: vec!["Sun 00:00-01:00".into()],
        when_closed: Destination::Queue { queue: queue_id(next) },
        ..queue(name)
    };
    let queues = vec![closed("a", "b"), closed("b", "a"), closed("c", "d"), queue("d"), closed("e", "x")];
    Script::new(queues, vec![]).run(
        "0 call 1 a => left 1 a Closed 0s; left 1 b Closed 0s; redirect 1 a Closed to 480
         1 call 2 c => left 2 c Closed 0s; redirect 2 c Closed to d
         2 call 3 e => left 3 e Closed 0s; redirect 3 e Closed to 480",
    );
}

#[test]
fn a_call_that_waits_too_long_leaves_but_no_ring_is_cut_short() {
    let patient = QueueInfo { max_wait_secs: 30, ..queue("sales") };
    let mut script = Script::new(vec![patient], vec![agent("201", &["sales"])]);
    script.run(
        "0  set 201 lunch => 201 is lunch
         0  call 1 sales  => queued 1 sales
         30 wait          => @30 left 1 sales TimedOut 30s; redirect 1 sales TimedOut to sorry.wav
         40 call 2 sales  => queued 2 sales
         65 set 201 ready => 201 is ready; ring 2 201 until 85
         75 wait          =>
         80 reject 201    => ended 2 201 Rejected 15s; left 2 sales TimedOut 40s; redirect 2 sales TimedOut to sorry.wav",
    );
}

#[test]
fn wrap_up_ends_by_a_code_by_the_clock_or_by_force() {
    one_queue(&["201"]).run(
        "0   call 1 sales          => queued 1 sales; ring 1 201 until 20
         2   answer 201            => won 1 201 2000ms; ended 1 201 Answered 2s; left 1 sales Answered 2s
         10  wrapped 201 solved    => find wrap-up of agent 201: the agent is not in wrap-up
         20  released 1 201 sales  => wrap-up 1 201 until 50
         21  call 2 sales          => queued 2 sales
         25  wrapped 201 sold      => end wrap-up with code sold: queue sales does not have it
         30  wrapped 201 solved    => wrapped 1 201 Coded solved 10s; ring 2 201 until 50
         31  answer 201            => won 2 201 10000ms; ended 2 201 Answered 1s; left 2 sales Answered 10s
         40  released 2 201 sales  => wrap-up 2 201 until 70
         41  call 3 sales          => queued 3 sales
         70  wait                  => @70 wrapped 2 201 TimedOut wrap-up-time-out 30s; ring 3 201 until 90
         71  answer 201            => won 3 201 30000ms; ended 3 201 Answered 1s; left 3 sales Answered 30s
         75  released 3 201 sales  => wrap-up 3 201 until 105
         76  wrapped 201 - by sara => wrapped 3 201 Forced - 1s
         77  call 4 sales          => queued 4 sales; ring 4 201 until 97
         78  answer 201            => won 4 201 1000ms; ended 4 201 Answered 1s; left 4 sales Answered 1s
         79  released 4 201 sales  => wrap-up 4 201 until 109
         80  wrapped 201 - by 201  => wrapped 4 201 Coded - 1s",
    );
}

#[test]
fn the_next_status_waits_for_the_end_of_the_work() {
    one_queue(&["201"]).run(
        "0  call 1 sales         => queued 1 sales; ring 1 201 until 20
         1  set 201 lunch        => 201 next lunch
         2  set 201 training     => 201 next training
         3  set 201 ready        => 201 next none
         4  set 201 holiday      => set not ready with reason holiday: it is not configured
         5  answer 201           => won 1 201 5000ms; ended 1 201 Answered 5s; left 1 sales Answered 5s
         6  set 201 away         => 201 next lunch
         10 released 1 201 sales => wrap-up 1 201 until 40
         12 call 2 sales         => queued 2 sales
         40 wait                 => @40 wrapped 1 201 TimedOut wrap-up-time-out 30s; 201 next none; 201 is lunch
         50 set 201 away by sara => 201 is supervisor
         51 set 209 ready        => find agent 209: there is none of this name
         60 set 201 ready        => 201 is ready; ring 2 201 until 80
         61 set 201 lunch        => 201 next lunch
         80 wait                 => @80 cancel 2 201; ended 2 201 Missed 20s; 201 next none; 201 is lunch",
    );
}

#[test]
fn signing_out_takes_effect_after_the_call() {
    one_queue(&["201", "202"]).run(
        "0  call 1 sales         => queued 1 sales; ring 1 201 until 20
         1  sign_out 201         => 201 next offline; cancel 1 201; ended 1 201 Rejected 1s; 201 next none; 201 is offline; ring 1 202 until 21
         2  answer 202           => won 1 202 2000ms; ended 1 202 Answered 1s; left 1 sales Answered 2s
         3  sign_out 202         => 202 next offline
         4  sign_in 202          => 202 next none
         5  sign_out 202         => 202 next offline
         10 released 1 202 sales => wrap-up 1 202 until 40
         11 sign_out 202         => wrapped 1 202 Forced - 1s; 202 next none; 202 is offline
         12 sign_in 202          => 202 is signed-in
         13 sign_out 202         => 202 is offline",
    );
}

#[test]
fn a_lost_phone_makes_the_agent_not_ready() {
    let mut script = Script::new(vec![queue("sales")], vec![person("201", &["sales"])]);
    script.run(
        "0  device 201 sip:201@app => 201 phone there
         0  set 201 ready          => 201 is ready
         1  call 1 sales           => queued 1 sales; ring 1 201 until 21
         2  device 201 none        => 201 phone gone; cancel 1 201; ended 1 201 Unreachable 1s; 201 is phone-lost
         5  device 201 sip:201@app => 201 phone there
         20 set 201 ready          => 201 is ready; ring 1 201 until 40
         21 answer 201             => won 1 201 20000ms; ended 1 201 Answered 1s; left 1 sales Answered 20s
         25 device 201 none        => 201 phone gone
         30 dropped 1 201 sales    => 201 is phone-lost
         31 device 201 sip:201@app => 201 phone there
         32 set 201 ready          => 201 is ready
         33 device 201 none        => 201 phone gone; 201 is phone-lost",
    );
}

#[test]
fn a_lost_app_makes_the_agent_not_ready_after_a_grace() {
    one_queue(&["201"]).run(
        "0   feed 201 lost       =>
         40  feed 201 back       =>
         50  feed 201 lost       =>
         95  wait                => @95 201 is connection-lost
         96  feed 201 back       =>
         97  set 201 ready       => 201 is ready
         98  call 1 sales        => queued 1 sales; ring 1 201 until 118
         99  answer 201          => won 1 201 1000ms; ended 1 201 Answered 1s; left 1 sales Answered 1s
         100 feed 201 lost       =>
         145 wait                => @145 201 next connection-lost
         150 feed 201 back       => 201 next none
         160 feed 201 lost       =>
         205 wait                => @205 201 next connection-lost
         210 dropped 1 201 sales => 201 next none; 201 is connection-lost",
    );
}

#[test]
fn a_transfer_keeps_its_place() {
    let mut script = Script::new(
        vec![queue("sales"), queue("tech")],
        vec![agent("201", &["sales"]), agent("202", &["tech"])],
    );
    script.run(
        "0  call 1 sales        => queued 1 sales; ring 1 201 until 20
         1  answer 201          => won 1 201 1000ms; ended 1 201 Answered 1s; left 1 sales Answered 1s
         2  call 2 tech         => queued 2 tech; ring 2 202 until 22
         3  answer 202          => won 2 202 1000ms; ended 2 202 Answered 1s; left 2 tech Answered 1s
         5  call 3 tech         => queued 3 tech
         10 released 1 201 sales => wrap-up 1 201 until 40
         10 transfer 1 tech 0   => queued 1 tech
         20 dropped 2 202 tech  => ring 1 202 until 40
         22 answer 202          => won 1 202 12000ms; ended 1 202 Answered 2s; left 1 tech Answered 12s",
    );
    assert_eq!(script.decisions[2].waited_millis, 20_000, "the agent is shown the whole wait");
}

#[test]
fn a_transfer_to_an_agent_waits_for_him_and_then_for_anybody() {
    let agents = vec![agent("201", &["sales"]), agent("202", &["sales"]), agent("203", &["tech"])];
    let mut script = Script::new(vec![queue("sales"), queue("tech")], agents);
    script.run(
        "0  transfer 1 sales 0 203 => queued 1 sales for 203; ring 1 203 until 20
         1  answer 203             => won 1 203 1000ms; ended 1 203 Answered 1s; left 1 sales Answered 1s
         2  transfer 2 sales 0 203 => queued 2 sales for 203
         9  dropped 1 203 sales    => ring 2 203 until 29
         10 reject 203             => ended 2 203 Rejected 1s; ring 2 201 until 30
         11 answer 201             => won 2 201 9000ms; ended 2 201 Answered 1s; left 2 sales Answered 9s
         12 set 203 lunch          => 203 is lunch
         13 transfer 3 sales 0 203 => queued 3 sales; ring 3 202 until 33",
    );
    assert_eq!(script.decisions[0].rule, "transferred to this agent");
    assert_eq!(script.decisions[0].excluded, vec![], "others were never asked about");
}

#[test]
fn a_supervisor_takes_a_call_out() {
    one_queue(&["201"]).run(
        "0 call 1 sales => queued 1 sales; ring 1 201 until 20
         1 withdraw 1   => cancel 1 201; ended 1 201 CallerGone 1s; left 1 sales Withdrawn 1s
         2 call 2 sales => queued 2 sales; ring 2 201 until 22
         3 call 2 sales => cancel 2 201; ended 2 201 CallerGone 1s; left 2 sales Withdrawn 1s; queued 2 sales; ring 2 201 until 23",
    );
}

#[test]
fn complaint_15_nobody_can_say_why_the_eighth_call_was_first() {
    let mut script = Script::new(
        vec![queue("sales"), queue("tech")],
        ["201", "202", "203", "204"]
            .map(|name| agent(name, &["sales"]))
            .into_iter()
            .chain([agent("300", &["tech"]), person("205", &["sales"])])
            .collect(),
    );
    script.run(
        "0   set 203 lunch        => 203 is lunch
         10  call 1 sales         => queued 1 sales; ring 1 201 until 30
         12  answer 201           => won 1 201 2000ms; ended 1 201 Answered 2s; left 1 sales Answered 2s
         20  released 1 201 sales => wrap-up 1 201 until 50
         21  held 1 201           =>
         30  call 2 sales         => queued 2 sales; ring 2 202 until 50
         31  reject 202           => ended 2 202 Rejected 1s; ring 2 204 until 51",
    );
    let names = |agent: &shared::id::AgentId| format!("Agent {agent}");
    let said: Vec<String> =
        script.decisions.iter().map(|decision| words(decision, names, "Europe/Berlin")).collect();
    assert_eq!(
        said[0],
        "Agent 201 was chosen: idle 0:10, as long as Agent 202, and first by name of 3 (then Agent 202 0:10, \
         Agent 204 0:10); the call had waited 0:00; Agent 203 was left out: not ready (Lunch); \
         Agent 205 was left out: not signed in; Agent 300 was left out: does not serve this queue"
    );
    assert_eq!(
        said[2],
        "Agent 204 was chosen: idle 0:31, the only one free for it; the call had waited 0:01; \
         Agent 201 was left out: in wrap-up until 11:00:50; \
         Agent 202 was left out: kept back until 11:00:41 after an offer that failed; \
         Agent 203 was left out: not ready (Lunch); Agent 205 was left out: not signed in; \
         Agent 300 was left out: does not serve this queue"
    );
    assert_eq!(script.decisions[2].trigger, Trigger::OfferEnded);
    assert_eq!(script.decisions[2].config_version, 1);
}

#[test]
fn who_had_the_call_is_left_out_while_another_is_free() {
    let mut script = one_queue(&["201", "202", "203"]);
    script.run(
        "0  call 1 sales  => queued 1 sales; ring 1 201 until 20
         20 wait          => @20 cancel 1 201; ended 1 201 Missed 20s; 201 is missed(1); ring 1 202 until 40
         21 set 201 ready => 201 is ready
         25 busy 202      => ended 1 202 Busy 5s; ring 1 203 until 45",
    );
    let excluded = &script.decisions[2].excluded;
    assert_eq!(excluded[0].why, Exclusion::AlreadyTried);
}

#[test]
fn a_new_configuration_leaves_waiting_and_talking_alone() {
    let mut script = Script::new(
        vec![queue("sales"), queue("tech")],
        vec![agent("201", &["sales"]), agent("202", &["sales"])],
    );
    script.run(
        "0 call 1 sales => queued 1 sales; ring 1 201 until 20
         1 answer 201   => won 1 201 1000ms; ended 1 201 Answered 1s; left 1 sales Answered 1s
         2 call 2 sales => queued 2 sales; ring 2 202 until 22
         3 call 3 sales => queued 3 sales
         4 call 4 tech  => queued 4 tech",
    );
    let vip = QueueInfo { priority_secs: 600, ..queue("sales") };
    script.input(configure(2, vec![vip], vec![agent("203", &["sales"])]));
    assert_eq!(
        script.outputs(),
        "queue sales; left 4 tech Overflowed 0s; redirect 4 tech Overflowed to closed.wav; no queue tech; \
         cancel 2 202; ended 2 202 CallerGone 2s; no agent 202; \
         agent 203; 203 is ready; 203 phone there; ring 2 203 until 24"
    );
    script.run(
        "5  call 5 sales         => queued 5 sales
         10 released 1 201 sales => no agent 201
         11 dropped 1 201 sales  =>
         12 answer 203           => won 2 203 10000ms; ended 2 203 Answered 8s; left 2 sales Answered 10s
         13 dropped 2 203 sales  => ring 5 203 until 33",
    );
    assert_eq!(script.decisions[2].config_version, 2);
    script.input(configure(3, vec![queue("sales")], vec![agent("203", &["sales"])]));
    assert_eq!(script.outputs(), "queue sales", "only what changed is published");
}

#[test]
fn a_hold_is_the_talk_s_own() {
    let mut script = one_queue(&["201"]);
    script.run(
        "0 call 1 sales  => queued 1 sales; ring 1 201 until 20
         1 held 1 201    =>
         2 answer 201    => won 1 201 2000ms; ended 1 201 Answered 2s; left 1 sales Answered 2s
         3 held 1 201    =>
         4 resumed 1 201 =>
         5 held 2 201    =>",
    );
    let text = serde_json::to_string(&script.acd).expect("json");
    assert!(text.contains("\"held\":false"), "{text}");
}

#[test]
fn a_late_tick_works_off_everything() {
    let mut script = one_queue(&["201", "202"]);
    script.run(
        "0 call 1 sales => queued 1 sales; ring 1 201 until 20
         1 call 2 sales => queued 2 sales; ring 2 202 until 21",
    );
    script.acd.handle(super::start() + std::time::Duration::from_secs(100), super::super::Input::Tick);
    let mut missed = 0;
    while let Some(output) = script.acd.poll() {
        missed += usize::from(matches!(output, super::super::Output::CancelRing { .. }));
    }
    assert_eq!(missed, 2);
    assert_eq!(script.acd.deadline(), None);
}
