//! Drives campaigns and the list of those who are not to be called: folds them from the journal at a start, publishes
//! what is decided, and takes back what agents keep too long.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use shared::id::{CallId, UserId};
use shared::model::event::Event;
use shared::time::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::campaign::Campaigns;
use crate::campaign::do_not_call::{DoNotCall, MOST_NUMBERS};
use crate::clock;
use crate::config::Config;
use crate::live::Hub;
use crate::sip::trunk::plan::DialPlan;
use crate::store::{Store, StoreError};

/// Numbers in one event.
const NUMBERS_AT_ONCE: usize = 500;
/// Events of one kind read at once at a start.
const EVENTS_AT_ONCE: u64 = 100_000;
/// A talk keeps its contact for this long after it is over.
const AFTER_TALK: Duration = Duration::from_secs(300);

/// The numbers that may not be called, for the call switch to look at. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Blocked {
    plan: Arc<DialPlan>,
    list: Arc<RwLock<DoNotCall>>,
}

impl Blocked {
    /// An empty list with the numbers' rules of a configuration.
    pub fn new(config: &Config) -> Blocked {
        let plan = Arc::new(DialPlan::new(&config.outbound, &config.trunks));
        Blocked { plan, list: Arc::default() }
    }

    /// The number of what somebody writes, by the rules of the dial plan; none when it is no number.
    pub fn number(&self, written: &str) -> Option<String> {
        self.plan.normal(written)
    }

    /// Whether a number, as dialled, is on the list.
    pub fn is_blocked(&self, dialled: &str) -> bool {
        self.number(dialled).is_some_and(|number| self.look(|list| list.get(&number).is_some()))
    }

    /// Looks at the list; keep it short.
    pub fn look<T>(&self, look: impl FnOnce(&DoNotCall) -> T) -> T {
        look(&self.list.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn apply(&self, at: Timestamp, event: &Event) {
        if let Event::DoNotCallChanged { added, removed, by, reason } = event {
            let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
            list.apply(at, added, removed, by, reason);
        }
    }
}

/// Campaigns with their journal. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Outreach {
    blocked: Blocked,
    hub: Hub,
    /// Never held across an await.
    campaigns: Arc<Mutex<Campaigns>>,
}

impl Outreach {
    /// Folds what the journal has of both.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(store: &Store, hub: &Hub, blocked: Blocked) -> Result<Outreach, StoreError> {
        let journal = store.journal();
        let mut campaigns = Campaigns::default();
        for kind in ["do_not_call_changed", "campaign"] {
            let last = journal.last_of(kind).await?;
            let mut after = 0;
            while after < last {
                let until = last.min(after + EVENTS_AT_ONCE);
                for stamped in journal.of_kind(kind, after, until).await? {
                    blocked.apply(stamped.at, &stamped.event);
                    if let Event::Campaign { campaign, fact } = &stamped.event {
                        campaigns.apply(stamped.at, campaign, fact);
                    }
                }
                after = until;
            }
        }
        Ok(Outreach { blocked, hub: hub.clone(), campaigns: Arc::new(Mutex::new(campaigns)) })
    }

    /// The list of those who are not to be called.
    pub fn blocked(&self) -> &Blocked {
        &self.blocked
    }

    /// Asks the campaigns something or tells them something; what is decided is published before anybody else asks.
    pub fn with<T>(&self, ask: impl FnOnce(Timestamp, &mut Campaigns, &DoNotCall) -> T) -> T {
        let mut campaigns = self.lock();
        let answer = self.blocked.look(|list| ask(clock::now(), &mut campaigns, list));
        while let Some((campaign, fact)) = campaigns.poll() {
            self.hub.publish(Event::Campaign { campaign, fact: Box::new(fact) });
        }
        answer
    }

    /// Puts numbers on the list or takes them off it; gives how many are different now. None when there is no room.
    pub fn change(&self, add: bool, numbers: Vec<String>, by: &UserId, reason: &str) -> Option<usize> {
        // One change at a time.
        let _one = self.lock();
        let differs = |number: &String| self.blocked.look(|list| list.get(number).is_none() == add);
        let numbers: Vec<String> = numbers.into_iter().filter(differs).collect();
        if add && self.blocked.look(DoNotCall::len) + numbers.len() > MOST_NUMBERS {
            return None;
        }
        for part in numbers.chunks(NUMBERS_AT_ONCE) {
            let (added, removed) =
                if add { (part.to_vec(), Vec::new()) } else { (Vec::new(), part.to_vec()) };
            let event = Event::DoNotCallChanged { added, removed, by: by.clone(), reason: reason.to_owned() };
            let published = self.hub.publish(event);
            self.blocked.apply(published.stamped.at, &published.stamped.event);
        }
        Some(numbers.len())
    }

    /// Takes back what agents keep too long, once a second; who still talks keeps his contact.
    pub async fn run(self, stop: CancellationToken) {
        let mut every = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                _ = every.tick() => {}
                () = stop.cancelled() => return,
            }
            let calls = self.lock().calls();
            let up: HashSet<CallId> = self.hub.with_floor(|floor| {
                calls.into_iter().filter(|call| floor.calls.contains_key(call)).collect()
            });
            self.with(|now, campaigns, _| {
                for call in up {
                    campaigns.talks(call, now + AFTER_TALK);
                }
                campaigns.tick(now);
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Campaigns> {
        self.campaigns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
