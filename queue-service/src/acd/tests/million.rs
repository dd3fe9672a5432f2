//! Long random runs: a million inputs, with all rules of choice, waiting and wrap-up too, and the journal of each run replayed.
//!
//! `CALLFLOOR_PROPERTY_EVENTS=1000000 cargo test --release -p queue-service --lib acd::tests::million` runs the million;
//! without the variable it is as many as a debug build does in some seconds. Each run prints its seed, and
//! `CALLFLOOR_PROPERTY_SEED` runs that one alone.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use shared::model::event::{Event, WrapUpEnd};
use shared::model::queue::QueueInfo;
use shared::model::routing::{Choice, Preferred, Relaxation, Ring, Routing};
use shared::model::rules::{Away, WaitRules, WrapUpMode, WrapUpRules};

use super::super::{Acd, AcdConfig, Input, Output, Told};
use super::property::Run;
use super::property::step::{CALLERS, QUEUES, rich_step, step};
use super::{agent_id, need, queue_id};

/// Inputs of one run.
const STEPS: u64 = 500;
/// Inputs in all when nobody says how many.
const EVENTS: u64 = 12_000;

/// Every choice and every way to ring comes up, every mode of wrap-up, and every reason for which a queue turns calls
/// away or lets them go.
fn rules(version: u64, queues: &mut [QueueInfo]) {
    let place = (version % 4) as usize;
    for queue in queues {
        let number = QUEUES.iter().position(|name| *name == queue.id.as_str()).expect("one of three");
        queue.routing = routing(place, number);
        queue.waiting = waiting(place, number);
        queue.wrap_up = wrap_up(place, number);
        if number == 1 && place == 0 {
            // Closed for a minute in every five.
            queue.hours =
                (0..11).map(|part| format!("Mon 10:{:02}-10:{:02}", part * 5, part * 5 + 4)).collect();
            queue.waiting.holidays = vec!["2026-03-02 10:22-10:24".into()];
        }
    }
}

fn routing(place: usize, queue: usize) -> Routing {
    let choices = [
        [Choice::Random, Choice::RoundRobin, Choice::TopDown],
        [Choice::FewestCalls, Choice::LeastTalkTime, Choice::WeightedRandom],
        [Choice::LeastOccupied, Choice::LongestIdle, Choice::Random],
        [Choice::WeightedRandom, Choice::FewestCalls, Choice::RoundRobin],
    ];
    let rings = [Ring::One, Ring::All, Ring::Progressive];
    let also = |after_secs, queue| Relaxation { after_secs, skills: None, also: vec![queue_id(queue)] };
    let lower = Relaxation { after_secs: 20, skills: Some(vec![need("dutch", 1)]), also: vec![] };
    let relax = [vec![also(10, "vip")], vec![lower, also(30, "sales")], vec![]];
    let own = Preferred { caller: CALLERS[0].into(), agent: agent_id("203"), wait_secs: 15 };
    Routing {
        choice: choices[place][queue],
        ring: rings[(queue + place) % 3],
        ring_next_secs: 3,
        relax: relax[queue].clone(),
        level_wait_secs: if queue == 2 { 10 } else { 0 },
        last_agent_secs: if queue == 0 { 20 } else { 0 },
        preferred: if queue == 1 { vec![own] } else { vec![] },
        place_kept_secs: 60,
    }
}

fn waiting(place: usize, queue: usize) -> WaitRules {
    let away = vec![Away::Offline, Away::NotReady, Away::NoPhone];
    let refuse_when_all = if queue == 2 { away.clone() } else { vec![] };
    let leave_when_all = match (place + queue) % 3 {
        0 => away,
        1 => vec![Away::Offline, Away::NotReady, Away::NoPhone, Away::CoolDown, Away::WrapUp],
        _ => vec![],
    };
    let leave_after_secs = 7 * queue as u32;
    WaitRules {
        refuse_when_all,
        leave_when_all,
        leave_after_secs,
        serve_after_closing: false,
        ..WaitRules::default()
    }
}

