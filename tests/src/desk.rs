//! Desks without windows: the apps' own backend and state, driven by code instead of a hand.

use std::time::Duration;

use agent_app::backend::BackendConfig as AgentConfig;
use agent_app::command::Command as AgentCommand;
use agent_app::headless::Headless as AgentApp;
use agent_app::state::{State as AgentState, View};
use shared::api::agents::{EndWrapUp, WantedStatus};
use shared::id::{CallId, QueueId};
use shared::model::agent::{State as Doing, Status};
use shared::model::call::SupervisionMode;
use shared::model::event::TransferTarget;
use shared_desktop::desk::{Desk, Link, Stage};
use shared_desktop::driver::{Audio, Credentials};
use shared_desktop::phone::{Phase, Registration, ScriptedAudio};
use shared_desktop::settings::Settings;
use supervisor_app::backend::BackendConfig as ConsoleConfig;
use supervisor_app::command::Command as ConsoleCommand;
use supervisor_app::headless::Headless as ConsoleApp;

use crate::Outcome;
use crate::ear::Ear;
use crate::service::Service;
use crate::voice::Mouth;

/// How long the service and the apps may take for one step.
const STEP: Duration = Duration::from_secs(10);

/// An agent's desk.
pub struct AgentDesk {
    /// The app.
    pub app: AgentApp,
    /// What its headset hears.
    pub ear: Ear,
    /// What its headset says.
    pub mouth: Mouth,
}

impl AgentDesk {
    /// Signs in and waits until calls can come.
    pub async fn start(service: &Service, user: &str, mouth: Mouth) -> Outcome<AgentDesk> {
        let ear = Ear::new();
        let config = AgentConfig {
            audio: script(&mouth, &ear),
            settings: Settings::default(),
            settings_path: None,
            sign_in: Some(credentials(service, user)?),
        };
        let mut app = AgentApp::start(config);
        app.until("the agent's desk to be signed in", STEP, |state| {
            is_up(&state.desk) && state.me().is_some_and(|me| me.device.is_reachable())
        })
        .await?;
        Ok(AgentDesk { app, ear, mouth })
    }

    /// Ready for calls.
    pub async fn ready(&mut self) -> Outcome {
        self.app.send(AgentCommand::SetStatus(WantedStatus::Ready))?;
        self.until("the agent to be ready", |state| state.me().is_some_and(|me| me.status == Status::Ready))
            .await
    }

    /// On a break.
    pub async fn rest(&mut self) -> Outcome {
        self.app.send(AgentCommand::SetStatus(WantedStatus::NotReady { reason: None }))?;
        self.until("the agent to rest", |state| {
            state.me().is_some_and(|me| {
                matches!(me.status, Status::NotReady { .. })
                    || me.next_status.is_some()
                    || me.state != Doing::Idle
            })
        })
        .await
    }

    /// Waits until a call rings here; gives its id.
    pub async fn rings(&mut self, at_most: Duration) -> Outcome<CallId> {
        self.app
            .until("a call to ring at the desk", at_most, |state| {
                matches!(state.view(), View::Incoming(incoming) if incoming.here) && state.call_id().is_some()
            })
            .await?;
        self.app.state.call_id().ok_or_else(|| "the call that rings has no id".into())
    }

    /// Takes the call that rings.
    pub async fn answer(&mut self) -> Outcome {
        self.app.send(AgentCommand::Answer)?;
        self.until("the agent to talk", |state| {
            let phone = state.desk.phone.call.as_ref().is_some_and(|call| call.phase == Phase::Talking);
            phone && doing(state).is_some_and(|doing| matches!(doing, Doing::Talking { .. }))
        })
        .await
    }

    /// Puts the customer on hold, or takes him back.
    pub async fn hold(&mut self, call: CallId, on: bool) -> Outcome {
        let command = if on { AgentCommand::Hold(Some(call)) } else { AgentCommand::Resume(Some(call)) };
        self.app.send(command)?;
        self.until(
            "the hold",
            |state| matches!(doing(state), Some(Doing::Talking { held, .. }) if *held == on),
        )
        .await
    }

