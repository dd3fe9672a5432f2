//! The story of one call: a fold of its events to the row that lists show.

use crate::api::calls::{CallSummary, NonOfferRecord, OfferRecord};
use crate::id::CallId;
use crate::model::call::{Direction, Party};
use crate::model::callback::CallbackChange;
use crate::model::decision::{Decision, NonOffer};
use crate::model::event::{Event, Stamped};

/// Folds the events of one call, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    summary: CallSummary,
    seq: u64,
}

impl History {
    /// An empty story; `first` is the call's first event, normally [`Event::CallArrived`], and is folded as well.
    /// None when the event is about no call.
    pub fn begin(first: &Stamped) -> Option<History> {
        let mut history = History { summary: empty(first.event.call()?, first), seq: 0 };
        history.apply(first);
        Some(history)
    }

    /// Takes a stored row up again. `seq` is the number of the last event that is in it.
    pub fn resume(summary: CallSummary, seq: u64) -> History {
        History { summary, seq }
    }

    /// Folds one event. One of another call, or one that was folded already, changes nothing.
    pub fn apply(&mut self, stamped: &Stamped) {
        if stamped.seq <= self.seq || stamped.event.call() != Some(self.summary.id) {
            return;
        }
        self.seq = stamped.seq;
        let row = &mut self.summary;
        match &stamped.event {
            Event::CallArrived { call: _, from, dialled, trunk } => {
                row.from.clone_from(from);
                row.dialled.clone_from(dialled);
                row.trunk.clone_from(trunk);
                row.arrived_at = stamped.at;
            }
            Event::CallPlaced { call: _, by, direction, to, colleague: _, queue } => {
                row.direction = *direction;
                row.from.clone_from(to);
                row.dialled.clone_from(&to.number);
                row.arrived_at = stamped.at;
                row.agents.push(by.to_agent());
                row.queues.extend(queue.clone());
            }
            Event::CallAnswered { trunk, .. } => {
                if row.direction == Direction::Outbound {
                    row.trunk.clone_from(trunk);
                }
            }
            Event::CallQueued { queue, .. } => {
                if row.queues.last() != Some(queue) {
                    row.queues.push(queue.clone());
                }
                row.exit = None;
            }
            Event::CallLeftQueue { queue, exit, wait_millis, .. } => {
                // A queue that turned the call away was never entered.
                if row.queues.last() != Some(queue) {
                    row.queues.push(queue.clone());
                }
                row.exit = Some(*exit);
                row.wait_millis += wait_millis;
            }
            Event::CallConnected { agent, .. } | Event::CallJoined { agent: Some(agent), .. } => {
                if row.agents.last() != Some(agent) {
                    row.agents.push(agent.clone());
                }
            }
            Event::AgentReleased { talk_millis, hold_millis, .. }
            | Event::AgentLeft { talk_millis, hold_millis, .. } => {
                row.talk_millis += talk_millis;
                row.hold_millis += hold_millis;
            }
            Event::CallEnded { cause, .. } => {
                row.ended_at = Some(stamped.at);
                row.cause = Some(cause.clone());
            }
            Event::RecordingStarted { recording, .. } | Event::RecordingSealed { recording, .. } => {
                row.recording = Some(*recording);
            }
            Event::Callback { queue, change, .. } => match change {
                CallbackChange::Offered { to, .. } => {
                    row.direction = Direction::Outbound;
                    row.from.clone_from(to);
                    row.dialled.clone_from(&to.number);
                    if row.queues.last() != Some(queue) {
                        row.queues.push(queue.clone());
                    }
                }
                CallbackChange::Dialled { agent, .. } => {
                    if row.agents.last() != Some(agent) {
                        row.agents.push(agent.clone());
                    }
                }
                CallbackChange::Requested { .. }
                | CallbackChange::Attempted { .. }
                | CallbackChange::Ended { .. } => {}
            },
            Event::OfferMade { .. }
            | Event::CallNotOffered { .. }
            | Event::OfferEnded { .. }
            | Event::NumberRouted { .. }
            | Event::TrunkTried { .. }
            | Event::TrunkFailed { .. }
            | Event::CallHeld { .. }
            | Event::CallResumed { .. }
            | Event::CallTransferred { .. }
            | Event::CallJoined { agent: None, .. }
            | Event::WrapUpStarted { .. }
            | Event::WrapUpExtended { .. }
            | Event::CallCoded { .. }
            | Event::WrapUpEnded { .. }
            | Event::SupervisionChanged { .. }
            | Event::SupervisionEnded { .. }
            | Event::AudioLost { .. }
            | Event::AudioBack { .. }
            | Event::TranscriptWaiting { .. }
            | Event::TranscriptReady { .. }
            | Event::TranscriptFailed { .. }
            // About no call.
            | Event::ServiceStarted { .. }
            | Event::DayStarted { .. }
            | Event::QueueConfigured { .. }
            | Event::QueueRemoved { .. }
            | Event::AgentConfigured { .. }
            | Event::AgentRemoved { .. }
            | Event::BreaksConfigured { .. }
            | Event::AgentStatusChanged { .. }
            | Event::AgentNextStatusSet { .. }
            | Event::AgentDeviceChanged { .. }
            | Event::ConfigurationChanged { .. }
            | Event::DoNotCallChanged { .. }
            | Event::Campaign { .. }
            | Event::TrunkConfigured { .. }
            | Event::TrunkRemoved { .. }
            | Event::TrunkUp { .. }
            | Event::TrunkDown { .. } => {}
        }
    }

