//! The ciphers of the suites on one packet, in place, given its source and its index.

use aes::Aes128Enc;
use aes::cipher::{InnerIvInit, KeyInit, StreamCipherCore};
use ctr::CtrCore;
use ctr::flavors::Ctr128BE;
use hmac::{Hmac, Mac};
use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};
use sha1::Sha1;

use super::keys::{Purpose, SessionKeys};
use super::{Master, SrtpError, Suite};

/// A tag, of which a suite uses the beginning.
pub(super) type Tag = [u8; 16];

/// One purpose (RTP or RTCP) of one key.
#[derive(Clone)]
pub(super) struct Transform {
    salt: [u8; 14],
    cipher: Cipher,
}

#[derive(Clone)]
enum Cipher {
    CounterMode { aes: Aes128Enc, hmac: Hmac<Sha1> },
    Galois(Box<LessSafeKey>),
}

/// Where a packet is in its stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) ssrc: u32,
    /// 48 bits for RTP (rollover counter and sequence number), 31 for RTCP.
    pub(super) index: u64,
}

impl Transform {
    pub(super) fn new(master: &Master, purpose: Purpose) -> Self {
        let keys = SessionKeys::derive(master, purpose);
        let half: [u8; 16] = std::array::from_fn(|place| keys.encryption[place]);
        let cipher = match master.suite() {
            Suite::AesCm128HmacSha1_80 | Suite::AesCm128HmacSha1_32 => Cipher::CounterMode {
                aes: Aes128Enc::new(&half.into()),
                hmac: <Hmac<Sha1> as hmac::KeyInit>::new_from_slice(&keys.authentication)
                    .unwrap_or_else(|_| unreachable!("HMAC takes keys of any length")),
            },
            Suite::AeadAes128Gcm => Cipher::Galois(galois(&AES_128_GCM, &half)),
            Suite::AeadAes256Gcm => Cipher::Galois(galois(&AES_256_GCM, &keys.encryption)),
        };
        Transform { salt: keys.salt, cipher }
    }

    #[cfg(test)]
    pub(super) fn with_session_keys(suite: Suite, key: &[u8], salt: &[u8]) -> Self {
        let mut wide = [0; 14];
        wide[..salt.len()].copy_from_slice(salt);
        let algorithm = match suite {
            Suite::AeadAes128Gcm => &AES_128_GCM,
            Suite::AeadAes256Gcm => &AES_256_GCM,
            _ => panic!("{suite} has an authentication key as well"),
        };
        Transform { salt: wide, cipher: Cipher::Galois(galois(algorithm, key)) }
    }

    /// Encrypts `text` and makes the tag over `header`, the cipher text and `trailer`: the rollover counter for
    /// counter mode RTP (never sent), the word with the index for RTCP. GCM authenticates the trailer of RTCP behind
    /// the header (RFC 7714 §9.2) and has none for RTP, where the rollover counter is part of its vector.
    pub(super) fn seal(
        &self,
        place: Place,
        purpose: Purpose,
        header: &[u8],
        text: &mut [u8],
        trailer: &[u8; 4],
    ) -> Result<Tag, SrtpError> {
        match &self.cipher {
            Cipher::CounterMode { aes, hmac } => {
                self.counter_mode(aes, place, text);
                Ok(authenticate(hmac, header, text, trailer))
            }
            Cipher::Galois(key) => with_authenticated(purpose, header, trailer, |authenticated| {
                let vector = Nonce::assume_unique_for_key(self.vector(place, purpose));
                let tag = key
                    .seal_in_place_separate_tag(vector, Aad::from(authenticated), text)
                    .map_err(|_| SrtpError::Malformed)?;
                tag.as_ref().try_into().map_err(|_| SrtpError::Malformed)
            }),
        }
    }

