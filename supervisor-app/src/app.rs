//! The window: takes up events, draws the state, gives the person's commands to the backend.

use shared_desktop::bridge::{SendError, Ui as Bridge};
use shared_desktop::theme;

use crate::command::Command;
use crate::event::Event;
use crate::screen::Window;
use crate::state::State;

/// The app as eframe sees it.
pub struct App {
    bridge: Bridge<Command, Event>,
    state: State,
    window: Window,
}

impl App {
    /// With the backend's bridge; fonts and theme are put into the window here.
    pub fn new(ctx: &egui::Context, bridge: Bridge<Command, Event>, state: State) -> App {
        theme::install(ctx);
        theme::set_mode(ctx, state.desk.settings.theme);
        bridge.attach(ctx);
        App { window: Window::new(&state), bridge, state }
    }

    fn send(&mut self, command: Command) {
        match self.bridge.send(command) {
            Ok(()) => {}
            Err(error @ SendError::Full) => {
                let now = self.state.desk.now;
                self.state.desk.notices.warn(now, "That was not done", format!("{error}; wait a moment"));
            }
            Err(SendError::Closed) => self.state.ended = true,
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        while let Some(event) = self.bridge.next() {
            self.state.apply(&event);
        }
        if self.state.ended {
            ctx.send_viewport_cmd(egui::ViewportCommand::Close);
        }
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        for command in self.window.draw(ui, &mut self.state) {
            self.send(command);
        }
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        // The backend also ends when this end of the bridge is dropped.
        let _ = self.bridge.send(Command::Quit);
    }
}
