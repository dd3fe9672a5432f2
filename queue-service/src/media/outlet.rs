//! Events on their way to the switch.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::event::MediaEvent;
use super::stats::WorkerCounters;

const BACKLOG_EVENTS: usize = 4_096;

/// The way out.
pub(super) struct Outlet {
    events: mpsc::Sender<MediaEvent>,
    backlog: VecDeque<MediaEvent>,
    counters: Arc<WorkerCounters>,
}

impl Outlet {
    pub(super) fn new(events: mpsc::Sender<MediaEvent>, counters: Arc<WorkerCounters>) -> Self {
        Outlet { events, backlog: VecDeque::new(), counters }
    }

    /// Nothing waits for the switch.
    pub(super) fn is_empty(&self) -> bool {
        self.backlog.is_empty()
    }

    /// Sends, or keeps what may not be lost.
    pub(super) fn send(&mut self, event: MediaEvent) {
        let refused = if self.backlog.is_empty() {
            match self.events.try_send(event) {
                Err(mpsc::error::TrySendError::Full(event)) => event,
                // Sent, or nobody listens any more.
                Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => return,
            }
        } else {
            event
        };
        if matches!(refused, MediaEvent::Talk { .. }) {
            return;
        }
        if self.backlog.len() >= BACKLOG_EVENTS {
            self.backlog.pop_front();
            WorkerCounters::count(&self.counters.events_lost);
            tracing::error!("a media event is lost: the switch takes none");
        }
        self.backlog.push_back(refused);
    }

    /// Sends what was kept.
    pub(super) fn retry(&mut self) {
        while let Some(event) = self.backlog.pop_front() {
            match self.events.try_send(event) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(event)) => {
                    self.backlog.push_front(event);
                    return;
                }
                Err(mpsc::error::TrySendError::Closed(_)) => self.backlog.clear(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use shared::id::{CallId, LegId};

    use super::*;

    fn digit(number: u64) -> MediaEvent {
        MediaEvent::PlayDone { call: CallId::from_u64(1), leg: LegId::from_u64(1), id: number }
    }

    fn numbers(events: &mut mpsc::Receiver<MediaEvent>) -> Vec<u64> {
        std::iter::from_fn(|| events.try_recv().ok())
            .filter_map(|event| match event {
                MediaEvent::PlayDone { id, .. } => Some(id),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn events_wait_for_a_slow_switch_in_order_and_only_talk_is_left_out() {
        let (sender, mut events) = mpsc::channel(2);
        let counters = Arc::new(WorkerCounters::default());
        let mut outlet = Outlet::new(sender, counters.clone());
        for number in 0..5 {
            outlet.send(digit(number));
        }
        outlet.send(MediaEvent::Talk { call: CallId::from_u64(1), leg: LegId::from_u64(1), talking: true });
        assert_eq!(outlet.backlog.len(), 3);
        let mut seen = numbers(&mut events);
        while !outlet.backlog.is_empty() {
            outlet.retry();
            seen.extend(numbers(&mut events));
        }
        assert_eq!(seen, [0, 1, 2, 3, 4]);
        for number in 0..BACKLOG_EVENTS as u64 + 5 {
            outlet.send(digit(number));
        }
        assert_eq!(counters.events_lost.load(Ordering::Relaxed), 3, "two are in the channel");
        drop(events);
        outlet.retry();
        assert!(outlet.backlog.is_empty(), "nobody listens any more");
    }
}
