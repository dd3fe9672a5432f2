//! The journal: every event under its number, with the rows that follow from it in the same transaction.

use shared::api::calls::CallSummary;
use shared::api::reports::JournalQuery;
use shared::id::CallId;
use shared::model::call::QueueExit;
use shared::model::event::{Event, Stamped};
use shared::time::Timestamp;

use super::pool::on;
use super::{Store, StoreError, from_json, from_sql, limit, to_json, to_sql};

/// Rows of one statement; PostgreSQL takes 65,535 parameters, SQLite 32,766.
const KEYS_AT_ONCE: usize = 1_000;

/// One event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its number.
    pub seq: u64,
    /// When it happened.
    pub at: Timestamp,
    /// Its type, in the word of the JSON.
    pub kind: String,
    /// The call it is about.
    pub call: Option<CallId>,
    /// The event as JSON.
    pub event: String,
}

impl Row {
    /// From an event.
    pub fn new(stamped: &Stamped) -> Row {
        let event = to_json(&stamped.event);
        Row {
            seq: stamped.seq,
            at: stamped.at,
            kind: kind(&event).to_owned(),
            call: stamped.event.call(),
            event,
        }
    }
}

/// One thing that the routing was told, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldRow {
    /// Its number; they start at 1 and have no gaps.
    pub number: u64,
    /// Number of the last event before it.
    pub after: u64,
    /// When it was told, exactly.
    pub at: Timestamp,
    /// A replay can begin here.
    pub begins: bool,
    /// What was told, as JSON.
    pub told: String,
}

/// What is written together or not at all.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// What the routing was told, in order, at most 1,000.
    pub told: Vec<ToldRow>,
    /// Events in order, at most 1,000.
    pub rows: Vec<Row>,
    /// The latest state of the calls that they changed.
    pub calls: Vec<CallSummary>,
    /// The picture after the last event, to start from next time.
    pub picture: Option<String>,
}

/// The journal.
#[derive(Debug, Clone)]
pub struct Journal {
    pub(super) store: Store,
}

type Stored = (i64, i64, String);

