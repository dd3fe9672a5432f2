use std::fs;
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering;

use proptest::prelude::*;
use shared::audio::goertzel::power_dbfs;
use shared::audio::tone::Sine;
use shared::model::recording::Track;

use super::recover::{recover, recover_all};
use super::vault::Vault;
use super::*;

const STARTED_AT: Timestamp = Timestamp::from_secs(1_800_000_000); // 2027-01-15
const CUSTOMER_HZ: f32 = 440.0;
const AGENT_HZ: f32 = 880.0;

struct Room {
    dir: tempfile::TempDir,
    recorder: Recorder,
    events: mpsc::Receiver<RecorderEvent>,
}

fn room() -> Room {
    let dir = tempfile::tempdir().expect("folder");
    let (sender, events) = mpsc::channel(16);
    let config = RecordingConfig { dir: dir.path().to_path_buf(), sync_secs: 1 };
    Room { recorder: Recorder::start(config, sender).expect("recorder"), dir, events }
}

fn ids() -> (RecordingId, CallId) {
    (RecordingId::new(STARTED_AT, 7), CallId::new(STARTED_AT, 8))
}

fn tone(hz: f32) -> impl FnMut() -> [i16; tap::FRAME_SAMPLES] {
    let mut sine = Sine::new(hz, layout::RATE_HZ, -12.0);
    move || {
        let mut frame = [0; tap::FRAME_SAMPLES];
        sine.fill(&mut frame);
        frame
    }
}

/// Pushes the frames of `range`: the customer's tone, the agent's tone, no supervisor.
fn push(tap: &mut Tap, range: std::ops::Range<u64>) {
    let (mut customer, mut agent) = (tone(CUSTOMER_HZ), tone(AGENT_HZ));
    for frame in range {
        tap.push(frame, [Some(&customer()), Some(&agent()), None]);
    }
}

fn sealed(events: &mut mpsc::Receiver<RecorderEvent>) -> Sealed {
    match events.blocking_recv().expect("an event") {
        RecorderEvent::Sealed(sealed) => sealed,
        RecorderEvent::Failed { reason, .. } => panic!("{reason}"),
    }
}

fn samples(path: &std::path::Path) -> Vec<i16> {
    let mut reader = hound::WavReader::open(path).expect("a player opens it");
    assert_eq!((reader.spec().sample_rate, reader.spec().channels), (16_000, 1));
    reader.samples::<i16>().map(|sample| sample.expect("a whole sample")).collect()
}

#[test]
fn each_track_holds_its_own_voice() {
    let mut room = room();
    let (id, call) = ids();
    let mut tap = room.recorder.open(id, call, STARTED_AT);
    push(&mut tap, 0..73);
    tap.end(75);
    let sealed = sealed(&mut room.events);
    assert_eq!((sealed.recording, sealed.call, sealed.duration_millis), (id, call, 1_500));
    assert_eq!((sealed.dropped_frames, sealed.recovered), (0, false));
    let vault = Vault::new(room.dir.path());
    for (track, hz, silent_hz) in
        [(Track::Customer, CUSTOMER_HZ, AGENT_HZ), (Track::Agent, AGENT_HZ, CUSTOMER_HZ)]
    {
        let samples = samples(&vault.path(id, STARTED_AT, track));
        assert_eq!(samples.len(), 24_000, "{track:?}");
        let voice = &samples[..73 * 320];
        assert!((power_dbfs(voice, hz, 16_000) + 12.0).abs() < 0.5, "{track:?}");
        assert!(power_dbfs(voice, silent_hz, 16_000) < -60.0, "{track:?}");
        assert!(samples[73 * 320..].iter().all(|sample| *sample == 0));
    }
    let supervisor = samples(&vault.path(id, STARTED_AT, Track::Supervisor));
    assert!(supervisor.len() == 24_000 && supervisor.iter().all(|sample| *sample == 0));
    for track in &sealed.tracks {
        assert!(vault.verify(id, STARTED_AT, track).expect("readable"), "{:?}", track.track);
    }
    assert_eq!(vault.describe(id, STARTED_AT).expect("description"), sealed.to_recording());
    assert!(vault.path(id, STARTED_AT, Track::Agent).ends_with(format!("2027/01/15/{id}/agent.wav")));
    assert!(room.recorder.shutdown(Duration::from_secs(5)));
    assert_eq!(layout::open_folders(room.dir.path()), Some(Vec::new()), "no mark is left");
}

