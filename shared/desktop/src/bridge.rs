//! The bridge between a window and its backend: commands go down, events come up, both bounded.
//!
//! ```text
//! window ── Ui::send ──► [256] ──► Backend::recv
//! window ◄─ Ui::drain ── [1024] ◄─ Backend::send, then the window is asked to draw itself
//! ```
//!
//! A full command queue refuses the command, and the window says so. A full event queue makes the backend wait: the
//! phone runs in a thread of its own, so a window that hangs delays pictures and never a call.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

/// Commands that may wait.
pub const COMMANDS: usize = 256;
/// Events that may wait.
pub const EVENTS: usize = 1024;

/// Asks the window to draw itself; shared with every [`Backend`] end. Empty until a window is there.
#[derive(Clone, Default)]
struct Wake {
    /// Guards only the handle itself, for the moment of setting or calling it.
    window: Arc<Mutex<Option<egui::Context>>>,
}

impl Wake {
    fn call(&self) {
        if let Some(ctx) = &*self.window.lock().unwrap_or_else(PoisonError::into_inner) {
            ctx.request_repaint();
        }
    }
}

/// Why a command was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// 256 commands wait already.
    #[error("too many commands are waiting")]
    Full,
    /// The backend has ended.
    #[error("the backend has ended")]
    Closed,
}

/// The window's end.
pub struct Ui<C, E> {
    commands: mpsc::Sender<C>,
    events: mpsc::Receiver<E>,
    wake: Wake,
}

/// The backend's end.
pub struct Backend<C, E> {
    commands: mpsc::Receiver<C>,
    events: Events<E>,
}

/// Where a backend's tasks put their events; cheap to clone.
pub struct Events<E> {
    events: mpsc::Sender<E>,
    wake: Wake,
}

impl<E> Clone for Events<E> {
    fn clone(&self) -> Self {
        Events { events: self.events.clone(), wake: self.wake.clone() }
    }
}

/// A new bridge.
pub fn pair<C, E>() -> (Ui<C, E>, Backend<C, E>) {
    let (commands, commands_out) = mpsc::channel(COMMANDS);
    let (events, events_out) = mpsc::channel(EVENTS);
    let wake = Wake::default();
    (
        Ui { commands, events: events_out, wake: wake.clone() },
        Backend { commands: commands_out, events: Events { events, wake } },
    )
}

impl<C, E> Ui<C, E> {
    /// From now on every event asks this window to draw itself.
    pub fn attach(&self, ctx: &egui::Context) {
        *self.wake.window.lock().unwrap_or_else(PoisonError::into_inner) = Some(ctx.clone());
    }

    /// Gives a command to the backend; never waits.
    pub fn send(&self, command: C) -> Result<(), SendError> {
        self.commands.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SendError::Full,
            mpsc::error::TrySendError::Closed(_) => SendError::Closed,
        })
    }

    /// The next event that is there already; never waits.
    #[expect(clippy::should_implement_trait, reason = "there may be more later: no iterator")]
    pub fn next(&mut self) -> Option<E> {
        self.events.try_recv().ok()
    }

    /// The next event, waiting for it; none when the backend has ended. For windowless use.
    pub async fn wait(&mut self) -> Option<E> {
        self.events.recv().await
    }

    /// The next event, blocking the thread; none when the backend has ended. For windowless use.
    pub fn wait_blocking(&mut self) -> Option<E> {
        self.events.blocking_recv()
    }
}

impl<C, E> Backend<C, E> {
    /// The next command; none when the window is gone.
    pub async fn recv(&mut self) -> Option<C> {
        self.commands.recv().await
    }

    /// Puts an event; waits while 1,024 wait already. False when the window is gone.
    pub async fn send(&self, event: E) -> bool {
        self.events.send(event).await
    }

    /// Another end to put events into.
    pub fn events(&self) -> Events<E> {
        self.events.clone()
    }
}

impl<E> Events<E> {
    /// Puts an event; waits while 1,024 wait already. False when the window is gone.
    pub async fn send(&self, event: E) -> bool {
        let sent = self.events.send(event).await.is_ok();
        self.wake.call();
        sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_command_queue_refuses_and_says_so() {
        let (ui, backend) = pair::<u32, u32>();
        for number in 0..COMMANDS {
            assert_eq!(ui.send(number as u32), Ok(()));
        }
        assert_eq!(ui.send(0), Err(SendError::Full));
        drop(backend);
        assert_eq!(ui.send(0), Err(SendError::Closed));
    }

    #[tokio::test]
    async fn an_event_wakes_the_window() {
        let (mut ui, backend) = pair::<u32, u32>();
        let ctx = egui::Context::default();
        ui.attach(&ctx);
        assert!(backend.send(7).await);
        assert!(ctx.has_requested_repaint());
        assert_eq!(ui.next(), Some(7));
        assert_eq!(ui.next(), None);
    }
}
