//! SRTP keys in descriptions: `a=crypto` (RFC 4568, RFC 7714 §14), and who offers and takes them.
//!
//! | policy | we offer | plain offer | `RTP/AVP` with keys | `RTP/SAVP` |
//! |---|---|---|---|---|
//! | off | `RTP/AVP` | taken | taken without keys | refused |
//! | optional | `RTP/AVP` with keys (RFC 8643) | taken | taken with keys | taken with keys |
//! | required | `RTP/SAVP` with keys | refused | taken with keys | taken with keys |
//!
//! Optional is the opportunistic SRTP of RFC 8643: a phone that knows no keys sees a plain offer, and no second media
//! line confuses it. Keys stand readable in the description, so they only travel over encrypted signalling, unless the
//! account says otherwise ([`Encryption::over_signalling`]): else optional falls back to off, and required fails.

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit, Mac};
use rand::{CryptoRng, Rng};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::rtp::srtp::{Master, SrtpError, Suite};

/// Digits of a tag (RFC 4568 §9.1).
const MAX_TAG_DIGITS: usize = 9;
/// Padding is often forgotten.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What an account wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// Never.
    #[default]
    Off,
    /// When the far side can.
    Optional,
    /// Or no call.
    Required,
}

/// The policy of one leg, with the secret that its keys come from: the same keys in every description until
/// [`Encryption::renew`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Encryption {
    policy: Policy,
    /// Keys may not travel: the signalling is readable.
    is_exposed: bool,
    secret: Secret,
}

#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize, ZeroizeOnDrop)]
struct Secret([u8; 32]);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Encryption {
    /// With a secret from a cryptographic generator.
    pub fn new<R: Rng + CryptoRng>(policy: Policy, generator: &mut R) -> Self {
        let mut secret = Secret::default();
        generator.fill_bytes(&mut secret.0);
        Encryption { policy, is_exposed: false, secret }
    }

    /// Keeps keys out of readable signalling: optional becomes off, and required fails in [`Encryption::check`].
    #[must_use]
    pub fn over_signalling(mut self, is_encrypted: bool) -> Self {
        self.is_exposed = !is_encrypted;
        self
    }

    /// What holds.
    pub fn policy(&self) -> Policy {
        match self.policy {
            Policy::Optional if self.is_exposed => Policy::Off,
            policy => policy,
        }
    }

    /// Whether the leg can be at all. To be asked before an offer; an answer asks by itself.
    pub fn check(&self) -> Result<(), CryptoError> {
        if self.policy == Policy::Required && self.is_exposed { Err(CryptoError::Exposed) } else { Ok(()) }
    }

    /// New keys from the next description on. Who learns the new ones cannot work out the old ones.
    pub fn renew(&mut self) {
        let next = self.derive("renew", 0);
        self.secret.0.copy_from_slice(&next);
    }

    /// Our key for a suite.
    pub(super) fn master(&self, suite: Suite) -> Result<Master, SrtpError> {
        let mut bytes = [0u8; 64];
        bytes[..32].copy_from_slice(&self.derive(suite.name(), 0));
        bytes[32..].copy_from_slice(&self.derive(suite.name(), 1));
        let master = Master::new(suite, &bytes[..suite.key_bytes() + suite.salt_bytes()]);
        bytes.zeroize();
        master
    }

    /// The lines of an offer, numbered from 1; none while keys may not travel.
    pub(super) fn offer(&self) -> Vec<CryptoLine> {
        if self.policy() == Policy::Off || self.is_exposed {
            return Vec::new();
        }
        let masters = Suite::ALL.into_iter().filter_map(|suite| self.master(suite).ok());
        (1..).zip(masters).map(|(tag, master)| CryptoLine { tag, master }).collect()
    }

    fn derive(&self, purpose: &str, counter: u8) -> [u8; 32] {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.secret.0)
            .unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
        mac.update(purpose.as_bytes());
        mac.update(&[counter]);
        mac.finalize().into_bytes().into()
    }
}

