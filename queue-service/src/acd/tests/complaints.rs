//! What users of other systems complain of, as far as it is about routing and states, each with its test. The number is
//! that of the research notes' list of 38.
//!
//! | complaint | test |
//! |---|---|
//! | 1 one call is answered by two agents | `choice::complaint_01_one_call_is_answered_by_two_agents`, `million` |
//! | 2 all calls ring the same first agent | [`complaint_02_all_calls_ring_the_same_first_agent`] |
//! | 3 an agent is stuck reserved | [`complaint_03_an_agent_is_stuck_reserved`] |
//! | 4 an agent is stuck in a call after a lost BYE | `tests/it`: `complaint_04_an_agent_is_stuck_in_a_call_after_a_lost_bye` |
//! | 5 calls that are over stay on the floor | `tests/it`: `complaint_05_a_call_that_is_over_stays_on_the_floor` |
//! | 6 the caller hung up and the phone still rings | [`complaint_06_the_caller_hung_up_and_the_phone_still_rings`] |
//! | 9 the only agent is rung again and again after refusing | [`complaint_09_the_only_agent_is_rung_again_and_again`] |
//! | 10 three misses log him out for ever | [`complaint_10_three_misses_log_an_agent_out_for_ever`] |
//! | 11 wrap-up ends early, or not after a transfer | [`complaint_11_wrap_up_does_not_run_after_a_transfer`] |
//! | 12 a pause goes on after a restart and nobody knows why | `tests/it`: `complaint_12_a_pause_forgets_who_set_it_and_why_at_a_restart` |
//! | 13 the reason of a pause is lost at a restart | the same, and [`complaint_13_the_reason_of_a_pause_is_lost_at_a_restart`] |
//! | 14 priority and age are not respected across queues | [`complaint_14_priority_is_not_respected_across_queues`] |
//! | 15 nobody can say why the eighth call was first | `scripts::complaint_15_nobody_can_say_why_the_eighth_call_was_first` |
//! | 16 one who gives up stops all other phones | `choice::complaint_16_one_who_gives_up_stops_all_other_phones` |
//! | 17 a call is stuck behind an agent who is away | [`complaint_17_a_call_is_stuck_behind_an_agent_who_is_away`] |
//! | 18 queue and agent are frozen for ever | [`complaint_18_queue_and_agent_are_frozen_for_ever`], `million` |
//! | 21 one agent's talk counts for another | `tests/it`: `complaint_21_one_agents_talk_is_counted_for_another` |
//! | 22 log and figures disagree | [`complaint_22_the_log_and_the_figures_disagree`], `million` |
//! | 23 answered calls are shown as abandoned | `shared`: `service_level::tests::complaint_23_answered_calls_are_shown_as_abandoned` |
//! | 24 a percentage without a list | `tests/it`: `complaint_24_only_a_percentage_and_no_list_of_abandoned_calls` |
//! | 25 supervisors cannot see or set a pause | `tests/it`: `complaint_25_supervisors_cannot_see_or_set_a_pause` |
//! | 34 who comes back has lost his place | `choice::complaint_34_who_comes_back_has_lost_his_place` |
//! | 35 a caller who was gone just before he was assigned, on two servers | one machine so far: [`complaint_06_the_caller_hung_up_and_the_phone_still_rings`] |
//! | 38 missed calls do not show, who hung up is unknown | `tests/it`: `complaint_38_missed_calls_do_not_show_and_who_hung_up_is_unknown` |
//! | 7 an answer waits for the end of an announcement | `media::tests::prompts::complaint_07_an_answer_waits_for_the_end_of_an_announcement` |

use std::time::Duration;

use shared::model::agent::{ChangedBy, NotReadyReason, Status};
use shared::model::queue::QueueInfo;
use shared::model::routing::{Choice, Routing};

use super::script::Script;
use super::scripts::one_queue;
use super::{agent, queue};

#[test]
fn complaint_02_all_calls_ring_the_same_first_agent() {
    one_queue(&["201", "202"]).run(
        "0  call 1 sales => queued 1 sales; ring 1 201 until 20
         0  call 2 sales => queued 2 sales; ring 2 202 until 20
         0  call 3 sales => queued 3 sales",
    );
}

#[test]
fn complaint_03_an_agent_is_stuck_reserved() {
    // Neither his phone nor the signalling says anything any more.
    one_queue(&["201"]).run(
        "0  call 1 sales  => queued 1 sales; ring 1 201 until 20
         20 wait          => @20 cancel 1 201; ended 1 201 Missed 20s; 201 is missed(1)
         21 set 201 ready => 201 is ready; ring 1 201 until 41",
    );
}

#[test]
fn complaint_06_the_caller_hung_up_and_the_phone_still_rings() {
    one_queue(&["201"]).run(
        "0  call 1 sales => queued 1 sales; ring 1 201 until 20
         3  gone 1       => cancel 1 201; ended 1 201 CallerGone 3s; left 1 sales ShortAbandon 3s
         4  answer 201   => lost",
    );
}

#[test]
fn complaint_09_the_only_agent_is_rung_again_and_again() {
    one_queue(&["201"]).run(
        "0  call 1 sales => queued 1 sales; ring 1 201 until 20
         1  reject 201   => ended 1 201 Rejected 1s
         10 wait         =>
         11 wait         => @11 ring 1 201 until 31",
    );
}

