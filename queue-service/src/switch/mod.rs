//! The one task that owns routing and calls, and the commands it takes.
//!
//! ```text
//!  SIP events ──┐                       ┌─► SIP commands
//!  media events ┤   ┌──── switch ────┐  ├─► media commands
//!  commands ────┼──►│ ACD · machines │──┼─► facts to the hub
//!  deadlines ───┘   └────────────────┘  └─► replies
//! ```
//!
//! Both cores are pure and quick, so one task drives them all: what they tell each other is carried out in one queue of
//! work, in order, without a lock. Nothing here waits: SIP commands that do not fit into the driver's inbox stay in an
//! outbox until there is room.

mod act;
mod callback;
pub mod command;
pub mod configure;
mod defence;
mod dial;
mod encryption;
mod entry;
mod expect;
mod join;
mod media_link;
mod originate;
mod people;
mod place;
mod rekey;
mod replace;
mod route;
mod signal;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use shared::api::error::ApiError;
use shared::id::{CallId, LegId, QueueId, UserId};
use shared::model::queue::QueueInfo;
use shared::model::recording::Recording;
use shared::sip;
use shared::time::Timestamp;
use shared_net::sip::{CommandError, SipHandle};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::acd::{self, AcdConfig, Witnessed};
use crate::call;
use crate::clock;
use crate::config::Config;
use crate::live::Hub;
use crate::media::Media;
use crate::media::event::MediaEvent;
use crate::outreach::Blocked;
use crate::recording::Recorder;
use crate::sip::admission::Admission;
use crate::sip::phones::{Phones, SavedPhones};
use crate::sip::trunk::{self, Trunks};

use self::command::{Reply, Request};
use self::defence::Defence;
use self::entry::Entry;
use self::media_link::Prompts;

/// What the switch works with.
pub struct Parts {
    /// The configuration, checked.
    pub config: Arc<Config>,
    /// Its number.
    pub config_version: u64,
    /// The numbers that may not be called in a queue's name.
    pub blocked: Blocked,
    /// The SIP driver.
    pub sip: SipHandle,
    /// What it tells.
    pub sip_events: mpsc::Receiver<sip::Event>,
    /// The media workers.
    pub media: Media,
    /// What they tell.
    pub media_events: mpsc::Receiver<MediaEvent>,
    /// The recorder.
    pub recorder: Recorder,
    /// Where recordings are told that begin.
    pub recordings: mpsc::Sender<Recording>,
    /// Phones that registered with an earlier run.
    pub phones: Vec<(UserId, SavedPhones)>,
    /// Where phones are told that are to be kept for the next run.
    pub phone_keeper: mpsc::Sender<(UserId, SavedPhones)>,
    /// Where facts go.
    pub hub: Hub,
    /// Commands of the API.
    pub commands: mpsc::Receiver<Request>,
}

/// Something to do next.
enum Work {
    Call(CallId, call::io::Input),
    Acd(acd::Input),
}

/// Routing and calls.
pub struct Switch {
    config: Arc<Config>,
    queues: HashMap<QueueId, QueueInfo>,
    sip: SipHandle,
    outbox: VecDeque<sip::Command>,
    media: Media,
    recorder: Recorder,
    recordings: mpsc::Sender<Recording>,
    prompts: Arc<Prompts>,
    blocked: Blocked,
    hub: Hub,
    acd: Witnessed,
    forecasts: expect::Forecasts,
    phones: Phones,
    phone_keeper: mpsc::Sender<(UserId, SavedPhones)>,
    admission: Admission,
    trunks: Trunks,
    defence: Defence,
    random: StdRng,
    calls: HashMap<CallId, Entry>,
    sessions: HashMap<sip::SessionId, (CallId, LegId)>,
    deadlines: BTreeSet<(Timestamp, CallId)>,
    /// When the agents' figures of the day begin anew.
    day_ends: Timestamp,
    work: VecDeque<Work>,
    /// Legs of which nothing arrives, as was told; each until its port is closed at the latest.
    unheard: BTreeSet<LegId>,
    rekeys: rekey::Rekeys,
    asks: HashMap<(CallId, UserId), oneshot::Sender<Result<Reply, ApiError>>>,
    stopping: bool,
}

impl Switch {
    /// Routing with the configured queues and agents, and no calls.
    fn new(parts: &Parts) -> Switch {
        let mut random = StdRng::from_rng(&mut rand::rng());
        let config = &parts.config;
        Switch {
            day_ends: parts.hub.day_ends(clock::now()),
            config: parts.config.clone(),
            queues: config.queues().into_iter().map(|queue| (queue.id.clone(), queue)).collect(),
            sip: parts.sip.clone(),
            outbox: VecDeque::new(),
            media: parts.media.gathering(),
            recorder: parts.recorder.clone(),
            recordings: parts.recordings.clone(),
            prompts: Arc::new(Prompts::new(&parts.config)),
            blocked: parts.blocked.clone(),
            hub: parts.hub.clone(),
            forecasts: expect::Forecasts::default(),
            acd: Witnessed::new(clock::now(), AcdConfig::from(&config.acd), random.next_u64()),
            phones: Phones::new(config),
            phone_keeper: parts.phone_keeper.clone(),
            admission: Admission::new(config),
            trunks: Trunks::new(clock::now(), config, random.next_u64()),
            defence: Defence::default(),
            random,
            calls: HashMap::new(),
            sessions: HashMap::new(),
            deadlines: BTreeSet::new(),
            work: VecDeque::new(),
            unheard: BTreeSet::new(),
            rekeys: rekey::Rekeys::default(),
            asks: HashMap::new(),
            stopping: false,
        }
    }

