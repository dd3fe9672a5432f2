//! The rules of choice and of order: one situation each.

use shared::model::agent::{AgentInfo, Capacity, Channel, Status};
use shared::model::decision::Exclusion;
use shared::model::queue::QueueInfo;
use shared::model::routing::{Choice, Preferred, Relaxation, Ring, Routing, Serves};

use super::super::words;
use super::script::Script;
use super::{agent, agent_id, call_id, need, queue, queue_id};

/// Three agents, no wrap-up.
fn with(routing: Routing) -> Script {
    let sales = QueueInfo { routing, wrap_up_secs: 0, ..queue("sales") };
    Script::new(vec![sales], ["201", "202", "203"].map(|name| agent(name, &["sales"])).into())
}

fn choosing(choice: Choice) -> Script {
    with(Routing { choice, ..Routing::default() })
}

fn serving(name: &str, queues: &[(&str, Serves)]) -> AgentInfo {
    let names: Vec<&str> = queues.iter().map(|(name, _)| *name).collect();
    AgentInfo {
        serves: queues.iter().map(|(name, serves)| (queue_id(name), *serves)).collect(),
        ..agent(name, &names)
    }
}

fn chosen(script: &Script) -> Vec<String> {
    script.decisions.iter().map(|decision| decision.chosen.to_string()).collect()
}

fn said(script: &Script, decision: usize) -> String {
    words(&script.decisions[decision], |agent| agent.to_string(), "UTC")
}

#[test]
fn round_robin_remembers_whose_turn_it_is() {
    let mut script = choosing(Choice::RoundRobin);
    script.run(
        "0  call 1 sales   => queued 1 sales; ring 1 201 until 20
         1  reject 201     => ended 1 201 Rejected 1s; ring 1 202 until 21
         2  answer 202     => won 1 202 2000ms; ended 1 202 Answered 1s; left 1 sales Answered 2s
         3  dropped 1 202 sales =>
         20 call 2 sales   => queued 2 sales; ring 2 203 until 40
         21 answer 203     => won 2 203 1000ms; ended 2 203 Answered 1s; left 2 sales Answered 1s
         22 dropped 2 203 sales =>
         30 call 3 sales   => queued 3 sales; ring 3 201 until 50",
    );
    assert_eq!(
        said(&script, 3),
        "201 was chosen: turn 1, first of 3 by round robin (then 202 turn 2, 203 turn 3); the call had waited 0:00"
    );
}

#[test]
fn fewest_calls_and_least_talk_time_are_those_of_the_day() {
    let mut script = choosing(Choice::FewestCalls);
    let busy = "0  call 1 sales  => queued 1 sales; ring 1 201 until 20
         1  answer 201    => won 1 201 1000ms; ended 1 201 Answered 1s; left 1 sales Answered 1s
         2  dropped 1 201 sales =>
         3  call 2 sales  => queued 2 sales; ring 2 202 until 23
         4  answer 202    => won 2 202 1000ms; ended 2 202 Answered 1s; left 2 sales Answered 1s
         60 dropped 2 202 sales =>
         61 call 3 sales  => queued 3 sales; ring 3 203 until 81
         62 answer 203    => won 3 203 1000ms; ended 3 203 Answered 1s; left 3 sales Answered 1s
         63 dropped 3 203 sales =>";
    script.run(busy);
    script.run(
        "70 call 4 sales  => queued 4 sales; ring 4 201 until 90
         71 answer 201    => won 4 201 1000ms; ended 4 201 Answered 1s; left 4 sales Answered 1s
         72 dropped 4 201 sales =>
         73 call 5 sales  => queued 5 sales; ring 5 202 until 93",
    );
    assert!(said(&script, 4).contains("1 call today, first of 3 by fewest calls"), "{}", said(&script, 4));
    let mut script = choosing(Choice::LeastTalkTime);
    script.run(busy);
    script.run(
        "70 call 4 sales => queued 4 sales; ring 4 201 until 90
         71 answer 201   => won 4 201 1000ms; ended 4 201 Answered 1s; left 4 sales Answered 1s
         75 dropped 4 201 sales =>
         80 day          =>
         81 call 5 sales => queued 5 sales; ring 5 202 until 101",
    );
    assert!(said(&script, 4).contains("talked 0:00 today"), "{}", said(&script, 4));
}

