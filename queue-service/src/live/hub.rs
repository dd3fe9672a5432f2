//! The hub: one lock, held for the time of a fold and never across an await.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use jiff::tz::TimeZone;
use shared::api::calls::CallSummary;
use shared::api::live::ServerFrame;
use shared::api::reports::DayReport;
use shared::model::event::{Event, Stamped};
use shared::model::floor::Floor;
use shared::time::Timestamp;
use tokio::sync::broadcast;

use super::day;
use super::picture::Picture;
use super::totals::Totals;
use super::writer::{Entry, Pending};
use crate::acd::Told;
use crate::clock;

/// Events that a feed may be behind before it is dropped.
const FEED_LEN: usize = 2_048;
/// Events kept in memory for feeds that resume.
const RECENT_LEN: usize = 8_192;
/// The picture is saved after so many events, so that a start folds no more than these, or those of [`SAVE_PAUSE`].
const SAVE_EVERY: u64 = 5_000;
/// But not more often: a large floor takes some milliseconds to write down, in which no call goes on.
const SAVE_PAUSE: Duration = Duration::from_secs(10);

/// An event with its frame for live feeds, which is made once for all of them.
#[derive(Debug)]
pub struct Published {
    /// The event.
    pub stamped: Stamped,
    frame: OnceLock<Bytes>,
}

impl Published {
    pub(super) fn new(stamped: Stamped) -> Arc<Published> {
        Arc::new(Published { stamped, frame: OnceLock::new() })
    }

    /// The text frame of [`shared::api::live`], as UTF-8.
    pub fn frame(&self) -> Bytes {
        let make = || {
            let frame = ServerFrame::Event(Box::new(self.stamped.clone()));
            serde_json::to_string(&frame).unwrap_or_default().into()
        };
        self.frame.get_or_init(make).clone()
    }
}

/// Where a subscription starts.
#[derive(Debug)]
pub enum Start {
    /// With the whole picture: nothing was known, or too little.
    Floor(Arc<Floor>),
    /// With the events that were missed.
    Events(Vec<Arc<Published>>),
}

/// A subscription: where to start, then every event after it without a gap.
#[derive(Debug)]
pub struct Subscription {
    /// Where to start.
    pub start: Start,
    /// What follows. [`broadcast::error::RecvError::Lagged`] means that the reader was too slow and is out.
    pub events: broadcast::Receiver<Arc<Published>>,
}

/// Numbers, folds, writes down and sends events. Cheap to clone; one hub a service.
#[derive(Debug, Clone)]
pub struct Hub {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    /// Guards the numbering and the folds.
    pub(super) state: Mutex<State>,
    pub(super) pending: Arc<Pending>,
    pub(super) config_version: AtomicU64,
    pub(super) zone: TimeZone,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) picture: Picture,
    pub(super) recent: VecDeque<Arc<Published>>,
    pub(super) feeds: broadcast::Sender<Arc<Published>>,
    pub(super) unsaved: u64,
    /// When the picture was last saved.
    pub(super) saved_at: Timestamp,
    /// Number of the last thing that the routing was told.
    pub(super) told: u64,
}

impl State {
    pub(super) fn new(picture: Picture, told: u64) -> State {
        State {
            picture,
            recent: VecDeque::new(),
            feeds: broadcast::channel(FEED_LEN).0,
            unsaved: 0,
            saved_at: Timestamp::EPOCH,
            told,
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.pending.close();
    }
}

impl Hub {
    /// Numbers an event, stamps it with the time, folds it, hands it to the journal and sends it to the live feeds.
    ///
    /// It is on the disk some milliseconds later; see [`Hub::durable`]. At most 65,536 events wait for the disk: when
    /// it is slower than that the publisher is held up here, because a fact that is not written down must not become
    /// the ground for further ones.
    pub fn publish(&self, event: Event) -> Arc<Published> {
        self.inner.pending.wait_for_room();
        let mut state = self.lock();
        let floor = &state.picture.floor;
        // A clock that was set back between two runs must not make the journal run backwards.
        let stamped = Stamped { seq: floor.seq + 1, at: clock::now().max(floor.at), event };
        let call = state.picture.apply(&stamped);
        state.picture.totals.apply(&stamped);
        state.unsaved += 1;
        let day = matches!(stamped.event, Event::DayStarted { .. });
        let is_due = state.unsaved >= SAVE_EVERY && stamped.at.since(state.saved_at) >= SAVE_PAUSE;
        let picture = (day || is_due).then(|| {
            state.unsaved = 0;
            state.saved_at = stamped.at;
            state.picture.save()
        });
        let published = Published::new(stamped);
        state.recent.push_back(Arc::clone(&published));
        if state.recent.len() > RECENT_LEN {
            state.recent.pop_front();
        }
        // Within the lock, so that journal and feeds have the order of the numbers.
        self.inner.pending.push(Entry::Event {
            published: Arc::clone(&published),
            call: call.map(Box::new),
            picture: picture.map(Box::new),
        });
        // No feed is no error.
        let _ = state.feeds.send(Arc::clone(&published));
        published
    }

