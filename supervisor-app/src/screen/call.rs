//! The chosen call: who talks, the four ways to take part, why this agent.

use egui::{Label, Ui};
use shared::api::calls::{NonOfferRecord, OfferRecord};
use shared::model::call::{LiveCall, OfferOutcome, Phase, SupervisionMode};
use shared::model::decision::NonOfferMoment;
use shared::time::Timestamp;
use shared_desktop::format;
use shared_desktop::theme::{self, Tone, icon, size, space};
use shared_desktop::widget::{Badge, Button, Kind, big_timer, card, line, muted, spread};

use super::sound::sound_ui;
use crate::action::{Action, mode_icon, party_of};
use crate::command::Command;
use crate::state::{Loaded, State};

/// Draws the cards.
pub(super) fn call_ui(
    ui: &mut Ui,
    state: &State,
    call: &LiveCall,
    actions: &mut Vec<Action>,
    commands: &mut Vec<Command>,
) {
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        party_ui(ui, state, call);
        sound_ui(ui, state, call);
        ui.add_space(space::S);
        supervise_ui(ui, state, call, actions);
        ui.add_space(space::S);
        let blocked = state.desk.service_blocked();
        let end = Button::new("End call").icon(icon::PHONE_DISCONNECT).kind(Kind::Danger).blocked(blocked);
        if ui.add(end.hint("Hang up for everybody")).clicked() {
            commands.push(Command::HangUp(call.id));
        }
    });
    ui.add_space(space::XS);
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        let waits = matches!(call.phase, Phase::Arrived | Phase::Waiting { .. });
        ui.label(theme::heading(if waits { "Why it waits" } else { "Why this agent" }));
        why_ui(ui, state, call);
    });
}

fn party_ui(ui: &mut Ui, state: &State, call: &LiveCall) {
    let (badge, since) = match &call.phase {
        Phase::Arrived => (Badge::new("Arrived", icon::PHONE_INCOMING, Tone::Break), call.arrived_at),
        Phase::Waiting { since, .. } => (Badge::new("Waiting", icon::HOURGLASS, Tone::WrapUp), *since),
        Phase::Offered { since, .. } => (Badge::new("Ringing", icon::PHONE_INCOMING, Tone::Talking), *since),
        Phase::Talking { since, held: true, .. } => {
            (Badge::new("On hold", icon::PAUSE, Tone::WrapUp), *since)
        }
        Phase::Talking { since, .. } => (Badge::new("Talking", icon::PHONE_CALL, Tone::Talking), *since),
        Phase::Dialling { since, .. } => (Badge::new("Calling", icon::PHONE_CALL, Tone::Talking), *since),
        Phase::Outside { since, held: true, .. } => {
            (Badge::new("On hold", icon::PAUSE, Tone::WrapUp), *since)
        }
        Phase::Outside { since, .. } => (Badge::new("Outside", icon::PHONE_CALL, Tone::Talking), *since),
        Phase::TakenOver { since, .. } => {
            (Badge::new("Taken over", icon::HAND_GRABBING, Tone::WrapUp), *since)
        }
    };
    let shown = |ui: &mut Ui| {
        ui.add(&badge);
    };
    spread(ui, 40.0, shown, |ui| {
        big_timer(ui, &format::since(state.desk.now, since), size::PAGE, None);
    });
    let name = theme::text_in(call.from.label(), theme::Weight::SemiBold, size::SECTION).strong();
    line(ui, name);
    let mut about = Vec::new();
    if call.from.label() != call.from.number && !call.from.number.is_empty() {
        about.push(call.from.number.clone());
    }
    about.extend(call.queue().map(|queue| state.desk.queue_name(queue).to_owned()));
    if !about.is_empty() {
        line(ui, theme::secondary(about.join("  ·  ")));
    }
    let agent = party_of(state, call);
    if !agent.is_empty() {
        ui.horizontal(|ui| {
            ui.label(theme::icon(icon::HEADSET, 16.0).weak());
            line(ui, theme::body(agent));
        });
    }
    ui.horizontal_wrapped(|ui| {
        if call.recording.is_some() {
            ui.add(&Badge::new("Recorded", icon::RECORD, Tone::Break));
        }
        for supervision in &call.supervision {
            let who = if state.me() == Some(&supervision.supervisor) {
                "You".to_owned()
            } else {
                state.desk.agent_name(&supervision.supervisor.to_agent()).to_owned()
            };
            let words = format!("{who}: {}", supervision.mode.label());
            ui.add(&Badge::new(words, mode_icon(supervision.mode), Tone::WrapUp));
        }
    });
}

