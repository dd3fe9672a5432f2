//! What would have differed: figures side by side, and a sentence a call.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;
use shared::id::{AgentId, CallId, QueueId};
use shared::model::call::QueueExit;

use super::again::Outcome;
use super::day::{Day, Ending, is_abandoned};

/// Sentences that the text has; the JSON has all.
const SENTENCES: usize = 50;
/// Answers that are closer than this are at the same time.
const SAME_TIME: Duration = Duration::from_secs(1);

/// Figures of one queue, or of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Numbers {
    /// Waits that ended that day.
    pub offered: u64,
    /// Answered.
    pub answered: u64,
    /// Hung up while waiting, soon or not.
    pub abandoned: u64,
    /// Left in another way, or would still wait.
    pub other: u64,
    /// Answered within the queue's target.
    pub in_target: u64,
    /// Share of those offered that were answered within the target, 0 to 1.
    pub service_level: Option<f64>,
    /// Mean time until the answer, in seconds.
    pub asa_secs: Option<f64>,
    #[serde(skip)]
    waited: Duration,
}

impl Numbers {
    fn count(&mut self, ending: Option<&Ending>, targets: &BTreeMap<QueueId, Duration>) {
        self.offered += 1;
        match ending {
            Some(ending) if ending.exit == QueueExit::Answered => {
                self.answered += 1;
                self.waited += ending.waited;
                let target = targets.get(&ending.queue).copied().unwrap_or_default();
                self.in_target += u64::from(ending.waited <= target);
            }
            Some(ending) if is_abandoned(ending.exit) => self.abandoned += 1,
            Some(_) | None => self.other += 1,
        }
    }

    fn finish(&mut self) {
        let share = |part: f64, all: u64| (all > 0).then(|| part / all as f64);
        self.service_level = share(self.in_target as f64, self.offered);
        self.asa_secs = share(self.waited.as_secs_f64(), self.answered);
    }
}

/// Figures as they were and as they would have been.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Pair {
    /// By the journal.
    pub was: Numbers,
    /// With the change.
    pub would_be: Numbers,
}

/// A call that would have gone otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Other {
    /// The call.
    pub call: CallId,
    /// How its wait ended.
    pub was: QueueExit,
    /// How it would have ended; none when it would wait for ever.
    pub would_be: Option<QueueExit>,
    /// Who answered.
    pub agent: Option<AgentId>,
    /// Who would have.
    pub other_agent: Option<AgentId>,
    /// How much sooner the wait would have ended, in seconds; negative when later.
    pub sooner_secs: f64,
    /// All that in a sentence.
    pub words: String,
}

/// The whole comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// All queues together.
    pub all: Pair,
    /// Each queue, by the one that the calls first came to.
    pub queues: BTreeMap<QueueId, Pair>,
    /// Calls that would have gone otherwise, those that differ most first.
    pub calls: Vec<Other>,
}

impl Comparison {
    /// Compares the day with how it would have been.
    pub fn new(day: &Day, outcome: &Outcome) -> Comparison {
        let mut all = Pair::default();
        let mut queues: BTreeMap<QueueId, Pair> = BTreeMap::new();
        let mut calls = Vec::new();
        for (stage, would_be) in day.stages.iter().zip(&outcome.endings) {
            // Who waits as the journal ends is not counted: nobody knows how it went.
            let Some(was) = stage.ending.as_ref().filter(|_| stage.at >= day.from) else { continue };
            let own = queues.entry(stage.queue.clone()).or_default();
            for pair in [&mut all, own] {
                pair.was.count(Some(was), &day.targets);
                pair.would_be.count(would_be.as_ref(), &outcome.targets);
            }
            calls.extend(other(stage.call, was, would_be.as_ref()));
        }
        for pair in queues.values_mut().chain([&mut all]) {
            pair.was.finish();
            pair.would_be.finish();
        }
        calls.sort_by(|one, two| two.sooner_secs.abs().total_cmp(&one.sooner_secs.abs()));
        Comparison { all, queues, calls }
    }

