//! What events do to the floor, one situation each.

use super::*;
use crate::model::agent::{Device, State};
use crate::model::call::{Direction, EndCause, OfferOutcome, Party, Phase, SupervisionMode};
use crate::model::event::{TransferTarget, WrapUpEnd};
use crate::model::sound::Side;
use crate::model::trunk::{TrunkInfo, TrunkState};

fn ended(offer: u64, call: u64, agent: &str, outcome: OfferOutcome, rang_millis: u64) -> Event {
    Event::OfferEnded {
        offer: OfferId::from_u64(offer),
        call: call_id(call),
        agent: agent_id(agent),
        outcome,
        rang_millis,
    }
}

fn connected(call: u64, queue: &str, agent: &str, wait_millis: u64) -> Event {
    Event::CallConnected {
        call: call_id(call),
        queue: queue_id(queue),
        agent: agent_id(agent),
        wait_millis,
        setup_millis: 40,
    }
}

fn released(call: u64, agent: &str, talk_millis: u64, hold_millis: u64) -> Event {
    Event::AgentReleased { call: call_id(call), agent: agent_id(agent), talk_millis, hold_millis }
}

/// Call 1 waits from second 10, rings 201 and is answered at second 15.
fn answered() -> Tape {
    let mut tape = Tape::open();
    tape.play(vec![
        (0, status("201", Status::Ready)),
        (10, arrived(1)),
        (10, queued(1, "sales", 0, at(10))),
        (10, offered(1, 1, "sales", "201", at(30))),
        (15, ended(1, 1, "201", OfferOutcome::Answered, 5_000)),
        (15, left(1, "sales", QueueExit::Answered, 5_000)),
        (15, connected(1, "sales", "201", 5_000)),
    ]);
    tape
}

#[test]
fn a_call_is_counted_from_queue_to_wrap_up() {
    let mut tape = answered();
    let talking =
        Phase::Talking { queue: queue_id("sales"), agent: agent_id("201"), since: at(15), held: false };
    assert_eq!(tape.floor.calls[&call_id(1)].phase, talking);
    assert_eq!(tape.floor.agents_talking(&queue_id("tech")), 1);
    tape.play(vec![
        (20, Event::CallHeld { call: call_id(1) }),
        (30, Event::CallResumed { call: call_id(1) }),
        (75, released(1, "201", 60_000, 10_000)),
        (
            75,
            Event::WrapUpStarted {
                call: call_id(1),
                agent: agent_id("201"),
                queue: queue_id("sales"),
                until: Some(at(105)),
            },
        ),
        (75, Event::CallEnded { call: call_id(1), cause: EndCause::CustomerHungUp }),
    ]);
    assert_eq!(tape.floor.call_of(&agent_id("201")), Some(call_id(1)));
    tape.play(vec![(
        90,
        Event::WrapUpEnded {
            call: call_id(1),
            agent: agent_id("201"),
            code: None,
            note: None,
            how: WrapUpEnd::Coded,
            wrap_up_millis: 15_000,
        },
    )]);
    assert!(tape.floor.calls.is_empty());
    let report = tape.floor.queue_report(&queue_id("sales"), at(100)).expect("there");
    let counts = &report.counts;
    assert_eq!((counts.entered, counts.answered_in_target, counts.offers, counts.handled), (1, 1, 1, 1));
    assert_eq!((counts.talk_millis, counts.hold_millis, counts.wrap_up_millis), (60_000, 10_000, 15_000));
    assert_eq!(report.figures.aht_secs.value, Some(75.0));
    assert_eq!(report.agents_ready, 1);
    let mine = tape.floor.agent_report(&agent_id("201"), at(100)).expect("there");
    assert_eq!((mine.counts.answered, mine.counts.handled), (1, 1));
    assert_eq!(mine.counts.ready_millis, 25_000, "0 to 15 idle and ringing, 90 to 100 idle");
    assert_eq!(mine.occupancy_percent.value, Some(75.0));
    assert_eq!(tape.floor.tally.serving.len() + tape.floor.tally.calls.len(), 0, "nothing is left over");
}

