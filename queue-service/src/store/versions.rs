//! Versions of the configuration.

use shared::api::configuration::ConfigurationVersion;
use shared::time::Timestamp;

use super::pool::on;
use super::{Store, StoreError, from_json, from_sql, limit, to_json, to_sql};

/// Versions of the configuration with their texts.
#[derive(Debug, Clone)]
pub struct Versions {
    pub(super) store: Store,
}

type Stored = (i64, i64, String, String, String, String);

impl Versions {
    /// Keeps a version; one of this number that never came to be is written over.
    ///
    /// # Errors
    /// [`StoreError::Query`].
    pub async fn save(&self, version: &ConfigurationVersion, content: &str) -> Result<(), StoreError> {
        on!(self.store.writer, pool => {
            sqlx::query(
                "INSERT INTO configuration_versions (version, made_at, made_by, how, hash, changes, content)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)
                 ON CONFLICT (version) DO UPDATE SET made_at = excluded.made_at, made_by = excluded.made_by,
                 how = excluded.how, hash = excluded.hash, changes = excluded.changes, content = excluded.content",
            )
            .bind(to_sql(version.version))
            .bind(version.at.as_micros())
            .bind(version.by.as_ref().map_or("", |by| by.as_str()))
            .bind(to_json(&version.how))
            .bind(&version.hash)
            .bind(to_json(&version.changes))
            .bind(content)
            .execute(pool)
            .await?;
        });
        Ok(())
    }

    /// The latest versions, newest first, at most 500.
    ///
    /// # Errors
    /// [`StoreError::Query`], [`StoreError::Read`].
    pub async fn list(&self) -> Result<Vec<ConfigurationVersion>, StoreError> {
        let rows: Vec<Stored> = on!(self.store.reader, pool => sqlx::query_as(
            "SELECT version, made_at, made_by, how, hash, changes FROM configuration_versions
             ORDER BY version DESC LIMIT $1",
        )
        .bind(limit(None, 500, 500))
        .fetch_all(pool)
        .await?);
        rows.into_iter().map(version).collect()
    }

    /// One version, when there is one of this number.
    ///
    /// # Errors
    /// [`StoreError::Query`], [`StoreError::Read`].
    pub async fn get(&self, number: u64) -> Result<Option<(ConfigurationVersion, String)>, StoreError> {
        let row: Option<(i64, i64, String, String, String, String, String)> = on!(self.store.writer, pool =>
            sqlx::query_as(
                "SELECT version, made_at, made_by, how, hash, changes, content FROM configuration_versions
                 WHERE version = $1",
            )
            .bind(to_sql(number))
            .fetch_optional(pool)
            .await?);
        row.map(|(number, at, by, how, hash, changes, content)| {
            Ok((version((number, at, by, how, hash, changes))?, content))
        })
        .transpose()
    }
}

fn version((version, at, by, how, hash, changes): Stored) -> Result<ConfigurationVersion, StoreError> {
    Ok(ConfigurationVersion {
        version: from_sql(version),
        at: Timestamp::from_micros(at),
        by: by.parse().ok(),
        how: from_json("a version of the configuration", &how)?,
        hash,
        changes: from_json("a version of the configuration", &changes)?,
    })
}
