//! How the configuration changes.

use serde::{Deserialize, Serialize};

/// How a configuration came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ConfigurationSource {
    /// The file had it when the service started.
    Start,
    /// The file was changed and read again (SIGHUP).
    Reload,
    /// By the API.
    Api,
    /// From a table (CSV).
    Import,
    /// An earlier version was brought back.
    Restore,
}