#[test]
fn an_open_talk_counts_for_occupancy_but_not_for_the_average() {
    let tape = answered();
    let mine = tape.floor.agent_report(&agent_id("201"), at(60)).expect("there");
    assert_eq!((mine.counts.ready_millis, mine.counts.talk_millis), (15_000, 45_000));
    assert_eq!(mine.occupancy_percent.value, Some(75.0));
    assert_eq!(mine.aht_secs.value, None);
    assert_eq!(tape.floor.agents[&agent_id("201")].counts.talk_millis, 0, "the floor keeps what is over");
}

#[test]
fn a_missed_offer_leaves_the_call_in_its_place() {
    let mut tape = Tape::open();
    let missed = Status::NotReady { reason: NotReadyReason::MissedOffer { call: call_id(1) } };
    tape.play(vec![
        (0, status("201", Status::Ready)),
        (10, arrived(1)),
        (10, queued(1, "sales", 0, at(5))),
        (10, offered(1, 1, "sales", "201", at(30))),
        (30, ended(1, 1, "201", OfferOutcome::Missed, 20_000)),
        (30, status("201", missed)),
    ]);
    assert_eq!(
        tape.floor.calls[&call_id(1)].phase,
        Phase::Waiting { queue: queue_id("sales"), since: at(5) }
    );
    let view = &tape.floor.agents[&agent_id("201")];
    assert_eq!((&view.state, view.counts.missed, view.counts.ready_millis), (&State::Idle, 1, 30_000));
    let report = tape.floor.queue_report(&queue_id("sales"), at(31)).expect("there");
    assert_eq!((report.counts.offers, report.counts.offers_missed, report.waiting), (1, 1, 1));
    assert_eq!((report.agents_signed_in, report.agents_ready), (1, 0));
    assert_eq!(report.longest_since, Some(at(5)));
    assert_eq!(
        report.figures.service_level_percent.value,
        Some(0.0),
        "late already: it is 21 s in the queue"
    );
    let early = tape.floor.queue_report(&queue_id("sales"), at(30)).expect("there");
    assert_eq!(early.figures.service_level_percent.value, None, "no verdict yet");
}

#[test]
fn waiting_calls_are_listed_in_the_order_of_service() {
    let mut tape = Tape::open();
    for (call, priority_secs, since) in [(1, 0, 10), (2, 60, 40), (3, 0, 5), (4, 0, 10)] {
        tape.push(at(50), arrived(call));
        tape.push(at(50), queued(call, "sales", priority_secs, at(since)));
    }
    let order: Vec<u64> =
        tape.floor.waiting(&queue_id("sales")).iter().map(|call| call.id.as_u64()).collect();
    assert_eq!(order, [2, 3, 1, 4]);
    assert_eq!(tape.floor.longest_since(&queue_id("sales")), Some(at(5)));
    assert!(tape.floor.waiting(&queue_id("tech")).is_empty());
}

#[test]
fn a_transfer_counts_where_the_call_came_from() {
    let mut tape = answered();
    tape.play(vec![
        (
            40,
            Event::CallTransferred {
                call: call_id(1),
                by: agent_id("201"),
                target: TransferTarget::Queue { queue: queue_id("tech") },
            },
        ),
        (40, queued(1, "tech", 0, at(10))),
        (40, released(1, "201", 25_000, 0)),
    ]);
    let counts = |name: &str| tape.floor.queues[&queue_id(name)].counts.clone();
    assert_eq!((counts("sales").transferred, counts("sales").talk_millis), (1, 25_000));
    assert_eq!((counts("tech").entered, counts("tech").handled), (1, 0));
    assert!(tape.floor.calls[&call_id(1)].phase.waits_in(&queue_id("tech")));
}

#[test]
fn a_take_over_changes_who_has_the_call() {
    let mut tape = answered();
    let sara = || "sara".parse().expect("valid user");
    let mode = |mode| Event::SupervisionChanged { call: call_id(1), supervisor: sara(), mode };
    let phase = |tape: &Tape| tape.floor.calls[&call_id(1)].phase.clone();
    tape.push(at(20), mode(SupervisionMode::Monitor));
    assert!(matches!(phase(&tape), Phase::Talking { .. }));
    assert_eq!(tape.floor.calls[&call_id(1)].supervision.len(), 1);
    tape.push(at(25), mode(SupervisionMode::TakeOver));
    assert_eq!(
        phase(&tape),
        Phase::TakenOver { queue: queue_id("sales"), supervisor: sara(), since: at(25) }
    );
    tape.push(at(30), mode(SupervisionMode::Barge));
    assert!(
        matches!(phase(&tape), Phase::Talking { since, .. } if since == at(15)),
        "the agent never left and has it again"
    );
    tape.push(at(35), mode(SupervisionMode::TakeOver));
    tape.push(at(36), released(1, "201", 21_000, 0));
    assert!(matches!(phase(&tape), Phase::TakenOver { .. }));
    tape.push(at(40), Event::SupervisionEnded { call: call_id(1), supervisor: sara() });
    assert_eq!(phase(&tape), Phase::Arrived);
    assert_eq!(tape.floor.queues[&queue_id("sales")].counts.handled, 1);
}

