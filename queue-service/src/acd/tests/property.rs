//! Random scripts: whatever happens in whatever order, the rules hold and nothing depends on chance.

mod own;
pub(super) mod step;

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use shared::api::agents::WantedStatus;
use shared::id::{AgentId, CallId, OfferId};
use shared::model::agent::{ChangedBy, Device, State};
use shared::model::call::{EndCause, Party, QueueExit};
use shared::model::event::Event;
use shared::model::queue::{Destination, QueueInfo};
use shared::model::routing::Serves;
use shared::time::Timestamp;

use super::super::state::Agent;
use super::super::{Acd, AcdConfig, FailedOffer, Input, Output, Told, Witnessed};
use super::floor_oracle::Oracle;
use super::{agent_id, call_id, queue_id, start};
use own::own_call;
use step::{AGENTS, CALLERS, QUEUES, Step, configuration, step};

/// Gives the queues more rules, by the configuration's number. The oracle of the facts alone knows the plainest ones.
type Rules = fn(u64, &mut [QueueInfo]);

pub(super) struct Run {
    pub(super) acd: Witnessed,
    oracle: Oracle,
    rules: Option<Rules>,
    /// The last input.
    last: Option<Input>,
    now: Timestamp,
    pub(super) outputs: Vec<Output>,
    /// What the journal would have of inputs.
    pub(super) told: Vec<(Timestamp, Told)>,
    last_offer: [Option<OfferId>; AGENTS.len()],
    /// Save and load at every fourth step, from this one on.
    save_from: Option<u32>,
    drained: u32,
    /// The index is made anew and compared at every so many steps.
    pub(super) index_every: u32,
}

impl Run {
    pub(super) fn new(save_from: Option<u32>, rules: Option<Rules>) -> Run {
        let mut run = Run {
            acd: Witnessed::new(start(), AcdConfig::default(), 99),
            oracle: Oracle::new(rules.is_some()),
            rules,
            last: None,
            told: Vec::new(),
            now: start(),
            outputs: Vec::new(),
            last_offer: [None; AGENTS.len()],
            save_from,
            drained: 0,
            index_every: 1,
        };
        run.input(run.configuration(0));
        run
    }

    fn configuration(&self, version: u64) -> Input {
        let mut input = configuration(version);
        if let (Input::Configure { queues, agents, .. }, Some(rules)) = (&mut input, self.rules) {
            rules(version, queues);
            // Profiles: who serves a queue second, later, or as a helper.
            if let Some(info) = agents.first_mut() {
                let second = Serves { priority: 2, delay_secs: 15, weight: 3, ..Serves::default() };
                info.serves.insert(queue_id("tech"), second);
            }
            if let Some(info) = agents.get_mut(1) {
                info.serves.insert(queue_id("vip"), Serves { level: 2, position: 2, ..Serves::default() });
            }
        }
        input
    }

    pub(super) fn input(&mut self, input: Input) {
        if let Input::Configure { agents, .. } = &input {
            self.oracle.configured(agents);
        }
        // After loading there are ticks more, which must not change what comes twice.
        if input != Input::Tick {
            self.last = Some(input.clone());
        }
        self.acd.handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        self.drained += 1;
        if self.save_from.is_some_and(|from| self.drained % 4 == from % 4) {
            let text = serde_json::to_string(&*self.acd).expect("saved");
            let again: Acd = serde_json::from_str(&text).expect("loaded");
            assert_eq!(again, *self.acd);
            self.acd.replace(again);
        }
        self.told.extend(std::iter::from_fn(|| self.acd.take_told()));
        while let Some(output) = self.acd.poll() {
            if let Output::Ring { agent, offer, .. } = &output
                && let Some(who) = AGENTS.iter().position(|name| *name == agent.as_str())
            {
                self.last_offer[who] = Some(*offer);
            }
            self.oracle.output(self.now, &output);
            self.outputs.push(output);
        }
    }

    fn arrive(&mut self, call: CallId) {
        if !self.oracle.floor.calls.contains_key(&call) {
            let (from, dialled) = (Party::default(), "100".into());
            self.oracle.publish(self.now, &Event::CallArrived { call, from, dialled, trunk: None });
        }
    }

