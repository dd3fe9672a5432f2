//! Callers and agents around the ACD.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use shared::api::agents::WantedStatus;
use shared::id::{AgentId, CallId, OfferId, QueueId};
use shared::model::agent::{AgentInfo, ChangedBy};
use shared::model::call::QueueExit;
use shared::model::event::{Event, Stamped};
use shared::model::queue::{Code, Destination, QueueInfo};
use shared::time::Timestamp;

use crate::acd::{Acd, AcdConfig, Input, Output, Witnessed};
use crate::replay::source::Line;

/// A call that is to come.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedCall {
    /// Its id.
    pub call: CallId,
    /// When it comes.
    pub at: Timestamp,
    /// To which queue.
    pub queue: QueueId,
    /// Since when it counts as waiting.
    pub since: Timestamp,
    /// How long an agent talks.
    pub talk: Duration,
    /// How long he wraps up, if the queue lets him.
    pub wrap_up: Duration,
    /// How long the caller waits at most; none for ever.
    pub patience: Option<Duration>,
    /// The number that the caller presents.
    pub caller: Option<String>,
}

/// How a call's time in a queue ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// The call.
    pub call: CallId,
    /// The queue.
    pub queue: QueueId,
    /// When the call came.
    pub arrived_at: Timestamp,
    /// How.
    pub exit: QueueExit,
    /// In the queue, in milliseconds.
    pub wait_millis: u64,
    /// The threshold of the queue's service level, in milliseconds.
    pub target_millis: u64,
    /// Who answered.
    pub agent: Option<AgentId>,
}

/// What is told of a run as it goes.
pub trait Outcome {
    /// A call left a queue.
    fn ended(&mut self, ending: Ending);
    /// An agent was at work from then, for so long.
    fn worked(&mut self, from: Timestamp, length: Duration);
}

/// Something that happens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Status(AgentId, u8),
    Answer(OfferId),
    Released { call: CallId, agent: AgentId, queue: QueueId },
    WrappedUp { agent: AgentId, call: CallId },
    HangUp(CallId),
}

/// The virtual floor.
pub struct World {
    acd: Witnessed,
    now: Timestamp,
    start: Timestamp,
    next: BinaryHeap<Reverse<(Timestamp, Next)>>,
    calls: BTreeMap<CallId, PlannedCall>,
    targets: BTreeMap<QueueId, u64>,
    answer_after: Duration,
    /// What a journal would have; none when nobody wants to know.
    journal: Option<Vec<Line>>,
    facts: u64,
}

impl World {
    /// A floor at a moment.
    pub fn new(
        config: AcdConfig,
        queues: Vec<QueueInfo>,
        agents: Vec<AgentInfo>,
        breaks: Vec<Code>,
        start: Timestamp,
        seed: u64,
    ) -> World {
        World::begin(Witnessed::unseen(config, seed), queues, agents, breaks, start, None)
    }

    /// A floor that keeps a journal, as the service does.
    pub fn with_journal(
        config: AcdConfig,
        queues: Vec<QueueInfo>,
        agents: Vec<AgentInfo>,
        breaks: Vec<Code>,
        start: Timestamp,
        seed: u64,
    ) -> World {
        let acd = Witnessed::new(start, config, seed);
        World::begin(acd, queues, agents, breaks, start, Some(Vec::new()))
    }

    fn begin(
        acd: Witnessed,
        queues: Vec<QueueInfo>,
        agents: Vec<AgentInfo>,
        breaks: Vec<Code>,
        start: Timestamp,
        journal: Option<Vec<Line>>,
    ) -> World {
        let targets =
            queues.iter().map(|queue| (queue.id.clone(), u64::from(queue.target_secs) * 1000)).collect();
        let mut world = World {
            acd,
            now: start,
            start,
            next: BinaryHeap::new(),
            calls: BTreeMap::new(),
            targets,
            answer_after: Duration::ZERO,
            journal,
            facts: 0,
        };
        world.acd.handle(start, Input::Configure { version: 1, queues, agents, breaks });
        while world.poll().is_some() {}
        world
    }

    /// The routing as it is.
    pub fn acd(&self) -> &Acd {
        &self.acd
    }

