//! The door as an endpoint uses it: what an attacker sends, and what is left of it.

use std::net::SocketAddr;
use std::time::Duration;

use super::*;
use crate::sip::digest::{Client, tests::HASHES};
use crate::sip::{Command, Credentials, Endpoint, Event, Headers, Input, Output, Transport, wire};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

const METHODS: [&str; 15] = [
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "OPTIONS",
    "REGISTER",
    "INFO",
    "REFER",
    "NOTIFY",
    "SUBSCRIBE",
    "MESSAGE",
    "UPDATE",
    "PRACK",
    "PUBLISH",
    "WHATEVER",
];

fn config() -> Config {
    let account = Account::from_password("anna", "callfloor", "secret", "anna");
    let peer = Peer {
        id: "carrier".into(),
        networks: vec!["203.0.113.0/24".parse().expect("network")],
        calls_per_sec: 0,
    };
    Config {
        realm: "callfloor".into(),
        peers: vec![peer],
        accounts: [("anna".to_owned(), account)].into(),
        policy: Policy::default(),
    }
}

struct Site {
    endpoint: Endpoint,
    now: Timestamp,
    number: u32,
    events: Vec<Event>,
    closed: Vec<u64>,
}

fn site(door: Config) -> Site {
    let config = crate::sip::Config {
        listen: vec![(Transport::Udp, local()), (Transport::Tcp, local())],
        // All of them: the policy, not the lack of a user, is on trial.
        user_methods: [Method::Register, Method::Subscribe, Method::Message, Method::Publish, Method::Refer]
            .into(),
        door: Some(door),
        ..crate::sip::Config::default()
    };
    Site { endpoint: Endpoint::new(config, 1), now: NOW, number: 0, events: Vec::new(), closed: Vec::new() }
}

fn local() -> SocketAddr {
    "192.0.2.1:5060".parse().expect("address")
}

fn flow(from: &str) -> Flow {
    let remote = format!("{from}:5060").parse().expect("address");
    Flow { transport: Transport::Udp, local: local(), remote, connection: 0 }
}

fn stream(from: &str) -> Flow {
    Flow { transport: Transport::Tcp, connection: 7, ..flow(from) }
}

impl Site {
    fn give(&mut self, input: Input) -> Vec<Vec<u8>> {
        self.endpoint.handle(self.now, input);
        let mut sent = Vec::new();
        while let Some(output) = self.endpoint.poll() {
            match output {
                Output::Send { bytes, .. } => sent.push(bytes),
                Output::Event(event) => self.events.push(event),
                Output::Close { connection } => self.closed.push(connection),
                other => panic!("{other:?}"),
            }
        }
        sent
    }

    fn bytes(&mut self, flow: Flow, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.give(Input::Received { flow, bytes: bytes.to_vec() })
    }

    fn request(&mut self, method: &str, more: &str) -> String {
        self.number += 1;
        let number = self.number;
        format!(
            "{method} sip:sales@callfloor SIP/2.0\r\nVia: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bK{number};rport\r\n\
             From: <sip:x@y>;tag=f{number}\r\nTo: <sip:sales@callfloor>\r\nCall-ID: c{number}\r\n\
             CSeq: {number} {method}\r\nMax-Forwards: 70\r\nContact: <sip:x@10.9.9.9>\r\n{more}Content-Length: 0\r\n\r\n"
        )
    }

    fn send(&mut self, flow: Flow, method: &str, more: &str) -> Vec<String> {
        let text = self.request(method, more);
        let sent = self.bytes(flow, text.as_bytes());
        sent.into_iter().map(|bytes| String::from_utf8(bytes).expect("text")).collect()
    }

    fn status(&mut self, flow: Flow, method: &str, more: &str) -> Option<u16> {
        let sent = self.send(flow, method, more);
        sent.last().map(|text| text[8..11].parse().expect("a status"))
    }

    /// Asks for a challenge and answers it with this name and password.
    fn try_password(&mut self, flow: Flow, method: &str, name: &str, password: &str) -> Vec<String> {
        let challenge = self.send(flow, method, "");
        let headers = match wire::read(challenge.last().expect("challenged").as_bytes()).expect("sip").message
        {
            crate::sip::Message::Response(response) => response.headers,
            request => panic!("{request:?}"),
        };
        let answer = authorization(method, &headers, name, password);
        self.send(flow, method, &answer)
    }

    fn state(&self) -> (usize, usize) {
        (self.endpoint.transaction_count(), self.endpoint.session_count())
    }

