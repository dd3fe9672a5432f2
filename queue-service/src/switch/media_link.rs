//! Media for calls: ports with the codecs to offer, the bridge's parties, what is played, what the workers tell.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use shared::audio::codec::Codec;
use shared::audio::mixer::{Party as Place, Role};
use shared::audio::spoken;
use shared::audio::tone::{Region, Tone};
use shared::id::{CallId, LegId, TrunkId};
use shared::model::event::Event;
use shared::model::queue::{Destination, QueueInfo};
use shared::model::rules::LeaveFor;
use shared::sdp::LocalMedia;

use crate::call::io::{Input, LegEnd, Sound};
use crate::clock;
use crate::config::{Config, Dtmf};
use crate::media::event::MediaEvent;
use crate::media::prompt::Prompt;
use crate::media::{BridgeId, PlayMode};

use super::entry::LegState;
use super::{Switch, Work, place};

/// How long a key is pressed towards the other side, in milliseconds, when the phone did not say.
const KEY_MILLIS: u32 = 160;

/// How long a person hears the tone of a call that did not come through, in milliseconds.
const FAILURE_MILLIS: u32 = 2_880;

impl Switch {
    /// Opens a port in a call's bridge. The customer's codec is offered first, so that nothing is transcoded without
    /// need.
    pub(super) fn open_port(&self, call: CallId, leg: LegId, role: Role) -> Option<LocalMedia> {
        let entry = self.calls.get(&call)?;
        self.open_port_in(entry.bridge, leg, role, entry.codec)
    }

    /// Opens a port in a bridge; none, and a line in the log, when there is none to be had.
    pub(super) fn open_port_in(
        &self,
        bridge: BridgeId,
        leg: LegId,
        role: Role,
        first: Option<Codec>,
    ) -> Option<LocalMedia> {
        match self.media.open_port(bridge, leg, role) {
            Ok(mut local) => {
                if let Some(first) = first {
                    local.codecs.sort_by_key(|codec| *codec != first);
                }
                Some(local)
            }
            Err(error) => {
                tracing::error!(%leg, %error, "no media port for a leg");
                None
            }
        }
    }

    /// Tells the bridge who is in it.
    pub(super) fn hear(&mut self, call: CallId, parties: Vec<(LegId, Place)>) {
        if let Some(entry) = self.calls.get(&call) {
            self.media.set_parties(entry.bridge, parties);
        }
    }

    /// Plays to a leg.
    pub(super) fn play(&mut self, leg: LegId, sound: &Sound, play: u64) {
        let (prompt, mode) = match sound {
            Sound::Prompt(file) => (self.prompts.named(file), PlayMode::Once),
            Sound::Parts(files) => (self.prompts.joined(files), PlayMode::Once),
            Sound::Music(Some(file)) => (self.prompts.named(file), PlayMode::Loop),
            Sound::Music(None) => (None, PlayMode::Loop),
            Sound::Ringback => (Some(self.prompts.ringback.clone()), PlayMode::Loop),
            Sound::Busy => (Some(self.prompts.busy.clone()), PlayMode::Once),
            Sound::Confirmed => (Some(self.prompts.confirmed.clone()), PlayMode::Once),
            Sound::Refused => (Some(self.prompts.refused.clone()), PlayMode::Once),
            Sound::Congestion => (Some(self.prompts.congestion.clone()), PlayMode::Once),
        };
        // A file that went missing since the start must not mean silence for the caller.
        let prompt = prompt.unwrap_or_else(|| self.prompts.music.clone());
        self.media.play(leg, prompt, mode, play);
    }

    /// Passes a key that came by signalling (SIP INFO) to the other side of a talk, or to the queue.
    pub(super) fn pass_key(&mut self, call: CallId, from: LegId, key: char) {
        let Some(entry) = self.calls.get(&call) else { return };
        match entry.machine.other_side(from) {
            Some(to) => self.media.press(to, key, KEY_MILLIS),
            None => self.work.push_back(Work::Call(call, Input::Key { leg: from, key })),
        }
    }

    /// Listens for keys in the sound of a leg over a trunk that has them there.
    pub(super) fn hear_keys(&self, leg: LegId, trunk: &TrunkId) {
        let known = self.config.trunks.iter().find(|known| known.id == *trunk);
        self.media.hear_keys(leg, known.is_some_and(|known| known.dtmf == Dtmf::Inband));
    }

    fn is_held(&self, call: CallId, leg: LegId) -> bool {
        self.calls.get(&call).and_then(|entry| entry.legs.get(&leg)).is_some_and(|known| known.held)
    }

    fn is_up(&self, call: CallId, leg: LegId) -> bool {
        let known = self.calls.get(&call).and_then(|entry| entry.legs.get(&leg));
        known.is_some_and(|known| known.state == LegState::Up)
    }

    /// Nothing is missed of a leg any more. The end of a call says so by itself.
    fn heard(&mut self, call: CallId, leg: LegId) {
        if self.unheard.remove(&leg) && self.calls.contains_key(&call) {
            self.hub.publish(Event::AudioBack { call, leg });
        }
    }

