//! Formulas, distributions, a call's row.

use super::*;
use crate::id::RecordingId;
use crate::model::call::{EndCause, OfferOutcome};
use crate::model::distribution::{Distribution, Distributions};
use crate::model::history::{History, offers, summarize};
use crate::model::metric::{AgentCounts, QueueCounts};

#[test]
fn figures_follow_their_formulas() {
    let base = QueueCounts {
        entered: 20,
        answered_in_target: 8,
        answered_late: 2,
        abandoned_short: 4,
        abandoned_in_target: 1,
        abandoned_late: 3,
        answered_wait_millis: 125_000,
        handled: 9,
        talk_millis: 1_800_000,
        hold_millis: 60_000,
        wrap_up_millis: 270_000,
        ..QueueCounts::default()
    };
    let others = QueueCounts { timed_out: 1, overflowed: 1, ..base.clone() };
    let none = QueueCounts::default();
    for (counts, late_waiting, level, asa, aht, abandon) in [
        // 8 / (10 + 4); 125 / 10; 2070 / 9; 4 / (20 - 4)
        (&base, 0, Some(100.0 * 8.0 / 14.0), Some(12.5), Some(230.0), Some(25.0)),
        // Two who wait beyond the target are missed already.
        (&base, 2, Some(50.0), Some(12.5), Some(230.0), Some(25.0)),
        // Who timed out or was sent elsewhere was not answered in time.
        (&others, 0, Some(50.0), Some(12.5), Some(230.0), Some(25.0)),
        (&none, 0, None, None, None, None),
        (&none, 1, Some(0.0), None, None, None),
    ] {
        let figures = counts.figures(late_waiting);
        let near = |got: Option<f64>, wanted: Option<f64>| match (got, wanted) {
            (Some(got), Some(wanted)) => (got - wanted).abs() < 1e-9,
            (got, wanted) => got == wanted,
        };
        assert!(near(figures.service_level_percent.value, level), "{counts:?} {late_waiting}");
        assert!(near(figures.asa_secs.value, asa), "{:?}", figures.asa_secs);
        assert!(near(figures.aht_secs.value, aht), "{:?}", figures.aht_secs);
        assert!(near(figures.abandon_percent.value, abandon), "{:?}", figures.abandon_percent);
    }
}

#[test]
fn every_exit_has_its_own_count() {
    let count = |exit, wait_millis| {
        let mut counts = QueueCounts::default();
        counts.count_exit(exit, wait_millis, 20_000);
        counts
    };
    let base = QueueCounts::default;
    for (exit, wait, wanted) in [
        (
            QueueExit::Answered,
            20_000,
            QueueCounts {
                answered_in_target: 1,
                answered_wait_millis: 20_000,
                max_wait_millis: 20_000,
                ..base()
            },
        ),
        (
            QueueExit::Answered,
            20_001,
            QueueCounts { answered_late: 1, answered_wait_millis: 20_001, max_wait_millis: 20_001, ..base() },
        ),
        (
            QueueExit::Abandoned,
            20_000,
            QueueCounts { abandoned_in_target: 1, max_wait_millis: 20_000, ..base() },
        ),
        (QueueExit::Abandoned, 20_001, QueueCounts { abandoned_late: 1, max_wait_millis: 20_001, ..base() }),
        (QueueExit::ShortAbandon, 9, QueueCounts { abandoned_short: 1, max_wait_millis: 9, ..base() }),
        (QueueExit::Overflowed, 9, QueueCounts { overflowed: 1, max_wait_millis: 9, ..base() }),
        (QueueExit::TimedOut, 9, QueueCounts { timed_out: 1, max_wait_millis: 9, ..base() }),
        (QueueExit::Withdrawn, 9, QueueCounts { withdrawn: 1, max_wait_millis: 9, ..base() }),
        (QueueExit::CallbackTaken, 9, QueueCounts { callback_taken: 1, max_wait_millis: 9, ..base() }),
        (QueueExit::Closed, 0, QueueCounts { closed: 1, ..base() }),
        (QueueExit::Full, 0, QueueCounts { full: 1, ..base() }),
        (QueueExit::Failed, 9, QueueCounts { failed: 1, max_wait_millis: 9, ..base() }),
    ] {
        assert_eq!(count(exit, wait), wanted, "{exit:?}");
        let mut twice = wanted.clone();
        twice.add(&wanted);
        let mut by_hand = count(exit, wait);
        by_hand.count_exit(exit, wait, 20_000);
        assert_eq!(twice, by_hand, "sums are sums");
    }
}

#[test]
fn occupancy_is_busy_out_of_busy_and_ready() {
    for (talk_millis, wrap_up_millis, ready_millis, wanted) in
        [(0, 0, 0, None), (0, 0, 10, Some(0.0)), (600, 150, 250, Some(75.0)), (10, 0, 0, Some(100.0))]
    {
        let counts = AgentCounts {
            talk_millis,
            wrap_up_millis,
            ready_millis,
            not_ready_millis: 999,
            ..AgentCounts::default()
        };
        assert_eq!(counts.occupancy_percent().value, wanted);
    }
}

#[test]
fn percentiles_have_three_digits_and_an_exact_largest() {
    let mut distribution = Distribution::default();
    assert_eq!(distribution.percentiles(), Default::default());
    for millis in 1..=10_000 {
        distribution.record(millis);
    }
    let got = distribution.percentiles();
    assert_eq!((got.count, got.max_millis), (10_000, 10_000));
    for (got, wanted) in [(got.p50_millis, 5_000), (got.p90_millis, 9_000), (got.p99_millis, 9_900)] {
        assert!(got.abs_diff(wanted) * 1000 <= wanted, "{got} is not {wanted}");
    }
    distribution.record(u64::MAX);
    assert_eq!(distribution.percentiles().max_millis, u64::MAX, "beyond the histogram nothing breaks");
    let mut zero = Distribution::default();
    zero.record(0);
    assert_eq!((zero.percentiles().count, zero.percentiles().max_millis), (1, 0));
}

