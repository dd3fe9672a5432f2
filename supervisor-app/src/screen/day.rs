//! The day's figures, each with its formula.

use std::time::Duration;

use egui::{ScrollArea, Ui};
use shared::api::reports::{DayReport, Percentiles};
use shared::time::Timestamp;
use shared_desktop::format;
use shared_desktop::theme::{self, Tone, height, icon, space};
use shared_desktop::widget::{Button, Column, Table, Width, card, empty, line, muted, spread, stat};

use crate::command::Command;
use crate::state::{Loaded, State};

/// Asked for again so often while it is shown.
const EVERY: Duration = Duration::from_secs(15);

/// Draws the page.
pub(super) fn day_ui(ui: &mut Ui, state: &State, asked: &mut Option<Timestamp>, commands: &mut Vec<Command>) {
    let due = asked.is_none_or(|asked| state.desk.now - asked >= EVERY);
    if due && state.desk.service_blocked().is_none() {
        *asked = Some(state.desk.now);
        commands.push(Command::LoadDay);
    }
    let report = match &state.day {
        Loaded::Nothing => {
            muted(ui, "Asking the service…");
            return;
        }
        Loaded::Failed(error) => {
            empty(ui, icon::WARNING_CIRCLE, &error.message, &shared_desktop::notice::explain(error));
            return;
        }
        Loaded::Ready(report) => report,
    };
    let title = |ui: &mut Ui| line(ui, theme::page_title(format!("The day {}", report.day)));
    spread(ui, height::CONTROL, title, |ui| {
        if ui.add(Button::new("Refresh")).clicked() {
            commands.push(Command::LoadDay);
        }
    });
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = space::M;
        total_ui(ui, report);
        queues_ui(ui, report);
        agents_ui(ui, report);
        times_ui(ui, report);
        muted(ui, "Point at a figure or at a column to read its formula.");
    });
}

fn total_ui(ui: &mut Ui, report: &DayReport) {
    let (total, figures) = (&report.total, &report.figures);
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = space::XXL;
            stat(
                ui,
                "Calls",
                &total.entered.to_string(),
                None,
                "Calls that entered a queue; a transfer enters again",
            );
            stat(ui, "Answered", &total.answered().to_string(), None, "Answered in the target and later");
            let gone = total.abandoned();
            let tone = (gone > 0).then_some(Tone::Away);
            stat(
                ui,
                "Abandoned",
                &gone.to_string(),
                tone,
                "Callers who hung up while waiting, short ones too",
            );
            let figure = &figures.service_level_percent;
            stat(ui, "Service level", &format::figure(figure.value, "%"), None, &figure.formula);
            let figure = &figures.asa_secs;
            stat(ui, "Answered after", &format::clock_secs(figure.value), None, &figure.formula);
            let figure = &figures.aht_secs;
            stat(ui, "Average handle time", &format::clock_secs(figure.value), None, &figure.formula);
            let figure = &figures.abandon_percent;
            stat(ui, "Abandon rate", &format::figure(figure.value, "%"), None, &figure.formula);
        });
    });
}

