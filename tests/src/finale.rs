//! After the calls: recordings, transcripts, and totals, each checked against what was said and against the journal.

use std::time::Duration;

use sha2::{Digest, Sha256};
use shared::api::recordings::RecordingQuery;
use shared::id::CallId;
use shared::model::distribution::Distributions;
use shared::model::event::{Event, Stamped};
use shared::model::floor::Floor;
use shared::model::metric::QueueFigures;
use shared::model::recording::{Recording, RecordingState, Track};
use shared::model::transcript::{Transcript, TranscriptState};
use shared::testing::wer::word_errors;
use shared::time::Timestamp;

use crate::ear::{HEARD_DBFS, level_of};
use crate::report::Section;
use crate::stage::{Expected, Stage};
use crate::voice::{AGENT_HZ, CUSTOMER_HZ, SUPERVISOR_HZ};
use crate::{Outcome, http, service, wait};

/// A recording may differ from the talk time by so much.
const TOLERANCE_MILLIS: u64 = 40;
/// Sealing takes a moment after the call.
const SEAL: Duration = Duration::from_secs(10);
/// All transcripts come within this after the last call.
const TRANSCRIBE: Duration = Duration::from_secs(60);

/// Checks the recording and the transcript of one call.
pub async fn recording(stage: &Stage, expected: &Expected, section: &mut Section) -> Outcome {
    section.call = Some(expected.call);
    let recording = sealed(stage, expected.call).await?;
    let events = stage.events(expected.call).await?;
    let (first, last) = talk(&events).ok_or("the journal has no talk of this call")?;
    let talk_millis = last.millis_since(first);
    section.promise(
        "as long as the talk in the journal",
        recording.duration_millis.abs_diff(talk_millis) <= TOLERANCE_MILLIS,
        format!("{} ms, talk {talk_millis} ms", recording.duration_millis),
    );
    section.equal("no frame was dropped", &recording.dropped_frames, &0);
    section.equal("there are three tracks", &recording.tracks.len(), &3);
    for file in &recording.tracks {
        track(stage, expected, &recording, file.track, &file.sha256, section).await?;
    }
    transcript(stage, expected, &recording, section).await
}

async fn sealed(stage: &Stage, call: CallId) -> Outcome<Recording> {
    let query = RecordingQuery { call: Some(call), ..RecordingQuery::default() };
    wait::until_async("the sealed recording", SEAL, async || {
        let found = stage.api.recordings(&query).await?;
        Ok(found.into_iter().find(|recording| recording.state == RecordingState::Sealed))
    })
    .await
}

/// From the first answer to the end of the last agent's part.
fn talk(events: &[Stamped]) -> Option<(Timestamp, Timestamp)> {
    let first = events.iter().find(|stamped| matches!(stamped.event, Event::CallConnected { .. }))?;
    let last = events.iter().rfind(|stamped| matches!(stamped.event, Event::AgentReleased { .. }))?;
    Some((first.at, last.at))
}

async fn track(
    stage: &Stage,
    expected: &Expected,
    recording: &Recording,
    track: Track,
    sha256: &str,
    section: &mut Section,
) -> Outcome {
    let name = track.as_str();
    let bytes = stage.api.recording_track(recording.id, track).await?;
    section.equal(
        format!("{name}: SHA-256 of the download"),
        &hex::encode(Sha256::digest(&bytes)).as_str(),
        &sha256,
    );
    ranges(stage, recording, track, &bytes, section).await?;
    let samples = hound_samples(&bytes)?;
    let tones =
        [(Track::Customer, CUSTOMER_HZ), (Track::Agent, AGENT_HZ), (Track::Supervisor, SUPERVISOR_HZ)];
    for (speaker, hz) in tones {
        let wanted =
            speaker == track && expected.tones.iter().any(|(own, tone)| *own == track && *tone == hz);
        let level = level_of(hz, &samples)?;
        // A tone may sound for a part of the call only; where it must not be, it is in no block.
        let held =
            if wanted { level.most > HEARD_DBFS } else { expected.spoken.is_some() || level.is_gone() };
        let verb = if wanted { "has" } else { "has no" };
        if wanted || expected.spoken.is_none() {
            section.promise(
                format!("{name}: {verb} tone of the {}", speaker.as_str()),
                held,
                format!("{hz:.0} Hz at most {:.1} dBFS", level.most),
            );
        }
    }
    Ok(())
}

/// The second half by a range request is the second half.
async fn ranges(
    stage: &Stage,
    recording: &Recording,
    track: Track,
    whole: &[u8],
    section: &mut Section,
) -> Outcome {
    let half = whole.len() / 2;
    let path = format!("/api/v1/recordings/{}/tracks/{}.wav", recording.id, track.as_str());
    let token = stage.api.token().ok_or("nobody is signed in")?;
    let fields = [format!("Authorization: Bearer {token}"), format!("Range: bytes={half}-")];
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    let part = http::get(stage.service.setup.http, &path, &fields).await?;
    section.promise(
        format!("{}: the second half by a range request", track.as_str()),
        part.status == 206 && part.body == whole[half..],
        format!("status {}, {} of {} bytes", part.status, part.body.len(), whole.len()),
    );
    Ok(())
}

