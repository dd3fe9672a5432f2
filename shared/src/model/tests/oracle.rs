//! Counting by hand: the folds must give what a plain walk over the list of events gives.

use proptest::prelude::*;

use super::day::{AGENTS, QUEUES, choices, play};
use super::*;
use crate::model::call::OfferOutcome;
use crate::model::history::summarize;
use crate::model::metric::{AgentCounts, QueueCounts};

/// Events since counts were last reset, with those before for what was going on then.
fn today(events: &[Stamped]) -> &[Stamped] {
    let from = events.iter().rposition(|it| matches!(it.event, Event::DayStarted { .. })).unwrap_or(0);
    &events[from..]
}

fn sum(events: &[Stamped], value: impl Fn(&Stamped) -> Option<u64>) -> u64 {
    events.iter().filter_map(value).sum()
}

fn count(events: &[Stamped], wanted: impl Fn(&Event) -> bool) -> u64 {
    sum(events, |it| wanted(&it.event).then_some(1))
}

/// The queue that a call was last put into before event `seq`.
fn queue_before(events: &[Stamped], call: CallId, seq: u64) -> Option<&QueueId> {
    events.iter().rev().filter(|it| it.seq < seq).find_map(|it| match &it.event {
        Event::CallQueued { call: known, queue, .. } if *known == call => Some(queue),
        _ => None,
    })
}

/// Calls that waited in `queue` when the service started anew, with when they came and the last sign of life.
fn lost_waiting(all: &[Stamped], queue: &QueueId, today: &[Stamped]) -> Vec<u64> {
    let mut lost = Vec::new();
    for it in today.iter().filter(|it| matches!(it.event, Event::ServiceStarted { .. })) {
        let before = &all[..(it.seq - 1) as usize];
        let run = before.iter().rposition(|it| matches!(it.event, Event::ServiceStarted { .. })).unwrap_or(0);
        for (place, entry) in before.iter().enumerate().skip(run) {
            let Event::CallQueued { call, queue: entered, .. } = &entry.event else { continue };
            let left = before[place..]
                .iter()
                .any(|it| matches!(&it.event, Event::CallLeftQueue { call: known, .. } if known == call));
            if entered == queue && !left {
                lost.push(before.last().map_or(0, |last| last.at.millis_since(entry.at)));
            }
        }
    }
    lost
}

fn queue_by_hand(all: &[Stamped], queue: &QueueId) -> QueueCounts {
    let today = today(all);
    let exits = |exit: QueueExit, from: u64, to: u64| {
        count(today, |event| {
            matches!(event, Event::CallLeftQueue { queue: known, exit: by, wait_millis, .. }
                if known == queue && *by == exit && (from..to).contains(wait_millis))
        })
    };
    let all_exits = |exit| exits(exit, 0, u64::MAX);
    let offers = |wanted: OfferOutcome| {
        sum(today, |it| match &it.event {
            Event::OfferEnded { call, outcome, .. }
                if *outcome == wanted && queue_before(all, *call, it.seq) == Some(queue) =>
            {
                Some(1)
            }
            _ => None,
        })
    };
    let released = |value: fn(u64, u64) -> u64| {
        sum(today, |it| match &it.event {
            Event::AgentReleased { call, talk_millis, hold_millis, .. }
                if queue_before(all, *call, it.seq) == Some(queue) =>
            {
                Some(value(*talk_millis, *hold_millis))
            }
            _ => None,
        })
    };
    let lost = lost_waiting(all, queue, today);
    let waits = today.iter().filter_map(|it| match &it.event {
        Event::CallLeftQueue { queue: known, wait_millis, .. } if known == queue => Some(*wait_millis),
        _ => None,
    });
    QueueCounts {
        entered: count(
            today,
            |event| matches!(event, Event::CallQueued { queue: known, .. } if known == queue),
        ),
        answered_in_target: exits(QueueExit::Answered, 0, 20_001),
        answered_late: exits(QueueExit::Answered, 20_001, u64::MAX),
        abandoned_short: all_exits(QueueExit::ShortAbandon),
        abandoned_in_target: exits(QueueExit::Abandoned, 0, 20_001),
        abandoned_late: exits(QueueExit::Abandoned, 20_001, u64::MAX),
        timed_out: all_exits(QueueExit::TimedOut),
        withdrawn: all_exits(QueueExit::Withdrawn),
        failed: lost.len() as u64,
        answered_wait_millis: sum(today, |it| match &it.event {
            Event::CallLeftQueue { queue: known, exit: QueueExit::Answered, wait_millis, .. }
                if known == queue =>
            {
                Some(*wait_millis)
            }
            _ => None,
        }),
        max_wait_millis: waits.chain(lost.iter().copied()).max().unwrap_or(0),
        offers: count(
            today,
            |event| matches!(event, Event::OfferMade { queue: known, .. } if known == queue),
        ),
        offers_missed: offers(OfferOutcome::Missed),
        offers_rejected: offers(OfferOutcome::Rejected),
        handled: released(|_, _| 1),
        talk_millis: released(|talk, _| talk),
        hold_millis: released(|_, hold| hold),
        wrap_up_millis: sum(today, |it| match &it.event {
            Event::WrapUpEnded { agent, wrap_up_millis, .. } => {
                let started = all.iter().rev().filter(|before| before.seq < it.seq).find_map(|before| {
                    match &before.event {
                        Event::WrapUpStarted { agent: known, queue, .. } if known == agent => Some(queue),
                        _ => None,
                    }
                });
                (started == Some(queue)).then_some(*wrap_up_millis)
            }
            _ => None,
        }),
        ..QueueCounts::default()
    }
}

