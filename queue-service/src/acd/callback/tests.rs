//! Callbacks on a virtual clock, in short words: what goes in and all that comes out of it.

use std::time::Duration;

use shared::id::{AgentId, CallId, OfferId};
use shared::model::agent::{ChangedBy, State};
use shared::model::call::{EndCause, OfferOutcome, Party, QueueExit};
use shared::model::callback::{CallbackChange, CallbackEnd, CallbackFirst, CallbackRules, NotReached};
use shared::model::event::{Event, Stamped};
use shared::model::floor::Floor;
use shared::model::queue::QueueInfo;
use shared::time::Timestamp;

use super::super::tests::{agent, agent_id, call_id, configure, queue, queue_id, start};
use super::super::{Acd, AcdConfig, Input, Output};

/// The customer's number.
pub(super) const NUMBER: &str = "+4930";

pub(super) struct Run {
    pub(super) acd: Acd,
    pub(super) floor: Floor,
    pub(super) now: Timestamp,
    /// The last call that rang, or whose customer was to be dialled.
    pub(super) call: CallId,
    pub(super) offers: Vec<(AgentId, OfferId)>,
    pub(super) outputs: Vec<Output>,
}

impl Run {
    pub(super) fn new(agents: &[&str], sales: QueueInfo) -> Run {
        let mut run = Run {
            acd: Acd::new(AcdConfig::default(), 7),
            floor: Floor::default(),
            now: start(),
            call: call_id(0),
            offers: Vec::new(),
            outputs: Vec::new(),
        };
        let agents = agents.iter().map(|name| agent(name, &["sales"])).collect();
        run.input(configure(1, vec![sales], agents));
        run
    }

    pub(super) fn input(&mut self, input: Input) -> String {
        self.acd.handle(self.now, input);
        self.drain()
    }

    /// Lets time pass, with every deadline in its turn.
    pub(super) fn pass(&mut self, secs: u64) -> String {
        let to = self.now + Duration::from_secs(secs);
        let mut said = Vec::new();
        while let Some(due) = self.acd.deadline().filter(|due| *due <= to) {
            self.now = self.now.max(due);
            said.push(self.input(Input::Tick));
        }
        self.now = to;
        said.retain(|said| !said.is_empty());
        said.join(", ")
    }

    pub(super) fn publish(&mut self, event: &Event) {
        self.floor.apply(&Stamped { seq: self.floor.seq + 1, at: self.now, event: event.clone() });
    }

    pub(super) fn drain(&mut self) -> String {
        let mut said = Vec::new();
        while let Some(output) = self.acd.poll() {
            match &output {
                Output::Publish(event) => self.publish(event),
                Output::Ring { call, agent, offer, .. } => {
                    self.call = *call;
                    self.offers.push((agent.clone(), *offer));
                }
                Output::DialCustomer { call, .. } => self.call = *call,
                _ => {}
            }
            said.extend(words(&output));
            self.outputs.push(output);
        }
        // It can be saved at any step.
        let text = serde_json::to_string(&self.acd).expect("saved");
        assert_eq!(serde_json::from_str::<Acd>(&text).expect("loaded"), self.acd);
        if self.acd.deadline().is_some() {
            self.acd.check_index();
        }
        said.join(", ")
    }

    pub(super) fn call_in(&mut self, call: u64, number: &str) -> String {
        let (call, caller) = (call_id(call), Some(number.to_owned()));
        let from = Party { number: number.into(), name: String::new() };
        self.publish(&Event::CallArrived { call, from, dialled: "1".into(), trunk: None });
        let (queue, since) = (queue_id("sales"), self.now);
        self.input(Input::Enqueue { call, queue, since, only: None, caller })
    }

    pub(super) fn ask(&mut self, call: u64, number: &str) -> String {
        let to = Party { number: number.into(), name: String::new() };
        self.input(Input::AskCallback { call: call_id(call), to })
    }

    fn answer(&mut self) -> String {
        let offer = self.offers.last().expect("a phone rings").1;
        let won = self.acd.answered(self.now, offer).expect("it still rings");
        assert_eq!(won.call, self.call);
        self.drain()
    }

    fn failed(&mut self, outcome: NotReached) -> String {
        self.input(Input::CallbackFailed { call: self.call, outcome })
    }

    fn reached(&mut self) -> String {
        self.input(Input::CallbackReached { call: self.call })
    }

    fn release(&mut self, name: &str) -> String {
        let (agent, queue) = (agent_id(name), queue_id("sales"));
        self.input(Input::Released { call: self.call, agent, queue, wrap_up: true })
    }

    fn ready(&mut self, name: &str) -> String {
        let ready = shared::api::agents::WantedStatus::Ready;
        self.acd.set_status(self.now, &agent_id(name), ready, ChangedBy::Agent).expect("ready");
        self.drain()
    }

