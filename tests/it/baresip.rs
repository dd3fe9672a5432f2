//! baresip as an agent's desk phone.

use std::time::Duration;

use shared::api::agents::WantedStatus;
use shared::audio::goertzel::power_dbfs;
use shared::id::AgentId;
use shared::model::agent::Device;
use shared_net::clock;
use tests::baresip::Baresip;
use tests::ear::HEARD_DBFS;
use tests::phone::{Phone, PhoneSetup};
use tests::setup::Setup;
use tests::voice::{AGENT_HZ, CUSTOMER_HZ, Mouth};
use tests::{Outcome, wait};

use crate::floor::{Floor, SOON, SUPPORT, assert_tells};

#[tokio::test]
async fn a_desk_phone_registers_answers_and_both_sides_hear_each_other() -> Outcome {
    let mut setup = Setup::test()?;
    setup.keep_agents(&["203"]);
    let floor = Floor::start(setup).await?;
    let sip = floor.service.setup.sip;
    let desk = Baresip::start(sip, "callfloor", "203", "demo-sip-203", AGENT_HZ).await?;
    let id: AgentId = "203".parse()?;
    let device = floor.sara.agent(&id).await?.device;
    assert!(matches!(&device, Device::Phone { product, .. } if product.starts_with("baresip")), "{device:?}");
    // Its person has no app: he is made ready in the console.
    floor.service.sign_in("203").await?;
    floor.sara.set_status(&id, WantedStatus::Ready).await?;

    let mut customer = PhoneSetup::customer(sip, "+49305550122", "Carla");
    customer.mouth = Mouth::tone(CUSTOMER_HZ);
    let customer = Phone::start(customer).await?;
    customer.call(SUPPORT).await?;
    wait::until("baresip's tone at the customer", SOON, || {
        let now = clock::now();
        let level = customer.ear.level(AGENT_HZ, now - Duration::from_millis(800), now).ok()?;
        level.is_heard().then_some(())
    })
    .await
    .map_err(|error| format!("{error}\nbaresip says:\n{}", desk.log()))?;
    let heard = || {
        let samples = desk.heard().ok()?;
        let blocks = samples.chunks_exact(800);
        let loud = blocks.filter(|block| power_dbfs(block, CUSTOMER_HZ, 8_000) > HEARD_DBFS).count();
        (loud >= 5).then_some(())
    };
    wait::until("half a second of the customer's tone at baresip", SOON, heard)
        .await
        .map_err(|error| format!("{error}\nbaresip says:\n{}", desk.log()))?;
    customer.hang_up().await?;
    assert_tells(&floor.one_ended().await?, &["connected with 203", "ended: customer_hung_up"]);
    Ok(())
}
