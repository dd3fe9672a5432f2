//! A whole phone, thread and sockets, against a small service on loopback: registrar, caller, and a tone on RTP.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use shared::api::session::DeviceAccount;
use shared::audio::codec::Codec;
use shared::audio::tone::Sine;
use shared::audio::{Frame, goertzel};
use shared::rtp::packet::{MAX_PACKET_BYTES, Packet};
use shared::rtp::receiver::{self, Receiver};
use shared::rtp::sender::{self, Sender};
use shared::sdp::{LocalDescription, LocalMedia};
use shared::sip::door;
use shared::sip::registrar::{Account, Limits, Owner, Registrar};
use shared::sip::{self, Body, Command, Method, NameAddr, SessionId, Transport, Uri};
use shared_net::{DriverConfig, SipDriver, SipHandle, clock};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::*;

/// The service's side.
struct Service {
    sip: SipHandle,
    events: mpsc::Receiver<sip::Event>,
    registrar: Registrar,
    rtp: UdpSocket,
}

impl Service {
    async fn new() -> Service {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let account = Account::from_password("201", "callfloor", "secret", "201");
        let door = door::Config {
            realm: "callfloor".into(),
            accounts: [("201".to_owned(), account)].into(),
            ..door::Config::default()
        };
        let user_methods = vec![Method::Register];
        let endpoint = sip::Config { user_methods, door: Some(door), ..sip::Config::default() };
        let config = DriverConfig { udp: vec![any], tcp: vec![any], endpoint, ..DriverConfig::default() };
        let (sip, events) = SipDriver::start(config, 7).expect("bind");
        let registrar = Registrar::new(Limits::default());
        let rtp = UdpSocket::bind(any).await.expect("bind");
        Service { sip, events, registrar, rtp }
    }

    fn account(&self, password: &str) -> DeviceAccount {
        let address = |transport| self.sip.local_addr(transport).map(|address| address.to_string());
        DeviceAccount {
            address: "sip:201@callfloor".into(),
            username: "201".into(),
            password: password.into(),
            realm: "callfloor".into(),
            udp: address(Transport::Udp),
            tcp: address(Transport::Tcp),
        }
    }

    /// The next event that is no REGISTER; those are answered.
    async fn event(&mut self) -> sip::Event {
        loop {
            match self.events.recv().await.expect("running") {
                sip::Event::Request { transaction, flow, request, .. } => {
                    let owner = Owner { username: "201", aor_user: "201" };
                    let reply = self.registrar.register(clock::now(), &request, flow, owner);
                    let (status, headers, reason) = (reply.status, reply.headers, String::new());
                    let respond = Command::Respond { transaction, status, reason, headers, body: None };
                    self.sip.command(respond).await.expect("running");
                }
                sip::Event::Door(_) => {}
                event => return event,
            }
        }
    }

    /// Answers REGISTERs until `done`.
    async fn until<T>(&mut self, done: impl Future<Output = T>) -> T {
        tokio::select! {
            event = self.event() => panic!("{event:?}"),
            done = done => done,
        }
    }
}

/// The state that fits, among what the phone says.
async fn state(events: &mut mpsc::Receiver<PhoneEvent>, fits: impl Fn(&PhoneState) -> bool) -> PhoneState {
    let found = async {
        loop {
            match events.recv().await {
                Some(PhoneEvent::State(state)) if fits(&state) => return *state,
                Some(_) => {}
                None => panic!("the phone has ended"),
            }
        }
    };
    timeout(Duration::from_secs(10), found).await.expect("a fitting state in time")
}

fn is_registered(state: &PhoneState) -> bool {
    matches!(state.registration, Registration::Registered { .. })
}

fn phase(state: &PhoneState) -> Option<Phase> {
    state.call.as_ref().map(|call| call.phase)
}

