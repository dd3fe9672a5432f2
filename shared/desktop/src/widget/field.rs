//! Fields to write in and to choose from, with the label above.

use egui::{ComboBox, CornerRadius, Margin, Response, Stroke, TextEdit, Ui, Widget};

use crate::theme::{self, Tone, radius, space};

/// A labelled line of text.
#[must_use = "add it to a Ui"]
pub struct Field<'a> {
    label: &'a str,
    text: &'a mut String,
    hint: &'a str,
    password: bool,
    error: Option<&'a str>,
    rows: usize,
    limit: usize,
    enabled: bool,
}

impl<'a> Field<'a> {
    /// A field of one line.
    pub fn new(label: &'a str, text: &'a mut String) -> Self {
        Field { label, text, hint: "", password: false, error: None, rows: 1, limit: 200, enabled: true }
    }

    /// An example, shown while it is empty.
    pub fn hint(mut self, hint: &'a str) -> Self {
        self.hint = hint;
        self
    }

    /// Shows dots.
    pub fn password(mut self) -> Self {
        self.password = true;
        self
    }

    /// What is wrong with it.
    pub fn error(mut self, error: Option<&'a str>) -> Self {
        self.error = error;
        self
    }

    /// Several lines, at most `limit` characters.
    pub fn rows(mut self, rows: usize, limit: usize) -> Self {
        self.rows = rows;
        self.limit = limit;
        self
    }

    /// Whether it can be changed now.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }
}

impl Widget for Field<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let tokens = theme::tokens(ui);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = space::XS;
            let label = ui.label(theme::secondary(self.label));
            let edit = if self.rows > 1 {
                TextEdit::multiline(self.text).desired_rows(self.rows)
            } else {
                TextEdit::singleline(self.text)
            };
            let outline = if self.error.is_some() { tokens.tone(Tone::Away).solid } else { tokens.outline };
            let response = framed(ui, outline, |ui| {
                ui.add_enabled(
                    self.enabled,
                    edit.password(self.password)
                        .hint_text(theme::body(self.hint).color(tokens.text_subdued))
                        .char_limit(self.limit)
                        .frame(egui::Frame::NONE)
                        .margin(Margin::ZERO)
                        .desired_width(f32::INFINITY),
                )
                .labelled_by(label.id)
            });
            if let Some(error) = self.error {
                ui.label(theme::secondary(error).color(tokens.tone(Tone::Away).text));
            }
            response
        })
        .inner
    }
}

/// The field's surface, with the focus ring when what is in it has the focus.
fn framed(ui: &mut Ui, outline: egui::Color32, add: impl FnOnce(&mut Ui) -> Response) -> Response {
    let tokens = theme::tokens(ui);
    let mut prepared = egui::Frame::new()
        .fill(tokens.field)
        .corner_radius(CornerRadius::same(radius::CONTROL))
        .inner_margin(Margin::symmetric(10, 7))
        .stroke(Stroke::new(1.0, outline))
        .begin(ui);
    // The surface has the height of a control already.
    prepared.content_ui.spacing_mut().interact_size.y = 0.0;
    let response = add(&mut prepared.content_ui);
    if response.has_focus() {
        prepared.frame.stroke = Stroke::new(2.0, tokens.accent);
        prepared.frame.inner_margin = Margin::symmetric(9, 6);
    }
    prepared.end(ui);
    response
}

/// A labelled choice; returns the new choice when it changed.
pub fn select<T: Clone + PartialEq>(
    ui: &mut Ui,
    label: &str,
    current: &T,
    choices: &[(T, String)],
) -> Option<T> {
    let mut chosen = None;
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = space::XS;
        let name = ui.label(theme::secondary(label));
        let shown = choices
            .iter()
            .find(|(value, _)| value == current)
            .map_or("Not available now", |(_, words)| words.as_str());
        let width = ui.available_width();
        ComboBox::from_id_salt(label)
            .width(width)
            .truncate()
            .selected_text(theme::body(shown))
            .show_ui(ui, |ui| {
                for (value, words) in choices {
                    if ui.selectable_label(value == current, words).clicked() && value != current {
                        chosen = Some(value.clone());
                    }
                }
            })
            .response
            .labelled_by(name.id);
    });
    chosen
}
