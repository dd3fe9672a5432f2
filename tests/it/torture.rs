//! The torture messages of RFC 4475 through the service's own UDP port: the right answer or silence for each, from a
//! trunk and from a stranger, and an answer to OPTIONS after each.

use std::net::{IpAddr, SocketAddr};

use tests::Outcome;
use tests::ports::CARRIER;
use tests::setup::Setup;
use tests::wait;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UdpSocket};
use toml::Value;

use crate::floor::{Floor, SOON};
use crate::malformed::{Asker, torture};

/// A trunk whose ports are free for the Vias of the messages: answers go to the port that a Via names.
const TRUNK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 44, 75));
/// Nobody.
const NOBODY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 44, 76));
/// Ports that the Vias of the messages name; 5060 when they name none.
const PORTS: [u16; 3] = [5_060, 5_050, 5_070];

/// What comes back, to a trunk and to a stranger; 0 is silence.
fn expected(name: &str) -> (u16, u16) {
    match name {
        // Calls to numbers that lead nowhere; strangers are asked for a password first.
        "esc01" | "longreq" | "baddate" | "inv2543" => (404, 407),
        // It names a dialog that nobody has.
        "wsinv" => (481, 481),
        // Registrations are for phones with a password, wherever they come from.
        "escnull" | "dblreq" | "regaut01" | "cparam01" | "cparam02" | "regescrt" => (401, 401),
        "lwsdisp" | "semiuri" | "transports" | "trws" | "badaspec" | "baddn" | "badbranch" | "zeromf" => {
            (200, 200)
        }
        "mpart01" => (405, 405),
        "intmeth" | "esc02" | "mismatch02" => (501, 501),
        "unkscm" | "novelsc" => (416, 416),
        "bext01" => (420, 420),
        "invut" => (415, 415),
        "sdp01" => (406, 406),
        "badvers" => (505, 505),
        "badinv01" | "clerr" | "ncl" | "scalar02" | "quotbal" | "ltgtruri" | "lwsruri" | "lwsstart"
        | "escruri" | "regbadct" | "mismatch01" | "insuf" | "unksm2" | "multi01" | "mcl01" => (400, 400),
        "unreason" | "noreason" | "scalarlg" | "bigcode" | "bcast" => (0, 0),
        other => panic!("{other} is no message of RFC 4475"),
    }
}

/// What an answer to the message has of it. The Call-IDs of nearly all begin with the name.
fn mark(name: &str) -> &str {
    match name {
        "mpart01" => "3d9485ad0c49859b@",
        "insuf" => "z9hG4bKkdj.insuf",
        name => name,
    }
}

/// Somebody on all ports that answers may come to.
struct Sender {
    sockets: Vec<UdpSocket>,
    service: SocketAddr,
}

impl Sender {
    async fn at(ip: IpAddr, service: SocketAddr) -> Outcome<Sender> {
        let mut sockets = Vec::new();
        for port in PORTS {
            sockets.push(UdpSocket::bind((ip, port)).await?);
        }
        Ok(Sender { sockets, service })
    }

    /// The first status of at least `from` among what has come for this message by now, if any.
    fn heard(&self, name: &str, from: u16) -> Outcome<Option<u16>> {
        let mut buffer = vec![0; 65_536];
        for socket in &self.sockets {
            while let Ok(len) = socket.try_recv(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..len]).into_owned();
                if !text.contains(mark(name)) {
                    continue;
                }
                let status: u16 = text.get(8..11).unwrap_or_default().parse()?;
                if status >= from {
                    return Ok(Some(status));
                }
            }
        }
        Ok(None)
    }

    async fn send(&self, bytes: &[u8]) -> Outcome {
        self.sockets[0].send_to(bytes, self.service).await?;
        Ok(())
    }
}

/// Sends them all from one address to a service of its own: the same Via from another address would be the same
/// transaction (RFC 3261 §17.2.3).
async fn send_all(ip: IpAddr, expected: impl Fn(&str) -> u16) -> Outcome {
    let mut setup = Setup::test()?;
    let trunk = setup.trunk("torture");
    trunk.insert("name".into(), "Torture".into());
    trunk.insert("addresses".into(), vec![Value::from(TRUNK.to_string())].into());
    let mut floor = Floor::with_phones(setup, &[("301", &["sales"])]).await?;
    let sip = floor.service.setup.sip;
    let mut asker = Asker::at(CARRIER, sip).await?;
    asker.ask("nothing").await?;
    let sender = Sender::at(ip, sip).await?;
    let mut wrong = Vec::new();
    let files = torture()?;
    assert_eq!(files.len(), 49);
    for file in &files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let expected = expected(&name);
        sender.send(&std::fs::read(file)?).await?;
        let got = if expected == 0 {
            asker.ask(&name).await?;
            sender.heard(&name, 100)?.unwrap_or(0)
        } else {
            let got = wait::until(&name, SOON, || sender.heard(&name, 200).ok().flatten()).await;
            asker.ask(&name).await?;
            got.unwrap_or(0)
        };
        if got != expected {
            wrong.push(format!("{name}: {got}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "from {ip}:\n{}", wrong.join("\n"));
    // Over TCP too: whatever is done with the stream, the next one is answered.
    for file in &files {
        let mut stream = TcpStream::connect(sip).await?;
        // The service may close while the message is still being sent.
        let _ = stream.write_all(&std::fs::read(file)?).await;
        asker.ask(&format!("{} over TCP", file.display())).await?;
    }
    assert!(floor.service.ended().is_none(), "it still runs");
    let log = std::fs::read_to_string(floor.service.log_file())?;
    assert!(!log.contains("panicked"), "{}", floor.service.log_end(40));
    Ok(())
}

#[tokio::test]
async fn torture_messages_from_a_trunk() -> Outcome {
    send_all(TRUNK, |name| expected(name).0).await
}

#[tokio::test]
async fn torture_messages_from_nobody() -> Outcome {
    send_all(NOBODY, |name| expected(name).1).await
}
