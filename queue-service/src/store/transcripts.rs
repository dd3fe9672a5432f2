//! Transcripts, and the jobs that wait to be transcribed.

use shared::id::{CallId, RecordingId};
use shared::model::transcript::{Transcript, TranscriptState};

use super::pool::on;
use super::{Store, StoreError, from_json, from_sql, to_json, to_sql};

/// A recording that waits for its transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Job {
    /// The recording.
    pub recording: RecordingId,
    /// The call.
    pub call: CallId,
}

/// The rows of transcripts.
#[derive(Debug, Clone)]
pub struct Transcripts {
    pub(super) store: Store,
}

impl Transcripts {
    /// A recording waits, with the reason. What was known about its transcript is forgotten.
    ///
    /// # Errors
    /// [`StoreError::Query`].
    pub async fn save_waiting(
        &self,
        recording: RecordingId,
        call: CallId,
        reason: &str,
    ) -> Result<(), StoreError> {
        self.save(&empty(recording, call, TranscriptState::Waiting { reason: reason.into() })).await
    }

    /// Its transcript is being made; a restart takes it up again.
    ///
    /// # Errors
    /// [`StoreError::Query`].
    pub async fn save_running(&self, recording: RecordingId, call: CallId) -> Result<(), StoreError> {
        self.save(&empty(recording, call, TranscriptState::Running)).await
    }

    /// It failed for good.
    ///
    /// # Errors
    /// [`StoreError::Query`].
    pub async fn save_failed(
        &self,
        recording: RecordingId,
        call: CallId,
        reason: &str,
    ) -> Result<(), StoreError> {
        self.save(&empty(recording, call, TranscriptState::Failed { reason: reason.into() })).await
    }

    /// A transcript is there.
    ///
    /// # Errors
    /// [`StoreError::Query`].
    pub async fn save_done(&self, transcript: &Transcript) -> Result<(), StoreError> {
        self.save(transcript).await
    }

    /// What waits or was being made when the service stopped, oldest first; at most 10,000.
    ///
    /// # Errors
    /// [`StoreError::Query`].
    pub async fn pending(&self) -> Result<Vec<Job>, StoreError> {
        let rows: Vec<(i64, i64)> = on!(self.store.reader, pool => sqlx::query_as(
            "SELECT recording_id, call_id FROM transcripts WHERE state IN ('waiting', 'running')
             ORDER BY recording_id LIMIT 10000",
        )
        .fetch_all(pool)
        .await?);
        let job = |(recording, call)| Job {
            recording: RecordingId::from_u64(from_sql(recording)),
            call: CallId::from_u64(from_sql(call)),
        };
        Ok(rows.into_iter().map(job).collect())
    }

    /// How many recordings are in each state (`waiting`, `running`, `done`, `failed`).
    ///
    /// # Errors
    /// [`StoreError::Query`].
    pub async fn count_by_state(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let rows: Vec<(String, i64)> = on!(self.store.reader, pool =>
            sqlx::query_as("SELECT state, COUNT(*) FROM transcripts GROUP BY state ORDER BY state")
                .fetch_all(pool)
                .await?);
        Ok(rows.into_iter().map(|(state, count)| (state, from_sql(count))).collect())
    }

    /// The transcript of a recording, in whatever state.
    ///
    /// # Errors
    /// [`StoreError::Query`], [`StoreError::Read`].
    pub async fn get(&self, recording: RecordingId) -> Result<Option<Transcript>, StoreError> {
        let row: Option<(String,)> = on!(self.store.reader, pool =>
            sqlx::query_as("SELECT record FROM transcripts WHERE recording_id = $1")
                .bind(to_sql(recording.as_u64()))
                .fetch_optional(pool)
                .await?);
        row.map(|(text,)| from_json("a transcript", &text)).transpose()
    }

    async fn save(&self, transcript: &Transcript) -> Result<(), StoreError> {
        let state = match transcript.state {
            TranscriptState::Waiting { .. } => "waiting",
            TranscriptState::Running => "running",
            TranscriptState::Done => "done",
            TranscriptState::Failed { .. } => "failed",
        };
        let text: Vec<&str> = transcript.segments.iter().map(|segment| segment.text.as_str()).collect();
        on!(self.store.writer, pool => {
            sqlx::query(
                "INSERT INTO transcripts (recording_id, call_id, state, record, words)
                 VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (recording_id) DO UPDATE SET
                 state = excluded.state, record = excluded.record, words = excluded.words",
            )
            .bind(to_sql(transcript.recording.as_u64()))
            .bind(to_sql(transcript.call.as_u64()))
            .bind(state)
            .bind(to_json(transcript))
            .bind(words_of(&text.join(" ")))
            .execute(pool)
            .await?;
        });
        Ok(())
    }
}

/// The text as it is searched: small letters and digits, one space around each word. Nothing in it is special to
/// `LIKE`.
pub(super) fn words_of(text: &str) -> String {
    let small = text.to_lowercase();
    // An apostrophe belongs to its word: "don't" is found as "dont".
    let kept: String = small.chars().filter(|c| !matches!(c, '\'' | '’')).collect();
    let mut words = String::from(" ");
    for word in kept.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        words.push_str(word);
        words.push(' ');
    }
    words
}

fn empty(recording: RecordingId, call: CallId, state: TranscriptState) -> Transcript {
    Transcript { recording, call, state, model: None, demonstration: false, segments: Vec::new() }
}
