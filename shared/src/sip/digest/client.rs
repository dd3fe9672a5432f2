//! Answers challenges.

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::{Algorithm, Proof, find, parameters};
use crate::sip::api::Credentials;
use crate::sip::header::quote;
use crate::sip::message::{Headers, Request, Response};

/// One challenge that can be answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// Whose passwords.
    pub realm: String,
    /// The server's number.
    pub nonce: String,
    /// Given back as it is.
    pub opaque: Option<String>,
    /// Which hash.
    pub algorithm: Algorithm,
    /// HA1 is hashed again with the nonces.
    pub sess: bool,
    /// `auth` or `auth-int`; `None` for servers of RFC 2069.
    pub qop: Option<String>,
    /// The nonce was too old, the password was right.
    pub stale: bool,
}

impl Challenge {
    /// Reads one WWW-Authenticate or Proxy-Authenticate value; `None` when it cannot be answered.
    pub fn read(value: &str) -> Option<Challenge> {
        let params = parameters(value)?;
        let (algorithm, sess) = Algorithm::from_token(find(&params, "algorithm").unwrap_or("MD5"))?;
        let qop = match find(&params, "qop") {
            None => None,
            Some(offered) => {
                let has =
                    |wanted: &str| offered.split(',').any(|one| one.trim().eq_ignore_ascii_case(wanted));
                Some(["auth", "auth-int"].into_iter().find(|qop| has(qop))?.to_owned())
            }
        };
        Some(Challenge {
            realm: find(&params, "realm")?.to_owned(),
            nonce: find(&params, "nonce")?.to_owned(),
            opaque: find(&params, "opaque").map(Into::into),
            algorithm,
            sess,
            qop,
            stale: find(&params, "stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        })
    }
}

/// Credentials and the challenges met so far, for one dialog or registration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    credentials: Option<Credentials>,
    known: Vec<Known>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    proxy: bool,
    challenge: Challenge,
    used: u32,
}

impl Client {
    /// Without credentials no challenge is answered.
    pub fn new(credentials: Option<Credentials>) -> Client {
        Client { credentials, known: Vec::new() }
    }

    /// Takes in a 401 or 407; true when the request should be sent again. `attempt` counts how often this request
    /// has been sent with an answer: the second time only a stale nonce is a reason, the fourth time nothing is.
    pub fn challenged(&mut self, response: &Response, attempt: u8) -> bool {
        if self.credentials.is_none() || attempt >= 3 {
            return false;
        }
        let mut progress = false;
        for (name, proxy) in [("WWW-Authenticate", false), ("Proxy-Authenticate", true)] {
            let mut realms: Vec<String> = Vec::new();
            for challenge in response.headers.all(name).filter_map(Challenge::read) {
                // RFC 8760 §2.4: the topmost that we know, for each realm.
                if realms.contains(&challenge.realm) || realms.len() >= MAX_REALMS {
                    continue;
                }
                realms.push(challenge.realm.clone());
                let room = self.known.len() < MAX_REALMS;
                let old = self
                    .known
                    .iter_mut()
                    .find(|known| known.proxy == proxy && known.challenge.realm == challenge.realm);
                progress |= attempt == 0 || challenge.stale || old.is_none();
                match old {
                    Some(known) => *known = Known { proxy, challenge, used: 0 },
                    None if room => {
                        self.known.push(Known { proxy, challenge, used: 0 });
                    }
                    None => {}
                }
            }
        }
        progress
    }

    /// Puts Authorization and Proxy-Authorization for all known challenges into a request.
    pub fn authorize(&mut self, request: &mut Request, random: &mut impl Rng) {
        request.headers.remove("Authorization");
        request.headers.remove("Proxy-Authorization");
        let Some(credentials) = &self.credentials else { return };
        let uri = request.uri.to_string();
        let mut made = Headers::new();
        for known in &mut self.known {
            known.used = known.used.saturating_add(1);
            let challenge = &known.challenge;
            let nc = format!("{:08x}", known.used);
            let cnonce = format!("{:016x}", random.next_u64());
            let ha1 = challenge.algorithm.ha1(&credentials.username, &challenge.realm, &credentials.password);
            let proof = Proof {
                algorithm: challenge.algorithm,
                sess: challenge.sess,
                ha1: &ha1,
                nonce: &challenge.nonce,
                cnonce: &cnonce,
                nc: &nc,
                qop: challenge.qop.as_deref(),
                method: request.method.as_str(),
                uri: &uri,
                body: &request.body,
            };
            let mut value = format!(
                "Digest username={},realm={},nonce={},uri=\"{uri}\",response=\"{}\",algorithm={}{}",
                quote(&credentials.username),
                quote(&challenge.realm),
                quote(&challenge.nonce),
                proof.response(),
                challenge.algorithm.as_str(),
                if challenge.sess { "-sess" } else { "" },
            );
            if let Some(qop) = &challenge.qop {
                // RFC 7616 §3.4: qop and nc stand without quotes.
                value.push_str(&format!(",qop={qop},nc={nc},cnonce=\"{cnonce}\""));
            } else if challenge.sess {
                value.push_str(&format!(",cnonce=\"{cnonce}\""));
            }
            if let Some(opaque) = &challenge.opaque {
                value.push_str(&format!(",opaque={}", quote(opaque)));
            }
            made.push(if known.proxy { "Proxy-Authorization" } else { "Authorization" }, value);
        }
        for (name, value) in made.iter() {
            request.headers.push(name, value);
        }
    }
}

/// Realms of one dialog at most; further ones are not answered.
const MAX_REALMS: usize = 4;
