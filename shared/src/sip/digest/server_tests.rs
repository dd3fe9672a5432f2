use std::time::Duration;

use super::super::{Client, tests::HASHES};
use super::*;
use crate::sip::api::Credentials;
use crate::sip::message::Method;

const NOW: Timestamp = Timestamp::from_secs(1_000_000);
const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

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
        self.server.check(now, SOURCE, request, false, |name| (name == "anna").then_some(&account))
    }

    fn challenge(&mut self, now: Timestamp, attempt: u8) -> bool {
        let mut response = Request::new(Method::Register, "sip:x".parse().expect("uri")).reply(401, "", None);
        for (name, value) in self.server.challenge(now, SOURCE, &Headers::new(), false, false, true) {
            response.headers.push(&name, value);
        }
        self.client.challenged(&response, attempt)
    }
}

fn granted() -> Verdict {
    Verdict::Granted { username: "anna".into() }
}

fn wrong(tried: &str) -> Verdict {
    Verdict::Wrong { tried: tried.into() }
}

#[test]
fn grants_the_right_password_and_counts() {
    let mut case = case("secret");
    let request = case.request();
    assert_eq!(case.check(NOW, &request), Verdict::Absent);
    assert!(case.challenge(NOW, 0));
    let first = case.request();
    assert!(first.headers.get("Authorization").expect("answered").contains("algorithm=SHA-256"));
    assert_eq!(case.check(NOW, &first), granted());
    let (second, third) = (case.request(), case.request());
    assert_eq!(case.check(NOW, &third), granted());
    assert_eq!(case.check(NOW, &second), granted(), "out of order is fine");
    assert_eq!(case.check(NOW, &first), Verdict::Stale, "replay");
    let later = NOW + Duration::from_secs(301);
    let fourth = case.request();
    assert_eq!(case.check(later, &fourth), Verdict::Stale, "old nonce");
}

#[test]
fn refuses_wrong_passwords_foreign_nonces_and_targets() {
    let mut guess = case("guess");
    assert!(guess.challenge(NOW, 0));
    let request = guess.request();
    assert_eq!(guess.check(NOW, &request), wrong("anna"));
    assert!(!guess.challenge(NOW, 1), "the same answer again would not help");

    let mut right = case("secret");
    right.server = Server::new("callfloor", 99);
    right.challenge(NOW, 0);
    right.server = Server::new("callfloor", 1);
    let request = right.request();
    assert_eq!(right.check(NOW, &request), Verdict::Stale);

    let mut other = case("secret");
    other.challenge(NOW, 0);
    let mut request = other.request();
    request.uri = "sip:201@callfloor".parse().expect("uri");
    assert_eq!(other.check(NOW, &request), Verdict::Absent, "for something else");
}

#[test]
fn a_foreign_nonce_does_not_tell_whether_the_password_is_right() {
    for password in ["secret", "guess"] {
        let mut case = case(password);
        case.challenge(NOW, 0);
        let request = case.request();
        let elsewhere = IpAddr::from([192, 0, 2, 2]);
        let account = case.account.clone();
        HASHES.set(0);
        let verdict = case.server.check(NOW, elsewhere, &request, false, |_| Some(&account));
        assert_eq!((verdict, HASHES.get()), (Verdict::Stale, 0), "{password}");
    }
}

#[test]
fn known_and_unknown_users_cost_the_same_hashes() {
    let mut costs = Vec::new();
    for name in ["anna", "nobody"] {
        let mut case = case("guess");
        case.client = Client::new(Some(Credentials { username: name.into(), password: "guess".into() }));
        case.challenge(NOW, 0);
        let request = case.request();
        HASHES.set(0);
        assert_eq!(case.check(NOW, &request), wrong(name));
        costs.push(HASHES.get());
    }
    assert_eq!(costs[0], costs[1]);
    assert!(costs[0] > 0);
}

/// Builds an answer by hand.
fn answered(nonce: &str, change: impl Fn(&str) -> String) -> Request {
    let mut request = Request::new(Method::Register, "sip:callfloor".parse().expect("uri"));
    let ha1 = Algorithm::Md5.ha1("anna", "callfloor", "secret");
    let proof = Proof {
        algorithm: Algorithm::Md5,
        sess: false,
        ha1: &ha1,
        nonce,
        cnonce: "c",
        nc: "00000001",
        qop: Some("auth"),
        method: "REGISTER",
        uri: "sip:callfloor",
        body: b"",
    };
    let value = format!(
        "Digest username=\"anna\",realm=\"callfloor\",nonce=\"{nonce}\",uri=\"sip:callfloor\",\
         response=\"{}\",algorithm=MD5,qop=auth,nc=00000001,cnonce=\"c\"",
        proof.response()
    );
    request.headers.push("Authorization", change(&value));
    request
}