    fn bans(&mut self) -> Vec<Ban> {
        let events = self.events.drain(..);
        events
            .filter_map(|event| if let Event::Door(Notice::Banned(ban)) = event { Some(ban) } else { None })
            .collect()
    }
}

fn authorization(method: &str, challenge: &Headers, name: &str, password: &str) -> String {
    use rand::SeedableRng;
    let mut request = Request::new(Method::from_token(method), "sip:sales@callfloor".parse().expect("uri"));
    let mut client = Client::new(Some(Credentials { username: name.into(), password: password.into() }));
    let mut response = request.reply(401, "", None);
    for (name, value) in challenge.iter() {
        response.headers.push(name, value);
    }
    assert!(client.challenged(&response, 0));
    client.authorize(&mut request, &mut rand::rngs::StdRng::seed_from_u64(1));
    request.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect()
}

#[test]
fn no_method_makes_state_without_authentication() {
    for method in METHODS {
        let mut site = site(config());
        let status = site.status(flow("198.51.100.1"), method, "");
        let expected = match method {
            "ACK" => None,
            "OPTIONS" => Some(200),
            "REGISTER" => Some(401),
            "INVITE" | "SUBSCRIBE" | "MESSAGE" | "PUBLISH" | "REFER" => Some(407),
            "WHATEVER" => Some(501),
            _ => Some(481),
        };
        assert_eq!(status, expected, "{method}");
        assert_eq!(site.state(), (0, 0), "{method}");
        assert!(site.events.is_empty(), "{method}: {:?}", site.events);
        // The same over a stream, and with an answer that nobody asked for.
        let forged = "Authorization: Digest username=\"anna\",realm=\"callfloor\",nonce=\"x\",\
                      uri=\"sip:sales@callfloor\",response=\"0\"\r\n";
        assert_eq!(site.status(stream("198.51.100.1"), method, forged), expected, "{method}");
        assert_eq!(site.state(), (0, 0), "{method}");
    }
}

#[test]
fn a_trunk_comes_in_by_its_address_and_registers_with_a_password_only() {
    let mut site = site(config());
    let carrier = flow("203.0.113.7");
    assert_eq!(site.status(carrier, "INVITE", ""), Some(100));
    let trusted = Caller::Trusted("carrier".into());
    assert!(matches!(&site.events[..], [Event::Incoming { caller, .. }] if *caller == trusted));
    assert_eq!(site.state(), (1, 1));
    assert_eq!(site.status(carrier, "REGISTER", ""), Some(401));
    site.try_password(carrier, "REGISTER", "anna", "secret");
    let caller = Caller::Account("anna".into());
    assert!(matches!(site.events.last(), Some(Event::Request { caller: found, .. }) if *found == caller));
    let gone = Change::RemovePeer { id: "carrier".into() };
    site.give(Input::Command(Command::Door(gone)));
    assert_eq!(site.status(carrier, "INVITE", ""), Some(407));
}

#[test]
fn a_right_password_comes_in() {
    let mut site = site(config());
    for (method, from) in [("INVITE", flow("198.51.100.1")), ("REGISTER", stream("198.51.100.2"))] {
        site.try_password(from, method, "anna", "secret");
        let caller = Caller::Account("anna".into());
        let found = match site.events.pop() {
            Some(Event::Incoming { caller, .. } | Event::Request { caller, .. }) => caller,
            other => panic!("{other:?}"),
        };
        assert_eq!(found, caller, "{method}");
    }
    let closed = Change::RemoveAccount { username: "anna".into() };
    site.give(Input::Command(Command::Door(closed)));
    let last = site.try_password(flow("198.51.100.1"), "INVITE", "anna", "secret");
    assert!(last[0].starts_with("SIP/2.0 407"), "{last:?}");
}

#[test]
fn a_flood_of_a_million_requests_leaves_nothing_behind() {
    let mut site = site(config());
    let texts: Vec<String> = METHODS.iter().map(|method| site.request(method, "")).collect();
    let mut answers = 0_u32;
    for number in 0..1_000_000_u32 {
        // A quarter from one source, the rest from sources that never come back.
        let ip = if number % 4 == 0 { 0xC633_6401 } else { 0x0A00_0000 | number };
        let remote = SocketAddr::from((IpAddr::from(ip.to_be_bytes()), 5060));
        let flow = Flow { remote, ..flow("198.51.100.1") };
        let text = &texts[number as usize % texts.len()];
        answers += u32::try_from(site.bytes(flow, text.as_bytes()).len()).expect("few");
        // A million in 10 s.
        site.now += Duration::from_micros(10);
    }
    assert_eq!(site.state(), (0, 0));
    assert!((20_000..=70_000).contains(&answers), "the shared budget of 5,000 a second: {answers}");
    assert!(site.events.iter().all(|event| matches!(event, Event::Door(Notice::Counts(_)))));
    assert!(site.events.len() <= 11, "told once a second");
    // The trunk and who has proved himself come in all the while.
    assert_eq!(site.status(flow("203.0.113.7"), "INVITE", ""), Some(100));
}

