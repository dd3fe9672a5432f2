//! Random runs with callbacks: whatever happens, nobody is dialled without an agent, not more often than he may be, by one
//! agent at a time; and whoever asked is reached, given up with a word, or still on the list.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use shared::id::{AgentId, CallId};
use shared::model::agent::{ChangedBy, State};
use shared::model::call::OfferOutcome;
use shared::model::callback::{CallbackChange, CallbackFirst, CallbackRules, NotReached};
use shared::model::event::Event;

use super::super::tests::{agent, agent_id, call_id, configure, queue_id};
use super::super::{FailedOffer, Input, Output};
use super::tests::{Run, sales};

const AGENTS: [&str; 3] = ["201", "202", "203"];
const ATTEMPTS: u8 = 3;

#[derive(Debug, Clone)]
enum Step {
    Call(u8),
    Ask(usize),
    HangUp(usize),
    Answer,
    Refuse,
    Reached,
    Missed(NotReached),
    Release(usize),
    Set(usize, bool),
    SignOut(usize),
    Cancel(usize),
    Configure(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let missed = prop_oneof![Just(NotReached::Busy), Just(NotReached::NoAnswer), Just(NotReached::Failed)];
    let who = 0..AGENTS.len();
    prop_oneof![
        6 => (0..5_u8).prop_map(Step::Call),
        6 => (0..8_usize).prop_map(Step::Ask),
        1 => (0..8_usize).prop_map(Step::HangUp),
        6 => Just(Step::Answer),
        1 => Just(Step::Refuse),
        4 => Just(Step::Reached),
        3 => missed.prop_map(Step::Missed),
        5 => who.clone().prop_map(Step::Release),
        5 => (who.clone(), any::<bool>()).prop_map(|(who, ready)| Step::Set(who, ready)),
        1 => who.prop_map(Step::SignOut),
        1 => (0..8_usize).prop_map(Step::Cancel),
        1 => any::<bool>().prop_map(Step::Configure),
    ]
}

struct Rules {
    callback: CallbackRules,
    hours: Vec<String>,
}

/// What the outputs so far say, judged one by one.
#[derive(Default)]
struct Judge {
    seen: usize,
    /// Callbacks and how often each was dialled.
    open: BTreeMap<CallId, u8>,
    asked: u64,
    over: u64,
    /// Calls of callbacks that are dialled, with the agent who is on them or reserved.
    dialled: BTreeMap<CallId, AgentId>,
    ringing: BTreeMap<CallId, BTreeSet<AgentId>>,
    /// The callback of each call.
    calls: BTreeMap<CallId, CallId>,
}

impl Judge {
    fn look(&mut self, run: &Run) {
        let outputs = &run.outputs[self.seen..];
        for output in outputs {
            match output {
                Output::Publish(Event::Callback { callback, change, .. }) => self.change(*callback, change),
                Output::Publish(Event::OfferMade { call, agent, .. }) => {
                    let ringing = self.ringing.entry(*call).or_default();
                    ringing.insert(agent.clone());
                    assert!(ringing.len() <= 1, "one phone at a time");
                }
                Output::Publish(Event::OfferEnded { call, agent, outcome, .. }) => {
                    if let Some(ringing) = self.ringing.get_mut(call) {
                        ringing.remove(agent);
                    }
                    if *outcome != OfferOutcome::Answered {
                        self.dialled.remove(call);
                    }
                }
                _ => {}
            }
        }
        self.seen = run.outputs.len();
        for (call, agent) in &self.dialled {
            let state = run.acd.agents.get(agent).map(|agent| agent.state.clone());
            let has = matches!(&state, Some(State::Talking { call: known, .. } | State::Offered { call: known, .. }) if known == call);
            assert!(has, "{call} is dialled for {agent}, who is {state:?}");
        }
        assert_eq!(run.acd.callbacks(), self.open.len());
        assert_eq!(run.floor.callbacks.len(), self.open.len());
        assert_eq!(self.asked, self.over + self.open.len() as u64, "totals add up");
        for (id, known) in &run.acd.agents {
            assert_eq!(run.floor.agents[id].state, known.state, "the floor knows {id} as the ACD does");
        }
        run.acd.check_watch(run.now);
    }