    fn away(&mut self, name: &str) -> String {
        let wanted = shared::api::agents::WantedStatus::NotReady { reason: None };
        self.acd.set_status(self.now, &agent_id(name), wanted, ChangedBy::Agent).expect("away");
        self.drain()
    }
}

fn words(output: &Output) -> Option<String> {
    let text = match output {
        Output::Ring { agent, to, .. } => {
            format!("ring {agent}{}", to.as_ref().map_or(String::new(), |to| format!(" to {}", to.number)))
        }
        Output::CancelRing { agent, .. } => format!("cancel {agent}"),
        Output::DialCustomer { to, .. } => format!("dial {}", to.number),
        Output::PutOff { .. } => "put off".into(),
        Output::CallbackTaken { .. } => "taken".into(),
        Output::CallbackRefused { .. } => "refused".into(),
        Output::Redirect { exit, .. } => format!("redirect {exit:?}"),
        Output::Publish(event) => match event {
            Event::CallQueued { .. } => "queued".into(),
            Event::CallLeftQueue { exit, .. } => format!("left {exit:?}"),
            Event::OfferEnded { agent, outcome: OfferOutcome::Answered, .. } => format!("{agent} answered"),
            Event::OfferEnded { agent, outcome, .. } => format!("{agent} {outcome:?}"),
            Event::WrapUpStarted { agent, .. } => format!("{agent} wraps up"),
            Event::Callback { change, .. } => match change {
                CallbackChange::Requested { .. } => "requested".into(),
                CallbackChange::Offered { .. } => "offered".into(),
                CallbackChange::Dialled { agent, attempt, .. } => format!("{agent} dials #{attempt}"),
                CallbackChange::Attempted { outcome, next_at, .. } => {
                    format!("{outcome:?}{}", if next_at.is_some() { ", again" } else { "" })
                }
                CallbackChange::Ended { end } => format!("over {}", end_word(end)),
            },
            _ => return None,
        },
    };
    Some(text)
}

fn end_word(end: &CallbackEnd) -> &'static str {
    match end {
        CallbackEnd::Done { .. } => "done",
        CallbackEnd::CalledIn { .. } => "called in",
        CallbackEnd::Exhausted => "exhausted",
        CallbackEnd::Expired => "expired",
        CallbackEnd::Cancelled { .. } => "cancelled",
        CallbackEnd::QueueGone => "queue gone",
    }
}

pub(super) fn sales(rules: CallbackRules) -> QueueInfo {
    QueueInfo { callback: Some(rules), wrap_up_secs: 10, ..queue("sales") }
}

fn rules(first: CallbackFirst) -> CallbackRules {
    CallbackRules {
        first,
        attempts: 2,
        retry_secs: 300,
        ring_secs: 30,
        expire_secs: 3_600,
        ..Default::default()
    }
}

fn agent_first() -> CallbackRules {
    rules(CallbackFirst::Agent)
}

fn customer_first() -> CallbackRules {
    rules(CallbackFirst::Customer)
}

/// Nobody is ready; call 1 has asked to be called back after 60 s.
fn asked(rules: CallbackRules) -> Run {
    let mut run = Run::new(&["201"], sales(rules));
    run.away("201");
    assert_eq!(run.call_in(1, NUMBER), "queued");
    run.pass(60);
    assert_eq!(run.ask(1, NUMBER), "left CallbackTaken, taken, requested");
    run
}

#[test]
fn the_agent_is_called_first_at_the_callers_old_place() {
    let mut run = asked(agent_first());
    let counts = &run.floor.queues[&queue_id("sales")].counts;
    assert_eq!((counts.entered, counts.callback_taken, counts.abandoned()), (1, 1, 0));
    // Somebody who came after him waits behind him.
    run.pass(20);
    assert_eq!(run.call_in(2, "+4940"), "queued");
    assert_eq!(run.ready("201"), "offered, ring 201 to +4930");
    assert_eq!(run.pass(5), "");
    assert_eq!(run.answer(), "201 answered, 201 dials #1");
    assert_eq!(run.floor.agents[&agent_id("201")].state, State::Talking { call: run.call, held: false });
    assert_eq!(run.reached(), "over done");
    assert_eq!(run.acd.callbacks(), 0);
    assert!(run.floor.callbacks.is_empty());
    run.pass(60);
    assert_eq!(run.release("201"), "201 wraps up");
    assert_eq!(run.pass(10), "ring 201", "now the one behind him");
}

