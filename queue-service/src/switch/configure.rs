//! Another configuration while calls are up: what it brings, and who is told.

use std::collections::BTreeSet;
use std::sync::Arc;

use shared::id::UserId;
use shared::model::event::Event;
use shared::time::Timestamp;

use crate::acd;
use crate::config::Config;

use super::media_link::Prompts;
use super::{Switch, Work};

/// A configuration to take over, with everything that is to be read from the disk for it.
#[derive(Clone)]
pub struct Reconfigure {
    config: Arc<Config>,
    version: u64,
    prompts: Arc<Prompts>,
    event: Event,
}

impl std::fmt::Debug for Reconfigure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reconfigure(version {})", self.version)
    }
}

impl PartialEq for Reconfigure {
    fn eq(&self, other: &Reconfigure) -> bool {
        self.version == other.version && self.config == other.config
    }
}

impl Eq for Reconfigure {}

impl Reconfigure {
    /// Reads the prompts of its queues, so it may take a while. `config` is what runs from now on, `event` tells it.
    pub fn prepare(config: Config, version: u64, event: Event) -> Reconfigure {
        let prompts = Arc::new(Prompts::new(&config));
        Reconfigure { config: Arc::new(config), version, prompts, event }
    }

    /// The fact that tells of it.
    pub fn event(&self) -> &Event {
        &self.event
    }
}

impl Switch {
    /// Takes a configuration over. Calls that wait keep the rules that they came with; a talk goes on even when its
    /// agent or queue is gone.
    pub(super) fn reconfigure(&mut self, now: Timestamp, change: Reconfigure) {
        let Reconfigure { config, version, prompts, event } = change;
        self.hub.publish(event);
        self.hub.set_config_version(version);
        let people = |config: &Config| -> BTreeSet<UserId> {
            config.users().into_iter().map(|person| person.id).collect()
        };
        let gone: Vec<UserId> = people(&self.config).difference(&people(&config)).cloned().collect();
        for user in &gone {
            self.phones.close_app(user);
        }
        let mut changed = self.phones.configure(&config);
        changed.extend(gone);
        self.queues = config.queues().into_iter().map(|queue| (queue.id.clone(), queue)).collect();
        self.prompts = prompts;
        self.work.push_back(Work::Acd(acd::Input::Configure {
            version,
            queues: config.queues(),
            agents: config.agents(),
            breaks: config.breaks(),
        }));
        self.config = config;
        self.drain();
        self.phones_changed(changed);
        tracing::info!(version, at = now.as_millis(), "another configuration is in force");
    }
}
