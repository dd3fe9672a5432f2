//! Makes challenges and checks the answers.

use std::collections::{BTreeMap, HashMap, VecDeque};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{Account, Algorithm, Proof, find, parameters};
use crate::sip::api::IncomingInfo;
use crate::sip::message::{Headers, Method, Request};
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
    /// Unknown user, wrong password, no or unreadable answer: all the same to the outside.
    Refused {
        /// The answer was right but the nonce is used up: challenge again with `stale`.
        stale: bool,
        /// The name that was tried, for counting failures by source; `None` without an answer.
        tried: Option<String>,
    },
}

/// Authenticates requests of one realm. Nonces are made and recognised without keeping state; only those that were
/// answered rightly are remembered, until they are too old, for the replay check.
#[derive(Debug)]
pub struct Server {
    realm: String,
    secret: String,
    random: StdRng,
    lifetime_secs: i64,
    used: HashMap<String, Used>,
    by_age: BTreeMap<(i64, String), ()>,
    /// Call-IDs of requests that were challenged with SHA-256 and came without an answer.
    asked: VecDeque<String>,
}

/// What the answer is about.
struct Claim<'a> {
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a Headers,
    body: &'a [u8],
}

/// Which `nc` values of a nonce have been seen: the highest and the 64 below it.
#[derive(Debug, Clone, Copy)]
struct Used {
    highest: u32,
    seen: u64,
}

impl Server {
    /// `seed` feeds the nonces; give each process another one.
    pub fn new(realm: &str, seed: u64) -> Server {
        let mut random = StdRng::seed_from_u64(seed);
        let secret = format!("{:016x}{:016x}", random.next_u64(), random.next_u64());
        Server {
            realm: realm.into(),
            secret,
            random,
            lifetime_secs: LIFETIME_SECS,
            used: HashMap::new(),
            by_age: BTreeMap::new(),
            asked: VecDeque::new(),
        }
    }

    /// The realm.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// Fields for a 401, or for a 407 with `proxy`: SHA-256 first (RFC 8760 §2.3), then MD5.
    pub fn challenge(&mut self, now: Timestamp, proxy: bool, stale: bool) -> Vec<(String, String)> {
        self.challenge_with(now, proxy, stale, &[Algorithm::Sha256, Algorithm::Md5])
    }

    /// The same for the sender of this request.
    ///
    /// Deviation: RFC 8760 §2.4 lets a client pass over algorithms that it does not know, but libre 1.x (baresip of
    /// Debian 12), SIPp and older desk phones give up at the first `SHA-256`. Who is known for that, and who asks
    /// again under the same Call-ID without an answer to a challenge, is offered MD5 alone. Nothing is lost by it:
    /// MD5 is accepted from everybody whose account has it.
    pub fn challenge_to(
        &mut self,
        now: Timestamp,
        headers: &Headers,
        proxy: bool,
        stale: bool,
    ) -> Vec<(String, String)> {
        let agent = headers.get("User-Agent").unwrap_or_default().to_ascii_lowercase();
        let call_id = headers.call_id();
        let answers = headers.has("Authorization") || headers.has("Proxy-Authorization");
        let md5_alone = if MD5_ALONE.iter().any(|start| agent.starts_with(start)) {
            true
        } else if answers {
            false
        } else if self.asked.iter().any(|asked| asked == call_id) {
            true
        } else {
            if self.asked.len() >= MAX_ASKED {
                self.asked.pop_front();
            }
            self.asked.push_back(call_id.chars().take(128).collect());
            false
        };
        let both = [Algorithm::Sha256, Algorithm::Md5];
        self.challenge_with(now, proxy, stale, if md5_alone { &both[1..] } else { &both })
    }

    fn challenge_with(
        &mut self,
        now: Timestamp,
        proxy: bool,
        stale: bool,
        algorithms: &[Algorithm],
    ) -> Vec<(String, String)> {
        let name = if proxy { "Proxy-Authenticate" } else { "WWW-Authenticate" };
        algorithms
            .iter()
            .map(|algorithm| {
                let value = format!(
                    "Digest realm={},nonce=\"{}\",algorithm={},qop=\"auth\"{}",
                    crate::sip::header::quote(&self.realm),
                    self.nonce(now),
                    algorithm.as_str(),
                    if stale { ",stale=true" } else { "" }
                );
                (name.to_owned(), value)
            })
            .collect()
    }

