//! People: the commands of the API, sign-in and sign-out, and whose phone is where.

use std::collections::BTreeSet;

use rand::Rng;
use shared::api::error::{ApiError, ErrorCode};
use shared::api::session::DeviceAccount;
use shared::id::{CallId, LegId, UserId};
use shared::model::agent::Status;
use shared::model::floor::Floor;
use shared::sip::Transport;
use shared::time::Timestamp;
use tokio::sync::oneshot;

use crate::acd::{self, AcdError};
use crate::call::io::{Granted, Refusal, Request as CallRequest};

use super::command::{Command, Reply, Request};
use super::{Switch, Work};

type Answer = Result<Reply, ApiError>;

impl Switch {
    /// Carries out a command of the API and answers it.
    pub(super) fn on_command(&mut self, now: Timestamp, request: Request) {
        let Request { command, reply } = request;
        let answer = match command {
            Command::SetStatus { agent, wanted, by } => {
                let result = self.acd.set_status(now, &agent, wanted, by);
                self.route(now);
                result.map(|()| Reply::Done).map_err(|error| acd_error("The status was not changed", &error))
            }
            Command::EndWrapUp { agent, code, note, by } => {
                let result = self.acd.end_wrap_up(now, &agent, code, note, by);
                self.route(now);
                result.map(|()| Reply::Done).map_err(|error| acd_error("Wrap-up was not ended", &error))
            }
            Command::ExpectedWait { queue } => {
                let expected = self.acd.expected_wait(now, &queue, None);
                Ok(Reply::ExpectedWait(self.forecasts.report(&queue, expected)))
            }
            Command::WhyNobody { call } => {
                Ok(Reply::NonOffer(self.acd.why_nobody(now, call).map(|record| (now, Box::new(record)))))
            }
            Command::ExtendWrapUp { agent } => {
                let result = self.acd.extend_wrap_up(now, &agent);
                self.route(now);
                result.map(|()| Reply::Done).map_err(|error| acd_error("Wrap-up was not extended", &error))
            }
            Command::SetHold { call, held } => self.ask_call(now, call, CallRequest::SetHold { held }),
            Command::Hangup { call, by } => self.ask_call(now, call, CallRequest::Hangup { by }),
            Command::PlaceCall { by, number, queue } => {
                self.place_call(now, &by, number, queue.as_ref()).map(Reply::Placed)
            }
            Command::BookCallback { queue, to, by } => {
                self.book_callback(now, queue, to, by).map(Reply::Callback)
            }
            Command::CancelCallback { callback, by, reason } => {
                self.cancel_callback(now, callback, by, reason);
                Ok(Reply::Done)
            }
            Command::Transfer { call, target, by } => match self.check_target(&target) {
                Ok(()) => self.ask_call(now, call, CallRequest::Transfer { target, by }),
                Err(error) => Err(error),
            },
            Command::Supervise { call, supervisor, mode } => {
                self.supervise(now, call, supervisor, mode, reply);
                return;
            }
            Command::EndSupervision { call, supervisor } => {
                self.ask_call(now, call, CallRequest::EndSupervision { supervisor })
            }
            Command::Configure(change) => {
                self.reconfigure(now, change);
                Ok(Reply::Done)
            }
            Command::Trunks => Ok(Reply::Trunks(self.trunks.reports())),
            Command::Defence => Ok(Reply::Defence(self.defence.report())),
            Command::LiftBan { source, by } => self.lift_ban(source, &by),
            Command::OpenDevice { user } => Ok(Reply::Device(self.open_device(&user))),
            Command::SignedIn { user } => {
                self.work.push_back(Work::Acd(acd::Input::SignedIn { agent: user.to_agent() }));
                Ok(Reply::Done)
            }
            Command::SignedOut { user } => {
                self.phones.close_app(&user);
                self.work.push_back(Work::Acd(acd::Input::SignedOut { agent: user.to_agent() }));
                self.phones_changed(BTreeSet::from([user]));
                Ok(Reply::Done)
            }
            Command::FeedPresence { user, connected } => {
                self.work.push_back(Work::Acd(acd::Input::Presence { agent: user.to_agent(), connected }));
                Ok(Reply::Done)
            }
        };
        // What the command brings is published before it is answered.
        self.drain();
        let _ = reply.send(answer);
    }

    fn ask_call(&mut self, now: Timestamp, call: CallId, request: CallRequest) -> Answer {
        let Some(entry) = self.calls.get_mut(&call) else { return Err(no_call(call)) };
        let result = entry.machine.request(now, request);
        self.act(now, call);
        match result {
            Ok(Granted::Supervision(supervision)) => Ok(Reply::Supervision(supervision)),
            Ok(Granted::Now | Granted::Later) => Ok(Reply::Done),
            Err(refusal) => Err(refused(&refusal)),
        }
    }

    fn supervise(
        &mut self,
        now: Timestamp,
        call: CallId,
        supervisor: UserId,
        mode: shared::model::call::SupervisionMode,
        reply: oneshot::Sender<Answer>,
    ) {
        let leg = LegId::new(now, self.random.next_u32());
        let Some(entry) = self.calls.get_mut(&call) else {
            let _ = reply.send(Err(no_call(call)));
            return;
        };
        let request = CallRequest::Supervise { supervisor: supervisor.clone(), mode, leg };
        let answer = match entry.machine.request(now, request) {
            Ok(Granted::Later) => {
                self.asks.insert((call, supervisor), reply);
                self.act(now, call);
                self.drain();
                return;
            }
            Ok(Granted::Supervision(supervision)) => Ok(Reply::Supervision(supervision)),
            Ok(Granted::Now) => Ok(Reply::Done),
            Err(refusal) => Err(refused(&refusal)),
        };
        self.act(now, call);
        self.drain();
        let _ = reply.send(answer);
    }