impl Journal {
    /// Writes a batch; when it returns, the batch is on the disk. Writing the same batch again does nothing.
    ///
    /// # Errors
    /// [`StoreError::Query`], or [`StoreError::Taken`] when another service wrote one of the numbers.
    pub async fn append(&self, batch: &Batch) -> Result<(), StoreError> {
        on!(self.store.writer, pool => {
            let mut tx = pool.begin().await?;
            if !batch.rows.is_empty() {
                let mut insert =
                    sqlx::QueryBuilder::new("INSERT INTO journal (seq, happened_at, kind, call_id, event) ");
                insert.push_values(&batch.rows, |mut row, entry| {
                    row.push_bind(to_sql(entry.seq))
                        .push_bind(entry.at.as_micros())
                        .push_bind(&entry.kind)
                        .push_bind(entry.call.map(|call| to_sql(call.as_u64())))
                        .push_bind(&entry.event);
                });
                insert.push(" ON CONFLICT (seq) DO NOTHING");
                // Each length of a batch is a text of its own: kept prepared, a hundred of them take more memory than all
                // the rest of the service.
                let written = insert.build().persistent(false).execute(&mut *tx).await?.rows_affected();
                if written < batch.rows.len() as u64 {
                    // A commit whose acknowledgement was lost is fine; somebody else's events are not.
                    for entry in &batch.rows {
                        let found: Option<(i64, String)> =
                            sqlx::query_as("SELECT happened_at, event FROM journal WHERE seq = $1")
                                .bind(to_sql(entry.seq))
                                .fetch_optional(&mut *tx)
                                .await?;
                        if found != Some((entry.at.as_micros(), entry.event.clone())) {
                            return Err(StoreError::Taken { seq: entry.seq });
                        }
                    }
                }
            }
            if !batch.told.is_empty() {
                let mut insert = sqlx::QueryBuilder::new(
                    "INSERT INTO routing_inputs (number, after_seq, happened_at, begins, told) ",
                );
                insert.push_values(&batch.told, |mut row, entry| {
                    row.push_bind(to_sql(entry.number))
                        .push_bind(to_sql(entry.after))
                        .push_bind(entry.at.as_micros())
                        .push_bind(i64::from(entry.begins))
                        .push_bind(&entry.told);
                });
                // Events are written by one service only, which is checked above.
                insert.push(" ON CONFLICT (number) DO NOTHING");
                insert.build().persistent(false).execute(&mut *tx).await?;
            }
            if !batch.calls.is_empty() {
                let mut insert = sqlx::QueryBuilder::new("INSERT INTO calls (id, live, summary) ");
                insert.push_values(&batch.calls, |mut row, call| {
                    row.push_bind(to_sql(call.id.as_u64()))
                        .push_bind(i64::from(call.ended_at.is_none()))
                        .push_bind(to_json(call));
                });
                insert.push(
                    " ON CONFLICT (id) DO UPDATE SET live = excluded.live, summary = excluded.summary",
                );
                insert.build().persistent(false).execute(&mut *tx).await?;
                let keys: Vec<_> = batch.calls.iter().flat_map(keys).collect();
                for keys in keys.chunks(KEYS_AT_ONCE) {
                    let mut insert =
                        sqlx::QueryBuilder::new("INSERT INTO call_keys (kind, value, call_id) ");
                    insert.push_values(keys, |mut row, (call, kind, value)| {
                        row.push_bind(*kind).push_bind(value).push_bind(to_sql(call.as_u64()));
                    });
                    insert.push(" ON CONFLICT (kind, value, call_id) DO NOTHING");
                    insert.build().persistent(false).execute(&mut *tx).await?;
                }
            }
            if let Some(picture) = &batch.picture {
                sqlx::query(
                    "INSERT INTO meta (name, value) VALUES ('picture', $1)
                     ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                )
                .bind(picture)
                .execute(&mut *tx)
                .await?;
            }
            tx.commit().await?;
        });
        Ok(())
    }

    /// Number of the last event; 0 for none.
    ///
    /// # Errors
    /// [`StoreError::Query`].
    pub async fn last_seq(&self) -> Result<u64, StoreError> {
        let (seq,): (Option<i64>,) = on!(self.store.writer, pool =>
            sqlx::query_as("SELECT MAX(seq) FROM journal").fetch_one(pool).await?);
        Ok(seq.map_or(0, from_sql))
    }

    /// Number of the last event of a type; 0 for none.
    ///
    /// # Errors
    /// [`StoreError::Query`].
    pub async fn last_of(&self, kind: &str) -> Result<u64, StoreError> {
        let (seq,): (Option<i64>,) = on!(self.store.reader, pool =>
            sqlx::query_as("SELECT MAX(seq) FROM journal WHERE kind = $1").bind(kind).fetch_one(pool).await?);
        Ok(seq.map_or(0, from_sql))
    }

    /// Events of one type after a number and up to another, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Query`], [`StoreError::Read`].
    pub async fn of_kind(&self, kind: &str, after: u64, until: u64) -> Result<Vec<Stamped>, StoreError> {
        let rows: Vec<Stored> = on!(self.store.reader, pool => sqlx::query_as(
            "SELECT seq, happened_at, event FROM journal
             WHERE kind = $1 AND seq > $2 AND seq <= $3 ORDER BY seq",
        )
        .bind(kind)
        .bind(to_sql(after))
        .bind(to_sql(until))
        .fetch_all(pool)
        .await?);
        rows.into_iter().map(stamped).collect()
    }

