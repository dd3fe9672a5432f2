//! What both backends do alike: sign in, keep the session, tick once a second, keep settings. It turns commands into
//! calls of the session, and facts into [`DeskEvent`]s.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use shared::api::error::{ApiError, ErrorCode};
use shared::id::UserId;
use shared::time::Timestamp;
use shared_net::live::ClockOffset;
use shared_net::{LiveEvent, clock};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior, interval};

pub use shared_net::ApiClient;

use crate::desk::DeskEvent;
use crate::phone::{AudioBackend, ScriptedAudio};
use crate::session::{Session, SessionCommand, SessionConfig, SessionEvent};
use crate::settings::Settings;

/// Where the phone's sound comes from and goes to.
pub enum Audio {
    /// The sound devices of the settings.
    Devices,
    /// A program speaks and listens, in the first session; later ones are silent.
    Script(ScriptedAudio),
    /// Silence is sent, nothing is heard.
    None,
    /// No phone at all.
    NoPhone,
}

/// Who signs in where.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Address of the service.
    pub service: String,
    /// Sign-in name as it was typed.
    pub user: String,
    /// Password.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("service", &self.service)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// How far this machine's time zone is east of Greenwich at a moment, in seconds.
pub fn utc_offset_secs(at: Timestamp) -> i32 {
    let moment = jiff::Timestamp::from_microsecond(at.as_micros()).unwrap_or_default();
    jiff::tz::TimeZone::system().to_offset(moment).seconds()
}

type SignIn = JoinHandle<Result<(Session, mpsc::Receiver<SessionEvent>), ApiError>>;

/// The part of a backend that both apps share. It lives in a task of its owner, which gives it commands and takes
/// [`Driver::next`] in turns.
pub struct Driver {
    audio: Audio,
    settings_path: Option<PathBuf>,
    signing_in: Option<SignIn>,
    session: Option<Session>,
    events: Option<mpsc::Receiver<SessionEvent>>,
    offset: ClockOffset,
    ticks: Interval,
    ready: VecDeque<DeskEvent>,
}

impl Driver {
    /// Needs a tokio runtime. Settings are kept only with a path.
    pub fn new(audio: Audio, settings_path: Option<PathBuf>) -> Driver {
        let mut ticks = interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        Driver {
            audio,
            settings_path,
            signing_in: None,
            session: None,
            events: None,
            offset: ClockOffset::default(),
            ticks,
            ready: VecDeque::new(),
        }
    }

    /// The service's time now.
    pub fn now(&self) -> Timestamp {
        self.offset.service_time(clock::now())
    }

    /// Starts to sign in; [`DeskEvent::SignedIn`] or [`DeskEvent::SignInFailed`] follows.
    pub fn sign_in(&mut self, credentials: Credentials, settings: &Settings) {
        self.end_session();
        self.ready.push_back(DeskEvent::SigningIn);
        let user: UserId = match credentials.user.trim().parse() {
            Ok(user) => user,
            Err(error) => {
                let detail = shared::id::IdError::to_string(&error);
                let hint = "Ask your supervisor for your sign-in name.";
                let error = ApiError::new(ErrorCode::BadRequest, "You are not signed in", detail, hint);
                self.ready.push_back(DeskEvent::SignInFailed(error));
                return;
            }
        };
        let config = SessionConfig {
            address: credentials.service,
            user,
            password: credentials.password,
            phone: self.take_audio(settings),
        };
        self.signing_in = Some(tokio::spawn(Session::sign_in(config)));
    }

    /// Ends the session; [`DeskEvent::SignedOut`] follows.
    pub fn sign_out(&mut self) {
        self.end_session();
        self.ready.push_back(DeskEvent::SignedOut(None));
    }

    /// Signs out and waits until the service knows; for the end of the program.
    pub async fn finish(&mut self) {
        if let Some(session) = self.session.take()
            && let Err(error) = session.sign_out().await
        {
            tracing::warn!(%error, "sign-out did not reach the service");
        }
    }

    /// Gives a command to the session; a failure comes as [`DeskEvent::Failed`].
    pub fn command(&mut self, command: SessionCommand) {
        let given = match &self.session {
            Some(session) => session.command(command).map(drop),
            None => Err(nobody()),
        };
        if let Err(error) = given {
            self.ready.push_back(DeskEvent::Failed(None, error));
        }
    }

