//! `queue-service simulate`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::figures::Figures;
use super::{Model, Profile, print};
use crate::cli::{secs, target};
use crate::config::Config;

/// The command line.
#[derive(clap::Args)]
pub struct Arguments {
    /// Agents, all the time.
    #[arg(long, required_unless_present = "config")]
    agents: Option<u32>,
    /// Calls that arrive in one interval.
    #[arg(long, required_unless_present = "config")]
    calls: Option<f64>,
    /// Length of the interval, such as 30m.
    #[arg(long, value_parser = secs, value_name = "DURATION", default_value = "30m")]
    per: f64,
    /// Average handle time with wrap-up, such as 180s.
    #[arg(long, value_parser = secs, value_name = "DURATION", required_unless_present = "config")]
    aht: Option<f64>,
    /// Service level wanted: percent/seconds.
    #[arg(long, value_parser = target, default_value = "80/20")]
    target: (f64, f64),
    /// Mean patience of the callers; nobody hangs up without it.
    #[arg(long, value_parser = secs, value_name = "DURATION")]
    patience: Option<f64>,
    /// Simulated time.
    #[arg(long, default_value_t = 1_000.0)]
    hours: f64,
    /// A configuration to simulate instead; its queues, agents and rules hold.
    #[arg(long, value_name = "FILE", requires = "profile", conflicts_with_all = ["agents", "calls", "aht", "patience"])]
    config: Option<PathBuf>,
    /// What comes over the day, and who is there.
    #[arg(long, value_name = "FILE", requires = "config")]
    profile: Option<PathBuf>,
    /// Days of the profile.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    days: u32,
    /// Of what is drawn; the same one gives the same figures.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The figures as JSON.
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// The figures as CSV.
    #[arg(long)]
    csv: bool,
}

/// Simulates, and gives the text to print.
///
/// # Errors
/// What is wrong with the command line or a file, in words.
pub fn run(arguments: &Arguments) -> Result<String, String> {
    let from = Instant::now();
    let figures = match (&arguments.config, &arguments.profile) {
        (Some(config), Some(profile)) => {
            let config = Config::load(config).map_err(|error| error.to_string())?;
            let text = std::fs::read_to_string(profile)
                .map_err(|error| format!("read {}: {error}", profile.display()))?;
            let known = Profile::parse(&text, &config).map_err(|error| error.to_string())?;
            known.run(&config, arguments.days, arguments.seed).map_err(|error| error.to_string())?
        }
        _ => model(arguments).run().map_err(|error| error.to_string())?,
    };
    // All that was asked for, with the time that reading took.
    show(arguments, &figures, from.elapsed())
}

/// The figures, which the seed gives again, with the time that they took, which it does not.
#[derive(Serialize)]
struct Timed<'f> {
    #[serde(flatten)]
    figures: &'f Figures,
    /// How long it took, in seconds.
    took_secs: f64,
    /// Simulated time by that.
    times_real_time: f64,
}

fn model(arguments: &Arguments) -> Model {
    Model {
        agents: arguments.agents.unwrap_or_default(),
        calls_per_sec: arguments.calls.unwrap_or_default() / arguments.per,
        aht_secs: arguments.aht.unwrap_or_default(),
        patience_secs: arguments.patience,
        target_secs: arguments.target.1,
        target_percent: arguments.target.0,
        hours: arguments.hours,
        seed: arguments.seed,
    }
}

fn show(arguments: &Arguments, figures: &Figures, took: Duration) -> Result<String, String> {
    let times_real_time = figures.hours * 3600.0 / took.as_secs_f64().max(1e-9);
    if arguments.json {
        let timed = Timed { figures, took_secs: took.as_secs_f64(), times_real_time };
        serde_json::to_string_pretty(&timed)
            .map(|text| text + "\n")
            .map_err(|error| format!("write the figures: {error}"))
    } else if arguments.csv {
        Ok(print::csv(figures))
    } else {
        let mut text = print::text(figures);
        text += &format!("  took {:.1} s: {times_real_time:.0} times real time\n", took.as_secs_f64());
        if let Some(level) = figures.service_level.filter(|_| arguments.config.is_none()) {
            let (percent, secs) = arguments.target;
            let word = if level.interval[0] * 100.0 >= percent {
                "reached"
            } else if level.interval[1] * 100.0 < percent {
                "missed"
            } else {
                "too close to say; simulate more hours"
            };
            text += &format!("  target {percent}/{secs}   {word}\n");
        }
        Ok(text)
    }
}
