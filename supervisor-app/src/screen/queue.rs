//! The queues: what waits, since when, how well they are served. A click shows only one.

use std::time::Duration;

use egui::{Sense, StrokeKind, Ui};
use shared::id::QueueId;
use shared_desktop::format;
use shared_desktop::theme::{self, Tone, height, radius, size, space};
use shared_desktop::widget::{Button, Size, card_filled, line, muted, spread, stat};

use crate::state::{QueueNow, State};

/// Draws the list.
pub(super) fn queues_ui(ui: &mut Ui, state: &State, chosen: &mut Option<QueueId>) {
    let title = |ui: &mut Ui| line(ui, theme::heading("Queues"));
    spread(ui, height::COMPACT, title, |ui| {
        if chosen.is_some() && ui.add(Button::new("Show all").ghost().size(Size::Compact)).clicked() {
            *chosen = None;
        }
    });
    ui.spacing_mut().item_spacing.y = space::M;
    let queues = state.queues();
    if queues.is_empty() {
        muted(ui, "No queue is configured. Queues are set up in the configuration of the service.");
    }
    for queue in queues {
        let is_chosen = chosen.as_ref() == Some(&queue.id);
        if queue_ui(ui, state, &queue, is_chosen) {
            *chosen = if is_chosen { None } else { Some(queue.id) };
        }
    }
}

fn queue_ui(ui: &mut Ui, state: &State, queue: &QueueNow, is_chosen: bool) -> bool {
    let tokens = theme::tokens(ui);
    let fill = if is_chosen { tokens.selected } else { tokens.raised };
    let waits = queue.longest_since.map(|since| state.desk.now - since);
    let late = waits.is_some_and(|waits| waits.as_secs() > u64::from(queue.target_secs));
    let shown = card_filled(ui, fill, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = space::S;
        line(ui, theme::text_in(queue.name.as_str(), theme::Weight::SemiBold, size::BODY).strong());
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = space::L;
            let tone = if late { Some(Tone::Away) } else { (queue.waiting > 0).then_some(Tone::WrapUp) };
            stat(ui, "Waiting", &queue.waiting.to_string(), tone, "Calls that wait, ringing ones too");
            let longest = waits.map_or_else(|| "–".into(), format::clock);
            stat(ui, "Longest", &longest, late.then_some(Tone::Away), "How long the longest waits now");
            let tone = (queue.ready == 0).then_some(if queue.waiting > 0 { Tone::Away } else { Tone::Break });
            let agents = format!("{}/{}", queue.ready, queue.signed_in);
            stat(ui, "Ready", &agents, tone, "Agents who are ready and idle, of those signed in");
        });
        let figure = &queue.figures.service_level_percent;
        let value = format::figure(figure.value, "%");
        let (target, secs) = (queue.target_percent, queue.target_secs);
        let words = format!("Service level {value}, target {target} % in {secs} s");
        let missed = figure.value.is_some_and(|value| value < f64::from(target));
        let mut text = theme::secondary(words);
        if missed {
            text = text.color(theme::tokens(ui).tone(Tone::Away).text);
        }
        line(ui, text).on_hover_text(&figure.formula);
        let abandon = &queue.figures.abandon_percent;
        let asa = &queue.figures.asa_secs;
        let words = format!(
            "Abandoned {}, answered after {}",
            format::figure(abandon.value, "%"),
            format::secs(asa.value)
        );
        line(ui, theme::secondary(words)).on_hover_text(format!("{}\n{}", abandon.formula, asa.formula));
        expected_ui(ui, state, queue);
        let callbacks = match state.callbacks(Some(&queue.id)).len() {
            0 => return,
            1 => "1 waits for a callback".to_owned(),
            count => format!("{count} wait for a callback"),
        };
        line(ui, theme::secondary(callbacks)).on_hover_text("They keep their places in the queue");
    });
    let id = ui.scope_id().with(("queue", queue.id.as_str()));
    let response = ui.interact(shown.response.rect, id, Sense::click());
    let name = format!("Queue {}", queue.name);
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::Button, true, is_chosen, &name));
    if response.hovered() || response.has_focus() {
        let width = if response.has_focus() { 2.0 } else { 1.0 };
        let stroke =
            egui::Stroke::new(width, if response.has_focus() { tokens.accent } else { tokens.outline });
        let corner = egui::CornerRadius::same(radius::CARD);
        ui.painter().rect_stroke(shown.response.rect, corner, stroke, StrokeKind::Inside);
    }
    response.clicked()
}

/// How long a call would wait that came now, with how often such words were true.
fn expected_ui(ui: &mut Ui, state: &State, queue: &QueueNow) {
    let Some(report) = state.expected.get(&queue.id).filter(|_| queue.waiting > 0) else { return };
    let Some(expected) = report.expected else { return };
    let clock = |secs: u32| format::clock(Duration::from_secs(u64::from(secs)));
    let mut words = format!("Expected wait {}–{}", clock(expected.p50_secs), clock(expected.p90_secs));
    if let Some(percent) = (report.within_p90 * 100).checked_div(report.foreseen) {
        words += &format!(", {percent} % held");
    }
    let hint = format!(
        "The queue is played forward from this moment: half of the calls are answered within the first time, nine of ten \
         within the second.\nSince the service started {} answered calls were foreseen; {} kept within the first time, {} \
         within the second.",
        report.foreseen, report.within_p50, report.within_p90
    );
    line(ui, theme::secondary(words)).on_hover_text(hint);
}
