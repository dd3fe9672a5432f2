//! The task that drives a scripted phone: sockets, the 20 ms schedule, mouth and ear.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::RngExt;
use shared::audio::tone::Region;
use shared::sip::{self, Credentials, Transport, Uri};
use shared::time::Timestamp;
use shared_desktop::phone::engine::{Engine, EngineConfig, Input, Output};
use shared_desktop::phone::{Phase, PhoneCommand, PhoneEvent, PhoneState};
use shared_net::clock;
use shared_net::sip::{DriverConfig, SipDriver, SipHandle};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::{Answer, Network, PhoneSetup, lock};
use crate::Outcome;
use crate::ear::Ear;
use crate::impair::Relay;
use crate::voice::Mouth;

const FRAME: Duration = Duration::from_millis(20);
/// Later than this, frames are left out instead of being made up for.
const MAX_LATE: Duration = Duration::from_millis(200);
/// Above the range of the services under test.
const MEDIA_PORTS: std::ops::Range<u16> = 16_384..32_768;
/// After stopping, so long for the answer to a BYE and its retransmission.
const FAREWELL: Duration = Duration::from_millis(700);

pub(super) struct Drive {
    engine: Engine,
    registers: bool,
    sip: SipHandle,
    events: mpsc::Receiver<sip::Event>,
    rtp: UdpSocket,
    rtcp: UdpSocket,
    relay: Option<Relay>,
    frame_at: Option<Instant>,
    answer_at: Option<Instant>,
    answers: watch::Receiver<Answer>,
    mouth: Mouth,
    ear: Ear,
    told: Arc<Mutex<Vec<(Timestamp, PhoneEvent)>>>,
    states: watch::Sender<PhoneState>,
    buffer: Vec<u8>,
}