#[test]
fn who_is_not_reached_is_tried_again_and_not_for_ever() {
    let mut run = asked(agent_first());
    run.ready("201");
    run.answer();
    assert_eq!(run.failed(NotReached::Busy), "Busy, again");
    assert_eq!(run.failed(NotReached::Busy), "", "told once");
    let open = run.floor.callbacks.values().next().expect("still open").clone();
    assert_eq!((open.attempts, open.next_at), (1, Some(run.now + Duration::from_secs(300))));
    assert_eq!(run.release("201"), "201 wraps up");
    assert_eq!(run.pass(299), "", "spaced");
    assert_eq!(run.pass(1), "offered, ring 201 to +4930");
    assert_eq!(run.answer(), "201 answered, 201 dials #2");
    assert_eq!(run.failed(NotReached::NoAnswer), "NoAnswer, over exhausted");
    assert_eq!(run.release("201"), "201 wraps up");
    assert_eq!(run.pass(7_200), "", "nobody is called any more");
}

#[test]
fn an_agent_who_misses_it_costs_no_attempt() {
    let mut run = asked(agent_first());
    run.ready("201");
    assert_eq!(run.pass(20), "cancel 201, 201 Missed");
    assert_eq!(run.floor.callbacks.values().next().expect("open").attempts, 0);
    assert_eq!(run.ready("201"), "ring 201 to +4930", "the same call rings again");
}

#[test]
fn the_customer_is_dialled_first_while_an_agent_is_reserved() {
    let mut run = asked(customer_first());
    assert_eq!(run.ready("201"), "offered, 201 dials #1, dial +4930");
    let offered = |run: &Run| matches!(run.floor.agents[&agent_id("201")].state, State::Offered { .. });
    assert!(offered(&run), "reserved");
    assert!(run.acd.answered(run.now, run.acd.offers.keys().next().copied().expect("one")).is_err());
    run.pass(10);
    assert_eq!(run.reached(), "over done, queued, ring 201");
    assert!(offered(&run));
    assert_eq!(run.answer(), "201 answered, left Answered");
    let counts = &run.floor.queues[&queue_id("sales")].counts;
    assert_eq!((counts.entered, counts.callback_taken, counts.answered()), (2, 1, 1));
}

#[test]
fn who_answered_first_is_a_waiting_call_when_his_agent_does_not_come() {
    let mut run = asked(customer_first());
    run.ready("201");
    run.reached();
    assert_eq!(run.pass(20), "cancel 201, 201 Missed", "as for any other call");
    assert_eq!(run.ready("201"), "ring 201");
    let gone = Input::CallerGone { call: run.call };
    assert_eq!(run.input(gone), "cancel 201, 201 CallerGone, left Abandoned");
}

#[test]
fn a_lease_ends_with_the_customer_or_with_its_time_and_blames_nobody() {
    let mut run = asked(customer_first());
    run.ready("201");
    assert_eq!(run.failed(NotReached::NoAnswer), "201 CallerGone, NoAnswer, again");
    assert!(run.floor.agents[&agent_id("201")].is_free(), "he goes on");
    assert_eq!(run.pass(300), "offered, 201 dials #2, dial +4930");
    // Nothing is heard of the customer: the time of his ringing, and what signalling takes.
    assert_eq!(run.pass(34), "");
    assert_eq!(run.pass(1), "201 CallerGone, put off, AgentGone, over exhausted");
    assert!(run.floor.agents[&agent_id("201")].is_free());
}

#[test]
fn nobody_is_dialled_without_an_agent_who_is_reserved() {
    let mut run = asked(customer_first());
    run.ready("201");
    let lost = Input::SignedOut { agent: agent_id("201") };
    assert_eq!(run.input(lost), "201 Rejected, put off, AgentGone, again");
    assert!(run.acd.offers.is_empty());
}

#[test]
fn who_calls_again_gets_his_place_and_is_not_called_back() {
    let mut run = asked(agent_first());
    run.pass(100);
    assert_eq!(run.call_in(2, NUMBER), "over called in, queued");
    let since = run.acd.waiting[&call_id(2)].since;
    assert_eq!(since, start(), "the place of his first call");
    // Also while a phone rings for the callback.
    let mut run = asked(agent_first());
    run.ready("201");
    assert_eq!(
        run.call_in(2, NUMBER),
        "cancel 201, 201 CallerGone, put off, over called in, queued, ring 201"
    );
    // Not while he is being dialled: there is nobody at his phone to call.
    let mut run = asked(agent_first());
    run.ready("201");
    run.answer();
    assert_eq!(run.call_in(2, NUMBER), "queued");
}