    /// Writes down what the routing is told, in its place before the events that come of it. It is in the journal for
    /// [`crate::replay`] and in no live feed.
    pub fn told(&self, at: Timestamp, told: Told) {
        self.inner.pending.wait_for_room();
        let mut state = self.lock();
        state.told += 1;
        let (number, after) = (state.told, state.picture.floor.seq);
        self.inner.pending.push(Entry::Told { number, after, at, told: Box::new(told) });
    }

    /// The live picture. Cheap; look and let go, as holding on to it makes the next event copy it.
    pub fn floor(&self) -> Arc<Floor> {
        Arc::clone(&self.lock().picture.floor)
    }

    /// Looks at the live picture in place; keep it short, publishing waits meanwhile.
    pub fn with_floor<T>(&self, look: impl FnOnce(&Floor) -> T) -> T {
        look(&self.lock().picture.floor)
    }

    /// When the day of the service ends, in its time zone.
    pub fn day_ends(&self, now: Timestamp) -> Timestamp {
        day::next_start(now, &self.inner.zone)
    }

    /// Number of the last event.
    pub fn last_seq(&self) -> u64 {
        self.lock().picture.floor.seq
    }

    /// Number of the configuration that is in force.
    pub fn config_version(&self) -> u64 {
        self.inner.config_version.load(Ordering::Relaxed)
    }

    /// Another configuration is in force.
    pub fn set_config_version(&self, version: u64) {
        self.inner.config_version.store(version, Ordering::Relaxed);
    }

    /// Number of the last event that is on the disk.
    pub fn durable_seq(&self) -> u64 {
        self.inner.pending.durable_seq()
    }

    /// Waits until every event up to this number is on the disk, however long that takes.
    pub async fn durable(&self, seq: u64) {
        self.inner.pending.durable(seq).await;
    }

    /// Events after a number as they happen, starting with those missed, or with the whole picture when the number is
    /// unknown or too far back.
    pub fn subscribe(&self, after: Option<u64>) -> Subscription {
        let state = self.lock();
        let last = state.picture.floor.seq;
        let oldest = state.recent.front().map_or(last + 1, |published| published.stamped.seq);
        let start = match after {
            Some(after) if after <= last && after + 1 >= oldest => {
                let missed = usize::try_from(last - after).unwrap_or(usize::MAX);
                let skip = state.recent.len().saturating_sub(missed);
                Start::Events(state.recent.iter().skip(skip).cloned().collect())
            }
            // Also a number that is not given out yet: the client knows another journal.
            Some(_) | None => Start::Floor(Arc::clone(&state.picture.floor)),
        };
        Subscription { start, events: state.feeds.subscribe() }
    }

    /// Live feeds and other subscribers now.
    pub fn subscribers(&self) -> usize {
        self.lock().feeds.receiver_count()
    }

    /// The day's numbers as of `now`.
    pub fn day_report(&self, now: Timestamp) -> DayReport {
        let (floor, distributions) = {
            let state = self.lock();
            (Arc::clone(&state.picture.floor), state.picture.distributions.clone())
        };
        floor.day_report(now, &distributions)
    }

    /// The rows of calls that live.
    pub fn live_calls(&self) -> Vec<CallSummary> {
        self.lock().picture.live_calls().cloned().collect()
    }

    /// Counters since the start.
    pub fn totals(&self) -> Totals {
        self.lock().picture.totals.clone()
    }

    /// Why the journal cannot be written at the moment.
    ///
    /// # Errors
    /// The reason in words; events are kept in memory and tried again meanwhile.
    pub fn health(&self) -> Result<(), String> {
        self.inner.pending.health()
    }

    /// Writes everything down, with the picture, and ends the writer. Publish nothing afterwards.
    pub async fn close(&self) {
        let picture = self.lock().picture.save();
        self.inner.pending.finish(picture).await;
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic in a fold leaves the picture as it was before or after the event; going on is better than stopping.
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