#[test]
fn an_office_comes_back_after_a_power_cut() {
    let mut site = site(config());
    for _ in 0..300 {
        let last = site.try_password(flow("198.51.100.1"), "REGISTER", "anna", "secret");
        assert!(last.is_empty(), "it was let in: {last:?}");
    }
    let registered = site.events.iter().filter(|event| matches!(event, Event::Request { .. })).count();
    assert_eq!(registered, 300);
}

#[test]
fn known_and_unknown_users_get_the_same_answer_for_the_same_work() {
    let mut answers = Vec::new();
    let mut costs = Vec::new();
    for name in ["anna", "nobody"] {
        for method in ["REGISTER", "INVITE"] {
            let mut site = site(config());
            let challenge = site.send(flow("198.51.100.1"), method, "");
            let Ok(crate::sip::wire::Reading { message, .. }) = wire::read(challenge[0].as_bytes()) else {
                panic!("{challenge:?}")
            };
            let answer = authorization(method, message.headers(), name, "guess");
            HASHES.set(0);
            let text = site.send(flow("198.51.100.1"), method, &answer).concat();
            costs.push((method, HASHES.get()));
            answers.push((method, text));
        }
    }
    assert_eq!(
        answers[0], answers[2],
        "byte by byte: the generators start alike, so even the nonces are equal"
    );
    assert_eq!(answers[1], answers[3]);
    assert_eq!(costs[..2], costs[2..]);
}

#[test]
fn guessing_passwords_ends_in_a_ban() {
    for from in [flow("198.51.100.1"), stream("198.51.100.1")] {
        let mut site = site(config());
        for guess in 0..10 {
            let last = site.try_password(from, "REGISTER", "anna", &format!("guess {guess}"));
            assert!(last[0].starts_with("SIP/2.0 401"), "{last:?}");
        }
        let bans = site.bans();
        assert_eq!(bans.len(), 1);
        assert_eq!((bans[0].source.to_string().as_str(), bans[0].failures), ("198.51.100.1", 10));
        for method in METHODS {
            assert!(site.send(from, method, "").is_empty(), "{method}");
        }
        assert_eq!(site.closed.is_empty(), from.transport == Transport::Udp, "a stream is closed");
        assert_eq!(site.status(flow("198.51.100.2"), "REGISTER", ""), Some(401), "others are not meant");
        // It ends by itself, and is told.
        site.now += Duration::from_secs(901);
        site.give(Input::Tick);
        assert!(site.events.iter().any(|event| matches!(event, Event::Door(Notice::Lifted { .. }))));
        assert_eq!(site.status(from, "REGISTER", ""), Some(401));
    }
}

#[test]
fn a_ban_can_be_made_and_lifted_by_command() {
    let mut site = site(config());
    let source: IpAddr = "198.51.100.1".parse().expect("address");
    let until = NOW + Duration::from_secs(60);
    site.give(Input::Command(Command::Door(Change::Ban { source, until })));
    assert_eq!(site.bans().len(), 1);
    assert_eq!(site.status(flow("198.51.100.1"), "OPTIONS", ""), None);
    site.give(Input::Command(Command::Door(Change::Unban { source })));
    assert_eq!(site.status(flow("198.51.100.1"), "OPTIONS", ""), Some(200));
    let carrier: IpAddr = "203.0.113.7".parse().expect("address");
    site.give(Input::Command(Command::Door(Change::Ban { source: carrier, until })));
    assert_eq!(site.status(flow("203.0.113.7"), "INVITE", ""), Some(100), "a trunk stays a trunk");
}