/// Two queues, a miss, a transfer, a hold.
fn story() -> Vec<Stamped> {
    let mut tape = Tape::open();
    let ended = |offer: u64, agent: &str, outcome, rang_millis| Event::OfferEnded {
        offer: OfferId::from_u64(offer),
        call: call_id(1),
        agent: agent_id(agent),
        outcome,
        rang_millis,
    };
    let connected = |queue: &str, agent: &str, wait_millis, setup_millis| Event::CallConnected {
        call: call_id(1),
        queue: queue_id(queue),
        agent: agent_id(agent),
        wait_millis,
        setup_millis,
    };
    let released = |agent: &str, talk_millis, hold_millis| Event::AgentReleased {
        call: call_id(1),
        agent: agent_id(agent),
        talk_millis,
        hold_millis,
    };
    tape.play(vec![
        (1, arrived(1)),
        (1, Event::RecordingStarted { recording: RecordingId::from_u64(5), call: call_id(1) }),
        (1, queued(1, "sales", 0, at(1))),
        (1, offered(1, 1, "sales", "201", at(21))),
        (21, ended(1, "201", OfferOutcome::Missed, 20_000)),
        (21, offered(2, 1, "sales", "202", at(41))),
        (25, ended(2, "202", OfferOutcome::Answered, 4_000)),
        (25, left(1, "sales", QueueExit::Answered, 24_000)),
        (25, connected("sales", "202", 24_000, 30)),
        (25, arrived(2)),
        (60, released("202", 35_000, 5_000)),
        (60, queued(1, "tech", 0, at(1))),
        (60, offered(3, 1, "tech", "201", at(80))),
        (62, ended(3, "201", OfferOutcome::Answered, 2_000)),
        (62, left(1, "tech", QueueExit::Answered, 2_000)),
        (62, connected("tech", "201", 2_000, 50)),
        (92, released("201", 30_000, 0)),
        (92, Event::CallEnded { call: call_id(1), cause: EndCause::AgentHungUp }),
    ]);
    tape.events
}

#[test]
fn a_call_s_row_tells_its_story() {
    let events = story();
    let row = summarize(&events).expect("a call");
    assert_eq!(row.id, call_id(1));
    assert_eq!(row.from.number, "+49301");
    assert_eq!((row.arrived_at, row.ended_at), (at(1), Some(at(92))));
    assert_eq!(row.cause, Some(EndCause::AgentHungUp));
    assert_eq!(row.queues, [queue_id("sales"), queue_id("tech")]);
    assert_eq!(row.exit, Some(QueueExit::Answered));
    assert_eq!((row.wait_millis, row.talk_millis, row.hold_millis), (26_000, 65_000, 5_000));
    assert_eq!(row.agents, [agent_id("202"), agent_id("201")]);
    assert_eq!(row.recording, Some(RecordingId::from_u64(5)));
    assert_eq!(summarize(&events[..3]), None, "no call in there");

    // Taken up in the middle, with an overlap, it ends the same.
    let half = events.len() / 2;
    let mut history =
        History::begin(events.iter().find(|it| it.event.call().is_some()).expect("a call")).expect("a call");
    events[..half].iter().for_each(|event| history.apply(event));
    let mut again = History::resume(history.summary().clone(), history.seq());
    events[half - 3..].iter().for_each(|event| again.apply(event));
    assert_eq!(*again.summary(), row);
}

#[test]
fn a_call_s_offers_have_their_outcomes() {
    let events = story();
    let offers = offers(&events, |decision| format!("{} by {}", decision.chosen, decision.rule));
    let told: Vec<_> = offers
        .iter()
        .map(|offer| (offer.words.as_str(), offer.outcome, offer.rang_millis, offer.at))
        .collect();
    assert_eq!(
        told,
        [
            ("201 by longest idle", Some(OfferOutcome::Missed), Some(20_000), at(1)),
            ("202 by longest idle", Some(OfferOutcome::Answered), Some(4_000), at(21)),
            ("201 by longest idle", Some(OfferOutcome::Answered), Some(2_000), at(60)),
        ]
    );
}

#[test]
fn the_day_s_distributions_come_from_the_same_events() {
    let mut distributions = Distributions::default();
    let events = story();
    for _ in 0..2 {
        events.iter().for_each(|event| distributions.apply(event));
    }
    assert_eq!((distributions.wait().count, distributions.wait().max_millis), (2, 24_000));
    assert_eq!((distributions.talk().count, distributions.talk().max_millis), (2, 35_000));
    assert_eq!((distributions.setup().count, distributions.setup().p50_millis), (2, 30));
    let mut tape = Tape::open();
    events[6..].iter().for_each(|it| tape.push(it.at, it.event.clone()));
    let report = tape.floor.day_report(at(100), &distributions);
    assert_eq!((report.queues.len(), report.agents.len(), report.total.answered()), (2, 2, 2));
    assert_eq!(report.wait, distributions.wait());
    assert_eq!(report.seq, tape.floor.seq);
    distributions.apply(&Stamped {
        seq: 10_000,
        at: at(200),
        event: Event::DayStarted { date: "2026-03-03".into() },
    });
    assert_eq!(distributions.wait().count, 0);
}
