//! Sound devices by cpal: a thread of its own opens and closes them, because opening can take a second.
//!
//! The callbacks have whatever rate, format and length the device likes; they only move samples between the device
//! and a lock-free queue. Resampling to frames is done on the phone's side, see [`super::sound`].

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use cpal::traits::{DeviceTrait, HostTrait};
use cpal::{Device, Stream};
use tokio::sync::mpsc;

use super::ring::{Reader, Writer};
use super::stream::{capture, playback};
use super::types::{DeviceChoice, DeviceInfo, Devices};

/// Wishes that wait for the thread; the phone makes few.
const WISH_QUEUE_LEN: usize = 32;
/// News that wait for the phone.
const NEWS_QUEUE_LEN: usize = 32;
/// While sound is wanted and a device is missing it is looked for so often.
const RETRY: Duration = Duration::from_secs(3);
const NO_MICROPHONE: &str = "No microphone can be opened: silence is sent.";
const NO_SPEAKER: &str = "No speaker can be opened: nothing is heard.";
/// Different problems that are remembered as told.
const MAX_TOLD: usize = 32;
/// The thread looks for broken streams so often.
const ROUND: Duration = Duration::from_millis(250);

/// What the phone wants of its devices.
#[derive(Debug)]
pub(super) enum Wish {
    /// These devices from now on; none is the system's choice.
    Use(DeviceChoice),
    /// Look for devices again.
    List,
    /// Open microphone, speaker and ringer.
    Open,
    /// Close them.
    Close,
}

/// What the thread tells the phone.
#[derive(Debug)]
pub(super) enum News {
    /// What there is and what is used.
    Devices(Devices),
    /// The microphone from now on; none sends silence.
    Capture(Option<Capture>),
    /// The speaker from now on.
    Playback(Option<Playback>),
    /// Something failed, in a sentence, with what to do.
    Problem {
        /// What failed.
        message: String,
        /// What to do.
        hint: String,
    },
}

/// The phone's end of a microphone.
#[derive(Debug)]
pub(super) struct Capture {
    /// Mono samples at the device's rate.
    pub(super) samples: Reader,
    /// That rate.
    pub(super) rate_hz: u32,
}

/// The phone's end of a speaker.
#[derive(Debug)]
pub(super) struct Playback {
    /// Mono samples at the device's rate.
    pub(super) samples: Writer,
    /// That rate.
    pub(super) rate_hz: u32,
    /// Longest callback so far, in samples: so much must always wait.
    pub(super) callback_samples: Arc<AtomicUsize>,
}

/// The phone's end of the thread; the thread ends when this is dropped.
#[derive(Debug)]
pub(super) struct DeviceThread {
    wishes: SyncSender<Wish>,
    ringing: Arc<AtomicBool>,
}

enum Event {
    Wish(Wish),
    /// A stream broke.
    Broken(Part),
}

/// Which stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Input,
    Output,
    Ring,
}

impl DeviceThread {
    /// Starts the thread, which looks for devices at once.
    pub(super) fn start(choice: DeviceChoice) -> std::io::Result<(DeviceThread, mpsc::Receiver<News>)> {
        let (wishes, queue) = sync_channel(WISH_QUEUE_LEN);
        let (news, receiver) = mpsc::channel(NEWS_QUEUE_LEN);
        let ringing = Arc::new(AtomicBool::new(false));
        // A queue of its own: the streams live in the thread, so a shared one would never be closed.
        let (broken_sender, broken) = sync_channel(WISH_QUEUE_LEN);
        let state = State {
            choice,
            open: false,
            incomplete: false,
            idle_rounds: 0,
            streams: Streams::default(),
            ringing: ringing.clone(),
            news,
            broken_sender,
            told: BTreeSet::new(),
        };
        std::thread::Builder::new()
            .name("callfloor-sound".into())
            .spawn(move || state.run(&queue, &broken))?;
        Ok((DeviceThread { wishes, ringing }, receiver))
    }

    /// Never waits; a wish that does not fit is dropped, which only a stuck sound system brings about.
    pub(super) fn wish(&self, wish: Wish) {
        if self.wishes.try_send(wish).is_err() {
            tracing::warn!("the sound system is stuck");
        }
    }

