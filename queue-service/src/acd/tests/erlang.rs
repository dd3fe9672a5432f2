//! The real router on a long day of random calls, where everybody picks up at once and nobody hangs up. Its waits must
//! be, to the millisecond, those of plain arithmetic over the same calls, and that arithmetic must agree with the theory
//! of queues (Erlang C).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use shared::id::CallId;
use shared::model::event::{Event, Stamped};
use shared::model::floor::Floor;
use shared::model::queue::QueueInfo;
use shared::time::Timestamp;

use super::super::{Acd, AcdConfig, Input, Output};
use super::{agent, agent_id, call_id, configure, queue, queue_id, start};

const CALLS: u64 = 3_000;
const CALLS_PER_SEC: f64 = 100.0 / 1800.0;
const TALK_SECS: f64 = 180.0;
const ARRIVALS: u64 = 42;
const TALKS: u64 = 4711;

/// Uniform numbers in (0, 1] from a seed (SplitMix64).
struct Chance(u64);

impl Chance {
    fn exponential_secs(&mut self, mean_secs: f64) -> Duration {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        let uniform = ((mixed >> 11) + 1) as f64 / (1_u64 << 53) as f64;
        Duration::from_secs_f64(-uniform.ln() * mean_secs)
    }
}

/// Share of calls answered within 20 s and average wait in seconds, by Erlang C.
fn theory(agents: usize) -> (f64, f64) {
    let load = CALLS_PER_SEC * TALK_SECS;
    let spare = agents as f64 - load;
    let (mut term, mut sum) = (1.0, 0.0);
    for place in 0..agents {
        sum += term;
        term *= load / (place + 1) as f64;
    }
    let last = term * agents as f64 / spare;
    let waits = last / (sum + last);
    (1.0 - waits * (-spare * 20.0 / TALK_SECS).exp(), waits * TALK_SECS / spare)
}

/// Waits of calls in milliseconds, by arithmetic: each one goes to the agent who is free first.
fn waits_by_hand(agents: usize, calls: u64) -> Vec<u64> {
    let (mut arrivals, mut talks) = (Chance(ARRIVALS), Chance(TALKS));
    let mut free: BinaryHeap<Reverse<Timestamp>> = (0..agents).map(|_| Reverse(start())).collect();
    let mut arrival = start();
    (0..calls)
        .map(|_| {
            let begin = free.pop().expect("agents").0.max(arrival);
            free.push(Reverse(begin + talks.exponential_secs(TALK_SECS)));
            let wait = begin.millis_since(arrival);
            arrival += arrivals.exponential_secs(1.0 / CALLS_PER_SEC);
            wait
        })
        .collect()
}

#[test]
fn arithmetic_agrees_with_the_theory() {
    for (agents, wanted) in [(12, 64.02), (13, 79.56), (14, 88.84)] {
        let waits = waits_by_hand(agents, 300_000);
        let (level, wait_secs) = theory(agents);
        assert!((level * 100.0 - wanted).abs() < 0.01, "the formula itself, against a table");
        let in_time = waits.iter().filter(|wait| **wait <= 20_000).count() as f64 / waits.len() as f64;
        let average = waits.iter().sum::<u64>() as f64 / waits.len() as f64 / 1000.0;
        // Waits of neighbouring calls go together: the spread is that of some thousand independent ones.
        assert!((in_time - level).abs() < 0.04, "{agents}: {in_time} is not {level}");
        assert!((average / wait_secs - 1.0).abs() < 0.15, "{agents}: {average} is not {wait_secs}");
    }
}

struct Center {
    acd: Acd,
    floor: Floor,
    durations: Chance,
    waits: BTreeMap<CallId, u64>,
    /// Ends of talks: when, with whom, who; the earliest on top.
    talks: BinaryHeap<Reverse<(Timestamp, CallId, String)>>,
    now: Timestamp,
}

