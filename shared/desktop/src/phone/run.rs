//! The thread that drives the engine: sockets, the 20 ms schedule, sound, commands and events.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use shared::sip::{Credentials, Uri};
use shared::time::Timestamp;
use shared_net::clock;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::EVENT_QUEUE_LEN;
use super::device::News;
use super::engine::{Engine, EngineConfig, Input, Output};
use super::network::{Network, Registrar};
use super::sound::{Sound, Told};
use super::types::{PhoneCommand, PhoneConfig, PhoneEvent, PhoneState, Problem, ProblemAbout, Registration};

const FRAME: Duration = Duration::from_millis(20);
/// Later than this, frames are left out instead of being made up for.
const MAX_LATE: Duration = Duration::from_millis(200);
/// Between tries to open sockets.
const RETRY: Duration = Duration::from_secs(5);
/// Between looks at our own address.
const LOOK: Duration = Duration::from_secs(5);
/// Devices stay open so long after a call, for the next one.
const LINGER: Duration = Duration::from_secs(10);
/// Datagrams taken a round.
const BATCH: usize = 64;
/// Wish for the lifetime of the registration.
const REGISTER_SECS: u32 = 120;
const MAX_DATAGRAM_BYTES: usize = 2_048;

/// Runs until the phone has stopped.
pub(super) async fn run(
    config: PhoneConfig,
    commands: mpsc::Receiver<PhoneCommand>,
    events: mpsc::Sender<PhoneEvent>,
) {
    let mut teller = Teller { events, waiting: VecDeque::new() };
    match Driver::new(config, commands, &mut teller) {
        Ok(mut driver) => driver.run(&mut teller).await,
        Err(problem) => {
            teller.tell(PhoneEvent::Problem(problem));
            teller.tell(PhoneEvent::Stopped);
        }
    }
    teller.finish().await;
}

/// Gives events on without ever waiting.
struct Teller {
    events: mpsc::Sender<PhoneEvent>,
    waiting: VecDeque<PhoneEvent>,
}

impl Teller {
    fn tell(&mut self, event: PhoneEvent) {
        let full = self.waiting.len() >= EVENT_QUEUE_LEN;
        match &event {
            PhoneEvent::Levels(_) if !self.waiting.is_empty() => return,
            PhoneEvent::State(_) => self.waiting.retain(|event| !matches!(event, PhoneEvent::State(_))),
            _ if full => {
                tracing::warn!("nobody takes the phone's events");
                return;
            }
            _ => {}
        }
        self.waiting.push_back(event);
        self.push();
    }

    fn push(&mut self) {
        while !self.waiting.is_empty() {
            let Ok(permit) = self.events.try_reserve() else { break };
            if let Some(event) = self.waiting.pop_front() {
                permit.send(event);
            }
        }
        // What is measured ten times a second is old by the time there is room.
        if self.events.capacity() == 0 {
            self.waiting.retain(|event| !matches!(event, PhoneEvent::Levels(_)));
        }
    }

    async fn finish(mut self) {
        for event in self.waiting.drain(..) {
            if self.events.send(event).await.is_err() {
                return;
            }
        }
    }
}

/// Why a round with one set of sockets ended.
enum End {
    Stopped,
    Moved,
}

struct Driver {
    registrar: Registrar,
    engine: Engine,
    commands: mpsc::Receiver<PhoneCommand>,
    /// The last handle is gone.
    orphaned: bool,
    sound: Sound,
    news: Option<mpsc::Receiver<News>>,
    random: StdRng,
    frame_at: Option<Instant>,
    close_at: Option<Instant>,
    buffer: Vec<u8>,
}

