//! Campaigns: the next contact, a look at who it is, the call, what came of it.

use egui::{Grid, Ui};
use shared::id::CampaignId;
use shared::model::campaign::{Attempt, Outcome};
use shared_desktop::format;
use shared_desktop::theme::{self, icon, size, space};
use shared_desktop::widget::{Button, Field, Kind, card, line, muted, spread};

use crate::action::Action;
use crate::command::{Command, ContactCommand};
use crate::preview::Held;
use crate::state::State;

const NOTE_CHARS: usize = 2_000;
/// So many of the list's columns are shown.
const MOST_COLUMNS: usize = 12;

/// What is typed.
#[derive(Default)]
pub(super) struct Form {
    note: String,
    note_of: Option<(CampaignId, u32)>,
}

impl Form {
    /// Draws it; nothing when there is no campaign to work on.
    pub(super) fn show(&mut self, ui: &mut Ui, state: &State, commands: &mut Vec<Command>) {
        let of = state.preview.held.as_ref().map(|held| (held.campaign.clone(), held.contact.number));
        if of != self.note_of {
            self.note_of = of;
            self.note.clear();
        }
        match &state.preview.held {
            Some(held) => self.held_ui(ui, state, held, commands),
            None if state.preview.campaigns.is_empty() => return,
            None => next_ui(ui, state, commands),
        }
        ui.add_space(space::L);
    }

    /// Draws the contact that was called, under its call and under the wrap-up.
    pub(super) fn show_called(&mut self, ui: &mut Ui, state: &State, commands: &mut Vec<Command>) {
        if state.preview.held.as_ref().is_some_and(|held| held.contact.dialled) {
            ui.add_space(space::L);
            self.show(ui, state, commands);
        }
    }

    fn held_ui(&mut self, ui: &mut Ui, state: &State, held: &Held, commands: &mut Vec<Command>) {
        card(ui, |ui| {
            ui.set_width(ui.available_width());
            let name = state.preview.name(&held.campaign);
            let title = |ui: &mut Ui| line(ui, theme::secondary(name));
            spread(ui, 20.0, title, |ui| {
                if !held.contact.dialled {
                    let left = format::clock(format::left(state.desk.now, held.contact.until));
                    line(ui, theme::secondary(format!("Yours for {left}")));
                }
            });
            who_ui(ui, held);
            ui.add_space(space::S);
            if held.contact.dialled {
                self.outcome_ui(ui, state, held, commands);
            } else {
                call_ui(ui, state, held, commands);
            }
        });
    }

    fn outcome_ui(&mut self, ui: &mut Ui, state: &State, held: &Held, commands: &mut Vec<Command>) {
        ui.label(theme::strong("What came of it?"));
        let hint = "What the next colleague should know";
        ui.add(Field::new("Note", &mut self.note).hint(hint).rows(2, NOTE_CHARS));
        let blocked = blocked(state);
        ui.horizontal_wrapped(|ui| {
            for outcome in Outcome::ALL {
                let (label, sign) = words(outcome);
                let button = Button::new(label).icon(sign).blocked(blocked.clone());
                if ui.add(button).clicked() {
                    let text = self.note.trim();
                    let note = (!text.is_empty()).then(|| text.to_owned());
                    let (campaign, contact) = (held.campaign.clone(), held.contact.number);
                    let command = ContactCommand::Outcome { campaign, contact, outcome, note };
                    commands.push(Command::Contact(command));
                }
            }
        });
    }
}

fn blocked(state: &State) -> Option<String> {
    let asked = state.preview.asked.then(|| "the service is asked just now".to_owned());
    state.desk.service_blocked().or(asked)
}

fn next_ui(ui: &mut Ui, state: &State, commands: &mut Vec<Command>) {
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(theme::heading("People to call"));
        for campaign in &state.preview.campaigns {
            let nobody = state.preview.nobody.as_ref() == Some(&campaign.id);
            let title = |ui: &mut Ui| {
                line(ui, theme::body(&campaign.name));
                if nobody {
                    line(ui, theme::secondary("nobody is to be called now"));
                }
            };
            spread(ui, theme::height::LARGE, title, |ui| {
                let next = Button::new("Next contact")
                    .icon(icon::USER)
                    .hint("You see who it is before you call")
                    .blocked(blocked(state));
                if ui.add(next).clicked() {
                    commands.push(Command::Contact(ContactCommand::Next(campaign.id.clone())));
                }
            });
        }
    });
}

fn who_ui(ui: &mut Ui, held: &Held) {
    let contact = &held.contact.contact;
    let name = if contact.name.is_empty() { &contact.number } else { &contact.name };
    line(ui, theme::text_in(name, theme::Weight::SemiBold, size::SECTION).strong());
    if !contact.name.is_empty() {
        line(ui, theme::secondary(&contact.number));
    }
    let columns = contact.columns.iter().filter(|(_, value)| !value.is_empty());
    let columns: Vec<_> = columns.take(MOST_COLUMNS).collect();
    if !columns.is_empty() {
        Grid::new("columns").num_columns(2).spacing([space::L, space::XS]).show(ui, |ui| {
            for (name, value) in columns {
                ui.label(theme::secondary(name));
                line(ui, theme::body(value));
                ui.end_row();
            }
        });
    }
    for attempt in held.contact.attempts.iter().rev().take(3) {
        line(ui, theme::secondary(attempt_words(attempt)));
    }
}

fn call_ui(ui: &mut Ui, state: &State, held: &Held, commands: &mut Vec<Command>) {
    let (campaign, contact) = (held.campaign.clone(), held.contact.number);
    let no_call = Action::Dial.blocked(state).or_else(|| blocked(state));
    ui.horizontal(|ui| {
        let call = Button::new(format!("Call {}", held.contact.contact.number))
            .icon(icon::PHONE_CALL)
            .kind(Kind::Answer)
            .blocked(no_call.clone());
        if ui.add(call).clicked() {
            let command = ContactCommand::Call { campaign: campaign.clone(), contact };
            commands.push(Command::Contact(command));
        }
        let skip = Button::new("Skip").ghost().hint("Somebody calls later").blocked(blocked(state));
        if ui.add(skip).clicked() {
            commands.push(Command::Contact(ContactCommand::Skip { campaign, contact }));
        }
    });
    if let Some(why) = no_call {
        muted(ui, format!("Not possible now: {why}."));
    }
}

fn attempt_words(attempt: &Attempt) -> String {
    let (label, _) = words(attempt.outcome);
    match attempt.note.as_deref().unwrap_or_default() {
        "" => format!("Before: {}", label.to_lowercase()),
        note => format!("Before: {}, {note}", label.to_lowercase()),
    }
}

fn words(outcome: Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Reached => ("Reached", icon::CHECK_CIRCLE),
        Outcome::NoAnswer => ("No answer", icon::PHONE_X),
        Outcome::Busy => ("Busy", icon::PHONE_SLASH),
        Outcome::Voicemail => ("Voicemail", icon::CHAT_CIRCLE_DOTS),
        Outcome::Refused => ("Does not want it", icon::HAND_PALM),
        Outcome::Failed => ("Wrong number", icon::X_CIRCLE),
    }
}
