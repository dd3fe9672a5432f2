//! Databases for tests: SQLite always, PostgreSQL when `CALLFLOOR_TEST_POSTGRES` is the address of an empty one.

use super::Store;

/// A fresh SQLite database in a folder of its own; the folder goes with the guard.
pub(crate) async fn sqlite() -> (Store, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let url = format!("sqlite:{}", folder.path().join("test.db").display());
    (Store::open(&url).await.expect("a new database opens"), folder)
}

/// Every database that can be tested here. PostgreSQL is emptied first, so tests that use it run in one function.
pub(crate) async fn all() -> Vec<(Store, Option<tempfile::TempDir>)> {
    let (store, folder) = sqlite().await;
    let mut stores = vec![(store, Some(folder))];
    if let Ok(url) = std::env::var("CALLFLOOR_TEST_POSTGRES") {
        let store = Store::open(&url).await.expect("the PostgreSQL of CALLFLOOR_TEST_POSTGRES opens");
        if let super::Pool::Postgres(pool) = &store.writer {
            sqlx::query("TRUNCATE journal, calls, call_keys, recordings, transcripts, tokens, meta, configuration_versions")
                .execute(pool)
                .await
                .expect("its tables can be emptied");
        }
        stores.push((store, None));
    }
    stores
}
