//! What an agent's own feed shows.

use proptest::prelude::*;

use super::day::{AGENTS, choices, play};
use super::*;
use crate::model::agent::{Device, State};
use crate::model::call::Phase;

/// What an agent's app shows of a floor.
fn shown(floor: &Floor, me: &AgentId) -> String {
    let view = &floor.agents[me];
    let colleagues: Vec<_> = floor.agents.values().map(|it| (&it.info.name, &it.status)).collect();
    let waiting: Vec<_> = view
        .info
        .queues
        .iter()
        .map(|queue| floor.waiting(queue).iter().map(|call| call.id).collect::<Vec<_>>())
        .collect();
    let call = floor
        .call_in_hand(me)
        .and_then(|call| floor.calls.get(&call))
        .map(|call| (&call.id, &call.from, &call.dialled, &call.phase));
    format!("{:?} {:?} {colleagues:?} {waiting:?} {call:?}", view.status, view.state)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn an_agent_s_feed_keeps_his_picture_right(choices in choices(), begin in 6..40_usize) {
        let (tape, _) = play(&choices);
        for name in AGENTS {
            let me = agent_id(name);
            let mut whole = Floor::default();
            let mut mine: Option<Floor> = None;
            for (place, event) in tape.events.iter().enumerate() {
                let before = event.event.visible_to_agent(&whole, &me);
                whole.apply(event);
                if place >= begin.min(tape.events.len() - 1) && whole.agents.contains_key(&me) {
                    let mine = mine.get_or_insert_with(|| whole.for_agent(&me));
                    if before || event.event.visible_to_agent(&whole, &me) {
                        mine.apply(event);
                    }
                    prop_assert_eq!(shown(mine, &me), shown(&whole, &me), "after {:?}", event);
                }
            }
        }
    }

    #[test]
    fn an_agent_sees_nothing_of_others_work(choices in choices()) {
        let (tape, _) = play(&choices);
        for name in AGENTS {
            let me = agent_id(name);
            let floor = tape.floor.for_agent(&me);
            for (id, view) in floor.agents.iter().filter(|(id, _)| **id != me) {
                prop_assert_eq!(&view.state, &State::Idle);
                prop_assert_eq!(&view.device, &Device::None);
                prop_assert_eq!(&view.counts, &Default::default());
                let others = floor.calls.values().filter(|call| call.agent() == Some(id)).count();
                prop_assert_eq!(others, 0);
            }
            for call in floor.calls.values().filter(|call| floor.call_in_hand(&me) != Some(call.id)) {
                prop_assert!(call.supervision.is_empty());
                let without_agent = matches!(call.phase, Phase::Arrived | Phase::Waiting { .. });
                prop_assert!(without_agent);
            }
        }
    }
}

/// Something that happens in a campaign, as the journal writes it.
fn campaign(fact: &str) -> Event {
    let fact = serde_json::from_str(fact).expect("a fact");
    Event::Campaign { campaign: "spring".parse().expect("a name"), fact: Box::new(fact) }
}

#[test]
fn an_agent_is_not_told_what_is_between_others() {
    let mut tape = Tape::open();
    tape.push(at(1), status("201", Status::Ready));
    tape.push(at(2), arrived(1));
    tape.push(at(2), queued(1, "tech", 0, at(2)));
    let (me, other) = (agent_id("202"), agent_id("201"));
    for (event, for_me, for_other) in [
        (arrived(2), true, true),
        (queued(1, "tech", 0, at(2)), false, true),
        (queued(1, "sales", 0, at(2)), true, true),
        (offered(1, 1, "tech", "201", at(30)), false, true),
        (left(1, "tech", QueueExit::Abandoned, 1), false, true),
        (status("201", lunch()), true, true),
        (Event::AgentNextStatusSet { agent: other.clone(), next: None }, false, true),
        (Event::CallHeld { call: call_id(1) }, false, false),
        (
            campaign(
                r#"{"fact":"set_up","by":"sue","settings":{"id":"spring","name":"Spring","queue":"tech","time_zone":"UTC"}}"#,
            ),
            false,
            true,
        ),
        (campaign(r#"{"fact":"removed","by":"sue"}"#), true, true),
        (
            campaign(
                r#"{"fact":"skipped","contact":1,"agent":"201","reason":"","next_at":"2026-03-02T09:30:00Z"}"#,
            ),
            false,
            false,
        ),
    ] {
        assert_eq!(event.visible_to_agent(&tape.floor, &me), for_me, "{event:?}");
        assert_eq!(event.visible_to_agent(&tape.floor, &other), for_other, "{event:?}");
    }
    tape.push(at(3), offered(1, 1, "tech", "201", at(30)));
    let held = Event::CallHeld { call: call_id(1) };
    assert!(held.visible_to_agent(&tape.floor, &other), "it is his call now");
}
