//! REGISTER between the client and the registrar.

use super::scripted::{self, Scripted};
use super::*;
use crate::sip::door;
use crate::sip::registrar::{Limits, Owner, Registrar};
use crate::testing::netem::Weather;

struct Office {
    pair: Pair,
    registrar: Registrar,
}

fn office(weather: Weather, password: &str) -> Office {
    office_with(weather, password, 3)
}

fn office_with(weather: Weather, password: &str, seed: u64) -> Office {
    let account = digest::Account::from_password("201", "callfloor", password, "201");
    let door = door::Config {
        realm: "callfloor".into(),
        accounts: [("201".to_owned(), account)].into(),
        ..door::Config::default()
    };
    let pair = Pair::new(weather, seed, |who, config| {
        if who == 'b' {
            config.user_methods = vec![Method::Register];
            config.door = Some(door.clone());
        }
    });
    let registrar = Registrar::new(Limits { min_expires_secs: 120, ..Limits::default() });
    Office { pair, registrar }
}

fn register(transport: &str) -> Command {
    Command::Register {
        registration: RegistrationId(1),
        aor: "sip:201@callfloor".parse().expect("uri"),
        registrar: format!("sip:b.test{transport}").parse().expect("uri"),
        contact_user: "201".into(),
        expires_secs: 60,
        credentials: Some(Credentials { username: "201".into(), password: "secret".into() }),
    }
}

impl Office {
    /// Lets time pass, with the registrar at work.
    fn run(&mut self, time: Duration) {
        let end = self.pair.now + time;
        loop {
            let more = self.pair.step(end);
            for event in self.pair.b_events() {
                if let Event::Request { transaction, request, flow, caller, .. } = event {
                    assert_eq!(caller, door::Caller::Account("201".into()));
                    let owner = Owner { username: "201", aor_user: "201" };
                    let reply = self.registrar.register(self.pair.now, &request, flow, owner);
                    let (status, headers) = (reply.status, reply.headers);
                    self.pair.b(Command::Respond {
                        transaction,
                        status,
                        reason: String::new(),
                        headers,
                        body: None,
                    });
                }
            }
            if !more {
                return;
            }
        }
    }
}

#[test]
fn registers_refreshes_and_leaves() {
    let mut office = office(Weather::FINE, "secret");
    office.pair.a(register(""));
    office.run(secs(1));
    // 401, then 423 because 60 s are too brief, then it stands.
    check(
        &office.pair.tape.take(office.pair.now),
        "0 a REGISTER
         10 b 401 REGISTER
         20 a REGISTER
         30 b 423 REGISTER
         40 a REGISTER
         50 b 200 REGISTER",
    );
    assert_eq!(short(office.pair.a_events()), "Registered 120");
    assert_eq!(office.registrar.lookup("201")[0].contact.to_string(), "sip:201@10.0.0.1:5060");
    office.run(secs(100));
    assert_eq!(short(office.pair.a_events()), "Registered 120");
    check(&office.pair.tape.take(office.pair.now), "87060 a REGISTER\n87070 b 200 REGISTER");
    office.pair.a(Command::Unregister { registration: RegistrationId(1) });
    office.run(secs(1));
    assert_eq!(short(office.pair.a_events()), "Registered 0");
    assert!(office.registrar.lookup("201").is_empty());
    drained(&mut office.pair);
}

/// Each time asks twice, and wrong passwords ban: ten within five minutes is what most servers take for an attack.
#[test]
fn a_wrong_password_is_tried_again_rarely() {
    let mut office = office(Weather::FINE, "other");
    office.pair.a(register(""));
    office.run(secs(400));
    assert_eq!(short(office.pair.a_events()), "RegistrationFailed 401");
    office.run(secs(500));
    assert_eq!(short(office.pair.a_events()), "RegistrationFailed 401");
    office.run(secs(24 * 3600));
    let failures = office.pair.a_events().len();
    assert!((12..=26).contains(&failures), "{failures} times a day");
}

#[test]
fn comes_back_after_a_failure() {
    let mut office = office(Weather { loss: 1000, ..Weather::FINE }, "secret");
    office.pair.a(register(""));
    office.run(secs(33));
    assert_eq!(short(office.pair.a_events()), "RegistrationFailed 408");
    office.pair.set_weather(Weather::FINE);
    office.run(secs(10));
    assert_eq!(short(office.pair.a_events()), "Registered 120");
}

#[test]
fn calls_come_back_over_the_stream_of_the_registration() {
    let mut office = office(Weather::FINE, "secret");
    office.pair.a(register(";transport=tcp"));
    office.run(secs(1));
    let binding = office.registrar.lookup("201").remove(0);
    assert_eq!((binding.flow.transport, binding.flow.connection), (Transport::Tcp, 1));
    office.pair.b(Command::Invite {
        session: SessionId(5),
        target: binding.contact,
        flow: Some(binding.flow),
        from: address("<sip:queue@callfloor>"),
        to: address("<sip:201@callfloor>"),
        headers: Vec::new(),
        body: Some(sdp("offer")),
        credentials: None,
    });
    office.run(secs(1));
    assert_eq!(short(office.pair.a_events()), "Registered 120, Incoming offer");
    office.pair.input(false, Input::StreamClosed { connection: 1 });
    office.run(secs(3));
    assert_eq!(short(office.pair.a_events()), "Registered 120", "registers anew when the stream is lost");
}

