//! Wrap-up in its four modes.

use shared::model::queue::QueueInfo;
use shared::model::rules::{WrapUpMode, WrapUpRules};

use super::script::Script;
use super::{agent, queue};

fn with(rules: WrapUpRules) -> Script {
    let sales = QueueInfo { wrap_up: rules, ..queue("sales") };
    let mut script = Script::new(vec![sales], vec![agent("201", &["sales"])]);
    script.run(
        "0  call 1 sales         => queued 1 sales; ring 1 201 until 20
         1  answer 201           => won 1 201 1000ms; ended 1 201 Answered 1s; left 1 sales Answered 1s",
    );
    script
}

fn mode(mode: WrapUpMode) -> Script {
    with(WrapUpRules { mode, ..WrapUpRules::default() })
}

#[test]
fn optional_wrap_up_keeps_nobody_and_takes_a_code_until_the_next_call() {
    mode(WrapUpMode::Optional).run(
        "10 released 1 201 sales =>
         12 wrapped 201 sold     => end wrap-up with code sold: queue sales does not have it
         13 wrapped 201 solved   => coded 1 201 solved
         14 wrapped 201 solved   => find wrap-up of agent 201: the agent is not in wrap-up
         20 call 2 sales         => queued 2 sales; ring 2 201 until 40
         21 answer 201           => won 2 201 1000ms; ended 2 201 Answered 1s; left 2 sales Answered 1s
         30 released 2 201 sales =>
         31 call 3 sales         => queued 3 sales; ring 3 201 until 51
         32 wrapped 201 solved   => coded 2 201 solved
         33 answer 201           => won 3 201 2000ms; ended 3 201 Answered 2s; left 3 sales Answered 2s
         40 released 3 201 sales =>
         41 call 4 sales         => queued 4 sales; ring 4 201 until 61
         42 answer 201           => won 4 201 1000ms; ended 4 201 Answered 1s; left 4 sales Answered 1s
         43 wrapped 201 solved   => find wrap-up of agent 201: the agent is not in wrap-up",
    );
}

#[test]
fn discretionary_wrap_up_ends_by_the_agent_alone() {
    mode(WrapUpMode::Discretionary).run(
        "10   released 1 201 sales => wrap-up 1 201 until done
         15   call 2 sales         => queued 2 sales
         4000 more_time 201        => extend wrap-up: queue sales allows it 0 times a call
         4001 wrapped 201 solved   => wrapped 1 201 Coded solved 3991s; ring 2 201 until 4021",
    );
}

#[test]
fn time_boxed_wrap_up_may_end_early_and_runs_out_with_a_code_that_says_so() {
    mode(WrapUpMode::TimeBoxed).run(
        "10 released 1 201 sales => wrap-up 1 201 until 40
         12 wrapped 201 -        => wrapped 1 201 Coded - 2s
         20 call 2 sales         => queued 2 sales; ring 2 201 until 40
         21 answer 201           => won 2 201 1000ms; ended 2 201 Answered 1s; left 2 sales Answered 1s
         30 released 2 201 sales => wrap-up 2 201 until 60
         60 wait                 => @60 wrapped 2 201 TimedOut wrap-up-time-out 30s",
    );
}

#[test]
fn wrap_up_without_early_exit_lasts_its_whole_time_unless_a_supervisor_ends_it() {
    mode(WrapUpMode::NoEarlyExit).run(
        "10 released 1 201 sales     => wrap-up 1 201 until 40
         12 wrapped 201 -            => end wrap-up 28 s early: in queue sales it lasts its whole time
         13 wrapped 201 solved       =>
         40 wait                     => @40 wrapped 1 201 Coded solved 30s
         50 call 2 sales             => queued 2 sales; ring 2 201 until 70
         51 answer 201               => won 2 201 1000ms; ended 2 201 Answered 1s; left 2 sales Answered 1s
         60 released 2 201 sales     => wrap-up 2 201 until 90
         70 wrapped 201 - by mia     => wrapped 2 201 Forced - 10s
         71 call 3 sales             => queued 3 sales; ring 3 201 until 91
         72 answer 201               => won 3 201 1000ms; ended 3 201 Answered 1s; left 3 sales Answered 1s
         80 released 3 201 sales     => wrap-up 3 201 until 110
         110 wait                    => @110 wrapped 3 201 TimedOut wrap-up-time-out 30s",
    );
}

#[test]
fn a_required_code_is_asked_of_the_agent_and_not_of_a_supervisor() {
    let rules = || WrapUpRules { code_required: true, ..WrapUpRules::default() };
    with(rules()).run(
        "10 released 1 201 sales     => wrap-up 1 201 until 40
         12 wrapped 201 -            => end wrap-up without a code: queue sales requires one
         13 wrapped 201 solved       => wrapped 1 201 Coded solved 3s",
    );
    with(rules()).run(
        "10 released 1 201 sales     => wrap-up 1 201 until 40
         12 wrapped 201 - by mia     => wrapped 1 201 Forced - 2s",
    );
}

#[test]
fn wrap_up_is_extended_as_often_as_the_queue_allows_for_each_call() {
    let rules = WrapUpRules { extend_secs: 60, extensions: 2, ..WrapUpRules::default() };
    with(rules).run(
        "10  more_time 201        => find wrap-up of agent 201: the agent is not in wrap-up
         10  released 1 201 sales => wrap-up 1 201 until 40
         39  more_time 201        => extended 1 201 until 100
         99  more_time 201        => extended 1 201 until 160
         100 more_time 201        => extend wrap-up: queue sales allows it 2 times a call
         120 call 2 sales         => queued 2 sales
         160 wait                 => @160 wrapped 1 201 TimedOut wrap-up-time-out 150s; ring 2 201 until 180
         161 answer 201           => won 2 201 41000ms; ended 2 201 Answered 1s; left 2 sales Answered 41s
         170 released 2 201 sales => wrap-up 2 201 until 200
         171 more_time 201        => extended 2 201 until 260",
    );
}
