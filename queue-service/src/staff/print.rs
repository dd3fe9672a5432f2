//! A staffing report as text.

use std::fmt::Write;

use shared::api::staffing::{StaffingModel, StaffingQuery, StaffingReport};

/// A sentence with the answer, then a table of the numbers around it.
pub fn text(query: &StaffingQuery, report: &StaffingReport) -> String {
    let model = match report.model {
        StaffingModel::ErlangC => "Erlang C, nobody hangs up",
        StaffingModel::ErlangA => "Erlang A, callers hang up",
    };
    let chosen = &report.chosen;
    let mut out = format!("{:.2} erlang offered ({model}).\n", report.offered_erlang);
    let agents = if chosen.agents == 1 { "agent" } else { "agents" };
    let _ = if query.agents.is_some() {
        write!(out, "{} {agents} answer", chosen.agents)
    } else {
        write!(
            out,
            "{} {agents} needed for {} % within {} s ({} on the schedule): they answer",
            chosen.agents, query.target_percent, query.target_secs, chosen.scheduled
        )
    };
    let _ = writeln!(out, " {:.1} %.\n", chosen.service_level_percent);
    let _ = writeln!(
        out,
        "  {:>7} {:>9} {:>13} {:>8} {:>7} {:>9} {:>10} {:>8}",
        "agents", "scheduled", "service level", "ASA", "waits", "abandoned", "occupancy", "waiting"
    );
    let or_endless = |value: Option<f64>, unit: &str| {
        value.map_or_else(|| "endless".to_owned(), |value| format!("{value:.1}{unit}"))
    };
    for row in &report.around {
        let mark = if row.agents == chosen.agents { '>' } else { ' ' };
        let _ = writeln!(
            out,
            "{mark} {:>7} {:>9} {:>12.1}% {:>8} {:>6.1}% {:>8.1}% {:>9.1}% {:>8}",
            row.agents,
            row.scheduled,
            row.service_level_percent,
            or_endless(row.asa_secs, " s"),
            row.waits_percent,
            row.abandoned_percent,
            row.occupancy_percent,
            or_endless(row.queue_len, ""),
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::staff::staff;

    #[test]
    fn the_answer_comes_first_and_is_marked_in_the_table() {
        let query = StaffingQuery::new(100.0, 1800.0, 180.0);
        let text = text(&query, &staff(&query).expect("an answer"));
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("10.00 erlang offered (Erlang C, nobody hangs up)."));
        assert_eq!(
            lines.next(),
            Some("14 agents needed for 80 % within 20 s (14 on the schedule): they answer 88.8 %.")
        );
        let marked = text.lines().find(|line| line.starts_with('>')).expect("a marked row");
        let cells: Vec<&str> = marked.split_whitespace().collect();
        assert_eq!(cells, [">", "14", "14", "88.8%", "7.8", "s", "17.4%", "0.0%", "71.4%", "0.4"]);
    }
}