    /// As text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{:<16} {:>15} {:>17} {:>15} {:>15}",
            "", "service level", "ASA", "abandoned", "answered"
        );
        let rows = self.queues.iter().map(|(queue, pair)| (queue.as_str(), pair));
        for (name, Pair { was, would_be }) in rows.chain([("all", &self.all)]) {
            let percent =
                |share: Option<f64>| share.map_or("-".into(), |share| format!("{:.1} %", share * 100.0));
            let secs = |secs: Option<f64>| secs.map_or("-".into(), |secs| format!("{secs:.1} s"));
            let _ = writeln!(
                text,
                "{name:<16} {:>6} → {:>6} {:>7} → {:>7} {:>6} → {:>6} {:>6} → {:>6}",
                percent(was.service_level),
                percent(would_be.service_level),
                secs(was.asa_secs),
                secs(would_be.asa_secs),
                was.abandoned,
                would_be.abandoned,
                was.answered,
                would_be.answered,
            );
        }
        let _ = writeln!(
            text,
            "{} of {} waits would have gone otherwise",
            self.calls.len(),
            self.all.was.offered
        );
        for call in self.calls.iter().take(SENTENCES) {
            let _ = writeln!(text, "  {}", call.words);
        }
        if self.calls.len() > SENTENCES {
            let _ = writeln!(text, "  and {} more (--json has them)", self.calls.len() - SENTENCES);
        }
        text
    }
}

fn other(call: CallId, was: &Ending, would_be: Option<&Ending>) -> Option<Other> {
    let answered = |ending: &Ending| ending.exit == QueueExit::Answered;
    let by = |ending: &Ending| ending.agent.as_ref().map_or_else(|| "nobody".into(), ToString::to_string);
    let apart = |one: Duration, two: Duration| one.abs_diff(two);
    let words = match would_be {
        None => format!("{call} would have waited to the end; {}", instead(was)),
        Some(now) if answered(was) && answered(now) => {
            let differs = apart(was.waited, now.waited);
            if differs < SAME_TIME {
                if was.agent == now.agent {
                    return None;
                }
                format!("{call} would have been answered at the same time by {}, not by {}", by(now), by(was))
            } else {
                let how = if now.waited < was.waited { "earlier" } else { "later" };
                format!("{call} would have been answered {} {how} by {}", time(differs), by(now))
            }
        }
        Some(now) if answered(now) => {
            format!(
                "{call} would have been answered after {} by {}; {}",
                time(now.waited),
                by(now),
                instead(was)
            )
        }
        Some(now) => {
            if now.exit == was.exit && apart(was.waited, now.waited) < SAME_TIME {
                return None;
            }
            format!("{call} would have {} after {}; {}", did(now.exit), time(now.waited), instead(was))
        }
    };
    let sooner = would_be.map_or(0.0, |now| was.waited.as_secs_f64() - now.waited.as_secs_f64());
    Some(Other {
        call,
        was: was.exit,
        would_be: would_be.map(|now| now.exit),
        agent: was.agent.clone(),
        other_agent: would_be.and_then(|now| now.agent.clone()),
        sooner_secs: sooner,
        words,
    })
}

fn instead(was: &Ending) -> String {
    match &was.agent {
        Some(agent) => format!("it was answered after {} by {agent}", time(was.waited)),
        None if was.exit == QueueExit::CallbackTaken => {
            format!("it took a callback after {}", time(was.waited))
        }
        None => format!("it {} after {}", did(was.exit), time(was.waited)),
    }
}

fn did(exit: QueueExit) -> &'static str {
    match exit {
        QueueExit::Answered => "been answered",
        QueueExit::Abandoned | QueueExit::ShortAbandon => "hung up",
        QueueExit::Overflowed => "overflowed",
        QueueExit::TimedOut => "timed out",
        QueueExit::Withdrawn => "left",
        QueueExit::CallbackTaken => "taken a callback",
        QueueExit::Closed => "found the queue closed",
        QueueExit::Full => "found the queue full",
        QueueExit::Failed => "failed",
    }
}

/// `1:10`, or `1:01:10` from an hour on.
fn time(length: Duration) -> String {
    let secs = (length.as_millis() + 500) / 1000;
    let (hours, minutes, secs) = (secs / 3600, secs / 60 % 60, secs % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{secs:02}") } else { format!("{minutes}:{secs:02}") }
}
