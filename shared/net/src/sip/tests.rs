use super::*;

mod names;
mod secure;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use shared::sip::door;
use shared::sip::registrar::{Account, Limits, Owner, Registrar};
use shared::sip::{Body, Credentials, EndedBy, Method, NameAddr, RegistrationId, SessionId, Uri};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::clock;

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

struct Side {
    handle: SipHandle,
    events: mpsc::Receiver<Event>,
}

fn config(user_methods: Vec<Method>) -> DriverConfig {
    let any = SocketAddr::new(LOCALHOST, 0);
    let endpoint = Config { user_methods, ..Config::default() };
    DriverConfig { udp: vec![any], tcp: vec![any], endpoint, ..DriverConfig::default() }
}

fn side(seed: u64, user_methods: Vec<Method>) -> Side {
    let (handle, events) = SipDriver::start(config(user_methods), seed).expect("bind");
    Side { handle, events }
}

impl Side {
    async fn command(&self, command: Command) {
        self.handle.command(command).await.expect("running");
    }

    /// The next event; a test that hangs says where.
    async fn event(&mut self) -> Event {
        timeout(Duration::from_secs(10), self.events.recv())
            .await
            .expect("an event in time")
            .expect("running")
    }

    fn uri(&self, transport: Transport) -> Uri {
        let address = self.handle.local_addr(transport).expect("bound");
        Uri::from_address(Some("them"), address, transport)
    }
}

fn invite(session: u64, target: Uri, headers: Vec<(String, String)>, body: Body) -> Command {
    let us: Uri = "sip:us@localhost".parse().expect("uri");
    Command::Invite {
        session: SessionId(session),
        to: NameAddr::new(target.clone()),
        target,
        flow: None,
        from: NameAddr::new(us),
        headers,
        body: Some(body),
        credentials: None,
    }
}