/// Read by somebody else's reader, as a person's player would.
fn hound_samples(bytes: &[u8]) -> Outcome<Vec<i16>> {
    let reader = hound::WavReader::new(bytes)?;
    if reader.spec().sample_rate != shared::audio::RATE_HZ || reader.spec().channels != 1 {
        return Err(format!("a track of {:?}", reader.spec()).into());
    }
    Ok(reader.into_samples::<i16>().collect::<Result<_, _>>()?)
}

async fn transcript(
    stage: &Stage,
    expected: &Expected,
    recording: &Recording,
    section: &mut Section,
) -> Outcome {
    let transcript = wait::until_async("the transcript", TRANSCRIBE, async || {
        let found = stage.api.transcript(recording.id).await?;
        match found.state {
            TranscriptState::Done => Ok(Some(found)),
            TranscriptState::Failed { reason } => Err(format!("transcription failed: {reason}").into()),
            TranscriptState::Waiting { .. } | TranscriptState::Running => Ok(None),
        }
    })
    .await?;
    section.promise(
        "the transcript says that the model is for demonstrations",
        transcript.demonstration,
        transcript.model.as_deref().unwrap_or("no model"),
    );
    let Some((customer, agent)) = &expected.spoken else {
        let words: Vec<&str> = transcript.segments.iter().map(|segment| segment.text.as_str()).collect();
        section.promise("tones give no words", words.is_empty(), format!("{words:?}"));
        return Ok(());
    };
    let mut errors = (0, 0);
    for (track, spoken) in [(Track::Customer, customer), (Track::Agent, agent)] {
        let heard = words_of(&transcript, track);
        let (wrong, all) = word_errors(spoken, &heard);
        errors = (errors.0 + wrong, errors.1 + all);
        section.promise(
            format!("the {}'s words", track.as_str()),
            wrong * 2 < all,
            format!("{wrong} of {all} wrong: {heard:?}, spoken {spoken:?}"),
        );
    }
    section.promise(
        "at most 10 % word errors",
        errors.0 * 10 <= errors.1,
        format!("{} of {} words", errors.0, errors.1),
    );
    Ok(())
}

fn words_of(transcript: &Transcript, track: Track) -> String {
    let segments = transcript.segments.iter().filter(|segment| segment.speaker == track);
    segments.map(|segment| segment.text.trim()).collect::<Vec<_>>().join(" ")
}

/// What the calls of the show add up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Calls that entered a queue; a transfer enters again.
    pub entered: u64,
    /// Answered.
    pub answered: u64,
    /// Abandoned.
    pub abandoned: u64,
    /// Offers that rang out.
    pub missed: u64,
    /// Transfers.
    pub transferred: u64,
}

/// The show's totals, the API's and the journal's are the same.
pub async fn totals(stage: &Stage, wanted: Totals, section: &mut Section) -> Outcome {
    let report = stage.api.day_report().await?;
    let journal = service::journal(&stage.api).await?;
    let upto: Vec<&Stamped> = journal.iter().filter(|stamped| stamped.seq <= report.seq).collect();
    section.equal(
        "the journal has no gap",
        &upto.iter().map(|stamped| stamped.seq).eq(1..=report.seq),
        &true,
    );
    let (mut floor, mut distributions) = (Floor::default(), Distributions::default());
    for stamped in upto {
        floor.apply(stamped);
        distributions.apply(stamped);
    }
    let folded = floor.day_report(floor.at, &distributions);
    section.promise(
        "the API's totals are the journal's",
        report.total == folded.total,
        counts(&folded.total),
    );
    for (api, own) in report.queues.iter().zip(&folded.queues) {
        section.promise(
            format!("so are those of {}", api.info.name),
            api.info.id == own.info.id
                && api.counts == own.counts
                && same_figures(&api.figures, &own.figures),
            counts(&own.counts),
        );
    }
    section.promise(
        "so are the distributions of wait, talk and set-up",
        (&report.wait, &report.talk, &report.setup) == (&folded.wait, &folded.talk, &folded.setup),
        format!("wait {} ms, talk {} ms at the median", report.wait.p50_millis, report.talk.p50_millis),
    );
    let api = Totals {
        entered: report.total.entered,
        answered: report.total.answered(),
        abandoned: report.total.abandoned(),
        missed: report.total.offers_missed,
        transferred: report.total.transferred,
    };
    section.equal("and they are what this show did", &api, &wanted);
    section.equal("no call is left", &floor.calls.len(), &0);
    Ok(())
}

/// JSON may cost a fraction its last bit.
fn same_figures(left: &QueueFigures, right: &QueueFigures) -> bool {
    let all = |figures: &QueueFigures| {
        [&figures.service_level_percent, &figures.asa_secs, &figures.aht_secs, &figures.abandon_percent]
            .map(|figure| (figure.value, figure.formula.clone()))
    };
    all(left).into_iter().zip(all(right)).all(|((left, formula), (right, other))| {
        let near = match (left, right) {
            (Some(left), Some(right)) => (left - right).abs() <= 1e-9 * left.abs().max(1.0),
            (left, right) => left == right,
        };
        near && formula == other
    })
}

fn counts(counts: &shared::model::metric::QueueCounts) -> String {
    format!(
        "{} entered, {} answered, {} abandoned, {} handled, {} ms of talk",
        counts.entered,
        counts.answered(),
        counts.abandoned(),
        counts.handled,
        counts.talk_millis
    )
}
