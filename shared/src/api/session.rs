//! Signing in, and the phone account that an app gets.

use serde::{Deserialize, Serialize};

use crate::id::UserId;
use crate::model::user::User;
use crate::time::Timestamp;

/// Body of `POST /session`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignIn {
    /// Sign-in name.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub user: UserId,
    /// Password.
    pub password: String,
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignIn").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Answer of `POST /session`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedIn {
    /// Bearer token for everything else.
    pub token: String,
    /// When it expires.
    pub expires_at: Timestamp,
    /// Who signed in.
    pub user: User,
}

impl std::fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedIn")
            .field("user", &self.user)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Answer of `POST /me/device`: a SIP account for the app's own phone, good as long as the token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeviceAccount {
    /// Address of record, such as `sip:201@callfloor`.
    pub address: String,
    /// Digest user name.
    pub username: String,
    /// Digest password.
    pub password: String,
    /// Digest realm.
    pub realm: String,
    /// `host:port` of the registrar over UDP, when it listens there.
    pub udp: Option<String>,
    /// `host:port` of the registrar over TCP, when it listens there.
    pub tcp: Option<String>,
}

impl std::fmt::Debug for DeviceAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceAccount").field("address", &self.address).finish_non_exhaustive()
    }
}

/// SIP header fields by which the service tells a phone what a call is about; any phone may ignore them.
pub mod header {
    /// The call's id.
    pub const CALL: &str = "X-Callfloor-Call";
    /// The queue's id.
    pub const QUEUE: &str = "X-Callfloor-Queue";
    /// The queue's name, percent-encoded UTF-8 when it is not plain ASCII.
    pub const QUEUE_NAME: &str = "X-Callfloor-Queue-Name";
    /// Whole seconds that the customer has waited.
    pub const WAIT_SECS: &str = "X-Callfloor-Wait-Secs";
    /// The offer's id.
    pub const OFFER: &str = "X-Callfloor-Offer";
    /// Set on the call to a supervisor's phone: the mode, in the words of the API.
    pub const SUPERVISION: &str = "X-Callfloor-Supervision";
}
