//! What a day of the journal was made of: who called and how long he would have waited, how long agents talked, when they
//! were there. Folded from the lines of the journal, in their order.
//!
//! A call's **stage** is one wait for an agent and the talk that comes of it; after a transfer another one begins. A call
//! that overflows into another queue is still in the same stage: where it goes is decided anew.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use shared::id::{AgentId, CallId, QueueId};
use shared::model::call::{OfferOutcome, QueueExit};
use shared::model::event::{Event, Stamped, WrapUpEnd};
use shared::time::Timestamp;

use super::patience::Patience;
use super::source::Line;
use crate::acd::{Input, Told};

/// How a wait ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// The queue that the call left last.
    pub queue: QueueId,
    /// How.
    pub exit: QueueExit,
    /// Since it came to its first queue.
    pub waited: Duration,
    /// Who answered.
    pub agent: Option<AgentId>,
}

/// One wait for an agent, with what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// The call.
    pub call: CallId,
    /// When it came to its first queue. Of a later stage: after the talk before it, so long.
    pub at: Timestamp,
    /// Its place among the lines of the journal, for what happens at the same time.
    pub line: usize,
    /// Its first queue.
    pub queue: QueueId,
    /// Since when it counts as waiting.
    pub since: Timestamp,
    /// For this agent.
    pub only: Option<AgentId>,
    /// The number that the caller presents.
    pub caller: Option<String>,
    /// The stage of the same call before this one.
    pub after: Option<usize>,
    /// How the wait ended; none when the journal ends before.
    pub ending: Option<Ending>,
    /// How long the phone rang that was answered.
    pub rang: Option<Duration>,
    /// How long the talk took; none without a talk, or when the journal ends before.
    pub talk: Option<Duration>,
    /// The agent's part ended with wrap-up.
    pub wrap_up_due: bool,
    /// How long wrap-up took; none when it ran out.
    pub wrap_up: Option<Duration>,
    answered_at: Option<Timestamp>,
    /// When the agent's part was over.
    pub released_at: Option<Timestamp>,
}

/// The day.
#[derive(Debug, Clone, Default)]
pub struct Day {
    /// The core at the start.
    pub begin: Option<(Timestamp, Told)>,
    /// What counts from then on; what is before it leads there.
    pub from: Timestamp,
    /// The last line.
    pub end: Timestamp,
    /// What is told again as it was: people, phones, configurations, calls of agents' own. With its line.
    pub habits: Vec<(Timestamp, usize, Told)>,
    /// Waits, in the order in which they came.
    pub stages: Vec<Stage>,
    /// How the offers of a call to an agent ended, in their order, and after how long.
    pub offers: BTreeMap<(CallId, AgentId), Vec<(OfferOutcome, Duration)>>,
    /// Everybody who was configured.
    pub agents: BTreeSet<AgentId>,
    /// Of the first queue.
    pub time_zone: String,
    /// Thresholds of the service levels.
    pub targets: BTreeMap<QueueId, Duration>,
    open: BTreeMap<CallId, usize>,
    /// The talk or wrap-up that an agent's part in a call is accounted to.
    last: BTreeMap<CallId, usize>,
    lines: usize,
}

impl Day {
    /// A day from a moment on.
    pub fn new(from: Timestamp) -> Day {
        Day { from, ..Day::default() }
    }

    /// The next line of the journal.
    pub fn line(&mut self, line: Line) {
        self.lines += 1;
        match line {
            Line::Told(at, told) => self.told(at, told),
            Line::Fact(stamped) => self.fact(&stamped),
        }
    }

    fn told(&mut self, at: Timestamp, told: Told) {
        self.end = self.end.max(at);
        match told {
            Told::Started { .. } | Told::State { .. } if self.begin.is_none() => {
                if let Told::State { acd, .. } = &told {
                    self.configured(&acd.configured());
                }
                self.begin = Some((at, told));
            }
            Told::Started { .. } => self.cut_off(at),
            Told::State { .. } => {}
            Told::Input { input } => self.input(at, input),
            Told::Answered { .. } | Told::EndWrapUp { .. } => self.keep_unless_known(at, told),
            // What another one would have refused changes nothing.
            told => self.habits.push((at, self.lines, told)),
        }
    }

    fn configured(&mut self, input: &Input) {
        let Input::Configure { queues, agents, .. } = input else { return };
        self.agents.extend(agents.iter().map(|info| info.id.clone()));
        for info in queues {
            self.targets.insert(info.id.clone(), Duration::from_secs(u64::from(info.target_secs)));
            if self.time_zone.is_empty() {
                self.time_zone.clone_from(&info.time_zone);
            }
        }
    }

