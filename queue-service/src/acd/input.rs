//! What goes into and comes out of the ACD.

use serde::{Deserialize, Serialize};
use shared::id::{AgentId, CallId, CodeId, OfferId, QueueId, UserId};
use shared::model::agent::{AgentInfo, ChangedBy, Device, Status};
use shared::model::call::{Party, QueueExit};
use shared::model::callback::{NotReached, OpenCallback};
use shared::model::event::Event;
use shared::model::queue::{Code, Destination, QueueInfo};
use shared::time::Timestamp;

use super::callback::Booking;

/// Times of the ACD that hold for every queue, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcdConfig {
    /// After refusing an offer an agent gets none for so long.
    pub reject_cool_down_secs: u32,
    /// After his phone said busy an agent gets no offer for so long.
    pub busy_cool_down_secs: u32,
    /// After his phone could not be reached an agent gets no offer for so long.
    pub unreachable_cool_down_secs: u32,
    /// An agent's app may be gone for so long before he is not ready.
    pub connection_grace_secs: u32,
    /// No offer rings shorter than this, whatever the queue says.
    pub min_ring_secs: u32,
}

impl Default for AcdConfig {
    fn default() -> Self {
        AcdConfig {
            reject_cool_down_secs: 10,
            busy_cool_down_secs: 15,
            unreachable_cool_down_secs: 10,
            connection_grace_secs: 45,
            min_ring_secs: 5,
        }
    }
}

/// How an offer failed that the signalling saw fail. Ringing out is the ACD's own deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailedOffer {
    /// The agent refused (603, 480 by hand, or the reject button).
    Rejected,
    /// The phone said busy (486, 600).
    Busy,
    /// The phone could not be reached (no answer to signalling, 404, 5xx).
    Unreachable,
}

