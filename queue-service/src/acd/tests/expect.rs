//! The expected wait.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use shared::id::{AgentId, CallId};
use shared::model::queue::QueueInfo;
use shared::time::Timestamp;

use super::super::{Acd, AcdConfig, Output};
use super::script::Script;
use super::{Input, agent, call_id, configure, queue, queue_id, start};

/// Ten calls of 100 s each by one agent, without wrap-up, then the clock stands at 2000.
fn experienced(names: &[&str]) -> Script {
    let sales = QueueInfo { wrap_up_secs: 0, ..queue("sales") };
    let agents = names.iter().map(|name| agent(name, &["sales"])).collect();
    let mut script = Script::new(vec![sales], agents);
    for number in 0..10 {
        let at = number * 150;
        let name = names[number % names.len()];
        script.run(&format!(
            "{at} call {number} sales => queued {number} sales; ring {number} {name} until {}
             {at} answer {name} => won {number} {name} 0ms; ended {number} {name} Answered 0s; left {number} sales Answered 0s
             {} dropped {number} {name} sales =>",
            at + 20,
            at + 100
        ));
    }
    script
}

fn wait(script: &Script, at: u64, call: Option<u64>) -> Option<(u32, u32)> {
    let now = super::start() + std::time::Duration::from_secs(at);
    let expected = script.acd.expected_wait(now, &queue_id("sales"), call.map(call_id))?;
    Some((expected.p50_secs, expected.p90_secs))
}

#[test]
fn nothing_is_foreseen_from_nothing() {
    let sales = QueueInfo { wrap_up_secs: 0, ..queue("sales") };
    let mut script = Script::new(vec![sales], vec![agent("201", &["sales"])]);
    assert_eq!(wait(&script, 0, None), None, "no call was handled yet");
    script.run("0 set 201 lunch => 201 is lunch");
    assert_eq!(wait(&script, 0, None), None);
    let mut script = experienced(&["201"]);
    script.run("2000 set 201 lunch => 201 is lunch");
    assert_eq!(wait(&script, 2_000, None), None, "nobody takes calls");
    assert_eq!(script.acd.expected_wait(super::start(), &queue_id("none"), None), None);
}

#[test]
fn calls_of_the_same_length_are_foreseen_to_the_second() {
    let mut script = experienced(&["201"]);
    assert_eq!(wait(&script, 2_000, None), Some((0, 0)), "he is free");
    script.run(
        "2000 call 20 sales => queued 20 sales; ring 20 201 until 2020
         2000 answer 201    => won 20 201 0ms; ended 20 201 Answered 0s; left 20 sales Answered 0s
         2010 call 21 sales => queued 21 sales
         2020 call 22 sales => queued 22 sales",
    );
    assert_eq!(wait(&script, 2_040, Some(21)), Some((60, 60)), "what is left of the call before");
    assert_eq!(wait(&script, 2_040, Some(22)), Some((160, 160)));
    assert_eq!(wait(&script, 2_040, None), Some((260, 260)));
    assert_eq!(wait(&script, 2_150, Some(21)), Some((0, 0)), "it is longer than any: about to end");
}

#[test]
fn two_agents_halve_the_wait() {
    let mut script = experienced(&["201", "202"]);
    script.run(
        "2000 call 20 sales => queued 20 sales; ring 20 201 until 2020
         2000 answer 201    => won 20 201 0ms; ended 20 201 Answered 0s; left 20 sales Answered 0s
         2050 call 21 sales => queued 21 sales; ring 21 202 until 2070
         2050 answer 202    => won 21 202 0ms; ended 21 202 Answered 0s; left 21 sales Answered 0s
         2060 call 22 sales => queued 22 sales
         2060 call 23 sales => queued 23 sales
         2060 call 24 sales => queued 24 sales",
    );
    let waits: Vec<_> = [22, 23, 24].iter().map(|call| wait(&script, 2_060, Some(*call))).collect();
    assert_eq!(waits, [Some((40, 40)), Some((90, 90)), Some((140, 140))]);
}

