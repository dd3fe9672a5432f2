//! The pure core that ties transactions, dialogs, sessions and registrations together.

mod receive;
mod request;
mod streams;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use request::{Challenged, Wanted};
use streams::Streams;

use super::api::{Command, Config, Event, Input, Output, RegistrationId, SessionId, TransactionId};
use super::core::{Answered, Core, Due};
use super::dialog::{Dialog, Hop};
use super::digest::Client;
use super::header::NameAddr;
use super::message::{Body, Method, Request};
use super::register::Registration;
use super::session::{Call, SavedSession, Session, drop_fork};
use super::transaction::{Owner, Purpose};
use super::uri::Uri;
use crate::time::Timestamp;

/// One SIP user agent: see the module page of [`sip`](super).
#[derive(Debug)]
pub struct Endpoint {
    core: Core,
    sessions: HashMap<SessionId, Session>,
    /// By Call-ID and our own tag.
    by_dialog: HashMap<(String, String), SessionId>,
    registrations: BTreeMap<RegistrationId, Registration>,
    streams: Streams,
    /// Requests of the user with credentials, as long as they have no final response.
    challenged: HashMap<TransactionId, Challenged>,
    last_incoming: u64,
}

impl Endpoint {
    /// `seed` feeds branches, tags, Call-IDs and waiting times; give each process another one.
    pub fn new(config: Config, seed: u64) -> Endpoint {
        Endpoint {
            core: Core::new(config, seed),
            sessions: HashMap::new(),
            by_dialog: HashMap::new(),
            registrations: BTreeMap::new(),
            streams: Streams::default(),
            challenged: HashMap::new(),
            last_incoming: 0,
        }
    }

