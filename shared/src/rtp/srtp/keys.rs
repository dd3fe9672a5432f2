//! Key derivation (RFC 3711 §4.3) with a derivation rate of zero: once for a master key.

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes256};
use zeroize::ZeroizeOnDrop;

use super::Master;

/// What a key is for; the label of its derivation (RFC 3711 §4.3.1).
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Rtp,
    Rtcp,
}

/// The session keys of one purpose.
#[derive(ZeroizeOnDrop)]
pub(super) struct SessionKeys {
    /// As long as the master key; zeros behind it.
    pub(super) encryption: [u8; 32],
    pub(super) authentication: [u8; 20],
    pub(super) salt: [u8; 14],
}

impl SessionKeys {
    pub(super) fn derive(master: &Master, purpose: Purpose) -> Self {
        let first = match purpose {
            Purpose::Rtp => 0,
            Purpose::Rtcp => 3,
        };
        let mut keys = SessionKeys { encryption: [0; 32], authentication: [0; 20], salt: [0; 14] };
        derive(master, first, &mut keys.encryption[..master.key().len()]);
        derive(master, first + 1, &mut keys.authentication);
        derive(master, first + 2, &mut keys.salt[..master.suite().salt_bytes()]);
        keys
    }
}

/// The key stream of AES in counter mode under the master key; the label goes over the salt.
fn derive(master: &Master, label: u8, output: &mut [u8]) {
    let mut block = [0u8; 16];
    block[..14].copy_from_slice(&master.derivation_salt());
    block[7] ^= label;
    for (counter, part) in output.chunks_mut(16).enumerate() {
        block[15] = counter as u8;
        let mut stream = block.into();
        if let Ok(cipher) = Aes256::new_from_slice(master.key()) {
            cipher.encrypt_block(&mut stream);
        } else if let Ok(cipher) = Aes128::new_from_slice(master.key()) {
            cipher.encrypt_block(&mut stream);
        }
        part.copy_from_slice(&stream[..part.len()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::srtp::Suite;

    /// RFC 3711 appendix B.3.
    #[test]
    fn derives_the_keys_of_the_recommendation() {
        let key = hex::decode("E1F97A0D3E018BE0D64FA32C06DE41390EC675AD498AFEEBB6960B3AABE6").expect("hex");
        let master = Master::new(Suite::AesCm128HmacSha1_80, &key).expect("a key");
        let keys = SessionKeys::derive(&master, Purpose::Rtp);
        assert_eq!(hex::encode_upper(&keys.encryption[..16]), "C61E7A93744F39EE10734AFE3FF7A087");
        assert_eq!(hex::encode_upper(keys.salt), "30CBBC08863D8C85D49DB34A9AE1");
        assert_eq!(hex::encode_upper(keys.authentication), "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4");
        let mut long = [0; 94];
        derive(&master, 1, &mut long);
        let expected = "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCEE049646C43D9327AD175578EF72270986371C10C9A369AC2F94A8C5FBCDDDC256D6E919A48B610EF17C2041E474035766B68642C59BBFC2F34DB60DBDFB2";
        assert_eq!(hex::encode_upper(long), expected);
    }
}
