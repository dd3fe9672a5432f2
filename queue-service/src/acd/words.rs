//! A decision in plain words.

use shared::id::AgentId;
use shared::model::agent::Channel;
use shared::model::call::QueueExit;
use shared::model::decision::{Candidate, Decision, Exclusion, NonOffer, NonOfferMoment};
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
        [only] if only.score.is_some() => {
            text += &format!("{}, the only one free for it", score(&decision.rule, only));
        }
        [first, others @ ..] if first.score.is_some() => {
            let all = others.len() + 1 + decision.more_candidates as usize;
            text += &format!("{}, first of {all} by {}", score(&decision.rule, first), decision.rule);
            let mut rest: Vec<String> = others
                .iter()
                .map(|other| format!("{} {}", name(&other.agent), score(&decision.rule, other)))
                .collect();
            if decision.more_candidates > 0 {
                rest.push(format!("and {} more", decision.more_candidates));
            }
            text += &format!(" (then {})", rest.join(", "));
        }
        [_, _, ..] if decision.rule.ends_with("random") => {
            let all = decision.candidates.len() + decision.more_candidates as usize;
            text += &format!("by lot out of {all} ({})", decision.rule);
        }
        _ => text += &decision.rule,
    }
    text += &format!("; the call had waited {}", minutes(decision.waited_millis / 1000));
    text += &by_priority(decision.priority_secs);
    if decision.ahead > 0 {
        text += &format!(", behind {} that nobody was free for", decision.ahead);
    }
    if decision.relaxed > 0 {
        text += &format!(", {}", widened(decision.relaxed));
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

/// Why nobody got this call, in a sentence; arguments as in [`words`].
pub fn non_offer_words(record: &NonOffer, name: impl Fn(&AgentId) -> String, time_zone: &str) -> String {
    let clock = |at| hours::time_of_day(at, time_zone);
    let mut text = match record.moment {
        NonOfferMoment::Queued => "Offered to nobody when it came".to_owned(),
        NonOfferMoment::OfferEnded => "Offered to nobody else when the phone stopped".to_owned(),
        NonOfferMoment::Widened => format!("Offered to nobody when it was {}", widened(record.relaxed)),
        NonOfferMoment::Left { exit } => {
            let how = match exit {
                QueueExit::Abandoned => "the caller hung up",
                QueueExit::TimedOut => "it had waited too long",
                QueueExit::Closed => "the queue closed",
                QueueExit::Overflowed => "it was sent on",
                _ => "it left the queue",
            };
            format!("No phone rang for it when {how}")
        }
        NonOfferMoment::Asked => "Offered to nobody now".to_owned(),
    };
    if let Some(only) = &record.only {
        text += &format!(", for it waits for {} alone", name(only));
        if let Some(until) = record.only_until {
            text += &format!(" until {}", clock(until));
        }
    }
    let mut left_out: Vec<String> = record
        .excluded
        .iter()
        .map(|excluded| format!("{}: {}", name(&excluded.agent), why_not(&excluded.why, clock)))
        .collect();
    if record.more_excluded > 0 {
        left_out.push(format!("and {} more", record.more_excluded));
    }
    text += ". ";
    text += &if left_out.is_empty() { "No agent serves this queue".into() } else { left_out.join("; ") };
    text += &format!(". It had waited {}", minutes(record.waited_millis / 1000));
    text += &by_priority(record.priority_secs);
    if record.ahead > 0 {
        text += &format!(", behind {}", record.ahead);
    }
    text + "."
}

/// How far ahead a call is by its priority, behind how long it waited.
fn by_priority(priority_secs: u32) -> String {
    match priority_secs {
        0 => String::new(),
        secs => format!(" with {} ahead by priority", minutes(u64::from(secs))),
    }
}

fn widened(steps: u32) -> String {
    match steps {
        1 => "widened by 1 step".into(),
        steps => format!("widened by {steps} steps"),
    }
}

fn why_not(why: &Exclusion, clock: impl Fn(Timestamp) -> String) -> String {
    match why {
        Exclusion::NotInQueue => "does not serve this queue".into(),
        Exclusion::Offline => "not signed in".into(),
        Exclusion::NotReady { reason } => format!("not ready ({reason})"),
        Exclusion::Offered { .. } => "was rung for another call".into(),
        Exclusion::Talking { .. } => "on another call".into(),
        Exclusion::WrapUp { until: Some(until) } => format!("in wrap-up until {}", clock(*until)),
        Exclusion::WrapUp { until: None } => "in wrap-up".into(),
        Exclusion::NoSlot { channel: Channel::Voice } => "has no slot for calls".into(),
        Exclusion::NoPhone => "has no phone".into(),
        Exclusion::Skill { skill, needed, has: 0 } => format!("lacks {skill} (needs level {needed})"),
        Exclusion::Skill { skill, needed, has } => {
            format!("has {skill} at level {has} (needs {needed})")
        }
        Exclusion::AlreadyTried => "had this call already and did not take it".into(),
        Exclusion::CoolDown { until } => {
            format!("kept back until {} after an offer that failed", clock(*until))
        }
        Exclusion::Delay { until } => {
            format!("gets calls of this queue later, this one from {}", clock(*until))
        }
        Exclusion::OtherCallFirst { call } => format!("due call {call} first by priority"),
    }
}

/// What a rule compared, with its unit.
fn score(rule: &str, candidate: &Candidate) -> String {
    let score = candidate.score.unwrap_or_default();
    match rule {
        "fewest calls" if score == 1 => "1 call today".into(),
        "fewest calls" => format!("{score} calls today"),
        "least talk time" => format!("talked {} today", minutes(score.unsigned_abs())),
        "least occupied" => format!("{}.{} % at work", score / 10, score % 10),
        "round robin" if score == 0 => "no turn yet".into(),
        "round robin" => format!("turn {score}"),
        _ => format!("place {score}"),
    }
}

/// `4:12`, or `1:04:12` from an hour on.
fn minutes(secs: u64) -> String {
    let (hours, minutes, secs) = (secs / 3600, secs / 60 % 60, secs % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{secs:02}") } else { format!("{minutes}:{secs:02}") }
}
