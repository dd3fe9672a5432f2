//! Media: the ports of the legs, the bridges that join them, players and the taps of the recorder.
//!
//! ```text
//!             commands (bounded, waker)              ┌ port ◄─► socket pair ◄─► phone
//! switch ─► Media ─────────────────────► worker ─► bridge ─ port ◄─► socket pair ◄─► phone
//!        ◄──────── MediaEvent ──────────  thread    ├ hear matrix, players
//!                                                   └ tap ─► recorder
//! ```
//! A worker is one thread that owns whole bridges for life: no lock, no await and no allocation for each packet. The
//! signalling builds the plan (who hears whom, where to send); the packet path only walks it.
//!
//! Who hears exactly one other party with the same codec gets that one's packets as they come (*relay*); who hears
//! several, a prompt or another codec gets a mix of frames every 20 ms (*mix*). This is decided for each listener on
//! his own, so nobody can notice a supervisor who only listens, and a customer no whisper: what they receive does
//! not change by a bit. In a plain call nothing is decoded.
//!
//! The far side cannot tell relay and mix apart: stream, sequence and timestamps go on. What is mixed is later than what
//! is relayed by the depth of the jitter buffer; [`handover`] brings a listener from one to the other by playing a little
//! slower or faster, so that nothing is heard twice and nothing left out. Voices that come and go in a mix do so within
//! 10 ms and not with a step.
//!
//! A recorded bridge decodes in relay mode too, here and not in the recorder's thread: the tracks get the very frames
//! that a mix would have, at their true times, through every change between the two. It costs 19 µs a frame with
//! Opus and a fraction of it with G.711, and saves a second jitter buffer with another idea of time.

mod align;
mod bridge;
mod effort;
pub mod event;
mod handover;
mod latch;
mod line;
mod outlet;
mod player;
mod pool;
mod port;
pub mod prompt;
mod protection;
pub mod saved;
mod schedule;
mod socket;
mod stagger;
pub mod stats;
mod watch;
mod worker;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};

use shared::audio::codec::Codec;
use shared::audio::mixer::{self, Party, Role};
use shared::id::{CallId, LegId};
use shared::model::call::SupervisionMode;
use shared::model::sound::LegSound;
use shared::rtp::quality::cause::Cause;
use shared::sdp::{LocalMedia, Negotiated};
use tokio::sync::{mpsc, oneshot};

use self::event::MediaEvent;
use self::pool::PortPool;
use self::prompt::Prompt;
use self::stats::{LegStats, MediaStats, WorkerCounters};
use self::watch::Waker;
use self::worker::Command;
use crate::recording::tap::Tap;

/// The class that networks give voice (RFC 3246, RFC 4594 §4.1).
pub const EXPEDITED_FORWARDING: u8 = 46;

/// How media is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaConfig {
    /// The address that the sockets are bound to.
    pub bind: IpAddr,
    /// The address that session descriptions name; needed when `bind` is 0.0.0.0 or `::`, or behind a NAT.
    pub advertised: Option<IpAddr>,
    /// The first port of the range; each leg takes an even one and the next.
    pub port_min: u16,
    /// The last port of the range.
    pub port_max: u16,
    /// Worker threads; 0 takes as many as there are cores.
    pub workers: usize,
    /// The class of voice in the network (DSCP, RFC 2474), 0 to 63.
    pub dscp: u8,
    /// After so many seconds without a packet, where packets are expected, [`MediaEvent::NoMedia`] is sent.
    pub no_media_secs: u32,
    /// The same where none has come yet.
    pub no_first_media_secs: u32,
}

impl Default for MediaConfig {
    fn default() -> Self {
        MediaConfig {
            bind: IpAddr::from([127, 0, 0, 1]),
            advertised: None,
            port_min: 20_000,
            port_max: 29_999,
            workers: 0,
            dscp: EXPEDITED_FORWARDING,
            no_media_secs: 30,
            no_first_media_secs: 300,
        }
    }
}

/// Why media cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The address has no meaning for the far side.
    #[error("set up media on {0}: name the address that phones can reach as the advertised one")]
    NoAddress(IpAddr),
    /// The range has no pair of ports.
    #[error("set up media: the ports {0} to {1} hold no even port with its successor")]
    PortRange(u16, u16),
    /// Every port is taken.
    #[error("open a media port: all {0} of the range are in use; widen the range in the configuration")]
    PortsInUse(usize),
    /// The system refused a socket.
    #[error("open a media port on {address}")]
    Socket {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The system refused a worker.
    #[error("start a media worker")]
    Worker(#[source] std::io::Error),
    /// The bridge was closed, or never opened.
    #[error("open a media port: there is no such bridge")]
    NoBridge,
    /// The bridge has as many parties as there can be.
    #[error("open a media port: the bridge has {} parties already", mixer::MAX_PARTIES)]
    BridgeFull,
    /// The leg has a port already.
    #[error("open a media port: leg {0} has one already")]
    LegTaken(LegId),
}

/// A bridge: the parties of one call. It lives on one worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BridgeId {
    number: u64,
    worker: usize,
}