#[test]
fn a_spoofed_source_brings_a_ban_upon_nobody() {
    let mut site = site(config());
    // The attacker reads what is sent to himself, and answers it under other addresses.
    let challenge = site.send(flow("198.51.100.66"), "REGISTER", "");
    let Ok(reading) = wire::read(challenge[0].as_bytes()) else { panic!("{challenge:?}") };
    let forged = authorization("REGISTER", reading.message.headers(), "anna", "guess");
    for victim in ["198.51.100.1", "203.0.113.7"] {
        for _ in 0..50 {
            site.send(flow(victim), "REGISTER", &forged);
        }
        assert_eq!(site.bans(), [], "{victim}");
        assert_eq!(site.status(flow(victim), "OPTIONS", ""), Some(200), "{victim}");
    }
    // Guesses from behind the trunk's own address do not cut off its calls.
    for _ in 0..50 {
        site.try_password(flow("203.0.113.7"), "REGISTER", "anna", "guess");
    }
    assert_eq!(site.bans(), []);
    assert_eq!(site.status(flow("203.0.113.7"), "INVITE", ""), Some(100));
}

#[test]
fn an_office_with_one_wrong_phone_is_not_banned_and_the_account_is_closed_to_it() {
    let mut door = config();
    let ben = Account::from_password("ben", "callfloor", "other", "ben");
    door.accounts.insert("ben".into(), ben);
    let mut site = site(door);
    let office = flow("198.51.100.1");
    site.try_password(office, "REGISTER", "ben", "other");
    for _ in 0..30 {
        site.try_password(office, "REGISTER", "anna", "guess");
    }
    assert_eq!(site.bans(), []);
    let last = site.try_password(office, "REGISTER", "anna", "secret");
    assert!(last[0].starts_with("SIP/2.0 401"), "not looked at any more: {last:?}");
    assert!(site.try_password(office, "REGISTER", "ben", "other").is_empty(), "the others are let in");
    assert!(
        site.try_password(flow("198.51.100.2"), "REGISTER", "anna", "secret").is_empty(),
        "from elsewhere too"
    );
    site.now += Duration::from_secs(301);
    assert!(site.try_password(office, "REGISTER", "anna", "secret").is_empty(), "and again after the window");
}

#[test]
fn lists_of_addresses_agents_and_methods() {
    let mut door = config();
    door.policy.denied = vec!["198.51.100.66".parse().expect("network")];
    door.policy.denied_methods = vec![Method::Options];
    let mut site = site(door.clone());
    assert_eq!(site.status(flow("198.51.100.66"), "OPTIONS", ""), None);
    assert_eq!(site.status(flow("198.51.100.1"), "OPTIONS", ""), Some(405));
    for agent in ["friendly-scanner", "Mozilla (SIPVicious 0.3)", "sipcli/v1.8"] {
        let header = format!("User-Agent: {agent}\r\n");
        assert_eq!(site.status(flow("198.51.100.1"), "REGISTER", &header), None, "{agent}");
        assert_eq!(site.status(flow("203.0.113.7"), "INVITE", &header), Some(100), "not for a trunk");
    }
    assert_eq!(site.status(flow("198.51.100.1"), "REGISTER", "User-Agent: desk\r\n"), Some(401));
    door.policy.allowed = vec!["192.0.2.0/24".parse().expect("network")];
    site.give(Input::Command(Command::Door(Change::SetPolicy(door.policy))));
    assert_eq!(site.status(flow("198.51.100.1"), "REGISTER", ""), None);
    assert_eq!(site.status(flow("192.0.2.9"), "REGISTER", ""), Some(401));
    assert_eq!(site.status(flow("203.0.113.7"), "INVITE", ""), Some(100));
}

#[test]
fn a_peer_has_a_rate_of_its_own() {
    let mut door = config();
    door.peers[0].calls_per_sec = 5;
    let mut site = site(door);
    let calls = |site: &mut Site| {
        let status: Vec<_> = (0..10).map(|_| site.status(flow("203.0.113.7"), "INVITE", "")).collect();
        (status.iter().filter(|status| **status == Some(100)).count(), status.contains(&Some(503)))
    };
    assert_eq!(calls(&mut site), (5, true));
    assert_eq!(site.state(), (5, 5), "what was refused left nothing");
    site.now += Duration::from_secs(1);
    assert_eq!(calls(&mut site), (5, true));
}

#[test]
fn binding_requests_are_answered_within_the_budget() {
    let mut site = site(config());
    let request = hex::decode("000100002112a442b7e7a701bc34d686fa87dfae").expect("hex");
    let answered = (0..2_000).filter(|_| !site.bytes(flow("198.51.100.1"), &request).is_empty()).count();
    assert_eq!(answered, 1_000);
    assert_eq!(site.bytes(flow("198.51.100.2"), b"\r\n\r\n"), Vec::<Vec<u8>>::new());
    assert_eq!(site.bytes(stream("198.51.100.2"), b"\r\n\r\n"), [b"\r\n".to_vec()]);
    assert_eq!(site.state(), (0, 0));
}
