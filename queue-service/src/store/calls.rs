//! Calls as rows, for lists.

use shared::api::calls::{CallPage, CallQuery, CallSummary};
use shared::id::CallId;

use super::journal::exit_word;
use super::pool::on;
use super::{Store, StoreError, from_json, limit, to_sql};

/// The rows of calls; the journal writes them.
#[derive(Debug, Clone)]
pub struct Calls {
    pub(super) store: Store,
}

impl Calls {
    /// One call.
    ///
    /// # Errors
    /// [`StoreError::Query`], [`StoreError::Read`].
    pub async fn get(&self, call: CallId) -> Result<Option<CallSummary>, StoreError> {
        let row: Option<(String,)> = on!(self.store.reader, pool =>
            sqlx::query_as("SELECT summary FROM calls WHERE id = $1")
                .bind(to_sql(call.as_u64()))
                .fetch_optional(pool)
                .await?);
        row.map(|(text,)| from_json("a call", &text)).transpose()
    }

    /// A page of calls, newest first.
    ///
    /// # Errors
    /// [`StoreError::Query`], [`StoreError::Read`].
    pub async fn list(&self, query: &CallQuery) -> Result<CallPage, StoreError> {
        const SQL: &str = "
            SELECT summary FROM calls WHERE id < $1
            AND ($2 < 0 OR live = $2)
            AND ($3 = '' OR EXISTS (
                SELECT 1 FROM call_keys WHERE kind = 'queue' AND value = $3 AND call_id = calls.id))
            AND ($4 = '' OR EXISTS (
                SELECT 1 FROM call_keys WHERE kind = 'agent' AND value = $4 AND call_id = calls.id))
            AND ($5 = '' OR EXISTS (
                SELECT 1 FROM call_keys WHERE kind = 'exit' AND value = $5 AND call_id = calls.id))
            ORDER BY id DESC LIMIT $6";
        let most = limit(query.limit, 100, 500);
        let live: i64 = query.live.map_or(-1, i64::from);
        let rows: Vec<(String,)> = on!(self.store.reader, pool => sqlx::query_as(SQL)
            .bind(query.before.map_or(i64::MAX, |call| to_sql(call.as_u64())))
            .bind(live)
            .bind(query.queue.as_ref().map_or("", |queue| queue.as_str()))
            .bind(query.agent.as_ref().map_or("", |agent| agent.as_str()))
            .bind(query.exit.map(exit_word).unwrap_or_default())
            .bind(most + 1)
            .fetch_all(pool)
            .await?);
        let more = rows.len() as i64 > most;
        let calls = rows
            .into_iter()
            .take(usize::try_from(most).unwrap_or(500))
            .map(|(text,)| from_json::<CallSummary>("a call", &text))
            .collect::<Result<Vec<_>, _>>()?;
        let next = calls.last().filter(|_| more).map(|call| call.id);
        Ok(CallPage { calls, next })
    }
}
