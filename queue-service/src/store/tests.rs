//! The store over every database that is there.

use shared::api::calls::{CallQuery, CallSummary};
use shared::api::recordings::RecordingQuery;
use shared::id::{CallId, RecordingId};
use shared::model::call::{EndCause, Party, QueueExit};
use shared::model::recording::{Recording, RecordingState, Track};
use shared::model::transcript::{Segment, Transcript, TranscriptState};
use shared::time::Timestamp;

use super::{Batch, Job, Row, Store, StoreError, TokenRow, testing};

fn call(number: u64, queue: &str, agent: Option<&str>, exit: Option<QueueExit>) -> CallSummary {
    CallSummary {
        id: CallId::from_u64(number),
        direction: shared::model::call::Direction::Inbound,
        from: Party::default(),
        dialled: "100".into(),
        trunk: None,
        arrived_at: Timestamp::from_secs(number.cast_signed()),
        ended_at: exit.map(|_| Timestamp::from_secs(number.cast_signed() + 60)),
        cause: exit.map(|_| EndCause::CustomerHungUp),
        queues: vec![queue.parse().expect("a queue")],
        exit,
        wait_millis: 0,
        agents: agent.into_iter().map(|agent| agent.parse().expect("an agent")).collect(),
        talk_millis: 0,
        hold_millis: 0,
        recording: None,
    }
}

fn row(seq: u64, event: &str) -> Row {
    Row { seq, at: Timestamp::from_secs(1), kind: "test".into(), call: None, event: event.into() }
}

/// One function, because they share the one PostgreSQL.
#[tokio::test]
async fn every_database_keeps_what_it_is_given() {
    for (store, _folder) in testing::all().await {
        journal(&store).await;
        calls(&store).await;
        recordings_and_transcripts(&store).await;
        tokens(&store).await;
        meta(&store).await;
    }
}

async fn journal(store: &Store) {
    let journal = store.journal();
    assert_eq!(journal.last_seq().await.expect("asked"), 0);
    let batch = Batch { rows: vec![row(1, "{\"a\":1}"), row(2, "{}")], ..Batch::default() };
    journal.append(&batch).await.expect("written");
    journal.append(&batch).await.expect("the same again is no fault");
    assert_eq!(journal.last_seq().await.expect("asked"), 2);
    assert_eq!(journal.last_of("test").await.expect("asked"), 2);
    let other = Batch { rows: vec![row(3, "{}"), row(2, "{\"b\":1}")], ..Batch::default() };
    assert!(matches!(journal.append(&other).await, Err(StoreError::Taken { seq: 2 })));
    assert_eq!(journal.last_seq().await.expect("asked"), 2, "all or nothing");
}

async fn calls(store: &Store) {
    let calls = vec![
        call(1, "sales", Some("ada"), Some(QueueExit::Answered)),
        call(2, "sales", None, Some(QueueExit::Abandoned)),
        call(3, "help", Some("ada"), Some(QueueExit::Answered)),
        call(4, "help", None, None),
    ];
    store.journal().append(&Batch { calls: calls.clone(), ..Batch::default() }).await.expect("written");
    let ids = |query: CallQuery| async move {
        let page = store.calls().list(&query).await.expect("listed");
        (page.calls.iter().map(|call| call.id.as_u64()).collect::<Vec<_>>(), page.next.map(CallId::as_u64))
    };
    let all = CallQuery::default;
    assert_eq!(ids(all()).await, (vec![4, 3, 2, 1], None));
    assert_eq!(ids(CallQuery { live: Some(true), ..all() }).await, (vec![4], None));
    assert_eq!(ids(CallQuery { live: Some(false), ..all() }).await, (vec![3, 2, 1], None));
    assert_eq!(ids(CallQuery { queue: "sales".parse().ok(), ..all() }).await, (vec![2, 1], None));
    assert_eq!(ids(CallQuery { agent: "ada".parse().ok(), ..all() }).await, (vec![3, 1], None));
    assert_eq!(ids(CallQuery { exit: Some(QueueExit::Abandoned), ..all() }).await, (vec![2], None));
    assert_eq!(ids(CallQuery { limit: Some(3), ..all() }).await, (vec![4, 3, 2], Some(2)));
    let next = CallQuery { limit: Some(3), before: Some(CallId::from_u64(2)), ..all() };
    assert_eq!(ids(next).await, (vec![1], None));
    assert_eq!(store.calls().get(CallId::from_u64(3)).await.expect("asked").as_ref(), calls.get(2));
    assert_eq!(store.calls().get(CallId::from_u64(9)).await.expect("asked"), None);
}

