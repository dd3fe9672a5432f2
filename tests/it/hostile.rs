//! Peers that speak SIP well and mean ill: descriptions, multiparts and streams made to break something, in calls that
//! stand. The service refuses them by status, goes on, and answers the next honest question.

use tests::Outcome;
use tests::ports::{CARRIER, HERE};
use tests::raw::{Message, RawPeer};
use tests::setup::Setup;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::floor::{Floor, SALES, SOON};
use crate::malformed::Asker;

/// Lines behind the session part that nobody can agree to.
fn hostile_lines() -> Vec<(&'static str, String)> {
    let audio = "m=audio 40000 RTP/AVP 0\n";
    vec![
        ("a thousand lines", audio.repeat(1_000)),
        ("port zero", "m=audio 0 RTP/AVP 0\n".into()),
        ("numbers without their meaning", "m=audio 40000 RTP/AVP 96 97\n".into()),
        ("a huge format", format!("m=audio 40000 RTP/AVP 96\na=rtpmap:96 {}/8000\n", "x".repeat(20_000))),
        ("a port beyond all ports", "m=audio 99999 RTP/AVP 0\n".into()),
        ("no line at all", String::new()),
    ]
}

/// A description of the session with these lines behind it, as a body with its header.
pub fn described(lines: &str) -> String {
    format!(
        "Content-Type: application/sdp\n\nv=0\no=evil 1 1 IN IP4 127.0.0.2\ns=-\nc=IN IP4 127.0.0.2\nt=0 0\n{lines}"
    )
}

/// A customer behind the carrier whose every byte is ours.
pub struct Evil {
    pub floor: Floor,
    pub peer: RawPeer,
    asker: Asker,
    number: u32,
}

impl Evil {
    /// With the phone 301 in Sales.
    pub async fn new() -> Outcome<Evil> {
        Evil::at(Setup::test()?).await
    }

    /// The same with settings of its own.
    pub async fn at(setup: Setup) -> Outcome<Evil> {
        let floor = Floor::with_phones(setup, &[("301", &["sales"])]).await?;
        let sip = floor.service.setup.sip;
        Ok(Evil {
            peer: RawPeer::at(CARRIER, 0, sip).await?,
            asker: Asker::at(CARRIER, sip).await?,
            floor,
            number: 0,
        })
    }

    /// Headers of a request: of a new dialog without `to`.
    fn head(&self, call: u32, to: Option<&str>, cseq: &str) -> Outcome<String> {
        let (own, sip) = (self.peer.address()?, self.floor.service.setup.sip);
        let to = to.map_or_else(|| format!("<sip:{SALES}@{sip}>"), ToOwned::to_owned);
        Ok(format!(
            "From: \"Evil\" <sip:evil@{own}>;tag=e{call}\nTo: {to}\nCall-ID: evil-{call}@{own}\nCSeq: {cseq}\n\
             Contact: <sip:evil@{own}>\n"
        ))
    }

    /// An INVITE with this behind its headers, and its final answer, acknowledged with `answer` behind the headers.
    pub async fn invite(&mut self, body: &str, answer: &str) -> Outcome<Message> {
        self.number += 1;
        let (call, sip) = (self.number, self.floor.service.setup.sip);
        let uri = format!("sip:{SALES}@{sip}");
        let head = self.head(call, None, "1 INVITE")? + body;
        self.peer.ask("INVITE", &uri, &format!("evil{call}"), &head).await?;
        let mine = format!("evil-{call}@");
        let last = |message: &Message| {
            message.status() >= 200
                && message.header("Call-ID").is_some_and(|id| id.starts_with(&mine))
                && message.header("CSeq") == Some("1 INVITE")
        };
        let response = self.peer.gets_response(last).await?;
        let to = response.header("To").ok_or("no To")?.to_owned();
        let ack = self.head(call, Some(&to), "1 ACK")? + answer;
        let (target, branch) = match response.status() {
            200 => (response.contact()?.to_owned(), format!("ack{call}")),
            _ => (uri, format!("evil{call}")),
        };
        self.peer.ask("ACK", &target, &branch, &ack).await?;
        Ok(response)
    }

