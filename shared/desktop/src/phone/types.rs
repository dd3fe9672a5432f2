//! The words between the phone and its user: commands, events, and a state that a screen can show as it is.

use serde::{Deserialize, Serialize};
use shared::api::session::DeviceAccount;
use shared::audio::codec::Codec;
use shared::audio::tone::Region;
use shared::id::{CallId, OfferId, QueueId};
use shared::model::call::{Party, SupervisionMode};
use shared::sip::Transport;
use shared::time::Timestamp;

use super::audio::AudioBackend;

/// How a phone is set up.
#[derive(Debug)]
pub struct PhoneConfig {
    /// The SIP account, from `POST /me/device`.
    pub account: DeviceAccount,
    /// Name that others see.
    pub display_name: String,
    /// How signalling travels; none takes UDP when the service has it, else TCP.
    pub transport: Option<Transport>,
    /// Codecs in order of preference.
    pub codecs: Vec<Codec>,
    /// Where sound comes from and goes to.
    pub audio: AudioBackend,
    /// Whose ringing and busy tones are played.
    pub region: Region,
    /// Feeds tags, branches, SSRC; give each process another one.
    pub seed: u64,
}

impl PhoneConfig {
    /// Opus, then PCMU, then PCMA, European tones, a seed from the clock.
    pub fn new(account: DeviceAccount, display_name: &str, audio: AudioBackend) -> PhoneConfig {
        PhoneConfig {
            account,
            display_name: display_name.into(),
            transport: None,
            codecs: vec![Codec::Opus, Codec::Pcmu, Codec::Pcma],
            audio,
            region: Region::default(),
            seed: rand::random(),
        }
    }
}

/// One call of this phone; not the service's [`CallId`], which is in [`CallAbout`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PhoneCallId(pub u64);

/// What the person wants. A command that makes no sense now (the call may have ended a moment ago) does nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum PhoneCommand {
    /// Take the call that rings.
    Answer,
    /// Refuse it: busy here (486).
    Reject,
    /// End the call, whatever it is doing.
    HangUp,
    /// Put the far side on hold.
    Hold,
    /// Back from hold.
    Resume,
    /// Microphone off or on, for this call.
    Mute(bool),
    /// A key: `0-9*#A-D`.
    Key(char),
    /// Blind transfer by REFER to a number or a SIP address.
    Transfer(String),
    /// Call a number or a SIP address.
    Dial(String),
    /// Other devices, also during a call; none is the system's choice.
    UseDevices(DeviceChoice),
    /// Look for devices again.
    RefreshDevices,
    /// Ring for two seconds on the ring device; not during a call.
    TestRing,
    /// Ring aloud or only show it.
    RingAloud(bool),
    /// Unregister, end the call, stop.
    Stop,
}

/// What the phone tells. The queue holds 256; when it is full, levels are dropped, a newer state takes the place of
/// an older one, and 256 others wait; what comes after those is lost.
#[derive(Debug, Clone, PartialEq)]
pub enum PhoneEvent {
    /// Something changed; this is all of it.
    State(Box<PhoneState>),
    /// Ten times a second during a call.
    Levels(Levels),
    /// A call is over.
    Ended {
        /// As it was last.
        call: Box<CallState>,
        /// Why.
        why: EndReason,
    },
    /// The far side pressed a key.
    KeyHeard(char),
    /// How a transfer went.
    Transfer {
        /// The far side was sent on; if false the call goes on here.
        done: bool,
        /// Status of the referred call or of the request.
        status: u16,
    },
    /// Something went wrong that a person should know; the phone goes on.
    Problem(Problem),
    /// Last event.
    Stopped,
}

/// What went wrong, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// With what.
    pub about: ProblemAbout,
    /// What failed, one sentence.
    pub message: String,
    /// What to do; empty when nothing can be done.
    pub hint: String,
}

/// With what something went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemAbout {
    /// Microphone, speaker or ring device.
    Sound,
    /// Sockets.
    Network,
    /// The registration.
    Registration,
    /// The call.
    Call,
}

/// Levels of both ways, in dB below full scale (RFC 6465), -127 for silence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Levels {
    /// What the microphone brings; silence when muted.
    pub mic_dbov: f32,
    /// What the far side says.
    pub speaker_dbov: f32,
}

