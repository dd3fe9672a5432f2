//! A stop in order: calls end, both sides are told, recordings are sealed.

use shared::model::call::EndCause;
use shared::model::event::Event;
use shared::model::recording::RecordingState;
use shared::sip::Transport;
use tests::phone::{Phone, PhoneSetup};
use tests::service::journal;
use tests::setup::Setup;
use tests::voice::{AGENT_HZ, CUSTOMER_HZ, Mouth};
use tests::{Outcome, wait};

use crate::floor::{Floor, SALES, SOON};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_over_udp_ends_calls_and_seals_recordings() -> Outcome {
    a_stop_ends_calls_and_seals_recordings(Transport::Udp).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_over_tcp_ends_calls_and_seals_recordings() -> Outcome {
    a_stop_ends_calls_and_seals_recordings(Transport::Tcp).await
}

async fn a_stop_ends_calls_and_seals_recordings(transport: Transport) -> Outcome {
    let mut floor = Floor::with_phones(Setup::test()?, &[("301", &["sales"])]).await?;
    let sip = floor.service.setup.sip;
    let mut agent = PhoneSetup::fixed(sip, "301", floor.port("301"));
    agent.mouth = Mouth::tone(AGENT_HZ);
    let agent = Phone::start(agent).await?;
    let mut customer = PhoneSetup::customer(sip, "+49305550144", "Carla");
    customer.transport = transport;
    customer.mouth = Mouth::tone(CUSTOMER_HZ);
    let customer = Phone::start(customer).await?;
    customer.call(SALES).await?;
    agent.talking(SOON).await?;
    wait::until("half a second of talk", SOON, || (agent.ear.len() > 25).then_some(())).await?;

    let status = floor.service.stop().await?;
    assert!(status.success(), "{status}");
    // Both were told; nobody talks to a dead line.
    customer.free(SOON).await?;
    agent.free(SOON).await?;

    floor.service.begin().await?;
    let mia = floor.service.sign_in("mia").await?;
    let events = journal(&mia).await?;
    let ended = events.iter().filter_map(|event| match &event.event {
        Event::CallEnded { cause, .. } => Some(cause.clone()),
        _ => None,
    });
    assert_eq!(ended.collect::<Vec<_>>(), [EndCause::Shutdown]);
    let recordings = mia.recordings(&Default::default()).await?;
    assert_eq!(recordings.len(), 1);
    assert_eq!(recordings[0].state, RecordingState::Sealed, "sealed in order, not recovered");
    assert!(recordings[0].duration_millis >= 400, "{} ms", recordings[0].duration_millis);
    Ok(())
}