    /// Checks the answer in a request, Authorization or with `proxy` Proxy-Authorization.
    pub fn check<'a>(
        &mut self,
        now: Timestamp,
        request: &Request,
        proxy: bool,
        account: impl Fn(&str) -> Option<&'a Account>,
    ) -> Verdict {
        let claim = Claim {
            method: &request.method,
            uri: &request.uri,
            headers: &request.headers,
            body: &request.body,
        };
        self.check_claim(now, claim, proxy, account)
    }

    /// The same for the INVITE of [`Event::Incoming`](crate::sip::Event::Incoming).
    pub fn check_incoming<'a>(
        &mut self,
        now: Timestamp,
        incoming: &IncomingInfo,
        proxy: bool,
        account: impl Fn(&str) -> Option<&'a Account>,
    ) -> Verdict {
        let claim = Claim {
            method: &Method::Invite,
            uri: &incoming.request_uri,
            headers: &incoming.headers,
            body: incoming.body.as_ref().map(|body| body.bytes.as_slice()).unwrap_or_default(),
        };
        self.check_claim(now, claim, proxy, account)
    }

    fn check_claim<'a>(
        &mut self,
        now: Timestamp,
        request: Claim<'_>,
        proxy: bool,
        account: impl Fn(&str) -> Option<&'a Account>,
    ) -> Verdict {
        let name = if proxy { "Proxy-Authorization" } else { "Authorization" };
        let mine = request
            .headers
            .all(name)
            .filter_map(parameters)
            .find(|params| find(params, "realm").is_some_and(|realm| realm == self.realm));
        let Some(params) = mine else {
            return Verdict::Refused { stale: false, tried: None };
        };
        let username = find(&params, "username").unwrap_or_default();
        let refused = |stale| Verdict::Refused { stale, tried: Some(username.to_owned()) };
        let (Some(nonce), Some(uri), Some(response), Some((algorithm, sess))) = (
            find(&params, "nonce"),
            find(&params, "uri"),
            find(&params, "response"),
            Algorithm::from_token(find(&params, "algorithm").unwrap_or("MD5")),
        ) else {
            return refused(false);
        };
        let qop = find(&params, "qop");
        let cnonce = find(&params, "cnonce");
        let nc_text = find(&params, "nc");
        // RFC 7616 §3.4: with qop both must be there; only `auth` was offered. A phone of RFC 2069 sends none of
        // them and may use each nonce once.
        let nc = match (qop, nc_text, cnonce) {
            (Some(qop), Some(nc), Some(_)) if qop.eq_ignore_ascii_case("auth") && nc.len() == 8 => {
                u32::from_str_radix(nc, 16).ok()
            }
            (None, ..) if !sess => Some(1),
            _ => None,
        };
        let (Some(nc), true) = (nc, same_target(uri, request.uri)) else {
            return refused(false);
        };
        let known = account(username).and_then(|account| account.ha1(algorithm));
        let proof = Proof {
            algorithm,
            sess,
            // Unknown users cost the same time.
            ha1: known.unwrap_or("00000000000000000000000000000000"),
            nonce,
            cnonce: cnonce.unwrap_or_default(),
            nc: nc_text.unwrap_or_default(),
            qop: qop.map(|_| "auth"),
            method: request.method.as_str(),
            uri,
            body: request.body,
        };
        let right = equal(&proof.response(), &response.to_ascii_lowercase()) && known.is_some();
        if !right {
            return refused(false);
        }
        match self.age_secs(now, nonce) {
            Some(made_at) if now.as_millis() / 1000 - made_at <= self.lifetime_secs => {
                if self.use_up(now, nonce, made_at, nc) {
                    Verdict::Granted { username: username.to_owned() }
                } else {
                    refused(true)
                }
            }
            _ => refused(true),
        }
    }

    fn nonce(&mut self, now: Timestamp) -> String {
        let text = format!("{:x}.{:016x}", now.as_millis() / 1000, self.random.next_u64());
        let seal = self.seal(&text);
        format!("{text}.{seal}")
    }

    fn seal(&self, text: &str) -> String {
        // Length-extension does not help: the reader takes the text from between fixed dots.
        Algorithm::Sha256
            .hash(format!("{}:{text}:{}", self.secret, self.secret).as_bytes())
            .chars()
            .take(32)
            .collect()
    }

    /// When a nonce of ours was made, in seconds since the epoch; `None` for others.
    fn age_secs(&self, now: Timestamp, nonce: &str) -> Option<i64> {
        let (text, seal) = nonce.rsplit_once('.')?;
        if !equal(&self.seal(text), seal) {
            return None;
        }
        let made_at = i64::from_str_radix(text.split('.').next()?, 16).ok()?;
        (made_at <= now.as_millis() / 1000).then_some(made_at)
    }

    /// True when this `nc` of the nonce is new.
    fn use_up(&mut self, now: Timestamp, nonce: &str, made_at: i64, nc: u32) -> bool {
        let too_old = now.as_millis() / 1000 - self.lifetime_secs;
        while let Some(((at, old), ())) = self.by_age.first_key_value() {
            if *at >= too_old && self.used.len() < MAX_NONCES {
                break;
            }
            // When full the oldest goes, and because a forgotten nonce must not become new again, it and all
            // older ones count as stale from then on.
            let (at, old) = (*at, old.clone());
            if at >= too_old {
                self.lifetime_secs = (now.as_millis() / 1000 - at - 1).max(MIN_LIFETIME_SECS);
            }
            self.used.remove(&old);
            self.by_age.remove(&(at, old));
        }
        match self.used.get_mut(nonce) {
            None => {
                self.used.insert(nonce.to_owned(), Used { highest: nc, seen: 1 });
                self.by_age.insert((made_at, nonce.to_owned()), ());
                true
            }
            Some(used) if nc > used.highest => {
                let shift = nc - used.highest;
                used.seen = used.seen.checked_shl(shift).unwrap_or(0) | 1;
                used.highest = nc;
                true
            }
            Some(used) => match 1_u64.checked_shl(used.highest - nc) {
                Some(bit) if used.seen & bit == 0 => {
                    used.seen |= bit;
                    true
                }
                _ => false,
            },
        }
    }
}