#[test]
fn a_supervisor_who_stays_after_the_agent_has_the_call() {
    let mut tape = answered();
    let sara: crate::id::UserId = "sara".parse().expect("valid user");
    let mode = |mode| Event::SupervisionChanged { call: call_id(1), supervisor: sara.clone(), mode };
    tape.push(at(20), mode(SupervisionMode::Barge));
    tape.push(at(30), released(1, "201", 15_000, 0));
    tape.push(at(30), mode(SupervisionMode::TakeOver));
    assert_eq!(
        tape.floor.calls[&call_id(1)].phase,
        Phase::TakenOver { queue: queue_id("sales"), supervisor: sara, since: at(30) }
    );
}

#[test]
fn a_new_run_ends_what_the_old_one_left() {
    let mut tape = answered();
    tape.play(vec![
        (16, arrived(2)),
        (16, queued(2, "sales", 0, at(16))),
        (17, status("202", lunch())),
        (
            18,
            Event::AgentDeviceChanged {
                agent: agent_id("202"),
                device: Device::App { contact: "sip:202@app".into() },
            },
        ),
        (20, Event::AgentNextStatusSet { agent: agent_id("201"), next: Some(lunch()) }),
        (600, Event::ServiceStarted { version: "1".into(), config_version: 1 }),
    ]);
    assert!(tape.floor.calls.is_empty());
    let counts = &tape.floor.queues[&queue_id("sales")].counts;
    assert_eq!((counts.entered, counts.answered(), counts.failed), (2, 1, 1));
    assert_eq!(counts.max_wait_millis, 5_000, "it waited 4 s until the last sign of life");
    let view = |name: &str| &tape.floor.agents[&agent_id(name)];
    assert_eq!((&view("201").status, &view("201").state), (&lunch(), &State::Idle), "what came next is now");
    assert_eq!((&view("201").next_status, &view("202").device), (&None, &Device::None));
    let lunch_millis =
        |secs| tape.floor.agent_report(&agent_id("202"), at(secs)).expect("there").counts.not_ready_millis;
    assert_eq!(lunch_millis(610), 13_000, "3 s before and 10 s after; nobody knows what was between");
}

#[test]
fn a_new_day_starts_at_zero() {
    let mut tape = Tape::open();
    tape.play(vec![
        (0, status("201", Status::Ready)),
        (10, arrived(1)),
        (10, queued(1, "sales", 0, at(10))),
        (100, Event::DayStarted { date: "2026-03-03".into() }),
    ]);
    assert_eq!(tape.floor.day, "2026-03-03");
    assert_eq!(tape.floor.queues[&queue_id("sales")].counts, Default::default());
    assert_eq!(tape.floor.waiting(&queue_id("sales")).len(), 1, "who waits goes on waiting");
    tape.push(at(130), status("201", lunch()));
    assert_eq!(tape.floor.agents[&agent_id("201")].counts.ready_millis, 30_000, "from midnight on");
}

#[test]
fn removed_queues_and_agents_are_gone_and_late_facts_about_them_harmless() {
    let mut tape = answered();
    tape.play(vec![
        (20, Event::QueueRemoved { queue: queue_id("sales") }),
        (20, Event::AgentRemoved { agent: agent_id("201") }),
        (30, released(1, "201", 15_000, 0)),
        (30, ended(9, 9, "209", OfferOutcome::Missed, 1)),
        (30, left(9, "sales", QueueExit::Abandoned, 1)),
        (30, Event::CallEnded { call: call_id(1), cause: EndCause::Lost }),
    ]);
    assert!(tape.floor.queue_report(&queue_id("sales"), at(30)).is_none());
    assert!(tape.floor.agent_report(&agent_id("201"), at(30)).is_none());
    assert!(tape.floor.calls.is_empty());
    let mut renamed = agent("202", &["sales"]);
    renamed.name = "Renate".into();
    tape.push(at(40), Event::AgentConfigured { agent: renamed });
    assert_eq!(tape.floor.agents[&agent_id("202")].info.name, "Renate");
}