/// A whole call from `us` to `them`, with bodies of this length each way, ended by the callee.
async fn call(us: &mut Side, them: &mut Side, transport: Transport, session: u64, len: usize) -> Transport {
    let filler = |c: char| Body::sdp(c.to_string().repeat(len));
    us.command(invite(session, them.uri(transport), Vec::new(), filler('o'))).await;
    let Event::Incoming { session: theirs, flow, request, .. } = them.event().await else {
        panic!("no call")
    };
    assert_eq!(request.body.as_ref(), Some(&filler('o')));
    let answer = Command::Answer { session: theirs, headers: Vec::new(), body: Some(filler('a')) };
    them.command(answer).await;
    loop {
        match us.event().await {
            Event::Progress { .. } => {}
            Event::Answered { session: ours, body, .. } => {
                assert_eq!((ours, body), (SessionId(session), Some(filler('a'))));
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(them.event().await, Event::Confirmed { .. }));
    them.command(Command::Hangup { session: theirs, reason: None }).await;
    assert!(matches!(us.event().await, Event::Ended { by: EndedBy::Peer, .. }));
    assert!(matches!(them.event().await, Event::Ended { by: EndedBy::Local, .. }));
    flow.transport
}

#[tokio::test]
async fn calls_over_udp_and_tcp() {
    let (mut us, mut them) = (side(1, Vec::new()), side(2, Vec::new()));
    assert_eq!(call(&mut us, &mut them, Transport::Udp, 1, 100).await, Transport::Udp);
    assert_eq!(call(&mut us, &mut them, Transport::Tcp, 2, 100).await, Transport::Tcp);
    // The other way round over the connection that is open or a new one.
    assert_eq!(call(&mut them, &mut us, Transport::Tcp, 1, 100).await, Transport::Tcp);
}

#[tokio::test]
async fn a_big_message_takes_a_stream() {
    let (mut us, mut them) = (side(3, Vec::new()), side(4, Vec::new()));
    // Longer than a read and than a socket's buffer takes at once.
    assert_eq!(call(&mut us, &mut them, Transport::Tcp, 1, 60_000).await, Transport::Tcp);
    assert_eq!(call(&mut us, &mut them, Transport::Udp, 2, 5_000).await, Transport::Udp);
}

#[tokio::test]
async fn registers_with_a_password_and_takes_it_back() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let account = Account::from_password("201", "callfloor", "secret", "201");
        let door = door::Config {
            realm: "callfloor".into(),
            accounts: [("201".to_owned(), account)].into(),
            ..door::Config::default()
        };
        let mut guarded = config(vec![Method::Register]);
        guarded.endpoint.door = Some(door);
        let (handle, events) = SipDriver::start(guarded, 6).expect("bind");
        let (mut us, mut them) = (side(5, Vec::new()), Side { handle, events });
        let mut registrar = Registrar::new(Limits::default());
        let owner = Owner { username: "201", aor_user: "201" };
        us.command(Command::Register {
            registration: RegistrationId(1),
            aor: "sip:201@callfloor".parse().expect("uri"),
            registrar: them.uri(transport),
            contact_user: "201".into(),
            expires_secs: 300,
            credentials: Some(Credentials { username: "201".into(), password: "secret".into() }),
        })
        .await;
        for expected in [300, 0] {
            let request = loop {
                match them.event().await {
                    Event::Door(_) => {}
                    event => break event,
                }
            };
            let Event::Request { transaction, flow, request, .. } = request else { panic!("{request:?}") };
            assert_eq!(flow.transport, transport);
            let reply = registrar.register(clock::now(), &request, flow, owner);
            let (status, headers, reason) = (reply.status, reply.headers, String::new());
            them.command(Command::Respond { transaction, status, reason, headers, body: None }).await;
            let registered = us.event().await;
            let Event::Registered { registration: RegistrationId(1), expires_secs, flow: Some(_), .. } =
                registered
            else {
                panic!("{registered:?}");
            };
            assert_eq!(expires_secs, expected);
            assert_eq!(registrar.lookup("201").len(), usize::from(expected > 0));
            us.command(Command::Unregister { registration: RegistrationId(1) }).await;
        }
    }
}

#[tokio::test]
async fn junk_does_not_stop_the_loop() {
    let (mut us, mut them) = (side(8, Vec::new()), side(9, Vec::new()));
    let udp = them.handle.local_addr(Transport::Udp).expect("bound");
    let tcp = them.handle.local_addr(Transport::Tcp).expect("bound");
    let stranger = UdpSocket::bind((LOCALHOST, 0)).await.expect("bind");
    let long = "INVITE sip:x@y SIP/2.0\r\n".repeat(2_000);
    let junk: [&[u8]; 6] = [b"", b"\0\xff\xfe", b"\r\n\r\n", b"SIP/2.0", b"INVITE\r\n\r\n", long.as_bytes()];
    for bytes in junk {
        stranger.send_to(bytes, udp).await.expect("send");
        let mut stream = TcpStream::connect(tcp).await.expect("connect");
        // It may be closed while we write.
        let _ = stream.write_all(bytes).await;
        let _ = stream.write_all(b"Content-Length: -1\r\n\r\nx").await;
    }
    assert_eq!(call(&mut us, &mut them, Transport::Udp, 1, 100).await, Transport::Udp);
    assert_eq!(call(&mut us, &mut them, Transport::Tcp, 2, 100).await, Transport::Tcp);
}

#[tokio::test]
async fn a_stream_that_cannot_be_framed_is_closed() {
    let them = side(10, Vec::new());
    let tcp = them.handle.local_addr(Transport::Tcp).expect("bound");
    let mut stream = TcpStream::connect(tcp).await.expect("connect");
    let head = b"OPTIONS sip:x@y SIP/2.0\r\nContent-Length: 99999999999\r\n\r\n";
    stream.write_all(head).await.expect("write");
    let mut rest = Vec::new();
    let ended = timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "still open");
}