/// What happened. Inputs about calls, offers and agents that the ACD does not know change nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "input", rename_all = "snake_case")]
pub enum Input {
    /// The configuration from now on. Differences are published; agents with `ready_on_start` who are new become
    /// ready. A waiting call keeps the priority, skills and limits that it came with. When its queue is gone it leaves
    /// (overflowed) to where that queue's calls went outside of the hours. An agent who talks is removed after the call.
    Configure {
        /// Number of the configuration; decision records name it.
        version: u64,
        /// Every queue.
        queues: Vec<QueueInfo>,
        /// Every agent.
        agents: Vec<AgentInfo>,
        /// Reasons for not being ready that agents choose from.
        breaks: Vec<Code>,
    },
    /// A call is to wait for an agent. A full or closed queue gives [`Output::Redirect`] at once. A call that waits
    /// already is withdrawn from there first; one that an agent talks with does not wait, so nothing happens.
    Enqueue {
        /// The call.
        call: CallId,
        /// The queue.
        queue: QueueId,
        /// Since when it counts as waiting; earlier than now for a transfer that keeps its place.
        since: Timestamp,
        /// Only this agent may take it (a transfer to an agent); hours and room are not checked then. When he is away
        /// or does not take it, the call is open to the agents of the queue.
        only: Option<AgentId>,
        /// The number that the caller presents: by it he gets his place and his last agent back, where the queue's rules
        /// say so.
        #[serde(default)]
        caller: Option<String>,
    },
    /// The caller hung up while waiting.
    CallerGone {
        /// The call.
        call: CallId,
    },
    /// The call is taken out of its queue.
    Withdraw {
        /// The call.
        call: CallId,
        /// How it is counted.
        exit: QueueExit,
    },
    /// The caller chose to leave the queue by a key. A phone that rings for him stops.
    LeaveFor {
        /// The call.
        call: CallId,
        /// Where to.
        to: Destination,
    },
    /// A waiting caller asks to be called back: [`Output::CallbackTaken`] or [`Output::CallbackRefused`] answers.
    AskCallback {
        /// His call.
        call: CallId,
        /// Where to reach him; an empty number is refused.
        to: Party,
    },
    /// Somebody books a callback; [`Acd::may_call_back`](super::Acd::may_call_back) says whether there may be one.
    BookCallback {
        /// What is booked.
        booking: Booking,
    },
    /// A callback of an earlier run.
    RestoreCallback {
        /// As the floor remembers it.
        before: OpenCallback,
    },
    /// A callback is taken back.
    CancelCallback {
        /// Which.
        callback: CallId,
        /// Who says so.
        by: UserId,
        /// Why.
        reason: String,
    },
    /// The customer of a callback answered.
    CallbackReached {
        /// The call that it has become.
        call: CallId,
    },
    /// The customer of a callback was not reached.
    CallbackFailed {
        /// The call that it had become.
        call: CallId,
        /// Why.
        outcome: NotReached,
    },
    /// An offer failed.
    OfferFailed {
        /// The offer.
        offer: OfferId,
        /// How.
        outcome: FailedOffer,
    },
    /// The agent's part in a call is over: hang-up, transfer, or a supervisor took it over for good.
    Released {
        /// The call.
        call: CallId,
        /// The agent.
        agent: AgentId,
        /// The queue that it came through, whose wrap-up applies.
        queue: QueueId,
        /// Wrap-up is due (the queue may still have none).
        wrap_up: bool,
    },
    /// The agent put his customer on hold.
    Held {
        /// The call.
        call: CallId,
        /// The agent.
        agent: AgentId,
    },
    /// The customer is back from hold.
    Resumed {
        /// The call.
        call: CallId,
        /// The agent.
        agent: AgentId,
    },
    /// An agent is on a call that he or a colleague placed: he gets no offers until it is over.
    OwnCall {
        /// The call.
        call: CallId,
        /// The agent.
        agent: AgentId,
    },
    /// Such a call is over for the agent; he is idle, or takes his next status, when he has no other.
    OwnCallOver {
        /// The call.
        call: CallId,
        /// The agent.
        agent: AgentId,
    },
    /// An agent has a call that no offer brought him: a colleague joined it with the one that they had. It counts like
    /// one that he answered: [`Input::Released`] ends it. Wrap-up that he was in is over.
    Taken {
        /// The call.
        call: CallId,
        /// The agent.
        agent: AgentId,
    },
    /// How an agent's phone is reached changed. [`Device::None`] means a fixed contact again for who has one.
    Device {
        /// The agent.
        agent: AgentId,
        /// The phone now.
        device: Device,
    },
    /// An agent signed in: not ready until he says so.
    SignedIn {
        /// The agent.
        agent: AgentId,
    },
    /// What an agent's status was before the service was started again. For agents who are idle.
    Restored {
        /// The agent.
        agent: AgentId,
        /// His status then.
        status: Status,
        /// Who had set it.
        by: ChangedBy,
        /// Since when he had it.
        since: Timestamp,
    },
    /// An agent signed out; during a call it takes effect after it.
    SignedOut {
        /// The agent.
        agent: AgentId,
    },
    /// The live feed of an agent's app is there or gone. Gone for longer than the grace time makes him not ready;
    /// coming back does not make him ready.
    Presence {
        /// The agent.
        agent: AgentId,
        /// There.
        connected: bool,
    },
    /// A new day: the counts of fewest calls, least talk time and least occupied begin again.
    DayStarted,
    /// A deadline passed.
    Tick,
}

