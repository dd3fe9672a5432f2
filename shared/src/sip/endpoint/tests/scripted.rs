//! One endpoint whose far side is written by hand, message by message.

use super::*;
use crate::sip::locate::{Answer, Kind};
use crate::sip::wire;
use crate::testing::tape::words;
use crate::time::Timestamp;

/// Lives at 10.0.0.2:5060; the far side is 192.0.2.9:4444, and 10.0.0.9 is whatever proxy the script wants.
pub(super) struct Scripted {
    pub endpoint: Endpoint,
    pub now: Timestamp,
    /// What it sent since the beginning.
    pub sent: Vec<(Flow, Message)>,
    /// The addresses of every name.
    pub names: Vec<std::net::IpAddr>,
}

pub(super) fn config() -> Config {
    let listen = vec![
        (Transport::Udp, "10.0.0.2:5060".parse().expect("address")),
        (Transport::Tcp, "10.0.0.2:5060".parse().expect("address")),
    ];
    Config { listen, ..Config::default() }
}

/// From the far side.
pub(super) fn flow(transport: Transport) -> Flow {
    let connection = u64::from(transport == Transport::Tcp);
    Flow {
        transport,
        local: "10.0.0.2:5060".parse().expect("address"),
        remote: "192.0.2.9:4444".parse().expect("address"),
        connection,
    }
}

/// A request with a branch of its own.
pub(super) fn message(method: &str, branch: &str, lines: &str) -> String {
    format!(
        "{method} sip:bob@10.0.0.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:4444;branch=z9hG4bK{branch};rport\r\n\
         From: <sip:a@b>;tag=f1\r\nTo: <sip:bob@10.0.0.2>\r\nCall-ID: {branch}\r\nCSeq: 1 {method}\r\n\
         Contact: <sip:a@192.0.2.9:4444>\r\n{lines}\r\n"
    )
}

impl Scripted {
    pub(super) fn new() -> Scripted {
        Scripted::with(config(), 1)
    }

    pub(super) fn with(config: Config, seed: u64) -> Scripted {
        Scripted {
            endpoint: Endpoint::new(config, seed),
            now: Timestamp::from_secs(1000),
            sent: Vec::new(),
            names: Vec::new(),
        }
    }

    pub(super) fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.endpoint.poll()).collect()
    }

    /// What an input came to: messages sent and events, in words.
    pub(super) fn input(&mut self, input: Input) -> String {
        self.endpoint.handle(self.now, input);
        self.note().join(", ")
    }

    pub(super) fn command(&mut self, command: Command) -> String {
        self.input(Input::Command(command))
    }

    /// Lets its timers run for this long.
    pub(super) fn wait(&mut self, time: Duration) -> String {
        let end = self.now + time;
        let mut words = Vec::new();
        while let Some(at) = self.endpoint.deadline().filter(|at| *at <= end) {
            self.now = at;
            self.endpoint.handle(at, Input::Tick);
            words.extend(self.note());
        }
        self.now = end;
        words.join(", ")
    }

    /// A message of the far side, by UDP.
    pub(super) fn hear(&mut self, text: &str) -> String {
        self.input(Input::Received { flow: flow(Transport::Udp), bytes: text.as_bytes().to_vec() })
    }

    /// Its answer to a request that was sent to it. Header lines end with CRLF each.
    pub(super) fn answer(
        &mut self,
        request: &Request,
        status: u16,
        tag: &str,
        lines: &str,
        body: &str,
    ) -> String {
        let mut response = request.reply(status, "", Some(tag));
        response.headers.remove("Record-Route");
        for (name, value) in lines.lines().filter_map(|line| line.split_once(": ")) {
            response.headers.push(name, value);
        }
        response.set_body(Some(&Body::sdp(body)).filter(|_| !body.is_empty()));
        self.hear(&String::from_utf8_lossy(&wire::write_response(&response)))
    }

    /// Its request within a dialog of an INVITE that it sent as [`message`] makes it, with the tag that we answered.
    pub(super) fn within(&mut self, method: &str, call: &str, number: u32, lines: &str) -> String {
        let tag = self.our_tag();
        let text = message(method, &format!("{call}-{method}-{number}"), lines)
            .replace(&format!("Call-ID: {call}-{method}-{number}"), &format!("Call-ID: {call}"))
            .replace("CSeq: 1 ", &format!("CSeq: {number} "))
            .replace("To: <sip:bob@10.0.0.2>", &format!("To: <sip:bob@10.0.0.2>;tag={tag}"));
        self.hear(&text)
    }

    /// The tag of the last response that has one.
    pub(super) fn our_tag(&self) -> String {
        let tags = self.sent.iter().rev().filter_map(|(_, message)| match message {
            Message::Response(response) => response.headers.get("To").and_then(header::tag),
            Message::Request(_) => None,
        });
        tags.into_iter().next().unwrap_or_default()
    }

    /// The last request of this method that it sent, and where to.
    pub(super) fn request(&self, method: &Method) -> (Flow, Request) {
        let found = self.sent.iter().rev().find_map(|(flow, message)| match message {
            Message::Request(request) if request.method == *method => Some((*flow, request.clone())),
            _ => None,
        });
        found.expect("such a request was sent")
    }

    /// The last response that it sent.
    pub(super) fn response(&self) -> Response {
        let found = self.sent.iter().rev().find_map(|(_, message)| match message {
            Message::Response(response) => Some(response.clone()),
            Message::Request(_) => None,
        });
        found.expect("a response was sent")
    }

    /// Takes what the endpoint wants, names included, and says it in words.
    fn note(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(output) = self.endpoint.poll() {
            match output {
                Output::Send { flow, bytes, .. } => {
                    lines.push(words(&bytes));
                    self.sent.push((flow, wire::read(&bytes).expect("own message").message));
                }
                Output::Event(event) => lines.push(short(vec![event])),
                Output::Resolve { query, kind, .. } => {
                    let answer = match kind {
                        Kind::A if !self.names.is_empty() => Answer::Addresses(self.names.clone(), 60),
                        _ => Answer::Nothing(60),
                    };
                    self.endpoint.handle(self.now, Input::Resolved { query, answer });
                }
                other => lines.push(format!("{other:?}")),
            }
        }
        lines
    }

    pub(super) fn put(&mut self, transport: Transport, bytes: &[u8]) -> Vec<Output> {
        self.endpoint.handle(self.now, Input::Received { flow: flow(transport), bytes: bytes.to_vec() });
        self.outputs()
    }

    /// The responses to a datagram: where to, and the message.
    pub(super) fn answers(&mut self, text: &str) -> Vec<(std::net::SocketAddr, Response)> {
        let before = self.sent.len();
        self.hear(text);
        let new = self.sent.get(before..).unwrap_or_default();
        new.iter()
            .filter_map(|(flow, message)| match message {
                Message::Response(response) => Some((flow.remote, response.clone())),
                Message::Request(_) => None,
            })
            .collect()
    }

    /// Everything that waits for a timer has come to its end.
    pub(super) fn drained(&mut self) {
        self.wait(secs(300));
        assert_eq!((self.endpoint.session_count(), self.endpoint.transaction_count()), (0, 0));
    }
}
