//! Digest authentication after RFC 7616 and RFC 8760, client and server.

use serde::{Deserialize, Serialize};

/// What a server keeps of a password: H(user:realm:password) in lower-case hex, for each algorithm.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// For MD5; `None` refuses MD5 for this account.
    pub ha1_md5: Option<String>,
    /// For SHA-256; `None` refuses SHA-256 for this account.
    pub ha1_sha256: Option<String>,
    /// User part of the address of record that this account registers.
    pub aor_user: String,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("aor_user", &self.aor_user).finish_non_exhaustive()
    }
}