    /// The row as it stands.
    pub fn summary(&self) -> &CallSummary {
        &self.summary
    }

    /// Number of the last event that is in the row.
    pub fn seq(&self) -> u64 {
        self.seq
    }
}

/// The row of a call from its events, oldest first; none without events of a call. Events of other calls are skipped.
pub fn summarize<'e>(events: impl IntoIterator<Item = &'e Stamped>) -> Option<CallSummary> {
    let mut events = events.into_iter().skip_while(|stamped| stamped.event.call().is_none());
    let mut history = History::begin(events.next()?)?;
    events.for_each(|stamped| history.apply(stamped));
    Some(history.summary)
}

/// The offers of a call from its events, oldest first; `words` puts a decision in plain words.
pub fn offers<'e>(
    events: impl IntoIterator<Item = &'e Stamped>,
    words: impl Fn(&Decision) -> String,
) -> Vec<OfferRecord> {
    let mut offers: Vec<OfferRecord> = Vec::new();
    for stamped in events {
        match &stamped.event {
            Event::OfferMade { offer, agent, decision, .. } => offers.push(OfferRecord {
                offer: *offer,
                at: stamped.at,
                agent: agent.clone(),
                decision: (**decision).clone(),
                words: words(decision),
                outcome: None,
                rang_millis: None,
            }),
            Event::OfferEnded { offer, outcome, rang_millis, .. } => {
                if let Some(known) = offers.iter_mut().find(|known| known.offer == *offer) {
                    known.outcome = Some(*outcome);
                    known.rang_millis = Some(*rang_millis);
                }
            }
            _ => {}
        }
    }
    offers
}

/// The records of a call that was offered to nobody, from its events, oldest first; `words` puts one in plain words.
pub fn non_offers<'e>(
    events: impl IntoIterator<Item = &'e Stamped>,
    words: impl Fn(&NonOffer) -> String,
) -> Vec<NonOfferRecord> {
    let records = events.into_iter().filter_map(|stamped| match &stamped.event {
        Event::CallNotOffered { record, .. } => Some((stamped.at, record)),
        _ => None,
    });
    records
        .map(|(at, record)| NonOfferRecord { at, words: words(record), record: (**record).clone() })
        .collect()
}

fn empty(call: CallId, first: &Stamped) -> CallSummary {
    CallSummary {
        id: call,
        direction: Direction::Inbound,
        from: Party::default(),
        dialled: String::new(),
        trunk: None,
        arrived_at: first.at,
        ended_at: None,
        cause: None,
        queues: Vec::new(),
        exit: None,
        wait_millis: 0,
        agents: Vec::new(),
        talk_millis: 0,
        hold_millis: 0,
        recording: None,
    }
}