fn supervise_ui(ui: &mut Ui, state: &State, call: &LiveCall, actions: &mut Vec<Action>) {
    let chosen = Some(call.id);
    let width = (ui.available_width() - 3.0 * space::XS) / 4.0;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::XS;
        for mode in [
            SupervisionMode::Monitor,
            SupervisionMode::Whisper,
            SupervisionMode::Barge,
            SupervisionMode::TakeOver,
        ] {
            let action = Action::Supervise(mode);
            let on = action.is_on(state, chosen);
            // The way one takes part in now is shown as on, not as forbidden.
            let blocked = if on { None } else { action.blocked(state, chosen) };
            let button = Button::new(action.label(state))
                .icon(action.icon(state))
                .stacked(width)
                .hint(action.hint())
                .shortcut(action.shortcut())
                .blocked(blocked)
                .selected(on);
            if ui.add(button).clicked() && !on {
                actions.push(action);
            }
        }
    });
    if let Some(own) = state.own_supervision(call) {
        ui.horizontal(|ui| {
            for action in [Action::Mute, Action::Leave] {
                let button = Button::new(action.label(state))
                    .icon(action.icon(state))
                    .hint(action.hint())
                    .shortcut(action.shortcut())
                    .blocked(action.blocked(state, chosen))
                    .selected(action.is_on(state, chosen));
                if ui.add(button).clicked() {
                    actions.push(action);
                }
            }
        });
        muted(ui, Action::Supervise(own.mode).hint());
    } else if let Some(why) = Action::Supervise(SupervisionMode::Monitor).blocked(state, chosen) {
        muted(ui, super::capitalised(&why));
    } else {
        muted(ui, "Your phone is called and answers by itself; in Listen your microphone starts muted.");
    }
}

fn why_ui(ui: &mut Ui, state: &State, call: &LiveCall) {
    let decisions = match &state.decisions {
        Some((of, decisions)) if *of == call.id => decisions,
        _ => &Loaded::Nothing,
    };
    let routed = match decisions {
        Loaded::Nothing => {
            muted(ui, "Asking the service…");
            return;
        }
        Loaded::Failed(error) => {
            muted(ui, format!("{}. {}", error.message, shared_desktop::notice::explain(error)));
            return;
        }
        Loaded::Ready(routed) => routed,
    };
    if routed.offers.is_empty() && routed.non_offers.is_empty() {
        muted(ui, "No agent has been asked yet.");
    }
    let mut steps: Vec<Step> = routed.offers.iter().map(Step::Offer).collect();
    steps.extend(routed.non_offers.iter().map(Step::Nobody));
    steps.sort_by_key(|step| std::cmp::Reverse(step.at()));
    for step in steps {
        ui.spacing_mut().item_spacing.y = space::XS;
        ui.horizontal(|ui| match step {
            Step::Offer(offer) => {
                let (word, icon, tone) = outcome(offer.outcome);
                ui.add(&Badge::new(word, icon, tone));
                line(ui, theme::strong(state.desk.agent_name(&offer.agent)));
            }
            Step::Nobody(non_offer) => {
                ui.add(&Badge::new("Nobody", icon::HOURGLASS, Tone::Break));
                line(ui, theme::strong(moment(non_offer.record.moment)));
            }
        });
        ui.add(Label::new(theme::secondary(step.words())).wrap());
        ui.add_space(space::S);
    }
}

/// A moment of a call's way: somebody was asked, or nobody.
enum Step<'a> {
    Offer(&'a OfferRecord),
    Nobody(&'a NonOfferRecord),
}

impl Step<'_> {
    fn at(&self) -> Timestamp {
        match self {
            Step::Offer(offer) => offer.at,
            Step::Nobody(non_offer) => non_offer.at,
        }
    }

    fn words(&self) -> &str {
        match self {
            Step::Offer(offer) => &offer.words,
            Step::Nobody(non_offer) => &non_offer.words,
        }
    }
}

fn moment(moment: NonOfferMoment) -> &'static str {
    match moment {
        NonOfferMoment::Asked => "Now",
        NonOfferMoment::Queued => "When it came",
        NonOfferMoment::OfferEnded => "After the offer",
        NonOfferMoment::Widened => "When widened",
        NonOfferMoment::Left { .. } => "At the end",
    }
}

fn outcome(outcome: Option<OfferOutcome>) -> (&'static str, &'static str, Tone) {
    match outcome {
        None => ("Rings", icon::PHONE_INCOMING, Tone::Talking),
        Some(OfferOutcome::Answered) => ("Answered", icon::CHECK_CIRCLE, Tone::Ready),
        Some(OfferOutcome::Missed) => ("Missed", icon::PHONE_X, Tone::Away),
        Some(OfferOutcome::Rejected) => ("Rejected", icon::PHONE_X, Tone::Away),
        Some(OfferOutcome::Busy) => ("Busy", icon::PROHIBIT, Tone::WrapUp),
        Some(OfferOutcome::Unreachable) => ("Unreachable", icon::PHONE_SLASH, Tone::Away),
        Some(OfferOutcome::LostRace) => ("Too late", icon::CLOCK, Tone::Break),
        Some(OfferOutcome::CallerGone) => ("Caller gone", icon::PHONE_DISCONNECT, Tone::Break),
    }
}