#[test]
fn a_changed_file_is_found_out() {
    let mut room = room();
    let (id, call) = ids();
    let mut tap = room.recorder.open(id, call, STARTED_AT);
    push(&mut tap, 0..20);
    drop(tap);
    let sealed = sealed(&mut room.events);
    let vault = Vault::new(room.dir.path());
    let path = vault.path(id, STARTED_AT, Track::Customer);
    let file = fs::OpenOptions::new().write(true).open(path).expect("file");
    file.write_all_at(&[1], 1_000).expect("written");
    assert!(!vault.verify(id, STARTED_AT, &sealed.tracks[0]).expect("readable"));
    assert!(vault.verify(id, STARTED_AT, &sealed.tracks[1]).expect("readable"));
}

#[test]
fn a_late_worker_leaves_a_gap_and_no_shift() {
    let mut room = room();
    let (id, call) = ids();
    let mut tap = room.recorder.open(id, call, STARTED_AT);
    push(&mut tap, 0..13);
    push(&mut tap, 37..50);
    // A frame of the past changes nothing.
    tap.push(3, [Some(&[9; 320]), None, None]);
    drop(tap);
    assert_eq!(sealed(&mut room.events).duration_millis, 1_000);
    let samples = samples(&Vault::new(room.dir.path()).path(id, STARTED_AT, Track::Customer));
    let is_silent = |frame: usize| samples[frame * 320..(frame + 1) * 320].iter().all(|sample| *sample == 0);
    for frame in 0..50 {
        assert_eq!(is_silent(frame), (13..37).contains(&frame), "frame {frame}");
    }
}

#[test]
fn a_slow_disk_drops_counts_and_keeps_the_times() {
    let dir = tempfile::tempdir().expect("folder");
    let (id, call) = ids();
    let (queue, chunks) = std::sync::mpsc::sync_channel(2);
    let mut tap = Tap::new(id, call, STARTED_AT, queue);
    let progress = tap.progress().clone();
    // Nobody takes: two chunks fit, three are lost.
    push(&mut tap, 0..50);
    assert_eq!(tap.dropped_frames(), 30);
    let registry = Arc::new(Registry::default());
    registry.with(|state| state.opened.push(progress.clone()));
    let (sealer, jobs) = std::sync::mpsc::sync_channel(4);
    let config = RecordingConfig { dir: dir.path().to_path_buf(), sync_secs: 0 };
    let writer = writer::Writer::new(config, registry, sealer);
    let writing = std::thread::spawn(move || writer.run(&chunks));
    while progress.waiting.load(Ordering::Acquire) > 0 {
        std::thread::yield_now();
    }
    push(&mut tap, 50..60);
    drop(tap);
    writing.join().expect("the writer ends");
    let (events, mut sealed_events) = mpsc::channel(4);
    sealer::run(&jobs, &events);
    let sealed = sealed(&mut sealed_events);
    assert_eq!((sealed.duration_millis, sealed.dropped_frames), (1_200, 30));
    let samples = samples(&Vault::new(dir.path()).path(id, STARTED_AT, Track::Agent));
    assert!(power_dbfs(&samples[..20 * 320], AGENT_HZ, 16_000) > -13.0);
    assert!(samples[20 * 320..50 * 320].iter().all(|sample| *sample == 0));
    assert!(power_dbfs(&samples[50 * 320..], AGENT_HZ, 16_000) > -13.0);
}

#[test]
fn one_recording_may_not_fill_the_queue_of_all() {
    let (id, call) = ids();
    let (queue, _chunks) = std::sync::mpsc::sync_channel(1_000);
    let mut tap = Tap::new(id, call, STARTED_AT, queue);
    push(&mut tap, 0..600);
    assert_eq!(tap.dropped_frames(), 100, "10 s wait, 2 s are lost");
}