    /// A request within the dialog of this 200, and its answer.
    pub async fn within(&mut self, ok: &Message, method: &str, cseq: u32, body: &str) -> Outcome<Message> {
        let to = ok.header("To").ok_or("no To")?.to_owned();
        let head = self.head(self.number, Some(&to), &format!("{cseq} {method}"))? + body;
        self.peer.ask(method, ok.contact()?, &format!("within{}x{cseq}", self.number), &head).await?;
        let (mine, number) = (format!("{cseq} {method}"), format!("evil-{}@", self.number));
        let last = |message: &Message| {
            message.status() >= 200
                && message.header("CSeq") == Some(&mine)
                && message.header("Call-ID").is_some_and(|id| id.starts_with(&number))
        };
        let response = self.peer.gets_response(last).await?;
        if method == "INVITE" {
            let ack = self.head(self.number, Some(&to), &format!("{cseq} ACK"))?;
            let branch = match response.status() {
                200 => format!("ack{}x{cseq}", self.number),
                _ => format!("within{}x{cseq}", self.number),
            };
            self.peer.ask("ACK", ok.contact()?, &branch, &ack).await?;
        }
        Ok(response)
    }
}

/// In INVITE, ACK, UPDATE and re-INVITE of a customer.
#[tokio::test]
async fn hostile_descriptions_of_a_caller_hurt_no_call() -> Outcome {
    let mut evil = Evil::new().await?;
    for (name, lines) in hostile_lines() {
        let refused = evil.invite(&described(&lines), "").await?;
        assert!(matches!(refused.status(), 400 | 488), "{name}: {}", refused.start());
        evil.asker.ask(name).await?;
    }
    for (name, body) in [
        ("an empty multipart", "Content-Type: multipart/mixed;boundary=a\n\n--a--\n".to_owned()),
        ("a multipart without a boundary", "Content-Type: multipart/mixed\n\n--a\n\nx\n--a--\n".into()),
        (
            "parts without end",
            format!("Content-Type: multipart/mixed;boundary=a\n\n{}", "--a\n".repeat(5_000)),
        ),
    ] {
        let refused = evil.invite(&body, "").await?;
        assert_eq!(refused.status(), 415, "{name}");
        evil.asker.ask(name).await?;
    }
    // An INVITE without an offer: the answer comes with the ACK, and the call does not outlive one that is none.
    for (name, lines) in hostile_lines() {
        let ok = evil.invite("", &described(&lines)).await?;
        assert_eq!(ok.status(), 200, "{name}");
        let mine = format!("evil-{}@", evil.number);
        let bye =
            evil.peer.gets_that("BYE", |bye| bye.header("Call-ID").is_some_and(|id| id.starts_with(&mine)));
        let bye = bye.await?;
        evil.peer.answer(&bye, "200 OK", "", "").await?;
        evil.asker.ask(name).await?;
    }
    // A call that stands keeps standing.
    let good = format!("Content-Type: application/sdp\n\n{}", evil.peer.sdp()?);
    let ok = evil.invite(&good, "").await?;
    assert_eq!(ok.status(), 200, "{}", evil.peer.trace());
    let mut cseq = 2;
    for (name, lines) in hostile_lines() {
        for method in ["UPDATE", "INVITE"] {
            let refused = evil.within(&ok, method, cseq, &described(&lines)).await?;
            assert!(matches!(refused.status(), 400 | 488), "{name} in {method}: {}", refused.start());
            cseq += 1;
        }
        evil.asker.ask(name).await?;
    }
    let again = evil.within(&ok, "INVITE", cseq, &good).await?;
    assert_eq!(again.status(), 200, "{}", again.0);
    assert_eq!(evil.within(&ok, "BYE", cseq + 1, "").await?.status(), 200);
    evil.floor.until("no call", |floor| floor.calls.is_empty()).await?;
    let log = std::fs::read_to_string(evil.floor.service.log_file())?;
    assert!(!log.contains("panicked"), "{}", evil.floor.service.log_end(40));
    Ok(())
}

