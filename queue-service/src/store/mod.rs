//! The database, and the only SQL of the project. SQLite inside of the service by default, PostgreSQL by its address.
//!
//! The SQL is written once for both: numbered parameters, `BIGINT` and `TEXT`, `ON CONFLICT`. What is a structure in
//! Rust is stored as JSON beside the few columns that it is found by. SQLite has one writing connection with
//! `synchronous = FULL` in WAL mode: what a commit acknowledged survives a power cut.

mod calls;
mod journal;
mod meta;
mod pool;
mod recordings;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod tokens;
mod transcripts;
mod versions;

use pool::Pool;

pub use calls::Calls;
pub use journal::{Batch, Journal, Row, ToldRow};
pub use meta::Meta;
pub use recordings::Recordings;
pub use tokens::{TokenRow, Tokens};
pub use transcripts::{Job, Transcripts};
pub use versions::Versions;

/// What can go wrong with the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be opened.
    #[error("open the database {place}: {reason}")]
    Open {
        /// Which, without its password.
        place: String,
        /// Why.
        reason: String,
    },
    /// A query failed.
    #[error("ask the database")]
    Query(#[from] sqlx::Error),
    /// Something stored cannot be read; the database was changed by somebody else, or by a newer version.
    #[error("read {what} from the database")]
    Read {
        /// What.
        what: &'static str,
        /// Why.
        source: serde_json::Error,
    },
    /// Another service writes to the same journal.
    #[error(
        "write event {seq} to the journal: another service has written it; each service needs its own database"
    )]
    Taken {
        /// The number.
        seq: u64,
    },
}

/// The database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    /// One connection for SQLite, which has one writer anyway.
    writer: Pool,
    reader: Pool,
}

impl Store {
    /// Opens the database, makes it when it is an SQLite file that is not there, and brings its tables up to date.
    ///
    /// # Errors
    /// [`StoreError::Open`] with the reason.
    pub async fn open(url: &str) -> Result<Store, StoreError> {
        let (writer, reader) = pool::open(url).await?;
        Ok(Store { writer, reader })
    }

    /// Opens a database that is there to read it, beside the service that writes it; nothing in it is changed.
    ///
    /// # Errors
    /// [`StoreError::Open`] with the reason.
    pub async fn open_to_read(url: &str) -> Result<Store, StoreError> {
        let pool = pool::open_to_read(url).await?;
        Ok(Store { writer: pool.clone(), reader: pool })
    }

    /// Events.
    pub fn journal(&self) -> Journal {
        Journal { store: self.clone() }
    }

    /// Calls as rows.
    pub fn calls(&self) -> Calls {
        Calls { store: self.clone() }
    }

    /// Recordings.
    pub fn recordings(&self) -> Recordings {
        Recordings { store: self.clone() }
    }

    /// Transcripts and the jobs that make them.
    pub fn transcripts(&self) -> Transcripts {
        Transcripts { store: self.clone() }
    }

    /// Sign-ins.
    pub fn tokens(&self) -> Tokens {
        Tokens { store: self.clone() }
    }

    /// Versions of the configuration.
    pub fn versions(&self) -> Versions {
        Versions { store: self.clone() }
    }

    /// Facts about the database itself.
    pub fn meta(&self) -> Meta {
        Meta { store: self.clone() }
    }

    /// Closes all connections; what was committed is on the disk.
    pub async fn close(&self) {
        self.writer.close().await;
        self.reader.close().await;
    }
}

fn to_json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("the model's types have string keys and no failing serialisation")
}

fn from_json<T: serde::de::DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|source| StoreError::Read { what, source })
}

/// Ids are 64 bits; the databases have signed numbers. Ids keep their order until the year 2089.
fn to_sql(number: u64) -> i64 {
    number.cast_signed()
}

fn from_sql(number: i64) -> u64 {
    number.cast_unsigned()
}

fn limit(asked: Option<u32>, usual: u32, most: u32) -> i64 {
    i64::from(asked.unwrap_or(usual).clamp(1, most))
}
