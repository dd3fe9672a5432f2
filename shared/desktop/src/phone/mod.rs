//! The phone: a pure engine, and a thread that drives it with sockets and a sound card.
//!
//! ```text
//!  SipDriver ──┐                     ┌─► SipDriver
//!  RTP socket ─┼─► Engine (pure) ────┼─► RTP socket
//!  20 ms tick ─┤   handle poll       ├─► sound devices or script
//!  commands ───┘                     └─► PhoneEvent (bounded)
//! ```

mod about;
pub mod audio;
mod call;
mod device;
pub mod engine;
mod media;
mod network;
mod ring;
mod ringer;
mod run;
mod sound;
mod stream;
mod types;

use std::fmt;

use tokio::sync::mpsc;

pub use audio::{AudioBackend, HeardFrame, ScriptedAudio, Speak};
pub use types::{
    CallAbout, CallState, DeviceChoice, DeviceInfo, Devices, Direction, EndReason, Levels, Phase,
    PhoneCallId, PhoneCommand, PhoneConfig, PhoneEvent, PhoneState, Problem, ProblemAbout, Quality,
    Registration,
};

/// Commands that wait for the phone; a person does not fill it.
pub const COMMAND_QUEUE_LEN: usize = 64;
/// Events that wait for the user, see [`PhoneEvent`].
pub const EVENT_QUEUE_LEN: usize = 256;

/// The phone has stopped, or does not get round to its commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the phone takes no commands")]
pub struct PhoneGone;

/// Gives commands to a running phone. It unregisters and stops with [`PhoneCommand::Stop`], or when the last clone
/// is dropped.
#[derive(Clone)]
pub struct PhoneHandle {
    commands: mpsc::Sender<PhoneCommand>,
}

impl fmt::Debug for PhoneHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhoneHandle")
    }
}

impl PhoneHandle {
    /// Never waits, so a window's thread may call it.
    pub fn command(&self, command: PhoneCommand) -> Result<(), PhoneGone> {
        self.commands.try_send(command).map_err(|_| PhoneGone)
    }
}

/// Starts phones.
#[derive(Debug)]
pub struct Phone;

impl Phone {
    /// Starts the thread. Whatever goes wrong comes as an event, at the worst [`PhoneEvent::Stopped`] at once.
    pub fn start(config: PhoneConfig) -> (PhoneHandle, mpsc::Receiver<PhoneEvent>) {
        let (commands, queue) = mpsc::channel(COMMAND_QUEUE_LEN);
        let (events, receiver) = mpsc::channel(EVENT_QUEUE_LEN);
        let problem_events = events.clone();
        let thread = std::thread::Builder::new().name("callfloor-phone".into()).spawn(move || {
            match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime.block_on(run::run(config, queue, events)),
                Err(error) => not_started(&events, &error),
            }
        });
        if let Err(error) = thread {
            not_started(&problem_events, &error);
        }
        (PhoneHandle { commands }, receiver)
    }
}

fn not_started(events: &mpsc::Sender<PhoneEvent>, error: &std::io::Error) {
    let problem = Problem {
        about: ProblemAbout::Network,
        message: format!("The phone cannot start: {error}."),
        hint: "Close other programs, then start this one again.".into(),
    };
    // The queue is new, so both fit.
    let _ = events.try_send(PhoneEvent::Problem(problem));
    let _ = events.try_send(PhoneEvent::Stopped);
}

#[cfg(test)]
#[path = "phone_tests.rs"]
mod tests;