#[test]
fn turned_away_calls_are_counted_but_never_entered() {
    let mut tape = Tape::open();
    tape.play(vec![
        (10, arrived(1)),
        (10, left(1, "sales", QueueExit::Closed, 0)),
        (10, left(1, "tech", QueueExit::Full, 0)),
    ]);
    let counts = |name: &str| tape.floor.queues[&queue_id(name)].counts.clone();
    assert_eq!((counts("sales").closed, counts("sales").entered), (1, 0));
    assert_eq!((counts("tech").full, counts("tech").entered), (1, 0));
    assert_eq!(tape.floor.calls[&call_id(1)].phase, Phase::Arrived);
}

#[test]
fn a_call_that_an_agent_places_is_his_until_it_ends() {
    let mut tape = answered();
    let placed = |call: u64| Event::CallPlaced {
        call: call_id(call),
        by: agent_id("202").to_user(),
        direction: Direction::Outbound,
        to: Party { number: "+4930".into(), name: String::new() },
        colleague: None,
        queue: None,
    };
    let trunk: crate::id::TrunkId = "carrier".parse().expect("valid trunk");
    tape.push(at(20), placed(2));
    let live = |tape: &Tape| tape.floor.calls[&call_id(2)].clone();
    let state = |tape: &Tape| tape.floor.agents[&agent_id("202")].state.clone();
    assert_eq!(live(&tape).phase, Phase::Dialling { number: "+4930".into(), since: at(20) });
    assert_eq!((live(&tape).agent(), live(&tape).queue()), (Some(&agent_id("202")), None));
    assert_eq!(state(&tape), State::Talking { call: call_id(2), held: false });
    let number = "+4930".to_owned();
    tape.push(at(20), Event::TrunkTried { call: call_id(2), trunk: trunk.clone(), number, attempt: 1 });
    tape.push(
        at(25),
        Event::CallAnswered { call: call_id(2), trunk: Some(trunk.clone()), rang_millis: 5_000 },
    );
    tape.push(at(26), Event::CallHeld { call: call_id(2) });
    assert_eq!(live(&tape).phase, Phase::Outside { number: "+4930".into(), since: at(25), held: true });
    assert_eq!(live(&tape).trunk, Some(trunk));
    let mine = tape.floor.for_agent(&agent_id("202"));
    assert!(mine.calls.contains_key(&call_id(2)) && mine.trunks.is_empty());
    assert!(!tape.floor.for_agent(&agent_id("201")).calls.contains_key(&call_id(2)), "it is not his");
    let left =
        Event::AgentLeft { call: call_id(2), agent: agent_id("202"), talk_millis: 15_000, hold_millis: 0 };
    tape.push(at(40), left);
    tape.push(at(40), Event::CallEnded { call: call_id(2), cause: EndCause::AgentHungUp });
    assert_eq!(state(&tape), State::Idle);
    let counts = &tape.floor.agents[&agent_id("202")].counts;
    assert_eq!((counts.own_calls, counts.own_millis, counts.handled), (1, 15_000, 0));
}

#[test]
fn a_trunk_is_up_until_it_is_down() {
    let mut tape = answered();
    let trunk: crate::id::TrunkId = "carrier".parse().expect("valid trunk");
    let info = TrunkInfo {
        id: trunk.clone(),
        name: "Carrier".into(),
        servers: vec!["sip:carrier.example".into()],
        registers: false,
        priority: 1,
        weight: 1,
        max_calls: 0,
        max_calls_per_sec: 0,
    };
    tape.push(at(20), Event::TrunkConfigured { trunk: info });
    let view = |tape: &Tape| tape.floor.trunks[&trunk].clone();
    assert!(view(&tape).state == TrunkState::Unknown && view(&tape).state.is_usable());
    tape.push(at(21), Event::TrunkUp { trunk: trunk.clone() });
    let down = |reason: &str| Event::TrunkDown { trunk: trunk.clone(), reason: reason.into() };
    tape.push(at(22), down("408"));
    tape.push(at(30), down("503"));
    assert_eq!(view(&tape).state, TrunkState::Down { reason: "503".into() });
    assert_eq!(view(&tape).since, at(22), "down is down, whatever the reason");
    tape.push(at(31), Event::TrunkRemoved { trunk: trunk.clone() });
    assert!(tape.floor.trunks.is_empty());
}