/// In 183 and 200 of an agent's phone: the customer stays in the queue, the phone's leg is ended.
#[tokio::test]
async fn hostile_descriptions_of_a_phone_hurt_no_call() -> Outcome {
    let mut evil = Evil::new().await?;
    let mut phone = RawPeer::at(HERE, evil.floor.port("301"), evil.floor.service.setup.sip).await?;
    let good = format!("Content-Type: application/sdp\n\n{}", evil.peer.sdp()?);
    let ok = evil.invite(&good, "").await?;
    assert_eq!(ok.status(), 200, "{}", evil.peer.trace());
    let invite = phone.gets("INVITE").await?;
    let contact = format!("Contact: <sip:301@{}>\n", phone.address()?);
    for (number, (name, lines)) in hostile_lines().into_iter().enumerate() {
        let head = format!("{contact}{}", described(&lines));
        phone.answer(&invite, "183 Session Progress", &format!("fork{number}"), &head).await?;
        evil.asker.ask(name).await?;
    }
    let (_, lines) = hostile_lines().remove(0);
    phone.answer(&invite, "200 OK", "last", &format!("{contact}{}", described(&lines))).await?;
    phone.gets("ACK").await?;
    let bye = phone.gets("BYE").await?;
    phone.answer(&bye, "200 OK", "", "").await?;
    evil.asker.ask("the answer").await?;
    evil.floor
        .until("a call without an agent", |floor| {
            floor.calls.len() == 1 && floor.calls.values().all(|call| call.agent().is_none())
        })
        .await?;
    assert_eq!(evil.within(&ok, "BYE", 2, "").await?.status(), 200);
    evil.floor.until("no call", |floor| floor.calls.is_empty()).await?;
    Ok(())
}

/// Streams: a thousand requests in one piece, one of one-byte segments, line ends without end, and a header block
/// without end beside them.
#[tokio::test]
async fn hostile_streams_hurt_no_other() -> Outcome {
    let evil = Evil::new().await?;
    let (sip, mut asker) = (evil.floor.service.setup.sip, evil.asker);
    let options = |number: u32| {
        format!(
            "OPTIONS sip:{sip} SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.2:5060;branch=z9hG4bKs{number}\r\nMax-Forwards: 70\r\n\
             From: <sip:s@h>;tag=s{number}\r\nTo: <sip:{sip}>\r\nCall-ID: s{number}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        )
    };
    let connect = async || {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind((CARRIER, 0).into())?;
        Outcome::Ok(socket.connect(sip).await?)
    };
    let answers = async |stream: &mut TcpStream, count: usize| -> Outcome {
        let mut text = String::new();
        let mut buffer = vec![0; 65_536];
        tests::wait::within(&format!("{count} answers"), SOON, async {
            while text.matches("SIP/2.0 200 ").count() < count {
                let len = stream.read(&mut buffer).await?;
                if len == 0 {
                    return Err("the stream was closed".into());
                }
                text.push_str(&String::from_utf8_lossy(&buffer[..len]));
            }
            Ok(())
        })
        .await
    };
    let mut pipeline = connect().await?;
    let requests: String = (0..1_000).map(options).collect();
    let (mut read, mut write) = pipeline.split();
    let sent = async { Outcome::Ok(write.write_all(requests.as_bytes()).await?) };
    let heard = async {
        let (mut count, mut text, mut buffer) = (0, String::new(), vec![0; 65_536]);
        while count < 1_000 {
            let len = read.read(&mut buffer).await?;
            if len == 0 {
                return Err(format!("the stream was closed after {count} answers").into());
            }
            text.push_str(&String::from_utf8_lossy(&buffer[..len]));
            count = text.matches("SIP/2.0 200 ").count();
        }
        Ok(())
    };
    tests::wait::within("a thousand answers", SOON, async { tokio::try_join!(sent, heard).map(drop) })
        .await?;
    asker.ask("a thousand requests in one piece").await?;

    let mut slow = connect().await?;
    slow.set_nodelay(true)?;
    for byte in options(5_000).into_bytes() {
        slow.write_all(&[byte]).await?;
    }
    answers(&mut slow, 1).await?;

    let mut pings = connect().await?;
    pings.write_all(&b"\r\n".repeat(100_000)).await?;
    asker.ask("line ends without end").await?;
    pings.write_all(options(5_001).as_bytes()).await?;
    answers(&mut pings, 1).await?;

    let mut endless = connect().await?;
    // The service closes it while this is being sent.
    let _ = endless.write_all(&vec![b'A'; 300_000]).await;
    let _ = endless.read_to_end(&mut Vec::new()).await;
    asker.ask("a header block without end").await?;
    let mut next = connect().await?;
    next.write_all(options(5_002).as_bytes()).await?;
    answers(&mut next, 1).await
}