#[test]
fn callers_who_hang_up_make_the_wait_shorter() {
    let mut script = experienced(&["201"]);
    script.run(
        "2000 call 20 sales => queued 20 sales; ring 20 201 until 2020
         2000 answer 201    => won 20 201 0ms; ended 20 201 Answered 0s; left 20 sales Answered 0s",
    );
    for call in 30..36 {
        script.run(&format!("2001 call {call} sales => queued {call} sales"));
    }
    let patient = wait(&script, 2_001, None).expect("a wait");
    script.run(
        "2011 gone 30 => left 30 sales Abandoned 10s
         2011 gone 31 => left 31 sales Abandoned 10s
         2011 call 40 sales => queued 40 sales
         2011 call 41 sales => queued 41 sales",
    );
    let hasty = wait(&script, 2_011, None).expect("a wait");
    assert_eq!(patient, (699, 699));
    assert!(hasty.0 < 200 && hasty.1 < 400, "{hasty:?}");
}

#[test]
fn the_same_moment_is_foreseen_the_same_way() {
    let script = experienced(&["201"]);
    assert_eq!(wait(&script, 2_000, None), wait(&script, 2_000, None));
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Arrival,
    End(CallId, AgentId),
}

/// A floor that the forecast has never seen: calls come at random, take a random time, and nobody hangs up. Half of the
/// calls that have to wait are answered within the p50, and nine of ten within the p90, give or take what the mistakes of
/// 200 remembered calls may do.
#[test]
fn forecasts_hold_as_often_as_they_say() {
    let mut random = StdRng::seed_from_u64(11);
    let exponential = |random: &mut StdRng, mean_secs: f64| {
        Duration::from_secs_f64(-(1.0 - random.random::<f64>()).ln() * mean_secs)
    };
    let sales = QueueInfo { wrap_up_secs: 0, max_waiting: 1_000, ..queue("sales") };
    let names = ["201", "202", "203", "204"];
    let mut acd = Acd::new(AcdConfig::default(), 3);
    acd.handle(start(), configure(1, vec![sales], names.map(|name| agent(name, &["sales"])).to_vec()));
    let mut next = BinaryHeap::from([Reverse((start(), Next::Arrival))]);
    let mut forecasts: BTreeMap<CallId, (Timestamp, u32, u32)> = BTreeMap::new();
    let (mut calls, mut foreseen, mut within) = (0, 0, [0, 0]);
    while let Some(Reverse((now, what))) = next.pop() {
        match what {
            Next::Arrival => {
                calls += 1;
                if calls < 3_000 {
                    next.push(Reverse((now + exponential(&mut random, 60.0), Next::Arrival)));
                }
                let (call, queue) = (call_id(calls), queue_id("sales"));
                acd.handle(now, Input::Enqueue { call, queue, since: now, only: None, caller: None });
                let expected = acd.expected_wait(now, &queue_id("sales"), Some(call));
                // From the moment at which as many calls are remembered as ever will be.
                if let Some(expected) = expected.filter(|expected| calls > 210 && expected.p90_secs > 0) {
                    forecasts.insert(call, (now, expected.p50_secs, expected.p90_secs));
                }
            }
            Next::End(call, agent) => {
                acd.handle(now, Input::Released { call, agent, queue: queue_id("sales"), wrap_up: true });
            }
        }
        while let Some(output) = acd.poll() {
            let Output::Ring { call, agent, offer, .. } = output else { continue };
            acd.answered(now, offer).expect("the only offer");
            next.push(Reverse((now + exponential(&mut random, 180.0), Next::End(call, agent))));
            if let Some((since, p50_secs, p90_secs)) = forecasts.remove(&call) {
                let waited = now.since(since);
                foreseen += 1;
                within[0] += u32::from(waited <= Duration::from_secs(p50_secs.into()));
                within[1] += u32::from(waited <= Duration::from_secs(p90_secs.into()));
            }
        }
    }
    assert!(foreseen > 1_000, "{foreseen} calls had to wait");
    let share = |count: u32| f64::from(count) / f64::from(foreseen);
    let (half, most) = (share(within[0]), share(within[1]));
    println!("{foreseen} calls had to wait: {half:.3} within the p50, {most:.3} within the p90");
    assert!((0.42..0.58).contains(&half), "{half} within the p50");
    assert!((0.84..0.96).contains(&most), "{most} within the p90");
}