#[test]
fn a_growing_file_is_playable_and_a_shutdown_seals_it() {
    let mut room = room();
    let (id, call) = ids();
    let mut tap = room.recorder.open(id, call, STARTED_AT);
    push(&mut tap, 0..50);
    let path = Vault::new(room.dir.path()).path(id, STARTED_AT, Track::Customer);
    // The writer's promise is one second; here it has ten.
    let began = std::time::Instant::now();
    // A look in the middle of the header's rewrite may see half of it: that counts as not yet.
    while hound::WavReader::open(&path).map_or(0, |reader| reader.len()) != 16_000 {
        assert!(began.elapsed() < Duration::from_secs(10), "the header never became true");
        std::thread::yield_now();
    }
    assert!(room.recorder.shutdown(Duration::from_secs(5)));
    assert_eq!(sealed(&mut room.events).duration_millis, 1_000);
    drop(tap);
}

#[test]
fn an_unwritable_folder_is_one_plain_sentence() {
    let file = tempfile::NamedTempFile::new().expect("file");
    let (events, _) = mpsc::channel(1);
    let config = RecordingConfig { dir: file.path().to_path_buf(), sync_secs: 0 };
    let error = Recorder::start(config, events).expect_err("a file is no folder");
    assert!(error.to_string().starts_with("make the folder /"), "{error}");
}

#[test]
fn a_link_that_leads_out_is_refused() {
    let dir = tempfile::tempdir().expect("folder");
    let elsewhere = tempfile::NamedTempFile::new().expect("file");
    let (id, _) = ids();
    let vault = Vault::new(dir.path());
    let path = vault.path(id, STARTED_AT, Track::Agent);
    fs::create_dir_all(path.parent().expect("folder")).expect("made");
    std::os::unix::fs::symlink(elsewhere.path(), &path).expect("linked");
    assert!(matches!(vault.open(id, STARTED_AT, Track::Agent), Err(RecordingError::Outside(_))));
    assert!(matches!(vault.open(id, STARTED_AT, Track::Customer), Err(RecordingError::Disk { .. })));
}

/// A recording as a killed writer leaves it: description open, headers of `told` frames, `written` of customer and
/// agent, cut at any byte.
fn crashed(dir: &std::path::Path, written: [u64; 2], told: u64, odd_bytes: u64) -> PathBuf {
    let (id, call) = ids();
    let folder = layout::folder(dir, STARTED_AT, id);
    layout::mark_open(dir, STARTED_AT, id).expect("mark");
    layout::make_folder(&folder).expect("folder");
    let description = Recording {
        id,
        call,
        started_at: STARTED_AT,
        state: RecordingState::Open,
        duration_millis: 0,
        tracks: Vec::new(),
        dropped_frames: 0,
    };
    layout::write_description(&folder, &description, layout::Durable::No).expect("description");
    for (track, frames) in Track::ALL.into_iter().zip([written[0], written[1], 0]) {
        let file = layout::open_for_writing(&folder.join(layout::file_name(track))).expect("file");
        let told_bytes = told * layout::FRAME_BYTES;
        file.write_all_at(layout::finished_header(told_bytes).as_bytes(), 0).expect("header");
        file.set_len(layout::header_bytes() + told_bytes).expect("fits");
        let mut sine = tone(CUSTOMER_HZ);
        for frame in 0..frames {
            let bytes: Vec<u8> = sine().iter().flat_map(|sample| sample.to_le_bytes()).collect();
            file.write_all_at(&bytes, layout::header_bytes() + frame * layout::FRAME_BYTES).expect("frame");
        }
        if track == Track::Customer {
            let len = file.metadata().expect("length").len();
            file.set_len(len + odd_bytes).expect("cut");
        }
    }
    folder
}

