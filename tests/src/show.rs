//! The demonstration without windows: plays the scenarios on two queues side by side, then checks everything.
//!
//! ```text
//! sales    talk, supervision, abandon, missed, hold, transfer ─┐ speech at the desk
//! support  baresip, fixed contact ─────────────────────────────┘ speech at the phone
//! ```

use std::path::Path;
use std::time::{Duration, Instant};

use shared::api::agents::{EndWrapUp, WantedStatus};
use shared::id::AgentId;
use shared::model::agent::State;
use tokio::sync::Mutex;

use crate::desk::{AgentDesk, Console};
use crate::finale::{self, Totals};
use crate::phone::{Answer, Phone, PhoneSetup};
use crate::report::{Report, Section};
use crate::scenario::{self, Desks};
use crate::stage::Stage;
use crate::voice::{AGENT_HZ, Mouth, SUPERVISOR_HZ};
use crate::{Outcome, wait};

/// The first calls, in order; all further ones are of speech.
const TITLES: [&str; 8] = [
    "Two people talk",
    "Listen, whisper, barge, take over, and back",
    "Abandoned while waiting",
    "Missed by the first agent, offered to the next",
    "Sent to the other queue",
    "Hold and back",
    "Answered by baresip, a registered phone",
    "Answered by a phone of fixed address",
];

/// Plays so many calls on a new service; `folder` keeps its data. Progress goes to standard error.
pub async fn play(program: &Path, folder: Option<&Path>, calls: u32) -> Outcome<Report> {
    let begin = Instant::now();
    eprintln!("Starting the service …");
    let stage = Stage::set(program, folder).await?;
    eprintln!("The wallboard is at {}/wallboard", stage.service.url());
    let sections = Mutex::new(Vec::new());
    let support = Support::open(&stage).await?;
    let mut desks = Desks {
        ada: AgentDesk::start(&stage.service, "201", Mouth::tone(AGENT_HZ)).await?,
        ben: AgentDesk::start(&stage.service, "202", Mouth::tone(AGENT_HZ)).await?,
        sara: Console::start(&stage.service, "sara", Mouth::tone(SUPERVISOR_HZ)).await?,
    };
    let calls_here = calls as usize;
    tokio::join!(
        sales(&stage, &mut desks, &support, calls_here, &sections),
        other(&stage, &support, calls_here, &sections),
    );
    let mut sections = sections.into_inner();
    sections.sort_by_key(|(number, _)| *number);
    let mut sections: Vec<Section> = sections.into_iter().map(|(_, section)| section).collect();
    eprintln!("The calls are over; checking recordings, transcripts and totals …");
    for expected in stage.expected() {
        let title = format!("Recording of call {}", expected.number);
        sections
            .push(timed(title, async |section| finale::recording(&stage, &expected, section).await).await);
    }
    sections
        .push(timed("Totals", async |section| finale::totals(&stage, wanted(calls), section).await).await);
    desks.ada.app.quit().await;
    desks.ben.app.quit().await;
    desks.sara.app.quit().await;
    drop(support);
    let Stage { mut service, .. } = stage;
    sections.push(
        timed("The end", async |section| {
            let status = service.stop().await?;
            section.promise("the service stops in order", status.success(), status);
            Ok(())
        })
        .await,
    );
    Ok(Report::new(calls, begin.elapsed().as_secs_f32(), sections))
}

/// What so many calls add up to.
fn wanted(calls: u32) -> Totals {
    let has = |number: u32| u64::from(calls >= number);
    let calls = u64::from(calls);
    Totals {
        entered: calls + has(5),
        answered: calls - has(3) + has(5),
        abandoned: has(3),
        missed: has(4),
        transferred: has(5),
    }
}

/// Plays a part and notes how long it took; an error is a broken promise.
async fn timed(title: impl Into<String>, part: impl AsyncFnOnce(&mut Section) -> Outcome) -> Section {
    let begin = Instant::now();
    let mut section = Section::new(title);
    if let Err(error) = part(&mut section).await {
        section.promise("it goes to its end", false, error);
    }
    section.secs = begin.elapsed().as_secs_f32();
    section
}