/// How often a prompt is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlayMode {
    /// To its end; then [`MediaEvent::PlayDone`].
    Once,
    /// Again and again until it is stopped.
    Loop,
}

/// The role that a supervisor's mode means in a bridge.
pub fn supervisor(mode: SupervisionMode) -> Role {
    Role::Supervisor(match mode {
        SupervisionMode::Monitor => mixer::Supervision::Monitor,
        SupervisionMode::Whisper => mixer::Supervision::Whisper,
        SupervisionMode::Barge => mixer::Supervision::Barge,
        SupervisionMode::TakeOver => mixer::Supervision::TakeOver,
    })
}

/// The media of the service. A handle: clones share the workers, which end with the last of them.
///
/// Nothing here waits for a worker. Each worker's inbox holds 4,096 commands and is emptied at least every 20 ms;
/// only when it is full, a command waits that long, because a lost one would leak a port.
#[derive(Debug, Clone)]
pub struct Media {
    shared: Arc<Shared>,
    /// Workers are woken by [`Media::wake`] alone.
    gathers: bool,
}

#[derive(Debug)]
struct Shared {
    config: MediaConfig,
    workers: Vec<WorkerHandle>,
    next_bridge: AtomicU64,
    /// Which ports are free. Guarded for a pop or a push.
    pool: Arc<Mutex<PortPool>>,
    /// Where legs and bridges are. Guarded for a look-up.
    places: Mutex<Places>,
}

#[derive(Debug)]
struct WorkerHandle {
    inbox: SyncSender<Command>,
    waker: Waker,
    /// The worker waits for packets and has to be woken; who takes the flag down does it.
    sleeps: Arc<AtomicBool>,
    /// Commands lie there of which the worker was not told.
    waits: AtomicBool,
    counters: Arc<WorkerCounters>,
}

impl WorkerHandle {
    fn wake(&self) {
        self.waits.store(false, Ordering::SeqCst);
        if self.sleeps.swap(false, Ordering::SeqCst)
            && let Err(error) = self.waker.wake()
        {
            tracing::warn!(%error, "waking a media worker failed; it wakes by itself within 20 ms");
        }
    }
}

#[derive(Debug, Default)]
struct Places {
    bridges: HashMap<BridgeId, Vec<LegId>>,
    calls: HashMap<CallId, BridgeId>,
    legs: HashMap<LegId, BridgeId>,
}

impl Media {
    /// Starts the workers. `events` is never waited for; see [`event`] for what happens when it is full.
    ///
    /// # Errors
    /// When the address or the range makes no sense, or a thread cannot be started.
    pub fn start(config: MediaConfig, events: mpsc::Sender<MediaEvent>) -> Result<Media, MediaError> {
        if config.advertised.is_none() && config.bind.is_unspecified() {
            return Err(MediaError::NoAddress(config.bind));
        }
        let pool = PortPool::new(config.port_min, config.port_max, &mut rand::rng());
        if pool.is_empty() {
            return Err(MediaError::PortRange(config.port_min, config.port_max));
        }
        let pool = Arc::new(Mutex::new(pool));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let count = if config.workers == 0 { cores } else { config.workers };
        let workers = (0..count)
            .map(|index| {
                worker::spawn(index, &config, events.clone(), pool.clone()).map_err(MediaError::Worker)
            })
            .collect::<Result<Vec<WorkerHandle>, MediaError>>()?;
        let shared = Shared {
            config,
            workers,
            next_bridge: AtomicU64::new(1),
            pool,
            places: Mutex::new(Places::default()),
        };
        Ok(Media { shared: Arc::new(shared), gathers: false })
    }

    /// A handle whose commands wake no worker until [`Media::wake`]: who gives several commands in a step pays for one
    /// wake-up, and at the moment of his choice. A
    /// forgotten one costs 20 ms, after which a worker with calls looks by itself, or half a second without calls.
    pub fn gathering(&self) -> Media {
        Media { shared: self.shared.clone(), gathers: true }
    }

