//! What happens in a random run, and the configurations under which it does.

use proptest::prelude::*;
use shared::api::agents::WantedStatus;
use shared::model::queue::{Destination, QueueInfo};

use super::super::super::{FailedOffer, Input};
use super::super::{agent, configure, need, queue, queue_id};

pub(in super::super) const AGENTS: [&str; 4] = ["201", "202", "203", "204"];
pub(in super::super) const QUEUES: [&str; 3] = ["sales", "tech", "vip"];
/// Numbers that callers present.
pub(in super::super) const CALLERS: [&str; 3] = ["0301", "0302", "0303"];

#[derive(Debug, Clone)]
pub(in super::super) enum Step {
    Enqueue {
        call: u64,
        queue: usize,
        back_secs: u64,
        only: Option<usize>,
    },
    Gone(u64),
    Withdraw(u64),
    Fail(usize, FailedOffer),
    Answer(usize),
    Release(usize, bool),
    Set(usize, WantedStatus),
    EndWrapUp(usize),
    Device(usize, bool),
    SignIn(usize),
    SignOut(usize),
    Presence(usize, bool),
    Hold(usize, bool),
    Configure(u64),
    Tick,
    Day,
    /// A call with a number, by which its caller has a place and an agent.
    Call {
        call: u64,
        queue: usize,
        caller: usize,
    },
    /// A key of a waiting caller; none sends him to no queue.
    Leave(u64, Option<usize>),
    /// The end of wrap-up with a code that the queue has or not, by himself or by a supervisor.
    Code(usize, bool, bool),
    Extend(usize),
    /// A call that he places, with a colleague or with somebody outside.
    Own(usize, Option<usize>),
    OwnOver(usize),
    /// He joins his customer with the colleague whom he called, or calls now.
    Join(usize, usize),
    /// What cannot be: unknown names and numbers, a clock that goes back, an input that comes twice.
    Bad(u8, u64),
}

/// Kinds of [`Step::Bad`].
pub(super) const BAD: u8 = 10;

pub(in super::super) fn step() -> impl Strategy<Value = Step> {
    let who = 0..AGENTS.len();
    let wanted = prop_oneof![
        6 => Just(WantedStatus::Ready),
        2 => Just(WantedStatus::NotReady { reason: None }),
        1 => Just(WantedStatus::Offline),
    ];
    let failed =
        prop_oneof![Just(FailedOffer::Rejected), Just(FailedOffer::Busy), Just(FailedOffer::Unreachable)];
    prop_oneof![
        8 => (0..8_u64, 0..QUEUES.len(), 0..90_u64, proptest::option::weighted(0.15, who.clone()))
            .prop_map(|(call, queue, back_secs, only)| Step::Enqueue { call, queue, back_secs, only }),
        2 => (0..8_u64).prop_map(Step::Gone),
        1 => (0..8_u64).prop_map(Step::Withdraw),
        3 => (who.clone(), failed).prop_map(|(who, how)| Step::Fail(who, how)),
        6 => who.clone().prop_map(Step::Answer),
        4 => (who.clone(), any::<bool>()).prop_map(|(who, wrap_up)| Step::Release(who, wrap_up)),
        6 => (who.clone(), wanted).prop_map(|(who, wanted)| Step::Set(who, wanted)),
        2 => who.clone().prop_map(Step::EndWrapUp),
        2 => (who.clone(), any::<bool>()).prop_map(|(who, there)| Step::Device(who, there)),
        1 => who.clone().prop_map(Step::SignIn),
        1 => who.clone().prop_map(Step::SignOut),
        2 => (who.clone(), any::<bool>()).prop_map(|(who, there)| Step::Presence(who, there)),
        1 => (who, any::<bool>()).prop_map(|(who, held)| Step::Hold(who, held)),
        1 => (0..4_u64).prop_map(Step::Configure),
        2 => Just(Step::Tick),
        1 => Just(Step::Day),
        4 => (0..BAD, 0..90_u64).prop_map(|(kind, number)| Step::Bad(kind, number)),
    ]
}

/// All of [`step`], and what only queues with more rules see.
pub(in super::super) fn rich_step() -> impl Strategy<Value = Step> {
    let who = 0..AGENTS.len();
    prop_oneof![
        60 => step(),
        5 => (0..8_u64, 0..QUEUES.len(), 0..4_usize)
            .prop_map(|(call, queue, caller)| Step::Call { call, queue, caller }),
        1 => (0..8_u64, proptest::option::of(0..QUEUES.len())).prop_map(|(call, to)| Step::Leave(call, to)),
        3 => (who.clone(), any::<bool>(), any::<bool>())
            .prop_map(|(who, known, own)| Step::Code(who, known, own)),
        8 => who.clone().prop_map(Step::Extend),
        3 => (who.clone(), proptest::option::of(who.clone())).prop_map(|(who, to)| Step::Own(who, to)),
        3 => who.clone().prop_map(Step::OwnOver),
        6 => (who.clone(), who).prop_map(|(who, to)| Step::Join(who, to)),
    ]
}

/// Four configurations that differ in what exists and what is asked for.
pub(super) fn configuration(version: u64) -> Input {
    let sales = QueueInfo { max_waiting: 4, ..queue("sales") };
    let tech = QueueInfo {
        skills: vec![need("dutch", 2)],
        max_wait_secs: 40,
        when_timed_out: Destination::Queue { queue: queue_id("sales") },
        wrap_up_secs: 0,
        ..queue("tech")
    };
    let vip = QueueInfo { priority_secs: 45 + version as u32, ring_secs: 2, ..queue("vip") };
    let mut agents = vec![
        agent("201", &["sales", "tech"]),
        agent("202", &["sales", "vip"]),
        agent("203", &["tech", "vip"]),
        agent("204", &["sales", "tech", "vip"]),
    ];
    for (info, level) in agents.iter_mut().zip([1, 2, 3, 2]) {
        info.skills.insert("dutch".parse().expect("skill"), level);
    }
    agents[3].contact = None;
    agents[3].ready_on_start = false;
    let mut queues = vec![sales, tech, vip];
    match version % 4 {
        1 => {
            queues.remove(1);
        }
        2 => {
            agents.remove(0);
        }
        3 => agents[1].queues = vec![queue_id("tech")],
        _ => {}
    }
    configure(version, queues, agents)
}
