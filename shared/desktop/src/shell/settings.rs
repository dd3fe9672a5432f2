//! Settings that both apps have: sound devices and the theme.

use egui::Ui;

use crate::desk::Desk;
use crate::phone::{DeviceChoice, DeviceInfo};
use crate::theme::{self, Mode, icon, space};
use crate::widget::{Button, card, muted, segmented, select};

/// What the person changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingsChange {
    /// Other devices.
    Devices(DeviceChoice),
    /// Another theme.
    Theme(Mode),
    /// Ring aloud, or not.
    RingAloud(bool),
    /// Look for devices again.
    RefreshDevices,
    /// Hear a beep on the ring device.
    TestRing,
}

/// Draws the cards; returns what was changed.
pub fn settings(ui: &mut Ui, desk: &Desk) -> Option<SettingsChange> {
    let mut change = None;
    let width = 560.0_f32.min(ui.available_width());
    card(ui, |ui| {
        ui.set_width(width - 2.0 * space::L);
        ui.spacing_mut().item_spacing.y = space::M;
        ui.label(theme::heading("Sound"));
        change = sound(ui, desk);
    });
    ui.add_space(space::M);
    card(ui, |ui| {
        ui.set_width(width - 2.0 * space::L);
        ui.spacing_mut().item_spacing.y = space::M;
        ui.label(theme::heading("Look"));
        let choices = Mode::ALL.map(|mode| (mode, mode.label()));
        if let Some(mode) = segmented(ui, desk.settings.theme, &choices) {
            change = Some(SettingsChange::Theme(mode));
        }
    });
    change
}

fn sound(ui: &mut Ui, desk: &Desk) -> Option<SettingsChange> {
    let devices = &desk.phone.devices;
    let wanted = &desk.settings.devices;
    let mut change = None;
    let choose = |ui: &mut Ui, label, current: &Option<String>, from: &[DeviceInfo]| {
        let mut choices = vec![(None, "System default".to_owned())];
        choices.extend(from.iter().map(|device| (Some(device.id.clone()), device.name.clone())));
        select(ui, label, current, &choices)
    };
    if let Some(input) = choose(ui, "Microphone", &wanted.input, &devices.inputs) {
        change = Some(DeviceChoice { input, ..wanted.clone() });
    }
    if let Some(output) = choose(ui, "Headset or loudspeaker", &wanted.output, &devices.outputs) {
        change = Some(DeviceChoice { output, ..wanted.clone() });
    }
    if let Some(ring) = choose(ui, "Ring on", &wanted.ring, &devices.outputs) {
        change = Some(DeviceChoice { ring, ..wanted.clone() });
    }
    let mut change = change.map(SettingsChange::Devices);
    let used = |name: &Option<String>| name.clone().unwrap_or_else(|| "none".into());
    muted(ui, format!("In use now: microphone {}, sound {}", used(&devices.input), used(&devices.output)));
    if devices.inputs.is_empty() && devices.outputs.is_empty() {
        muted(
            ui,
            "No sound device was found. Plug a headset in and look again; everything else works without.",
        );
    }
    ui.horizontal_wrapped(|ui| {
        if ui.add(Button::new("Look again").icon(icon::MAGNIFYING_GLASS)).clicked() {
            change = Some(SettingsChange::RefreshDevices);
        }
        if ui.add(Button::new("Test ring").icon(icon::BELL)).clicked() {
            change = Some(SettingsChange::TestRing);
        }
        let silent = desk.settings.ring_silently;
        let choices = [(false, "Ring aloud"), (true, "Only show")];
        if let Some(silent) = segmented(ui, silent, &choices) {
            change = Some(SettingsChange::RingAloud(!silent));
        }
    });
    change
}