    /// What the workers tell.
    pub(super) fn on_media(&mut self, event: MediaEvent) {
        match event {
            MediaEvent::PlayDone { call, leg, id } => {
                self.work.push_back(Work::Call(call, Input::PlayDone { leg, play: id }));
            }
            // A phone that holds may well send nothing, whatever it said.
            MediaEvent::NoMedia { call, leg, .. } if self.is_held(call, leg) => {}
            // Nor does one that has not answered yet owe us anything.
            MediaEvent::NoMedia { call, leg, .. } if !self.is_up(call, leg) => {}
            MediaEvent::NoMedia { call, leg, for_secs } => {
                tracing::warn!(%call, %leg, for_secs, "a phone has gone silent");
                self.work.push_back(Work::Call(call, Input::LegEnded { leg, how: LegEnd::Lost }));
            }
            MediaEvent::OneWay { call, leg, .. } if self.is_held(call, leg) => {}
            MediaEvent::OneWay { call, leg, side, for_millis, cause } => {
                let cause = cause.map(|cause| cause.words(&TimeZone::UTC).to_string());
                tracing::warn!(%call, %leg, for_millis, cause, "one-way audio: a leg is not heard");
                if self.calls.contains_key(&call) && self.unheard.insert(leg) {
                    let since = clock::now() - Duration::from_millis(for_millis);
                    self.hub.publish(Event::AudioLost { call, leg, side, since });
                }
            }
            MediaEvent::Heard { call, leg } => self.heard(call, leg),
            MediaEvent::PortClosed { call, leg, stats } => {
                self.heard(call, leg);
                self.rekeys.end(leg);
                let cause = stats.cause.map(|cause| cause.words(&TimeZone::UTC).to_string());
                tracing::info!(%call, %leg, cause, ?stats, "leg closed");
            }
            // In a talk keys reach the other side within the media.
            MediaEvent::Digit { call, leg, digit } => {
                self.work.push_back(Work::Call(call, Input::Key { leg, key: digit }));
            }
            MediaEvent::Talk { .. } => {}
        }
    }
}

/// Prompts and music, loaded once.
#[derive(Debug)]
pub(super) struct Prompts {
    by_name: HashMap<String, Arc<Prompt>>,
    music: Arc<Prompt>,
    ringback: Arc<Prompt>,
    busy: Arc<Prompt>,
    congestion: Arc<Prompt>,
    confirmed: Arc<Prompt>,
    refused: Arc<Prompt>,
}

impl Prompts {
    /// Loads every file that the queues name. One that cannot be read is reported; the built-in music stands in.
    pub fn new(config: &Config) -> Prompts {
        let folder = config.prompts_folder().unwrap_or_default();
        let mut by_name = HashMap::new();
        for name in config.queues().iter().flat_map(files) {
            match Prompt::load(&folder.join(&name)) {
                Ok(prompt) => {
                    by_name.insert(name, prompt);
                }
                Err(error) => {
                    tracing::error!(file = %name, %error, "a prompt cannot be played; music stands in")
                }
            }
        }
        Prompts {
            by_name,
            music: Prompt::hold_music(),
            ringback: Prompt::ringback(Region::default()),
            busy: Prompt::tone("busy", Tone::Busy(Region::default()), FAILURE_MILLIS),
            congestion: Prompt::tone("congestion", Tone::Congestion(Region::default()), FAILURE_MILLIS),
            confirmed: Prompt::tone("confirmed", Tone::CallWaiting, 1_000),
            refused: Prompt::tone("refused", Tone::Congestion(Region::default()), 960),
        }
    }

    /// Several in a row; what is missing is left out.
    fn joined(&self, files: &[String]) -> Option<Arc<Prompt>> {
        let parts = files.iter().filter_map(|name| self.by_name.get(name));
        let samples: Vec<i16> = parts.flat_map(|prompt| prompt.samples()).copied().collect();
        (!samples.is_empty()).then(|| Arc::new(Prompt::new("announcement", samples)))
    }

    fn named(&self, name: &str) -> Option<Arc<Prompt>> {
        self.by_name.get(name).cloned()
    }
}

/// Every file that a queue plays.
fn files(queue: &QueueInfo) -> Vec<String> {
    let fixed = [&queue.when_full, &queue.when_closed, &queue.when_timed_out, &queue.waiting.when_empty];
    let keys = queue.waiting.keys.values().filter_map(LeaveFor::destination);
    let announced = fixed.into_iter().cloned().chain(keys).filter_map(|to| match to {
        Destination::Announce { prompt } => Some(prompt),
        Destination::Reject { .. } | Destination::Queue { .. } => None,
    });
    let callback = queue.callback.iter().flat_map(|rules| [&rules.taken, &rules.refused]);
    let played = [&queue.greeting, &queue.music, &queue.announcement].into_iter().chain(callback);
    let spoken = queue.waiting.spoken_parts.iter().filter(|_| queue.waiting.says_figures());
    let spoken = spoken.flat_map(|folder| place::files(folder, spoken::parts(queue.waiting.spoken_language)));
    played.flatten().cloned().chain(announced).chain(spoken).collect()
}