    /// Wakes the workers that sleep over commands.
    pub fn wake(&self) {
        for worker in &self.shared.workers {
            if worker.waits.load(Ordering::SeqCst) {
                worker.wake();
            }
        }
    }

    /// Opens a bridge for a call, on the worker with the fewest.
    pub fn open_bridge(&self, call: CallId) -> BridgeId {
        let number = self.shared.next_bridge.fetch_add(1, Ordering::Relaxed);
        let worker = (0..self.shared.workers.len())
            .min_by_key(|index| {
                self.shared.workers.get(*index).map(|worker| worker.counters.bridges.load(Ordering::Relaxed))
            })
            .unwrap_or(0);
        let bridge = BridgeId { number, worker };
        self.places(|places| {
            places.calls.insert(call, bridge);
            places.bridges.insert(bridge, Vec::new())
        });
        if let Some(worker) = self.shared.workers.get(worker) {
            worker.counters.bridges.fetch_add(1, Ordering::Relaxed);
        }
        self.send(bridge, Command::OpenBridge { bridge, call });
        bridge
    }

    /// Opens a port for a leg: two sockets, bound when this returns, so that the session description can be written
    /// at once. The result names every codec; the caller may take some away. The leg is silent until
    /// [`Media::connect`].
    ///
    /// # Errors
    /// When no port is free, the bridge is gone or full, or the leg has a port already.
    pub fn open_port(&self, bridge: BridgeId, leg: LegId, role: Role) -> Result<LocalMedia, MediaError> {
        self.claim(bridge, leg)?;
        let sockets = match socket::open(&self.shared.config, &self.shared.pool) {
            Ok(sockets) => sockets,
            Err(error) => {
                self.forget(leg);
                return Err(error);
            }
        };
        let address = self.shared.config.advertised.unwrap_or(self.shared.config.bind);
        let local = LocalMedia::new(SocketAddr::new(address, sockets.port), &Codec::ALL);
        self.send(
            bridge,
            Command::OpenPort { bridge, leg, party: Party::new(role), sockets: Box::new(sockets) },
        );
        Ok(local)
    }

    /// Notes that the leg is in the bridge.
    fn claim(&self, bridge: BridgeId, leg: LegId) -> Result<(), MediaError> {
        self.places(|places| {
            if places.legs.contains_key(&leg) {
                return Err(MediaError::LegTaken(leg));
            }
            let legs = places.bridges.get_mut(&bridge).ok_or(MediaError::NoBridge)?;
            if legs.len() >= mixer::MAX_PARTIES {
                return Err(MediaError::BridgeFull);
            }
            legs.push(leg);
            places.legs.insert(leg, bridge);
            Ok(())
        })
    }

    /// What was agreed on for a leg, after each offer and answer: where to send, codec, direction. Sending goes on in
    /// the same stream; a new far address is learnt anew.
    pub fn connect(&self, leg: LegId, negotiated: Negotiated) {
        self.send_leg(leg, Command::Connect { leg, negotiated: Box::new(negotiated) });
    }

    /// Changes what a leg is in its bridge: role, held, muted. Who hears whom follows from all parties
    /// ([`mixer::HearMatrix::of`]).
    pub fn set_party(&self, leg: LegId, party: Party) {
        if let Some(bridge) = self.bridge_of(leg) {
            self.set_parties(bridge, vec![(leg, party)]);
        }
    }

    /// Changes several legs of a bridge between two frames. Legs that are not named stay as they are.
    pub fn set_parties(&self, bridge: BridgeId, parties: Vec<(LegId, Party)>) {
        self.send(bridge, Command::SetParties { bridge, parties });
    }

    /// Plays a prompt to one leg, in place of what plays there. Only this leg hears it, together with whom it hears.
    /// `id` comes back in [`MediaEvent::PlayDone`]; a prompt that was stopped or replaced gives no event.
    pub fn play(&self, leg: LegId, prompt: Arc<Prompt>, mode: PlayMode, id: u64) {
        self.send_leg(leg, Command::Play { leg, prompt, mode, id });
    }

    /// Stops what plays to a leg, within 20 ms.
    pub fn stop_play(&self, leg: LegId) {
        self.send_leg(leg, Command::StopPlay { leg });
    }

    /// Sends a key to a leg as an RFC 4733 event; nothing when the leg did not agree on such events.
    pub fn press(&self, leg: LegId, key: char, millis: u32) {
        self.send_leg(leg, Command::Press { leg, key, millis });
    }

