//! Long random runs: a million inputs, with the rules of choice too, and the journal of each run replayed.
//!
//! `CALLFLOOR_PROPERTY_EVENTS=1000000 cargo test --release -p queue-service --lib acd::tests::million` runs the million;
//! without the variable it is as many as a debug build does in some seconds. Each run prints its seed, and
//! `CALLFLOOR_PROPERTY_SEED` runs that one alone.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use shared::model::routing::{Choice, Relaxation, Ring, Routing};

use super::super::{Acd, AcdConfig};
use super::property::{Run, step};
use super::{need, queue_id};

/// Inputs of one run.
const STEPS: u64 = 500;
/// Inputs in all when nobody says how many.
const EVENTS: u64 = 12_000;

/// Every choice and every way to ring comes up.
fn rules(version: u64) -> [Routing; 3] {
    let choices = [
        [Choice::Random, Choice::RoundRobin, Choice::TopDown],
        [Choice::FewestCalls, Choice::LeastTalkTime, Choice::WeightedRandom],
        [Choice::LeastOccupied, Choice::LongestIdle, Choice::Random],
        [Choice::WeightedRandom, Choice::FewestCalls, Choice::RoundRobin],
    ];
    let rings = [Ring::One, Ring::All, Ring::Progressive];
    let place = (version % 4) as usize;
    let routing = |queue: usize, relax: Vec<Relaxation>| Routing {
        choice: choices[place][queue],
        ring: rings[(queue + place) % 3],
        ring_next_secs: 3,
        relax,
        level_wait_secs: if queue == 2 { 10 } else { 0 },
        last_agent_secs: if queue == 0 { 20 } else { 0 },
        place_kept_secs: 60,
        ..Routing::default()
    };
    let also = |after_secs, queue| Relaxation { after_secs, skills: None, also: vec![queue_id(queue)] };
    let lower = Relaxation { after_secs: 20, skills: Some(vec![need("dutch", 1)]), also: vec![] };
    [routing(0, vec![also(10, "vip")]), routing(1, vec![lower, also(30, "sales")]), routing(2, vec![])]
}

fn events() -> u64 {
    let asked = std::env::var("CALLFLOOR_PROPERTY_EVENTS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(EVENTS)
}

fn long_runs(plain: bool) {
    let runs = (events() / STEPS / 2).max(1);
    let (mut inputs, mut offers) = (0, 0);
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
        let steps = (0..8_000_u64, step());
        let mut run = Run::new(None, (!plain).then_some(rules as _));
        run.index_every = 16;
        for _ in 0..STEPS {
            let (wait_millis, step) = steps.new_tree(&mut runner).expect("a step").current();
            run.step(wait_millis, &step);
        }
        let run = run.finish();
        // The journal of it: the same outputs, and the same floor.
        let mut again = Acd::new(AcdConfig::default(), 0);
        let mut outputs = Vec::new();
        inputs += run.told.len();
        for (at, told) in run.told {
            again.tell(at, told);
            outputs.extend(std::iter::from_fn(|| again.poll()));
        }
        offers += outputs.iter().filter(|output| matches!(output, super::super::Output::Ring { .. })).count();
        assert!(outputs == run.outputs, "seed {seed}: the replay says something else");
        assert_eq!(again, *run.acd, "seed {seed}: the replay ends with another floor");
    }
    println!("{inputs} inputs in {runs} runs, {offers} offers");
    assert!(offers as u64 >= runs * 10, "little happened");
}

#[test]
fn the_plain_rules_hold_in_long_runs_and_their_journals_replay() {
    long_runs(true);
}

#[test]
fn all_rules_of_choice_hold_in_long_runs_and_their_journals_replay() {
    long_runs(false);
}