#[test]
fn smuggled_authorization_is_no_authorization() {
    let try_with = |change: &dyn Fn(&str) -> String, more: Option<&str>| {
        let mut case = case("secret");
        let headers = case.server.challenge(NOW, SOURCE, &Headers::new(), false, false, true);
        let nonce = headers[0].1.split('"').nth(3).expect("nonce").to_owned();
        let mut request = answered(&nonce, change);
        if let Some(more) = more {
            request.headers.push("Authorization", more);
        }
        case.check(NOW, &request)
    };
    assert_eq!(try_with(&str::to_owned, None), granted(), "as it should be");
    let other =
        "Digest username=\"root\",realm=\"callfloor\",nonce=\"x\",uri=\"sip:callfloor\",response=\"0\"";
    assert_eq!(try_with(&str::to_owned, Some(other)), Verdict::Absent, "two answers for one realm");
    let foreign = other.replace("callfloor\",nonce", "elsewhere\",nonce");
    assert_eq!(
        try_with(&str::to_owned, Some(&foreign)),
        granted(),
        "one for another realm is not ours to read"
    );
    for (what, from, to) in [
        ("two names", "username=\"anna\"", "username=\"anna\",username=\"root\""),
        ("two names in other case", "username=\"anna\"", "USERNAME=\"root\",username=\"anna\""),
        ("two nonces", "nonce=", "nonce=\"x\",nonce="),
        ("another qop", "qop=auth", "qop=none"),
        ("no count", "nc=00000001", "x=1"),
        ("a short count", "nc=00000001", "nc=1"),
        ("a count with a sign", "nc=00000001", "nc=+0000001"),
        ("an unknown algorithm", "algorithm=MD5", "algorithm=SHA-1"),
        ("an open quote", "cnonce=\"c\"", "cnonce=\"c"),
        ("another scheme", "Digest ", "Basic "),
        ("no scheme", "Digest ", ""),
        ("no response", "response=", "respons="),
        ("another target", "uri=\"sip:callfloor\"", "uri=\"sip:201@callfloor\""),
        ("no target", "uri=\"sip:callfloor\"", "uri=\"\""),
    ] {
        let verdict = try_with(&|value| value.replacen(from, to, 1), None);
        assert_eq!(verdict, Verdict::Absent, "{what}");
    }
    for (what, from, to) in [
        ("an encoded name", "username=\"anna\"", "username*=UTF-8''anna"),
        ("a hashed name", "qop=auth", "userhash=true,qop=auth"),
    ] {
        let verdict = try_with(&|value| value.replacen(from, to, 1), None);
        assert_eq!(verdict, Verdict::Unsupported, "{what}");
    }
    let renamed = try_with(&|value| value.replace("anna", "root"), None);
    assert_eq!(renamed, wrong("root"), "the name is what the password is compared for");
}

#[test]
fn integrity_and_session_variants_are_accepted() {
    for (qop, sess) in [("auth", false), ("auth-int", false), ("auth", true), ("auth-int", true)] {
        for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
            let mut case = case("secret");
            let offered = case.server.challenge(NOW, SOURCE, &Headers::new(), false, false, true);
            let nonce = offered[0].1.split('"').nth(3).expect("nonce").to_owned();
            let mut response =
                Request::new(Method::Register, "sip:x".parse().expect("uri")).reply(401, "", None);
            let token = format!("{}{}", algorithm.as_str(), if sess { "-sess" } else { "" });
            let value =
                format!("Digest realm=\"callfloor\",nonce=\"{nonce}\",algorithm={token},qop=\"{qop}\"");
            response.headers.push("WWW-Authenticate", value);
            assert!(case.client.challenged(&response, 0));
            let mut request = Request::new(Method::Register, "sip:callfloor".parse().expect("uri"));
            request.body = b"body".to_vec();
            case.client.authorize(&mut request, &mut case.random);
            assert_eq!(case.check(NOW, &request), granted(), "{qop} {token}");
            let mut changed = Request::new(Method::Register, "sip:callfloor".parse().expect("uri"));
            changed.body = b"other".to_vec();
            case.client.authorize(&mut changed, &mut case.random);
            changed.body = b"changed on the way".to_vec();
            let expected = if qop == "auth-int" { wrong("anna") } else { granted() };
            assert_eq!(case.check(NOW, &changed), expected, "{qop} {token}");
        }
    }
}

#[test]
fn md5_is_refused_where_the_account_has_none() {
    let mut case = case("secret");
    case.account = case.account.without_md5();
    let offered = case.server.challenge(NOW, SOURCE, &Headers::new(), false, false, false);
    assert_eq!(offered.len(), 1);
    assert!(offered[0].1.contains("algorithm=SHA-256"), "{offered:?}");
    let nonce = offered[0].1.split('"').nth(3).expect("nonce").to_owned();
    assert_eq!(case.check(NOW, &answered(&nonce, str::to_owned)), wrong("anna"), "a downgrade");
    assert!(case.challenge(NOW, 0));
    let request = case.request();
    assert_eq!(case.check(NOW, &request), granted());
}

#[test]
fn the_target_is_compared_as_uris_are() {
    let same = |digest: &str, request: &str| same_target(digest, &request.parse().expect("uri"));
    assert!(same("sip:201@callfloor", "sip:201@callfloor;transport=tcp"));
    assert!(same("sip:%3201@callfloor", "sip:201@callfloor"), "escapes are the same characters");
    assert!(same("sip:201@pbx.example", "sip:201@10.0.0.5:5061"), "an edge proxy wrote our address");
    assert!(!same("sip:202@callfloor", "sip:201@callfloor"));
    assert!(!same("sip:callfloor", "sip:201@callfloor"));
    assert!(!same("", "sip:callfloor"));
    assert!(!same("/", "sip:callfloor"));
}

#[test]
fn who_stumbles_over_sha_256_gets_md5_alone() {
    let mut server = Server::new("r", 1);
    let mut offered = |agent: &str, call_id: &str, cseq: &str| {
        let headers: Headers =
            [("User-Agent", agent), ("Call-ID", call_id), ("CSeq", cseq)].into_iter().collect();
        server.challenge(NOW, SOURCE, &headers, false, false, true).len()
    };
    assert_eq!(offered("desk phone", "1", "1 REGISTER"), 2);
    assert_eq!(offered("desk phone", "1", "1 REGISTER"), 2, "the challenge was lost, nothing else");
    assert_eq!(offered("desk phone", "1", "2 REGISTER"), 1, "it did not answer the first one");
    assert_eq!(offered("desk phone", "2", "1 REGISTER"), 2);
    assert_eq!(offered("baresip v1.0.0 (x86_64/linux)", "3", "1 REGISTER"), 1);
}
