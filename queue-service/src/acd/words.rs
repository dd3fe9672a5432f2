//! A decision in plain words.

use shared::id::AgentId;
use shared::model::decision::{Decision, Exclusion};
use shared::time::Timestamp;

use super::hours;

/// Why this agent got this call and the others did not, in sentences. `name` gives the name that people read for an
/// agent; times of day are told in the IANA time zone (UTC when it is not known).
pub fn words(decision: &Decision, name: impl Fn(&AgentId) -> String, time_zone: &str) -> String {
    let mut text = format!("{} was chosen: ", name(&decision.chosen));
    let idle = |millis: u64| minutes(millis / 1000);
    match decision.candidates.as_slice() {
        [only] if decision.rule == "longest idle" => {
            text += &format!("idle {}, the only one free for it", idle(only.idle_millis));
        }
        [first, others @ ..] if decision.rule == "longest idle" => {
            text += &format!("idle {}, ", idle(first.idle_millis));
            let all = others.len() + 1 + decision.more_candidates as usize;
            text += &match (decision.tie, others) {
                (true, [second, ..]) => {
                    format!("as long as {}, and first by name of {}", name(&second.agent), all)
                }
                _ => format!("longest of {all}"),
            };
            let mut rest: Vec<String> = others
                .iter()
                .map(|other| format!("{} {}", name(&other.agent), idle(other.idle_millis)))
                .collect();
            if decision.more_candidates > 0 {
                rest.push(format!("and {} more", decision.more_candidates));
            }
            text += &format!(" (then {})", rest.join(", "));
        }
        _ => text += &decision.rule,
    }
    text += &format!("; the call had waited {}", minutes(decision.waited_millis / 1000));
    if decision.priority_secs > 0 {
        text += &format!(" with {} ahead by priority", minutes(u64::from(decision.priority_secs)));
    }
    if decision.ahead > 0 {
        text += &format!(", behind {} that nobody was free for", decision.ahead);
    }
    for excluded in &decision.excluded {
        text += &format!(
            "; {} was left out: {}",
            name(&excluded.agent),
            why_not(&excluded.why, |at| hours::time_of_day(at, time_zone))
        );
    }
    if decision.more_excluded > 0 {
        text += &format!("; {} more were left out", decision.more_excluded);
    }
    text
}

fn why_not(why: &Exclusion, clock: impl Fn(Timestamp) -> String) -> String {
    match why {
        Exclusion::NotInQueue => "does not serve this queue".into(),
        Exclusion::Offline => "not signed in".into(),
        Exclusion::NotReady { reason } => format!("not ready ({reason})"),
        Exclusion::Offered { .. } => "was rung for another call".into(),
        Exclusion::Talking { .. } => "on another call".into(),
        Exclusion::WrapUp { until } => format!("in wrap-up until {}", clock(*until)),
        Exclusion::NoPhone => "has no phone".into(),
        Exclusion::Skill { skill, needed, has: 0 } => format!("lacks {skill} (needs level {needed})"),
        Exclusion::Skill { skill, needed, has } => {
            format!("has {skill} at level {has} (needs {needed})")
        }
        Exclusion::AlreadyTried => "had this call already and did not take it".into(),
        Exclusion::CoolDown { until } => {
            format!("kept back until {} after an offer that failed", clock(*until))
        }
    }
}

/// `4:12`, or `1:04:12` from an hour on.
fn minutes(secs: u64) -> String {
    let (hours, minutes, secs) = (secs / 3600, secs / 60 % 60, secs % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{secs:02}") } else { format!("{minutes}:{secs:02}") }
}
