//! The figures as text for people and as CSV for spreadsheets.

use std::fmt::Write;

use super::figures::{Estimate, Figures};

fn percent(estimate: Option<Estimate>) -> String {
    estimate.map_or("-".into(), |it| {
        format!("{:.1} % ({:.1} to {:.1})", it.mean * 100.0, it.interval[0] * 100.0, it.interval[1] * 100.0)
    })
}

fn secs(estimate: Option<Estimate>) -> String {
    estimate
        .map_or("-".into(), |it| format!("{:.1} s ({:.1} to {:.1})", it.mean, it.interval[0], it.interval[1]))
}

/// For people; in brackets where the true mean is in 95 of 100 cases.
pub fn text(figures: &Figures) -> String {
    let mut text = format!(
        "{:.0} hours simulated, {} calls counted, seed {}\n",
        figures.hours, figures.counts.offered, figures.seed
    );
    // Writing into a string does not fail.
    let _ = writeln!(text, "  service level  {}", percent(figures.service_level));
    let _ = writeln!(text, "  ASA            {}", secs(figures.asa_secs));
    let _ = writeln!(text, "  abandoned      {}", percent(figures.abandoned));
    let _ = writeln!(text, "  occupancy      {}", percent(figures.occupancy));
    let _ = writeln!(text, "  longest wait   {:.0} s", figures.counts.max_wait_millis as f64 / 1000.0);
    if !figures.intervals.is_empty() {
        let _ = writeln!(
            text,
            "\nfrom   queue             calls  service level            ASA                     abandoned"
        );
    }
    for row in &figures.intervals {
        let _ = writeln!(
            text,
            "{:<6} {:<16} {:>6.1}  {:<24} {:<23} {}",
            row.from,
            row.queue.as_str(),
            row.offered.mean,
            percent(row.service_level),
            secs(row.asa_secs),
            percent(row.abandoned)
        );
    }
    text
}

/// One line an interval and queue, and a last one for everything.
pub fn csv(figures: &Figures) -> String {
    let mut text = String::from(
        "from,queue,offered,service_level,service_level_low,service_level_high,asa_secs,asa_secs_low,asa_secs_high,\
         abandoned,abandoned_low,abandoned_high\n",
    );
    let three = |estimate: Option<Estimate>| {
        estimate
            .map_or(",,".into(), |it| format!("{:.6},{:.6},{:.6}", it.mean, it.interval[0], it.interval[1]))
    };
    for row in &figures.intervals {
        let _ = writeln!(
            text,
            "{},{},{:.3},{},{},{}",
            row.from,
            row.queue,
            row.offered.mean,
            three(row.service_level),
            three(row.asa_secs),
            three(row.abandoned)
        );
    }
    let _ = writeln!(
        text,
        "all,all,{},{},{},{}",
        figures.counts.offered,
        three(figures.service_level),
        three(figures.asa_secs),
        three(figures.abandoned)
    );
    text
}
