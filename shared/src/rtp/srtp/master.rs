use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::{CryptoRng, Rng};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{SrtpError, Suite};

/// Octets of the longest key with its salt (AEAD_AES_256_GCM).
const MAX_BYTES: usize = 44;

/// A master key with its salt. It prints without its secret, is wiped when dropped, and serialises as
/// `SUITE:base64` for the state of a call.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ZeroizeOnDrop)]
#[serde(try_from = "String", into = "String")]
pub struct Master {
    #[zeroize(skip)]
    suite: Suite,
    /// The key, then the salt; zeros behind them.
    bytes: [u8; MAX_BYTES],
}

impl Master {
    /// From the key with the salt behind it, as SDES carries them (RFC 4568 §6.1).
    pub fn new(suite: Suite, key_and_salt: &[u8]) -> Result<Self, SrtpError> {
        let wanted = suite.key_bytes() + suite.salt_bytes();
        let mut bytes = [0; MAX_BYTES];
        match bytes.get_mut(..wanted) {
            Some(slot) if key_and_salt.len() == wanted => slot.copy_from_slice(key_and_salt),
            _ => return Err(SrtpError::KeyLength { suite, given: key_and_salt.len(), wanted }),
        }
        Ok(Master { suite, bytes })
    }

    /// A new one. The generator has to be a cryptographic one.
    pub fn random<R: Rng + CryptoRng>(suite: Suite, generator: &mut R) -> Self {
        let mut bytes = [0; MAX_BYTES];
        generator.fill_bytes(&mut bytes[..suite.key_bytes() + suite.salt_bytes()]);
        Master { suite, bytes }
    }

    /// The suite it is for.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Key and salt in base64, as `inline:` has them.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(&self.bytes[..self.suite.key_bytes() + self.suite.salt_bytes()])
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.bytes[..self.suite.key_bytes()]
    }

    /// The salt as the key derivation takes it: 112 bits, a shorter one with zeros behind it (RFC 7714 §11).
    pub(super) fn derivation_salt(&self) -> [u8; 14] {
        let mut salt = [0; 14];
        let own = &self.bytes[self.suite.key_bytes()..][..self.suite.salt_bytes()];
        salt[..own.len()].copy_from_slice(own);
        salt
    }
}

impl fmt::Debug for Master {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Master").field("suite", &self.suite).finish_non_exhaustive()
    }
}

impl From<Master> for String {
    fn from(master: Master) -> String {
        format!("{}:{}", master.suite, master.to_base64())
    }
}

impl TryFrom<String> for Master {
    type Error = &'static str;

    fn try_from(mut text: String) -> Result<Self, Self::Error> {
        let master = (|| {
            let (suite, key) = text.split_once(':')?;
            let mut bytes = STANDARD.decode(key).ok()?;
            let master = Master::new(Suite::of_name(suite)?, &bytes).ok();
            bytes.zeroize();
            master
        })();
        text.zeroize();
        master.ok_or("a key is SUITE:base64 of its right length")
    }
}