    /// Events after a number, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Query`], [`StoreError::Read`].
    pub async fn list(&self, query: &JournalQuery) -> Result<Vec<Stamped>, StoreError> {
        let rows: Vec<Stored> = on!(self.store.reader, pool => sqlx::query_as(
            "SELECT seq, happened_at, event FROM journal WHERE seq > $1 ORDER BY seq LIMIT $2",
        )
        .bind(i64::try_from(query.after).unwrap_or(i64::MAX))
        .bind(limit(query.limit, 1_000, 5_000))
        .fetch_all(pool)
        .await?);
        rows.into_iter().map(stamped).collect()
    }

    /// All events of a call in order.
    ///
    /// # Errors
    /// [`StoreError::Query`], [`StoreError::Read`].
    pub async fn of_call(&self, call: CallId) -> Result<Vec<Stamped>, StoreError> {
        let rows: Vec<Stored> = on!(self.store.reader, pool => sqlx::query_as(
            "SELECT seq, happened_at, event FROM journal WHERE call_id = $1 ORDER BY seq LIMIT 10000",
        )
        .bind(to_sql(call.as_u64()))
        .fetch_all(pool)
        .await?);
        rows.into_iter().map(stamped).collect()
    }
}

impl Journal {
    /// Number of the last thing that the routing was told; 0 for none.
    ///
    /// # Errors
    /// [`StoreError::Query`].
    pub async fn last_told(&self) -> Result<u64, StoreError> {
        let (number,): (Option<i64>,) = on!(self.store.writer, pool =>
            sqlx::query_as("SELECT MAX(number) FROM routing_inputs").fetch_one(pool).await?);
        Ok(number.map_or(0, from_sql))
    }

    /// Where a replay can begin, oldest first: number and time.
    ///
    /// # Errors
    /// [`StoreError::Query`].
    pub async fn beginnings(&self) -> Result<Vec<(u64, Timestamp)>, StoreError> {
        let rows: Vec<(i64, i64)> = on!(self.store.reader, pool => sqlx::query_as(
            "SELECT number, happened_at FROM routing_inputs WHERE begins = 1 ORDER BY number",
        )
        .fetch_all(pool)
        .await?);
        Ok(rows.into_iter().map(|(number, at)| (from_sql(number), Timestamp::from_micros(at))).collect())
    }

    /// What the routing was told from a number on, oldest first, at most so many.
    ///
    /// # Errors
    /// [`StoreError::Query`].
    pub async fn told(&self, from: u64, limit: u32) -> Result<Vec<ToldRow>, StoreError> {
        let rows: Vec<(i64, i64, i64, i64, String)> = on!(self.store.reader, pool => sqlx::query_as(
            "SELECT number, after_seq, happened_at, begins, told FROM routing_inputs
             WHERE number >= $1 ORDER BY number LIMIT $2",
        )
        .bind(to_sql(from))
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await?);
        let row = |(number, after, at, begins, told)| ToldRow {
            number: from_sql(number),
            after: from_sql(after),
            at: Timestamp::from_micros(at),
            begins: begins != 0,
            told,
        };
        Ok(rows.into_iter().map(row).collect())
    }
}

fn stamped((seq, at, event): Stored) -> Result<Stamped, StoreError> {
    let event: Event = from_json("an event", &event)?;
    Ok(Stamped { seq: from_sql(seq), at: Timestamp::from_micros(at), event })
}

/// By what a call is found.
fn keys(call: &CallSummary) -> impl Iterator<Item = (CallId, &'static str, String)> {
    let queues = call.queues.iter().map(|queue| ("queue", queue.to_string()));
    let agents = call.agents.iter().map(|agent| ("agent", agent.to_string()));
    let exit = call.exit.map(|exit| ("exit", exit_word(exit)));
    queues.chain(agents).chain(exit).map(|(kind, value)| (call.id, kind, value))
}

/// The word of an event's type, which stands first in its JSON.
fn kind(event: &str) -> &str {
    let rest = event.strip_prefix("{\"type\":\"").unwrap_or_default();
    rest.split_once('"').map_or("", |(kind, _)| kind)
}

pub(super) fn exit_word(exit: QueueExit) -> String {
    to_json(&exit).trim_matches('"').to_owned()
}
