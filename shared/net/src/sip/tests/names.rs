//! Domains found through a scripted name server on the loopback.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use shared::sip::locate::Kind;

use super::*;

/// Type and data of one record.
type Record = (u16, Vec<u8>);

const A: u16 = 1;
const SRV: u16 = 33;
const NAPTR: u16 = 35;

/// How the server behaves towards one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// As it should.
    Honest,
    /// Says nothing.
    Silent,
    /// First a wrong answer with another number, then one from another port, then the right one.
    Forged,
}

struct Zone {
    records: HashMap<(String, u16), Vec<Record>>,
    manner: Manner,
    asked: Vec<String>,
}

struct NameServer {
    address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
}

fn encoded(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let mut bytes: Vec<u8> = labels
        .flat_map(|label| std::iter::once(label.len() as u8).chain(label.bytes()).collect::<Vec<_>>())
        .collect();
    bytes.push(0);
    bytes
}

fn a(last: u8) -> Record {
    (A, vec![127, 0, 0, last])
}

fn srv(priority: u16, port: u16, target: &str) -> Record {
    let numbers = [priority, 0, port].into_iter().flat_map(u16::to_be_bytes);
    (SRV, numbers.chain(encoded(target)).collect())
}

fn naptr(order: u16, service: &str, replacement: &str) -> Record {
    let mut data: Vec<u8> = [order, 0].into_iter().flat_map(u16::to_be_bytes).collect();
    for text in ["s", service, ""] {
        data.push(text.len() as u8);
        data.extend_from_slice(text.as_bytes());
    }
    data.extend(encoded(replacement));
    (NAPTR, data)
}

impl NameServer {
    async fn start(manner: Manner) -> NameServer {
        let socket = UdpSocket::bind((LOCALHOST, 0)).await.expect("bind");
        let address = socket.local_addr().expect("bound");
        let zone = Arc::new(Mutex::new(Zone { records: HashMap::new(), manner, asked: Vec::new() }));
        let served = zone.clone();
        tokio::spawn(async move {
            let stranger = UdpSocket::bind((LOCALHOST, 0)).await.expect("bind");
            let mut buffer = [0; 1500];
            while let Ok((len, from)) = socket.recv_from(&mut buffer).await {
                let query = &buffer[..len];
                let (answer, manner) = {
                    let mut zone = served.lock().expect("not poisoned");
                    (zone.answer(query), zone.manner)
                };
                if manner == Manner::Silent {
                    continue;
                }
                if manner == Manner::Forged {
                    let mut forged = lie(&answer);
                    let _ = stranger.send_to(&forged, from).await;
                    forged[0] ^= 0x55;
                    let _ = socket.send_to(&forged, from).await;
                }
                let _ = socket.send_to(&answer, from).await;
            }
        });
        NameServer { address, zone }
    }

    fn add(&self, name: &str, record: Record) {
        let mut zone = self.zone.lock().expect("not poisoned");
        zone.records.entry((name.into(), record.0)).or_default().push(record);
    }

    fn asked(&self) -> usize {
        self.zone.lock().expect("not poisoned").asked.len()
    }
}

/// The same answer with 127.0.0.66 in place of every address.
fn lie(answer: &[u8]) -> Vec<u8> {
    let mut bytes = answer.to_vec();
    for start in 0..bytes.len().saturating_sub(4) {
        if bytes[start..start + 3] == [127, 0, 0] {
            bytes[start + 3] = 66;
        }
    }
    bytes
}

impl Zone {
    fn answer(&mut self, query: &[u8]) -> Vec<u8> {
        let mut name = Vec::new();
        let mut at = 12;
        while query[at] != 0 {
            let label = &query[at + 1..at + 1 + usize::from(query[at])];
            name.push(String::from_utf8_lossy(label).to_ascii_lowercase());
            at += 1 + label.len();
        }
        let name = name.join(".");
        let end = at + 5;
        let of = u16::from_be_bytes([query[at + 1], query[at + 2]]);
        self.asked.push(format!("{name} {of}"));
        let records = self.records.get(&(name.clone(), of)).cloned().unwrap_or_default();
        let exists = self.records.keys().any(|(have, _)| *have == name);
        let code = if exists { 0x80 } else { 0x83 };
        let mut bytes = vec![query[0], query[1], 0x81, code, 0, 1, 0, records.len() as u8, 0, 0, 0, 0];
        bytes.extend_from_slice(&query[12..end]);
        for (of, data) in records {
            bytes.extend_from_slice(&[0xc0, 12]);
            bytes.extend_from_slice(&of.to_be_bytes());
            bytes.extend_from_slice(&[0, 1, 0, 0, 1, 44]);
            bytes.extend_from_slice(&(data.len() as u16).to_be_bytes());
            bytes.extend_from_slice(&data);
        }
        bytes
    }
}

