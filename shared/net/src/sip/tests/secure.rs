//! SIP over TLS on the loopback: who is believed, new certificates, and what a hostile peer can cost.

use std::collections::VecDeque;
use std::path::PathBuf;

use rustls::pki_types::ServerName;
use tokio::net::TcpSocket;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::sip::tls::Tls;
use crate::sip::tls::testing::{Authority, Folder};

/// A side that listens for TLS with a certificate for these names, and trusts only `authority`.
struct Secured {
    folder: Folder,
    authority: Authority,
}

impl Secured {
    fn new() -> Secured {
        Secured { folder: Folder::new(), authority: Authority::new() }
    }

    fn authorities(&self) -> PathBuf {
        self.folder.write("authority.crt", &self.authority.pem())
    }

    fn config(&self, file: &str, names: &[&str]) -> TlsConfig {
        TlsConfig {
            listen: vec![SocketAddr::new(LOCALHOST, 0)],
            identity: Some(self.folder.identity(file, &self.authority.issue(names))),
            authorities: Some(self.authorities()),
            ..TlsConfig::default()
        }
    }

    /// A client without a certificate.
    fn plain_client(&self) -> TlsConfig {
        TlsConfig { authorities: Some(self.authorities()), ..TlsConfig::default() }
    }
}

fn secure_side(seed: u64, tls: TlsConfig) -> Side {
    let config = DriverConfig { tls: Some(tls), ..config(Vec::new()) };
    let (handle, events) = SipDriver::start(config, seed).expect("start");
    Side { handle, events }
}

fn port(side: &Side) -> u16 {
    side.handle.local_addr(Transport::Tls).expect("bound").port()
}

