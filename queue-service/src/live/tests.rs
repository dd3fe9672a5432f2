//! The hub over a real journal: numbers, resuming, saving, starting again.

use std::path::Path;
use std::sync::Arc;

use shared::api::calls::CallQuery;
use shared::api::reports::JournalQuery;
use shared::id::CallId;
use shared::model::call::{Direction, EndCause, Party, QueueExit};
use shared::model::event::Event;

use super::hub::{Hub, Start};
use crate::acd::{AcdConfig, Input, Told, Witnessed};
use crate::config::Config;
use crate::store::{Store, testing};

fn config() -> Config {
    let text = r#"
        [[queues]]
        id = "sales"
        name = "Sales"
        [[agents]]
        id = "ada"
        name = "Ada"
        queues = ["sales"]
    "#;
    Config::parse(text, Path::new("test.toml")).expect("a right configuration")
}

fn arrive(number: u64) -> Event {
    let from = Party { number: "+4930123".into(), name: String::new() };
    Event::CallArrived { call: CallId::from_u64(number), from, dialled: "100".into(), trunk: None }
}

fn queue(number: u64) -> Event {
    Event::CallQueued {
        call: CallId::from_u64(number),
        queue: "sales".parse().expect("a queue"),
        priority_secs: 0,
        since: crate::clock::now(),
        only: None,
    }
}

fn leave(number: u64, exit: QueueExit) -> Event {
    let queue = "sales".parse().expect("a queue");
    Event::CallLeftQueue { call: CallId::from_u64(number), queue, exit, wait_millis: 1_500 }
}

async fn open(store: &Store) -> Hub {
    Hub::open(store, &config()).await.expect("the hub opens")
}

#[tokio::test]
async fn numbers_have_no_gaps_and_the_journal_has_them_all() {
    let (store, _folder) = testing::sqlite().await;
    let hub = open(&store).await;
    let first = hub.last_seq();
    for number in 1..=700 {
        let published = hub.publish(arrive(number));
        assert_eq!(published.stamped.seq, first + number);
    }
    hub.durable(hub.last_seq()).await;
    let query = JournalQuery { after: 0, limit: Some(5_000) };
    let events = store.journal().list(&query).await.expect("the journal is read");
    let numbers: Vec<u64> = events.iter().map(|stamped| stamped.seq).collect();
    assert_eq!(numbers, (1..=first + 700).collect::<Vec<_>>());
    assert_eq!(store.calls().list(&CallQuery::default()).await.expect("calls").calls.len(), 100);
    assert!(hub.health().is_ok());
}

#[tokio::test]
async fn a_call_that_a_person_places_has_its_row() {
    let (store, _folder) = testing::sqlite().await;
    let hub = open(&store).await;
    let call = CallId::from_u64(1);
    hub.publish(Event::CallPlaced {
        call,
        by: "ada".parse().expect("a user"),
        direction: Direction::Outbound,
        to: Party { number: "+4930".into(), name: String::new() },
        colleague: None,
        queue: None,
    });
    hub.publish(Event::CallEnded { call, cause: EndCause::NotAnswered { status: 486 } });
    hub.durable(hub.last_seq()).await;
    let row = store.calls().get(call).await.expect("asked").expect("there");
    assert_eq!((row.direction, row.dialled.as_str()), (Direction::Outbound, "+4930"));
    assert_eq!(row.cause, Some(EndCause::NotAnswered { status: 486 }));
}

#[tokio::test]
async fn a_new_run_has_the_same_picture_and_ends_what_was_left_open() {
    let (store, _folder) = testing::sqlite().await;
    let hub = open(&store).await;
    for event in [arrive(1), queue(1), leave(1, QueueExit::Answered), arrive(2), queue(2)] {
        hub.publish(event);
    }
    hub.publish(Event::CallEnded { call: CallId::from_u64(1), cause: EndCause::CustomerHungUp });
    let last = hub.last_seq();
    hub.durable(last).await;
    let before = hub.floor();
    // Dropped without closing, as when the process is killed.
    drop(hub);
    let hub = open(&store).await;
    let after = hub.floor();
    assert_eq!(after.seq, last + 2, "the start and the end of the lost call, nothing else changed");
    let sales = "sales".parse().expect("a queue");
    let counts =
        |floor: &shared::model::floor::Floor| floor.queues.get(&sales).map(|view| view.counts.clone());
    let (old, new) = (counts(&before).expect("before"), counts(&after).expect("after"));
    assert_eq!((new.entered, new.answered(), new.failed), (2, 1, 1));
    assert_eq!(old.answered_in_target, new.answered_in_target);
    assert_eq!(hub.day_report(crate::clock::now()).wait.count, 1);
    hub.durable(hub.last_seq()).await;
    let call = store.calls().get(CallId::from_u64(2)).await.expect("asked").expect("there");
    assert_eq!(call.cause, Some(EndCause::Lost));
}

#[tokio::test]
async fn a_saved_picture_equals_the_folded_one() {
    let (store, _folder) = testing::sqlite().await;
    let hub = open(&store).await;
    for number in 1..=3 {
        hub.publish(arrive(number));
        hub.publish(queue(number));
        hub.publish(leave(number, QueueExit::Answered));
    }
    let folded = hub.day_report(crate::clock::now());
    hub.close().await;
    drop(hub);
    let saved = store.meta().get("picture").await.expect("asked").expect("saved on closing");
    assert!(saved.contains("\"day\""));
    let resumed = open(&store).await.day_report(crate::clock::now());
    assert_eq!(resumed.total, folded.total);
    assert_eq!(resumed.wait, folded.wait);
    // A picture of another version is not trusted; the journal gives the same.
    store.meta().set("picture", "{}").await.expect("spoiled");
    let again = open(&store).await.day_report(crate::clock::now());
    assert_eq!(again.total, folded.total);
    assert_eq!(again.wait, folded.wait);
}

