use std::net::IpAddr;

use super::*;

const START: Timestamp = Timestamp::from_secs(1_800_000_000);

/// A zone that answers at once, except for what is silent.
struct World {
    locator: Locator,
    now: Timestamp,
    zone: Vec<(&'static str, Kind, Answer)>,
    silent: bool,
    asked: Vec<String>,
    found: HashMap<u64, Vec<Target>>,
    last: u64,
}

const ALL: [Transport; 3] = [Transport::Udp, Transport::Tcp, Transport::Tls];

fn world(transports: &[Transport], seed: u64) -> World {
    let listen: Vec<_> = transports
        .iter()
        .flat_map(|transport| ["10.0.0.1:5060", "[2001:db8::1]:5060"].map(|local| (*transport, local)))
        .map(|(transport, local)| (transport, local.parse().expect("address")))
        .collect();
    World {
        locator: Locator::new(&listen, seed),
        now: START,
        zone: Vec::new(),
        silent: false,
        asked: Vec::new(),
        found: HashMap::new(),
        last: 0,
    }
}

fn naptr(order: u16, preference: u16, service: &str, replacement: &str) -> Naptr {
    let (service, replacement) = (service.into(), replacement.into());
    Naptr { order, preference, flags: "S".into(), service, replacement }
}

fn srv(priority: u16, weight: u16, port: u16, target: &str) -> Srv {
    Srv { priority, weight, port, target: target.into() }
}

impl World {
    fn naptrs(&mut self, name: &'static str, records: Vec<Naptr>) {
        self.zone.push((name, Kind::Naptr, Answer::Naptr(records, 300)));
    }

    fn srvs(&mut self, name: &'static str, records: Vec<Srv>) {
        self.zone.push((name, Kind::Srv, Answer::Srv(records, 300)));
    }

    fn host(&mut self, name: &'static str, addresses: &[&str]) {
        let parsed = addresses.iter().map(|text| text.parse::<IpAddr>().expect("address"));
        let (v4, v6): (Vec<_>, Vec<_>) = parsed.partition(IpAddr::is_ipv4);
        for (kind, list) in [(Kind::A, v4), (Kind::Aaaa, v6)] {
            if !list.is_empty() {
                self.zone.push((name, kind, Answer::Addresses(list, 300)));
            }
        }
    }

    fn input(&mut self, input: Input) {
        self.locator.handle(self.now, input);
        while let Some(output) = self.locator.poll() {
            match output {
                Output::Found(number, targets) => {
                    self.found.insert(number, targets);
                }
                Output::Ask(query, name, kind) => {
                    self.asked.push(format!("{name} {kind:?}"));
                    if !self.silent {
                        let answer = self
                            .zone
                            .iter()
                            .find(|(have, of, _)| *have == name && *of == kind)
                            .map_or(Answer::Nothing(60), |(.., answer)| answer.clone());
                        self.locator.handle(self.now, Input::Answered(query, answer));
                    }
                }
            }
        }
    }

    fn start(&mut self, wanted: Wanted) -> u64 {
        self.last += 1;
        self.input(Input::Find(self.last, wanted));
        self.last
    }

    /// The targets as `udp 192.0.2.1:5060`, and how long it took.
    fn find(&mut self, wanted: Wanted) -> (Vec<String>, Duration) {
        let number = self.start(wanted);
        let started = self.now;
        while !self.found.contains_key(&number) {
            let deadline = self.locator.deadline().expect("a deadline while somebody waits");
            assert!(deadline > self.now, "time must go on");
            self.now = deadline;
            self.input(Input::Tick);
        }
        let targets = self.found.get(&number).expect("found");
        let text = |target: &Target| format!("{} {}", target.transport.as_param(), target.address);
        (targets.iter().map(text).collect(), self.now.since(started))
    }