fn tone(hz: f32) -> Speak {
    let mut sine = Sine::new(hz, 16_000, -20.0);
    Speak::Closure(Box::new(move |_| {
        let mut frame = Frame::SILENCE;
        sine.fill(&mut frame.0);
        frame
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registers_takes_a_call_and_both_hear_each_other() {
    let mut service = Service::new().await;
    let (heard, mut ear) = mpsc::channel(500);
    let audio = AudioBackend::Script(ScriptedAudio { speak: tone(440.0), heard: Some(heard) });
    let mut config = PhoneConfig::new(service.account("secret"), "Ada", audio);
    config.codecs = vec![Codec::Pcmu];
    let (phone, mut events) = Phone::start(config);
    service.until(state(&mut events, is_registered)).await;

    // The service calls the registered contact.
    let binding = service.registrar.lookup("201").pop().expect("a binding");
    let media = service.rtp.local_addr().expect("address");
    let mut description = LocalDescription::new(1);
    let customer: Uri = "sip:%2B4930@callfloor".parse().expect("uri");
    let invite = Command::Invite {
        session: SessionId(1),
        target: binding.contact.clone(),
        flow: Some(binding.flow),
        from: NameAddr::named("Customer", customer),
        to: NameAddr::new(binding.contact),
        headers: vec![(shared::api::session::header::QUEUE_NAME.into(), "Support".into())],
        body: Some(Body::sdp(description.offer(&LocalMedia::new(media, &Codec::ALL)))),
        credentials: None,
    };
    service.sip.command(invite).await.expect("running");
    let ringing = service_rings(&mut service, &mut events).await;
    let call = ringing.call.expect("a call");
    assert_eq!((call.peer.name.as_str(), call.about.queue_name.as_deref()), ("Customer", Some("Support")));
    phone.command(PhoneCommand::Answer).expect("running");
    let answer = loop {
        match service.event().await {
            sip::Event::Progress { .. } => {}
            sip::Event::Answered { body, .. } => break body.expect("an answer"),
            other => panic!("{other:?}"),
        }
    };
    let negotiated = description.accept(&answer.bytes).expect("agreed");
    assert_eq!(negotiated.codec, Codec::Pcmu);

    // One second of sound each way.
    let mut random = rand::rng();
    let mut sender = Sender::new(sender::Config::from(&negotiated), &mut random).expect("sender");
    let mut receiver = Receiver::new(receiver::Config::from(&negotiated)).expect("receiver");
    let mut sine = Sine::new(1_000.0, 16_000, -20.0);
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    let (mut packet, mut from_phone) = ([0u8; MAX_PACKET_BYTES], Vec::new());
    for _ in 0..75 {
        tick.tick().await;
        let now = clock::now();
        while let Ok((len, _)) = service.rtp.try_recv_from(&mut packet) {
            if let Ok(packet) = Packet::read(&packet[..len]) {
                receiver.receive(now, &packet);
            }
        }
        let mut frame = Frame::SILENCE;
        receiver.pull(now, &mut frame);
        from_phone.extend(frame.0);
        sine.fill(&mut frame.0);
        sender.push(now, Some(&frame));
        loop {
            let len = sender.poll(&mut packet);
            if len == 0 {
                break;
            }
            service.rtp.send_to(&packet[..len], negotiated.remote).await.expect("send");
        }
    }
    let mut by_phone = Vec::new();
    let mut last = None;
    while let Ok(heard) = ear.try_recv() {
        assert_eq!(heard.index, last.map_or(0, |last: u64| last + 1));
        last = Some(heard.index);
        by_phone.extend(heard.frame.0);
    }
    let level = |samples: &[i16], hz| {
        goertzel::power_dbfs(&samples[samples.len().saturating_sub(8_000)..], hz, 16_000)
    };
    assert!(level(&from_phone, 440.0) > -30.0, "the service hears {} dBFS", level(&from_phone, 440.0));
    assert!(level(&by_phone, 1_000.0) > -30.0, "the phone hears {} dBFS", level(&by_phone, 1_000.0));

    service.sip.command(Command::Hangup { session: SessionId(1), reason: None }).await.expect("running");
    let over = async { state(&mut events, |state| state.call.is_none()).await };
    tokio::select! {
        _ = over => {}
        () = async { loop { service.event().await; } } => {}
    }
    phone.command(PhoneCommand::Stop).expect("running");
    let stopped = async {
        while let Some(event) = events.recv().await {
            if event == PhoneEvent::Stopped {
                return true;
            }
        }
        false
    };
    tokio::select! {
        stopped = timeout(Duration::from_secs(5), stopped) => assert_eq!(stopped, Ok(true)),
        () = async { loop { service.event().await; } } => {}
    }
    assert!(service.registrar.lookup("201").is_empty());
}

async fn service_rings(service: &mut Service, events: &mut mpsc::Receiver<PhoneEvent>) -> PhoneState {
    let ringing = state(events, |state| phase(state) == Some(Phase::Ringing));
    tokio::pin!(ringing);
    loop {
        tokio::select! {
            state = &mut ringing => return state,
            event = service.event() => assert!(matches!(event, sip::Event::Progress { .. }), "{event:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_a_sentence() {
    let mut service = Service::new().await;
    let mut config = PhoneConfig::new(service.account("wrong"), "Ada", AudioBackend::None);
    config.transport = Some(Transport::Tcp);
    let (_phone, mut events) = Phone::start(config);
    let problem = async {
        loop {
            match events.recv().await {
                Some(PhoneEvent::Problem(problem)) => return problem,
                Some(_) => {}
                None => panic!("the phone has ended"),
            }
        }
    };
    let problem = service.until(timeout(Duration::from_secs(10), problem)).await.expect("in time");
    assert_eq!(problem.about, ProblemAbout::Registration);
    assert_eq!(problem.message, "No calls can come: the service does not accept the phone's account.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ends_when_nobody_holds_it() {
    let mut service = Service::new().await;
    let (phone, mut events) =
        Phone::start(PhoneConfig::new(service.account("secret"), "Ada", AudioBackend::None));
    service.until(state(&mut events, is_registered)).await;
    drop(phone);
    let last = async {
        let mut last = None;
        while let Some(event) = events.recv().await {
            last = Some(event);
        }
        last
    };
    let last = service.until(timeout(Duration::from_secs(10), last)).await.expect("in time");
    assert_eq!(last, Some(PhoneEvent::Stopped));
    assert!(service.registrar.lookup("201").is_empty());
}

#[tokio::test]
async fn an_account_without_a_way_in_is_said() {
    let account = DeviceAccount {
        address: "sip:201@callfloor".into(),
        username: "201".into(),
        password: "secret".into(),
        realm: "callfloor".into(),
        udp: None,
        tcp: None,
    };
    let (_phone, mut events) = Phone::start(PhoneConfig::new(account, "Ada", AudioBackend::None));
    let Some(PhoneEvent::Problem(problem)) = events.recv().await else { panic!("no problem") };
    assert!(problem.message.contains("no telephone port"), "{problem:?}");
    assert_eq!(events.recv().await, Some(PhoneEvent::Stopped));
    assert_eq!(events.recv().await, None);
}
