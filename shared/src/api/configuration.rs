//! The configuration: versions, checks, and what a change brought.

use serde::{Deserialize, Serialize};

use crate::id::UserId;
use crate::model::configuration::ConfigurationSource;
use crate::time::Timestamp;

/// A version of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConfigurationVersion {
    /// Its number.
    pub version: u64,
    /// Since when.
    pub at: Timestamp,
    /// Who made it; none for a file that was changed by hand.
    pub by: Option<UserId>,
    /// In which way.
    pub how: ConfigurationSource,
    /// SHA-256 of the text.
    pub hash: String,
    /// What was different from the version before, in words.
    pub changes: Vec<String>,
}

/// What a change brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConfigurationChange {
    /// The version that is in force.
    pub version: u64,
    /// The ETag to change it with.
    pub tag: String,
    /// What is different from before, in words; empty when nothing was changed.
    pub changes: Vec<String>,
    /// Sections that differ from those that the service was started with: they take effect with the next start.
    pub restart: Vec<String>,
}

/// A fault in a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConfigurationFault {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The key such as `agents[2].queues[0]`.
    pub key: String,
    /// What is wrong.
    pub problem: String,
    /// What is allowed; empty when the problem says it.
    pub allowed: String,
}

/// What would come of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConfigurationCheck {
    /// Everything that is wrong; with one fault the text would be refused.
    pub faults: Vec<ConfigurationFault>,
    /// What would be different, in words.
    pub changes: Vec<String>,
    /// Sections that would take effect with the next start.
    pub restart: Vec<String>,
}
