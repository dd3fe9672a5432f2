//! Makes challenges and checks the answers.

use std::collections::VecDeque;
use std::net::IpAddr;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::nonce::{Nonces, Use};
use super::{Account, Algorithm, Proof, equal, find, parameters};
use crate::sip::message::{Headers, Request};
use crate::sip::uri::Uri;
use crate::time::Timestamp;

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// This account sent it.
    Granted {
        /// Its user name.
        username: String,
    },
    /// No answer to a challenge of this realm, or one that lacks something or says something twice.
    Absent,
    /// The nonce is too old, was given to somebody else, or its count was used before: challenge again with
    /// `stale=true` (RFC 7616 §3.3). Whether the password is right was not looked at or does not show: a foreign
    /// nonce must not tell.
    Stale,
    /// Unknown user or wrong password: all the same to the outside. The nonce was given to this very source, so it
    /// reads what we send there.
    Wrong {
        /// The name that was tried.
        tried: String,
    },
    /// What was never offered: `username*` or `userhash` (RFC 7616 §3.4.4).
    Unsupported,
}

/// Authenticates requests of one realm. Nonces are made and recognised without keeping state; only those that were
/// answered rightly are remembered, until they are too old, for the replay check.
#[derive(Debug)]
pub struct Server {
    realm: String,
    nonces: Nonces,
    random: StdRng,
    /// Call-ID and CSeq, hashed, of requests that were challenged with SHA-256 and came without an answer.
    asked: VecDeque<(u64, u32)>,
}

impl Server {
    /// `seed` feeds the nonces; give each process another one.
    pub fn new(realm: &str, seed: u64) -> Server {
        let mut random = StdRng::seed_from_u64(seed);
        Server { realm: realm.into(), nonces: Nonces::new(&mut random), random, asked: VecDeque::new() }
    }

    /// The realm.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// Fields for a 401, or for a 407 with `proxy`, for the sender of a request with these headers: SHA-256 first
    /// (RFC 8760 §2.3), then MD5 if `md5` says so. Only `auth` is offered (phones stumble over lists of qop);
    /// `auth-int` is accepted all the same.
    ///
    /// Deviation: RFC 8760 §2.4 lets a client pass over algorithms that it does not know, but libre 1.x (baresip of
    /// Debian 12), SIPp and older desk phones give up at the first `SHA-256`. Who is known for that, and who asks
    /// again in the same Call-ID without an answer to a challenge, is offered MD5 alone. Nothing is lost by it:
    /// MD5 is accepted from everybody whose account has it.
    pub fn challenge(
        &mut self,
        now: Timestamp,
        source: IpAddr,
        headers: &Headers,
        proxy: bool,
        stale: bool,
        md5: bool,
    ) -> Vec<(String, String)> {
        let name = if proxy { "Proxy-Authenticate" } else { "WWW-Authenticate" };
        let nonce = self.nonces.make(now, source, &mut self.random);
        let offered: &[Algorithm] = match md5 {
            true if self.stumbles(headers) => &[Algorithm::Md5],
            true => &[Algorithm::Sha256, Algorithm::Md5],
            false => &[Algorithm::Sha256],
        };
        offered
            .iter()
            .map(|algorithm| {
                let value = format!(
                    "Digest realm={},nonce=\"{nonce}\",algorithm={},qop=\"auth\"{}",
                    crate::sip::header::quote(&self.realm),
                    algorithm.as_str(),
                    if stale { ",stale=true" } else { "" }
                );
                (name.to_owned(), value)
            })
            .collect()
    }

    fn stumbles(&mut self, headers: &Headers) -> bool {
        let agent = headers.get("User-Agent").unwrap_or_default().to_ascii_lowercase();
        if MD5_ALONE.iter().any(|start| agent.starts_with(start)) {
            return true;
        }
        if headers.has("Authorization") || headers.has("Proxy-Authorization") {
            return false;
        }
        let call = fingerprint(headers.call_id());
        let cseq = headers.cseq().map(|cseq| cseq.number).unwrap_or_default();
        match self.asked.iter().find(|(known, _)| *known == call) {
            // The same request once more is a retransmission.
            Some((_, known)) => *known != cseq,
            None => {
                if self.asked.len() >= MAX_ASKED {
                    self.asked.pop_front();
                }
                self.asked.push_back((call, cseq));
                false
            }
        }
    }

