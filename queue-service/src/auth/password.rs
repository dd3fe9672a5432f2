//! Passwords against their hashes.

use argon2::{Argon2, PasswordHash, PasswordHasher, PasswordVerifier};
use sha2::{Digest, Sha256};

use crate::config::Password;

/// Why a password cannot be hashed.
#[derive(Debug, thiserror::Error)]
#[error("hash the password: {0}")]
pub struct HashError(String);

/// The argon2id hash of a password with a fresh salt, as the configuration takes it.
///
/// # Errors
/// [`HashError`] when the system gives no random numbers.
pub fn hash(password: &str) -> Result<String, HashError> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| HashError(error.to_string()))
}

/// Whether the password is right. Every path computes one hash, so that the time tells nothing; blocks for some 50 ms.
pub(super) fn verify(wanted: Option<&Password>, given: &str, decoy: &str) -> bool {
    match wanted {
        Some(wanted) if wanted.is_hash() => matches(given, wanted.expose()),
        Some(wanted) => {
            matches(given, decoy);
            // Hashed first, so that the comparison takes the same time wherever they differ.
            let (left, right) = (Sha256::digest(wanted.expose()), Sha256::digest(given));
            left.iter().zip(right.iter()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
        }
        None => {
            matches(given, decoy);
            false
        }
    }
}

fn matches(given: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(given.as_bytes(), &hash).is_ok())
}