/// Walks from event to event and adds each stretch to what the agent was in.
fn agent_by_hand(all: &[Stamped], me: &AgentId, now: Timestamp) -> AgentCounts {
    let mut counts = AgentCounts::default();
    let (mut status, mut busy, mut wrapping) = (Status::Offline, false, false);
    for (place, it) in all.iter().enumerate() {
        match &it.event {
            Event::DayStarted { .. } => counts = AgentCounts::default(),
            Event::ServiceStarted { .. } => (busy, wrapping) = (false, false),
            Event::AgentStatusChanged { agent, status: wanted, .. } if agent == me => {
                status = wanted.clone();
            }
            Event::OfferMade { agent, .. } if agent == me => counts.offers += 1,
            Event::OfferEnded { agent, outcome, .. } if agent == me => match outcome {
                OfferOutcome::Answered => {
                    counts.answered += 1;
                    busy = true;
                }
                OfferOutcome::Missed => counts.missed += 1,
                OfferOutcome::Rejected => counts.rejected += 1,
                _ => {}
            },
            Event::AgentReleased { agent, talk_millis, hold_millis, .. } if agent == me => {
                busy = false;
                counts.handled += 1;
                counts.talk_millis += talk_millis;
                counts.hold_millis += hold_millis;
            }
            Event::WrapUpStarted { agent, .. } if agent == me => wrapping = true,
            Event::WrapUpEnded { agent, wrap_up_millis, .. } if agent == me => {
                wrapping = false;
                counts.wrap_up_millis += wrap_up_millis;
            }
            _ => {}
        }
        let next = all.get(place + 1);
        if next.is_some_and(|next| matches!(next.event, Event::ServiceStarted { .. })) {
            continue;
        }
        let millis = next.map_or(now, |next| next.at).millis_since(it.at);
        match &status {
            Status::Ready if !busy && !wrapping => counts.ready_millis += millis,
            Status::NotReady { .. } if !busy && !wrapping => counts.not_ready_millis += millis,
            _ => {}
        }
    }
    counts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_fold_counts_what_is_in_the_list(choices in choices()) {
        let (tape, now) = play(&choices);
        for name in QUEUES {
            let queue = queue_id(name);
            prop_assert_eq!(&tape.floor.queues[&queue].counts, &queue_by_hand(&tape.events, &queue));
        }
        for name in AGENTS {
            let me = agent_id(name);
            let mut counts = tape.floor.agent_report(&me, now).expect("there").counts;
            // The open talk and wrap-up are tested on their own; by hand only what is over is counted.
            let closed = &tape.floor.agents[&me].counts;
            counts.talk_millis = closed.talk_millis;
            counts.wrap_up_millis = closed.wrap_up_millis;
            prop_assert_eq!(counts, agent_by_hand(&tape.events, &me, now));
        }
    }

    #[test]
    fn repeated_and_late_events_change_nothing(choices in choices(), back in 1..30_usize) {
        let (tape, _) = play(&choices);
        let mut floor = Floor::default();
        for (place, event) in tape.events.iter().enumerate() {
            floor.apply(event);
            tape.events[place.saturating_sub(back)..=place].iter().for_each(|late| floor.apply(late));
        }
        prop_assert_eq!(&floor, &tape.floor);
        let text = serde_json::to_string(&floor).expect("saved");
        prop_assert_eq!(&serde_json::from_str::<Floor>(&text).expect("loaded"), &floor);
    }

    #[test]
    fn rows_and_floor_agree(choices in choices()) {
        let (tape, _) = play(&choices);
        let calls: std::collections::BTreeSet<CallId> =
            tape.events.iter().filter_map(|it| it.event.call()).collect();
        let rows: Vec<_> = calls
            .iter()
            .filter_map(|call| summarize(tape.events.iter().filter(|it| it.event.call() == Some(*call))))
            .collect();
        prop_assert_eq!(rows.len(), calls.len());
        let talk: u64 = rows.iter().map(|row| row.talk_millis).sum();
        prop_assert_eq!(talk, sum(&tape.events, |it| match &it.event {
            Event::AgentReleased { talk_millis, .. } => Some(*talk_millis),
            _ => None,
        }));
        for row in &rows {
            prop_assert!(row.ended_at.is_none() || !tape.floor.calls.contains_key(&row.id));
        }
    }
}