    /// The customer of a queue with whom he talks.
    fn talk_of(&self, who: usize) -> Option<CallId> {
        match &self.oracle.floor.agents.get(&agent_id(AGENTS[who]))?.state {
            State::Talking { call, .. } => Some(*call).filter(|call| *call < own_call(0)),
            State::Idle | State::Offered { .. } | State::WrapUp { .. } => None,
        }
    }

    /// The agent's part is over, as the call machine tells it.
    fn release(&mut self, who: usize, wrap_up: bool) {
        let Some(call) = self.talk_of(who) else { return };
        let agent = agent_id(AGENTS[who]);
        let queue = self.oracle.floor.tally.serving[&agent].clone();
        let (talk_millis, hold_millis) = (0, 0);
        self.oracle.publish(
            self.now,
            &Event::AgentReleased { call, agent: agent.clone(), talk_millis, hold_millis },
        );
        self.input(Input::Released { call, agent, queue, wrap_up });
    }

    pub(super) fn step(&mut self, wait_millis: u64, step: &Step) {
        let to = self.now + Duration::from_millis(wait_millis);
        // Every other wait the ticks come late, all at once.
        while let Some(due) = self.acd.deadline().filter(|due| *due <= to) {
            self.now = if wait_millis.is_multiple_of(2) { self.now.max(due) } else { to };
            self.input(Input::Tick);
        }
        self.now = to;
        let id = |who: &usize| agent_id(AGENTS[*who]);
        match step {
            Step::Enqueue { call, queue, back_secs, only } => {
                let call = call_id(*call);
                self.arrive(call);
                if let Some(who) = (0..AGENTS.len()).find(|who| self.talk_of(*who) == Some(call)) {
                    self.release(who, true);
                }
                let (queue, only) = (queue_id(QUEUES[*queue]), only.as_ref().map(id));
                let since = self.now - Duration::from_secs(*back_secs);
                self.input(Input::Enqueue { call, queue, since, only, caller: None });
            }
            Step::Gone(call) => {
                let call = call_id(*call);
                self.input(Input::CallerGone { call });
                let talks = (0..AGENTS.len()).any(|who| self.talk_of(who) == Some(call));
                if !talks && self.oracle.floor.calls.contains_key(&call) {
                    self.oracle.publish(self.now, &Event::CallEnded { call, cause: EndCause::Abandoned });
                }
            }
            Step::Withdraw(call) => {
                self.input(Input::Withdraw { call: call_id(*call), exit: QueueExit::Withdrawn });
            }
            Step::Fail(who, outcome) => {
                if let Some(offer) = self.last_offer[*who] {
                    self.input(Input::OfferFailed { offer, outcome: *outcome });
                }
            }
            Step::Answer(who) => {
                let Some(offer) = self.last_offer[*who] else { return };
                let rings = self.oracle.floor.agents.get(&id(who)).is_some_and(
                    |view| matches!(&view.state, State::Offered { offer: live, .. } if *live == offer),
                );
                let won = self.acd.answered(self.now, offer);
                self.drain();
                assert_eq!(won.is_ok(), rings, "a ringing phone wins, any other loses");
                if let Ok(won) = won {
                    assert_eq!(won.agent, id(who));
                    let (call, queue, agent) = (won.call, won.queue, won.agent);
                    let (wait_millis, setup_millis) = (won.wait_millis, 5);
                    self.oracle.publish(
                        self.now,
                        &Event::CallConnected { call, queue, agent, wait_millis, setup_millis },
                    );
                }
            }
            Step::Release(who, wrap_up) => self.release(*who, *wrap_up),
            Step::Set(who, wanted) => {
                let _ = self.acd.set_status(self.now, &id(who), wanted.clone(), ChangedBy::Agent);
                self.drain();
            }
            Step::EndWrapUp(who) => {
                let _ = self.acd.end_wrap_up(self.now, &id(who), None, None, ChangedBy::Agent);
                self.drain();
            }
            Step::Device(who, there) => {
                let app = Device::App { contact: "sip:app".into() };
                let device = if *there { app } else { Device::None };
                self.input(Input::Device { agent: id(who), device });
            }
            Step::SignIn(who) => self.input(Input::SignedIn { agent: id(who) }),
            Step::SignOut(who) => self.input(Input::SignedOut { agent: id(who) }),
            Step::Presence(who, connected) => {
                self.input(Input::Presence { agent: id(who), connected: *connected });
            }
            Step::Hold(who, held) => {
                if let Some(call) = self.talk_of(*who) {
                    let agent = id(who);
                    if *held {
                        self.oracle.publish(self.now, &Event::CallHeld { call });
                        self.input(Input::Held { call, agent });
                    } else {
                        self.oracle.publish(self.now, &Event::CallResumed { call });
                        self.input(Input::Resumed { call, agent });
                    }
                }
            }
            Step::Configure(version) => self.input(self.configuration(*version)),
            Step::Tick => self.input(Input::Tick),
            Step::Day => self.input(Input::DayStarted),
            Step::Call { call, queue, caller } => {
                let call = call_id(*call);
                if (0..AGENTS.len()).all(|who| self.talk_of(who) != Some(call)) {
                    self.arrive(call);
                    let (queue, since) = (queue_id(QUEUES[*queue]), self.now);
                    let caller = CALLERS.get(*caller).map(|number| (*number).to_owned());
                    self.input(Input::Enqueue { call, queue, since, only: None, caller });
                }
            }
            Step::Leave(call, to) => {
                let to = match to {
                    Some(queue) => Destination::Queue { queue: queue_id(QUEUES[*queue]) },
                    None => Destination::Reject { status: 480 },
                };
                self.input(Input::LeaveFor { call: call_id(*call), to });
            }
            Step::Code(who, known, own) => {
                let code = if *known { "solved" } else { "unheard-of" }.parse().ok();
                let by = match own {
                    true => ChangedBy::Agent,
                    false => ChangedBy::User("chief".parse().expect("a user")),
                };
                let ended = self.acd.end_wrap_up(self.now, &id(who), code, None, by);
                assert!(*known || ended.is_err(), "a code that the queue does not have");
                self.drain();
            }
            Step::Extend(who) => {
                let _ = self.acd.extend_wrap_up(self.now, &id(who));
                self.drain();
            }
            Step::Own(who, colleague) => self.place(*who, colleague.filter(|other| other != who)),
            Step::OwnOver(who) => self.hang_up(own_call(*who)),
            Step::Join(who, other) => self.join(*who, *other),
            Step::Bad(kind, number) => self.bad(*kind, *number),
        }
        self.check();
    }

