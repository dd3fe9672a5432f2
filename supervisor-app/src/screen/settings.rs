//! Sound devices and look.

use egui::{ScrollArea, Ui};
use shared_desktop::shell::{self, SettingsChange};
use shared_desktop::theme::{self, height, space};
use shared_desktop::widget::{Button, line, spread};

use crate::action::{Action, Page};
use crate::command::Command;
use crate::state::State;

/// Draws the page.
pub(super) fn settings_ui(
    ui: &mut Ui,
    state: &State,
    actions: &mut Vec<Action>,
    commands: &mut Vec<Command>,
) {
    let title = |ui: &mut Ui| line(ui, theme::page_title("Settings"));
    spread(ui, height::CONTROL, title, |ui| {
        if ui.add(Button::new("Done").hint("Back to the floor")).clicked() {
            actions.push(Action::Open(Page::Floor));
        }
    });
    ui.add_space(space::M);
    let change = ScrollArea::vertical().show(ui, |ui| shell::settings(ui, &state.desk)).inner;
    let Some(change) = change else { return };
    let mut kept = state.desk.settings.clone();
    match change {
        SettingsChange::Devices(choice) => {
            kept.devices = choice.clone();
            commands.push(Command::UseDevices(choice));
        }
        SettingsChange::Theme(mode) => kept.theme = mode,
        SettingsChange::RingAloud(aloud) => {
            kept.ring_silently = !aloud;
            commands.push(Command::RingAloud(aloud));
        }
        SettingsChange::RefreshDevices => commands.push(Command::RefreshDevices),
        SettingsChange::TestRing => commands.push(Command::TestRing),
    }
    if kept != state.desk.settings {
        commands.push(Command::Save(kept));
    }
}
