//! Keeps people's phones in the store, so that those which registered before a restart are reached after it.

use shared::id::UserId;
use tokio::sync::mpsc;

use super::phones::SavedPhones;
use crate::store::{Store, StoreError};

/// What the store has of these people.
///
/// # Errors
/// When the store cannot be read. A record that cannot be understood is left out: its phone comes back by itself.
pub async fn load(
    store: &Store,
    users: impl IntoIterator<Item = UserId>,
) -> Result<Vec<(UserId, SavedPhones)>, StoreError> {
    let meta = store.meta();
    let mut found = Vec::new();
    for user in users {
        let Some(text) = meta.get(&name_of(&user)).await? else { continue };
        match serde_json::from_str(&text) {
            Ok(saved) => found.push((user, saved)),
            Err(error) => tracing::warn!(%user, %error, "a kept phone cannot be read"),
        }
    }
    Ok(found)
}

/// Writes what changes until all senders are gone.
pub async fn run(store: Store, mut changes: mpsc::Receiver<(UserId, SavedPhones)>) {
    while let Some((user, saved)) = changes.recv().await {
        let text = match serde_json::to_string(&saved) {
            Ok(text) => text,
            Err(error) => {
                tracing::error!(%user, %error, "a phone cannot be written down");
                continue;
            }
        };
        if let Err(error) = store.meta().set(&name_of(&user), &text).await {
            tracing::error!(%user, %error, "a phone is not kept for the next run");
        }
    }
}

fn name_of(user: &UserId) -> String {
    format!("phones.{user}")
}