#[tokio::test]
async fn a_feed_resumes_by_number() {
    let (store, _folder) = testing::sqlite().await;
    let hub = open(&store).await;
    let known = hub.last_seq();
    hub.publish(arrive(1));
    hub.publish(arrive(2));
    let numbers = |start: Start| match start {
        Start::Events(events) => {
            Ok(events.iter().map(|published| published.stamped.seq - known).collect::<Vec<_>>())
        }
        Start::Floor(floor) => Err(floor.seq - known),
    };
    assert_eq!(numbers(hub.subscribe(Some(known)).start), Ok(vec![1, 2]));
    assert_eq!(numbers(hub.subscribe(Some(known + 1)).start), Ok(vec![2]));
    assert_eq!(numbers(hub.subscribe(Some(known + 2)).start), Ok(vec![]));
    assert_eq!(numbers(hub.subscribe(None).start), Err(2));
    assert_eq!(numbers(hub.subscribe(Some(known + 3)).start), Err(2), "a number of another journal");
    let mut feed = hub.subscribe(Some(known + 2));
    hub.publish(arrive(3));
    assert_eq!(feed.events.recv().await.expect("an event").stamped.seq, known + 3);
    for number in 0..9_000 {
        hub.publish(arrive(10 + number));
    }
    assert_eq!(numbers(hub.subscribe(Some(known + 2)).start), Err(9_003), "too far back");
    assert!(feed.events.recv().await.is_err(), "a slow feed is out");
}

#[tokio::test]
async fn holding_the_picture_does_not_change_it() {
    let (store, _folder) = testing::sqlite().await;
    let hub = open(&store).await;
    let held = hub.floor();
    let copy = Arc::new((*held).clone());
    hub.publish(arrive(1));
    assert_eq!(held, copy);
    assert_eq!(hub.floor().calls.len(), 1);
}

#[tokio::test]
async fn a_removed_agent_leaves_the_floor() {
    let (store, _folder) = testing::sqlite().await;
    let version = open(&store).await.config_version();
    let text = "[[queues]]\nid = \"sales\"\nname = \"Sales and more\"\n";
    let changed = Config::parse(text, Path::new("test.toml")).expect("a right configuration");
    let hub = Hub::open(&store, &changed).await.expect("the hub opens");
    assert_eq!(hub.config_version(), version + 1);
    let floor = hub.floor();
    assert!(floor.agents.is_empty());
    assert_eq!(floor.queues.values().next().map(|view| view.info.name.as_str()), Some("Sales and more"));
}

#[tokio::test]
async fn an_unwritable_journal_is_told_and_nothing_is_lost() {
    let (store, _folder) = testing::sqlite().await;
    let hub = open(&store).await;
    // Another service takes the next number.
    let seq = hub.last_seq() + 1;
    let row = crate::store::Row {
        seq,
        at: crate::clock::now(),
        kind: "call_held".into(),
        call: None,
        event: "{}".into(),
    };
    let batch = crate::store::Batch { rows: vec![row], ..Default::default() };
    store.journal().append(&batch).await.expect("written");
    hub.publish(arrive(1));
    while hub.health().is_ok() {
        tokio::task::yield_now().await;
    }
    let reason = hub.health().expect_err("it is told");
    assert!(reason.contains("another service"), "{reason}");
    assert_eq!(hub.durable_seq(), seq - 1);
}

#[tokio::test]
async fn what_the_routing_is_told_stands_between_the_events_and_in_no_feed() {
    let (store, _folder) = testing::sqlite().await;
    let hub = open(&store).await;
    let first = hub.last_seq();
    let mut feed = hub.subscribe(Some(first)).events;
    let mut acd = Witnessed::new(crate::clock::now(), AcdConfig::default(), 7);
    let tell = |hub: &Hub, acd: &mut Witnessed, input: Input| {
        acd.handle(crate::clock::now(), input);
        while let Some((at, told)) = acd.take_told() {
            hub.told(at, told);
        }
    };
    tell(&hub, &mut acd, Input::Tick);
    hub.publish(arrive(1));
    tell(&hub, &mut acd, Input::CallerGone { call: CallId::from_u64(1) });
    tell(&hub, &mut acd, Input::DayStarted);
    hub.publish(arrive(2));
    hub.close().await;
    let rows = store.journal().told(1, 100).await.expect("read");
    let shape: Vec<_> = rows.iter().map(|row| (row.number, row.after - first, row.begins)).collect();
    assert_eq!(shape, [(1, 0, true), (2, 0, false), (3, 1, false), (4, 1, true), (5, 1, false)]);
    for row in &rows {
        serde_json::from_str::<Told>(&row.told).expect("it is read again");
    }
    assert!(rows.get(2).is_some_and(|row| row.told.contains("caller_gone")), "{rows:?}");
    let mut seen = Vec::new();
    while let Ok(published) = feed.try_recv() {
        seen.push(published.stamped.seq - first);
    }
    assert_eq!(seen, [1, 2], "events only");
    // The next run goes on counting.
    let hub = open(&store).await;
    tell(&hub, &mut acd, Input::Tick);
    hub.close().await;
    let numbers: Vec<_> =
        store.journal().told(5, 100).await.expect("read").iter().map(|row| row.number).collect();
    assert_eq!(numbers, [5, 6]);
    assert_eq!(store.journal().beginnings().await.expect("read").len(), 2);
}
