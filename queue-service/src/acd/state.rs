//! What the ACD knows, and the order in which an input is worked off.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::id::{AgentId, CallId, CodeId, OfferId, QueueId};
use shared::model::agent::{AgentInfo, ChangedBy, Device, State, Status};
use shared::model::call::QueueExit;
use shared::model::decision::{NonOfferMoment, Trigger};
use shared::model::event::Event;
use shared::model::queue::{Code, Destination, QueueInfo, SkillNeed};
use shared::model::routing::Routing;
use shared::model::rules::WaitRules;
use shared::time::Timestamp;

use super::callback::{Callback, Recall};
use super::expect::Experience;
use super::index::Index;
use super::input::{AcdConfig, Input, Output};
use super::kind::{KindId, widen};
use super::memory::Memory;
use super::tally::Tally;

/// The distributor of calls: see the [module](super).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Acd {
    pub(super) config: AcdConfig,
    /// The latest `now`: time never runs backwards in here.
    pub(super) clock: Timestamp,
    /// The next offer's number within its millisecond.
    pub(super) offer_serial: u32,
    /// Where the lots of random choices come from.
    #[serde(default)]
    pub(super) seed: u64,
    /// The number of the last turn of round robin.
    #[serde(default)]
    pub(super) turn: i64,
    pub(super) version: u64,
    pub(super) queues: BTreeMap<QueueId, QueueInfo>,
    pub(super) agents: BTreeMap<AgentId, Agent>,
    pub(super) breaks: Vec<Code>,
    pub(super) waiting: BTreeMap<CallId, Waiting>,
    pub(super) offers: BTreeMap<OfferId, Offer>,
    #[serde(default)]
    pub(super) memory: Memory,
    /// What the calls of each queue have taken.
    #[serde(default)]
    pub(super) experience: BTreeMap<QueueId, Experience>,
    /// Callbacks that are not over; as many as the queues take.
    #[serde(default)]
    pub(super) callbacks: BTreeMap<CallId, Callback>,
    /// Of the number of the call that a callback becomes.
    #[serde(default)]
    pub(super) callback_serial: u32,
    pub(super) outputs: VecDeque<Output>,
    /// None after loading, until the next input.
    #[serde(skip)]
    pub(super) index: Index,
}

/// An agent: what he wants, what he does, and what keeps offers away from him.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Agent {
    pub(super) info: AgentInfo,
    pub(super) status: Status,
    pub(super) state: State,
    /// What takes effect when he is free.
    pub(super) next: Option<Status>,
    /// Who asked for that.
    pub(super) next_by: ChangedBy,
    /// When he entered `state`.
    pub(super) state_since: Timestamp,
    /// The later of the end of his last call with its wrap-up, and becoming ready.
    pub(super) idle_since: Timestamp,
    pub(super) device: Device,
    /// His phone was there and is gone.
    pub(super) phone_lost: bool,
    /// Kept back until then after an offer that failed.
    pub(super) cool_until: Option<Timestamp>,
    /// Since when his app's feed is gone.
    pub(super) disconnected_since: Option<Timestamp>,
    /// Calls that he or a colleague placed and that he is on, whatever his state says.
    #[serde(default)]
    pub(super) own: BTreeSet<CallId>,
    /// What he has done today.
    #[serde(default)]
    pub(super) tally: Tally,
    /// What he has talked in the call that he wraps up, in milliseconds.
    #[serde(default)]
    pub(super) talked_millis: u64,
    /// How often he has extended the wrap-up that he is in.
    #[serde(default)]
    pub(super) extended: u8,
    /// The code and the note for the wrap-up that he is in, which lasts its whole time.
    #[serde(default)]
    pub(super) chosen: Option<(Option<CodeId>, Option<String>)>,
    /// His last call, while it may still be given a code.
    #[serde(default)]
    pub(super) last_call: Option<LastCall>,
    /// No longer configured; he goes when his call is over.
    pub(super) removed: bool,
}

/// A call that is over for an agent and had no wrap-up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct LastCall {
    pub(super) call: CallId,
    pub(super) queue: QueueId,
}

