//! The service is killed in mid-recording: what was recorded can be played at once, and a new start seals it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use shared::api::recordings::RecordingQuery;
use shared::audio::RATE_HZ;
use shared::model::agent::Status;
use shared::model::event::Event;
use shared::model::recording::{RecordingState, Track};
use shared_desktop::phone::PhoneCommand;
use shared_net::clock;
use tests::ear::level_of;
use tests::phone::{Phone, PhoneSetup};
use tests::service::journal;
use tests::setup::Setup;
use tests::voice::Mouth;
use tests::{Outcome, wait};

use crate::floor::{Floor, SALES, SOON};

const CUSTOMER_HZ: f32 = 620.0;
const AGENT_HZ: f32 = 440.0;
/// What a kill may cost.
const LAST_SECOND_MILLIS: u64 = 1_000;

#[tokio::test]
async fn a_recording_survives_kill_9_to_its_last_second() -> Outcome {
    let mut floor = Floor::with_phones(Setup::test()?, &[("301", &["sales"])]).await?;
    let sip = floor.service.setup.sip;
    let mut agent = PhoneSetup::fixed(sip, "301", floor.port("301"));
    agent.mouth = Mouth::tone(AGENT_HZ);
    let agent = Phone::start(agent).await?;
    let mut customer = PhoneSetup::customer(sip, "+49305550111", "Carla");
    customer.mouth = Mouth::tone(CUSTOMER_HZ);
    let customer = Phone::start(customer).await?;
    customer.call(SALES).await?;
    agent.talking(SOON).await?;

    let data = floor.service.data();
    let track = |track: Track| {
        tracks(&data).into_iter().find(|file| file.ends_with(format!("{}.wav", track.as_str())))
    };
    let long_enough =
        || track(Track::Customer).and_then(|file| millis(&file).ok()).filter(|millis| *millis >= 2_500);
    wait::until("2.5 s of recording", SOON, long_enough).await?;
    let before = journal(&floor.service.sign_in("mia").await?).await?;
    let connected = before.iter().find(|event| matches!(event.event, Event::CallConnected { .. }));
    let talked = clock::now().millis_since(connected.expect("connected").at);
    floor.service.kill();

    // At once, with an ordinary reader, before anything repaired the files.
    for (side, hz) in [(Track::Customer, CUSTOMER_HZ), (Track::Agent, AGENT_HZ)] {
        let file = track(side).expect("its track");
        let samples = samples(&file)?;
        let recorded = samples.len() as u64 * 1000 / u64::from(RATE_HZ);
        assert!(recorded + LAST_SECOND_MILLIS >= talked, "{side:?}: {recorded} ms recorded of {talked} ms");
        let level = level_of(hz, &samples[samples.len() - RATE_HZ as usize..])?;
        assert!(level.is_heard(), "{side:?}: {hz} Hz in its last second: {level:?}");
    }
    for phone in [&customer, &agent] {
        phone.command(PhoneCommand::HangUp)?;
    }

    floor.service.begin().await?;
    let mia = floor.service.sign_in("mia").await?;
    let recording = wait::until_async("the recovered recording", SOON, async || {
        let all = mia.recordings(&RecordingQuery::default()).await?;
        Ok(all.into_iter().find(|recording| recording.state == RecordingState::Recovered))
    })
    .await?;
    assert_eq!(recording.tracks.len(), 3);
    assert!(recording.duration_millis + LAST_SECOND_MILLIS >= talked, "{} ms", recording.duration_millis);
    for sealed in &recording.tracks {
        let bytes = mia.recording_track(recording.id, sealed.track).await?;
        assert_eq!(bytes.len() as u64, sealed.size_bytes);
        assert_eq!(hex::encode(Sha256::digest(&bytes)), sealed.sha256, "{:?}", sealed.track);
        let reader = hound::WavReader::new(std::io::Cursor::new(bytes))?;
        let length = u64::from(reader.duration()) * 1000 / u64::from(RATE_HZ);
        assert_eq!(length, recording.duration_millis, "all tracks have the same length");
    }

    // Nothing that was told is lost or changed, and the numbers go on.
    let after = journal(&mia).await?;
    assert!(after.len() > before.len());
    assert_eq!(after[..before.len()], before[..], "the journal of before is a beginning of the one of now");
    for (index, event) in after.iter().enumerate() {
        assert_eq!(event.seq, index as u64 + 1, "numbers have no gaps");
    }
    let sealed = after.iter().any(|event| {
        matches!(&event.event, Event::RecordingSealed { recording: id, recovered: true, .. } if *id == recording.id)
    });
    assert!(sealed, "the journal tells of the recovery");

    // The agent is back, and a new call goes through to its end.
    floor.sara = floor.service.sign_in("sara").await?;
    assert_eq!(floor.status("301").await?, Status::Ready);
    customer.free(SOON).await?;
    agent.free(SOON).await?;
    customer.call(SALES).await?;
    agent.talking(SOON).await?;
    wait::until("the agent's tone after the restart", SOON, || {
        let now = clock::now();
        let level = customer.ear.level(AGENT_HZ, now - Duration::from_millis(600), now).ok()?;
        level.is_heard().then_some(())
    })
    .await?;
    customer.hang_up().await?;
    let calls = floor.ended(2).await?;
    assert_eq!(calls.len(), 2, "the call that was cut off is over too");
    Ok(())
}

/// All WAV files below a folder.
fn tracks(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(tracks(&path));
        } else if path.extension().is_some_and(|ending| ending == "wav") {
            found.push(path);
        }
    }
    found
}

fn millis(file: &Path) -> Outcome<u64> {
    Ok(u64::from(hound::WavReader::open(file)?.duration()) * 1000 / u64::from(RATE_HZ))
}

fn samples(file: &Path) -> Outcome<Vec<i16>> {
    let mut reader = hound::WavReader::open(file)?;
    assert_eq!((reader.spec().channels, reader.spec().sample_rate), (1, RATE_HZ));
    Ok(reader.samples::<i16>().collect::<Result<_, _>>()?)
}
