//! Recordings.

use shared::api::recordings::RecordingQuery;
use shared::id::RecordingId;
use shared::model::recording::Recording;

use super::pool::on;
use super::transcripts::words_of;
use super::{Store, StoreError, from_json, limit, to_json, to_sql};

/// The rows of recordings.
#[derive(Debug, Clone)]
pub struct Recordings {
    pub(super) store: Store,
}

impl Recordings {
    /// Keeps a recording in place of what was known about it.
    ///
    /// # Errors
    /// [`StoreError::Query`].
    pub async fn save(&self, recording: &Recording) -> Result<(), StoreError> {
        on!(self.store.writer, pool => {
            sqlx::query(
                "INSERT INTO recordings (id, call_id, record) VALUES ($1, $2, $3)
                 ON CONFLICT (id) DO UPDATE SET record = excluded.record",
            )
            .bind(to_sql(recording.id.as_u64()))
            .bind(to_sql(recording.call.as_u64()))
            .bind(to_json(recording))
            .execute(pool)
            .await?;
        });
        Ok(())
    }

    /// One recording.
    ///
    /// # Errors
    /// [`StoreError::Query`], [`StoreError::Read`].
    pub async fn get(&self, id: RecordingId) -> Result<Option<Recording>, StoreError> {
        let row: Option<(String,)> = on!(self.store.reader, pool =>
            sqlx::query_as("SELECT record FROM recordings WHERE id = $1")
                .bind(to_sql(id.as_u64()))
                .fetch_optional(pool)
                .await?);
        row.map(|(text,)| from_json("a recording", &text)).transpose()
    }

    /// Recordings that were begun and never sealed, among the last 10,000: a crash leaves only recent ones.
    ///
    /// # Errors
    /// [`StoreError::Query`], [`StoreError::Read`].
    pub async fn open(&self) -> Result<Vec<Recording>, StoreError> {
        let rows: Vec<(String,)> = on!(self.store.reader, pool =>
            sqlx::query_as(
                "SELECT record FROM (SELECT record FROM recordings ORDER BY id DESC LIMIT 10000) AS recent
                 WHERE record LIKE '%\"state\":\"open\"%'",
            )
            .fetch_all(pool)
            .await?);
        rows.into_iter().map(|(text,)| from_json("a recording", &text)).collect()
    }

    /// Recordings, newest first.
    ///
    /// # Errors
    /// [`StoreError::Query`], [`StoreError::Read`].
    pub async fn list(&self, query: &RecordingQuery) -> Result<Vec<Recording>, StoreError> {
        const SQL: &str = "
            SELECT record FROM recordings WHERE id < $1 AND ($2 < 0 OR call_id = $2)
            AND ($3 = 0 OR EXISTS (
                SELECT 1 FROM transcripts WHERE recording_id = recordings.id AND words LIKE $4 ESCAPE '!'
                AND words LIKE $5 ESCAPE '!' AND words LIKE $6 ESCAPE '!' AND words LIKE $7 ESCAPE '!'))
            ORDER BY id DESC LIMIT $8";
        // At most four words are looked for, each as a whole word; the rest of a longer question is left out.
        let text = query.words.as_deref().map(words_of).unwrap_or_default();
        let words: Vec<&str> = text.split_whitespace().take(4).collect();
        let pattern = |place: usize| words.get(place).map_or("%".to_owned(), |word| format!("% {word} %"));
        let rows: Vec<(String,)> = on!(self.store.reader, pool => sqlx::query_as(SQL)
            .bind(query.before.map_or(i64::MAX, |id| to_sql(id.as_u64())))
            .bind(query.call.map_or(-1, |call| to_sql(call.as_u64())))
            .bind(i64::from(query.words.is_some()))
            .bind(pattern(0))
            .bind(pattern(1))
            .bind(pattern(2))
            .bind(pattern(3))
            .bind(limit(query.limit, 100, 500))
            .fetch_all(pool)
            .await?);
        rows.into_iter().map(|(text,)| from_json("a recording", &text)).collect()
    }
}