/// A call that waits. Its rules are those of the moment it came: a change of configuration does not move it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub(super) queue: QueueId,
    pub(super) since: Timestamp,
    pub(super) entered_at: Timestamp,
    pub(super) priority_secs: u32,
    pub(super) needs: Vec<SkillNeed>,
    /// Queues whose agents may take it too, by the steps of widening so far.
    #[serde(default)]
    pub(super) also: Vec<QueueId>,
    /// How many those are.
    #[serde(default)]
    pub(super) steps: u32,
    /// Time in which phones rang: widening stands still then.
    #[serde(default)]
    pub(super) paused_millis: u64,
    #[serde(default)]
    pub(super) rules: Routing,
    pub(super) short_abandon_secs: u32,
    /// When it has waited too long; looked at while no phone rings for it.
    pub(super) give_up_at: Option<Timestamp>,
    pub(super) when_timed_out: Destination,
    /// When its queue closes, if it has to leave then; looked at while no phone rings for it.
    #[serde(default)]
    pub(super) closes_at: Option<Timestamp>,
    /// When it leaves because nobody is there; looked at while no phone rings for it.
    #[serde(default)]
    pub(super) empty_until: Option<Timestamp>,
    #[serde(default = "nowhere")]
    pub(super) when_closed: Destination,
    #[serde(default)]
    pub(super) waits: WaitRules,
    pub(super) only: Option<AgentId>,
    /// It waits for him until then; looked at while no phone rings for it.
    #[serde(default)]
    pub(super) only_until: Option<Timestamp>,
    #[serde(default)]
    pub(super) only_why: OnlyWhy,
    /// The number that the caller presents.
    #[serde(default)]
    pub(super) caller: Option<String>,
    /// Who had it and did not take it.
    pub(super) tried: BTreeSet<AgentId>,
    /// Phones that ring for it.
    pub(super) offers: BTreeSet<OfferId>,
    #[serde(default)]
    pub(super) ringing_since: Option<Timestamp>,
    /// When the next phone may ring, while others do.
    #[serde(default)]
    pub(super) ring_next_at: Option<Timestamp>,
    /// It is a callback's: nobody waits in it.
    #[serde(default)]
    pub(super) recall: Option<Recall>,
}

/// Where a call goes of which it was not written down.
fn nowhere() -> Destination {
    Destination::Reject { status: 480 }
}

/// Why a call is for one agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnlyWhy {
    #[default]
    Transferred,
    LastAgent,
    Preferred,
}

impl Waiting {
    /// Calls are served by this, lowest first: when it would have come if its priority had been waiting.
    pub(super) fn service_key(&self) -> Timestamp {
        self.since - Duration::from_secs(u64::from(self.priority_secs))
    }
}

/// A phone that rings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Offer {
    pub(super) call: CallId,
    pub(super) agent: AgentId,
    pub(super) made_at: Timestamp,
    pub(super) until: Timestamp,
    /// The agent is reserved, and his phone does not ring yet.
    #[serde(default)]
    pub(super) is_lease: bool,
}

impl Agent {
    pub(super) fn deadlines(&self, id: &AgentId, grace: Duration) -> impl Iterator<Item = (Timestamp, Due)> {
        let wrap_up = match &self.state {
            State::WrapUp { until, .. } => until.map(|until| (until, Due::WrapUp(id.clone()))),
            State::Idle | State::Offered { .. } | State::Talking { .. } => None,
        };
        let cool_down = self.cool_until.map(|until| (until, Due::CoolDown(id.clone())));
        let connection = self.disconnected_since.map(|since| (since + grace, Due::Connection(id.clone())));
        [wrap_up, cool_down, connection].into_iter().flatten()
    }
}

/// What a deadline is about. Deadlines are read off agents and calls whenever these change, so none can be lost.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    Offer(OfferId),
    WrapUp(AgentId),
    CoolDown(AgentId),
    Connection(AgentId),
    Wait(CallId),
    Leave(CallId),
    Only(CallId),
    Step(CallId),
    RingNext(CallId),
    Callback(CallId),
    Look(KindId),
}

