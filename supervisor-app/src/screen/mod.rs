//! The screens. They read the state, change only what is typed and what is open, and give back commands.

mod agent;
mod call;
mod callback;
mod day;
mod floor;
mod queue;
mod recordings;
mod settings;
mod sound;
mod tables;

use std::collections::BTreeSet;
use std::time::Duration;

use egui::{CentralPanel, Frame, Margin, Ui};
use shared::id::{AgentId, CallId, QueueId};
use shared::model::call::Phase;
use shared_desktop::palette::{self, Entry, Palette};
use shared_desktop::shell::{self, SignInForm};
use shared_desktop::theme::{self, Mode, Tone, icon, space};
use shared_desktop::widget::{Badge, Button, Size, avatar, line, segmented};

use crate::action::{Action, Effect, Page, mode_icon};
use crate::command::Command;
use crate::state::State;

/// While a call waits, its reasons are asked for this often.
const WHY_EVERY_MILLIS: i64 = 5_000;
/// Expected waits are asked for this often.
const EXPECTED_EVERY: Duration = Duration::from_secs(10);

/// What is chosen on the floor.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Chosen {
    /// Nothing.
    #[default]
    Nothing,
    /// A call.
    Call(CallId),
    /// An agent, with the call that he is on.
    Agent(AgentId),
    /// A callback, by its id.
    Callback(CallId),
}

/// What is typed and what is open.
pub struct Window {
    form: SignInForm,
    palette: Palette,
    page: Page,
    chosen: Chosen,
    queue: Option<QueueId>,
    search: recordings::Search,
    day_asked: Option<shared::time::Timestamp>,
    /// The call, its offers, and while it waits the moment.
    decisions_asked: Option<(CallId, u32, i64)>,
    /// When expected waits were asked for, and how many answers had come then.
    waits_asked: Option<(shared::time::Timestamp, u64)>,
    /// The call whose sound is asked for.
    watched: Option<CallId>,
    shown_theme: Option<Mode>,
}

impl Window {
    /// With the sign-in form filled from the settings.
    pub fn new(state: &State) -> Window {
        let settings = &state.desk.settings;
        Window {
            form: SignInForm::new(&settings.service, &settings.user),
            palette: Palette::default(),
            page: Page::Floor,
            chosen: Chosen::Nothing,
            queue: None,
            search: recordings::Search::default(),
            day_asked: None,
            decisions_asked: None,
            waits_asked: None,
            watched: None,
            shown_theme: Some(settings.theme),
        }
    }

    /// Opens a page, as its tab does.
    pub fn open(&mut self, page: Page) {
        self.page = page;
    }

    /// Chooses something on the floor, as a click does.
    pub fn choose(&mut self, chosen: Chosen) {
        self.chosen = chosen;
    }

    /// Chooses a recording, as a click does.
    pub fn choose_recording(&mut self, recording: shared::id::RecordingId) {
        self.search.choose(recording);
    }

    /// Draws everything; returns what the person wants.
    pub fn draw(&mut self, ui: &mut Ui, state: &mut State) -> Vec<Command> {
        let mut commands = Vec::new();
        if self.shown_theme != Some(state.desk.settings.theme) {
            self.shown_theme = Some(state.desk.settings.theme);
            theme::set_mode(ui.ctx(), state.desk.settings.theme);
        }
        if state.desk.user().is_none() {
            self.forget();
            if let Some(credentials) = shell::sign_in(ui, "Supervisor console", &state.desk, &mut self.form) {
                let mut kept = state.desk.settings.clone();
                kept.service.clone_from(&credentials.service);
                kept.user.clone_from(&credentials.user);
                commands.push(Command::Save(kept));
                commands.push(Command::SignIn(credentials));
            }
        } else {
            let mut actions = self.pressed(ui);
            self.desk_ui(ui, state, &mut actions, &mut commands);
            let chosen = self.chosen_call(state);
            if let Some(action) = self.palette.show(ui.ctx(), &entries(state, chosen)) {
                actions.push(action);
            }
            for action in actions {
                self.act(state, action, &mut commands);
            }
        }
        if let Some(dismissed) = shell::toasts(ui.ctx(), &state.desk.notices) {
            state.desk.notices.dismiss(dismissed);
        }
        for command in &commands {
            if let Command::Save(settings) = command {
                state.desk.settings = settings.clone();
            }
        }
        commands
    }