/// The status of an OPTIONS from `us` to this address; 503 when the connection is not made.
async fn ping(us: &mut Side, target: &str) -> u16 {
    let target = target.parse().expect("uri");
    let (headers, body) = (Vec::new(), None);
    us.command(Command::Request {
        id: 1,
        method: Method::Options,
        target,
        flow: None,
        headers,
        body,
        credentials: None,
    })
    .await;
    match us.event().await {
        Event::RequestDone { id: 1, status } => status,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn calls_over_tls() {
    let setup = Secured::new();
    let mut us = secure_side(51, setup.config("us", &["127.0.0.1"]));
    let mut them = secure_side(52, setup.config("them", &["127.0.0.1"]));
    assert_eq!(call(&mut us, &mut them, Transport::Tls, 1, 100).await, Transport::Tls);
    // Longer than a TLS record.
    assert_eq!(call(&mut us, &mut them, Transport::Tls, 2, 60_000).await, Transport::Tls);
    assert_eq!(call(&mut them, &mut us, Transport::Tls, 1, 100).await, Transport::Tls);
    assert_eq!(them.handle.monitor().counts().handshakes_failed, 0);
}

#[tokio::test]
async fn the_name_in_the_uri_has_to_be_proved() {
    let setup = Secured::new();
    for (names, target, status) in [
        (&["localhost"][..], "sip:localhost:PORT;transport=tls", 200),
        (&["localhost"][..], "sips:localhost:PORT", 200),
        (&["LocalHost"][..], "sips:LOCALHOST:PORT", 200),
        // RFC 5922 §7.1: the domain as a SIP URI.
        (&["sip:localhost"][..], "sips:localhost:PORT", 200),
        (&["127.0.0.1"][..], "sips:127.0.0.1:PORT", 200),
        // The address is right, but it is not what was asked for; and the reverse.
        (&["127.0.0.1"][..], "sips:localhost:PORT", 503),
        (&["localhost"][..], "sips:127.0.0.1:PORT", 503),
        (&["other.test", "sip:other.test"][..], "sips:localhost:PORT", 503),
        // A person's address is no domain.
        (&["sip:bob@localhost"][..], "sips:localhost:PORT", 503),
    ] {
        let them = secure_side(53, setup.config("them", names));
        let mut us = secure_side(54, setup.plain_client());
        let target = target.replace("PORT", &port(&them).to_string());
        assert_eq!(ping(&mut us, &target).await, status, "{names:?} {target}");
    }
}

#[tokio::test]
async fn a_connection_counts_only_for_the_name_that_it_proved() {
    let setup = Secured::new();
    let them = secure_side(55, setup.config("them", &["localhost"]));
    let mut us = secure_side(56, setup.plain_client());
    assert_eq!(ping(&mut us, &format!("sips:localhost:{}", port(&them))).await, 200);
    assert_eq!(ping(&mut us, &format!("sips:127.0.0.1:{}", port(&them))).await, 503);
}

#[tokio::test]
async fn strangers_and_outdated_certificates_are_refused() {
    let (setup, strangers) = (Secured::new(), Secured::new());
    let mut us = secure_side(57, setup.plain_client());
    let them = secure_side(58, strangers.config("them", &["localhost"]));
    assert_eq!(ping(&mut us, &format!("sips:localhost:{}", port(&them))).await, 503);
    let mut config = setup.config("old", &["localhost"]);
    let old = setup.authority.issue_dated(&["localhost"], (2020, 1, 1), (2021, 1, 1));
    config.identity = Some(setup.folder.identity("old", &old));
    let them = secure_side(59, config);
    assert_eq!(ping(&mut us, &format!("sips:localhost:{}", port(&them))).await, 503);
    // The authority of one domain counts for that domain only.
    let them = secure_side(60, strangers.config("them", &["localhost"]));
    for (domain, status) in [("localhost", 200), ("other.test", 503)] {
        let mut config = setup.plain_client();
        config.pinned.insert(domain.into(), strangers.authorities());
        let mut us = secure_side(61, config);
        assert_eq!(ping(&mut us, &format!("sips:localhost:{}", port(&them))).await, status, "{domain}");
    }
}

#[tokio::test]
async fn client_certificates_may_be_asked_for() {
    let (setup, strangers) = (Secured::new(), Secured::new());
    let own = || setup.config("client", &["client.test"]);
    let foreign =
        TlsConfig { authorities: Some(setup.authorities()), ..strangers.config("c", &["client.test"]) };
    let required = ClientCertificates::Required(setup.authorities());
    let optional = ClientCertificates::Optional(setup.authorities());
    for (client_certificates, client, status) in [
        (required.clone(), own(), 200),
        (required.clone(), setup.plain_client(), 503),
        (required, foreign.clone(), 503),
        (optional.clone(), setup.plain_client(), 200),
        (optional, foreign, 503),
    ] {
        let config = TlsConfig { client_certificates, ..setup.config("them", &["localhost"]) };
        let them = secure_side(62, config.clone());
        let mut us = secure_side(63, client);
        let status_now = ping(&mut us, &format!("sips:localhost:{}", port(&them))).await;
        assert_eq!(status_now, status, "{:?}", config.client_certificates);
    }
}

#[tokio::test]
async fn new_certificates_come_into_use_and_bad_ones_do_not() {
    let (setup, next) = (Secured::new(), Secured::new());
    let config = setup.config("them", &["localhost"]);
    let identity = config.identity.clone().expect("set");
    let them = secure_side(64, config.clone());
    let target = format!("sips:localhost:{}", port(&them));
    let mut old_friend = secure_side(65, setup.plain_client());
    assert_eq!(ping(&mut old_friend, &target).await, 200);

    let tls = Tls::load(config).expect("files");
    assert!(!tls.reload().expect("unchanged"));
    // A certificate without its key, a file that is no certificate, no file.
    let fresh = next.authority.issue(&["localhost"]);
    std::fs::write(&identity.certificate, &fresh.0).expect("write");
    let error = tls.reload().expect_err("a foreign key").to_string();
    assert!(error.contains("them.crt") && error.contains("them.key"), "{error}");
    std::fs::write(&identity.certificate, "nothing").expect("write");
    let error = tls.reload().expect_err("no certificate").to_string();
    assert!(error.starts_with("find a certificate in "), "{error}");
    std::fs::remove_file(&identity.certificate).expect("remove");
    let error = tls.reload().expect_err("no file").to_string();
    assert!(error.starts_with("read "), "{error}");
    them.handle.monitor().reload_certificates();
    let mut another = secure_side(66, setup.plain_client());
    assert_eq!(ping(&mut another, &target).await, 200);

    std::fs::write(&identity.certificate, &fresh.0).expect("write");
    std::fs::write(&identity.key, &fresh.1).expect("write");
    assert!(tls.reload().expect("new files"));
    them.handle.monitor().reload_certificates();
    let taken = async {
        let mut seed = 67;
        loop {
            seed += 1;
            if ping(&mut secure_side(seed, next.plain_client()), &target).await == 200 {
                return;
            }
        }
    };
    timeout(Duration::from_secs(10), taken).await.expect("the new certificate in time");
    let mut late = secure_side(66, setup.plain_client());
    assert_eq!(ping(&mut late, &target).await, 503);
    // Who is connected stays connected.
    assert_eq!(ping(&mut old_friend, &target).await, 200);
}

#[tokio::test]
async fn wrong_settings_are_told_at_the_start() {
    let setup = Secured::new();
    let start = |tls| SipDriver::start(DriverConfig { tls: Some(tls), ..config(Vec::new()) }, 1);
    let without = TlsConfig { identity: None, ..setup.config("x", &["localhost"]) };
    let error = start(without).expect_err("no certificate").to_string();
    assert_eq!(error, "listen for SIP over TLS: it needs a certificate and its key");
    let mut swapped = setup.config("x", &["localhost"]);
    if let Some(identity) = &mut swapped.identity {
        identity.key = identity.certificate.clone();
    }
    let error = start(swapped.clone()).expect_err("no key").to_string();
    assert!(error.starts_with("find a private key in "), "{error}");
    assert!(swapped.check().is_err());
    let validity = setup.config("x", &["localhost"]).check().expect("fine").expect("an identity");
    assert_eq!(validity.problem(clock::now()), None);
}

/// A TLS connection made by hand.
async fn raw(setup: &Secured, from: Ipv4Addr, to: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
    let tls = Tls::load(setup.plain_client()).expect("files");
    let (connector, name) = tls.connector(Some("localhost"), LOCALHOST).expect("a name");
    assert!(matches!(name, ServerName::DnsName(_)));
    connector.connect(name, connect(from, to).await).await
}

async fn connect(from: Ipv4Addr, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("socket");
    socket.bind(SocketAddr::new(from.into(), 0)).expect("bind");
    socket.connect(to).await.expect("connect")
}

#[tokio::test]
async fn a_request_in_single_bytes_is_put_together() {
    let setup = Secured::new();
    let them = secure_side(70, setup.config("them", &["localhost"]));
    let to = them.handle.local_addr(Transport::Tls).expect("bound");
    let mut stream = raw(&setup, Ipv4Addr::LOCALHOST, to).await.expect("a handshake");
    let request = "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1;branch=z9hG4bKb\r\n\
                   From: <sip:a@b>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: b\r\nCSeq: 1 OPTIONS\r\n\
                   Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n";
    for byte in request.bytes() {
        stream.write_all(&[byte]).await.expect("write");
        stream.flush().await.expect("flush");
    }
    let mut buffer = [0; 2000];
    let len =
        timeout(Duration::from_secs(10), stream.read(&mut buffer)).await.expect("in time").expect("read");
    let answer = String::from_utf8_lossy(&buffer[..len]).into_owned();
    assert!(answer.starts_with("SIP/2.0 200 OK\r\n"), "{answer}");
}

#[tokio::test]
async fn what_is_no_tls_is_closed() {
    let setup = Secured::new();
    let them = secure_side(71, setup.config("them", &["localhost"]));
    let to = them.handle.local_addr(Transport::Tls).expect("bound");
    for garbage in [&b"OPTIONS sip:127.0.0.1 SIP/2.0\r\n\r\n"[..], b"\x16\x03\x01\xff\xff", b"\0", b""] {
        let before = them.handle.monitor().counts().handshakes_failed;
        let mut stream = connect(Ipv4Addr::LOCALHOST, to).await;
        stream.write_all(garbage).await.expect("write");
        stream.shutdown().await.expect("shutdown");
        let mut rest = Vec::new();
        let _ =
            timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await.expect("closed in time");
        let counted = async {
            while them.handle.monitor().counts().handshakes_failed == before {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(10), counted).await.expect("counted in time");
    }
}

/// Ten thousand connections that never finish their handshake, from many addresses, and one honest phone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_open_handshakes_do_not_keep_others_out() {
    const TOTAL: u32 = 10_000;
    const AT_ONCE: usize = 700;
    let setup = Secured::new();
    let limits = StreamLimits::default();
    let them = secure_side(72, setup.config("them", &["localhost"]));
    let to = them.handle.local_addr(Transport::Tls).expect("bound");
    let mut held = VecDeque::new();
    for number in 0..TOTAL {
        let last = u8::try_from(number % 200).unwrap_or_default();
        let mut stream = connect(Ipv4Addr::new(127, 0, 1, last), to).await;
        // The beginning of a ClientHello that never goes on.
        let _ = stream.write_all(b"\x16\x03\x01\x02\x00\x01").await;
        held.push_back(stream);
        if held.len() > AT_ONCE {
            held.pop_front();
        }
        if number % 2_000 == 1_999 {
            assert!(them.handle.monitor().counts().streams_open <= limits.streams as u64);
            let honest = timeout(Duration::from_secs(5), raw(&setup, Ipv4Addr::LOCALHOST, to)).await;
            honest.expect("in time").expect("a handshake");
        }
    }
    assert!(them.handle.monitor().counts().handshakes_failed > u64::from(TOTAL) - 2 * AT_ONCE as u64);
}

#[tokio::test]
async fn one_address_has_few_handshakes_at_a_time() {
    let setup = Secured::new();
    let streams = StreamLimits { handshakes_per_peer: 3, ..StreamLimits::default() };
    let tls = Some(setup.config("them", &["localhost"]));
    let (handle, _events) =
        SipDriver::start(DriverConfig { tls, streams, ..config(Vec::new()) }, 73).expect("start");
    let to = handle.local_addr(Transport::Tls).expect("bound");
    let crowd = Ipv4Addr::new(127, 0, 0, 9);
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(connect(crowd, to).await);
    }
    let mut refused = connect(crowd, to).await;
    let mut rest = Vec::new();
    let closed = timeout(Duration::from_secs(4), refused.read_to_end(&mut rest));
    let _ = closed.await.expect("closed before any handshake times out");
    assert_eq!(handle.monitor().counts().streams_refused, 1);
    raw(&setup, Ipv4Addr::LOCALHOST, to).await.expect("others get in");
}

/// The far side takes an INVITE and is gone: no wait for Timer B.
#[tokio::test]
async fn a_stream_that_ends_in_mid_transaction_ends_the_call() {
    let listener = tokio::net::TcpListener::bind((LOCALHOST, 0)).await.expect("bind");
    let target = Uri::from_address(Some("x"), listener.local_addr().expect("bound"), Transport::Tcp);
    let mut us = side(74, Vec::new());
    us.command(invite(1, target, Vec::new(), Body::sdp("offer"))).await;
    let (mut stream, _) =
        timeout(Duration::from_secs(10), listener.accept()).await.expect("in time").expect("ok");
    let mut start = [0; 6];
    stream.read_exact(&mut start).await.expect("a request");
    assert_eq!(&start, b"INVITE");
    drop(stream);
    assert!(matches!(us.event().await, Event::Rejected { status: 503, .. }));
}
