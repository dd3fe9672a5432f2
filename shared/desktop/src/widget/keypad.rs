//! The telephone keypad.

use egui::{Key, Ui, vec2};

use crate::theme::space;
use crate::widget::{Button, Size};

/// The keys, row by row.
pub const KEYS: [char; 12] = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '0', '#'];

/// Twelve keys; also listens to the keyboard. Returns what was pressed.
pub fn keypad(ui: &mut Ui) -> Option<char> {
    let mut pressed = None;
    egui::Grid::new("keypad").spacing(vec2(space::S, space::S)).show(ui, |ui| {
        for row in KEYS.chunks(3) {
            for key in row {
                let label = match key {
                    '*' => "Star".to_owned(),
                    '#' => "Hash".to_owned(),
                    digit => digit.to_string(),
                };
                let shown = Button::new(key.to_string()).size(Size::Large).width(72.0);
                if ui.add(shown).accessible_name(format!("Key {label}")).clicked() {
                    pressed = Some(*key);
                }
            }
            ui.end_row();
        }
    });
    if pressed.is_none() && ui.ctx().memory(|memory| memory.focused().is_none()) {
        pressed = ui.input(|input| {
            input.events.iter().find_map(|event| match event {
                egui::Event::Text(text) => text.chars().find(|c| KEYS.contains(c)),
                _ => None,
            })
        });
        // Escape belongs to whatever holds the keypad.
        if ui.input(|input| input.key_pressed(Key::Escape)) {
            pressed = None;
        }
    }
    pressed
}
