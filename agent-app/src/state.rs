//! What the agent's window shows, as plain data. `apply` takes up events; the screens only read.

use shared::id::{AgentId, CallId, QueueId};
use shared::model::agent::{NotReadyReason, State as Doing, Status};
use shared::model::call::{LiveCall, Party, Supervision};
use shared::model::floor::AgentView;
use shared::model::queue::{Code, QueueInfo};
use shared::model::rules::WrapUpRules;
use shared::time::Timestamp;
use shared_desktop::desk::{Desk, DeskEvent, Stage};
use shared_desktop::phone::{CallState, Direction, Phase};
use shared_desktop::settings::Settings;

use crate::event::Event;
use crate::preview::Preview;

/// Everything that the window shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    /// What both apps know.
    pub desk: Desk,
    /// Campaigns.
    pub preview: Preview,
    /// The backend has ended.
    pub ended: bool,
}

/// Which screen the facts ask for.
#[derive(Debug, Clone, PartialEq)]
pub enum View {
    /// Nobody is signed in.
    SignIn,
    /// Signed in, no call.
    Ready,
    /// A call rings.
    Incoming(Incoming),
    /// On a call.
    Call(Talk),
    /// After a call.
    WrapUp(WrapUp),
}

/// A call that rings.
#[derive(Debug, Clone, PartialEq)]
pub struct Incoming {
    /// Who calls.
    pub from: Party,
    /// The queue, by the name that people read.
    pub queue: Option<String>,
    /// Since when the customer waits.
    pub waiting_since: Option<Timestamp>,
    /// When it began to ring.
    pub since: Timestamp,
    /// When it rings out.
    pub until: Option<Timestamp>,
    /// It rings on this app's phone, so that it can be answered here.
    pub here: bool,
}

/// A call under way.
#[derive(Debug, Clone, PartialEq)]
pub struct Talk {
    /// The service's id; none for a call that is not the service's.
    pub call: Option<CallId>,
    /// The other side.
    pub with: Party,
    /// The queue, by the name that people read.
    pub queue: Option<String>,
    /// Since when both talk.
    pub since: Timestamp,
    /// The customer is on hold.
    pub held: bool,
    /// The call as the phone has it; none when it is on another phone.
    pub phone: Option<CallState>,
    /// Supervisors who take part so that the agent may know.
    pub supervision: Vec<Supervision>,
    /// It is being recorded.
    pub recorded: bool,
    /// The other side has not answered yet: the service calls it.
    pub dialling: bool,
}

/// Wrap-up.
#[derive(Debug, Clone, PartialEq)]
pub struct WrapUp {
    /// The call.
    pub call: CallId,
    /// Its queue.
    pub queue: QueueId,
    /// Since when.
    pub since: Timestamp,
    /// When it ends by itself; none when only the agent ends it.
    pub until: Option<Timestamp>,
    /// The codes to choose from.
    pub codes: Vec<Code>,
    /// How the queue wants it.
    pub rules: WrapUpRules,
}

/// The own queues now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueNow {
    /// Which.
    pub id: QueueId,
    /// Name that people read.
    pub name: String,
    /// Calls that wait.
    pub waiting: u32,
    /// Since when the longest waits.
    pub longest_since: Option<Timestamp>,
}

impl State {
    /// Before anything has happened.
    pub fn new(now: Timestamp, settings: Settings) -> State {
        State { desk: Desk::new(now, settings), ..State::default() }
    }