#[test]
fn least_occupied_compares_shares_of_work() {
    let mut script = choosing(Choice::LeastOccupied);
    script.run(
        "0  call 1 sales  => queued 1 sales; ring 1 201 until 20
         0  answer 201    => won 1 201 0ms; ended 1 201 Answered 0s; left 1 sales Answered 0s
         50 dropped 1 201 sales =>
         50 call 2 sales  => queued 2 sales; ring 2 202 until 70
         50 answer 202    => won 2 202 0ms; ended 2 202 Answered 0s; left 2 sales Answered 0s
         51 set 203 lunch => 203 is lunch
         75 dropped 2 202 sales =>
         80 call 3 sales  => queued 3 sales; ring 3 202 until 100",
    );
    assert!(said(&script, 2).contains("33.3 % at work, first of 2"), "{}", said(&script, 2));
}

#[test]
fn top_down_goes_by_the_place_and_lower_levels_come_first() {
    let place = |position, level| Serves { position, level, ..Serves::default() };
    let sales =
        QueueInfo { routing: Routing { choice: Choice::TopDown, ..Routing::default() }, ..queue("sales") };
    let mut script = Script::new(
        vec![sales],
        vec![
            serving("201", &[("sales", place(1, 2))]),
            serving("202", &[("sales", place(9, 1))]),
            serving("203", &[("sales", place(3, 1))]),
        ],
    );
    script.run(
        "0 call 1 sales => queued 1 sales; ring 1 203 until 20
         1 call 2 sales => queued 2 sales; ring 2 202 until 21
         2 call 3 sales => queued 3 sales; ring 3 201 until 22",
    );
}

#[test]
fn a_level_opens_after_its_wait_and_at_once_when_those_below_are_empty() {
    let level = |level| Serves { level, ..Serves::default() };
    let sales =
        QueueInfo { routing: Routing { level_wait_secs: 30, ..Routing::default() }, ..queue("sales") };
    let mut script = Script::new(
        vec![sales],
        vec![serving("201", &[("sales", level(1))]), serving("202", &[("sales", level(2))])],
    );
    script.run(
        "0  call 1 sales  => queued 1 sales; ring 1 201 until 20
         1  answer 201    => won 1 201 1000ms; ended 1 201 Answered 1s; left 1 sales Answered 1s
         10 call 2 sales  => queued 2 sales
         40 wait          => @40 ring 2 202 until 60
         41 answer 202    => won 2 202 31000ms; ended 2 202 Answered 1s; left 2 sales Answered 31s
         42 dropped 2 202 sales =>
         50 call 3 sales  => queued 3 sales
         55 set 201 lunch => 201 next lunch
         60 dropped 1 201 sales => 201 next none; 201 is lunch; ring 3 202 until 80",
    );
}

#[test]
fn a_profile_puts_priority_before_delay_before_age() {
    let profile = |priority, delay_secs| Serves { priority, delay_secs, ..Serves::default() };
    let mut script = Script::new(
        vec![queue("sales"), queue("tech"), queue("vip")],
        vec![serving("201", &[("sales", profile(2, 0)), ("tech", profile(2, 30)), ("vip", profile(1, 0))])],
    );
    script.run(
        "0  set 201 lunch => 201 is lunch
         0  call 1 sales  => queued 1 sales
         5  call 2 vip    => queued 2 vip
         10 set 201 ready => 201 is ready; ring 2 201 until 30
         11 gone 2        => cancel 2 201; ended 2 201 CallerGone 1s; left 2 vip Abandoned 6s; ring 1 201 until 31
         12 gone 1        => cancel 1 201; ended 1 201 CallerGone 1s; left 1 sales Abandoned 12s
         20 call 3 tech   => queued 3 tech
         50 wait          => @50 ring 3 201 until 70",
    );
}