impl Driver {
    fn new(
        config: PhoneConfig,
        commands: mpsc::Receiver<PhoneCommand>,
        teller: &mut Teller,
    ) -> Result<Driver, Problem> {
        let broken = |what: &str| Problem {
            about: ProblemAbout::Registration,
            message: format!("The phone cannot start: {what}."),
            hint: "Ask the administrator to check the telephone settings of the service.".into(),
        };
        let registrar = Registrar::of(&config.account, config.transport)
            .ok_or_else(|| broken("the service has no telephone port for it"))?;
        let registrar_uri =
            registrar.uri().ok_or_else(|| broken("the service's telephone port cannot be read"))?;
        let address: Uri =
            config.account.address.parse().map_err(|_| broken("the account's address cannot be read"))?;
        let (sound, news) = Sound::new(config.audio).unwrap_or_else(|error| {
            teller.tell(PhoneEvent::Problem(Problem {
                about: ProblemAbout::Sound,
                message: format!("Sound cannot be set up: {error}."),
                hint: "Close other programs, then start this one again.".into(),
            }));
            (Sound::None, None)
        });
        let mut random = StdRng::seed_from_u64(config.seed);
        let engine_config = EngineConfig {
            address,
            registrar: registrar_uri,
            trusted: Vec::new(),
            display_name: config.display_name,
            credentials: Credentials { username: config.account.username, password: config.account.password },
            codecs: config.codecs,
            region: config.region,
            media: SocketAddr::from(([0, 0, 0, 0], 0)),
            register_secs: REGISTER_SECS,
        };
        let engine = Engine::new(engine_config, rand::RngExt::random(&mut random));
        Ok(Driver {
            registrar,
            engine,
            commands,
            orphaned: false,
            sound,
            news,
            random,
            frame_at: None,
            close_at: None,
            buffer: vec![0; MAX_DATAGRAM_BYTES],
        })
    }

    async fn run(&mut self, teller: &mut Teller) {
        let mut told = None;
        loop {
            let services = self.registrar.addresses().await;
            let opened = if services.is_empty() {
                Err(format!("the name of the service, {}, cannot be looked up", self.registrar.label()))
            } else {
                Network::open(&services, &mut self.random)
            };
            match opened {
                Ok(mut network) => {
                    told = None;
                    let trusted = services.iter().map(SocketAddr::ip).collect();
                    self.engine.handle(clock::now(), Input::Moved { media: network.media, trusted });
                    match self.drive(&mut network, teller).await {
                        End::Stopped => return,
                        End::Moved => tracing::info!("the machine's address changed"),
                    }
                }
                Err(words) => {
                    if told.as_ref() != Some(&words) {
                        self.tell_offline(&words, teller);
                        told = Some(words);
                    }
                    if self.wait_offline(teller).await {
                        teller.tell(PhoneEvent::Stopped);
                        return;
                    }
                }
            }
        }
    }

    fn tell_offline(&self, words: &str, teller: &mut Teller) {
        let registration = Registration::Failed { status: 503, reason: words.into() };
        teller.tell(PhoneEvent::State(Box::new(PhoneState { registration, ..self.engine.state() })));
        teller.tell(PhoneEvent::Problem(Problem {
            about: ProblemAbout::Network,
            message: format!("No calls can come: {words}."),
            hint: "It is tried again by itself; check the network.".into(),
        }));
    }

