//! What a room of desk phones does, with SIPp as the agent's side: changes by UPDATE and re-INVITE, keys by INFO,
//! refusals of every class, answers that come too late, reliable ringing, calls of their own.

use std::time::Duration;

use shared::model::agent::Status;
use shared::model::call::OfferOutcome;
use tests::phone::{Phone, PhoneSetup};
use tests::ports::{self, HERE};
use tests::setup::Setup;
use tests::sipp::Sipp;
use tests::voice::Mouth;
use tests::{Outcome, wait};

use crate::floor::{Floor, SALES, SCENARIO, SOON, assert_tells, hears, offers};

const SALES_ONLY: &[&str] = &["sales"];
const ECHO_HZ: f32 = 620.0;

#[tokio::test]
async fn a_phone_holds_by_update() -> Outcome {
    let floor = Floor::with_phones(Setup::test()?, &[("301", SALES_ONLY)]).await?;
    let (folder, sip) = (floor.service.folder(), floor.service.setup.sip);
    let hold = Duration::from_millis(800);
    let agent = Sipp::agent("agent-updates", sip, floor.port("301")).pause(hold).start(folder).await?;
    let customer = Sipp::customer("customer-talks", sip, SALES)?.start(folder).await?;
    agent.passed(SCENARIO).await?;
    customer.passed(SCENARIO).await?;
    let call = floor.one_ended().await?;
    assert_tells(&call, &["connected with 301", "held", "resumed", "ended: agent_hung_up"]);
    assert!((600..2_500).contains(&call.summary.hold_millis), "{} ms", call.summary.hold_millis);
    Ok(())
}

#[tokio::test]
async fn a_phone_changes_its_codec_in_the_talk() -> Outcome {
    let floor = Floor::with_phones(Setup::test()?, &[("301", SALES_ONLY)]).await?;
    let (folder, sip) = (floor.service.folder(), floor.service.setup.sip);
    let agent = Sipp::agent("agent-changes-codec", sip, floor.port("301")).with_echo().start(folder).await?;
    let mut setup = PhoneSetup::customer(sip, "+49305550199", "Echo");
    setup.mouth = Mouth::tone(ECHO_HZ);
    let customer = Phone::start(setup).await?;
    customer.call(SALES).await?;
    // The second answer of the phone is in the ACK.
    wait::until("both re-INVITEs", SOON, || agent.messages().contains("CSeq: 2 ACK").then_some(())).await?;
    hears(&customer, ECHO_HZ).await?;
    customer.hang_up().await?;
    agent.passed(SCENARIO).await
}

#[tokio::test]
async fn keys_by_info_reach_the_customer() -> Outcome {
    let floor = Floor::with_phones(Setup::test()?, &[("301", SALES_ONLY)]).await?;
    let (folder, sip) = (floor.service.folder(), floor.service.setup.sip);
    let agent = Sipp::agent("agent-presses-keys", sip, floor.port("301"));
    let agent = agent.pause(Duration::from_millis(800)).start(folder).await?;
    let customer = Phone::start(PhoneSetup::customer(sip, "+49305550198", "Carla")).await?;
    customer.call(SALES).await?;
    agent.passed(SCENARIO).await?;
    customer.free(SOON).await?;
    assert_eq!(customer.keys_heard(), "5#");
    Ok(())
}

#[tokio::test]
async fn whatever_a_phone_refuses_with_the_call_goes_on_to_the_next() -> Outcome {
    let phones: [(&str, &str, OfferOutcome); 6] = [
        ("301", "302 Moved Temporarily", OfferOutcome::Unreachable),
        ("302", "404 Not Found", OfferOutcome::Unreachable),
        ("303", "480 Temporarily Unavailable", OfferOutcome::Rejected),
        ("304", "488 Not Acceptable Here", OfferOutcome::Unreachable),
        ("305", "503 Service Unavailable", OfferOutcome::Unreachable),
        ("306", "603 Decline", OfferOutcome::Rejected),
    ];
    let mut wanted: Vec<(&str, &[&str])> = phones.iter().map(|(id, ..)| (*id, SALES_ONLY)).collect();
    wanted.push(("307", SALES_ONLY));
    let floor = Floor::with_phones(Setup::test()?, &wanted).await?;
    let (folder, sip) = (floor.service.folder(), floor.service.setup.sip);
    let mut refusing = Vec::new();
    for (id, status, _) in &phones {
        let phone = Sipp::agent("agent-refuses", sip, floor.port(id)).word("STATUS", *status);
        refusing.push(phone.start(folder).await?);
    }
    let last = Sipp::agent("agent-hangs-up", sip, floor.port("307")).start(folder).await?;
    let customer = Sipp::customer("customer-talks", sip, SALES)?.start(folder).await?;
    customer.passed(SCENARIO).await?;
    last.passed(SCENARIO).await?;
    for phone in refusing {
        phone.passed(SCENARIO).await?;
    }
    let call = floor.one_ended().await?;
    let mut expected: Vec<_> =
        phones.iter().map(|(id, _, outcome)| ((*id).to_owned(), Some(*outcome))).collect();
    expected.push(("307".to_owned(), Some(OfferOutcome::Answered)));
    assert_eq!(offers(&floor, &call).await?, expected);
    Ok(())
}

