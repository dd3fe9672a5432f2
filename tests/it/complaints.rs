//! Complaints of other systems' users that only the whole service can answer; the table of all that are about routing and
//! states stands in `queue-service/src/acd/tests/complaints.rs`.

use shared::api::agents::WantedStatus;
use shared::api::calls::CallQuery;
use shared::id::AgentId;
use shared::model::agent::{ChangedBy, NotReadyReason, State, Status};
use shared::model::call::{EndCause, OfferOutcome, QueueExit};
use shared::model::event::TransferTarget;
use shared::model::floor::AgentView;
use tests::Outcome;
use tests::phone::{Answer, Phone, PhoneSetup};
use tests::service::journal;
use tests::setup::Setup;
use tests::voice::{CUSTOMER_HZ, Mouth};

use crate::floor::{Floor, SALES, SOON, assert_tells, hears, offers};

/// A phone that sends nothing for so long is gone.
const NO_MEDIA_SECS: i64 = 2;

struct Talk {
    floor: Floor,
    agent: Phone,
    /// Free.
    other: Phone,
    customer: Phone,
}

/// 301 talks with a customer, and 302 is free.
async fn talk() -> Outcome<Talk> {
    let mut setup = Setup::test()?;
    setup.set("media", "no_media_secs", NO_MEDIA_SECS);
    setup.set("media", "no_first_media_secs", NO_MEDIA_SECS);
    let floor = Floor::with_phones(setup, &[("301", &["sales"]), ("302", &["sales"])]).await?;
    let sip = floor.service.setup.sip;
    let agent = Phone::start(PhoneSetup::fixed(sip, "301", floor.port("301"))).await?;
    let other = Phone::start(PhoneSetup::fixed(sip, "302", floor.port("302"))).await?;
    let customer = PhoneSetup::customer(sip, "+49305550171", "Gus Ghost");
    let customer = Phone::start(PhoneSetup { mouth: Mouth::tone(CUSTOMER_HZ), ..customer }).await?;
    customer.call(SALES).await?;
    agent.talking(SOON).await?;
    floor.until("the talk", |floor| floor.agents.values().any(AgentView::is_talking)).await?;
    Ok(Talk { floor, agent, other, customer })
}

fn id(name: &str) -> Outcome<AgentId> {
    Ok(name.parse()?)
}

#[tokio::test]
async fn complaint_04_an_agent_is_stuck_in_a_call_after_a_lost_bye() -> Outcome {
    let Talk { floor, agent, other, customer } = talk().await?;
    agent.vanish();
    // The customer is not lost with him: he is first in the queue again, and somebody else is free.
    other.talking(SOON).await?;
    let stuck = id("301")?;
    floor.until("301 is free", |floor| floor.agents[&stuck].state == State::Idle).await?;
    customer.hang_up().await?;
    let call = floor.one_ended().await?;
    assert_tells(&call, &["connected with 301", "released 301", "queued in sales", "connected with 302"]);
    Ok(())
}

#[tokio::test]
async fn complaint_05_a_call_that_is_over_stays_on_the_floor() -> Outcome {
    let Talk { floor, agent, customer, other: _other } = talk().await?;
    customer.vanish();
    agent.free(SOON).await?;
    let seen = floor.until("the end of the call", |floor| floor.calls.is_empty()).await?;
    assert!(seen.agents.values().all(|view| !view.is_talking()), "{:?}", seen.agents);
    let live = CallQuery { live: Some(true), ..CallQuery::default() };
    assert!(floor.sara.calls(&live).await?.calls.is_empty(), "no row outlives its call");
    assert_tells(&floor.one_ended().await?, &["connected with 301", "released 301", "ended: lost"]);
    Ok(())
}

