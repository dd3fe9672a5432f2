//! The writer: takes what waits, writes it in one transaction, tells who waits for it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::api::calls::CallSummary;
use shared::id::CallId;
use shared::time::Timestamp;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::hub::Published;
use super::picture::Saved;
use crate::acd::Told;
use crate::store::{Batch, Journal, Row, StoreError, ToldRow};

/// Events that may wait for the disk before the publisher is held up.
const PENDING_LEN: usize = 65_536;
/// Events in one transaction.
const BATCH_LEN: usize = 512;
/// How long the first event of a batch waits for company.
const LINGER: Duration = Duration::from_millis(5);
/// Batches begin at least so far apart: under load many events share one commit, which is what costs, and one event alone
/// is not held up.
const PACE: Duration = Duration::from_millis(25);
const FIRST_RETRY: Duration = Duration::from_millis(200);
const LAST_RETRY: Duration = Duration::from_secs(5);

/// Something on its way to the disk.
#[derive(Debug)]
pub(super) enum Entry {
    /// An event, with the row of the call that it changed, and the picture after it when that is to be saved.
    Event { published: Arc<Published>, call: Option<Box<CallSummary>>, picture: Option<Box<Saved>> },
    /// What the routing was told, with its number and that of the last event before it.
    Told { number: u64, after: u64, at: Timestamp, told: Box<Told> },
}

/// What waits for the disk, and how far the disk is.
#[derive(Debug)]
pub(super) struct Pending {
    queue: Mutex<Queue>,
    room: Condvar,
    work: Notify,
    durable: watch::Sender<u64>,
    ended: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Queue {
    entries: VecDeque<Entry>,
    last_picture: Option<Saved>,
    closed: bool,
    fault: Option<String>,
}

impl Pending {
    pub(super) fn new(durable: u64) -> Arc<Pending> {
        Arc::new(Pending {
            queue: Mutex::default(),
            room: Condvar::new(),
            work: Notify::new(),
            durable: watch::Sender::new(durable),
            ended: watch::Sender::new(false),
        })
    }

    pub(super) fn push(&self, entry: Entry) {
        self.lock().entries.push_back(entry);
        self.work.notify_one();
    }

    /// Holds the caller up while too much waits. A runtime with one thread could never write while its thread waits
    /// here, so there the queue grows instead.
    pub(super) fn wait_for_room(&self) {
        if self.lock().entries.len() < PENDING_LEN {
            return;
        }
        let wait = || {
            let full = |queue: &mut Queue| queue.entries.len() >= PENDING_LEN && !queue.closed;
            drop(self.room.wait_while(self.lock(), full).unwrap_or_else(PoisonError::into_inner));
        };
        match Handle::try_current().map(|handle| handle.runtime_flavor()) {
            Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(wait),
            Ok(_) => {}
            Err(_) => wait(),
        }
    }

    pub(super) fn durable_seq(&self) -> u64 {
        *self.durable.borrow()
    }

    pub(super) async fn durable(&self, seq: u64) {
        // The sender lives as long as we do.
        let _ = self.durable.subscribe().wait_for(|done| *done >= seq).await;
    }

    pub(super) fn health(&self) -> Result<(), String> {
        self.lock().fault.clone().map_or(Ok(()), Err)
    }

    /// No more events come; the writer ends when everything is written.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_one();
        self.room.notify_all();
    }

    /// Closes, with a last picture to save, and waits for the end.
    pub(super) async fn finish(&self, picture: Saved) {
        self.lock().last_picture = Some(picture);
        self.close();
        let _ = self.ended.subscribe().wait_for(|ended| *ended).await;
    }

    /// The writer; ends after [`Pending::close`].
    pub(super) async fn write(self: Arc<Self>, journal: Journal) {
        let mut begun = Instant::now();
        loop {
            self.work.notified().await;
            tokio::time::sleep(LINGER.max(PACE.saturating_sub(begun.elapsed()))).await;
            begun = Instant::now();
            while let Some((seq, batch)) = self.take() {
                self.write_batch(&journal, &batch).await;
                if let Some(seq) = seq {
                    self.durable.send_replace(seq);
                }
            }
            if self.lock().closed {
                break;
            }
        }
        self.ended.send_replace(true);
    }

    /// The next batch with its last number; none when nothing waits.
    fn take(&self) -> Option<(Option<u64>, Batch)> {
        let mut queue = self.lock();
        let len = queue.entries.len().min(BATCH_LEN);
        if len == 0 {
            let picture = queue.last_picture.take().as_ref().map(to_text)?;
            return Some((None, Batch { picture: Some(picture), ..Batch::default() }));
        }
        let entries: Vec<Entry> = queue.entries.drain(..len).collect();
        drop(queue);
        self.room.notify_all();
        let mut batch = Batch::default();
        let mut calls: BTreeMap<CallId, CallSummary> = BTreeMap::new();
        let mut seq = None;
        for entry in entries {
            match entry {
                Entry::Event { published, call, picture } => {
                    seq = Some(published.stamped.seq);
                    batch.rows.push(Row::new(&published.stamped));
                    if let Some(call) = call {
                        calls.insert(call.id, *call);
                    }
                    if let Some(picture) = &picture {
                        batch.picture = Some(to_text(picture));
                    }
                }
                Entry::Told { number, after, at, told } => {
                    let begins = told.begins();
                    batch.told.push(ToldRow { number, after, at, begins, told: to_text(&*told) });
                }
            }
        }
        batch.calls = calls.into_values().collect();
        Some((seq, batch))
    }

    /// Until it is written: an event is never dropped.
    async fn write_batch(&self, journal: &Journal, batch: &Batch) {
        let mut pause = FIRST_RETRY;
        loop {
            match journal.append(batch).await {
                Ok(()) => {
                    if self.lock().fault.take().is_some() {
                        tracing::info!("the journal is written again");
                    }
                    return;
                }
                Err(error) => {
                    let reason = reason(&error);
                    tracing::error!(reason, "journal not written, events are kept in memory");
                    self.lock().fault = Some(reason);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LAST_RETRY);
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn to_text<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn reason(error: &StoreError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