impl Center {
    fn publish(&mut self, event: Event) {
        self.floor.apply(&Stamped { seq: self.floor.seq + 1, at: self.now, event });
    }

    fn input(&mut self, input: Input) {
        self.acd.handle(self.now, input);
        while let Some(output) = self.acd.poll() {
            match output {
                Output::Publish(event) => self.publish(event),
                Output::Ring { agent, offer, .. } => {
                    let won = self.acd.answered(self.now, offer).expect("it rings");
                    self.waits.insert(won.call, won.wait_millis);
                    let end = self.now + self.durations.exponential_secs(TALK_SECS);
                    self.talks.push(Reverse((end, won.call, agent.to_string())));
                }
                other => panic!("nothing else may happen here: {other:?}"),
            }
        }
    }

    fn run(agents: usize) -> Center {
        let mut center = Center {
            acd: Acd::new(AcdConfig::default(), 1),
            floor: Floor::default(),
            durations: Chance(TALKS),
            waits: BTreeMap::new(),
            talks: BinaryHeap::new(),
            now: start(),
        };
        let sales = QueueInfo { wrap_up_secs: 0, max_waiting: u32::MAX, ..queue("sales") };
        let staff = (0..agents).map(|number| agent(&format!("{}", 200 + number), &["sales"])).collect();
        center.input(configure(1, vec![sales], staff));
        let mut arrivals = Chance(ARRIVALS);
        let mut arrival = start();
        let mut arrived = 0;
        while arrived < CALLS || !center.talks.is_empty() {
            let ends = center.talks.peek().map(|talk| talk.0.0);
            if arrived < CALLS && ends.is_none_or(|ends| arrival < ends) {
                center.now = arrival;
                arrived += 1;
                let (call, queue) = (call_id(arrived), queue_id("sales"));
                center.input(Input::Enqueue { call, queue, since: arrival, only: None, caller: None });
                arrival += arrivals.exponential_secs(1.0 / CALLS_PER_SEC);
            } else if let Some(Reverse((ends, call, name))) = center.talks.pop() {
                center.now = ends;
                let (agent, queue) = (agent_id(&name), queue_id("sales"));
                let talk_millis = ends.millis_since(center.floor.agents[&agent].state_since);
                let hold_millis = 0;
                center.publish(Event::AgentReleased { call, agent: agent.clone(), talk_millis, hold_millis });
                center.input(Input::Released { call, agent, queue, wrap_up: true });
            }
        }
        center
    }
}

#[test]
fn the_router_gives_each_call_the_wait_of_plain_arithmetic() {
    for agents in [10, 12, 14] {
        let center = Center::run(agents);
        let by_hand = waits_by_hand(agents, CALLS);
        assert_eq!(center.waits.values().copied().collect::<Vec<u64>>(), by_hand);
        let counts = center.floor.queue_report(&queue_id("sales"), center.now).expect("there").counts;
        assert_eq!((counts.entered, counts.answered(), counts.handled), (CALLS, CALLS, CALLS));
        assert_eq!(counts.answered_wait_millis, by_hand.iter().sum::<u64>());
        let in_time = by_hand.iter().filter(|wait| **wait <= 20_000).count() as u64;
        assert_eq!(counts.answered_in_target, in_time);
        let shares: Vec<u64> = center.floor.agents.values().map(|view| view.counts.handled).collect();
        let (least, most) = (shares.iter().min().expect("agents"), shares.iter().max().expect("agents"));
        assert!(*least as f64 > *most as f64 * 0.75, "longest idle shares the work: {shares:?}");
        for agent in center.floor.agents.keys() {
            let counts = center.floor.agent_report(agent, center.now).expect("there").counts;
            let day_millis = center.now.millis_since(start());
            let known = counts.ready_millis + counts.talk_millis;
            // Each stretch is rounded down to its millisecond.
            assert!(day_millis.abs_diff(known) <= 3 * counts.handled + 1, "{known} of {day_millis}");
        }
    }
}
