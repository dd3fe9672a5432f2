//! Who has a live feed. The switch is told when a person's first one comes and when the last one goes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::id::UserId;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::switch::command::{Command, SwitchHandle};

/// Counts feeds by person. One task tells the switch, so what it hears last is how things are.
#[derive(Debug, Clone)]
pub(super) struct Presence {
    table: Arc<Table>,
}

#[derive(Debug, Default)]
struct Table {
    /// Guards the counts; never held across an await.
    users: Mutex<BTreeMap<UserId, Feeds>>,
    changed: Notify,
}

#[derive(Debug, Default, Clone, Copy)]
struct Feeds {
    open: u32,
    told: bool,
}

/// One feed of a person; it counts until this is dropped.
#[derive(Debug)]
pub(super) struct Guard {
    user: UserId,
    table: Arc<Table>,
}

impl Presence {
    pub(super) fn start(switch: SwitchHandle, shutdown: CancellationToken) -> Presence {
        let table = Arc::new(Table::default());
        let told = Arc::clone(&table);
        tokio::spawn(async move {
            tokio::select! {
                () = tell(&told, &switch) => {}
                () = shutdown.cancelled() => {}
            }
        });
        Presence { table }
    }

    /// Counts a feed; none when the person has `most` already.
    pub(super) fn enter(&self, user: &UserId, most: u32) -> Option<Guard> {
        let mut users = self.table.lock();
        let feeds = users.entry(user.clone()).or_default();
        if feeds.open >= most {
            return None;
        }
        feeds.open += 1;
        drop(users);
        self.table.changed.notify_one();
        Some(Guard { user: user.clone(), table: Arc::clone(&self.table) })
    }

    /// Feeds now.
    pub(super) fn count(&self) -> u32 {
        self.table.lock().values().map(|feeds| feeds.open).sum()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(feeds) = self.table.lock().get_mut(&self.user) {
            feeds.open = feeds.open.saturating_sub(1);
        }
        self.table.changed.notify_one();
    }
}

impl Table {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<UserId, Feeds>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody about whom the switch knows something else than is true.
    fn next(&self) -> Option<(UserId, bool)> {
        let mut users = self.lock();
        users.retain(|_, feeds| feeds.open > 0 || feeds.told);
        let (user, feeds) = users.iter_mut().find(|(_, feeds)| (feeds.open > 0) != feeds.told)?;
        feeds.told = feeds.open > 0;
        Some((user.clone(), feeds.told))
    }
}

async fn tell(table: &Table, switch: &SwitchHandle) {
    loop {
        while let Some((user, connected)) = table.next() {
            if let Err(error) = switch.ask(Command::FeedPresence { user, connected }).await {
                tracing::debug!(%error, "switch not told of a live feed");
            }
        }
        table.changed.notified().await;
    }
}
