//! A profile of the day: what comes when, and who is there.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use shared::id::{AgentId, CallId, QueueId};
use shared::model::agent::AgentInfo;
use shared::time::Timestamp;

use super::draw::Chance;
use super::figures::{Figures, Tally};
use super::world::{PlannedCall, World};
use crate::config::Config;

const DAY: Duration = Duration::from_secs(86_400);

/// The file: calls a queue and interval, handle times, patience, shifts. Times are of the day, in UTC; opening hours of the
/// configuration are those of `date`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The first day, such as 2026-03-02.
    pub date: String,
    /// Length of an interval.
    #[serde(default = "thirty")]
    pub interval_minutes: u32,
    /// Share of agents who are absent for a day, in percent.
    #[serde(default)]
    pub absence_percent: f64,
    /// How long a phone rings until it is answered.
    #[serde(default)]
    pub answer_secs: f64,
    /// What comes.
    pub queues: Vec<QueueProfile>,
    /// When agents are ready; who is in none is ready all day.
    #[serde(default)]
    pub shifts: Vec<Shift>,
}

/// Calls of one queue.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueProfile {
    /// Which, as configured.
    pub id: QueueId,
    /// Mean talk time.
    pub talk_secs: f64,
    /// Mean wrap-up; the queue's limit holds.
    #[serde(default)]
    pub wrap_up_secs: f64,
    /// Mean patience; nobody hangs up without it.
    pub patience_secs: Option<f64>,
    /// Calls in the interval that begins then: `{ "08:00" = 40, "08:30" = 55.5 }`.
    pub calls: BTreeMap<String, f64>,
}

/// When some agents are ready.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shift {
    /// Who.
    pub agents: Vec<AgentId>,
    /// Such as `["08:00-12:00", "12:45-17:00"]`.
    pub times: Vec<String>,
}

/// Why a profile cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProfileError {
    /// No TOML, or keys that are not known.
    #[error("read the profile: {0}")]
    Toml(String),
    /// A value that does not fit.
    #[error("{place}: {problem}")]
    Value {
        /// Where.
        place: String,
        /// What is wrong, and what is allowed.
        problem: String,
    },
}

fn thirty() -> u32 {
    30
}

fn wrong(place: impl Into<String>, problem: impl Into<String>) -> ProfileError {
    ProfileError::Value { place: place.into(), problem: problem.into() }
}

/// `08:30` as seconds after midnight.
fn time(place: &str, text: &str) -> Result<u64, ProfileError> {
    let bad = || wrong(place, format!("{text:?} is no time such as 08:30"));
    let (hour, minute) = text.trim().split_once(':').ok_or_else(bad)?;
    let (hour, minute): (u64, u64) = (hour.parse().map_err(|_| bad())?, minute.parse().map_err(|_| bad())?);
    if minute < 60 && hour * 60 + minute <= 1_440 { Ok((hour * 60 + minute) * 60) } else { Err(bad()) }
}

impl Profile {
    /// Reads and checks a profile for a configuration.
    ///
    /// # Errors
    /// The first thing that is wrong, with what is allowed.
    pub fn parse(text: &str, config: &Config) -> Result<Profile, ProfileError> {
        let profile: Profile = toml::from_str(text).map_err(|error| ProfileError::Toml(error.to_string()))?;
        profile.midnight()?;
        if !(5..=240).contains(&profile.interval_minutes) || 1_440 % profile.interval_minutes != 0 {
            return Err(wrong("interval_minutes", "use 5 to 240 minutes that divide a day"));
        }
        if !(0.0..100.0).contains(&profile.absence_percent) {
            return Err(wrong("absence_percent", "use 0 or more, below 100"));
        }
        if !(0.0..=60.0).contains(&profile.answer_secs) {
            return Err(wrong("answer_secs", "use 0 to 60"));
        }
        for (index, queue) in profile.queues.iter().enumerate() {
            let place = format!("queues[{index}]");
            if !config.queues.iter().any(|known| known.id == queue.id) {
                return Err(wrong(place, format!("there is no queue {:?}", queue.id.as_str())));
            }
            let mut earlier = profile.queues.iter().take(index);
            if earlier.any(|other| other.id == queue.id) {
                return Err(wrong(place, format!("queue {} is there twice", queue.id)));
            }
            let fits = |secs: f64| secs > 0.0 && secs <= 86_400.0;
            if !fits(queue.talk_secs)
                || !(0.0..=86_400.0).contains(&queue.wrap_up_secs)
                || !queue.patience_secs.is_none_or(fits)
            {
                return Err(wrong(place, "times are above 0 and at most 86400 seconds"));
            }
            for (from, calls) in &queue.calls {
                let place = format!("queues[{index}].calls");
                let secs = time(&place, from)?;
                if secs % u64::from(profile.interval_minutes * 60) != 0 || secs >= DAY.as_secs() {
                    return Err(wrong(place, format!("no interval begins at {from}")));
                }
                if !(0.0..=1_000_000.0).contains(calls) {
                    return Err(wrong(place, format!("{calls} calls at {from}: use 0 to 1,000,000")));
                }
            }
        }
        for (index, shift) in profile.shifts.iter().enumerate() {
            for agent in &shift.agents {
                if !config.agents.iter().any(|known| known.id == *agent) {
                    let place = format!("shifts[{index}].agents");
                    return Err(wrong(place, format!("there is no agent {:?}", agent.as_str())));
                }
            }
            profile.times(index, shift)?;
        }
        Ok(profile)
    }

    fn midnight(&self) -> Result<Timestamp, ProfileError> {
        format!("{}T00:00:00Z", self.date)
            .parse()
            .map_err(|_| wrong("date", format!("{:?} is no date such as 2026-03-02", self.date)))
    }

