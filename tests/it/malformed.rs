//! Bytes that are no SIP, or hardly: the service answers the next honest question at once, and calls still work.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tests::ports::{CARRIER, HERE};
use tests::setup::Setup;
use tests::sipp::Sipp;
use tests::{Outcome, wait};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream, UdpSocket};

use crate::floor::{Floor, SALES, SCENARIO, assert_tells};

/// How soon a question is answered after any message.
const ANSWER: Duration = Duration::from_millis(500);

/// Somebody who asks "are you there?" by OPTIONS.
pub struct Asker {
    socket: UdpSocket,
    service: SocketAddr,
    number: u32,
}

impl Asker {
    async fn new(service: SocketAddr) -> Outcome<Asker> {
        Asker::at(HERE, service).await
    }

    /// One who asks from this address.
    pub async fn at(ip: IpAddr, service: SocketAddr) -> Outcome<Asker> {
        Ok(Asker { socket: UdpSocket::bind((ip, 0)).await?, service, number: 0 })
    }

    /// Fails when there is no answer within [`ANSWER`] of being asked.
    pub async fn ask(&mut self, after: &str) -> Outcome {
        self.number += 1;
        let (own, number) = (self.socket.local_addr()?, self.number);
        let call_id = format!("ask-{number}@{own}");
        let text = format!(
            "OPTIONS sip:{service} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bKask{number};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:asker@{own}>;tag=a{number}\r\nTo: <sip:{service}>\r\n\
             Call-ID: {call_id}\r\nCSeq: {number} OPTIONS\r\nContent-Length: 0\r\n\r\n",
            service = self.service
        );
        self.socket.send_to(text.as_bytes(), self.service).await?;
        let answered = async {
            let mut buffer = vec![0; 65_536];
            loop {
                let (len, _) = self.socket.recv_from(&mut buffer).await?;
                let answer = String::from_utf8_lossy(&buffer[..len]);
                if answer.starts_with("SIP/2.0 200") && answer.contains(&call_id) {
                    return Ok(());
                }
            }
        };
        wait::within(&format!("the answer to OPTIONS after {after}"), ANSWER, answered).await
    }
}

#[tokio::test]
async fn no_message_stops_the_service() -> Outcome {
    let mut floor = Floor::with_phones(Setup::test()?, &[("301", &["sales"])]).await?;
    let sip = floor.service.setup.sip;
    let mut asker = Asker::new(sip).await?;
    asker.ask("nothing").await?;
    // From the carrier's address too: from there calls are let in without a question.
    let carrier = UdpSocket::bind((CARRIER, 0)).await?;

    let mut random = StdRng::seed_from_u64(4475);
    for round in 0..200 {
        let mut bytes = vec![0; random.next_u32() as usize % 1_400];
        random.fill_bytes(&mut bytes);
        carrier.send_to(&bytes, sip).await?;
        // An honest message with some bytes changed goes further than noise.
        let mut changed = invite(sip, carrier.local_addr()?, round).into_bytes();
        for _ in 0..1 + round % 8 {
            let at = random.next_u32() as usize % changed.len();
            changed[at] = random.next_u32() as u8;
        }
        carrier.send_to(&changed, sip).await?;
        if round % 10 == 0 {
            asker.ask(&format!("random bytes, round {round}")).await?;
        }
    }
    for len in [0, 1, 4, 65_000] {
        carrier.send_to(&vec![b'\n'; len], sip).await?;
        carrier.send_to(&vec![b'A'; len], sip).await?;
        asker.ask(&format!("{len} equal bytes")).await?;
    }
    let long = format!("X-Long: {}\r\n", "x".repeat(60_000));
    carrier.send_to(with_header(sip, carrier.local_addr()?, &long).as_bytes(), sip).await?;
    let many = "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKmany\r\n".repeat(1_000);
    carrier.send_to(with_header(sip, carrier.local_addr()?, &many).as_bytes(), sip).await?;
    asker.ask("huge datagrams").await?;

    let _halves = half_messages(sip, &mut asker).await?;
    assert!(floor.service.ended().is_none(), "it still runs");

    // Then an ordinary call, through to its end.
    hang_up_all(&floor).await?;
    let before = floor.ended(0).await?.len();
    let folder = floor.service.folder();
    let agent = Sipp::agent("agent-hangs-up", sip, floor.port("301")).start(folder).await?;
    let customer = Sipp::customer("customer-talks", sip, SALES)?.start(folder).await?;
    agent.passed(SCENARIO).await?;
    customer.passed(SCENARIO).await?;
    let calls = floor.ended(before + 1).await?;
    assert_tells(&calls[0], &["connected with 301", "ended: agent_hung_up"]);
    let log = std::fs::read_to_string(floor.service.log_file())?;
    assert!(!log.contains("panicked"), "{}", floor.service.log_end(40));
    Ok(())
}

/// Connections that begin a message and never end it; they stay open.
async fn half_messages(sip: SocketAddr, asker: &mut Asker) -> Outcome<Vec<TcpStream>> {
    let mut open = Vec::new();
    let whole = invite(sip, SocketAddr::new(CARRIER, 5060), 9_999);
    let beginnings = [
        whole[..whole.len() / 2].to_owned(),
        whole.replace("Content-Length: 0", "Content-Length: 500"),
        whole.replace("Content-Length: 0", "Content-Length: 4294967295"),
        whole.replace("Content-Length: 0", "Content-Length: -1"),
        "INVITE".to_owned(),
        "\r\n\r\n\r\n".to_owned(),
        "X: y\r\n".repeat(20_000),
    ];
    for beginning in beginnings {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(CARRIER, 0))?;
        let mut stream = socket.connect(sip).await?;
        // The service may close while a long one is still being sent.
        let _ = stream.write_all(beginning.as_bytes()).await;
        asker.ask(&format!("half a message over TCP: {beginning:.30}")).await?;
        open.push(stream);
    }
    Ok(open)
}

/// Ends what the changed messages may have begun.
async fn hang_up_all(floor: &Floor) -> Outcome {
    for call in floor.sara.floor().await?.calls.into_keys() {
        // It may have ended by itself meanwhile.
        let _ = floor.sara.hang_up(call).await;
    }
    floor.until("no call", |floor| floor.calls.is_empty()).await.map(drop)
}

fn with_header(service: SocketAddr, own: SocketAddr, header: &str) -> String {
    invite(service, own, 10_000).replace("Max-Forwards", &format!("{header}Max-Forwards"))
}

/// A right INVITE without an offer, to a number that leads nowhere.
fn invite(service: SocketAddr, own: SocketAddr, number: u32) -> String {
    format!(
        "INVITE sip:9999@{service} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bKnoise{number}\r\n\
         Max-Forwards: 70\r\nFrom: \"Noise\" <sip:noise@{own}>;tag=n{number}\r\nTo: <sip:9999@{service}>\r\n\
         Call-ID: noise-{number}@{own}\r\nCSeq: 1 INVITE\r\nContact: <sip:noise@{own}>\r\nContent-Length: 0\r\n\r\n"
    )
}

/// The messages of the SIP torture test (RFC 4475).
pub fn torture() -> Outcome<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/rfc4475");
    let paths = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "dat")).collect();
    files.sort();
    Ok(files)
}
