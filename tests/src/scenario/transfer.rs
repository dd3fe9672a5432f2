//! The agent sends the call blindly to the other queue, where the phone of fixed address takes it.

use std::time::Duration;

use shared::model::event::Event;
use shared::model::recording::Track;

use super::Desks;
use crate::Outcome;
use crate::phone::Phone;
use crate::report::Section;
use crate::stage::{Expected, Stage, listen};
use crate::voice::{AGENT_HZ, CUSTOMER_HZ, Mouth};

/// Plays it; `other` is the phone of agent 204, who is ready.
pub async fn play(
    stage: &Stage,
    desks: &mut Desks,
    other: &Phone,
    number: usize,
    section: &mut Section,
) -> Outcome {
    let ada = &mut desks.ada;
    ada.ready().await?;
    let customer = stage.customer(number, Mouth::tone(CUSTOMER_HZ)).await?;
    customer.call("3001").await?;
    let call = ada.rings(Duration::from_secs(6)).await?;
    section.call = Some(call);
    ada.answer().await?;
    let talk = listen(1_000).await;
    section.tone("customer's tone at the first agent", &ada.ear, CUSTOMER_HZ, talk, true);
    ada.transfer(call, "support").await?;
    other.talking(Duration::from_secs(8)).await?;
    let talk = listen(1_500).await;
    section.tone("customer's tone at the second agent", &other.ear, CUSTOMER_HZ, talk, true);
    section.tone("second agent's tone at the customer", &customer.ear, AGENT_HZ, talk, true);
    ada.app.drain();
    let heard = ada.ear.between(talk.0, talk.1).len();
    section.promise(
        "nothing more at the first agent",
        heard == 0 && ada.app.state.desk.phone.call.is_none(),
        format!("{heard} samples"),
    );
    section.equal("it is the same call", &other.state().and_then(|state| state.about.call), &Some(call));
    let events = stage.events(call).await?;
    let transferred = events.iter().any(|stamped| matches!(stamped.event, Event::CallTransferred { .. }));
    section.promise("the journal says transferred", transferred, format!("{} events", events.len()));
    customer.hang_up().await?;
    other.free(Duration::from_secs(5)).await?;
    ada.wrap_up("call-back").await?;
    ada.rest().await?;
    stage.expect(Expected {
        number,
        call,
        tones: vec![(Track::Customer, CUSTOMER_HZ), (Track::Agent, AGENT_HZ)],
        spoken: None,
    });
    Ok(())
}
