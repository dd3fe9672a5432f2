//! linphone's command line client as an agent's desk phone.

use std::time::Duration;

use shared::api::agents::WantedStatus;
use shared::audio::goertzel::power_dbfs;
use shared::id::AgentId;
use shared::model::agent::Device;
use tests::ear::HEARD_DBFS;
use tests::linphone::{Linphone, LinphoneSetup};
use tests::phone::{Phone, PhoneSetup};
use tests::ports::{self, HERE};
use tests::setup::Setup;
use tests::voice::{AGENT_HZ, CUSTOMER_HZ, Mouth};
use tests::{Outcome, wait};

use crate::floor::{Floor, SALES, SOON, SUPPORT, assert_tells, hears, hears_music, is_held};

/// Cleo's desk phone.
pub async fn desk(floor: &Floor, transport: &'static str, keys_by_info: bool) -> Outcome<Linphone> {
    let phone = Linphone::start(&LinphoneSetup {
        service: floor.service.setup.sip,
        transport,
        user: "203".into(),
        password: "demo-sip-203".into(),
        hz: AGENT_HZ,
        keys_by_info,
    })
    .await?;
    let id: AgentId = "203".parse()?;
    let device = floor.sara.agent(&id).await?.device;
    let right = matches!(&device, Device::Phone { product, .. } if product.contains("Linphone"));
    assert!(right, "{device:?}");
    floor.service.sign_in("203").await?;
    floor.sara.set_status(&id, WantedStatus::Ready).await?;
    Ok(phone)
}

/// Waits for half a second of a tone in what it has written down.
async fn heard(phone: &Linphone, hz: f32) -> Outcome {
    let heard = || {
        let (samples, rate) = phone.heard().ok()?;
        let blocks = samples.chunks_exact(rate as usize / 10);
        let loud = blocks.filter(|block| power_dbfs(block, hz, rate) > HEARD_DBFS).count();
        (loud >= 5).then_some(())
    };
    wait::until(&format!("half a second of {hz} Hz at linphone"), SOON, heard)
        .await
        .map_err(|error| format!("{error}\n{}", phone.story()).into())
}

async fn is_answered_held_and_keyed(transport: &'static str, keys_by_info: bool) -> Outcome {
    let mut setup = Setup::test()?;
    setup.keep_agents(&["203"]);
    let floor = Floor::start(setup).await?;
    let mut desk = desk(&floor, transport, keys_by_info).await?;
    let mut customer = PhoneSetup::customer(floor.service.setup.sip, "+49305550122", "Carla");
    customer.mouth = Mouth::tone(CUSTOMER_HZ);
    let customer = Phone::start(customer).await?;
    customer.call(SUPPORT).await?;
    desk.says("Receiving new incoming call", SOON).await?;
    desk.tell("answer")?;
    hears(&customer, AGENT_HZ).await.map_err(|error| format!("{error}\n{}", desk.story()))?;
    heard(&desk, CUSTOMER_HZ).await?;

    desk.tell("pause")?;
    floor.until("the hold", |floor| floor.calls.values().any(is_held)).await?;
    hears_music(&customer, AGENT_HZ).await?;
    desk.tell("resume")?;
    hears(&customer, AGENT_HZ).await.map_err(|error| format!("{error}\n{}", desk.story()))?;

    desk.tell("5")?;
    customer.hears_keys("5").await.map_err(|error| format!("{error}\n{}", desk.story()))?;
    desk.tell("terminate")?;
    customer.free(SOON).await?;
    let call = floor.one_ended().await?;
    assert_tells(&call, &["connected with 203", "held", "resumed", "ended: agent_hung_up"]);
    Ok(())
}

#[tokio::test]
async fn linphone_registers_answers_holds_and_sends_keys() -> Outcome {
    is_answered_held_and_keyed("udp", false).await
}

#[tokio::test]
async fn linphone_over_tcp_sends_keys_by_info() -> Outcome {
    is_answered_held_and_keyed("tcp", true).await
}

#[tokio::test]
async fn linphone_calls_a_queue() -> Outcome {
    let mut setup = Setup::test()?;
    setup.keep_agents(&["203"]);
    let port = ports::free_pair(HERE)?;
    setup.fixed_agent("301", port, &["sales"], true);
    let floor = Floor::start(setup).await?;
    let mut desk = desk(&floor, "udp", false).await?;
    let agent = PhoneSetup::fixed(floor.service.setup.sip, "301", port);
    let agent = Phone::start(PhoneSetup { mouth: Mouth::tone(CUSTOMER_HZ), ..agent }).await?;
    desk.tell(&format!("call sip:{SALES}@callfloor"))?;
    agent.talking(SOON).await.map_err(|error| format!("{error}\n{}", desk.story()))?;
    hears(&agent, AGENT_HZ).await.map_err(|error| format!("{error}\n{}", desk.story()))?;
    assert_eq!(agent.state().ok_or("no call")?.peer.number, "203");
    // It offers Opus first, and writes down at 48 kHz.
    let enough = || desk.heard().is_ok_and(|(samples, _)| samples.len() > 4 * 48_000).then_some(());
    wait::until("four seconds of sound at linphone", SOON, enough).await?;
    desk.tell("terminate")?;
    agent.free(Duration::from_secs(5)).await?;
    heard(&desk, CUSTOMER_HZ).await?;
    assert_eq!(desk.heard()?.1, 48_000, "the call was in Opus");
    assert_tells(&floor.one_ended().await?, &["connected with 301", "ended: customer_hung_up"]);
    Ok(())
}