    fn change(&mut self, callback: CallId, change: &CallbackChange) {
        match change {
            CallbackChange::Requested { .. } => {
                self.asked += 1;
                assert_eq!(self.open.insert(callback, 0), None);
            }
            CallbackChange::Offered { .. } => assert!(self.open.contains_key(&callback)),
            CallbackChange::Dialled { call, agent, attempt } => {
                let attempts = self.open.get_mut(&callback).expect("open");
                *attempts += 1;
                assert_eq!(attempts, attempt);
                assert!(*attempt <= ATTEMPTS, "not more often");
                assert!(!self.dialled.values().any(|other| other == agent), "one call an agent");
                self.calls.insert(*call, callback);
                self.dialled.insert(*call, agent.clone());
            }
            CallbackChange::Attempted { call, .. } => {
                assert!(self.open.contains_key(&callback));
                self.dialled.remove(call);
            }
            CallbackChange::Ended { .. } => {
                self.over += 1;
                assert!(self.open.remove(&callback).is_some(), "over once");
                // Who is reached talks; whose callback is cancelled is let go by the machine.
                let calls = &self.calls;
                self.dialled.retain(|call, _| calls.get(call) != Some(&callback));
            }
        }
    }
}

fn configuration(rules: &Rules, with_callbacks: bool) -> Input {
    let mut queue = sales(rules.callback.clone());
    queue.hours.clone_from(&rules.hours);
    if !with_callbacks {
        queue.callback = None;
    }
    configure(1, vec![queue], AGENTS.iter().map(|name| agent(name, &["sales"])).collect())
}

fn play(first: CallbackFirst, steps: &[(u64, Step)]) -> Run {
    let callback = CallbackRules {
        first,
        attempts: ATTEMPTS,
        retry_secs: 40,
        ring_secs: 20,
        expire_secs: 3_000,
        max_open: 4,
        ..CallbackRules::default()
    };
    let rules = Rules { callback, hours: vec!["Mon 09:00-10:20".into(), "Mon 10:30-24:00".into()] };
    let mut run = Run::new(&AGENTS, sales(rules.callback.clone()));
    run.input(configuration(&rules, true));
    let mut judge = Judge::default();
    let mut calls = 0_u64;
    for (secs, step) in steps {
        run.pass(*secs);
        judge.look(&run);
        match step {
            Step::Call(number) => {
                calls += 1;
                run.call_in(calls, &format!("+49{number}"));
            }
            Step::Ask(which) => {
                let waiting: Vec<_> = run
                    .acd
                    .waiting
                    .iter()
                    .filter(|(_, waiting)| waiting.recall.is_none())
                    .map(|(call, waiting)| (*call, waiting.caller.clone().unwrap_or_default()))
                    .collect();
                if let Some((call, number)) = waiting.get(which % waiting.len().max(1)) {
                    run.ask(call.as_u64(), number);
                }
            }
            Step::HangUp(which) => {
                let waiting: Vec<CallId> = run.acd.waiting.keys().copied().collect();
                if let Some(call) = waiting.get(which % waiting.len().max(1)) {
                    run.input(Input::CallerGone { call: *call });
                }
            }
            Step::Answer => {
                if let Some((_, offer)) = run.offers.last().cloned() {
                    let _ = run.acd.answered(run.now, offer);
                    run.drain();
                }
            }
            Step::Refuse => {
                if let Some((_, offer)) = run.offers.last().cloned() {
                    run.input(Input::OfferFailed { offer, outcome: FailedOffer::Rejected });
                }
            }
            Step::Reached => {
                run.input(Input::CallbackReached { call: run.call });
            }
            Step::Missed(outcome) => {
                run.input(Input::CallbackFailed { call: run.call, outcome: *outcome });
            }
            Step::Release(who) => release(&mut run, who),
            Step::Set(who, ready) => {
                use shared::api::agents::WantedStatus;
                let wanted =
                    if *ready { WantedStatus::Ready } else { WantedStatus::NotReady { reason: None } };
                let _ = run.acd.set_status(run.now, &agent_id(AGENTS[*who]), wanted, ChangedBy::Agent);
                run.drain();
            }
            Step::SignOut(who) => {
                run.input(Input::SignedOut { agent: agent_id(AGENTS[*who]) });
            }
            Step::Cancel(which) => {
                let open: Vec<CallId> = run.acd.callbacks.keys().copied().collect();
                if let Some(callback) = open.get(which % open.len().max(1)) {
                    let by = "sue".parse().expect("a user");
                    run.input(Input::CancelCallback { callback: *callback, by, reason: "why not".into() });
                }
            }
            Step::Configure(with) => {
                run.input(configuration(&rules, *with));
            }
        }
        judge.look(&run);
    }
    // In the end everything is over by itself.
    run.pass(48 * 3_600);
    judge.look(&run);
    assert!(run.acd.offers.is_empty(), "every lease ends");
    run
}

fn release(run: &mut Run, who: &usize) {
    let agent = agent_id(AGENTS[*who]);
    let state = run.acd.agents.get(&agent).map(|agent| agent.state.clone());
    let Some(State::Talking { call, .. }) = state else { return };
    // The machine tells the end of a callback first.
    run.input(Input::CallbackFailed { call, outcome: NotReached::AgentGone });
    let (talk_millis, hold_millis) = (0, 0);
    run.publish(&Event::AgentReleased { call, agent: agent.clone(), talk_millis, hold_millis });
    run.publish(&Event::CallEnded { call, cause: shared::model::call::EndCause::AgentHungUp });
    run.input(Input::Released { call, agent, queue: queue_id("sales"), wrap_up: true });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn the_rules_hold_with_callbacks(
        steps in vec((0..400_u64, step()), 1..60),
        customer in any::<bool>(),
    ) {
        let first = if customer { CallbackFirst::Customer } else { CallbackFirst::Agent };
        let one = play(first, &steps);
        prop_assert_eq!(&one.outputs, &play(first, &steps).outputs, "nothing depends on chance");
    }
}

#[test]
fn a_number_of_nobody_is_no_call() {
    let mut run = play(CallbackFirst::Agent, &[]);
    assert_eq!(run.input(Input::CallbackReached { call: call_id(77) }), "");
}