type Sections = Mutex<Vec<(usize, Section)>>;

async fn act(sections: &Sections, number: usize, part: impl AsyncFnOnce(&mut Section) -> Outcome) {
    let title = TITLES.get(number - 1).map_or("A conversation", |title| title);
    eprintln!("Call {number}: {title} …");
    let section = timed(format!("Call {number}: {title}"), part).await;
    eprintln!("Call {number}: {}", if section.held() { "every promise held" } else { "FAILED" });
    sections.lock().await.push((number, section));
}

async fn sales(stage: &Stage, desks: &mut Desks, support: &Support, calls: usize, sections: &Sections) {
    for number in 1..=calls.min(6) {
        act(sections, number, async |section| match number {
            1 => scenario::talk::play(stage, desks, number, section).await,
            2 => scenario::supervision::play(stage, desks, number, section).await,
            3 => scenario::abandon::play(stage, number, section).await,
            4 => scenario::missed::play(stage, desks, number, section).await,
            5 => {
                let phone = support.turn.lock().await;
                support.ready().await?;
                scenario::transfer::play(stage, desks, &phone, number, section).await?;
                support.wrap_up().await
            }
            _ => scenario::hold::play(stage, desks, number, section).await,
        })
        .await;
    }
    for number in (9..=calls).step_by(2) {
        act(sections, number, async |section| {
            scenario::speech::at_desk(stage, &mut desks.ada, number, section).await
        })
        .await;
    }
}

async fn other(stage: &Stage, support: &Support, calls: usize, sections: &Sections) {
    for number in 7..=calls.min(8) {
        act(sections, number, async |section| {
            let phone = support.turn.lock().await;
            if number == 7 {
                support.rest().await?;
                let played = scenario::phone::play(stage, number, section).await;
                support.ready().await?;
                return played;
            }
            support.ready().await?;
            scenario::fixed::play(stage, &phone, number, section).await?;
            support.wrap_up().await
        })
        .await;
    }
    for number in (10..=calls).step_by(2) {
        act(sections, number, async |section| {
            let phone = support.turn.lock().await;
            support.ready().await?;
            let played = scenario::speech::at_phone(stage, &phone, number, section).await;
            phone.mouth.hum(AGENT_HZ);
            played?;
            support.wrap_up().await
        })
        .await;
    }
}

/// The phone of fixed address in the queue "support": one scenario has it at a time.
struct Support {
    turn: Mutex<Phone>,
    agent: AgentId,
    /// May change the status of others.
    floor: shared_net::ApiClient,
}

impl Support {
    async fn open(stage: &Stage) -> Outcome<Support> {
        let setup = PhoneSetup {
            answer: Answer::After(Duration::from_millis(300)),
            mouth: Mouth::tone(AGENT_HZ),
            ..PhoneSetup::fixed(stage.sip(), "204", stage.fixed_port)
        };
        let phone = Phone::start(setup).await?;
        let floor = stage.service.sign_in("admin").await?;
        Ok(Support { turn: Mutex::new(phone), agent: "204".parse()?, floor })
    }

    async fn ready(&self) -> Outcome {
        self.floor.set_status(&self.agent, WantedStatus::Ready).await?;
        Ok(())
    }

    async fn rest(&self) -> Outcome {
        self.floor.set_status(&self.agent, WantedStatus::NotReady { reason: None }).await?;
        Ok(())
    }

    async fn wrap_up(&self) -> Outcome {
        wait::until_async("wrap-up of agent 204", Duration::from_secs(5), async || {
            let view = self.floor.agent(&self.agent).await?;
            Ok(matches!(view.state, State::WrapUp { .. }).then_some(()))
        })
        .await?;
        Ok(self.floor.end_wrap_up(&self.agent, &EndWrapUp::default()).await?)
    }
}
