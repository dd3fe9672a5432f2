//! The signed-in session: token, live feed, phone and commands, with one stream of events.
//!
//! ```text
//!  SessionCommand ─► Session ─► ApiClient (HTTP) ─► SessionEvent::Done / Failed
//!                       ├─────► PhoneHandle
//!  LiveFeed, phone ─────┴─────► SessionEvent
//! ```

use std::time::Duration;

use shared::api::agents::{EndWrapUp, WantedStatus};
use shared::api::error::{ApiError, ErrorCode};
use shared::api::session::SignedIn;
use shared::id::{AgentId, CallId, QueueId, UserId};
use shared::model::call::SupervisionMode;
use shared::model::event::TransferTarget;
use shared::model::user::User;
use shared::time::Timestamp;
use shared_net::{ApiClient, LiveEvent, LiveFeed, clock};
use tokio::sync::mpsc;

use crate::phone::{AudioBackend, Phone, PhoneCommand, PhoneConfig, PhoneEvent, PhoneHandle};

/// Events that wait for the user; while they are full nothing more is taken from the feed and the phone, which have
/// their own bounds.
pub const EVENT_QUEUE_LEN: usize = 512;
/// Commands that wait; further ones are refused.
pub const COMMAND_QUEUE_LEN: usize = 64;
/// So long before its end the session warns, once.
pub const EXPIRY_WARNING: Duration = Duration::from_secs(300);
/// HTTP commands under way at a time; further ones wait.
const MAX_REQUESTS: usize = 16;

/// Who signs in where, and with what phone.
#[derive(Debug)]
pub struct SessionConfig {
    /// The service: `https://host[:port]`, or `host[:port]`.
    pub address: String,
    /// Sign-in name.
    pub user: UserId,
    /// Password.
    pub password: String,
    /// The sound of the phone; none for a session without a phone.
    pub phone: Option<AudioBackend>,
}

/// A number that comes back in [`SessionEvent::Done`] or [`SessionEvent::Failed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What the person wants.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionCommand {
    /// One's own status.
    SetStatus(WantedStatus),
    /// End one's own wrap-up.
    EndWrapUp(EndWrapUp),
    /// More time for one's own wrap-up.
    ExtendWrapUp,
    /// Somebody else's status.
    SetAgentStatus {
        /// Whose.
        agent: AgentId,
        /// Which.
        wanted: WantedStatus,
    },
    /// End somebody else's wrap-up.
    EndAgentWrapUp {
        /// Whose.
        agent: AgentId,
        /// With what code.
        end: EndWrapUp,
    },
    /// Put the customer on hold.
    Hold(CallId),
    /// Back from hold.
    Resume(CallId),
    /// End a call.
    HangUp(CallId),
    /// Send a call to a queue or an agent.
    Transfer {
        /// Which.
        call: CallId,
        /// Where to.
        target: TransferTarget,
    },
    /// Call a number; the own phone answers by itself when it is the app's.
    Place {
        /// As it was typed.
        number: String,
        /// In whose name.
        queue: Option<QueueId>,
    },
    /// Take a callback back.
    CancelCallback {
        /// Its queue.
        queue: QueueId,
        /// Which.
        callback: CallId,
        /// Why.
        reason: String,
    },
    /// Come into a call, or change how.
    Supervise {
        /// Which.
        call: CallId,
        /// How.
        mode: SupervisionMode,
    },
    /// Leave it.
    EndSupervision(CallId),
    /// How a call sounds is wanted ([`LiveEvent::Sound`]), or of none any more.
    Watch(Option<CallId>),
    /// For the phone.
    Phone(PhoneCommand),
}

/// What happens.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionEvent {
    /// From the live feed.
    Live(LiveEvent),
    /// From the phone.
    Phone(PhoneEvent),
    /// A command was carried out.
    Done(Ticket),
    /// A command was refused, or did not reach the service.
    Failed(Ticket, ApiError),
    /// The phone cannot be had; the rest works.
    NoPhone(ApiError),
    /// The token ends soon; sign in again.
    Expiring {
        /// When.
        at: Timestamp,
    },
    /// The token is no longer good. Nothing more comes.
    Expired(ApiError),
}

/// A signed-in session; dropping it ends the feed and the phone, without telling the service.
#[derive(Debug)]
pub struct Session {
    api: ApiClient,
    signed_in: SignedIn,
    phone: Option<PhoneHandle>,
    commands: mpsc::Sender<(Ticket, SessionCommand)>,
    last_ticket: std::sync::atomic::AtomicU64,
}