#[test]
fn registrations_at_every_loss() {
    for per_cent in [0, 1, 5, 20] {
        for seed in 0..12 {
            let weather = Weather { duplicate: 50, reorder: 50, ..Weather::lossy(per_cent) };
            let mut office = office_with(weather, "secret", seed);
            office.pair.a(register(""));
            office.run(secs(200));
            let told = short(office.pair.a_events());
            assert!(told.ends_with("Registered 120"), "{per_cent} % seed {seed}: {told}");
            assert_eq!(office.registrar.lookup("201").len(), 1);
            office.pair.a(Command::Unregister { registration: RegistrationId(1) });
            office.run(secs(200));
            let told = short(office.pair.a_events());
            assert!(told.ends_with("Registered 0"), "{per_cent} % seed {seed}: {told}");
            assert!(office.registrar.lookup("201").is_empty());
            drained(&mut office.pair);
        }
    }
}

/// A registrar that answers the first registration over this transport and nothing else.
fn registered(transport: Transport) -> (Endpoint, Flow, crate::time::Timestamp) {
    let listen = vec![(transport, "10.0.0.9:5060".parse().expect("address"))];
    let keep_alive = Some(secs(25));
    let mut endpoint = Endpoint::new(Config { listen, keep_alive, ..Config::default() }, 1);
    let now = crate::time::Timestamp::from_secs(1000);
    let Command::Register { registration, aor, contact_user, credentials, .. } = register("") else {
        panic!("no registration")
    };
    let registrar = Uri::from_address(None, "192.0.2.1:5060".parse().expect("address"), transport);
    let expires_secs = 3600;
    let command = Command::Register { registration, aor, registrar, contact_user, expires_secs, credentials };
    endpoint.handle(now, Input::Command(command));
    let Some(Output::Send { flow, bytes }) = endpoint.poll() else { panic!("nothing was sent") };
    let Message::Request(request) = crate::sip::wire::read(&bytes).expect("own").message else {
        panic!("no request")
    };
    let bytes = crate::sip::wire::write_response(&request.reply(200, "", Some("there")));
    let flow = Flow { connection: u64::from(transport.is_reliable()) * 7, ..flow };
    endpoint.handle(now, Input::Received { flow, bytes });
    assert!(matches!(endpoint.poll(), Some(Output::Event(Event::Registered { .. }))));
    (endpoint, flow, now)
}

#[test]
fn the_way_back_is_kept_open_over_udp() {
    let (mut endpoint, flow, start) = registered(Transport::Udp);
    let mut pings = 0;
    while let Some(next) = endpoint.deadline().filter(|next| next.since(start) < secs(100)) {
        endpoint.handle(next, Input::Tick);
        while let Some(output) = endpoint.poll() {
            assert_eq!(output, Output::Send { flow, bytes: b"\r\n\r\n".to_vec() });
            pings += 1;
        }
    }
    assert!((4..=5).contains(&pings), "{pings}");
}

#[test]
fn a_stream_that_does_not_answer_a_ping_is_given_up() {
    let (mut endpoint, flow, _) = registered(Transport::Tcp);
    let next = |endpoint: &mut Endpoint| {
        loop {
            let now = endpoint.deadline().expect("a deadline");
            endpoint.handle(now, Input::Tick);
            if let Some(output) = endpoint.poll() {
                return (now, output);
            }
        }
    };
    for _ in 0..2 {
        let (now, output) = next(&mut endpoint);
        assert_eq!(output, Output::Send { flow, bytes: b"\r\n\r\n".to_vec() });
        endpoint.handle(now, Input::Received { flow, bytes: b"\r\n".to_vec() });
        assert_eq!(endpoint.poll(), None);
    }
    let (pinged, _) = next(&mut endpoint);
    let (now, output) = next(&mut endpoint);
    assert_eq!((output, now.since(pinged)), (Output::Close { connection: 7 }, secs(10)));
    // A new one is opened and registered at once.
    endpoint.handle(now, Input::StreamClosed { connection: 7 });
    let (again, output) = next(&mut endpoint);
    assert!(again.since(now) <= secs(2));
    let Output::Send { flow, bytes } = output else { panic!("{output:?}") };
    assert_eq!(flow.connection, 0);
    assert!(bytes.starts_with(b"REGISTER "));
}