    /// Takes one input. Drain [`Endpoint::poll`] afterwards.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        self.core.now = now;
        match input {
            Input::Received { flow, bytes } => self.received(now, flow, &bytes),
            Input::StreamClosed { connection } => {
                self.forget_stream(connection);
                self.core.stream_closed(now, connection);
                for registration in self.registrations.values_mut() {
                    registration.lose_stream(now, &mut self.core, connection);
                }
            }
            Input::SendFailed { flow } => self.core.send_failed(now, flow),
            Input::Resolved { query, answer } => self.core.resolved(now, query, answer),
            Input::Command(command) => self.command(now, command),
            Input::Tick => {}
        }
        self.tick(now);
        if let Some(door) = &mut self.core.door {
            door.tick(now);
            while let Some(notice) = door.poll() {
                self.core.outputs.push_back(Output::Event(Event::Door(notice)));
            }
        }
    }

    /// The next thing to do; `None` when there is no more.
    pub fn poll(&mut self) -> Option<Output> {
        self.core.outputs.pop_front()
    }

    /// When [`Input::Tick`] is due.
    pub fn deadline(&self) -> Option<Timestamp> {
        let door = self.core.door.as_ref().and_then(|door| door.deadline());
        self.core.schedule.deadline().into_iter().chain(door).min()
    }

    /// How many sessions there are, those that wait for the answer to their BYE included.
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// How many transactions there are, finished ones that absorb repetitions included.
    pub fn transaction_count(&self) -> usize {
        self.core.table.len()
    }

    /// The dialog of a session, to name it in Replaces or to save it; `None` before there is one.
    pub fn dialog(&self, session: SessionId) -> Option<&Dialog> {
        self.sessions.get(&session)?.dialog()
    }

    /// A confirmed session as plain data; `None` for any other.
    pub fn save(&self, session: SessionId) -> Option<SavedSession> {
        self.sessions.get(&session)?.save()
    }

    /// Takes up a session that another process saved. False when its id is in use here.
    pub fn restore(&mut self, now: Timestamp, saved: SavedSession) -> bool {
        let id = saved.session;
        if self.sessions.contains_key(&id) {
            return false;
        }
        if id.is_incoming() {
            self.last_incoming = self.last_incoming.max(id.0 & !(1 << 63));
        }
        let session = Session::restore(now, &mut self.core, saved);
        self.add(session);
        true
    }

    /// The settings, without those of the door.
    pub fn config(&self) -> &Config {
        &self.core.config
    }

    fn command(&mut self, now: Timestamp, command: Command) {
        match command {
            Command::Invite { session, target, flow, from, to, headers, body, credentials } => {
                if session.is_incoming() || self.sessions.contains_key(&session) {
                    return;
                }
                if self.sessions.len() >= self.core.config.max_sessions {
                    return self.core.event(Event::Rejected {
                        session,
                        status: 503,
                        reason: "Too Many Sessions".into(),
                        contacts: Vec::new(),
                        cause: None,
                    });
                }
                let auth = Client::new(credentials);
                let call = Call { target, flow, from, to, headers, body, auth };
                let made = Session::invite(now, &mut self.core, session, call);
                self.add(made);
            }
            Command::Provisional { session, .. }
            | Command::Answer { session, .. }
            | Command::Acknowledge { session, .. }
            | Command::Reject { session, .. }
            | Command::Hangup { session, .. }
            | Command::AnswerEarly { session, .. }
            | Command::Reinvite { session, .. }
            | Command::Update { session, .. }
            | Command::Info { session, .. }
            | Command::Refer { session, .. }
            | Command::RespondRefer { session, .. }
            | Command::NotifyRefer { session, .. } => {
                self.with_session(now, session, |session, core| session.command(now, core, command));
            }
            Command::ReferAttended { session, other, referred_by } => {
                let Some(place) = self.sessions.get(&other).and_then(Session::place) else { return };
                self.with_session(now, session, |session, core| {
                    session.refer(now, core, &place, referred_by.as_ref());
                });
            }
            Command::Register { registration, aor, registrar, contact_user, expires_secs, credentials } => {
                let made = Registration::new(
                    &mut self.core,
                    registration,
                    aor,
                    registrar,
                    contact_user,
                    expires_secs,
                    credentials,
                );
                let made = match self.registrations.remove(&registration) {
                    Some(old) => made.take_over(old, &mut self.core),
                    None => made,
                };
                self.registrations.entry(registration).or_insert(made).register(now, &mut self.core);
            }
            Command::Unregister { registration } => {
                if let Some(known) = self.registrations.get_mut(&registration) {
                    known.unregister(now, &mut self.core);
                }
            }
            Command::Request { id, method, target, flow, headers, body, credentials } => {
                self.request(now, Wanted { id, method, target, flow, headers, body, credentials });
            }
            Command::Respond { transaction, status, reason, headers, body } => {
                self.respond(now, transaction, status, &reason, &headers, body.as_ref());
            }
            Command::Door(change) => {
                if let Some(door) = &mut self.core.door {
                    door.change(now, change);
                }
            }
        }
    }

    fn tick(&mut self, now: Timestamp) {
        loop {
            while let Some(answered) = self.core.failed.pop_front() {
                self.dispatch(now, answered);
            }
            let Some(due) = self.core.schedule.pop_due(now) else { return };
            match due {
                Due::Client(id) => self.core.tick_client(now, id),
                Due::Locator => self.core.tick_locator(now),
                Due::Server(id) => {
                    let step = self.core.table.servers.get_mut(&id).map(|server| server.machine.tick(now));
                    if step == Some(super::transaction::Step::Resend) {
                        self.core.resend(id);
                    }
                    self.core.settle_server(id);
                }
                Due::Fallback(id) => {
                    let waits =
                        self.core.table.clients.get(&id).is_some_and(|client| client.udp_instead.is_some());
                    if waits {
                        self.core.next_address(now, id);
                    }
                }
                Due::Session(id, timer) => {
                    self.with_session(now, id, |session, core| session.tick(now, core, timer))
                }
                Due::Half(connection) => self.give_up_stream(connection),
                Due::KeepAlive(id) => {
                    if let Some(registration) = self.registrations.get_mut(&id) {
                        registration.keep_alive(now, &mut self.core);
                    }
                }
                Due::Registration(id) => {
                    if let Some(registration) = self.registrations.get_mut(&id) {
                        registration.tick(now, &mut self.core);
                    }
                }
            }
        }
    }

    /// Gives a response to the owner of its transaction.
    fn dispatch(&mut self, now: Timestamp, answered: Answered) {
        match answered.owner {
            Owner::Session(id, purpose) => {
                if self.sessions.contains_key(&id) {
                    self.with_session(now, id, |session, core| {
                        session.answered(now, core, purpose, answered)
                    });
                } else if purpose == Purpose::Invite && (200..300).contains(&answered.response.status) {
                    drop_fork(now, &mut self.core, &answered, None, &mut Client::default());
                }
            }
            Owner::Registration(id) => {
                if let Some(registration) = self.registrations.get_mut(&id) {
                    registration.answered(now, &mut self.core, &answered);
                    if registration.is_over() {
                        self.registrations.remove(&id);
                    }
                }
            }
            Owner::User(id) if answered.response.status >= 200 => {
                self.request_done(now, id, &answered);
            }
            Owner::User(_) | Owner::Nobody => {}
        }
    }

    fn add(&mut self, session: Session) {
        self.by_dialog.insert((session.call_id.clone(), session.local_tag.clone()), session.id);
        self.sessions.insert(session.id, session);
    }

    fn with_session(&mut self, now: Timestamp, id: SessionId, act: impl FnOnce(&mut Session, &mut Core)) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        act(session, &mut self.core);
        if session.is_gone()
            && let Some(mut session) = self.sessions.remove(&id)
        {
            session.forget(now, &mut self.core);
            self.by_dialog.remove(&(session.call_id, session.local_tag));
        }
    }
}
