//! A SIP peer whose every byte a test writes: what no well-behaved stack can be brought to send. Over UDP.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;

use crate::{Outcome, wait};

/// How long a message may take to come; the machine may be busy.
const SOON: Duration = Duration::from_secs(10);

/// One message, as it came.
#[derive(Debug, Clone)]
pub struct Message(pub String);

impl Message {
    /// The first line.
    pub fn start(&self) -> &str {
        self.0.lines().next().unwrap_or_default()
    }

    /// The status of a response; 0 for a request.
    pub fn status(&self) -> u16 {
        let status = self.start().strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3));
        status.and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    /// The port of the voice in the description of the session.
    pub fn voice_port(&self) -> Outcome<u16> {
        let line = self.0.lines().find_map(|line| line.strip_prefix("m=audio ")).ok_or("no voice")?;
        Ok(line.split(' ').next().unwrap_or_default().parse()?)
    }

    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).first().copied()
    }

    /// All headers of this name, in order.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        let head = self.0.split("\r\n\r\n").next().unwrap_or_default();
        let headers = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let named = headers.filter(|(found, _)| found.trim().eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.trim()).collect()
    }

    /// Whether it is this request, or a response to it with this status: `INVITE`, `200 BYE`.
    pub fn is(&self, what: &str) -> bool {
        match what.split_once(' ') {
            Some((status, method)) => {
                self.status().to_string() == status
                    && self.header("CSeq").is_some_and(|value| value.ends_with(&format!(" {method}")))
            }
            None => self.start().starts_with(&format!("{what} ")),
        }
    }

    /// The address in Contact.
    pub fn contact(&self) -> Outcome<&str> {
        let contact = self.header("Contact").ok_or("no Contact")?;
        let inner = contact.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
        Ok(inner.map_or(contact, |(uri, _)| uri))
    }
}

/// The peer.
#[derive(Debug)]
pub struct RawPeer {
    socket: UdpSocket,
    service: SocketAddr,
    trace: String,
    waiting: Vec<Message>,
}

impl RawPeer {
    /// One at this address; port 0 lets the system choose.
    pub async fn at(ip: IpAddr, port: u16, service: SocketAddr) -> Outcome<RawPeer> {
        let socket = UdpSocket::bind((ip, port)).await?;
        Ok(RawPeer { socket, service, trace: String::new(), waiting: Vec::new() })
    }

    /// Its own address.
    pub fn address(&self) -> Outcome<SocketAddr> {
        Ok(self.socket.local_addr()?)
    }

    /// Sends a message. Lines are separated by `\n` here and by CRLF on the wire; an empty line ends the head.
    pub async fn send(&mut self, text: &str) -> Outcome {
        let text = text.replace('\n', "\r\n");
        self.trace.push_str(&format!(">>>\n{text}\n"));
        self.socket.send_to(text.as_bytes(), self.service).await?;
        Ok(())
    }

    /// A request out of any dialog, or within one: `head` has the lines after the Via, the body follows an empty line.
    pub async fn ask(&mut self, method: &str, uri: &str, branch: &str, head: &str) -> Outcome {
        let own = self.address()?;
        let (head, body) = head.split_once("\n\n").unwrap_or((head, ""));
        let length = body.replace('\n', "\r\n").len();
        let head = head.trim_end();
        self.send(&format!(
            "{method} {uri} SIP/2.0\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{branch};rport\nMax-Forwards: 70\n{head}\n\
             Content-Length: {length}\n\n{body}"
        ))
        .await
    }

    /// Answers `request`: Via, Record-Route, From, Call-ID and CSeq are kept, `tag` is put to a To that has none.
    /// `head` has further lines; the body follows an empty line.
    pub async fn answer(&mut self, request: &Message, status: &str, tag: &str, head: &str) -> Outcome {
        let mut text = format!("SIP/2.0 {status}\n");
        for name in ["Via", "Record-Route", "From", "To", "Call-ID", "CSeq"] {
            for value in request.headers(name) {
                let tag = match name == "To" && !tag.is_empty() && !value.contains(";tag=") {
                    true => format!(";tag={tag}"),
                    false => String::new(),
                };
                text.push_str(&format!("{name}: {value}{tag}\n"));
            }
        }
        let (head, body) = head.split_once("\n\n").unwrap_or((head, ""));
        if !head.trim().is_empty() {
            text.push_str(&format!("{}\n", head.trim_end()));
        }
        let length = body.replace('\n', "\r\n").len();
        self.send(&format!("{text}Content-Length: {length}\n\n{body}")).await
    }

    /// Waits for a message such as `INVITE`, `ACK` or `200 BYE`. Others are kept for later.
    pub async fn gets(&mut self, what: &str) -> Outcome<Message> {
        self.gets_that(what, |_| true).await
    }

    /// The same for one that is as wanted.
    pub async fn gets_that(&mut self, what: &str, wanted: impl Fn(&Message) -> bool) -> Outcome<Message> {
        self.gets_any(what, |message| message.is(what) && wanted(message)).await
    }

    /// Waits for a response that is as wanted.
    pub async fn gets_response(&mut self, wanted: impl Fn(&Message) -> bool) -> Outcome<Message> {
        self.gets_any("a response", |message| message.status() > 0 && wanted(message)).await
    }

    async fn gets_any(&mut self, what: &str, right: impl Fn(&Message) -> bool) -> Outcome<Message> {
        if let Some(place) = self.waiting.iter().position(&right) {
            return Ok(self.waiting.remove(place));
        }
        let (socket, waiting, trace) = (&self.socket, &mut self.waiting, &mut self.trace);
        let comes = async {
            let mut buffer = vec![0; 65_536];
            loop {
                let (len, _) = socket.recv_from(&mut buffer).await?;
                let message = Message(String::from_utf8_lossy(&buffer[..len]).into_owned());
                trace.push_str(&format!("<<<\n{}\n", message.0));
                if right(&message) {
                    return Ok(message);
                }
                waiting.push(message);
            }
        };
        let message = wait::within(&format!("{what} from the service"), SOON, comes).await;
        message.map_err(|error| format!("{error}\n{}", self.trace).into())
    }

    /// Everything that was sent and received.
    pub fn trace(&self) -> &str {
        &self.trace
    }

    /// G.711 on a port of its own, where nobody listens.
    pub fn sdp(&self) -> Outcome<String> {
        let ip = self.address()?.ip();
        Ok(format!(
            "v=0\no=raw 1 1 IN IP4 {ip}\ns=-\nc=IN IP4 {ip}\nt=0 0\nm=audio 40000 RTP/AVP 0 101\n\
             a=rtpmap:101 telephone-event/8000\n"
        ))
    }
}