    /// Inputs about a call of the day come again by themselves; one that was there before it is told as it was.
    fn input(&mut self, at: Timestamp, input: Input) {
        match input {
            Input::Enqueue { call, queue, since, only, caller } => {
                if !self.open.contains_key(&call) {
                    self.begin_stage(at, call, queue, since, only, caller);
                }
            }
            Input::CallerGone { call } | Input::Withdraw { call, .. } | Input::Taken { call, .. }
                if self.last.contains_key(&call) => {}
            Input::Released { call, ref agent, wrap_up, .. } if self.last.contains_key(&call) => {
                let stage = self.last.get(&call).and_then(|place| self.stages.get_mut(*place));
                if let Some(stage) = stage
                    && let Some(answered_at) = stage.answered_at
                    && stage.ending.as_ref().is_some_and(|ending| ending.agent.as_ref() == Some(agent))
                {
                    stage.talk = Some(at.since(answered_at));
                    stage.released_at = Some(at);
                    stage.wrap_up_due = wrap_up;
                }
            }
            // Where a callback was taken, the caller left; what agents did for callbacks is not played again.
            Input::AskCallback { call, .. } => {
                let input = Input::Withdraw { call, exit: QueueExit::CallbackTaken };
                self.habits.push((at, self.lines, Told::Input { input }));
            }
            Input::BookCallback { .. }
            | Input::RestoreCallback { .. }
            | Input::CancelCallback { .. }
            | Input::CallbackReached { .. }
            | Input::CallbackFailed { .. }
            | Input::OfferFailed { .. }
            | Input::Tick => {}
            Input::Held { call, .. } | Input::Resumed { call, .. } if self.last.contains_key(&call) => {}
            input => {
                self.configured(&input);
                self.habits.push((at, self.lines, Told::Input { input }));
            }
        }
    }

    fn keep_unless_known(&mut self, at: Timestamp, told: Told) {
        // Wrap-up and answers of calls of the day come again by themselves.
        if self.stages.is_empty() {
            self.habits.push((at, self.lines, told));
        }
    }

    fn begin_stage(
        &mut self,
        at: Timestamp,
        call: CallId,
        queue: QueueId,
        since: Timestamp,
        only: Option<AgentId>,
        caller: Option<String>,
    ) {
        let after = self.last.get(&call).copied();
        let place = self.stages.len();
        self.stages.push(Stage {
            call,
            at,
            line: self.lines,
            queue,
            since,
            only,
            caller,
            after,
            ending: None,
            rang: None,
            talk: None,
            wrap_up_due: true,
            wrap_up: None,
            answered_at: None,
            released_at: None,
        });
        self.open.insert(call, place);
        self.last.insert(call, place);
    }

    /// The service was stopped: waits and talks end here.
    fn cut_off(&mut self, at: Timestamp) {
        for place in std::mem::take(&mut self.open).into_values() {
            if let Some(stage) = self.stages.get_mut(place) {
                let waited = at.since(stage.at);
                let (queue, exit, agent) = (stage.queue.clone(), QueueExit::Failed, None);
                stage.ending = Some(Ending { queue, exit, waited, agent });
            }
        }
        for stage in &mut self.stages {
            if let (None, Some(answered_at)) = (stage.talk, stage.answered_at) {
                stage.talk = Some(at.since(answered_at));
                stage.wrap_up_due = false;
            }
        }
    }

    fn fact(&mut self, stamped: &Stamped) {
        match &stamped.event {
            Event::OfferEnded { call, agent, outcome, rang_millis, .. } => {
                let rang = Duration::from_millis(*rang_millis);
                self.offers.entry((*call, agent.clone())).or_default().push((*outcome, rang));
                if *outcome == OfferOutcome::Answered
                    && let Some(stage) = self.open.get(call).and_then(|place| self.stages.get_mut(*place))
                {
                    stage.answered_at = Some(stamped.at);
                    stage.rang = Some(rang);
                    let waited = stamped.at.since(stage.at);
                    let (queue, exit) = (stage.queue.clone(), QueueExit::Answered);
                    stage.ending = Some(Ending { queue, exit, waited, agent: Some(agent.clone()) });
                }
            }
            Event::CallLeftQueue { call, queue, exit, .. } => {
                let Some(place) = self.open.get(call).copied() else { return };
                let Some(stage) = self.stages.get_mut(place) else { return };
                let waited = stamped.at.since(stage.at);
                let agent = stage.ending.take().and_then(|ending| ending.agent);
                stage.ending = Some(Ending { queue: queue.clone(), exit: *exit, waited, agent });
                if !goes_on(*exit) {
                    self.open.remove(call);
                }
            }
            Event::CallEnded { call, .. } => {
                self.open.remove(call);
            }
            Event::WrapUpEnded { call, how, wrap_up_millis, .. } => {
                let stage = self.last.get(call).and_then(|place| self.stages.get_mut(*place));
                // Of the stage whose talk it follows, which is the one before when the call was transferred.
                let after = stage.as_ref().and_then(|stage| stage.after.filter(|_| stage.talk.is_none()));
                let stage = match after {
                    Some(place) => self.stages.get_mut(place),
                    None => self.last.get(call).and_then(|place| self.stages.get_mut(*place)),
                };
                if let Some(stage) = stage
                    && *how != WrapUpEnd::TimedOut
                {
                    stage.wrap_up = Some(Duration::from_millis(*wrap_up_millis));
                }
            }
            _ => {}
        }
    }

    /// How patient the callers of the day were.
    pub fn patience(&self) -> Patience {
        Patience::new(self.stages.iter().filter_map(|stage| {
            let ending = stage.ending.as_ref()?;
            Some((ending.waited, is_abandoned(ending.exit)))
        }))
    }
}

/// A call that leaves this way may come to another queue.
fn goes_on(exit: QueueExit) -> bool {
    match exit {
        QueueExit::Overflowed
        | QueueExit::TimedOut
        | QueueExit::Closed
        | QueueExit::Full
        | QueueExit::Failed => true,
        QueueExit::Answered
        | QueueExit::Abandoned
        | QueueExit::ShortAbandon
        | QueueExit::Withdrawn
        | QueueExit::CallbackTaken => false,
    }
}

/// The caller hung up.
pub fn is_abandoned(exit: QueueExit) -> bool {
    matches!(exit, QueueExit::Abandoned | QueueExit::ShortAbandon)
}
