use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use super::*;
use crate::transcript::test_data::{clip, write_track};

/// Longer than anything here takes; a test that waits so long fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// A store in memory.
#[derive(Default)]
struct Memory {
    jobs: Mutex<BTreeMap<RecordingId, (CallId, Kept)>>,
    refuses: AtomicBool,
}

#[derive(Debug, Clone, PartialEq)]
enum Kept {
    Waiting(String),
    Running,
    Done(Transcript),
    Failed(String),
}

impl Memory {
    fn put(&self, recording: RecordingId, call: CallId, kept: Kept) -> Result<(), JobStoreError> {
        if self.refuses.load(Ordering::Relaxed) {
            return Err("disk full".into());
        }
        self.jobs.lock().expect("unpoisoned").insert(recording, (call, kept));
        Ok(())
    }

    fn kept(&self, job: Job) -> Option<Kept> {
        self.jobs.lock().expect("unpoisoned").get(&job.recording).map(|(_, kept)| kept.clone())
    }
}

impl JobStore for Memory {
    async fn save_waiting(&self, job: Job, reason: &str) -> Result<(), JobStoreError> {
        self.put(job.recording, job.call, Kept::Waiting(reason.into()))
    }

    async fn save_running(&self, job: Job) -> Result<(), JobStoreError> {
        self.put(job.recording, job.call, Kept::Running)
    }

    async fn save_done(&self, transcript: &Transcript) -> Result<(), JobStoreError> {
        self.put(transcript.recording, transcript.call, Kept::Done(transcript.clone()))
    }

    async fn save_failed(&self, job: Job, reason: &str) -> Result<(), JobStoreError> {
        self.put(job.recording, job.call, Kept::Failed(reason.into()))
    }

    async fn pending(&self, limit: u32) -> Result<Vec<Job>, JobStoreError> {
        let jobs = self.jobs.lock().expect("unpoisoned");
        let waits = |kept: &Kept| matches!(kept, Kept::Waiting(_) | Kept::Running);
        let pending = jobs.iter().filter(|(_, (_, kept))| waits(kept));
        Ok(pending
            .take(limit as usize)
            .map(|(recording, (call, _))| Job { recording: *recording, call: *call })
            .collect())
    }
}

struct Scene {
    folder: tempfile::TempDir,
    store: Arc<Memory>,
    runtime: tokio::runtime::Runtime,
}

fn job(number: u64) -> Job {
    Job { recording: RecordingId::from_u64(number), call: CallId::from_u64(number + 1_000) }
}

impl Scene {
    fn new() -> Self {
        Scene {
            folder: tempfile::tempdir().expect("a folder"),
            store: Arc::new(Memory::default()),
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .build()
                .expect("a runtime"),
        }
    }

    fn start(&self, settings: Settings) -> (Transcriber, mpsc::Receiver<Event>) {
        let _inside = self.runtime.enter();
        let (sender, events) = mpsc::channel();
        let folder = self.folder.path().to_owned();
        let tracks_of = move |recording: RecordingId| {
            let path = folder.join(format!("{recording}.wav"));
            if path.exists() { vec![(Track::Customer, path)] } else { Vec::new() }
        };
        let publish = move |event| {
            let _ = sender.send(event);
        };
        let transcriber =
            Transcriber::start(settings, self.store.clone(), tracks_of, publish).expect("a thread");
        (transcriber, events)
    }

    fn enqueue(&self, transcriber: &Transcriber, job: Job) {
        self.runtime.block_on(transcriber.enqueue(job.recording, job.call)).expect("stored");
    }

    fn record(&self, job: Job, clip_name: &str) {
        write_track(&self.folder.path().join(format!("{}.wav", job.recording)), &clip(clip_name));
    }
}

/// The next event that is of the wanted kind; others before it are passed over.
fn next<T>(events: &mpsc::Receiver<Event>, wanted: impl Fn(Event) -> Option<T>) -> T {
    loop {
        if let Some(found) = wanted(events.recv_timeout(PATIENCE).expect("the event comes")) {
            return found;
        }
    }
}