/// All that a screen shows of a phone.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PhoneState {
    /// Whether calls can come.
    pub registration: Registration,
    /// The call; there is one at most, a second one gets busy.
    pub call: Option<CallState>,
    /// Sound devices.
    pub devices: Devices,
    /// Calls are heard ringing.
    pub ring_aloud: bool,
}

/// Whether calls can come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Registration {
    /// Not wanted, or given up.
    #[default]
    Off,
    /// Under way for the first time, or again after a change of networks.
    Trying,
    /// Calls come.
    Registered {
        /// Since when without a gap.
        since: Timestamp,
    },
    /// Calls do not come.
    Failed {
        /// SIP status; 408 for no answer, 503 for unreachable.
        status: u16,
        /// In words for people.
        reason: String,
    },
}

/// Who called whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The far side called.
    Incoming,
    /// We called.
    Outgoing,
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

/// What the call is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Somebody calls; nobody has answered.
    Ringing,
    /// We call; no news yet.
    Calling,
    /// We call; it rings there.
    RingingThere,
    /// Both talk.
    Talking,
    /// We put the far side on hold.
    Held,
    /// The far side put us on hold.
    HeldByPeer,
    /// A transfer is under way.
    Transferring,
}

/// What the service says about a call, from its `X-Callfloor-…` fields; all none on other calls.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallAbout {
    /// The service's id.
    pub call: Option<CallId>,
    /// The queue.
    pub queue: Option<QueueId>,
    /// The queue's name.
    pub queue_name: Option<String>,
    /// Whole seconds that the customer waited.
    pub wait_secs: Option<u32>,
    /// The offer.
    pub offer: Option<OfferId>,
    /// Set when this is a supervisor's way into a call: how it began.
    pub supervision: Option<SupervisionMode>,
}

/// A call as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct CallState {
    /// This phone's number of it.
    pub id: PhoneCallId,
    /// Who called whom.
    pub direction: Direction,
    /// The far side.
    pub peer: Party,
    /// What the service says about it.
    pub about: CallAbout,
    /// What it is doing.
    pub phase: Phase,
    /// Since when it does that.
    pub since: Timestamp,
    /// When it began to ring.
    pub began_at: Timestamp,
    /// When it was answered.
    pub answered_at: Option<Timestamp>,
    /// Our microphone is off.
    pub muted: bool,
    /// The codec in use.
    pub codec: Option<Codec>,
    /// How well the far side is heard; none in the first seconds.
    pub quality: Option<Quality>,
}

/// How well the far side is heard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// Packets lost, percent, over the call.
    pub loss_percent: f32,
    /// Interarrival jitter, milliseconds (RFC 3550 §6.4.1).
    pub jitter_millis: f32,
    /// Time to the far side and back, milliseconds, when its reports tell.
    pub round_trip_millis: Option<f32>,
    /// Mean opinion score by the E-model, 1 to 4.5 (ITU-T G.107).
    pub mos: f32,
}

/// Why a call is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndReason {
    /// We hung up or refused.
    HungUp,
    /// The far side hung up.
    PeerHungUp {
        /// The text of its Reason field.
        reason: Option<String>,
    },
    /// The caller gave up, or somebody else answered.
    Missed {
        /// The text of its Reason field.
        reason: Option<String>,
    },
    /// Our call was refused.
    Refused {
        /// SIP status.
        status: u16,
        /// In words for people.
        reason: String,
    },
    /// Sent on to somebody else.
    Transferred,
    /// The far side could no longer be reached.
    Lost,
    /// No common codec, or a broken description.
    NoMedia(String),
}

/// Which devices are wanted; none is the system's choice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DeviceChoice {
    /// Microphone, by [`DeviceInfo::id`].
    pub input: Option<String>,
    /// Speaker or headset.
    pub output: Option<String>,
    /// Where it rings.
    pub ring: Option<String>,
}

/// A sound device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceInfo {
    /// For [`DeviceChoice`]; stable over restarts as far as the system allows.
    pub id: String,
    /// For people.
    pub name: String,
}

/// The devices that there are, and those in use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Devices {
    /// Microphones.
    pub inputs: Vec<DeviceInfo>,
    /// Speakers and headsets.
    pub outputs: Vec<DeviceInfo>,
    /// What is wanted.
    pub choice: DeviceChoice,
    /// Name of the microphone in use; none when there is none and silence is sent.
    pub input: Option<String>,
    /// Name of the speaker in use.
    pub output: Option<String>,
}