/// The digest URI must name what is asked for (RFC 7616 §3.4.6); parameters and port may differ, because proxies on
/// the way and some phones change them.
fn same_target(digest_uri: &str, request_uri: &Uri) -> bool {
    digest_uri
        .parse::<Uri>()
        .is_ok_and(|uri| uri.user == request_uri.user && uri.host.eq_ignore_ascii_case(&request_uri.host))
}

/// Comparison in constant time for texts of equal length.
fn equal(left: &str, right: &str) -> bool {
    left.len() == right.len()
        && left.bytes().zip(right.bytes()).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

/// How long a nonce is good.
const LIFETIME_SECS: i64 = 300;
/// Even when very many nonces are in use.
const MIN_LIFETIME_SECS: i64 = 10;
/// Agents that cannot pass over SHA-256, in lower case.
const MD5_ALONE: [&str; 3] = ["baresip v0.", "baresip v1.", "sipp"];
/// Call-IDs remembered at most; above it the oldest is forgotten.
const MAX_ASKED: usize = 256;
/// Answered nonces remembered at most; above it the oldest becomes stale.
const MAX_NONCES: usize = 100_000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Client;
    use super::*;
    use crate::sip::api::Credentials;

    struct Case {
        server: Server,
        client: Client,
        account: Account,
        random: StdRng,
    }

    fn case(password: &str) -> Case {
        Case {
            server: Server::new("callfloor", 1),
            client: Client::new(Some(Credentials { username: "anna".into(), password: password.into() })),
            account: Account::from_password("anna", "callfloor", "secret", "anna"),
            random: StdRng::seed_from_u64(7),
        }
    }

    impl Case {
        fn request(&mut self) -> Request {
            let mut request = Request::new(Method::Register, "sip:callfloor".parse().expect("uri"));
            self.client.authorize(&mut request, &mut self.random);
            request
        }

        fn check(&mut self, now: Timestamp, request: &Request) -> Verdict {
            let account = self.account.clone();
            self.server.check(now, request, false, |name| (name == "anna").then_some(&account))
        }

        fn challenge(&mut self, now: Timestamp, attempt: u8) -> bool {
            let mut response =
                Request::new(Method::Register, "sip:x".parse().expect("uri")).reply(401, "", None);
            for (name, value) in self.server.challenge(now, false, false) {
                response.headers.push(&name, value);
            }
            self.client.challenged(&response, attempt)
        }
    }

    #[test]
    fn grants_the_right_password_and_counts() {
        let now = Timestamp::from_secs(1_000_000);
        let mut case = case("secret");
        let request = case.request();
        assert_eq!(case.check(now, &request), Verdict::Refused { stale: false, tried: None });
        assert!(case.challenge(now, 0));
        let first = case.request();
        assert!(first.headers.get("Authorization").expect("answered").contains("algorithm=SHA-256"));
        assert_eq!(case.check(now, &first), Verdict::Granted { username: "anna".into() });
        let (second, third) = (case.request(), case.request());
        assert_eq!(case.check(now, &third), Verdict::Granted { username: "anna".into() });
        assert_eq!(
            case.check(now, &second),
            Verdict::Granted { username: "anna".into() },
            "out of order is fine"
        );
        let replayed = Verdict::Refused { stale: true, tried: Some("anna".into()) };
        assert_eq!(case.check(now, &first), replayed, "replay");
        let later = now + Duration::from_secs(301);
        let fourth = case.request();
        assert_eq!(case.check(later, &fourth), replayed, "old nonce");
    }

    #[test]
    fn refuses_wrong_passwords_foreign_nonces_and_targets() {
        let now = Timestamp::from_secs(1_000_000);
        let refused = Verdict::Refused { stale: false, tried: Some("anna".into()) };
        let mut wrong = case("guess");
        assert!(wrong.challenge(now, 0));
        let request = wrong.request();
        assert_eq!(wrong.check(now, &request), refused);
        assert!(!wrong.challenge(now, 1), "the same answer again would not help");

        let mut right = case("secret");
        right.server = Server::new("callfloor", 99);
        right.challenge(now, 0);
        right.server = Server::new("callfloor", 1);
        let request = right.request();
        assert_eq!(right.check(now, &request), Verdict::Refused { stale: true, tried: Some("anna".into()) });

        let mut other = case("secret");
        other.challenge(now, 0);
        let mut request = other.request();
        request.uri = "sip:elsewhere".parse().expect("uri");
        assert_eq!(other.check(now, &request), refused);
    }

    #[test]
    fn who_stumbles_over_sha_256_gets_md5_alone() {
        let now = Timestamp::from_secs(100);
        let mut server = Server::new("r", 1);
        let mut offered = |agent: &str, call_id: &str| {
            let headers: Headers = [("User-Agent", agent), ("Call-ID", call_id)].into_iter().collect();
            server.challenge_to(now, &headers, false, false).len()
        };
        assert_eq!(offered("desk phone", "1"), 2);
        assert_eq!(offered("desk phone", "1"), 1, "it did not answer the first one");
        assert_eq!(offered("desk phone", "2"), 2);
        assert_eq!(offered("baresip v1.0.0 (x86_64/linux)", "3"), 1);
    }

    #[test]
    fn the_window_of_counts() {
        let mut server = Server::new("r", 1);
        let now = Timestamp::from_secs(100);
        let mut check = |nc, fresh| assert_eq!(server.use_up(now, "n", 100, nc), fresh, "{nc}");
        check(1, true);
        check(1, false);
        check(200, true);
        check(1, false);
        check(199, true);
        check(199, false);
        check(136, false);
        check(137, true);
    }
}
