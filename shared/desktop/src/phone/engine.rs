//! The phone without its world: registration, one call, its media. Pure: `handle`, `poll`, `deadline`.

mod calls;
mod words;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use shared::audio::codec::Codec;
use shared::audio::tone::{Player, Region};
use shared::audio::{Frame, level};
use shared::sip::{self, Credentials, SessionId, Uri};
use shared::time::{Timers, Timestamp};

use super::call::{Call, Stage};
use super::types::{
    Devices, EndReason, Levels, PhoneCommand, PhoneEvent, PhoneState, Problem, ProblemAbout, Registration,
};

/// The only registration of a phone.
const REGISTRATION: sip::RegistrationId = sip::RegistrationId(1);
/// How long stopping may take; a service that is gone does not keep a program open.
const STOP_PATIENCE: Duration = Duration::from_secs(2);
/// How long a test of the ring device takes; opening it takes a part of it.
const RING_TEST: Duration = Duration::from_secs(2);
/// Levels come every fifth frame, ten times a second.
const FRAMES_PER_LEVEL: u32 = 5;
const QUALITY_INTERVAL: Duration = Duration::from_secs(1);

/// Settings of an engine.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Our address of record.
    pub address: Uri,
    /// Where to register, and what calls go out through.
    pub registrar: Uri,
    /// See [`Input::Moved`].
    pub trusted: Vec<IpAddr>,
    /// Name that others see.
    pub display_name: String,
    /// For challenges.
    pub credentials: Credentials,
    /// Codecs in order of preference.
    pub codecs: Vec<Codec>,
    /// Whose busy and ringing tones are played.
    pub region: Region,
    /// See [`Input::Moved`].
    pub media: SocketAddr,
    /// Lifetime of the registration that is asked for.
    pub register_secs: u32,
}

/// What happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// From the SIP endpoint.
    Sip(sip::Event),
    /// From the person.
    Command(PhoneCommand),
    /// A datagram on our RTP or RTCP socket.
    Media {
        /// Where from.
        from: SocketAddr,
        /// What.
        bytes: Vec<u8>,
    },
    /// 20 ms of the microphone; given every 20 ms while [`Engine::wants_sound`].
    Frame(Frame),
    /// The sound devices changed.
    Devices(Devices),
    /// Sockets and endpoint are new, at the beginning or because the machine's address changed: a call is lost, and
    /// the phone registers.
    Moved {
        /// Our RTP socket; RTCP is on the next port.
        media: SocketAddr,
        /// Addresses of the registrar: only calls from there may answer by themselves, because the microphone opens.
        trusted: Vec<IpAddr>,
    },
    /// The deadline passed.
    Tick,
}

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// For the SIP endpoint.
    Sip(sip::Command),
    /// Send from our RTP socket.
    Rtp {
        /// Where to.
        to: SocketAddr,
        /// What.
        bytes: Vec<u8>,
    },
    /// Send from our RTCP socket.
    Rtcp {
        /// Where to.
        to: SocketAddr,
        /// What.
        bytes: Vec<u8>,
    },
    /// Play this for 20 ms: one for each [`Input::Frame`].
    Play {
        /// The sound.
        frame: Frame,
        /// It is the far side's; false for our own tones.
        voice: bool,
    },
    /// A call begins: count frames from 0.
    Restart,
    /// Ring aloud, or no more.
    Ring(bool),
    /// Tell the person.
    Event(PhoneEvent),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    AutoAnswer,
    Transfer,
    Quality,
    Tone,
    RingTest,
    Stop,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Running,
    /// Unregistering.
    Stopping,
    Stopped,
}

/// The phone. See the module page for who drives it.
#[derive(Debug)]
pub struct Engine {
    config: EngineConfig,
    random: StdRng,
    life: Life,
    registration: Registration,
    devices: Devices,
    ring_aloud: bool,
    ringing: bool,
    ring_test: bool,
    call: Option<Call>,
    tone: Option<Player>,
    last_call: u64,
    last_session: u64,
    frames: u32,
    timers: Timers<Timer>,
    told: Option<PhoneState>,
    outputs: VecDeque<Output>,
}

impl Engine {
    /// `seed` feeds session numbers and SSRC.
    pub fn new(config: EngineConfig, seed: u64) -> Engine {
        Engine {
            config,
            random: StdRng::seed_from_u64(seed),
            life: Life::Running,
            registration: Registration::Off,
            devices: Devices::default(),
            ring_aloud: true,
            ringing: false,
            ring_test: false,
            call: None,
            tone: None,
            last_call: 0,
            last_session: 0,
            frames: 0,
            timers: Timers::default(),
            told: None,
            outputs: VecDeque::new(),
        }
    }

