//! Signed in, no call: the own status with its time, a number to call, the own queues, the own day.

use egui::{Label, Ui};
use shared::model::agent::{NotReadyReason, Status};
use shared::model::floor::AgentView;
use shared_desktop::agent_words;
use shared_desktop::format;
use shared_desktop::theme::{self, Tone, height, icon, size, space};
use shared_desktop::widget::{
    Badge, Kind, Size, big_timer, card, card_filled, empty, line, muted, spread, stat,
};

use super::{action_button, contact, dial};
use crate::action::Action;
use crate::command::Command;
use crate::state::State;

/// Draws the screen.
pub(super) fn ready_ui(
    ui: &mut Ui,
    state: &State,
    (contact, dial): (&mut contact::Form, &mut dial::Form),
    actions: &mut Vec<Action>,
    commands: &mut Vec<Command>,
) {
    let Some(me) = state.me() else {
        let (title, hint) = if state.desk.link == shared_desktop::desk::Link::Connected {
            (
                "You are not set up as an agent",
                "Ask your administrator to add you to the agents of the service.",
            )
        } else {
            ("Waiting for the service", "Your queues and your status appear here as soon as it answers.")
        };
        empty(ui, icon::HEADSET, title, hint);
        return;
    };
    if let Some(reason) = state.forced() {
        forced_ui(ui, state, reason, actions);
        ui.add_space(space::L);
    }
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            ui.vertical(|ui| {
                let badge = agent_words::badge(me, &state.desk.floor.breaks);
                ui.add(&badge);
                let since = agent_words::since(me);
                big_timer(ui, &format::since(state.desk.now, since), size::TIMER, Some(badge.tone));
                ui.add(Label::new(theme::secondary(status_words(me))).wrap());
            });
        });
        ui.add_space(space::S);
        status_buttons_ui(ui, state, actions);
    });
    ui.add_space(space::L);
    contact.show(ui, state, commands);
    dial.show(ui, state, commands);
    ui.add_space(space::L);
    if ui.available_width() > 700.0 {
        ui.spacing_mut().item_spacing.x = space::L;
        ui.columns(2, |columns| {
            for column in columns.iter_mut() {
                column.spacing_mut().item_spacing.x = space::S;
            }
            if let [left, right] = columns {
                queues_ui(left, state);
                day_ui(right, state);
            }
        });
    } else {
        queues_ui(ui, state);
        ui.add_space(space::L);
        day_ui(ui, state);
    }
}

/// Ready, and every break reason; the one that holds (or will hold) is marked.
pub(super) fn status_buttons_ui(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    ui.horizontal_wrapped(|ui| {
        let is_ready = Action::Ready.is_on(state);
        let ready = action_button(&Action::Ready, state).selected(is_ready);
        let ready = if is_ready { ready } else { ready.kind(Kind::Answer) };
        if ui.add(ready).clicked() {
            actions.push(Action::Ready);
        }
        for code in &state.desk.floor.breaks {
            let action = Action::Break(code.id.clone());
            if ui.add(action_button(&action, state).selected(action.is_on(state))).clicked() {
                actions.push(action);
            }
        }
    });
}

fn forced_ui(ui: &mut Ui, state: &State, reason: &NotReadyReason, actions: &mut Vec<Action>) {
    let colors = theme::tokens(ui).tone(Tone::Away);
    let badge = agent_words::status_badge(&Status::NotReady { reason: reason.clone() }, &[]);
    card_filled(ui, colors.tint, |ui| {
        ui.set_width(ui.available_width());
        let words = |ui: &mut Ui| {
            ui.label(theme::icon_fill(badge.icon, 24.0).color(colors.text));
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = space::XS;
                let (title, why) = forced_words(state, reason);
                ui.add(Label::new(theme::strong(title).color(colors.text)).wrap());
                ui.add(Label::new(theme::body(why).color(colors.text)).wrap());
            });
        };
        spread(ui, height::LARGE, words, |ui| {
            let ready = action_button(&Action::Ready, state).kind(Kind::Answer).size(Size::Large);
            if ui.add(ready).clicked() {
                actions.push(Action::Ready);
            }
        });
    });
}

fn forced_words(state: &State, reason: &NotReadyReason) -> (String, String) {
    let by = state.me().map(|me| &me.status_by);
    match reason {
        NotReadyReason::MissedOffer { .. } => (
            "You missed a call".into(),
            "It went to somebody else. No further calls come until you are ready again.".into(),
        ),
        NotReadyReason::RejectedOffer { .. } => (
            "You rejected a call".into(),
            "It went to somebody else. No further calls come until you are ready again.".into(),
        ),
        NotReadyReason::PhoneLost => (
            "Your phone was lost".into(),
            "The service could not reach it. Check the network, then get ready again.".into(),
        ),
        NotReadyReason::ConnectionLost => (
            "Your connection was lost".into(),
            "The service had not heard from this desk for a while. Get ready again.".into(),
        ),
        NotReadyReason::Supervisor => {
            let who = match by {
                Some(shared::model::agent::ChangedBy::User(user)) => {
                    state.desk.agent_name(&user.to_agent()).to_owned()
                }
                _ => "A supervisor".into(),
            };
            (format!("{who} made you not ready"), "You can get ready again when you are asked to.".into())
        }
        NotReadyReason::OnDemand => {
            ("You take calls on demand".into(), "Get ready when you want the next one.".into())
        }
        NotReadyReason::SignedIn | NotReadyReason::Break { .. } => (String::new(), String::new()),
    }
}

fn status_words(me: &AgentView) -> &'static str {
    match me.status {
        Status::Offline => "You are signed in here, and the service counts you as away",
        Status::Ready if !me.device.is_reachable() => {
            "No call can come yet: the service does not see your phone; it registers again by itself"
        }
        Status::Ready => "The next call comes to you",
        Status::NotReady { .. } => "No calls come to you",
    }
}

fn queues_ui(ui: &mut Ui, state: &State) {
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(theme::heading("Waiting now"));
        let queues = state.queues();
        if queues.is_empty() {
            muted(ui, "You serve no queue. Ask your supervisor.");
        }
        for queue in queues {
            let (tone, sign) = if queue.waiting == 0 {
                (Tone::Break, icon::CHECK_CIRCLE)
            } else {
                (Tone::WrapUp, icon::USERS)
            };
            let name = |ui: &mut Ui| line(ui, theme::body(&queue.name));
            spread(ui, height::COMPACT, name, |ui| {
                if let Some(since) = queue.longest_since {
                    ui.label(theme::mono(format::since(state.desk.now, since)));
                    ui.label(theme::secondary("longest"));
                }
                ui.add(&Badge::new(queue.waiting.to_string(), sign, tone));
            });
        }
    });
}

fn day_ui(ui: &mut Ui, state: &State) {
    let Some(me) = state.me() else { return };
    let counts = &me.counts;
    let (aht, occupancy) = (counts.aht_secs(), counts.occupancy_percent());
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(theme::heading("Your day"));
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = space::XL;
            stat(ui, "Answered", &counts.answered.to_string(), None, "Calls that you answered today");
            let missed = (counts.missed > 0).then_some(Tone::Away);
            stat(ui, "Missed", &counts.missed.to_string(), missed, "Offers that rang out at your phone");
            stat(ui, "Average time", &format::clock_secs(aht.value), None, &aht.formula);
            stat(ui, "Occupancy", &format::figure(occupancy.value, "%"), None, &occupancy.formula);
        });
    });
}
