//! Hold and back: the customer hears music and none of the agent's words.

use std::time::Duration;

use shared::model::recording::Track;

use super::Desks;
use crate::Outcome;
use crate::ear::Kind;
use crate::report::Section;
use crate::stage::{Expected, Stage, listen};
use crate::voice::{AGENT_HZ, CUSTOMER_HZ, Mouth};

/// Plays it.
pub async fn play(stage: &Stage, desks: &mut Desks, number: usize, section: &mut Section) -> Outcome {
    let ada = &mut desks.ada;
    ada.ready().await?;
    let customer = stage.customer(number, Mouth::tone(CUSTOMER_HZ)).await?;
    customer.call("3001").await?;
    let call = ada.rings(Duration::from_secs(6)).await?;
    section.call = Some(call);
    ada.answer().await?;
    let before = listen(1_000).await;
    section.tone("agent's tone at the customer before", &customer.ear, AGENT_HZ, before, true);
    ada.hold(call, true).await?;
    let held = listen(1_500).await;
    section.kind("music for the customer on hold", &customer.ear, held, Kind::Sound);
    section.under_music("none of the agent's words on hold", &customer.ear, AGENT_HZ, held);
    section.tone("none of the customer's at the agent", &ada.ear, CUSTOMER_HZ, held, false);
    ada.hold(call, false).await?;
    let after = listen(1_200).await;
    section.tone("agent's tone at the customer after", &customer.ear, AGENT_HZ, after, true);
    section.tone("customer's tone at the agent after", &ada.ear, CUSTOMER_HZ, after, true);
    section.kind("and no music any more", &customer.ear, after, Kind::Tone);
    ada.hang_up().await?;
    customer.free(Duration::from_secs(5)).await?;
    ada.wrap_up("sold").await?;
    ada.rest().await?;
    stage.expect(Expected {
        number,
        call,
        tones: vec![(Track::Customer, CUSTOMER_HZ), (Track::Agent, AGENT_HZ)],
        spoken: None,
    });
    Ok(())
}