#[test]
fn a_call_that_an_agent_should_take_later_goes_to_who_is_due_it() {
    let profile = |priority| Serves { priority, ..Serves::default() };
    let mut script = Script::new(
        vec![queue("sales"), queue("vip")],
        vec![
            serving("201", &[("sales", profile(2)), ("vip", profile(1))]),
            serving("202", &[("sales", profile(1))]),
        ],
    );
    script.run(
        "0  set 201 lunch => 201 is lunch
         0  set 202 lunch => 202 is lunch
         1  call 1 sales  => queued 1 sales
         2  call 2 vip    => queued 2 vip
         3  set 202 ready => 202 is ready; ring 1 202 until 23
         4  reject 202    => ended 1 202 Rejected 1s
         5  set 201 ready => 201 is ready; ring 2 201 until 25",
    );
}

#[test]
fn relaxation_widens_skills_and_queues_and_pauses_while_it_rings() {
    let step = |after_secs, skills, also: &[&str]| Relaxation {
        after_secs,
        skills,
        also: also.iter().map(|name| queue_id(name)).collect(),
    };
    let sales = QueueInfo {
        skills: vec![need("dutch", 4)],
        routing: Routing {
            relax: vec![step(30, Some(vec![need("dutch", 2)]), &[]), step(60, Some(vec![]), &["tech"])],
            ..Routing::default()
        },
        ..queue("sales")
    };
    let speaks = |name: &str, level: u8| AgentInfo {
        skills: [("dutch".parse().expect("skill"), level)].into(),
        ..agent(name, &["sales"])
    };
    let mut script = Script::new(
        vec![sales, queue("tech")],
        vec![speaks("201", 5), speaks("202", 2), agent("300", &["tech"])],
    );
    script.run(
        "0  call 1 sales   => queued 1 sales; ring 1 201 until 20
         10 reject 201     => ended 1 201 Rejected 10s
         20 wait           => @20 ring 1 201 until 40
         25 reject 201     => ended 1 201 Rejected 5s
         26 set 201 lunch  => 201 is lunch
         44 wait           =>
         45 wait           => @45 ring 1 202 until 65
         50 reject 202     => ended 1 202 Rejected 5s
         55 set 202 lunch  => 202 is lunch
         80 wait           => @80 ring 1 300 until 100",
    );
    let last = script.decisions.last().expect("decisions");
    assert_eq!((last.relaxed, last.needs.len()), (2, 0));
    assert!(said(&script, 3).contains("widened by 2 steps"), "{}", said(&script, 3));
}

#[test]
fn complaint_01_one_call_is_answered_by_two_agents() {
    let mut script = with(Routing { ring: Ring::All, ..Routing::default() });
    script.run(
        "0  set 203 lunch => 203 is lunch
         0  call 1 sales  => queued 1 sales; ring 1 201 until 20; ring 1 202 until 20
         2  set 203 ready => 203 is ready; ring 1 203 until 22
         3  reject 201    => ended 1 201 Rejected 3s
         4  answer 203    => won 1 203 4000ms; ended 1 203 Answered 2s; cancel 1 202; ended 1 202 LostRace 4s; left 1 sales Answered 4s
         4  answer 202    => lost
         5  call 2 sales  => queued 2 sales; ring 2 202 until 25",
    );
}

#[test]
fn complaint_16_one_who_gives_up_stops_all_other_phones() {
    let mut script = with(Routing { ring: Ring::All, ..Routing::default() });
    script.run(
        "0  call 1 sales => queued 1 sales; ring 1 201 until 20; ring 1 202 until 20; ring 1 203 until 20
         5  busy 202     => ended 1 202 Busy 5s
         20 wait         => @20 cancel 1 201; ended 1 201 Missed 20s; 201 is missed(1); cancel 1 203; ended 1 203 Missed 20s; 203 is missed(1); ring 1 202 until 40
         22 gone 1       => cancel 1 202; ended 1 202 CallerGone 2s; left 1 sales Abandoned 22s",
    );
}