    fn targets(&mut self, wanted: Wanted) -> Vec<String> {
        self.find(wanted).0
    }
}

fn wanted(host: &str) -> Wanted {
    Wanted { host: host.into(), port: None, transport: None, secure: false }
}

/// RFC 3263 §4.1: its own example, and what a client without some transports makes of it.
#[test]
fn naptr_records_choose_the_transport() {
    for (transports, secure, expected) in [
        (&ALL[..], false, vec!["tls 192.0.2.3:5061", "tcp 192.0.2.2:5060", "udp 192.0.2.1:5060"]),
        (&ALL[..2], false, vec!["tcp 192.0.2.2:5060", "udp 192.0.2.1:5060"]),
        (&ALL[..1], false, vec!["udp 192.0.2.1:5060"]),
        (&ALL[..], true, vec!["tls 192.0.2.3:5061"]),
        (&ALL[..2], true, vec![]),
    ] {
        let mut world = world(transports, 1);
        world.naptrs(
            "example.com",
            vec![
                naptr(90, 50, "SIP+D2T", "_sip._tcp.example.com"),
                naptr(100, 50, "SIP+D2U", "_sip._udp.Example.COM."),
                naptr(50, 50, "SIPS+D2T", "_sips._tcp.example.com."),
                naptr(10, 10, "SIP+D2S", "_sip._sctp.example.com."),
                naptr(1, 1, "E2U+sip", "!^.*$!sip:x@y!"),
            ],
        );
        for (name, port, target) in [
            ("_sip._udp.example.com", 5060, "udp.example.com"),
            ("_sip._tcp.example.com", 5060, "tcp.example.com"),
            ("_sips._tcp.example.com", 5061, "tls.example.com"),
        ] {
            world.srvs(name, vec![srv(0, 0, port, target)]);
        }
        world.host("udp.example.com", &["192.0.2.1"]);
        world.host("tcp.example.com", &["192.0.2.2"]);
        world.host("tls.example.com", &["192.0.2.3"]);
        assert_eq!(world.targets(Wanted { secure, ..wanted("Example.com.") }), expected);
    }
}

#[test]
fn order_goes_before_preference() {
    let mut world = world(&ALL, 1);
    let records = vec![
        naptr(2, 1, "SIP+D2U", "_sip._udp.a.test"),
        naptr(1, 20, "SIP+D2T", "_sip._tcp.a.test"),
        naptr(1, 10, "SIPS+D2T", "_sips._tcp.a.test"),
    ];
    let order = record::services(&records, false, &ALL).into_iter().map(|(transport, _)| transport);
    assert!(order.eq([Transport::Tls, Transport::Tcp, Transport::Udp]));
    // Only the flag "s" has a meaning for SIP, and "." leads nowhere.
    let odd = Naptr { flags: "u".into(), ..naptr(1, 1, "SIP+D2U", "x.test") };
    assert_eq!(record::services(&[odd, naptr(1, 1, "SIP+D2U", ".")], false, &ALL), []);
    world.naptrs("a.test", vec![naptr(1, 1, "SIP+D2U", ".")]);
    world.host("a.test", &["192.0.2.7"]);
    assert_eq!(world.targets(wanted("a.test")), ["udp 192.0.2.7:5060"]);
}

/// Without NAPTR: SRV of the transports that we have; without SRV: the host itself (§4.1, §4.2).
#[test]
fn srv_and_address_records_stand_in() {
    let mut world = world(&ALL, 1);
    world.srvs("_sip._udp.a.test", vec![srv(20, 0, 5070, "two.test"), srv(10, 0, 5080, "one.test")]);
    world.srvs("_sip._tcp.a.test", vec![srv(1, 0, 5090, "one.test")]);
    world.srvs("_sips._tcp.a.test", vec![srv(1, 0, 5061, "one.test")]);
    world.host("one.test", &["192.0.2.1", "2001:db8::1"]);
    world.host("two.test", &["192.0.2.2"]);
    world.host("b.test", &["192.0.2.3"]);
    world.srvs("_sip._udp.c.test", vec![srv(0, 0, 0, ".")]);
    let only = |transport| Wanted { transport: Some(transport), ..wanted("a.test") };
    let cases = [
        (
            wanted("a.test"),
            vec![
                "udp [2001:db8::1]:5080",
                "udp 192.0.2.1:5080",
                "udp 192.0.2.2:5070",
                "tcp [2001:db8::1]:5090",
                "tcp 192.0.2.1:5090",
            ],
        ),
        (only(Transport::Tcp), vec!["tcp [2001:db8::1]:5090", "tcp 192.0.2.1:5090"]),
        (Wanted { secure: true, ..wanted("a.test") }, vec!["tls [2001:db8::1]:5061", "tls 192.0.2.1:5061"]),
        (wanted("b.test"), vec!["udp 192.0.2.3:5060"]),
        (Wanted { secure: true, ..wanted("b.test") }, vec!["tls 192.0.2.3:5061"]),
        (Wanted { transport: Some(Transport::Tcp), ..wanted("b.test") }, vec!["tcp 192.0.2.3:5060"]),
        // A port says that only addresses are to be asked for.
        (Wanted { port: Some(5099), ..wanted("two.test") }, vec!["udp 192.0.2.2:5099"]),
        (Wanted { port: Some(5061), secure: true, ..wanted("two.test") }, vec!["tls 192.0.2.2:5061"]),
        (wanted("c.test"), vec![]),
        (wanted("nobody.test"), vec![]),
    ];
    for (wanted, expected) in cases {
        let text = format!("{wanted:?}");
        let (targets, time) = world.find(wanted);
        assert_eq!(
            (targets, time),
            (expected.into_iter().map(str::to_owned).collect(), Duration::ZERO),
            "{text}"
        );
    }
    let before = world.asked.len();
    world.targets(Wanted { port: Some(1), ..wanted("new.test") });
    assert_eq!(world.asked[before..], ["new.test Aaaa", "new.test A"]);
}

#[test]
fn sockets_of_one_family_find_its_addresses_only() {
    let listen = [(Transport::Udp, "10.0.0.1:5060".parse().expect("address"))];
    let mut world = World { locator: Locator::new(&listen, 1), ..world(&ALL, 1) };
    world.host("a.test", &["2001:db8::1", "192.0.2.1"]);
    assert_eq!(world.targets(wanted("a.test")), ["udp 192.0.2.1:5060"]);
    assert!(!world.asked.iter().any(|asked| asked.ends_with("Aaaa")));
    assert_eq!(world.targets(Wanted { transport: Some(Transport::Tcp), ..wanted("a.test") }), [""; 0]);
}

/// RFC 2782: in 10,000 draws each server comes first about as often as its weight says; priority is strict.
#[test]
fn weights_share_the_load() {
    let records = [
        srv(2, 100, 1, "backup"),
        srv(1, 60, 1, "heavy"),
        srv(1, 30, 1, "middle"),
        srv(1, 10, 1, "light"),
        srv(1, 0, 1, "spare"),
    ];
    let mut random = StdRng::seed_from_u64(7);
    let mut firsts: HashMap<String, u32> = HashMap::new();
    for _ in 0..10_000 {
        let order = record::servers(&records, &mut random);
        assert_eq!(order.len(), 5);
        assert_eq!(order.last().map(|(host, _)| host.as_str()), Some("backup"));
        *firsts.entry(order.first().expect("one").0.clone()).or_default() += 1;
    }
    let share = |host: &str| firsts.get(host).copied().unwrap_or_default();
    for (host, low, high) in
        [("heavy", 5_700, 6_200), ("middle", 2_750, 3_200), ("light", 850, 1_150), ("spare", 30, 200)]
    {
        assert!((low..high).contains(&share(host)), "{host}: {}", share(host));
    }
    // The same seed, the same lots.
    let draw = |seed| record::servers(&records, &mut StdRng::seed_from_u64(seed));
    assert_eq!(draw(3), draw(3));
}

#[test]
fn targets_that_failed_come_last_for_a_while() {
    let mut world = world(&ALL[..1], 1);
    world.srvs("_sip._udp.a.test", vec![srv(1, 0, 5060, "one.test"), srv(2, 0, 5060, "two.test")]);
    world.host("one.test", &["192.0.2.1"]);
    world.host("two.test", &["192.0.2.2"]);
    let target =
        |last| Target { transport: Transport::Udp, address: SocketAddr::from(([192, 0, 2, last], 5060)) };
    let (one, two) = ("udp 192.0.2.1:5060", "udp 192.0.2.2:5060");
    assert_eq!(world.targets(wanted("a.test")), [one, two]);
    world.input(Input::Failed(target(1), None));
    assert_eq!(world.targets(wanted("a.test")), [two, one]);
    world.input(Input::Failed(target(2), None));
    assert_eq!(world.targets(wanted("a.test")), [one, two]);
    world.input(Input::Worked(target(2)));
    assert_eq!(world.targets(wanted("a.test")), [two, one]);
    world.now += Duration::from_secs(31);
    assert_eq!(world.targets(wanted("a.test")), [one, two]);
    // Retry-After is granted up to a bound.
    world.input(Input::Failed(target(1), Some(Duration::from_secs(100_000))));
    world.now += Duration::from_secs(290);
    assert_eq!(world.targets(wanted("a.test")), [two, one]);
    world.now += Duration::from_secs(20);
    assert_eq!(world.targets(wanted("a.test")), [one, two]);
}

#[test]
fn answers_are_kept_as_long_as_they_hold() {
    let mut world = world(&ALL[..1], 1);
    world.host("a.test", &["192.0.2.1"]);
    world.targets(wanted("a.test"));
    let first = world.asked.len();
    world.targets(wanted("A.test."));
    assert_eq!(world.asked.len(), first);
    // What is not there is asked for again sooner than what is.
    world.now += Duration::from_secs(61);
    world.targets(wanted("a.test"));
    assert_eq!(world.asked[first..], ["a.test Naptr", "_sip._udp.a.test Srv", "a.test Aaaa"]);
    world.now += Duration::from_secs(301);
    let before = world.asked.len();
    world.targets(wanted("a.test"));
    assert!(world.asked[before..].contains(&"a.test A".to_owned()));
}

/// A name server that never answers costs one call two seconds, the calls after it nothing.
#[test]
fn a_dead_name_server_costs_one_wait() {
    let mut world = world(&ALL, 1);
    world.silent = true;
    assert_eq!(world.find(wanted("a.test")), (Vec::new(), PATIENCE));
    for _ in 0..5 {
        world.now += Duration::from_secs(1);
        assert_eq!(world.find(wanted("a.test")), (Vec::new(), Duration::ZERO));
    }
    // Later it is asked again.
    world.silent = false;
    world.host("a.test", &["192.0.2.1"]);
    world.now += Duration::from_secs(10);
    assert_eq!(world.targets(wanted("a.test")), ["udp 192.0.2.1:5060"]);
}

#[test]
fn old_answers_serve_while_no_name_server_does() {
    let mut world = world(&ALL[..1], 1);
    world.host("a.test", &["192.0.2.1"]);
    world.targets(wanted("a.test"));
    world.silent = true;
    world.now += Duration::from_secs(3600);
    let expected = vec!["udp 192.0.2.1:5060".to_owned()];
    let (targets, time) = world.find(wanted("a.test"));
    assert_eq!((targets, time), (expected.clone(), STALE_PATIENCE));
    assert_eq!(world.find(wanted("a.test")), (expected.clone(), Duration::ZERO));
    // For as long as anybody may believe them.
    world.now += Duration::from_secs(2 * 86_400);
    assert_eq!(world.find(wanted("a.test")).0, [""; 0]);
    let port = Wanted { port: Some(5060), ..wanted("b.test") };
    world.silent = false;
    world.host("b.test", &["192.0.2.2"]);
    world.targets(port.clone());
    world.silent = true;
    world.now += Duration::from_secs(3600);
    assert_eq!(world.find(port).1, STALE_PATIENCE);
}

#[test]
fn late_and_doubtful_answers() {
    let mut world = world(&ALL[..1], 1);
    world.silent = true;
    let port = Wanted { port: Some(5060), ..wanted("a.test") };
    let v4 = |text: &str| Answer::Addresses(vec![text.parse().expect("address")], 300);
    assert_eq!(world.targets(port.clone()), [""; 0]);
    // It comes after all, for the calls that follow. Queries 1 and 2 are AAAA and A.
    world.input(Input::Answered(2, v4("192.0.2.1")));
    assert_eq!(world.targets(port.clone()), ["udp 192.0.2.1:5060"]);
    // A second answer to a question, and one to a question that nobody asked.
    world.input(Input::Answered(2, v4("192.0.2.66")));
    world.input(Input::Answered(99, v4("192.0.2.66")));
    assert_eq!(world.targets(port), ["udp 192.0.2.1:5060"]);
    // An answer of the wrong kind, addresses of the wrong family and ones that nobody can have.
    world.silent = false;
    world.zone.push(("b.test", Kind::A, Answer::Srv(vec![srv(1, 1, 1, "x")], 60)));
    world.zone.push(("b.test", Kind::Aaaa, v4("192.0.2.1")));
    assert_eq!(world.targets(Wanted { port: Some(1), ..wanted("b.test") }), [""; 0]);
    world.host("c.test", &["0.0.0.0", "224.0.0.1", "::", "192.0.2.9"]);
    assert_eq!(world.targets(Wanted { port: Some(1), ..wanted("c.test") }), ["udp 192.0.2.9:1"]);
}

#[test]
fn searches_share_their_questions_and_can_be_forgotten() {
    let mut world = world(&ALL[..1], 1);
    world.silent = true;
    let port = || Wanted { port: Some(5060), ..wanted("a.test") };
    let (first, second, third) = (world.start(port()), world.start(port()), world.start(port()));
    assert_eq!(world.asked, ["a.test Aaaa", "a.test A"]);
    world.input(Input::Forget(second));
    world.input(Input::Answered(1, Answer::Nothing(60)));
    world.input(Input::Answered(2, Answer::Addresses(vec!["192.0.2.1".parse().expect("address")], 60)));
    assert!(world.found.contains_key(&first) && world.found.contains_key(&third));
    assert!(!world.found.contains_key(&second));
    assert_eq!(world.locator.deadline(), None);
}

#[test]
fn hostile_zones_stay_small() {
    let mut world = world(&ALL, 1);
    world.srvs("_sip._udp.a.test", (0..1000).map(|port| srv(1, 1, port, "one.test")).collect());
    let many: Vec<IpAddr> =
        (0..1000u32).map(|last| std::net::Ipv4Addr::from(0xc000_0200 + last).into()).collect();
    world.zone.push(("one.test", Kind::A, Answer::Addresses(many, 60)));
    assert_eq!(world.targets(wanted("a.test")).len(), 16);
    for number in 0..6000 {
        world.targets(Wanted { port: Some(1), ..wanted(&format!("{number}.test")) });
    }
    assert!(world.locator.cache.len() <= 4096);
    assert!(world.locator.by_query.is_empty());
}
