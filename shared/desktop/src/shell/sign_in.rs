//! Signing in: three fields, one button, and the reason when it did not work.

use egui::{Align, CentralPanel, Frame, Key, Label, Layout, Ui};

use crate::desk::{Desk, Stage};
use crate::driver::Credentials;
use crate::notice;
use crate::theme::{self, Tone, icon, space};
use crate::widget::{Button, Field, Size, card, card_filled};

/// What is being typed.
#[derive(Default)]
pub struct SignInForm {
    service: String,
    user: String,
    password: String,
    focused: bool,
}

impl SignInForm {
    /// Filled with what was used last.
    pub fn new(service: &str, user: &str) -> Self {
        SignInForm { service: service.into(), user: user.into(), ..SignInForm::default() }
    }

    fn missing(&self) -> Option<&'static str> {
        if self.service.trim().is_empty() {
            Some("type the address of the service first")
        } else if self.user.trim().is_empty() {
            Some("type your name first")
        } else if self.password.is_empty() {
            Some("type your password first")
        } else {
            None
        }
    }
}

/// Draws the whole window; returns who wants to sign in.
pub fn sign_in(ui: &mut Ui, title: &str, desk: &Desk, form: &mut SignInForm) -> Option<Credentials> {
    let tokens = theme::tokens(ui);
    let mut wanted = None;
    CentralPanel::default().frame(Frame::new().fill(tokens.base)).show(ui, |ui| {
        let width = 380.0_f32.min(ui.available_width() - 2.0 * space::L);
        ui.vertical_centered(|ui| {
            ui.add_space((ui.available_height() * 0.5 - 250.0).max(space::L));
            ui.set_max_width(width);
            ui.label(theme::icon_fill(icon::HEADSET, 40.0).color(tokens.accent));
            ui.label(theme::page_title("Callfloor"));
            ui.label(theme::body(title).weak());
            ui.add_space(space::L);
            card(ui, |ui| {
                ui.set_width(width - 2.0 * space::L);
                ui.spacing_mut().item_spacing.y = space::M;
                let left = Layout::top_down(Align::Min);
                wanted = ui.with_layout(left, |ui| fields(ui, desk, form)).inner;
            });
        });
    });
    wanted
}

fn fields(ui: &mut Ui, desk: &Desk, form: &mut SignInForm) -> Option<Credentials> {
    if let Stage::Refused(error) = &desk.stage {
        let colors = theme::tokens(ui).tone(Tone::Away);
        card_filled(ui, colors.tint, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = space::XS;
            ui.add(Label::new(theme::strong(&error.message).color(colors.text)).wrap());
            ui.add(Label::new(theme::secondary(notice::explain(error)).color(colors.text)).wrap());
        });
    }
    let busy = desk.stage == Stage::SigningIn;
    let mut fields = Vec::new();
    let service = Field::new("Service", &mut form.service).hint("http://10.0.0.2:8080").enabled(!busy);
    fields.push((ui.add(service), form.service.is_empty()));
    fields
        .push((ui.add(Field::new("Name", &mut form.user).hint("anna").enabled(!busy)), form.user.is_empty()));
    fields.push((
        ui.add(Field::new("Password", &mut form.password).password().enabled(!busy)),
        form.password.is_empty(),
    ));
    if !form.focused && !busy {
        form.focused = true;
        if let Some((first_empty, _)) = fields.iter().find(|(_, empty)| *empty) {
            first_empty.request_focus();
        }
    }
    let entered =
        fields.iter().any(|(field, _)| field.lost_focus()) && ui.input(|i| i.key_pressed(Key::Enter));
    let blocked = if busy { Some("signing in") } else { form.missing() };
    let words = if busy { "Signing in…" } else { "Sign in" };
    let width = ui.available_width();
    let button = Button::new(words).primary().size(Size::Large).width(width).blocked(blocked);
    let clicked = ui.add(button).clicked() || (entered && blocked.is_none());
    clicked.then(|| {
        form.focused = false;
        Credentials {
            service: form.service.trim().into(),
            user: form.user.trim().into(),
            password: std::mem::take(&mut form.password),
        }
    })
}