/// Why a key is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    /// Not `tag suite inline:key`.
    #[error("the line is not \"tag suite inline:key\"")]
    Syntax,
    /// A suite that we do not have.
    #[error("the suite {0} is not known")]
    UnknownSuite(String),
    /// No base64.
    #[error("the key is no base64")]
    Encoding,
    /// Too short or too long, an all-zero key.
    #[error(transparent)]
    Length(#[from] SrtpError),
    /// Nobody made it by chance.
    #[error("the key is all the same octet")]
    Weak,
    /// It came back to us: both directions would have one key stream.
    #[error("the key is our own one")]
    OurOwn,
    /// Several keys with identifiers (RFC 3711 §8.2): a single one is spoken.
    #[error("the key has a master key identifier, which is not supported")]
    Identifier,
    /// Neither `2^n` nor a number of packets.
    #[error("the lifetime of the key is no number of packets")]
    Lifetime,
    /// A parameter that changes the protection (RFC 4568 §6.3): unencrypted, unauthenticated, another derivation rate.
    #[error("the session parameter {0} is not accepted")]
    Parameter(String),
    /// The answer names none of our lines.
    #[error("no line of our offer has the tag {0}")]
    UnknownTag(u32),
    /// The answer takes one of our lines with another suite.
    #[error("line {0} was offered with another suite")]
    OtherSuite(u32),
    /// Required, and anybody could read the key.
    #[error(
        "SRTP is required and the signalling is not encrypted; use TLS, or set srtp_without_tls for this account"
    )]
    Exposed,
    /// There is none.
    #[error("there is no key")]
    Missing,
}

/// One `a=crypto`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CryptoLine {
    /// Its number; the answer repeats the one that it takes.
    pub tag: u32,
    /// The key that its writer sends with.
    pub master: Master,
}

impl CryptoLine {
    /// Reads the value of an attribute.
    pub fn parse(value: &str) -> Result<Self, CryptoError> {
        let mut words = value.split_ascii_whitespace();
        let tag = words.next().ok_or(CryptoError::Syntax)?;
        if tag.is_empty() || tag.len() > MAX_TAG_DIGITS || !tag.bytes().all(|octet| octet.is_ascii_digit()) {
            return Err(CryptoError::Syntax);
        }
        let tag = tag.parse().map_err(|_| CryptoError::Syntax)?;
        let name = words.next().ok_or(CryptoError::Syntax)?;
        let suite =
            Suite::of_name(name).ok_or_else(|| CryptoError::UnknownSuite(name.chars().take(40).collect()))?;
        let key = words.next().ok_or(CryptoError::Syntax)?;
        let (method, key) = key.split_once(':').ok_or(CryptoError::Syntax)?;
        if !method.eq_ignore_ascii_case("inline") {
            return Err(CryptoError::Syntax);
        }
        // Several keys only make sense with identifiers (RFC 4568 §6.1).
        if key.contains(';') {
            return Err(CryptoError::Identifier);
        }
        let mut parts = key.split('|');
        let mut bytes = BASE64.decode(parts.next().unwrap_or_default()).map_err(|_| CryptoError::Encoding)?;
        for part in parts {
            if part.contains(':') {
                return Err(CryptoError::Identifier);
            }
            check_lifetime(part)?;
        }
        let is_weak = bytes.first().is_some_and(|first| bytes.iter().all(|octet| octet == first));
        let master = Master::new(suite, &bytes);
        bytes.zeroize();
        let master = master?;
        if is_weak {
            return Err(CryptoError::Weak);
        }
        for parameter in words {
            check_parameter(parameter)?;
        }
        Ok(CryptoLine { tag, master })
    }
}

impl fmt::Display for CryptoLine {
    /// The value of the attribute, with the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} inline:{}", self.tag, self.master.suite(), self.master.to_base64())
    }
}

/// The lifetime is a promise of its writer, who has to change the key in time; it only has to be one.
fn check_lifetime(text: &str) -> Result<(), CryptoError> {
    let power = text.strip_prefix("2^").map(|power| power.parse::<u32>().is_ok_and(|power| power <= 48));
    let is_number = power.unwrap_or_else(|| text.parse::<u64>().is_ok_and(|packets| packets > 0));
    if is_number { Ok(()) } else { Err(CryptoError::Lifetime) }
}

