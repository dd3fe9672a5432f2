//! The screens. They read the state, change only what is typed and what is open, and give back commands.

mod call;
mod contact;
mod dial;
mod incoming;
mod ready;
mod settings;
mod transfer;
mod wrap_up;

use egui::{CentralPanel, Frame, Key, Margin, Modifiers, ScrollArea, Ui};
use shared::id::CallId;
use shared_desktop::agent_words;
use shared_desktop::format;
use shared_desktop::palette::{self, Entry, Palette};
use shared_desktop::shell::{self, SignInForm};
use shared_desktop::theme::{self, Mode, icon, space};
use shared_desktop::widget::{Button, avatar, line};

use crate::action::{Action, Effect};
use crate::command::Command;
use crate::state::{State, View};

/// What is typed and what is open.
pub struct Window {
    form: SignInForm,
    palette: Palette,
    settings_open: bool,
    keypad_open: bool,
    digits: String,
    transfer: transfer::Picker,
    dial: dial::Form,
    contact: contact::Form,
    note: String,
    note_of: Option<CallId>,
    shown_theme: Option<Mode>,
}

impl Window {
    /// With the sign-in form filled from the settings.
    pub fn new(state: &State) -> Window {
        let settings = &state.desk.settings;
        Window {
            form: SignInForm::new(&settings.service, &settings.user),
            palette: Palette::default(),
            settings_open: false,
            keypad_open: false,
            digits: String::new(),
            transfer: transfer::Picker::default(),
            dial: dial::Form::default(),
            contact: contact::Form::default(),
            note: String::new(),
            note_of: None,
            shown_theme: Some(settings.theme),
        }
    }

    /// Draws everything; returns what the person wants.
    pub fn draw(&mut self, ui: &mut Ui, state: &mut State) -> Vec<Command> {
        let mut commands = Vec::new();
        if self.shown_theme != Some(state.desk.settings.theme) {
            self.shown_theme = Some(state.desk.settings.theme);
            theme::set_mode(ui.ctx(), state.desk.settings.theme);
        }
        let view = state.view();
        self.close_what_is_over(&view);
        let mut actions = self.pressed(ui, state);
        match &view {
            View::SignIn => {
                if let Some(credentials) = shell::sign_in(ui, "Agent desk", &state.desk, &mut self.form) {
                    let mut kept = state.desk.settings.clone();
                    kept.service.clone_from(&credentials.service);
                    kept.user.clone_from(&credentials.user);
                    commands.push(Command::Save(kept));
                    commands.push(Command::SignIn(credentials));
                }
            }
            _ => self.desk_ui(ui, state, &view, &mut actions, &mut commands),
        }
        if let Some(action) = self.palette.show(ui.ctx(), &entries(state)) {
            actions.push(action);
        }
        for action in actions {
            self.act(state, &action, &mut commands);
        }
        if let Some(dismissed) = shell::toasts(ui.ctx(), &state.desk.notices) {
            state.desk.notices.dismiss(dismissed);
        }
        for command in &commands {
            match command {
                Command::Save(settings) => state.desk.settings = settings.clone(),
                Command::Contact(_) => state.preview.asked = true,
                _ => {}
            }
        }
        commands
    }

