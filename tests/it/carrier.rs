//! What carriers send, with SIPp as the customer's side: offers that come late, proxies in the path, session timers,
//! lost acknowledgements, long messages, IPv6.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use shared::model::call::EndCause;
use tests::ports;
use tests::setup::Setup;
use tests::sipp::Sipp;
use tests::{Outcome, wait};

use crate::floor::{Floor, SALES, SCENARIO, SOON, assert_tells};

const SALES_ONLY: &[&str] = &["sales"];
const TALK: Duration = Duration::from_millis(600);

/// A customer's scenario that talks with a SIPp agent and hangs up.
async fn talks(floor: &Floor, customer: Sipp) -> Outcome {
    let (folder, sip) = (floor.service.folder(), floor.service.setup.sip);
    let agent = Sipp::agent("agent-answers", sip, floor.port("301")).start(folder).await?;
    let before = floor.ended(0).await?.len();
    let customer = customer.pause(TALK).start(folder).await?;
    customer.passed(SCENARIO).await?;
    agent.passed(SCENARIO).await?;
    let calls = floor.ended(before + 1).await?;
    assert_tells(&calls[0], &["connected with 301", "ended: customer_hung_up"]);
    Ok(())
}

/// A phone at 301 whose wrap-up is over at once.
fn setup() -> Outcome<Setup> {
    let mut setup = Setup::test()?;
    setup.queue("sales").insert("wrap_up_secs".into(), 0.into());
    Ok(setup)
}

#[tokio::test]
async fn offers_may_come_late_and_invites_be_long() -> Outcome {
    let floor = Floor::with_phones(setup()?, &[("301", SALES_ONLY)]).await?;
    let sip = floor.service.setup.sip;
    talks(&floor, Sipp::customer("customer-offers-late", sip, SALES)?).await?;
    let much = Sipp::customer("customer-sends-much", sip, SALES)?.word("MUCH", "x".repeat(1_800));
    talks(&floor, much.clone()).await?;
    talks(&floor, much.over_tcp()).await
}

#[tokio::test]
async fn every_call_may_have_a_connection_of_its_own() -> Outcome {
    let floor = Floor::with_phones(setup()?, &[("301", SALES_ONLY)]).await?;
    let (folder, sip) = (floor.service.folder(), floor.service.setup.sip);
    let agent = Sipp::agent("agent-answers", sip, floor.port("301")).calls(3).start(folder).await?;
    let customer = Sipp::customer("customer-hangs-up", sip, SALES)?.over_tcp_each().calls(3);
    customer.pause(TALK).start(folder).await?.passed(SCENARIO).await?;
    agent.passed(SCENARIO).await?;
    for call in floor.ended(3).await? {
        assert_tells(&call, &["connected with 301", "ended: customer_hung_up"]);
    }
    Ok(())
}

#[tokio::test]
async fn proxies_in_the_path_stay_in_it() -> Outcome {
    let floor = Floor::with_phones(setup()?, &[("301", SALES_ONLY)]).await?;
    let (folder, sip) = (floor.service.folder(), floor.service.setup.sip);
    let agent = Sipp::agent("agent-hangs-up", sip, floor.port("301")).start(folder).await?;
    let customer = Sipp::customer("customer-behind-proxies", sip, SALES)?.start(folder).await?;
    agent.passed(SCENARIO).await?;
    customer.passed(SCENARIO).await?;
    assert_tells(&floor.one_ended().await?, &["connected with 301", "ended: agent_hung_up"]);
    Ok(())
}

#[tokio::test]
async fn session_timers_are_agreed_on_and_customers_may_hold() -> Outcome {
    let floor = Floor::with_phones(setup()?, &[("301", SALES_ONLY)]).await?;
    let sip = floor.service.setup.sip;
    talks(&floor, Sipp::customer("customer-has-a-timer", sip, SALES)?).await?;
    talks(&floor, Sipp::customer("customer-holds", sip, SALES)?).await
}

#[tokio::test]
async fn an_answer_is_repeated_until_it_is_acknowledged_or_given_up() -> Outcome {
    let floor = Floor::with_phones(setup()?, &[("301", SALES_ONLY)]).await?;
    let (folder, sip) = (floor.service.folder(), floor.service.setup.sip);
    // Nobody is there for the other one: he waits in the queue until the service gives him up.
    let agent = Sipp::agent("agent-answers", sip, floor.port("301")).start(folder).await?;
    let late = Sipp::customer("customer-acknowledges-late", sip, SALES)?.pause(TALK).start(folder).await?;
    let repeated = || (late.messages().matches("SIP/2.0 200 OK").count() >= 3).then_some(());
    wait::until("the third 200", SOON, repeated).await?;
    let never = Sipp::customer("customer-never-acknowledges", sip, "3002")?.start(folder).await?;
    late.passed(SCENARIO).await?;
    agent.passed(SCENARIO).await?;
    let calls = floor.ended(1).await?;
    assert_tells(&calls[0], &["connected with 301", "ended: customer_hung_up"]);
    never.passed(SCENARIO).await?;
    let calls = floor.ended(2).await?;
    assert_ne!(calls[0].summary.cause, Some(EndCause::CustomerHungUp), "nobody hung up");
    Ok(())
}

#[tokio::test]
async fn a_call_over_ipv6_is_one_like_any_other() -> Outcome {
    let six = IpAddr::V6(Ipv6Addr::LOCALHOST);
    let mut setup = setup()?;
    let port = ports::free_pair(six)?;
    let sip = SocketAddr::new(six, port);
    let listen = vec![toml::Value::from(setup.sip.to_string()), sip.to_string().into()];
    setup.set("sip", "udp", listen.clone());
    setup.set("sip", "tcp", listen);
    setup.set("media", "bind", "::");
    setup.trunk("carrier").insert("addresses".into(), vec!["127.0.0.2", "::1"].into());
    setup.keep_agents(&[]);
    let agent_port = ports::free_pair(six)?;
    setup.fixed_agent("301", agent_port, SALES_ONLY, true);
    setup.agent("301").insert("contact".into(), format!("sip:301@[::1]:{agent_port}").into());
    let floor = Floor::start(setup).await?;
    let folder = floor.service.folder();
    for tcp in [false, true] {
        let over = |sipp: Sipp| if tcp { sipp.over_tcp() } else { sipp };
        let agent = Sipp::agent("agent-answers", sip, agent_port).at(six).start(folder).await?;
        let customer = over(Sipp::customer("customer-hangs-up", sip, SALES)?.at(six));
        customer.pause(TALK).start(folder).await?.passed(SCENARIO).await?;
        agent.passed(SCENARIO).await?;
    }
    for call in floor.ended(2).await? {
        assert_tells(&call, &["connected with 301", "ended: customer_hung_up"]);
    }
    Ok(())
}
