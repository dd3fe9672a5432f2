//! Requests to a domain with several servers (RFC 3263 §4.3): who is tried next, and when.

use std::net::SocketAddr;

use super::*;
use crate::sip::locate::{Answer, Kind, PATIENCE, Srv};
use crate::sip::wire;
use crate::time::Timestamp;

/// An endpoint, a name server that knows `a.test` with the servers 192.0.2.1 and 192.0.2.2, and nobody else.
struct Bench {
    endpoint: Endpoint,
    now: Timestamp,
    silent: bool,
    sent: Vec<(SocketAddr, Request)>,
    events: Vec<Event>,
}

fn bench() -> Bench {
    let listen = vec![(Transport::Udp, "10.0.0.9:5060".parse().expect("address"))];
    Bench {
        endpoint: Endpoint::new(Config { listen, ..Config::default() }, 1),
        now: Timestamp::from_secs(1_800_000_000),
        silent: false,
        sent: Vec::new(),
        events: Vec::new(),
    }
}

impl Bench {
    fn input(&mut self, input: Input) {
        self.endpoint.handle(self.now, input);
        while let Some(output) = self.endpoint.poll() {
            match output {
                Output::Send { flow, bytes } => match wire::read(&bytes).expect("own message").message {
                    Message::Request(request) => self.sent.push((flow.remote, request)),
                    Message::Response(response) => panic!("{response:?}"),
                },
                Output::Resolve { .. } if self.silent => {}
                Output::Resolve { query, name, kind } => {
                    let server = |priority, target: &str| Srv {
                        priority,
                        weight: 0,
                        port: 5070,
                        target: target.into(),
                    };
                    let ip = |text: &str| Answer::Addresses(vec![text.parse().expect("address")], 300);
                    let answer = match (name.as_str(), kind) {
                        ("_sip._udp.a.test", Kind::Srv) => {
                            Answer::Srv(vec![server(1, "one.test"), server(2, "two.test")], 300)
                        }
                        ("one.test", Kind::A) => ip("192.0.2.1"),
                        ("two.test", Kind::A) => ip("192.0.2.2"),
                        _ => Answer::Nothing(60),
                    };
                    self.endpoint.handle(self.now, Input::Resolved { query, answer });
                }
                Output::Event(event) => self.events.push(event),
                other => panic!("{other:?}"),
            }
        }
    }

    fn call(&mut self, session: u64) {
        let Command::Invite { to, from, headers, body, credentials, .. } = invite() else {
            panic!("no invite")
        };
        let (target, session) = ("sip:bob@a.test".parse().expect("uri"), SessionId(session));
        let command = Command::Invite { session, target, flow: None, from, to, headers, body, credentials };
        self.input(Input::Command(command));
    }

    fn ping(&mut self, id: u64) {
        let target = "sip:a.test".parse().expect("uri");
        let (method, headers, body) = (Method::Options, Vec::new(), None);
        self.input(Input::Command(Command::Request {
            id,
            method,
            target,
            flow: None,
            headers,
            body,
            credentials: None,
        }));
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.endpoint.deadline().filter(|next| *next <= end) {
            self.now = next;
            self.input(Input::Tick);
        }
        self.now = end;
    }

    fn answer(&mut self, request: &Request, status: u16, headers: &[(String, String)]) {
        let mut response = request.reply(status, "", Some("there"));
        response.headers.extend(headers);
        let flow = Flow {
            transport: Transport::Udp,
            local: "10.0.0.9:5060".parse().expect("address"),
            remote: "192.0.2.1:5070".parse().expect("address"),
            connection: 0,
        };
        self.input(Input::Received { flow, bytes: wire::write_response(&response) });
    }

    /// What was sent since the last call, as `INVITE 1` for 192.0.2.1, without repetitions.
    fn sent(&mut self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for (remote, request) in std::mem::take(&mut self.sent) {
            assert_eq!(remote.port(), 5070);
            let last = remote.ip().to_string().chars().last().expect("a digit");
            let line = format!("{} {last}", request.method);
            if lines.last() != Some(&line) {
                lines.push(line);
            }
        }
        lines
    }

    fn last(&self) -> Request {
        self.sent.last().expect("something was sent").1.clone()
    }
}