fn wrap_up(place: usize, queue: usize) -> WrapUpRules {
    let modes =
        [WrapUpMode::TimeBoxed, WrapUpMode::Discretionary, WrapUpMode::Optional, WrapUpMode::NoEarlyExit];
    let mode = modes[(place + queue) % 4];
    WrapUpRules { mode, code_required: queue == 0, extend_secs: 10, extensions: 2 }
}

fn events() -> u64 {
    let asked = std::env::var("CALLFLOOR_PROPERTY_EVENTS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(EVENTS)
}

/// The name of what shall come up in the runs with all rules.
fn what(output: &Output) -> Option<String> {
    match output {
        Output::Publish(Event::CallLeftQueue { exit, .. }) => Some(format!("{exit:?}")),
        Output::Publish(Event::CallCoded { .. }) => Some("coded".into()),
        Output::Publish(Event::WrapUpExtended { .. }) => Some("extended".into()),
        Output::Publish(Event::WrapUpEnded { how: WrapUpEnd::TimedOut, .. }) => Some("timed out".into()),
        _ => None,
    }
}

fn long_runs(plain: bool) {
    let runs = (events() / STEPS / 2).max(1);
    let (mut inputs, mut offers) = (0, 0);
    let mut seen = BTreeSet::new();
    let only = std::env::var("CALLFLOOR_PROPERTY_SEED").ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = (0..runs).map(|number| number * 2 + u64::from(plain));
    let seeds = match only {
        Some(seed) => (seed..=seed).filter(|seed| (seed % 2 == 1) == plain).collect::<Vec<_>>(),
        None => seeds.collect(),
    };
    let runs = seeds.len() as u64;
    for seed in seeds {
        println!("seed {seed}, {} rules", if plain { "plain" } else { "all" });
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let plain_steps = (0..8_000_u64, step());
        let rich_steps = (0..8_000_u64, rich_step());
        let mut run = Run::new(None, (!plain).then_some(rules as _));
        run.index_every = 16;
        for _ in 0..STEPS {
            let (wait_millis, step) = match plain {
                true => plain_steps.new_tree(&mut runner).expect("a step").current(),
                false => rich_steps.new_tree(&mut runner).expect("a step").current(),
            };
            run.step(wait_millis, &step);
        }
        let run = run.finish();
        // The journal of it: the same outputs, and the same floor.
        let mut again = Acd::new(AcdConfig::default(), 0);
        let mut outputs = Vec::new();
        inputs += run.told.len();
        seen.extend(run.outputs.iter().filter_map(what));
        seen.extend(run.told.iter().filter_map(|(_, told)| {
            matches!(told, Told::Input { input: Input::Taken { .. } }).then_some("taken".into())
        }));
        for (at, told) in run.told {
            again.tell(at, told);
            outputs.extend(std::iter::from_fn(|| again.poll()));
        }
        offers += outputs.iter().filter(|output| matches!(output, Output::Ring { .. })).count();
        assert!(outputs == run.outputs, "seed {seed}: the replay says something else");
        assert_eq!(again, *run.acd, "seed {seed}: the replay ends with another floor");
    }
    println!("{inputs} inputs in {runs} runs, {offers} offers");
    assert!(offers as u64 >= runs * 10, "little happened");
    if !plain && only.is_none() {
        let all = ["Answered", "Abandoned", "ShortAbandon", "Overflowed", "TimedOut", "Closed", "Full"];
        for wanted in all.into_iter().chain(["coded", "extended", "timed out", "taken"]) {
            assert!(seen.contains(wanted), "{wanted} never happened: {seen:?}");
        }
    }
}

#[test]
fn the_plain_rules_hold_in_long_runs_and_their_journals_replay() {
    long_runs(true);
}

#[test]
fn all_rules_of_choice_hold_in_long_runs_and_their_journals_replay() {
    long_runs(false);
}