    /// The journal so far.
    pub fn take_journal(&mut self) -> Vec<Line> {
        self.journal.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Something else happens at a moment: a configuration, a new day.
    pub fn input_at(&mut self, at: Timestamp, input: Input, outcome: &mut impl Outcome) {
        self.now = self.now.max(at);
        self.input(input, outcome);
    }

    fn poll(&mut self) -> Option<Output> {
        let output = self.acd.poll();
        if let Some(journal) = &mut self.journal {
            while let Some((at, told)) = self.acd.take_told() {
                journal.push(Line::Told(at, told));
            }
            if let Some(Output::Publish(event)) = &output {
                self.facts += 1;
                let (seq, at, event) = (self.facts, self.now, event.clone());
                journal.push(Line::Fact(Stamped { seq, at, event }));
            }
        }
        output
    }

    /// How long an agent's phone rings before he answers.
    pub fn answer_after(&mut self, after: Duration) {
        self.answer_after = after;
    }

    /// An agent becomes ready, or goes.
    pub fn shift(&mut self, at: Timestamp, agent: AgentId, ready: bool) {
        self.next.push(Reverse((at, Next::Status(agent, u8::from(ready)))));
    }

    /// Simulated time so far.
    pub fn simulated(&self) -> Duration {
        self.now.since(self.start)
    }

    /// Lets the calls come, which are in the order of their time, until all is over.
    pub fn run(&mut self, calls: impl Iterator<Item = PlannedCall>, outcome: &mut impl Outcome) {
        let mut calls = calls.peekable();
        loop {
            let happens = self.next.peek().map(|next| next.0.0);
            let arrives = calls.peek().map(|call| call.at);
            let due = self.acd.deadline();
            let Some(at) = [happens, arrives, due].into_iter().flatten().min() else { return };
            if happens.is_none() && arrives.is_none() && self.calls.is_empty() {
                return;
            }
            self.now = self.now.max(at);
            if due == Some(at) {
                self.input(Input::Tick, outcome);
            } else if happens == Some(at) {
                if let Some(Reverse((_, next))) = self.next.pop() {
                    self.happen(next, outcome);
                }
            } else if let Some(call) = calls.next() {
                self.arrive(call, outcome);
            }
        }
    }

    fn arrive(&mut self, planned: PlannedCall, outcome: &mut impl Outcome) {
        let (call, queue, since) = (planned.call, planned.queue.clone(), planned.since);
        let caller = planned.caller.clone();
        if let Some(patience) = planned.patience {
            self.next.push(Reverse((self.now + patience, Next::HangUp(call))));
        }
        self.calls.insert(call, planned);
        self.input(Input::Enqueue { call, queue, since, only: None, caller }, outcome);
    }

    fn happen(&mut self, next: Next, outcome: &mut impl Outcome) {
        match next {
            Next::Status(agent, ready) => {
                let wanted = if ready == 1 { WantedStatus::Ready } else { WantedStatus::Offline };
                // Who is not configured has no shift.
                let _ = self.acd.set_status(self.now, &agent, wanted, ChangedBy::Agent);
                self.drain(outcome);
            }
            Next::Answer(offer) => self.answer(offer, outcome),
            Next::Released { call, agent, queue } => {
                let wrap_up = self.calls.get(&call).map_or(Duration::ZERO, |call| call.wrap_up);
                self.calls.remove(&call);
                self.acd.handle(
                    self.now,
                    Input::Released { call, agent: agent.clone(), queue, wrap_up: wrap_up > Duration::ZERO },
                );
                self.next.push(Reverse((self.now + wrap_up, Next::WrappedUp { agent, call })));
                self.drain(outcome);
            }
            Next::WrappedUp { agent, call } => {
                if self.acd.wraps_up(&agent, call) {
                    let _ = self.acd.end_wrap_up(self.now, &agent, None, None, ChangedBy::Agent);
                    self.drain(outcome);
                }
            }
            Next::HangUp(call) => {
                if self.acd.is_waiting(call) {
                    self.input(Input::CallerGone { call }, outcome);
                }
            }
        }
    }

    fn answer(&mut self, offer: OfferId, outcome: &mut impl Outcome) {
        let Ok(won) = self.acd.answered(self.now, offer) else { return };
        if let Some(planned) = self.calls.get(&won.call) {
            outcome.worked(self.now, planned.talk);
            let (call, agent, queue) = (won.call, won.agent.clone(), won.queue.clone());
            self.next.push(Reverse((self.now + planned.talk, Next::Released { call, agent, queue })));
        }
        self.drain_of(Some(won.agent), outcome);
    }

    fn input(&mut self, input: Input, outcome: &mut impl Outcome) {
        self.acd.handle(self.now, input);
        self.drain(outcome);
    }

    fn drain(&mut self, outcome: &mut impl Outcome) {
        self.drain_of(None, outcome);
    }

    fn drain_of(&mut self, mut answered_by: Option<AgentId>, outcome: &mut impl Outcome) {
        let mut rings = Vec::new();
        while let Some(output) = self.poll() {
            match output {
                Output::Ring { offer, .. } => rings.push(offer),
                // Nobody asks for a callback here.
                Output::CancelRing { .. }
                | Output::DialCustomer { .. }
                | Output::PutOff { .. }
                | Output::CallbackTaken { .. }
                | Output::CallbackRefused { .. } => {}
                Output::Redirect { call, to, .. } => match to {
                    Destination::Queue { queue } => {
                        let planned = self.calls.get(&call);
                        let since = planned.map_or(self.now, |planned| planned.since);
                        let caller = planned.and_then(|planned| planned.caller.clone());
                        self.acd.handle(self.now, Input::Enqueue { call, queue, since, only: None, caller });
                    }
                    Destination::Reject { .. } | Destination::Announce { .. } => {
                        self.calls.remove(&call);
                    }
                },
                Output::Publish(Event::CallLeftQueue { call, queue, exit, wait_millis }) => {
                    let agent = if exit == QueueExit::Answered { answered_by.take() } else { None };
                    let arrived_at = self.calls.get(&call).map_or(self.now, |planned| planned.at);
                    if matches!(exit, QueueExit::Abandoned | QueueExit::ShortAbandon | QueueExit::Failed) {
                        self.calls.remove(&call);
                    }
                    let target_millis = self.targets.get(&queue).copied().unwrap_or(0);
                    outcome.ended(Ending {
                        call,
                        queue,
                        arrived_at,
                        exit,
                        wait_millis,
                        target_millis,
                        agent,
                    });
                }
                Output::Publish(Event::WrapUpEnded { wrap_up_millis, .. }) => {
                    let length = Duration::from_millis(wrap_up_millis);
                    outcome.worked(self.now - length, length);
                }
                Output::Publish(_) => {}
            }
        }
        for offer in rings {
            if self.answer_after.is_zero() {
                self.answer(offer, outcome);
            } else {
                self.next.push(Reverse((self.now + self.answer_after, Next::Answer(offer))));
            }
        }
    }
}
