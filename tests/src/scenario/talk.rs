//! Two people talk: each hears the other's tone and not his own.

use std::time::Duration;

use agent_app::state::View;
use shared::model::recording::Track;

use super::Desks;
use crate::Outcome;
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
    // The phone rings at once with the INVITE's display name; the live feed then brings the caller's own.
    let name = format!("Customer {number}");
    ada.until(
        "the caller's name at the desk",
        |state| matches!(state.view(), View::Incoming(incoming) if incoming.from.name == name),
    )
    .await?;
    if let View::Incoming(incoming) = ada.app.state.view() {
        section.equal("the desk shows the caller's name", &incoming.from.name, &name);
        section.equal("and the queue", &incoming.queue, &Some("Sales".to_owned()));
    }
    ada.answer().await?;
    let talk = listen(2_000).await;
    section.tone("customer's tone at the agent", &ada.ear, CUSTOMER_HZ, talk, true);
    section.tone("agent's tone at the customer", &customer.ear, AGENT_HZ, talk, true);
    section.tone("no echo at the agent", &ada.ear, AGENT_HZ, talk, false);
    section.tone("no echo at the customer", &customer.ear, CUSTOMER_HZ, talk, false);
    customer.hang_up().await?;
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
