//! Initials in a circle.

use egui::{Response, Sense, Ui, Vec2};

use crate::theme::{self, Tone, Weight};

/// The initials of a name in a circle with the colours of a tone. Decoration: the name itself stands beside it.
pub fn avatar(ui: &mut Ui, name: &str, tone: Tone, diameter: f32) -> Response {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(diameter), Sense::hover());
    let colors = theme::tokens(ui).tone(tone);
    ui.painter().circle_filled(rect.center(), diameter / 2.0, colors.tint);
    let font = Weight::SemiBold.at((diameter * 0.38).round());
    ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, initials(name), font, colors.text);
    response
}

/// First letters of the first and the last word; `#` for a number.
fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let letters: String =
        words.next().into_iter().chain(words.next_back()).flat_map(char::to_uppercase).collect();
    if letters.is_empty() || letters.chars().all(|c| c.is_ascii_digit()) { "#".into() } else { letters }
}

#[cfg(test)]
mod tests {
    #[test]
    fn initials_of_people_and_numbers() {
        for (name, expected) in [
            ("Anna Berg", "AB"),
            ("Jean-Luc de la Tour", "JT"),
            ("madonna", "M"),
            ("+49 30 1234", "#"),
            ("", "#"),
            ("(Öz) çelik", "ÖÇ"),
        ] {
            assert_eq!(super::initials(name), expected, "{name:?}");
        }
    }
}
