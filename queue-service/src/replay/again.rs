//! The day again: the same callers and agents, and a core that decides anew.
//!
//! What people do is taken from the day: a call comes when it came; its talk and wrap-up take as long as they did; who
//! hung up waits exactly as long, everybody else at least as long as he waited, and beyond that as the estimate of
//! [`Patience`] says by lot; agents sign in, take pauses and lose their phones as they did. An agent who did not take a
//! call does not take it this time either, if he is offered it again; every other offer is answered after the time that
//! the call rang, or the day's median. A call that was not answered and now is takes as long as one of its queue that was,
//! by lot. The lots follow from the seed and the call, so a change elsewhere does not change them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use shared::api::agents::WantedStatus;
use shared::id::{AgentId, CallId, OfferId, QueueId};
use shared::model::agent::ChangedBy;
use shared::model::call::{OfferOutcome, QueueExit};
use shared::model::event::Event;
use shared::model::queue::Destination;
use shared::time::Timestamp;

use super::change::{Change, ChangeError};
use super::day::{Day, Ending, Stage, is_abandoned};
use super::patience::Patience;
use crate::acd::hours::Hours;
use crate::acd::{Acd, AcdConfig, FailedOffer, Input, Output, Told};
use crate::simulate::draw::Chance;

/// A talk of a day on which nobody was answered.
const SOME_TALK: Duration = Duration::from_secs(180);
/// How long a phone rings on such a day.
const SOME_RING: Duration = Duration::from_secs(5);

/// Something that happens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Habit(usize),
    Come(usize),
    Shift(AgentId, bool),
    Answer(OfferId, AgentId),
    Fail(OfferId, u8),
    HangUp(usize),
    Released(CallId, AgentId, QueueId),
    WrappedUp(CallId, AgentId),
}

/// How a stage goes this time.
#[derive(Debug, Clone, Default)]
struct Now {
    came_at: Option<Timestamp>,
    ending: Option<Ending>,
}

/// The day under other rules.
pub struct Again<'d> {
    day: &'d Day,
    change: &'d Change,
    acd: Acd,
    now: Timestamp,
    next: BinaryHeap<Reverse<(Timestamp, usize, Next)>>,
    serial: usize,
    stages: Vec<Now>,
    /// The stage that a call is in.
    current: BTreeMap<CallId, usize>,
    /// Offers that a call made to an agent so far.
    offered: BTreeMap<(CallId, AgentId), usize>,
    patience: Patience,
    /// Talk, wrap-up and whether it was due, of those answered, by queue.
    handled: BTreeMap<QueueId, Vec<usize>>,
    rings: Duration,
    seed: u64,
    targets: BTreeMap<QueueId, Duration>,
    /// Agents are configured.
    begun: bool,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Of each stage of the day; none when its call waits for ever.
    pub endings: Vec<Option<Ending>>,
    /// Thresholds of the service levels.
    pub targets: BTreeMap<QueueId, Duration>,
}

impl<'d> Again<'d> {
    /// Runs the day with a change.
    ///
    /// # Errors
    /// A change that does not fit the day.
    pub fn run(day: &'d Day, change: &'d Change, seed: u64) -> Result<Outcome, ChangeError> {
        let mut again = Again::new(day, change, seed);
        again.begin()?;
        while let Some(at) = again.upcoming() {
            again.now = again.now.max(at);
            if again.acd.deadline().is_some_and(|due| due <= again.now) {
                again.tell(Told::Input { input: Input::Tick });
            } else if let Some(Reverse((_, _, next))) = again.next.pop() {
                again.happen(next)?;
            }
        }
        let endings = again.stages.into_iter().map(|stage| stage.ending).collect();
        Ok(Outcome { endings, targets: again.targets })
    }