    fn desk_ui(
        &mut self,
        ui: &mut Ui,
        state: &State,
        actions: &mut Vec<Action>,
        commands: &mut Vec<Command>,
    ) {
        self.top_bar_ui(ui, state, actions);
        if let Some(banner) = shell::connection(&state.desk) {
            banner.show(ui, "connection");
        }
        own_call_ui(ui, state, actions);
        self.watch(state, commands);
        match self.page {
            Page::Floor => {
                self.ask_decisions(state, commands);
                self.ask_waits(state, commands);
                floor::floor_ui(ui, state, &mut self.chosen, &mut self.queue, actions, commands);
            }
            Page::Recordings => {
                page(ui, |ui| recordings::recordings_ui(ui, state, &mut self.search, commands))
            }
            Page::Day => page(ui, |ui| day::day_ui(ui, state, &mut self.day_asked, commands)),
            Page::Settings => page(ui, |ui| settings::settings_ui(ui, state, actions, commands)),
        }
    }

    /// The call that the buttons and keys are about.
    fn chosen_call(&self, state: &State) -> Option<CallId> {
        match &self.chosen {
            Chosen::Nothing => None,
            Chosen::Callback(callback) => state.desk.floor.callbacks.get(callback)?.call,
            Chosen::Call(call) => Some(*call),
            Chosen::Agent(agent) => {
                let call = state.desk.floor.agents.get(agent)?.state.call()?;
                state.desk.floor.calls.contains_key(&call).then_some(call)
            }
        }
    }

    /// Asks why the chosen call went where it went, again after each further offer and every few seconds while it waits.
    fn ask_decisions(&mut self, state: &State, commands: &mut Vec<Command>) {
        let wanted = self.chosen_call(state).and_then(|call| {
            let live = state.desk.floor.calls.get(&call)?;
            let waits = matches!(live.phase, Phase::Waiting { .. });
            let moment = if waits { state.desk.now.as_millis() / WHY_EVERY_MILLIS } else { 0 };
            Some((call, live.offers, moment))
        });
        if let Some(wanted) = wanted
            && self.decisions_asked != Some(wanted)
            && state.desk.service_blocked().is_none()
        {
            self.decisions_asked = Some(wanted);
            commands.push(Command::LoadDecisions(wanted.0));
        }
    }

    /// Asks how long calls will wait where some do, again some seconds after the last answer has come.
    fn ask_waits(&mut self, state: &State, commands: &mut Vec<Command>) {
        let now = state.desk.now;
        let is_due = self.waits_asked.is_none_or(|(asked_at, answers)| {
            state.expected_answers > answers && now - asked_at >= EXPECTED_EVERY
        });
        if is_due && state.desk.service_blocked().is_none() {
            let queues: BTreeSet<QueueId> =
                state.desk.waiting().into_iter().map(|(_, queue, _)| queue.clone()).collect();
            if !queues.is_empty() {
                self.waits_asked = Some((now, state.expected_answers));
                commands.push(Command::LoadExpectedWaits(queues.into_iter().collect()));
            }
        }
    }

    /// Asks how the chosen call sounds while it is shown.
    fn watch(&mut self, state: &State, commands: &mut Vec<Command>) {
        let shown = self.chosen_call(state).filter(|_| self.page == Page::Floor);
        if self.watched != shown {
            self.watched = shown;
            commands.push(Command::Watch(shown));
        }
    }

    fn forget(&mut self) {
        self.page = Page::Floor;
        self.chosen = Chosen::Nothing;
        self.queue = None;
        self.search = recordings::Search::default();
        self.day_asked = None;
        self.decisions_asked = None;
        self.waits_asked = None;
        self.watched = None;
    }

    fn pressed(&mut self, ui: &Ui) -> Vec<Action> {
        if ui.input_mut(|input| input.consume_shortcut(&palette::SHORTCUT)) {
            self.palette.toggle();
        }
        let mut actions = Action::ALL.to_vec();
        // egui takes Ctrl+Shift+L for Ctrl+L too, so the longer ones are asked for first.
        actions.sort_by_key(|action| !action.shortcut().is_some_and(|keys| keys.modifiers.shift));
        actions.retain(|action| {
            action.shortcut().is_some_and(|keys| ui.input_mut(|input| input.consume_shortcut(&keys)))
        });
        actions
    }