    /// Until the next try; true when the phone shall stop.
    async fn wait_offline(&mut self, teller: &mut Teller) -> bool {
        let until = Instant::now() + RETRY;
        let user = teller.events.clone();
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(until) => return false,
                () = user.closed() => return true,
                news = next_of(&mut self.news) => self.news(news, teller),
                command = self.commands.recv() => match command {
                    None | Some(PhoneCommand::Stop) => return true,
                    Some(PhoneCommand::UseDevices(choice)) => self.sound.use_devices(choice),
                    Some(PhoneCommand::RefreshDevices) => self.sound.refresh(),
                    // There is nobody to call.
                    Some(_) => {}
                },
            }
        }
    }

    async fn drive(&mut self, network: &mut Network, teller: &mut Teller) -> End {
        let mut look = tokio::time::interval(LOOK);
        let user = teller.events.clone();
        self.carry_out(network, teller).await;
        loop {
            self.schedule();
            tokio::select! {
                command = self.commands.recv(), if !self.orphaned => self.command(command),
                event = network.events.recv() => match event {
                    Some(event) => self.handle(Input::Sip(event)),
                    None => return End::Moved,
                },
                ready = network.rtp.readable() => {
                    if ready.is_ok() {
                        self.receive(&network.rtp);
                    }
                }
                ready = network.rtcp.readable() => {
                    if ready.is_ok() {
                        self.receive(&network.rtcp);
                    }
                }
                () = at(self.frame_at) => self.frame(),
                () = due(self.engine.deadline()) => self.handle(Input::Tick),
                () = at(self.close_at) => {
                    self.close_at = None;
                    self.sound.open(false);
                }
                news = next_of(&mut self.news) => self.news(news, teller),
                room = user.reserve(), if !teller.waiting.is_empty() => {
                    drop(room);
                    teller.push();
                }
                () = user.closed(), if !self.orphaned => {
                    self.orphaned = true;
                    self.handle(Input::Command(PhoneCommand::Stop));
                }
                _ = look.tick() => {
                    if network.has_moved() {
                        return End::Moved;
                    }
                }
            }
            self.carry_out(network, teller).await;
            if self.engine.is_stopped() {
                return End::Stopped;
            }
        }
    }

    fn handle(&mut self, input: Input) {
        self.engine.handle(clock::now(), input);
    }

    fn command(&mut self, command: Option<PhoneCommand>) {
        match command {
            Some(PhoneCommand::UseDevices(choice)) => self.sound.use_devices(choice),
            Some(PhoneCommand::RefreshDevices) => self.sound.refresh(),
            Some(command) => self.handle(Input::Command(command)),
            None => {
                self.orphaned = true;
                self.handle(Input::Command(PhoneCommand::Stop));
            }
        }
    }

    fn news(&mut self, news: Option<News>, teller: &mut Teller) {
        let Some(news) = news else {
            self.news = None;
            return;
        };
        match self.sound.news(news) {
            Some(Told::Devices(devices)) => self.handle(Input::Devices(devices)),
            Some(Told::Problem { message, hint }) => {
                teller.tell(PhoneEvent::Problem(Problem { about: ProblemAbout::Sound, message, hint }));
            }
            None => {}
        }
    }

    fn receive(&mut self, socket: &UdpSocket) {
        for _ in 0..BATCH {
            // An error is an empty queue, or the ICMP answer to a packet of ours; neither ends a call.
            let Ok((len, from)) = socket.try_recv_from(&mut self.buffer) else { return };
            let bytes = self.buffer.get(..len).unwrap_or_default().to_vec();
            self.handle(Input::Media { from, bytes });
        }
    }

    fn frame(&mut self) {
        let mic = self.sound.speak();
        self.handle(Input::Frame(mic));
        let now = Instant::now();
        self.frame_at =
            self.frame_at.map(|at| at + FRAME).filter(|at| now < *at + MAX_LATE).or(Some(now + FRAME));
    }

    /// When the next frame is due, and when the devices may be closed.
    fn schedule(&mut self) {
        if !self.engine.wants_sound() {
            self.frame_at = None;
        } else if self.frame_at.is_none() {
            self.frame_at = Some(Instant::now());
        }
        if self.engine.wants_devices() {
            self.close_at = None;
            self.sound.open(true);
        } else if self.sound.is_open() && self.close_at.is_none() {
            self.close_at = Some(Instant::now() + LINGER);
        }
    }

    async fn carry_out(&mut self, network: &Network, teller: &mut Teller) {
        while let Some(output) = self.engine.poll() {
            match output {
                // The driver takes commands even when its events wait, so this does not wait for ourselves.
                Output::Sip(command) => {
                    if network.sip.command(command).await.is_err() {
                        tracing::warn!("the sip driver has ended");
                    }
                }
                // A full socket is loss, which the far side conceals.
                Output::Rtp { to, bytes } => drop(network.rtp.try_send_to(&bytes, to)),
                Output::Rtcp { to, bytes } => drop(network.rtcp.try_send_to(&bytes, to)),
                Output::Play { frame, voice } => self.sound.hear(&frame, voice),
                Output::Restart => self.sound.restart(),
                Output::Ring(on) => self.sound.ring(on),
                Output::Event(event) => teller.tell(event),
            }
        }
    }
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

async fn next_of<T>(queue: &mut Option<mpsc::Receiver<T>>) -> Option<T> {
    match queue {
        Some(queue) => queue.recv().await,
        None => std::future::pending().await,
    }
}
