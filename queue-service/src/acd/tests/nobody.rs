//! Why a call was offered to nobody.

use shared::model::agent::AgentInfo;
use shared::model::call::QueueExit;
use shared::model::decision::{Exclusion, NonOffer, NonOfferMoment};
use shared::model::queue::QueueInfo;
use shared::model::routing::{Relaxation, Routing};

use super::script::Script;
use super::{agent, agent_id, call_id, need, queue, queue_id, start};

fn words(record: &NonOffer) -> String {
    super::super::non_offer_words(record, |agent| format!("Agent {agent}"), "UTC")
}

/// The words of the records so far, which are then forgotten.
fn told(script: &mut Script) -> Vec<String> {
    std::mem::take(&mut script.non_offers).iter().map(words).collect()
}

fn away(name: &str) -> AgentInfo {
    AgentInfo { ready_on_start: false, ..agent(name, &["sales"]) }
}

#[test]
fn each_moment_at_which_nobody_is_rung_has_a_record_in_words() {
    let sales = QueueInfo { max_wait_secs: 100, skills: vec![need("spanish", 3)], ..queue("sales") };
    let skilled = |name, level| {
        let mut info = agent(name, &["sales"]);
        info.skills.extend([("spanish".parse().expect("skill"), level)]);
        info
    };
    let mut script = Script::new(
        vec![sales, queue("help")],
        vec![skilled("201", 3), skilled("202", 2), away("203"), agent("204", &["help"])],
    );
    script.run(
        "0  call 1 sales => queued 1 sales; ring 1 201 until 20
         1  answer 201   => won 1 201 1000ms; ended 1 201 Answered 1s; left 1 sales Answered 1s",
    );
    assert_eq!(told(&mut script), [""; 0], "what rings needs no excuse");
    script.run("2 call 2 sales => queued 2 sales");
    assert_eq!(
        told(&mut script),
        [
            "Offered to nobody when it came. Agent 201: on another call; Agent 202: has spanish at level 2 (needs 3); \
          Agent 203: not signed in; Agent 204: does not serve this queue. It had waited 0:00."
        ]
    );
    script.run("5 call 3 sales => queued 3 sales");
    assert!(told(&mut script)[0].ends_with("It had waited 0:00, behind 1."));
    // The agent is rung for the next one, and refuses.
    script.run(
        "10 dropped 1 201 sales => ring 2 201 until 30
         12 reject 201          => ended 2 201 Rejected 2s",
    );
    let after = told(&mut script);
    assert_eq!(after.len(), 1, "{after:?}");
    assert!(
        after[0].starts_with(
            "Offered to nobody else when the phone stopped. \
             Agent 201: kept back until 10:00:"
        ),
        "{after:?}"
    );
    script.run("13 gone 3 => left 3 sales Abandoned 8s");
    assert!(
        told(&mut script)[0]
            .starts_with("No phone rang for it when the caller hung up. Agent 201: kept back")
    );
    script.run("14 set 201 lunch => 201 is lunch");
    script.run("102 wait => @102 left 2 sales TimedOut 100s; redirect 2 sales TimedOut to sorry.wav");
    let last = told(&mut script);
    assert_eq!(last.len(), 1, "{last:?}");
    assert!(
        last[0].starts_with(
            "No phone rang for it when it had waited too long. Agent 201: not ready (Lunch); Agent 202"
        ),
        "{last:?}"
    );
}

#[test]
fn a_queue_without_agents_says_so() {
    let mut script = Script::new(vec![queue("sales")], vec![]);
    script.run("0 call 1 sales => queued 1 sales");
    assert_eq!(
        told(&mut script),
        ["Offered to nobody when it came. No agent serves this queue. It had waited 0:00."]
    );
}

#[test]
fn a_widened_call_says_whom_it_was_widened_to() {
    let relax = vec![Relaxation { after_secs: 10, skills: None, also: vec![queue_id("help")] }];
    let sales = QueueInfo { routing: Routing { relax, ..Routing::default() }, ..queue("sales") };
    let mut script = Script::new(
        vec![sales, queue("help")],
        vec![away("201"), AgentInfo { ready_on_start: false, ..agent("205", &["help"]) }],
    );
    script.run("0 call 1 sales => queued 1 sales");
    let first = std::mem::take(&mut script.non_offers);
    assert_eq!(first[0].excluded.len(), 1, "whose queue is not asked yet is not left out of it");
    script.run("11 wait =>");
    let record = script.non_offers.pop().expect("a record");
    assert_eq!((record.moment, record.relaxed), (NonOfferMoment::Widened, 1));
    assert_eq!(record.also, [queue_id("help")]);
    assert_eq!(
        words(&record),
        "Offered to nobody when it was widened by 1 step. Agent 201: not signed in; Agent 205: not signed in. \
         It had waited 0:10."
    );
}

#[test]
fn a_call_for_one_agent_names_him_alone() {
    let mut script = Script::new(vec![queue("sales")], vec![agent("201", &["sales"]), away("202")]);
    script.run(
        "0 call 1 sales           => queued 1 sales; ring 1 201 until 20
         1 answer 201             => won 1 201 1000ms; ended 1 201 Answered 1s; left 1 sales Answered 1s
         2 transfer 2 sales 2 201 => queued 2 sales for 201",
    );
    let record = script.non_offers.pop().expect("a record");
    assert_eq!(record.only, Some(agent_id("201")));
    assert_eq!(record.excluded.len(), 1);
    assert_eq!(record.excluded[0].why, Exclusion::Talking { call: call_id(1) });
    assert_eq!(
        words(&record),
        "Offered to nobody when it came, for it waits for Agent 201 alone. Agent 201: on another call. It had waited 0:00."
    );
}

#[test]
fn who_asks_gets_the_reasons_of_this_moment_and_nothing_changes() {
    let mut script = Script::new(vec![queue("sales")], vec![agent("201", &["sales"])]);
    script.run(
        "0 call 1 sales => queued 1 sales; ring 1 201 until 20
         1 call 2 sales => queued 2 sales
         2 call 3 sales => queued 3 sales",
    );
    let later = start() + std::time::Duration::from_secs(70);
    let before = script.acd.clone();
    let record = script.acd.why_nobody(later, call_id(3)).expect("waits");
    assert_eq!(
        words(&record),
        "Offered to nobody now. Agent 201: was rung for another call. It had waited 1:08, behind 1."
    );
    assert_eq!(script.acd.why_nobody(later, call_id(1)), None, "a phone rings for it");
    assert_eq!(script.acd.why_nobody(later, call_id(9)), None, "no such call");
    assert_eq!(before, script.acd);
}

#[test]
fn calls_that_explain_themselves_leave_no_record() {
    let mut script = Script::new(vec![queue("sales")], vec![away("201")]);
    script.run("0 call 1 sales => queued 1 sales");
    script.run("1 gone 1 => left 1 sales ShortAbandon 1s");
    let moments: Vec<NonOfferMoment> = script.non_offers.iter().map(|record| record.moment).collect();
    assert_eq!(moments, [NonOfferMoment::Queued]);
    let left = NonOfferMoment::Left { exit: QueueExit::Abandoned };
    let record = NonOffer { moment: left, ..script.non_offers.remove(0) };
    let json = serde_json::to_value(&record).expect("json");
    assert_eq!((&json["when"], &json["exit"]), (&"left".into(), &"abandoned".into()));
    assert_eq!(serde_json::from_value::<NonOffer>(json).expect("read"), record);
}
