//! What the console shows, as plain data. `apply` takes up events; the screens only read.

use std::collections::BTreeMap;

use shared::api::calls::CallSummary;
use shared::api::error::ApiError;
use shared::api::queues::ExpectedWaitReport;
use shared::api::reports::DayReport;
use shared::id::{CallId, QueueId, RecordingId, UserId};
use shared::model::agent::{State as Doing, Status};
use shared::model::call::{LiveCall, Phase, Supervision};
use shared::model::callback::OpenCallback;
use shared::model::event::Event as Fact;
use shared::model::floor::{AgentView, QueueView};
use shared::model::metric::QueueFigures;
use shared::model::recording::Recording;
use shared::model::transcript::Transcript;
use shared::time::Timestamp;
use shared_desktop::desk::{Desk, DeskEvent, LiveEvent};
use shared_desktop::settings::Settings;

use crate::event::{Event, Playback, RecordingPage, Routed};

/// Something that was asked for.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Loaded<T> {
    /// Not yet.
    #[default]
    Nothing,
    /// There.
    Ready(T),
    /// It did not come.
    Failed(ApiError),
}

impl<T> From<Result<T, ApiError>> for Loaded<T> {
    fn from(answer: Result<T, ApiError>) -> Self {
        match answer {
            Ok(value) => Loaded::Ready(value),
            Err(error) => Loaded::Failed(error),
        }
    }
}

/// The recordings that were found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// The words that they were found by.
    pub words: String,
    /// Newest first.
    pub recordings: Vec<Recording>,
    /// What is known of their calls.
    pub calls: Vec<CallSummary>,
    /// There are more.
    pub more: bool,
}

/// Everything that the window shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    /// What both apps know.
    pub desk: Desk,
    /// Why the chosen call went where it went.
    pub decisions: Option<(CallId, Loaded<Routed>)>,
    /// How long calls will wait, in queues in which some do.
    pub expected: BTreeMap<QueueId, ExpectedWaitReport>,
    /// How many answers to that question have come.
    pub expected_answers: u64,
    /// The recordings.
    pub recordings: Loaded<Found>,
    /// A recording was sealed or transcribed since they were asked for.
    pub recordings_stale: bool,
    /// How many answers to the question for recordings have come.
    pub recordings_answers: u64,
    /// The transcript of the chosen recording.
    pub transcript: Option<(RecordingId, Loaded<Transcript>)>,
    /// The day's figures.
    pub day: Loaded<DayReport>,
    /// What plays.
    pub playback: Option<Playback>,
    /// The backend has ended.
    pub ended: bool,
}

/// A queue with what happens in it now.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueNow {
    /// Which.
    pub id: QueueId,
    /// Name that people read.
    pub name: String,
    /// Calls that wait.
    pub waiting: u32,
    /// Since when the longest waits.
    pub longest_since: Option<Timestamp>,
    /// Agents who are ready and idle.
    pub ready: u32,
    /// Agents who are signed in.
    pub signed_in: u32,
    /// Service level: answered within this.
    pub target_secs: u32,
    /// Service level: this share of calls.
    pub target_percent: u8,
    /// The day's figures with their formulas.
    pub figures: QueueFigures,
}

impl State {
    /// Before anything has happened.
    pub fn new(now: Timestamp, settings: Settings) -> State {
        State { desk: Desk::new(now, settings), ..State::default() }
    }