    fn times(&self, index: usize, shift: &Shift) -> Result<Vec<(u64, u64)>, ProfileError> {
        let place = format!("shifts[{index}].times");
        let mut found: Vec<(u64, u64)> = Vec::new();
        for text in &shift.times {
            let (from, to) = text
                .split_once('-')
                .ok_or_else(|| wrong(&place, format!("{text:?} is no range such as 08:00-12:00")))?;
            let range = (time(&place, from)?, time(&place, to)?);
            if range.0 >= range.1 {
                return Err(wrong(place, format!("{text} ends before it begins")));
            }
            if found.iter().any(|other| range.0 < other.1 && other.0 < range.1) {
                return Err(wrong(place, format!("{text} overlaps another time")));
            }
            found.push(range);
        }
        Ok(found)
    }

    /// Simulates days that all have this profile; each is drawn anew.
    ///
    /// # Errors
    /// [`ProfileError`], for a profile that was not checked.
    pub fn run(&self, config: &Config, days: u32, seed: u64) -> Result<Figures, ProfileError> {
        let midnight = self.midnight()?;
        let interval = Duration::from_secs(u64::from(self.interval_minutes) * 60);
        let mut tally = Tally::new(midnight, DAY, days).by_interval(interval);
        let mut serial = 0;
        for day in 0..days {
            // Each day on the date of the profile, so that the same opening hours hold; counted in a batch of its own.
            self.day(config, midnight, seed, day, &mut serial, &mut tally)?;
        }
        let count = DAY.as_secs() / interval.as_secs();
        let starts: Vec<String> = (0..count)
            .map(|place| place * interval.as_secs() / 60)
            .map(|minute| format!("{:02}:{:02}", minute / 60, minute % 60))
            .collect();
        Ok(tally.figures(&starts, DAY * days, seed))
    }

    fn day(
        &self,
        config: &Config,
        midnight: Timestamp,
        seed: u64,
        day: u32,
        serial: &mut u64,
        tally: &mut Tally,
    ) -> Result<(), ProfileError> {
        let agents: Vec<AgentInfo> = config
            .agents()
            .into_iter()
            .map(|agent| AgentInfo {
                contact: Some(format!("sip:{}@simulated", agent.id)),
                ready_on_start: false,
                ..agent
            })
            .collect();
        let names: Vec<AgentId> = agents.iter().map(|agent| agent.id.clone()).collect();
        let day_seed = seed ^ (u64::from(day) << 32);
        let mut world =
            World::new((&config.acd).into(), config.queues(), agents, config.breaks(), midnight, day_seed);
        world.answer_after(Duration::from_secs_f64(self.answer_secs));
        let mut absent = Chance::new(day_seed, 9);
        for agent in names {
            if absent.unit() * 100.0 < self.absence_percent {
                continue;
            }
            let mut ranges = Vec::new();
            for (index, shift) in self.shifts.iter().enumerate().filter(|it| it.1.agents.contains(&agent)) {
                ranges.extend(self.times(index, shift)?);
            }
            if !self.shifts.iter().any(|shift| shift.agents.contains(&agent)) {
                ranges.push((0, DAY.as_secs()));
            }
            for (from, to) in ranges {
                tally.staffed_in(day, (to - from) as f64);
                world.shift(midnight + Duration::from_secs(from), agent.clone(), true);
                world.shift(midnight + Duration::from_secs(to), agent.clone(), false);
            }
        }
        let mut calls = self.calls(midnight, day_seed)?;
        for call in &mut calls {
            *serial += 1;
            call.call = CallId::from_u64(*serial);
        }
        world.run(calls.into_iter(), &mut Shifted { tally, by: DAY * day });
        Ok(())
    }

    /// The calls of a day: a number as by Poisson in each interval, evenly spread within it.
    fn calls(&self, midnight: Timestamp, seed: u64) -> Result<Vec<PlannedCall>, ProfileError> {
        let interval = f64::from(self.interval_minutes) * 60.0;
        let mut found = Vec::new();
        for (place, queue) in self.queues.iter().enumerate() {
            let stream = 16 + place as u64 * 4;
            let mut arrivals = Chance::new(seed, stream);
            let mut talks = Chance::new(seed, stream + 1);
            let mut patience = Chance::new(seed, stream + 2);
            for (from, expected) in &queue.calls {
                let from = midnight + Duration::from_secs(time("calls", from)?);
                if *expected <= 0.0 {
                    continue;
                }
                let mean = interval / expected;
                let mut within = arrivals.exponential(mean);
                while within.as_secs_f64() < interval {
                    found.push(PlannedCall {
                        call: CallId::from_u64(0),
                        at: from + within,
                        queue: queue.id.clone(),
                        since: from + within,
                        talk: talks.exponential(queue.talk_secs),
                        wrap_up: talks.exponential(queue.wrap_up_secs),
                        patience: queue.patience_secs.map(|mean| patience.exponential(mean)),
                        caller: None,
                    });
                    within += arrivals.exponential(mean);
                }
            }
        }
        found.sort_by_key(|call| call.at);
        Ok(found)
    }
}

/// Counts a day as a later one.
struct Shifted<'a> {
    tally: &'a mut Tally,
    by: Duration,
}

impl super::Outcome for Shifted<'_> {
    fn ended(&mut self, ending: super::Ending) {
        self.tally.ended(super::Ending { arrived_at: ending.arrived_at + self.by, ..ending });
    }

    fn worked(&mut self, from: Timestamp, length: Duration) {
        self.tally.worked(from + self.by, length);
    }
}