#[test]
fn one_callback_a_number_and_as_many_as_the_queue_takes() {
    let mut run = asked(CallbackRules { max_open: 2, ..agent_first() });
    run.call_in(2, NUMBER);
    // He had called in; asks again, and has one.
    assert_eq!(run.ask(2, NUMBER), "left CallbackTaken, taken, requested");
    let booking = |number: &str, id| super::Booking {
        callback: call_id(id),
        queue: queue_id("sales"),
        to: Party { number: number.into(), name: String::new() },
        by: "sue".parse().expect("a user"),
    };
    assert_eq!(run.acd.may_call_back(&queue_id("sales"), NUMBER), Ok(Some(call_id(2))));
    assert_eq!(run.input(Input::BookCallback { booking: booking(NUMBER, 50) }), "", "the first stands");
    assert_eq!(run.input(Input::BookCallback { booking: booking("+4931", 51) }), "requested");
    run.call_in(3, "+4932");
    assert_eq!(run.ask(3, "+4932"), "refused", "he waits on");
    assert!(run.acd.is_waiting(call_id(3)));
    run.call_in(4, "");
    assert_eq!(run.ask(4, ""), "refused", "his number is withheld");
    assert_eq!(run.ask(99, NUMBER), "", "nobody waits there");
    let by = "sue".parse().expect("a user");
    let cancel = Input::CancelCallback { callback: call_id(51), by, reason: "reached by mail".into() };
    assert_eq!(run.input(cancel.clone()), "over cancelled");
    assert_eq!(run.input(cancel), "");
    let mut none = Run::new(&["201"], queue("sales"));
    none.away("201");
    none.call_in(1, NUMBER);
    assert_eq!(none.ask(1, NUMBER), "refused", "the queue makes none");
}

#[test]
fn nobody_is_called_outside_of_the_hours() {
    // A Monday, 10:00; the queue closes at 10:30 and opens again at 9:00 on Tuesday.
    let hours = vec!["Mon-Fri 09:00-10:30".to_owned()];
    let queue = QueueInfo { hours, ..sales(CallbackRules { expire_secs: 0, ..agent_first() }) };
    let mut run = Run::new(&["201"], queue);
    run.away("201");
    run.call_in(1, NUMBER);
    run.ask(1, NUMBER);
    run.pass(3_600);
    assert_eq!(run.ready("201"), "", "it is 11:00");
    assert_eq!(run.pass(22 * 3_600 - 1), "");
    assert_eq!(run.pass(1), "offered, ring 201 to +4930", "it is 9:00");
    // It rings at closing time: the ring is not cut short, the next one does not begin.
    run.pass(20);
    run.pass(5_400 - 25);
    assert_eq!(run.ready("201"), "ring 201 to +4930");
    assert_eq!(run.pass(20), "cancel 201, 201 Missed, put off");
    assert_eq!(run.ready("201"), "");
}

#[test]
fn it_is_over_when_it_took_too_long_or_its_queue_is_gone() {
    let mut run = asked(agent_first());
    assert_eq!(run.pass(3_599), "");
    assert_eq!(run.pass(1), "over expired");
    let mut run = asked(agent_first());
    run.ready("201");
    let gone = run.input(configure(2, vec![queue("sales")], vec![agent("201", &["sales"])]));
    assert_eq!(gone, "cancel 201, 201 CallerGone, put off, over queue gone");
}

#[test]
fn a_restart_keeps_place_and_attempts() {
    let mut run = asked(agent_first());
    run.ready("201");
    run.answer();
    run.failed(NotReached::Busy);
    run.publish(&Event::CallEnded { call: run.call, cause: EndCause::NotAnswered { status: 486 } });
    let before = run.floor.callbacks.values().next().expect("open").clone();
    let mut next = Run::new(&["201"], sales(agent_first()));
    next.now = run.now + Duration::from_secs(60);
    assert_eq!(next.input(Input::RestoreCallback { before: before.clone() }), "");
    assert_eq!(next.pass(239), "", "not before its time");
    assert_eq!(next.pass(1), "offered, ring 201 to +4930");
    assert_eq!(next.answer(), "201 answered, 201 dials #2");
    // The service died while the last attempt rang.
    let mut dead = Run::new(&["201"], sales(agent_first()));
    let tried = shared::model::callback::OpenCallback { attempts: 2, next_at: None, ..before.clone() };
    assert_eq!(dead.input(Input::RestoreCallback { before: tried }), "over exhausted");
    let mut gone = Run::new(&["201"], queue("sales"));
    assert_eq!(gone.input(Input::RestoreCallback { before }), "over queue gone");
}

#[test]
fn callbacks_take_no_room_of_those_who_wait() {
    let queue = QueueInfo { max_waiting: 1, ..sales(agent_first()) };
    let mut run = Run::new(&["201"], queue);
    run.away("201");
    run.call_in(1, NUMBER);
    run.ask(1, NUMBER);
    assert_eq!(run.call_in(2, "+4940"), "queued");
    assert_eq!(run.call_in(3, "+4941"), format!("left {:?}, redirect Full", QueueExit::Full));
}