impl Session {
    /// Signs in, gets the phone's account, starts the feed and the phone; needs a tokio runtime. Only a failed
    /// sign-in is an error: without a phone the session says [`SessionEvent::NoPhone`].
    pub async fn sign_in(config: SessionConfig) -> Result<(Session, mpsc::Receiver<SessionEvent>), ApiError> {
        let api = ApiClient::new(&config.address)?;
        let signed_in = api.sign_in(&config.user, &config.password).await?;
        let (feed, live) = LiveFeed::of(&api, None)?;
        let (events, receiver) = mpsc::channel(EVENT_QUEUE_LEN);
        let (phone, phone_events, no_phone) = match config.phone {
            None => (None, None, None),
            Some(audio) => match api.device().await {
                Ok(account) => {
                    let (handle, events) =
                        Phone::start(PhoneConfig::new(account, &signed_in.user.name, audio));
                    (Some(handle), Some(events), None)
                }
                Err(error) => (None, None, Some(error)),
            },
        };
        let (commands, queue) = mpsc::channel(COMMAND_QUEUE_LEN);
        let task = Task {
            api: api.clone(),
            me: signed_in.user.id.clone(),
            expires_at: signed_in.expires_at,
            warned: false,
            feed,
            live,
            live_over: false,
            phone: phone.clone(),
            phone_events,
            queue,
            events,
            requests: tokio::task::JoinSet::new(),
        };
        tokio::spawn(task.run(no_phone));
        let session =
            Session { api, signed_in, phone, commands, last_ticket: std::sync::atomic::AtomicU64::new(0) };
        Ok((session, receiver))
    }

    /// Who is signed in.
    pub fn user(&self) -> &User {
        &self.signed_in.user
    }

    /// The agent of the same name.
    pub fn agent(&self) -> AgentId {
        self.signed_in.user.id.to_agent()
    }

    /// When the token ends.
    pub fn expires_at(&self) -> Timestamp {
        self.signed_in.expires_at
    }

    /// For lists, recordings and reports.
    pub fn api(&self) -> &ApiClient {
        &self.api
    }

    /// The phone, when there is one.
    pub fn phone(&self) -> Option<&PhoneHandle> {
        self.phone.as_ref()
    }

    /// Never waits. The ticket comes back in an event, except for the phone's commands, which show in its state.
    pub fn command(&self, command: SessionCommand) -> Result<Ticket, ApiError> {
        let ticket = Ticket(self.last_ticket.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1);
        self.commands.try_send((ticket, command)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => ApiError::new(
                ErrorCode::Unavailable,
                "The command is not sent",
                "too many commands wait for the service",
                "Wait a moment.",
            ),
            mpsc::error::TrySendError::Closed(_) => ApiError::new(
                ErrorCode::Unauthorized,
                "The command is not sent",
                "the session has ended",
                "Sign in again.",
            ),
        })?;
        Ok(ticket)
    }

    /// Unregisters the phone, then signs out; an agent goes offline. The session is over even on an error.
    pub async fn sign_out(self) -> Result<(), ApiError> {
        if let Some(phone) = &self.phone {
            let _ = phone.command(PhoneCommand::Stop);
        }
        self.api.sign_out().await
    }
}

struct Task {
    api: ApiClient,
    me: UserId,
    expires_at: Timestamp,
    warned: bool,
    feed: LiveFeed,
    live: mpsc::Receiver<LiveEvent>,
    live_over: bool,
    phone: Option<PhoneHandle>,
    phone_events: Option<mpsc::Receiver<PhoneEvent>>,
    queue: mpsc::Receiver<(Ticket, SessionCommand)>,
    events: mpsc::Sender<SessionEvent>,
    requests: tokio::task::JoinSet<(Ticket, Result<(), ApiError>)>,
}

impl Task {
    /// Until the session is dropped, nobody listens, or the token is no longer good.
    async fn run(mut self, no_phone: Option<ApiError>) {
        if let Some(error) = no_phone
            && self.events.send(SessionEvent::NoPhone(error)).await.is_err()
        {
            return;
        }
        while let Some((event, last)) = self.next().await {
            let Some(event) = event else { continue };
            if self.events.send(event).await.is_err() || last {
                return;
            }
        }
    }

