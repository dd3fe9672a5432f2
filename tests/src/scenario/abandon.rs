//! A customer hears music, loses patience, and hangs up.

use std::time::Duration;

use shared::model::call::QueueExit;
use shared::model::event::Event;
use tokio::time::sleep;

use crate::ear::Kind;
use crate::report::Section;
use crate::stage::{Stage, listen};
use crate::voice::{CUSTOMER_HZ, Mouth};
use crate::{Outcome, wait};

/// Plays it, while no agent of the queue is ready.
pub async fn play(stage: &Stage, number: usize, section: &mut Section) -> Outcome {
    let customer = stage.customer(number, Mouth::tone(CUSTOMER_HZ)).await?;
    customer.call("3001").await?;
    let waiting = listen(2_500).await;
    section.kind("music while waiting", &customer.ear, waiting, Kind::Sound);
    section.under_music("without the own voice in it", &customer.ear, CUSTOMER_HZ, waiting);
    let call = stage.call_of(number).await?;
    section.call = Some(call);
    sleep(Duration::from_millis(300)).await;
    customer.hang_up().await?;
    let exit = wait::until_async("the end of the wait", Duration::from_secs(5), async || {
        let events = stage.events(call).await?;
        Ok(events.into_iter().find_map(|stamped| match stamped.event {
            Event::CallLeftQueue { exit, .. } => Some(exit),
            _ => None,
        }))
    })
    .await?;
    section.equal("the journal says abandoned", &exit, &QueueExit::Abandoned);
    Ok(())
}
