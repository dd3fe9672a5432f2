//! Two phones back to back on a virtual clock: engine, SIP endpoint and codecs are the real ones, only the wire is a
//! list.

use super::*;

use shared::audio::goertzel;
use shared::audio::tone::Sine;
use shared::sip::door;
use shared::sip::registrar::{Account, Limits, Owner, Registrar};
use shared::sip::{Endpoint, Flow, Method, Transport};

use crate::phone::types::{CallState, EndReason as Why, Phase};

const FRAME: Duration = Duration::from_millis(20);

pub(super) fn address(host: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, host], port))
}

/// A phone with its endpoint.
pub(super) struct Desk {
    host: u8,
    pub(super) engine: Engine,
    endpoint: Endpoint,
    pub(super) events: Vec<PhoneEvent>,
    says: Option<Sine>,
    pub(super) heard: Vec<i16>,
    pub(super) ringing: bool,
}

/// Two phones and a registrar on one wire without delay.
pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) desks: Vec<Desk>,
    pub(super) registrar: (Endpoint, Registrar),
    wire: VecDeque<(SocketAddr, SocketAddr, Vec<u8>)>,
}

const REGISTRAR: u8 = 100;

/// Both phones have an account at the registrar, and may call each other's numbers.
fn door() -> door::Config {
    let account = |user: &str| Account::from_password(user, "callfloor", "secret", user);
    door::Config {
        realm: "callfloor".into(),
        accounts: ["1", "2"].map(|user| (user.to_owned(), account(user))).into(),
        ..door::Config::default()
    }
}

fn listen(host: u8) -> sip::Config {
    sip::Config {
        door: (host == REGISTRAR).then(door),
        listen: vec![(Transport::Udp, address(host, 5060))],
        max_datagram_len: 65_000,
        user_methods: if host == REGISTRAR { vec![Method::Register] } else { Vec::new() },
        ..sip::Config::default()
    }
}

impl World {
    pub(super) fn new() -> World {
        World::with_codecs(&[Codec::Opus, Codec::Pcmu, Codec::Pcma])
    }

    pub(super) fn with_codecs(second: &[Codec]) -> World {
        let registrar = Registrar::new(Limits::default());
        let desk = |host: u8, codecs: &[Codec], hz: f32| {
            let config = EngineConfig {
                address: format!("sip:{host}@callfloor").parse().expect("uri"),
                registrar: Uri::from_address(None, address(REGISTRAR, 5060), Transport::Udp),
                trusted: Vec::new(),
                display_name: format!("Desk {host}"),
                credentials: Credentials { username: host.to_string(), password: "secret".into() },
                codecs: codecs.to_vec(),
                region: Region::Europe,
                media: address(host, 0),
                register_secs: 120,
            };
            Desk {
                host,
                engine: Engine::new(config, u64::from(host)),
                endpoint: Endpoint::new(listen(host), u64::from(host) + 10),
                events: Vec::new(),
                says: Some(Sine::new(hz, 16_000, -20.0)),
                heard: Vec::new(),
                ringing: false,
            }
        };
        let mut world = World {
            now: Timestamp::from_secs(1_000),
            desks: vec![desk(1, &Codec::ALL, 440.0), desk(2, second, 1_000.0)],
            registrar: (Endpoint::new(listen(REGISTRAR), 99), registrar),
            wire: VecDeque::new(),
        };
        for index in 0..2 {
            let host = world.desks[index].host;
            let trusted = vec![address(1, 0).ip(), address(2, 0).ip()];
            world.input(index, Input::Moved { media: address(host, 4_000), trusted });
        }
        world
    }

    pub(super) fn input(&mut self, index: usize, input: Input) {
        let now = self.now;
        self.desks[index].engine.handle(now, input);
        self.settle();
    }

    pub(super) fn command(&mut self, index: usize, command: PhoneCommand) {
        self.input(index, Input::Command(command));
    }

    /// Until nobody has anything to say.
    fn settle(&mut self) {
        let now = self.now;
        loop {
            let mut calm = true;
            for desk in &mut self.desks {
                while let Some(output) = desk.engine.poll() {
                    calm = false;
                    let media = address(desk.host, 4_000);
                    match output {
                        Output::Sip(command) => desk.endpoint.handle(now, sip::Input::Command(command)),
                        Output::Rtp { to, bytes } => self.wire.push_back((media, to, bytes)),
                        Output::Rtcp { to, bytes } => {
                            self.wire.push_back((address(desk.host, 4_001), to, bytes))
                        }
                        Output::Play { frame, voice } => {
                            if voice {
                                desk.heard.extend(frame.0);
                            }
                        }
                        Output::Restart => desk.heard.clear(),
                        Output::Ring(on) => desk.ringing = on,
                        Output::Event(event) => desk.events.push(event),
                    }
                }
                while let Some(output) = desk.endpoint.poll() {
                    calm = false;
                    match output {
                        sip::Output::Send { flow, bytes } => {
                            self.wire.push_back((address(desk.host, 5060), flow.remote, bytes));
                        }
                        sip::Output::Event(event) => desk.engine.handle(now, Input::Sip(event)),
                        other => panic!("{other:?}"),
                    }
                }
            }
            calm &= !self.serve_registrar();
            while let Some((from, to, bytes)) = self.wire.pop_front() {
                calm = false;
                self.deliver(from, to, bytes);
            }
            if calm {
                return;
            }
        }
    }

