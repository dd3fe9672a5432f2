//! Facts about the database itself.

use super::pool::on;
use super::{Store, StoreError};

/// Named values.
#[derive(Debug, Clone)]
pub struct Meta {
    pub(super) store: Store,
}

impl Meta {
    /// A value.
    ///
    /// # Errors
    /// [`StoreError::Query`].
    pub async fn get(&self, name: &str) -> Result<Option<String>, StoreError> {
        let row: Option<(String,)> = on!(self.store.reader, pool =>
            sqlx::query_as("SELECT value FROM meta WHERE name = $1").bind(name).fetch_optional(pool).await?);
        Ok(row.map(|(value,)| value))
    }

    /// Keeps a value.
    ///
    /// # Errors
    /// [`StoreError::Query`].
    pub async fn set(&self, name: &str, value: &str) -> Result<(), StoreError> {
        on!(self.store.writer, pool => {
            sqlx::query(
                "INSERT INTO meta (name, value) VALUES ($1, $2)
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            )
            .bind(name)
            .bind(value)
            .execute(pool)
            .await?;
        });
        Ok(())
    }

    /// Keeps many values, all or none.
    ///
    /// # Errors
    /// [`StoreError::Query`].
    pub async fn set_all(&self, values: &[(String, String)]) -> Result<(), StoreError> {
        on!(self.store.writer, pool => {
            let mut tx = pool.begin().await?;
            for (name, value) in values {
                sqlx::query(
                    "INSERT INTO meta (name, value) VALUES ($1, $2)
                     ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                )
                .bind(name)
                .bind(value)
                .execute(&mut *tx)
                .await?;
            }
            tx.commit().await?;
        });
        Ok(())
    }

    /// Number of the configuration with this content: one more than the last when the content is new.
    ///
    /// # Errors
    /// [`StoreError::Query`].
    pub async fn config_version(&self, content_hash: &str) -> Result<u64, StoreError> {
        let last = self.get("config").await?.unwrap_or_default();
        let (version, hash) = last.split_once(' ').unwrap_or(("0", ""));
        let version: u64 = version.parse().unwrap_or(0);
        if hash == content_hash && version > 0 {
            return Ok(version);
        }
        self.set_config_version(version + 1, content_hash).await?;
        Ok(version + 1)
    }

    /// From now on the configuration with this content has this number.
    ///
    /// # Errors
    /// [`StoreError::Query`].
    pub async fn set_config_version(&self, version: u64, content_hash: &str) -> Result<(), StoreError> {
        self.set("config", &format!("{version} {content_hash}")).await
    }

    /// Whether something can be written and read now.
    ///
    /// # Errors
    /// [`StoreError::Query`] with the reason.
    pub async fn probe(&self) -> Result<(), StoreError> {
        self.set("probe", "").await
    }
}