    fn act(&mut self, state: &mut State, action: Action, commands: &mut Vec<Command>) {
        let chosen = self.chosen_call(state);
        match action.effect(state, chosen) {
            Some(Effect::Command(command)) => commands.push(command),
            Some(Effect::Open(page)) => self.page = page,
            None => {
                if let Some(why) = action.blocked(state, chosen) {
                    let title = format!("{} is not possible now", action.label(state));
                    state.desk.notices.warn(state.desk.now, title, capitalised(&why));
                }
            }
        }
    }

    fn top_bar_ui(&mut self, ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
        let mut opened = None;
        shell::top_bar(
            ui,
            |ui| {
                let Some(user) = state.desk.user() else { return };
                avatar(ui, &user.name, Tone::Talking, 32.0);
                let pages = [Page::Floor, Page::Recordings, Page::Day];
                let tabs = pages.map(|page| (page, Action::Open(page).label(state)));
                opened = segmented(ui, self.page, &tabs);
                line(ui, theme::body(&user.name).weak());
            },
            |ui| {
                let sign_out = Button::icon_only(icon::SIGN_OUT, "Sign out");
                if ui.add(sign_out).clicked() {
                    actions.push(Action::SignOut);
                }
                let settings = Action::Open(Page::Settings);
                let button = Button::icon_only(icon::GEAR, "Settings")
                    .shortcut(settings.shortcut())
                    .selected(self.page == Page::Settings);
                if ui.add(button).clicked() {
                    actions.push(settings);
                }
                let button =
                    Button::icon_only(icon::COMMAND, "All commands").shortcut(Some(palette::SHORTCUT));
                if ui.add(button).clicked() {
                    self.palette.toggle();
                }
                if let Some((badge, explained)) = shell::phone_badge(&state.desk) {
                    ui.add(&badge).on_hover_text(explained);
                }
                ui.add_space(space::S);
            },
        );
        actions.extend(opened.map(Action::Open));
    }
}

/// The call that one is in, on every page: how, since when, the microphone, the way out.
fn own_call_ui(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let Some((call, own)) = state.supervised() else { return };
    let tokens = theme::tokens(ui);
    let frame = Frame::new().fill(tokens.selected).inner_margin(Margin::symmetric(16, 8));
    egui::Panel::top("own call").resizable(false).show_separator_line(false).frame(frame).show(ui, |ui| {
        let words = |ui: &mut Ui| {
            ui.add(&Badge::new(own.mode.label(), mode_icon(own.mode), Tone::Talking));
            ui.label(theme::mono(shared_desktop::format::since(state.desk.now, own.since)));
            let agent = crate::action::party_of(state, call);
            line(ui, theme::strong(format!("{} with {agent}", call.from.label())));
            line(ui, theme::body(Action::Supervise(own.mode).hint()));
        };
        shared_desktop::widget::spread(ui, theme::height::COMPACT, words, |ui| {
            for action in [Action::Leave, Action::Mute] {
                let button = Button::new(action.label(state))
                    .icon(action.icon(state))
                    .size(Size::Compact)
                    .hint(action.hint())
                    .shortcut(action.shortcut())
                    .blocked(action.blocked(state, None))
                    .selected(action.is_on(state, None));
                if ui.add(button).clicked() {
                    actions.push(action);
                }
            }
        });
    });
}

fn page(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    let frame = Frame::new().fill(theme::tokens(ui).base).inner_margin(Margin::same(24));
    CentralPanel::default().frame(frame).show(ui, content);
}

fn entries(state: &State, chosen: Option<CallId>) -> Vec<Entry<Action>> {
    Action::ALL
        .into_iter()
        .map(|action| Entry {
            action,
            label: action.label(state).into(),
            icon: action.icon(state),
            shortcut: action.shortcut(),
            blocked: action.blocked(state, chosen),
        })
        .collect()
}

/// The first letter large.
fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}