    /// Takes up one event.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Desk(event) => self.apply_desk(event),
            Event::Decisions(call, answer) => self.decisions = Some((*call, answer.clone().into())),
            Event::ExpectedWaits(reports) => {
                self.expected.clone_from(reports);
                self.expected_answers += 1;
            }
            Event::Recordings { words, before, page } => self.apply_page(words, before.is_some(), page),
            Event::Transcript(recording, answer) => {
                self.transcript = Some((*recording, (**answer).clone().into()));
            }
            Event::Day(answer) => self.day = (**answer).clone().into(),
            Event::Playing(Playback::Stopped) => self.playback = None,
            Event::Playing(Playback::Failed(error)) => {
                self.playback = None;
                self.desk.notices.error(self.desk.now, error);
            }
            Event::Playing(playback) => self.playback = Some(playback.clone()),
            Event::Ended => self.ended = true,
        }
    }

    fn apply_desk(&mut self, event: &DeskEvent) {
        self.desk.apply(event);
        match event {
            DeskEvent::Live(LiveEvent::Event(stamped)) => match &stamped.event {
                Fact::RecordingSealed { .. } | Fact::TranscriptWaiting { .. } => self.recordings_stale = true,
                Fact::TranscriptReady { recording, .. } | Fact::TranscriptFailed { recording, .. } => {
                    self.recordings_stale = true;
                    if self.transcript.as_ref().is_some_and(|(shown, _)| shown == recording) {
                        self.transcript = None;
                    }
                }
                _ => {}
            },
            DeskEvent::SignedIn(_) | DeskEvent::SignedOut(_) => {
                *self = State { desk: std::mem::take(&mut self.desk), ended: self.ended, ..State::default() };
            }
            _ => {}
        }
    }

    fn apply_page(&mut self, words: &str, further: bool, page: &Result<RecordingPage, ApiError>) {
        if !further {
            self.recordings_stale = false;
            self.recordings_answers += 1;
        }
        match (page, &mut self.recordings) {
            (Ok(page), Loaded::Ready(found)) if further && found.words == words => {
                found.recordings.extend(page.recordings.iter().cloned());
                found.calls.extend(page.calls.iter().cloned());
                found.more = page.more;
            }
            // A further page of a search that is no longer shown.
            (Ok(_), _) if further => {}
            (Ok(page), shown) => {
                *shown = Loaded::Ready(Found {
                    words: words.into(),
                    recordings: page.recordings.clone(),
                    calls: page.calls.clone(),
                    more: page.more,
                });
            }
            (Err(error), Loaded::Ready(_)) => self.desk.notices.error(self.desk.now, error),
            (Err(error), shown) => *shown = Loaded::Failed(error.clone()),
        }
    }

    /// Who this is.
    pub fn me(&self) -> Option<&UserId> {
        self.desk.user().map(|user| &user.id)
    }

    /// How this supervisor takes part in a call.
    pub fn own_supervision<'a>(&self, call: &'a LiveCall) -> Option<&'a Supervision> {
        let me = self.me()?;
        call.supervision.iter().find(|supervision| supervision.supervisor == *me)
    }

    /// The call that this supervisor is in.
    pub fn supervised(&self) -> Option<(&LiveCall, &Supervision)> {
        self.desk.floor.calls.values().find_map(|call| Some((call, self.own_supervision(call)?)))
    }

    /// The queues with what happens in them, by name.
    pub fn queues(&self) -> Vec<QueueNow> {
        let waiting = self.desk.waiting();
        let mut queues: Vec<QueueNow> = self
            .desk
            .floor
            .queues
            .values()
            .map(|view| {
                let since: Vec<Timestamp> = waiting
                    .iter()
                    .filter(|(_, queue, _)| **queue == view.info.id)
                    .map(|(_, _, since)| *since)
                    .collect();
                self.queue_now(view, &since)
            })
            .collect();
        queues.sort_by(|left, right| left.name.cmp(&right.name));
        queues
    }

    fn queue_now(&self, view: &QueueView, waiting_since: &[Timestamp]) -> QueueNow {
        let target = std::time::Duration::from_secs(view.info.target_secs.into());
        let late = waiting_since.iter().filter(|since| self.desk.now - **since > target).count();
        let serves = |agent: &&AgentView| agent.info.queues.contains(&view.info.id);
        let agents = || self.desk.floor.agents.values().filter(serves);
        let is_ready = |agent: &&AgentView| agent.is_free() && agent.device.is_reachable();
        QueueNow {
            id: view.info.id.clone(),
            name: view.info.name.clone(),
            waiting: waiting_since.len() as u32,
            longest_since: waiting_since.iter().min().copied(),
            ready: agents().filter(is_ready).count() as u32,
            signed_in: agents().filter(|agent| agent.status != Status::Offline).count() as u32,
            target_secs: view.info.target_secs,
            target_percent: view.info.target_percent,
            figures: view.counts.figures(late as u64),
        }
    }

    /// Calls that talk (or are taken over), the longest first.
    pub fn talking(&self) -> Vec<(&LiveCall, Timestamp)> {
        let mut talking: Vec<_> = self
            .desk
            .floor
            .calls
            .values()
            .filter_map(|call| match &call.phase {
                Phase::Talking { since, .. }
                | Phase::TakenOver { since, .. }
                | Phase::Outside { since, .. } => Some((call, *since)),
                Phase::Arrived | Phase::Waiting { .. } | Phase::Offered { .. } | Phase::Dialling { .. } => {
                    None
                }
            })
            .collect();
        talking.sort_by_key(|(call, since)| (*since, call.id));
        talking
    }

    /// The callbacks of a queue, or all, in the order of their places.
    pub fn callbacks(&self, queue: Option<&QueueId>) -> Vec<&OpenCallback> {
        match queue {
            Some(queue) => self.desk.floor.callbacks_of(queue),
            None => {
                let mut open: Vec<_> = self.desk.floor.callbacks.values().collect();
                open.sort_by_key(|callback| (callback.since, callback.id));
                open
            }
        }
    }

    /// The agents of a queue, or all: who does something first, then by name.
    pub fn agents(&self, queue: Option<&QueueId>) -> Vec<&AgentView> {
        let mut agents: Vec<&AgentView> = self
            .desk
            .floor
            .agents
            .values()
            .filter(|agent| queue.is_none_or(|queue| agent.info.queues.contains(queue)))
            .collect();
        agents.sort_by(|left, right| (rank(left), &left.info.name).cmp(&(rank(right), &right.info.name)));
        agents
    }

    /// One line for a report of a program.
    pub fn summary(&self) -> String {
        let phone = &self.desk.phone;
        let call = phone.call.as_ref().map(|call| (call.phase, call.about.supervision, call.muted));
        let supervised = self.supervised().map(|(call, supervision)| (call.id, supervision.mode));
        format!(
            "{:?}, {:?}, {} live calls, supervised {supervised:?}, phone {:?} with call {call:?}",
            self.desk.stage,
            self.desk.link,
            self.desk.floor.calls.len(),
            phone.registration
        )
    }
}

fn rank(agent: &AgentView) -> u8 {
    match (&agent.state, &agent.status) {
        (Doing::Offered { .. }, _) => 0,
        (Doing::Talking { .. }, _) => 1,
        (Doing::WrapUp { .. }, _) => 2,
        (Doing::Idle, Status::Ready) => 3,
        (Doing::Idle, Status::NotReady { .. }) => 4,
        (Doing::Idle, Status::Offline) => 5,
    }
}
