//! Two endpoints on one virtual clock with a network between them.

use std::net::SocketAddr;
use std::time::Duration;

use super::netem::{Netem, Weather};
use super::tape::Tape;
use crate::sip::locate::{Answer, Kind};
use crate::sip::{Command, Config, Endpoint, Event, Flow, Input, Output, Transport};
use crate::time::Timestamp;

/// One end.
#[derive(Debug)]
pub struct Side {
    /// The core.
    pub endpoint: Endpoint,
    /// Where it lives, UDP and TCP.
    pub address: SocketAddr,
    events: Vec<Event>,
}

/// Whom a packet goes to, and how.
#[derive(Debug, Clone)]
struct Packet {
    to_b: bool,
    transport: Transport,
    bytes: Vec<u8>,
}

/// `a` and `b`, what flies between them, and what was sent.
#[derive(Debug)]
pub struct Pair {
    /// The time.
    pub now: Timestamp,
    /// 10.0.0.1:5060, `a.test`.
    pub a: Side,
    /// 10.0.0.2:5060, `b.test`.
    pub b: Side,
    /// What both sent.
    pub tape: Tape,
    /// False refuses TCP.
    pub tcp: bool,
    net: Netem<Packet>,
}

impl Pair {
    /// Two endpoints; `configure` may change the settings of both, which have UDP and TCP sockets already.
    pub fn new(weather: Weather, seed: u64, configure: impl Fn(char, &mut Config)) -> Pair {
        let now = Timestamp::from_secs(1_800_000_000);
        let side = |name: char, last: u8| {
            let address = SocketAddr::from(([10, 0, 0, last], 5060));
            let listen = vec![(Transport::Udp, address), (Transport::Tcp, address)];
            let mut config = Config { user_agent: format!("test-{name}"), listen, ..Config::default() };
            configure(name, &mut config);
            let endpoint = Endpoint::new(config, seed.wrapping_mul(2) + u64::from(last));
            Side { endpoint, address, events: Vec::new() }
        };
        Pair {
            now,
            a: side('a', 1),
            b: side('b', 2),
            tape: Tape::new(now),
            tcp: true,
            net: Netem::new(weather, seed),
        }
    }

    /// Fine weather and the usual settings.
    pub fn fine() -> Pair {
        Pair::new(Weather::FINE, 1, |_, _| {})
    }

    /// Changes the weather.
    pub fn set_weather(&mut self, weather: Weather) {
        self.net.set_weather(weather);
    }

    /// `a` is told to do something.
    pub fn a(&mut self, command: Command) {
        self.input(false, Input::Command(command));
    }

    /// `b` is told to do something.
    pub fn b(&mut self, command: Command) {
        self.input(true, Input::Command(command));
    }

    /// Gives a side an input of any kind and does what it wants.
    pub fn input(&mut self, is_b: bool, input: Input) {
        let now = self.now;
        self.side(is_b).endpoint.handle(now, input);
        self.flush(is_b);
    }

    /// What `a` told its user since the last call.
    pub fn a_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.a.events)
    }

    /// What `b` told its user since the last call.
    pub fn b_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.b.events)
    }

    /// Lets this much time pass.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
    }

    /// Goes to the next thing that happens until `end`, and lets it happen; false when `end` is reached.
    pub fn step(&mut self, end: Timestamp) -> bool {
        let deadlines = [self.a.endpoint.deadline(), self.b.endpoint.deadline(), self.net.deadline()];
        let Some(next) = deadlines.into_iter().flatten().min().filter(|next| *next <= end) else {
            self.now = end;
            return false;
        };
        self.now = self.now.max(next);
        while let Some(packet) = self.net.poll(self.now) {
            let (from, to) = if packet.to_b { (&self.a, &self.b) } else { (&self.b, &self.a) };
            let connection = u64::from(packet.transport.is_reliable());
            let flow =
                Flow { transport: packet.transport, local: to.address, remote: from.address, connection };
            self.input(packet.to_b, Input::Received { flow, bytes: packet.bytes });
        }
        for is_b in [false, true] {
            let now = self.now;
            if self.side(is_b).endpoint.deadline().is_some_and(|deadline| deadline <= now) {
                self.input(is_b, Input::Tick);
            }
        }
        true
    }

    fn side(&mut self, is_b: bool) -> &mut Side {
        if is_b { &mut self.b } else { &mut self.a }
    }

    fn flush(&mut self, is_b: bool) {
        let who = if is_b { 'b' } else { 'a' };
        let (a, b) = (self.a.address, self.b.address);
        let other = if is_b { a } else { b };
        while let Some(output) = self.side(is_b).endpoint.poll() {
            match output {
                Output::Event(event) => self.side(is_b).events.push(event),
                Output::Send { flow, bytes } | Output::SendNamed { flow, bytes, .. } => {
                    let now = self.now;
                    self.tape.record(now, who, &bytes);
                    let packet = Packet { to_b: !is_b, transport: flow.transport, bytes };
                    let reachable = flow.remote == other;
                    match flow.transport {
                        Transport::Udp if reachable => self.net.send(now, packet),
                        // What nobody listens to is lost.
                        Transport::Udp => {}
                        Transport::Tcp | Transport::Tls if reachable && self.tcp => {
                            self.net.send_ordered(now, packet);
                        }
                        Transport::Tcp | Transport::Tls => {
                            self.side(is_b).endpoint.handle(now, Input::SendFailed { flow })
                        }
                    }
                }
                Output::Resolve { query, name, kind } => {
                    let address = match (name.as_str(), kind) {
                        ("a.test", Kind::A) => Some(a.ip()),
                        ("b.test", Kind::A) => Some(b.ip()),
                        _ => None,
                    };
                    let answer = address.map_or(Answer::Nothing(60), |ip| Answer::Addresses(vec![ip], 60));
                    let now = self.now;
                    self.side(is_b).endpoint.handle(now, Input::Resolved { query, answer });
                }
                Output::Close { connection } => {
                    let now = self.now;
                    self.side(is_b).endpoint.handle(now, Input::StreamClosed { connection });
                }
            }
        }
    }
}
