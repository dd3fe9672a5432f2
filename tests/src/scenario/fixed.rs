//! A phone of fixed address that never registers, ready since the service started.

use std::time::Duration;

use shared::model::recording::Track;

use crate::Outcome;
use crate::phone::Phone;
use crate::report::Section;
use crate::stage::{Expected, Stage, listen};
use crate::voice::{AGENT_HZ, CUSTOMER_HZ, Mouth};

/// Plays it.
pub async fn play(stage: &Stage, agent: &Phone, number: usize, section: &mut Section) -> Outcome {
    let customer = stage.customer(number, Mouth::tone(CUSTOMER_HZ)).await?;
    customer.call("3002").await?;
    agent.talking(Duration::from_secs(8)).await?;
    let state = agent.state().ok_or("the phone has no call")?;
    let call = state.about.call.ok_or("the phone was not told which call it is")?;
    section.call = Some(call);
    section.promise(
        "the phone shows name, queue and time waited",
        state.peer.name.contains(&format!("Customer {number}")) && state.peer.name.contains("Support"),
        &state.peer.name,
    );
    let talk = listen(2_000).await;
    section.tone("customer's tone at the phone", &agent.ear, CUSTOMER_HZ, talk, true);
    section.tone("the phone's tone at the customer", &customer.ear, AGENT_HZ, talk, true);
    customer.hang_up().await?;
    agent.free(Duration::from_secs(5)).await?;
    stage.expect(Expected {
        number,
        call,
        tones: vec![(Track::Customer, CUSTOMER_HZ), (Track::Agent, AGENT_HZ)],
        spoken: None,
    });
    Ok(())
}
