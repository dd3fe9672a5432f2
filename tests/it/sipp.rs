//! SIPp as customer and as agent. What happened is read from the API.

use std::time::Duration;

use shared::api::agents::WantedStatus;
use shared::id::AgentId;
use shared::model::agent::{Device, NotReadyReason, Status};
use shared::model::call::{EndCause, OfferOutcome, QueueExit};
use shared_net::clock;
use tests::Outcome;
use tests::ports::{self, HERE, STRANGER};
use tests::setup::Setup;
use tests::sipp::Sipp;

use crate::floor::{Floor, SALES, SCENARIO, SUPPORT, assert_tells, offers};

const SALES_ONLY: &[&str] = &["sales"];
const SUPPORT_ONLY: &[&str] = &["support"];

#[tokio::test]
async fn the_customer_hangs_up_over_udp() -> Outcome {
    let floor = Floor::with_phones(Setup::test()?, &[("301", SALES_ONLY)]).await?;
    let (folder, sip) = (floor.service.folder(), floor.service.setup.sip);
    let agent = Sipp::agent("agent-answers", sip, floor.port("301")).start(folder).await?;
    let talk = Duration::from_millis(1500);
    let customer = Sipp::customer("customer-hangs-up", sip, SALES)?.pause(talk).start(folder).await?;
    customer.passed(SCENARIO).await?;
    agent.passed(SCENARIO).await?;

    let call = floor.one_ended().await?;
    assert_tells(
        &call,
        &[
            "arrived for 3001",
            "queued in sales",
            "offered to 301",
            "offer to 301: answered",
            "connected with 301",
            "released 301",
            "ended: customer_hung_up",
        ],
    );
    assert_eq!(call.summary.cause, Some(EndCause::CustomerHungUp));
    assert_eq!(call.summary.exit, Some(QueueExit::Answered));
    assert!(call.summary.from.number.starts_with("+4930555"), "{:?}", call.summary.from);
    assert_eq!(call.summary.from.name, "Carla Customer");
    assert!((500..2_000).contains(&call.summary.talk_millis), "{} ms", call.summary.talk_millis);
    assert_eq!(offers(&floor, &call).await?, [("301".to_owned(), Some(OfferOutcome::Answered))]);

    let day = floor.sara.day_report().await?;
    assert_eq!((day.total.entered, day.total.answered(), day.total.abandoned()), (1, 1, 0));
    assert_eq!((day.wait.count, day.talk.count), (1, 1));
    let sales = day.queues.iter().find(|queue| queue.info.id.as_str() == "sales").expect("the queue's row");
    assert_eq!((sales.counts.answered(), sales.waiting), (1, 0));
    Ok(())
}

#[tokio::test]
async fn the_agent_hangs_up_over_tcp() -> Outcome {
    let mut setup = Setup::test()?;
    setup.keep_agents(&[]);
    let port = ports::free_pair(HERE)?;
    setup.fixed_agent("301", port, SALES_ONLY, true);
    setup.agent("301").insert("contact".into(), format!("sip:301@127.0.0.1:{port};transport=tcp").into());
    let floor = Floor::start(setup).await?;
    let (folder, sip) = (floor.service.folder(), floor.service.setup.sip);
    let agent = Sipp::agent("agent-hangs-up", sip, port).over_tcp().start(folder).await?;
    let customer = Sipp::customer("customer-talks", sip, SALES)?.over_tcp().start(folder).await?;
    agent.passed(SCENARIO).await?;
    customer.passed(SCENARIO).await?;

    let call = floor.one_ended().await?;
    assert_tells(&call, &["connected with 301", "released 301", "wrap-up of 301", "ended: agent_hung_up"]);
    Ok(())
}

#[tokio::test]
async fn a_caller_who_gives_up_is_abandoned() -> Outcome {
    let mut setup = Setup::test()?;
    setup.queue("sales").insert("short_abandon_secs".into(), 0.into());
    setup.queue("support").insert("short_abandon_secs".into(), 30.into());
    let floor = Floor::with_phones(setup, &[]).await?;
    let (folder, sip) = (floor.service.folder(), floor.service.setup.sip);
    for number in [SALES, SUPPORT] {
        let waits = Duration::from_millis(600);
        let customer = Sipp::customer("customer-hangs-up", sip, number)?.pause(waits).start(folder).await?;
        customer.passed(SCENARIO).await?;
    }
    let calls = floor.ended(2).await?;
    assert_tells(&calls[1], &["queued in sales", "left sales: abandoned", "ended: abandoned"]);
    assert_tells(&calls[0], &["queued in support", "left support: short_abandon", "ended: abandoned"]);
    let day = floor.sara.day_report().await?;
    let late = day.total.abandoned_in_target + day.total.abandoned_late;
    assert_eq!((late, day.total.abandoned_short, day.total.answered()), (1, 1, 0));
    Ok(())
}