impl Drive {
    pub(super) async fn open(
        setup: &PhoneSetup,
        ear: Ear,
        told: Arc<Mutex<Vec<(Timestamp, PhoneEvent)>>>,
        states: watch::Sender<PhoneState>,
        answers: watch::Receiver<Answer>,
    ) -> Outcome<Drive> {
        let (rtp, rtcp) = media_sockets(setup.ip).await?;
        let own = rtp.local_addr()?;
        let relay = match setup.network {
            Some(Network { to_service, to_phone, seed }) => {
                let (outside, inside) = (media_sockets(setup.ip).await?, media_sockets(setup.ip).await?);
                Some(Relay::start(outside, inside, own, [to_service, to_phone], seed)?)
            }
            None => None,
        };
        let media = relay.as_ref().map_or(own, |relay| relay.outside);
        let config = DriverConfig {
            udp: vec![SocketAddr::new(setup.ip, setup.port)],
            tcp: vec![SocketAddr::new(setup.ip, 0)],
            endpoint: sip::Config { user_agent: "Callfloor-Test-Phone".into(), ..sip::Config::default() },
            ..DriverConfig::default()
        };
        let (sip, events) = SipDriver::start(config, rand::rng().random())?;
        let transport = if setup.transport == Transport::Tcp { ";transport=tcp" } else { "" };
        let registrar: Uri = format!("sip:{}{transport}", setup.service).parse()?;
        let address: Uri = format!("sip:{}@{}", sip::uri::escape_user(&setup.user), setup.domain).parse()?;
        let engine = Engine::new(
            EngineConfig {
                address,
                registrar,
                trusted: vec![setup.service.ip()],
                display_name: setup.name.clone(),
                credentials: Credentials {
                    username: setup.user.clone(),
                    password: setup.password.clone().unwrap_or_default(),
                },
                codecs: setup.codecs.clone(),
                region: Region::default(),
                media,
                register_secs: 120,
            },
            rand::rng().random(),
        );
        Ok(Drive {
            engine,
            registers: setup.password.is_some(),
            sip,
            events,
            rtp,
            rtcp,
            relay,
            frame_at: None,
            answer_at: None,
            answers,
            mouth: setup.mouth.clone(),
            ear,
            told,
            states,
            buffer: vec![0; 2_048],
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        let bound = self.sip.local_addr(Transport::Udp);
        // The driver was started with one UDP socket.
        bound.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)))
    }

    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<PhoneCommand>) {
        if self.registers
            && let Ok(own) = self.rtp.local_addr()
        {
            // A phone that registers begins with this; one of fixed address keeps quiet.
            let trusted = vec![IpAddr::from([127, 0, 0, 1])];
            let media = self.relay.as_ref().map_or(own, |relay| relay.outside);
            self.handle(Input::Moved { media, trusted });
        }
        let mut stopping: Option<Instant> = None;
        loop {
            self.carry_out().await;
            if self.registers && self.engine.is_stopped() {
                return;
            }
            self.schedule();
            tokio::select! {
                command = commands.recv(), if stopping.is_none() => {
                    let command = command.unwrap_or(PhoneCommand::Stop);
                    if command == PhoneCommand::Stop {
                        stopping = Some(Instant::now() + FAREWELL);
                        let stop = if self.registers { command } else { PhoneCommand::HangUp };
                        self.handle(Input::Command(stop));
                    } else {
                        self.handle(Input::Command(command));
                    }
                }
                event = self.events.recv() => match event {
                    Some(event) => self.handle(Input::Sip(event)),
                    None => return,
                },
                ready = self.rtp.readable() => if ready.is_ok() { self.receive(false) },
                ready = self.rtcp.readable() => if ready.is_ok() { self.receive(true) },
                () = at(self.frame_at) => self.frame(),
                () = at(self.answer_at) => {
                    self.answer_at = None;
                    self.handle(Input::Command(PhoneCommand::Answer));
                }
                () = due(self.engine.deadline()) => self.handle(Input::Tick),
                () = at(stopping) => return,
            }
        }
    }

    fn handle(&mut self, input: Input) {
        self.engine.handle(clock::now(), input);
    }

    fn receive(&mut self, rtcp: bool) {
        loop {
            let socket = if rtcp { &self.rtcp } else { &self.rtp };
            // An error is an empty queue, or the ICMP answer to a packet of ours.
            let Ok((len, from)) = socket.try_recv_from(&mut self.buffer) else { return };
            let bytes = self.buffer[..len].to_vec();
            // What the relay brings is the service's.
            let service = self.relay.as_ref().and_then(Relay::aimed_at);
            let from = service
                .map_or(from, |service| SocketAddr::new(service.ip(), service.port() + u16::from(rtcp)));
            self.handle(Input::Media { from, bytes });
        }
    }

    fn frame(&mut self) {
        let talks =
            self.engine.state().call.is_some_and(|call| {
                !matches!(call.phase, Phase::Ringing | Phase::Calling | Phase::RingingThere)
            });
        let frame = if talks { self.mouth.next_frame() } else { shared::audio::Frame::SILENCE };
        self.handle(Input::Frame(frame));
        let now = Instant::now();
        self.frame_at =
            self.frame_at.map(|at| at + FRAME).filter(|at| now < *at + MAX_LATE).or(Some(now + FRAME));
    }

    fn schedule(&mut self) {
        if !self.engine.wants_sound() {
            self.frame_at = None;
        } else if self.frame_at.is_none() {
            self.frame_at = Some(Instant::now());
        }
    }

    async fn carry_out(&mut self) {
        while let Some(output) = self.engine.poll() {
            match output {
                Output::Sip(command) => {
                    // The driver ends only with this task.
                    let _ = self.sip.command(command).await;
                }
                // A full socket is loss, which the far side conceals.
                Output::Rtp { to, bytes } => {
                    if let Some(relay) = &self.relay {
                        relay.aim(to);
                    }
                    let to = self.relay.as_ref().map_or(to, |relay| relay.inside_for(false));
                    drop(self.rtp.try_send_to(&bytes, to));
                }
                Output::Rtcp { to, bytes } => {
                    let to = self.relay.as_ref().map_or(to, |relay| relay.inside_for(true));
                    drop(self.rtcp.try_send_to(&bytes, to));
                }
                Output::Play { frame, voice } => {
                    if voice {
                        self.ear.hear(frame);
                    }
                }
                Output::Restart | Output::Ring(_) => {}
                Output::Event(event) => self.tell(event),
            }
        }
    }

    fn tell(&mut self, event: PhoneEvent) {
        match &event {
            PhoneEvent::Levels(_) => return,
            PhoneEvent::State(state) => {
                self.rings(state);
                self.states.send_replace((**state).clone());
            }
            _ => {}
        }
        lock(&self.told).push((clock::now(), event));
    }

    fn rings(&mut self, state: &PhoneState) {
        let rings = state.call.as_ref().is_some_and(|call| call.phase == Phase::Ringing);
        if !rings {
            self.answer_at = None;
        } else if self.answer_at.is_none() {
            let answer = *self.answers.borrow();
            match answer {
                Answer::After(time) => self.answer_at = Some(Instant::now() + time),
                Answer::Never => {}
                Answer::Refuse => self.handle(Input::Command(PhoneCommand::Reject)),
            }
        }
    }
}

/// An even port and the next one (RFC 3550 §11).
async fn media_sockets(ip: IpAddr) -> io::Result<(UdpSocket, UdpSocket)> {
    let mut last = io::ErrorKind::AddrInUse.into();
    for _ in 0..64 {
        let port = rand::rng().random_range(MEDIA_PORTS) & !1;
        match UdpSocket::bind((ip, port)).await {
            Ok(rtp) => match UdpSocket::bind((ip, port + 1)).await {
                Ok(rtcp) => return Ok((rtp, rtcp)),
                Err(error) => last = error,
            },
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

async fn due(deadline: Option<Timestamp>) {
    match deadline {
        Some(deadline) => tokio::time::sleep(deadline.since(clock::now())).await,
        None => std::future::pending().await,
    }
}
