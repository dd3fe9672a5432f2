//! Rules of a queue over real sockets: keys of a waiting caller, nobody there, wrap-up.

use std::time::Duration;

use shared::api::agents::EndWrapUp;
use shared::api::error::ErrorCode;
use shared::id::AgentId;
use shared::model::agent::State;
use shared_desktop::phone::PhoneCommand;
use tests::phone::{Answer, Phone, PhoneSetup};
use tests::ports::{self, HERE};
use tests::setup::Setup;
use tests::sipp::Sipp;
use tests::{Outcome, wait};
use toml::Table;

use crate::floor::{Floor, SALES, SCENARIO, SOON, assert_tells};

fn table(text: &str) -> Outcome<Table> {
    Ok(text.parse()?)
}

async fn fixed(setup: &mut Setup, id: &str, queues: &[&str]) -> Outcome<Phone> {
    let port = ports::free_pair(HERE)?;
    setup.fixed_agent(id, port, queues, true);
    let answer = Answer::After(Duration::from_millis(300));
    Phone::start(PhoneSetup { answer, ..PhoneSetup::fixed(setup.sip, id, port) }).await
}

#[tokio::test]
async fn a_waiting_caller_leaves_for_another_queue_by_a_key() -> Outcome {
    let mut setup = Setup::test()?;
    setup.keep_agents(&[]);
    let keys = table(r#"keys = { "1" = { to = "queue", queue = "support" } }"#)?;
    setup.queue("sales").insert("waiting".into(), keys.into());
    let helper = fixed(&mut setup, "302", &["support"]).await?;
    let floor = Floor::start(setup).await?;
    let customer =
        Phone::start(PhoneSetup::customer(floor.service.setup.sip, "+49305550155", "Kim Key")).await?;
    customer.call(SALES).await?;
    floor.until("the call waits", |floor| !floor.calls.is_empty()).await?;
    customer.command(PhoneCommand::Key('7'))?;
    customer.command(PhoneCommand::Key('1'))?;
    helper.talking(SOON).await?;
    customer.hang_up().await?;
    let call = floor.one_ended().await?;
    assert_tells(
        &call,
        &["queued in sales", "left sales: overflowed", "queued in support", "left support: answered"],
    );
    Ok(())
}

#[tokio::test]
async fn a_queue_without_anybody_turns_callers_away_with_its_words() -> Outcome {
    let mut setup = Setup::test()?;
    setup.keep_agents(&["201"]);
    let rules = table(
        r#"
        refuse_when_all = ["offline", "not_ready"]
        when_empty = { to = "reject", status = 480 }
        "#,
    )?;
    setup.queue("sales").insert("waiting".into(), rules.into());
    let floor = Floor::start(setup).await?;
    let customer =
        Sipp::customer("customer-is-refused", floor.service.setup.sip, SALES)?.word("STATUS", "480");
    customer.start(floor.service.folder()).await?.passed(SCENARIO).await?;
    let call = floor.one_ended().await?;
    assert_tells(&call, &["left sales: overflowed", "ended: turned_away 480"]);
    Ok(())
}

#[tokio::test]
async fn wrap_up_is_extended_and_wants_its_code() -> Outcome {
    let mut setup = Setup::test()?;
    setup.keep_agents(&[]);
    let sales = setup.queue("sales");
    sales.insert("wrap_up_secs".into(), 60.into());
    sales.insert("wrap_up".into(), table("code_required = true\nextend_secs = 30\nextensions = 1")?.into());
    let agent = fixed(&mut setup, "301", &["sales"]).await?;
    let floor = Floor::start(setup).await?;
    let customer =
        Phone::start(PhoneSetup::customer(floor.service.setup.sip, "+49305550157", "Willy Wrap")).await?;
    customer.call(SALES).await?;
    agent.talking(SOON).await?;
    customer.hang_up().await?;
    let id: AgentId = "301".parse()?;
    let until = async || {
        wait::until_async("wrap-up", SOON, async || match floor.sara.agent(&id).await?.state {
            State::WrapUp { until, .. } => Ok(until),
            _ => Ok(None),
        })
        .await
    };
    let first = until().await?;
    floor.sara.extend_wrap_up(&id).await?;
    assert_eq!(until().await?, first + Duration::from_secs(30));
    let refused = floor.sara.extend_wrap_up(&id).await.expect_err("one extension is allowed");
    assert_eq!(refused.code, ErrorCode::Conflict, "{refused}");
    // A supervisor may end it without a code; the agent himself may not (see the tests of the core).
    floor.sara.end_wrap_up(&id, &EndWrapUp::default()).await?;
    floor.until("the agent is free", |floor| floor.agents[&id].state == State::Idle).await?;
    Ok(())
}