    /// Sends the call to another queue.
    pub async fn transfer(&mut self, call: CallId, queue: &str) -> Outcome {
        let target = TransferTarget::Queue { queue: queue.parse::<QueueId>()? };
        self.app.send(AgentCommand::Transfer { call, target })?;
        self.until("the end of the agent's part", |state| {
            !matches!(doing(state), Some(Doing::Talking { .. }))
        })
        .await
    }

    /// Ends the call.
    pub async fn hang_up(&mut self) -> Outcome {
        self.app.send(AgentCommand::HangUp(None))?;
        self.until("the end of the call", |state| state.desk.phone.call.is_none()).await
    }

    /// Waits for wrap-up and ends it with a code.
    pub async fn wrap_up(&mut self, code: &str) -> Outcome {
        self.until("wrap-up", |state| matches!(state.view(), View::WrapUp(_))).await?;
        let end = EndWrapUp { code: Some(code.parse()?), note: None };
        self.app.send(AgentCommand::EndWrapUp(end))?;
        self.until("the end of wrap-up", |state| doing(state) == Some(&Doing::Idle)).await
    }

    /// Waits for a state.
    pub async fn until(&mut self, what: &str, reached: impl FnMut(&AgentState) -> bool) -> Outcome {
        Ok(self.app.until(what, STEP, reached).await?)
    }
}

/// A supervisor's console.
pub struct Console {
    /// The app.
    pub app: ConsoleApp,
    /// What its headset hears.
    pub ear: Ear,
    /// What its headset says.
    pub mouth: Mouth,
}

impl Console {
    /// Signs in and waits until the floor is shown and its phone is registered.
    pub async fn start(service: &Service, user: &str, mouth: Mouth) -> Outcome<Console> {
        let ear = Ear::new();
        let config = ConsoleConfig {
            audio: script(&mouth, &ear),
            settings: Settings::default(),
            settings_path: None,
            sign_in: Some(credentials(service, user)?),
        };
        let mut app = ConsoleApp::start(config);
        app.until("the console to be signed in", STEP, |state| is_up(&state.desk)).await?;
        Ok(Console { app, ear, mouth })
    }

    /// Comes into a call, or changes how; waits until the console shows it and its phone is in the call.
    pub async fn supervise(&mut self, call: CallId, mode: SupervisionMode) -> Outcome {
        self.app.send(ConsoleCommand::Supervise { call, mode })?;
        let reached = self.app.until("the console to take part", STEP, |state| {
            let shown = state.supervised().is_some_and(|(live, own)| live.id == call && own.mode == mode);
            shown && state.desk.phone.call.as_ref().is_some_and(|call| call.phase == Phase::Talking)
        });
        Ok(reached.await?)
    }

    /// Leaves a call.
    pub async fn leave(&mut self, call: CallId) -> Outcome {
        self.app.send(ConsoleCommand::EndSupervision(call))?;
        let reached = self.app.until("the console to leave", STEP, |state| {
            state.supervised().is_none() && state.desk.phone.call.is_none()
        });
        Ok(reached.await?)
    }
}

fn script(mouth: &Mouth, ear: &Ear) -> Audio {
    Audio::Script(ScriptedAudio { speak: mouth.speak(), heard: Some(ear.queue()) })
}

fn credentials(service: &Service, user: &str) -> Outcome<Credentials> {
    let password = service.setup.password(user).ok_or_else(|| format!("{user} has no password"))?;
    Ok(Credentials { service: service.url(), user: user.into(), password: password.into() })
}

fn is_up(desk: &Desk) -> bool {
    matches!(desk.stage, Stage::SignedIn(_))
        && desk.link == Link::Connected
        && matches!(desk.phone.registration, Registration::Registered { .. })
}

fn doing(state: &AgentState) -> Option<&Doing> {
    state.me().map(|me| &me.state)
}