    /// Rings, as long as the devices are open.
    pub(super) fn ring(&self, on: bool) {
        self.ringing.store(on, Ordering::Relaxed);
    }
}

#[derive(Default)]
struct Streams {
    input: Option<(Stream, String)>,
    output: Option<(Stream, String)>,
    ring: Option<Stream>,
}

struct State {
    choice: DeviceChoice,
    open: bool,
    /// Sound is wanted and a device is missing.
    incomplete: bool,
    idle_rounds: u32,
    streams: Streams,
    ringing: Arc<AtomicBool>,
    news: mpsc::Sender<News>,
    broken_sender: SyncSender<Part>,
    /// Problems that were told and have not passed since, so that no retry tells them again.
    told: BTreeSet<String>,
}

impl State {
    fn run(mut self, wishes: &Receiver<Wish>, broken: &Receiver<Part>) {
        self.probe();
        self.list();
        loop {
            // There is no waiting for two queues at once.
            let event = match wishes.recv_timeout(ROUND) {
                Ok(wish) => Some(Event::Wish(wish)),
                Err(RecvTimeoutError::Timeout) => broken.try_recv().ok().map(Event::Broken),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            match event {
                Some(Event::Wish(Wish::Use(choice))) => {
                    self.choice = choice;
                    self.told.clear();
                    if self.open {
                        self.reopen();
                    }
                    self.list();
                }
                Some(Event::Wish(Wish::List)) => {
                    self.told.clear();
                    self.probe();
                    self.list();
                }
                Some(Event::Wish(Wish::Open)) => {
                    if !self.open {
                        self.open = true;
                        self.reopen();
                        self.list();
                    }
                }
                Some(Event::Wish(Wish::Close)) => {
                    self.open = false;
                    self.incomplete = false;
                    self.streams = Streams::default();
                    self.tell(News::Capture(None));
                    self.tell(News::Playback(None));
                }
                Some(Event::Broken(part)) => self.lost(part),
                None => self.retry(),
            }
        }
    }

    fn tell(&self, news: News) {
        // Waiting is right: the phone takes news quickly, and its end shows as an error.
        let _ = self.news.blocking_send(news);
    }

    fn problem(&mut self, message: String, hint: &str) {
        if self.told.len() >= MAX_TOLD {
            self.told.clear();
        }
        if self.told.insert(message.clone()) {
            self.tell(News::Problem { message, hint: hint.into() });
        }
    }

    /// A default device may exist in name only, so its configuration is asked for.
    fn probe(&mut self) {
        let host = cpal::default_host();
        let input = host.default_input_device().is_some_and(|device| device.default_input_config().is_ok());
        let output =
            host.default_output_device().is_some_and(|device| device.default_output_config().is_ok());
        let missing = match (input, output) {
            (true, true) => return,
            (false, true) => "There is no microphone",
            (true, false) => "There is no speaker",
            (false, false) => "There is no sound device",
        };
        let message = format!("{missing}: calls can be taken, but silence is sent or nothing is heard.");
        self.problem(message, "Connect a headset, then choose it in the settings.");
        // The same again when a call opens them would be one sentence too many.
        if !input {
            self.told.insert(NO_MICROPHONE.into());
        }
        if !output {
            self.told.insert(NO_SPEAKER.into());
        }
    }

    fn list(&self) {
        let host = cpal::default_host();
        let info =
            |device: Device| Some(DeviceInfo { id: device.id().ok()?.to_string(), name: name(&device) });
        let inputs =
            host.input_devices().map(|devices| devices.filter_map(info).collect()).unwrap_or_default();
        let outputs =
            host.output_devices().map(|devices| devices.filter_map(info).collect()).unwrap_or_default();
        self.tell(News::Devices(Devices {
            inputs,
            outputs,
            choice: self.choice.clone(),
            input: self.streams.input.as_ref().map(|(_, name)| name.clone()),
            output: self.streams.output.as_ref().map(|(_, name)| name.clone()),
        }));
    }

    fn reopen(&mut self) {
        self.streams = Streams::default();
        self.open_input();
        self.open_output();
        self.open_ring();
        self.incomplete = self.streams.input.is_none() || self.streams.output.is_none();
    }

    fn retry(&mut self) {
        self.idle_rounds += 1;
        if !self.incomplete || ROUND * self.idle_rounds < RETRY {
            return;
        }
        self.idle_rounds = 0;
        if self.streams.input.is_none() {
            self.open_input();
        }
        if self.streams.output.is_none() {
            self.open_output();
        }
        self.incomplete = self.streams.input.is_none() || self.streams.output.is_none();
        if !self.incomplete {
            self.told.clear();
            self.list();
        }
    }

    fn lost(&mut self, part: Part) {
        let (what, gone) = match part {
            Part::Input => ("microphone", self.streams.input.take().map(|(_, name)| name)),
            Part::Output => ("speaker", self.streams.output.take().map(|(_, name)| name)),
            Part::Ring => ("ring device", self.streams.ring.take().map(|_| "for ringing".into())),
        };
        let Some(gone) = gone else { return };
        match part {
            Part::Input => self.open_input(),
            Part::Output => self.open_output(),
            Part::Ring => self.open_ring(),
        }
        let now = match part {
            Part::Input => self.streams.input.as_ref().map(|(_, name)| name.clone()),
            Part::Output => self.streams.output.as_ref().map(|(_, name)| name.clone()),
            Part::Ring => self.streams.ring.as_ref().map(|_| "the system's choice".into()),
        };
        match now {
            Some(now) => self.problem(
                format!("The {what} {gone} is gone; {now} is used instead."),
                "Connect it again, then choose it in the settings.",
            ),
            None => self.problem(
                format!("The {what} {gone} is gone, and there is no other."),
                "Connect a headset; it is found by itself.",
            ),
        }
        self.incomplete = self.streams.input.is_none() || self.streams.output.is_none();
        self.list();
    }

    fn open_input(&mut self) {
        let host = cpal::default_host();
        let wanted = find(&host, self.choice.input.as_deref());
        for device in wanted.into_iter().chain(host.default_input_device()) {
            match capture(&device, self.broken_sender.clone()) {
                Ok((stream, capture)) => {
                    self.streams.input = Some((stream, name(&device)));
                    self.tell(News::Capture(Some(capture)));
                    return;
                }
                Err(error) => tracing::debug!(device = %name(&device), %error, "open microphone"),
            }
        }
        self.tell(News::Capture(None));
        self.problem(NO_MICROPHONE.into(), "Connect a headset, and allow the program to use the microphone.");
    }

    fn open_output(&mut self) {
        let host = cpal::default_host();
        let wanted = find(&host, self.choice.output.as_deref());
        // One stream rings and speaks when both are the same device, which may not take two.
        let ringing = (self.choice.ring == self.choice.output || self.choice.ring.is_none())
            .then(|| self.ringing.clone());
        for device in wanted.into_iter().chain(host.default_output_device()) {
            match playback(&device, Part::Output, ringing.clone(), self.broken_sender.clone()) {
                Ok((stream, playback)) => {
                    self.streams.output = Some((stream, name(&device)));
                    self.tell(News::Playback(Some(playback)));
                    return;
                }
                Err(error) => tracing::debug!(device = %name(&device), %error, "open speaker"),
            }
        }
        self.tell(News::Playback(None));
        self.problem(NO_SPEAKER.into(), "Connect a headset or a speaker.");
    }

    fn open_ring(&mut self) {
        if self.choice.ring.is_none() || self.choice.ring == self.choice.output {
            return;
        }
        let host = cpal::default_host();
        let wanted = find(&host, self.choice.ring.as_deref());
        for device in wanted.into_iter().chain(host.default_output_device()) {
            let ringing = Some(self.ringing.clone());
            match playback(&device, Part::Ring, ringing, self.broken_sender.clone()) {
                Ok((stream, _)) => {
                    self.streams.ring = Some(stream);
                    return;
                }
                Err(error) => tracing::debug!(device = %name(&device), %error, "open ring device"),
            }
        }
        self.problem("The ring device cannot be opened: calls do not ring.".into(), "Choose another one.");
    }
}

fn find(host: &cpal::Host, id: Option<&str>) -> Option<Device> {
    host.device_by_id(&id?.parse().ok()?)
}

fn name(device: &Device) -> String {
    device
        .description()
        .map(|description| description.name().to_owned())
        .unwrap_or_else(|_| device.to_string())
}