    /// Takes one input. Drain [`Engine::poll`] afterwards.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        match input {
            Input::Sip(event) => self.sip(now, event),
            Input::Command(command) => self.command(now, command),
            Input::Media { from, bytes } => {
                if let Some(call) = &mut self.call {
                    call.receive(now, from, &bytes);
                }
            }
            Input::Frame(frame) => self.frame(now, frame),
            Input::Devices(devices) => self.devices = devices,
            Input::Moved { media, trusted } => {
                self.config.media = media;
                self.config.trusted = trusted;
                if self.call.is_some() {
                    self.end(EndReason::Lost);
                }
                self.register();
            }
            Input::Tick => {}
        }
        while let Some(timer) = self.timers.pop_due(now) {
            self.timer(now, timer);
        }
        self.drain_call();
        self.tell();
    }

    /// The next thing to do; `None` when there is no more.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Tick`] is due.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.timers.deadline()
    }

    /// [`Input::Frame`] is wanted every 20 ms.
    pub fn wants_sound(&self) -> bool {
        self.tone.is_some() || self.call.as_ref().is_some_and(Call::has_media)
    }

    /// There is a call or a tone, so the devices should be open.
    pub fn wants_devices(&self) -> bool {
        self.call.is_some() || self.tone.is_some() || self.ring_test
    }

    /// The phone has unregistered; nothing more comes.
    pub fn is_stopped(&self) -> bool {
        self.life == Life::Stopped
    }

    /// The state as it is now, as in the last [`PhoneEvent::State`].
    pub fn state(&self) -> PhoneState {
        PhoneState {
            registration: self.registration.clone(),
            call: self.call.as_ref().map(|call| call.state.clone()),
            devices: self.devices.clone(),
            ring_aloud: self.ring_aloud,
        }
    }

    fn register(&mut self) {
        if self.life != Life::Running {
            return;
        }
        self.registration = Registration::Trying;
        self.send(sip::Command::Register {
            registration: REGISTRATION,
            aor: self.config.address.clone(),
            registrar: self.config.registrar.clone(),
            contact_user: self.config.credentials.username.clone(),
            expires_secs: self.config.register_secs,
            credentials: Some(self.config.credentials.clone()),
        });
    }

    fn command(&mut self, now: Timestamp, command: PhoneCommand) {
        match command {
            PhoneCommand::Answer => self.answer(now),
            PhoneCommand::Reject => {
                if self.call.as_ref().is_some_and(|call| matches!(call.stage, Stage::Ringing { .. })) {
                    self.hang_up(now);
                }
            }
            PhoneCommand::HangUp => self.hang_up(now),
            PhoneCommand::Hold => self.hold(now, true),
            PhoneCommand::Resume => self.hold(now, false),
            PhoneCommand::Mute(muted) => {
                if let Some(call) = &mut self.call {
                    call.state.muted = muted;
                }
            }
            PhoneCommand::Key(key) => self.key(key),
            PhoneCommand::Transfer(target) => self.transfer(now, &target),
            PhoneCommand::Dial(target) => self.dial(now, &target),
            PhoneCommand::RingAloud(aloud) => {
                self.ring_aloud = aloud;
                self.ring();
            }
            PhoneCommand::TestRing => {
                if self.call.is_none() {
                    self.ring_test = true;
                    self.timers.set(Timer::RingTest, now + RING_TEST);
                    self.ring();
                }
            }
            // Devices belong to the driver.
            PhoneCommand::UseDevices(_) | PhoneCommand::RefreshDevices => {}
            PhoneCommand::Stop => self.stop(now),
        }
    }

    fn stop(&mut self, now: Timestamp) {
        if self.life != Life::Running {
            return;
        }
        self.hang_up(now);
        self.life = Life::Stopping;
        self.send(sip::Command::Unregister { registration: REGISTRATION });
        self.timers.set(Timer::Stop, now + STOP_PATIENCE);
    }

    fn stopped(&mut self) {
        self.life = Life::Stopped;
        self.registration = Registration::Off;
        self.tell();
        self.outputs.push_back(Output::Event(PhoneEvent::Stopped));
    }

    fn sip(&mut self, now: Timestamp, event: sip::Event) {
        match event {
            sip::Event::Incoming { session, flow, request, .. } => {
                self.incoming(now, session, flow, &request)
            }
            sip::Event::Registered { registration, expires_secs, .. } if registration == REGISTRATION => {
                self.registered(now, expires_secs);
            }
            sip::Event::RegistrationFailed { registration, status, reason }
                if registration == REGISTRATION =>
            {
                self.not_registered(status, reason);
            }
            sip::Event::Registered { .. } | sip::Event::RegistrationFailed { .. } => {}
            // The endpoint is set up without user methods, and we ask nothing outside of dialogs.
            sip::Event::Request { transaction, .. } => self.send(sip::Command::Respond {
                transaction,
                status: 405,
                reason: String::new(),
                headers: Vec::new(),
                body: None,
            }),
            sip::Event::RequestDone { .. } | sip::Event::Door(_) => {}
            event => self.call_event(now, event),
        }
    }

    fn registered(&mut self, now: Timestamp, expires_secs: u32) {
        if expires_secs == 0 {
            if self.life == Life::Stopping {
                self.stopped();
            } else {
                self.registration = Registration::Off;
            }
        } else if !matches!(self.registration, Registration::Registered { .. }) {
            self.registration = Registration::Registered { since: now };
        }
    }

    fn not_registered(&mut self, status: u16, reason: String) {
        if self.life == Life::Stopping {
            self.stopped();
            return;
        }
        let reason = match status {
            401 | 403 | 407 => "the service does not accept the phone's account".into(),
            404 => "the service does not know the phone's address".into(),
            408 => "the service does not answer the phone".into(),
            503 => "the service's telephone port cannot be reached".into(),
            _ => format!("the service answered {status} {reason}"),
        };
        let failed = Registration::Failed { status, reason: reason.clone() };
        if self.registration != failed {
            self.registration = failed;
            let hint = match status {
                401 | 403 | 404 | 407 => "Sign in again.",
                _ => "It is tried again by itself; check the network and that the service runs.",
            };
            self.problem(ProblemAbout::Registration, format!("No calls can come: {reason}."), hint);
        }
    }

    fn timer(&mut self, now: Timestamp, timer: Timer) {
        match timer {
            Timer::AutoAnswer => self.answer(now),
            Timer::Transfer => self.referred(now, 408, true),
            Timer::Quality => {
                if let Some(call) = &mut self.call {
                    call.measure();
                    self.timers.set(Timer::Quality, now + QUALITY_INTERVAL);
                }
            }
            Timer::Tone => self.tone = None,
            Timer::RingTest => {
                self.ring_test = false;
                self.ring();
            }
            Timer::Stop => {
                if self.life == Life::Stopping {
                    self.stopped();
                }
            }
        }
    }

    fn frame(&mut self, now: Timestamp, mic: Frame) {
        let mut heard = Frame::SILENCE;
        let mut sent = Frame::SILENCE;
        let mut voice = false;
        if let Some(call) = &mut self.call
            && call.has_media()
        {
            sent = call.speak(now, mic);
            heard = call.hear(now);
            voice = true;
        }
        if let Some(tone) = &mut self.tone {
            let mut frame = Frame::SILENCE;
            let goes_on = tone.next_frame(&mut frame);
            heard = frame;
            voice = false;
            if !goes_on {
                self.stop_tone();
            }
        }
        self.outputs.push_back(Output::Play { frame: heard, voice });
        self.frames = self.frames.wrapping_add(1);
        if voice && self.frames.is_multiple_of(FRAMES_PER_LEVEL) {
            self.outputs.push_back(Output::Event(PhoneEvent::Levels(Levels {
                mic_dbov: level::rms_dbov(&sent.0),
                speaker_dbov: level::rms_dbov(&heard.0),
            })));
        }
    }

    fn stop_tone(&mut self) {
        self.tone = None;
        self.timers.cancel(&Timer::Tone);
    }

    fn drain_call(&mut self) {
        if let Some(call) = &mut self.call {
            call.drain();
            self.outputs.append(&mut call.outputs);
        }
    }

    fn tell(&mut self) {
        let state = self.state();
        if self.told.as_ref() != Some(&state) {
            self.told = Some(state.clone());
            self.outputs.push_back(Output::Event(PhoneEvent::State(Box::new(state))));
        }
    }

    fn send(&mut self, command: sip::Command) {
        self.outputs.push_back(Output::Sip(command));
    }

    fn problem(&mut self, about: ProblemAbout, message: String, hint: &str) {
        let problem = Problem { about, message, hint: hint.into() };
        self.outputs.push_back(Output::Event(PhoneEvent::Problem(problem)));
    }
}

fn session_of(event: &sip::Event) -> Option<SessionId> {
    match event {
        sip::Event::Incoming { session, .. }
        | sip::Event::Progress { session, .. }
        | sip::Event::Answered { session, .. }
        | sip::Event::Confirmed { session, .. }
        | sip::Event::Rejected { session, .. }
        | sip::Event::Reoffer { session, .. }
        | sip::Event::EarlyOffer { session, .. }
        | sip::Event::EarlyAnswer { session, .. }
        | sip::Event::ReinviteDone { session, .. }
        | sip::Event::ReinviteFailed { session, .. }
        | sip::Event::Info { session, .. }
        | sip::Event::Refer { session, .. }
        | sip::Event::ReferProgress { session, .. }
        | sip::Event::Ended { session, .. }
        | sip::Event::Cancelled { session, .. } => Some(*session),
        sip::Event::Registered { .. }
        | sip::Event::RegistrationFailed { .. }
        | sip::Event::Request { .. }
        | sip::Event::RequestDone { .. }
        | sip::Event::Door(_) => None,
    }
}

#[cfg(test)]
mod offer_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;