    fn desk_ui(
        &mut self,
        ui: &mut Ui,
        state: &State,
        view: &View,
        actions: &mut Vec<Action>,
        commands: &mut Vec<Command>,
    ) {
        top_bar_ui(ui, state, &mut self.palette, actions);
        if let Some(banner) = shell::connection(&state.desk) {
            banner.show(ui, "connection");
        }
        let frame = Frame::new().fill(theme::tokens(ui).base).inner_margin(Margin::same(24));
        CentralPanel::default().frame(frame).show(ui, |ui| {
            ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
                if self.settings_open {
                    settings::settings_ui(ui, state, actions, commands);
                    return;
                }
                match view {
                    View::SignIn => {}
                    View::Ready => {
                        let forms = (&mut self.contact, &mut self.dial);
                        ready::ready_ui(ui, state, forms, actions, commands);
                    }
                    View::Incoming(incoming) => incoming::incoming_ui(ui, state, incoming, actions),
                    View::Call(talk) => {
                        let open = &mut self.keypad_open;
                        call::call_ui(ui, state, talk, open, &mut self.digits, actions, commands);
                        self.contact.show_called(ui, state, commands);
                    }
                    View::WrapUp(wrap_up) => {
                        wrap_up::wrap_up_ui(ui, state, wrap_up, &mut self.note, commands);
                        self.contact.show_called(ui, state, commands);
                    }
                }
            });
        });
        self.transfer.show(ui.ctx(), state, commands);
    }

    /// What belongs to one call goes with it; a call that rings comes in front of everything.
    fn close_what_is_over(&mut self, view: &View) {
        if !matches!(view, View::Call(_)) {
            self.keypad_open = false;
            self.digits.clear();
            self.transfer.close();
        }
        if matches!(view, View::Incoming(_) | View::SignIn) {
            self.settings_open = false;
        }
        let now = match view {
            View::WrapUp(wrap_up) => Some(wrap_up.call),
            View::SignIn | View::Ready | View::Incoming(_) | View::Call(_) => None,
        };
        if now != self.note_of {
            self.note_of = now;
            self.note.clear();
        }
    }

    fn pressed(&mut self, ui: &Ui, state: &State) -> Vec<Action> {
        if ui.input_mut(|input| input.consume_shortcut(&palette::SHORTCUT)) && state.desk.user().is_some() {
            self.palette.toggle();
        }
        if self.settings_open && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape)) {
            self.settings_open = false;
        }
        let mut actions = Action::all(state);
        // egui takes Ctrl+Shift+H for Ctrl+H too, so the longer ones are asked for first.
        actions.sort_by_key(|action| !action.shortcut().is_some_and(|keys| keys.modifiers.shift));
        actions.retain(|action| {
            action.shortcut().is_some_and(|keys| ui.input_mut(|input| input.consume_shortcut(&keys)))
        });
        actions
    }

    fn act(&mut self, state: &mut State, action: &Action, commands: &mut Vec<Command>) {
        match action.effect(state) {
            Some(Effect::Command(command)) => commands.push(command),
            Some(Effect::ToggleKeypad) => self.keypad_open = !self.keypad_open,
            Some(Effect::ToggleTransfer) => self.transfer.toggle(),
            Some(Effect::TypeNumber) => self.dial.focus(),
            Some(Effect::ToggleSettings) => self.settings_open = !self.settings_open,
            None => {
                if let Some(why) = action.blocked(state) {
                    let title = format!("{} is not possible now", action.label(state).trim_end_matches('…'));
                    let now = state.desk.now;
                    state.desk.notices.warn(now, title, capitalised(&why));
                }
            }
        }
    }
}

/// A button for an action, with its words, picture, keys, and the reason when it cannot be used.
fn action_button<'a>(action: &Action, state: &State) -> Button<'a> {
    Button::new(action.label(state))
        .icon(action.icon(state))
        .hint(action.hint())
        .shortcut(action.shortcut())
        .blocked(action.blocked(state))
}

fn top_bar_ui(ui: &mut Ui, state: &State, palette: &mut Palette, actions: &mut Vec<Action>) {
    shell::top_bar(
        ui,
        |ui| {
            let name = state.desk.user().map_or("", |user| &user.name);
            if let Some(me) = state.me() {
                let badge = agent_words::badge(me, &state.desk.floor.breaks);
                avatar(ui, name, badge.tone, 32.0);
                ui.add(&badge);
                ui.label(theme::mono(format::since(state.desk.now, agent_words::since(me))));
            } else {
                avatar(ui, name, theme::Tone::Break, 32.0);
            }
            line(ui, theme::strong(name));
        },
        |ui| {
            let sign_out = Action::SignOut;
            let button = Button::icon_only(icon::SIGN_OUT, "Sign out").blocked(sign_out.blocked(state));
            if ui.add(button).clicked() {
                actions.push(sign_out);
            }
            let settings = Action::Settings;
            let button = Button::icon_only(icon::GEAR, "Settings").shortcut(settings.shortcut());
            if ui.add(button).clicked() {
                actions.push(settings);
            }
            let button = Button::icon_only(icon::COMMAND, "All commands").shortcut(Some(palette::SHORTCUT));
            if ui.add(button).clicked() {
                palette.toggle();
            }
            if let Some((badge, explained)) = shell::phone_badge(&state.desk) {
                ui.add(&badge).on_hover_text(explained);
            }
            ui.add_space(space::S);
        },
    );
}

fn entries(state: &State) -> Vec<Entry<Action>> {
    Action::all(state)
        .into_iter()
        .map(|action| Entry {
            label: action.label(state),
            icon: action.icon(state),
            shortcut: action.shortcut(),
            blocked: action.blocked(state),
            action,
        })
        .collect()
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}