fn waiting(event: Event) -> Option<String> {
    match event {
        Event::TranscriptWaiting { reason, .. } => Some(reason),
        _ => None,
    }
}

#[test]
fn without_a_model_a_job_waits_and_says_why() {
    let scene = Scene::new();
    scene.record(job(1), "call07.wav");
    let (transcriber, events) = scene.start(Settings::default());
    scene.enqueue(&transcriber, job(1));
    let mut reason = next(&events, waiting);
    if reason == ITS_TURN {
        // The thread had not looked yet when the job came; it says the reason when it has.
        reason = next(&events, waiting);
    }
    assert!(reason.starts_with("no speech model is configured"), "{reason}");
    let Some(Kept::Waiting(kept)) = scene.store.kept(job(1)) else { panic!("waits") };
    assert_eq!(kept, reason);
    assert_eq!(transcriber.status(), Status::Waiting { reason });
    scene.runtime.block_on(transcriber.shutdown());
    assert!(matches!(scene.store.kept(job(1)), Some(Kept::Waiting(_))), "it waits for the next start");
}

#[test]
fn a_store_in_trouble_is_told_to_who_enqueues() {
    let scene = Scene::new();
    let (transcriber, events) = scene.start(Settings::default());
    scene.store.refuses.store(true, Ordering::Relaxed);
    let outcome = scene.runtime.block_on(transcriber.enqueue(job(1).recording, job(1).call));
    assert_eq!(outcome.expect_err("refused").to_string(), "disk full");
    assert!(events.try_recv().is_err(), "nothing is published that is not stored");
}

#[tokio::test]
async fn the_database_keeps_the_jobs() {
    let (database, _folder) = crate::store::testing::sqlite().await;
    let store = database.transcripts();
    JobStore::save_waiting(&store, job(1), "no model").await.expect("stored");
    JobStore::save_running(&store, job(2)).await.expect("stored");
    JobStore::save_failed(&store, job(3), "no tracks").await.expect("stored");
    assert_eq!(JobStore::pending(&store, 10).await.expect("read"), [job(1), job(2)]);
    assert_eq!(JobStore::pending(&store, 1).await.expect("read"), [job(1)]);
    let transcript = Transcript {
        recording: job(1).recording,
        call: job(1).call,
        state: TranscriptState::Done,
        model: Some("m".into()),
        demonstration: true,
        segments: Vec::new(),
    };
    JobStore::save_done(&store, &transcript).await.expect("stored");
    assert_eq!(store.get(job(1).recording).await.expect("read"), Some(transcript));
    assert_eq!(JobStore::pending(&store, 10).await.expect("read"), [job(2)]);
}

#[cfg(feature = "whisper")]
mod with_the_engine {
    use super::*;
    use crate::transcript::test_data::demonstration;

    fn failed(event: Event) -> Option<(RecordingId, String)> {
        match event {
            Event::TranscriptFailed { recording, reason, .. } => Some((recording, reason)),
            _ => None,
        }
    }

    fn ready(event: Event) -> Option<(RecordingId, u32, String)> {
        match event {
            Event::TranscriptReady { recording, segments, model, .. } => Some((recording, segments, model)),
            _ => None,
        }
    }

    fn text_of(store: &Memory, job: Job) -> Vec<String> {
        match store.kept(job) {
            Some(Kept::Done(transcript)) => {
                transcript.segments.into_iter().map(|segment| segment.text).collect()
            }
            other => panic!("{job:?} should be done and is {other:?}"),
        }
    }

