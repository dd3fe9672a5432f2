//! The first agent lets it ring: not ready, told so, and the call is offered to the next at its old place (RONA).

use std::time::Duration;

use agent_app::state::State;
use shared::id::CallId;
use shared::model::agent::NotReadyReason;
use shared::model::call::{OfferOutcome, Phase};
use shared::model::event::Event;
use shared::model::recording::Track;
use shared::time::Timestamp;

use super::Desks;
use crate::Outcome;
use crate::report::Section;
use crate::stage::{Expected, Stage, listen};
use crate::voice::{AGENT_HZ, CUSTOMER_HZ, Mouth};

/// Plays it.
pub async fn play(stage: &Stage, desks: &mut Desks, number: usize, section: &mut Section) -> Outcome {
    let (ada, ben) = (&mut desks.ada, &mut desks.ben);
    ada.ready().await?;
    // Ada is idle longer, so it is her turn.
    tokio::time::sleep(Duration::from_millis(200)).await;
    ben.ready().await?;
    let customer = stage.customer(number, Mouth::tone(CUSTOMER_HZ)).await?;
    customer.call("3001").await?;
    let call = ada.rings(Duration::from_secs(6)).await?;
    section.call = Some(call);
    ada.app
        .until("the missed call at the first desk", Duration::from_secs(10), |state| {
            matches!(state.forced(), Some(NotReadyReason::MissedOffer { .. }))
        })
        .await?;
    let told = ada.app.state.forced().cloned();
    section.equal("the first agent is told", &told, &Some(NotReadyReason::MissedOffer { call }));
    let again = ben.rings(Duration::from_secs(6)).await?;
    section.equal("the same call rings at the second desk", &again, &call);
    // The phone may be quicker than the live feed.
    ben.until("the offer on the floor", |state| waiting_since(state, call).is_some()).await?;
    let since = waiting_since(&ben.app.state, call);
    ben.answer().await?;
    let talk = listen(1_200).await;
    section.tone("customer's tone at the second agent", &ben.ear, CUSTOMER_HZ, talk, true);
    section.tone("second agent's tone at the customer", &customer.ear, AGENT_HZ, talk, true);
    let events = stage.events(call).await?;
    let queued: Vec<_> = events
        .iter()
        .filter_map(|stamped| match &stamped.event {
            Event::CallQueued { since, .. } => Some(*since),
            _ => None,
        })
        .collect();
    section.equal("it was queued once", &queued.len(), &1);
    section.equal("and waits since then", &since, &queued.first().copied());
    let outcomes: Vec<_> = events
        .iter()
        .filter_map(|stamped| match &stamped.event {
            Event::OfferEnded { agent, outcome, .. } => Some((agent.to_string(), *outcome)),
            _ => None,
        })
        .collect();
    let wanted = [("201".to_owned(), OfferOutcome::Missed), ("202".to_owned(), OfferOutcome::Answered)];
    section.equal("the offers ended so", &outcomes.as_slice(), &wanted.as_slice());
    let decisions = stage.api.decisions(call).await?;
    let said = decisions.iter().filter(|record| !record.words.is_empty()).count();
    section.promise(
        "both offers have their decision record",
        decisions.len() == 2 && said == 2,
        decisions.iter().map(|record| record.words.as_str()).collect::<Vec<_>>().join(" | "),
    );
    customer.hang_up().await?;
    ben.wrap_up("question").await?;
    ben.rest().await?;
    stage.expect(Expected {
        number,
        call,
        tones: vec![(Track::Customer, CUSTOMER_HZ), (Track::Agent, AGENT_HZ)],
        spoken: None,
    });
    Ok(())
}

/// Since when the call that is offered has waited, as this desk sees it.
fn waiting_since(state: &State, call: CallId) -> Option<Timestamp> {
    match &state.desk.floor.calls.get(&call)?.phase {
        Phase::Offered { since, .. } => Some(*since),
        _ => None,
    }
}
