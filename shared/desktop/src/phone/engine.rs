//! The phone without its world: registration, one call, its media. Pure: `handle`, `poll`, `deadline`.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use shared::audio::codec::Codec;
use shared::audio::tone::Region;
use shared::audio::{Frame, level};
use shared::sip::{self, Body, Credentials, EndedBy, Flow, IncomingInfo, NameAddr, SessionId, Uri};
use shared::time::{Timers, Timestamp};

use super::about;
use super::call::{Call, Stage};
use super::types::{
    Devices, Direction, EndReason, Levels, Phase, PhoneCallId, PhoneCommand, PhoneEvent, PhoneState, Problem,
    ProblemAbout, Registration,
};

/// The only registration of a phone.
const REGISTRATION: sip::RegistrationId = sip::RegistrationId(1);
/// How long the far side may take to tell how a transfer went.
const TRANSFER_PATIENCE: Duration = Duration::from_secs(60);
/// How long a busy tone is played.
const BUSY_TONE: Duration = Duration::from_secs(3);
/// How long stopping may take; a service that is gone does not keep a program open.
const STOP_PATIENCE: Duration = Duration::from_secs(2);
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
    call: Option<Call>,
    tone: Option<shared::audio::tone::Player>,
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
        self.call.is_some() || self.tone.is_some()
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
                    self.tone = Some(shared::audio::tone::Player::new(shared::audio::tone::Tone::Beep));
                    self.timers.set(Timer::Tone, now + Duration::from_secs(1));
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

    fn answer(&mut self, now: Timestamp) {
        self.timers.cancel(&Timer::AutoAnswer);
        let Some(call) = &mut self.call else { return };
        match call.answer(now, &self.config, &mut self.random) {
            Some(Ok(())) => {
                self.outputs.push_back(Output::Restart);
                self.timers.set(Timer::Quality, now + QUALITY_INTERVAL);
            }
            Some(Err(words)) => {
                self.problem(ProblemAbout::Call, format!("The call cannot be answered: {words}."), "");
                self.end(EndReason::NoMedia(words));
            }
            None => {}
        }
        self.ring();
    }

    fn hang_up(&mut self, now: Timestamp) {
        let Some(call) = &mut self.call else { return };
        call.hang_up(now);
        self.end(EndReason::HungUp);
    }

    fn hold(&mut self, now: Timestamp, wanted: bool) {
        if let Some(call) = &mut self.call {
            call.hold(now, &self.config, wanted);
        }
    }

    fn key(&mut self, key: char) {
        let key = key.to_ascii_uppercase();
        if shared::audio::tone::dtmf_hz(key).is_some()
            && let Some(call) = &mut self.call
        {
            call.press(key);
        }
    }

    fn transfer(&mut self, now: Timestamp, target: &str) {
        let Some(refer_to) = self.read_target(target) else { return };
        let referred_by = self.config.address.clone();
        if let Some(call) = &mut self.call
            && call.transfer(now, refer_to, referred_by)
        {
            self.timers.set(Timer::Transfer, now + TRANSFER_PATIENCE);
        }
    }

    fn dial(&mut self, now: Timestamp, target: &str) {
        if self.call.is_some() || self.life != Life::Running {
            return;
        }
        let Some(target) = self.read_target(target) else { return };
        self.last_session += 1;
        let session = SessionId(self.last_session);
        let id = self.next_call();
        let from = NameAddr::named(&self.config.display_name, self.config.address.clone());
        self.stop_tone();
        let call = Call::dial(now, id, session, target, from, &self.config, &mut self.random);
        self.call = Some(call);
    }

    /// A whole address, or a number behind our registrar.
    fn read_target(&mut self, target: &str) -> Option<Uri> {
        let target = target.trim();
        let parsed = if target.contains(':') {
            target.parse::<Uri>().ok()
        } else if target.is_empty() || target.len() > 256 {
            None
        } else {
            let mut uri = self.config.registrar.clone();
            // Separators that people write in numbers (RFC 3966 §5.1.1); names keep theirs.
            let number = target.chars().all(|c| c.is_ascii_digit() || "+*# -./()".contains(c));
            let user: String =
                target.chars().filter(|c| !number || c.is_ascii_digit() || "+*#".contains(*c)).collect();
            uri.user = Some(sip::uri::escape_user(&user));
            Some(uri)
        };
        if parsed.is_none() {
            self.problem(
                ProblemAbout::Call,
                format!("{target:?} is no number and no SIP address."),
                "Use digits, a name, or sip:name@host.",
            );
        }
        parsed
    }

    fn next_call(&mut self) -> PhoneCallId {
        self.last_call += 1;
        PhoneCallId(self.last_call)
    }

    fn sip(&mut self, now: Timestamp, event: sip::Event) {
        match event {
            sip::Event::Incoming { session, flow, request } => self.incoming(now, session, flow, &request),
            sip::Event::Registered { registration, expires_secs } if registration == REGISTRATION => {
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
            sip::Event::RequestDone { .. } => {}
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

    fn incoming(&mut self, now: Timestamp, session: SessionId, flow: Flow, request: &IncomingInfo) {
        if self.call.is_some() || self.life != Life::Running {
            return self.refuse(session, 486);
        }
        let id = self.next_call();
        let mut call = match Call::incoming(now, id, session, request, &self.config, &mut self.random) {
            Ok(call) => call,
            Err(status) => return self.refuse(session, status),
        };
        let trusted = self.config.trusted.contains(&flow.remote.ip());
        let after = about::answer_after(&request.headers).filter(|_| trusted);
        call.ring();
        self.stop_tone();
        self.call = Some(call);
        match after {
            Some(after) if after.is_zero() => self.answer(now),
            Some(after) => self.timers.set(Timer::AutoAnswer, now + after),
            None => {}
        }
        self.ring();
    }

    fn refuse(&mut self, session: SessionId, status: u16) {
        self.send(sip::Command::Reject { session, status, reason: String::new(), headers: Vec::new() });
    }

    fn call_event(&mut self, now: Timestamp, event: sip::Event) {
        let Some(session) = session_of(&event) else { return };
        let Some(call) = self.call.as_mut().filter(|call| call.session == session) else { return };
        match event {
            sip::Event::Progress { status, body, .. } => {
                if call.progress(now, status, body.as_ref(), &mut self.random) {
                    self.outputs.push_back(Output::Restart);
                }
                let ring = call.state.phase == Phase::RingingThere && !call.has_media();
                if ring && self.tone.is_none() {
                    let tone = shared::audio::tone::Tone::Ringback(self.config.region);
                    self.tone = Some(shared::audio::tone::Player::new(tone));
                } else if !ring {
                    self.stop_tone();
                }
            }
            sip::Event::Answered { body, .. } => {
                let had_media = call.has_media();
                let answered = call.answered(now, body.as_ref(), &mut self.random);
                self.stop_tone();
                match answered {
                    Ok(()) if had_media => {}
                    Ok(()) => self.outputs.push_back(Output::Restart),
                    Err(words) => self.no_media(now, words),
                }
                self.timers.set(Timer::Quality, now + QUALITY_INTERVAL);
            }
            sip::Event::Confirmed { body, .. } => {
                if let Some(body) = body
                    && let Err(words) = call.accept(now, &body, &mut self.random)
                {
                    self.no_media(now, words);
                }
            }
            sip::Event::Rejected { status, reason, .. } => {
                let reason = refusal(status, &reason);
                self.end(EndReason::Refused { status, reason });
                let tone = shared::audio::tone::Tone::Busy(self.config.region);
                self.tone = Some(shared::audio::tone::Player::new(tone));
                self.timers.set(Timer::Tone, now + BUSY_TONE);
            }
            sip::Event::Reoffer { body, .. } => {
                call.reoffer(now, body.as_ref(), &self.config, &mut self.random)
            }
            sip::Event::ReinviteDone { body, .. } => {
                if let Err(words) = call.reinvited(now, body.as_ref(), &mut self.random) {
                    self.no_media(now, words);
                }
            }
            sip::Event::ReinviteFailed { status, .. } => {
                if let Some(wanted) = call.reinvite_failed(now) {
                    let what = if wanted { "put on hold" } else { "taken back from hold" };
                    let message = format!("The call cannot be {what}: the far side answered {status}.");
                    self.problem(ProblemAbout::Call, message, "Try again.");
                }
            }
            sip::Event::Info { body, .. } => {
                if let Some(key) = body.as_ref().and_then(key_of) {
                    self.outputs.push_back(Output::Event(PhoneEvent::KeyHeard(key)));
                }
            }
            sip::Event::Refer { session, .. } => {
                // A phone that anybody could make call anybody is a danger.
                self.send(sip::Command::RespondRefer { session, status: 603 });
            }
            sip::Event::ReferProgress { status, last, .. } => self.referred(now, status, last),
            sip::Event::Ended { by, reason, .. } => {
                let transferring = call.state.phase == Phase::Transferring;
                self.end(match by {
                    EndedBy::Peer if transferring => EndReason::Transferred,
                    EndedBy::Peer => {
                        EndReason::PeerHungUp { reason: reason.as_deref().and_then(reason_text) }
                    }
                    EndedBy::Local => EndReason::HungUp,
                    EndedBy::Timeout | EndedBy::Transport => EndReason::Lost,
                });
            }
            sip::Event::Cancelled { reason, .. } => {
                self.end(EndReason::Missed { reason: reason.as_deref().and_then(reason_text) });
            }
            // Not about a call; taken before.
            sip::Event::Incoming { .. }
            | sip::Event::Registered { .. }
            | sip::Event::RegistrationFailed { .. }
            | sip::Event::Request { .. }
            | sip::Event::RequestDone { .. } => {}
        }
    }

    fn no_media(&mut self, now: Timestamp, words: String) {
        if let Some(call) = &mut self.call {
            call.hang_up(now);
        }
        self.problem(ProblemAbout::Call, format!("The call has no sound: {words}."), "");
        self.end(EndReason::NoMedia(words));
    }

    fn referred(&mut self, now: Timestamp, status: u16, last: bool) {
        if status < 200 && !last {
            return;
        }
        let Some(call) = &mut self.call else { return };
        if call.state.phase != Phase::Transferring {
            return;
        }
        self.timers.cancel(&Timer::Transfer);
        let done = (200..300).contains(&status);
        self.outputs.push_back(Output::Event(PhoneEvent::Transfer { done, status }));
        if done {
            // RFC 5589 §6: the transferor ends its own call once the transfer stands.
            call.hang_up(now);
            self.end(EndReason::Transferred);
        } else {
            call.transfer_failed(now);
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

    fn ring(&mut self) {
        let ringing = self.ring_aloud
            && self.call.as_ref().is_some_and(|call| matches!(call.stage, Stage::Ringing { .. }))
            && self.timers.at(&Timer::AutoAnswer).is_none();
        if ringing != self.ringing {
            self.ringing = ringing;
            self.outputs.push_back(Output::Ring(ringing));
        }
    }

    /// Takes the call away; what it still wants to send goes out first.
    fn end(&mut self, why: EndReason) {
        let Some(mut call) = self.call.take() else { return };
        self.outputs.append(&mut call.outputs);
        for timer in [Timer::AutoAnswer, Timer::Transfer, Timer::Quality] {
            self.timers.cancel(&timer);
        }
        self.stop_tone();
        self.ring();
        self.outputs.push_back(Output::Event(PhoneEvent::Ended { call: Box::new(call.state), why }));
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
        | sip::Event::RequestDone { .. } => None,
    }
}

/// In words for people.
fn refusal(status: u16, reason: &str) -> String {
    match status {
        404 | 604 => "there is no such number".into(),
        408 | 480 => "nobody answers".into(),
        486 | 600 => "the line is busy".into(),
        487 => "the call was given up".into(),
        403 => "the call is not allowed".into(),
        488 | 606 => "the far side has no common codec".into(),
        503 => "the service cannot be reached".into(),
        603 => "the call was refused".into(),
        _ => format!("the far side answered {status} {reason}").trim_end().into(),
    }
}

/// The text of a Reason header (RFC 3326): `SIP;cause=200;text="Call completed elsewhere"`.
fn reason_text(header: &str) -> Option<String> {
    let (_, text) = sip::header::split(header, ';')
        .filter_map(|part| part.trim().split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("text"))?;
    let text = text.trim();
    Some(sip::header::unquote(text).unwrap_or_else(|| text.to_owned()))
}

/// The key of an INFO body: `Signal=5` in `application/dtmf-relay`, or the bare key in `application/dtmf`.
fn key_of(body: &Body) -> Option<char> {
    let text = body.text();
    let word = if body.is("application/dtmf-relay") {
        text.lines()
            .filter_map(|line| line.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("signal"))
            .map(|(_, value)| value.trim().to_owned())?
    } else if body.is("application/dtmf") {
        text.trim().to_owned()
    } else {
        return None;
    };
    // RFC 4733 §3.2 numbers 10 and 11 are what some phones write for star and hash.
    let key = match word.as_str() {
        "10" => '*',
        "11" => '#',
        word => word.chars().next().filter(|_| word.len() == 1)?.to_ascii_uppercase(),
    };
    shared::audio::tone::dtmf_hz(key).map(|_| key)
}

impl Direction {
    /// The word that people read.
    pub fn label(self) -> &'static str {
        match self {
            Direction::Incoming => "Incoming call",
            Direction::Outgoing => "Outgoing call",
        }
    }
}