    #[test]
    fn jobs_are_done_in_order_and_bad_ones_fail() {
        let scene = Scene::new();
        scene.record(job(1), "call07.wav");
        scene.record(job(3), "call12.wav");
        std::fs::write(scene.folder.path().join(format!("{}.wav", job(4).recording)), "no WAV")
            .expect("room");
        let (transcriber, events) = scene.start(demonstration());
        for number in 1..=4 {
            scene.enqueue(&transcriber, job(number));
        }
        let name = "ggml-callfloor-demo-q8_0".to_owned();
        assert_eq!(next(&events, ready), (job(1).recording, 1, name.clone()));
        assert_eq!(next(&events, failed), (job(2).recording, "the recording has no tracks".into()));
        assert_eq!(next(&events, ready), (job(3).recording, 1, name));
        let (recording, reason) = next(&events, failed);
        assert_eq!(recording, job(4).recording);
        assert!(reason.starts_with("read the track "), "{reason}");
        assert_eq!(text_of(&scene.store, job(1)), ["please check my bill"]);
        assert_eq!(text_of(&scene.store, job(3)), ["nine five five three"]);
        let Some(Kept::Done(transcript)) = scene.store.kept(job(1)) else { panic!("done") };
        assert!(transcript.demonstration);
        assert_eq!(transcript.call, job(1).call);
        assert_eq!(transcriber.status(), Status::Working);
    }

    #[test]
    fn a_model_that_appears_is_taken_up() {
        let scene = Scene::new();
        scene.record(job(1), "call07.wav");
        let model = scene.folder.path().join("model.bin");
        let settings = Settings { model: Some(model.clone()), ..demonstration() };
        let (transcriber, events) = scene.start(settings);
        scene.enqueue(&transcriber, job(1));
        while !next(&events, waiting).contains("model.bin is not there") {}
        std::fs::write(&model, "half a download").expect("room");
        transcriber.look_again();
        assert!(next(&events, waiting).contains("is no speech model in ggml format"));
        std::fs::copy(demonstration().model.expect("a path"), &model).expect("room");
        transcriber.look_again();
        assert_eq!(next(&events, ready).2, "model");
        assert_eq!(text_of(&scene.store, job(1)), ["please check my bill"]);
    }

    #[test]
    fn other_settings_bring_a_model() {
        let scene = Scene::new();
        scene.record(job(1), "call07.wav");
        let (transcriber, events) = scene.start(Settings::default());
        scene.enqueue(&transcriber, job(1));
        while !next(&events, waiting).starts_with("no speech model") {}
        transcriber.reconfigure(demonstration());
        assert_eq!(next(&events, ready).0, job(1).recording);
    }

    #[test]
    fn a_restart_takes_up_what_was_left() {
        let scene = Scene::new();
        scene.record(job(1), "call07.wav");
        scene.record(job(2), "call12.wav");
        scene.store.put(job(1).recording, job(1).call, Kept::Running).expect("stored");
        scene.store.put(job(2).recording, job(2).call, Kept::Waiting("some reason".into())).expect("stored");
        let (transcriber, events) = scene.start(demonstration());
        assert_eq!(next(&events, ready).0, job(1).recording);
        assert_eq!(next(&events, ready).0, job(2).recording);
        scene.runtime.block_on(transcriber.shutdown());
    }

    #[test]
    fn a_shutdown_in_mid_job_leaves_the_job() {
        let scene = Scene::new();
        // Ten minutes of talk: far more than is recognised before the shutdown.
        let talk: Vec<i16> = clip("call08.wav").into_iter().cycle().take(600 * 16_000).collect();
        write_track(&scene.folder.path().join(format!("{}.wav", job(1).recording)), &talk);
        let (transcriber, _events) = scene.start(demonstration());
        scene.enqueue(&transcriber, job(1));
        let begun = std::time::Instant::now();
        while scene.store.kept(job(1)) != Some(Kept::Running) {
            assert!(begun.elapsed() < PATIENCE, "the job starts");
            std::thread::yield_now();
        }
        scene.runtime.block_on(transcriber.shutdown());
        assert_eq!(scene.store.kept(job(1)), Some(Kept::Waiting(ITS_TURN.into())));
    }
}