async fn recordings_and_transcripts(store: &Store) {
    let recording = |number: u64| Recording {
        id: RecordingId::from_u64(number),
        call: CallId::from_u64(number * 10),
        started_at: Timestamp::from_secs(1),
        state: RecordingState::Open,
        duration_millis: 0,
        tracks: Vec::new(),
        dropped_frames: 0,
    };
    for number in 1..=3 {
        store.recordings().save(&recording(number)).await.expect("saved");
    }
    let sealed = Recording { state: RecordingState::Sealed, duration_millis: 900, ..recording(2) };
    store.recordings().save(&sealed).await.expect("saved again");
    assert_eq!(store.recordings().get(sealed.id).await.expect("asked"), Some(sealed.clone()));

    let (two, call) = (sealed.id, sealed.call);
    let three = RecordingId::from_u64(3);
    let transcripts = store.transcripts();
    transcripts.save_waiting(two, call, "no speech model is configured").await.expect("saved");
    transcripts.save_running(three, CallId::from_u64(30)).await.expect("saved");
    let waiting = vec![Job { recording: two, call }, Job { recording: three, call: CallId::from_u64(30) }];
    assert_eq!(transcripts.pending().await.expect("asked"), waiting);
    let done = Transcript {
        recording: two,
        call,
        state: TranscriptState::Done,
        model: Some("tiny".into()),
        demonstration: false,
        segments: vec![Segment {
            speaker: Track::Customer,
            from_millis: 0,
            to_millis: 900,
            text: "I don't have 100% of it, Zoë.".into(),
        }],
    };
    transcripts.save_done(&done).await.expect("saved");
    transcripts.save_failed(three, CallId::from_u64(30), "broken file").await.expect("saved");
    assert_eq!(transcripts.get(two).await.expect("asked"), Some(done));
    assert_eq!(transcripts.pending().await.expect("asked"), vec![]);
    let counts = transcripts.count_by_state().await.expect("asked");
    assert_eq!(counts, [("done".to_owned(), 1), ("failed".to_owned(), 1)]);

    for (words, found) in [
        (None, vec![3, 2, 1]),
        (Some("zoë dont"), vec![2]),
        (Some("Don't, 100%!"), vec![2]),
        (Some("hav"), vec![]),
        // A question without any word finds everything that has a transcript.
        (Some("%"), vec![3, 2]),
        (Some("_"), vec![3, 2]),
    ] {
        let query = RecordingQuery { words: words.map(str::to_owned), ..RecordingQuery::default() };
        let list = store.recordings().list(&query).await.expect("listed");
        let ids: Vec<u64> = list.iter().map(|recording| recording.id.as_u64()).collect();
        assert_eq!(ids, found, "{words:?}");
    }
    let query = RecordingQuery { call: Some(call), ..RecordingQuery::default() };
    assert_eq!(store.recordings().list(&query).await.expect("listed"), vec![sealed]);
}

async fn tokens(store: &Store) {
    let token = |hash: &str, secs| TokenRow {
        hash: hash.into(),
        user: "ada".parse().expect("a user"),
        expires_at: Timestamp::from_secs(secs),
    };
    for (hash, secs) in [("a", 10), ("b", 20), ("c", 30)] {
        store.tokens().save(&token(hash, secs), Timestamp::from_secs(secs - 5)).await.expect("saved");
    }
    store.tokens().remove("b").await.expect("removed");
    let left = store.tokens().take_up(Timestamp::from_secs(10)).await.expect("asked");
    assert_eq!(left, vec![token("c", 30)]);
}

async fn meta(store: &Store) {
    let meta = store.meta();
    for (hash, version) in [("x", 1), ("x", 1), ("y", 2), ("x", 3)] {
        assert_eq!(meta.config_version(hash).await.expect("asked"), version);
    }
    meta.probe().await.expect("writable");
    assert_eq!(meta.get("nothing").await.expect("asked"), None);
}

#[tokio::test]
async fn what_is_committed_is_there_when_it_is_opened_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("deep/er/test.db").display());
    let store = Store::open(&url).await.expect("opened, with its folders");
    store.meta().set("name", "value").await.expect("set");
    drop(store);
    let store = Store::open(&url).await.expect("opened again");
    assert_eq!(store.meta().get("name").await.expect("asked").as_deref(), Some("value"));
}

#[tokio::test]
async fn a_place_that_cannot_be_is_named() {
    let error = Store::open("sqlite:/proc/nowhere/test.db").await.expect_err("not there");
    assert!(error.to_string().contains("/proc/nowhere"), "{error}");
    let error = Store::open("postgres://me:secret@127.0.0.1:1/none").await.expect_err("not there");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
}