#[test]
fn a_killed_recording_is_found_repaired_and_sealed_once() {
    let dir = tempfile::tempdir().expect("folder");
    crashed(dir.path(), [130, 120], 100, 333);
    fs::create_dir_all(dir.path().join("2027/01/15/not-a-recording")).expect("folder");
    let found = recover(dir.path());
    assert!(found.failed.is_empty(), "{:?}", found.failed);
    let [sealed] = found.sealed.as_slice() else { panic!("{} recordings", found.sealed.len()) };
    assert!(sealed.recovered);
    assert_eq!(sealed.duration_millis, 2_600);
    let vault = Vault::new(dir.path());
    for track in &sealed.tracks {
        assert!(vault.verify(sealed.recording, STARTED_AT, track).expect("readable"));
        assert_eq!(samples(&vault.path(sealed.recording, STARTED_AT, track.track)).len(), 41_600);
    }
    let described = vault.describe(sealed.recording, STARTED_AT).expect("description");
    assert_eq!(described.state, RecordingState::Recovered);
    assert_eq!(fs::read_dir(dir.path().join(layout::OPEN)).expect("marks").count(), 0);
    assert!(recover_all(dir.path()).sealed.is_empty(), "sealed stays sealed");
}

#[test]
fn a_restored_backup_without_marks_is_looked_through() {
    let dir = tempfile::tempdir().expect("folder");
    crashed(dir.path(), [50, 50], 50, 0);
    fs::remove_dir_all(dir.path().join(layout::OPEN)).expect("removed");
    assert_eq!(recover(dir.path()).sealed.len(), 1);
}

#[test]
fn a_mark_without_a_recording_is_taken_away() {
    let dir = tempfile::tempdir().expect("folder");
    let (id, _) = ids();
    layout::mark_open(dir.path(), STARTED_AT, id).expect("mark");
    let found = recover(dir.path());
    assert!(found.sealed.is_empty() && found.failed.is_empty());
    assert_eq!(layout::open_folders(dir.path()), Some(Vec::new()));
}

#[test]
fn a_damaged_description_is_reported_and_left() {
    let dir = tempfile::tempdir().expect("folder");
    let folder = crashed(dir.path(), [10, 10], 10, 0);
    fs::write(folder.join(layout::DESCRIPTION), "{").expect("damaged");
    let found = recover(dir.path());
    assert!(found.sealed.is_empty());
    assert!(matches!(found.failed.as_slice(), [(_, RecordingError::Description { .. })]));
    assert!(folder.join("customer.wav").exists());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Wherever the process or the disk stopped, the sound before it can be played, at once and after the recovery.
    #[test]
    fn a_file_cut_anywhere_plays(told in 1u64..60, more in 0u64..60, cut in 44u64..60_000) {
        let dir = tempfile::tempdir().expect("folder");
        let folder = crashed(dir.path(), [told + more, told], told, 0);
        let path = folder.join("customer.wav");
        let whole = fs::read(&path).expect("file");
        // A killed process leaves at least what its header tells; the system never takes written bytes back.
        let cut = cut.clamp(44 + told * 640, 44 + (told + more) * 640);
        fs::write(&path, &whole[..cut as usize]).expect("cut");
        prop_assert_eq!(samples(&path).len() as u64, told * 320);
        let found = recover(dir.path());
        let frames = (cut - 44) / 640;
        prop_assert_eq!(found.sealed.len(), 1);
        prop_assert_eq!(found.sealed[0].duration_millis, frames * 20);
        let played = samples(&path);
        prop_assert_eq!(played.len() as u64, frames * 320);
        let kept: Vec<i16> =
            whole[44..].as_chunks::<2>().0.iter().take(played.len()).map(|b| i16::from_le_bytes(*b)).collect();
        prop_assert_eq!(played, kept);
    }

    /// Even a file without a whole header is repaired.
    #[test]
    fn a_cut_header_is_made_anew(cut in 0u64..44) {
        let dir = tempfile::tempdir().expect("folder");
        let folder = crashed(dir.path(), [20, 20], 20, 0);
        let path = folder.join("agent.wav");
        fs::OpenOptions::new().write(true).open(&path).expect("file").set_len(cut).expect("cut");
        prop_assert_eq!(recover(dir.path()).sealed.len(), 1);
        prop_assert_eq!(samples(&path).len(), 20 * 320);
    }
}