    fn check_target(&self, target: &shared::model::event::TransferTarget) -> Result<(), ApiError> {
        use shared::model::event::TransferTarget::{Agent, Number, Queue};
        let (known, what) = match target {
            Queue { queue } => {
                (self.config.queues.iter().any(|known| known.id == *queue), format!("queue {queue}"))
            }
            Number { number } => {
                return self.trunks.check(number).map_err(|denied| {
                    ApiError::new(
                        ErrorCode::Forbidden,
                        "The call was not transferred",
                        format!("{number}: {denied}"),
                        "Choose a number that the configuration allows ([outbound] allow).",
                    )
                });
            }
            Agent { agent } => {
                (self.config.agents.iter().any(|known| known.id == *agent), format!("agent {agent}"))
            }
        };
        if known {
            return Ok(());
        }
        Err(ApiError::new(
            ErrorCode::NotFound,
            "The call was not transferred",
            format!("there is no {what}"),
            "Choose one of the configured queues and agents.",
        ))
    }

    fn open_device(&mut self, user: &UserId) -> DeviceAccount {
        let account = self.phones.open_app(user, &mut self.random);
        // The phone of an earlier app of this person went with its account.
        self.phones_changed(BTreeSet::from([user.clone()]));
        let domain = self.config.sip.domain.clone();
        let listen = |transport| self.sip.local_addr(transport).map(|address| self.reachable(address));
        DeviceAccount {
            address: format!("sip:{user}@{domain}"),
            username: account.username,
            password: account.password,
            realm: domain,
            udp: listen(Transport::Udp),
            tcp: listen(Transport::Tcp),
        }
    }

    /// `host:port` of a listening socket as an app shall dial it. An unspecified address without an advertised one
    /// leaves the host empty: the app then uses the host by which it reached the API.
    fn reachable(&self, socket: std::net::SocketAddr) -> String {
        match self.config.sip.advertised_address {
            Some(address) => std::net::SocketAddr::new(address, socket.port()).to_string(),
            None if socket.ip().is_unspecified() => format!(":{}", socket.port()),
            None => socket.to_string(),
        }
    }

    /// Tells the ACD about agents whose phones came, moved or went.
    pub(super) fn phones_changed(&mut self, users: BTreeSet<UserId>) {
        for user in users {
            if self.phone_keeper.try_send((user.clone(), self.phones.saved(&user))).is_err() {
                // The next change tells anew; until then a restart means waiting for the phone's own refresh.
                tracing::warn!(%user, "the store is behind: a phone is not kept for the next run");
            }
            let agent = user.to_agent();
            if self.config.agents.iter().any(|known| known.id == agent) {
                let device = self.phones.device(&agent);
                self.work.push_back(Work::Acd(acd::Input::Device { agent, device }));
            }
        }
    }

    /// Agents have the status again that they had before a restart, with its reason, by whom and since when; their phones
    /// and feeds follow by themselves. Who is ready whenever the service starts is so, unless somebody wanted him not to
    /// be.
    pub(super) fn restore_agents(&mut self, before: &Floor) {
        let now = crate::clock::now();
        for (id, agent) in &before.agents {
            let by_itself = self.config.agents.iter().any(|known| known.id == *id && known.ready_on_start);
            let status = agent.status.clone();
            let wanted = match &status {
                Status::NotReady { reason } => !by_itself || reason.is_wanted(),
                Status::Ready => !by_itself,
                Status::Offline => false,
            };
            if !wanted {
                continue;
            }
            let (by, since) = (agent.status_by.clone(), agent.status_since);
            self.acd.handle(now, acd::Input::Restored { agent: id.clone(), status, by, since });
            // Whose phone is the app is not there until the app's feed is: the grace time runs. A desk phone has no feed.
            if self.phones.has_app(&id.to_user()) {
                self.acd.handle(now, acd::Input::Presence { agent: id.clone(), connected: false });
            }
            self.route(now);
        }
    }
}

fn no_call(call: CallId) -> ApiError {
    ApiError::new(
        ErrorCode::NotFound,
        "There is no such live call",
        format!("call {call} is over or never was"),
        "",
    )
}

fn refused(refusal: &Refusal) -> ApiError {
    ApiError::new(ErrorCode::Conflict, "The call was left as it is", refusal.to_string(), "")
}

fn acd_error(message: &str, error: &AcdError) -> ApiError {
    let (code, hint) = match error {
        AcdError::UnknownAgent(_) => (ErrorCode::NotFound, "Use the id of a configured agent."),
        AcdError::UnknownBreak(_) => (ErrorCode::BadRequest, "Use one of the configured reasons."),
        AcdError::NotInWrapUp(_) | AcdError::NoExtension { .. } => (ErrorCode::Conflict, ""),
        AcdError::CodeRequired { .. } => (ErrorCode::Conflict, "Choose one of the queue's wrap-up codes."),
        AcdError::NoEarlyExit { .. } => (ErrorCode::Conflict, "Wait until the time is over."),
        AcdError::UnknownCode { .. } => (ErrorCode::BadRequest, "Use one of the queue's wrap-up codes."),
        AcdError::NoteTooLong { .. } => (ErrorCode::BadRequest, "Shorten the note."),
    };
    ApiError::new(code, message, error.to_string(), hint)
}