fn branch(request: &Request) -> String {
    request.headers.via().expect("via").branch().to_owned()
}

fn failed(last: u8) -> Input {
    let flow = Flow {
        transport: Transport::Udp,
        local: "10.0.0.9:5060".parse().expect("address"),
        remote: SocketAddr::from(([192, 0, 2, last], 5070)),
        connection: 0,
    };
    Input::SendFailed { flow }
}

#[test]
fn an_address_that_cannot_be_reached_is_followed_by_the_next() {
    let mut bench = bench();
    bench.call(1);
    let first = bench.last();
    bench.input(failed(1));
    let second = bench.last();
    assert_ne!(branch(&first), branch(&second));
    let same = |name: &str| assert_eq!(first.headers.get(name), second.headers.get(name), "{name}");
    ["Call-ID", "CSeq", "From", "To"].iter().for_each(|name| same(name));
    assert_eq!(bench.sent(), ["INVITE 1", "INVITE 2"]);
    // The next call does not try it first.
    bench.call(2);
    assert_eq!(bench.sent(), ["INVITE 2"]);
    bench.input(failed(2));
    assert_eq!(bench.sent(), ["INVITE 1"]);
    assert_eq!(short(std::mem::take(&mut bench.events)), "Rejected 503");
    bench.input(failed(1));
    assert_eq!(short(bench.events), "Rejected 503");
}

#[test]
fn a_server_that_does_not_answer_is_followed_by_the_next() {
    let mut bench = bench();
    bench.call(1);
    bench.run(secs(33));
    assert_eq!(bench.sent(), ["INVITE 1", "INVITE 2"]);
    bench.ping(7);
    assert_eq!(bench.sent(), ["OPTIONS 2"]);
    bench.run(secs(33));
    // After a while it gets another chance.
    assert_eq!(bench.sent().last().map(String::as_str), Some("OPTIONS 1"));
    bench.run(secs(60));
    assert_eq!(short(bench.events), "Rejected 408, RequestDone 7 408");
}

#[test]
fn a_server_that_has_rung_is_not_left() {
    let mut bench = bench();
    bench.ping(7);
    let request = bench.last();
    bench.answer(&request, 100, &[]);
    bench.run(secs(40));
    assert_eq!(bench.sent(), ["OPTIONS 1"]);
    assert_eq!(short(bench.events), "RequestDone 7 408");
}

#[test]
fn a_server_that_is_overloaded_is_followed_by_the_next_and_left_alone() {
    let mut bench = bench();
    bench.call(1);
    let first = bench.last();
    bench.answer(&first, 503, &[("Retry-After".into(), "100".into())]);
    assert_eq!(bench.sent(), ["INVITE 1", "ACK 1", "INVITE 2"]);
    bench.ping(7);
    let ping = bench.last();
    assert_eq!(bench.sent(), ["OPTIONS 2"]);
    // The last one's refusal is the answer.
    bench.answer(&ping, 503, &[]);
    let ping = bench.last_or(&ping);
    assert_eq!(bench.sent(), ["OPTIONS 1"]);
    bench.answer(&ping, 503, &[]);
    assert_eq!(short(std::mem::take(&mut bench.events)), "RequestDone 7 503");
    // Other refusals are meant for the call, not for the server.
    bench.run(secs(400));
    bench.sent();
    bench.events.clear();
    bench.call(2);
    let invite = bench.last();
    bench.answer(&invite, 500, &[]);
    assert_eq!(bench.sent(), ["INVITE 1", "ACK 1"]);
    assert_eq!(short(bench.events), "Rejected 500");
}

impl Bench {
    fn last_or(&self, otherwise: &Request) -> Request {
        self.sent.last().map_or_else(|| otherwise.clone(), |(_, request)| request.clone())
    }
}

#[test]
fn a_dead_name_server_does_not_block_calls() {
    let mut bench = bench();
    bench.silent = true;
    bench.call(1);
    bench.run(PATIENCE);
    assert_eq!(short(std::mem::take(&mut bench.events)), "Rejected 503");
    bench.call(2);
    assert_eq!(short(std::mem::take(&mut bench.events)), "Rejected 503");
    bench.run(secs(400));
    assert_eq!(bench.endpoint.transaction_count(), 0);
    assert_eq!(bench.endpoint.deadline(), None);
}
