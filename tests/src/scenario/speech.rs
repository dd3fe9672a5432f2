//! Two people speak sentences in turns; the transcript is compared with them in the end.

use std::time::Duration;

use shared::id::CallId;
use shared_net::clock;
use tokio::time::sleep;

use crate::Outcome;
use crate::clip::Clip;
use crate::desk::AgentDesk;
use crate::ear::{Ear, Kind};
use crate::phone::Phone;
use crate::report::Section;
use crate::stage::{Expected, Stage};
use crate::voice::Mouth;

/// Longer than the pause that cuts utterances.
const PAUSE: Duration = Duration::from_millis(1_300);

/// The call is taken at the agent's desk.
pub async fn at_desk(stage: &Stage, desk: &mut AgentDesk, number: usize, section: &mut Section) -> Outcome {
    desk.mouth.hush();
    desk.ready().await?;
    let customer = stage.customer(number, Mouth::silent()).await?;
    customer.call("3001").await?;
    let call = desk.rings(Duration::from_secs(6)).await?;
    section.call = Some(call);
    desk.answer().await?;
    talk(stage, &customer, (&desk.mouth, &desk.ear), call, number, section).await?;
    desk.app.drain();
    customer.hang_up().await?;
    desk.wrap_up("sold").await?;
    desk.rest().await
}

/// The call is taken by the phone of fixed address.
pub async fn at_phone(stage: &Stage, agent: &Phone, number: usize, section: &mut Section) -> Outcome {
    agent.mouth.hush();
    let customer = stage.customer(number, Mouth::silent()).await?;
    customer.call("3002").await?;
    agent.talking(Duration::from_secs(8)).await?;
    let call = agent.state().and_then(|state| state.about.call).ok_or("the phone has no call")?;
    section.call = Some(call);
    talk(stage, &customer, (&agent.mouth, &agent.ear), call, number, section).await?;
    customer.hang_up().await?;
    agent.free(Duration::from_secs(5)).await
}

async fn talk(
    stage: &Stage,
    customer: &Phone,
    (mouth, ear): (&Mouth, &Ear),
    call: CallId,
    number: usize,
    section: &mut Section,
) -> Outcome {
    let of = |clips: &[Clip], turn: usize| clips[(2 * number + turn) % clips.len()].clone();
    let said: Vec<Clip> = (0..2).map(|turn| of(&stage.clips.customer, turn)).collect();
    let answered: Vec<Clip> = (0..2).map(|turn| of(&stage.clips.agent, turn)).collect();
    sleep(Duration::from_millis(700)).await;
    for (question, reply) in said.iter().zip(&answered) {
        say(&customer.mouth, question, ear, "agent", section).await;
        say(mouth, reply, &customer.ear, "customer", section).await;
    }
    let words = |clips: &[Clip]| clips.iter().map(|clip| clip.words.as_str()).collect::<Vec<_>>().join(" ");
    stage.expect(Expected {
        number,
        call,
        tones: Vec::new(),
        spoken: Some((words(&said), words(&answered))),
    });
    Ok(())
}

/// Says a clip, and notes whether the other one hears speech meanwhile.
async fn say(mouth: &Mouth, clip: &Clip, other: &Ear, who: &str, section: &mut Section) {
    let from = clock::now();
    mouth.say(clip);
    sleep(Duration::from_millis(clip.millis()) + PAUSE).await;
    // The way through the service takes less than the pause.
    let to = from + Duration::from_millis(clip.millis() + 300);
    section.kind(&format!("the {who} hears {:?}", clip.words), other, (from, to), Kind::Sound);
}
