//! Digest authentication after RFC 7616 and RFC 8760: the hashes, the client that answers challenges, and the server
//! that makes and checks them.

mod client;
mod nonce;
mod server;

use md5::Md5;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256, Sha512_256};

pub use client::{Challenge, Client};
pub use server::{Server, Verdict};

use super::header::{split, unquote};

/// A hash of RFC 8760.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// RFC 1321; still the only one that many phones know.
    Md5,
    /// FIPS 180-4.
    Sha256,
    /// FIPS 180-4, SHA-512/256. Challenges with it are answered; our own never ask for it, because hardly a phone has
    /// it and each further challenge makes the 401 longer.
    Sha512_256,
}

impl Algorithm {
    /// The token in `algorithm`, without `-sess`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Sha512_256 => "SHA-512-256",
        }
    }

    /// Reads `algorithm`: the hash, and whether `-sess` follows.
    pub fn from_token(token: &str) -> Option<(Algorithm, bool)> {
        let lower = token.to_ascii_lowercase();
        let (name, sess) = match lower.strip_suffix("-sess") {
            Some(name) => (name, true),
            None => (lower.as_str(), false),
        };
        match name {
            "md5" => Some((Algorithm::Md5, sess)),
            "sha-256" => Some((Algorithm::Sha256, sess)),
            "sha-512-256" => Some((Algorithm::Sha512_256, sess)),
            _ => None,
        }
    }

    /// H() as lower-case hex.
    pub fn hash(self, text: &[u8]) -> String {
        #[cfg(test)]
        tests::HASHES.with(|hashes| hashes.set(hashes.get() + 1));
        match self {
            Algorithm::Md5 => hex::encode(Md5::digest(text)),
            Algorithm::Sha256 => hex::encode(Sha256::digest(text)),
            Algorithm::Sha512_256 => hex::encode(Sha512_256::digest(text)),
        }
    }

    /// HA1 of an account: H(user:realm:password).
    pub fn ha1(self, username: &str, realm: &str, password: &str) -> String {
        self.hash(format!("{username}:{realm}:{password}").as_bytes())
    }
}

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

impl Account {
    /// Both hashes of a password in clear.
    pub fn from_password(username: &str, realm: &str, password: &str, aor_user: &str) -> Account {
        Account {
            ha1_md5: Some(Algorithm::Md5.ha1(username, realm, password)),
            ha1_sha256: Some(Algorithm::Sha256.ha1(username, realm, password)),
            aor_user: aor_user.into(),
        }
    }

    fn ha1(&self, algorithm: Algorithm) -> Option<&str> {
        match algorithm {
            Algorithm::Md5 => self.ha1_md5.as_deref(),
            Algorithm::Sha256 => self.ha1_sha256.as_deref(),
            Algorithm::Sha512_256 => None,
        }
    }

    /// The same account for phones that know SHA-256: an answer by MD5 counts as wrong.
    pub fn without_md5(self) -> Account {
        Account { ha1_md5: None, ..self }
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("aor_user", &self.aor_user).finish_non_exhaustive()
    }
}

/// What goes into `response` (RFC 7616 §3.4.1).
struct Proof<'a> {
    algorithm: Algorithm,
    sess: bool,
    /// H(user:realm:password).
    ha1: &'a str,
    nonce: &'a str,
    cnonce: &'a str,
    /// `nc` as eight hex digits.
    nc: &'a str,
    qop: Option<&'a str>,
    method: &'a str,
    uri: &'a str,
    body: &'a [u8],
}

impl Proof<'_> {
    fn response(&self) -> String {
        let hash = |text: String| self.algorithm.hash(text.as_bytes());
        let ha1 = if self.sess {
            hash(format!("{}:{}:{}", self.ha1, self.nonce, self.cnonce))
        } else {
            self.ha1.to_owned()
        };
        let ha2 = match self.qop {
            Some("auth-int") => {
                hash(format!("{}:{}:{}", self.method, self.uri, self.algorithm.hash(self.body)))
            }
            _ => hash(format!("{}:{}", self.method, self.uri)),
        };
        match self.qop {
            Some(qop) => hash(format!("{ha1}:{}:{}:{}:{qop}:{ha2}", self.nonce, self.nc, self.cnonce)),
            None => hash(format!("{ha1}:{}:{ha2}", self.nonce)),
        }
    }
}

/// The parameters of a `Digest …` value, names in lower case; `None` for another scheme.
fn parameters(value: &str) -> Option<Vec<(String, String)>> {
    let (scheme, rest) = value.trim().split_once([' ', '\t'])?;
    if !scheme.eq_ignore_ascii_case("Digest") {
        return None;
    }
    let mut params = Vec::new();
    for part in split(rest, ',') {
        let Some((name, value)) = part.split_once('=') else { continue };
        params.push((name.trim().to_ascii_lowercase(), unquote(value.trim())?));
    }
    Some(params)
}

fn find<'a>(params: &'a [(String, String)], name: &str) -> Option<&'a str> {
    params.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
}

/// Comparison in constant time for texts of equal length.
fn equal(left: &str, right: &str) -> bool {
    left.len() == right.len()
        && left.bytes().zip(right.bytes()).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

#[cfg(test)]
pub(in crate::sip) mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        /// How often this thread has hashed: what a check costs, without a clock.
        pub(in crate::sip) static HASHES: Cell<u32> = const { Cell::new(0) };
    }

    /// RFC 7616 §3.9.1.
    #[test]
    fn rfc_7616_vectors() {
        let check = |algorithm: Algorithm, sess: bool, response: &str| {
            let ha1 = algorithm.ha1("Mufasa", "http-auth@example.org", "Circle of Life");
            let proof = Proof {
                algorithm,
                sess,
                ha1: &ha1,
                nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
                cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
                nc: "00000001",
                qop: Some("auth"),
                method: "GET",
                uri: "/dir/index.html",
                body: b"",
            };
            assert_eq!(proof.response(), response);
        };
        check(Algorithm::Md5, false, "8ca523f5e9506fed4657c9700eebdbec");
        check(Algorithm::Sha256, false, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
        // -sess, computed by hand with another implementation of the two hashes.
        check(Algorithm::Md5, true, "e783283f46242139c486a698fec7211d");
    }

    /// The example of RFC 2617 §3.5, still the test of many phones.
    #[test]
    fn rfc_2617_vector() {
        let ha1 = Algorithm::Md5.ha1("Mufasa", "testrealm@host.com", "Circle Of Life");
        assert_eq!(ha1, "939e7578ed9e3c518a452acee763bce9");
        let mut proof = Proof {
            algorithm: Algorithm::Md5,
            sess: false,
            ha1: &ha1,
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            cnonce: "0a4f113b",
            nc: "00000001",
            qop: Some("auth"),
            method: "GET",
            uri: "/dir/index.html",
            body: b"",
        };
        assert_eq!(proof.response(), "6629fae49393a05397450978507c4ef1");
        proof.qop = None;
        assert_eq!(proof.response(), "670fd8c2df070c60b045671b8b24ff02");
    }

    #[test]
    fn reads_parameters() {
        let params =
            parameters("digest realm=\"a, b\" ,nonce=x,QOP=\"auth,auth-int\", stale=TRUE").expect("digest");
        assert_eq!(find(&params, "realm"), Some("a, b"));
        assert_eq!(find(&params, "qop"), Some("auth,auth-int"));
        assert_eq!(parameters("Basic abc"), None);
        assert_eq!(parameters("Digest realm=\"open"), None);
    }
}
