//! Who may come in, over real sockets: the same answer for everybody, bans that end and never meet a trunk, lists.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::Value;
use shared::sip::digest::Client;
use shared::sip::message::{Message, Method, Request};
use shared::sip::{Credentials, wire};
use tests::http;
use tests::phone::{Phone, PhoneSetup};
use tests::ports::{CARRIER, HERE};
use tests::service::Service;
use tests::setup::Setup;
use tests::{Outcome, wait};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::floor::{Floor, SALES, program};

/// Where the attacker sits.
const ATTACKER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));
const SOON: Duration = Duration::from_secs(2);

/// Somebody who registers by hand.
struct Guesser {
    socket: UdpSocket,
    service: SocketAddr,
    number: u32,
}

impl Guesser {
    async fn new(at: IpAddr, service: SocketAddr) -> Outcome<Guesser> {
        Ok(Guesser { socket: UdpSocket::bind((at, 0)).await?, service, number: 0 })
    }

    fn request(&mut self) -> Outcome<Request> {
        self.request_of(Method::Register)
    }

    fn request_of(&mut self, method: Method) -> Outcome<Request> {
        self.number += 1;
        let (own, number) = (self.socket.local_addr()?, self.number);
        let mut request = Request::new(method.clone(), "sip:callfloor".parse()?);
        for (name, value) in [
            ("Via", format!("SIP/2.0/UDP {own};branch=z9hG4bKg{number};rport")),
            ("Max-Forwards", "70".into()),
            ("From", format!("<sip:203@callfloor>;tag=g{number}")),
            ("To", "<sip:203@callfloor>".into()),
            ("Call-ID", format!("guess-{number}@{own}")),
            ("CSeq", format!("{number} {method}")),
            ("Contact", format!("<sip:203@{own}>")),
        ] {
            request.headers.push(name, value);
        }
        Ok(request)
    }

    /// The answer; `None` for silence.
    async fn ask(&self, request: &Request) -> Outcome<Option<String>> {
        self.socket.send_to(&wire::write_request(request), self.service).await?;
        let mut buffer = vec![0; 4096];
        match timeout(SOON, self.socket.recv_from(&mut buffer)).await {
            Ok(received) => Ok(Some(String::from_utf8(buffer[..received?.0].to_vec())?)),
            Err(_) => Ok(None),
        }
    }

    /// Asks for a challenge and answers it.
    async fn guess(&mut self, username: &str, password: &str) -> Outcome<Option<String>> {
        self.guess_by(username, password, "").await
    }

    /// The same without the challenges that name this algorithm.
    async fn guess_by(&mut self, username: &str, password: &str, not_by: &str) -> Outcome<Option<String>> {
        let mut request = self.request()?;
        let Some(challenge) = self.ask(&request).await? else { return Ok(None) };
        let named = |line: &&str| not_by.is_empty() || !line.contains(&format!("algorithm={not_by}"));
        let challenge: String = challenge.split_inclusive("\r\n").filter(named).collect();
        let Ok(wire::Reading { message: Message::Response(response), .. }) = wire::read(challenge.as_bytes())
        else {
            return Err(format!("no answer: {challenge}").into());
        };
        let credentials = Credentials { username: username.into(), password: password.into() };
        let mut client = Client::new(Some(credentials));
        assert!(client.challenged(&response, 0), "{challenge}");
        request = self.request()?;
        client.authorize(&mut request, &mut rand::rng());
        self.ask(&request).await
    }
}

/// Without what differs in any two answers: nonce, tags, branch, Call-ID, CSeq.
fn shape(answer: &str) -> Vec<String> {
    let own = ["Via", "From", "To", "Call-ID", "CSeq"];
    let lines = answer.lines().filter(|line| !own.iter().any(|name| line.starts_with(&format!("{name}:"))));
    lines
        .map(|line| match line.split_once("nonce=\"") {
            Some((before, after)) => format!("{before}…{}", after.split_once('"').unwrap_or_default().1),
            None => line.to_owned(),
        })
        .collect()
}

#[tokio::test]
async fn unknown_and_known_names_get_the_same_answer() -> Outcome {
    let service = Service::start(program(), Setup::test()?).await?;
    let mut guesser = Guesser::new(ATTACKER, service.setup.sip).await?;
    let known = guesser.guess("203", "wrong").await?.ok_or("no answer")?;
    let unknown = guesser.guess("no-such-phone", "wrong").await?.ok_or("no answer")?;
    assert!(known.starts_with("SIP/2.0 401"), "{known}");
    assert_eq!(shape(&known), shape(&unknown));
    Ok(())
}