#[test]
fn phones_ring_one_after_the_other_and_ring_on() {
    let mut script = with(Routing { ring: Ring::Progressive, ring_next_secs: 8, ..Routing::default() });
    script.run(
        "0  call 1 sales => queued 1 sales; ring 1 201 until 20
         8  wait         => @8 ring 1 202 until 28
         16 wait         => @16 ring 1 203 until 36
         18 answer 202   => won 1 202 18000ms; ended 1 202 Answered 10s; cancel 1 201; ended 1 201 LostRace 18s; cancel 1 203; ended 1 203 LostRace 2s; left 1 sales Answered 18s",
    );
}

#[test]
fn the_last_agent_is_waited_for_and_not_for_ever() {
    let mut script = with(Routing { last_agent_secs: 15, ..Routing::default() });
    script.run(
        "0  call 1 sales from 4711 => queued 1 sales; ring 1 201 until 20
         1  answer 201             => won 1 201 1000ms; ended 1 201 Answered 1s; left 1 sales Answered 1s
         5  dropped 1 201 sales    =>
         10 call 2 sales from 4711 => queued 2 sales for 201; ring 2 201 until 30
         11 answer 201             => won 2 201 1000ms; ended 2 201 Answered 1s; left 2 sales Answered 1s
         20 call 3 sales from 4711 => queued 3 sales for 201
         30 call 4 sales from 4712 => queued 4 sales; ring 4 202 until 50
         35 wait                   => @35 ring 3 203 until 55",
    );
    assert_eq!(script.decisions[1].rule, "had this caller last");
}

#[test]
fn complaint_34_who_comes_back_has_lost_his_place() {
    let mut script = with(Routing { place_kept_secs: 60, ..Routing::default() });
    script.run(
        "0   set 201 lunch => 201 is lunch
         0   set 202 lunch => 202 is lunch
         0   set 203 lunch => 203 is lunch
         0   call 1 sales from 4711 => queued 1 sales
         10  call 2 sales           => queued 2 sales
         20  gone 1                 => left 1 sales Abandoned 20s
         50  call 3 sales from 4711 => queued 3 sales
         60  set 201 ready          => 201 is ready; ring 3 201 until 80
         61  gone 3                 => cancel 3 201; ended 3 201 CallerGone 1s; left 3 sales Abandoned 11s; ring 2 201 until 81
         130 gone 2                 => @81 cancel 2 201; ended 2 201 Missed 20s; 201 is missed(2); left 2 sales Abandoned 120s
         131 call 4 sales           => queued 4 sales
         132 call 5 sales from 4711 => queued 5 sales
         140 set 202 ready          => 202 is ready; ring 4 202 until 160",
    );
    assert_eq!(script.decisions[0].waited_millis, 60_000);
}

#[test]
fn who_takes_calls_on_demand_asks_for_the_next() {
    let own = AgentInfo { on_demand: true, ..agent("201", &["sales"]) };
    Script::new(vec![queue("sales")], vec![own]).run(
        "0  call 1 sales          => queued 1 sales; ring 1 201 until 20
         1  answer 201            => won 1 201 1000ms; ended 1 201 Answered 1s; left 1 sales Answered 1s
         2  call 2 sales          => queued 2 sales
         5  released 1 201 sales  => wrap-up 1 201 until 35
         35 wait                  => @35 wrapped 1 201 TimedOut wrap-up-time-out 30s; 201 is on-demand
         40 set 201 ready         => 201 is ready; ring 2 201 until 60",
    );
}