#[tokio::test]
async fn nobody_there_is_said_at_once() {
    let mut us = side(11, Vec::new());
    let listener = std::net::TcpListener::bind((LOCALHOST, 0)).expect("bind");
    let gone = listener.local_addr().expect("address");
    drop(listener);
    let target = Uri::from_address(Some("x"), gone, Transport::Tcp);
    us.command(invite(1, target, Vec::new(), Body::sdp("v=0"))).await;
    assert!(matches!(us.event().await, Event::Rejected { status: 503, .. }));
}

#[tokio::test]
async fn a_name_is_looked_up() {
    let (us, mut them) = (side(12, Vec::new()), side(13, Vec::new()));
    let mut target = them.uri(Transport::Udp);
    target.host = "localhost".into();
    us.command(invite(1, target, Vec::new(), Body::sdp("v=0"))).await;
    assert!(matches!(them.event().await, Event::Incoming { .. }));
}

#[tokio::test]
async fn a_slow_user_loses_no_event() {
    const MESSAGES: u64 = EVENT_QUEUE_LEN as u64 + 500;
    let (mut us, mut them) = (side(14, Vec::new()), side(15, vec![Method::Message]));
    let target = them.uri(Transport::Tcp);
    let sender = us.handle.clone();
    let sent = tokio::spawn(async move {
        for id in 0..MESSAGES {
            let request = Command::Request {
                id,
                method: Method::Message,
                target: target.clone(),
                flow: None,
                headers: Vec::new(),
                body: None,
                credentials: None,
            };
            sender.command(request).await.expect("running");
        }
    });
    sent.await.expect("sent");
    let done = tokio::spawn(async move {
        let mut done = Vec::new();
        while done.len() < MESSAGES as usize {
            match us.event().await {
                Event::RequestDone { id, status: 200 } => done.push(id),
                other => panic!("{other:?}"),
            }
        }
        done.sort_unstable();
        done
    });
    // The queue is full and the rest waits in the sockets; nobody has taken an event yet.
    let full = async {
        while them.events.len() < EVENT_QUEUE_LEN {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), full).await.expect("a full queue in time");
    for _ in 0..MESSAGES {
        let Event::Request { transaction, .. } = them.event().await else { panic!("no request") };
        let (reason, headers) = (String::new(), Vec::new());
        them.command(Command::Respond { transaction, status: 200, reason, headers, body: None }).await;
    }
    assert!(done.await.expect("done").into_iter().eq(0..MESSAGES));
}

#[tokio::test]
async fn says_which_port_is_in_use() {
    let them = side(16, Vec::new());
    for transport in [Transport::Udp, Transport::Tcp] {
        let address = them.handle.local_addr(transport).expect("bound");
        let (udp, tcp) = match transport {
            Transport::Udp => (vec![address], Vec::new()),
            Transport::Tcp | Transport::Tls => (Vec::new(), vec![address]),
        };
        let config = DriverConfig { udp, tcp, ..DriverConfig::default() };
        let error = SipDriver::start(config, 1).expect_err("taken").to_string();
        let expected = format!("SIP port {} ({}) on 127.0.0.1 is in use", address.port(), transport.as_via());
        assert!(error.starts_with(&expected), "{error}");
    }
    let config = DriverConfig {
        udp: vec![SocketAddr::new(Ipv4Addr::new(192, 0, 2, 1).into(), 0)],
        ..DriverConfig::default()
    };
    let error = SipDriver::start(config, 1).expect_err("not ours").to_string();
    assert!(error.starts_with("192.0.2.1 is no address of this machine"), "{error}");
}

#[tokio::test]
async fn ends_with_its_handle() {
    let Side { handle, mut events } = side(17, Vec::new());
    let address = handle.local_addr(Transport::Udp).expect("bound");
    drop(handle);
    assert_eq!(events.recv().await, None);
    // The port is free again.
    UdpSocket::bind(address).await.expect("bind");
}