fn side_with(seed: u64, servers: Vec<SocketAddr>) -> Side {
    let config = DriverConfig { name_servers: servers, ..config(Vec::new()) };
    let (handle, events) = SipDriver::start(config, seed).expect("start");
    Side { handle, events }
}

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
async fn a_domain_leads_through_all_its_records() {
    let (server, them) = (NameServer::start(Manner::Honest).await, side(80, Vec::new()));
    let port = them.handle.local_addr(Transport::Tcp).expect("bound").port();
    server.add("a.test", naptr(1, "SIP+D2T", "_sip._tcp.b.test"));
    server.add("a.test", naptr(2, "SIP+D2U", "_sip._udp.b.test"));
    server.add("_sip._tcp.b.test", srv(1, port, "host.test"));
    server.add("host.test", a(1));
    let mut us = side_with(81, vec![server.address]);
    assert_eq!(ping(&mut us, "sip:a.test").await, 200);
    assert_eq!(them.handle.monitor().counts().streams_open, 1);
    let asked = server.asked();
    assert_eq!(ping(&mut us, "sip:a.test").await, 200);
    assert_eq!(server.asked(), asked, "answers are kept");
    assert_eq!(ping(&mut us, "sip:nobody.test").await, 503);
}

/// The first server refuses connections; the second one is there (RFC 3263 §4.3).
#[tokio::test]
async fn a_server_that_refuses_is_followed_by_the_next() {
    let (server, them) = (NameServer::start(Manner::Honest).await, side(82, Vec::new()));
    let free = tokio::net::TcpListener::bind((LOCALHOST, 0)).await.expect("bind");
    let closed = free.local_addr().expect("bound").port();
    drop(free);
    let port = them.handle.local_addr(Transport::Tcp).expect("bound").port();
    server.add("_sip._tcp.a.test", srv(2, port, "host.test"));
    server.add("_sip._tcp.a.test", srv(1, closed, "host.test"));
    server.add("host.test", a(1));
    let mut us = side_with(83, vec![server.address]);
    assert_eq!(ping(&mut us, "sip:a.test;transport=tcp").await, 200);
}

#[tokio::test]
async fn forged_answers_are_not_believed() {
    let (server, them) = (NameServer::start(Manner::Forged).await, side(84, Vec::new()));
    let port = them.handle.local_addr(Transport::Udp).expect("bound").port();
    server.add("a.test", a(1));
    let names = crate::sip::names::Names::new(&[server.address]);
    for _ in 0..20 {
        let answer = names.ask("a.test", Kind::A).await;
        assert_eq!(answer, shared::sip::locate::Answer::Addresses(vec![LOCALHOST], 300));
    }
    let mut us = side_with(85, vec![server.address]);
    assert_eq!(ping(&mut us, &format!("sip:a.test:{port}")).await, 200);
}

/// One server says nothing; the other one is asked, and nobody waits for long.
#[tokio::test]
async fn a_dead_name_server_is_not_waited_for() {
    let dead = NameServer::start(Manner::Silent).await;
    let (server, them) = (NameServer::start(Manner::Honest).await, side(86, Vec::new()));
    let port = them.handle.local_addr(Transport::Udp).expect("bound").port();
    server.add("a.test", a(1));
    let mut us = side_with(87, vec![dead.address, server.address]);
    assert_eq!(ping(&mut us, &format!("sip:a.test:{port}")).await, 200);
    // With none at all the call fails instead of hanging, and the next one at once.
    let mut alone = side_with(88, vec![dead.address]);
    assert_eq!(ping(&mut alone, &format!("sip:a.test:{port}")).await, 503);
    let asked = dead.asked();
    assert_eq!(ping(&mut alone, &format!("sip:a.test:{port}")).await, 503);
    assert_eq!(dead.asked(), asked, "a failure is kept for a moment");
}