#[tokio::test]
async fn a_ban_is_seen_and_lifted() -> Outcome {
    let service = Service::start(program(), Setup::test()?).await?;
    let mut guesser = Guesser::new(ATTACKER, service.setup.sip).await?;
    for guess in 0..10 {
        let answer = guesser.guess("203", &format!("guess {guess}")).await?;
        assert!(answer.is_some_and(|answer| answer.starts_with("SIP/2.0 401")), "guess {guess}");
    }
    let request = guesser.request()?;
    assert_eq!(guesser.ask(&request).await?, None, "banned");
    let mut other = Guesser::new(HERE, service.setup.sip).await?;
    let request = other.request()?;
    assert!(other.ask(&request).await?.is_some(), "others are not meant");

    let metrics = http::get(service.setup.http, "/metrics", &[]).await?.text();
    for line in [
        "callfloor_sip_bans 1",
        "callfloor_sip_refused_total{reason=\"wrong_password\"} 10",
        "callfloor_sip_admitted_total{by=\"password\"} 0",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} in {metrics}");
    }
    let login = r#"{"user":"sara","password":"demo-sara"}"#;
    let signed = http::request(service.setup.http, "POST", "/api/v1/session", &[], login).await?;
    let signed: Value = serde_json::from_slice(&signed.body)?;
    let token = format!("Authorization: Bearer {}", signed["token"].as_str().ok_or("no token")?);
    let api = service.setup.http;
    let ask = async |method: &str, path: &str| http::request(api, method, path, &[&token], "").await;
    let report: Value = serde_json::from_slice(&ask("GET", "/api/v1/defence").await?.body)?;
    assert_eq!(report["bans"][0]["source"], "127.0.0.9", "{report}");
    assert_eq!(ask("DELETE", "/api/v1/defence/bans/127.0.0.9").await?.status, 204);
    wait::until_async("the end of the ban", SOON, async || {
        let report: Value = serde_json::from_slice(&ask("GET", "/api/v1/defence").await?.body)?;
        Ok(report["bans"].as_array().is_some_and(Vec::is_empty).then_some(()))
    })
    .await?;
    let request = guesser.request()?;
    assert!(guesser.ask(&request).await?.is_some(), "read again");
    assert_eq!(ask("DELETE", "/api/v1/defence/bans/127.0.0.9").await?.status, 404);
    Ok(())
}

/// Whoever forges a trunk's address must not be able to shut the trunk out; nor does a guess there open anything.
#[tokio::test]
async fn a_trunk_is_not_banned_by_who_forges_its_address() -> Outcome {
    let floor = Floor::with_phones(Setup::test()?, &[("301", &["sales"])]).await?;
    let sip = floor.service.setup.sip;
    let mut forger = Guesser::new(CARRIER, sip).await?;
    for guess in 0..15 {
        let answer = forger.guess("301", &format!("guess {guess}")).await?;
        let status = answer.as_deref().and_then(|answer| answer.get(8..11)).unwrap_or("silence").to_owned();
        assert!(!status.starts_with('2'), "{answer:?}");
    }
    let agent = Phone::start(PhoneSetup::fixed(sip, "301", floor.port("301"))).await?;
    let customer = Phone::start(PhoneSetup::customer(sip, "+49305550155", "Carla")).await?;
    customer.call(SALES).await?;
    agent.talking(Duration::from_secs(10)).await?;
    customer.hang_up().await
}

/// No method makes state for somebody whom nobody knows.
#[tokio::test]
async fn each_method_is_challenged_or_refused_before_anything_is_remembered() -> Outcome {
    let mut setup = Setup::test()?;
    setup.set("defence", "denied_methods", vec!["MESSAGE"]);
    let floor = Floor::with_phones(setup, &[]).await?;
    let mut stranger = Guesser::new(ATTACKER, floor.service.setup.sip).await?;
    let expected = [
        (Method::Invite, "407"),
        (Method::Register, "401"),
        (Method::Subscribe, "489"),
        (Method::Message, "405"),
        (Method::Publish, "405"),
        (Method::Notify, "481"),
        (Method::Refer, "603"),
        (Method::Bye, "481"),
        (Method::Options, "200"),
        (Method::Other("BREW".into()), "501"),
    ];
    let mut got = Vec::new();
    for (method, _) in &expected {
        let request = stranger.request_of(method.clone())?;
        let answer = stranger.ask(&request).await?.ok_or(format!("{method}: silence"))?;
        got.push((method.clone(), answer.get(8..11).unwrap_or_default().to_owned()));
    }
    assert_eq!(got, expected.map(|(method, status)| (method, status.to_owned())));
    assert!(floor.sara.floor().await?.calls.is_empty());
    Ok(())
}

#[tokio::test]
async fn denied_addresses_and_user_agents_get_no_answer() -> Outcome {
    let mut setup = Setup::test()?;
    setup.set("defence", "denied_addresses", vec!["127.0.0.8/31"]);
    setup.set("defence", "denied_agents", vec!["Sip-Robot"]);
    let service = Service::start(program(), setup).await?;
    let mut denied = Guesser::new(ATTACKER, service.setup.sip).await?;
    let request = denied.request()?;
    assert_eq!(denied.ask(&request).await?, None, "from 127.0.0.9");
    let mut other = Guesser::new(HERE, service.setup.sip).await?;
    let mut request = other.request()?;
    request.headers.push("User-Agent", "a sip-robot of some version");
    assert_eq!(other.ask(&request).await?, None, "a robot");
    let request = other.request()?;
    assert!(other.ask(&request).await?.is_some(), "somebody else");
    Ok(())
}

#[tokio::test]
async fn an_account_may_be_closed_to_md5() -> Outcome {
    let mut setup = Setup::test()?;
    setup.agent("203").insert("sip_allow_md5".into(), false.into());
    setup.agent("202").insert("sip_password".into(), "demo-sip-202".into());
    let service = Service::start(program(), setup).await?;
    let mut phone = Guesser::new(HERE, service.setup.sip).await?;
    for (user, not_by, status) in
        [("203", "SHA-256", "401"), ("203", "", "200"), ("202", "SHA-256", "403"), ("202", "MD5", "403")]
    {
        let answer = phone.guess_by(user, &format!("demo-sip-{user}"), not_by).await?.ok_or("silence")?;
        // 403: the right password, but of another address than the one that is registered.
        assert_eq!(answer.get(8..11), Some(status), "{user} without {not_by}: {answer}");
    }
    Ok(())
}