fn queues_ui(ui: &mut Ui, report: &DayReport) {
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(theme::heading("Queues"));
        let Some(first) = report.queues.first() else {
            muted(ui, "No queue is configured.");
            return;
        };
        let formula = first.figures.clone();
        let columns = [
            Column::words("Queue", Width::Fill(1.0)),
            Column::number("Calls", 64.0),
            Column::number("Answered", 72.0),
            Column::number("Abandoned", 80.0),
            Column::number("Level", 64.0).explained(&formula.service_level_percent.formula),
            Column::number("Target", 96.0),
            Column::number("After", 64.0).explained(&formula.asa_secs.formula),
            Column::number("Handle time", 88.0).explained(&formula.aht_secs.formula),
            Column::number("Longest", 64.0).explained("Longest wait of a call that is gone"),
        ];
        Table::new("day queues", &columns).max_height(260.0).show(ui, report.queues.len(), |row, index| {
            let Some(queue) = report.queues.get(index) else { return };
            let (counts, figures) = (&queue.counts, &queue.figures);
            row.strong(&queue.info.name);
            row.number(&counts.entered.to_string(), None);
            row.number(&counts.answered().to_string(), None);
            row.number(&counts.abandoned().to_string(), (counts.abandoned() > 0).then_some(Tone::Away));
            let level = figures.service_level_percent.value;
            let missed = level.is_some_and(|level| level < f64::from(queue.info.target_percent));
            row.number(&format::figure(level, "%"), missed.then_some(Tone::Away));
            row.number(&format!("{} % in {} s", queue.info.target_percent, queue.info.target_secs), None);
            row.number(&format::clock_secs(figures.asa_secs.value), None);
            row.number(&format::clock_secs(figures.aht_secs.value), None);
            row.number(&format::clock(Duration::from_millis(counts.max_wait_millis)), None);
        });
    });
}

fn agents_ui(ui: &mut Ui, report: &DayReport) {
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(theme::heading("Agents"));
        let Some(first) = report.agents.first() else {
            muted(ui, "No agent is configured.");
            return;
        };
        let (occupancy, aht) = (first.occupancy_percent.formula.clone(), first.aht_secs.formula.clone());
        let columns = [
            Column::words("Agent", Width::Fill(1.0)),
            Column::number("Answered", 72.0),
            Column::number("Missed", 64.0).explained("Offers that rang out"),
            Column::number("Rejected", 72.0),
            Column::number("Talk", 72.0).explained("Talk time with hold"),
            Column::number("Hold", 64.0),
            Column::number("Wrap-up", 72.0),
            Column::number("Handle time", 88.0).explained(&aht),
            Column::number("Occupancy", 80.0).explained(&occupancy),
        ];
        Table::new("day agents", &columns).max_height(320.0).show(ui, report.agents.len(), |row, index| {
            let Some(agent) = report.agents.get(index) else { return };
            let counts = &agent.counts;
            let clock = |millis| format::clock(Duration::from_millis(millis));
            row.strong(&agent.name);
            row.number(&counts.answered.to_string(), None);
            row.number(&counts.missed.to_string(), (counts.missed > 0).then_some(Tone::Away));
            row.number(&counts.rejected.to_string(), None);
            row.number(&clock(counts.talk_millis), None);
            row.number(&clock(counts.hold_millis), None);
            row.number(&clock(counts.wrap_up_millis), None);
            row.number(&format::clock_secs(agent.aht_secs.value), None);
            row.number(&format::figure(agent.occupancy_percent.value, "%"), None);
        });
    });
}

fn times_ui(ui: &mut Ui, report: &DayReport) {
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(theme::heading("Times"));
        let columns = [
            Column::words("Of", Width::Fill(1.0)),
            Column::number("Calls", 64.0),
            Column::number("Half below", 96.0),
            Column::number("9 of 10 below", 104.0),
            Column::number("99 of 100 below", 120.0),
            Column::number("Longest", 96.0),
        ];
        let rows: [(&str, &Percentiles); 3] = [
            ("Waits of answered calls", &report.wait),
            ("Talks", &report.talk),
            ("From the answer to the open audio path", &report.setup),
        ];
        Table::new("day times", &columns).show(ui, rows.len(), |row, index| {
            let Some((name, of)) = rows.get(index) else { return };
            row.text(name);
            row.number(&of.count.to_string(), None);
            for millis in [of.p50_millis, of.p90_millis, of.p99_millis, of.max_millis] {
                row.number(&time(millis, of.count), None);
            }
        });
    });
}

fn time(millis: u64, count: u64) -> String {
    match (count, millis) {
        (0, _) => "–".into(),
        (_, 0..10_000) => format!("{millis} ms"),
        _ => format::clock(Duration::from_millis(millis)),
    }
}
