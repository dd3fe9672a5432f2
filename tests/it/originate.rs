//! Calls that the service places for an agent: his own phone rings first, then the number outside.

use std::time::Duration;

use agent_app::command::Command;
use agent_app::state::View;
use shared::api::error::{ApiError, ErrorCode};
use shared::model::agent::State;
use shared::model::call::{Direction, EndCause, Phase};
use shared_net::ApiClient;
use tests::desk::AgentDesk;
use tests::ear::Kind;
use tests::phone::{Answer, Phone, PhoneSetup};
use tests::ports::{self, HERE};
use tests::setup::Setup;
use tests::voice::{AGENT_HZ, CUSTOMER_HZ, Mouth};
use tests::{Outcome, wait};
use toml::Value;

use crate::floor::{Floor, SOON, hears};

/// A number outside that may be called.
const NUMBER: &str = "+4930555";

/// A service with one trunk out, the phone behind it, and one agent with his phone and his sign-in.
struct Stage {
    floor: Floor,
    cleo: ApiClient,
    desk: Phone,
    far: Phone,
}

async fn stage(answer: Answer) -> Outcome<Stage> {
    let (floor, far) = outside(answer).await?;
    let desk = PhoneSetup::desk(floor.service.setup.sip, "203", "demo-sip-203");
    let cleo = floor.service.sign_in("203").await?;
    let desk = Phone::start(PhoneSetup { mouth: Mouth::tone(AGENT_HZ), ..desk }).await?;
    floor.until("his phone", |floor| floor.agents.values().all(|agent| agent.device.is_reachable())).await?;
    Ok(Stage { floor, cleo, desk, far })
}

/// The service, and the phone that is called.
pub async fn outside(answer: Answer) -> Outcome<(Floor, Phone)> {
    let mut setup = Setup::test()?;
    setup.keep_agents(&["203"]);
    let port = ports::free_pair(HERE)?;
    setup.way_out(&format!("127.0.0.1:{port}"));
    let queue = setup.queue("support");
    queue.insert("caller_id".into(), "+493077".into());
    queue.insert("wrap_up_secs".into(), 60.into());
    setup.agent("203").insert("queues".into(), Value::Array(vec!["support".into()]));
    let far = PhoneSetup::fixed(setup.sip, "far", port);
    let far = Phone::start(PhoneSetup { mouth: Mouth::tone(CUSTOMER_HZ), answer, ..far }).await?;
    Ok((Floor::start(setup).await?, far))
}