#[test]
fn of_several_phones_that_ring_one_has_the_call_and_nobody_is_blamed() {
    let mut tape = Tape::open();
    tape.play(vec![
        (0, status("201", Status::Ready)),
        (0, status("202", Status::Ready)),
        (10, arrived(1)),
        (10, queued(1, "sales", 0, at(10))),
        (10, offered(1, 1, "sales", "201", at(30))),
        (10, offered(2, 1, "sales", "202", at(30))),
    ]);
    let state = |tape: &Tape, name: &str| tape.floor.agents[&agent_id(name)].state.clone();
    assert!(matches!(state(&tape, "201"), State::Offered { .. }));
    assert!(matches!(state(&tape, "202"), State::Offered { .. }));
    tape.play(vec![
        (14, ended(1, 1, "201", OfferOutcome::Answered, 4_000)),
        (14, ended(2, 1, "202", OfferOutcome::LostRace, 4_000)),
        (14, left(1, "sales", QueueExit::Answered, 4_000)),
        (14, connected(1, "sales", "201", 4_000)),
    ]);
    assert!(matches!(state(&tape, "201"), State::Talking { .. }));
    assert_eq!(state(&tape, "202"), State::Idle);
    let phase = &tape.floor.calls[&call_id(1)].phase;
    assert!(matches!(phase, Phase::Talking { agent, .. } if *agent == agent_id("201")), "{phase:?}");
    let second = &tape.floor.agents[&agent_id("202")].counts;
    assert_eq!((second.offers, second.missed, second.rejected, second.answered), (1, 0, 0, 0));
    let report = tape.floor.queue_report(&queue_id("sales"), at(15)).expect("there");
    assert_eq!((report.counts.offers, report.counts.offers_missed, report.waiting), (2, 0, 0));
}

#[test]
fn a_call_rings_on_when_one_of_its_phones_stops() {
    let mut tape = Tape::open();
    tape.play(vec![
        (0, status("201", Status::Ready)),
        (0, status("202", Status::Ready)),
        (10, arrived(1)),
        (10, queued(1, "sales", 0, at(10))),
        (10, offered(1, 1, "sales", "201", at(30))),
        (10, offered(2, 1, "sales", "202", at(30))),
        (12, ended(2, 1, "202", OfferOutcome::Rejected, 2_000)),
    ]);
    let phase = tape.floor.calls[&call_id(1)].phase.clone();
    assert!(matches!(phase, Phase::Offered { .. }), "the first phone rings: {phase:?}");
    tape.play(vec![(30, ended(1, 1, "201", OfferOutcome::Missed, 20_000))]);
    assert_eq!(
        tape.floor.calls[&call_id(1)].phase,
        Phase::Waiting { queue: queue_id("sales"), since: at(10) }
    );
}

#[test]
fn who_is_not_heard_is_on_the_floor_until_he_is() {
    let mut tape = answered();
    let leg = crate::id::LegId::from_u64;
    let lost = |number, side| Event::AudioLost { call: call_id(1), leg: leg(number), side, since: at(20) };
    tape.push(at(22), lost(1, Side::Customer));
    tape.push(at(23), lost(2, Side::Agent));
    tape.push(at(24), lost(1, Side::Customer));
    let sides =
        |tape: &Tape| tape.floor.calls[&call_id(1)].unheard.iter().map(|it| it.side).collect::<Vec<_>>();
    assert_eq!(sides(&tape), [Side::Agent, Side::Customer]);
    for (agent, sees) in [("201", true), ("202", false)] {
        let event = lost(1, Side::Customer);
        assert_eq!(event.visible_to_agent(&tape.floor, &agent_id(agent)), sees, "{agent}");
        let own = tape.floor.for_agent(&agent_id(agent));
        assert_eq!(own.calls.get(&call_id(1)).is_some_and(|call| !call.unheard.is_empty()), sees, "{agent}");
    }
    tape.push(at(30), Event::AudioBack { call: call_id(1), leg: leg(2) });
    assert_eq!(sides(&tape), [Side::Customer]);
}
