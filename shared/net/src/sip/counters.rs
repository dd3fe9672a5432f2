//! What a driver counts, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only the driver moves and anybody may read.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) datagrams_received: Counter,
    pub(super) datagrams_held_back: Counter,
    pub(super) datagrams_lost: Counter,
    pub(super) sources_held_back: Counter,
    pub(super) datagrams_sent: Counter,
    pub(super) streams_open: Counter,
    pub(super) streams_refused: Counter,
    pub(super) handshakes_failed: Counter,
}

/// What a driver has counted since it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DriverCounts {
    /// UDP datagrams read.
    pub datagrams_received: u64,
    /// Among them those of sources that flood, which were dropped unread.
    pub datagrams_held_back: u64,
    /// Those that the system dropped before: the receive buffer was full, or the source is held back.
    pub datagrams_lost: u64,
    /// Sources that flood, of which only a share is let in, at the moment.
    pub sources_held_back: u64,
    /// UDP datagrams given to the system.
    pub datagrams_sent: u64,
    /// TCP and TLS connections at the moment, unfinished ones included.
    pub streams_open: u64,
    /// Connections closed at once because there were too many.
    pub streams_refused: u64,
    /// TLS handshakes of those who connected that came to nothing.
    pub handshakes_failed: u64,
}

impl Counters {
    pub(super) fn read(&self) -> DriverCounts {
        DriverCounts {
            datagrams_received: self.datagrams_received.get(),
            datagrams_held_back: self.datagrams_held_back.get(),
            datagrams_lost: self.datagrams_lost.get(),
            sources_held_back: self.sources_held_back.get(),
            datagrams_sent: self.datagrams_sent.get(),
            streams_open: self.streams_open.get(),
            streams_refused: self.streams_refused.get(),
            handshakes_failed: self.handshakes_failed.get(),
        }
    }
}