    /// Listens for keys in the sound of a leg, or no more: for a far side that sends no events. Where events were agreed on,
    /// only those count.
    pub fn hear_keys(&self, leg: LegId, hears: bool) {
        self.send_leg(leg, Command::HearKeys { leg, hears });
    }

    /// Starts the three tracks of a recording with the next frame, in place of an earlier recording of this bridge.
    /// It ends with the bridge.
    pub fn record(&self, bridge: BridgeId, tap: Tap) {
        self.send(bridge, Command::Record { bridge, tap: Box::new(tap) });
    }

    /// Ends the recording of a bridge.
    pub fn stop_record(&self, bridge: BridgeId) {
        self.send(bridge, Command::StopRecord { bridge });
    }

    /// Closes a leg's port: RTCP BYE, [`MediaEvent::PortClosed`], the port number goes back to the pool.
    pub fn close_port(&self, leg: LegId) {
        if let Some(bridge) = self.forget(leg) {
            self.send(bridge, Command::ClosePort { leg });
        }
    }

    /// Closes a bridge with its ports and ends its recording.
    pub fn close_bridge(&self, bridge: BridgeId) {
        let known = self.places(|places| {
            let legs = places.bridges.remove(&bridge);
            places.calls.retain(|_, known| *known != bridge);
            for leg in legs.iter().flatten() {
                places.legs.remove(leg);
            }
            legs.is_some()
        });
        if known {
            if let Some(worker) = self.shared.workers.get(bridge.worker) {
                worker.counters.bridges.fetch_sub(1, Ordering::Relaxed);
            }
            self.send(bridge, Command::CloseBridge { bridge });
        }
    }

    /// A leg's numbers so far; `None` when it has no port (any more).
    pub async fn snapshot(&self, leg: LegId) -> Option<LegStats> {
        let (reply, answer) = oneshot::channel();
        self.send_leg(leg, Command::Snapshot { leg, reply });
        answer.await.ok()
    }

    /// How a call sounds now, leg by leg, with what is wrong; `None` when it has no bridge (any more). For a second from
    /// then on the bridge is listened to, so that who speaks is known also where packets only pass.
    pub async fn sound(&self, call: CallId) -> Option<Vec<(LegSound, Option<Cause>)>> {
        let bridge = self.places(|places| places.calls.get(&call).copied())?;
        let (reply, answer) = oneshot::channel();
        self.send(bridge, Command::Sound { bridge, reply });
        answer.await.ok()
    }

    /// The sum of all workers.
    pub fn stats(&self) -> MediaStats {
        let mut stats = MediaStats { workers: self.shared.workers.len() as u64, ..MediaStats::default() };
        for worker in &self.shared.workers {
            worker.counters.add_to(&mut stats);
        }
        stats
    }

    fn places<R>(&self, change: impl FnOnce(&mut Places) -> R) -> R {
        // Plain data, whole after every statement: a panic elsewhere does not spoil it.
        change(&mut self.shared.places.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn bridge_of(&self, leg: LegId) -> Option<BridgeId> {
        self.places(|places| places.legs.get(&leg).copied())
    }

    fn forget(&self, leg: LegId) -> Option<BridgeId> {
        self.places(|places| {
            let bridge = places.legs.remove(&leg)?;
            if let Some(legs) = places.bridges.get_mut(&bridge) {
                legs.retain(|other| *other != leg);
            }
            Some(bridge)
        })
    }

    fn send_leg(&self, leg: LegId, command: Command) {
        match self.bridge_of(leg) {
            Some(bridge) => self.send(bridge, command),
            // Commands cross the end of a leg now and then: the far side hangs up while it is put on hold.
            None => tracing::debug!(leg_id = %leg, "a media command for a leg without a port"),
        }
    }

    fn send(&self, bridge: BridgeId, command: Command) {
        let Some(worker) = self.shared.workers.get(bridge.worker) else { return };
        // Somebody waits for the answer.
        let is_urgent =
            matches!(command, Command::Snapshot { .. } | Command::Sound { .. } | Command::Save { .. });
        let refused = match worker.inbox.try_send(command) {
            Ok(()) => false,
            Err(TrySendError::Full(command)) => {
                worker.wake();
                worker.inbox.send(command).is_err()
            }
            Err(TrySendError::Disconnected(_)) => true,
        };
        if refused {
            tracing::error!(worker = bridge.worker, "a media worker is gone; its calls are lost");
        } else if self.gathers && !is_urgent {
            worker.waits.store(true, Ordering::SeqCst);
        } else {
            worker.wake();
        }
    }
}

#[cfg(test)]
mod tests;