#[tokio::test]
async fn an_answer_that_crosses_the_cancel_is_ended() -> Outcome {
    let floor = Floor::with_phones(Setup::test()?, &[("301", SALES_ONLY)]).await?;
    let (folder, sip) = (floor.service.folder(), floor.service.setup.sip);
    let agent = Sipp::agent("agent-answers-too-late", sip, floor.port("301")).start(folder).await?;
    let customer = Sipp::customer("customer-hangs-up", sip, SALES)?.pause(Duration::from_millis(800));
    customer.start(folder).await?.passed(SCENARIO).await?;
    agent.passed(SCENARIO).await?;
    assert_tells(&floor.one_ended().await?, &["offered to 301", "ended: abandoned"]);
    assert_eq!(floor.status("301").await?, Status::Ready);
    Ok(())
}

#[tokio::test]
async fn a_phone_that_calls_says_who_it_is_first() -> Outcome {
    let mut setup = Setup::test()?;
    setup.keep_agents(&["203"]);
    let port = ports::free_pair(HERE)?;
    setup.fixed_agent("301", port, SALES_ONLY, true);
    let floor = Floor::start(setup).await?;
    let (folder, sip) = (floor.service.folder(), floor.service.setup.sip);
    let agent = Sipp::agent("agent-answers", sip, port).start(folder).await?;
    let caller = Sipp::agent("phone-calls", sip, ports::free_pair(HERE)?)
        .calling(SALES)
        .digest_for(format!("{SALES}@{sip}"))
        .word("USER", "203")
        .word("PASSWORD", "demo-sip-203");
    caller.start(folder).await?.passed(SCENARIO).await?;
    agent.passed(SCENARIO).await?;
    let call = floor.one_ended().await?;
    assert_tells(&call, &["connected with 301", "ended: customer_hung_up"]);
    assert_eq!(call.summary.from.number, "203");
    Ok(())
}

#[tokio::test]
async fn a_phone_that_rings_reliably_gets_prack() -> Outcome {
    let floor = Floor::with_phones(Setup::test()?, &[("301", SALES_ONLY)]).await?;
    let (folder, sip) = (floor.service.folder(), floor.service.setup.sip);
    let agent = Sipp::agent("agent-rings-reliably", sip, floor.port("301")).start(folder).await?;
    let customer = Sipp::customer("customer-requires-reliability", sip, SALES)?;
    let customer = customer.pause(Duration::from_millis(600)).start(folder).await?;
    agent.passed(SCENARIO).await?;
    customer.passed(SCENARIO).await?;
    assert_tells(&floor.one_ended().await?, &["connected with 301", "ended: customer_hung_up"]);
    Ok(())
}

/// RFC 3261 §18.1.1: what does not fit into a datagram goes by TCP; a phone without TCP gets it by UDP all the same.
#[tokio::test]
async fn a_long_invite_goes_by_tcp_where_the_phone_has_it() -> Outcome {
    let mut setup = Setup::test()?;
    setup.queue("sales").insert("name".into(), "Sales of everything that is long ".repeat(5).trim().into());
    setup.queue("sales").insert("wrap_up_secs".into(), 0.into());
    let floor = Floor::with_phones(setup, &[("301", SALES_ONLY)]).await?;
    let (folder, sip) = (floor.service.folder(), floor.service.setup.sip);
    for tcp in [true, false] {
        let agent = Sipp::agent("agent-answers", sip, floor.port("301"));
        let agent = if tcp { agent.over_tcp() } else { agent };
        let mut agent = agent.start(folder).await?;
        let customer = Sipp::customer("customer-hangs-up", sip, SALES)?.pause(Duration::from_secs(1));
        customer.start(folder).await?.passed(SCENARIO).await?;
        wait::until("the agent's end", SOON, || agent.ended().then_some(())).await?;
        let messages = agent.messages();
        let invite = messages.split("INVITE sip:").nth(1).ok_or("no INVITE came")?;
        let invite = invite.split("-----").next().unwrap_or_default();
        assert!(invite.len() > 1_300, "{} bytes: {invite}", invite.len());
        agent.passed(SCENARIO).await?;
    }
    for call in floor.ended(2).await? {
        assert_tells(&call, &["connected with 301", "ended: customer_hung_up"]);
    }
    Ok(())
}
