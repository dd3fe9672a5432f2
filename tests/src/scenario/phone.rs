//! A baresip process as registered desk phone; its person is made ready by HTTP.

use std::time::Duration;

use shared::api::agents::WantedStatus;
use shared::audio::goertzel::power_dbfs;
use shared::id::AgentId;
use shared::model::agent::{Device, State};
use shared::model::recording::Track;

use crate::baresip::Baresip;
use crate::ear::HEARD_DBFS;
use crate::report::Section;
use crate::stage::{Expected, Stage, listen};
use crate::voice::{AGENT_HZ, CUSTOMER_HZ, Mouth};
use crate::{Outcome, wait};

/// Plays it; the other agent of the queue rests meanwhile.
pub async fn play(stage: &Stage, number: usize, section: &mut Section) -> Outcome {
    let agent: AgentId = "203".parse()?;
    let baresip = Baresip::start(stage.sip(), "callfloor", "203", "demo-sip-203", AGENT_HZ).await?;
    let person = stage.service.sign_in("203").await?;
    let view = wait::until_async("the desk phone on the floor", Duration::from_secs(5), async || {
        Ok(Some(person.agent(&agent).await?).filter(|view| view.device.is_reachable()))
    })
    .await?;
    let product = match &view.device {
        Device::Phone { product, .. } => product.clone(),
        other => format!("{other:?}"),
    };
    section.promise("the floor shows a desk phone", product.contains("baresip"), product);
    person.set_status(&agent, WantedStatus::Ready).await?;
    let customer = stage.customer(number, Mouth::tone(CUSTOMER_HZ)).await?;
    customer.call("3002").await?;
    let call = stage.call_of(number).await?;
    section.call = Some(call);
    wait::until_async("baresip's answer", Duration::from_secs(8), async || {
        Ok(matches!(person.agent(&agent).await?.state, State::Talking { .. }).then_some(()))
    })
    .await?;
    let talk = listen(2_000).await;
    section.tone("baresip's tone at the customer", &customer.ear, AGENT_HZ, talk, true);
    section.tone("no echo at the customer", &customer.ear, CUSTOMER_HZ, talk, false);
    customer.hang_up().await?;
    wait::until_async("wrap-up", Duration::from_secs(5), async || {
        Ok(matches!(person.agent(&agent).await?.state, State::WrapUp { .. }).then_some(()))
    })
    .await?;
    let heard = baresip.heard()?;
    let middle = heard.len() / 2;
    let part = heard.get(middle.saturating_sub(4_000)..middle).unwrap_or_default();
    let level = power_dbfs(part, CUSTOMER_HZ, 8_000);
    section.promise(
        "customer's tone at baresip",
        level > HEARD_DBFS,
        format!("{CUSTOMER_HZ:.0} Hz at {level:.1} dBFS in its own dump of {} ms", heard.len() / 8),
    );
    let end = shared::api::agents::EndWrapUp { code: Some("solved".parse()?), note: None };
    person.end_wrap_up(&agent, &end).await?;
    person.set_status(&agent, WantedStatus::Offline).await?;
    stage.expect(Expected {
        number,
        call,
        tones: vec![(Track::Customer, CUSTOMER_HZ), (Track::Agent, AGENT_HZ)],
        spoken: None,
    });
    Ok(())
}
