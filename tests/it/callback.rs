//! Callback in queue over real sockets: a caller leaves by a key, keeps his place through a restart, and is called.

use std::time::Duration;

use shared::api::agents::WantedStatus;
use shared::id::AgentId;
use shared::model::call::{Direction, EndCause, QueueExit};
use shared::model::decision::NonOfferMoment;
use shared_desktop::phone::PhoneCommand;
use tests::Outcome;
use tests::phone::{Answer, Phone, PhoneSetup};
use tests::ports::{self, HERE};
use tests::setup::Setup;
use tests::voice::{AGENT_HZ, CUSTOMER_HZ, Mouth};
use toml::Value;

use crate::floor::{Floor, SALES, SOON, hears};

const NUMBER: &str = "+4930555";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_leaves_by_a_key_and_is_called_back_after_a_restart() -> Outcome {
    let mut setup = Setup::test()?;
    setup.keep_agents(&["203"]);
    setup.agent("203").insert("queues".into(), Value::Array(vec!["sales".into()]));
    let port = ports::free_pair(HERE)?;
    setup.way_out(&format!("127.0.0.1:{port}"));
    let queue = setup.queue("sales");
    queue.insert("callback".into(), toml::from_str::<Value>("attempts = 2")?);
    queue.insert("waiting".into(), toml::from_str::<Value>("keys = { '5' = { to = 'callback' } }")?);
    queue.insert("wrap_up_secs".into(), 60.into());
    let (sip, answer) = (setup.sip, Answer::After(Duration::from_millis(500)));
    let mut floor = Floor::start(setup).await?;

    let customer = Phone::start(PhoneSetup::customer(sip, NUMBER, "Carla")).await?;
    customer.call(SALES).await?;
    customer.talking(SOON).await?;
    floor.until("the call in its queue", |floor| floor.tally.calls.len() == 1).await?;
    // Why nobody has it: once when it came, once for who asks.
    let waiting = floor.sara.floor().await?.calls.keys().copied().next().ok_or("no call")?;
    let why = floor.sara.non_offers(waiting).await?;
    let [came, now] = why.as_slice() else { return Err(format!("two records: {why:?}").into()) };
    assert_eq!((came.record.moment, now.record.moment), (NonOfferMoment::Queued, NonOfferMoment::Asked));
    assert!(came.words.starts_with("Offered to nobody when it came. Cleo"), "{}", came.words);
    assert!(now.words.contains(": not signed in. It had waited 0:0"), "{}", now.words);
    customer.command(PhoneCommand::Key('5'))?;
    customer.free(SOON).await?;
    let taken = floor.one_ended().await?;
    assert_eq!(taken.summary.cause, Some(EndCause::CallbackTaken));
    assert_eq!(taken.summary.exit, Some(QueueExit::CallbackTaken));
    let open = floor.sara.callbacks(&"sales".parse()?).await?;
    assert_eq!(open.iter().map(|open| open.to.number.as_str()).collect::<Vec<_>>(), [NUMBER]);

    floor.service.stop().await?;
    floor.service.begin().await?;
    floor.sara = floor.service.sign_in("sara").await?;
    let again = floor.sara.callbacks(&"sales".parse()?).await?;
    assert_eq!(again, open, "kept with its place");

    let far = PhoneSetup::fixed(sip, "far", port);
    let far = Phone::start(PhoneSetup { mouth: Mouth::tone(CUSTOMER_HZ), answer, ..far }).await?;
    let desk = PhoneSetup::desk(sip, "203", "demo-sip-203");
    let desk = Phone::start(PhoneSetup { mouth: Mouth::tone(AGENT_HZ), ..desk }).await?;
    let cleo = floor.service.sign_in("203").await?;
    floor.until("his phone", |floor| floor.agents.values().all(|agent| agent.device.is_reachable())).await?;
    cleo.set_status(&"203".parse::<AgentId>()?, WantedStatus::Ready).await?;
    desk.talking(SOON).await?;
    let shown = desk.state().ok_or("no call")?.peer;
    assert!(shown.name.starts_with("callback to "), "{shown:?}");
    far.talking(SOON).await?;
    hears(&desk, CUSTOMER_HZ).await?;
    hears(&far, AGENT_HZ).await?;
    assert!(floor.sara.callbacks(&"sales".parse()?).await?.is_empty());
    far.hang_up().await?;
    desk.free(SOON).await?;
    let calls = floor.ended(2).await?;
    assert!(floor.sara.non_offers(waiting).await?.len() == 1, "only what the journal has, once it is over");
    assert_eq!(calls[0].summary.direction, Direction::Outbound);
    assert_eq!(calls[0].summary.cause, Some(EndCause::CustomerHungUp));
    let view = floor.sara.floor().await?.queues[&"sales".parse()?].counts.clone();
    assert_eq!((view.entered, view.callback_taken, view.abandoned(), view.answered()), (1, 1, 0, 0));
    assert_eq!((view.placed, view.placed_answered, view.handled), (1, 1, 1));
    Ok(())
}