    /// The client of the session, for lists and files.
    pub fn api(&self) -> Result<ApiClient, ApiError> {
        self.session.as_ref().map(|session| session.api().clone()).ok_or_else(nobody)
    }

    /// Keeps the settings; a failure is told.
    pub fn save(&mut self, settings: &Settings) {
        if let Some(path) = &self.settings_path
            && let Err(error) = settings.save(path)
        {
            let why =
                std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            let hint = format!("Make {} writable.", path.display());
            let error = ApiError::new(ErrorCode::Internal, "Your settings are not kept", why, hint);
            self.ready.push_back(DeskEvent::Failed(None, error));
        }
    }

    /// The next event. May be dropped and called again at any time without losing one.
    pub async fn next(&mut self) -> DeskEvent {
        if let Some(event) = self.ready.pop_front() {
            return event;
        }
        tokio::select! {
            signed_in = joined(&mut self.signing_in) => {
                self.signing_in = None;
                match signed_in {
                    Ok((session, events)) => {
                        let user = session.user().clone();
                        self.session = Some(session);
                        self.events = Some(events);
                        DeskEvent::SignedIn(user)
                    }
                    Err(error) => DeskEvent::SignInFailed(error),
                }
            }
            event = received(&mut self.events) => self.translate(event),
            _ = self.ticks.tick() => DeskEvent::Tick(self.now()),
        }
    }

    fn translate(&mut self, event: Option<SessionEvent>) -> DeskEvent {
        match event {
            Some(SessionEvent::Live(event)) => {
                if let LiveEvent::Snapshot(_, offset) | LiveEvent::Clock(offset) = &event {
                    self.offset = *offset;
                }
                DeskEvent::Live(event)
            }
            Some(SessionEvent::Phone(event)) => DeskEvent::Phone(event),
            Some(SessionEvent::Done(ticket)) => DeskEvent::Done(ticket),
            Some(SessionEvent::Failed(ticket, error)) => DeskEvent::Failed(Some(ticket), error),
            Some(SessionEvent::NoPhone(error)) => DeskEvent::NoPhone(error),
            Some(SessionEvent::Expiring { at }) => DeskEvent::Expiring(at),
            Some(SessionEvent::Expired(error)) => {
                self.end_session();
                DeskEvent::SignedOut(Some(error))
            }
            None => {
                self.end_session();
                DeskEvent::SignedOut(Some(ApiError::new(
                    ErrorCode::Internal,
                    "You are signed out",
                    "the session has ended",
                    "Sign in again.",
                )))
            }
        }
    }

    fn end_session(&mut self) {
        if let Some(task) = self.signing_in.take() {
            task.abort();
        }
        self.events = None;
        if let Some(session) = self.session.take() {
            tokio::spawn(async move {
                if let Err(error) = session.sign_out().await {
                    tracing::warn!(%error, "sign-out did not reach the service");
                }
            });
        }
    }

    fn take_audio(&mut self, settings: &Settings) -> Option<AudioBackend> {
        match std::mem::replace(&mut self.audio, Audio::None) {
            Audio::Devices => {
                self.audio = Audio::Devices;
                Some(AudioBackend::Cpal(settings.devices.clone()))
            }
            Audio::Script(script) => Some(AudioBackend::Script(script)),
            Audio::None => Some(AudioBackend::None),
            Audio::NoPhone => {
                self.audio = Audio::NoPhone;
                None
            }
        }
    }
}

async fn joined(task: &mut Option<SignIn>) -> Result<(Session, mpsc::Receiver<SessionEvent>), ApiError> {
    match task {
        Some(task) => task.await.unwrap_or_else(|_| {
            Err(ApiError::new(
                ErrorCode::Internal,
                "You are not signed in",
                "signing in was stopped",
                "Try again.",
            ))
        }),
        None => std::future::pending().await,
    }
}

async fn received(events: &mut Option<mpsc::Receiver<SessionEvent>>) -> Option<SessionEvent> {
    match events {
        Some(events) => events.recv().await,
        None => std::future::pending().await,
    }
}

fn nobody() -> ApiError {
    ApiError::new(ErrorCode::Unauthorized, "The command is not sent", "nobody is signed in", "Sign in first.")
}