    /// Takes up one event.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Desk(event) => {
                self.desk.apply(event);
                if matches!(event, DeskEvent::SignedIn(_) | DeskEvent::SignedOut(_)) {
                    self.preview = Preview::default();
                }
                self.preview.expire(self.desk.now);
            }
            Event::Preview(answer) => {
                if let Some(error) = self.preview.apply(answer) {
                    self.desk.notices.error(self.desk.now, &error);
                }
            }
            Event::Ended => self.ended = true,
        }
    }

    /// Who this is.
    pub fn agent_id(&self) -> Option<AgentId> {
        self.desk.user().map(|user| user.id.to_agent())
    }

    /// This agent on the floor; none until the first picture, or for somebody who is no agent.
    pub fn me(&self) -> Option<&AgentView> {
        self.desk.floor.agents.get(&self.agent_id()?)
    }

    /// The screen that the facts ask for. The phone comes first: it is what can be talked into.
    pub fn view(&self) -> View {
        if !matches!(self.desk.stage, Stage::SignedIn(_)) {
            return View::SignIn;
        }
        let doing = self.me().map(|me| &me.state);
        match (&self.desk.phone.call, doing) {
            (Some(call), _) if call.direction == Direction::Incoming && call.phase == Phase::Ringing => {
                View::Incoming(self.incoming_here(call))
            }
            (Some(call), _) => View::Call(self.talk_here(call)),
            (None, Some(Doing::Offered { call, until, .. })) => {
                View::Incoming(self.incoming_elsewhere(*call, *until))
            }
            (None, Some(Doing::Talking { call, held })) => View::Call(self.talk_elsewhere(*call, *held)),
            (None, Some(Doing::WrapUp { call, queue, until })) => View::WrapUp(WrapUp {
                call: *call,
                queue: queue.clone(),
                since: self.me().map_or(self.desk.now, |me| me.state_since),
                until: *until,
                codes: self.queue(queue).map_or_else(Vec::new, |info| info.wrap_up_codes.clone()),
                rules: self.queue(queue).map(|info| info.wrap_up.clone()).unwrap_or_default(),
            }),
            (None, Some(Doing::Idle) | None) => View::Ready,
        }
    }

    fn queue(&self, queue: &QueueId) -> Option<&QueueInfo> {
        self.desk.floor.queues.get(queue).map(|view| &view.info)
    }

    /// The call that hold, transfer and hang-up are about: as the service knows it.
    pub fn call_id(&self) -> Option<CallId> {
        let of_phone = self.desk.phone.call.as_ref().and_then(|call| call.about.call);
        of_phone.or_else(|| self.me().and_then(|me| me.state.call()))
    }

    /// Why the service made this agent not ready, when it was not the agent's own wish.
    pub fn forced(&self) -> Option<&NotReadyReason> {
        let me = self.me()?;
        match (&me.status, &me.state) {
            (Status::NotReady { reason }, Doing::Idle) => match reason {
                NotReadyReason::SignedIn | NotReadyReason::Break { .. } => None,
                NotReadyReason::MissedOffer { .. }
                | NotReadyReason::RejectedOffer { .. }
                | NotReadyReason::PhoneLost
                | NotReadyReason::ConnectionLost
                | NotReadyReason::Supervisor
                | NotReadyReason::OnDemand => Some(reason),
            },
            _ => None,
        }
    }

    /// The own queues with what waits in them.
    pub fn queues(&self) -> Vec<QueueNow> {
        let Some(me) = self.me() else { return Vec::new() };
        let waiting = self.desk.waiting();
        let of = |id: &QueueId| -> Vec<Timestamp> {
            waiting.iter().filter(|(_, queue, _)| *queue == id).map(|(_, _, since)| *since).collect()
        };
        me.info
            .queues
            .iter()
            .map(|id| {
                let since = of(id);
                QueueNow {
                    id: id.clone(),
                    name: self.desk.queue_name(id).to_owned(),
                    waiting: since.len() as u32,
                    longest_since: since.into_iter().min(),
                }
            })
            .collect()
    }

    /// One line for a report of a program.
    pub fn summary(&self) -> String {
        let me = self.me().map(|me| format!("{:?}, {:?}", me.status, me.state));
        let phone = &self.desk.phone;
        let call = phone.call.as_ref().map(|call| call.phase);
        format!(
            "{:?}, {:?}, agent {me:?}, phone {:?} with call {call:?}",
            self.desk.stage, self.desk.link, phone.registration
        )
    }

    fn live_call(&self, call: Option<CallId>) -> Option<&LiveCall> {
        self.desk.floor.calls.get(&call?)
    }

    fn incoming_here(&self, call: &CallState) -> Incoming {
        let live = self.live_call(call.about.call);
        let until = match self.me().map(|me| &me.state) {
            Some(Doing::Offered { until, .. }) => Some(*until),
            _ => None,
        };
        let waited =
            call.about.wait_secs.map(|secs| call.began_at - std::time::Duration::from_secs(secs.into()));
        Incoming {
            from: live.map_or_else(|| call.peer.clone(), |live| live.from.clone()),
            queue: self.queue_words(call.about.queue.as_ref(), call.about.queue_name.as_deref()),
            waiting_since: live.and_then(waiting_since).or(waited),
            since: call.began_at,
            until,
            here: true,
        }
    }

    fn incoming_elsewhere(&self, call: CallId, until: Timestamp) -> Incoming {
        let live = self.live_call(Some(call));
        Incoming {
            from: live.map(|live| live.from.clone()).unwrap_or_default(),
            queue: self.queue_words(live.and_then(LiveCall::queue), None),
            waiting_since: live.and_then(waiting_since),
            since: self.me().map_or(self.desk.now, |me| me.state_since),
            until: Some(until),
            here: false,
        }
    }

    fn talk_here(&self, call: &CallState) -> Talk {
        let live = self.live_call(call.about.call);
        let held_by_service =
            matches!(self.me().map(|me| &me.state), Some(Doing::Talking { held: true, .. }));
        Talk {
            call: call.about.call,
            with: live.map_or_else(|| call.peer.clone(), |live| live.from.clone()),
            queue: self.queue_words(call.about.queue.as_ref(), call.about.queue_name.as_deref()),
            since: call.answered_at.unwrap_or(call.since),
            held: held_by_service || call.phase == Phase::Held,
            phone: Some(call.clone()),
            supervision: live.map(|live| live.supervision.clone()).unwrap_or_default(),
            recorded: live.is_some_and(|live| live.recording.is_some()),
            dialling: live.is_some_and(is_dialling),
        }
    }

    fn talk_elsewhere(&self, call: CallId, held: bool) -> Talk {
        let live = self.live_call(Some(call));
        Talk {
            call: Some(call),
            with: live.map(|live| live.from.clone()).unwrap_or_default(),
            queue: self.queue_words(live.and_then(LiveCall::queue), None),
            since: self.me().map_or(self.desk.now, |me| me.state_since),
            held,
            phone: None,
            supervision: live.map(|live| live.supervision.clone()).unwrap_or_default(),
            recorded: live.is_some_and(|live| live.recording.is_some()),
            dialling: live.is_some_and(is_dialling),
        }
    }

    fn queue_words(&self, id: Option<&QueueId>, name: Option<&str>) -> Option<String> {
        let known = id.and_then(|id| self.desk.floor.queues.get(id)).map(|view| view.info.name.clone());
        known.or_else(|| name.map(str::to_owned)).or_else(|| id.map(ToString::to_string))
    }
}

fn is_dialling(call: &LiveCall) -> bool {
    matches!(call.phase, shared::model::call::Phase::Dialling { .. })
}

fn waiting_since(call: &LiveCall) -> Option<Timestamp> {
    match &call.phase {
        shared::model::call::Phase::Waiting { since, .. }
        | shared::model::call::Phase::Offered { since, .. } => Some(*since),
        shared::model::call::Phase::Arrived
        | shared::model::call::Phase::Talking { .. }
        | shared::model::call::Phase::TakenOver { .. }
        | shared::model::call::Phase::Dialling { .. }
        | shared::model::call::Phase::Outside { .. } => None,
    }
}
