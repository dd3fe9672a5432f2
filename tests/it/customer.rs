//! A customer's call to a phone of fixed address.

use std::time::Duration;

use shared::sip::Transport;
use shared_net::clock;
use tests::ear::Kind;
use tests::phone::{Answer, Phone, PhoneSetup};
use tests::ports::{self, HERE, STRANGER};
use tests::report::Section;
use tests::service::Service;
use tests::setup::Setup;
use tests::voice::{AGENT_HZ, CUSTOMER_HZ, Mouth};
use tests::{Outcome, wait};
use tokio::time::sleep;

use crate::floor::program;

/// A service with one phone of fixed address, who says a tone.
async fn floor(answer: Answer) -> Outcome<(Service, Phone)> {
    let mut setup = Setup::test()?;
    let port = ports::free_pair(HERE)?;
    setup.fixed_agent("204", port, &["sales", "support"], true);
    let phone =
        PhoneSetup { answer, mouth: Mouth::tone(AGENT_HZ), ..PhoneSetup::fixed(setup.sip, "204", port) };
    let phone = Phone::start(phone).await?;
    Ok((Service::start(program(), setup).await?, phone))
}

fn held(section: &Section) {
    let report = tests::report::Report::new(1, 0.0, vec![section.clone()]);
    assert!(section.held(), "\n{report}");
}

async fn a_call_talks_both_ways(transport: Transport) -> Outcome {
    let (service, agent) = floor(Answer::After(Duration::from_millis(1500))).await?;
    let mut customer = PhoneSetup::customer(service.setup.sip, "+4930123", "Carla Customer");
    customer.transport = transport;
    customer.mouth = Mouth::tone(CUSTOMER_HZ);
    let customer = Phone::start(customer).await?;
    customer.call("3001").await?;
    let answered = clock::now();
    agent.talking(Duration::from_secs(8)).await?;
    let talking = clock::now();
    sleep(Duration::from_secs(3)).await;
    let mut section = Section::new("call");
    let waiting = (answered, talking - Duration::from_millis(200));
    section.kind("music while waiting", &customer.ear, waiting, Kind::Sound);
    let talk = (talking + Duration::from_millis(700), clock::now());
    section.tone("agent at customer", &customer.ear, AGENT_HZ, talk, true);
    section.tone("customer at agent", &agent.ear, CUSTOMER_HZ, talk, true);
    section.tone("no echo at customer", &customer.ear, CUSTOMER_HZ, talk, false);
    section.tone("no echo at agent", &agent.ear, AGENT_HZ, talk, false);
    let about = agent.state().ok_or("the agent's phone has no call")?;
    section.promise(
        "the phone shows who calls",
        about.peer.name.contains("Carla Customer"),
        &about.peer.name,
    );
    section.equal("and the number", &about.peer.number.as_str(), &"+4930123");
    section.equal("and the queue", &about.about.queue_name.as_deref(), &Some("Sales"));
    customer.hang_up().await?;
    agent.free(Duration::from_secs(3)).await?;
    held(&section);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_over_udp_talks_both_ways() -> Outcome {
    a_call_talks_both_ways(Transport::Udp).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_over_tcp_talks_both_ways() -> Outcome {
    a_call_talks_both_ways(Transport::Tcp).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_does_not_get_in() -> Outcome {
    let (service, agent) = floor(Answer::After(Duration::ZERO)).await?;
    let mut stranger = PhoneSetup::customer(service.setup.sip, "+4930666", "Stranger");
    stranger.ip = STRANGER;
    let stranger = Phone::start(stranger).await?;
    stranger.command(shared_desktop::phone::PhoneCommand::Dial("3001".into()))?;
    let end = wait::until("a refusal", Duration::from_secs(8), || stranger.ends().pop()).await?;
    let refused = matches!(end, shared_desktop::phone::EndReason::Refused { status: 401 | 403 | 407, .. });
    assert!(refused, "{end:?}");
    assert!(agent.ear.is_empty(), "nobody was rung");
    Ok(())
}
