//! Connections to either database, and the macro that writes a query once for both.

use std::path::Path;
use std::time::Duration;

use sqlx::Connection;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use super::StoreError;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// A pool of connections to one of the two databases.
#[derive(Debug, Clone)]
pub(super) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Runs the same body with the pool of either database; the types of the query follow the pool.
macro_rules! on {
    ($pool:expr, $name:ident => $body:expr) => {
        match &$pool {
            $crate::store::pool::Pool::Sqlite($name) => $body,
            $crate::store::pool::Pool::Postgres($name) => $body,
        }
    };
}
pub(super) use on;

impl Pool {
    pub(super) async fn close(&self) {
        on!(*self, pool => pool.close().await);
    }
}

/// The writing and the reading pool.
pub(super) async fn open(url: &str) -> Result<(Pool, Pool), StoreError> {
    match url.strip_prefix("sqlite:") {
        Some(file) => open_sqlite(Path::new(file)).await,
        None => open_postgres(url).await,
    }
}

async fn open_sqlite(file: &Path) -> Result<(Pool, Pool), StoreError> {
    let failed = |reason: String| StoreError::Open { place: file.display().to_string(), reason };
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|error| failed(format!("make the folder {}: {error}", folder.display())))?;
    }
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5));
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_secs(10))
        .connect_with(options.clone())
        .await
        .map_err(|error| failed(error.to_string()))?;
    MIGRATIONS.run(&writer).await.map_err(|error| failed(error.to_string()))?;
    let reader = SqlitePoolOptions::new()
        .max_connections(4)
        .acquire_timeout(Duration::from_secs(10))
        .connect_with(options.create_if_missing(false))
        .await
        .map_err(|error| failed(error.to_string()))?;
    Ok((Pool::Sqlite(writer), Pool::Sqlite(reader)))
}

/// A pool for a database that is there already.
pub(super) async fn open_to_read(url: &str) -> Result<Pool, StoreError> {
    let Some(file) = url.strip_prefix("sqlite:") else {
        return Ok(Pool::Postgres(connect_postgres(url).await?));
    };
    let options = SqliteConnectOptions::new().filename(file).busy_timeout(Duration::from_secs(5));
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_secs(10))
        .connect_with(options.pragma("query_only", "on"))
        .await
        .map_err(|error| StoreError::Open { place: file.to_owned(), reason: error.to_string() })?;
    Ok(Pool::Sqlite(pool))
}

async fn open_postgres(url: &str) -> Result<(Pool, Pool), StoreError> {
    let pool = connect_postgres(url).await?;
    let failed = |reason: String| StoreError::Open { place: "at the address in store.url".into(), reason };
    MIGRATIONS.run(&pool).await.map_err(|error| failed(error.to_string()))?;
    Ok((Pool::Postgres(pool.clone()), Pool::Postgres(pool)))
}

async fn connect_postgres(url: &str) -> Result<PgPool, StoreError> {
    let options: PgConnectOptions = url.parse().map_err(|error: sqlx::Error| StoreError::Open {
        place: "at the address in store.url".into(),
        reason: error.to_string(),
    })?;
    let place = format!("{}:{}", options.get_host(), options.get_port());
    let failed = |reason: String| StoreError::Open { place: place.clone(), reason };
    // A pool keeps trying; one connection says at once that nobody is there.
    let first =
        sqlx::PgConnection::connect_with(&options).await.map_err(|error| failed(error.to_string()))?;
    first.close().await.map_err(|error| failed(error.to_string()))?;
    let pool = PgPoolOptions::new()
        .max_connections(8)
        .acquire_timeout(Duration::from_secs(10))
        .connect_with(options)
        .await
        .map_err(|error| failed(error.to_string()))?;
    Ok(pool)
}