#[tokio::test]
async fn complaint_12_a_pause_forgets_who_set_it_and_why_at_a_restart() -> Outcome {
    let mut floor = Floor::with_phones(Setup::test()?, &[("301", &["sales"]), ("302", &["sales"])]).await?;
    let (lunch, supervisor) = (Some("lunch".parse()?), ChangedBy::User("sara".parse()?));
    let pause = |reason| WantedStatus::NotReady { reason };
    floor.sara.set_status(&id("301")?, pause(lunch.clone())).await?;
    floor.sara.set_status(&id("302")?, pause(None)).await?;
    let before = floor.sara.floor().await?;
    floor.service.kill();
    floor.service.begin().await?;
    floor.sara = floor.service.sign_in("sara").await?;
    for (name, reason) in
        [("301", NotReadyReason::Break { code: lunch.expect("a code") }), ("302", NotReadyReason::Supervisor)]
    {
        let view = floor.sara.agent(&id(name)?).await?;
        assert_eq!(view.status, Status::NotReady { reason }, "{name}");
        assert_eq!(view.status_by, supervisor, "{name}");
        assert_eq!(view.status_since, before.agents[&id(name)?].status_since, "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn complaint_25_supervisors_cannot_see_or_set_a_pause() -> Outcome {
    let Talk { floor, customer, agent, other: _other } = talk().await?;
    let (who, lunch) =
        (id("301")?, Status::NotReady { reason: NotReadyReason::Break { code: "lunch".parse()? } });
    // While he talks it is what comes next, and everybody who may see him sees that.
    let wanted = WantedStatus::NotReady { reason: Some("lunch".parse()?) };
    let view = floor.sara.set_status(&who, wanted).await?;
    assert_eq!((&view.status, &view.next_status), (&Status::Ready, &Some(lunch.clone())));
    customer.hang_up().await?;
    agent.free(SOON).await?;
    floor.sara.end_wrap_up(&who, &Default::default()).await?;
    let seen = floor.until("the pause", |floor| floor.agents[&who].status == lunch).await?;
    assert_eq!(seen.agents[&who].status_by, ChangedBy::User("sara".parse()?));
    let told = journal(&floor.service.sign_in("mia").await?).await?;
    let words: Vec<String> = told.iter().map(|stamped| format!("{:?}", stamped.event)).collect();
    let since = told.iter().zip(&words).find(|(_, words)| {
        words.contains("AgentStatusChanged") && words.contains("lunch") && words.contains("sara")
    });
    assert_eq!(since.expect("the journal names who and why").0.at, seen.agents[&who].status_since);
    Ok(())
}

#[tokio::test]
async fn complaint_21_one_agents_talk_is_counted_for_another() -> Outcome {
    let Talk { floor, customer, other, agent } = talk().await?;
    let (first, second) = (id("301")?, id("302")?);
    let seen = floor.until("the talk", |floor| floor.agents[&first].is_talking()).await?;
    let call = *seen.calls.keys().next().ok_or("no call")?;
    hears(&agent, CUSTOMER_HZ).await?;
    floor.sara.transfer(call, TransferTarget::Agent { agent: second.clone() }).await?;
    agent.free(SOON).await?;
    other.talking(SOON).await?;
    hears(&other, CUSTOMER_HZ).await?;
    customer.hang_up().await?;
    other.free(SOON).await?;
    let call = floor.one_ended().await?.summary;
    assert_eq!(call.agents, [first.clone(), second.clone()]);
    let agents = floor.sara.floor().await?.agents;
    let talks = [&first, &second].map(|agent| agents[agent].counts.talk_millis);
    assert!(
        talks.iter().all(|talk| (1..call.talk_millis).contains(talk)),
        "{talks:?} of {}",
        call.talk_millis
    );
    assert_eq!(talks.iter().sum::<u64>(), call.talk_millis, "each has his own part");
    Ok(())
}

#[tokio::test]
async fn complaint_24_only_a_percentage_and_no_list_of_abandoned_calls() -> Outcome {
    let floor = Floor::with_phones(Setup::test()?, &[("301", &["sales"])]).await?;
    floor.sara.set_status(&id("301")?, WantedStatus::NotReady { reason: None }).await?;
    let customer =
        Phone::start(PhoneSetup::customer(floor.service.setup.sip, "+49305550124", "Ada Gone")).await?;
    customer.call(SALES).await?;
    floor
        .until("the call in its queue", |floor| floor.calls.values().any(|call| call.queue().is_some()))
        .await?;
    customer.hang_up().await?;
    floor.one_ended().await?;
    let counts = floor.sara.floor().await?.queues[&"sales".parse()?].counts.clone();
    let exits = [QueueExit::Abandoned, QueueExit::ShortAbandon, QueueExit::Answered];
    let mut listed = Vec::new();
    for exit in exits {
        let query = CallQuery { exit: Some(exit), ..CallQuery::default() };
        let page = floor.sara.calls(&query).await?;
        listed.push(page.calls.iter().map(|call| call.from.name.clone()).collect::<Vec<_>>());
    }
    // The figure is 1, and the list behind it has that one call.
    assert_eq!((counts.abandoned(), counts.answered()), (1, 0));
    assert_eq!(listed.concat(), ["Ada Gone"]);
    assert!(listed[2].is_empty());
    Ok(())
}

#[tokio::test]
async fn complaint_38_missed_calls_do_not_show_and_who_hung_up_is_unknown() -> Outcome {
    let mut setup = Setup::test()?;
    setup.queue("sales").insert("ring_secs".into(), 3.into());
    let floor = Floor::with_phones(setup, &[("301", &["sales"]), ("302", &["sales"])]).await?;
    let sip = floor.service.setup.sip;
    floor.sara.set_status(&id("302")?, WantedStatus::NotReady { reason: None }).await?;
    let never = PhoneSetup { answer: Answer::Never, ..PhoneSetup::fixed(sip, "301", floor.port("301")) };
    let _deaf = Phone::start(never).await?;
    let agent = Phone::start(PhoneSetup::fixed(sip, "302", floor.port("302"))).await?;
    let customer = Phone::start(PhoneSetup::customer(sip, "+49305550138", "Mia Missed")).await?;
    customer.call(SALES).await?;
    floor.until("the miss", |floor| floor.agents.values().any(|view| view.counts.missed == 1)).await?;
    floor.sara.set_status(&id("302")?, WantedStatus::Ready).await?;
    agent.talking(SOON).await?;
    agent.hang_up().await?;
    customer.free(SOON).await?;
    let call = floor.one_ended().await?;
    assert_eq!(call.summary.cause, Some(EndCause::AgentHungUp));
    let tried = offers(&floor, &call).await?;
    let (missed, answered) = (Some(OfferOutcome::Missed), Some(OfferOutcome::Answered));
    assert_eq!(tried, [("301".to_owned(), missed), ("302".to_owned(), answered)]);
    Ok(())
}