#[tokio::test]
async fn a_call_that_is_cancelled_at_once_is_abandoned() -> Outcome {
    let floor = Floor::with_phones(Setup::test()?, &[]).await?;
    let (folder, sip) = (floor.service.folder(), floor.service.setup.sip);
    let customer = Sipp::customer("customer-cancels", sip, SALES)?.start(folder).await?;
    customer.passed(SCENARIO).await?;
    let call = floor.one_ended().await?;
    assert_eq!(call.summary.cause, Some(EndCause::Abandoned));
    assert!(floor.sara.floor().await?.calls.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_busy_phone_and_one_that_rings_out_pass_the_call_on() -> Outcome {
    let mut setup = Setup::test()?;
    setup.queue("sales").insert("ring_secs".into(), 3.into());
    // Longest idle first, then by id: busy, then silent, then the one who answers.
    let floor =
        Floor::with_phones(setup, &[("301", SALES_ONLY), ("302", SALES_ONLY), ("303", SALES_ONLY)]).await?;
    let (folder, sip) = (floor.service.folder(), floor.service.setup.sip);
    let busy = Sipp::agent("agent-is-busy", sip, floor.port("301")).start(folder).await?;
    let silent = Sipp::agent("agent-rings-out", sip, floor.port("302")).start(folder).await?;
    let last = Sipp::agent("agent-hangs-up", sip, floor.port("303")).start(folder).await?;
    let customer = Sipp::customer("customer-talks", sip, SALES)?.start(folder).await?;
    customer.passed(SCENARIO).await?;
    busy.passed(SCENARIO).await?;
    silent.passed(SCENARIO).await?;
    last.passed(SCENARIO).await?;

    let call = floor.one_ended().await?;
    let outcomes = offers(&floor, &call).await?;
    let expected = [
        ("301".to_owned(), Some(OfferOutcome::Busy)),
        ("302".to_owned(), Some(OfferOutcome::Missed)),
        ("303".to_owned(), Some(OfferOutcome::Answered)),
    ];
    assert_eq!(outcomes, expected);
    let missed = Status::NotReady { reason: NotReadyReason::MissedOffer { call: call.summary.id } };
    assert_eq!(floor.status("302").await?, missed);
    assert_eq!(
        floor.status("301").await?,
        Status::Ready,
        "a busy phone is no reason to send its person away"
    );
    // Both times the call kept its place: one time in the queue, from the arrival on.
    assert_tells(
        &call,
        &["offer to 301: busy", "offer to 302: missed", "left sales: answered", "connected with 303"],
    );
    assert!(call.summary.wait_millis >= 3_000, "{} ms", call.summary.wait_millis);
    Ok(())
}

#[tokio::test]
async fn the_agent_holds_and_resumes() -> Outcome {
    let floor = Floor::with_phones(Setup::test()?, &[("301", SALES_ONLY)]).await?;
    let (folder, sip) = (floor.service.folder(), floor.service.setup.sip);
    let hold = Duration::from_millis(800);
    let agent = Sipp::agent("agent-holds", sip, floor.port("301")).pause(hold).start(folder).await?;
    let customer = Sipp::customer("customer-talks", sip, SALES)?.start(folder).await?;
    agent.passed(SCENARIO).await?;
    customer.passed(SCENARIO).await?;
    let call = floor.one_ended().await?;
    assert_tells(&call, &["connected with 301", "held", "resumed", "ended: agent_hung_up"]);
    assert!((600..2_500).contains(&call.summary.hold_millis), "{} ms", call.summary.hold_millis);
    Ok(())
}

#[tokio::test]
async fn the_agent_transfers_to_the_other_queue() -> Outcome {
    let floor = Floor::with_phones(Setup::test()?, &[("301", SALES_ONLY), ("302", SUPPORT_ONLY)]).await?;
    let (folder, sip) = (floor.service.folder(), floor.service.setup.sip);
    let first =
        Sipp::agent("agent-transfers", sip, floor.port("301")).word("TARGET", SUPPORT).start(folder).await?;
    let second = Sipp::agent("agent-hangs-up", sip, floor.port("302")).start(folder).await?;
    let customer = Sipp::customer("customer-talks", sip, SALES)?.start(folder).await?;
    first.passed(SCENARIO).await?;
    second.passed(SCENARIO).await?;
    customer.passed(SCENARIO).await?;
    let call = floor.one_ended().await?;
    assert_tells(
        &call,
        &[
            "connected with 301",
            "transferred by 301",
            "released 301",
            "queued in support",
            "connected with 302",
            "ended: agent_hung_up",
        ],
    );
    let queues: Vec<&str> = call.summary.queues.iter().map(|queue| queue.as_str()).collect();
    assert_eq!(queues, ["sales", "support"]);
    Ok(())
}

#[tokio::test]
async fn numbers_and_queues_that_take_no_call_refuse_it() -> Outcome {
    let mut setup = Setup::test()?;
    setup.queue("sales").insert("max_waiting".into(), 0.into());
    setup.queue("support").insert("hours".into(), toml::Value::Array(vec![a_minute_of_another_day().into()]));
    let closed: toml::Table = "to = 'reject'\nstatus = 480".parse()?;
    setup.queue("support").insert("when_closed".into(), closed.into());
    let floor = Floor::with_phones(setup, &[]).await?;
    let (folder, sip) = (floor.service.folder(), floor.service.setup.sip);
    for (number, status) in [("9999", "404"), (SALES, "486"), (SUPPORT, "480")] {
        let customer = Sipp::customer("customer-is-refused", sip, number)?.word("STATUS", status);
        customer.start(folder).await?.passed(SCENARIO).await?;
    }
    let calls = floor.ended(3).await?;
    let causes: Vec<_> = calls.iter().map(|call| call.summary.cause.clone()).collect();
    let away = |status| Some(EndCause::TurnedAway { status });
    assert_eq!(causes, [away(480), away(486), away(404)]);
    let exits: Vec<_> = calls.iter().map(|call| call.summary.exit).collect();
    assert_eq!(exits, [Some(QueueExit::Closed), Some(QueueExit::Full), None]);
    Ok(())
}

#[tokio::test]
async fn a_stranger_is_asked_who_he_is() -> Outcome {
    let floor = Floor::with_phones(Setup::test()?, &[]).await?;
    let (folder, sip) = (floor.service.folder(), floor.service.setup.sip);
    let stranger = Sipp::customer("customer-is-refused", sip, SALES)?.at(STRANGER).word("STATUS", "407");
    stranger.start(folder).await?.passed(SCENARIO).await?;
    let calls = floor.sara.calls(&Default::default()).await?;
    assert!(calls.calls.is_empty(), "no call was made of it: {calls:?}");
    Ok(())
}

#[tokio::test]
async fn a_phone_registers_and_takes_a_call() -> Outcome {
    let mut setup = Setup::test()?;
    setup.keep_agents(&["203"]);
    let floor = Floor::start(setup).await?;
    let (folder, sip) = (floor.service.folder(), floor.service.setup.sip);
    let port = ports::free_pair(HERE)?;
    let registers = |password: &str, status: &str| {
        let phone = Sipp::agent("agent-registers", sip, port).digest_for("callfloor").word("USER", "203");
        phone.word("PASSWORD", password).word("STATUS", status)
    };
    registers("wrong", "401").start(folder).await?.passed(SCENARIO).await?;
    registers("demo-sip-203", "200").start(folder).await?.passed(SCENARIO).await?;

    let person = floor.service.sign_in("203").await?;
    let id: AgentId = "203".parse()?;
    let view = person.set_status(&id, WantedStatus::Ready).await?;
    assert_eq!(view.status, Status::Ready);
    assert!(matches!(&view.device, Device::Phone { product, .. } if product == "SIPp"), "{:?}", view.device);
    let agent = Sipp::agent("agent-hangs-up", sip, port).start(folder).await?;
    let customer = Sipp::customer("customer-talks", sip, SUPPORT)?.start(folder).await?;
    agent.passed(SCENARIO).await?;
    customer.passed(SCENARIO).await?;
    assert_tells(&floor.one_ended().await?, &["connected with 203", "ended: agent_hung_up"]);
    Ok(())
}

/// Opening hours that are over or far away whenever the test runs.
fn a_minute_of_another_day() -> String {
    let days = clock::now().as_micros() / 86_400_000_000;
    // 1 January 1970 was a Thursday.
    let names = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let other = names.iter().cycle().nth((days % 7 + 3) as usize).unwrap_or(&"Mon");
    format!("{other} 04:00-04:01")
}