    fn deadline(&self) -> Option<Timestamp> {
        let calls = self.deadlines.first().map(|(at, _)| *at);
        // Commands that did not fit are tried again soon.
        let retry = (!self.outbox.is_empty()).then(|| clock::now() + Duration::from_millis(2));
        [
            calls,
            self.acd.deadline(),
            self.phones.deadline(),
            self.trunks.deadline(),
            self.rekeys.deadline(),
            retry,
            Some(self.day_ends),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn tick(&mut self, now: Timestamp) {
        while let Some((at, call)) = self.deadlines.first().copied() {
            if at > now {
                break;
            }
            self.deadlines.pop_first();
            self.work.push_back(Work::Call(call, call::io::Input::Tick));
        }
        self.rekey(now);
        if self.day_ends <= now {
            self.day_ends = self.hub.day_ends(now);
            self.work.push_back(Work::Acd(acd::Input::DayStarted));
        }
        if self.acd.deadline().is_some_and(|at| at <= now) {
            self.work.push_back(Work::Acd(acd::Input::Tick));
        }
        if self.trunks.deadline().is_some_and(|at| at <= now) {
            self.trunks.handle(now, trunk::Input::Tick);
            self.leave_gone(now);
        }
        if self.phones.deadline().is_some_and(|at| at <= now) {
            let changed = self.phones.expire(now);
            self.phones_changed(changed);
        }
    }

    /// Does all the work there is, and all that comes of it.
    fn drain(&mut self) {
        loop {
            let now = clock::now();
            let Some(work) = self.work.pop_front() else { break };
            match work {
                Work::Call(call, input) => {
                    if let Some(entry) = self.calls.get_mut(&call) {
                        entry.machine.handle(now, input);
                        self.act(now, call);
                    }
                }
                Work::Acd(input) => {
                    self.acd.handle(now, input);
                    self.route(now);
                }
            }
        }
        self.outbox.extend(self.phones.take_changes().into_iter().map(sip::Command::Door));
        self.trunk_work();
        while let Some(command) = self.outbox.pop_front() {
            match self.sip.hand_over(command) {
                Ok(()) => {}
                Err((CommandError::Full, command)) => {
                    self.outbox.push_front(command);
                    break;
                }
                Err((CommandError::Stopped, _)) => self.outbox.clear(),
            }
        }
    }

    fn sip(&mut self, command: sip::Command) {
        self.outbox.push_back(command);
    }

    /// Ends every call; nothing new is taken any more.
    fn stop(&mut self) {
        self.stopping = true;
        self.trunks.stop();
        let calls: Vec<CallId> = self.calls.keys().copied().collect();
        for call in calls {
            self.work.push_back(Work::Call(call, call::io::Input::Shutdown));
        }
        self.drain();
    }
}

/// SIP events that are taken before the other sources have their turn.
const SIP_IN_A_ROW: usize = 64;

/// How long the SIP driver may take to say the last BYEs.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Runs the switch until `stop` is cancelled; then ends all calls and returns once the SIP driver has taken the last
/// command.
pub async fn run(mut parts: Parts, stop: CancellationToken) {
    let mut switch = Switch::new(&parts);
    switch.configure(parts.config_version, std::mem::take(&mut parts.phones));
    switch.drain();
    loop {
        let deadline = switch.deadline().map(|at| at.since(clock::now()));
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            event = parts.sip_events.recv() => match event {
                Some(event) => switch.on_sip(clock::now(), event),
                None => break,
            },
            event = parts.media_events.recv() => match event {
                Some(event) => switch.on_media(event),
                None => break,
            },
            request = parts.commands.recv() => match request {
                Some(request) => switch.on_command(clock::now(), request),
                None => break,
            },
            () = tokio::time::sleep(deadline.unwrap_or_default()), if deadline.is_some() => {}
        }
        switch.tick(clock::now());
        switch.drain();
        // What has come meanwhile is taken without asking all sources in turn; not for ever, because the others wait.
        for _ in 0..SIP_IN_A_ROW {
            let Ok(event) = parts.sip_events.try_recv() else { break };
            switch.on_sip(clock::now(), event);
            switch.drain();
        }
        // The SIP driver sends what this step said before a media worker takes the core: a phone waits for the one, the
        // other has the next 20 ms.
        tokio::task::yield_now().await;
        switch.media.wake();
    }
    switch.stop();
    switch.media.wake();
    // Room for the last BYEs; the driver empties its inbox at once unless it is stuck.
    for _ in 0..100 {
        if switch.outbox.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        switch.drain();
    }
    // Without a handle the driver takes what is left and ends, and its events with it.
    drop(switch);
    drop(parts.sip);
    let mut events = parts.sip_events;
    let ended = async { while events.recv().await.is_some() {} };
    if tokio::time::timeout(LAST_WORDS, ended).await.is_err() {
        tracing::warn!("the SIP driver did not end; some phones may not know that the service has stopped");
    }
}