impl Acd {
    /// An ACD without queues and agents; [`Input::Configure`] brings them. The seed sets where the numbers of offers
    /// start.
    pub fn new(config: AcdConfig, seed: u64) -> Self {
        Acd {
            config,
            clock: Timestamp::EPOCH,
            offer_serial: (seed ^ (seed >> 32)) as u32,
            seed,
            turn: 0,
            version: 0,
            queues: BTreeMap::new(),
            agents: BTreeMap::new(),
            breaks: Vec::new(),
            waiting: BTreeMap::new(),
            offers: BTreeMap::new(),
            memory: Memory::default(),
            experience: BTreeMap::new(),
            callbacks: BTreeMap::new(),
            callback_serial: 0,
            outputs: VecDeque::new(),
            index: Index::default(),
        }
    }

    /// Takes one input; drain [`Acd::poll`] afterwards. Deadlines that have passed are worked off first.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        let now = self.advance(now);
        self.work_off(now);
        let trigger = match input {
            Input::Configure { version, queues, agents, breaks } => {
                self.configure(now, version, queues, agents, breaks);
                Trigger::AgentFree
            }
            Input::Enqueue { call, queue, since, only, caller } => {
                self.enqueue(now, call, queue, since, only, caller);
                Trigger::CallQueued
            }
            Input::CallerGone { call } => {
                self.caller_gone(now, call);
                Trigger::AgentFree
            }
            Input::Withdraw { call, exit } => {
                self.leave(now, call, exit);
                Trigger::AgentFree
            }
            Input::LeaveFor { call, to } => {
                self.leave_for(now, call, QueueExit::Overflowed, to);
                Trigger::AgentFree
            }
            Input::AskCallback { call, to } => {
                self.ask_callback(now, call, to);
                Trigger::CallQueued
            }
            Input::BookCallback { booking } => {
                self.book_callback(now, booking);
                Trigger::CallQueued
            }
            Input::RestoreCallback { before } => {
                self.restore_callback(now, before);
                Trigger::CallQueued
            }
            Input::CancelCallback { callback, by, reason } => {
                self.cancel_callback(now, callback, by, reason);
                Trigger::AgentFree
            }
            Input::CallbackReached { call } => {
                self.callback_reached(now, call);
                Trigger::CallQueued
            }
            Input::CallbackFailed { call, outcome } => {
                self.callback_failed(now, call, outcome);
                Trigger::AgentFree
            }
            Input::OfferFailed { offer, outcome } => {
                self.end_offer(now, offer, outcome.into(), false);
                Trigger::OfferEnded
            }
            Input::Released { call, agent, queue, wrap_up } => {
                self.release(now, call, &agent, &queue, wrap_up);
                Trigger::AgentFree
            }
            Input::Held { call, agent } => {
                self.set_held(call, &agent, true);
                Trigger::Time
            }
            Input::Resumed { call, agent } => {
                self.set_held(call, &agent, false);
                Trigger::Time
            }
            Input::OwnCall { call, agent } => {
                self.own_call(now, call, &agent);
                Trigger::Time
            }
            Input::OwnCallOver { call, agent } => {
                self.own_call_over(now, call, &agent);
                Trigger::AgentFree
            }
            Input::Taken { call, agent } => {
                self.take(now, call, &agent);
                Trigger::OfferEnded
            }
            Input::Device { agent, device } => {
                self.set_device(now, &agent, device);
                Trigger::AgentFree
            }
            Input::SignedIn { agent } => {
                self.sign_in(now, &agent);
                Trigger::AgentFree
            }
            Input::Restored { agent, status, by, since } => {
                self.restore_status(now, &agent, status, by, since);
                Trigger::AgentFree
            }
            Input::SignedOut { agent } => {
                self.sign_out(now, &agent);
                Trigger::AgentFree
            }
            Input::Presence { agent, connected } => {
                self.set_presence(now, &agent, connected);
                Trigger::Time
            }
            Input::DayStarted => {
                self.agents.values_mut().for_each(|agent| agent.tally.restart(now));
                self.experience.values_mut().for_each(Experience::restart);
                self.rebuild();
                Trigger::Time
            }
            Input::Tick => Trigger::Time,
        };
        self.dispatch(now, trigger);
    }

    /// The next thing to be done.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Whether a call waits for an agent.
    pub fn is_waiting(&self, call: CallId) -> bool {
        self.waiting.contains_key(&call)
    }

    /// Whether an agent is in the wrap-up of a call.
    pub fn wraps_up(&self, agent: &AgentId, call: CallId) -> bool {
        let state = self.agents.get(agent).map(|agent| &agent.state);
        matches!(state, Some(State::WrapUp { call: known, .. }) if *known == call)
    }

    /// When [`Input::Tick`] is due. After loading that is at once.
    pub fn deadline(&self) -> Option<Timestamp> {
        if !self.index.built {
            return Some(self.clock);
        }
        self.index.timers.first().map(|(at, _)| *at)
    }

    /// `now`, or the latest time seen when the clock went back.
    pub(super) fn advance(&mut self, now: Timestamp) -> Timestamp {
        self.clock = self.clock.max(now);
        if !self.index.built {
            self.rebuild();
        }
        self.clock
    }

    pub(super) fn publish(&mut self, event: Event) {
        self.outputs.push_back(Output::Publish(event));
    }

    /// Works off what is due and what follows from it.
    pub(super) fn work_off(&mut self, now: Timestamp) {
        if let Some(trigger) = self.fire_due(now) {
            self.dispatch(now, trigger);
        }
    }

    /// Works off what is due, in the order of time, then of [`Due`], and says what that is for the router; none when
    /// nothing was due. Each one removes its own deadline, and what it starts instead lies after `now`.
    fn fire_due(&mut self, now: Timestamp) -> Option<Trigger> {
        let mut trigger = None;
        while let Some((at, due)) = self.index.timers.first().cloned()
            && at <= now
        {
            let fired = match due {
                Due::Offer(offer) => {
                    self.ring_out(now, offer);
                    Trigger::OfferEnded
                }
                Due::WrapUp(agent) => {
                    self.time_out_wrap_up(now, &agent);
                    Trigger::AgentFree
                }
                Due::CoolDown(agent) => {
                    if let Some(agent) = self.agent_mut(&agent) {
                        agent.cool_until = None;
                    }
                    Trigger::Time
                }
                Due::Connection(agent) => {
                    self.connection_lost(now, &agent);
                    Trigger::Time
                }
                Due::Wait(call) => {
                    self.time_out(now, call);
                    Trigger::Time
                }
                Due::Leave(call) => {
                    self.leave_by_rule(now, call);
                    Trigger::Time
                }
                Due::Only(call) => {
                    // The time is over, which is seen when the call is looked at.
                    let _ = self.call_mut(call);
                    Trigger::Time
                }
                Due::Step(call) => {
                    self.relax(now, call);
                    Trigger::Time
                }
                Due::RingNext(call) => {
                    if let Some(waiting) = self.call_mut(call) {
                        waiting.ring_next_at = None;
                    }
                    Trigger::Time
                }
                Due::Callback(callback) => {
                    self.callback_due(now, callback);
                    Trigger::Time
                }
                Due::Look(kind) => {
                    self.index.look(kind);
                    Trigger::Time
                }
            };
            self.flush(now);
            trigger = trigger.or(Some(fired));
        }
        trigger
    }

    /// Takes the steps of widening that are due.
    fn relax(&mut self, now: Timestamp, call: CallId) {
        let Some(waiting) = self.call_mut(call) else { return };
        while waiting.next_step_at().is_some_and(|at| at <= now)
            && let Some(step) = waiting.rules.relax.get(waiting.steps as usize)
        {
            widen(&mut waiting.also, &mut waiting.needs, step);
            waiting.steps += 1;
        }
        self.look_again(call, NonOfferMoment::Widened);
    }

    /// Takes a waiting call out with `exit` and sends it on.
    pub(super) fn leave_for(&mut self, now: Timestamp, call: CallId, exit: QueueExit, to: Destination) {
        if let Some(waiting) = self.leave(now, call, exit) {
            self.redirect(now, call, waiting.queue, exit, to);
        }
    }

    pub(super) fn time_out(&mut self, now: Timestamp, call: CallId) {
        if let Some(waiting) = self.waiting.get(&call) {
            let to = waiting.when_timed_out.clone();
            self.leave_for(now, call, QueueExit::TimedOut, to);
        }
    }
}
