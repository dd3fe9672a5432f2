//! Owns the session and the phone on a thread of its own: turns commands into calls and facts into events.

use std::path::PathBuf;
use std::thread::JoinHandle;

use shared::api::agents::EndWrapUp;
use shared_desktop::bridge::{self, Backend as Bridge, Ui};
use shared_desktop::desk::DeskEvent;
use shared_desktop::driver::{Audio, Credentials, Driver};
use shared_desktop::phone::{PhoneCommand, PhoneEvent};
use shared_desktop::session::SessionCommand;
use shared_desktop::settings::Settings;

use crate::auto_answer::{AutoAnswer, microphone};
use crate::command::Command;
use crate::event::Event;

mod fetch;
mod play;

/// How a backend starts.
pub struct BackendConfig {
    /// Where the phone's sound comes from and goes to.
    pub audio: Audio,
    /// What the person chose.
    pub settings: Settings,
    /// Where settings are kept; none keeps them nowhere.
    pub settings_path: Option<PathBuf>,
    /// Signs in at once.
    pub sign_in: Option<Credentials>,
}

/// Why there is no backend.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// The system gives no thread or no event loop.
    #[error("start the thread of the backend")]
    Thread(#[source] std::io::Error),
}

/// A running backend; [`Command::Quit`] ends it, and so does dropping the window's end.
#[derive(Debug)]
pub struct Backend {
    thread: JoinHandle<()>,
}

impl Backend {
    /// Starts the thread; gives the window's end of the bridge.
    pub fn start(config: BackendConfig) -> Result<(Backend, Ui<Command, Event>), BackendError> {
        let (ui, bridge) = bridge::pair();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(BackendError::Thread)?;
        let thread = std::thread::Builder::new()
            .name("backend".into())
            .spawn(move || runtime.block_on(run(config, bridge)))
            .map_err(BackendError::Thread)?;
        Ok((Backend { thread }, ui))
    }

    /// Waits until it has signed out and ended.
    pub fn join(self) {
        // A panic there has already been reported by its own thread.
        let _ = self.thread.join();
    }
}

/// The backend as a future, for programs that have a runtime of their own.
pub async fn run(config: BackendConfig, mut bridge: Bridge<Command, Event>) {
    let mut desk = Desk {
        driver: Driver::new(config.audio, config.settings_path),
        settings: config.settings,
        fetch: fetch::Fetch::new(bridge.events()),
        player: play::Player::new(bridge.events()),
        auto_answer: AutoAnswer::default(),
        supervising: false,
    };
    if let Some(credentials) = config.sign_in {
        desk.driver.sign_in(credentials, &desk.settings);
    }
    loop {
        tokio::select! {
            command = bridge.recv() => match command {
                None | Some(Command::Quit) => break,
                Some(command) => desk.carry_out(command),
            },
            event = desk.driver.next() => {
                desk.react(&event);
                if !bridge.send(Event::Desk(event)).await {
                    break;
                }
            }
            () = desk.player.tick() => {}
        }
    }
    desk.driver.finish().await;
    bridge.send(Event::Ended).await;
}

struct Desk {
    driver: Driver,
    settings: Settings,
    fetch: fetch::Fetch,
    player: play::Player,
    auto_answer: AutoAnswer,
    /// The phone is in somebody's call.
    supervising: bool,
}

impl Desk {
    fn phone(&mut self, command: PhoneCommand) {
        self.driver.command(SessionCommand::Phone(command));
    }

    fn react(&mut self, event: &DeskEvent) {
        match event {
            DeskEvent::Phone(PhoneEvent::State(state)) => {
                self.supervising = state.call.as_ref().is_some_and(|call| call.about.supervision.is_some());
                if let Some(command) = self.auto_answer.react(state) {
                    self.phone(command);
                }
            }
            DeskEvent::SignedIn(_) if self.settings.ring_silently => {
                self.phone(PhoneCommand::RingAloud(false))
            }
            DeskEvent::SignedOut(_) => self.player.stop(),
            _ => {}
        }
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::SignIn(credentials) => self.driver.sign_in(credentials, &self.settings),
            Command::SignOut => self.driver.sign_out(),
            Command::Supervise { call, mode } => {
                self.player.stop();
                self.driver.command(SessionCommand::Supervise { call, mode });
                if self.supervising {
                    self.phone(microphone(mode));
                }
            }
            Command::EndSupervision(call) => self.driver.command(SessionCommand::EndSupervision(call)),
            Command::Mute(muted) => self.phone(PhoneCommand::Mute(muted)),
            Command::HangUp(call) => self.driver.command(SessionCommand::HangUp(call)),
            Command::CancelCallback { queue, callback, reason } => {
                self.driver.command(SessionCommand::CancelCallback { queue, callback, reason });
            }
            Command::SetAgentStatus { agent, wanted } => {
                self.driver.command(SessionCommand::SetAgentStatus { agent, wanted });
            }
            Command::EndAgentWrapUp(agent) => {
                let end = EndWrapUp::default();
                self.driver.command(SessionCommand::EndAgentWrapUp { agent, end });
            }
            Command::LoadDecisions(call) => self.fetch.decisions(self.driver.api(), call),
            Command::LoadExpectedWaits(queues) => self.fetch.expected_waits(self.driver.api(), queues),
            Command::Watch(call) => self.driver.command(SessionCommand::Watch(call)),
            Command::LoadRecordings { words, before } => {
                self.fetch.recordings(self.driver.api(), words, before);
            }
            Command::LoadTranscript(recording) => self.fetch.transcript(self.driver.api(), recording),
            Command::LoadDay => self.fetch.day(self.driver.api()),
            Command::Play { recording, tracks } => {
                let output = self.settings.devices.output.clone();
                self.player.play(self.driver.api(), recording, tracks, output);
            }
            Command::StopPlaying => self.player.stop(),
            Command::UseDevices(choice) => self.phone(PhoneCommand::UseDevices(choice)),
            Command::RefreshDevices => self.phone(PhoneCommand::RefreshDevices),
            Command::TestRing => self.phone(PhoneCommand::TestRing),
            Command::RingAloud(aloud) => self.phone(PhoneCommand::RingAloud(aloud)),
            Command::Save(changed) => {
                self.driver.save(&changed);
                self.settings = changed;
            }
            Command::Quit => {}
        }
    }
}