    /// None of this changes anybody's state.
    fn bad(&mut self, kind: u8, number: u64) {
        let (stranger, call) = (agent_id("999"), call_id(900 + number));
        let offer = OfferId::from_u64(number);
        let before = self.acd.agents.clone();
        match kind {
            0 => {
                let (agent, queue) = (stranger, queue_id("sales"));
                self.input(Input::Released { call, agent, queue, wrap_up: true });
            }
            1 => {
                self.arrive(call);
                let (queue, since) = (queue_id("nowhere"), self.now);
                self.input(Input::Enqueue { call, queue, since, only: Some(stranger), caller: None });
                let redirect = matches!(
                    self.outputs.last(),
                    Some(Output::Redirect { to: Destination::Reject { status: 404 }, .. })
                );
                assert!(redirect, "a queue that is not there refuses");
                self.oracle.publish(self.now, &Event::CallEnded { call, cause: EndCause::Lost });
            }
            2 => self.input(Input::OfferFailed { offer, outcome: FailedOffer::Busy }),
            3 => {
                assert!(self.acd.answered(self.now, offer).is_err());
                self.drain();
            }
            4 => self.input(Input::Presence { agent: stranger, connected: false }),
            5 => {
                let reason = Some("nap".parse().expect("a code"));
                let wanted = WantedStatus::NotReady { reason };
                let who = agent_id(AGENTS[number as usize % AGENTS.len()]);
                assert!(self.acd.set_status(self.now, &who, wanted, ChangedBy::Agent).is_err());
                assert!(self.acd.end_wrap_up(self.now, &stranger, None, None, ChangedBy::Agent).is_err());
                self.drain();
            }
            6 => self.input(Input::CallerGone { call }),
            // An hour back: it is still now.
            7 => {
                self.acd.handle(self.now - Duration::from_secs(3_600), Input::Tick);
                self.drain();
            }
            8 => self.input(Input::Held { call, agent: agent_id(AGENTS[number as usize % AGENTS.len()]) }),
            _ => {
                match self.last.clone() {
                    // A call that comes again while it is there; or one that ended, as a new one.
                    Some(Input::Enqueue { call, queue, since, only, caller }) => {
                        self.arrive(call);
                        self.input(Input::Enqueue { call, queue, since, only, caller });
                    }
                    // The signalling tells the end of a talk once; twice it is nothing.
                    Some(input) => self.input(input),
                    None => {}
                }
                return;
            }
        }
        let known = |agents: &std::collections::BTreeMap<AgentId, Agent>| -> Vec<_> {
            agents.iter().map(|(id, known)| (id.clone(), known.status.clone(), known.next.clone())).collect()
        };
        assert_eq!(
            known(&before),
            known(&self.acd.agents),
            "bad input of kind {kind} changes nobody's status"
        );
    }