    fn new(day: &'d Day, change: &'d Change, seed: u64) -> Again<'d> {
        let mut handled: BTreeMap<QueueId, Vec<usize>> = BTreeMap::new();
        for (place, stage) in day.stages.iter().enumerate() {
            if let (Some(_), Some(ending)) = (stage.talk, &stage.ending) {
                handled.entry(ending.queue.clone()).or_default().push(place);
            }
        }
        let mut rings: Vec<Duration> = day
            .offers
            .values()
            .flatten()
            .filter(|(outcome, _)| *outcome == OfferOutcome::Answered)
            .map(|(_, rang)| *rang)
            .collect();
        rings.sort_unstable();
        Again {
            day,
            change,
            acd: Acd::new(AcdConfig::default(), 0),
            now: day.from,
            next: BinaryHeap::new(),
            serial: usize::MAX / 2,
            stages: vec![Now::default(); day.stages.len()],
            current: BTreeMap::new(),
            offered: BTreeMap::new(),
            patience: day.patience(),
            handled,
            rings: rings.get(rings.len() / 2).copied().unwrap_or(SOME_RING),
            seed,
            targets: BTreeMap::new(),
            begun: false,
        }
    }

    /// The next moment at which something happens; none when all is over.
    fn upcoming(&self) -> Option<Timestamp> {
        let happens = self.next.peek().map(|next| next.0.0);
        let due = self.acd.deadline();
        // Deadlines alone go on only while somebody waits: who waits for ever does so after the day, too.
        match (happens, due) {
            (None, Some(due)) if !self.current.is_empty() && due <= self.day.end => Some(due),
            (None, _) => None,
            (happens, due) => happens.into_iter().chain(due).min(),
        }
    }

    fn begin(&mut self) -> Result<(), ChangeError> {
        let Some((at, told)) = &self.day.begin else { return Ok(()) };
        self.now = *at;
        self.acd.tell(*at, told.clone());
        self.acd.set_times(self.change.acd(self.acd.times())?);
        for (place, (at, line, _)) in self.day.habits.iter().enumerate() {
            self.next.push(Reverse((*at, *line, Next::Habit(place))));
        }
        for (place, stage) in self.day.stages.iter().enumerate().filter(|(_, stage)| stage.after.is_none()) {
            self.next.push(Reverse((stage.at, stage.line, Next::Come(place))));
        }
        if let Told::State { .. } = told {
            self.configure(self.acd.configured())?;
        }
        Ok(())
    }

    /// Once agents are configured: the times of those whose times are given, and of those who are added.
    fn people(&mut self) {
        let change = self.change;
        for agent in change.agents() {
            match change.shifts().get(agent) {
                Some(lines) => self.shift(agent, lines),
                None if !self.day.agents.contains(agent) => {
                    self.push(self.now, Next::Shift(agent.clone(), true));
                }
                None => {}
            }
        }
    }

    /// An agent's times, to the minute.
    fn shift(&mut self, agent: &AgentId, lines: &[String]) {
        let minute = Duration::from_secs(60);
        let mut at = self.now;
        let mut there = false;
        let Ok(hours) = Hours::parse(lines, &[], &self.day.time_zone) else { return };
        while at <= self.day.end {
            if hours.is_open(at) != there {
                there = !there;
                self.push(at, Next::Shift(agent.clone(), there));
            }
            // On the whole minutes after the first moment.
            let micros = at.as_micros().div_euclid(60_000_000) * 60_000_000;
            at = Timestamp::from_micros(micros) + minute;
        }
    }

    fn push(&mut self, at: Timestamp, next: Next) {
        self.serial += 1;
        self.next.push(Reverse((at, self.serial, next)));
    }

    fn configure(&mut self, input: Input) -> Result<(), ChangeError> {
        let Input::Configure { version, queues, agents, breaks } = input else { return Ok(()) };
        let (queues, agents) = self.change.apply(queues, agents)?;
        for info in &queues {
            self.targets.insert(info.id.clone(), Duration::from_secs(u64::from(info.target_secs)));
        }
        self.tell(Told::Input { input: Input::Configure { version, queues, agents, breaks } });
        if !std::mem::replace(&mut self.begun, true) {
            self.people();
        }
        Ok(())
    }

    fn happen(&mut self, next: Next) -> Result<(), ChangeError> {
        match next {
            Next::Habit(place) => {
                let Some((_, _, told)) = self.day.habits.get(place) else { return Ok(()) };
                match told {
                    Told::Input { input: input @ Input::Configure { .. } } => {
                        self.configure(input.clone())?
                    }
                    // His times are given, and not those of the day.
                    Told::SetStatus { agent, .. }
                    | Told::Input {
                        input:
                            Input::SignedIn { agent }
                            | Input::SignedOut { agent }
                            | Input::Presence { agent, .. }
                            | Input::Restored { agent, .. },
                    } if self.change.shifts().contains_key(agent) => {}
                    told => self.tell(told.clone()),
                }
            }
            Next::Come(place) => self.come(place),
            Next::Shift(agent, there) => {
                let wanted = if there { WantedStatus::Ready } else { WantedStatus::Offline };
                self.tell(Told::SetStatus { agent, wanted, by: ChangedBy::Service });
            }
            Next::Answer(offer, agent) => self.answer(offer, agent),
            Next::Fail(offer, how) => {
                let outcome = match how {
                    0 => FailedOffer::Rejected,
                    1 => FailedOffer::Busy,
                    _ => FailedOffer::Unreachable,
                };
                self.tell(Told::Input { input: Input::OfferFailed { offer, outcome } });
            }
            Next::HangUp(place) => {
                let call = self.day.stages.get(place).map(|stage| stage.call);
                if let Some(call) = call.filter(|call| self.current.get(call) == Some(&place)) {
                    let withdrawn = self
                        .day
                        .stages
                        .get(place)
                        .and_then(|stage| stage.ending.as_ref())
                        .is_some_and(|ending| ending.exit == QueueExit::Withdrawn);
                    self.tell(Told::Input {
                        input: if withdrawn {
                            Input::Withdraw { call, exit: QueueExit::Withdrawn }
                        } else {
                            Input::CallerGone { call }
                        },
                    });
                }
            }
            Next::Released(call, agent, queue) => self.release(call, agent, queue),
            Next::WrappedUp(call, agent) => {
                if self.acd.wraps_up(&agent, call) {
                    let (code, note, by) = (None, None, ChangedBy::Agent);
                    self.tell(Told::EndWrapUp { agent, code, note, by });
                }
            }
        }
        Ok(())
    }

    fn come(&mut self, place: usize) {
        let Some(stage) = self.day.stages.get(place) else { return };
        let call = stage.call;
        if let Some(now) = self.stages.get_mut(place) {
            now.came_at = Some(self.now);
        }
        self.current.insert(call, place);
        if let Some(patience) = self.patience_of(place, stage) {
            self.push(self.now + patience, Next::HangUp(place));
        }
        // A transfer that keeps the place counts from when the call first waited; another one from now.
        let since = if stage.after.is_none() || stage.since < stage.at { stage.since } else { self.now };
        let (queue, only, caller) = (stage.queue.clone(), stage.only.clone(), stage.caller.clone());
        self.tell(Told::Input { input: Input::Enqueue { call, queue, since, only, caller } });
    }

    fn patience_of(&self, place: usize, stage: &Stage) -> Option<Duration> {
        let ending = stage.ending.as_ref()?;
        if is_abandoned(ending.exit) || ending.exit == QueueExit::Withdrawn {
            return Some(ending.waited);
        }
        self.patience.draw(ending.waited, self.lot(place, 1))
    }

    /// A lot of a stage, from 0 up to 1.
    fn lot(&self, place: usize, stream: u64) -> f64 {
        let call = self.day.stages.get(place).map_or(0, |stage| stage.call.as_u64());
        Chance::new(self.seed ^ call.rotate_left(17), stream).unit()
    }

    fn answer(&mut self, offer: OfferId, agent: AgentId) {
        let Ok(won) = self.acd.answered(self.now, offer) else { return };
        let (call, queue) = (won.call, won.queue);
        if let Some(place) = self.current.get(&call).copied()
            && let Some(now) = self.stages.get_mut(place)
        {
            let waited = now.came_at.map_or(Duration::ZERO, |came| self.now.since(came));
            let (queue, exit, agent) = (queue.clone(), QueueExit::Answered, Some(agent.clone()));
            now.ending = Some(Ending { queue, exit, waited, agent });
        }
        if let Some(talk) = self.talk(call, &queue) {
            self.push(self.now + talk, Next::Released(call, agent, queue));
        }
        self.drain();
    }

    /// The stage whose talk a call's talk is like: its own when it was answered, else another one of the queue.
    fn like(&self, call: CallId, queue: &QueueId) -> Option<&Stage> {
        let place = self.current.get(&call).copied();
        let own = place.and_then(|place| self.day.stages.get(place));
        if let Some(own) = own
            && own.ending.as_ref().is_some_and(|ending| ending.agent.is_some())
        {
            return Some(own);
        }
        let all = self.handled.get(queue).or_else(|| self.handled.values().next())?;
        let lot = place.map_or(0.0, |place| self.lot(place, 2));
        self.day.stages.get(*all.get((all.len() as f64 * lot) as usize)?)
    }

    /// None when it was not over when the journal ended.
    fn talk(&self, call: CallId, queue: &QueueId) -> Option<Duration> {
        self.like(call, queue).map_or(Some(SOME_TALK), |stage| stage.talk)
    }

    fn release(&mut self, call: CallId, agent: AgentId, queue: QueueId) {
        let (wrap_up, takes) =
            self.like(call, &queue).map_or((true, None), |stage| (stage.wrap_up_due, stage.wrap_up));
        self.tell(Told::Input { input: Input::Released { call, agent: agent.clone(), queue, wrap_up } });
        if let Some(takes) = takes
            && self.acd.wraps_up(&agent, call)
        {
            self.push(self.now + takes, Next::WrappedUp(call, agent));
        }
        let Some(place) = self.current.remove(&call) else { return };
        let later = self.day.stages.iter().position(|stage| stage.after == Some(place));
        if let Some(later) = later {
            let gap = self.day.stages.get(place).and_then(|stage| stage.released_at).map_or(
                Duration::ZERO,
                |released_at| {
                    self.day.stages.get(later).map_or(Duration::ZERO, |it| it.at.since(released_at))
                },
            );
            self.push(self.now + gap, Next::Come(later));
        }
    }

    fn tell(&mut self, told: Told) {
        self.acd.tell(self.now, told);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.acd.poll() {
            match output {
                Output::Ring { call, agent, offer, .. } => self.ring(call, agent, offer),
                Output::Redirect { call, to: Destination::Queue { queue }, .. } => {
                    let stage = self.current.get(&call).and_then(|place| self.day.stages.get(*place));
                    let (since, caller) =
                        stage.map_or((self.now, None), |stage| (stage.since, stage.caller.clone()));
                    self.acd.handle(self.now, Input::Enqueue { call, queue, since, only: None, caller });
                }
                Output::Redirect { call, .. } => {
                    self.current.remove(&call);
                }
                Output::Publish(Event::CallLeftQueue { call, queue, exit, .. }) => {
                    self.left(call, queue, exit)
                }
                // Who was called back left the queue, as the day tells; the calls that came of it are not played again.
                Output::Publish(_)
                | Output::CancelRing { .. }
                | Output::DialCustomer { .. }
                | Output::PutOff { .. }
                | Output::CallbackTaken { .. }
                | Output::CallbackRefused { .. } => {}
            }
        }
    }

    fn left(&mut self, call: CallId, queue: QueueId, exit: QueueExit) {
        if exit == QueueExit::Answered {
            return;
        }
        let Some(place) = self.current.get(&call).copied() else { return };
        if let Some(now) = self.stages.get_mut(place) {
            let waited = now.came_at.map_or(Duration::ZERO, |came| self.now.since(came));
            now.ending = Some(Ending { queue, exit, waited, agent: None });
        }
        if is_abandoned(exit) || exit == QueueExit::Withdrawn {
            self.current.remove(&call);
        }
    }

    fn ring(&mut self, call: CallId, agent: AgentId, offer: OfferId) {
        let turn = self.offered.entry((call, agent.clone())).or_default();
        let then = self.day.offers.get(&(call, agent.clone())).and_then(|all| all.get(*turn));
        *turn += 1;
        // How long this caller's call rang until somebody took it.
        let stage = self.current.get(&call).and_then(|place| self.day.stages.get(*place));
        let usual = stage.and_then(|stage| stage.rang).unwrap_or(self.rings);
        match then.copied() {
            Some((OfferOutcome::Answered, rang)) => self.push(self.now + rang, Next::Answer(offer, agent)),
            // It rings out again.
            Some((OfferOutcome::Missed, _)) => {}
            Some((OfferOutcome::Rejected, rang)) => self.push(self.now + rang, Next::Fail(offer, 0)),
            Some((OfferOutcome::Busy, rang)) => self.push(self.now + rang, Next::Fail(offer, 1)),
            Some((OfferOutcome::Unreachable, rang)) => self.push(self.now + rang, Next::Fail(offer, 2)),
            // He had not taken it by then.
            Some((OfferOutcome::LostRace | OfferOutcome::CallerGone, rang)) => {
                let after = self.rings.max(rang + Duration::from_secs(1));
                self.push(self.now + after, Next::Answer(offer, agent));
            }
            None => self.push(self.now + usual, Next::Answer(offer, agent)),
        }
    }
}