#[test]
fn complaint_10_three_misses_log_an_agent_out_for_ever() {
    one_queue(&["201"]).run(
        "0  call 1 sales  => queued 1 sales; ring 1 201 until 20
         20 wait          => @20 cancel 1 201; ended 1 201 Missed 20s; 201 is missed(1)
         21 set 201 ready => 201 is ready; ring 1 201 until 41
         41 wait          => @41 cancel 1 201; ended 1 201 Missed 20s; 201 is missed(1)
         42 set 201 ready => 201 is ready; ring 1 201 until 62
         62 wait          => @62 cancel 1 201; ended 1 201 Missed 20s; 201 is missed(1)
         63 set 201 ready => 201 is ready; ring 1 201 until 83",
    );
}

#[test]
fn complaint_11_wrap_up_does_not_run_after_a_transfer() {
    let agents = vec![agent("201", &["sales"]), agent("202", &["tech"])];
    Script::new(vec![queue("sales"), queue("tech")], agents).run(
        "0  call 1 sales         => queued 1 sales; ring 1 201 until 20
         1  answer 201           => won 1 201 1000ms; ended 1 201 Answered 1s; left 1 sales Answered 1s
         9  released 1 201 sales => wrap-up 1 201 until 39
         9  transfer 1 tech 0    => queued 1 tech; ring 1 202 until 29",
    );
}

#[test]
fn complaint_13_the_reason_of_a_pause_is_lost_at_a_restart() {
    let restored = |reason| super::Input::Restored {
        agent: super::agent_id("201"),
        status: Status::NotReady { reason },
        by: ChangedBy::User("sara".parse().expect("a user")),
        since: super::start() - Duration::from_secs(600),
    };
    let lunch = NotReadyReason::Break { code: "lunch".parse().expect("a code") };
    let mut script = one_queue(&["201"]);
    script.input(restored(lunch.clone()));
    script.run("5 call 1 sales => 201 is lunch; queued 1 sales");
    let view = &script.floor.agents[&super::agent_id("201")];
    assert_eq!(view.status_since, super::start() - Duration::from_secs(600));
    assert_eq!(view.status_by, ChangedBy::User("sara".parse().expect("a user")));
    // What is configured no more is no reason.
    let mut script = one_queue(&["201"]);
    script.input(restored(NotReadyReason::Break { code: "siesta".parse().expect("a code") }));
    let signed_in = Status::NotReady { reason: NotReadyReason::SignedIn };
    assert_eq!(script.floor.agents[&super::agent_id("201")].status, signed_in);
}

#[test]
fn complaint_14_priority_is_not_respected_across_queues() {
    let vip = QueueInfo { priority_secs: 45, ..queue("vip") };
    Script::new(vec![queue("sales"), vip], vec![agent("201", &["sales", "vip"])]).run(
        "0  set 201 lunch => 201 is lunch
         0  call 1 sales  => queued 1 sales
         5  call 2 vip    => queued 2 vip
         10 set 201 ready => 201 is ready; ring 2 201 until 30",
    );
}

#[test]
fn complaint_17_a_call_is_stuck_behind_an_agent_who_is_away() {
    let routing = Routing { choice: Choice::TopDown, ..Routing::default() };
    let sales = QueueInfo { routing, ..queue("sales") };
    Script::new(vec![sales], vec![agent("201", &["sales"]), agent("202", &["sales"])]).run(
        "0  set 202 lunch => 202 is lunch
         0  call 1 sales  => queued 1 sales; ring 1 201 until 20
         2  answer 201    => won 1 201 2000ms; ended 1 201 Answered 2s; left 1 sales Answered 2s
         3  call 2 sales  => queued 2 sales
         4  set 202 ready => 202 is ready; ring 2 202 until 24",
    );
}

#[test]
fn complaint_18_queue_and_agent_are_frozen_for_ever() {
    // Whatever the phones and the signalling fail to say, every offer ends by itself and the call goes on.
    one_queue(&["201", "202"]).run(
        "0  call 1 sales  => queued 1 sales; ring 1 201 until 20
         20 wait          => @20 cancel 1 201; ended 1 201 Missed 20s; 201 is missed(1); ring 1 202 until 40
         40 wait          => @40 cancel 1 202; ended 1 202 Missed 20s; 202 is missed(1)
         50 set 201 ready => 201 is ready; ring 1 201 until 70
         51 answer 201    => won 1 201 51000ms; ended 1 201 Answered 1s; left 1 sales Answered 51s",
    );
}

#[test]
fn complaint_22_the_log_and_the_figures_disagree() {
    // The figures are folded from the very facts that the log keeps: each answer and each exit is in both, once.
    let mut script = one_queue(&["201"]);
    script.run(
        "0  call 1 sales         => queued 1 sales; ring 1 201 until 20
         1  call 2 sales         => queued 2 sales
         2  answer 201           => won 1 201 2000ms; ended 1 201 Answered 2s; left 1 sales Answered 2s
         9  gone 2               => left 2 sales Abandoned 8s
         10 released 1 201 sales => wrap-up 1 201 until 40
         11 call 3 sales         => queued 3 sales",
    );
    let counts = &script.floor.queues[&super::queue_id("sales")].counts;
    assert_eq!((counts.entered, counts.answered(), counts.abandoned()), (3, 1, 1));
    assert_eq!(script.floor.agents[&super::agent_id("201")].counts.answered, 1);
}