#[test]
fn stun_pings_are_answered_and_blank_ones_are_not() {
    let mut pair = Pair::fine();
    let mut request = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    request.extend_from_slice(&[7; 12]);
    let flow = Flow {
        transport: Transport::Udp,
        local: "10.0.0.1:5060".parse().expect("address"),
        remote: "192.0.2.9:4444".parse().expect("address"),
        connection: 0,
    };
    pair.a.endpoint.handle(pair.now, Input::Received { flow, bytes: request });
    let Some(Output::Send { flow: back, bytes }) = pair.a.endpoint.poll() else { panic!("no answer") };
    assert_eq!((back, bytes.len(), bytes[..2].to_vec()), (flow, 32, vec![1, 1]));
    pair.a.endpoint.handle(pair.now, Input::Received { flow, bytes: b"\r\n\r\n".to_vec() });
    assert_eq!(pair.a.endpoint.poll(), None);
}

/// A client whose registrar is written by hand.
fn client() -> Scripted {
    let mut client = Scripted::new();
    let mut command = register("");
    if let Command::Register { registrar, expires_secs, .. } = &mut command {
        *registrar = "sip:192.0.2.9:4444".parse().expect("uri");
        *expires_secs = 600;
    }
    assert_eq!(client.command(command), "REGISTER");
    client
}

impl Scripted {
    /// Answers the last REGISTER as one that came from this address of a NAT.
    fn registrar_says(&mut self, status: u16, lines: &str, seen_at: &str) -> String {
        let (_, mut request) = self.request(&Method::Register);
        if let Some((ip, port)) = seen_at.split_once(':') {
            let via = request.headers.get("Via").expect("a Via").to_owned();
            request.headers.set("Via", via.replace(";rport", &format!(";rport={port};received={ip}")));
        }
        self.answer(&request, status, "reg", lines, "")
    }

    fn contacts(&self) -> Vec<String> {
        self.request(&Method::Register).1.headers.all("Contact").map(Into::into).collect()
    }
}

/// RFC 3581 §4, RFC 3261 §10.2.2: the address that the registrar sees is registered, and our own is taken back.
#[test]
fn the_address_that_the_registrar_sees_is_registered() {
    let mut client = client();
    assert_eq!(client.contacts(), ["<sip:201@10.0.0.2:5060>"]);
    assert_eq!(client.registrar_says(200, "", "203.0.113.5:40000"), "Registered 600, REGISTER");
    let moved = ["<sip:201@203.0.113.5:40000>", "<sip:201@10.0.0.2:5060>;expires=0"];
    assert_eq!(client.contacts(), moved);
    assert_eq!(client.registrar_says(200, "", "203.0.113.5:40000"), "Registered 600");
    // A NAT that gives another port each time is not followed at once.
    assert!(client.wait(secs(541)).starts_with("REGISTER"), "the refresh");
    assert_eq!(client.registrar_says(200, "", "203.0.113.5:40002"), "Registered 600, REGISTER");
    assert_eq!(client.registrar_says(200, "", "203.0.113.5:40004"), "Registered 600");
    assert_eq!(client.contacts()[0], "<sip:201@203.0.113.5:40002>");
    // Seen where it is, it stays as it is.
    let mut plain = self::client();
    assert_eq!(plain.registrar_says(200, "", "10.0.0.2:5060"), "Registered 600");
}

/// RFC 3608 §5.1.
#[test]
fn the_service_route_is_told() {
    let mut client = client();
    let (_, request) = client.request(&Method::Register);
    let mut response = request.reply(200, "", Some("reg"));
    response.headers.push("Service-Route", "<sip:p2.example;lr>, <sip:hsp.example;lr>");
    let bytes = crate::sip::wire::write_response(&response);
    client.endpoint.handle(client.now, Input::Received { flow: scripted::flow(Transport::Udp), bytes });
    let outputs = client.outputs();
    let [Output::Event(Event::Registered { route, .. })] = outputs.as_slice() else { panic!("{outputs:?}") };
    assert_eq!(route.as_deref(), Some("<sip:p2.example;lr>, <sip:hsp.example;lr>"));
}

/// RFC 3261 §10.2.8, §20.33.
#[test]
fn each_refusal_of_a_registration_has_its_pause() {
    for (status, lines, least, most) in [
        (503, "Retry-After: 300\r\n", 300, 300),
        (503, "", 4, 8),
        (500, "", 4, 8),
        (403, "", 450, 900),
        (404, "", 450, 900),
        (403, "Retry-After: 1800\r\n", 1800, 1800),
        (423, "Min-Expires: 60\r\n", 450, 900),
    ] {
        let mut client = client();
        assert_eq!(client.registrar_says(status, lines, ""), format!("RegistrationFailed {status}"));
        assert_eq!(client.wait(secs(least - 1)), "", "{status} {lines}");
        let again = client.wait(secs(most - least + 2));
        assert!(again.starts_with("REGISTER"), "{status} {lines}: {again}");
    }
    let mut brief = client();
    assert_eq!(brief.registrar_says(423, "Min-Expires: 1200\r\n", ""), "REGISTER");
    assert_eq!(brief.request(&Method::Register).1.headers.get("Expires"), Some("1200"));
}
