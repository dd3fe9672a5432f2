//! The app without its window: the same backend and the same state, for tests and the demonstration.

use std::time::Duration;

use shared_desktop::bridge::{SendError, Ui};
use shared_desktop::clock;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::backend::{self, BackendConfig};
use crate::command::Command;
use crate::event::Event;
use crate::state::State;

/// A supervisor's console that a program uses.
pub struct Headless {
    ui: Ui<Command, Event>,
    task: JoinHandle<()>,
    /// What the window would show.
    pub state: State,
    ended: bool,
}

/// A state that did not come.
#[derive(Debug, thiserror::Error)]
#[error("wait {waited_secs:.1} s for {what}; the console is at: {state}")]
pub struct NotReached {
    /// What was waited for.
    pub what: String,
    /// How long.
    pub waited_secs: f32,
    /// What the state was instead.
    pub state: String,
}

impl Headless {
    /// Starts the backend as a task; needs a tokio runtime.
    pub fn start(config: BackendConfig) -> Headless {
        let (ui, bridge) = shared_desktop::bridge::pair();
        let state = State::new(clock::now(), config.settings.clone());
        let task = tokio::spawn(backend::run(config, bridge));
        Headless { ui, task, state, ended: false }
    }

    /// Gives a command as a click would.
    pub fn send(&self, command: Command) -> Result<(), SendError> {
        self.ui.send(command)
    }

    /// Takes up events until `reached` says yes, at most for `at_most`.
    pub async fn until(
        &mut self,
        what: &str,
        at_most: Duration,
        mut reached: impl FnMut(&State) -> bool,
    ) -> Result<(), NotReached> {
        let waiting = async {
            while !reached(&self.state) {
                if !self.step().await {
                    return false;
                }
            }
            true
        };
        let done = timeout(at_most, waiting).await.unwrap_or(false);
        if done {
            return Ok(());
        }
        let state = self.state.summary();
        Err(NotReached { what: what.into(), waited_secs: at_most.as_secs_f32(), state })
    }

    /// Takes up the next event; false when the backend has ended.
    pub async fn step(&mut self) -> bool {
        if self.ended {
            return false;
        }
        match self.ui.wait().await {
            Some(event) => {
                self.ended = event == Event::Ended;
                self.state.apply(&event);
                !self.ended
            }
            None => {
                self.ended = true;
                false
            }
        }
    }

    /// Takes up what has already happened, without waiting.
    pub fn drain(&mut self) {
        while let Some(event) = self.ui.next() {
            self.ended |= event == Event::Ended;
            self.state.apply(&event);
        }
    }

    /// Signs out and ends the backend.
    pub async fn quit(mut self) {
        if self.ui.send(Command::Quit).is_ok() {
            while self.step().await {}
        }
        // A panic there has already been reported by its own task.
        let _ = self.task.await;
    }
}