/// RFC 4568 §6.3: what is not known may be passed over when it begins with a minus. `WSH` is only a hint, and a
/// derivation rate of zero is what we do.
fn check_parameter(text: &str) -> Result<(), CryptoError> {
    let upper = text.to_ascii_uppercase();
    if upper.starts_with('-') || upper.starts_with("WSH=") || upper == "KDR=0" {
        return Ok(());
    }
    Err(CryptoError::Parameter(text.chars().take(40).collect()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    const KEY: &str = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

    #[test]
    fn reads_what_phones_write() {
        for (text, tag, suite) in [
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"), 1, Suite::AesCm128HmacSha1_80),
            (format!("2 aes_cm_128_hmac_sha1_32 inline:{KEY}|2^31"), 2, Suite::AesCm128HmacSha1_32),
            (
                format!("999999999 AES_CM_128_HMAC_SHA1_80 INLINE:{KEY}|1048576 WSH=64 -X=1 KDR=0"),
                999_999_999,
                Suite::AesCm128HmacSha1_80,
            ),
            (
                "1 AEAD_AES_128_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw".into(),
                1,
                Suite::AeadAes128Gcm,
            ),
            (
                "1 AEAD_AES_256_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKis="
                    .into(),
                1,
                Suite::AeadAes256Gcm,
            ),
        ] {
            let line = CryptoLine::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((line.tag, line.master.suite()), (tag, suite));
            assert_eq!(CryptoLine::parse(&line.to_string()), Ok(line));
        }
    }

    #[test]
    fn bad_keys_have_a_reason() {
        let with = |key: &str, rest: &str| format!("1 AES_CM_128_HMAC_SHA1_80 inline:{key}{rest}");
        let zeros = "A".repeat(40);
        for (text, reason) in [
            (String::new(), "is not \"tag suite inline:key\""),
            ("x AES_CM_128_HMAC_SHA1_80 inline:AA".into(), "is not \"tag"),
            ("1234567890 AES_CM_128_HMAC_SHA1_80 inline:AA".into(), "is not \"tag"),
            ("1 AES_CM_128_HMAC_SHA1_80".into(), "is not \"tag"),
            ("1 AES_CM_128_HMAC_SHA1_80 uri:AA".into(), "is not \"tag"),
            ("1 F8_128_HMAC_SHA1_80 inline:AA".into(), "suite F8_128_HMAC_SHA1_80 is not known"),
            (with("****", ""), "no base64"),
            (with("AAAA", ""), "it has 3 octets, 30 are wanted"),
            (with("", ""), "it has 0 octets"),
            (with(&zeros, ""), "all the same octet"),
            (with(KEY, "|2^20|1:4"), "identifier"),
            (with(KEY, &format!(";inline:{KEY}|2^20|2:4")), "identifier"),
            (with(KEY, "|2^99"), "lifetime"),
            (with(KEY, "|0"), "lifetime"),
            (with(KEY, " UNENCRYPTED_SRTP"), "parameter UNENCRYPTED_SRTP"),
            (with(KEY, " UNAUTHENTICATED_SRTP"), "parameter UNAUTHENTICATED_SRTP"),
            (with(KEY, " KDR=1"), "parameter KDR=1"),
        ] {
            let error = CryptoLine::parse(&text).expect_err(&text).to_string();
            assert!(error.contains(reason), "{text}: {error}");
            assert!(!error.contains(KEY), "no key in a message");
        }
    }

    #[test]
    fn keys_stay_until_they_are_renewed() {
        let mut encryption = Encryption::new(Policy::Required, &mut StdRng::seed_from_u64(1));
        let first = encryption.offer();
        assert_eq!(first.len(), 4);
        assert_eq!(encryption.offer(), first);
        let kept: Encryption =
            serde_json::from_str(&serde_json::to_string(&encryption).expect("text")).expect("state");
        assert_eq!(kept.offer(), first);
        encryption.renew();
        let second = encryption.offer();
        assert!(first.iter().zip(&second).all(|(first, second)| first.master != second.master));
        assert!(!format!("{encryption:?} {second:?}").contains(&second[0].master.to_base64()));
    }

    #[test]
    fn keys_do_not_travel_where_all_can_read_them() {
        let exposed = |policy| Encryption::new(policy, &mut StdRng::seed_from_u64(1)).over_signalling(false);
        assert_eq!(exposed(Policy::Optional).policy(), Policy::Off);
        assert_eq!(exposed(Policy::Optional).check(), Ok(()));
        assert_eq!(exposed(Policy::Required).check(), Err(CryptoError::Exposed));
        assert!(exposed(Policy::Required).offer().is_empty());
    }

    proptest! {
        #[test]
        fn random_text_never_panics(text in "[0-9]{0,10} ?[A-Z_0-9a-z]{0,25} ?(inline:)?[A-Za-z0-9+/=|:;^ ]{0,60}") {
            if let Ok(line) = CryptoLine::parse(&text) {
                prop_assert_eq!(CryptoLine::parse(&line.to_string()), Ok(line));
            }
        }
    }
}
