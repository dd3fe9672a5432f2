//! Calls that an agent places himself.

use shared::model::agent::State;
use shared::model::queue::QueueInfo;

use super::script::Script;
use super::scripts::one_queue;
use super::{agent, queue};

#[test]
fn a_call_of_his_own_keeps_offers_away() {
    let mut script = one_queue(&["201"]);
    script.run(
        "0  own 9 201           =>
         1  call 1 sales        => queued 1 sales",
    );
    let state = |script: &Script| script.floor.agents[&super::agent_id("201")].state.clone();
    assert_eq!(state(&script), State::Talking { call: super::call_id(9), held: false });
    script.run(
        "5  set 201 lunch       => 201 next lunch
         6  set 201 ready       => 201 next none
         9  own_over 9 201      => ring 1 201 until 29
         10 own 8 201           =>
         11 answer 201          => won 1 201 10000ms; ended 1 201 Answered 2s; left 1 sales Answered 10s",
    );
    assert_eq!(state(&script), State::Talking { call: super::call_id(1), held: false });
}

#[test]
fn a_call_of_his_own_goes_on_after_the_wrap_up() {
    let mut script =
        Script::new(vec![QueueInfo { wrap_up_secs: 10, ..queue("sales") }], vec![agent("201", &["sales"])]);
    script.run(
        "0  call 1 sales        => queued 1 sales; ring 1 201 until 20
         2  answer 201          => won 1 201 2000ms; ended 1 201 Answered 2s; left 1 sales Answered 2s
         3  own 9 201           =>
         20 released 1 201 sales => wrap-up 1 201 until 30
         21 call 2 sales        => queued 2 sales",
    );
    script.acd.handle(super::start() + std::time::Duration::from_secs(30), super::super::Input::Tick);
    assert!(
        !std::iter::from_fn(|| script.acd.poll())
            .any(|output| matches!(output, super::super::Output::Ring { .. })),
        "the wrap-up is over, the call that he placed is not"
    );
    script.run("40 own_over 9 201 => ring 2 201 until 60");
}

#[test]
fn a_call_that_a_colleague_joins_is_the_agent_s_with_its_wrap_up() {
    let mut script = one_queue(&["201", "202"]);
    script.run(
        "0  call 1 sales          => queued 1 sales; ring 1 201 until 20
         2  answer 201            => won 1 201 2000ms; ended 1 201 Answered 2s; left 1 sales Answered 2s
         3  own 9 202             =>
         4  call 2 sales          => queued 2 sales",
    );
    assert!(script.acd.may_take(&super::agent_id("202"), super::call_id(9)));
    assert!(!script.acd.may_take(&super::agent_id("201"), super::call_id(9)), "he has a customer already");
    // 202 is never free on the way from one call to the other.
    script.run(
        "5  taken 1 202 sales     =>
         5  own_over 9 202        =>
         6  released 1 202 sales  => wrap-up 1 202 until 36",
    );
}

#[test]
fn a_call_that_a_colleague_joins_ends_what_the_agent_does() {
    let mut script = one_queue(&["201"]);
    script.run(
        "0  call 1 sales          => queued 1 sales; ring 1 201 until 20
         2  taken 3 201 sales     => cancel 1 201; ended 1 201 Busy 2s
         3  gone 1                => left 1 sales ShortAbandon 3s
         9  released 3 201 sales  => wrap-up 3 201 until 39
         10 taken 4 201 sales     => wrapped 3 201 Forced - 1s",
    );
}

#[test]
fn who_has_taken_a_joined_call_is_offered_none() {
    let mut script = one_queue(&["201"]);
    script.run(
        "0  taken 3 201 sales     =>
         1  call 1 sales          => queued 1 sales
         2  released 3 201 sales  => wrap-up 3 201 until 32",
    );
}

#[test]
fn a_call_that_an_agent_talks_with_does_not_wait_for_another() {
    let mut script = one_queue(&["201", "202"]);
    script.run(
        "0  call 1 sales          => queued 1 sales; ring 1 201 until 20
         2  answer 201            => won 1 201 2000ms; ended 1 201 Answered 2s; left 1 sales Answered 2s
         3  call 1 sales          =>
         9  released 1 201 sales  => wrap-up 1 201 until 39
         9  call 1 sales          => queued 1 sales; ring 1 202 until 29",
    );
}