    /// The next event, if any, and whether it is the last; none at the end.
    async fn next(&mut self) -> Option<(Option<SessionEvent>, bool)> {
        let alarm = self.alarm();
        let event = tokio::select! {
            command = self.queue.recv(), if self.requests.len() < MAX_REQUESTS => {
                let (ticket, command) = command?;
                self.start(ticket, command);
                None
            }
            Some(done) = self.requests.join_next() => match done {
                Ok((ticket, Ok(()))) => Some(SessionEvent::Done(ticket)),
                Ok((_, Err(error))) if error.code == ErrorCode::Unauthorized => {
                    return Some((Some(SessionEvent::Expired(error)), true));
                }
                Ok((ticket, Err(error))) => Some(SessionEvent::Failed(ticket, error)),
                Err(_) => None,
            },
            event = self.live.recv(), if !self.live_over => match event {
                Some(LiveEvent::Refused(error)) if error.code == ErrorCode::Unauthorized => {
                    return Some((Some(SessionEvent::Expired(error)), true));
                }
                Some(event) => Some(SessionEvent::Live(event)),
                None => {
                    self.live_over = true;
                    None
                }
            },
            event = next_of(&mut self.phone_events) => match event {
                Some(event) => Some(SessionEvent::Phone(event)),
                None => {
                    self.phone_events = None;
                    None
                }
            },
            () = tokio::time::sleep(alarm) => {
                if self.warned {
                    return Some((Some(SessionEvent::Expired(expired())), true));
                }
                self.warned = true;
                Some(SessionEvent::Expiring { at: self.expires_at })
            }
            () = self.events.closed() => return None,
        };
        Some((event, false))
    }

    /// Until the warning, then until the end.
    fn alarm(&self) -> Duration {
        let until = if self.warned { self.expires_at } else { self.expires_at - EXPIRY_WARNING };
        until.since(clock::now())
    }

    fn start(&mut self, ticket: Ticket, command: SessionCommand) {
        match command {
            SessionCommand::Phone(command) => return self.phone_command(ticket, command),
            SessionCommand::Watch(call) => return self.feed.watch(call),
            _ => {}
        }
        let api = self.api.clone();
        let me = self.me.to_agent();
        self.requests.spawn(async move { (ticket, carry_out(&api, &me, command).await) });
    }

    fn phone_command(&mut self, ticket: Ticket, command: PhoneCommand) {
        let taken = self.phone.as_ref().is_some_and(|phone| phone.command(command).is_ok());
        if !taken {
            self.requests.spawn(async move { (ticket, Err(no_phone())) });
        }
    }
}

async fn carry_out(api: &ApiClient, me: &AgentId, command: SessionCommand) -> Result<(), ApiError> {
    match command {
        SessionCommand::SetStatus(wanted) => api.set_status(me, wanted).await.map(drop),
        SessionCommand::EndWrapUp(end) => api.end_wrap_up(me, &end).await,
        SessionCommand::ExtendWrapUp => api.extend_wrap_up(me).await.map(drop),
        SessionCommand::SetAgentStatus { agent, wanted } => api.set_status(&agent, wanted).await.map(drop),
        SessionCommand::EndAgentWrapUp { agent, end } => api.end_wrap_up(&agent, &end).await,
        SessionCommand::Hold(call) => api.hold(call).await,
        SessionCommand::Resume(call) => api.resume(call).await,
        SessionCommand::HangUp(call) => api.hang_up(call).await,
        SessionCommand::Transfer { call, target } => api.transfer(call, target).await,
        SessionCommand::Place { number, queue } => api.place_call(number, queue).await.map(drop),
        SessionCommand::CancelCallback { queue, callback, reason } => {
            api.cancel_callback(&queue, callback, reason).await
        }
        SessionCommand::Supervise { call, mode } => api.supervise(call, mode).await.map(drop),
        SessionCommand::EndSupervision(call) => api.end_supervision(call).await,
        // Taken out before: they are no requests.
        SessionCommand::Phone(_) | SessionCommand::Watch(_) => Ok(()),
    }
}

fn no_phone() -> ApiError {
    ApiError::new(
        ErrorCode::Conflict,
        "The phone does nothing",
        "there is no phone in this session, or it has stopped",
        "Sign in again.",
    )
}

fn expired() -> ApiError {
    ApiError::new(
        ErrorCode::Unauthorized,
        "You are signed out",
        "the sign-in is no longer good",
        "Sign in again.",
    )
}

async fn next_of<T>(queue: &mut Option<mpsc::Receiver<T>>) -> Option<T> {
    match queue {
        Some(queue) => queue.recv().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
