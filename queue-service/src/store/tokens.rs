//! Sign-ins, so that they outlive a restart.

use shared::id::UserId;
use shared::time::Timestamp;

use super::pool::on;
use super::{Store, StoreError};

/// A sign-in as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// SHA-256 of the token, hexadecimal.
    pub hash: String,
    /// Whose.
    pub user: UserId,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// The rows of tokens.
#[derive(Debug, Clone)]
pub struct Tokens {
    pub(super) store: Store,
}

impl Tokens {
    /// Keeps a sign-in.
    ///
    /// # Errors
    /// [`StoreError::Query`].
    pub async fn save(&self, token: &TokenRow, now: Timestamp) -> Result<(), StoreError> {
        on!(self.store.writer, pool => {
            sqlx::query("INSERT INTO tokens (hash, user_id, made_at, expires_at) VALUES ($1, $2, $3, $4)")
                .bind(&token.hash)
                .bind(token.user.as_str())
                .bind(now.as_micros())
                .bind(token.expires_at.as_micros())
                .execute(pool)
                .await?;
        });
        Ok(())
    }

    /// Forgets a sign-in.
    ///
    /// # Errors
    /// [`StoreError::Query`].
    pub async fn remove(&self, hash: &str) -> Result<(), StoreError> {
        on!(self.store.writer, pool => {
            sqlx::query("DELETE FROM tokens WHERE hash = $1").bind(hash).execute(pool).await?;
        });
        Ok(())
    }

    /// Forgets what has expired and gives the rest.
    ///
    /// # Errors
    /// [`StoreError::Query`].
    pub async fn take_up(&self, now: Timestamp) -> Result<Vec<TokenRow>, StoreError> {
        let rows: Vec<(String, String, i64)> = on!(self.store.writer, pool => {
            sqlx::query("DELETE FROM tokens WHERE expires_at <= $1").bind(now.as_micros()).execute(pool).await?;
            sqlx::query_as("SELECT hash, user_id, expires_at FROM tokens ORDER BY made_at").fetch_all(pool).await?
        });
        let row = |(hash, user, expires): (String, String, i64)| {
            let user = user.parse().ok()?;
            Some(TokenRow { hash, user, expires_at: Timestamp::from_micros(expires) })
        };
        Ok(rows.into_iter().filter_map(row).collect())
    }
}