    fn check(&self) {
        self.oracle.check_rest(self.now, self.acd.deadline());
        self.acd.check_watch(self.now);
        if self.drained.is_multiple_of(self.index_every) {
            self.acd.check_index();
        }
        let floor = &self.oracle.floor;
        for (id, known) in &self.acd.agents {
            let view = &floor.agents[id];
            assert_eq!(
                (&view.status, &view.next_status, &view.state, &view.device),
                (&known.status, &known.next, &known.state, &known.device),
                "the floor knows {id} as the ACD does"
            );
        }
        assert_eq!(floor.agents.len(), self.acd.agents.len());
        assert_eq!(floor.queues.len(), self.acd.queues.len());
    }

    /// Ends everything and counts.
    pub(super) fn finish(mut self) -> Run {
        // Nobody does anything any more: every lease ends.
        let end = self.now + Duration::from_secs(24 * 3_600);
        while let Some(due) = self.acd.deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.input(Input::Tick);
        }
        assert!(self.acd.offers.is_empty(), "an offer outlives everything");
        for call in self.oracle.waiting() {
            self.input(Input::CallerGone { call });
        }
        let (mut came, mut went) = (0_u64, 0_u64);
        for view in self.oracle.floor.queues.values() {
            let counts = &view.counts;
            came += counts.entered;
            went += counts.closed + counts.full;
            went += counts.answered()
                + counts.abandoned_short
                + counts.abandoned_in_target
                + counts.abandoned_late
                + counts.overflowed
                + counts.timed_out
                + counts.withdrawn
                + counts.callback_taken
                + counts.failed;
        }
        let mut open = std::collections::BTreeMap::new();
        let mut turned_away = 0;
        for output in &self.outputs {
            match output {
                Output::Publish(Event::CallQueued { call, queue, .. }) => {
                    assert_eq!(open.insert(*call, queue.clone()), None);
                }
                Output::Publish(Event::CallLeftQueue { call, queue, exit, .. }) => match open.remove(call) {
                    Some(entered) => assert_eq!(entered, *queue),
                    None => {
                        let at_the_door = [QueueExit::Closed, QueueExit::Full, QueueExit::Overflowed];
                        assert!(
                            at_the_door.contains(exit),
                            "{call} leaves {queue} as {exit:?}, where it was not"
                        );
                        turned_away += 1;
                    }
                },
                _ => {}
            }
        }
        // Of queues that are gone nobody counts any more.
        let gone =
            self.outputs.iter().any(|output| matches!(output, Output::Publish(Event::QueueRemoved { .. })));
        assert!(
            came + turned_away == went || gone,
            "{came} came and {turned_away} were turned away, {went} went"
        );
        assert!(open.is_empty(), "who enters a queue leaves it");
        for view in self.oracle.floor.queues.values() {
            assert!(view.counts.answered() <= view.counts.entered);
        }
        self
    }
}

fn run(steps: &[(u64, Step)], save_from: Option<u32>) -> Vec<Output> {
    let mut run = Run::new(save_from, None);
    for (wait_millis, step) in steps {
        run.step(*wait_millis, step);
    }
    run.finish().outputs
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_rules_hold_whatever_happens(steps in vec((0..12_000_u64, step()), 1..70), save_from in 0..4_u32) {
        let outputs = run(&steps, None);
        prop_assert_eq!(&outputs, &run(&steps, Some(save_from)), "saved and loaded on the way");
    }
}

#[test]
fn who_is_free_for_long_stays_free() {
    // An hour without calls: no deadline keeps the service awake.
    let mut run = Run::new(None, None);
    run.now += Duration::from_secs(3600);
    run.input(Input::Tick);
    assert_eq!(run.acd.deadline(), None);
    let ids: Vec<AgentId> = run.acd.agents.keys().cloned().collect();
    assert_eq!(ids.len(), AGENTS.len());
}
