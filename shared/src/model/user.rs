//! People who sign in, and what their role lets them do.

use serde::{Deserialize, Serialize};

use crate::id::UserId;

/// What a person may do. Each role includes what the ones before it may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Role {
    /// Takes calls; sees himself and his queues.
    Agent,
    /// Sees the floor, coaches live calls, changes agents' states, hears recordings.
    Supervisor,
    /// Also reads reports and the journal.
    Manager,
    /// Also changes the configuration.
    Admin,
}

/// One right, asked for at the border of each API call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Change one's own status, use one's own phone, wrap up one's own calls.
    WorkAsAgent,
    /// See every agent, queue and call.
    SeeFloor,
    /// Monitor, whisper, barge and take over.
    Supervise,
    /// Change somebody else's status, end or move somebody else's call.
    ManageFloor,
    /// Listen to recordings and read transcripts.
    HearRecordings,
    /// Read the journal and reports.
    ReadReports,
    /// Set campaigns up, take numbers off the list of those who are not to be called.
    ManageCampaigns,
    /// Change the configuration.
    Configure,
}

impl Role {
    /// Whether the role has the right.
    pub fn may(self, permission: Permission) -> bool {
        match permission {
            Permission::WorkAsAgent => true,
            Permission::SeeFloor
            | Permission::Supervise
            | Permission::ManageFloor
            | Permission::HearRecordings => self >= Role::Supervisor,
            Permission::ReadReports | Permission::ManageCampaigns => self >= Role::Manager,
            Permission::Configure => self >= Role::Admin,
        }
    }

    /// The word that people read.
    pub fn label(self) -> &'static str {
        match self {
            Role::Agent => "Agent",
            Role::Supervisor => "Supervisor",
            Role::Manager => "Manager",
            Role::Admin => "Administrator",
        }
    }
}

/// A person who signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct User {
    /// Sign-in name; also the user part of the person's phone address.
    pub id: UserId,
    /// Name that people read.
    pub name: String,
    /// What the person may do.
    pub role: Role,
}