    /// Checks the answer in a request: that of Authorization, or with `proxy` of Proxy-Authorization; the other of
    /// the two where that one is missing (phones that answer every challenge in the same header).
    pub fn check<'a>(
        &mut self,
        now: Timestamp,
        source: IpAddr,
        request: &Request,
        proxy: bool,
        account: impl Fn(&str) -> Option<&'a Account>,
    ) -> Verdict {
        let names = ["Authorization", "Proxy-Authorization"];
        let names = if proxy { [names[1], names[0]] } else { names };
        let mut found = names.into_iter().map(|name| self.claims(&request.headers, name));
        let Some(mut claims) = found.find(|claims| !claims.is_empty()) else { return Verdict::Absent };
        // Two answers for one realm: whoever reads the other one would decide otherwise.
        let (Some(params), true) = (claims.pop(), claims.is_empty()) else { return Verdict::Absent };
        let Some(claim) = Claim::read(&params) else { return Verdict::Absent };
        if find(&params, "username*").is_some()
            || find(&params, "userhash").is_some_and(|value| value.eq_ignore_ascii_case("true"))
        {
            return Verdict::Unsupported;
        }
        if !same_target(claim.uri, &request.uri) {
            return Verdict::Absent;
        }
        let Some(nonce) = self.nonces.read(now, source, claim.nonce) else { return Verdict::Stale };
        // Unknown users, and algorithms that the account does not have, cost the same work.
        let known = account(claim.username).and_then(|account| account.ha1(claim.algorithm));
        let proof = Proof {
            algorithm: claim.algorithm,
            sess: claim.sess,
            ha1: known.unwrap_or(NOBODY),
            nonce: claim.nonce,
            cnonce: claim.cnonce,
            nc: claim.nc_text,
            qop: claim.qop,
            method: request.method.as_str(),
            uri: claim.uri,
            body: &request.body,
        };
        let right = equal(&proof.response(), &claim.response.to_ascii_lowercase());
        if !right || known.is_none() {
            return Verdict::Wrong { tried: claim.username.to_owned() };
        }
        match self.nonces.use_up(nonce, claim.nc) {
            Use::First => Verdict::Granted { username: claim.username.to_owned() },
            Use::Replay => Verdict::Stale,
        }
    }

    /// The answers for this realm.
    fn claims(&self, headers: &Headers, name: &str) -> Vec<Vec<(String, String)>> {
        headers
            .all(name)
            .filter_map(parameters)
            .filter(|params| find(params, "realm").is_some_and(|realm| realm == self.realm))
            .collect()
    }
}

/// An answer, taken apart.
struct Claim<'a> {
    username: &'a str,
    nonce: &'a str,
    uri: &'a str,
    response: &'a str,
    algorithm: Algorithm,
    sess: bool,
    qop: Option<&'static str>,
    cnonce: &'a str,
    nc_text: &'a str,
    nc: u32,
}

impl<'a> Claim<'a> {
    /// `None` when something is missing, is no value, or is there twice.
    fn read(params: &'a [(String, String)]) -> Option<Claim<'a>> {
        let twice = params
            .iter()
            .enumerate()
            .any(|(at, (name, _))| params.iter().skip(at + 1).any(|(other, _)| other == name));
        if twice {
            return None;
        }
        let (algorithm, sess) = Algorithm::from_token(find(params, "algorithm").unwrap_or("MD5"))?;
        let qop = match find(params, "qop") {
            None => None,
            Some(qop) => Some(["auth", "auth-int"].into_iter().find(|own| qop.eq_ignore_ascii_case(own))?),
        };
        let (cnonce, nc_text) = (find(params, "cnonce"), find(params, "nc"));
        // RFC 7616 §3.4: with qop both must be there. A phone of RFC 2069 sends none of them and may use each nonce
        // once.
        let nc = match (qop, nc_text, cnonce) {
            (Some(_), Some(nc), Some(_)) if nc.len() == 8 && nc.bytes().all(|b| b.is_ascii_hexdigit()) => {
                u32::from_str_radix(nc, 16).ok()?
            }
            (None, ..) if !sess => 1,
            _ => return None,
        };
        Some(Claim {
            username: find(params, "username").unwrap_or_default(),
            nonce: find(params, "nonce")?,
            uri: find(params, "uri")?,
            response: find(params, "response")?,
            algorithm,
            sess,
            qop,
            cnonce: cnonce.unwrap_or_default(),
            nc_text: nc_text.unwrap_or_default(),
            nc,
        })
    }
}

/// The digest URI must ask for the same (RFC 7616 §3.4.6): equal after RFC 3261 §19.1.4, or at least the same user.
/// Host, port and parameters may differ, because edge proxies write their own and the request has arrived here
/// anyway; Asterisk and FreeSWITCH do not compare at all.
fn same_target(digest_uri: &str, request_uri: &Uri) -> bool {
    digest_uri.parse::<Uri>().is_ok_and(|uri| {
        uri.same(request_uri) || (uri.is_sip() && uri.user_unescaped() == request_uri.user_unescaped())
    })
}

/// Short and not reversible by accident; a clash costs one client its SHA-256.
fn fingerprint(text: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// HA1 of nobody: no password leads to it.
const NOBODY: &str = "00000000000000000000000000000000";
/// Agents that cannot pass over SHA-256, in lower case.
const MD5_ALONE: [&str; 3] = ["baresip v0.", "baresip v1.", "sipp"];
/// Requests remembered at most; above it the oldest is forgotten, and its sender may be offered SHA-256 twice.
const MAX_ASKED: usize = 256;

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