/// What is to be done, in order.
#[expect(clippy::large_enum_variant, reason = "outputs are drained at once; nearly all of them are events")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "output", rename_all = "snake_case")]
pub enum Output {
    /// A fact for the journal.
    Publish(Event),
    /// Ring an agent's phone for a call. He is reserved already.
    Ring {
        /// The call.
        call: CallId,
        /// Its queue.
        queue: QueueId,
        /// The agent.
        agent: AgentId,
        /// The offer; `Acd::answered` takes it.
        offer: OfferId,
        /// When the ACD gives up and says [`Output::CancelRing`].
        until: Timestamp,
        /// How long the caller has waited, in milliseconds, for the agent's display.
        waited_millis: u64,
        /// Nobody waits in the call: this one is to be called when the agent has answered. The ACD wants to know whether he
        /// was reached.
        to: Option<Party>,
    },
    /// Call the customer of a callback: an agent is reserved for him. [`Input::CallbackReached`] or
    /// [`Input::CallbackFailed`] answers.
    DialCustomer {
        /// The call.
        call: CallId,
        /// Its queue.
        queue: QueueId,
        /// Whom to call.
        to: Party,
        /// How long his phone may ring, in seconds.
        ring_secs: u32,
        /// Since when he counts as waiting.
        since: Timestamp,
        /// How long that is, in milliseconds.
        waited_millis: u64,
    },
    /// A callback's call is over before its customer was reached: whatever rings for it stops.
    PutOff {
        /// The call.
        call: CallId,
    },
    /// The caller will be called back; his call has left the queue.
    CallbackTaken {
        /// The call.
        call: CallId,
    },
    /// The caller cannot be called back and waits on.
    CallbackRefused {
        /// The call.
        call: CallId,
    },
    /// Stop ringing. Comes for every [`Output::Ring`] that ends by no input about that offer.
    CancelRing {
        /// The call.
        call: CallId,
        /// The agent.
        agent: AgentId,
        /// The offer.
        offer: OfferId,
    },
    /// The call is in no queue any more and goes elsewhere. When `to` is a queue it was open with room at this moment;
    /// the caller of the ACD enqueues the call there.
    Redirect {
        /// The call.
        call: CallId,
        /// The queue that did not take it or let it go.
        queue: QueueId,
        /// Why.
        exit: QueueExit,
        /// Where to.
        to: Destination,
    },
}

/// The one who got the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Won {
    /// The call.
    pub call: CallId,
    /// The agent.
    pub agent: AgentId,
    /// The queue.
    pub queue: QueueId,
    /// Time in this queue in milliseconds.
    pub wait_millis: u64,
}

/// The offer was over when it was answered: it rang out, the caller hung up, or somebody else has the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("answer offer {offer}: it is over")]
pub struct LostRace {
    /// The offer.
    pub offer: OfferId,
}

/// Why a command was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AcdError {
    /// There is no such agent.
    #[error("find agent {0}: there is none of this name")]
    UnknownAgent(AgentId),
    /// The reason for not being ready is not configured.
    #[error("set not ready with reason {0}: it is not configured")]
    UnknownBreak(CodeId),
    /// The agent is not in wrap-up.
    #[error("find wrap-up of agent {0}: the agent is not in wrap-up")]
    NotInWrapUp(AgentId),
    /// The queue has no such wrap-up code.
    #[error("end wrap-up with code {code}: queue {queue} does not have it")]
    UnknownCode {
        /// The code.
        code: CodeId,
        /// The queue of the call.
        queue: QueueId,
    },
    /// The queue wants a code.
    #[error("end wrap-up without a code: queue {queue} requires one")]
    CodeRequired {
        /// The queue of the call.
        queue: QueueId,
    },
    /// The queue's wrap-up lasts its whole time.
    #[error("end wrap-up {left_secs} s early: in queue {queue} it lasts its whole time")]
    NoEarlyExit {
        /// The queue of the call.
        queue: QueueId,
        /// Seconds that are left.
        left_secs: u64,
    },
    /// There is no more time to be had.
    #[error("extend wrap-up: queue {queue} allows it {extensions} times a call")]
    NoExtension {
        /// The queue of the call.
        queue: QueueId,
        /// How often it may be extended.
        extensions: u8,
    },
    /// The note is too long.
    #[error("end wrap-up with a note of {len} characters: at most {max} fit")]
    NoteTooLong {
        /// Its length in characters.
        len: usize,
        /// The limit.
        max: usize,
    },
}