fn refusal<T: std::fmt::Debug>(result: Result<T, ApiError>) -> (ErrorCode, String) {
    let error = result.expect_err("refused");
    (error.code, error.detail)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_calls_by_a_click_in_the_name_of_his_queue() -> Outcome {
    let stage = stage(Answer::After(Duration::from_secs(2))).await?;
    let call = stage.cleo.place_call(NUMBER.into(), Some("support".parse()?)).await?;
    stage.desk.talking(SOON).await?;
    let shown = stage.desk.state().ok_or("no call")?.peer;
    assert!(shown.name.ends_with("call to +4930555"), "{shown:?}");
    wait::until("the tone of a phone that rings", SOON, || {
        let now = shared_net::clock::now();
        let level = stage.desk.ear.level(425.0, now - Duration::from_millis(300), now).ok()?;
        level.is_heard().then_some(())
    })
    .await?;
    stage.far.talking(SOON).await?;
    hears(&stage.desk, CUSTOMER_HZ).await?;
    hears(&stage.far, AGENT_HZ).await?;
    assert_eq!(stage.far.state().ok_or("no call")?.peer.number, "+493077", "the queue's caller ID");
    let floor = stage.floor.sara.floor().await?;
    let live = &floor.calls[&call];
    assert_eq!(live.direction, Direction::Outbound);
    assert!(matches!(&live.phase, Phase::Talking { queue, .. } if queue.as_str() == "support"), "{live:?}");
    assert!(floor.agents.values().all(|agent| agent.is_talking()), "no offers for who talks");
    let again = stage.cleo.place_call(NUMBER.into(), None).await;
    assert_eq!(refusal(again), (ErrorCode::Conflict, "you are on a call".into()));

    stage.far.hang_up().await?;
    stage.desk.free(SOON).await?;
    let ended = stage.floor.one_ended().await?;
    assert_eq!(ended.summary.cause, Some(EndCause::CustomerHungUp));
    assert_eq!(ended.summary.queues, ["support".parse()?]);
    assert!(ended.summary.recording.is_some(), "as the queue wants it");
    let floor = stage.floor.until("wrap-up", |floor| {
        floor.agents.values().all(|agent| matches!(agent.state, State::WrapUp { .. }))
    });
    let counts = floor.await?.queues[&"support".parse()?].counts.clone();
    assert_eq!((counts.placed, counts.placed_answered, counts.handled), (1, 1, 1));
    assert_eq!((counts.entered, counts.answered()), (0, 0), "nobody waited");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_clicks_hears_and_reads_why_nobody_answered() -> Outcome {
    let stage = stage(Answer::Refuse).await?;
    stage.cleo.place_call(NUMBER.into(), Some("support".parse()?)).await?;
    stage.desk.talking(SOON).await?;
    wait::until("the tone of a phone that is engaged", SOON, || {
        let now = shared_net::clock::now();
        let kind = stage.desk.ear.kind(now - Duration::from_millis(400), now).ok()?;
        (kind != Kind::Silence).then_some(())
    })
    .await?;
    stage.desk.free(SOON).await?;
    let ended = stage.floor.one_ended().await?;
    assert_eq!(ended.summary.cause, Some(EndCause::NotAnswered { status: 486 }));
    let idle =
        |floor: &shared::model::floor::Floor| floor.agents.values().all(|agent| agent.state == State::Idle);
    stage.floor.until("no wrap-up for nothing", idle).await?;

    let not_allowed = refusal(stage.cleo.place_call("+1202555".into(), None).await);
    assert_eq!(not_allowed, (ErrorCode::Forbidden, "+1202555: calls to this number are not allowed".into()));
    let nonsense = refusal(stage.cleo.place_call("call me".into(), None).await);
    assert_eq!(nonsense.0, ErrorCode::BadRequest, "{nonsense:?}");
    let foreign = refusal(stage.cleo.place_call(NUMBER.into(), Some("sales".parse()?)).await);
    assert_eq!(foreign, (ErrorCode::Forbidden, "you do not take calls of sales".into()));
    let nowhere = refusal(stage.floor.sara.place_call(NUMBER.into(), None).await);
    assert_eq!(nowhere, (ErrorCode::Conflict, "your phone is not registered".into()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agents_desk_calls_and_its_own_phone_answers_by_itself() -> Outcome {
    let (floor, far) = outside(Answer::After(Duration::from_secs(1))).await?;
    let mut desk = AgentDesk::start(&floor.service, "203", Mouth::tone(AGENT_HZ)).await?;
    let queue = Some("support".parse()?);
    desk.app.send(Command::Dial { number: NUMBER.into(), queue })?;
    desk.until("the number to be called", |state| matches!(state.view(), View::Call(talk) if talk.dialling))
        .await?;
    far.talking(SOON).await?;
    desk.until("the customer to answer", |state| matches!(state.view(), View::Call(talk) if !talk.dialling))
        .await?;
    hears(&far, AGENT_HZ).await?;
    wait::until("the customer at the desk", SOON, || {
        let now = shared_net::clock::now();
        let level = desk.ear.level(CUSTOMER_HZ, now - Duration::from_millis(300), now).ok()?;
        level.is_heard().then_some(())
    })
    .await?;
    desk.hang_up().await?;
    far.free(SOON).await?;
    let ended = floor.one_ended().await?;
    assert_eq!(ended.summary.cause, Some(EndCause::AgentHungUp));
    desk.app.send(Command::Dial { number: "+1202555".into(), queue: None })?;
    desk.until("why not", |state| {
        state
            .desk
            .notices
            .iter()
            .any(|notice| notice.detail.to_lowercase().contains("calls to this number are not allowed"))
    })
    .await
}
