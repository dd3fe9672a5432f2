//! A supervisor listens, whispers, barges in, takes over, and goes back to listening, on one live call.

use std::time::Duration;

use shared::model::call::SupervisionMode;
use shared::model::recording::Track;

use super::Desks;
use crate::Outcome;
use crate::report::Section;
use crate::stage::{Expected, Stage, listen};
use crate::voice::{AGENT_HZ, CUSTOMER_HZ, Mouth, SUPERVISOR_HZ};

/// Whom each one hears, in the order customer, agent, supervisor.
struct Hearing {
    mode: SupervisionMode,
    customer: [bool; 3],
    agent: [bool; 3],
    supervisor: [bool; 3],
}

const STEPS: &[Hearing] = &[
    Hearing {
        mode: SupervisionMode::Monitor,
        customer: [false, true, false],
        agent: [true, false, false],
        supervisor: [true, true, false],
    },
    Hearing {
        mode: SupervisionMode::Whisper,
        customer: [false, true, false],
        agent: [true, false, true],
        supervisor: [true, true, false],
    },
    Hearing {
        mode: SupervisionMode::Barge,
        customer: [false, true, true],
        agent: [true, false, true],
        supervisor: [true, true, false],
    },
    Hearing {
        mode: SupervisionMode::TakeOver,
        customer: [false, false, true],
        agent: [false, false, false],
        supervisor: [true, false, false],
    },
    Hearing {
        mode: SupervisionMode::Monitor,
        customer: [false, true, false],
        agent: [true, false, false],
        supervisor: [true, true, false],
    },
];

/// Plays it.
pub async fn play(stage: &Stage, desks: &mut Desks, number: usize, section: &mut Section) -> Outcome {
    let (ada, sara) = (&mut desks.ada, &mut desks.sara);
    ada.ready().await?;
    let customer = stage.customer(number, Mouth::tone(CUSTOMER_HZ)).await?;
    customer.call("3001").await?;
    let call = ada.rings(Duration::from_secs(6)).await?;
    section.call = Some(call);
    ada.answer().await?;
    for (index, step) in STEPS.iter().enumerate() {
        sara.supervise(call, step.mode).await?;
        if index == 0 {
            let muted = sara.app.state.desk.phone.call.as_ref().map(|call| call.muted);
            section.equal("the microphone begins muted", &muted, &Some(true));
        }
        let heard = listen(1_300).await;
        ada.app.drain();
        let again = if index > 2 && step.mode == SupervisionMode::Monitor { ", again" } else { "" };
        let tones = [("customer", CUSTOMER_HZ), ("agent", AGENT_HZ), ("supervisor", SUPERVISOR_HZ)];
        let ears = [
            ("customer", &customer.ear, step.customer),
            ("agent", &ada.ear, step.agent),
            ("supervisor", &sara.ear, step.supervisor),
        ];
        for (listener, ear, wanted) in ears {
            for ((speaker, hz), is_heard) in tones.into_iter().zip(wanted) {
                let verb = if is_heard { "hears" } else { "does not hear" };
                let name = format!("{}{again}: the {listener} {verb} the {speaker}", step.mode.label());
                section.tone(&name, ear, hz, heard, is_heard);
            }
        }
    }
    sara.leave(call).await?;
    let talk = listen(800).await;
    section.tone("talk goes on when the supervisor has left", &customer.ear, AGENT_HZ, talk, true);
    customer.hang_up().await?;
    ada.wrap_up("question").await?;
    ada.rest().await?;
    stage.expect(Expected {
        number,
        call,
        tones: vec![
            (Track::Customer, CUSTOMER_HZ),
            (Track::Agent, AGENT_HZ),
            (Track::Supervisor, SUPERVISOR_HZ),
        ],
        spoken: None,
    });
    Ok(())
}
