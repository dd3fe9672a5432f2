//! Owns the session and the phone on a thread of its own: turns commands into calls and facts into events.

use std::path::PathBuf;
use std::thread::JoinHandle;

use shared::model::event::Event as Fact;
use shared_desktop::bridge::{self, Backend as Bridge, Ui};
use shared_desktop::desk::{DeskEvent, LiveEvent};
use shared_desktop::driver::{Audio, Credentials, Driver};
use shared_desktop::phone::PhoneCommand;
use shared_desktop::session::SessionCommand;
use shared_desktop::settings::Settings;

use self::contacts::Contacts;
use crate::command::Command;
use crate::event::Event;

mod contacts;

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
    let mut settings = config.settings;
    let mut driver = Driver::new(config.audio, config.settings_path);
    if let Some(credentials) = config.sign_in {
        driver.sign_in(credentials, &settings);
    }
    let contacts = Contacts::new(bridge.events());
    loop {
        tokio::select! {
            command = bridge.recv() => match command {
                None | Some(Command::Quit) => break,
                Some(Command::Contact(command)) => contacts.carry_out(driver.api(), command),
                Some(command) => carry_out(&mut driver, &mut settings, command),
            },
            event = driver.next() => {
                if settings.ring_silently && matches!(event, DeskEvent::SignedIn(_)) {
                    driver.command(SessionCommand::Phone(PhoneCommand::RingAloud(false)));
                }
                if has_other_campaigns(&event) {
                    contacts.load(driver.api());
                }
                if !bridge.send(Event::Desk(event)).await {
                    break;
                }
            }
        }
    }
    driver.finish().await;
    bridge.send(Event::Ended).await;
}

/// Signing in, and when they are set up or go away.
fn has_other_campaigns(event: &DeskEvent) -> bool {
    match event {
        DeskEvent::SignedIn(_) => true,
        DeskEvent::Live(LiveEvent::Event(stamped)) => matches!(stamped.event, Fact::Campaign { .. }),
        _ => false,
    }
}

fn carry_out(driver: &mut Driver, settings: &mut Settings, command: Command) {
    let phone = |driver: &mut Driver, command| driver.command(SessionCommand::Phone(command));
    match command {
        Command::SignIn(credentials) => driver.sign_in(credentials, settings),
        Command::SignOut => driver.sign_out(),
        Command::SetStatus(wanted) => driver.command(SessionCommand::SetStatus(wanted)),
        Command::Answer => phone(driver, PhoneCommand::Answer),
        Command::Reject => phone(driver, PhoneCommand::Reject),
        Command::HangUp(None) => phone(driver, PhoneCommand::HangUp),
        Command::HangUp(Some(call)) => driver.command(SessionCommand::HangUp(call)),
        Command::Hold(None) => phone(driver, PhoneCommand::Hold),
        Command::Hold(Some(call)) => driver.command(SessionCommand::Hold(call)),
        Command::Resume(None) => phone(driver, PhoneCommand::Resume),
        Command::Resume(Some(call)) => driver.command(SessionCommand::Resume(call)),
        Command::Mute(muted) => phone(driver, PhoneCommand::Mute(muted)),
        Command::Key(key) => phone(driver, PhoneCommand::Key(key)),
        Command::Transfer { call, target } => driver.command(SessionCommand::Transfer { call, target }),
        Command::Dial { number, queue } => driver.command(SessionCommand::Place { number, queue }),
        Command::EndWrapUp(end) => driver.command(SessionCommand::EndWrapUp(end)),
        Command::ExtendWrapUp => driver.command(SessionCommand::ExtendWrapUp),
        Command::UseDevices(choice) => phone(driver, PhoneCommand::UseDevices(choice)),
        Command::RefreshDevices => phone(driver, PhoneCommand::RefreshDevices),
        Command::TestRing => phone(driver, PhoneCommand::TestRing),
        Command::RingAloud(aloud) => phone(driver, PhoneCommand::RingAloud(aloud)),
        Command::Save(changed) => {
            driver.save(&changed);
            *settings = changed;
        }
        // Taken out before.
        Command::Contact(_) | Command::Quit => {}
    }
}