    /// Checks the tag in constant time and decrypts. A wrong tag leaves the octets in no particular state.
    pub(super) fn open(
        &self,
        place: Place,
        purpose: Purpose,
        header: &[u8],
        text: &mut [u8],
        trailer: &[u8; 4],
        tag: &[u8],
    ) -> Result<(), SrtpError> {
        match &self.cipher {
            Cipher::CounterMode { aes, hmac } => {
                let mut hmac = hmac.clone();
                hmac.update(header);
                hmac.update(text);
                hmac.update(trailer);
                hmac.verify_truncated_left(tag).map_err(|_| SrtpError::Authentication)?;
                self.counter_mode(aes, place, text);
                Ok(())
            }
            Cipher::Galois(key) => with_authenticated(purpose, header, trailer, |authenticated| {
                let tag = Tag::try_from(tag).map_err(|_| SrtpError::Malformed)?;
                let vector = Nonce::assume_unique_for_key(self.vector(place, purpose));
                key.open_in_place_separate_tag(vector, Aad::from(authenticated), tag.into(), text, 0..)
                    .map(|_| ())
                    .map_err(|_| SrtpError::Authentication)
            }),
        }
    }

    /// RFC 3711 §4.1.1: the salt, over it the source and the index, and a counter of 16 bits from zero.
    fn counter_mode(&self, aes: &Aes128Enc, place: Place, text: &mut [u8]) {
        let mut vector = [0u8; 16];
        vector[..14].copy_from_slice(&self.salt);
        over(&mut vector[4..8], &place.ssrc.to_be_bytes());
        over(&mut vector[8..14], &place.index.to_be_bytes()[2..]);
        CtrCore::<&Aes128Enc, Ctr128BE>::inner_iv_init(aes, &vector.into())
            .apply_keystream_partial(text.into());
    }

    /// RFC 7714 §8.1 and §9.1: two zero octets, the source, the index in the last six octets; over them the salt.
    fn vector(&self, place: Place, purpose: Purpose) -> [u8; 12] {
        let mut vector = [0u8; 12];
        vector.copy_from_slice(&self.salt[..12]);
        over(&mut vector[2..6], &place.ssrc.to_be_bytes());
        let index = match purpose {
            Purpose::Rtp => place.index,
            Purpose::Rtcp => place.index & 0x7FFF_FFFF,
        };
        over(&mut vector[6..12], &index.to_be_bytes()[2..]);
        vector
    }
}

fn galois(algorithm: &'static Algorithm, key: &[u8]) -> Box<LessSafeKey> {
    let key = UnboundKey::new(algorithm, key)
        .unwrap_or_else(|_| unreachable!("the key was derived with the length of its suite"));
    Box::new(LessSafeKey::new(key))
}

fn over(target: &mut [u8], octets: &[u8]) {
    target.iter_mut().zip(octets).for_each(|(slot, octet)| *slot ^= octet);
}

fn authenticate(hmac: &Hmac<Sha1>, header: &[u8], text: &[u8], trailer: &[u8; 4]) -> Tag {
    let mut hmac = hmac.clone();
    hmac.update(header);
    hmac.update(text);
    hmac.update(trailer);
    let whole = hmac.finalize().into_bytes();
    std::array::from_fn(|place| whole[place])
}

/// Octets of the longest packet whose header alone is authenticated, with its trailer.
const MAX_AUTHENTICATED: usize = crate::rtp::packet::MAX_PACKET_BYTES + 4;

/// Gives `work` what GCM authenticates but does not encrypt.
fn with_authenticated<R>(
    purpose: Purpose,
    header: &[u8],
    trailer: &[u8; 4],
    work: impl FnOnce(&[u8]) -> Result<R, SrtpError>,
) -> Result<R, SrtpError> {
    match purpose {
        Purpose::Rtp => work(header),
        Purpose::Rtcp => {
            let mut joined = [0u8; MAX_AUTHENTICATED];
            let len = header.len() + trailer.len();
            let slot = joined.get_mut(..len).ok_or(SrtpError::Malformed)?;
            slot[..header.len()].copy_from_slice(header);
            slot[header.len()..].copy_from_slice(trailer);
            work(slot)
        }
    }
}