#[test]
fn lots_are_drawn_the_same_way_again_and_by_weight() {
    let draw = |choice: Choice| {
        let sales = QueueInfo {
            routing: Routing { choice, ..Routing::default() },
            wrap_up_secs: 0,
            ..queue("sales")
        };
        let weight = |weight| Serves { weight, ..Serves::default() };
        let mut script = Script::new(
            vec![sales],
            vec![
                serving("201", &[("sales", weight(1))]),
                serving("202", &[("sales", weight(1))]),
                serving("203", &[("sales", weight(8))]),
            ],
        );
        for number in 1..=1_000_u64 {
            let input = super::Input::Enqueue {
                call: call_id(number),
                queue: queue_id("sales"),
                since: super::start(),
                only: None,
                caller: None,
            };
            script.input(input);
            script.input(super::Input::CallerGone { call: call_id(number) });
        }
        chosen(&script)
    };
    let share = |names: &[String], name: &str| names.iter().filter(|it| *it == name).count();
    let even = draw(Choice::Random);
    assert_eq!(even, draw(Choice::Random), "the same seed draws the same lots");
    for name in ["201", "202", "203"] {
        assert!((270..400).contains(&share(&even, name)), "{name}: {}", share(&even, name));
    }
    let weighted = draw(Choice::WeightedRandom);
    assert!((740..860).contains(&share(&weighted, "203")), "{}", share(&weighted, "203"));
}

#[test]
fn who_is_due_later_is_named_in_the_record() {
    let later = Serves { delay_secs: 30, ..Serves::default() };
    let mut script = Script::new(
        vec![queue("sales")],
        vec![agent("201", &["sales"]), serving("202", &[("sales", later)])],
    );
    script.run("0 call 1 sales => queued 1 sales; ring 1 201 until 20");
    let excluded = &script.decisions[0].excluded;
    assert!(
        matches!(excluded.as_slice(), [one] if matches!(one.why, Exclusion::Delay { .. })),
        "{excluded:?}"
    );
    assert!(
        said(&script, 0).contains("202 was left out: gets calls of this queue later, this one from 10:00:30")
    );
}

#[test]
fn a_caller_with_an_agent_of_his_own_waits_for_him_and_not_for_ever() {
    let row = |caller: &str, agent: &str| Preferred {
        caller: caller.into(),
        agent: super::agent_id(agent),
        wait_secs: 30,
    };
    let preferred = vec![row("+491", "202"), row("+492", "203")];
    let mut script = with(Routing { preferred, last_agent_secs: 10, ..Routing::default() });
    script.run(
        "0  set 203 lunch           => 203 is lunch
         0  call 1 sales from +491  => queued 1 sales for 202; ring 1 202 until 20
         1  answer 202              => won 1 202 1000ms; ended 1 202 Answered 1s; left 1 sales Answered 1s
         2  call 2 sales from +491  => queued 2 sales for 202
         32 wait                    => @32 ring 2 201 until 52
         33 answer 201              => won 2 201 31000ms; ended 2 201 Answered 1s; left 2 sales Answered 31s
         40 dropped 1 202 sales     =>
         41 call 3 sales from +492  => queued 3 sales; ring 3 202 until 61",
    );
    assert!(said(&script, 0).contains("this caller's own agent"), "{}", said(&script, 0));
}

#[test]
fn an_agent_without_a_slot_for_calls_gets_none_and_the_record_says_so() {
    let none = AgentInfo { capacity: Capacity { voice: 0 }, ..agent("201", &["sales"]) };
    let mut script = Script::new(vec![queue("sales")], vec![none.clone(), agent("202", &["sales"])]);
    script.run(
        "0 call 1 sales => queued 1 sales; ring 1 202 until 20
         1 call 2 sales => queued 2 sales
         2 answer 202   => won 1 202 2000ms; ended 1 202 Answered 2s; left 1 sales Answered 2s",
    );
    let view = &script.floor.agents[&agent_id("201")];
    assert_eq!((view.status.clone(), view.is_free()), (Status::Ready, false), "ready for other things");
    let why: Vec<_> = script.decisions[0].excluded.iter().map(|excluded| &excluded.why).collect();
    assert_eq!(why, [&Exclusion::NoSlot { channel: Channel::Voice }]);
    let told = words(&script.decisions[0], |agent| agent.to_string(), "UTC");
    assert!(told.contains("201 was left out: has no slot for calls"), "{told}");
    // A slot is in use from the offer to the end of wrap-up.
    let busy = &script.floor.agents[&agent_id("202")];
    assert_eq!((busy.free_slots(Channel::Voice), busy.info.capacity.of(Channel::Voice)), (0, 1));
}