    fn deliver(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        let now = self.now;
        let flow = Flow { transport: Transport::Udp, local: to, remote: from, connection: 0 };
        if to == address(REGISTRAR, 5060) {
            self.registrar.0.handle(now, sip::Input::Received { flow, bytes });
            return;
        }
        let Some(desk) = self.desks.iter_mut().find(|desk| address(desk.host, 0).ip() == to.ip()) else {
            panic!("a packet to {to}");
        };
        if to.port() == 5060 {
            desk.endpoint.handle(now, sip::Input::Received { flow, bytes });
        } else {
            desk.engine.handle(now, Input::Media { from, bytes });
        }
    }

    fn serve_registrar(&mut self) -> bool {
        let (endpoint, registrar) = &mut self.registrar;
        let mut busy = false;
        while let Some(output) = endpoint.poll() {
            busy = true;
            match output {
                sip::Output::Send { flow, bytes } => {
                    self.wire.push_back((address(REGISTRAR, 5060), flow.remote, bytes));
                }
                sip::Output::Event(sip::Event::Door(_)) => {}
                sip::Output::Event(sip::Event::Request { transaction, flow, caller, request, .. }) => {
                    let door::Caller::Account(user) = caller else { panic!("{caller:?}") };
                    let owner = Owner { username: &user, aor_user: &user };
                    let reply = registrar.register(self.now, &request, flow, owner);
                    let (status, headers) = (reply.status, reply.headers);
                    let reason = String::new();
                    let respond = sip::Command::Respond { transaction, status, reason, headers, body: None };
                    endpoint.handle(self.now, sip::Input::Command(respond));
                }
                // A call to a number that nobody has.
                sip::Output::Event(sip::Event::Incoming { session, .. }) => {
                    let headers = Vec::new();
                    let reject =
                        sip::Command::Reject { session, status: 404, reason: String::new(), headers };
                    endpoint.handle(self.now, sip::Input::Command(reject));
                }
                other => panic!("{other:?}"),
            }
        }
        busy
    }

    /// Lets time pass in steps of 20 ms, with sound.
    pub(super) fn run(&mut self, millis: u64) {
        for _ in 0..millis / 20 {
            self.now += FRAME;
            let now = self.now;
            for desk in &mut self.desks {
                desk.endpoint.handle(now, sip::Input::Tick);
                if desk.engine.wants_sound() {
                    let mut frame = Frame::SILENCE;
                    if let Some(sine) = &mut desk.says {
                        sine.fill(&mut frame.0);
                    }
                    desk.engine.handle(now, Input::Frame(frame));
                } else {
                    desk.engine.handle(now, Input::Tick);
                }
            }
            self.registrar.0.handle(now, sip::Input::Tick);
            self.settle();
        }
    }

    pub(super) fn call(&self, index: usize) -> CallState {
        self.desks[index].engine.state().call.unwrap_or_else(|| panic!("no call at desk {index}"))
    }

    pub(super) fn phases(&self) -> [Phase; 2] {
        [self.call(0).phase, self.call(1).phase]
    }

    /// The level of the other one's tone in the last 400 ms.
    pub(super) fn hears(&self, index: usize) -> f32 {
        let heard = &self.desks[index].heard;
        let hz = if index == 0 { 1_000.0 } else { 440.0 };
        goertzel::power_dbfs(&heard[heard.len().saturating_sub(6_400)..], hz, 16_000)
    }

    pub(super) fn ended(&mut self, index: usize) -> Why {
        let found = self.desks[index].events.iter().rev().find_map(|event| match event {
            PhoneEvent::Ended { why, .. } => Some(why.clone()),
            _ => None,
        });
        found.unwrap_or_else(|| panic!("desk {index} has not ended"))
    }

    /// Desk 0 calls desk 1, who answers.
    pub(super) fn connect(&mut self) {
        self.command(0, PhoneCommand::Dial("sip:2@192.0.2.2:5060".into()));
        self.command(1, PhoneCommand::Answer);
        self.run(600);
        assert_eq!(self.phases(), [Phase::Talking, Phase::Talking]);
    }
}
