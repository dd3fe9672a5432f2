//! How the hub starts: the picture is folded again from the journal, then what changed since is published.

use std::sync::{Arc, Mutex};

use jiff::tz::TimeZoneDatabase;
use shared::api::reports::JournalQuery;
use shared::model::call::EndCause;
use shared::model::distribution::Distributions;
use shared::model::event::{Event, Stamped};

use super::day;
use super::hub::{Hub, Inner, State};
use super::picture::{Picture, Saved};
use super::writer::Pending;
use crate::clock;
use crate::config::Config;
use crate::store::{Store, StoreError};

/// Why the hub cannot start.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The journal cannot be read.
    #[error("read the journal")]
    Store(#[from] StoreError),
    /// The time zone is unknown on this machine.
    #[error("find the time zone {0}")]
    Zone(String),
}

/// What a floor needs from the days before.
const CONFIGURATION: [&str; 5] =
    ["queue_configured", "queue_removed", "agent_configured", "agent_removed", "breaks_configured"];

impl Hub {
    /// Takes the journal up where it ended and publishes [`Event::ServiceStarted`], the end of calls that an earlier
    /// run left open, the new day when there is one, and what the configuration changed. From then on it publishes
    /// each day's start at local midnight. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`HubError`].
    pub async fn open(store: &Store, config: &Config) -> Result<Hub, HubError> {
        let zone = TimeZoneDatabase::bundled()
            .get(&config.service.time_zone)
            .map_err(|_| HubError::Zone(config.service.time_zone.clone()))?;
        let config_version = store.meta().config_version(config.content_hash()).await?;
        let picture = rebuild(store).await?;
        let lost: Vec<_> = picture.live_calls().map(|call| call.id).collect();
        let told = store.journal().last_told().await?;
        let pending = Pending::new(picture.floor.seq);
        tokio::spawn(Arc::clone(&pending).write(store.journal()));
        let state = Mutex::new(State::new(picture, told));
        let hub = Hub {
            inner: Arc::new(Inner {
                state,
                pending,
                config_version: config_version.into(),
                zone: zone.clone(),
            }),
        };

        hub.publish(Event::ServiceStarted { version: env!("CARGO_PKG_VERSION").into(), config_version });
        for call in lost {
            hub.publish(Event::CallEnded { call, cause: EndCause::Lost });
        }
        let today = day::date(clock::now(), &zone);
        if hub.floor().day != today {
            hub.publish(Event::DayStarted { date: today });
        }
        hub.configure(config);
        hub.durable(hub.last_seq()).await;
        tokio::spawn(day::keep(Arc::downgrade(&hub.inner), zone));
        Ok(hub)
    }

    /// Publishes what differs between the floor and the configuration.
    fn configure(&self, config: &Config) {
        let floor = self.floor();
        let (queues, agents, breaks) = (config.queues(), config.agents(), config.breaks());
        if floor.breaks != breaks {
            self.publish(Event::BreaksConfigured { codes: breaks });
        }
        for id in floor.agents.keys().filter(|id| !agents.iter().any(|agent| agent.id == **id)) {
            self.publish(Event::AgentRemoved { agent: id.clone() });
        }
        for id in floor.queues.keys().filter(|id| !queues.iter().any(|queue| queue.id == **id)) {
            self.publish(Event::QueueRemoved { queue: id.clone() });
        }
        for queue in queues {
            if floor.queues.get(&queue.id).is_none_or(|view| view.info != queue) {
                self.publish(Event::QueueConfigured { queue });
            }
        }
        for agent in agents {
            if floor.agents.get(&agent.id).is_none_or(|view| view.info != agent) {
                self.publish(Event::AgentConfigured { agent });
            }
        }
    }
}

/// The picture after the last event in the journal.
async fn rebuild(store: &Store) -> Result<Picture, HubError> {
    let journal = store.journal();
    let saved = store.meta().get("picture").await?;
    let saved = saved.and_then(|text| serde_json::from_str::<Saved>(&text).ok());
    let day = journal.last_of("day_started").await?;
    let (mut picture, after) = match saved {
        Some(saved) if saved.version == env!("CARGO_PKG_VERSION") => {
            let after = saved.floor.seq;
            (Picture::resume(saved), after)
        }
        Some(_) | None => (configured_before(store, day).await?, day.saturating_sub(1)),
    };
    picture.distributions = distributions_of_day(store, day, after).await?;
    let mut query = JournalQuery { after, limit: Some(5_000) };
    loop {
        let events = journal.list(&query).await?;
        let Some(last) = events.last() else { break };
        query.after = last.seq;
        for stamped in &events {
            picture.apply(stamped);
        }
    }
    Ok(picture)
}

/// Queues, agents and breaks as they were when a day started.
async fn configured_before(store: &Store, day: u64) -> Result<Picture, HubError> {
    let mut events: Vec<Stamped> = Vec::new();
    for kind in CONFIGURATION {
        events.extend(store.journal().of_kind(kind, 0, day).await?);
    }
    events.sort_by_key(|stamped| stamped.seq);
    let mut picture = Picture::default();
    for stamped in &events {
        picture.apply(stamped);
    }
    Ok(picture)
}

/// The distributions of the day up to an event; the picture's own fold goes on from there.
async fn distributions_of_day(store: &Store, day: u64, until: u64) -> Result<Distributions, HubError> {
    let mut events = Vec::new();
    for kind in ["call_left_queue", "call_connected", "agent_released"] {
        events.extend(store.journal().of_kind(kind, day, until).await?);
    }
    events.sort_by_key(|stamped| stamped.seq);
    let mut distributions = Distributions::default();
    for stamped in &events {
        distributions.apply(stamped);
    }
    Ok(distributions)
}
