//! Keeps people's phones in the store, so that those which registered before a restart are reached after it.

use std::collections::HashMap;
use std::time::Duration;

use shared::id::UserId;
use shared::sip::registrar::Binding;
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

/// Writes what changes until all senders are gone, many people in one transaction.
///
/// A phone that refreshes is written down again only when something else than its time changed, or when its time moved
/// by [`WORTH_WRITING`] or more since the last writing: a restart then takes it up at most so much too early.
pub async fn run(store: Store, mut changes: mpsc::Receiver<(UserId, SavedPhones)>) {
    let mut written: HashMap<UserId, SavedPhones> = HashMap::new();
    while let Some((user, saved)) = changes.recv().await {
        let mut batch = HashMap::from([(user, saved)]);
        let end = tokio::time::sleep(GATHER);
        tokio::pin!(end);
        loop {
            tokio::select! {
                biased;
                () = &mut end => break,
                change = changes.recv() => match change {
                    Some((user, saved)) => batch.insert(user, saved),
                    None => break,
                },
            };
        }
        batch.retain(|user, saved| written.get(user).is_none_or(|before| is_worth_writing(before, saved)));
        let mut rows = Vec::with_capacity(batch.len());
        for (user, saved) in &batch {
            match serde_json::to_string(saved) {
                Ok(text) => rows.push((name_of(user), text)),
                Err(error) => tracing::error!(%user, %error, "a phone cannot be written down"),
            }
        }
        match store.meta().set_all(&rows).await {
            Ok(()) => written.extend(batch),
            Err(error) => {
                tracing::error!(%error, phones = rows.len(), "phones are not kept for the next run");
            }
        }
    }
}

fn is_worth_writing(before: &SavedPhones, now: &SavedPhones) -> bool {
    let alike = |old: &Binding, new: &Binding| {
        let same = Binding {
            expires_at: new.expires_at,
            cseq: new.cseq,
            call_id: new.call_id.clone(),
            ..old.clone()
        };
        let earlier = new.expires_at < old.expires_at;
        same == *new && !earlier && new.expires_at.since(old.expires_at) < WORTH_WRITING
    };
    before.app != now.app
        || before.bindings.len() != now.bindings.len()
        || !before.bindings.iter().zip(&now.bindings).all(|(old, new)| alike(old, new))
}

/// How long changes are gathered; a crash costs at most so much.
const GATHER: Duration = Duration::from_millis(250);
/// See [`run`].
const WORTH_WRITING: Duration = Duration::from_secs(30);

fn name_of(user: &UserId) -> String {
    format!("phones.{user}")
}

#[cfg(test)]
mod tests {
    use shared::sip::{Flow, Transport};
    use shared::time::Timestamp;

    use super::*;

    fn saved(expires_secs: i64, port: u16) -> SavedPhones {
        let binding = Binding {
            contact: "sip:201@10.0.0.5".parse().expect("uri"),
            flow: Flow {
                transport: Transport::Udp,
                local: ([192, 0, 2, 1], 5060).into(),
                remote: ([198, 51, 100, 7], port).into(),
                connection: 0,
            },
            expires_at: Timestamp::from_secs(expires_secs),
            user_agent: None,
            registered_at: Timestamp::from_secs(0),
            username: "201".into(),
            q_thousandths: 1000,
            call_id: "c".into(),
            cseq: 1,
            instance: None,
            reg_id: None,
            path: Vec::new(),
        };
        SavedPhones { app: None, bindings: vec![binding] }
    }

    #[test]
    fn a_refresh_that_moves_the_end_by_little_is_not_written() {
        let before = saved(1_000, 5060);
        assert!(!is_worth_writing(&before, &saved(1_000, 5060)));
        assert!(!is_worth_writing(&before, &saved(1_029, 5060)));
        assert!(is_worth_writing(&before, &saved(1_030, 5060)));
        assert!(is_worth_writing(&before, &saved(999, 5060)), "it ends earlier");
        assert!(is_worth_writing(&before, &saved(1_000, 5061)), "it moved");
        assert!(is_worth_writing(&before, &SavedPhones::default()), "it is gone");
    }

    #[tokio::test]
    async fn phones_are_found_by_the_next_run() {
        let (store, _folder) = crate::store::testing::sqlite().await;
        let (sender, changes) = mpsc::channel(16);
        let user: UserId = "201".parse().expect("id");
        sender.send((user.clone(), saved(1_000, 5060))).await.expect("room");
        sender.send((user.clone(), saved(2_000, 5061))).await.expect("room");
        drop(sender);
        run(store.clone(), changes).await;
        let found = load(&store, [user.clone()]).await.expect("read");
        assert_eq!(found, [(user, saved(2_000, 5061))], "the last word");
    }
}
