//! REGISTER between the client and the registrar.

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

#[test]
fn a_wrong_password_is_told_once() {
    let mut office = office(Weather::FINE, "other");
    office.pair.a(register(""));
    office.run(secs(600));
    assert_eq!(short(office.pair.a_events()), "RegistrationFailed 401");
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
